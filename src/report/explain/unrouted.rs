//! The model of a request that no rule takes.

use super::build::{expectation, stated, vantage};
use super::{EXPLAIN_SCHEMA, Explanation, NotInEffect};
use crate::diag::{Note, Sources};
use crate::report::Request;
use crate::route::{AppliesTo, Unrouted, Vantage};

/// A request that no rule takes, and what becomes of it.
#[derive(Debug)]
pub struct WithoutRule<'a> {
    /// The request as typed.
    pub request: Request,
    /// From where it is sent.
    pub vantage: &'a Vantage,
    /// Whether the routes are those that a proxy was dumped with.
    pub from_dump: bool,
    /// The texts that spans point into.
    pub sources: &'a Sources,
    /// Why no rule takes it.
    pub why: Option<&'a Note<AppliesTo>>,
    /// What the proxy does instead.
    pub unrouted: &'a Unrouted,
}

/// Puts it into the model.
#[must_use]
pub fn without_rule(without: WithoutRule<'_>) -> Explanation {
    let WithoutRule {
        sources, unrouted, ..
    } = without;
    let expected = unrouted.expected(sources, without.vantage.port);
    let why = without.why.into_iter();
    let news = (unrouted.caveats.iter())
        .filter(|caveat| !without.why.is_some_and(|why| why.tells_the_same(caveat)));
    let caveats = why
        .chain(news)
        .map(|caveat| stated(caveat, sources))
        .collect();
    Explanation {
        schema: EXPLAIN_SCHEMA.to_owned(),
        target: without.request,
        vantage: vantage(without.vantage, without.from_dump),
        host: None,
        route: None,
        not_in_effect: None,
        also: Vec::new(),
        mechanism: expected.as_ref().map(|expected| expected.mechanism),
        expected: expected.map(|expected| expectation(&expected, None)),
        broken: Vec::new(),
        trace: Vec::new(),
        caveats,
        rules: None,
        excerpt: Vec::new(),
    }
}

/// The same explanation where no proxy applies the rule: what the proxy does instead leads, and the rule follows.
#[must_use]
pub fn not_in_effect(
    explained: Explanation,
    unrouted: &Unrouted,
    from: &Vantage,
    sources: &Sources,
) -> Explanation {
    let expected = unrouted.expected(sources, from.port);
    Explanation {
        route: None,
        also: Vec::new(),
        not_in_effect: Some(NotInEffect {
            route: explained.route,
            declared: explained.expected,
        }),
        mechanism: expected.as_ref().map(|expected| expected.mechanism),
        expected: expected.map(|expected| expectation(&expected, None)),
        broken: Vec::new(),
        ..explained
    }
}
