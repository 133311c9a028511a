//! Delegation: which of a delegate's routes survive, and with which matches.

use super::{Met, mesh, object, probe};

/// What a request for a path meets where a root with one match delegates to a leaf with one match.
fn met(root: &str, leaf: &str, url: &str, headers: &[(&str, &str)]) -> Met {
    let spec = format!(
        "{{hosts: [web], http: [{{match: [{root}], delegate: {{name: leaf}}}}, {{route: [{{destination: {{host: rest}}}}]}}]}}"
    );
    let text = object("VirtualService", "root", &spec)
        + &object(
            "VirtualService",
            "leaf",
            &format!("{{http: [{{match: [{leaf}], route: [{{destination: {{host: leaf}}}}]}}]}}"),
        );
    let mut probe = probe(url);
    for (name, value) in headers {
        probe
            .headers
            .push(((*name).to_owned(), (*value).to_owned()));
    }
    mesh(&text)
        .labels("default", "app", "x")
        .sends(&probe)
        .expect("a host")
}

/// "root exact vs leaf prefix, non-prefix overlap, any regex on both, port mismatch, ignoreUriCase mismatch, root
/// sourceNamespace set and leaf different, gateways not subset -> conflict -> delegate route dropped."
#[test]
fn conflicting_matches_drop_the_route() {
    for (root, leaf, kept) in [
        ("uri: {prefix: /a}", "uri: {prefix: /a/b}", true),
        ("uri: {prefix: /a}", "uri: {exact: /a/b}", true),
        ("uri: {exact: /a/b}", "uri: {exact: /a/b}", true),
        ("uri: {exact: /a/b}", "uri: {prefix: /a}", false),
        ("uri: {prefix: /a/b/c}", "uri: {prefix: /a/b}", false),
        ("uri: {regex: '/a/.*'}", "uri: {prefix: /a/b}", false),
        ("uri: {prefix: /a}", "uri: {regex: '/a/.*'}", false),
        ("port: 80", "port: 80", true),
        ("port: 80", "port: 81", false),
        (
            "uri: {prefix: /a}, ignoreUriCase: true",
            "uri: {prefix: /a}",
            false,
        ),
        ("sourceNamespace: default", "sourceNamespace: default", true),
        ("sourceNamespace: default", "uri: {prefix: /a}", false),
        ("uri: {prefix: /a}", "sourceNamespace: default", true),
        ("gateways: [mesh, gw]", "gateways: [mesh]", true),
        ("gateways: [mesh]", "gateways: [mesh, gw]", false),
        (
            "sourceLabels: {app: x}",
            "sourceLabels: {app: other}",
            false,
        ),
        ("method: {exact: GET}", "uri: {prefix: /a}", true),
    ] {
        let met = met(
            &format!("{{{root}}}"),
            &format!("{{{leaf}}}"),
            "http://web/a/b",
            &[],
        );
        let wanted = if kept { "1/1 leaf" } else { "1/1 rest" };
        assert_eq!(met.shares(), wanted, "{root} over {leaf}: {met:?}");
    }
}

/// "Result = cross product (root x leaf), leaf fields win, maps united."
#[test]
fn matches_are_united_field_by_field() {
    let root = "{headers: {a: {exact: '1'}}, queryParams: {q: {exact: '1'}}}";
    let leaf = "{headers: {b: {exact: '2'}}, withoutHeaders: {c: {exact: '3'}}}";
    let shares = |url: &str, headers: &[(&str, &str)]| met(root, leaf, url, headers).shares();
    assert_eq!(
        shares("http://web/?q=1", &[("a", "1"), ("b", "2")]),
        "1/1 leaf"
    );
    for (url, headers) in [
        ("http://web/", &[("a", "1"), ("b", "2")][..]),
        ("http://web/?q=1", &[("b", "2")]),
        ("http://web/?q=1", &[("a", "1")]),
        ("http://web/?q=1", &[("a", "1"), ("b", "2"), ("c", "3")]),
    ] {
        assert_eq!(shares(url, headers), "1/1 rest", "{url} {headers:?}");
    }
    // The gateways of the root come with the leaf's labels, which are not checked beside them.
    let labels = met(
        "{gateways: [mesh]}",
        "{sourceLabels: {app: other}}",
        "http://web/",
        &[],
    );
    assert_eq!(
        (labels.shares(), labels.has("labels-not-checked")),
        ("1/1 leaf".to_owned(), true)
    );
}

/// "One level only"; "must be exported to root ns; not found/not visible -> that root route is dropped."
#[test]
fn what_cannot_be_delegated_is_dropped_and_named() {
    let ask = |leaf: &str| {
        let root = "{hosts: [web], http: [{delegate: {name: leaf, namespace: team}}, {route: [{destination: {host: rest}}]}]}";
        let text = object("VirtualService", "root", root) + leaf;
        mesh(&text).get("http://web/").expect("a host")
    };
    let leaf = |spec: &str| object("VirtualService", "team/leaf", spec);
    let route = "route: [{destination: {host: leaf}}]";
    assert_eq!(
        ask(&leaf(&format!("{{http: [{{{route}}}]}}"))).shares(),
        "1/1 leaf"
    );
    for (leaf, id) in [
        (String::new(), "delegate-not-found"),
        (
            leaf(&format!("{{hosts: [other], http: [{{{route}}}]}}")),
            "delegate-not-found",
        ),
        (
            leaf(&format!("{{exportTo: ['.'], http: [{{{route}}}]}}")),
            "delegate-not-exported",
        ),
        (
            leaf("{http: [{delegate: {name: deeper}}]}")
                + &object(
                    "VirtualService",
                    "team/deeper",
                    &format!("{{http: [{{{route}}}]}}"),
                ),
            "nested-delegate",
        ),
    ] {
        let met = ask(&leaf);
        assert_eq!(
            (met.shares(), met.has(id)),
            ("1/1 rest".to_owned(), true),
            "{id}: {met:?}"
        );
    }
}

/// "Inherited when unset in the leaf: timeout, retries, fault, corsPolicy."
#[test]
fn a_delegate_inherits_what_it_does_not_set() {
    let ask = |own: &str| {
        let root = "{hosts: [web], http: [{delegate: {name: leaf}, timeout: 1s, fault: {abort: {httpStatus: 500, percentage: {value: 50}}}}]}";
        let leaf = format!("{{http: [{{route: [{{destination: {{host: leaf}}}}]{own}}}]}}");
        let text =
            object("VirtualService", "root", root) + &object("VirtualService", "leaf", &leaf);
        mesh(&text).get("http://web/").expect("a host")
    };
    let inherited = ask("");
    assert_eq!(inherited.shares(), "1/2 leaf, 1/2 status 500");
    assert!(inherited.has("timeout"));
    let own = ask(", timeout: 2s, fault: {delay: {fixedDelay: 1s}}");
    assert_eq!(
        own.shares(),
        "1/1 leaf",
        "a fault is inherited whole or not at all"
    );
    let timeouts = own.caveats.iter().filter(|id| **id == "timeout").count();
    assert_eq!(timeouts, 1, "{own:?}");
}
