//! A route table as Envoy is configured with it: the direction that resplit itself never goes.

use serde_json::{Value, json};

use resplit::route::{Action, Route, RouteTable, Split, Test, TextMatch};
use resplit::split::LocalReplyCause;

/// The request header that picks a backend by number.
pub(super) const PICK: &str = "x-pick";
/// The response header that names the backend.
pub(super) const BACKEND: &str = "x-backend";
/// The response header that names the route.
pub(super) const ROUTE: &str = "x-route";

/// A bootstrap with one listener and all tables in one route configuration.
pub(super) fn bootstrap(tables: &[RouteTable], match_port: bool) -> Value {
    let hosts: Vec<Value> = tables.iter().flat_map(virtual_hosts).collect();
    let any_port = json!({ "socket_address": { "address": "127.0.0.1", "port_value": 0 } });
    json!({
        "admin": { "address": any_port },
        "static_resources": { "listeners": [{
            "name": "in",
            "address": any_port,
            "filter_chains": [{ "filters": [{
                "name": "envoy.filters.network.http_connection_manager",
                "typed_config": {
                    "@type": "type.googleapis.com/envoy.extensions.filters.network.http_connection_manager.v3\
                              .HttpConnectionManager",
                    "stat_prefix": "in",
                    // As in a mesh.
                    "normalize_path": true,
                    "route_config": {
                        "name": "5000",
                        "validate_clusters": false,
                        "ignore_port_in_host_matching": !match_port,
                        "response_headers_to_add": [header(ROUTE, "%ROUTE_NAME%")],
                        "virtual_hosts": hosts,
                    },
                    "http_filters": [{
                        "name": "envoy.filters.http.router",
                        "typed_config": {
                            "@type": "type.googleapis.com/envoy.extensions.filters.http.router.v3.Router" },
                    }],
                },
            }] }],
        }] },
    })
}

fn header(name: &str, value: &str) -> Value {
    json!({ "header": { "key": name, "value": value }, "append_action": "OVERWRITE_IF_EXISTS_OR_ADD" })
}

fn virtual_hosts(table: &RouteTable) -> Vec<Value> {
    let hosts = table.hosts.iter();
    hosts
        .map(|host| {
            let routes: Vec<Value> = host.routes.iter().map(route).collect();
            json!({ "name": host.name, "domains": host.domains, "routes": routes })
        })
        .collect()
}

fn route(route: &Route) -> Value {
    let mut written = json!({ "name": route.name, "match": matcher(route) });
    match &route.outcome.action {
        Action::LocalReply(answer) if answer.cause == LocalReplyCause::Redirect => {
            let code = match answer.status {
                301 => "MOVED_PERMANENTLY",
                302 => "FOUND",
                303 => "SEE_OTHER",
                307 => "TEMPORARY_REDIRECT",
                _ => "PERMANENT_REDIRECT",
            };
            written["redirect"] = json!({ "path_redirect": "/moved", "response_code": code });
        }
        Action::LocalReply(answer) => {
            written["direct_response"] = json!({ "status": answer.status });
        }
        Action::Split(split) => written["route"] = weighted(split),
        Action::Named(named) => {
            written["route"] = json!({ "cluster_header": named.header });
            written["response_headers_to_add"] = json!([header(BACKEND, "%UPSTREAM_CLUSTER_RAW%")]);
        }
    }
    written
}

fn weighted(split: &Split) -> Value {
    let clusters = split.backends().iter().map(|backend| {
        let name = &backend.destination.host;
        json!({ "name": name, "weight": backend.weight, "response_headers_to_add": [header(BACKEND, name)] })
    });
    let clusters: Vec<Value> = clusters.collect();
    json!({ "weighted_clusters": { "clusters": clusters, "header_name": PICK } })
}

/// The conditions of a route.
pub(crate) fn matcher(route: &Route) -> Value {
    let mut matcher = json!({ "headers": [], "query_parameters": [], "cookies": [] });
    let mut push = |list: &str, item: Value| {
        let list = matcher[list].as_array_mut().expect("a list");
        list.push(item);
    };
    let (mut path, mut fraction) = (None, None);
    for condition in &route.conditions {
        match &condition.test {
            Test::Path(text) => path = Some(text),
            Test::Method(text) => push("headers", named(":method", text)),
            Test::Authority(text) => push("headers", named(":authority", text)),
            Test::Scheme(text) => push("headers", named(":scheme", text)),
            Test::Header(test) => {
                let mut header = named(&test.name, &test.value);
                header["invert_match"] = test.invert.into();
                header["treat_missing_header_as_empty"] = test.missing_is_empty.into();
                push("headers", header);
            }
            Test::Query { name, value } => push("query_parameters", named(name, value)),
            Test::NoQuery(name) => {
                push(
                    "query_parameters",
                    json!({ "name": name, "present_match": false }),
                );
            }
            Test::Cookie {
                name,
                value,
                invert,
            } => {
                let mut cookie = named(name, value);
                cookie["invert_match"] = (*invert).into();
                push("cookies", cookie);
            }
            Test::Fraction(part) => fraction = Some(*part),
            Test::Fixed(_) | Test::Assumed(_) | Test::Unknowable(_) => {
                unreachable!("no table of this test holds it")
            }
        }
    }
    if let Some(fraction) = fraction {
        let (numerator, denominator) = fraction.parts();
        assert_eq!(denominator, 100, "what Envoy calls HUNDRED");
        matcher["runtime_fraction"] = json!({ "default_value": { "numerator": numerator } });
    }
    match path {
        Some(path) => add_path(&mut matcher, path),
        None => matcher["prefix"] = "/".into(),
    }
    matcher
}

fn add_path(matcher: &mut Value, path: &TextMatch) {
    let (key, value, ignore_case) = match path {
        TextMatch::Exact { text, ignore_case } => ("path", json!(text), *ignore_case),
        TextMatch::Prefix { text, ignore_case } => ("prefix", json!(text), *ignore_case),
        TextMatch::Below { text, ignore_case } => {
            ("path_separated_prefix", json!(text), *ignore_case)
        }
        other => ("safe_regex", json!({ "regex": pattern(other) }), false),
    };
    matcher[key] = value;
    if ignore_case {
        matcher["case_sensitive"] = false.into();
    }
}

fn named(name: &str, text: &TextMatch) -> Value {
    let string = |kind: &str, text: &str, ignore_case: bool| json!({ "name": name, "string_match": { kind: text, "ignore_case": ignore_case } });
    match text {
        TextMatch::Present => json!({ "name": name, "present_match": true }),
        TextMatch::Exact { text, ignore_case } => string("exact", text, *ignore_case),
        TextMatch::Prefix { text, ignore_case } => string("prefix", text, *ignore_case),
        TextMatch::Suffix { text, ignore_case } => string("suffix", text, *ignore_case),
        TextMatch::Contains { text, ignore_case } => string("contains", text, *ignore_case),
        TextMatch::Range { start, end } => {
            json!({ "name": name, "range_match": { "start": start, "end": end } })
        }
        TextMatch::Regex(_) | TextMatch::Below { .. } => {
            json!({ "name": name, "string_match": { "safe_regex": { "regex": pattern(text) } } })
        }
    }
}

/// The pattern of a regex, as a message shows it.
fn pattern(text: &TextMatch) -> String {
    let shown = text.to_string();
    let inner = shown
        .strip_prefix("regex `")
        .and_then(|rest| rest.strip_suffix('`'));
    inner.expect("it is a regex").to_owned()
}
