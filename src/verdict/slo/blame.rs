//! Requests that may be a target's: errors that nobody can be blamed for, responses that nobody can be tied to. An objective
//! is decided in the worst case: it holds only if it holds whoever they belong to, and fails only if it fails whoever they
//! belong to.

use super::measured::{Run, names};
use super::range::{Nobodys, Range};
use super::{SloOutcome, Subject};
use crate::stats::limit_test::{LimitOutcome, LimitTest};
use crate::units::{counted, percent};
use crate::verdict::attribution::{Classification, Row};

/// A limit is kept only where it is kept in the worst case, and exceeded only where it is exceeded in the best.
pub(super) fn worst_case(worst: &LimitTest, best: &LimitTest) -> LimitTest {
    let outcome = match (worst.outcome, best.outcome) {
        (LimitOutcome::Kept, _) => LimitOutcome::Kept,
        (_, LimitOutcome::Exceeded) => LimitOutcome::Exceeded,
        _ => LimitOutcome::Inconclusive,
    };
    LimitTest {
        outcome,
        p_exceeded: best.p_exceeded,
        p_kept: worst.p_kept,
    }
}

/// The same for what was decided by an interval.
pub(super) fn worst_outcome(worst: SloOutcome, best: SloOutcome) -> SloOutcome {
    match (worst, best) {
        (SloOutcome::Pass, _) => SloOutcome::Pass,
        (_, SloOutcome::Failed) => SloOutcome::Failed,
        _ => SloOutcome::Inconclusive,
    }
}

impl Run<'_> {
    /// What may be this one's: of `all` nothing, since everything is counted already.
    pub(super) fn nobodys(&self, subject: &Subject) -> Nobodys {
        let Subject::Named(name) = subject else {
            return Nobodys {
                errors: self.seen.retried,
                responses: 0,
            };
        };
        let lost = self.seen.failed() + self.seen.retried;
        let by_status = self.expected.is_some_and(|expected| {
            let mut declared = expected.declared().iter();
            declared.any(|d| d.name == *name && d.target.status().is_some())
        });
        if by_status {
            // Responses of a target that is a status are known by it, so that only those that never came may be its.
            return Nobodys {
                errors: lost,
                responses: 0,
            };
        }
        let rows = self
            .attribution
            .rows
            .iter()
            .filter(|row| self.is_nobodys(row));
        rows.fold(
            Nobodys {
                errors: lost,
                responses: 0,
            },
            |sum, row| Nobodys {
                errors: sum.errors + errors(row),
                responses: sum.responses + row.tally.count,
            },
        )
    }

    /// Whether nobody knows whose the responses of a row are. Where nothing is declared, a value that gave nothing but errors
    /// may be the text of an error and name nobody, unless the objective names it.
    fn is_nobodys(&self, row: &Row) -> bool {
        match row.place {
            Classification::Unattributed => true,
            Classification::Target(_) | Classification::Undeclared => false,
            Classification::Counted => {
                let named = names(row).any(|name| self.named.contains(&name));
                let good = |other: &Row| {
                    errors(other) < other.tally.count && names(row).any(|name| name == other.label)
                };
                !named && errors(row) > 0 && !self.attribution.rows.iter().any(good)
            }
        }
    }

    /// `, but 152 requests with an error that no target can be blamed for may be its: up to 7.8%`
    pub(super) fn doubt(&self, range: Range, what: &str) -> String {
        let resent_alone = what == "request" && range.nobodys() == self.seen.retried;
        let are = if resent_alone {
            "count as errors in the worst case"
        } else {
            "may be its"
        };
        range.highest().map_or_else(String::new, |highest| {
            format!(
                ", but {} {are}: up to {}",
                self.whose(range.nobodys(), what),
                percent(highest)
            )
        })
    }

    /// `152 requests with an error that no target can be blamed for`
    pub(super) fn whose(&self, n: u64, what: &str) -> String {
        let resent = self.seen.retried;
        if what == "request" && resent > 0 && n >= resent {
            let resent = format!("{} that had to be sent again", counted(resent, what));
            return match n - self.seen.retried {
                0 => resent,
                others => format!("{resent} and {}", self.blameless(others, what)),
            };
        }
        self.blameless(n, what)
    }

    fn blameless(&self, n: u64, what: &str) -> String {
        let who = if self.expected.is_some() {
            "target"
        } else {
            "known value"
        };
        match what {
            "response" => format!("{} that no {who} can be tied to", counted(n, what)),
            _ => format!(
                "{} with an error that no {who} can be blamed for",
                counted(n, what)
            ),
        }
    }
}

fn errors(row: &Row) -> u64 {
    row.statuses.range(400..).map(|(_, count)| count).sum()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::observe::{FailureCount, FailureKind, Observation, Tally};
    use crate::split::{
        Bucket, Expected, Identifiers, Identity, LocalReply, LocalReplyCause, Mechanism, Target,
    };
    use crate::stats::rate::Errors;
    use crate::verdict::attribution::Attribution;
    use crate::verdict::mapping::Mapping;
    use crate::verdict::slo::{Slo, SloResult, evaluate};

    /// Responses by value and status.
    type Seen<'a> = &'a [(&'a str, u16, u64)];

    /// What Envoy and a canary made of 20,000 requests: 152 of the canary's 1,959 got a bare 503.
    const BARE_503: Seen<'_> = &[("v1", 200, 18_041), ("v2", 200, 1807), ("oops", 503, 152)];

    fn observed(responses: Seen<'_>, lost: u64) -> Observation {
        let mut seen = Observation::default();
        for (value, status, count) in responses {
            let bucket = Bucket {
                identity: Identity::Value((*value).to_owned()),
                status: *status,
            };
            let tally = seen.tallies.entry(bucket).or_insert_with(Tally::default);
            tally.count += count;
            tally.latency.record_n(1000, *count).expect("it grows");
            seen.sent += count;
        }
        seen.sent += lost;
        if lost > 0 {
            let failed = FailureCount::new(lost, "");
            seen.failures.insert(FailureKind::Reset, failed);
        }
        seen
    }

    fn split(targets: Vec<Target>) -> Expected {
        let parts = targets.into_iter();
        let parts = parts.map(|target| (target, 1, Identifiers::default()));
        Expected::from_weights("test", Mechanism::Iid, parts.collect()).expect("a split")
    }

    fn v1_v2() -> Vec<Target> {
        vec![Target::Named("v1".into()), Target::Named("v2".into())]
    }

    fn of(targets: Vec<Target>, slo: &str, responses: Seen<'_>, lost: u64) -> SloResult {
        let (seen, expected) = (observed(responses, lost), split(targets));
        let mapping = Mapping::derive(&expected, &[], seen.tallies.keys()).expect("clear");
        let attribution = Attribution::new(&seen, Some((&expected, &mapping)));
        evaluate(&read(slo), &attribution, &seen, Some(&expected))
    }

    fn declared(slo: &str, responses: Seen<'_>, lost: u64) -> SloResult {
        of(v1_v2(), slo, responses, lost)
    }

    fn undeclared(slo: &str, responses: Seen<'_>, lost: u64) -> SloResult {
        let seen = observed(responses, lost);
        evaluate(&read(slo), &Attribution::new(&seen, None), &seen, None)
    }

    fn read(slo: &str) -> Slo {
        slo.parse().unwrap_or_else(|problem| panic!("{problem:?}"))
    }

    use SloOutcome::{Failed as Fails, Inconclusive as Open, Pass as Holds};

    #[test]
    fn errors_without_identity_keep_an_objective_from_holding() {
        let open = declared("v2.errors < 2%", BARE_503, 0);
        assert_eq!(
            (open.outcome, open.observed, open.n, open.requests_needed),
            (Open, Some(0.0), 1807, None)
        );
        let most = open.observed_most.expect("they may be its");
        assert!((most - 152.0 / 1959.0).abs() < 1e-12, "{most}");
        assert!(open.hangs_on_unattributed());
        assert!(
            open.reason.starts_with(
                "0%; 0 of 1807 responses, but 152 requests with an error that no target can be blamed for may be its: up to \
                 7.76% (p "
            ),
            "{}",
            open.reason
        );
        // Requests without a response may be its as well.
        let lost = declared(
            "v2.errors < 2%",
            &[("v1", 200, 18_041), ("v2", 200, 1807)],
            152,
        );
        assert_eq!((lost.outcome, lost.observed_most), (Open, Some(most)));
        let none = declared("v2.errors < 2%", &BARE_503[..2], 0);
        assert_eq!((none.outcome, none.observed_most), (Holds, None));
    }

    #[test]
    fn both_sides_are_decided_in_the_worst_case() {
        let own: Seen<'_> = &[
            ("v1", 200, 18_000),
            ("v2", 200, 1700),
            ("v2", 500, 107),
            ("oops", 503, 152),
        ];
        for (slo, seen, wanted) in [
            ("v2.errors < 10%", BARE_503, Holds),
            ("v2.errors < 5%", BARE_503, Open),
            // 5.9 % are certain.
            ("v2.errors < 2%", own, Fails),
            ("v2.errors < 10%", own, Open),
            ("v2.errors < 20%", own, Holds),
            ("v2.errors > 2%", BARE_503, Open),
            ("v2.errors > 10%", BARE_503, Fails),
            ("v2.errors > 2%", own, Holds),
            ("v2.errors > 10%", own, Open),
            ("v2.errors > 20%", own, Fails),
            ("all.errors < 1%", BARE_503, Holds),
            ("all.errors < 0.5%", BARE_503, Fails),
        ] {
            let result = declared(slo, seen, 0);
            assert_eq!(result.outcome, wanted, "{slo} {result:?}");
            assert_eq!(
                result.observed_most.is_none(),
                slo.starts_with("all"),
                "{slo}"
            );
        }
    }

    #[test]
    fn a_comparison_holds_whichever_side_the_errors_are_on() {
        let failing: Seen<'_> = &[
            ("v1", 200, 18_000),
            ("v2", 200, 1600),
            ("v2", 500, 207),
            ("oops", 503, 152),
        ];
        for (slo, seen, wanted) in [
            ("v2.errors < v1.errors + 1%", BARE_503, Open),
            ("v2.errors < v1.errors + 20%", BARE_503, Holds),
            ("v2.errors < v1.errors", BARE_503, Open),
            ("v2.errors > v1.errors", BARE_503, Open),
            ("v2.errors < v1.errors + 1%", failing, Fails),
            ("v2.errors < v1.errors", failing, Fails),
            ("v2.errors > v1.errors", failing, Holds),
            ("v2.errors > v1.errors + 5%", failing, Holds),
            ("v2.errors > v1.errors + 12%", failing, Open),
            ("v2.errors > v1.errors + 30%", failing, Fails),
        ] {
            let result = declared(slo, seen, 0);
            assert_eq!(result.outcome, wanted, "{slo} {result:?}");
            let doubt =
                "152 requests with an error that no target can be blamed for may be of either";
            assert!(result.reason.contains(doubt), "{}", result.reason);
            assert!(
                wanted != Open || result.requests_needed.is_none(),
                "{result:?}"
            );
        }
    }

    #[test]
    fn a_share_is_decided_whoever_sent_what_names_nobody() {
        for (slo, wanted) in [
            ("v2.share > 8%", Holds),
            ("v2.share < 8%", Fails),
            ("v2.share < 9.5%", Open),
            ("v2.share < 12%", Holds),
            ("v2.share > 12%", Fails),
        ] {
            let result = declared(slo, BARE_503, 0);
            assert_eq!(result.outcome, wanted, "{slo} {result:?}");
            assert_eq!(result.observed_most, Some(1959.0 / 20_000.0));
        }
        // A request without a response is no part of the responses.
        let lost = declared("v2.share < 12%", &BARE_503[..2], 152);
        assert_eq!(lost.observed_most, None);
    }

    #[test]
    fn a_declared_status_is_known_by_it() {
        let targets = || {
            let status = Target::LocalReply(LocalReply {
                status: 418,
                cause: LocalReplyCause::FaultAbort,
            });
            vec![Target::Named("v1".into()), status]
        };
        let seen: Seen<'_> = &[
            ("v1", 200, 900),
            ("fault filter abort", 418, 50),
            ("oops", 503, 50),
        ];
        let share = of(targets(), "'status 418'.share < 8%", seen, 0);
        assert_eq!((share.outcome, share.observed_most), (Holds, None));
        let errors = of(targets(), "v1.errors < 2%", seen, 0);
        assert_eq!(errors.outcome, Open, "{errors:?}");
    }

    #[test]
    fn without_a_declaration_an_error_that_names_no_known_value_may_be_anybodys() {
        let open = undeclared("v2.errors < 2%", BARE_503, 0);
        assert_eq!((open.outcome, open.requests_needed), (Open, None));
        assert!(
            open.reason.contains(
                "152 requests with an error that no known value can be blamed for may be its"
            ),
            "{}",
            open.reason
        );
        // An error under a value that also succeeds is that value's, and so is one that the objective names.
        let known: Seen<'_> = &[("v1", 200, 900), ("v1", 500, 100), ("v2", 200, 900)];
        assert_eq!(undeclared("v2.errors < 2%", known, 0).outcome, Holds);
        let named: Seen<'_> = &[("v1", 200, 900), ("v2", 500, 900)];
        let worse = undeclared("v2.errors > v1.errors", named, 0);
        assert_eq!((worse.outcome, worse.observed_most), (Holds, None));
        let own = undeclared("v2.errors > 90%", named, 0);
        assert_eq!((own.outcome, own.observed), (Holds, Some(1.0)));
    }

    #[test]
    fn more_requests_are_named_only_where_they_help() {
        let few: Seen<'_> = &[("v1", 200, 810), ("v2", 200, 90), ("oops", 503, 1)];
        let open = declared("v2.errors < 3%", few, 0);
        assert_eq!(open.outcome, Open, "{open:?}");
        let needed = open.requests_needed.expect("1 of 91 is below 3 %");
        // A tenth more than that decides, and four tenths of it do not.
        let times = |part: u64| {
            let grown = |count: u64| count * needed * part / (901 * 10);
            let nobodys = grown(1).max(1);
            let seen: Seen<'_> = &[
                ("v1", 200, grown(810)),
                ("v2", 200, grown(90)),
                ("oops", 503, nobodys),
            ];
            declared("v2.errors < 3%", seen, 0).outcome
        };
        assert_eq!((times(11), times(4)), (Holds, Open), "{open:?}");
        let stays = declared(
            "v2.errors < 1%",
            &[("v1", 200, 810), ("v2", 200, 90), ("oops", 503, 2)],
            0,
        );
        assert_eq!((stays.outcome, stays.requests_needed), (Open, None));
        // Without a response of its own there is nothing to go by.
        let silent = declared("v2.errors < 1%", &[("v1", 200, 90), ("oops", 503, 10)], 0);
        assert_eq!((silent.outcome, silent.requests_needed), (Open, None));
    }

    proptest! {
        /// The more there is that nobody can be blamed for, the less is certain, and nothing turns into its opposite.
        #[test]
        fn what_is_nobodys_only_takes_certainty_away(
            own in (0_u64..800, 0_u64..60), other in (1_u64..3000, 0_u64..60), steps in prop::collection::vec(0_u64..80, 1..4),
            form in 0_usize..8,
        ) {
            let slo = [
                "v2.errors < 3%", "v2.errors > 3%", "v2.errors < v1.errors", "v2.errors > v1.errors",
                "v2.errors < v1.errors + 2%", "v2.errors > v1.errors + 2%", "v2.share < 20%", "v2.share > 20%",
            ][form];
            let at = |nobodys: u64| {
                let seen: Seen<'_> = &[
                    ("v2", 200, own.0), ("v2", 500, own.1), ("v1", 200, other.0), ("v1", 500, other.1),
                    ("oops", 503, nobodys),
                ];
                declared(slo, seen, 0).outcome
            };
            // A share is one of all responses, and these are some more of them: there is no order to begin with.
            let (mut nobodys, mut before) = (0, if form < 6 { Some(at(0)) } else { None });
            for step in steps {
                nobodys += step;
                let now = at(nobodys);
                if let Some(before) = before {
                    prop_assert!(now == before || now == Open, "{slo}: {before:?} {now:?} with {nobodys}");
                }
                before = if form < 6 { Some(now) } else { None };
            }
        }

        /// Whoever a part of them belongs to, what is certain stays true of the counts that come out.
        #[test]
        fn whoever_they_belong_to_what_is_certain_is_decided_alike(
            own in (1_u64..800, 0_u64..60), other in (1_u64..3000, 0_u64..60), nobodys in 0_u64..80, part in 0.0_f64..=1.0,
            form in 0_usize..8,
        ) {
            let slo = [
                "v2.errors < 3%", "v2.errors > 3%", "v2.errors < v1.errors", "v2.errors > v1.errors",
                "v2.errors < v1.errors + 2%", "v2.errors > v1.errors + 2%", "v2.share < 20%", "v2.share > 20%",
            ][form];
            let seen = |v2: u64, v1: u64, nobodys: u64| {
                let seen: Seen<'_> = &[
                    ("v2", 200, own.0), ("v2", 500, own.1 + v2), ("v1", 200, other.0), ("v1", 500, other.1 + v1),
                    ("oops", 503, nobodys),
                ];
                declared(slo, seen, 0).outcome
            };
            #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "at most 80")]
            let its = (nobodys as f64 * part).round() as u64;
            let certain = seen(0, 0, nobodys);
            if certain != Open {
                prop_assert_eq!(seen(its, nobodys - its, 0), certain, "{}", slo);
            }
        }
    }

    #[test]
    fn a_range_counts_its_own_and_what_may_be() {
        let errors = Range::errors(Errors { errors: 1, n: 10 }, 5);
        assert_eq!(errors.most, Errors { errors: 6, n: 15 });
        assert_eq!((errors.nobodys(), errors.highest()), (5, Some(0.4)));
        let share = Range::share(4, 20, 5);
        assert_eq!(share.most, Errors { errors: 9, n: 20 });
        assert_eq!(share.sides(true), (share.most, share.least));
        assert_eq!(share.sides(false), (share.least, share.most));
    }
}
