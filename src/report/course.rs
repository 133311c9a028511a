//! How a run went: the share of each target up to every part of it, and what was sent in each interval of its time. Whoever
//! draws it computes nothing.

use std::collections::{HashMap, HashSet};

use super::Report;
use super::timeline::{MOST_COLUMNS, side_by_side};
use crate::observe::{Interval, ResponseSeries};
use crate::split::Bucket;
use crate::verdict::Unit;

/// Points of a cumulative share, of few columns and of many.
const POINTS: [usize; 2] = [60, 30];
const FEW: usize = 4;
/// Intervals of time that are drawn, at most, and at least: fewer are no course.
const MOST_INTERVALS: u64 = 64;
const LEAST_INTERVALS: u64 = 4;
/// Requests in an interval, on average, at least.
const LEAST_REQUESTS: u64 = 50;
const SECOND: f64 = 1e6;

/// A run from its beginning to its end. Responses count in columns: one for each declared target; where nothing is declared,
/// one for each of the first values.
pub(super) struct Course {
    /// Shares so far, in the order in which requests were sent.
    pub(super) shares: Vec<SharesSoFar>,
    /// Requests by the time at which they were sent; empty where that was not kept.
    pub(super) intervals: Vec<TimeInterval>,
}

/// What was known after so many requests.
pub(super) struct SharesSoFar {
    /// Requests up to here.
    pub(super) requests: u64,
    /// When the last of them was sent, in seconds; 0 where that was not kept.
    pub(super) seconds: f64,
    /// By column: the share of the complete responses, and its interval.
    pub(super) columns: Vec<(f64, [f64; 2])>,
}

/// The requests that were sent in one interval.
pub(super) struct TimeInterval {
    /// In seconds from the beginning of the run.
    pub(super) from: f64,
    pub(super) to: f64,
    /// Requests that were sent before.
    pub(super) before: u64,
    pub(super) sent: u64,
    /// Requests without a complete response.
    pub(super) failed: u64,
    /// By column.
    pub(super) columns: Vec<Responses>,
}

/// The responses of a column to the requests of one interval.
#[derive(Clone, Default)]
pub(super) struct Responses {
    pub(super) latencies: Interval,
    /// Those with a status of 400 or more.
    pub(super) errors: u64,
}

impl Course {
    /// The course of a run, in so many columns.
    pub(super) fn of(report: &Report, columns: usize) -> Self {
        let place = places(report, columns);
        let intervals = intervals(report, columns, &place);
        let mut shares = shares(report, columns, &place);
        for own in &mut shares {
            own.seconds = when(&intervals, own.requests);
        }
        Self {
            shares,
            intervals: drawn(intervals),
        }
    }
}

/// How many columns there are.
pub(super) fn columns(report: &Report) -> usize {
    let rows = &report.observation.rows;
    if report.expected.is_some() {
        rows.targets.len()
    } else {
        rows.buckets.len().min(MOST_COLUMNS)
    }
}

/// The column of each bucket; what belongs to none comes after the last.
fn places(report: &Report, columns: usize) -> HashMap<&Bucket, usize> {
    let rows = &report.observation.rows;
    let mut places = HashMap::new();
    for (at, row) in rows.buckets.iter().enumerate() {
        let mut targets = rows.targets.iter();
        let column = if report.expected.is_some() {
            targets.position(|target| row.target.as_ref() == Some(&target.target))
        } else {
            Some(at).filter(|at| *at < columns)
        };
        for responses in &row.answers {
            places.insert(&responses.bucket, column.unwrap_or(columns));
        }
    }
    places
}

/// The shares after every so many of the remembered requests.
fn shares(report: &Report, columns: usize, places: &HashMap<&Bucket, usize>) -> Vec<SharesSoFar> {
    let log = &report.observation.seen.log;
    let place = |bucket: &Bucket| places.get(bucket).copied();
    let ended = side_by_side(log, place);
    let all = ended.len();
    let every = all.div_ceil(POINTS[usize::from(columns > FEW)]).max(1);
    let (mut counts, mut connections) = (vec![0_u64; columns + 1], vec![0_u64; columns + 1]);
    let (mut known, mut shares) = (HashSet::new(), Vec::new());
    let by_connection = report.verdict.intervals.unwrap_or_default().over == Unit::Connection;
    for (at, request) in (1..).zip(ended) {
        if let Some(column) = request.of {
            counts[column] += 1;
            // A connection is counted by its first response.
            connections[column] += u64::from(known.insert(request.connection));
        }
        if at % every == 0 || at == all {
            let counted = if by_connection { &connections } else { &counts };
            shares.push(SharesSoFar {
                requests: at as u64,
                seconds: 0.0,
                columns: (0..columns)
                    .map(|column| share(report, column, &counts, counted))
                    .collect(),
            });
        }
    }
    shares
}

/// The share of a column among all responses, and its interval from what the verdict counts.
fn share(report: &Report, column: usize, counts: &[u64], counted: &[u64]) -> (f64, [f64; 2]) {
    let (all, n) = (counts.iter().sum::<u64>(), counted.iter().sum());
    if all == 0 {
        return (0.0, [0.0, 1.0]);
    }
    let targets = &report.observation.rows.targets;
    let compared = targets.iter().filter(|target| target.declared > 0.0);
    let interval = report.verdict.intervals.unwrap_or_default().interval(
        &report.policy,
        compared.count(),
        (counted[column], n),
        targets.get(column).map(|target| target.declared),
    );
    (counts[column] as f64 / all as f64, interval)
}

/// The finest intervals that were kept; none where the time was not.
fn intervals(
    report: &Report,
    columns: usize,
    places: &HashMap<&Bucket, usize>,
) -> Vec<TimeInterval> {
    let seen = &report.observation.seen;
    let kept = seen.tallies.iter().filter(|(_, tally)| tally.count > 0);
    if kept.clone().any(|(_, tally)| tally.series.is_empty()) {
        return Vec::new();
    }
    let mut all = seen.failed_over_time.clone();
    kept.clone().for_each(|(_, tally)| all.merge(&tally.series));
    if all.count() != Some(seen.sent) || all.is_empty() {
        return Vec::new();
    }
    let width = all.width() as f64 / SECOND;
    let mut before = 0;
    let mut intervals: Vec<TimeInterval> = (0..=all.last() / all.width())
        .map(|at| TimeInterval {
            from: at as f64 * width,
            to: ((at + 1) as f64 * width).min(all.last() as f64 / SECOND),
            before: 0,
            sent: 0,
            failed: 0,
            columns: vec![Responses::default(); columns + 1],
        })
        .collect();
    // All are of one width, which is that of the longest.
    let at = |interval: &Interval, own: &ResponseSeries| {
        usize::try_from(interval.at / (all.width() / own.width())).expect("there are few")
    };
    for interval in seen.failed_over_time.intervals() {
        intervals[at(interval, &seen.failed_over_time)].failed += interval.count();
    }
    for (bucket, tally) in kept {
        for interval in tally.series.intervals() {
            let own = &mut intervals[at(interval, &tally.series)];
            let column = places.get(bucket).copied().unwrap_or(columns);
            own.columns[column].latencies.add(interval);
            if bucket.status >= 400 {
                own.columns[column].errors += interval.count();
            }
        }
    }
    for own in &mut intervals {
        let responses = own.columns.iter().map(|column| column.latencies.count());
        own.sent = own.failed + responses.sum::<u64>();
        own.before = before;
        before += own.sent;
    }
    intervals
}

/// When the last of so many requests was sent, in seconds; within an interval they are taken as evenly spread.
fn when(intervals: &[TimeInterval], requests: u64) -> f64 {
    let own = intervals
        .iter()
        .find(|own| own.before + own.sent >= requests);
    own.map_or(0.0, |own| {
        let part = requests.saturating_sub(own.before) as f64 / own.sent.max(1) as f64;
        own.from + (own.to - own.from) * part
    })
}

/// As many intervals as can be drawn and hold enough requests; none where those are too few.
fn drawn(fine: Vec<TimeInterval>) -> Vec<TimeInterval> {
    let sent: u64 = fine.iter().map(|own| own.sent).sum();
    let most = (sent / LEAST_REQUESTS).min(MOST_INTERVALS);
    if most < LEAST_INTERVALS {
        return Vec::new();
    }
    let most = usize::try_from(most).expect("few");
    let together = fine.len().div_ceil(most);
    let whole = (fine.len() / together).max(1);
    let mut drawn: Vec<TimeInterval> = Vec::new();
    for (at, own) in fine.into_iter().enumerate() {
        match drawn.last_mut() {
            // What is left at the end belongs to the last one.
            Some(last) if at % together != 0 || at / together >= whole => last.add(&own),
            _ => drawn.push(own),
        }
    }
    drawn
}

impl TimeInterval {
    fn add(&mut self, next: &Self) {
        self.to = next.to;
        self.sent += next.sent;
        self.failed += next.failed;
        for (own, next) in self.columns.iter_mut().zip(&next.columns) {
            own.latencies.add(&next.latencies);
            own.errors += next.errors;
        }
    }

    /// So many of what was counted, for each second.
    pub(super) fn per_second(&self, count: u64) -> f64 {
        count as f64 / (self.to - self.from).max(1e-6)
    }
}
