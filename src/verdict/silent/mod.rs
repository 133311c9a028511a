//! A target to which no response could be tied, although its share makes that impossible by chance: its share goes to nobody,
//! or it responds without saying who it is. A number of requests does not settle that, and neither is it a pass.

use std::cmp::Reverse;
use std::collections::BTreeMap;

use super::attribution::{Classification, classify};
use super::case::Case;
use super::mapping::Mapping;
use super::response_flags::advice;
use super::starvation::starved;
use super::{Outcome, Verdict};
use crate::diag::{Code, Note};
use crate::split::{ResponseFlag, brief};
use crate::units::{counted, percent};

/// The name of the finding.
/// More targets, or kinds of responses, than this are counted, not named.
const MOST_NAMED: usize = 3;

/// What is known of the requests that no target can be named for.
#[derive(Default)]
struct Unattributed<'a> {
    /// Local replies of a proxy: by status and words, with their reason.
    local: BTreeMap<(u16, String), (u64, Option<ResponseFlag>)>,
    /// Responses that may be a target's own, by status.
    unnamed: BTreeMap<u16, u64>,
    /// Requests without a response, by kind.
    failed: Vec<(String, u64)>,
    /// Requests that ended.
    ended: u64,
    /// Targets to which no response is tied, and their shares less what is tolerated.
    silent: Vec<(&'a str, f64)>,
}

impl<'a> Unattributed<'a> {
    fn of(case: &Case<'a>, mapping: &Mapping) -> Self {
        let mut own = Self {
            ended: case.attribution.attributed() + case.attribution.undeclared + case.anybodys(),
            ..Self::default()
        };
        for (bucket, tally) in &case.seen.tallies {
            if classify(bucket, Some((case.expected, mapping))) != Classification::Unattributed {
                continue;
            }
            match bucket.local_reply() {
                Some((flag, text)) => {
                    let kind = own
                        .local
                        .entry((bucket.status, brief(text)))
                        .or_insert((0, flag));
                    kind.0 += tally.count;
                }
                None => *own.unnamed.entry(bucket.status).or_default() += tally.count,
            }
        }
        let failures = case.seen.failures.iter();
        own.failed = failures
            .filter(|(_, failed)| failed.count > 0)
            .map(|(kind, failed)| (kind.to_string(), failed.count))
            .collect();
        if case.seen.retried > 0 {
            let resent = "the first time, and were sent again".to_owned();
            own.failed.push((resent, case.seen.retried));
        }
        let declared = case
            .active
            .iter()
            .map(|index| &case.expected.declared()[*index]);
        own.silent = declared
            .zip(&case.counts)
            .filter(|(declared, count)| **count == 0 && declared.target.status().is_none())
            .map(|(declared, _)| {
                let share = declared.share.as_f64() - case.policy.tolerance;
                (declared.name.as_str(), share)
            })
            .filter(|(_, share)| starved(0, own.ended, *share, case.policy.alpha))
            .collect();
        own
    }

    fn local(&self) -> u64 {
        self.local.values().map(|(count, _)| count).sum()
    }

    /// What a target may have responded, or not responded, by itself.
    fn not_local(&self) -> u64 {
        let failed = self.failed.iter().map(|(_, count)| count);
        self.unnamed.values().chain(failed).sum()
    }

    /// The silent targets for which a proxy replied: were the local replies spread over all targets, some response would be
    /// tied to it, and what is left is too little to be its own.
    fn replied_for(&self, case: &Case<'_>) -> Vec<(&'a str, f64)> {
        if self.local() == 0 {
            return Vec::new();
        }
        let (attributed, alpha) = (case.attribution.attributed(), case.policy.alpha);
        let shown = |(_, share): &&(&'a str, f64)| {
            starved(0, attributed, *share, alpha)
                && starved(self.not_local(), self.ended, *share, alpha)
        };
        self.silent.iter().filter(shown).copied().collect()
    }

    /// The local replies, the most frequent first.
    fn local_kinds(&self) -> Vec<(u16, &str, u64, Option<ResponseFlag>)> {
        let mut kinds = Vec::new();
        for ((status, text), (count, flag)) in &self.local {
            kinds.push((*status, text.as_str(), *count, *flag));
        }
        kinds.sort_by_key(|(_, _, count, _)| Reverse(*count));
        kinds
    }

    /// The response flag of most local replies, and what to do about it.
    fn why(&self, names: &str) -> String {
        let kinds = self.local_kinds();
        let (flag, status) = kinds.first().map_or((None, 503), |kind| (kind.3, kind.0));
        let of = flag.map_or_else(String::new, |flag| {
            format!(" (response flag {})", flag.short())
        });
        format!("{of}: {}", advice(flag, status, names))
    }

    fn part(&self, count: u64) -> String {
        percent(count as f64 / self.ended.max(1) as f64)
    }

    /// `10.1% of the requests got 503 no healthy upstream`
    fn local_words(&self) -> String {
        let kinds = self.local_kinds();
        let words = |(status, text, ..): &(u16, &str, u64, _)| {
            if text.is_empty() {
                format!("{status} without a body")
            } else {
                format!("{status} {text}")
            }
        };
        let named: Vec<String> = kinds.iter().take(MOST_NAMED).map(words).collect();
        let more = match kinds.len().saturating_sub(MOST_NAMED) {
            0 => "",
            _ => " or the like",
        };
        format!(
            "{} of the requests got {}{more}",
            self.part(self.local()),
            named.join(" or ")
        )
    }

    /// `10.1% were 500 without identity; 2% had no response (timeout)`
    fn unnamed_words(&self) -> String {
        let mut parts = Vec::new();
        if self.local() > 0 {
            parts.push(self.local_words());
        }
        let unnamed: u64 = self.unnamed.values().sum();
        if unnamed > 0 {
            let mut statuses: Vec<(&u16, &u64)> = self.unnamed.iter().collect();
            statuses.sort_by_key(|(_, count)| Reverse(**count));
            let statuses = statuses.iter().take(MOST_NAMED);
            let statuses: Vec<String> = statuses.map(|(status, _)| status.to_string()).collect();
            parts.push(format!(
                "{} were {} without identity",
                self.part(unnamed),
                statuses.join(", ")
            ));
        }
        let failed: u64 = self.failed.iter().map(|(_, count)| count).sum();
        if failed > 0 {
            let kinds: Vec<&str> = self.failed.iter().map(|(kind, _)| kind.as_str()).collect();
            parts.push(format!(
                "{} had no response ({})",
                self.part(failed),
                kinds.join(", ")
            ));
        }
        parts.join("; ")
    }
}

/// The verdict, unless it lets a declaration pass or leaves it open of which a target is silent. Where the proxy is shown to
/// have replied for it, that is a divergence; else the responses may be its own, and nobody can tell.
pub(super) fn silent(verdict: Verdict, case: &Case<'_>, mapping: &Mapping) -> Verdict {
    let lost = Unattributed::of(case, mapping);
    match verdict.outcome {
        Outcome::Pass | Outcome::Inconclusive => {}
        Outcome::NoData => return nothing_but_errors(verdict, &lost),
        _ => return verdict,
    }
    if lost.silent.is_empty() || lost.local() + lost.not_local() == 0 {
        return verdict;
    }
    let replied_for = lost.replied_for(case);
    if replied_for.is_empty() {
        return open(verdict, &lost);
    }
    let names = names(&replied_for);
    let whose = if replied_for.len() == 1 {
        "its share goes"
    } else {
        "their shares go"
    };
    let share: f64 = replied_for.iter().map(|(_, share)| share).sum();
    // With far fewer errors than its share, most of it went elsewhere.
    let fits = !starved(lost.local(), lost.ended, share, case.policy.alpha);
    let nobody = if fits {
        format!(": {whose} to nobody")
    } else {
        String::new()
    };
    let found = Note::new(
        Code::TargetSilent,
        format!("the proxy replied for {names}{}", lost.why(&names)),
    );
    let mut diagnosis = vec![found];
    diagnosis.extend(verdict.diagnosis);
    Verdict {
        outcome: Outcome::Diverged,
        method: Some("structural".to_owned()),
        p_value: None,
        ln_p_value: None,
        reason: format!("{names} never answered: {}{nobody}", lost.local_words()),
        decided_after: None,
        requests_needed: None,
        diagnosis,
        ..verdict
    }
}

/// What all responses are, where none of them is tied to a target and all are errors.
fn nothing_but_errors(verdict: Verdict, lost: &Unattributed<'_>) -> Verdict {
    let (local, unnamed) = (lost.local(), lost.unnamed.values().sum::<u64>());
    let errors = lost.unnamed.keys().all(|status| *status >= 400);
    if local + unnamed == 0 || !errors || lost.silent.is_empty() {
        return verdict;
    }
    let names = names(&lost.silent);
    let not_found = lost.unnamed.get(&404).copied().unwrap_or(0);
    let message = if local > unnamed {
        format!("the proxy itself replied{}", lost.why(&names))
    } else if not_found * 2 > local + unnamed {
        "most responses are 404: does the path of the URL exist, and is the Host the one that is routed (--host)?".to_owned()
    } else {
        format!(
            "the errors do not say who sent them: look at the logs of {names}, and of the proxy before them"
        )
    };
    Verdict {
        reason: format!("{}; {}", verdict.reason, lost.unnamed_words()),
        caveats: std::iter::once(Note::new(Code::TargetSilent, message))
            .chain(verdict.caveats)
            .collect(),
        ..verdict
    }
}

/// Nobody can tell whose the errors are.
fn open(verdict: Verdict, lost: &Unattributed<'_>) -> Verdict {
    let names = names(&lost.silent);
    let most = lost.local_kinds().first().and_then(|(.., flag)| *flag);
    let step = if most == Some(ResponseFlag::Overflow) && lost.local() > lost.not_local() {
        advice(most, 503, &names)
    } else if lost.failed.iter().map(|(_, count)| count).sum::<u64>() * 2 > lost.not_local() {
        format!(
            "the requests without a response may be its own. Look at the pods and the logs of {names}; --timeout waits longer"
        )
    } else {
        format!(
            "the errors may be its own. Let errors say who sends them, for example in a response header (--bucket \
             header:NAME), or look at the logs of {names}"
        )
    };
    let message = format!(
        "if the split is as declared, {names} got some of {}, and {step}",
        counted(lost.ended, "request")
    );
    let mut caveats = vec![Note::new(Code::TargetSilent, message)];
    // Where requests only hang, all connections come to wait for the silent target: that explains the stretch without a
    // response.
    let hangs = !lost.failed.is_empty() && lost.failed.iter().all(|(kind, _)| kind == "timeout");
    let others = verdict.caveats.into_iter();
    caveats.extend(others.filter(|caveat| !(hangs && caveat.code == Code::Outage)));
    Verdict {
        outcome: Outcome::Inconclusive,
        reason: format!(
            "no response could be tied to {names}; {}",
            lost.unnamed_words()
        ),
        decided_after: None,
        requests_needed: None,
        caveats,
        ..verdict
    }
}

/// `` `v2` `` or `` `v2` and `v3` ``
fn names(targets: &[(&str, f64)]) -> String {
    let mut names: Vec<String> = targets
        .iter()
        .take(MOST_NAMED)
        .map(|(name, _)| format!("`{name}`"))
        .collect();
    if let Some(more @ 1..) = targets.len().checked_sub(MOST_NAMED) {
        names.push(format!("{more} more"));
    }
    match names.split_last() {
        Some((last, [_, ..])) => format!("{} and {last}", names[..names.len() - 1].join(", ")),
        _ => names.concat(),
    }
}

#[cfg(test)]
mod tests;
