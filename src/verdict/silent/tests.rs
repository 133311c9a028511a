//! Which targets are silent, whose errors stand in their place, and what else is left alone.

use super::*;
use crate::diag::Note;
use crate::observe::{FailureCount, FailureKind, Observation, Tally};
use crate::split::{Bucket, Identity, parse_weights};
use crate::verdict::attribution::Attribution;
use crate::verdict::starvation::requests_to_starve;
use crate::verdict::{Evidence, Policy, judge};

const UNREACHABLE: &str = "upstream connect error or disconnect/reset before headers. reset reason: remote connection \
                           failure, transport failure reason: delayed connect error: 111";

/// What a run saw: a value, or for an error its text, with its status and how often; then requests without a response.
fn judged(declared: &str, responses: &[(&str, u16, u64)], failed: u64, policy: &Policy) -> Verdict {
    let expected = parse_weights(&[declared]).expect("a split");
    let mut seen = Observation::default();
    for (text, status, count) in responses {
        let flag = ResponseFlag::of_text(text).filter(|_| *status >= 400);
        let identity = match (flag, *text) {
            (Some(_), text) => Identity::LocalReply {
                flag,
                text: text.to_owned(),
            },
            (None, "-") => Identity::Missing,
            (None, value) => Identity::Value(value.to_owned()),
        };
        let (status, count) = (*status, *count);
        let tally = Tally {
            count,
            ..Tally::default()
        };
        seen.tallies.insert(Bucket { identity, status }, tally);
        seen.sent += count;
    }
    let lost = FailureCount::new(failed, "reset");
    seen.failures.insert(FailureKind::Reset, lost);
    seen.sent += failed;
    let mapping = Mapping::derive(&expected, &[], seen.tallies.keys()).expect("clear");
    let attribution = Attribution::new(&seen, Some((&expected, &mapping)));
    let evidence = Evidence {
        declared: Some((&expected, &mapping)),
        seen: &seen,
        attribution: &attribution,
        hypotheses: &[],
        key: None,
    };
    judge(evidence, policy, None)
}

fn plain(declared: &str, responses: &[(&str, u16, u64)], failed: u64) -> Verdict {
    judged(declared, responses, failed, &Policy::default())
}

fn ids(caveats: &[Note]) -> Vec<&str> {
    caveats.iter().map(|caveat| caveat.code.id()).collect()
}

#[test]
fn a_target_is_starved_when_so_few_responses_are_impossible_by_chance() {
    assert!(!starved(0, 65, 0.1, 0.001), "0.9^65 = 0.00106");
    assert!(starved(0, 66, 0.1, 0.001), "0.9^66 = 0.00096");
    assert_eq!(requests_to_starve(0.1, 0.001), 66);
    assert!(starved(0, 1, 1.0, 0.001) && !starved(1, 1, 1.0, 0.001));
    assert!(!starved(0, 0, 1.0, 0.001) && !starved(0, 1000, 0.0, 0.001));
    // P(X <= 1) of 92 and 93 at a tenth: 0.00069 and 0.00063; of 88: 0.00101.
    assert!(!starved(1, 88, 0.1, 0.001) && starved(1, 93, 0.1, 0.001));
}

#[test]
fn a_target_that_the_proxy_replies_for_diverges_and_its_share_goes_to_nobody() {
    let verdict = plain(
        "v1=90,v2=10",
        &[("v1", 200, 3647), (UNREACHABLE, 503, 409)],
        0,
    );
    assert_eq!(verdict.outcome, Outcome::Diverged);
    assert_eq!(verdict.method.as_deref(), Some("structural"));
    assert_eq!(
        verdict.reason,
        "`v2` never answered: 10.08% of the requests got 503 upstream connect error … remote connection failure: its \
         share goes to nobody"
    );
    assert_eq!(ids(&verdict.diagnosis), ["target-silent"]);
    let why = &verdict.diagnosis[0].message;
    assert!(
        why.contains("response flag UF") && why.contains("pods of `v2`"),
        "{why}"
    );
    assert_eq!(verdict.requests_needed, None);
}

#[test]
fn the_next_step_goes_by_what_the_proxy_said() {
    for (text, status, step) in [
        ("no healthy upstream", 503, "endpointslices"),
        ("upstream request timeout", 504, "raise the timeout"),
        ("fault filter abort", 500, "fault.abort"),
        (
            "upstream connect error or disconnect/reset before headers. reset reason: overflow",
            503,
            "-c 1",
        ),
    ] {
        let verdict = plain("v1=90,v2=10", &[("v1", 200, 180), (text, status, 20)], 0);
        assert_eq!(verdict.outcome, Outcome::Diverged, "{text}");
        let why = &verdict.diagnosis[0].message;
        assert!(why.contains(step), "{text}: {why}");
    }
}

#[test]
fn several_silent_targets_are_named_together() {
    let responses = [("v1", 200, 400), ("no healthy upstream", 503, 100)];
    let verdict = plain("v1=80,v2=10,v3=10", &responses, 0);
    assert_eq!(
        verdict.reason,
        "`v2` and `v3` never answered: 20% of the requests got 503 no healthy upstream: their shares go to nobody"
    );
}

#[test]
fn errors_that_may_be_its_own_leave_it_open_whatever_the_number_of_requests() {
    let verdict = plain("v1=90,v2=10", &[("v1", 200, 3647), ("-", 500, 409)], 0);
    assert_eq!(verdict.outcome, Outcome::Inconclusive);
    assert_eq!(
        verdict.reason,
        "no response could be tied to `v2`; 10.08% were 500 without identity"
    );
    assert_eq!(ids(&verdict.caveats)[0], "target-silent");
    assert!(verdict.silent_target());
    assert_eq!(verdict.requests_needed, None);
    // So does a target that does not respond at all.
    let verdict = plain("v1=90,v2=10", &[("v1", 200, 180)], 20);
    assert_eq!(
        verdict.reason,
        "no response could be tied to `v2`; 10% had no response (reset)"
    );
    // More unattributed responses that are let pass are no pass of a silent target.
    let lenient = Policy {
        max_unattributed: 1.0,
        resolution: Some(0.2),
        ..Policy::default()
    };
    let responses = [("v1", 200, 3647), ("-", 500, 409)];
    let verdict = judged("v1=90,v2=10", &responses, 0, &lenient);
    assert_eq!(verdict.outcome, Outcome::Inconclusive);
}

#[test]
fn a_few_errors_of_its_own_beside_replies_of_the_proxy_are_no_excuse_and_many_are() {
    let with_own = |own: u64| {
        let responses = [
            ("v1", 200, 900),
            ("no healthy upstream", 503, 100 - own),
            ("-", 500, own),
        ];
        plain("v1=90,v2=10", &responses, 0).outcome
    };
    assert_eq!(with_own(20), Outcome::Diverged);
    assert_eq!(with_own(90), Outcome::Inconclusive);
}

#[test]
fn errors_of_all_targets_alike_do_not_show_that_one_is_silent() {
    // 96 of 100 overflow: four responses tell nothing of a share of a tenth.
    let overflow =
        "upstream connect error or disconnect/reset before headers. reset reason: overflow";
    let verdict = plain("v1=90,v2=10", &[("v1", 200, 4), (overflow, 503, 96)], 0);
    assert_eq!(verdict.outcome, Outcome::Inconclusive);
    assert_eq!(
        verdict.reason,
        "no response could be tied to `v2`; 96% of the requests got 503 upstream connect error … overflow"
    );
    assert!(verdict.caveats[0].message.contains("-c 1"));
}

#[test]
fn what_else_leaves_a_target_without_a_response_is_not_touched() {
    // Too few requests to tell; no errors at all; errors that do not fit; a share that is tolerated.
    let open = plain("v1=90,v2=10", &[("v1", 200, 50), (UNREACHABLE, 503, 5)], 0);
    assert_eq!(open.outcome, Outcome::Inconclusive);
    assert!(!open.silent_target(), "{}", open.reason);
    let elsewhere = plain("v1=90,v2=10", &[("v1", 200, 500)], 0);
    assert!(
        elsewhere.reason.contains("`v2` got 0%"),
        "{}",
        elsewhere.reason
    );
    let unfit = plain(
        "v1=90,v2=10",
        &[("v1", 200, 980), (UNREACHABLE, 503, 20)],
        0,
    );
    assert!(unfit.reason.contains("`v2` got 0%"), "{}", unfit.reason);
    let tolerant = Policy {
        tolerance: 0.1,
        max_unattributed: 1.0,
        ..Policy::default()
    };
    let responses = [("v1", 200, 3647), (UNREACHABLE, 503, 409)];
    let verdict = judged("v1=90,v2=10", &responses, 0, &tolerant);
    assert!(
        !verdict.reason.contains("never answered"),
        "{}",
        verdict.reason
    );
}

#[test]
fn a_run_with_nothing_but_errors_says_which_and_what_to_do() {
    let nothing = |responses: &[(&str, u16, u64)]| {
        let verdict = plain("v1=90,v2=10", responses, 0);
        assert_eq!(verdict.outcome, Outcome::NoData);
        let note = verdict
            .caveats
            .first()
            .filter(|note| note.code == Code::TargetSilent);
        (verdict.reason, note.map(|note| note.message.clone()))
    };
    let (reason, note) = nothing(&[("no healthy upstream", 503, 200)]);
    assert_eq!(
        reason,
        "none of 200 responses could be attributed to a target; 100% of the requests got 503 no healthy upstream"
    );
    let note = note.expect("a note");
    assert!(
        note.starts_with(
            "the proxy itself replied (response flag UH): it has no endpoint for `v1` and `v2`."
        ),
        "{note}"
    );
    let (reason, note) = nothing(&[("-", 404, 150), ("-", 500, 50)]);
    assert!(
        reason.ends_with("; 100% were 404, 500 without identity"),
        "{reason}"
    );
    assert!(
        note.expect("a note")
            .contains("does the path of the URL exist")
    );
    let (_, note) = nothing(&[("-", 500, 150), ("-", 404, 50)]);
    assert!(
        note.expect("a note")
            .contains("look at the logs of `v1` and `v2`")
    );
    // Redirects are no errors, and few errors show nothing.
    assert_eq!(nothing(&[("-", 302, 200)]).1, None);
    assert_eq!(nothing(&[("-", 500, 2)]).1, None);
}
