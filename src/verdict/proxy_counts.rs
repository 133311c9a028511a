//! What the counters of a proxy say about a run: why a target was sent another share than the proxy is programmed with, and why
//! responses name other targets than it sent requests to. Facts that were counted come before guesses.

use crate::diag::{Code, Note};
use crate::stats::binomial::ln_central;
use crate::units::{counted, percent};

/// What is said to differ is held to this chance.
pub(super) const CLEARLY: f64 = 1e-6;

/// What the proxy counted over a run.
#[derive(Clone, Debug, Default)]
pub struct ProxyCounts {
    /// By target.
    pub targets: Vec<TargetCounts>,
    /// Requests of the run.
    pub requests: u64,
    /// Responses and failures that nobody can be tied to.
    pub unattributed: u64,
    /// Of those, responses that the proxy gave by itself.
    pub local_replies: u64,
    /// Whether the counters hold requests of this run alone, and all of them.
    pub own: bool,
}

/// What one target was sent, and what kept requests from it.
#[derive(Clone, Debug, Default)]
pub struct TargetCounts {
    /// Its name.
    pub name: String,
    /// The share that the proxy is programmed with.
    pub programmed: Option<f64>,
    /// Requests that it was sent, each try of one.
    pub counted: u64,
    /// Responses that name it; `None` where it is not declared.
    pub seen: Option<u64>,
    /// Connections to it that failed.
    pub connect_failures: u64,
    /// Requests that timed out.
    pub timeouts: u64,
    /// Endpoints it has.
    pub endpoints: usize,
    /// Endpoints that outlier detection had ejected.
    pub ejected: usize,
    /// Endpoints that were not healthy.
    pub unhealthy: usize,
    /// Requests that a circuit breaker kept from it, where that is published.
    pub overflow: u64,
    /// Requests that found no healthy endpoint, where that is published.
    pub none_healthy: u64,
    /// Requests that were balanced over all endpoints because too few are healthy, where that is published.
    pub panic: u64,
    /// Tries beyond the first, where that is published.
    pub retries: Option<u64>,
}

impl ProxyCounts {
    /// What is to be said about them.
    #[must_use]
    pub fn notes(&self) -> Vec<Note> {
        let total: u64 = self.targets.iter().map(|target| target.counted).sum();
        if let Some(elsewhere) = self.elsewhere(total) {
            return vec![elsewhere];
        }
        let kept = self
            .targets
            .iter()
            .filter_map(|target| self.kept_from(target, total));
        let mut notes: Vec<Note> = kept.collect();
        notes.extend(self.identity());
        notes
    }

    /// Whether targets responded that this proxy sent nothing to.
    fn elsewhere(&self, total: u64) -> Option<Note> {
        let seen: u64 = self.targets.iter().filter_map(|target| target.seen).sum();
        (total == 0 && seen > 0).then(|| {
            Note::new(
                Code::CountedDiffers,
                format!(
                    "the proxy sent none of the {} to a target, and {} came all the same: the requests do not go through this proxy",
                    counted(self.requests, "request"),
                    counted(seen, "response")
                ),
            )
        })
    }

    /// Why a target was not sent what the proxy is programmed with.
    fn kept_from(&self, target: &TargetCounts, total: u64) -> Option<Note> {
        let causes = target.causes();
        let share = target.counted as f64 / total.max(1) as f64;
        // What the proxy answers by itself goes to no target.
        let sent: f64 = self.targets.iter().filter_map(|own| own.programmed).sum();
        let (whole, of_those) = if sent > 0.0 && sent < 1.0 - 1e-9 {
            (sent, " of those that go to a target")
        } else {
            (1.0, "")
        };
        let programmed = target.programmed.map_or(share, |own| own / whole);
        let differs = total > 0
            && (0.0..=1.0).contains(&programmed)
            && ln_central(total, target.counted, programmed) < CLEARLY.ln();
        let name = &target.name;
        let sent = format!(
            "the proxy sent {} of the requests to `{name}` ({} of {total}), and is programmed with {}{of_those}",
            percent(share),
            target.counted,
            percent(programmed)
        );
        let message = match (differs, causes.is_empty()) {
            (false, true) => return None,
            (false, false) => format!("`{name}`: {}", causes.join("; ")),
            (true, false) => format!("{sent}: {}", causes.join("; ")),
            // What keeps requests from one target is told there; the others have what it lost.
            (true, true) if self.targets.iter().any(|other| !other.causes().is_empty()) => {
                return None;
            }
            (true, true) => {
                let others = if self.own {
                    "a runtime override, a policy that picks otherwise, or retries that go elsewhere"
                } else {
                    "requests of others, retries that go elsewhere, a runtime override, or a policy that picks otherwise"
                };
                format!("{sent}: its counters do not say why; look for {others}")
            }
        };
        Some(Note::new(Code::CountedDiffers, message))
    }

    /// Whether responses name the targets that the requests were sent to.
    fn identity(&self) -> Option<Note> {
        let retried = self
            .targets
            .iter()
            .any(|target| target.retries.unwrap_or(0) > 0);
        let known = self.targets.iter().all(|target| target.seen.is_some());
        if !self.own || !known || retried || self.targets.is_empty() {
            return None;
        }
        let less = self
            .targets
            .iter()
            .find(|target| target.seen > Some(target.counted));
        if let Some(named) = less {
            let seen = named.seen.unwrap_or(0);
            return Some(Note::new(
                Code::IdentityDiffers,
                format!(
                    "{} name `{}`, and the proxy sent it {}: what tells the targets apart is not right; check --map and --bucket, or the \
                     labels of its pods",
                    counted(seen, "response"),
                    named.name,
                    counted(named.counted, "request")
                ),
            ));
        }
        let nameless = (self.targets.iter())
            .map(|target| (target, target.counted - target.seen.unwrap_or(0)))
            .filter(|(_, nameless)| *nameless > 0);
        let nameless: Vec<String> = nameless
            .map(|(target, nameless)| format!("{nameless} of `{}`", target.name))
            .collect();
        let sent: u64 = self.targets.iter().map(|target| target.counted).sum();
        let unsent = self.requests.saturating_sub(sent);
        let message = match (nameless.is_empty(), unsent) {
            (true, 0) => return None,
            (true, unsent) => format!(
                "{unsent} of {} requests were sent to no target: the proxy answered them by itself",
                self.requests
            ),
            (false, 0) => format!(
                "the responses that nobody can be tied to are those of targets: {}",
                nameless.join(", ")
            ),
            (false, unsent) => format!(
                "of the {} that nobody can be tied to, {unsent} were sent to no target, because the proxy answered them by itself; the \
                 others are {}",
                counted(self.unattributed, "request"),
                nameless.join(", ")
            ),
        };
        Some(Note::new(Code::LocalReplies, message))
    }
}

impl TargetCounts {
    /// Requests, a retried one counted once, as far as retries are known.
    #[must_use]
    pub fn first_tries(&self) -> u64 {
        self.counted.saturating_sub(self.retries.unwrap_or(0))
    }

    /// What kept requests from it, as far as it was counted.
    pub(super) fn causes(&self) -> Vec<String> {
        let mut causes = Vec::new();
        if self.overflow > 0 {
            causes.push(format!(
                "its circuit breaker refused {} (`upstream_rq_pending_overflow`): raise `connectionPool` of its DestinationRule, or \
                 send less at a time (-c)",
                counted(self.overflow, "request")
            ));
        }
        if self.ejected > 0 {
            let those = of_endpoints(self.ejected, self.endpoints);
            causes.push(format!(
                "outlier detection ejected {those}: its responses failed; look at its errors"
            ));
        }
        if self.unhealthy > 0 {
            let those = of_endpoints(self.unhealthy, self.endpoints);
            causes.push(format!("{those} were not healthy"));
        }
        if self.connect_failures > 0 {
            let times = counted(self.connect_failures, "connection");
            causes.push(format!(
                "{times} to its endpoints failed: is something listening on the port of its pods?"
            ));
        }
        if self.panic > 0 {
            causes.push(
                "too few of its endpoints were healthy, so that all of them were used (`lb_healthy_panic`)".to_owned(),
            );
        }
        if self.endpoints == 0 && self.programmed > Some(0.0) {
            causes.push(
                "it has no endpoints: no pod of it is ready, or none has the labels of the subset"
                    .to_owned(),
            );
        } else if self.none_healthy > 0 {
            let requests = counted(self.none_healthy, "request");
            causes.push(format!(
                "{requests} found no healthy endpoint (`upstream_cx_none_healthy`)"
            ));
        }
        if self.timeouts > 0 {
            causes.push(format!("{} timed out", counted(self.timeouts, "request")));
        }
        causes
    }
}

/// `1 of its 3 endpoints`
fn of_endpoints(some: usize, all: usize) -> String {
    format!(
        "{some} of its {}",
        counted(all.max(some) as u64, "endpoint")
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    fn target(name: &str, programmed: f64, counted: u64, seen: u64) -> TargetCounts {
        TargetCounts {
            name: name.to_owned(),
            programmed: Some(programmed),
            counted,
            seen: Some(seen),
            endpoints: 2,
            ..TargetCounts::default()
        }
    }

    fn notes(counts: &ProxyCounts) -> Vec<(Code, String)> {
        counts
            .notes()
            .into_iter()
            .map(|note| (note.code, note.message))
            .collect()
    }

    fn counts(targets: Vec<TargetCounts>, requests: u64, unattributed: u64) -> ProxyCounts {
        ProxyCounts {
            targets,
            requests,
            unattributed,
            own: true,
            ..ProxyCounts::default()
        }
    }

    #[test]
    fn where_all_agree_nothing_is_said() {
        let all = counts(
            vec![target("v1", 0.9, 903, 903), target("v2", 0.1, 97, 97)],
            1000,
            0,
        );
        assert_eq!(notes(&all), []);
    }

    #[test]
    fn what_the_proxy_answers_by_itself_is_no_share_of_a_target() {
        let said = |targets: Vec<TargetCounts>| {
            let notes = notes(&counts(targets, 2000, 0));
            notes
                .into_iter()
                .find(|(code, _)| *code == Code::CountedDiffers)
        };
        // A subset that the proxy does not have, and a fault for a fifth of the requests.
        assert_eq!(said(vec![target("v1", 0.9, 1800, 1800)]), None);
        let aborted = vec![target("v1", 0.72, 1440, 1440), target("v2", 0.08, 160, 160)];
        assert_eq!(said(aborted), None);
        let other = vec![target("v1", 0.4, 800, 800), target("v2", 0.4, 0, 0)];
        let (_, message) = said(other).expect("a note");
        let part = "100% of the requests to `v1` (800 of 800), and is programmed with 50% of those that go to a target";
        assert!(message.contains(part), "{message}");
    }

    #[test]
    fn what_was_counted_is_the_cause() {
        let mut v2 = target("v2", 0.1, 20, 20);
        (v2.overflow, v2.ejected) = (80, 1);
        let [(code, message)] =
            &notes(&counts(vec![target("v1", 0.9, 900, 900), v2], 1000, 80))[..1]
        else {
            panic!("nothing is said");
        };
        assert_eq!(*code, Code::CountedDiffers);
        assert!(message.starts_with("the proxy sent 2.17% of the requests to `v2` (20 of 920), and is programmed with 10%: its circuit \
                                     breaker refused 80 requests"), "{message}");
        assert!(
            message.contains("ejected 1 of its 2 endpoints"),
            "{message}"
        );
    }

    #[test]
    fn without_a_cause_the_counters_do_not_say_why() {
        let found = notes(&counts(
            vec![target("v1", 0.9, 500, 500), target("v2", 0.1, 500, 500)],
            1000,
            0,
        ));
        assert_eq!(found.len(), 2);
        assert!(
            found[0].1.contains("its counters do not say why"),
            "{found:?}"
        );
    }

    #[test]
    fn responses_that_name_somebody_else_are_told() {
        let found = notes(&counts(
            vec![target("v1", 0.9, 900, 950), target("v2", 0.1, 100, 50)],
            1000,
            0,
        ));
        assert!(
            matches!(&found[..], [(Code::IdentityDiffers, message)] if message.starts_with("950 responses name `v1`, and the proxy sent it 900 requests")),
            "{found:?}"
        );
        let found = notes(&counts(
            vec![target("v1", 0.9, 900, 900), target("v2", 0.1, 100, 0)],
            1000,
            100,
        ));
        assert!(
            matches!(&found[..], [(Code::LocalReplies, message)] if message.ends_with("are those of targets: 100 of `v2`")),
            "{found:?}"
        );
        let found = notes(&counts(
            vec![target("v1", 0.9, 900, 900), target("v2", 0.1, 90, 90)],
            1000,
            10,
        ));
        assert!(
            matches!(&found[..], [(Code::LocalReplies, message)] if message.starts_with("10 of 1000 requests were sent to no target")),
            "{found:?}"
        );
        // Where others send too, nothing can be said.
        let others = ProxyCounts {
            own: false,
            ..counts(
                vec![target("v1", 0.9, 920, 900), target("v2", 0.1, 100, 100)],
                1000,
                0,
            )
        };
        assert_eq!(notes(&others), []);
    }
}
