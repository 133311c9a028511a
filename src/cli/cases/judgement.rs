//! What the counts of cases mean: each is judged at its part of `alpha`, and those that stay open once more at what the rejected
//! ones leave them.

use std::borrow::Borrow;
use std::collections::{BTreeMap, BTreeSet};

use super::CaseResult;
use super::number::LiveCase;
use crate::cli::config::RunConfig;
use crate::cli::run::derive;
use crate::cli::unidentified::{self, Unidentified, nothing_tied};
use crate::diag::{Code, Note};
use crate::observe::Observation;
use crate::report::SavedObservation;
use crate::report::rules::Judged;
use crate::split::{Expected, Target, TargetShare};
use crate::verdict::attribution::{Attribution, Classification, classify};
use crate::verdict::explain::manifests as hypotheses;
use crate::verdict::mapping::{Mapping, MappingError, recognise};
use crate::verdict::{Evidence, Hypothesis, Outcome, Policy, Verdict, judge};

/// Cases, what was seen of each, and what its values mean.
pub(super) struct Judging<L, S> {
    live: L,
    seen: S,
    known: Vec<Known>,
    /// The level of all, and the part of it that each case had while requests were sent.
    alpha: f64,
    had: f64,
}

/// Which values mean which targets, and what is said where none does.
struct Known {
    mapping: Mapping,
    /// Why no response can be tied to a target, and what else is known.
    untied: Option<(String, Vec<Note>)>,
    notes: Vec<Note>,
}

impl<'c, L, S> Judging<L, S>
where
    L: Borrow<[LiveCase<'c>]>,
    S: Borrow<[Observation]>,
{
    pub(super) fn new(live: L, seen: S, config: &RunConfig) -> Self {
        let pairs = live.borrow().iter().zip(seen.borrow());
        let mut known: Vec<Known> = pairs
            .map(|(own, seen)| known(own.case.declared.expected(), seen, config))
            .collect();
        not_told_apart(live.borrow(), seen.borrow(), &mut known, config);
        Self {
            had: config.policy.alpha / live.borrow().len().max(1) as f64,
            alpha: config.policy.alpha,
            live,
            seen,
            known,
        }
    }

    /// Whether one of the cases is certain not to hold at the level that it had while requests were sent.
    pub(super) fn any_diverged(&self) -> bool {
        let mut live = self.live.borrow().iter().enumerate();
        live.any(|(at, own)| self.verdict(at, &own.sized.policy).outcome == Outcome::Diverged)
    }

    fn verdict(&self, at: usize, policy: &Policy) -> Verdict {
        let own = &self.live.borrow()[at].case.declared.declaration;
        self.verdict_among(at, policy, &own.hypotheses)
    }

    /// The verdict on a case, with other splits that would explain what was seen of it.
    fn verdict_among(&self, at: usize, policy: &Policy, hypotheses: &[Hypothesis]) -> Verdict {
        let (own, seen) = (&self.live.borrow()[at], &self.seen.borrow()[at]);
        let known = &self.known[at];
        if let Some((reason, _)) = &known.untied {
            return Verdict {
                reason: reason.clone(),
                ..Verdict::without_counts(Outcome::NoData, policy)
            };
        }
        let pair = Some((own.case.declared.expected(), &known.mapping));
        let evidence = Evidence {
            declared: pair,
            seen,
            attribution: &Attribution::new(seen, pair),
            hypotheses,
            key: None,
        };
        judge(evidence, policy, own.watch.as_ref())
    }

    /// The verdicts with the policies that they were made by.
    fn verdicts(&self) -> Vec<(Policy, Verdict)> {
        let live = self.live.borrow().iter().enumerate();
        let mut all: Vec<(Policy, Verdict)> = live
            .map(|(at, own)| (own.sized.policy, self.verdict(at, &own.sized.policy)))
            .collect();
        let mut had = self.had;
        loop {
            let found: Vec<Judged> = all.iter().map(|(_, own)| Judged::of(own)).collect();
            let Some(level) = Judged::next_level(&found, self.alpha, had) else {
                break;
            };
            had = level;
            for (at, (policy, verdict)) in all.iter_mut().enumerate() {
                if verdict.outcome == Outcome::Inconclusive {
                    policy.alpha = level;
                    *verdict = self.verdict(at, policy);
                }
            }
        }
        let passed: Vec<usize> = (0..all.len())
            .filter(|at| all[*at].1.outcome == Outcome::Pass)
            .collect();
        for (at, (policy, verdict)) in all.iter_mut().enumerate() {
            if verdict.outcome == Outcome::Diverged
                && let Some(hypotheses) = self.although_applied(at, &passed)
            {
                *verdict = self.verdict_among(at, policy, &hypotheses);
            }
        }
        all
    }

    /// What may explain a case where another rule of the host is followed: one that sends to some of its targets alone, which the
    /// balancing of a Service would not do.
    fn although_applied(&self, at: usize, passed: &[usize]) -> Option<Vec<Hypothesis>> {
        let declared = |at: usize| &self.live.borrow()[at].case.declared;
        let own = declared(at);
        let all = destinations(own.expected());
        let taken = passed.iter().find_map(|other| {
            let some = destinations(declared(*other).expected());
            let narrower = !some.is_empty() && some.is_subset(&all) && some != all;
            narrower.then(|| declared(*other).declaration.rule.as_deref())?
        })?;
        let others = own.declaration.hypotheses.iter();
        let others = others.filter(|other| other.note.code != Code::ByReplicas);
        let even = hypotheses::although_applied(taken, own.expected());
        Some(others.cloned().chain([even]).collect())
    }
}

impl Judging<Vec<LiveCase<'_>>, Vec<Observation>> {
    /// What was found about each case.
    pub(super) fn results(self) -> Vec<CaseResult> {
        let verdicts = self.verdicts();
        let rows = self
            .live
            .iter()
            .zip(self.seen)
            .zip(self.known)
            .zip(verdicts);
        rows.map(|(((own, seen), known), (policy, verdict))| {
            let expected = own.case.declared.expected();
            let untied = known.untied.into_iter().flat_map(|(_, notes)| notes);
            CaseResult {
                observation: SavedObservation::new(
                    seen,
                    Some((expected, known.mapping)),
                    own.watch.is_some(),
                    &policy,
                    verdict.intervals,
                ),
                notes: known.notes.into_iter().chain(untied).collect(),
                policy,
                verdict,
            }
        })
        .collect()
    }
}

/// The destinations that have a share.
fn destinations(expected: &Expected) -> BTreeSet<&Target> {
    let active = expected.declared().iter();
    let active = active.filter(|own| !own.share.is_zero() && own.target.status().is_none());
    active.map(|own| &own.target).collect()
}

/// Shows a watch what came in since it last looked. Whether the result is certain.
pub(super) fn look_again(own: &mut LiveCase<'_>, seen: &Observation, config: &RunConfig) -> bool {
    let expected = own.case.declared.expected();
    match (own.watch.as_mut(), derive(expected, &config.map, seen)) {
        (Some(watch), Ok(mapping)) => watch.look(seen, expected, &mapping),
        _ => false,
    }
}

/// Where everything goes to one target, whatever value comes is taken for it. A value that names no target, and that comes where
/// different ones are declared, shows nothing: nothing is judged by it.
fn not_told_apart(
    live: &[LiveCase<'_>],
    seen: &[Observation],
    known: &mut [Known],
    config: &RunConfig,
) {
    let mut taken_for: BTreeMap<&str, Vec<(usize, &TargetShare)>> = BTreeMap::new();
    for (at, (own, seen)) in live.iter().zip(seen).enumerate() {
        let expected = own.case.declared.expected();
        for bucket in seen.tallies.keys() {
            let Some(value) = bucket.value() else {
                continue;
            };
            let place = classify(bucket, Some((expected, &known[at].mapping)));
            let named = recognise(expected, &config.map, value, bucket.status).is_some();
            if let (Classification::Target(target), false) = (place, named) {
                let target = &expected.declared()[target];
                taken_for.entry(value).or_default().push((at, target));
            }
        }
    }
    for (value, places) in taken_for {
        let (_, first) = places[0];
        let other = places.iter().find(|(_, own)| own.target != first.target);
        let Some((_, other)) = other else { continue };
        let reason = format!(
            "responses say `{value}` where `{}` is declared and where `{}` is: that does not tell who responded (--bucket chooses \
             what does)",
            first.name, other.name
        );
        for (at, _) in places {
            known[at].untied = Some((reason.clone(), Vec::new()));
            known[at].mapping = Mapping::unknown();
        }
    }
}

fn known(expected: &Expected, seen: &Observation, config: &RunConfig) -> Known {
    let notes = unidentified::unmatched(config, Some(expected), seen);
    let mapping: Result<Mapping, MappingError> = derive(expected, &config.map, seen);
    let untied = nothing_tied(expected, &mapping, seen);
    let why = match &mapping {
        Err(error) if !untied => Some((error.to_string(), Vec::new())),
        _ if untied => {
            let known = Unidentified::new(config, Some(expected), seen, &notes);
            Some((known.to_string(), known.notes()))
        }
        _ => None,
    };
    Known {
        mapping: match mapping {
            Ok(mapping) if why.is_none() => mapping,
            _ => Mapping::unknown(),
        },
        untied: why,
        notes,
    }
}
