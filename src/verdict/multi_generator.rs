//! One verdict on the runs of several load generators. Their counts are added and judged at half of the error rate; each generator is also
//! judged by itself, at its part of the other half of the error rate, because a sum can hide that one zone sees another split.

use serde::{Deserialize, Serialize};

use super::{Evidence, Outcome, Policy, Verdict, Watch, judge, outage};
use crate::diag::{Code, Note};
use crate::stats::dependence::rao_scott;
use crate::stats::heterogeneity::Heterogeneity;
use crate::units::percent;

/// Draws of the permutation test.
const DRAWS: u32 = 9999;
/// From so many generators on, they are taken as clusters.
const MANY: usize = 20;

/// The run of one generator, judged by itself: all that is kept of it, so that any number of runs can be judged together.
pub struct JudgedRun {
    generator: Generator,
    verdict: Verdict,
    outage: Option<Note>,
    watched: bool,
}

impl JudgedRun {
    /// Judges the run of one of so many generators. `name` is what a person calls it, `watched` whether it was to end as soon
    /// as the result was certain.
    #[must_use]
    pub fn new(
        name: String,
        evidence: &Evidence<'_>,
        watched: bool,
        policy: &Policy,
        generators: usize,
    ) -> Self {
        let policy = Policy {
            alpha: policy.alpha / own_part(generators),
            ..*policy
        };
        let verdict = rejudge(evidence, &policy, watched);
        Self {
            outage: outages(&name, evidence),
            generator: Generator {
                name,
                sent: evidence.seen.sent,
                counts: evidence.attribution.counts.clone(),
                outcome: verdict.outcome,
                reason: verdict.reason.clone(),
            },
            verdict,
            watched,
        }
    }
}

/// What one generator saw.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Generator {
    /// The file it was saved in.
    pub name: String,
    /// Requests it began.
    pub sent: u64,
    /// Its responses by declared target, in the order of the declaration.
    pub counts: Vec<u64>,
    /// The verdict on it alone, at half of `alpha` shared out over the generators.
    pub outcome: Outcome,
    /// Why.
    pub reason: String,
}

/// Judges the runs of so many generators together; `all` is the sum of those that arrived, in the order of `runs`.
///
/// A generator that diverges by itself decides. Generators that disagree (chi-square of homogeneity, by permutation where
/// counts are small) cannot pass.
#[must_use]
pub fn judge_together(
    all: Evidence<'_>,
    runs: Vec<JudgedRun>,
    policy: &Policy,
    count: usize,
) -> (Verdict, Vec<Generator>) {
    let watched = runs.iter().any(|run| run.watched);
    let mut verdict = together(&all, policy, count, watched);
    // Each has a time of its own.
    let outages = runs.iter().filter_map(|run| run.outage.clone());
    verdict.caveats.extend(outages);
    let (generators, verdicts): (Vec<Generator>, Vec<Verdict>) = runs
        .into_iter()
        .map(|run| (run.generator, run.verdict))
        .unzip();
    if all.declared.is_none() {
        return (verdict, generators);
    }
    let tables: Vec<Vec<u64>> = generators.iter().map(|g| g.counts.clone()).collect();
    let agreement = Heterogeneity::new(&tables, DRAWS, policy.seed);
    let verdict = diverged_alone(verdict, &generators, &verdicts, count);
    let verdict = disagreeing(verdict, &generators, &agreement);
    (as_clusters(verdict, &all, &tables), generators)
}

/// What `alpha` is divided by for each of so many generators: half of it is spent on their sum.
fn own_part(generators: usize) -> f64 {
    if generators > 1 {
        2.0 * generators as f64
    } else {
        1.0
    }
}

/// The verdict on the sum of several runs, at half of `alpha`: the other half is spent on the runs by themselves (Bonferroni).
fn together(all: &Evidence<'_>, policy: &Policy, generators: usize, watched: bool) -> Verdict {
    let whole = rejudge(all, policy, watched);
    if generators < 2 || whole.outcome != Outcome::Diverged {
        return whole;
    }
    let half = Policy {
        alpha: policy.alpha / 2.0,
        ..*policy
    };
    let at_half = rejudge(all, &half, watched);
    if at_half.outcome != Outcome::Diverged {
        return Verdict {
            alpha: policy.alpha,
            ..at_half
        };
    }
    Verdict {
        p_value: whole.p_value.map(|p| (2.0 * p).min(1.0)),
        ln_p_value: whole
            .ln_p_value
            .map(|ln_p| (ln_p + std::f64::consts::LN_2).min(0.0)),
        ..whole
    }
}

/// The outage that a generator met, with its name.
fn outages(name: &str, evidence: &Evidence<'_>) -> Option<Note> {
    let outage = outage::caveat(evidence.seen)?;
    Some(Note {
        message: format!("{name}: {}", outage.message),
        ..outage
    })
}

/// Judges; a run that was watched is looked at again, request by request, as it was then.
#[must_use]
pub fn rejudge(evidence: &Evidence<'_>, policy: &Policy, watched: bool) -> Verdict {
    let watch = evidence
        .declared
        .filter(|_| watched)
        .map(|(expected, mapping)| {
            let mut watch = Watch::new(expected, policy);
            watch.look(evidence.seen, expected, mapping);
            watch
        });
    judge(*evidence, policy, watch.as_ref())
}

/// A generator that sees another split is a divergence, whatever the sum looks like.
fn diverged_alone(
    verdict: Verdict,
    generators: &[Generator],
    verdicts: &[Verdict],
    count: usize,
) -> Verdict {
    let mut alone = generators
        .iter()
        .zip(verdicts)
        .filter(|(_, own)| own.outcome == Outcome::Diverged);
    if verdict.outcome == Outcome::Diverged {
        return verdict;
    }
    let Some((generator, own)) = alone.next() else {
        return verdict;
    };
    let others = match alone.count() {
        0 => String::new(),
        more => format!("; {more} more of {count} generators diverge"),
    };
    // Each had its part of the error rate (Bonferroni).
    let own_part = own_part(count);
    let of_all = |p: f64| (p * own_part).min(1.0);
    Verdict {
        outcome: Outcome::Diverged,
        method: own.method.clone(),
        p_value: own.p_value.map(of_all),
        ln_p_value: own.ln_p_value.map(|ln_p| (ln_p + own_part.ln()).min(0.0)),
        reason: format!("`{}` diverged: {}{others}", generator.name, own.reason),
        requests_needed: None,
        decided_after: None,
        diagnosis: own.diagnosis.clone(),
        ..verdict
    }
}

fn disagreeing(
    mut verdict: Verdict,
    generators: &[Generator],
    agreement: &Heterogeneity,
) -> Verdict {
    if !agreement.disagree() {
        return verdict;
    }
    let shares = |generator: &Generator| {
        let n = generator.counts.iter().sum::<u64>().max(1) as f64;
        let parts = generator.counts.iter().map(|own| percent(*own as f64 / n));
        let parts: Vec<String> = parts.collect();
        format!("{}: {}", generator.name, parts.join("/"))
    };
    let table: Vec<String> = generators.iter().map(shares).collect();
    verdict.caveats.push(Note::new(Code::GeneratorsDisagree, format!(
            "the generators do not see the same split (p = {:.1e}): {}; judge them apart, or look at what differs between \
             the places they run in",
            agreement.p(),
            table.join("; ")
        )));
    if verdict.outcome == Outcome::Pass {
        return Verdict {
            outcome: Outcome::Inconclusive,
            reason: "the generators do not see the same split".to_owned(),
            ..verdict
        };
    }
    verdict
}

/// With many generators, how much of their counts is independent.
fn as_clusters(mut verdict: Verdict, all: &Evidence<'_>, tables: &[Vec<u64>]) -> Verdict {
    let Some((expected, _)) = all.declared.filter(|_| tables.len() >= MANY) else {
        return verdict;
    };
    let active = super::sample::active(expected);
    let rows: Vec<Vec<u64>> = tables
        .iter()
        .map(|table| active.iter().map(|index| table[*index]).collect())
        .collect();
    let shares: Vec<f64> = active
        .iter()
        .map(|index| expected.declared()[*index].share.as_f64())
        .collect();
    if active.len() > 1 {
        let corrected = rao_scott(&rows, &shares);
        verdict.caveats.push(Note::new(Code::GeneratorsAsClusters, format!(
                "with each generator as a cluster, the responses are worth about {:.0} independent ones, and the declared \
                 split has p = {:.2e} (Rao and Scott)",
                corrected.effective_n,
                corrected.ln_p.exp()
            )));
    }
    verdict
}
