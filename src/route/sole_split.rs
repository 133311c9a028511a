//! The split that manifests declare when no request is named: the only one there is.

use std::collections::BTreeSet;

use super::allocation::outcome;
use super::resolve::{Matched, Resolution};
use super::{Action, Route, RouteTable, Test, VirtualHost};
use crate::diag::Note;
use crate::split::Share;

/// Why there is no such split.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum SoleSplitError {
    /// No rule splits anything.
    #[error("the manifests hold no rule that splits traffic")]
    None,
    /// No rule splits anything from this vantage, others would from elsewhere.
    #[error("no rule applies from here: {why}")]
    InactiveRule {
        /// Which rules, and why not.
        why: String,
        /// What to do to take another vantage.
        help: Option<String>,
    },
    /// No rule splits anything, and a host cannot be judged.
    #[error("{}", .0.message)]
    Unsupported(Box<Note>),
    /// Several rules declare different splits.
    #[error("several rules split traffic: {}", rules.join(", "))]
    Several {
        /// `VirtualService default/weather http[0]`
        rules: Vec<String>,
    },
}

/// The split of the only rule that has more than one destination; without such a rule, the only one at all. Rules that
/// declare the same split count as one.
pub fn sole_split(table: &RouteTable) -> Result<Resolution<'_>, SoleSplitError> {
    let routes: Vec<(&VirtualHost, &Route)> = table
        .hosts
        .iter()
        .flat_map(|host| host.routes.iter().map(move |route| (host, route)))
        .filter(|(_, route)| matches!(route.outcome.action, Action::Split(_)))
        .collect();
    let many = |(_, route): &&(&VirtualHost, &Route)| matches!(&route.outcome.action, Action::Split(split) if split.backends().len() > 1);
    let splits: Vec<_> = routes.iter().filter(many).collect();
    let candidates = if splits.is_empty() {
        routes.iter().collect()
    } else {
        splits
    };
    let Some((host, route)) = candidates.first() else {
        return Err(nothing(table));
    };
    let own = outcome(&route.outcome, table.port);
    // What a fraction leaves over goes elsewhere, and no route alone says where.
    let partly = |(_, route): &&(&VirtualHost, &Route)| {
        let mut tests = route.conditions.iter().map(|condition| &condition.test);
        tests.any(|test| matches!(test, Test::Fraction(_)))
    };
    let differs = |(_, other): &&&(&VirtualHost, &Route)| {
        other.object != route.object || outcome(&other.outcome, table.port).targets != own.targets
    };
    if candidates.iter().any(|candidate| differs(&candidate)) || candidates.iter().any(partly) {
        let names: BTreeSet<String> = candidates
            .iter()
            .map(|(_, route)| format!("{} {}", route.object, route.rule))
            .collect();
        return Err(SoleSplitError::Several {
            rules: names.into_iter().collect(),
        });
    }
    // What concerns only some requests says nothing when there is none.
    let caveats = host.caveats.iter().chain(&route.outcome.caveats);
    let caveats = caveats.filter(|caveat| caveat.applies_to.is_none());
    Ok(Resolution {
        host,
        route: Some(Matched::of(route, Share::ONE, (0, own.targets.len()))),
        other_routes: Vec::new(),
        trace: Vec::new(),
        caveats: caveats.cloned().collect(),
        mechanism: own.mechanism,
        parts: own.targets,
        broken: own.broken,
        picked: None,
        source: route.span,
        port: table.port,
    })
}

fn nothing(table: &RouteTable) -> SoleSplitError {
    let mut unsupported = table
        .hosts
        .iter()
        .filter_map(|host| host.unsupported.as_ref());
    if let Some(unsupported) = unsupported.next() {
        return SoleSplitError::Unsupported(Box::new(unsupported.clone()));
    }
    if table.inactive_rules.is_empty() {
        return SoleSplitError::None;
    }
    let why: Vec<String> = table
        .inactive_rules
        .iter()
        .map(|rule| rule.note.message.clone())
        .collect();
    SoleSplitError::InactiveRule {
        why: why.join("; "),
        help: table
            .inactive_rules
            .iter()
            .find_map(|rule| rule.note.help.clone()),
    }
}
