//! A split with an undeliverable destination never passes, whatever the counts say.

use super::{Outcome, Verdict};
use crate::split::{Expected, LocalReplyCause, Target};
use crate::units::percent;

/// More destinations than this are counted, not named.
const MOST_NAMED: usize = 3;

/// The verdict, unless it lets a declaration pass with a destination that the proxies do not have. Responses that fit are no
/// comfort then: they are errors, in the declared number.
pub(super) fn undelivered(verdict: Verdict, expected: &Expected) -> Verdict {
    let open = matches!(verdict.outcome, Outcome::Pass | Outcome::Inconclusive);
    let Some(reason) = reason(expected).filter(|_| open) else {
        return verdict;
    };
    Verdict {
        outcome: Outcome::Diverged,
        method: Some("structural".to_owned()),
        p_value: None,
        ln_p_value: None,
        reason,
        decided_after: None,
        requests_needed: None,
        diagnosis: expected.undeliverable().reasons.clone(),
        ..verdict
    }
}

/// `10% of the requests are declared to go to …`, if any are.
fn reason(expected: &Expected) -> Option<String> {
    let broken = |target: &Target| match target {
        Target::LocalReply(answer) if answer.cause == LocalReplyCause::BrokenBackend => {
            Some(answer.status)
        }
        _ => None,
    };
    let mut share = 0.0;
    let mut answers: Vec<String> = Vec::new();
    for declared in expected.declared() {
        if let Some(status) = broken(&declared.target).filter(|_| !declared.share.is_zero()) {
            share += declared.share.as_f64();
            answers.push(status.to_string());
        }
    }
    if answers.is_empty() {
        return None;
    }
    let destinations = &expected.undeliverable().destinations;
    let mut names: Vec<String> = destinations
        .iter()
        .take(MOST_NAMED)
        .map(|(destination, _)| format!("`{destination}`"))
        .collect();
    if let Some(more @ 1..) = destinations.len().checked_sub(MOST_NAMED) {
        names.push(format!("{more} more"));
    }
    let (where_to, which) = match names.len() {
        0 => ("destinations".to_owned(), "that the proxies do not have"),
        1 => (names.concat(), "which the proxies do not have"),
        _ => (names.join(" and "), "which the proxies do not have"),
    };
    let comma = if names.is_empty() { "" } else { "," };
    Some(format!(
        "{} of the requests are declared to go to {where_to}{comma} {which}: they answer {}",
        percent(share),
        answers.join(" and ")
    ))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::split::{Destination, Identifiers, LocalReply, Mechanism, Share, Undeliverable};
    use crate::verdict::{Policy, blank};

    fn expected(cause: LocalReplyCause, weights: [u64; 2]) -> Expected {
        let status = Target::LocalReply(LocalReply { status: 503, cause });
        let good = Target::Named("v1".to_owned());
        let parts = vec![
            (good, weights[0], Identifiers::default()),
            (status, weights[1], Identifiers::default()),
        ];
        Expected::from_weights("test", Mechanism::Iid, parts).expect("a split")
    }

    fn judged(outcome: Outcome, expected: &Expected) -> Verdict {
        undelivered(blank(outcome, &Policy::default()), expected)
    }

    #[test]
    fn a_share_that_can_never_arrive_forbids_a_pass() {
        let destination = Destination {
            host: "reviews.default.svc.cluster.local".to_owned(),
            port: Some(9080),
            subset: Some("v2".to_owned()),
        };
        let share = Share::new(1, 10).expect("a tenth");
        let expected =
            expected(LocalReplyCause::BrokenBackend, [9, 1]).with_undeliverable(Undeliverable {
                destinations: vec![(destination, share)],
                reasons: Vec::new(),
            });
        for outcome in [Outcome::Pass, Outcome::Inconclusive] {
            let verdict = judged(outcome, &expected);
            assert_eq!(verdict.outcome, Outcome::Diverged);
            assert_eq!(verdict.method.as_deref(), Some("structural"));
            assert_eq!(
                verdict.reason,
                "10% of the requests are declared to go to `reviews.default.svc.cluster.local:9080 subset v2`, which the \
                 proxies do not have: they answer 503"
            );
        }
        let kept = judged(Outcome::NoData, &expected);
        assert_eq!(kept.outcome, Outcome::NoData);
    }

    #[test]
    fn a_saved_declaration_without_names_forbids_a_pass_too() {
        let verdict = judged(
            Outcome::Pass,
            &expected(LocalReplyCause::BrokenBackend, [9, 1]),
        );
        assert_eq!(verdict.outcome, Outcome::Diverged);
    }

    #[test]
    fn other_answers_of_the_proxy_and_shares_of_zero_are_no_reason() {
        for expected in [
            expected(LocalReplyCause::FaultAbort, [9, 1]),
            expected(LocalReplyCause::BrokenBackend, [1, 0]),
        ] {
            assert_eq!(judged(Outcome::Pass, &expected).outcome, Outcome::Pass);
        }
    }
}
