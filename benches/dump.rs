//! What it costs to read the configuration of a proxy in a large mesh, and to find the route of one request in it.
//!
//! Only what routes requests is kept: `resplit explain` on 50 MB peaks at 140 MB, of which the text is 50
//! (`/usr/bin/time -v`), and takes half a second of processor time with everything around it.

use std::fmt::Write as _;
use std::hint::black_box;
use std::time::Duration;

use criterion::{Criterion, Throughput, criterion_group, criterion_main};

use resplit::diag::Sources;
use resplit::manifest::{lower, parse};
use resplit::route::{Probe, Vantage, resolve};

/// Services of the mesh, each on three ports.
const SERVICES: usize = 5400;

/// A dump of some fifty megabytes: all services with their clusters and endpoints.
fn dump() -> String {
    let mut text = String::from("{\"configs\": [\n{\"dynamic_active_clusters\": [\n");
    let services =
        || (0..SERVICES).flat_map(|service| [80, 8080, 9090].map(|port| (service, port)));
    let comma = |at: usize| if at == 0 { "" } else { ",\n" };
    for (at, (service, port)) in services().enumerate() {
        let name = format!("outbound|{port}||s{service}.ns.svc.cluster.local");
        let padding = "0123456789abcdef".repeat(60);
        let _ = write!(
            text,
            r#"{}{{"version_info": "1", "cluster": {{"name": "{name}", "type": "EDS", "metadata": {{"filter_metadata": {{"istio": {{"x": "{padding}"}}}}}}, "circuit_breakers": {{"thresholds": [{{"max_connections": 4294967295, "track_remaining": true}}]}}}}}}"#,
            comma(at)
        );
    }
    text.push_str("]},\n{\"dynamic_endpoint_configs\": [\n");
    for (at, (service, port)) in services().enumerate() {
        let name = format!("outbound|{port}||s{service}.ns.svc.cluster.local");
        let endpoint = r#"{"endpoint": {"address": {"socket_address": {"address": "10.0.0.1", "port_value": 8080}}}, "health_status": "HEALTHY", "load_balancing_weight": 1}"#;
        let endpoints = [endpoint; 8].join(",");
        let _ = write!(
            text,
            r#"{}{{"endpoint_config": {{"cluster_name": "{name}", "endpoints": [{{"locality": {{"region": "r"}}, "lb_endpoints": [{endpoints}]}}]}}}}"#,
            comma(at)
        );
    }
    text.push_str("]},\n{\"dynamic_route_configs\": [\n");
    for (at, port) in [80, 8080, 9090].into_iter().enumerate() {
        let _ = write!(
            text,
            r#"{}{{"route_config": {{"name": "{port}", "ignore_port_in_host_matching": true, "virtual_hosts": ["#,
            comma(at)
        );
        for service in 0..SERVICES {
            let host = format!("s{service}.ns.svc.cluster.local");
            let retry = r#"{"retry_on": "connect-failure,refused-stream", "num_retries": 2, "retry_host_predicate": [{"name": "envoy.retry_host_predicates.previous_hosts", "typed_config": {"@type": "type.googleapis.com/envoy.extensions.retry.host.previous_hosts.v3.PreviousHostsPredicate"}}]}"#;
            let _ = write!(
                text,
                r#"{}{{"name": "{host}:{port}", "domains": ["{host}", "s{service}.ns", "s{service}.ns.svc", "10.0.{}.{}"], "routes": [{{"match": {{"prefix": "/"}}, "name": "default", "route": {{"cluster": "outbound|{port}||{host}", "timeout": "0s", "retry_policy": {retry}}}}}]}}"#,
                comma(service),
                service / 256,
                service % 256
            );
        }
        text.push_str("]}}");
    }
    text.push_str("]}\n]}");
    text
}

fn reading(c: &mut Criterion) {
    let text = dump();
    let bytes = text.len() as u64;
    let mut sources = Sources::new();
    sources.add("dump.json", text);
    let mut group = c.benchmark_group("a config dump");
    group
        .sample_size(10)
        .measurement_time(Duration::from_secs(5));
    group.throughput(Throughput::Bytes(bytes));
    group.bench_function(format!("{} MB read", bytes / 1_000_000), |b| {
        b.iter(|| parse(black_box(&sources)));
    });
    group.finish();
    let (manifests, problems) = parse(&sources);
    assert!(problems.is_empty(), "{problems:?}");
    let url = "http://s5399.ns:9090/".parse().expect("a URL");
    let probe = Probe::new("GET", &url).expect("an absolute URL");
    let vantage = Vantage::mesh(None, None).dialling(&probe);
    c.bench_function("one request among its 5400 hosts", |b| {
        b.iter(|| {
            let table = lower(black_box(&manifests), &vantage);
            resolve(&table, &probe).expect("a host").mechanism
        });
    });
}

criterion_group!(benches, reading);
criterion_main!(benches);
