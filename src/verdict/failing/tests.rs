//! Which targets fail, in which words, and what `--require-healthy` makes of them.

use super::*;
use crate::observe::Tally;
use crate::split::{Bucket, Identity, parse_weights};
use crate::verdict::mapping::Mapping;
use crate::verdict::slo::Slo;
use crate::verdict::{Policy, blank, with_slos};

type Responded = [(&'static str, u16, u64)];

fn observation(responses: &Responded) -> Observation {
    let mut seen = Observation::default();
    for (value, status, count) in responses {
        let bucket = Bucket {
            identity: Identity::Value((*value).to_owned()),
            status: *status,
        };
        let tally = Tally {
            count: *count,
            ..Tally::default()
        };
        seen.tallies.insert(bucket, tally);
        seen.sent += count;
    }
    seen
}

fn with<T>(
    declared: &str,
    responses: &Responded,
    then: impl Fn(Option<&Expected>, &Attribution, &Observation) -> T,
) -> T {
    let seen = observation(responses);
    if declared.is_empty() {
        return then(None, &Attribution::new(&seen, None), &seen);
    }
    let expected = parse_weights(&[declared]).expect("a split");
    let mapping = Mapping::derive(&expected, &[], seen.tallies.keys()).expect("clear");
    let attribution = Attribution::new(&seen, Some((&expected, &mapping)));
    then(Some(&expected), &attribution, &seen)
}

fn said(declared: &str, responses: &Responded, outcome: Outcome) -> Option<String> {
    with(declared, responses, |expected, attribution, seen| {
        caveat(expected, attribution, seen, outcome).map(|caveat| caveat.text())
    })
}

#[test]
fn a_target_with_more_errors_than_not_is_named_with_what_to_ask() {
    let says = |responses: &Responded| said("v1=90,v2=10", responses, Outcome::Pass);
    assert_eq!(
        says(&[("v1", 200, 1295), ("v2", 500, 143)]).as_deref(),
        Some(
            "the split holds; all 143 responses of `v2` are 500: the weights say nothing about health; --slo \
             'v2.errors < 1%' makes that part of the verdict"
        )
    );
    let mixed = [
        ("v1", 200, 90),
        ("v2", 200, 4),
        ("v2", 503, 2),
        ("v2", 500, 4),
    ];
    let mixed = says(&mixed).expect("six of ten");
    assert!(
        mixed.contains("6 of 10 responses of `v2` are errors (4 × 500, 2 × 503)"),
        "{mixed}"
    );
    assert_eq!(
        says(&[("v1", 200, 90), ("v2", 200, 5), ("v2", 500, 5)]),
        None
    );
    assert_eq!(says(&[("v1", 200, 90)]), None);
}

#[test]
fn only_a_split_that_passes_is_said_to_hold() {
    let responses = [("v1", 200, 500), ("v2", 500, 500)];
    let said = said("v1=90,v2=10", &responses, Outcome::Diverged).expect("a word");
    assert!(
        said.starts_with("all 500 responses of `v2` are 500"),
        "{said}"
    );
}

#[test]
fn all_targets_that_fail_are_named_and_without_a_declaration_all_responses_are() {
    let responses = [("v1", 500, 90), ("v2", 503, 10)];
    assert_eq!(
        said("v1=90,v2=10", &responses, Outcome::Pass).as_deref(),
        Some(
            "the split holds; every target fails: all 90 responses of `v1` are 500; all 10 responses of `v2` are 503: \
             the weights say nothing about health; --require-healthy makes that part of the verdict"
        )
    );
    assert_eq!(
        said("", &responses, Outcome::NotJudged).as_deref(),
        Some(
            "all 100 responses are errors (90 × 500, 10 × 503); --slo 'all.errors < 1%' makes that part of the verdict"
        )
    );
    let some = [("v1", 500, 90), ("v2", 200, 10)];
    assert_eq!(said("", &some, Outcome::NotJudged), None);
}

#[test]
fn an_objective_that_is_pasted_can_be_read_and_ends_the_hint() {
    let responses = [("v1", 200, 90), ("a b", 500, 10)];
    let verdict = |results: &[SloResult]| {
        with("v1=90,a b=10", &responses, |expected, attribution, seen| {
            let verdict = Verdict {
                caveats: caveat(expected, attribution, seen, Outcome::Pass)
                    .into_iter()
                    .collect(),
                ..blank(Outcome::Pass, &Policy::default())
            };
            with_slos(verdict, results).caveats[0].text()
        })
    };
    let hint = verdict(&[]);
    let pasted = hint
        .split("--slo '")
        .nth(1)
        .and_then(|rest| rest.split('\'').next());
    let slo: Slo = pasted.expect("an objective").parse().expect("it is one");
    let results = with("v1=90,a b=10", &responses, |expected, attribution, seen| {
        slo.check(["v1", "a b"]).expect("it is declared");
        [crate::verdict::slo::evaluate(
            &slo,
            attribution,
            seen,
            expected,
        )]
    });
    assert!(
        verdict(&results).ends_with("say nothing about health"),
        "{}",
        verdict(&results)
    );
}

#[test]
fn required_health_is_an_objective_for_each_target() {
    let outcomes = |declared, responses: &Responded| -> Vec<(String, SloOutcome, String)> {
        with(declared, responses, |expected, attribution, seen| {
            healthy(expected, attribution, seen, 0.001)
                .into_iter()
                .map(|result| (result.slo, result.outcome, result.reason))
                .collect()
        })
    };
    let row = |name: &str, outcome, reason: &str| {
        (format!("{OBJECTIVE}{name}"), outcome, reason.to_owned())
    };
    assert_eq!(
        outcomes("v1=90,v2=10,v3=0", &[("v1", 200, 90), ("v2", 500, 10)]),
        [
            row("v1", SloOutcome::Pass, "0 of 90 responses are errors"),
            row("v2", SloOutcome::Failed, "all 10 responses of `v2` are 500"),
        ]
    );
    assert_eq!(
        outcomes("v1=90,v2=10", &[("v1", 200, 66)])[1],
        row(
            "v2",
            SloOutcome::Failed,
            "no response of 66 could be tied to it"
        )
    );
    assert_eq!(
        outcomes("v1=90,v2=10", &[("v1", 200, 65)])[1].1,
        SloOutcome::Inconclusive
    );
    assert_eq!(
        outcomes("", &[("v1", 500, 6), ("v2", 200, 4)]),
        [row("all", SloOutcome::Failed, "6 of 10 responses are 500")]
    );
}
