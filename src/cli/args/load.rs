//! What can be typed about the load.
#![allow(
    clippy::doc_markdown,
    reason = "doc comments are help texts, where backticks would show"
)]

use std::str::FromStr;

use clap::{Args, ValueEnum};

use crate::units::{Count, Period, Rate};

/// How much is sent, and how.
#[derive(Clone, Debug, Args)]
#[command(next_help_heading = "Load")]
pub(in crate::cli) struct LoadArgs {
    /// Requests, exactly: 1000, 10k, 1.5M [default: until the answer is certain; 1000 with nothing declared]
    #[arg(
        short = 'n',
        long,
        alias = "n",
        value_name = "N",
        conflicts_with = "duration",
        allow_negative_numbers = true
    )]
    pub(in crate::cli) requests: Option<Count>,
    /// The most requests of a run that ends when the answer is certain [default: as many as these weights may take]
    #[arg(long, value_name = "N", conflicts_with_all = ["requests", "duration"])]
    pub(in crate::cli) max_requests: Option<Count>,
    /// The longest time to send; what is not decided by then is inconclusive
    #[arg(long, value_name = "TIME", conflicts_with_all = ["requests", "duration"])]
    pub(in crate::cli) max_duration: Option<Period>,
    /// Send the number that a single judgement takes, and judge once at the end
    #[arg(long, conflicts_with_all = ["requests", "duration"])]
    pub(in crate::cli) no_early_stop: bool,
    /// End as soon as it is certain that the split diverges, without up to 200 more requests that tell why
    #[arg(long)]
    pub(in crate::cli) no_diagnose: bool,
    /// First wait until the split is stationary, at most this long; then start a fresh sample
    #[arg(long, value_name = "TIME")]
    pub(in crate::cli) settle: Option<Period>,
    /// Connections; with --rate those to begin with [default: 100; 10 with an objective for a latency and none of -n, -z, -q]
    #[arg(short = 'c', long, aliases = ["c", "concurrency"], value_name = "C", allow_negative_numbers = true)]
    pub(in crate::cli) connections: Option<Count>,
    /// Send for this long instead, then wait for what is under way: 10s, 1m30s
    #[arg(short = 'z', long, value_name = "TIME", allow_hyphen_values = true)]
    pub(in crate::cli) duration: Option<Period>,
    /// Starts per second over all connections, whether earlier requests are answered or not: 200, 20k, 90/m
    #[arg(
        short = 'q',
        long,
        alias = "qps",
        value_name = "R",
        allow_negative_numbers = true
    )]
    pub(in crate::cli) rate: Option<Rate>,
    /// The gaps between the starts
    #[arg(
        long,
        value_enum,
        value_name = "HOW",
        default_value_t,
        requires = "rate"
    )]
    pub(in crate::cli) arrival: ArrivalKind,
    /// Requests under way at a time with --rate, at most [default: ten for each connection and stream]
    #[arg(long, value_name = "N", requires = "rate")]
    pub(in crate::cli) in_flight: Option<Count>,
    /// First send so many requests, or for so long, that do not count: 500, 5s
    #[arg(long, value_name = "N|TIME")]
    pub(in crate::cli) warmup: Option<WarmupAmount>,
    /// Spread the first connections over this time
    #[arg(long, value_name = "TIME", allow_negative_numbers = true)]
    pub(in crate::cli) ramp_up: Option<Period>,
    /// Requests at a time on one HTTP/2 connection [default: 1]
    #[arg(short = 'p', long, value_name = "S")]
    pub(in crate::cli) streams: Option<Count>,
    /// The longest wait for a response
    #[arg(
        short = 't',
        long,
        value_name = "TIME",
        default_value = "20s",
        allow_negative_numbers = true
    )]
    pub(in crate::cli) timeout: Period,
    /// The longest wait for a connection
    #[arg(
        long,
        value_name = "TIME",
        default_value = "5s",
        allow_negative_numbers = true
    )]
    pub(in crate::cli) connect_timeout: Period,
    /// Requests per connection: K, or MIN:MAX for a random number [default: 2 until the answer
    /// is certain, else no limit]
    #[arg(long, value_name = "K|MIN:MAX", value_parser = reuse, conflicts_with = "disable_keepalive")]
    pub(in crate::cli) reuse: Option<(u32, u32)>,
    /// A new connection for every request
    #[arg(long)]
    pub(in crate::cli) disable_keepalive: bool,
    /// Threads [default: one per core]
    #[arg(long, value_name = "T")]
    pub(in crate::cli) threads: Option<Count>,
    /// The seed of what resplit draws itself; the mesh draws its own
    #[arg(long, value_name = "S", default_value_t = 0)]
    pub(in crate::cli) seed: u64,
}

/// The gaps between the starts of an open loop.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub(in crate::cli) enum ArrivalKind {
    /// All alike
    #[default]
    Constant,
    /// As of independent users
    Poisson,
}

/// How much is sent before anything counts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::cli) enum WarmupAmount {
    /// A number without a unit of time.
    Requests(Count),
    /// A time with its unit.
    Elapsed(Period),
}

impl FromStr for WarmupAmount {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        // `2m` is two minutes here, as people warm up; two million are `2000k`.
        let time = ["s", "m", "h"].iter().any(|unit| text.ends_with(unit));
        if time {
            text.parse().map(Self::Elapsed).map_err(|_| text)
        } else {
            text.parse().map(Self::Requests).map_err(|_| text)
        }
        .map_err(|text| format!("`{text}` is neither a number nor a time; write 500, 10k or 5s"))
    }
}

fn reuse(text: &str) -> Result<(u32, u32), String> {
    let (min, max) = text.split_once(':').unwrap_or((text, text));
    match (min.parse(), max.parse()) {
        (Ok(min), Ok(max)) if 1 <= min && min <= max => Ok((min, max)),
        _ => Err(format!(
            "`{text}` is not a valid number of requests: write K or MIN:MAX, at least 1"
        )),
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    #[test]
    fn a_warm_up_is_a_number_or_a_time() {
        let requests = |n| Ok(WarmupAmount::Requests(Count(n)));
        let time = |ms| Ok(WarmupAmount::Elapsed(Period(Duration::from_millis(ms))));
        for (text, amount) in [
            ("500", requests(500)),
            ("10k", requests(10_000)),
            ("5s", time(5000)),
            ("200ms", time(200)),
            ("2m", time(120_000)),
        ] {
            assert_eq!(text.parse(), amount, "{text}");
        }
        assert!("soon".parse::<WarmupAmount>().is_err());
    }
}
