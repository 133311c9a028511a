//! A real Envoy in front of in-process backends: the proxy that splits traffic in a mesh, configured as a mesh would.
//!
//! ```ignore
//! let envoy = Envoy::split(&[("single", 90), ("multiple", 10)]).start();
//! // … send requests to `envoy.url("/version")` …
//! assert_eq!(envoy.hits("single"), envoy.rq_total("single"));
//! ```

use std::fs;
use std::io;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::{Duration, Instant};

use serde_json::{Value, json};
use tempfile::TempDir;

use super::fetch;
use super::gate::Gate;
use super::hostile::Refusing;
use super::http::get;
use super::mesh::Mesh;
use super::wait::{HANGS, wait_until};

/// An Envoy without anything behind it: any bootstrap can be run.
pub(crate) struct Envoy {
    child: Child,
    admin: SocketAddr,
    listener: SocketAddr,
    folder: TempDir,
}

/// An Envoy that splits the weather service, and its backends.
pub(crate) struct Split {
    envoy: Envoy,
    backends: Vec<Backend>,
    rules: Option<Rules>,
}

/// A split that is being described.
pub(crate) struct Builder {
    weights: Vec<(String, u32)>,
    dead: Vec<String>,
    ailing: Vec<(String, Ailment)>,
    timeout: Option<Duration>,
    matched: Vec<Matched>,
    abort: Option<Abort>,
    pick: Pick,
    workers: u32,
    latency: Duration,
    gate: Option<Gate>,
    changeable: bool,
    header_table: Option<u32>,
    tweaks: Vec<Tweak>,
}

/// What changes the bootstrap.
type Tweak = Box<dyn Fn(&mut Value)>;

/// What is wrong with a subset that somebody listens behind.
#[derive(Clone, Copy)]
enum Ailment {
    /// Its responses have this status.
    Status(u16),
    /// Its responses have this status and do not say who sent them.
    Nameless(u16),
    /// They take this long.
    Slow(Duration),
    /// Its cluster has no endpoint.
    Empty,
    /// Its cluster takes so many requests at a time.
    Limited(u32),
}

/// How Envoy picks a subset.
enum Pick {
    /// A number drawn for every request: `weighted_clusters` of a route.
    Request,
    /// A number drawn for every connection: `weighted_clusters` of a TCP proxy.
    Connection,
    /// In turn, each worker for itself: one cluster whose localities have weights.
    Locality,
    /// By a hash of what this policy names: `weighted_clusters` with `use_hash_policy`.
    Hash(Value),
}

/// The file from which Envoy reads its routes.
struct Rules {
    folder: TempDir,
    version: AtomicU32,
}

/// A share of all requests that Envoy answers itself, before it looks at any route.
struct Abort {
    status: u16,
    percent: u32,
}

/// A route before the split: with this header, everything goes to one subset.
struct Matched {
    header: String,
    value: String,
    subset: String,
}

/// What one subset leads to.
struct Backend {
    subset: String,
    cluster: String,
    place: Place,
    /// Whether its cluster has the endpoint.
    listed: bool,
    /// Requests that its cluster takes at a time.
    limit: u32,
}

enum Place {
    Alive(Mesh),
    Dead(Refusing),
}

impl Envoy {
    /// Describes the weather service, split by subset and weight.
    pub(crate) fn split(weights: &[(&str, u32)]) -> Builder {
        Builder {
            weights: weights
                .iter()
                .map(|(subset, weight)| ((*subset).to_owned(), *weight))
                .collect(),
            dead: Vec::new(),
            ailing: Vec::new(),
            timeout: None,
            matched: Vec::new(),
            abort: None,
            pick: Pick::Request,
            workers: 2,
            latency: Duration::ZERO,
            gate: None,
            changeable: false,
            header_table: None,
            tweaks: Vec::new(),
        }
    }

    /// Runs a bootstrap whose ports are all 0 with so many workers, and waits until it serves.
    pub(crate) fn start(bootstrap: &Value, workers: u32) -> Self {
        let binary = fetch::envoy();
        let folder = tempfile::Builder::new()
            .prefix("run-")
            .tempdir_in(fetch::home())
            .expect("the target folder is writable");
        let config = folder.path().join("bootstrap.json");
        fs::write(&config, bootstrap.to_string()).expect("the target folder is writable");
        let mut child = Command::new(binary)
            .arg("--config-path")
            .arg(&config)
            .arg("--admin-address-path")
            .arg(folder.path().join("admin"))
            .arg("--log-path")
            .arg(folder.path().join("log"))
            .args(["--log-level", "warning"])
            .args(["--concurrency", &workers.to_string()])
            .arg("--disable-hot-restart")
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .expect("the Envoy binary runs");
        match ready(&mut child, folder.path()) {
            Ok((admin, listener)) => Self {
                child,
                admin,
                listener,
                folder,
            },
            Err(problem) => {
                let _ = child.kill().and_then(|()| child.wait());
                let log = fs::read_to_string(folder.path().join("log")).unwrap_or_default();
                panic!("Envoy does not get ready: {problem}; its log:\n{log}");
            }
        }
    }

    /// What it has written into its log.
    pub(crate) fn log(&self) -> String {
        fs::read_to_string(self.folder.path().join("log")).expect("it has a log")
    }

    /// Where it takes requests.
    pub(crate) fn addr(&self) -> SocketAddr {
        self.listener
    }

    /// Where its admin interface is.
    pub(crate) fn admin_url(&self) -> String {
        format!("http://{}", self.admin)
    }

    /// A page of the admin interface in JSON.
    pub(crate) fn admin(&self, path: &str) -> Value {
        serde_json::from_str(&self.admin_text(path))
            .expect("the admin interface was asked for JSON")
    }

    /// A page of the admin interface.
    pub(crate) fn admin_text(&self, path: &str) -> String {
        get(self.admin, path)
            .expect("the admin interface answers")
            .body
    }
}

impl Drop for Envoy {
    fn drop(&mut self) {
        // Only an Envoy that has already ended cannot be killed.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

impl Builder {
    /// Nobody listens behind this subset.
    pub(crate) fn dead(mut self, subset: &str) -> Self {
        self.dead.push(subset.to_owned());
        self
    }

    /// The subset responds with a status, and still says who it is.
    pub(crate) fn fails(self, subset: &str, status: u16) -> Self {
        self.ails(subset, Ailment::Status(status))
    }

    /// The subset responds with a status, and does not say who it is.
    pub(crate) fn nameless(self, subset: &str, status: u16) -> Self {
        self.ails(subset, Ailment::Nameless(status))
    }

    /// The responses of the subset take this long.
    pub(crate) fn slow(self, subset: &str, latency: Duration) -> Self {
        self.ails(subset, Ailment::Slow(latency))
    }

    /// The cluster of the subset has no endpoint.
    pub(crate) fn empty(self, subset: &str) -> Self {
        self.ails(subset, Ailment::Empty)
    }

    /// The cluster of the subset takes so many requests at a time.
    pub(crate) fn limited(self, subset: &str, requests: u32) -> Self {
        self.ails(subset, Ailment::Limited(requests))
    }

    fn ails(mut self, subset: &str, ailment: Ailment) -> Self {
        self.ailing.push((subset.to_owned(), ailment));
        self
    }

    /// How long Envoy waits for a response.
    pub(crate) fn timeout(mut self, timeout: Duration) -> Self {
        self.timeout = Some(timeout);
        self
    }

    /// Sends every request with this header to one subset, before the split is looked at.
    pub(crate) fn when(mut self, header: &str, value: &str, subset: &str) -> Self {
        self.matched.push(Matched {
            header: header.to_owned(),
            value: value.to_owned(),
            subset: subset.to_owned(),
        });
        self
    }

    /// Answers a share of all requests with a status, before any route is looked at.
    pub(crate) fn abort(mut self, status: u16, percent: u32) -> Self {
        self.abort = Some(Abort { status, percent });
        self
    }

    /// Picks for every connection, as a proxy that forwards bytes does.
    pub(crate) fn per_connection(mut self) -> Self {
        self.pick = Pick::Connection;
        self
    }

    /// Picks in turn, as Envoy Gateway configures most splits.
    pub(crate) fn in_turn(mut self) -> Self {
        self.pick = Pick::Locality;
        self
    }

    /// Picks by the hash of a header.
    pub(crate) fn by_hash(self, header: &str) -> Self {
        self.hashed_by(json!({ "header": { "header_name": header } }))
    }

    /// Picks by the hash of what a `hash_policy` of Envoy names.
    pub(crate) fn hashed_by(mut self, policy: Value) -> Self {
        self.pick = Pick::Hash(policy);
        self
    }

    /// How many workers Envoy has; two unless told.
    pub(crate) fn workers(mut self, workers: u32) -> Self {
        self.workers = workers;
        self
    }

    /// How long every answer takes; no time unless told.
    pub(crate) fn takes(mut self, latency: Duration) -> Self {
        self.latency = latency;
        self
    }

    /// Lets backends answer only what the gate lets pass.
    pub(crate) fn behind(mut self, gate: &Gate) -> Self {
        self.gate = Some(gate.clone());
        self
    }

    /// Lets [`Split::change`] change the weights while Envoy runs.
    pub(crate) fn changeable(mut self) -> Self {
        self.changeable = true;
        self
    }

    /// The size of the table that Envoy keeps for the fields of HTTP/2 requests.
    pub(crate) fn header_table(mut self, size: u32) -> Self {
        self.header_table = Some(size);
        self
    }

    /// Changes what Envoy is configured with.
    pub(crate) fn with(mut self, tweak: impl Fn(&mut Value) + 'static) -> Self {
        self.tweaks.push(Box::new(tweak));
        self
    }

    /// Starts the backends, then Envoy.
    pub(crate) fn start(self) -> Split {
        let subsets = self.weights.iter().map(|(subset, _)| subset);
        let backends: Vec<Backend> = subsets.map(|subset| self.backend(subset)).collect();
        let rules = self.changeable.then(|| Rules::new(&self.routes()));
        let mut bootstrap = self.bootstrap(&backends, rules.as_ref());
        self.tweaks.iter().for_each(|tweak| tweak(&mut bootstrap));
        Split {
            envoy: Envoy::start(&bootstrap, self.workers),
            backends,
            rules,
        }
    }

    fn backend(&self, subset: &str) -> Backend {
        let mut backend = Backend {
            subset: subset.to_owned(),
            cluster: match self.pick {
                Pick::Locality => cluster_name(""),
                _ => cluster_name(subset),
            },
            place: Place::Dead(Refusing::start()),
            listed: true,
            limit: 100_000,
        };
        let mesh = Mesh::split([(subset, 1)]);
        let mut mesh = mesh
            .latency(subset, self.latency)
            .says("weather-backend: {}\n");
        if let Some(gate) = &self.gate {
            mesh = mesh.behind(gate);
        }
        for (_, ailment) in self.ailing.iter().filter(|(ailing, _)| ailing == subset) {
            match ailment {
                Ailment::Status(status) => mesh = mesh.status(subset, *status),
                Ailment::Nameless(status) => mesh = mesh.status(subset, *status).says("sorry\n"),
                Ailment::Slow(latency) => mesh = mesh.latency(subset, *latency),
                Ailment::Empty => backend.listed = false,
                Ailment::Limited(requests) => backend.limit = *requests,
            }
        }
        if !self.dead.iter().any(|dead| dead == subset) {
            backend.place = Place::Alive(mesh.start());
        }
        backend
    }

    fn bootstrap(&self, backends: &[Backend], rules: Option<&Rules>) -> Value {
        let filter = match self.pick {
            Pick::Connection => json!({
                "name": "envoy.filters.network.tcp_proxy",
                "typed_config": {
                    "@type": "type.googleapis.com/envoy.extensions.filters.network.tcp_proxy.v3.TcpProxy",
                    "stat_prefix": "in",
                    "weighted_clusters": { "clusters": weighted(&self.weights) },
                },
            }),
            _ => json!({
                "name": "envoy.filters.network.http_connection_manager",
                "typed_config": self.manager(rules),
            }),
        };
        let clusters = match self.pick {
            Pick::Locality => vec![self.localities(backends)],
            _ => backends.iter().map(Backend::config).collect(),
        };
        json!({
            // Subscriptions, such as the one for routes in a file, are made by somebody.
            "node": { "id": "resplit-test", "cluster": "test" },
            "admin": { "address": socket([127, 0, 0, 1], 0) },
            "static_resources": {
                "listeners": [{
                    "name": "in",
                    "address": socket([127, 0, 0, 1], 0),
                    "filter_chains": [{ "filters": [filter] }],
                }],
                "clusters": clusters,
            },
        })
    }

    fn manager(&self, rules: Option<&Rules>) -> Value {
        let mut manager = json!({
            "@type": "type.googleapis.com/envoy.extensions.filters.network.http_connection_manager.v3\
                      .HttpConnectionManager",
            "stat_prefix": "in",
            "http_filters": self.filters(),
        });
        if let Some(size) = self.header_table {
            manager["http2_protocol_options"] = json!({ "hpack_table_size": size });
        }
        match rules {
            None => manager["route_config"] = route_config(&self.routes()),
            Some(rules) => {
                manager["rds"] = json!({
                    "route_config_name": "5000",
                    "config_source": {
                        "resource_api_version": "V3",
                        "path_config_source": { "path": rules.path() },
                    },
                });
            }
        }
        manager
    }

    fn routes(&self) -> Vec<Value> {
        let matched = self.matched.iter().map(|matched| {
            json!({
                "match": { "prefix": "/", "headers": [
                    { "name": matched.header, "string_match": { "exact": matched.value } } ] },
                "route": { "cluster": cluster_name(&matched.subset) },
            })
        });
        let clusters = weighted(&self.weights);
        let action = match &self.pick {
            Pick::Request | Pick::Connection => {
                json!({ "weighted_clusters": { "clusters": clusters } })
            }
            Pick::Locality => json!({ "cluster": cluster_name("") }),
            Pick::Hash(policy) => json!({
                "weighted_clusters": { "clusters": clusters, "use_hash_policy": true },
                "hash_policy": [policy],
            }),
        };
        matched.chain([everything(&action, self.timeout)]).collect()
    }

    /// One cluster for all subsets, as Envoy Gateway makes it.
    fn localities(&self, backends: &[Backend]) -> Value {
        let endpoints: Vec<Value> = (0..)
            .zip(self.weights.iter().zip(backends))
            .map(|(at, ((_, weight), backend)): (u32, _)| {
                json!({
                    "locality": { "region": format!("backend/{at}") },
                    "load_balancing_weight": weight,
                    "lb_endpoints": [backend.endpoint()],
                })
            })
            .collect();
        let policy = json!({
            "@type": "type.googleapis.com/envoy.extensions.load_balancing_policies.least_request.v3.LeastRequest",
            "locality_lb_config": { "locality_weighted_lb_config": {} },
        });
        let name = cluster_name("");
        json!({
            "name": name,
            "type": "STATIC",
            "connect_timeout": "60s",
            "load_balancing_policy": { "policies": [{ "typed_extension_config": {
                "name": "envoy.load_balancing_policies.least_request", "typed_config": policy } }] },
            "load_assignment": { "cluster_name": name, "endpoints": endpoints },
        })
    }

    fn filters(&self) -> Vec<Value> {
        let router = json!({
            "name": "envoy.filters.http.router",
            "typed_config": { "@type": "type.googleapis.com/envoy.extensions.filters.http.router.v3.Router" },
        });
        let abort = self.abort.as_ref().map(Abort::filter);
        abort.into_iter().chain([router]).collect()
    }
}

impl Abort {
    fn filter(&self) -> Value {
        json!({
            "name": "envoy.filters.http.fault",
            "typed_config": {
                "@type": "type.googleapis.com/envoy.extensions.filters.http.fault.v3.HTTPFault",
                "abort": {
                    "http_status": self.status,
                    "percentage": { "numerator": self.percent, "denominator": "HUNDRED" },
                },
            },
        })
    }
}

impl Split {
    /// The URL of a path.
    pub(crate) fn url(&self, path: &str) -> String {
        format!("http://{}{path}", self.envoy.addr())
    }

    /// The Envoy itself.
    pub(crate) fn envoy(&self) -> &Envoy {
        &self.envoy
    }

    /// Gives the subsets other weights, and waits until Envoy has read them: workers that have nothing else to do know them
    /// before the next request comes.
    pub(crate) fn change(&self, weights: &[(&str, u32)]) {
        let weights: Vec<(String, u32)> = weights
            .iter()
            .map(|(subset, weight)| ((*subset).to_owned(), *weight))
            .collect();
        let action = json!({ "weighted_clusters": { "clusters": weighted(&weights) } });
        self.reroute(&[everything(&action, None)]);
    }

    /// Gives Envoy these routes, and waits until it has read them.
    pub(crate) fn reroute(&self, routes: &[Value]) {
        let rules = self.rules.as_ref().expect("the split is changeable");
        let before = self.times_read();
        rules.write(routes);
        wait_until("Envoy reads its routes again", || {
            self.times_read() > before
        });
    }

    /// Gives Envoy routes that it refuses, and waits until it has.
    pub(crate) fn reject(&self) {
        let rules = self.rules.as_ref().expect("the split is changeable");
        let before = self.times("update_rejected");
        rules.write(&[json!({ "match": {} })]);
        wait_until("Envoy refuses its routes", || {
            self.times("update_rejected") > before
        });
    }

    /// How often Envoy has read its routes.
    fn times_read(&self) -> u64 {
        self.times("update_success")
    }

    fn times(&self, what: &str) -> u64 {
        let page = format!("/stats?format=json&filter=rds.5000.{what}");
        let page = self.envoy.admin(&page);
        let read = page["stats"][0]["value"].as_u64();
        read.unwrap_or_else(|| panic!("Envoy counts no update: {page}"))
    }

    /// Requests that the backends of all subsets served.
    pub(crate) fn served(&self) -> u64 {
        let subsets = self.backends.iter().map(|backend| &backend.subset);
        subsets.map(|subset| self.hits(subset)).sum()
    }

    /// Requests that the backends of a subset served.
    pub(crate) fn hits(&self, subset: &str) -> u64 {
        match &self.backend(subset).place {
            Place::Alive(mesh) => mesh.served(),
            Place::Dead(_) => 0,
        }
    }

    /// Requests that Envoy says it sent to a subset, whether they arrived or not.
    pub(crate) fn rq_total(&self, subset: &str) -> u64 {
        let backend = self.backend(subset);
        let port = backend.addr().port();
        let page = self.envoy.admin("/clusters?format=json");
        let clusters = page["cluster_statuses"].as_array();
        let hosts = clusters
            .into_iter()
            .flatten()
            .filter(|status| status["name"] == *backend.cluster)
            .flat_map(|status| status["host_statuses"].as_array().into_iter().flatten());
        // A cluster may hold the hosts of other subsets as well.
        let hosts = hosts.filter(|host| host["address"]["socket_address"]["port_value"] == port);
        // Envoy leaves out what is zero, and writes 64-bit numbers as strings.
        hosts
            .flat_map(|host| host["stats"].as_array().into_iter().flatten())
            .filter(|stat| stat["name"] == "rq_total")
            .filter_map(|stat| stat["value"].as_str())
            .map(|value| value.parse::<u64>().expect("a counter is a number"))
            .sum()
    }

    fn backend(&self, subset: &str) -> &Backend {
        self.backends
            .iter()
            .find(|backend| backend.subset == subset)
            .unwrap_or_else(|| panic!("no subset `{subset}` in this split"))
    }
}

impl Rules {
    fn new(routes: &[Value]) -> Self {
        let rules = Self {
            folder: tempfile::tempdir().expect("the folder for temporary files is writable"),
            version: AtomicU32::new(0),
        };
        rules.write(routes);
        rules
    }

    fn path(&self) -> PathBuf {
        self.folder.path().join("routes.json")
    }

    /// Moves a new file into place: Envoy looks for moves, and never sees half a file.
    fn write(&self, routes: &[Value]) {
        let version = self.version.fetch_add(1, Ordering::SeqCst) + 1;
        let mut resource = route_config(routes);
        resource["@type"] = "type.googleapis.com/envoy.config.route.v3.RouteConfiguration".into();
        let response = json!({ "version_info": version.to_string(), "resources": [resource] });
        let new = self.folder.path().join("new.json");
        fs::write(&new, response.to_string())
            .and_then(|()| fs::rename(&new, self.path()))
            .expect("the folder for temporary files is writable");
    }
}

impl Backend {
    fn addr(&self) -> SocketAddr {
        match &self.place {
            Place::Alive(mesh) => mesh.addr(),
            Place::Dead(port) => port.addr(),
        }
    }

    fn endpoint(&self) -> Value {
        json!({ "endpoint": { "address": socket([127, 0, 0, 1], self.addr().port()) } })
    }

    fn config(&self) -> Value {
        let endpoints = if self.listed {
            vec![self.endpoint()]
        } else {
            Vec::new()
        };
        json!({
            "name": self.cluster,
            "type": "STATIC",
            "connect_timeout": "60s",
            "circuit_breakers": { "thresholds": [{
                "max_connections": 100_000, "max_pending_requests": 100_000, "max_requests": self.limit }] },
            "load_assignment": { "cluster_name": self.cluster, "endpoints": [
                { "lb_endpoints": endpoints } ] },
        })
    }
}

/// The routes of the only virtual host.
fn route_config(routes: &[Value]) -> Value {
    json!({ "name": "5000", "virtual_hosts": [
        { "name": "weather-backend", "domains": ["*"], "routes": routes } ] })
}

/// The route of everything by these weights, behind one that a header leads to the first of them.
pub(crate) fn weighted_behind(header: &str, weights: &[(&str, u32)]) -> Vec<Value> {
    let owned: Vec<(String, u32)> = (weights.iter())
        .map(|(subset, weight)| ((*subset).to_owned(), *weight))
        .collect();
    let action = json!({ "weighted_clusters": { "clusters": weighted(&owned) } });
    let first = json!({
        "match": { "prefix": "/", "headers": [{ "name": header, "present_match": true }] },
        "route": { "cluster": cluster_name(weights[0].0) },
    });
    vec![first, everything(&action, None)]
}

/// The route of every request. Without a timeout a test may hold responses for as long as it likes.
fn everything(action: &Value, timeout: Option<Duration>) -> Value {
    let mut action = action.clone();
    let timeout = timeout.unwrap_or(Duration::ZERO);
    action["timeout"] = format!("{}s", timeout.as_secs_f64()).into();
    json!({ "match": { "prefix": "/" }, "route": action })
}

fn weighted(weights: &[(String, u32)]) -> Vec<Value> {
    weights
        .iter()
        .map(|(subset, weight)| json!({ "name": cluster_name(subset), "weight": weight }))
        .collect()
}

/// The name a mesh gives to the cluster of a subset.
fn cluster_name(subset: &str) -> String {
    format!("outbound|5000|{subset}|weather-backend.default.svc.cluster.local")
}

fn socket(ip: [u8; 4], port: u16) -> Value {
    let ip = std::net::Ipv4Addr::from(ip).to_string();
    json!({ "socket_address": { "address": ip, "port_value": port } })
}

/// Waits until Envoy says where its admin interface is, that it is ready, and which port its listener got.
fn ready(child: &mut Child, folder: &Path) -> Result<(SocketAddr, SocketAddr), String> {
    let deadline = Instant::now() + HANGS;
    loop {
        let problem = match places(folder) {
            Ok(places) => return Ok(places),
            Err(problem) => problem,
        };
        if let Ok(Some(status)) = child.try_wait() {
            return Err(format!("it ended: {status}"));
        }
        if Instant::now() > deadline {
            return Err(problem.to_string());
        }
        std::thread::sleep(Duration::from_millis(20));
    }
}

fn places(folder: &Path) -> io::Result<(SocketAddr, SocketAddr)> {
    let admin = fs::read_to_string(folder.join("admin"))?
        .trim()
        .parse()
        .map_err(io::Error::other)?;
    let ready = get(admin, "/ready")?;
    if !ready.status.is_success() {
        return Err(io::Error::other(ready.body.trim().to_owned()));
    }
    let listeners = get(admin, "/listeners?format=json")?.body;
    let listeners: Value = serde_json::from_str(&listeners)?;
    let port = listeners["listener_statuses"][0]["local_address"]["socket_address"]["port_value"]
        .as_u64()
        .and_then(|port| u16::try_from(port).ok())
        .ok_or_else(|| io::Error::other("it has no listener"))?;
    Ok((admin, SocketAddr::from(([127, 0, 0, 1], port))))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::support::http::get_with;

    #[test]
    fn backends_and_envoy_count_the_same() {
        let split = Envoy::split(&[("single", 90), ("multiple", 10)]).start();
        for _ in 0..100 {
            let answer = get(split.envoy().addr(), "/version").unwrap();
            assert!(answer.body.starts_with("weather-backend: "), "{answer:?}");
        }
        let hits = ["single", "multiple"].map(|subset| split.hits(subset));
        assert_eq!(hits.iter().sum::<u64>(), 100);
        // Not so once in 1e23 times: P(X <= 50), X ~ B(100, 0.9).
        assert!(hits[0] > hits[1], "{hits:?}");
        assert_eq!(
            hits,
            ["single", "multiple"].map(|subset| split.rq_total(subset))
        );
    }

    #[test]
    fn a_dead_subset_keeps_its_share_and_answers_503() {
        let split = Envoy::split(&[("single", 0), ("multiple", 1)])
            .dead("multiple")
            .start();
        let answer = get(split.envoy().addr(), "/").unwrap();
        assert_eq!(answer.status, 503);
        assert!(
            answer.body.starts_with("upstream connect error"),
            "{answer:?}"
        );
        assert_eq!((split.hits("single"), split.hits("multiple")), (0, 0));
    }

    #[test]
    fn an_abort_comes_before_the_split() {
        let split = Envoy::split(&[("single", 1), ("multiple", 0)])
            .abort(418, 100)
            .start();
        let answer = get(split.envoy().addr(), "/").unwrap();
        assert_eq!(
            (answer.status.as_u16(), answer.body.as_str()),
            (418, "fault filter abort")
        );
        assert_eq!(split.hits("single"), 0);
    }

    #[test]
    fn a_matched_header_goes_before_the_split() {
        let split = Envoy::split(&[("single", 1), ("multiple", 0)])
            .when("end-user", "jason", "multiple")
            .start();
        let addr = split.envoy().addr();
        get_with(addr, "/", &[("end-user", "jason")]).unwrap();
        get_with(addr, "/", &[("end-user", "jane")]).unwrap();
        assert_eq!((split.hits("single"), split.hits("multiple")), (1, 1));
    }
}
