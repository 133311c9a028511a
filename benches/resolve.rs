//! What a cluster costs: ten thousand virtual services and destination rules read, lowered, and one request resolved.

use std::fmt::Write as _;
use std::hint::black_box;
use std::time::Duration;

use criterion::{Criterion, criterion_group, criterion_main};

use resplit::diag::Sources;
use resplit::manifest::{lower, parse};
use resplit::route::{Probe, Vantage, resolve};

/// The rules of a cluster with so many services.
fn cluster(services: usize) -> String {
    let mut text = String::new();
    for number in 0..services {
        let name = format!("s{number}");
        let _ = write!(
            text,
            "apiVersion: v1\nkind: Service\nmetadata: {{name: {name}}}\nspec: {{selector: {{app: {name}}}, ports: [{{name: http, port: 80}}]}}\n---\n\
             apiVersion: networking.istio.io/v1\nkind: DestinationRule\nmetadata: {{name: {name}}}\nspec:\n  host: {name}\n  subsets:\n  \
             - {{name: v1, labels: {{version: v1}}}}\n  - {{name: v2, labels: {{version: v2}}}}\n---\n\
             apiVersion: networking.istio.io/v1\nkind: VirtualService\nmetadata: {{name: {name}}}\nspec:\n  hosts: [{name}]\n  http:\n  - route:\n    \
             - {{destination: {{host: {name}, subset: v1}}, weight: 90}}\n    - {{destination: {{host: {name}, subset: v2}}, weight: 10}}\n---\n"
        );
    }
    text
}

fn ten_thousand(c: &mut Criterion) {
    let mut sources = Sources::new();
    sources.add("cluster.yaml", cluster(10_000));
    let (manifests, problems) = parse(&sources);
    assert_eq!(problems, []);
    let url = "http://s9999/".parse().expect("a URL");
    let probe = Probe::new("GET", &url).expect("an absolute URL");
    let vantage = Vantage::mesh(Some("default".to_owned()), None).dialling(&probe);
    let table = lower(&manifests, &vantage);
    let mut group = c.benchmark_group("10,000 services");
    group
        .sample_size(10)
        .measurement_time(Duration::from_secs(5));
    group.bench_function("parse", |b| b.iter(|| parse(black_box(&sources))));
    group.bench_function("lower", |b| {
        b.iter(|| lower(black_box(&manifests), &vantage));
    });
    group.bench_function("resolve", |b| {
        b.iter(|| resolve(black_box(&table), &probe).is_ok());
    });
    group.finish();
}

criterion_group!(benches, ten_thousand);
criterion_main!(benches);
