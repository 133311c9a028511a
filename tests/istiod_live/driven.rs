//! Istio's own control plane on loopback, and a stock Envoy that it drives: `tests/istiod/recorder/live` with a folder of
//! manifests, and two backends.

use std::io::{BufRead, BufReader};
use std::net::{SocketAddr, TcpListener};
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdout, Command, Stdio};
use std::sync::OnceLock;

use serde_json::{Value, json};
use tempfile::TempDir;

use crate::support::envoy::Envoy;
use crate::support::gate::Gate;
use crate::support::mesh::Mesh;
use crate::support::wait::wait_until;

/// What a test cannot do without, and how to get it.
const HELP: &str = "help: these tests need Go 1.26 (https://go.dev/dl/) and download the modules of Istio; type\n  \
                    cd tests/istiod/recorder && go build -o ../../../target/istiod/live ./live";

/// The whole name of the Service that is called.
pub(super) const HOST: &str = "weather-backend.default.svc.cluster.local";

/// Rules with weights for `single` and `multiple`.
pub(super) fn rules(single: u32, multiple: u32) -> String {
    format!(
        "apiVersion: networking.istio.io/v1
kind: VirtualService
metadata: {{name: weather, namespace: default}}
spec:
  hosts: [{HOST}]
  http:
  - route:
    - {{destination: {{host: {HOST}, subset: single}}, weight: {single}}}
    - {{destination: {{host: {HOST}, subset: multiple}}, weight: {multiple}}}
---
apiVersion: networking.istio.io/v1
kind: DestinationRule
metadata: {{name: weather, namespace: default}}
spec:
  host: {HOST}
  subsets:
  - {{name: single, labels: {{version: single}}}}
  - {{name: multiple, labels: {{version: multiple}}}}
"
    )
}

/// A control plane, the proxy that it programs, and what is behind that.
pub(super) struct Driven {
    plane: Plane,
    pub(super) envoy: Envoy,
    port: u16,
    single: Mesh,
    multiple: Mesh,
}

/// A running control plane with its folder.
struct Plane {
    child: Child,
    said: BufReader<ChildStdout>,
    addr: SocketAddr,
    folder: TempDir,
}

/// A proxy that is being described.
pub(super) struct Setup {
    rules: String,
    more: Vec<(&'static str, String)>,
    gate: Option<Gate>,
    /// The label of the pods of `multiple`.
    version: &'static str,
    stats: Stats,
    protocol: Protocol,
}

/// How the control plane tells the proxy what changed.
#[derive(Clone, Copy, PartialEq)]
pub(super) enum Protocol {
    /// By what changed, without versions, as Istio does by default.
    Incremental,
    /// By everything of a kind, with a version.
    StateOfTheWorld,
}

/// What the proxy publishes of its statistics.
#[derive(Clone, Copy, PartialEq)]
pub(super) enum Stats {
    All,
    /// What the bootstrap of Istio lets through.
    OfIstio,
}

/// Istio programs the proxy with these rules.
pub(super) fn programmed(rules: &str) -> Setup {
    Setup {
        rules: rules.to_owned(),
        more: Vec::new(),
        gate: None,
        version: "multiple",
        stats: Stats::OfIstio,
        protocol: Protocol::Incremental,
    }
}

impl Setup {
    /// Another file of the folder.
    pub(super) fn with(mut self, file: &'static str, manifests: &str) -> Self {
        self.more.push((file, manifests.to_owned()));
        self
    }

    /// Lets the backends answer only what the gate lets pass.
    pub(super) fn behind(mut self, gate: &Gate) -> Self {
        self.gate = Some(gate.clone());
        self
    }

    /// The pods of `multiple` carry this label `version`.
    pub(super) fn labelled(mut self, version: &'static str) -> Self {
        self.version = version;
        self
    }

    /// The proxy publishes this.
    pub(super) fn publishes(mut self, stats: Stats) -> Self {
        self.stats = stats;
        self
    }

    /// The control plane speaks like this.
    pub(super) fn over(mut self, protocol: Protocol) -> Self {
        self.protocol = protocol;
        self
    }

    /// Starts the backends, the control plane and the proxy.
    pub(super) fn start(self) -> Driven {
        let [single, multiple] = ["single", "multiple"].map(|subset| self.backend(subset));
        let port = free_port();
        let folder = tempfile::tempdir().expect("the folder for temporary files is writable");
        let service = service(port, &single, &multiple, self.version);
        let own = [("service.yaml", service), ("rules.yaml", self.rules)];
        for (file, text) in own.iter().chain(&self.more) {
            write(folder.path(), file, text);
        }
        let plane = Plane::start(folder);
        let envoy = Envoy::start(&bootstrap(plane.addr, self.stats, self.protocol), 2);
        Driven {
            plane,
            envoy,
            port,
            single,
            multiple,
        }
    }

    fn backend(&self, subset: &str) -> Mesh {
        let mesh = Mesh::split([(subset, 1)]).says("weather-backend: {}\n");
        match &self.gate {
            Some(gate) => mesh.behind(gate).start(),
            None => mesh.start(),
        }
    }
}

impl Driven {
    /// What is typed to send requests to the host of the rules: the proxy listens on loopback.
    pub(super) fn request(&self) -> Vec<String> {
        self.request_to(HOST)
    }

    /// The same for another host.
    pub(super) fn request_to(&self, host: &str) -> Vec<String> {
        let port = self.port;
        vec![
            "--proxy-admin".to_owned(),
            self.envoy.admin_url(),
            "--resolve".to_owned(),
            format!("{host}:{port}:127.0.0.1"),
            format!("http://{host}:{port}/version"),
        ]
    }

    /// The manifests of the Service that stands for the pods.
    pub(super) fn service(&self) -> PathBuf {
        self.plane.folder.path().join("service.yaml")
    }

    /// Gives the control plane other rules, which it pushes.
    pub(super) fn push(&mut self, rules: &str) {
        self.put("rules.yaml", rules);
    }

    /// Gives the control plane a file, which it pushes.
    pub(super) fn put(&mut self, file: &str, manifests: &str) {
        write(self.plane.folder.path(), file, manifests);
        let said = self.plane.says();
        assert!(said.starts_with("applied "), "{said}");
    }

    /// The same, and waits until the proxy has taken the routes.
    pub(super) fn push_through(&mut self, rules: &str) {
        let before = self.routes();
        self.push(rules);
        wait_until("the proxy takes the routes", || self.routes() != before);
    }

    /// The version of the routes that the proxy has, where they have one, and when it took them.
    pub(super) fn routes(&self) -> (Option<String>, String) {
        let fields = "version_info,last_updated,route_config.name";
        let page = self.envoy.admin(&format!(
            "/config_dump?resource=dynamic_route_configs&mask={fields}"
        ));
        let port = self.port.to_string();
        let mut configs = page["configs"].as_array().into_iter().flatten();
        let own = configs.find(|config| config["route_config"]["name"] == *port);
        let own = own.unwrap_or_else(|| panic!("no routes of port {port}: {page}"));
        let text = |field: &str| own[field].as_str().map(str::to_owned);
        (text("version_info"), text("last_updated").expect("a time"))
    }

    /// How often the proxy has refused routes.
    pub(super) fn rejected(&self) -> usize {
        self.envoy
            .log()
            .matches("RouteConfigurationValidationError")
            .count()
    }

    /// Ends the control plane.
    pub(super) fn stop(&mut self) {
        self.plane.end();
        wait_until("the proxy has lost its control plane", || {
            let page = self
                .envoy
                .admin("/stats?format=json&filter=xds-grpc;?.upstream_rq_active");
            page["stats"][0]["value"] == 0
        });
    }

    /// Requests that arrived at the pods.
    pub(super) fn served(&self) -> u64 {
        self.single.served() + self.multiple.served()
    }
}

impl Plane {
    fn start(folder: TempDir) -> Self {
        let mut child = Command::new(binary())
            .args(["-limit", "10m"])
            .arg(folder.path())
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap_or_else(|problem| {
                panic!("the control plane does not start: {problem}\n{HELP}")
            });
        let said = BufReader::new(child.stdout.take().expect("it is piped"));
        let mut plane = Self {
            child,
            said,
            addr: SocketAddr::from(([0, 0, 0, 0], 0)),
            folder,
        };
        // Modules of Istio may warn before.
        let addr = loop {
            if let Some(addr) = plane.says().strip_prefix("listening on ") {
                break addr.to_owned();
            }
        };
        plane.addr = addr.trim().parse().expect("an address");
        plane
    }

    /// Its next line.
    fn says(&mut self) -> String {
        let mut line = String::new();
        self.said
            .read_line(&mut line)
            .expect("the pipe is readable");
        assert!(!line.is_empty(), "the control plane has ended");
        line.trim_end().to_owned()
    }

    fn end(&mut self) {
        // Only one that has already ended cannot be killed.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

impl Drop for Plane {
    fn drop(&mut self) {
        self.end();
    }
}

/// The control plane, built once. Panics, saying what to type, where it cannot be.
fn binary() -> &'static Path {
    static BINARY: OnceLock<PathBuf> = OnceLock::new();
    BINARY.get_or_init(|| {
        let target = Path::new(env!("CARGO_TARGET_TMPDIR")).parent();
        let binary = target
            .expect("cargo puts it into the target folder")
            .join("istiod/live");
        let module = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/istiod/recorder");
        let built = Command::new("go")
            .args(["build", "-o"])
            .arg(&binary)
            .arg("./live")
            .current_dir(module)
            .output();
        match built {
            Ok(output) if output.status.success() => binary,
            Ok(output) => {
                let said = String::from_utf8_lossy(&output.stderr).into_owned();
                panic!("the control plane cannot be built:\n{said}\n{HELP}")
            }
            Err(problem) => panic!("`go` does not run: {problem}\n{HELP}"),
        }
    })
}

/// A port that nobody listens on: the control plane tells the proxy which one it is.
fn free_port() -> u16 {
    let listener = TcpListener::bind("127.0.0.1:0").expect("loopback has a free port");
    listener.local_addr().expect("it is bound").port()
}

/// Moves a file into place: half of one is never read.
fn write(folder: &Path, file: &str, text: &str) {
    let new = folder.join("new");
    std::fs::write(&new, text)
        .and_then(|()| std::fs::rename(&new, folder.join(file)))
        .expect("the folder for temporary files is writable");
}

/// The pods of a mesh are two ports on loopback.
fn service(port: u16, single: &Mesh, multiple: &Mesh, version: &str) -> String {
    let (single, multiple) = (single.addr().port(), multiple.addr().port());
    format!(
        "apiVersion: networking.istio.io/v1
kind: ServiceEntry
metadata: {{name: weather-backend, namespace: default}}
spec:
  hosts: [{HOST}]
  location: MESH_INTERNAL
  resolution: STATIC
  ports: [{{number: {port}, name: http-backend, protocol: HTTP}}]
  endpoints:
  - {{address: 127.0.0.1, ports: {{http-backend: {single}}}, labels: {{app: weather-backend, version: single}}}}
  - {{address: 127.0.0.1, ports: {{http-backend: {multiple}}}, labels: {{app: weather-backend, version: {version}}}}}
"
    )
}

/// As Istio's bootstrap has it: everything comes from the control plane, and few statistics are published.
fn bootstrap(plane: SocketAddr, stats: Stats, protocol: Protocol) -> Value {
    let api = match protocol {
        Protocol::Incremental => "DELTA_GRPC",
        Protocol::StateOfTheWorld => "GRPC",
    };
    let mut bootstrap = json!({
        "node": {
            "id": "sidecar~127.0.0.1~client.default~default.svc.cluster.local",
            "cluster": "client.default",
            "metadata": {
                "ISTIO_VERSION": "1.30.0", "NAMESPACE": "default", "CLUSTER_ID": "Kubernetes",
                "INTERCEPTION_MODE": "NONE", "LABELS": { "app": "client" },
            },
        },
        "admin": { "address": { "socket_address": { "address": "127.0.0.1", "port_value": 0 } } },
        "dynamic_resources": {
            "lds_config": { "ads": {}, "resource_api_version": "V3" },
            "cds_config": { "ads": {}, "resource_api_version": "V3" },
            "ads_config": {
                "api_type": api, "transport_api_version": "V3", "set_node_on_first_message_only": true,
                "grpc_services": [{ "envoy_grpc": { "cluster_name": "xds-grpc" } }],
            },
        },
        "static_resources": { "clusters": [{
            "name": "xds-grpc", "type": "STATIC", "connect_timeout": "1s",
            "typed_extension_protocol_options": { "envoy.extensions.upstreams.http.v3.HttpProtocolOptions": {
                "@type": "type.googleapis.com/envoy.extensions.upstreams.http.v3.HttpProtocolOptions",
                "explicit_http_config": { "http2_protocol_options": {} },
            } },
            "load_assignment": { "cluster_name": "xds-grpc", "endpoints": [{ "lb_endpoints": [{ "endpoint": { "address": {
                "socket_address": { "address": plane.ip().to_string(), "port_value": plane.port() } } } }] }] },
        }] },
    });
    if stats == Stats::OfIstio {
        let prefixes = [
            "cluster_manager",
            "listener_manager",
            "server",
            "cluster.xds-grpc",
            "wasm",
        ];
        let patterns: Vec<Value> = prefixes
            .iter()
            .map(|prefix| json!({ "prefix": prefix }))
            .collect();
        bootstrap["stats_config"] =
            json!({ "stats_matcher": { "inclusion_list": { "patterns": patterns } } });
    }
    bootstrap
}
