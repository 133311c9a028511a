//! The request of a saved run, read from the command that its report records: what manifests declare depends on the request.

use std::ffi::OsString;

use clap::FromArgMatches;

use super::args::{Cli, Command, RunArgs};
use super::expectation::Declared;
use super::failure::Failure;
use super::request::{RequestConfig, request};
use super::secrets::{MASK, masked_name, masked_parameters};
use super::{command_line, help};
use crate::report::Report;
use crate::route::{Test, resolve};

/// What to do where manifests cannot tell.
const HELP: &str = "declare the split with --expect NAME=WEIGHT,…, or send the run again with -f";

/// A request as far as it was saved.
pub(super) struct RecordedRequest {
    /// The request, without the headers whose values are masked.
    pub(super) request: RequestConfig,
    /// Headers and query parameters whose values were not saved.
    masked: Vec<String>,
}

impl RecordedRequest {
    /// The request of the report with this name; of a merged one that of its first part.
    pub(super) fn of(name: &str, report: &Report) -> Result<Self, Failure> {
        let mut report = report;
        while let Some(part) = report.parts.first() {
            report = &part.report;
        }
        let typed = report.record.argv.iter().map(OsString::from).collect();
        let mut args = run_args(typed).ok_or_else(|| {
            let message = format!("`{name}` does not say which request was sent");
            Failure::usage(message, HELP)
        })?;
        let mut masked = Vec::new();
        args.request
            .header
            .retain(|field| match masked_name(field) {
                Some(header) => {
                    masked.push(header.to_ascii_lowercase());
                    false
                }
                None => true,
            });
        let mut url = args.url.or(args.respy_url).unwrap_or_default();
        let user = format!("{MASK}@");
        if args.request.auth.take().is_some() || url.contains(&user) {
            masked.push("authorization".to_owned());
            url = url.replacen(&user, "", 1);
        }
        masked.extend(masked_parameters(&url).map(str::to_owned));
        let request = request(&url, &args.request)?;
        Ok(Self { request, masked })
    }

    /// Refuses a declaration that depends on a value which was not saved.
    pub(super) fn check(&self, name: &str, declared: &Declared) -> Result<(), Failure> {
        let Some(asked) = &declared.asked else {
            return Ok(());
        };
        let Ok(resolution) = resolve(&asked.routes.table, &asked.probe) else {
            return Ok(());
        };
        let mut conditions = resolution
            .host
            .routes
            .iter()
            .flat_map(|route| &route.conditions);
        let hidden = |test: &Test| {
            let field = match test {
                Test::Header(header) => header.name.as_str(),
                Test::Query { name, .. } | Test::NoQuery(name) => name,
                Test::Cookie { .. } => "cookie",
                _ => return false,
            };
            self.masked.iter().any(|masked| masked == field)
        };
        match conditions.find(|condition| hidden(&condition.test)) {
            None => Ok(()),
            Some(condition) => Err(Failure::usage(
                format!(
                    "`{name}` holds no secrets, and the rules ask for one: `{}` ({})",
                    condition.field,
                    asked.routes.sources.place(condition.span)
                ),
                HELP,
            )),
        }
    }
}

/// The options of the run that a command line asks for.
fn run_args(typed: Vec<OsString>) -> Option<RunArgs> {
    let typed = command_line::read(typed).ok()?;
    let matches = help::command().try_get_matches_from(typed).ok()?;
    let cli = Cli::from_arg_matches(&matches).ok()?;
    match cli.command {
        None => Some(cli.run),
        Some(Command::Run(args)) => Some(*args),
        Some(_) => None,
    }
}
