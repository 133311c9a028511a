//! Which destination rules belong to a host for a client, and the subsets they define.

use std::collections::HashMap;

use super::proxy_context::ProxyContext;
use crate::manifest::istio::objects::{DestinationRule, Subset};
use crate::manifest::mesh::visibility::{ROOT, visibility};

/// What destination rules say about a host.
#[derive(Debug)]
pub(super) struct Subsets<'m> {
    /// The rules that belong to the host for this client, as one; empty if none does.
    pub(super) rules: Vec<&'m DestinationRule>,
    /// The rules of the same step that are for other clients, or lost against these.
    pub(super) beside: Vec<&'m DestinationRule>,
    // Rules for one host and namespace add up, the first wins.
    by_name: HashMap<&'m str, &'m Subset>,
}

impl<'m> Subsets<'m> {
    /// The rules for a host, as a client sees them: those of its own namespace, else of the host's, else of the root's.
    /// `covering` are those for each name that covers the host, the most specific name first.
    pub(super) fn of(
        covering: &[&[&'m DestinationRule]],
        home: &str,
        caller: ProxyContext<'_>,
    ) -> Self {
        let client = caller.namespace;
        let all = |rule: &DestinationRule| {
            rule.meta.namespace == client && (client != ROOT || private(rule))
        };
        let exported = |namespace: &str, rule: &DestinationRule| {
            rule.meta.namespace == namespace
                && !rule.selective
                && visibility(&rule.export_to, namespace, client).is_some()
        };
        let steps: [&dyn Fn(&DestinationRule) -> bool; 3] =
            [&all, &|rule| exported(home, rule), &|rule| {
                exported(ROOT, rule)
            }];
        let found = steps
            .into_iter()
            .find_map(|step| most_specific(covering, step))
            .unwrap_or_default();
        let (rules, beside) = chosen(found, caller);
        let mut by_name = HashMap::new();
        for subset in rules.iter().flat_map(|rule| &rule.subsets) {
            by_name.entry(subset.name.value.as_str()).or_insert(subset);
        }
        Self {
            rules,
            beside,
            by_name,
        }
    }

    /// The subset of a name.
    pub(super) fn get(&self, name: &str) -> Option<&'m Subset> {
        self.by_name.get(name).copied()
    }

    /// The names of all subsets.
    pub(super) fn names(&self) -> impl Iterator<Item = &'m str> {
        self.rules
            .iter()
            .flat_map(|rule| &rule.subsets)
            .map(|subset| subset.name.value.as_str())
    }
}

/// Whether a rule is for its own namespace only: "exportTo is `.` or the own namespace, and nothing else", or it selects
/// workloads.
pub(super) fn private(rule: &DestinationRule) -> bool {
    let home = rule.meta.namespace.as_str();
    let own = |to: &str| to == "." || to == home;
    rule.selective || matches!(&rule.export_to[..], [only] if own(&only.value))
}

/// The rules of one step with the host itself, else with the longest wildcard that covers it.
fn most_specific<'m>(
    covering: &[&[&'m DestinationRule]],
    step: &dyn Fn(&DestinationRule) -> bool,
) -> Option<Vec<&'m DestinationRule>> {
    let mut names = covering
        .iter()
        .map(|rules| -> Vec<_> { rules.iter().copied().filter(|rule| step(rule)).collect() });
    let mut rules = names.find(|rules| !rules.is_empty())?;
    rules.sort_by_key(|rule| (&rule.meta.created, &rule.meta.name));
    Some(rules)
}

/// The rules that count for a client, and the others: those that select it before those for everybody; among these,
/// only rules with the same export are merged, and the last such group is the one that stays.
fn chosen<'m>(
    found: Vec<&'m DestinationRule>,
    caller: ProxyContext<'_>,
) -> (Vec<&'m DestinationRule>, Vec<&'m DestinationRule>) {
    let selects = |rule: &DestinationRule| {
        let has = |(key, value): (&String, &String)| {
            caller
                .labels
                .is_some_and(|labels| labels.get(key) == Some(value))
        };
        rule.selective && rule.selector.iter().all(has)
    };
    let selecting = found.iter().copied().find(|rule| selects(rule));
    let general = found.iter().copied().rfind(|rule| !rule.selective);
    let Some(leader) = selecting.or(general) else {
        return (Vec::new(), found);
    };
    let together = |rule: &&DestinationRule| {
        rule.selective == leader.selective
            && rule.selector == leader.selector
            && (rule.selective || exports(rule) == exports(leader))
    };
    found.into_iter().partition(together)
}

/// The namespaces a rule is exported to, as they are written: Istio does not take `*` for what nothing written means.
fn exports(rule: &DestinationRule) -> Vec<&str> {
    let mut exports: Vec<&str> = (rule.export_to.iter())
        .map(|to| to.value.as_str())
        .collect();
    exports.sort_unstable();
    exports
}
