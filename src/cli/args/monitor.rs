//! What `resplit monitor` takes.
#![allow(
    clippy::doc_markdown,
    reason = "doc comments are help texts, where backticks would show"
)]

use std::fmt;
use std::net::SocketAddr;
use std::str::FromStr;

use clap::{Args, ValueEnum};

use super::{ExpectationArgs, ProxyAdminArgs, RequestArgs, SidecarArgs, resolution};
use crate::units::{Count, Fraction, Period, Rate};

/// Days of a month: a twelfth of a year with its leap day.
const MONTH_DAYS: f64 = 30.4375;
/// Units of time in days.
const DAYS: [(&str, f64); 4] = [
    ("day", 1.0),
    ("week", 7.0),
    ("month", MONTH_DAYS),
    ("year", 365.25),
];

/// The options of `monitor`.
#[derive(Debug, Args)]
pub(in crate::cli) struct MonitorArgs {
    /// Where to send requests: http:// or https://
    #[arg(value_name = "URL")]
    pub(in crate::cli) url: String,
    #[command(flatten)]
    pub(in crate::cli) expectation: ExpectationArgs,
    #[command(flatten)]
    pub(in crate::cli) proxy: ProxyAdminArgs,
    /// Requests per second, each over a connection of its own: 1, 10/m, 5/s
    #[arg(
        short = 'q',
        long,
        value_name = "R",
        default_value = "1",
        help_heading = "Load"
    )]
    pub(in crate::cli) rate: Rate,
    /// End after so many requests [default: never]
    #[arg(
        short = 'n',
        long,
        value_name = "N",
        conflicts_with = "duration",
        help_heading = "Load"
    )]
    pub(in crate::cli) requests: Option<Count>,
    /// End after this long [default: never]
    #[arg(short = 'z', long, value_name = "TIME", help_heading = "Load")]
    pub(in crate::cli) duration: Option<Period>,
    /// The longest wait for a response
    #[arg(
        short = 't',
        long,
        value_name = "TIME",
        default_value = "20s",
        help_heading = "Load"
    )]
    pub(in crate::cli) timeout: Period,
    /// The longest wait for a connection
    #[arg(long, value_name = "TIME", default_value = "5s", help_heading = "Load")]
    pub(in crate::cli) connect_timeout: Period,
    /// False alarms, at most, on average: N/day, N/week, N/month or N/year
    ///
    /// At a rate of 1/s and 1/month there is at most one in 2629800 requests, however long it watches.
    #[arg(
        long,
        value_name = "N/TIME",
        default_value = "1/month",
        help_heading = "Judgement"
    )]
    pub(in crate::cli) false_alarms: AlarmRate,
    /// The deviation that is looked for; smaller ones take longer [default: auto, 3 points at 90/10, 5 at 50/50, 1 at 99/1]
    #[arg(long, value_name = "D", value_parser = resolution, help_heading = "Judgement")]
    pub(in crate::cli) resolution: Option<Fraction>,
    /// The deviation of a share that is accepted: 2% is 2 points
    #[arg(
        long,
        value_name = "T",
        default_value = "0",
        help_heading = "Judgement"
    )]
    pub(in crate::cli) tolerance: Fraction,
    /// The part of the requests that may have no response that names a target
    #[arg(
        long,
        value_name = "P",
        default_value = "1%",
        help_heading = "Judgement"
    )]
    pub(in crate::cli) max_unattributed: Fraction,
    /// How long responses do not count after the files of -f have changed, so that the proxies get the new weights
    #[arg(
        long,
        value_name = "TIME",
        default_value = "30s",
        help_heading = "Judgement"
    )]
    pub(in crate::cli) settle: Period,
    #[command(flatten)]
    pub(in crate::cli) request: RequestArgs,
    #[command(flatten)]
    pub(in crate::cli) sidecar: SidecarArgs,
    /// How events are written to stdout [default: text on a terminal, else json]
    #[arg(
        short = 'o',
        long,
        value_enum,
        value_name = "FORMAT",
        help_heading = "Output"
    )]
    pub(in crate::cli) output: Option<EventFormat>,
    /// Where each event is sent as JSON with POST: tried five times, 64 may wait
    #[arg(long, value_name = "URL", help_heading = "Output")]
    pub(in crate::cli) webhook: Option<String>,
    /// A header for the webhook, as in 'Authorization: Bearer TOKEN' (repeatable)
    #[arg(
        long,
        value_name = "NAME: VALUE",
        requires = "webhook",
        help_heading = "Output"
    )]
    pub(in crate::cli) webhook_header: Vec<String>,
    /// An address where /metrics, /healthz and /readyz are served
    #[arg(long, value_name = "ADDR:PORT", help_heading = "Output")]
    pub(in crate::cli) listen: Option<SocketAddr>,
    /// Something to find the events by, as in build=42 (repeatable)
    #[arg(long, value_name = "KEY=VALUE", help_heading = "Output")]
    pub(in crate::cli) label: Vec<String>,
    /// Nothing on stderr but errors
    #[arg(long, help_heading = "Output")]
    pub(in crate::cli) quiet: bool,
}

/// How events are written.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(in crate::cli) enum EventFormat {
    /// A line for people
    Text,
    /// A line of JSON
    Json,
}

/// False alarms in some time.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(in crate::cli) struct AlarmRate {
    per_day: f64,
}

impl AlarmRate {
    /// In a twelfth of a year.
    pub(in crate::cli) fn per_month(self) -> f64 {
        self.per_day * MONTH_DAYS
    }

    /// Requests for one false alarm.
    pub(in crate::cli) fn requests(self, rate: Rate) -> f64 {
        rate.per_second() * 86_400.0 / self.per_day
    }
}

impl FromStr for AlarmRate {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let wrong = || {
            format!(
                "`{text}` is not a valid number of alarms in some time: write 1/month, 0.5/week or 2/year"
            )
        };
        let (number, unit) = text.split_once('/').ok_or_else(wrong)?;
        let number: f64 = number.trim().parse().map_err(|_| wrong())?;
        let unit = DAYS.iter().find(|(name, _)| *name == unit.trim());
        let (_, days) = unit.ok_or_else(wrong)?;
        if (1e-3..=1e3).contains(&number) {
            Ok(Self {
                per_day: number / days,
            })
        } else {
            Err(format!(
                "`{text}` is out of range: the number can be 0.001 to 1000"
            ))
        }
    }
}

impl fmt::Display for AlarmRate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/day", self.per_day)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn alarms_in_some_time_are_requests_for_one() {
        let second = Rate::new(1.0).expect("a rate");
        for (text, requests) in [
            ("1/month", 2_629_800.0),
            ("2/week", 302_400.0),
            ("1/day", 86_400.0),
            ("12/year", 2_629_800.0),
        ] {
            let rate: AlarmRate = text.parse().expect(text);
            assert!((rate.requests(second) - requests).abs() < 1e-3, "{text}");
        }
        for wrong in [
            "1",
            "1/",
            "x/day",
            "0/day",
            "-1/day",
            "1/fortnight",
            "nan/day",
            "1e9/day",
        ] {
            assert!(wrong.parse::<AlarmRate>().is_err(), "{wrong}");
        }
    }
}
