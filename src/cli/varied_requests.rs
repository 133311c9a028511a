//! Requests that differ from each other (`--vary`, `--sessions`), and what that makes of a plan.

use std::sync::Arc;

use super::config::RunConfig;
use super::load_config::Amount;
use super::load_plan::{Planned, StopWhen};
use super::varied::{KeyOf, Varied};
use crate::diag::Note;
use crate::plan::Stop;
use crate::split::Expected;
use crate::verdict::{Number, PinnedBy, PinnedTo, Pinning};

/// Requests that differ from each other.
pub(super) struct VariedRequests {
    source: Arc<Varied>,
    /// What pins a request to a target, where something does.
    pub(super) key: Option<PinnedBy>,
    notes: Vec<Note>,
}

impl VariedRequests {
    /// Requests from a source, what pins them to a target, and what has to be said of them.
    pub(super) fn new(source: Arc<Varied>, key: Option<PinnedBy>, notes: Vec<Note>) -> Self {
        Self { source, key, notes }
    }

    /// The same, of which each user is pinned to a target.
    pub(super) fn by_user(self) -> Self {
        let key = PinnedBy {
            key: "user".to_owned(),
            to: PinnedTo::Target,
        };
        Self {
            key: Some(key),
            ..self
        }
    }

    /// What has to be said of them.
    pub(super) fn notes(&self) -> impl Iterator<Item = Note> {
        self.notes.iter().cloned().chain(self.source.note())
    }

    /// The plan with these requests: as many as the keys take, unless a number was typed, judged once.
    pub(super) fn planned(
        &self,
        mut planned: Planned,
        config: &RunConfig,
        expected: Option<&Expected>,
    ) -> Planned {
        let plan = &mut planned.plan;
        plan.source = Some(Arc::<Varied>::clone(&self.source));
        let users = match self.source.key() {
            KeyOf::User(users) => Some(*users),
            KeyOf::Nothing | KeyOf::Parts(_) => None,
        };
        if let Some(users) = users {
            plan.connections = plan.connections.min(users);
        }
        if let (Some(key), Some(expected)) = (&self.key, expected) {
            let needed = needed(key.to, expected, config, users.map(u64::from));
            let most = match config.load.amount {
                Amount::Exactly(stop) => stop,
                Amount::UntilDecided(most)
                | Amount::UntilDiverged(most)
                | Amount::Planned(most) => {
                    Stop::Requests(most.map_or(needed, |most| most.min(needed)))
                }
            };
            plan.stop = most;
            if let Stop::Requests(most) = most {
                plan.connections = config.load.connections.min(users.unwrap_or(u32::MAX));
                plan.connections = plan
                    .connections
                    .min(u32::try_from(most).unwrap_or(u32::MAX));
            }
            planned.stop_when = StopWhen::Sent;
            planned.policy.number = Number::Fixed;
        }
        let plan = &mut planned.plan;
        plan.threads = plan.threads.min(plan.connections);
        planned
    }
}

/// How many requests answer what is asked of keys. Where they pin requests to endpoints, the targets are split by request.
fn needed(to: PinnedTo, expected: &Expected, config: &RunConfig, users: Option<u64>) -> u64 {
    let policy = &config.policy;
    match to {
        PinnedTo::Target => Pinning::requests(expected, policy, users),
        PinnedTo::Endpoint => {
            let split = if expected.sole_destination().is_some() {
                0
            } else {
                policy.design(expected, 0).requests_fixed()
            };
            Pinning::requests_to_endpoints(expected, policy, users).max(split)
        }
    }
}
