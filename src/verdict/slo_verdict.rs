//! What objectives make of a verdict on the split.

use super::attribution::Attribution;
use super::failing::{asked, healthy};
use super::slo::{Slo, SloOutcome, SloResult, evaluate};
use super::{Outcome, Verdict, queueing};
use crate::observe::Observation;
use crate::split::Expected;
use crate::units::counted;

/// Decides objectives, with those of `--require-healthy`, and what they make of a verdict on the split. Latencies that are
/// those of a queue are noted where an objective is about them.
#[must_use]
pub fn decided(
    slos: &[Slo],
    require_healthy: bool,
    verdict: Verdict,
    attribution: &Attribution,
    seen: &Observation,
    expected: Option<&Expected>,
) -> Verdict {
    let mut results: Vec<_> = slos
        .iter()
        .map(|slo| evaluate(slo, attribution, seen, expected))
        .collect();
    if require_healthy {
        results.extend(healthy(expected, attribution, seen, verdict.alpha));
    }
    let mut verdict = with_slos(verdict, &results);
    if slos.iter().any(Slo::measures_latency) {
        verdict.caveats.extend(queueing::caveat(seen));
    }
    verdict
}

/// What objectives make of a verdict on the split: a divergence stays one; else one that fails decides, then one that is
/// open; where nothing was declared, objectives that hold are a pass.
#[must_use]
pub fn with_slos(verdict: Verdict, results: &[SloResult]) -> Verdict {
    if results.is_empty() {
        return verdict;
    }
    let verdict = asked(verdict, results);
    let first = |outcome| {
        results
            .iter()
            .filter(move |result| result.outcome == outcome)
    };
    let before = &verdict.reason;
    let (outcome, reason, needed) = match verdict.outcome {
        Outcome::Diverged | Outcome::NoData => (verdict.outcome, before.clone(), None),
        split => {
            let split_holds = match split {
                Outcome::NotJudged => String::new(),
                _ => format!("; the split: {before}"),
            };
            if let Some(failed) = first(SloOutcome::Failed).next() {
                let more = also(
                    first(SloOutcome::Failed).count(),
                    "does not hold",
                    "do not hold",
                );
                let reason = format!(
                    "`{}` does not hold: {}{more}{split_holds}",
                    failed.slo, failed.reason
                );
                (Outcome::SloFailed, reason, None)
            } else if let Some(open) = first(SloOutcome::Inconclusive).next() {
                let needed =
                    first(SloOutcome::Inconclusive).filter_map(|result| result.requests_needed);
                let more = also(
                    first(SloOutcome::Inconclusive).count(),
                    "is undecided",
                    "are undecided",
                );
                let reason = format!(
                    "`{}` is undecided: {}{more}{split_holds}",
                    open.slo, open.reason
                );
                (Outcome::Inconclusive, reason, needed.max())
            } else if split == Outcome::NotJudged {
                let holds = match results.len() {
                    1 => "the SLO holds; no split was declared".to_owned(),
                    n => format!("all {n} SLOs hold; no split was declared"),
                };
                (Outcome::Pass, holds, None)
            } else {
                let holds = counted(results.len() as u64, "SLO");
                let verb = if results.len() == 1 { "holds" } else { "hold" };
                (split, format!("{before}; {holds} {verb}"), None)
            }
        }
    };
    Verdict {
        outcome,
        reason,
        requests_needed: match outcome {
            // More requests do not find a silent target, nor what hangs on errors that nobody can be blamed for.
            Outcome::Inconclusive if verdict.silent_target() => None,
            _ if results.iter().any(SloResult::hangs_on_unattributed) => None,
            Outcome::Inconclusive => verdict.requests_needed.max(needed),
            _ => None,
        },
        slos: results.to_vec(),
        ..verdict
    }
}

/// `; 2 more SLOs do not hold`
fn also(count: usize, one: &str, many: &str) -> String {
    match count.saturating_sub(1) {
        0 => String::new(),
        1 => format!("; 1 more SLO {one}"),
        more => format!("; {more} more SLOs {many}"),
    }
}
