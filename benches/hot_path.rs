//! What is done for every request besides sending it: telling the answer apart, counting it, knowing when the next is due.
//! The request itself is prepared once for all.

use std::hint::black_box;
use std::time::Duration;

use criterion::{BatchSize, Criterion, criterion_group, criterion_main};
use httparse::Header;
use resplit::bucket::{Bucketer, Fields, Names, Reply};
use resplit::observe::{Outcome, Recorder, Sent, Timing};

const BODY: &[u8] = br#"{"path":"/","version":"v1","pod":"weather-v1-6757db4ff5-8jzqn"}"#;

fn fields() -> [Header<'static>; 5] {
    [
        ("server", "istio-envoy"),
        ("date", "Wed, 25 Nov 2026 10:00:00 GMT"),
        ("content-type", "application/json"),
        ("content-length", "63"),
        ("x-version", "v1"),
    ]
    .map(|(name, value)| Header {
        name,
        value: value.as_bytes(),
    })
}

fn bucket(bench: &mut Criterion) {
    let fields = fields();
    let reply = Reply {
        status: 200,
        headers: Fields(&fields),
        body: BODY,
        peer: "10.0.0.7:5000",
    };
    for spec in [
        "auto",
        "header:x-version",
        "json:/version",
        "regex:v[0-9]",
        "peer",
    ] {
        let bucketer = Bucketer::parse(&[spec]).expect("a spec");
        let mut names = Names::default();
        names.of(&bucketer, &reply);
        bench.bench_function(&format!("a known answer, {spec}"), |bench| {
            bench.iter(|| names.of(&bucketer, black_box(&reply)));
        });
        bench.bench_function(&format!("a new answer, {spec}"), |bench| {
            bench.iter_batched_ref(
                Names::default,
                |names| names.of(&bucketer, black_box(&reply)),
                BatchSize::SmallInput,
            );
        });
    }
}

fn record(bench: &mut Criterion) {
    let service = Duration::from_micros(800);
    for (what, response) in [
        ("a closed loop", None),
        ("an open loop", Some(Duration::from_micros(900))),
    ] {
        let timing = Timing {
            response,
            ..Timing::of(service)
        };
        // Beyond what is remembered one by one.
        let sent = Sent {
            sequence: 1 << 40,
            connection: 7,
            resent: false,
        };
        let mut recorder = Recorder::default();
        bench.bench_function(&format!("the end of a request of {what}"), |bench| {
            bench.iter(|| recorder.record(black_box(sent), Outcome::Answered(1), timing));
        });
    }
}

criterion_group!(benches, bucket, record);
criterion_main!(benches);
