//! What four times the input costs: lint, `explain --all-rules`, `test --init`, a report, and the merge of reports. After each pair of sizes the exponent of
//! the growth is printed: 1 is linear, 2 quadratic.
//!
//! `cargo bench --bench growth [NAME]`
#![allow(
    clippy::disallowed_methods,
    clippy::print_stderr,
    reason = "a benchmark reads the clock, and says what it found"
)]

use std::cell::Cell;
use std::fmt::Write as _;
use std::hint::black_box;
use std::time::{Duration, Instant};

use criterion::{BenchmarkId, Criterion, criterion_group, criterion_main};

use resplit::diag::Sources;
use resplit::lint::{Context, check};
use resplit::manifest::{lower, parse};
use resplit::observe::{LatencyCell, PackedLog, RequestLog, RequestRecord, Tally};
use resplit::report::{Changes, Responses, read, rejudge};
use resplit::route::example_request::rule_reaches;
use resplit::route::{Probe, Vantage, resolve};
use resplit::split::{Bucket, Identity};
use resplit::suite::{World, write};

const REPORT: &str = include_str!("../tests/reports/open-loop.json");

/// Measures two sizes, one four times the other.
fn growth<T>(
    c: &mut Criterion,
    name: &str,
    size: usize,
    input: impl Fn(usize) -> T,
    work: impl Fn(&T),
) {
    let mut group = c.benchmark_group(name);
    group
        .sample_size(10)
        .measurement_time(Duration::from_secs(3));
    let sizes = [size, 4 * size];
    let least = sizes.map(|_| Cell::new(f64::INFINITY));
    for (size, least) in sizes.iter().zip(&least) {
        let input = input(*size);
        group.bench_function(BenchmarkId::from_parameter(size), |bencher| {
            bencher.iter_custom(|times| {
                let begun = Instant::now();
                (0..times).for_each(|_| work(black_box(&input)));
                let took = begun.elapsed();
                least.set(least.get().min(took.as_secs_f64() / times as f64));
                took
            });
        });
    }
    group.finish();
    let [one, four] = least.map(Cell::into_inner);
    if one.is_finite() && four.is_finite() {
        let exponent = (four / one).log2() / 2.0;
        eprintln!(
            "{name}: {one:.4} s, of four times as much {four:.4} s: grows with the power {exponent:.2}"
        );
    }
}

fn sources(name: &str, text: String) -> Sources {
    let mut sources = Sources::new();
    sources.add(name, text);
    sources
}

/// A VirtualService with so many rules.
fn rules(number: usize, rule: impl Fn(usize) -> String) -> Sources {
    let mut text = "apiVersion: networking.istio.io/v1\nkind: VirtualService\nmetadata: {name: web}\nspec:\n  hosts: [web]\n  http:\n"
        .to_owned();
    for at in 0..number {
        let _ = writeln!(
            text,
            "  - match: [{{{}}}]\n    route: [{{destination: {{host: web}}}}]",
            rule(at)
        );
    }
    sources("rules.yaml", text)
}

/// The dump of a proxy whose first route takes what all others ask for.
fn shadowed(number: usize) -> Sources {
    let route = |at: usize| {
        let prefix = if at == 0 {
            "/p".to_owned()
        } else {
            format!("/p{at}/")
        };
        format!(
            r#"{{"match":{{"prefix":"{prefix}"}},"route":{{"cluster":"outbound|80|v1|web.default.svc.cluster.local"}}}}"#
        )
    };
    let routes: Vec<String> = (0..number).map(route).collect();
    let text = format!(
        r#"{{"configs":[{{"@type":"type.googleapis.com/envoy.admin.v3.RoutesConfigDump","dynamic_route_configs":[{{"route_config":{{"@type":"type.googleapis.com/envoy.config.route.v3.RouteConfiguration","name":"80","virtual_hosts":[{{"name":"web:80","domains":["web"],"routes":[{}]}}]}}}}]}}]}}"#,
        routes.join(",\n")
    );
    sources("dump.json", text)
}

/// Gateways of the same proxies, each with a rule.
fn gateways(number: usize) -> Sources {
    gateways_of(number, |_| "ingressgateway".to_owned())
}

/// Gateways of proxies of their own, each with a rule.
fn gateways_apart(number: usize) -> Sources {
    gateways_of(number, |at| format!("gateway-{at}"))
}

fn gateways_of(number: usize, proxies: impl Fn(usize) -> String) -> Sources {
    let mut text = String::new();
    for at in 0..number {
        let proxies = proxies(at);
        let _ = write!(
            text,
            "apiVersion: networking.istio.io/v1\nkind: Gateway\nmetadata: {{name: g{at}}}\nspec:\n  selector: {{istio: {proxies}}}\n  \
             servers: [{{port: {{number: 80, name: http, protocol: HTTP}}, hosts: [h{at}.example.com]}}]\n---\n\
             apiVersion: networking.istio.io/v1\nkind: VirtualService\nmetadata: {{name: v{at}}}\nspec:\n  hosts: [h{at}.example.com]\n  \
             gateways: [g{at}]\n  http: [{{route: [{{destination: {{host: web}}}}]}}]\n---\n"
        );
    }
    sources("gateways.yaml", text)
}

/// Gateways of the Gateway API, each with an `HTTPRoute`.
fn api_gateways(number: usize) -> Sources {
    let mut text = String::new();
    for at in 0..number {
        let _ = write!(
            text,
            "apiVersion: gateway.networking.k8s.io/v1\nkind: Gateway\nmetadata: {{name: g{at}}}\nspec:\n  gatewayClassName: istio\n  \
             listeners: [{{name: http, port: 80, protocol: HTTP}}]\n---\n\
             apiVersion: gateway.networking.k8s.io/v1\nkind: HTTPRoute\nmetadata: {{name: r{at}}}\nspec:\n  \
             parentRefs: [{{name: g{at}}}]\n  hostnames: [h{at}.example.com]\n  rules: [{{backendRefs: [{{name: web, port: 80}}]}}]\n---\n"
        );
    }
    sources("gateways.yaml", text)
}

/// `HTTPRoute`s of one host.
fn http_routes(number: usize) -> Sources {
    let mut text = String::new();
    for at in 0..number {
        let _ = write!(
            text,
            "apiVersion: gateway.networking.k8s.io/v1\nkind: HTTPRoute\nmetadata: {{name: r{at}}}\nspec:\n  \
             parentRefs: [{{group: '', kind: Service, name: web, port: 80}}]\n  rules:\n  \
             - matches: [{{path: {{type: PathPrefix, value: /p{at}}}}}]\n    backendRefs: [{{name: web, port: 80}}]\n---\n"
        );
    }
    text += "apiVersion: v1\nkind: Service\nmetadata: {name: web}\nspec: {ports: [{name: http, port: 80}]}\n";
    sources("routes.yaml", text)
}

fn linted(sources: &Sources) {
    let (manifests, problems) = parse(sources);
    let mesh = Vantage::mesh(None, None);
    black_box(check(&Context::everywhere(
        sources, &manifests, &problems, &mesh,
    )));
}

fn explained(sources: &Sources) {
    let (manifests, _) = parse(sources);
    let vantage = Vantage::mesh(None, None);
    let table = lower(&manifests, &vantage);
    let url = "http://web/".parse().expect("a URL");
    let probe = Probe::new("GET", &url).expect("a request");
    let resolution = resolve(&table, &probe).expect("a host");
    black_box(rule_reaches(&table, resolution.host, &probe));
}

/// Two saved reports with so many notes each.
fn reports(number: usize) -> [String; 2] {
    let mut report: serde_json::Value = serde_json::from_str(REPORT).expect("JSON");
    let note = |at: usize| serde_json::json!({"id": "mirrored", "message": format!("note {at}")});
    report["verdict"]["caveats"] = (0..number).map(note).collect();
    let first = report.to_string();
    report["observation"]["elapsed_s"] = serde_json::json!(9.5);
    [first, report.to_string()]
}

fn merged(texts: &[String; 2]) {
    let named = |text: &String| (text.len().to_string(), read(text).expect("a report"));
    let _ = black_box(rejudge(
        texts.iter().map(named).collect(),
        &Changes::default(),
    ));
}

/// The suite that `test --init` writes.
fn written(sources: &Sources) {
    let (manifests, _) = parse(sources);
    let world = World::new(sources.clone(), manifests);
    black_box(write(&world, &[], None));
}

/// A saved report of so many requests, one after the other over a hundred connections.
fn requests(number: usize) -> String {
    let number = u32::try_from(number).expect("few");
    let mut report: serde_json::Value = serde_json::from_str(REPORT).expect("JSON");
    let bucket = Bucket {
        identity: Identity::Value("v1".to_owned()),
        status: 200,
    };
    let (mut log, mut tally) = (RequestLog::default(), Tally::default());
    for sequence in 0..number {
        let time = Duration::from_micros(1000 + u64::from(sequence * 7919 % 997));
        tally.count += 1;
        tally.latency += u64::try_from(time.as_micros()).expect("few");
        log.push(RequestRecord {
            sequence,
            connection: sequence % 100,
            bucket: Some(&bucket),
            latency: Some(LatencyCell::of(time)),
        });
    }
    let answers = Responses {
        bucket: bucket.clone(),
        tally,
    };
    let observation = &mut report["observation"];
    observation["sent"] = number.into();
    observation["answered"] = number.into();
    observation["failures"] = serde_json::json!([]);
    observation["requests"] = serde_json::json!(PackedLog::pack(&log, &[&bucket]));
    let row = &mut observation["buckets"][0];
    row["answers"] = serde_json::json!([answers]);
    observation["buckets"] = serde_json::json!([row.clone()]);
    for over_time in ["timeline", "failed_over_time", "pace"] {
        observation
            .as_object_mut()
            .expect("a map")
            .remove(over_time);
    }
    report.to_string()
}

fn judged(text: &str) {
    let report = read(text).expect("a report");
    let reports = vec![("a".to_owned(), report)];
    black_box(rejudge(reports, &Changes::default())).expect("a run");
}

fn all(c: &mut Criterion) {
    growth(
        c,
        "lint/prefixes",
        4000,
        |n| rules(n, |at| format!("uri: {{prefix: /p{at}/}}")),
        linted,
    );
    growth(
        c,
        "lint/nested prefixes",
        4000,
        |n| rules(n, |at| format!("uri: {{prefix: /p{}}}", n - at)),
        linted,
    );
    growth(
        c,
        "lint/a finding for each rule",
        4000,
        |n| rules(n, |at| format!("uri: {{prefix: /p{at}}}")),
        linted,
    );
    growth(c, "lint/shadowed in a dump", 1000, shadowed, linted);
    growth(c, "lint/gateways", 400, gateways, linted);
    growth(
        c,
        "lint/gateways of many proxies",
        400,
        gateways_apart,
        linted,
    );
    growth(
        c,
        "lint/gateways of the Gateway API",
        400,
        api_gateways,
        linted,
    );
    growth(
        c,
        "explain/regular expressions",
        500,
        |n| rules(n, |at| format!("uri: {{regex: '/p{at}/[a-z]+'}}")),
        explained,
    );
    growth(
        c,
        "explain/headers",
        500,
        |n| rules(n, |at| format!("headers: {{x-user: {{exact: u{at}}}}}")),
        explained,
    );
    growth(c, "explain/shadowed in a dump", 1000, shadowed, explained);
    growth(c, "explain/HTTPRoutes", 1000, http_routes, explained);
    growth(
        c,
        "test --init/rules",
        500,
        |n| rules(n, |at| format!("uri: {{prefix: /p{at}/}}")),
        written,
    );
    growth(c, "test --init/gateways", 100, gateways, written);
    growth(
        c,
        "test --init/gateways of the Gateway API",
        100,
        api_gateways,
        written,
    );
    growth(c, "report/notes", 10_000, reports, merged);
    growth(c, "report/requests", 100_000, requests, |text| judged(text));
}

criterion_group!(benches, all);
criterion_main!(benches);
