//! The destinations of a route that its proxies do not have, for the declaration they are part of.

use super::{Action, Caveat, Outcome};
use crate::diag::Sources;
use crate::split::{Broken, Cause, Destination, Reason, Share};

impl Outcome {
    /// Destinations with a share that the proxies do not have, and what is said about them. A port that none names is the
    /// one that is dialled.
    #[must_use]
    pub fn broken(&self, dialled: Option<u16>, sources: &Sources) -> Broken {
        let rest = self
            .abort
            .map_or(Share::ONE, |abort| abort.share().complement());
        let mut destinations = Vec::new();
        match &self.action {
            Action::Split(split) => {
                for (backend, share) in split.shares() {
                    let share = rest.of(share).expect("shares of 32 bits, multiplied");
                    if backend.broken.is_some() && !share.is_zero() {
                        let destination = Destination {
                            port: backend.destination.port.or(dialled),
                            ..backend.destination.clone()
                        };
                        destinations.push((destination, share));
                    }
                }
                if destinations.is_empty() {
                    return Broken::default();
                }
            }
            // A rule without a destination that could be asked.
            Action::Answer(answer) if answer.cause == Cause::BrokenBackend => {}
            Action::Answer(_) => return Broken::default(),
        }
        let breaking = self.caveats.iter().filter(|caveat| caveat.breaks);
        let mut reasons: Vec<Reason> = Vec::new();
        for caveat in breaking {
            let reason = Reason {
                id: caveat.id.to_owned(),
                message: caveat.sentence(sources),
            };
            if !reasons.contains(&reason) {
                reasons.push(reason);
            }
        }
        Broken {
            destinations,
            reasons,
        }
    }
}

impl Caveat {
    /// The caveat in one line: what, where, and the next step.
    #[must_use]
    pub fn sentence(&self, sources: &Sources) -> String {
        let place = self
            .span
            .map(|span| format!(" ({})", sources.place(span)))
            .unwrap_or_default();
        let help = self
            .help
            .as_ref()
            .map(|help| format!("; {help}"))
            .unwrap_or_default();
        format!("{}{place}{help}", self.message)
    }
}
