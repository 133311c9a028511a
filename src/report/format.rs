//! The table of formats: what `-o` and `--report` know.

use std::io::{self, Write};

use super::{
    Report, csv, github, hgrm, hlog, html, json, junit, markdown, oneline, openmetrics, text,
};

/// How a format may look.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Style {
    /// Whether ANSI colours may be used.
    pub colour: bool,
    /// Whether shares are drawn as bars.
    pub bars: bool,
    /// Columns of the terminal.
    pub width: usize,
    /// Whether to show what is usually left out.
    pub verbose: bool,
}

/// A way to write a report.
#[derive(Debug)]
pub struct Format {
    /// Its name in `-o` and `--report`.
    pub name: &'static str,
    /// What it is for, in a few words.
    pub summary: &'static str,
    /// Writes the report.
    pub render: Render,
}

/// Writes a report.
type Render = fn(&Report, Style, &mut dyn Write) -> io::Result<()>;

impl Format {
    const fn new(name: &'static str, summary: &'static str, render: Render) -> Self {
        Self {
            name,
            summary,
            render,
        }
    }
}

/// Every format. A new one is a file and a line here.
pub const FORMATS: [Format; 11] = [
    Format::new("text", "one screen for a person", text::render),
    Format::new("json", "everything, schema resplit.report/1", json::render),
    Format::new("html", "one file with charts, for a browser", html::render),
    Format::new(
        "markdown",
        "for a job summary or a pull request",
        markdown::render,
    ),
    Format::new("oneline", "the whole answer in one line", oneline::render),
    Format::new("csv", "one line for each value", csv::render),
    Format::new("junit", "JUnit XML", junit::render),
    Format::new("github", "annotations of GitHub Actions", github::render),
    Format::new("openmetrics", "for Prometheus", openmetrics::render),
    Format::new("hlog", "HdrHistogram log of the latencies", hlog::render),
    Format::new("hgrm", "percentile tables of the latencies", hgrm::render),
];

/// The format of that name.
#[must_use]
pub fn format(name: &str) -> Option<&'static Format> {
    FORMATS.iter().find(|format| format.name == name)
}
