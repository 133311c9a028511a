//! Conditions of objects, as controllers write them into `status`.

use super::{SERVICES, SPLIT, explained, found, object, on, shares};
use crate::support::cmd::{Outcome, run};
use crate::support::mesh::Mesh;
use std::fs;

/// A Gateway with a status.
fn gateway(status: &str) -> String {
    let spec = "{gatewayClassName: istio, listeners: [{name: http, port: 80, protocol: HTTP}]}";
    let gateway = object("Gateway", "name: edge, generation: 3", spec);
    format!("{gateway}status: {status}\n")
}

/// A route that splits, with one condition at its Gateway.
fn route(condition: &str) -> String {
    let spec = format!("{{parentRefs: [{{name: edge}}], {SPLIT}}}");
    let route = object("HTTPRoute", "name: web, generation: 5", &spec);
    format!(
        "{route}status: {{parents: [{{parentRef: {{name: edge}}, controllerName: example.net/controller, conditions: [{condition}]}}]}}\n"
    )
}

const URL: [&str; 3] = ["--gateway", "shop/edge", "http://shop.example.com/"];

/// "The status of the condition. Accepted: This condition indicates whether the route has been accepted or rejected by a
/// Gateway, and why."
#[test]
fn a_route_that_is_not_accepted_is_not_in_effect() {
    let refused = "{type: Accepted, status: 'False', reason: NotAllowedByListeners, message: no listener allows it, observedGeneration: 5}";
    let texts = [SERVICES, &gateway("{}"), &route(refused)];
    let [(severity, message)] = &found(&texts, "RS042")[..] else {
        panic!("one finding");
    };
    assert_eq!(severity, "error");
    assert_eq!(
        message,
        "HTTPRoute shop/web at Gateway shop/edge: `Accepted` is False: NotAllowedByListeners, \"no listener allows it\" (says example.net/controller)"
    );
    let told = explained(&texts, &URL).0;
    assert_eq!(told["route"], serde_json::Value::Null);
    assert_eq!(
        told["not_in_effect"]["route"]["object"],
        "HTTPRoute shop/web"
    );
    assert_eq!(shares(&texts, &URL), ["status 404 1/1"]);
}

/// "`ResolvedRefs`: This condition indicates whether the controller was able to resolve all the object references."
#[test]
fn each_condition_that_does_not_hold_is_an_error_and_all_others_are_silent() {
    for (status, errors) in [
        (
            "{conditions: [{type: Programmed, status: 'False', reason: Invalid}]}",
            1,
        ),
        (
            "{conditions: [{type: Accepted, status: 'False', reason: InvalidParameters}]}",
            1,
        ),
        (
            "{listeners: [{name: http, conditions: [{type: ResolvedRefs, status: 'False', reason: InvalidCertificateRef}]}]}",
            1,
        ),
        (
            "{listeners: [{name: http, conditions: [{type: Conflicted, status: 'True', reason: ProtocolConflict}]}]}",
            1,
        ),
        (
            "{listeners: [{name: http, conditions: [{type: Conflicted, status: 'False', reason: NoConflicts}]}]}",
            0,
        ),
        (
            "{conditions: [{type: Programmed, status: 'True'}, {type: Accepted, status: 'True'}]}",
            0,
        ),
        ("{conditions: [{type: OfSomebodyElse, status: 'False'}]}", 0),
    ] {
        let texts = [SERVICES, &gateway(status), &route("")];
        let findings = found(&texts, "RS042");
        assert_eq!(findings.len(), errors, "{status}: {findings:?}");
        assert!(findings.iter().all(|(severity, _)| severity == "error"));
        let notes = on(&texts, &[&["explain"], &URL[..]].concat())
            .exits(0)
            .stdout;
        assert_eq!(notes.contains("note: "), errors > 0, "{status}: {notes}");
    }
}

/// "if .metadata.generation is currently 12, but the .status.conditions\[x\].observedGeneration is 9, the condition is out of
/// date with respect to the current state of the instance."
#[test]
fn a_status_about_an_older_generation_is_a_warning() {
    let stale =
        "{type: Accepted, status: 'False', reason: NoMatchingParent, observedGeneration: 4}";
    let texts = [SERVICES, &gateway("{}"), &route(stale)];
    let [(severity, message)] = &found(&texts, "RS042")[..] else {
        panic!("one finding");
    };
    assert_eq!(severity, "warning");
    assert!(
        message
            .contains("is about generation 4, and this is generation 5; `Accepted` was False then"),
        "{message}"
    );
    assert_eq!(shares(&texts, &URL), ["web 9/10", "web-v2 1/10"]);
}

/// "Accepted: This condition indicates that the listener is syntactically and semantically valid, and that all features used
/// in the listener's spec are supported."
#[test]
fn the_status_of_a_set_of_listeners_counts_for_what_it_serves() {
    let set = format!(
        "{}status: {{listeners: [{{name: more, conditions: [{{type: Accepted, status: 'False', reason: PortUnavailable}}]}}]}}\n",
        object(
            "ListenerSet",
            "name: team",
            "{parentRef: {name: edge}, listeners: [{name: more, port: 8081, protocol: HTTP}]}"
        )
    );
    let gateway = gateway("{}").replace(
        "listeners:",
        "allowedListeners: {namespaces: {from: Same}}, listeners:",
    );
    let parents = "parentRefs: [{name: edge}, {group: gateway.networking.k8s.io, kind: ListenerSet, name: team}]";
    let route = object("HTTPRoute", "name: web", &format!("{{{parents}, {SPLIT}}}"));
    let texts = [SERVICES, &gateway, &set, &route];
    assert_eq!(found(&texts, "RS042").len(), 1);
    assert_eq!(shares(&texts, &URL), ["web 9/10", "web-v2 1/10"]);
    let there = ["--gateway", "shop/edge", "http://shop.example.com:8081/"];
    assert_eq!(shares(&texts, &there), ["status 404 1/1"]);
    assert!(explained(&texts, &there).0["not_in_effect"].is_object());
}

/// What is said of another parent is not said of this one.
#[test]
fn what_another_gateway_refuses_is_no_word_about_this_one() {
    let other = route("{type: Accepted, status: 'False', reason: NoMatchingParent}")
        .replace("parentRef: {name: edge}", "parentRef: {name: other}");
    let texts = [SERVICES, &gateway("{}"), &other];
    assert_eq!(found(&texts, "RS042").len(), 1);
    assert_eq!(shares(&texts, &URL), ["web 9/10", "web-v2 1/10"]);
    assert_eq!(explained(&texts, &URL).0["caveats"], serde_json::json!([]));
}

/// Istio writes what its analysis finds, and whether proxies have a version, into the status of its own kinds.
#[test]
fn istio_reports_about_its_own_kinds() {
    for (status, errors) in [
        (
            "{conditions: [{type: Reconciled, status: 'False', message: 3/4 proxies up to date.}]}",
            1,
        ),
        (
            "{validationMessages: [{type: {name: ReferencedResourceNotFound, code: IST0101}, level: ERROR}]}",
            1,
        ),
        (
            "{validationMessages: [{type: {name: Deprecated, code: IST0002}, level: INFO}]}",
            0,
        ),
    ] {
        let rule = format!(
            "apiVersion: networking.istio.io/v1\nkind: VirtualService\nmetadata: {{name: web, namespace: shop}}\nspec: {{hosts: [web], \
             http: [{{route: [{{destination: {{host: web}}}}]}}]}}\nstatus: {status}\n"
        );
        let findings = found(&[SERVICES, &rule], "RS042");
        assert_eq!(findings.len(), errors, "{status}: {findings:?}");
    }
}

#[test]
fn a_run_that_diverges_says_what_the_controller_says() {
    let mesh = Mesh::split([("web", 10), ("web-v2", 90)]).seed(7).start();
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("in.yaml");
    let refused =
        "{type: ResolvedRefs, status: 'False', reason: BackendNotFound, message: no web-v3}";
    let texts = [SERVICES, &gateway("{}"), &route(refused)].join("\n---\n");
    fs::write(&path, texts).expect("writable");
    let path = path.to_str().expect("a path");
    let args = ["-f", path, "--gateway", "shop/edge", "-c", "1"];
    let outcome: Outcome = run(&[&args, &[mesh.url("/").as_str()][..]].concat()).exits(1);
    assert!(
        outcome
            .stdout
            .contains("`ResolvedRefs` is False: BackendNotFound, \"no web-v3\""),
        "{}",
        outcome.stdout
    );
}
