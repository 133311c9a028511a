//! The load of a run: how much was sent, and how. Latencies mean nothing without it.

use serde::{Deserialize, Serialize};

use crate::plan::{Arrival, LoadPlan, Reuse, Stop};
use crate::units::counted;

/// How much was sent, and how.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Load {
    /// Connections at first; in a closed loop there are never more at a time.
    pub connections: u32,
    /// The most requests; `None` where a time was given.
    pub requests: Option<u64>,
    /// For how long was sent, in seconds, where a time was given.
    pub duration_s: Option<f64>,
    /// Starts per second; `None` for as fast as the target responds.
    pub rate: Option<f64>,
    /// Requests under way at a time, at most, where starts come at a rate; `None` in reports from before it was kept.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub in_flight: Option<u32>,
    /// Requests per connection; `None` without a limit.
    pub reuse: Option<PerConnection>,
    /// Threads.
    pub threads: u32,
    /// The longest wait for a response, in seconds.
    pub timeout_s: f64,
    /// Whether there are few connections because an objective is about latencies and nothing was said about the load.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub modest: bool,
}

/// Requests per connection: a number, or `MIN:MAX` for one that is drawn anew for each.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(untagged)]
pub enum PerConnection {
    /// The same for all.
    Exactly(u32),
    /// Drawn between two numbers.
    Between(String),
}

impl Load {
    /// The load that a plan asks for.
    #[must_use]
    pub fn of(plan: &LoadPlan, modest: bool) -> Self {
        let (requests, duration_s) = match plan.stop {
            Stop::Requests(n) => (Some(n), None),
            Stop::Elapsed(time) => (None, Some(time.as_secs_f64())),
        };
        let (rate, in_flight) = match plan.arrival {
            Arrival::Closed => (None, None),
            Arrival::Open {
                rate, in_flight, ..
            } => (Some(rate.per_second()), Some(in_flight)),
        };
        Self {
            connections: plan.connections,
            requests,
            duration_s,
            rate,
            in_flight,
            reuse: match plan.reuse {
                Reuse::Unlimited => None,
                Reuse::Between { min, max } if min == max => Some(PerConnection::Exactly(min)),
                Reuse::Between { min, max } => Some(PerConnection::Between(format!("{min}:{max}"))),
            },
            threads: plan.threads,
            timeout_s: plan.timeout.as_secs_f64(),
            modest,
        }
    }

    /// How requests were sent: `100 connections at a time, as fast as answered, up to 2 requests each`.
    #[must_use]
    pub fn words(&self) -> String {
        if let Some(rate) = self.rate {
            let most = self.in_flight.map_or_else(String::new, |most| {
                format!(", at most {} at a time", counted(most.into(), "request"))
            });
            return format!("starts at {rate}/s{most}");
        }
        let each = match &self.reuse {
            _ if self.modest => {
                ": a modest load for the objective; -c, -n, -z or -q ask for another".to_owned()
            }
            None => String::new(),
            Some(PerConnection::Exactly(most)) => {
                format!(", up to {} each", counted(u64::from(*most), "request"))
            }
            Some(PerConnection::Between(range)) => {
                format!(", {} requests each", range.replace(':', " to "))
            }
        };
        format!(
            "{} at a time, as fast as answered{each}",
            counted(self.connections.into(), "connection")
        )
    }
}
