//! What an event says in one sentence.

use std::collections::BTreeMap;

use super::{Fact, Follows, Promise, SourceKind, Told, Weight};
use crate::observe::FailureKind;
use crate::units::{counted, percent};
use crate::verdict::monitor::{Cause, Counts, Event, Period, SeenShare, State};

/// Seconds in a minute, an hour and a day.
const UNITS: [(f64, &str); 3] = [(86_400.0, "d"), (3600.0, "h"), (60.0, "min")];

impl Told<'_> {
    pub(super) fn message(&self) -> String {
        match self.fact {
            Fact::Started {
                follows,
                weights,
                promise,
                notes,
            } => {
                let notes = notes.iter().map(|note| format!("; {note}"));
                format!(
                    "watching {} at {}/s against {} ({}): {}{}",
                    self.url,
                    promise.rate,
                    listed(weights),
                    followed(follows),
                    promised(promise),
                    notes.collect::<String>()
                )
            }
            Fact::WeightsChanged {
                follows,
                previous,
                weights,
                promise,
                settle,
            } => {
                let settle = match settle.as_secs_f64() {
                    0.0 => String::new(),
                    seconds => format!("; responses count again in {}", time(seconds)),
                };
                format!(
                    "{} says {} now, after {}: {}{settle}",
                    follows.source,
                    listed(weights),
                    listed(previous),
                    promised(promise)
                )
            }
            Fact::ProgrammedChanged {
                source,
                what,
                weights,
                as_declared,
            } => {
                let then = match as_declared {
                    Some(true) => ", as declared",
                    Some(false) => ", which is not what is declared",
                    None => "",
                };
                format!("{source}: {what}; it splits {}{then}", listed(weights))
            }
            Fact::SourceUnreadable { source, why } => {
                format!("{source} cannot be read, and the weights stay as they were: {why}")
            }
            Fact::SourceReadable { source } => {
                format!("{source} can be read again, and says the same as before")
            }
            Fact::Split { event, untied } => {
                let untied = untied.as_ref().map(|why| format!("; {why}"));
                format!("{}{}", self.of_event(event), untied.unwrap_or_default())
            }
            Fact::Ended {
                exit_code,
                events,
                missed,
            } => self.end(*exit_code, events, *missed),
        }
    }

    fn end(&self, exit_code: u8, events: &BTreeMap<String, u64>, missed: u64) -> String {
        let told = ["diverged", "recovered", "failing", "unreachable"].into_iter();
        let told = told.filter_map(|name| Some((name, events.get(name)?)));
        let told: Vec<String> = told
            .map(|(name, count)| format!("{name} {}", times(*count)))
            .collect();
        let told = if told.is_empty() {
            "nothing has changed".to_owned()
        } else {
            told.join(", ")
        };
        let missed = match missed {
            0 => String::new(),
            missed => format!("; {} not looked at", counted(missed, "more request")),
        };
        format!(
            "{} in {}: {told}; the state is {} at the end{missed} (exit {exit_code})",
            counted(self.requests, "request"),
            time(self.after.as_secs_f64()),
            self.state.word()
        )
    }

    fn of_event(&self, event: &Event) -> String {
        match event {
            Event::Diverged {
                cause: Cause::Share(target),
                period,
                ..
            } => self.another_share(target, period),
            Event::Diverged {
                cause: Cause::Undeclared(label),
                ..
            } => {
                format!("a response came from `{label}`, which gets no share of the declared split")
            }
            Event::Recovered { period, .. } => format!(
                "the split is the declared one again, every deviation of the resolution is excluded: {} of {} since {}",
                shares(&period.shares),
                counted(period.counts.attributed(), "response"),
                self.since(period)
            ),
            Event::Failing {
                most, period, last, ..
            } => {
                let requests = counted(period.counts.requests(), "request");
                let since = self.since(period);
                format!(
                    "{}; at most {} may have no response that names its target; the last: {last}",
                    lost(&period.counts, &format!("of {requests} since {since}")),
                    percent(*most)
                )
            }
            Event::Responding { most, period, .. } => format!(
                "{} of {} since {} got a response that names its target, and at least {} should",
                period.counts.requests() - period.counts.unattributed(),
                counted(period.counts.requests(), "request"),
                self.since(period),
                percent(1.0 - *most)
            ),
            Event::Unreachable { counts, last } => {
                let requests = format!("of the last {} requests", counts.requests());
                format!("{}; the last: {last}", lost(counts, &requests))
            }
            Event::Reachable {
                counts,
                in_a_row,
                state,
            } => format!(
                "{in_a_row} requests in a row got a response; before that, {}; the state is {}{}",
                lost(counts, "requests"),
                state.word(),
                // An outage from the beginning has nothing before it.
                match state {
                    State::Diverged | State::Failing => " as before",
                    State::NoData | State::Ok | State::Unreachable => "",
                }
            ),
        }
    }

    fn another_share(&self, target: &str, period: &Period) -> String {
        let attributed = counted(period.counts.attributed(), "response");
        let since = self.since(period);
        let Some(own) = period.shares.iter().find(|own| own.target == *target) else {
            return format!("`{target}` has another share of {attributed} since {since}");
        };
        let lost = match period.counts.unattributed() {
            0 => String::new(),
            lost => format!("; {} more name no target", counted(lost, "request")),
        };
        format!(
            "{target} has {} of {attributed} since {since}, and {} is declared (99% interval {} to {}; in all: {}){lost}",
            percent(own.share.unwrap_or(0.0)),
            percent(own.declared),
            percent(own.interval.lo),
            percent(own.interval.hi),
            shares(&period.shares)
        )
    }
}

/// `90% v1, 10% v2`
fn listed(weights: &[Weight]) -> String {
    let weights = weights.iter();
    let weights = weights.map(|own| format!("{} {}", percent(own.share), own.target));
    weights.collect::<Vec<_>>().join(", ")
}

/// `v1 90.1%, v2 9.9%`
fn shares(shares: &[SeenShare]) -> String {
    let seen = shares.iter().map(|own| {
        let share = own.share.map_or_else(|| "-".to_owned(), percent);
        format!("{} {share}", own.target)
    });
    seen.collect::<Vec<_>>().join(", ")
}

/// What came of requests without a response of a target, the most frequent first: `8 REQUESTS could not connect, 2 timed out`.
fn lost(counts: &Counts, requests: &str) -> String {
    let failures = counts.failures.iter();
    let mut kinds: Vec<(u64, &str)> = failures.map(|(kind, n)| (*n, failure(*kind))).collect();
    kinds.push((
        counts.errors,
        "got an error or a redirect that names no target",
    ));
    let other = match counts.errors {
        0 => "got a response that names no target",
        _ => "got another response that names no target",
    };
    kinds.push((counts.unidentified, other));
    kinds.retain(|(count, _)| *count > 0);
    kinds.sort_by_key(|(count, _)| std::cmp::Reverse(*count));
    let kinds = kinds.iter().enumerate();
    let kinds = kinds.map(|(at, (count, what))| match at {
        0 => format!("{count} {requests} {what}"),
        _ => format!("{count} {what}"),
    });
    kinds.collect::<Vec<_>>().join(", ")
}

/// What a request did that had no response.
fn failure(kind: FailureKind) -> &'static str {
    match kind {
        FailureKind::Dns => "found no address for the host",
        FailureKind::Connect => "could not connect",
        FailureKind::Tls => "failed in the TLS handshake",
        FailureKind::Timeout => "timed out",
        FailureKind::Reset => "lost the connection before the response was whole",
        FailureKind::Truncated => "got a part of a response",
        FailureKind::Oversized => "got a response that is too large to be read",
        FailureKind::Malformed => "got what is not valid HTTP",
    }
}

fn followed(follows: &Follows) -> String {
    match follows.kind {
        SourceKind::Typed => format!("{}, which stays", follows.source),
        SourceKind::Files => format!("{}, read again when it changes", follows.source),
        SourceKind::Proxy => format!("programmed in {}, asked again and again", follows.source),
    }
}

fn promised(promise: &Promise) -> String {
    let alarms = match short(promise.false_alarms_per_month).as_str() {
        "1" => "at most one false alarm a month on average".to_owned(),
        "0" => "fewer than 0.01 false alarms a month on average".to_owned(),
        number => format!("at most {number} false alarms a month on average"),
    };
    let Some(requests) = promise.detection_requests else {
        return format!("{alarms}, and a response from elsewhere is seen at once");
    };
    let points = promise.resolution.iter().map(|own| short(own * 100.0));
    let points: Vec<String> = points.collect();
    format!(
        "{alarms}, and a share that is off by {} points is seen after about {} ({})",
        distinct(&points).join(" or "),
        counted(crate::stats::whole(requests.round()), "request"),
        time(requests / promise.rate)
    )
}

fn distinct(texts: &[String]) -> Vec<String> {
    let mut kept: Vec<String> = Vec::new();
    for text in texts {
        if !kept.contains(text) {
            kept.push(text.clone());
        }
    }
    kept
}

/// A number with at most two decimals.
fn short(value: f64) -> String {
    let text = format!("{value:.2}");
    text.trim_end_matches('0').trim_end_matches('.').to_owned()
}

fn times(count: u64) -> String {
    match count {
        1 => "once".to_owned(),
        2 => "twice".to_owned(),
        count => format!("{count} times"),
    }
}

/// `32min`, `4.5h`, `2d`
fn time(seconds: f64) -> String {
    let unit = UNITS.iter().find(|(size, _)| seconds >= *size);
    let (size, name) = unit.copied().unwrap_or((1.0, "s"));
    format!("{:.1}{name}", seconds / size).replace(".0", "")
}
