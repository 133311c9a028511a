//! Who sees an object: what it is exported to, and where the client is.

use crate::diag::{Code, Note};
use crate::manifest::decode::{At, Decoder};
use crate::manifest::kube::Meta;

/// The namespace whose configuration counts for everybody.
pub(in crate::manifest) const ROOT: &str = "istio-system";

/// How an object is exported to a client: privately, by name, to all, or not at all.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(in crate::manifest) enum Visibility {
    Private,
    Named,
    Public,
}

/// How a client sees an object of some namespace, if it does.
pub(in crate::manifest) fn visibility(
    export_to: &[At<String>],
    home: &str,
    client: &str,
) -> Option<Visibility> {
    let to = |name: &str| export_to.iter().any(|export| export.value == name);
    if export_to.is_empty() || to("*") {
        Some(Visibility::Public)
    } else if to("~") {
        None
    } else if client == home && (to(".") || to(home)) {
        Some(Visibility::Private)
    } else {
        to(client).then_some(Visibility::Named)
    }
}

/// What may not stand in one `exportTo`: "~ (none) is not allowed for Istio configuration objects", "duplicate entries in
/// exportTo: . and current namespace", "cannot have both public (*) and non-public exportTo values".
pub(in crate::manifest) fn check_exports(
    exports: &[At<String>],
    meta: &Meta,
    decoder: &mut Decoder<'_>,
) {
    let entry = meta.kind == "ServiceEntry";
    if let Some(nobody) = exports.iter().find(|to| to.value == "~" && !entry) {
        let message = "`exportTo: [\"~\"]` exports this object to nobody";
        let problem = Note::new(Code::BadExport, message).at(nobody.span, "");
        decoder.report(problem.help("Istio refuses this object: write `.` for its own namespace"));
    }
    let meant = |to: &At<String>| match to.value.as_str() {
        "." => meta.namespace.clone(),
        other => other.to_owned(),
    };
    let twice = (exports.iter().enumerate()).find_map(|(at, to)| {
        let first = exports[..at]
            .iter()
            .find(|other| meant(other) == meant(to))?;
        Some((to, first))
    });
    let alone = exports
        .iter()
        .find(|to| ["*", "~"].contains(&to.value.as_str()));
    let (message, span, first, help) = if let Some((to, first)) = twice {
        let message = format!(
            "`{}` and `{}` export to one namespace",
            first.value, to.value
        );
        (message, to.span, first, "keep one of them")
    } else if let Some(alone) = alone.filter(|_| exports.len() > 1) {
        let message = format!("`{}` cannot stand beside other namespaces", alone.value);
        (
            message,
            alone.span,
            &exports[0],
            "keep it alone, or leave it out",
        )
    } else {
        return;
    };
    let problem = Note::new(Code::BadExport, message).at(span, "");
    let problem = if span == first.span {
        problem
    } else {
        problem.at(first.span, "first here")
    };
    decoder.report(problem.help(format!("Istio refuses this object: {help}")));
}

#[cfg(test)]
mod tests {
    use super::*;

    /// ""*" wins over all others; "~" = nobody; "." = own ns".
    #[test]
    fn exports_decide_who_sees_an_object() {
        let to = |names: &[&str]| -> Vec<At<String>> {
            let span = crate::diag::Span::new(crate::diag::Sources::new().add("t", ""), 0..0);
            names
                .iter()
                .map(|name| At {
                    value: (*name).to_owned(),
                    span,
                })
                .collect()
        };
        assert_eq!(visibility(&to(&[]), "a", "b"), Some(Visibility::Public));
        assert_eq!(visibility(&to(&["."]), "a", "b"), None);
        assert_eq!(visibility(&to(&["."]), "a", "a"), Some(Visibility::Private));
        assert_eq!(visibility(&to(&["b"]), "a", "b"), Some(Visibility::Named));
        assert_eq!(visibility(&to(&["~"]), "a", "a"), None);
        assert_eq!(
            visibility(&to(&["*", "."]), "a", "b"),
            Some(Visibility::Public)
        );
    }
}
