//! The rules of the verdict in their order, on counts that leave no doubt.

use std::time::Duration;

use super::attribution::Attribution;
use super::mapping::Mapping;
use super::*;
use crate::diag::Note;
use crate::observe::{Failure, FailureKind, Outcome as Ended, Recorder, Sent, Timing};
use crate::split::{Bucket, Identity, parse_weights};

/// Responses in the order of dispatch: a value (`!` for a request without a response, `503` for an error of the proxy) and
/// how often in a row; `per_connection` of them share a connection.
fn seen(answers: &[(&str, u64)], per_connection: u64) -> Observation {
    let mut names: Vec<Bucket> = Vec::new();
    let mut recorder = Recorder::default();
    let mut sequence = 0;
    for (value, count) in answers {
        for _ in 0..*count {
            let sent = Sent {
                sequence,
                connection: u32::try_from(sequence / per_connection).expect("few"),
                resent: false,
            };
            sequence += 1;
            if *value == "!" {
                let failure = Failure::new(FailureKind::Reset, "gone".to_owned());
                recorder.record(sent, Ended::Failed(failure), Timing::default());
                continue;
            }
            let bucket = Bucket {
                identity: Identity::Value((*value).to_owned()),
                status: if *value == "503" { 503 } else { 200 },
            };
            let at = names
                .iter()
                .position(|name| *name == bucket)
                .unwrap_or_else(|| {
                    names.push(bucket);
                    names.len() - 1
                });
            recorder.record(
                sent,
                Ended::Answered(at),
                Timing::of(Duration::from_millis(1)),
            );
        }
    }
    recorder.drain(&names, Duration::from_secs(1))
}

fn judged(
    declared: &str,
    seen: &Observation,
    policy: &Policy,
    hypotheses: &[Hypothesis],
) -> Verdict {
    let expected = parse_weights(&[declared]).expect("a split");
    let mapping = Mapping::derive(&expected, &[], seen.tallies.keys()).expect("clear values");
    let attribution = Attribution::new(seen, Some((&expected, &mapping)));
    let evidence = Evidence {
        declared: Some((&expected, &mapping)),
        seen,
        attribution: &attribution,
        hypotheses,
        key: None,
    };
    judge(evidence, policy, None)
}

/// Responses of two targets, mixed as evenly as the numbers allow: independent of connections and of time.
fn mixed(a: (&'static str, u64), b: (&'static str, u64)) -> Vec<(&'static str, u64)> {
    let total = a.1 + b.1;
    let second = |at: u64| (at + 1) * b.1 / total > at * b.1 / total;
    (0..total)
        .map(|at| (if second(at) { b.0 } else { a.0 }, 1))
        .collect()
}

fn outcome(declared: &str, answers: &[(&str, u64)]) -> Outcome {
    judged(declared, &seen(answers, 1), &Policy::default(), &[]).outcome
}

fn ids(caveats: &[Note]) -> Vec<&str> {
    caveats.iter().map(Note::id).collect()
}

#[test]
fn a_split_that_holds_passes_and_one_that_does_not_diverges() {
    let (right, wrong) = (
        mixed(("v1", 3132), ("v2", 348)),
        mixed(("v1", 1740), ("v2", 1740)),
    );
    assert_eq!(outcome("v1=90,v2=10", &right), Outcome::Pass);
    assert_eq!(outcome("v1=90,v2=10", &wrong), Outcome::Diverged);
}

#[test]
fn not_rejected_alone_is_never_a_pass() {
    let few = judged(
        "v1=90,v2=10",
        &seen(&mixed(("v1", 36), ("v2", 4)), 1),
        &Policy::default(),
        &[],
    );
    assert_eq!(
        (few.outcome, few.requests_needed),
        (Outcome::Inconclusive, Some(3480))
    );
}

#[test]
fn one_answer_from_a_zero_weight_or_an_undeclared_target_diverges_unless_it_is_let_pass() {
    for (declared, stranger) in [("v1=100,v2=0", "v2"), ("v1=100", "v3")] {
        let seen = seen(&[("v1", 999), (stranger, 1)], 1);
        let verdict = judged(declared, &seen, &Policy::default(), &[]);
        assert_eq!(
            (verdict.outcome, verdict.method.as_deref(), verdict.p_value),
            (Outcome::Diverged, Some("structural"), Some(0.0))
        );
        assert_eq!(verdict.max_deviation, Some(0.001));
        let lenient = Policy {
            allow_unexpected: 1,
            ..Policy::default()
        };
        assert_eq!(
            judged(declared, &seen, &lenient, &[]).outcome,
            Outcome::Pass
        );
    }
}

#[test]
fn nothing_attributed_is_no_data() {
    assert_eq!(outcome("v1=90,v2=10", &[("!", 50)]), Outcome::NoData);
    assert_eq!(outcome("v1=90,v2=10", &[("503", 50)]), Outcome::NoData);
}

#[test]
fn unattributed_answers_forbid_a_pass_and_cannot_make_a_divergence() {
    // Without its 348 lost responses v2 seems to get nothing; with them the split is perfect.
    let dead = judged(
        "v1=90,v2=10",
        &seen(&[("v1", 3132), ("503", 348)], 1),
        &Policy::default(),
        &[],
    );
    assert_eq!(
        (dead.outcome, dead.requests_needed),
        (Outcome::Inconclusive, None)
    );
    assert!(
        dead.reason
            .contains("no response could be tied to `v2`; 10% were 503 without identity"),
        "{}",
        dead.reason
    );
    // No fate of 100 lost responses makes 50/50 a 90/10.
    let mut wrong = mixed(("v1", 1000), ("v2", 1000));
    wrong.push(("!", 100));
    assert_eq!(outcome("v1=90,v2=10", &wrong), Outcome::Diverged);
}

#[test]
fn connections_that_stick_diverge_where_requests_are_declared_to_be_split() {
    let answers: Vec<(&str, u64)> = (0..400)
        .map(|at| (if at % 10 == 9 { "v2" } else { "v1" }, 4))
        .collect();
    let seen = seen(&answers, 4);
    let by = |balancing| {
        let policy = Policy {
            balancing,
            ..Policy::default()
        };
        judged("v1=90,v2=10", &seen, &policy, &[])
    };
    let request = by(Balancing::Request);
    assert_eq!(
        (request.outcome, request.unit),
        (Outcome::Diverged, Unit::Connection)
    );
    assert_eq!(ids(&request.diagnosis), ["per-connection"]);
    for balancing in [Balancing::Connection, Balancing::Any] {
        let verdict = by(balancing);
        // 400 connections are 400 draws: no divergence, and too few to pass.
        assert_eq!(
            (verdict.outcome, verdict.unit),
            (Outcome::Inconclusive, Unit::Connection)
        );
        assert!(
            ids(&verdict.caveats).contains(&"per-connection"),
            "{:?}",
            verdict.caveats
        );
    }
}

#[test]
fn a_split_that_changed_never_passes_and_says_where() {
    let mut answers = mixed(("v1", 1600), ("v2", 400));
    answers.extend([("v1", 2000)]);
    let verdict = judged("v1=90,v2=10", &seen(&answers, 1), &Policy::default(), &[]);
    assert_eq!(verdict.outcome, Outcome::Inconclusive);
    assert!(
        ids(&verdict.caveats).contains(&"split-changed"),
        "{:?}",
        verdict.caveats
    );
    assert!(
        verdict.reason.contains("changed during the run"),
        "{}",
        verdict.reason
    );
}

#[test]
fn a_change_among_connections_is_told_in_answers() {
    let policy = Policy {
        balancing: Balancing::Connection,
        ..Policy::default()
    };
    let twice =
        |answers: Vec<(&'static str, u64)>| answers.into_iter().map(|(name, n)| (name, 2 * n));
    let mut answers: Vec<_> = twice(mixed(("v1", 800), ("v2", 200))).collect();
    answers.extend([("v1", 2000)]);
    let verdict = judged("v1=90,v2=10", &seen(&answers, 2), &policy, &[]);
    let change = verdict.change.expect("it changed");
    assert_eq!(
        (change.at, change.before, change.after),
        (2000, vec![1600, 400], vec![2000, 0])
    );
}

#[test]
fn each_explanation_is_named_by_the_counts_it_explains() {
    let other = Hypothesis {
        note: Note::new(Code::OtherRule, "traffic follows http[1]".to_owned()),
        split: None,
        shares: vec![0.3, 0.7],
        known: std::collections::BTreeMap::new(),
    };
    for (v2, id) in [
        (500, "even-split"),
        (900, "swapped-weights"),
        (1000, "single-target"),
        (700, "other-rule"),
    ] {
        let answers = mixed(("v1", 1000 - v2), ("v2", v2));
        let verdict = judged(
            "v1=90,v2=10",
            &seen(&answers, 1),
            &Policy::default(),
            std::slice::from_ref(&other),
        );
        assert_eq!(ids(&verdict.diagnosis), [id], "{v2}");
    }
    // Nothing declared or built in explains 60/40.
    let answers = mixed(("v1", 600), ("v2", 400));
    let verdict = judged(
        "v1=90,v2=10",
        &seen(&answers, 1),
        &Policy::default(),
        &[other],
    );
    assert_eq!(
        (verdict.outcome, ids(&verdict.diagnosis)),
        (Outcome::Diverged, Vec::new())
    );
}

#[test]
fn shares_explain_nothing_where_a_target_of_weight_0_responds() {
    let answers = mixed(("v1", 600), ("v3", 40));
    let explained = |allow_unexpected| {
        let policy = Policy {
            allow_unexpected,
            ..Policy::default()
        };
        let verdict = judged("v1=50,v2=50,v3=0", &seen(&answers, 1), &policy, &[]);
        assert_eq!(verdict.outcome, Outcome::Diverged);
        verdict.diagnosis
    };
    // "Everything goes to `v1`" would be false.
    assert_eq!(ids(&explained(0)), Vec::<&str>::new());
    assert_eq!(ids(&explained(40)), ["single-target"]);
}

#[test]
fn notes_say_what_the_test_that_decides_does() {
    let said = |test, answers: &[(&str, u64)], per_connection, id: &str| {
        let policy = Policy {
            test,
            ..Policy::default()
        };
        let verdict = judged("v1=50,v2=50", &seen(answers, per_connection), &policy, &[]);
        let note = verdict.caveats.into_iter().find(|note| note.id() == id);
        note.unwrap_or_else(|| panic!("{id}: {}", verdict.reason))
            .message
    };
    let mut some_unattributed = mixed(("v1", 2000), ("v2", 2000));
    some_unattributed.extend([("503", 4)]);
    // Connections of ten: nine responses of one target, one of the other.
    let clustered: Vec<_> = (0..200)
        .flat_map(|_| [("v1", 9), ("v2", 1), ("v2", 9), ("v1", 1)])
        .collect();
    for (test, unattributed, clusters) in [
        (None, "the verdict allows for the worst", "and cannot pass"),
        (
            Some(Test::ChiSquare),
            "the chi-square test leaves them out",
            "which the chi-square test does not allow for",
        ),
    ] {
        let note = said(test, &some_unattributed, 1, "unattributed");
        assert!(note.ends_with(unattributed), "{note}");
        let note = said(test, &clustered, 10, "clustered");
        assert!(note.ends_with(clusters), "{note}");
    }
}

#[test]
fn a_target_that_is_missing_is_named() {
    let answers = mixed(("v1", 1600), ("v2", 400));
    let verdict = judged(
        "v1=72,v2=18,v3=10",
        &seen(&answers, 1),
        &Policy::default(),
        &[],
    );
    assert_eq!(ids(&verdict.diagnosis), ["missing-target"]);
    assert!(
        verdict.diagnosis[0].message.contains("`v3` gets nothing"),
        "{:?}",
        verdict.diagnosis
    );
}

#[test]
fn with_nothing_declared_data_is_all_there_is_to_say() {
    let outcome = |answers: &[(&str, u64)]| {
        let seen = seen(answers, 1);
        let attribution = Attribution::new(&seen, None);
        let evidence = Evidence {
            declared: None,
            seen: &seen,
            attribution: &attribution,
            hypotheses: &[],
            key: None,
        };
        judge(evidence, &Policy::default(), None).outcome
    };
    assert_eq!(outcome(&[("v1", 1)]), Outcome::NotJudged);
    assert_eq!(outcome(&[("!", 1)]), Outcome::NoData);
}

#[test]
fn a_watched_run_ends_when_errors_stand_where_the_responses_of_a_target_should() {
    let expected = parse_weights(&["v1=90,v2=10"]).expect("a split");
    let ends = |error: &str, tens: usize, policy: &Policy| {
        let seen = seen(&[("v1", 9), (error, 1)].repeat(tens), 1);
        let mapping = Mapping::derive(&expected, &[], seen.tallies.keys()).expect("clear values");
        Watch::new(&expected, policy).look(&seen, &expected, &mapping)
    };
    let policy = Policy::default();
    // 0.9^131 is 1.01e-6 and 0.9^132 is 9.1e-7; the level is the square of 0.001.
    assert!(!ends("503", 14, &policy) && ends("503", 15, &policy));
    assert!(!ends("!", 14, &policy) && ends("!", 15, &policy));
    assert!(!ends("v2", 15, &policy));
    let tolerant = Policy {
        tolerance: 0.1,
        ..policy
    };
    assert!(!ends("503", 15, &tolerant));
}
