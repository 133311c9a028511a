//! What can be typed, and nothing else: syntax, defaults and help. Relations between options are settled in `config`.
//!
//! Guidelines: the doc comment is the help text, its first line a fact that fits beside the option; short names are
//! those of hey, oha and curl; every short name has a long one.
#![allow(
    clippy::doc_markdown,
    reason = "doc comments are help texts, where backticks would show"
)]

use std::path::PathBuf;

use clap::{ArgAction, Args, Parser, Subcommand, ValueEnum};

use super::complete::CompletionsArgs;
use super::help::{EXPLAIN_EXAMPLES, REPORT_EXAMPLES, after_help, after_long_help};
use super::lint::LintArgs;
use super::report::ReportArgs;
use super::traffic::{LoadArgs, RequestArgs};
use crate::bucket::Bucketer;
use crate::manifest::ObjectName;
use crate::report::FORMATS;
use crate::route::IstioVersion;
use crate::units::{Count, Fraction};
use crate::verdict::mapping::MapRule;

/// Is my traffic really split the way I declared it, and if not, why?
///
/// Sends requests, sorts the answers by where they come from, and tests the shares against what the manifests declare
/// for exactly this request. Without -f or --expect it only counts.
#[derive(Debug, Parser)]
#[command(
    name = "resplit",
    version = concat!(env!("CARGO_PKG_VERSION"), env!("RESPLIT_COMMIT_SUFFIX")),
    args_conflicts_with_subcommands = true,
    subcommand_negates_reqs = true,
    subcommand_help_heading = "Other commands",
    override_usage = "resplit [OPTIONS] <URL>\n       resplit <COMMAND>",
    after_help = after_help(),
    after_long_help = after_long_help(),
)]
pub(super) struct Cli {
    /// Which command; none means `run`.
    #[command(subcommand)]
    pub(super) command: Option<Command>,
    /// The options of `run`.
    #[command(flatten)]
    pub(super) run: RunArgs,
}

/// The commands.
#[derive(Debug, Subcommand)]
pub(super) enum Command {
    /// Send requests, judge who answered (what a bare URL does)
    Run(Box<RunArgs>),
    /// Which rule takes this request, and why the others lost
    ///
    /// Nothing is sent.
    #[command(after_help = EXPLAIN_EXAMPLES)]
    Explain(Box<ExplainArgs>),
    /// Why a split in these manifests would not take effect
    ///
    /// Nothing is sent.
    Lint(Box<LintArgs>),
    /// How many requests it takes to see a given drift
    ///
    /// Nothing is sent.
    Size(Box<SizeArgs>),
    /// Merge saved reports, judge them again, render any format
    #[command(after_help = REPORT_EXAMPLES)]
    Report(Box<ReportArgs>),
    /// Run the main job against a mesh embedded in this process
    Demo(DemoArgs),
    /// Do nothing until SIGTERM, as the main process of a pod
    Wait,
    /// Completions for a shell: resplit completions bash
    Completions(CompletionsArgs),
    /// The man page: resplit man | man -l -
    Man,
}

/// The options of `explain`.
#[derive(Debug, Args)]
pub(super) struct ExplainArgs {
    /// Where the request goes: http:// or https://
    #[arg(value_name = "URL")]
    pub(super) url: String,
    /// Manifests, or a config dump of Envoy: file, folder, or - for stdin (repeatable)
    #[arg(
        short = 'f',
        long = "filename",
        value_name = "FILE",
        help_heading = "Expectation"
    )]
    pub(super) filename: Vec<PathBuf>,
    /// Which object declares the split, where several do: KIND/NS/NAME, as in TrafficSplit/shop/web
    ///
    /// Where such an object has several splits, the one that is meant follows: 'IngressRoute/shop/web/spec.routes[1]'.
    #[arg(
        long,
        value_name = "KIND/NS/NAME",
        requires = "filename",
        help_heading = "Expectation"
    )]
    pub(super) object: Option<ObjectName>,
    #[command(flatten)]
    pub(super) vantage: VantageArgs,
    #[command(flatten)]
    pub(super) request: RequestArgs,
    /// Also every rule of the host, each with a request that reaches it, or why none does
    #[arg(long, help_heading = "Output")]
    pub(super) all_rules: bool,
    /// What is written to stdout
    #[arg(
        short = 'o',
        long,
        value_enum,
        value_name = "FORMAT",
        default_value_t,
        help_heading = "Output"
    )]
    pub(super) output: ExplainFormat,
    /// Nothing on stderr but errors
    #[arg(long, help_heading = "Output")]
    pub(super) quiet: bool,
}

/// How an explanation is written.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub(super) enum ExplainFormat {
    /// The rule, the destinations, and why the others lost
    #[default]
    Text,
    /// resplit.explain/1
    Json,
}

/// The options of `size`.
#[derive(Debug, Args)]
pub(super) struct SizeArgs {
    /// The request whose rule is meant, where the manifests hold more than one
    #[arg(value_name = "URL")]
    pub(super) url: Option<String>,
    /// A wrong split to detect: 85/15 in the order of the declaration, or v1=85,v2=15
    #[arg(long, value_name = "SPLIT")]
    pub(super) detect: Option<String>,
    /// What can so many requests see?
    #[arg(short = 'n', long, value_name = "N")]
    pub(super) requests: Option<Count>,
    #[command(flatten)]
    pub(super) expectation: ExpectationArgs,
    #[command(flatten)]
    pub(super) judgement: JudgementArgs,
    #[command(flatten)]
    pub(super) request: RequestArgs,
    /// What is written to stdout
    #[arg(
        short = 'o',
        long,
        value_enum,
        value_name = "FORMAT",
        default_value_t,
        help_heading = "Output"
    )]
    pub(super) output: SizeFormat,
    /// Nothing on stderr but errors
    #[arg(long, help_heading = "Output")]
    pub(super) quiet: bool,
}

/// How a plan is written.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub(super) enum SizeFormat {
    /// Tables
    #[default]
    Text,
    /// resplit.size/1
    Json,
}

/// Which story the demo tells.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub(super) enum Scenario {
    /// The mesh splits 90/10 as declared: exit 0
    #[default]
    Healthy,
    /// The mesh does not apply the rule and splits 50/50: exit 1
    Broken,
}

/// The options of `demo`.
#[derive(Debug, Args)]
pub(super) struct DemoArgs {
    /// Which story to tell
    #[arg(value_enum, default_value_t)]
    pub(super) scenario: Scenario,
    #[command(flatten)]
    pub(super) output: OutputArgs,
}

/// The options of `run`.
#[derive(Debug, Args)]
pub(super) struct RunArgs {
    /// Where to send requests: http:// or https://
    #[arg(value_name = "URL", required_unless_present = "respy_url")]
    pub(super) url: Option<String>,
    /// respy's spelling of the URL.
    #[arg(
        long = "u",
        value_name = "URL",
        hide = true,
        conflicts_with = "url",
        id = "respy_url"
    )]
    pub(super) respy_url: Option<String>,
    #[command(flatten)]
    pub(super) expectation: ExpectationArgs,
    #[command(flatten)]
    pub(super) judgement: JudgementArgs,
    #[command(flatten)]
    pub(super) objectives: SloArgs,
    #[command(flatten)]
    pub(super) load: LoadArgs,
    #[command(flatten)]
    pub(super) request: RequestArgs,
    #[command(flatten)]
    pub(super) output: OutputArgs,
}

/// What is declared, and how answers are told apart.
#[derive(Debug, Args)]
#[command(next_help_heading = "Expectation")]
pub(super) struct ExpectationArgs {
    /// Manifests that declare the split, or a config dump of Envoy: file, folder, or - for stdin (repeatable)
    #[arg(short = 'f', long = "filename", value_name = "FILE")]
    pub(super) filename: Vec<PathBuf>,
    /// Which object declares the split, where several do: KIND/NS/NAME, as in TrafficSplit/shop/web
    ///
    /// Where such an object has several splits, the one that is meant follows: 'IngressRoute/shop/web/spec.routes[1]'.
    #[arg(long, value_name = "KIND/NS/NAME", requires = "filename")]
    pub(super) object: Option<ObjectName>,
    /// The split without manifests, as in v1=90,v2=10 (repeatable; overrides -f)
    #[arg(long, value_name = "NAME=WEIGHT,…")]
    pub(super) expect: Vec<String>,
    /// What tells answers apart: auto, body, header:NAME, json:/POINTER, regex:RE, status, peer
    ///
    /// Repeatable: the first that yields a value wins. `auto` knows common demo applications and else takes the body.
    #[arg(long, value_name = "SPEC", value_parser = bucket_spec)]
    pub(super) bucket: Vec<String>,
    /// Which target a value belongs to, where that is not clear: VALUE=TARGET or /RE/=TARGET (repeatable)
    ///
    /// The value or its row in the table counts, where an error has its status in front: `--map '/^503/=canary'`.
    #[arg(long, value_name = "VALUE=TARGET")]
    pub(super) map: Vec<MapRule>,
    #[command(flatten)]
    pub(super) vantage: VantageArgs,
}

/// Where the requests come from, and which mesh they meet.
#[derive(Debug, Args)]
#[command(next_help_heading = "Expectation")]
pub(super) struct VantageArgs {
    /// The namespace of the client [default: that of the VirtualService]
    #[arg(long, value_name = "NS")]
    pub(super) from_namespace: Option<String>,
    /// The labels of the client pod: k=v,…
    #[arg(long, value_name = "K=V,…", value_delimiter = ',')]
    pub(super) from_labels: Vec<String>,
    /// The gateway the requests pass: NS/NAME [default: the mesh]
    #[arg(long, value_name = "NS/NAME")]
    pub(super) gateway: Option<String>,
    /// The service has a waypoint that applies the rules (ambient mode) [default: the client has a sidecar]
    #[arg(long, conflicts_with = "gateway")]
    pub(super) waypoint: bool,
    /// The version of Istio, as in 1.24 [default: a current one]
    #[arg(long, value_name = "X.Y")]
    pub(super) istio_version: Option<IstioVersion>,
    /// Who implements the Gateway API, where implementations differ
    #[arg(long, value_enum, value_name = "WHO", default_value_t)]
    pub(super) implementation: Implementation,
}

/// Who implements the Gateway API.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub(super) enum Implementation {
    /// Istio
    #[default]
    Istio,
    /// Envoy Gateway
    EnvoyGateway,
    /// What the specification says
    Spec,
}

/// How sure the answer has to be.
#[derive(Debug, Args)]
#[command(next_help_heading = "Judgement")]
pub(super) struct JudgementArgs {
    /// The chance of a false alarm, at most
    #[arg(long, value_name = "P", default_value = "0.001", value_parser = probability)]
    pub(super) alpha: f64,
    /// The chance of a pass, at most, when a share is off by the resolution
    #[arg(long, value_name = "P", default_value = "0.01", value_parser = probability)]
    pub(super) beta: f64,
    /// The deviation of a share that is accepted: 2% is 2 points
    #[arg(long, value_name = "T", default_value = "0")]
    pub(super) tolerance: Fraction,
    /// The test that decides [default: sequential; exact with -n or -z]
    #[arg(long, value_enum, value_name = "TEST")]
    pub(super) test: Option<Test>,
    /// The deviation a pass must rule out [default: auto, 3 points at 90/10, 5 at 50/50, 1 at 99/1; with -n, -z or
    /// --max-requests what that number rules out]
    #[arg(long, value_name = "D", value_parser = resolution)]
    pub(super) resolution: Option<Fraction>,
    /// What an inconclusive run counts as, for gates that know only yes and no
    #[arg(long, value_enum, value_name = "AS")]
    pub(super) inconclusive: Option<Inconclusive>,
    /// The most requests without a known target in a pass
    #[arg(long, value_name = "P", default_value = "1%")]
    pub(super) max_unattributed: Fraction,
    /// Whether each request or each connection is declared to be split: sticking to connections diverges by default
    #[arg(long, value_enum, value_name = "BY", default_value_t)]
    pub(super) balancing: Balancing,
    /// How many answers may come from undeclared or zero-weight targets
    #[arg(long, value_name = "N", default_value = "0")]
    pub(super) allow_unexpected: Count,
}

/// What must hold besides the split.
#[derive(Debug, Args)]
#[command(next_help_heading = "Judgement")]
pub(super) struct SloArgs {
    /// What must hold too: 'canary.p99 < 200ms', 'canary.errors < stable.errors + 1%' (repeatable)
    ///
    /// TARGET.METRIC < VALUE, where TARGET is a declared target, `all`, or without a declaration an answer's value, and
    /// METRIC is p50, p90, p99, p99.9 (any pN), mean, max, errors, rps or share.
    #[arg(long, value_name = "EXPR")]
    pub(super) slo: Vec<String>,
    /// Exit 1 where most responses of a target are errors, or a target never answered
    ///
    /// A split can hold while every response of the canary is a 500: weights say nothing about health.
    #[arg(long)]
    pub(super) require_healthy: bool,
}

/// What is declared to be split.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub(super) enum Balancing {
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
pub(super) enum Test {
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
pub(super) enum Inconclusive {
    /// Exit 0
    Pass,
    /// Exit 1
    Fail,
}

/// Where the answer goes.
#[derive(Debug, Args)]
#[command(next_help_heading = "Output")]
pub(super) struct OutputArgs {
    /// What is written to stdout
    #[arg(short = 'o', long, value_name = "FORMAT", default_value = "text", hide_possible_values = true, value_parser = format_names())]
    pub(super) output: String,
    /// Also write the report to a file: FORMAT=PATH (repeatable)
    #[arg(long, value_name = "FORMAT=PATH")]
    pub(super) report: Vec<String>,
    /// Colour on the terminal (NO_COLOR is honoured)
    #[arg(long, value_enum, value_name = "WHEN", default_value_t)]
    pub(super) color: Colour,
    /// No live view on stderr
    #[arg(long)]
    pub(super) no_progress: bool,
    /// Nothing on stderr but errors
    #[arg(long)]
    pub(super) quiet: bool,
    /// Show more
    #[arg(short = 'v', long, action = ArgAction::SetTrue)]
    pub(super) verbose: bool,
}

/// When to use colour.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub(super) enum Colour {
    /// On a terminal
    #[default]
    Auto,
    /// Always
    Always,
    /// Never
    Never,
}

fn format_names() -> clap::builder::PossibleValuesParser {
    clap::builder::PossibleValuesParser::new(
        FORMATS
            .iter()
            .map(|format| clap::builder::PossibleValue::new(format.name).help(format.summary)),
    )
}

pub(super) fn probability(text: &str) -> Result<f64, String> {
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

/// Checked here, so that a bad pattern is a usage error beside its option; built in `config`.
fn bucket_spec(text: &str) -> Result<String, String> {
    Bucketer::parse(&[text])
        .map(|_| text.to_owned())
        .map_err(|error| error.to_string())
}

pub(super) fn resolution(text: &str) -> Result<Fraction, String> {
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

    #[test]
    fn a_bare_url_means_run_and_respys_spelling_works() {
        let cli = Cli::try_parse_from(["resplit", "--u", "http://a/", "--n=50", "--c", "5"])
            .expect("respy's flags");
        assert_eq!(cli.run.respy_url.as_deref(), Some("http://a/"));
        assert_eq!(
            (cli.run.load.requests, cli.run.load.connections),
            (Some(Count(50)), Some(Count(5)))
        );
        assert!(
            Cli::try_parse_from(["resplit", "run", "-n", "5", "http://a/"])
                .expect("run")
                .command
                .is_some()
        );
        assert!(Cli::try_parse_from(["resplit"]).is_err());
    }
}
