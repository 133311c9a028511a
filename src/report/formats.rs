//! The table of formats: what `-o` and `--report` know.

use super::format::Format;
use super::{
    csv, github, hgrm, hlog, html, json, junit, markdown, oneline, openmetrics, pod_log, text,
};

/// Every format. A new one is a file and a line here.
pub const FORMATS: &[Format] = &[
    Format::new("text", "one screen for a person", text::render).for_people(),
    Format::new("json", "everything, schema resplit.report/1", json::render),
    Format::new("html", "one file with charts, for a browser", html::render),
    Format::new(
        "markdown",
        "for a job summary or a pull request",
        markdown::render,
    )
    .for_people(),
    Format::new("oneline", "the whole answer in one line", oneline::render).for_people(),
    Format::new("csv", "one line for each value", csv::render),
    Format::new("junit", "JUnit XML", junit::render),
    Format::new("github", "annotations of GitHub Actions", github::render).for_people(),
    Format::new("openmetrics", "for Prometheus", openmetrics::render),
    Format::new("hlog", "HdrHistogram log of the latencies", hlog::render),
    Format::new("log", "JSON in one line of a pod's log", pod_log::render),
    Format::new("hgrm", "percentile tables of the latencies", hgrm::render),
];

/// The format of that name.
#[must_use]
pub fn format(name: &str) -> Option<&'static Format> {
    FORMATS.iter().find(|format| format.name == name)
}
