//! What lint costs: ten times the objects should take ten times as long.

use std::fmt::Write as _;
use std::hint::black_box;

use criterion::{BenchmarkId, Criterion, Throughput, criterion_group, criterion_main};

use resplit::diag::Sources;
use resplit::lint::{Context, check};
use resplit::manifest::parse;
use resplit::route::Vantage;

/// So many services, each with its rules, and one gateway for all of them.
fn cluster(services: usize) -> Sources {
    let mut text = String::new();
    for number in 0..services {
        let _ = write!(
            text,
            "apiVersion: v1\nkind: Service\nmetadata: {{name: s{number}}}\nspec: {{ports: [{{name: web, port: 80}}]}}\n---\n\
             apiVersion: networking.istio.io/v1\nkind: DestinationRule\nmetadata: {{name: s{number}}}\nspec:\n  \
             host: s{number}\n  subsets: [{{name: v1, labels: {{version: v1}}}}, {{name: v2, labels: {{version: v2}}}}]\n---\n\
             apiVersion: networking.istio.io/v1\nkind: VirtualService\nmetadata: {{name: s{number}}}\nspec:\n  \
             hosts: [s{number}]\n  gateways: [mesh, public]\n  http:\n  - match: [{{uri: {{prefix: /a}}}}]\n    route:\n    \
             - {{destination: {{host: s{number}, subset: v1}}}}\n  - route:\n    \
             - {{destination: {{host: s{number}, subset: v1}}, weight: 90}}\n    \
             - {{destination: {{host: s{number}, subset: v3}}, weight: 10}}\n---\n"
        );
    }
    let mut sources = Sources::new();
    sources.add("cluster.yaml", text);
    sources
}

/// A rule with so many routes, none of which covers another.
fn routes(number: usize) -> Sources {
    let mut text = "apiVersion: networking.istio.io/v1\nkind: VirtualService\nmetadata: {name: web}\nspec:\n  hosts: [web]\n  \
                    http:\n"
        .to_owned();
    for route in 0..number {
        let _ = write!(
            text,
            "  - match: [{{uri: {{prefix: /p{route}/}}}}]\n    route: [{{destination: {{host: web}}}}]\n"
        );
    }
    let mut sources = Sources::new();
    sources.add("routes.yaml", text);
    sources
}

fn lint(c: &mut Criterion) {
    let mut group = c.benchmark_group("lint");
    group.sample_size(10);
    for (name, sources) in [
        ("services", [cluster(333), cluster(3333)]),
        ("routes", [routes(1000), routes(10_000)]),
    ] {
        for sources in &sources {
            let (manifests, problems) = parse(sources);
            let size = manifests
                .objects
                .len()
                .max(manifests.virtual_services[0].http.len());
            group.throughput(Throughput::Elements(size as u64));
            group.bench_function(BenchmarkId::new(name, size), |b| {
                b.iter(|| {
                    let mesh = Vantage::mesh(None, None);
                    check(&Context::everywhere(
                        black_box(sources),
                        &manifests,
                        &problems,
                        &mesh,
                    ))
                });
            });
        }
    }
    group.finish();
}

criterion_group!(benches, lint);
criterion_main!(benches);
