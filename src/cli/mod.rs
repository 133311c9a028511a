//! The shell around the core: options, files, the terminal, exit codes.

mod advice;
mod all_rules;
mod args;
mod cases;
mod cluster_bucket;
mod command_line;
mod complete;
mod config;
mod credentials;
mod deadline;
mod debug;
mod demo;
mod endpoints;
mod examples;
mod exit;
mod expectation;
mod explain;
mod failure;
mod foreign_flags;
mod gateway;
mod generator;
mod grpc;
mod help;
mod http_service;
mod input;
mod instrument;
mod interrupt;
mod job;
mod judge;
mod lint;
mod lint_notes;
mod live;
mod load_config;
mod load_plan;
mod log_file;
mod monitor;
mod output;
mod plain_http;
mod progress;
mod proxy;
mod proxy_admin;
mod record;
mod recorded_request;
mod relations;
mod report;
mod report_output;
mod request;
mod request_template;
mod run;
mod saved_reports;
mod secrets;
mod serve;
mod settle;
mod sidecar;
mod signals;
mod size;
mod slo;
mod test;
mod transport;
mod unidentified;
mod url;
mod user_cookies;
mod varied;
mod varied_requests;
mod vary;
mod vary_run;
mod wait;

use std::ffi::OsString;
use std::io::{self, Write};

use clap::FromArgMatches;

use args::{Cli, Command};
use config::RunConfig;
pub use exit::{Exit, table as exit_table};
use failure::Failure;

/// Runs the command line of this process and returns its exit code.
#[must_use]
pub fn main() -> u8 {
    let typed: Vec<OsString> = std::env::args_os().collect();
    signals::outlive_limits_of_files();
    sidecar::quit_at_the_end(&typed);
    let code = carried_out(typed);
    sidecar::quit();
    code
}

/// Reads a command line, does what it says, and returns the exit code.
fn carried_out(typed: Vec<OsString>) -> u8 {
    let typed = match command_line::read(typed) {
        Ok(typed) => typed,
        Err(failure) => return failed(&failure).code(),
    };
    let matches = help::command().try_get_matches_from(&typed);
    let cli = match matches.and_then(|matches| Cli::from_arg_matches(&matches)) {
        Ok(cli) => cli,
        Err(error) => {
            return match command_line::explain(&error, &typed) {
                Some(failure) => failed(&failure).code(),
                None => misunderstood(&error),
            };
        }
    };
    dispatch(cli, &typed)
        .unwrap_or_else(|failure| failed(&failure))
        .code()
}

/// Whether a command line is understood, without carrying it out: for the examples of the documentation. The problem is what
/// would be printed.
pub fn understand(typed: Vec<OsString>) -> Result<(), String> {
    understood(typed).map(drop)
}

/// The run that a command line asks for, if it is one.
fn understood(typed: Vec<OsString>) -> Result<Option<RunConfig>, String> {
    let typed = command_line::read(typed).map_err(|failure| failure.render())?;
    let matches = match help::command().try_get_matches_from(&typed) {
        Err(error) if !error.use_stderr() => return Ok(None),
        matches => matches,
    };
    let cli = matches.and_then(|matches| Cli::from_arg_matches(&matches));
    let cli = cli.map_err(|error| {
        let failure = command_line::explain(&error, &typed);
        failure.map_or_else(|| error.to_string(), |failure| failure.render())
    })?;
    let run = match cli.command {
        None => Some(cli.run),
        Some(Command::Run(args)) => Some(*args),
        Some(_) => None,
    };
    let config = run.map(RunConfig::try_from).transpose();
    config.map_err(|failure| failure.render())
}

/// Says why there is no report.
fn failed(failure: &Failure) -> Exit {
    warn(&failure.render());
    failure.exit()
}

/// What clap says, in the form of all other errors; `--help` and `--version` go to stdout and are no failure.
fn misunderstood(error: &clap::Error) -> u8 {
    if !error.use_stderr() {
        let printed = error.print().and_then(|()| io::stdout().flush());
        return match printed {
            Err(source) if source.kind() != io::ErrorKind::BrokenPipe => {
                let path = failure::STDOUT.to_owned();
                failed(&Failure::Write { path, source }).code()
            }
            _ => Exit::Pass.code(),
        };
    }
    let text = if output::colour_on_stderr() {
        error.render().ansi().to_string()
    } else {
        error.render().to_string()
    };
    let text = text
        .trim_end()
        .trim_end_matches("For more information, try '--help'.");
    let text = text.trim_end_matches(|c: char| !c.is_ascii_graphic());
    warn(&format!(
        "{text}\n\nhelp: `resplit --help` explains every option\n"
    ));
    Exit::Usage.code()
}

fn dispatch(cli: Cli, typed: &[OsString]) -> Result<Exit, Failure> {
    match cli.command {
        None => sent(RunConfig::typed(cli.run, typed)?),
        Some(Command::Run(args)) => sent(RunConfig::typed(*args, typed)?),
        Some(Command::Endpoints(args)) => endpoints::run(&args),
        Some(Command::Instrument(args)) => instrument::run(&args),
        Some(Command::Lint(args)) => lint::run(*args),
        Some(Command::Size(args)) => size::run(*args),
        Some(Command::Explain(args)) => explain::run(&args),
        Some(Command::Judge(args)) => judge::run(&args),
        Some(Command::Serve(args)) => serve::run(&args),
        Some(Command::Monitor(args)) => monitor::run(*args),
        Some(Command::Job(args)) => job::run(*args, typed),
        Some(Command::Report(args)) => report::run(*args),
        Some(Command::Completions(args)) => complete::completions(&args),
        Some(Command::Man) => complete::man(),
        Some(Command::Demo(args)) => demo::run(args),
        Some(Command::Test(args)) => test::run(*args),
        Some(Command::Wait) => Ok(wait::run()),
    }
}

fn sent(config: RunConfig) -> Result<Exit, Failure> {
    let config = &cluster_bucket::fitted(config)?;
    if config.all_rules {
        all_rules::run(config)
    } else if !config.vary.is_empty() || config.sessions.is_some() {
        vary_run::run(config)
    } else if config.debug {
        debug::run(config)
    } else {
        run::run(config)
    }
}

/// Writes a message to stderr; when nobody reads it, that is no error.
fn warn(text: &str) {
    let text = output::printable(text.as_bytes(), output::colour_on_stderr());
    to_stderr(&text);
}

/// Writes to stderr as it is.
fn to_stderr(text: &[u8]) {
    let _ = io::stderr().lock().write_all(text);
}
