//! Who sees an object: what it is exported to, and where the client is.

use crate::manifest::decode::At;

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
