//! Many requests, each with what is declared for it: sent over shared connections, each judged by itself, wrong together as
//! rarely as one run is.

mod batch;
#[cfg(test)]
mod calibration;
mod judgement;
mod number;

use std::ops::Range;

use self::batch::Sending;
use self::judgement::Judging;
use super::config::RunConfig;
use super::expectation::Declared;
use super::failure::Failure;
use super::record;
use super::run::cut_short;
use crate::bucket::Bucketer;
use crate::diag::Note;
use crate::observe::{Observation, RequestLog};
use crate::plan::{LoadPlan, RequestTemplate};
use crate::report::{Load, Record, SavedObservation};
use crate::verdict::{Outcome, Policy, Verdict};

/// One request, and what is declared for it.
pub(super) struct Case {
    /// What is sent.
    pub(super) request: RequestTemplate,
    /// What is declared.
    pub(super) declared: Declared,
    /// How much is asked of the counts.
    pub(super) depth: Depth,
}

/// How much is asked of the counts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Depth {
    /// Whether the shares are the declared ones.
    Shares,
    /// Whether it is this rule that takes the request: wide deviations are ruled out.
    Rule,
}

/// A request of which every response has to say the same: it is counted, and no split is judged.
pub(super) struct ReadCase {
    /// What is sent.
    pub(super) request: RequestTemplate,
    /// What its responses are counted under.
    pub(super) bucketer: Bucketer,
}

/// Cases that share connections.
pub(super) struct Batch {
    /// Where they are sent, and how.
    pub(super) plan: LoadPlan,
    /// Which of all cases.
    pub(super) cases: Range<usize>,
    /// Which of all requests whose responses are only read.
    pub(super) reads: Range<usize>,
}

/// Whether what was read is not as it must be, by the number of the request.
pub(super) type IsWrong<'c> = dyn Fn(usize, &Observation) -> bool + 'c;

/// All that is sent.
pub(super) struct Work<'c> {
    /// The cases, each in one batch.
    pub(super) cases: &'c [Case],
    /// Requests whose responses are only read, in the order of the batches.
    pub(super) reads: Vec<ReadCase>,
    /// One after the other, in the order of the cases.
    pub(super) batches: Vec<Batch>,
    /// Where it is given, nothing is sent after a batch with a case that does not hold.
    pub(super) fail_fast: Option<&'c IsWrong<'c>>,
    /// Whether a Ctrl-C came before: then nothing is sent.
    pub(super) interrupted: bool,
}

/// What was found about one case.
pub(super) struct CaseResult {
    /// What was asked of the counts.
    pub(super) policy: Policy,
    /// What was seen.
    pub(super) observation: SavedObservation,
    /// What that means.
    pub(super) verdict: Verdict,
    /// What else is known.
    pub(super) notes: Vec<Note>,
}

/// What was found about all of them.
pub(super) struct CasesRun {
    /// By case, in their order.
    pub(super) results: Vec<CaseResult>,
    /// What was read, in the order of the requests.
    pub(super) reads: Vec<Observation>,
    /// Batches that were begun.
    pub(super) begun: usize,
    /// All counts together.
    pub(super) observation: Observation,
    /// How much was sent, and how.
    pub(super) load: Load,
    /// When, and by which command.
    pub(super) record: Record,
    /// Whether the first Ctrl-C ended it.
    pub(super) interrupted: bool,
    /// What has to be said of the run as a whole.
    pub(super) notes: Vec<Note>,
}

/// Sends the requests of all cases over the connections of a plan, and judges each; none where it was interrupted before.
pub(super) fn run(
    cases: &[Case],
    plan: LoadPlan,
    config: &RunConfig,
    interrupted: bool,
) -> Result<CasesRun, Failure> {
    let batch = Batch {
        plan,
        cases: 0..cases.len(),
        reads: 0..0,
    };
    run_batches(
        Work {
            cases,
            reads: Vec::new(),
            batches: vec![batch],
            fail_fast: None,
            interrupted,
        },
        config,
    )
}

/// Sends batch after batch, and judges each case, wrong together as rarely as one run is.
pub(super) fn run_batches(work: Work<'_>, config: &RunConfig) -> Result<CasesRun, Failure> {
    let numbers = number::live(work.cases, work.reads.len(), config)?;
    let load = work.batches.first().map(|batch| {
        let whole = numbers.plan(batch.plan.clone(), config);
        (Load::of(&whole, config.load.modest), whole.stop)
    });
    let (load, stop) = load.expect("there is a batch");
    let mut sending = Sending::new(numbers, stop, config);
    if work.interrupted {
        sending.interrupt();
    }
    let record = record::begun(&config.argv, &config.labels);
    let mut reads = work.reads.into_iter();
    let mut begun = 0;
    for batch in work.batches {
        if sending.is_over() {
            break;
        }
        begun += 1;
        let (cases, read) = (batch.cases.clone(), batch.reads.clone());
        sending.send(batch, reads.by_ref().take(read.len()))?;
        let Some(wrong) = work.fail_fast else {
            continue;
        };
        let mut read = read.filter(|at| wrong(*at, &sending.read[*at]));
        if read.next().is_some() || sending.failed(cases) {
            break;
        }
    }
    let all = sending.seen.iter().chain(&sending.read);
    let observation = sum(all);
    let (interrupted, deadline) = (sending.was_interrupted(), sending.deadline());
    let Sending {
        live, seen, read, ..
    } = sending;
    let results = Judging::new(live, seen, config).results();
    let open = results
        .iter()
        .find(|own| own.verdict.outcome == Outcome::Inconclusive);
    let late = open.and_then(|own| deadline.note(&observation, stop, &own.verdict));
    let cut = interrupted.then(|| cut_short(&observation));
    Ok(CasesRun {
        results,
        reads: read,
        begun,
        load,
        record,
        interrupted,
        notes: cut.into_iter().chain(late).collect(),
        observation,
    })
}

/// The counts of all cases together; in which order single requests ended is kept by case.
fn sum<'o>(seen: impl Iterator<Item = &'o Observation>) -> Observation {
    let mut sum = Observation::default();
    for own in seen {
        sum.merge(&Observation {
            log: RequestLog::default(),
            ..own.clone()
        });
    }
    sum
}
