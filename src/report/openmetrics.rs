//! `OpenMetrics` text, for a Pushgateway or the textfile collector of a node exporter. Only gauges and summaries, so that
//! readers of the older Prometheus format take it too.

use std::io::{self, Write};

use super::exposition::Exposition;
use super::latency_groups::latency_groups;
use super::{Report, Style};
use crate::observe::FailureKind;
use crate::verdict::Outcome;
use crate::verdict::slo::SloOutcome;

const QUANTILES: [f64; 4] = [0.5, 0.9, 0.99, 0.999];

pub(super) fn render(report: &Report, _style: Style, out: &mut dyn Write) -> io::Result<()> {
    let mut text = Exposition(String::new());
    verdict(report, &mut text);
    requests(report, &mut text);
    shares(report, &mut text);
    latencies(report, &mut text);
    text.0.push_str("# EOF\n");
    out.write_all(text.0.as_bytes())
}

fn verdict(report: &Report, text: &mut Exposition) {
    let verdict = &report.verdict;
    let is = |outcome: Outcome| u8::from(outcome == verdict.outcome);
    text.gauges(
        "resplit_verdict",
        "1 for the outcome of the run, 0 for all others.",
        "outcome",
        Outcome::ALL.map(|outcome| (outcome.to_string(), is(outcome))),
    );
    if let Some(p) = verdict.p_value {
        text.gauge("resplit_p_value", "The p-value of the declared split.", p);
    }
    if let Some((x2, p)) = verdict.chi_square.zip(verdict.chi_square_p) {
        text.gauge(
            "resplit_chi_square",
            "Pearson's statistic of the counts against the declared split.",
            x2,
        );
        text.gauge(
            "resplit_chi_square_p_value",
            "Its p-value by the chi-square distribution.",
            p,
        );
    }
    if !verdict.slos.is_empty() {
        text.family(
            "resplit_slo",
            "gauge",
            "1 for how an objective stands, 0 for all others.",
        );
    }
    for result in &verdict.slos {
        for outcome in SloOutcome::ALL {
            let labels = [("slo", result.slo.as_str()), ("outcome", outcome.name())];
            text.sample("resplit_slo", &labels, u8::from(outcome == result.outcome));
        }
    }
}

fn requests(report: &Report, text: &mut Exposition) {
    let (seen, rows) = (&report.observation.seen, &report.observation.rows);
    text.gauges(
        "resplit_requests",
        "Requests of the run by how they ended.",
        "end",
        [("answered", rows.answered), ("failed", rows.failed)].map(|(end, n)| (end.to_owned(), n)),
    );
    text.gauge(
        "resplit_unattributed",
        "Requests whose target is unknown.",
        rows.unattributed,
    );
    let failed = |kind| seen.failures.get(&kind).map_or(0, |failed| failed.count);
    text.gauges(
        "resplit_failures",
        "Requests without a response, by kind.",
        "kind",
        FailureKind::ALL.map(|kind| (kind.to_string(), failed(kind))),
    );
    text.gauge(
        "resplit_connections",
        "Connections that were established.",
        seen.connections,
    );
    text.gauge(
        "resplit_duration_seconds",
        "From the first send to the last response.",
        seen.elapsed.as_secs_f64(),
    );
    text.family("resplit_answers", "gauge", "Responses by value and status.");
    for row in &rows.buckets {
        for (status, count) in &row.statuses {
            let labels = [
                ("bucket", row.bucket.as_str()),
                ("target", row.target.as_deref().unwrap_or_default()),
                ("status", &status.to_string()),
            ];
            text.sample("resplit_answers", &labels, count);
        }
    }
    let buckets = rows.buckets.iter();
    text.gauges(
        "resplit_errors",
        "Responses with a status of 400 or more, by value.",
        "bucket",
        buckets.map(|row| (row.bucket.clone(), row.errors())),
    );
}

fn shares(report: &Report, text: &mut Exposition) {
    let targets = &report.observation.rows.targets;
    if targets.is_empty() {
        return;
    }
    text.gauges(
        "resplit_share",
        "The part of all responses that a target gave.",
        "target",
        targets.iter().map(|own| (own.target.clone(), own.share)),
    );
    text.gauges(
        "resplit_share_declared",
        "The part of all requests declared for a target.",
        "target",
        targets.iter().map(|own| (own.target.clone(), own.declared)),
    );
    text.family(
        "resplit_share_bound",
        "gauge",
        "The ends of the interval of a share.",
    );
    for target in targets {
        for (bound, value) in ["low", "high"].iter().zip(target.share_interval) {
            let labels = [("target", target.target.as_str()), ("bound", bound)];
            text.sample("resplit_share_bound", &labels, value);
        }
    }
}

fn latencies(report: &Report, text: &mut Exposition) {
    let all = latency_groups(report);
    if all.is_empty() {
        return;
    }
    let name = "resplit_latency_seconds";
    text.family(
        name,
        "summary",
        "From the intended start of a request, without a rate from its send, to the last byte of the response.",
    );
    for own in &all {
        let target = ("target", own.name.as_str());
        let seconds = |micros: f64| micros / 1e6;
        for quantile in QUANTILES {
            let value = seconds(own.latencies.value_at_quantile(quantile) as f64);
            text.sample(name, &[target, ("quantile", &quantile.to_string())], value);
        }
        let sum = seconds(own.latencies.mean() * own.latencies.len() as f64);
        text.sample(&format!("{name}_sum"), &[target], sum);
        text.sample(&format!("{name}_count"), &[target], own.latencies.len());
    }
}
