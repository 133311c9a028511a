//! An HdrHistogram interval log (V2): one interval, one tagged histogram for each target, in microseconds.

use std::io::{self, Write};
use std::time::Duration;

use hdrhistogram::serialization::V2DeflateSerializer;
use hdrhistogram::serialization::interval_log::{
    IntervalLogWriterBuilder, IntervalLogWriterError, Tag,
};

use super::evidence::chi_square;
use super::latency_groups::latency_groups;
use super::sanitize::safe;
use super::{Report, Style};

/// Tags end at a comma or a blank.
const SEPARATORS: [char; 4] = [',', ' ', '\n', '\r'];
/// `Interval_Max` is in milliseconds.
const MICROS_PER_MILLI: f64 = 1000.0;
/// The line that names the columns, as the tools write it.
const LEGEND: &str =
    "\"StartTimestamp\",\"Interval_Length\",\"Interval_Max\",\"Interval_Compressed_Histogram\"\n";

pub(super) fn render(report: &Report, _style: Style, out: &mut dyn Write) -> io::Result<()> {
    let elapsed = report.observation.seen.elapsed;
    let mut bytes = Vec::new();
    let mut serializer = V2DeflateSerializer::new();
    let mut builder = IntervalLogWriterBuilder::new();
    builder
        .add_comment("[Histogram log format version 1.3]")
        .add_comment(&format!(
            "[{} {}: {}; latencies in microseconds]",
            safe(&report.tool.name),
            safe(&report.tool.version),
            report.asked()
        ))
        .with_max_value_divisor(MICROS_PER_MILLI);
    let started = report.record.started_at.as_deref();
    if let Some(started) = started.and_then(|text| humantime::parse_rfc3339(text).ok()) {
        builder.with_start_time(started);
    }
    if let Some(chi_square) = chi_square(report) {
        builder.add_comment(&format!("[{chi_square}]"));
    }
    let mut log = builder.begin_log_with(&mut bytes, &mut serializer)?;
    for own in latency_groups(report) {
        let name = safe(&own.name).replace(SEPARATORS, "_");
        let tag = Tag::new(&name).expect("no separators are left");
        log.write_histogram(&own.latencies, Duration::ZERO, elapsed, Some(tag))
            .map_err(|error| match error {
                IntervalLogWriterError::IoError(error) => error,
                IntervalLogWriterError::SerializeError(error) => io::Error::other(error),
            })?;
    }
    drop(log);
    let comments: usize = bytes
        .split_inclusive(|byte| *byte == b'\n')
        .take_while(|line| line.starts_with(b"#"))
        .map(<[u8]>::len)
        .sum();
    let (comments, histograms) = bytes.split_at(comments);
    out.write_all(comments)?;
    out.write_all(LEGEND.as_bytes())?;
    out.write_all(histograms)
}
