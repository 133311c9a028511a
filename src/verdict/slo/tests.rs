use std::collections::BTreeMap;
use std::time::Duration;

use proptest::prelude::*;

use super::lex::Op;
use super::*;
use crate::diag::Sources;
use crate::diag::render::render;
use crate::observe::{FailureCount, FailureKind, Observation, Tally};
use crate::verdict::Outcome::{Diverged, Inconclusive, NoData, NotJudged, Pass, SloFailed};
use crate::verdict::attribution::{Attribution, Classification, Row};
use crate::verdict::{Evidence, Policy, Verdict, judge, with_slos};

fn parsed(text: &str) -> Slo {
    text.parse()
        .unwrap_or_else(|problem| panic!("{text}: {problem:?}"))
}

fn of(subject: &str, metric: Metric) -> Measure {
    Measure {
        before: false,
        subject: match subject {
            "all" => Subject::All,
            name => Subject::Named(name.to_owned()),
        },
        until: Until::LastByte,
        metric,
    }
}

fn p(percent: f64) -> Metric {
    Metric::Quantile(Percentile::new(percent).expect("a percentile"))
}

/// One value with its responses: status, how many, and how slow in microseconds.
type Answers<'a> = (&'a str, &'a [(u16, u64, u64)]);

fn seen(answers: &[Answers<'_>], failed: u64) -> (Attribution, Observation) {
    let rows: Vec<Row> = answers
        .iter()
        .map(|(label, answers)| {
            let mut tally = Tally::default();
            let mut statuses = BTreeMap::new();
            for (status, count, micros) in *answers {
                tally.count += count;
                tally.latency.record_n(*micros, *count).expect("it grows");
                *statuses.entry(*status).or_default() += count;
            }
            Row {
                label: (*label).to_owned(),
                place: Classification::Counted,
                statuses,
                origin: None,
                tally,
                buckets: Vec::new(),
            }
        })
        .collect();
    let answered: u64 = rows.iter().map(|row| row.tally.count).sum();
    let lost = FailureCount::new(failed, "");
    let observation = Observation {
        sent: answered + failed,
        failures: [(FailureKind::Reset, lost)].into(),
        elapsed: Duration::from_secs(2),
        tallies: rows
            .iter()
            .map(|row| {
                let bucket = crate::split::Bucket {
                    identity: crate::split::Identity::Value(row.label.clone()),
                    status: 200,
                };
                (bucket, row.tally.clone())
            })
            .collect(),
        ..Observation::default()
    };
    let attribution = Attribution {
        rows,
        counts: Vec::new(),
        undeclared: 0,
        unattributed: failed,
    };
    (attribution, observation)
}

fn decide(text: &str, answers: &[Answers<'_>], failed: u64) -> SloResult {
    let (attribution, observation) = seen(answers, failed);
    evaluate(&parsed(text), &attribution, &observation, None)
}

fn outcome(text: &str, answers: &[Answers<'_>]) -> SloOutcome {
    decide(text, answers, 0).outcome
}

#[test]
fn an_objective_takes_the_form_of_a_test() {
    let limit = |subject, metric, below, limit| Form::Limit {
        measure: of(subject, metric),
        below,
        limit,
    };
    let ratio = |factor| Form::Ratio {
        measure: of("canary", p(99.0)),
        base: of("stable", p(99.0)),
        below: true,
        factor,
    };
    let difference = |margin| Form::Difference {
        measure: of("canary", Metric::Errors),
        base: of("stable", Metric::Errors),
        below: true,
        margin,
    };
    for (text, form) in [
        ("canary.p99 < 200ms", limit("canary", p(99.0), true, 0.2)),
        ("canary.p99.9<=1.5s", limit("canary", p(99.9), true, 1.5)),
        (
            "canary.p95 < 350us",
            limit("canary", p(95.0), true, 350.0 / 1e6),
        ),
        ("200ms > canary.p99", limit("canary", p(99.0), true, 0.2)),
        (
            "canary.mean > 0.5m",
            limit("canary", Metric::Mean, false, 30.0),
        ),
        ("all.errors < 1%", limit("all", Metric::Errors, true, 0.01)),
        (
            "canary.errors <= 0.01",
            limit("canary", Metric::Errors, true, 0.01),
        ),
        (
            "canary.share >= 5%",
            limit("canary", Metric::Share, false, 0.05),
        ),
        (
            "reviews/v1.p99 < 1s",
            limit("reviews/v1", p(99.0), true, 1.0),
        ),
        (
            "10.0.0.1:8080.p99 < 1s",
            limit("10.0.0.1:8080", p(99.0), true, 1.0),
        ),
        ("canary-v2.p99 < 1s", limit("canary-v2", p(99.0), true, 1.0)),
        (
            "'status 503'.share < 1%",
            limit("status 503", Metric::Share, true, 0.01),
        ),
        ("`it's`.p90 < 1s", limit("it's", p(90.0), true, 1.0)),
        ("canary.p99 < stable.p99 * 1.5", ratio(1.5)),
        ("canary.p99 < 150% * stable.p99", ratio(1.5)),
        ("canary.p99<stable.p99/2", ratio(0.5)),
        ("canary.errors < stable.errors", difference(0.0)),
        ("canary.errors < stable.errors + 0.5%", difference(0.005)),
        ("canary.errors < 0.005 + stable.errors", difference(0.005)),
        ("canary.errors < stable.errors - 0.5%", difference(-0.005)),
    ] {
        assert_eq!(parsed(text).form, form, "{text}");
    }
}

#[test]
fn max_and_rps_take_the_form_that_compares_them_as_they_are() {
    let plain = |measure, op, base, constant| Form::Plain {
        measure,
        op,
        base,
        constant,
    };
    let (rps, max) = (Metric::Rps, Metric::Max);
    for (text, form) in [
        (
            "all.rps > 1k",
            plain(of("all", rps), Op::More, None, 1000.0),
        ),
        (
            "1k <= all.rps",
            plain(of("all", rps), Op::AtLeast, None, 1000.0),
        ),
        (
            "a.max <= b.max",
            plain(of("a", max), Op::AtMost, Some((of("b", max), 1.0)), 0.0),
        ),
        (
            "a.rps >= 20% * all.rps",
            plain(of("a", rps), Op::AtLeast, Some((of("all", rps), 0.2)), 0.0),
        ),
        (
            "a.max < b.max - 1s",
            plain(of("a", max), Op::Less, Some((of("b", max), 1.0)), -1.0),
        ),
    ] {
        assert_eq!(parsed(text).form, form, "{text}");
    }
}

/// Finite as it is written, but not in requests per second.
const TOO_LARGE: &str = concat!(
    "all.rps > ",
    "999999999999999999999999999999999999999999999999999999999999999999999999999999",
    "999999999999999999999999999999999999999999999999999999999999999999999999999999",
    "999999999999999999999999999999999999999999999999999999999999999999999999999999",
    "9999999999999999999999999999999999999999999999999999999999999999999999999M"
);

#[test]
fn what_is_no_objective_is_marked_where_it_goes_wrong() {
    for (text, marked, message) in [
        ("", "", "ends where"),
        ("canary.p99", "", "ends where a comparison"),
        ("canary.p99 <", "", "ends where"),
        ("canary < 1s", "canary", "neither a number nor a metric"),
        ("canary.p98x < 1s", "p98x", "not a known metric"),
        ("canary.p100 < 1s", "p100", "not a known metric"),
        (
            "canary.p99 < 5%",
            "5%",
            "a time cannot be compared with a fraction",
        ),
        (
            "canary.p99 < 200",
            "200",
            "a time cannot be compared with a plain number",
        ),
        (
            "all.rps > 5%",
            "5%",
            "per second cannot be compared with a fraction",
        ),
        (
            "canary.errors < 200ms",
            "200ms",
            "a fraction cannot be compared with a time",
        ),
        ("canary.p99 < 200mss", "mss", "not a known unit"),
        ("canary.p99 < 1s < 2s", "<", "the end was expected"),
        (
            "(canary.p99) < 1s",
            "(",
            "a number or a metric was expected",
        ),
        ("canary.p99 < 1s)", ")", "the end was expected"),
        ("canary.p99 * 2 < 1s", "*", "without arithmetic"),
        (
            "canary.errors - stable.errors < 1%",
            "-",
            "without arithmetic",
        ),
        ("canary.p99 == 1s", "=", "compares with"),
        ("canary.p99 < 1s # slow", "#", "no meaning"),
        ("canary.p99 < 1s + 1%", "1s + 1%", "one number"),
        ("a.errors < b.errors + 1s", "1s", "do not add up"),
        ("a.p99 < b.p99 / 0", "0", "divides by zero"),
        ("a.p99 < b.p99 * 0", "0", "factor of zero"),
        ("a.p99 < b.p99 * 2ms", "2ms", "a factor cannot be a time"),
        ("a.p99 < b.p99 / 2ms", "2ms", "a divisor cannot be a time"),
        ("a.p99 < 2 / b.p99", "2 / b.p99", "nor a divisor"),
        ("a.p99 < b.p99 * 2 + 1ms", "+", "one factor or one margin"),
        ("1s > a.p99 * 2", "1s > a.p99 * 2", "a metric alone"),
        (TOO_LARGE, &TOO_LARGE[10..], "too large"),
        ("'canary < 1", "'canary < 1", "does not end"),
        (
            "canary.errors < 0%",
            "canary.errors < 0%",
            "decides nothing",
        ),
        (
            "canary.errors < 101%",
            "canary.errors < 101%",
            "decides nothing",
        ),
        ("all.share > 5%", "all.share > 5%", "decides nothing"),
        (
            "canary.p99 < canary.p50 * 2",
            "canary.p99 < canary.p50 * 2",
            "the same responses",
        ),
        (
            "canary.errors < all.errors",
            "canary.errors < all.errors",
            "`all` holds the responses of canary",
        ),
        (
            "a.p99 < b.p99 + 5ms",
            "a.p99 < b.p99 + 5ms",
            "by their ratio",
        ),
        (
            "a.errors < b.errors * 2",
            "a.errors < b.errors * 2",
            "by their difference",
        ),
        (
            "a.share < b.share",
            "a.share < b.share",
            "cannot be compared",
        ),
        ("a.p99 < b.p99 + c.p99", "c.p99", "more than two"),
        ("1 < 2", "1 < 2", "no metric"),
    ] {
        let problem = text.parse::<Slo>().expect_err(text);
        assert_eq!(&text[problem.span.clone()], marked, "{text}: {problem:?}");
        assert!(problem.message.contains(message), "{text}: {problem:?}");
        assert!(!problem.help.is_empty());
    }
}

#[test]
fn a_problem_is_shown_with_a_caret_and_what_was_probably_meant() {
    let shown = |text: &str, problem: &SloProblem| {
        let mut sources = Sources::new();
        let diagnostic = problem.diagnostic(text, &mut sources);
        render(&[diagnostic], &sources, false)
    };
    let text = "canary.erors < 1%";
    insta::assert_snapshot!(shown(text, &text.parse::<Slo>().expect_err(text)), @r"
    error: `erors` is not a known metric
     --> --slo:1:8
      |
    1 | canary.erors < 1%
      |        ^^^^^ unknown metric
      |
      = help: did you mean `errors`? the metrics are p50, p90, p99, p99.9 (any pN), mean, max, ttfb.p99, ttfb.mean, ttfb.max, errors, rps, share
    ");
    let text = "cannary.p99 < 1s";
    let problem = parsed(text)
        .check(["canary", "status 503"])
        .expect_err(text);
    insta::assert_snapshot!(shown(text, &problem), @r"
    error: `cannary` is not a target of this run
     --> --slo:1:1
      |
    1 | cannary.p99 < 1s
      | ^^^^^^^ unknown target
      |
      = help: did you mean canary? the targets are canary, 'status 503', and `all` for every request
    ");
}

#[test]
fn names_that_need_quotes_get_them() {
    for (name, spelled) in [
        ("v1", "v1"),
        ("reviews/v1", "reviews/v1"),
        ("status 503", "'status 503'"),
        ("all", "'all'"),
        ("it's", "`it's`"),
        ("5", "5"),
        ("a.max/b", "'a.max/b'"),
    ] {
        assert_eq!(Subject::Named(name.to_owned()).to_string(), spelled);
        let text = format!("{spelled}.p99 < 1s");
        assert!(parsed(&text).check([name]).is_ok(), "{text}");
    }
}

#[test]
fn two_hundred_and_ninety_nine_good_answers_rule_out_one_percent_of_errors() {
    let good = |n| decide("v2.errors < 1%", &[("v2", &[(200, n, 1000)])], 0);
    assert_eq!(good(299).outcome, SloOutcome::Pass);
    let open = good(298);
    assert_eq!(
        (open.outcome, open.observed, open.n),
        (SloOutcome::Inconclusive, Some(0.0), 298)
    );
    assert!(
        (299..310).contains(&open.requests_needed.expect("it says so")),
        "{open:?}"
    );
    assert_eq!(
        decide(
            "v2.errors < 1%",
            &[("v2", &[(200, 970, 1), (500, 30, 1)])],
            0
        )
        .outcome,
        SloOutcome::Failed
    );
}

#[test]
fn errors_of_a_value_count_for_it_and_lost_requests_only_for_all() {
    let answers: &[Answers<'_>] = &[("v2", &[(200, 90, 1)]), ("500 v2", &[(500, 10, 1)])];
    let one = decide("v2.errors < 1%", answers, 100);
    assert_eq!((one.observed, one.n), (Some(0.1), 100));
    let all = decide("all.errors < 1%", answers, 100);
    assert_eq!((all.observed, all.n), (Some(0.55), 200));
    let (attribution, _) = seen(&[("500 v2", &[(500, 10, 1)])], 0);
    assert!(parsed("v2.errors < 1%").check_seen(&attribution).is_ok());
    assert!(parsed("v3.errors < 1%").check_seen(&attribution).is_err());
}

#[test]
fn a_quantile_is_decided_by_how_many_answers_were_slower() {
    // Bin(459, 1 %): none slower has p = 0.0099; 368 responses are enough for 95 %, 299 for one side of it.
    let result = |fast, slow| {
        decide(
            "v1.p99 < 200ms",
            &[("v1", &[(200, fast, 10_000), (200, slow, 300_000)])],
            0,
        )
    };
    assert_eq!(result(299, 0).outcome, SloOutcome::Pass);
    assert_eq!(result(298, 0).outcome, SloOutcome::Inconclusive);
    let failed = result(980, 20);
    assert_eq!(failed.outcome, SloOutcome::Failed);
    // P(Bin(1000, 0.01) >= 20)
    assert!(
        (failed.p_value.expect("a test") - 0.003_288).abs() < 1e-5,
        "{failed:?}"
    );
    assert_eq!(failed.limit, Some(0.2));
    assert_eq!(
        outcome("v1.p99 > 200ms", &[("v1", &[(200, 900, 300_000)])]),
        SloOutcome::Pass
    );
    assert_eq!(
        outcome("v1.p99 > 200ms", &[("v1", &[(200, 900, 3_000)])]),
        SloOutcome::Failed
    );
}

#[test]
fn a_ratio_of_latencies_is_decided_by_its_interval() {
    let spread = |from: u64| -> Vec<(u16, u64, u64)> {
        (0..1000).map(|i| (200, 1, from + 10 * i)).collect()
    };
    let (slow, same) = (spread(20_000), spread(10_000));
    let answers: &[Answers<'_>] = &[("stable", &same), ("canary", &slow), ("twin", &same)];
    assert_eq!(
        outcome("canary.p99 < stable.p99 * 1.1", answers),
        SloOutcome::Failed
    );
    assert_eq!(
        outcome("twin.p99 < stable.p99 * 1.1", answers),
        SloOutcome::Pass
    );
    assert_eq!(
        outcome("canary.mean < stable.mean * 1.1", answers),
        SloOutcome::Failed
    );
    let open = decide("twin.p99 < stable.p99 * 1.0001", answers, 0);
    assert_eq!(open.outcome, SloOutcome::Inconclusive);
    let [lo, hi] = open.interval.expect("an interval");
    assert!(lo < Some(1.0) && hi > Some(1.0));
}

#[test]
fn too_few_for_a_bound_says_how_many_are_needed() {
    let answers: &[Answers<'_>] = &[
        ("stable", &[(200, 900, 1000)]),
        ("canary", &[(200, 100, 1000)]),
    ];
    let open = decide("canary.p99 < stable.p99 * 1.1", answers, 0);
    assert_eq!(
        (open.outcome, open.requests_needed),
        (SloOutcome::Inconclusive, Some(3680))
    );
}

#[test]
fn error_rates_are_compared_by_fisher_and_newcombe() {
    let answers: &[Answers<'_>] = &[
        ("stable", &[(200, 32, 1), (500, 48, 1)]),
        ("canary", &[(200, 14, 1), (500, 56, 1)]),
    ];
    // 56/70 against 48/80 (Newcombe 1998, table II): the difference is in 0.0524 to 0.3339.
    let margin = decide("canary.errors < stable.errors + 5%", answers, 0);
    let [lo, hi] = margin
        .interval
        .expect("an interval")
        .map(|end| end.expect("finite"));
    assert!(
        (lo - 0.0524).abs() < 5e-5 && (hi - 0.3339).abs() < 5e-5,
        "{margin:?}"
    );
    assert_eq!(margin.outcome, SloOutcome::Failed);
    assert_eq!(
        outcome("canary.errors < stable.errors + 34%", answers),
        SloOutcome::Pass
    );
    assert_eq!(
        outcome("canary.errors < stable.errors + 10%", answers),
        SloOutcome::Inconclusive
    );
    assert_eq!(
        outcome("canary.errors <= stable.errors", answers),
        SloOutcome::Failed
    );
    assert_eq!(
        outcome("stable.errors < canary.errors", answers),
        SloOutcome::Pass
    );
}

#[test]
fn max_and_rps_are_compared_as_they_are() {
    let answers: &[Answers<'_>] = &[("a", &[(200, 300, 1000)]), ("b", &[(200, 100, 5000)])];
    for (text, wanted) in [
        ("all.rps >= 200", SloOutcome::Pass),
        ("all.rps > 200", SloOutcome::Failed),
        ("b.rps > all.rps * 20%", SloOutcome::Pass),
        ("a.max < b.max / 2", SloOutcome::Pass),
        ("b.max <= a.max + 3ms", SloOutcome::Failed),
        ("c.max < 1s", SloOutcome::Inconclusive),
    ] {
        assert_eq!(outcome(text, answers), wanted, "{text}");
    }
}

#[test]
fn objectives_decide_a_verdict_that_is_no_divergence() {
    let policy = Policy::default();
    let (attribution, observation) = seen(&[("v1", &[(200, 400, 1000)])], 0);
    let evidence = Evidence {
        declared: None,
        seen: &observation,
        attribution: &attribution,
        hypotheses: &[],
        key: None,
    };
    let verdict = judge(evidence, &policy, None);
    let result = |outcome| SloResult {
        outcome,
        ..decide("v1.p99 < 1s", &[("v1", &[(200, 1000, 1)])], 0)
    };
    let (pass, failed, open) = (
        result(SloOutcome::Pass),
        result(SloOutcome::Failed),
        SloResult {
            requests_needed: Some(77),
            ..result(SloOutcome::Inconclusive)
        },
    );
    let after = |outcome, results: &[SloResult]| {
        let before = Verdict {
            outcome,
            ..verdict.clone()
        };
        with_slos(before, results).outcome
    };
    for (split, results, wanted) in [
        (Pass, vec![], Pass),
        (NotJudged, vec![], NotJudged),
        (Pass, vec![pass.clone()], Pass),
        (NotJudged, vec![pass.clone()], Pass),
        (Inconclusive, vec![pass.clone()], Inconclusive),
        (Pass, vec![open.clone(), failed.clone()], SloFailed),
        (Inconclusive, vec![failed.clone()], SloFailed),
        (NotJudged, vec![open.clone()], Inconclusive),
        (Pass, vec![pass, open.clone()], Inconclusive),
        (Diverged, vec![failed.clone()], Diverged),
        (NoData, vec![failed], NoData),
    ] {
        assert_eq!(after(split, &results), wanted, "{split:?} {results:?}");
    }
    assert_eq!(
        with_slos(verdict.clone(), &[open]).requests_needed,
        Some(77)
    );
}

/// The chance of each decision when the truth is exactly the limit: failed at most 1 %, pass at most 5 %, by enumeration.
#[test]
fn at_the_limit_wrong_decisions_are_as_rare_as_promised() {
    for (n, limit) in [(100_u64, 5_u32), (300, 1), (1000, 1), (700, 10)] {
        let (mut failed, mut pass) = (0.0, 0.0);
        for errors in 0..=n {
            let mass = crate::stats::binomial::ln_mass(n, errors, f64::from(limit) / 100.0).exp();
            if mass < 1e-12 {
                continue;
            }
            let answers: &[Answers<'_>] = &[("a", &[(200, n - errors, 1), (500, errors, 1)])];
            match outcome(&format!("a.errors < {limit}%"), answers) {
                SloOutcome::Failed => failed += mass,
                SloOutcome::Pass => pass += mass,
                SloOutcome::Inconclusive => {}
            }
        }
        assert!(
            failed <= 0.01 && pass <= 0.05,
            "{n} {limit}: {failed} {pass}"
        );
        assert!(
            failed > 0.001 && pass > 0.005,
            "{n} {limit}: {failed} {pass}"
        );
    }
}

/// The same by simulation where no test is exact, on exponential latencies, which are more skewed than most.
#[test]
fn at_the_limit_of_a_mean_or_a_ratio_wrong_decisions_are_rare() {
    let mut sampler = crate::stats::sampler::Sampler::new(11);
    let mut draw = |n: u64, mean: f64| -> Vec<(u16, u64, u64)> {
        let micros = |u: f64| (-(1.0 - u).ln() * mean).ceil().max(1.0);
        #[expect(
            clippy::cast_possible_truncation,
            clippy::cast_sign_loss,
            reason = "positive and small"
        )]
        (0..n)
            .map(|_| (200, 1, micros(sampler.uniform()) as u64))
            .collect()
    };
    let runs = 400;
    for (text, share_failed, share_pass) in [
        ("canary.mean < 100ms", 0.01, 0.05),
        ("canary.p90 < stable.p90", 0.025, 0.025),
        ("canary.mean < stable.mean", 0.025, 0.025),
    ] {
        let (mut failed, mut pass) = (0, 0);
        for _ in 0..runs {
            let (canary, stable) = (draw(300, 100_000.0), draw(600, 100_000.0));
            match outcome(text, &[("canary", &canary), ("stable", &stable)]) {
                SloOutcome::Failed => failed += 1,
                SloOutcome::Pass => pass += 1,
                SloOutcome::Inconclusive => {}
            }
        }
        // Three standard deviations of the count above what is promised.
        let most = |share: f64| f64::from(runs) * share + 3.0 * (f64::from(runs) * share).sqrt();
        assert!(
            f64::from(failed) <= most(share_failed),
            "{text}: {failed} of {runs} failed"
        );
        assert!(
            f64::from(pass) <= most(share_pass),
            "{text}: {pass} of {runs} passed"
        );
    }
}

/// Objectives as a person might put them together, sensible or not.
fn expression() -> impl Strategy<Value = String> {
    let atom = prop_oneof![
        "[a-z][a-z0-9/:_-]{0,5}\\.(p50|p90|p99|p99\\.9|mean|max|errors|rps|share)",
        "'[a-z ]{1,6}'\\.(p99|errors)",
        "[0-9]{1,3}(\\.[0-9]{1,2})?(ms|us|s|m|h|%|k|M)?",
    ];
    let sum = atom.prop_recursive(3, 12, 2, |inner| {
        (inner.clone(), "[-+*/]", inner, any::<bool>()).prop_map(|(a, sign, b, parenthesis)| {
            if parenthesis {
                format!("({a} {sign} {b})")
            } else {
                format!("{a} {sign} {b}")
            }
        })
    });
    (sum.clone(), "<|<=|>|>=", sum).prop_map(|(a, op, b)| format!("{a} {op} {b}"))
}

proptest! {
    #[test]
    fn no_text_panics_and_every_problem_has_a_place(text in any::<String>()) {
        if let Err(problem) = text.parse::<Slo>() {
            prop_assert!(text.trim().get(problem.span.clone()).is_some(), "{problem:?}");
            let mut sources = Sources::new();
            let diagnostic = problem.diagnostic(text.trim(), &mut sources);
            let _ = render(&[diagnostic], &sources, false);
        }
    }

    #[test]
    fn every_expression_reads_or_says_why(text in expression()) {
        match text.parse::<Slo>() {
            Ok(slo) => {
                prop_assert_eq!(slo.to_string().parse::<Slo>(), Ok(slo.clone()));
                let (attribution, observation) = seen(&[("a", &[(200, 50, 700), (503, 3, 90)])], 2);
                let result = evaluate(&slo, &attribution, &observation, None);
                let json = serde_json::to_string(&result).expect("finite");
                prop_assert_eq!(serde_json::from_str::<SloResult>(&json).expect("its own JSON"), result);
            }
            Err(problem) => prop_assert!(text.get(problem.span.clone()).is_some(), "{problem:?}"),
        }
    }

    #[test]
    fn a_bound_and_its_opposite_never_hold_both(errors in 0_u64..50, n in 0_u64..2000, limit in 1_u32..99) {
        let answers: &[Answers<'_>] = &[("a", &[(200, n, 1000), (500, errors, 1000)])];
        let (below, above) = (format!("a.errors < {limit}%"), format!("a.errors > {limit}%"));
        let both = [outcome(&below, answers), outcome(&above, answers)];
        prop_assert_ne!(both, [SloOutcome::Pass; 2]);
        prop_assert_ne!(both, [SloOutcome::Failed; 2]);
    }

    #[test]
    fn more_of_the_same_decides_where_it_was_promised(errors in 0_u64..20, n in 50_u64..500) {
        let answers: &[Answers<'_>] = &[("a", &[(200, n, 1000), (500, errors, 1000)])];
        let open = decide("a.errors < 3%", answers, 0);
        if let Some(needed) = open.requests_needed {
            let grown = |count: u64| (2 * count * needed + n + errors) / (2 * (n + errors));
            let more: &[(u16, u64, u64)] = &[(200, grown(n), 1000), (500, grown(errors), 1000)];
            let later = decide("a.errors < 3%", &[("a", more)], 0);
            // Rounding may leave it a whisker short.
            let close = later.requests_needed.is_none_or(|later| later as f64 <= needed as f64 * 1.2);
            prop_assert!(close, "{open:?} {later:?}");
        }
    }
}

#[test]
fn the_time_to_the_first_byte_is_measured_apart() {
    let ttfb = |subject, metric| Measure {
        before: false,
        until: Until::FirstByte,
        ..of(subject, metric)
    };
    assert_eq!(
        parsed("canary.ttfb.p99.9 < 200ms").form,
        Form::Limit {
            measure: ttfb("canary", p(99.9)),
            below: true,
            limit: 0.2,
        }
    );
    assert_eq!(ttfb("canary", Metric::Max).to_string(), "canary.ttfb.max");
    // A target may be called so.
    assert_eq!(of("a.ttfb", p(99.0)).to_string(), "'a.ttfb'.p99");
    let (attribution, mut observation) = seen(&[("v1", &[(200, 1000, 500_000)])], 0);
    let first_bytes = |attribution: &Attribution, observation: &Observation, text: &str| {
        evaluate(&parsed(text), attribution, observation, None)
    };
    let unsaved = first_bytes(&attribution, &observation, "v1.ttfb.p90 < 200ms");
    assert_eq!(unsaved.outcome, SloOutcome::Inconclusive);
    assert!(unsaved.reason.contains("not saved"), "{}", unsaved.reason);
    let mut attribution = attribution;
    for tally in attribution.rows.iter_mut().map(|row| &mut row.tally) {
        tally.first_byte.record_n(100_000, 1000).expect("it grows");
    }
    observation.sent = 1000;
    for (text, expected) in [
        ("v1.ttfb.p90 < 200ms", SloOutcome::Pass),
        ("v1.ttfb.p90 < 50ms", SloOutcome::Failed),
        ("v1.p90 < 200ms", SloOutcome::Failed),
        ("all.ttfb.mean < 200ms", SloOutcome::Pass),
        ("all.ttfb.max < 200ms", SloOutcome::Pass),
        ("all.max < 200ms", SloOutcome::Failed),
    ] {
        let result = first_bytes(&attribution, &observation, text);
        assert_eq!(result.outcome, expected, "{text}: {}", result.reason);
    }
    assert!("canary.ttfb < 1s".parse::<Slo>().is_err());
}
