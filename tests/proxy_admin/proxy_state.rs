//! How the proxy itself is: not connected to its control plane, restarted in mid-run, short of memory, asked over a Unix
//! socket, found by itself in a pod, gone for a while.

use std::cell::RefCell;
use std::io::{Read, Write};
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::rc::Rc;

use serde_json::{Value, json};
use tempfile::TempDir;

use super::envoy::{FIXED, TYPED};
use super::said;
use crate::support::cmd::{Report, Running, run_json};
use crate::support::envoy::{Envoy, Split};
use crate::support::fetch;
use crate::support::gate::Gate;
use crate::support::hostile::Refusing;
use crate::support::wait::wait_until;

/// A false alarm of the split is rarer than one run in a billion.
const CERTAIN: [&str; 2] = ["--alpha", "0.0000000001"];

fn asked(split: &Split, args: &[&str]) -> Report {
    let (admin, url) = (split.envoy().admin_url(), split.url("/version"));
    run_json(&[&CERTAIN[..], args, &["--proxy-admin", &admin, &url]].concat()).report()
}

#[test]
fn a_proxy_that_is_not_connected_to_its_control_plane_says_so() {
    let nobody = Refusing::start();
    let port = nobody.addr().port();
    let split = Envoy::split(&[("single", 50), ("multiple", 50)])
        .with(move |bootstrap| {
            let address =
                json!({ "socket_address": { "address": "127.0.0.1", "port_value": port } });
            let options = json!({ "envoy.extensions.upstreams.http.v3.HttpProtocolOptions": {
                "@type": "type.googleapis.com/envoy.extensions.upstreams.http.v3.HttpProtocolOptions",
                "explicit_http_config": { "http2_protocol_options": {} } } });
            let clusters = bootstrap["static_resources"]["clusters"].as_array_mut();
            clusters.unwrap().push(json!({
                "name": "xds", "type": "STATIC", "typed_extension_protocol_options": options,
                "load_assignment": { "cluster_name": "xds", "endpoints": [
                    { "lb_endpoints": [{ "endpoint": { "address": address } }] }] } }));
            bootstrap["dynamic_resources"] = json!({
                "ads_config": { "api_type": "GRPC", "transport_api_version": "V3",
                    "grpc_services": [{ "envoy_grpc": { "cluster_name": "xds" } }] },
                "cds_config": { "ads": {}, "resource_api_version": "V3", "initial_fetch_timeout": "0.1s" } });
        })
        .start();
    let report = asked(&split, &["-f", FIXED, "-n", "1000"]);
    assert_eq!(report.0["programmed"]["connected"], false);
    let why = &report.0["verdict"]["diagnosis"][0];
    assert_eq!(why["id"], "programmed-differs", "{why}");
    let message = why["message"].as_str().unwrap();
    assert!(
        message.contains(
            "it is not connected to its control plane (`control_plane.connected_state` is 0), and goes on with what it had"
        ),
        "{message}"
    );
}

#[test]
fn a_proxy_that_is_short_of_memory_says_so() {
    let short = |bytes: u64| {
        Envoy::split(&[("single", 90), ("multiple", 10)])
            .with(move |bootstrap| {
                bootstrap["overload_manager"] = json!({
                    "refresh_interval": "0.01s",
                    "resource_monitors": [{ "name": "envoy.resource_monitors.fixed_heap", "typed_config": {
                        "@type": "type.googleapis.com/envoy.extensions.resource_monitors.fixed_heap.v3.FixedHeapConfig",
                        "max_heap_size_bytes": bytes } }] });
            })
            .start()
    };
    let split = short(1 << 20);
    wait_until("Envoy has measured its heap", || {
        let page = split
            .envoy()
            .admin("/stats?format=json&filter=fixed_heap.pressure");
        page["stats"][0]["value"].as_u64() > Some(0)
    });
    let report = asked(&split, &["--expect", TYPED, "-n", "100"]);
    let said_of_memory = said(&report, "proxy-memory").concat();
    assert!(
        said_of_memory.starts_with("the proxy takes ")
            && said_of_memory.ends_with("a proxy that runs out of memory is ended"),
        "{said_of_memory}"
    );
    let report = asked(&short(1 << 40), &["--expect", TYPED, "-n", "100"]);
    assert_eq!(said(&report, "proxy-memory"), [""; 0]);
}

/// An Envoy whose interface and listener are sockets in a folder, so that another one can take its place.
struct OnSockets {
    folder: TempDir,
    child: Option<Child>,
}

impl OnSockets {
    /// With the configuration of another Envoy.
    fn start(bootstrap: &Value) -> Self {
        let folder = tempfile::Builder::new()
            .prefix("uds-")
            .tempdir_in(fetch::home());
        let folder = folder.expect("the target folder is writable");
        let mut bootstrap = bootstrap.clone();
        let pipe = |name: &str| json!({ "pipe": { "path": folder.path().join(name) } });
        bootstrap["admin"]["address"] = pipe("admin");
        bootstrap["static_resources"]["listeners"][0]["address"] = pipe("in");
        let config = folder.path().join("bootstrap.json");
        std::fs::write(config, bootstrap.to_string()).expect("the folder is writable");
        let mut own = Self {
            folder,
            child: None,
        };
        own.run();
        own
    }

    /// Ends the process that runs, and starts another one in its place.
    fn restart(&mut self) {
        self.end();
        self.run();
    }

    fn run(&mut self) {
        let child = Command::new(fetch::envoy())
            .arg("--config-path")
            .arg(self.path("bootstrap.json"))
            .args(["--log-level", "error", "--concurrency", "2"])
            .arg("--disable-hot-restart")
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn();
        self.child = Some(child.expect("the Envoy binary runs"));
        wait_until("Envoy is ready", || {
            page(&self.path("admin"), "/ready").is_some_and(|page| page.contains("LIVE"))
        });
    }

    fn end(&mut self) {
        if let Some(mut child) = self.child.take() {
            let _ = child.kill();
            let _ = child.wait();
        }
        for socket in ["admin", "in"] {
            let _ = std::fs::remove_file(self.path(socket));
        }
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    fn admin(&self) -> String {
        format!("unix:{}", self.path("admin").display())
    }
}

impl Drop for OnSockets {
    fn drop(&mut self) {
        self.end();
    }
}

/// A page of an interface on a socket.
fn page(socket: &Path, path: &str) -> Option<String> {
    let mut stream = UnixStream::connect(socket).ok()?;
    let request = format!("GET {path} HTTP/1.1\r\nhost: a\r\nconnection: close\r\n\r\n");
    stream.write_all(request.as_bytes()).ok()?;
    let mut page = String::new();
    stream.read_to_string(&mut page).ok()?;
    Some(page)
}

/// A split, and a second Envoy on sockets in front of the same backends.
fn on_sockets(gate: Option<&Gate>) -> (Split, OnSockets) {
    let kept = Rc::new(RefCell::new(Value::Null));
    let keep = Rc::clone(&kept);
    let split = Envoy::split(&[("single", 90), ("multiple", 10)]);
    let split = match gate {
        Some(gate) => split.behind(gate),
        None => split,
    };
    let split = split.with(move |bootstrap| *keep.borrow_mut() = bootstrap.clone());
    let split = split.start();
    let own = OnSockets::start(&kept.borrow());
    (split, own)
}

/// What runs through the Envoy on sockets.
fn through(own: &OnSockets, args: &[&str]) -> Vec<String> {
    let (admin, socket) = (own.admin(), own.path("in"));
    let socket = socket.to_str().expect("a path");
    let all = [
        &CERTAIN[..],
        &[
            "--expect",
            TYPED,
            "--unix-socket",
            socket,
            "--proxy-admin",
            &admin,
        ],
        args,
        &["http://weather-backend:5000/version"],
    ];
    all.concat().iter().map(|arg| (*arg).to_owned()).collect()
}

#[test]
fn an_interface_on_a_unix_socket_is_read() {
    let (_split, own) = on_sockets(None);
    let args = through(&own, &["-n", "600"]);
    let args: Vec<&str> = args.iter().map(String::as_str).collect();
    let report = run_json(&args).report();
    assert_eq!(report.0["programmed"]["source"], own.admin());
    let shares = report.0["counted"]["shares"].as_array().unwrap();
    let counted: u64 = shares
        .iter()
        .map(|own| own["count"].as_u64().unwrap())
        .sum();
    assert_eq!(counted, 600);
    assert_eq!(said(&report, "proxy-admin"), [""; 0]);
}

/// A run in the midst of which the proxy is restarted; the run stands still meanwhile, so that all but the requests under way
/// are sent to one that is there.
fn restarted(more: &[&str]) -> Report {
    let gate = Gate::after(500);
    let (split, mut own) = on_sockets(Some(&gate));
    // Seconds are what it tells of its life.
    wait_until("the proxy has run for three seconds", || {
        let info = page(&own.path("admin"), "/server_info").unwrap_or_default();
        let uptime = info.split("\"uptime_current_epoch\": \"").nth(1);
        let seconds = uptime.and_then(|rest| rest.split('s').next()?.parse::<u64>().ok());
        seconds >= Some(3)
    });
    let args = through(
        &own,
        &[&["-o", "json", "-n", "2000", "-c", "10"], more].concat(),
    );
    let args: Vec<&str> = args.iter().map(String::as_str).collect();
    let mut running = Running::start(&args);
    wait_until("500 requests are under way", || split.served() >= 500);
    running.signal("STOP");
    own.restart();
    gate.open();
    running.signal("CONT");
    running.finish().report()
}

#[test]
fn a_restart_in_mid_run_is_a_note() {
    let report = restarted(&[]);
    let said = said(&report, "proxy-restarted").concat();
    assert!(
        said.starts_with("the proxy was restarted during the run: it has been running for "),
        "{said}"
    );
    assert_eq!(report.0["counted"]["complete"], false);
}

#[test]
fn counters_that_a_restart_lost_leave_the_verdict_open() {
    let report = restarted(&["--bucket", "cluster"]);
    assert_eq!(
        report.verdict(),
        "inconclusive",
        "{:#}",
        report.0["verdict"]
    );
    let reason = report.text("/verdict/reason");
    assert!(
        reason.starts_with(
            "the proxy was restarted during the run; of 2000 requests which target got "
        ),
        "{reason}"
    );
}

/// An Envoy that needs nobody else: its backends are listeners of its own. Its admin interface is where a sidecar has it.
fn alone(port: u16) -> Value {
    let socket =
        |port: u16| json!({ "socket_address": { "address": "127.0.0.1", "port_value": port } });
    let listener = |name: &str, port: u16, route: Value| {
        json!({ "name": name, "address": socket(port), "filter_chains": [{ "filters": [{
            "name": "envoy.filters.network.http_connection_manager", "typed_config": {
                "@type": "type.googleapis.com/envoy.extensions.filters.network.http_connection_manager.v3.HttpConnectionManager",
                "stat_prefix": name,
                "http_filters": [{ "name": "envoy.filters.http.router", "typed_config": {
                    "@type": "type.googleapis.com/envoy.extensions.filters.http.router.v3.Router" } }],
                "route_config": { "name": name, "virtual_hosts": [{ "name": name, "domains": ["*"], "routes": [route] }] } } }] }] })
    };
    let says = |name: &str| json!({ "match": { "prefix": "/" }, "direct_response": { "status": 200, "body": { "inline_string": name } } });
    let cluster = |name: &str, port: u16| {
        json!({ "name": name, "type": "STATIC", "load_assignment": { "cluster_name": name, "endpoints": [
            { "lb_endpoints": [{ "endpoint": { "address": socket(port) } }] }] } })
    };
    let weighted = json!({ "match": { "prefix": "/" }, "route": { "weighted_clusters": { "clusters": [
        { "name": "single", "weight": 90 }, { "name": "multiple", "weight": 10 }] } } });
    json!({
        "admin": { "address": socket(port) },
        "static_resources": {
            "listeners": [
                listener("18500", 18500, weighted),
                listener("one", 18501, says("single")),
                listener("other", 18502, says("multiple")) ],
            "clusters": [cluster("single", 18501), cluster("multiple", 18502)],
        },
    })
}

#[test]
fn a_pod_finds_the_interface_of_its_proxy_by_itself() {
    let folder = tempfile::tempdir().unwrap();
    let config = folder.path().join("bootstrap.json");
    // Ports of a network of its own are free.
    let script = "ip link set lo up; \"$1\" -c \"$2\" -l error --disable-hot-restart >/dev/null 2>&1 & envoy=$!; \
                  for i in $(seq 600); do \"$3\" -n 1 --proxy-admin off http://127.0.0.1:18500/ >/dev/null 2>&1 && break; \
                  sleep 0.1; done; shift 2; \"$@\"; code=$?; kill $envoy; exit $code";
    for (port, pod, more) in [
        (15000, true, &[][..]),
        (19000, true, &[]),
        (15000, false, &["--proxy-admin", "auto"]),
        (15000, false, &[]),
    ] {
        std::fs::write(&config, alone(port).to_string()).unwrap();
        let mut command = Command::new("unshare");
        command.args(["-r", "-n", "bash", "-c", script, "script"]);
        command
            .arg(fetch::envoy())
            .arg(&config)
            .arg(env!("CARGO_BIN_EXE_resplit"));
        command
            .args(["-o", "json", "--expect", TYPED, "-n", "400"])
            .args(CERTAIN)
            .args(more);
        command
            .arg("http://127.0.0.1:18500/")
            .env_remove("KUBERNETES_SERVICE_HOST");
        if pod {
            command.env("KUBERNETES_SERVICE_HOST", "10.96.0.1");
        }
        let output = command.output().expect("`unshare` runs");
        let said = String::from_utf8_lossy(&output.stderr);
        let report: Value = serde_json::from_slice(&output.stdout).unwrap_or_else(|error| {
            panic!("no report ({error}): {said}; the test needs a network namespace of its own (unshare -r -n)")
        });
        if !pod && more.is_empty() {
            assert!(report["programmed"].is_null(), "{:#}", report["programmed"]);
            continue;
        }
        let source = &report["programmed"]["source"];
        assert_eq!(
            *source,
            format!("http://127.0.0.1:{port}"),
            "{:#}",
            report["programmed"]
        );
        assert_eq!(report["counted"]["foreign_requests"], 0);
    }
}
