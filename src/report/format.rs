//! What a format of the report is, and how its output may look.

use std::io::{self, Write};

use super::Report;
use crate::units::Percentiles;

/// How a format may look.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Style {
    /// Whether ANSI colours may be used.
    pub colour: bool,
    /// Whether shares are drawn as bars.
    pub bars: bool,
    /// Columns of the terminal.
    pub width: usize,
    /// Whether to show what is usually left out.
    pub verbose: bool,
    /// The percentiles of the latency tables.
    pub percentiles: Percentiles,
}

/// A way to write a report.
#[derive(Debug)]
pub struct Format {
    /// Its name in `-o` and `--report`.
    pub name: &'static str,
    /// What it is for, in a few words.
    pub summary: &'static str,
    /// Whether a person reads it, and in it why there is no verdict.
    pub for_people: bool,
    /// Writes the report.
    pub render: Render,
}

/// Writes a report.
type Render = fn(&Report, Style, &mut dyn Write) -> io::Result<()>;

impl Format {
    pub(super) const fn new(name: &'static str, summary: &'static str, render: Render) -> Self {
        Self {
            name,
            summary,
            for_people: false,
            render,
        }
    }

    /// The same, read by people.
    pub(super) const fn for_people(self) -> Self {
        Self {
            for_people: true,
            ..self
        }
    }
}
