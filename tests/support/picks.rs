//! A real Envoy whose clusters let a request name its endpoint, each in another way, by the path.

use std::fs;
use std::path::PathBuf;

use serde_json::{Value, json};
use tempfile::TempDir;

use super::envoy::Envoy;
use super::mesh::Mesh;

/// The header that names an endpoint.
pub(crate) const HEADER: &str = "x-custom-host";

/// An Envoy, and the endpoints behind it, which say `b1`, `b2` and `b3`.
pub(crate) struct Picks {
    envoy: Envoy,
    backends: Vec<Mesh>,
    folder: TempDir,
}

impl Picks {
    /// Starts the endpoints, then Envoy. `workers` of it, one where requests are to take turns over all of them.
    pub(crate) fn start(workers: u32) -> Self {
        let names = ["b1", "b2", "b3"];
        let backend = |name: &&str| Mesh::split([(*name, 1)]).says("{}\n").start();
        let backends: Vec<Mesh> = names.iter().map(backend).collect();
        let addresses: Vec<String> = backends.iter().map(|one| one.addr().to_string()).collect();
        Self {
            envoy: Envoy::start(&bootstrap(&addresses), workers),
            backends,
            folder: tempfile::tempdir().expect("a folder"),
        }
    }

    /// The address of an endpoint.
    pub(crate) fn endpoint(&self, at: usize) -> String {
        self.backends[at].addr().to_string()
    }

    /// All of them as an option takes them.
    pub(crate) fn endpoints(&self) -> String {
        let all: Vec<String> = (0..self.backends.len())
            .map(|at| self.endpoint(at))
            .collect();
        all.join(",")
    }

    /// The URL of one of the clusters.
    pub(crate) fn url(&self, cluster: &str) -> String {
        format!("http://{}/{cluster}", self.envoy.addr())
    }

    /// What Envoy says about itself, in a file.
    pub(crate) fn dump(&self) -> PathBuf {
        let path = self.folder.path().join("dump.json");
        let dump = self.envoy.admin("/config_dump?include_eds");
        fs::write(&path, dump.to_string()).expect("writable");
        path
    }
}

fn bootstrap(addresses: &[String]) -> Value {
    let routes: Vec<Value> = [
        "flat",
        "weighted",
        "void",
        "odst",
        "metadata",
        "instrumented",
    ]
    .iter()
    .map(|name| route(name, name))
    .chain([
        session("cookie", &cookie(), false),
        session("strict", &cookie(), true),
        session("header", &header(), false),
    ])
    .collect();
    let pick = json!([{ "header": HEADER }]);
    let metadata = json!([{ "metadata": { "key": "envoy.lb", "path": [{ "key": "x-gateway-destination-endpoint" }] } }]);
    let all: Vec<&String> = addresses.iter().collect();
    json!({
        "admin": { "address": socket("127.0.0.1:0") },
        "static_resources": {
            "listeners": [{
                "name": "in",
                "address": socket("127.0.0.1:0"),
                "filter_chains": [{ "filters": [{
                    "name": "envoy.filters.network.http_connection_manager",
                    "typed_config": manager(&routes),
                }] }],
            }],
            "clusters": [
                cluster("flat", &flat(&all), Some(&over(&pick, false))),
                cluster("instrumented", &flat(&all), Some(&over(&pick, false))),
                cluster("weighted", &localities(&all), Some(&over(&pick, true))),
                cluster("void", &localities(&all), Some(&over(&pick, false))),
                cluster("metadata", &flat(&all), Some(&over(&metadata, false))),
                cluster("plain", &flat(&all), None),
                { "name": "odst", "type": "ORIGINAL_DST", "connect_timeout": "5s", "lb_policy": "CLUSTER_PROVIDED",
                  "original_dst_lb_config": { "use_http_header": true, "http_header_name": HEADER } },
            ],
        },
    })
}

fn manager(routes: &[Value]) -> Value {
    let filter = |name: &str, config: Value| json!({ "name": name, "typed_config": config });
    json!({
        "@type": "type.googleapis.com/envoy.extensions.filters.network.http_connection_manager.v3.HttpConnectionManager",
        "stat_prefix": "in",
        "route_config": { "name": "in", "virtual_hosts": [{ "name": "all", "domains": ["*"], "routes": routes }] },
        "http_filters": [
            filter("envoy.filters.http.stateful_session", json!({
                "@type": "type.googleapis.com/envoy.extensions.filters.http.stateful_session.v3.StatefulSession" })),
            filter("envoy.filters.http.router", json!({
                "@type": "type.googleapis.com/envoy.extensions.filters.http.router.v3.Router" })),
        ],
    })
}

fn route(path: &str, cluster: &str) -> Value {
    let mut route =
        json!({ "match": { "path": format!("/{path}") }, "route": { "cluster": cluster } });
    if path == "instrumented" {
        route["response_headers_to_add"] = json!([{ "header": { "key": "x-resplit",
            "value": "%UPSTREAM_CLUSTER%;%UPSTREAM_REMOTE_ADDRESS%;%ROUTE_NAME%;%RESPONSE_FLAGS%" } }]);
    }
    route
}

fn session(path: &str, state: &Value, strict: bool) -> Value {
    let mut route = route(path, "plain");
    route["typed_per_filter_config"] = json!({ "envoy.filters.http.stateful_session": {
        "@type": "type.googleapis.com/envoy.extensions.filters.http.stateful_session.v3.StatefulSessionPerRoute",
        "stateful_session": { "session_state": state, "strict": strict },
    } });
    route
}

fn cookie() -> Value {
    json!({ "name": "envoy.http.stateful_session.cookie", "typed_config": {
        "@type": "type.googleapis.com/envoy.extensions.http.stateful_session.cookie.v3.CookieBasedSessionState",
        "cookie": { "name": "session", "path": "/", "ttl": "120s" } } })
}

fn header() -> Value {
    json!({ "name": "envoy.http.stateful_session.header", "typed_config": {
        "@type": "type.googleapis.com/envoy.extensions.http.stateful_session.header.v3.HeaderBasedSessionState",
        "name": "x-session" } })
}

/// The policy `override_host`, whose fallback takes turns, and minds the weights of localities or not.
fn over(sources: &Value, weighted: bool) -> Value {
    let mut fallback = json!({
        "@type": "type.googleapis.com/envoy.extensions.load_balancing_policies.round_robin.v3.RoundRobin" });
    if weighted {
        fallback["locality_lb_config"] = json!({ "locality_weighted_lb_config": {} });
    }
    let policy = |name: &str, config: Value| json!({ "policies": [{ "typed_extension_config": { "name": name, "typed_config": config } }] });
    policy(
        "envoy.load_balancing_policies.override_host",
        json!({
            "@type": "type.googleapis.com/envoy.extensions.load_balancing_policies.override_host.v3.OverrideHost",
            "override_host_sources": sources,
            "fallback_policy": policy("envoy.load_balancing_policies.round_robin", fallback),
        }),
    )
}

fn cluster(name: &str, endpoints: &Value, policy: Option<&Value>) -> Value {
    let mut cluster = json!({
        "name": name, "type": "STATIC", "connect_timeout": "5s",
        "load_assignment": { "cluster_name": name, "endpoints": endpoints },
    });
    if let Some(policy) = policy {
        cluster["load_balancing_policy"] = policy.clone();
    }
    cluster
}

fn flat(addresses: &[&String]) -> Value {
    let endpoints: Vec<Value> = addresses.iter().map(|one| endpoint(one)).collect();
    json!([{ "lb_endpoints": endpoints }])
}

/// 90 to the first endpoint, 10 to the second.
fn localities(addresses: &[&String]) -> Value {
    let parts: Vec<Value> = [90, 10]
        .iter()
        .zip(addresses)
        .enumerate()
        .map(|(at, (weight, address))| {
            json!({
                "locality": { "region": format!("backend/{at}") },
                "load_balancing_weight": weight,
                "lb_endpoints": [endpoint(address)],
            })
        })
        .collect();
    json!(parts)
}

fn endpoint(address: &str) -> Value {
    json!({ "endpoint": { "address": socket(address) } })
}

fn socket(address: &str) -> Value {
    let (ip, port) = address.rsplit_once(':').expect("an address");
    let port: u16 = port.parse().expect("a port");
    json!({ "socket_address": { "address": ip, "port_value": port } })
}
