//! From the text of a report back to the run.

use serde::Deserialize;

use super::{Connections, ObservationRows, Place, Report, Responses, SCHEMA};
use crate::observe::{ResponseSeries, reset_histogram_memory};
use crate::split::{Bucket, Expected};
use crate::verdict::mapping::Mapping;
use crate::verdict::{Policy, ShareIntervals};

/// Why a text is not a report.
#[derive(Debug, thiserror::Error)]
pub enum ReadError {
    /// No JSON, or not what a report holds.
    #[error("this is no report of resplit: {0}")]
    Form(#[from] serde_json::Error),
    /// Neither JSON nor a log with reports.
    #[error("this is no report of resplit, and no log that holds one")]
    NoReport,
    /// Something else with a schema.
    #[error("this is `{0}`, not a report of a run")]
    Other(String),
    /// Made by a resplit to come.
    #[error("this is `{0}`, newer than what this resplit reads ({SCHEMA})")]
    Newer(String),
    /// The parts contradict each other.
    #[error("this report is damaged: {0}")]
    Damaged(&'static str),
}

/// Reads a report; those of a newer major version are refused.
pub fn read(text: &str) -> Result<Report, ReadError> {
    let mut report = decoded(text)?;
    restore(&mut report)?;
    report.derive_rows();
    Ok(report)
}

/// The same without the rows that formats show: whoever judges the run again derives them from what it then says. A text
/// that is given away is gone before its requests are unpacked.
pub fn read_run(text: impl AsRef<str>) -> Result<Report, ReadError> {
    let mut report = decoded(text.as_ref())?;
    drop(text);
    restore(&mut report)?;
    Ok(report)
}

/// What stands in the text.
fn decoded(text: &str) -> Result<Report, ReadError> {
    #[derive(Deserialize)]
    struct Named {
        schema: String,
    }
    let Named { schema } = serde_json::from_str(text)?;
    let (name, major) = SCHEMA.split_once('/').expect("a name and a number");
    let own: u32 = major.parse().expect("a number");
    let given = schema
        .strip_prefix(name)
        .and_then(|rest| rest.strip_prefix('/'));
    match given.map(|given| given.split('.').next().unwrap_or(given).parse::<u32>()) {
        Some(Ok(major)) if major > own => Err(ReadError::Newer(schema)),
        Some(Ok(_)) => {
            reset_histogram_memory();
            Ok(serde_json::from_str(text)?)
        }
        _ => Err(ReadError::Other(schema)),
    }
}

/// Takes out of the rows what they hold of the run.
fn restore(report: &mut Report) -> Result<(), ReadError> {
    check_policy(&report.policy)?;
    if let Some(expected) = report.split() {
        report.observation.mapping = mapping(&report.observation.rows, expected)?;
    }
    responses(report)?;
    if report.parts.is_empty() {
        check(report)?;
    }
    let observation = &report.observation;
    if report.expected.is_some() {
        let of_responses = || ShareIntervals::of_responses(observation.watched);
        (report.verdict.intervals).get_or_insert_with(of_responses);
    }
    report.restore_rules(|own| {
        restore(own)?;
        own.derive_rows();
        Ok(())
    })?;
    let mut parts = report.parts.iter_mut();
    parts.try_for_each(|part| restore(&mut part.report))
}

impl Report {
    /// Derives the rows of a run that was [read](read_run), and of those that were merged in it.
    pub fn derive_rows(&mut self) {
        let rows = ObservationRows::of(
            &self.observation.seen,
            self.declared(),
            &self.policy,
            self.verdict.intervals,
        );
        self.observation.rows = rows;
        if self.pinning.is_some() {
            self.observation.rows.connection_table = Connections::default();
        }
        let parts = self.parts.iter_mut();
        parts.for_each(|part| part.report.derive_rows());
    }
}

/// Which values meant which targets, as the rows say. A target that is a status is known by it, not by values.
fn mapping(rows: &ObservationRows, expected: &Expected) -> Result<Mapping, ReadError> {
    let (mut targets, mut known) = (Vec::new(), Vec::new());
    for row in &rows.buckets {
        let buckets = row.answers.iter().map(|responses| responses.bucket.clone());
        if let Some(origin) = &row.known {
            known.extend(buckets.clone().map(|bucket| (bucket, origin.clone())));
        }
        let Some(target) = &row.target else {
            continue;
        };
        let mut declared = expected.declared().iter();
        let position = declared
            .position(|declared| declared.name == *target)
            .ok_or(ReadError::Damaged("a row belongs to no declared target"))?;
        if expected.declared()[position].target.status().is_none() {
            targets.extend(buckets.map(|bucket| (bucket, position)));
        }
    }
    // A value that is not undeclared, though no error and of no target: nothing said which is which.
    let unknown = |Responses { bucket, .. }: &Responses| {
        bucket.value().is_some() && !bucket.is_error() && !bucket.is_redirect()
    };
    let mut open = (rows.buckets.iter()).filter(|row| row.place == Place::Unattributed);
    if targets.is_empty() && known.is_empty() && open.any(|row| row.answers.iter().any(unknown)) {
        return Ok(Mapping::unknown());
    }
    Ok(Mapping::found(targets, known))
}

/// The responses, which stand in the rows, and the log, which counts them by their place there.
fn responses(report: &mut Report) -> Result<(), ReadError> {
    let observation = &mut report.observation;
    let all = || observation.rows.buckets.iter().flat_map(|row| &row.answers);
    for Responses { bucket, tally } in all() {
        let histograms = [Some(&tally.latency), tally.response.as_ref()];
        let mut recorded = histograms.into_iter().flatten();
        let timed = report.counted_in.is_none();
        if recorded.any(|own| own.len() != tally.count && (timed || !own.is_empty())) {
            return Err(ReadError::Damaged(
                "a histogram has another number of responses",
            ));
        }
        let own = observation.seen.tallies.entry(bucket.clone()).or_default();
        own.merge(tally);
    }
    let buckets: Vec<&Bucket> = all().map(|responses| &responses.bucket).collect();
    if let Some(requests) = observation.rows.requests.take() {
        observation.seen.log = requests
            .unpack(&buckets)
            .ok_or(ReadError::Damaged("its requests do not unpack"))?;
    }
    Ok(())
}

/// Whether a run can have the policy: the options have these ranges.
fn check_policy(policy: &Policy) -> Result<(), ReadError> {
    let chance = |value: f64| value > 0.0 && value < 1.0;
    let part = |value: f64| (0.0..=1.0).contains(&value);
    if !(chance(policy.alpha)
        && chance(policy.beta)
        && part(policy.tolerance)
        && policy
            .resolution
            .is_none_or(|value| value > 0.0 && part(value))
        && part(policy.max_unattributed))
    {
        return Err(ReadError::Damaged("its policy is none that a run can have"));
    }
    Ok(())
}

/// Whether the counts of a run add up.
fn check(report: &Report) -> Result<(), ReadError> {
    let seen = &report.observation.seen;
    let (answered, failed) = (seen.answered(), seen.failed());
    if answered != report.observation.rows.answered || answered + failed != seen.sent {
        return Err(ReadError::Damaged("its counts do not add up"));
    }
    let counted =
        |series: &ResponseSeries, count| series.is_empty() || series.count() == Some(count);
    let mut tallies = seen.tallies.values();
    if !counted(&seen.failed_over_time, failed)
        || tallies.any(|own| !counted(&own.series, own.count))
    {
        return Err(ReadError::Damaged("over time it has other counts"));
    }
    let whole = seen.timeline.counts() == Some([seen.sent, answered, failed]);
    if !whole && !seen.timeline.is_empty() {
        return Err(ReadError::Damaged("its timeline has other counts"));
    }
    Ok(())
}
