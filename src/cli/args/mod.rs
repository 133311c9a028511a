//! What can be typed, and nothing else: syntax, defaults and help. What options mean together is settled in `config`.
//!
//! Guidelines: the doc comment is the help text, its first line a fact that fits beside the option; short names are
//! those of hey, oha and curl; every short name has a long one.
#![allow(
    clippy::doc_markdown,
    reason = "doc comments are help texts, where backticks would show"
)]

mod demo;
mod endpoints;
mod expectation;
mod explain;
mod generator;
mod instrument;
mod job;
mod judge;
mod judgement;
mod lint;
mod live;
mod load;
mod monitor;
mod output;
mod proxy_admin;
mod report;
mod request;
mod serve;
mod sidecar;
mod size;
mod test;

use std::path::PathBuf;

use clap::{Args, Parser, Subcommand};
use clap_complete::Shell;

use super::examples::{
    ENDPOINTS_EXAMPLES, EXPLAIN_EXAMPLES, INSTRUMENT_EXAMPLES, JOB_EXAMPLES, JUDGE_EXAMPLES,
    MONITOR_EXAMPLES, REPORT_EXAMPLES, TEST_EXAMPLES, after_help, after_long_help,
};
use super::vary::Variable;
pub(super) use demo::{DemoArgs, Scenario};
pub(super) use endpoints::{EndpointsArgs, PickBy};
pub(super) use expectation::{ChosenArgs, ExpectationArgs, Implementation, VantageArgs};
pub(super) use explain::{ExplainArgs, ExplainFormat};
pub(super) use generator::GeneratorArgs;
pub(super) use instrument::{InstrumentArgs, InstrumentFormat};
pub(super) use job::{JobArgs, Mesh};
pub(super) use judge::JudgeArgs;
pub(super) use judgement::{
    Balancing, Inconclusive, JudgementArgs, SloArgs, Test, probability, resolution,
};
pub(super) use lint::LintArgs;
pub(super) use live::LiveArgs;
pub(super) use load::{ArrivalKind, LoadArgs, WarmupAmount};
pub(super) use monitor::{EventFormat, MonitorArgs};
pub(super) use output::{Colour, OutputArgs};
pub(super) use proxy_admin::ProxyAdminArgs;
pub(super) use report::{AgainArgs, ReportArgs};
pub(super) use request::{RequestArgs, TransportArgs};
pub(super) use serve::ServeArgs;
pub(super) use sidecar::{QUIT_URL, SidecarArgs};
pub(super) use size::{SizeArgs, SizeFormat};
pub(super) use test::TestArgs;

use crate::units::Count;

/// Is my traffic really split the way I declared it, and if not, why?
///
/// Sends requests, sorts the responses by where they come from, and tests the shares against what the manifests declare
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
    /// Whether requests that name their endpoint land on it
    #[command(after_help = ENDPOINTS_EXAMPLES)]
    Endpoints(Box<EndpointsArgs>),
    /// Why a split in these manifests would not take effect
    ///
    /// Nothing is sent.
    Lint(Box<LintArgs>),
    /// Cases of requests against manifests, or with traffic (--live)
    ///
    /// Nothing is sent without --live.
    #[command(after_help = TEST_EXAMPLES)]
    Test(Box<TestArgs>),
    /// What makes a mesh say who answered, in a response header
    ///
    /// Prints patches; nothing is sent or changed.
    #[command(after_help = INSTRUMENT_EXAMPLES)]
    Instrument(Box<InstrumentArgs>),
    /// How many requests it takes to see a given drift
    ///
    /// Nothing is sent.
    Size(Box<SizeArgs>),
    /// The same verdict on counts from Prometheus, a log, or by hand
    ///
    /// Nothing is sent.
    #[command(after_help = JUDGE_EXAMPLES)]
    Judge(Box<JudgeArgs>),
    /// Merge saved reports, judge them again, render any format
    #[command(after_help = REPORT_EXAMPLES)]
    Report(Box<ReportArgs>),
    /// Run named checks for gates that call a webhook
    Serve(ServeArgs),
    /// Watch a split for ever, and tell when it changes
    #[command(after_help = MONITOR_EXAMPLES)]
    Monitor(Box<MonitorArgs>),
    /// A Kubernetes Job of several generators, for kubectl apply
    ///
    /// Nothing is sent: the Job is printed.
    #[command(after_help = JOB_EXAMPLES)]
    Job(Box<JobArgs>),
    /// Run the main job against a mesh embedded in this process
    Demo(DemoArgs),
    /// Do nothing until SIGTERM, as the main process of a pod
    Wait,
    /// Completions for a shell: resplit completions bash
    Completions(CompletionsArgs),
    /// The man page: resplit man | man -l -
    Man,
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
    /// Send a request for every rule of the host, and judge each rule; the whole is wrong as rarely as one run is
    ///
    /// Each alternative of a rule, what falls through it, and what no rule takes have a request of their own, found as by
    /// explain --all-rules. Rules with one target take a few requests, splits what their verdict takes; -n and
    /// --max-requests are shared by all.
    #[arg(
        long,
        requires = "filename",
        conflicts_with = "expect",
        help_heading = "Expectation"
    )]
    pub(super) all_rules: bool,
    #[command(flatten)]
    pub(super) proxy: ProxyAdminArgs,
    #[command(flatten)]
    pub(super) judgement: JudgementArgs,
    #[command(flatten)]
    pub(super) objectives: SloArgs,
    #[command(flatten)]
    pub(super) load: LoadArgs,
    #[command(flatten)]
    pub(super) generator: GeneratorArgs,
    #[command(flatten)]
    pub(super) request: RequestArgs,
    #[command(flatten)]
    pub(super) sidecar: SidecarArgs,
    #[command(flatten)]
    pub(super) output: OutputArgs,
    /// A value that differs from request to request, for {{NAME}} in URL, headers and body (repeatable)
    ///
    /// @FILE has a value in each line, 1..1000 counts from the one to the other, seq counts up from 1; each begins again at its
    /// end. uuid and random:N (N letters and digits) are drawn with --seed. Each value is resolved by itself, and values that
    /// take different rules are judged rule by rule. Where a hash of the request picks the target (hash_policy in a config
    /// dump), keys are judged: whether each stays with its target, and how they are split.
    #[arg(long, value_name = "NAME=SOURCE", conflicts_with = "debug", value_parser = |text: &str| text.parse::<Variable>(), help_heading = "Request")]
    pub(super) vary: Vec<Variable>,
    /// So many users take turns, each with the cookies that it was given; whether each stays with its target is judged
    #[arg(
        long,
        value_name = "N",
        conflicts_with = "debug",
        help_heading = "Request"
    )]
    pub(super) sessions: Option<Count>,
    /// Send one request and show it, its response and what they are counted as; nothing is judged (secrets are masked)
    #[arg(long, help_heading = "Output")]
    pub(super) debug: bool,
    /// Write a line of JSON for each request while the run goes on; compressed where FILE ends in .gz
    #[arg(
        long,
        value_name = "FILE",
        help_heading = "Output",
        conflicts_with = "debug"
    )]
    pub(super) log: Option<PathBuf>,
    /// Something to find the report by, as in build=42 (repeatable; saved with it)
    #[arg(long, value_name = "KEY=VALUE", help_heading = "Output")]
    pub(super) label: Vec<String>,
}

/// The options of `completions`.
#[derive(Debug, Args)]
pub(super) struct CompletionsArgs {
    /// The shell
    #[arg(value_enum, value_name = "SHELL")]
    pub(super) shell: Shell,
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::units::Count;

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
