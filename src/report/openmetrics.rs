//! `OpenMetrics` text, for a Pushgateway or the textfile collector of a node exporter. Only gauges and summaries, so that
//! readers of the older Prometheus format take it too.

use std::fmt::Display;
use std::fmt::Write as _;
use std::io::{self, Write};

use super::latency_groups::latency_groups;
use super::sanitize::safe;
use super::{Report, Style};
use crate::observe::FailureKind;
use crate::verdict::Outcome;
use crate::verdict::slo::SloOutcome;

const QUANTILES: [f64; 4] = [0.5, 0.9, 0.99, 0.999];

/// Lines, family by family.
struct Exposition(String);

pub(super) fn render(report: &Report, _style: Style, out: &mut dyn Write) -> io::Result<()> {
    let mut text = Exposition(String::new());
    verdict(report, &mut text);
    requests(report, &mut text);
    shares(report, &mut text);
    latencies(report, &mut text);
    text.0.push_str("# EOF\n");
    out.write_all(text.0.as_bytes())
}

impl Exposition {
    fn family(&mut self, name: &str, kind: &str, help: &str) {
        let _ = writeln!(self.0, "# TYPE {name} {kind}\n# HELP {name} {help}");
    }

    fn sample(&mut self, name: &str, labels: &[(&str, &str)], value: impl Display) {
        let label = |(key, value): &(&str, &str)| {
            let value = safe(value).replace('\\', "\\\\").replace('"', "\\\"");
            format!("{key}=\"{value}\"")
        };
        let labels: Vec<String> = labels.iter().map(label).collect();
        let labels = match labels.join(",") {
            labels if labels.is_empty() => labels,
            labels => format!("{{{labels}}}"),
        };
        let _ = writeln!(self.0, "{name}{labels} {value}");
    }
}

fn verdict(report: &Report, text: &mut Exposition) {
    let verdict = &report.verdict;
    text.family(
        "resplit_verdict",
        "gauge",
        "1 for the outcome of the run, 0 for all others.",
    );
    for outcome in Outcome::ALL {
        let is = u8::from(outcome == verdict.outcome);
        text.sample("resplit_verdict", &[("outcome", &outcome.to_string())], is);
    }
    if let Some(p) = verdict.p_value {
        text.family(
            "resplit_p_value",
            "gauge",
            "The p-value of the declared split.",
        );
        text.sample("resplit_p_value", &[], p);
    }
    if let Some((x2, p)) = verdict.chi_square.zip(verdict.chi_square_p) {
        text.family(
            "resplit_chi_square",
            "gauge",
            "Pearson's statistic of the counts against the declared split.",
        );
        text.sample("resplit_chi_square", &[], x2);
        text.family(
            "resplit_chi_square_p_value",
            "gauge",
            "Its p-value by the chi-square distribution.",
        );
        text.sample("resplit_chi_square_p_value", &[], p);
    }
    if !verdict.slos.is_empty() {
        text.family(
            "resplit_slo",
            "gauge",
            "1 for how an objective stands, 0 for all others.",
        );
        for result in &verdict.slos {
            for outcome in SloOutcome::ALL {
                let labels = [("slo", result.slo.as_str()), ("outcome", outcome.name())];
                text.sample("resplit_slo", &labels, u8::from(outcome == result.outcome));
            }
        }
    }
}

fn requests(report: &Report, text: &mut Exposition) {
    let (seen, rows) = (&report.observation.seen, &report.observation.rows);
    text.family(
        "resplit_requests",
        "gauge",
        "Requests of the run by how they ended.",
    );
    for (end, count) in [("answered", rows.answered), ("failed", rows.failed)] {
        text.sample("resplit_requests", &[("end", end)], count);
    }
    text.family(
        "resplit_unattributed",
        "gauge",
        "Requests whose target is unknown.",
    );
    text.sample("resplit_unattributed", &[], rows.unattributed);
    text.family(
        "resplit_failures",
        "gauge",
        "Requests without a response, by kind.",
    );
    for kind in FailureKind::ALL {
        let count = seen.failures.get(&kind).map_or(0, |failed| failed.count);
        text.sample("resplit_failures", &[("kind", &kind.to_string())], count);
    }
    text.family(
        "resplit_connections",
        "gauge",
        "Connections that were established.",
    );
    text.sample("resplit_connections", &[], seen.connections);
    text.family(
        "resplit_duration_seconds",
        "gauge",
        "From the first send to the last response.",
    );
    text.sample("resplit_duration_seconds", &[], seen.elapsed.as_secs_f64());
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
    text.family(
        "resplit_errors",
        "gauge",
        "Responses with a status of 400 or more, by value.",
    );
    for row in &rows.buckets {
        let labels = [("bucket", row.bucket.as_str())];
        text.sample("resplit_errors", &labels, row.errors());
    }
}

fn shares(report: &Report, text: &mut Exposition) {
    let targets = &report.observation.rows.targets;
    if targets.is_empty() {
        return;
    }
    text.family(
        "resplit_share",
        "gauge",
        "The part of all responses that a target gave.",
    );
    for target in targets {
        text.sample("resplit_share", &[("target", &target.target)], target.share);
    }
    text.family(
        "resplit_share_declared",
        "gauge",
        "The part of all requests declared for a target.",
    );
    for target in targets {
        let labels = [("target", target.target.as_str())];
        text.sample("resplit_share_declared", &labels, target.declared);
    }
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
