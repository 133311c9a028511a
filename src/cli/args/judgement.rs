//! What can be typed about the judgement.
#![allow(
    clippy::doc_markdown,
    reason = "doc comments are help texts, where backticks would show"
)]

use clap::{Args, ValueEnum};

use crate::units::{Count, Fraction};

/// How sure the answer has to be.
#[derive(Clone, Debug, Args)]
#[command(next_help_heading = "Judgement")]
pub(in crate::cli) struct JudgementArgs {
    /// The chance of a false alarm, at most
    #[arg(long, value_name = "P", default_value = "0.001", value_parser = probability)]
    pub(in crate::cli) alpha: f64,
    /// The chance of a pass, at most, when a share is off by the resolution
    #[arg(long, value_name = "P", default_value = "0.01", value_parser = probability)]
    pub(in crate::cli) beta: f64,
    /// The deviation of a share that is accepted: 2% is 2 points
    #[arg(long, value_name = "T", default_value = "0")]
    pub(in crate::cli) tolerance: Fraction,
    /// The test that decides [default: sequential; exact with -n or -z]
    #[arg(long, value_enum, value_name = "TEST")]
    pub(in crate::cli) test: Option<Test>,
    /// The deviation a pass must rule out [default: auto, 3 points at 90/10, 5 at 50/50, 1 at 99/1; with -n, -z or
    /// --max-requests what that number rules out]
    #[arg(long, value_name = "D", value_parser = resolution)]
    pub(in crate::cli) resolution: Option<Fraction>,
    /// What an inconclusive run counts as, for gates that know only yes and no
    #[arg(long, value_enum, value_name = "AS")]
    pub(in crate::cli) inconclusive: Option<Inconclusive>,
    /// The most requests without a known target in a pass
    #[arg(long, value_name = "P", default_value = "1%")]
    pub(in crate::cli) max_unattributed: Fraction,
    /// Whether each request or each connection is declared to be split: sticking to connections diverges by default
    #[arg(long, value_enum, value_name = "BY", default_value_t)]
    pub(in crate::cli) balancing: Balancing,
    /// How many responses may come from undeclared or zero-weight targets
    #[arg(long, value_name = "N", default_value = "0")]
    pub(in crate::cli) allow_unexpected: Count,
}

/// What must hold besides the split.
#[derive(Debug, Args)]
#[command(next_help_heading = "Judgement")]
pub(in crate::cli) struct SloArgs {
    /// What must hold too: 'canary.p99 < 200ms', 'canary.errors < stable.errors + 1%' (repeatable)
    ///
    /// TARGET.METRIC < VALUE, where TARGET is a declared target, `all`, or without a declaration a response's value, and
    /// METRIC is p50, p90, p99, p99.9 (any pN), mean, max, errors, rps or share.
    #[arg(long, value_name = "EXPR", help_heading = "Expectation")]
    pub(in crate::cli) slo: Vec<String>,
    /// Exit 1 where most responses of a target are errors, or a target never answered
    ///
    /// A split can hold while every response of the canary is a 500: weights say nothing about health.
    #[arg(long)]
    pub(in crate::cli) require_healthy: bool,
}

/// What is declared to be split.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub(in crate::cli) enum Balancing {
    /// Each request
    #[default]
    Request,
    /// Each connection
    Connection,
    /// Either will do
    Any,
}

/// The test that decides.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(in crate::cli) enum Test {
    /// After each response, until the result is certain
    Sequential,
    /// Exact tests of a divergence and of a pass, once at the end
    Exact,
    /// Pearson's chi-square test alone: what it does not reject passes
    ChiSquare,
}

impl From<Test> for crate::verdict::Test {
    fn from(test: Test) -> Self {
        match test {
            Test::Sequential => Self::Sequential,
            Test::Exact => Self::Exact,
            Test::ChiSquare => Self::ChiSquare,
        }
    }
}

/// What an inconclusive run counts as.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(in crate::cli) enum Inconclusive {
    /// Exit 0
    Pass,
    /// Exit 1
    Fail,
}

pub(in crate::cli) fn probability(text: &str) -> Result<f64, String> {
    let plain = text.parse().ok().map(Fraction::get);
    // As programs write small numbers: 1e-6.
    let scientific = || text.contains(['e', 'E']).then(|| text.parse().ok())?;
    let value: f64 = plain
        .or_else(scientific)
        .ok_or_else(|| format!("`{text}` is not a valid probability: write 0.001 or 1e-3"))?;
    if value > 0.0 && value < 0.5 {
        Ok(value)
    } else {
        Err(format!("`{text}` must be above 0 and below 0.5"))
    }
}

pub(in crate::cli) fn resolution(text: &str) -> Result<Fraction, String> {
    // Nothing to rule out would take infinitely many requests, so 0 can stand for what `auto` means.
    if text == "auto" {
        return Ok(Fraction::new(0.0).expect("0 is a fraction"));
    }
    let value: Fraction = text
        .parse()
        .map_err(|error: crate::units::UnitError| error.to_string())?;
    if value.get() > 0.0 {
        Ok(value)
    } else {
        Err("a resolution of 0 takes infinitely many requests".to_owned())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_probability_is_written_plainly_or_as_programs_do() {
        for (text, value) in [
            ("0.001", 0.001),
            ("1e-3", 0.001),
            ("5E-2", 0.05),
            ("1%", 0.01),
        ] {
            assert_eq!(probability(text), Ok(value), "{text}");
        }
        for text in ["e", "1e", "1e3", "-1e-3", "inf", "nan", "0e0", "one"] {
            assert!(probability(text).is_err(), "{text}");
        }
    }
}
