//! What is wrong with objects only next to each other: the same one twice, a delegate that nobody asks.

use std::collections::{HashMap, HashSet};

use super::istio::{HttpAction, VirtualService};
use super::{Manifests, dialects};
use crate::diag::{Code, Note, Severity, Span};

/// The same object twice: which one counts would depend on the order of files.
pub(super) fn twice(manifests: &Manifests, problems: &mut Vec<Note>) {
    let mut seen: HashMap<(&str, &str, &str, &str), Span> = HashMap::new();
    for object in &manifests.objects {
        let (group, _) = object.api_version.split_once('/').unwrap_or_default();
        if !dialects().any(|dialect| dialect.group == group && dialect.kind == object.kind) {
            continue;
        }
        let key = (
            group,
            object.kind.as_str(),
            object.namespace.as_str(),
            object.name.as_str(),
        );
        if let Some(first) = seen.get(&key) {
            let message = format!(
                "{} {}/{} is given twice",
                object.kind, object.namespace, object.name
            );
            problems.push(
                Note::new(Code::DuplicateObject, message)
                    .at(object.span, "again here")
                    .at(*first, "first here")
                    .help("pass one of them: which one the cluster would keep depends on the order of applying"),
            );
        } else {
            seen.insert(key, object.span);
        }
    }
}

/// A VirtualService without hosts routes nothing, unless another one delegates to it, perhaps in another file.
pub(super) fn delegates(manifests: &Manifests, problems: &mut Vec<Note>) {
    let mut referred: HashSet<(&str, &str)> = HashSet::new();
    for root in &manifests.virtual_services {
        for http in &root.http {
            if let HttpAction::Delegate { name, namespace } = &http.action {
                let home = namespace
                    .as_ref()
                    .map_or(&root.meta.namespace, |namespace| &namespace.value);
                referred.insert((home, &name.value));
            }
        }
    }
    let referred = |one: &VirtualService| {
        let meta = &one.meta;
        referred.contains(&(meta.namespace.as_str(), meta.name.as_str()))
    };
    for one in manifests
        .virtual_services
        .iter()
        .filter(|one| one.hosts.is_empty() && !referred(one))
    {
        let message = format!(
            "{} has no `hosts`, and none of these VirtualServices delegates to it: it routes nothing",
            one.meta
        );
        let note = Note::new(Code::NoHosts, message).at(one.meta.span, "");
        problems.push(note.with_severity(Severity::Info).help(
            "pass the file that delegates to it, or list the service's name under `spec.hosts`",
        ));
    }
}
