//! Runs whose outcome somebody else draws: a real Envoy takes real random numbers, so that a run against a healthy split
//! fails to pass now and then, by design.

use super::cmd::{Outcome, Report};

/// Runs of a test that is right to pass, at most.
///
/// A healthy split fails to pass in fewer than one of a hundred runs: `alpha` and the tests of independence take 0.001 each,
/// `beta` the rest (the calibration sees 0.2 %, and allows 1 %). All of five independent runs fail with a probability below
/// 0.01^5 = 1e-10. How often one of them fails is what the calibration proves; here a real proxy is called right at all.
const RUNS: u32 = 5;

/// The first run that passes, with what it ran against.
#[track_caller]
pub(crate) fn passes<T>(run: impl FnMut() -> (T, Outcome)) -> (T, Report) {
    passes_where(|_| true, run)
}

/// The first run that passes with such a report.
#[track_caller]
pub(crate) fn passes_where<T>(
    right: impl Fn(&Report) -> bool,
    mut run: impl FnMut() -> (T, Outcome),
) -> (T, Report) {
    for _ in 1..RUNS {
        let (against, outcome) = run();
        // Anything else than a verdict is a bug at once.
        let judged = matches!(outcome.code, Some(0 | 1 | 3));
        if !judged || outcome.code == Some(0) && right(&outcome.report()) {
            return (against, outcome.exits(0).report());
        }
    }
    let (against, outcome) = run();
    let report = outcome.exits(0).report();
    assert!(right(&report), "{:#}", report.0);
    (against, report)
}
