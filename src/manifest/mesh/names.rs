//! Names of hosts made comparable: full names of Services, the names clients use for them, wildcards.

use std::collections::BTreeSet;

/// The full name of a host: a name without dots belongs to the namespace of the rule.
pub(crate) fn full_name(host: &str, namespace: &str) -> String {
    let host = host.to_lowercase();
    if host.contains('.') || host == "*" || host.parse::<std::net::IpAddr>().is_ok() {
        return host;
    }
    format!("{host}.{namespace}.svc.cluster.local")
}

/// `reviews` and `default` of `reviews.default.svc.cluster.local`.
pub(in crate::manifest) fn service_of(host: &str) -> Option<(&str, &str)> {
    let (service, namespace) = host.strip_suffix(".svc.cluster.local")?.split_once('.')?;
    (!namespace.contains('.') && service != "*").then_some((service, namespace))
}

/// The names under which a client in a namespace reaches a host.
pub(in crate::manifest) fn domains(host: &str, client: &str) -> Vec<String> {
    let Some((service, namespace)) = service_of(host) else {
        return vec![host.to_owned()];
    };
    let mut domains = vec![host.to_owned(), format!("{host}.")];
    if namespace == client {
        domains.push(service.to_owned());
    }
    domains.push(format!("{service}.{namespace}"));
    domains.push(format!("{service}.{namespace}.svc"));
    domains
}

/// The names by which an answer may name a host.
pub(in crate::manifest) fn called(host: &str) -> BTreeSet<String> {
    let mut names = BTreeSet::from([host.to_owned()]);
    if let Some((service, namespace)) = service_of(host) {
        names.insert(service.to_owned());
        names.insert(format!("{service}.{namespace}"));
    }
    names
}

/// Whether a host name, perhaps with a wildcard, takes another.
pub(crate) fn covers(pattern: &str, host: &str) -> bool {
    match pattern.strip_prefix('*') {
        Some(suffix) => host.ends_with(suffix) && (suffix.is_empty() || host.len() > suffix.len()),
        None => pattern == host,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// "short host (no '.') -> host.<namespace of the RULE>.svc.<domain>; "*" and IPs untouched; a host WITH a dot is
    /// taken as is: `reviews.prod` is NOT expanded".
    #[test]
    fn short_hosts_belong_to_the_namespace_of_the_rule() {
        assert_eq!(
            full_name("Reviews", "prod"),
            "reviews.prod.svc.cluster.local"
        );
        for same in ["*", "10.0.0.1", "reviews.prod", "*.example.com"] {
            assert_eq!(full_name(same, "default"), same);
        }
    }

    /// "same ns client: svc, svc.ns, svc.ns.svc, FQDN, FQDN+"."; other-ns client: NOT the bare short name".
    #[test]
    fn the_bare_name_is_for_the_same_namespace_only() {
        let host = "reviews.prod.svc.cluster.local";
        let bare = |client| domains(host, client).contains(&"reviews".to_owned());
        assert!(bare("prod") && !bare("default"));
        for form in [
            "reviews.prod",
            "reviews.prod.svc",
            host,
            "reviews.prod.svc.cluster.local.",
        ] {
            assert!(
                domains(host, "default").contains(&form.to_owned()),
                "{form}"
            );
        }
    }
}
