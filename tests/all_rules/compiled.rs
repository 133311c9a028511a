//! A real Envoy that does what manifests say: their routes, as resplit reads them, in the words of Envoy. All clusters lead to one
//! backend; each response says in a header which subset it stands for.

use std::net::Ipv4Addr;

use serde_json::{Value, json};

use resplit::diag::Sources;
use resplit::manifest::{lower, parse};
use resplit::route::{Action, Route, Split, Vantage};
use resplit::split::LocalReplyCause;

use crate::differential::config::matcher;
use crate::support::envoy::Envoy;
use crate::support::mesh::Mesh;

/// The `--bucket` that tells subsets apart.
pub(crate) const BUCKET: &str = "header:x-subset";
/// The host whose routes are compiled.
pub(crate) const HOST: &str = "web";

/// The proxy and its backend.
pub(crate) struct Compiled {
    envoy: Envoy,
    backend: Mesh,
}

impl Compiled {
    /// A proxy that does what the manifests say.
    pub(crate) fn start(manifests: &str) -> Self {
        Self::changed(manifests, |_| {})
    }

    /// A proxy whose routes were changed after they were compiled.
    pub(crate) fn changed(manifests: &str, change: impl FnOnce(&mut Vec<Value>)) -> Self {
        let backend = Mesh::split([("backend", 1)]).start();
        let mut routes = routes(manifests);
        change(&mut routes);
        let envoy = Envoy::start(&bootstrap(&routes, &backend), 2);
        Self { envoy, backend }
    }

    pub(crate) fn url(&self, path: &str) -> String {
        format!("http://{}{path}", self.envoy.addr())
    }

    /// Requests that got as far as the backend.
    pub(crate) fn served(&self) -> u64 {
        self.backend.served()
    }
}

/// The routes of the host, in their order.
fn routes(manifests: &str) -> Vec<Value> {
    let mut sources = Sources::new();
    sources.add("rules.yaml", manifests);
    let (objects, problems) = parse(&sources);
    assert_eq!(problems, []);
    let table = lower(&objects, &Vantage::mesh(None, None));
    let host = table.hosts.iter().find(|host| host.name == HOST);
    let host = host.expect("the manifests declare the host");
    host.routes.iter().map(route).collect()
}

fn route(route: &Route) -> Value {
    let mut written = json!({ "match": matcher(route) });
    match &route.outcome.action {
        Action::LocalReply(reply) if reply.cause == LocalReplyCause::Redirect => {
            written["redirect"] = json!({ "path_redirect": "/moved" });
        }
        Action::LocalReply(reply) => {
            written["direct_response"] = json!({ "status": reply.status });
        }
        Action::Split(split) => written["route"] = weighted(split),
        Action::Named(_) => unreachable!("no rule of this test names a cluster by a header"),
    }
    if let Some(abort) = &route.outcome.abort {
        // Envoy would add the headers of a cluster to its own reply, too.
        written["route"] = json!({ "cluster": "backend" });
        let percent = abort.share().as_f64() * 1e6;
        written["typed_per_filter_config"] = json!({ "envoy.filters.http.fault": {
            "@type": "type.googleapis.com/envoy.extensions.filters.http.fault.v3.HTTPFault",
            "abort": {
                "http_status": abort.status(),
                "percentage": { "numerator": percent.round(), "denominator": "MILLION" },
            },
        } });
    }
    written
}

fn weighted(split: &Split) -> Value {
    let clusters = split.backends().iter().map(|backend| {
        let version = backend.destination.subset.as_deref();
        json!({
            "name": "backend",
            "weight": backend.weight,
            "response_headers_to_add": [{ "header": { "key": "x-subset", "value": version.unwrap_or(HOST) } }],
        })
    });
    json!({ "weighted_clusters": { "clusters": clusters.collect::<Vec<_>>() } })
}

fn bootstrap(routes: &[Value], backend: &Mesh) -> Value {
    let socket = |port: u16| json!({ "socket_address": { "address": Ipv4Addr::LOCALHOST.to_string(), "port_value": port } });
    let filter = |name: &str, kind: &str| {
        json!({
            "name": name,
            "typed_config": { "@type": format!("type.googleapis.com/envoy.extensions.filters.http.{kind}") },
        })
    };
    json!({
        "admin": { "address": socket(0) },
        "static_resources": {
            "listeners": [{
                "name": "in",
                "address": socket(0),
                "filter_chains": [{ "filters": [{
                    "name": "envoy.filters.network.http_connection_manager",
                    "typed_config": {
                        "@type": "type.googleapis.com/envoy.extensions.filters.network.http_connection_manager.v3\
                                  .HttpConnectionManager",
                        "stat_prefix": "in",
                        "normalize_path": true,
                        "route_config": { "name": "80", "virtual_hosts": [
                            { "name": HOST, "domains": ["*"], "routes": routes } ] },
                        "http_filters": [
                            filter("envoy.filters.http.fault", "fault.v3.HTTPFault"),
                            filter("envoy.filters.http.router", "router.v3.Router"),
                        ],
                    },
                }] }],
            }],
            "clusters": [{
                "name": "backend",
                "type": "STATIC",
                "connect_timeout": "60s",
                "circuit_breakers": { "thresholds": [{
                    "max_connections": 100_000, "max_pending_requests": 100_000, "max_requests": 100_000 }] },
                "load_assignment": { "cluster_name": "backend", "endpoints": [
                    { "lb_endpoints": [{ "endpoint": { "address": socket(backend.addr().port()) } }] } ] },
            }],
        },
    })
}
