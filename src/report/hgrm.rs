//! Percentile tables as the HdrHistogram tools print them, one for each target, in milliseconds.

use std::io::{self, Write};

use hdrhistogram::Histogram;

use super::evidence::chi_square;
use super::latency_groups::latency_groups;
use super::sanitize::safe;
use super::{Report, Style};

/// Lines for each halving of the distance to 100 %.
const TICKS: u32 = 5;

pub(super) fn render(report: &Report, _style: Style, out: &mut dyn Write) -> io::Result<()> {
    for (index, own) in latency_groups(report).iter().enumerate() {
        if index > 0 {
            writeln!(out)?;
        }
        writeln!(
            out,
            "#[Target = {}, values in milliseconds]",
            safe(&own.name)
        )?;
        table(&own.latencies, out)?;
    }
    if let Some(chi_square) = chi_square(report) {
        writeln!(out, "#[{chi_square}]")?;
    }
    Ok(())
}

fn table(latencies: &Histogram<u64>, out: &mut dyn Write) -> io::Result<()> {
    writeln!(
        out,
        "{:>12} {:>14} {:>10} {:>14}\n",
        "Value", "Percentile", "TotalCount", "1/(1-Percentile)"
    )?;
    let millis = |micros: f64| micros / 1000.0;
    let mut below = 0;
    for step in latencies.iter_quantiles(TICKS) {
        below += step.count_since_last_iteration();
        let (value, quantile) = (
            millis(step.value_iterated_to() as f64),
            step.quantile_iterated_to(),
        );
        if quantile < 1.0 {
            let inverse = 1.0 / (1.0 - quantile);
            writeln!(
                out,
                "{value:12.3} {quantile:14.12} {below:10} {inverse:14.2}"
            )?;
        } else {
            // As the Java tools do: nothing stands where infinity would.
            writeln!(out, "{value:12.3} {quantile:14.12} {below:10}")?;
        }
    }
    let (mean, deviation) = (millis(latencies.mean()), millis(latencies.stdev()));
    let (max, total) = (millis(latencies.max() as f64), latencies.len());
    let (buckets, cells) = (latencies.buckets(), latencies.distinct_values());
    writeln!(
        out,
        "#[Mean    = {mean:12.3}, StdDeviation   = {deviation:12.3}]"
    )?;
    writeln!(out, "#[Max     = {max:12.3}, Total count    = {total:12}]")?;
    writeln!(
        out,
        "#[Buckets = {buckets:12}, SubBuckets     = {cells:12}]"
    )
}
