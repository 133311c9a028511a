//! What becomes of a request by the manifests.

use std::collections::BTreeSet;

use serde_json::Value as Json;

use super::effects::{Effects, inherited, of_api_route, of_envoy, of_virtual_service};
use super::world::World;
use crate::diag::{Code, Note, Span};
use crate::manifest::unrouted;
use crate::route::{
    AppliesTo, Probe, Resolution, ResolveError, RouteTable, Vantage, resolve_untraced,
};
use crate::split::{Expected, TargetShare};

/// What becomes of a request.
#[derive(Clone, Debug)]
pub struct Actual {
    /// The rule that takes it.
    pub rule: Option<MatchedRule>,
    /// Where it goes, in exact shares.
    pub shares: Vec<TargetShare>,
    /// Whether any proxy decides about it.
    pub passes: Passes,
    /// What weakens that, by the codes of the notes that `explain` has, in order.
    pub notes: BTreeSet<&'static str>,
    /// What else the rule does; `None` where that is not known.
    pub(super) effects: Option<Effects>,
    /// The rule as it is written.
    pub(super) text: Option<Json>,
    /// The delegate that has the rule, where one does.
    pub(super) delegate: Option<String>,
    /// The name of the virtual host, where a dump tells it.
    pub(super) virtual_host: Option<String>,
}

/// Whether a proxy decides about a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Passes {
    /// One does.
    No,
    /// None does: the connection goes where it is dialled, or nowhere.
    Through,
}

/// The rule that takes a request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MatchedRule {
    /// `VirtualService default/reviews`
    pub object: String,
    /// `http[0]`
    pub rule: String,
    /// `http[0].match[1]`
    pub label: String,
    /// The name it gives itself.
    pub name: Option<String>,
    /// `rules.yaml:12`
    pub source: String,
}

impl World {
    /// What becomes of a request from a vantage, or why that cannot be told.
    pub fn actual(&self, vantage: &Vantage, probe: &Probe) -> Result<Actual, String> {
        let table = self.table(vantage);
        let resolution = match resolve_untraced(&table, probe) {
            Ok(resolution) => resolution,
            Err(error) if unclear(&error) => return Err(error.to_string()),
            Err(_) => return Ok(self.without_rule(vantage, probe)),
        };
        let mut actual = self.taken(&table, &resolution);
        if let Some(instead) = resolution.instead() {
            let expected = instead.expected(&self.sources, vantage.port);
            actual.shares = shares(expected.as_ref());
        } else if resolution.ineffective().is_some() && !table.from_dump {
            return Ok(self.without_rule(vantage, probe));
        }
        Ok(actual)
    }

    fn without_rule(&self, vantage: &Vantage, probe: &Probe) -> Actual {
        let unrouted = unrouted(&self.manifests, vantage, probe);
        let expected = unrouted.expected(&self.sources, vantage.port);
        Actual {
            rule: None,
            passes: if expected.is_some() {
                Passes::No
            } else {
                Passes::Through
            },
            shares: shares(expected.as_ref()),
            notes: codes(&unrouted.caveats),
            effects: Some(Effects::new()),
            text: None,
            delegate: None,
            virtual_host: None,
        }
    }

    fn taken(&self, table: &RouteTable, resolution: &Resolution<'_>) -> Actual {
        let expected = resolution.expected(&self.sources);
        let mut actual = Actual {
            rule: None,
            shares: shares(Some(&expected)),
            passes: Passes::No,
            notes: codes(&resolution.caveats),
            effects: Some(Effects::new()),
            text: None,
            delegate: None,
            virtual_host: None,
        };
        let Some(matched) = resolution.route else {
            return actual;
        };
        actual.rule = Some(MatchedRule {
            object: matched.object.to_owned(),
            rule: matched.rule.to_owned(),
            label: matched.route.label(),
            name: matched.name.map(str::to_owned),
            source: self.sources.place(matched.span),
        });
        let several = !resolution.other_routes.is_empty();
        if table.from_dump {
            actual.virtual_host = virtual_host(matched.object);
            actual.text = self.json_at(matched.span);
            actual.effects = actual.text.as_ref().filter(|_| !several).map(of_envoy);
            return actual;
        }
        let Some(found) = self.texts.at(matched.span) else {
            // What a mesh does by itself is written nowhere, and does no more.
            let by_itself = matched.rule.contains(' ');
            actual.effects = by_itself.then(Effects::new);
            return actual;
        };
        actual.text = Some(found.text.clone());
        let roots = self.texts.delegating_to(&found.object);
        actual.effects = match (&roots[..], found.rule.starts_with("http[")) {
            _ if several => None,
            ([], true) => Some(of_virtual_service(&found.text)),
            ([], false) => Some(of_api_route(&found.text)),
            ([root], _) => Some(inherited(&found.text, &root.text)),
            // Which of them it was is not told.
            _ => None,
        };
        actual.delegate = (!roots.is_empty()).then(|| found.object.clone());
        actual
    }

    /// The JSON value that begins at a place of a dump.
    pub(super) fn json_at(&self, span: Span) -> Option<Json> {
        let text = self.sources.get(span.source).text();
        let mut values = serde_json::Deserializer::from_str(text.get(span.start..)?).into_iter();
        values.next()?.ok()
    }
}

/// Whether rules are there, and the manifests do not say what they make of the request.
fn unclear(error: &ResolveError) -> bool {
    match error {
        ResolveError::Ambiguous { .. } => true,
        ResolveError::Unsupported(note) => note.code == Code::UnclearRules,
        _ => false,
    }
}

/// The name of the virtual host in what a route of a dump is called: `virtual host web of 80`.
fn virtual_host(called: &str) -> Option<String> {
    let (name, _) = called.strip_prefix("virtual host ")?.rsplit_once(" of ")?;
    Some(name.to_owned())
}

/// What notes are about.
fn codes(notes: &[Note<AppliesTo>]) -> BTreeSet<&'static str> {
    notes.iter().map(|note| note.code.id()).collect()
}

/// The targets that get anything.
fn shares(expected: Option<&Expected>) -> Vec<TargetShare> {
    let declared = expected.map_or(&[][..], Expected::declared);
    let some = declared.iter().filter(|declared| !declared.share.is_zero());
    some.cloned().collect()
}
