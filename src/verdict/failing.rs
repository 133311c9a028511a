//! Targets whose responses are mostly errors: a split can hold while its canary serves nobody.

use std::cmp::Reverse;

use super::attribution::{Attribution, Place};
use super::slo::{Measure, Metric, SloOutcome, Subject};
use super::{Caveat, Outcome, SloResult, Verdict, silent};
use crate::observe::Observation;
use crate::split::Expected;

/// More targets than this are counted, not named.
const MOST_NAMED: usize = 3;
/// How the part of the message begins that says what to paste.
const HINT: &str = "; --slo '";
/// The same where several targets fail.
const HINT_OF_SEVERAL: &str = "; --require-healthy makes";
/// What the objectives of `--require-healthy` begin with.
const OBJECTIVE: &str = "--require-healthy: ";

/// The responses that are tied to one target, or all of them.
struct Responses<'a> {
    /// `None` for all responses of a run.
    target: Option<&'a str>,
    /// Its position in the declaration.
    index: usize,
    total: u64,
    /// How many errors had which status, the most frequent first.
    errors: Vec<(u16, u64)>,
}

impl Responses<'_> {
    fn failed(&self) -> u64 {
        self.errors.iter().map(|(_, count)| count).sum()
    }

    /// Whether more than half of them are errors.
    fn fails(&self) -> bool {
        self.failed() > self.total / 2
    }

    /// `all 143 responses of `v2` are 500`
    fn words(&self) -> String {
        let of = self.target.map(|name| format!(" of `{name}`"));
        let of = of.unwrap_or_default();
        let (failed, total) = (self.failed(), self.total);
        let what = match self.errors.as_slice() {
            [(status, _)] => status.to_string(),
            several => {
                let each: Vec<String> = several
                    .iter()
                    .map(|(status, count)| format!("{count} × {status}"))
                    .collect();
                format!("errors ({})", each.join(", "))
            }
        };
        match (failed, total) {
            (1, 1) => format!("the only response{of} is {what}"),
            (1, _) => format!("1 of {total} responses{of} is {what}"),
            _ if failed == total => format!("all {total} responses{of} are {what}"),
            _ => format!("{failed} of {total} responses{of} are {what}"),
        }
    }
}

/// The responses of every declared target that the proxy does not answer for; without a declaration, all responses.
fn responses<'a>(
    expected: Option<&'a Expected>,
    sorted: &Attribution,
    seen: &Observation,
) -> Vec<Responses<'a>> {
    let of = |target, index, place: Option<Place>| {
        let rows = sorted
            .rows
            .iter()
            .filter(|row| place.is_none_or(|place| row.place == place));
        let mut errors: Vec<(u16, u64)> = Vec::new();
        let mut total = 0;
        for row in rows {
            total += row.tally.count;
            for (status, count) in row.statuses.range(400..) {
                match errors.iter_mut().find(|(known, _)| known == status) {
                    Some((_, sum)) => *sum += count,
                    None => errors.push((*status, *count)),
                }
            }
        }
        errors.sort_by_key(|(status, count)| (Reverse(*count), *status));
        Responses {
            target,
            index,
            total,
            errors,
        }
    };
    let Some(expected) = expected else {
        let all = of(None, 0, None);
        return if seen.answered() > 0 {
            vec![all]
        } else {
            Vec::new()
        };
    };
    let destinations = expected.declared().iter().enumerate();
    destinations
        .filter(|(_, declared)| declared.target.status().is_none())
        .map(|(index, declared)| {
            of(
                Some(declared.name.as_str()),
                index,
                Some(Place::Target(index)),
            )
        })
        .collect()
}

/// A word about targets whose responses are mostly errors; where nothing is declared, about a run with nothing but errors.
pub(super) fn caveat(
    expected: Option<&Expected>,
    sorted: &Attribution,
    seen: &Observation,
    outcome: Outcome,
) -> Option<Caveat> {
    let all = responses(expected, sorted, seen);
    let fails = |own: &&Responses<'_>| match own.target {
        Some(_) => own.fails(),
        None => own.failed() == own.total,
    };
    let failing: Vec<&Responses<'_>> = all.iter().filter(fails).collect();
    let (first, others) = failing.split_first()?;
    let mut parts: Vec<String> = failing
        .iter()
        .take(MOST_NAMED)
        .map(|own| own.words())
        .collect();
    if let Some(more @ 1..) = failing.len().checked_sub(MOST_NAMED) {
        parts.push(format!("so are most responses of {more} more targets"));
    }
    let every = if failing.len() == all.len() && all.len() > 1 {
        "every target fails: "
    } else {
        ""
    };
    let holds = if outcome == Outcome::Pass {
        "the split holds; "
    } else {
        ""
    };
    let health = if expected.is_some() {
        ": the weights say nothing about health"
    } else {
        ""
    };
    let hint = match objective(first) {
        Some(objective) if others.is_empty() => {
            format!("{HINT}{objective}' makes that part of the verdict")
        }
        _ => format!("{HINT_OF_SEVERAL} that part of the verdict"),
    };
    Some(Caveat {
        id: "target-errors".to_owned(),
        message: format!("{holds}{every}{}{health}{hint}", parts.join("; ")),
    })
}

/// `v2.errors < 1%`, as it can stand between the quotes of a shell; `None` for a name that cannot.
fn objective(own: &Responses<'_>) -> Option<String> {
    let subject = match own.target {
        Some(name) if name.contains('\'') => return None,
        Some(name) => Subject::Named(name.to_owned()),
        None => Subject::All,
    };
    let metric = Metric::Errors;
    // A name may stand in either kind of quotes.
    let measure = Measure { subject, metric }.to_string().replace('\'', "`");
    Some(format!("{measure} < 1%"))
}

/// The verdict without the hint to ask about errors, where that was asked.
pub(super) fn asked(mut verdict: Verdict, results: &[SloResult]) -> Verdict {
    let about_errors =
        |result: &SloResult| is_healthy(&result.slo) || result.slo.contains("errors");
    if !results.iter().any(about_errors) {
        return verdict;
    }
    let caveats = verdict.caveats.iter_mut();
    for caveat in caveats.filter(|caveat| caveat.id == "target-errors") {
        let hint = [HINT, HINT_OF_SEVERAL]
            .iter()
            .find_map(|hint| caveat.message.rfind(hint));
        caveat
            .message
            .truncate(hint.unwrap_or(caveat.message.len()));
    }
    verdict
}

/// Whether an objective is one that `--require-healthy` asks.
#[must_use]
pub fn is_healthy(slo: &str) -> bool {
    slo.starts_with(OBJECTIVE)
}

/// What `--require-healthy` asks of each target with a share: responses that are not mostly errors. Without a declaration it
/// asks that of all responses.
#[must_use]
pub(super) fn healthy(
    expected: Option<&Expected>,
    sorted: &Attribution,
    seen: &Observation,
    alpha: f64,
) -> Vec<SloResult> {
    let share = |own: &Responses<'_>| match expected {
        Some(expected) => expected.declared()[own.index].share.as_f64(),
        None => 1.0,
    };
    let all = responses(expected, sorted, seen);
    let asked = all.iter().filter(|own| share(own) > 0.0);
    asked
        .map(|own| {
            let (outcome, reason, needed) = if own.total > 0 {
                health(own)
            } else {
                unanswered(seen.sent, share(own), alpha)
            };
            SloResult {
                slo: format!("{OBJECTIVE}{}", own.target.unwrap_or("all")),
                outcome,
                observed: (own.total > 0).then(|| own.failed() as f64 / own.total as f64),
                observed_most: None,
                limit: Some(0.5),
                p_value: None,
                interval: None,
                n: own.total,
                reason,
                requests_needed: needed,
            }
        })
        .collect()
}

fn health(own: &Responses<'_>) -> (SloOutcome, String, Option<u64>) {
    if own.fails() {
        return (SloOutcome::Failed, own.words(), None);
    }
    let total = own.total;
    let said = format!("{} of {total} responses are errors", own.failed());
    (SloOutcome::Pass, said, None)
}

/// A target without a response: whether that is possible by chance.
fn unanswered(sent: u64, share: f64, alpha: f64) -> (SloOutcome, String, Option<u64>) {
    if silent::starved(0, sent, share, alpha) {
        let reason = format!("no response of {sent} could be tied to it");
        return (SloOutcome::Failed, reason, None);
    }
    let needed = silent::requests_to_starve(share, alpha);
    let reason = "no response so far, which may be chance".to_owned();
    (SloOutcome::Inconclusive, reason, Some(needed))
}

#[cfg(test)]
mod tests {
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
        let sorted = Attribution::new(&seen, Some((&expected, &mapping)));
        then(Some(&expected), &sorted, &seen)
    }

    fn said(declared: &str, responses: &Responded, outcome: Outcome) -> Option<String> {
        with(declared, responses, |expected, sorted, seen| {
            caveat(expected, sorted, seen, outcome).map(|caveat| caveat.message)
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
            with("v1=90,a b=10", &responses, |expected, sorted, seen| {
                let verdict = Verdict {
                    caveats: caveat(expected, sorted, seen, Outcome::Pass)
                        .into_iter()
                        .collect(),
                    ..blank(Outcome::Pass, &Policy::default())
                };
                with_slos(verdict, results).caveats[0].message.clone()
            })
        };
        let hint = verdict(&[]);
        let pasted = hint
            .split("--slo '")
            .nth(1)
            .and_then(|rest| rest.split('\'').next());
        let slo: Slo = pasted.expect("an objective").parse().expect("it is one");
        let results = with("v1=90,a b=10", &responses, |expected, sorted, seen| {
            slo.check(["v1", "a b"]).expect("it is declared");
            [super::super::slo::evaluate(&slo, sorted, seen, expected)]
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
            with(declared, responses, |expected, sorted, seen| {
                healthy(expected, sorted, seen, 0.001)
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
}
