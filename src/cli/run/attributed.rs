//! Who the responses of a run are from: as they say themselves, or as the proxy counted them.

use super::session::Session;
use super::targets::derive;
use crate::cli::config::RunConfig;
use crate::cli::exit::Exit;
use crate::cli::failure::Failure;
use crate::cli::proxy_admin::{Seen, View};
use crate::cli::unidentified::{self, Unidentified, Untied};
use crate::diag::Note;
use crate::observe::Observation;
use crate::split::Expected;
use crate::verdict::attribution::Attribution;
use crate::verdict::cluster_counts::ClusterEvidence;
use crate::verdict::mapping::Mapping;

/// What a run saw, and who it is from.
pub(super) struct Attributed {
    pub(super) seen: Observation,
    pub(super) mapping: Option<Mapping>,
    /// Where no response says which target it is from.
    pub(super) untied: Option<Untied>,
    /// Options that never matched.
    pub(super) unmatched: Vec<Note>,
    /// What the proxy said.
    pub(super) view: View,
    /// The counters that were judged in the place of responses.
    pub(super) counters: Option<ClusterEvidence>,
}

impl Session<'_> {
    /// The responses as they say themselves whose they are.
    pub(super) fn attributed(&mut self, own: Observation) -> Attributed {
        let (config, expected) = (self.config, self.expected());
        let unmatched = unidentified::unmatched(config, expected, &own);
        let (mapping, untied) = match expected {
            None => (None, None),
            Some(expected) => {
                let (mapping, untied) = tied(config, expected, &own, &unmatched);
                let untied = untied.map(|untied| match untied {
                    Untied::Stopped(failure, notes) => {
                        Untied::Stopped(failure.knowing(self.known()), notes)
                    }
                    sent @ Untied::Sent(..) => sent,
                });
                (Some(mapping), untied)
            }
        };
        let pair = expected.zip(mapping.as_ref());
        // What came in after the last look counts as well, unless the result was certain before.
        if let (Some(watch), Some((expected, mapping))) = (self.watch.as_mut(), pair) {
            watch.look(&own, expected, mapping);
        }
        let view = self.proxy_view(expected, Some(&Attribution::new(&own, pair)), &own);
        Attributed {
            seen: own,
            mapping,
            untied,
            unmatched,
            view,
            counters: None,
        }
    }

    /// The requests as the proxy counted them.
    pub(super) fn counted(&mut self, own: &Observation) -> Attributed {
        let expected = self.expected();
        let view = self.proxy_view(expected, None, own);
        let counters = view.counts.clone().evidence(own, expected);
        Attributed {
            seen: counters.seen.clone(),
            mapping: expected.map(|_| counters.mapping.clone()),
            untied: None,
            unmatched: Vec::new(),
            view,
            counters: Some(counters),
        }
    }

    /// What the proxy said, where one was asked.
    fn proxy_view(
        &mut self,
        expected: Option<&Expected>,
        attribution: Option<&Attribution>,
        observation: &Observation,
    ) -> View {
        let view = self.live.take().map(|live| {
            live.view(&Seen {
                expected,
                attribution,
                observation,
                warmup: self.planned.plan.warmup,
                mirrors: self.mirrors.as_ref(),
            })
        });
        let mut view = view.unwrap_or_default();
        view.notes.append(&mut self.unread);
        view
    }
}

/// Which values mean which targets in the end, and how the run ends where none does. It is reported as far as it goes.
fn tied(
    config: &RunConfig,
    expected: &Expected,
    seen: &Observation,
    unmatched: &[Note],
) -> (Mapping, Option<Untied>) {
    let mapping = derive(expected, &config.map, seen);
    if !unidentified::nothing_tied(expected, &mapping, seen) {
        let failure = |error| match unmatched {
            [] => Failure::Mapping(error),
            _ => Failure::Unmatched {
                unmatched: unmatched.iter().map(|note| note.message.clone()).collect(),
                error,
            },
        };
        return match mapping {
            Ok(mapping) => (mapping, None),
            Err(error) => (
                Mapping::unknown(),
                Some(Untied::Stopped(failure(error), Vec::new())),
            ),
        };
    }
    let known = Unidentified::new(config, Some(expected), seen, unmatched);
    let ends = unidentified::may_stop(&config.load);
    match mapping {
        Ok(mapping) if !ends || !unidentified::enough(seen) => {
            (mapping, Some(Untied::Sent(known, Exit::NoData)))
        }
        Err(_) if !ends => (Mapping::unknown(), Some(Untied::Sent(known, Exit::Usage))),
        _ => {
            let notes = known.notes();
            (
                Mapping::unknown(),
                Some(Untied::Stopped(known.into(), notes)),
            )
        }
    }
}
