//! Which destination rules belong to a host for a client, and the subsets they define.

use std::collections::HashMap;

use super::attach::{ROOT, Visibility, service_of, visibility};
use super::destination_rule::{DestinationRule, Subset};
use super::index::Index;

/// What destination rules say about a host.
#[derive(Debug)]
pub(super) struct Subsets<'m> {
    /// The rules that belong to the host, the namespace of the client first asked; empty if none does.
    pub(super) rules: Vec<&'m DestinationRule>,
    // Rules for one host and namespace add up, the first wins.
    by_name: HashMap<&'m str, &'m Subset>,
}

impl<'m> Subsets<'m> {
    /// The rules for a host, as a client in a namespace sees them.
    pub(super) fn of(index: &Index<'m>, host: &str, client: &str) -> Self {
        let home = match (service_of(host), index.entry(host)) {
            (Some((_, namespace)), _) => namespace,
            (None, Some(entry)) => &entry.meta.namespace,
            (None, None) => client,
        };
        let private = |rule: &DestinationRule| {
            let own = visibility(&rule.export_to, &rule.meta.namespace, &rule.meta.namespace);
            rule.selective || own == Some(Visibility::Private)
        };
        let all = |rule: &DestinationRule| {
            rule.meta.namespace == client && (client != ROOT || private(rule))
        };
        let exported = |namespace: &str, rule: &DestinationRule| {
            rule.meta.namespace == namespace
                && visibility(&rule.export_to, namespace, client).is_some()
        };
        let steps: [&dyn Fn(&DestinationRule) -> bool; 3] =
            [&all, &|rule| exported(home, rule), &|rule| {
                exported(ROOT, rule)
            }];
        let rules = steps
            .into_iter()
            .find_map(|step| most_specific(index, host, step))
            .unwrap_or_default();
        let mut by_name = HashMap::new();
        for subset in rules.iter().flat_map(|rule| &rule.subsets) {
            by_name.entry(subset.name.value.as_str()).or_insert(subset);
        }
        Self { rules, by_name }
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

/// The rules of one step with the host itself, else with the longest wildcard that covers it.
fn most_specific<'m>(
    index: &Index<'m>,
    host: &str,
    step: &dyn Fn(&DestinationRule) -> bool,
) -> Option<Vec<&'m DestinationRule>> {
    let mut names = index
        .covering(host)
        .map(|rules| -> Vec<_> { rules.iter().copied().filter(|rule| step(rule)).collect() });
    let mut rules = names.find(|rules| !rules.is_empty())?;
    rules.sort_by_key(|rule| (&rule.meta.created, &rule.meta.name));
    Some(rules)
}
