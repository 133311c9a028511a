//! What a verdict costs: the exact tests, a run watched response by response, the permutation test.

use std::hint::black_box;
use std::time::Duration;

use criterion::{Criterion, criterion_group, criterion_main};

use resplit::observe::{Observation, Outcome, Recorder, Sent, Timing};
use resplit::split::{Bucket, Identity, parse_weights};
use resplit::stats::Label;
use resplit::stats::binomial;
use resplit::stats::change::change_of_labels;
use resplit::stats::design::{Design, Resolution};
use resplit::stats::interval;
use resplit::stats::multinomial::{self, Order};
use resplit::stats::permutation;
use resplit::stats::sampler::Sampler;
use resplit::stats::sequential::Sequential;
use resplit::verdict::attribution::Attribution;
use resplit::verdict::mapping::Mapping;
use resplit::verdict::{Evidence, Policy, Watch, judge};

fn exact(c: &mut Criterion) {
    c.bench_function("exact binomial, 100300 of 1e6 at 10 %", |b| {
        b.iter(|| binomial::ln_central(black_box(1_000_000), 100_300, 0.1));
    });
    c.bench_function("Clopper-Pearson, 100300 of 1e6", |b| {
        b.iter(|| interval::clopper_pearson(black_box(100_300), 1_000_000, 0.001));
    });
    c.bench_function("all outcomes of 3000 over three targets", |b| {
        b.iter(|| {
            multinomial::ln_exact(
                black_box(&[2950, 20, 30]),
                &[0.98, 0.01, 0.01],
                Order::Pearson,
            )
        });
    });
    c.bench_function("1e5 draws of 30000 over three targets", |b| {
        b.iter(|| {
            multinomial::simulated(
                black_box(&[29_960, 15, 25]),
                &[0.999, 0.0005, 0.0005],
                100_000,
                1,
            )
        });
    });
}

fn watching(c: &mut Criterion) {
    let mut sampler = Sampler::new(1);
    let labels: Vec<usize> = (0..4000)
        .map(|_| usize::from(sampler.uniform() < 0.1))
        .collect();
    for (name, tolerance) in [
        ("4000 looks at 90/10", 0.0),
        ("4000 looks at 90/10, 2 points tolerated", 0.02),
    ] {
        let design = Design::new(&[0.9, 0.1], 0.001, 0.01, tolerance, Resolution::Auto);
        c.bench_function(name, |b| {
            b.iter(|| {
                let mut run = Sequential::new(&design);
                let mut decided = 0_usize;
                for label in &labels {
                    run.push(*label);
                    decided += usize::from(run.decision().is_some());
                }
                decided
            });
        });
    }
    c.bench_function("change point in 4000 responses", |b| {
        let labels: Vec<Label> = labels
            .iter()
            .map(|label| Label::from(*label == 1))
            .collect();
        b.iter(|| change_of_labels(black_box(&labels), 2));
    });
}

fn permuting(c: &mut Criterion) {
    let mut sampler = Sampler::new(2);
    let mut row = || {
        let x = sampler.binomial(2, 0.1);
        vec![2 - x, x]
    };
    let rows: Vec<Vec<u64>> = (0..2028).map(|_| row()).collect();
    c.bench_function("9999 permutations of 2028 pairs", |b| {
        b.iter(|| permutation::p_value(black_box(&rows), &[1.0, 1.0], 9999, 1));
    });
}

/// Runs at 90/10 as they come in, twenty answers at a time, over connections of two requests.
fn looking(c: &mut Criterion) {
    let expected = parse_weights(&["v1=90,v2=10"]).expect("a split");
    let names: Vec<Bucket> = ["v1", "v2"]
        .iter()
        .map(|name| Bucket {
            identity: Identity::Value((*name).to_owned()),
            status: 200,
        })
        .collect();
    let mut sampler = Sampler::new(3);
    let (mut recorder, mut seen) = (Recorder::default(), Observation::default());
    let mut moments = Vec::new();
    for sequence in 0..4056_u32 {
        let sent = Sent {
            sequence: sequence.into(),
            connection: sequence / 2,
            resent: false,
        };
        let bucket = usize::from(sampler.uniform() < 0.1);
        recorder.record(
            sent,
            Outcome::Answered(bucket),
            Timing::of(Duration::from_millis(1)),
        );
        if sequence % 20 == 19 || sequence == 4055 {
            seen.merge(&recorder.drain(&names, Duration::ZERO));
            moments.push(seen.clone());
        }
    }
    let mapping = Mapping::derive(&expected, &[], &names).expect("clear");
    // So small that nothing is certain before the end.
    let policy = Policy {
        alpha: 1e-12,
        beta: 1e-12,
        ..Policy::default()
    };
    let watched = || {
        let mut watch = Watch::new(&expected, &policy);
        for moment in &moments {
            watch.look(black_box(moment), &expected, &mapping);
        }
        watch
    };
    c.bench_function("4056 responses through a watch", |b| b.iter(watched));
    let watch = watched();
    let declared = Some((&expected, &mapping));
    let attribution = Attribution::new(&seen, declared);
    c.bench_function("the verdict on 4056 watched responses", |b| {
        b.iter(|| {
            let evidence = Evidence {
                declared,
                seen: &seen,
                attribution: &attribution,
                hypotheses: &[],
                key: None,
            };
            judge(black_box(evidence), &policy, Some(&watch))
        });
    });
}

criterion_group! {
    name = judge_benches;
    config = Criterion::default()
        .sample_size(10)
        .warm_up_time(Duration::from_millis(200))
        .measurement_time(Duration::from_secs(1));
    targets = exact, watching, permuting, looking
}
criterion_main!(judge_benches);
