//! A rule of lint: its name, what it stands for, and how its findings are weighed. Not: the rules themselves.

use super::{Context, Finding, View};
use crate::diag::Severity;
use crate::route::Caveat;

/// One rule. A fact that the routes or the decoder already know is listed by its id, everything else is checked.
#[derive(Clone, Copy, Debug)]
pub struct Rule {
    /// `RS001`.
    pub id: &'static str,
    /// `unknown_subset`.
    pub name: &'static str,
    /// How bad its findings are, unless `weigh` says otherwise.
    pub severity: Severity,
    /// The message of `istioctl analyze` about the same fact.
    pub istio: Option<&'static str>,
    /// What is found, in one line.
    pub summary: &'static str,
    /// Why it matters.
    pub why: &'static str,
    /// How to mend it.
    pub mend: &'static str,
    /// The caveats of hosts, routes and conditions that it stands for.
    pub caveats: &'static [&'static str],
    /// The problems of decoding that it stands for.
    pub problems: &'static [&'static str],
    /// Caveats that are not as bad as the rule, or worse.
    pub graded: &'static [(&'static str, Severity)],
    /// How bad a caveat is in its place; `None` leaves it to another rule.
    pub weigh: Option<fn(&Place<'_, '_>) -> Option<Severity>>,
    /// Finds what is no caveat.
    pub check: Option<fn(&Context<'_>, &mut Vec<Finding>)>,
}

/// A caveat with the place it was found in.
#[derive(Clone, Copy, Debug)]
pub struct Place<'p, 'c> {
    /// What is looked at.
    pub context: &'p Context<'c>,
    /// From where.
    pub view: &'p View,
    /// The object of the host or route.
    pub object: &'p str,
    /// The caveat.
    pub caveat: &'p Caveat,
}

impl Rule {
    /// A rule that stands for nothing yet: what the others are written on top of.
    pub(super) const BASE: Self = Self {
        id: "",
        name: "",
        severity: Severity::Error,
        istio: None,
        summary: "",
        why: "",
        mend: "",
        caveats: &[],
        problems: &[],
        graded: &[],
        weigh: None,
        check: None,
    };

    /// How bad a caveat is, wherever it is found.
    #[must_use]
    pub fn severity_of(&self, caveat: &str) -> Severity {
        let graded = self.graded.iter().find(|(id, _)| *id == caveat);
        graded.map_or(self.severity, |(_, severity)| *severity)
    }

    /// Whether a person means this rule: by its id or its name, in any case, with `-` or `_`.
    #[must_use]
    pub fn is_called(&self, word: &str) -> bool {
        let word = word.trim().replace('-', "_");
        self.id.eq_ignore_ascii_case(&word) || self.name.eq_ignore_ascii_case(&word)
    }
}

impl Place<'_, '_> {
    /// The text that the caveat points at.
    #[must_use]
    pub fn written(&self) -> &str {
        let span = self.caveat.span;
        span.map_or("", |span| {
            &self.context.sources.get(span.source).text()[span.start..span.end]
        })
    }
}
