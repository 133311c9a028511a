//! The file of checks: what is run under which name, and what a caller may choose.

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::time::Duration;

use clap::parser::ValueSource;
use serde::Deserialize;

use super::super::config::{Declaration, RunConfig};
use super::super::failure::Failure;
use super::super::load_plan::planned;
use super::super::{expectation, help, input, understood};
use super::template;
use crate::units::Period;
use crate::verdict::mapping::Mapping;

/// How long a call waits for its verdict: less than the 10 s that Flagger and Argo Rollouts wait where nothing else is said.
const WAIT: Duration = Duration::from_secs(8);
/// How long a check may take.
const LIMIT: Duration = Duration::from_secs(600);
/// Options that a check cannot have, since they say where a report goes, or are about this process.
const REFUSED: [&str; 10] = [
    "output",
    "report",
    "debug",
    "generator",
    "start_at",
    "wait_proxy",
    "quit_proxy",
    "proxy_ready_url",
    "proxy_quit_url",
    "quiet",
];

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct File {
    checks: BTreeMap<String, Entry>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Entry {
    urls: Vec<String>,
    #[serde(default)]
    options: Vec<String>,
    wait: Option<String>,
    limit: Option<String>,
}

/// A check that can be called by its name.
#[derive(Debug)]
pub(super) struct Check {
    /// The URLs that a caller may choose from; the first is the usual one.
    urls: Vec<String>,
    /// Options of `run`, with places for what a caller chooses.
    options: Vec<String>,
    /// How long a call waits for the verdict.
    pub(super) wait: Duration,
    /// How long the check may take.
    pub(super) limit: Duration,
}

/// Why a call is refused.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Refused {
    /// It does not say what it has to, or in another way.
    Args(String),
    /// It chooses a URL that is not one of the check.
    Url,
}

impl Check {
    /// The options of a run, its URL last.
    pub(super) fn command(&self, args: &BTreeMap<String, String>) -> Result<Vec<String>, Refused> {
        let url = match args.get("url") {
            Some(url) => self
                .urls
                .iter()
                .find(|own| *own == url)
                .ok_or(Refused::Url)?,
            None => &self.urls[0],
        };
        let filled = self
            .options
            .iter()
            .map(|option| template::filled(option, args));
        let mut words: Vec<String> = filled.collect::<Result<_, _>>().map_err(Refused::Args)?;
        words.extend(["--".to_owned(), url.clone()]);
        Ok(words)
    }

    /// Whether a caller chooses more than a URL.
    pub(super) fn takes_args(&self) -> bool {
        template::samples(&self.options).is_ok_and(|places| !places.is_empty())
    }
}

/// Reads the checks, each of which has to make sense with any number in the place of what a caller chooses.
pub(super) fn read(path: &Path) -> Result<BTreeMap<String, Check>, Failure> {
    let name = path.display().to_string();
    let text = String::from_utf8(input::bytes(path, input::Content::Checks)?);
    let wrong = |what: String| {
        Failure::usage(
            format!("`{name}`: {what}"),
            "a check has urls, and options of `resplit run`, wait and limit where needed",
        )
    };
    let text = text.map_err(|_| wrong("it is not UTF-8 text".to_owned()))?;
    let file: File = serde_saphyr::from_str(&text).map_err(|error| wrong(error.to_string()))?;
    if file.checks.is_empty() {
        return Err(wrong("it has no checks".to_owned()));
    }
    let checks = file.checks.into_iter().map(|(name, entry)| {
        let check = check(&name, entry).map_err(|what| wrong(format!("check `{name}`: {what}")))?;
        Ok((name, check))
    });
    checks.collect()
}

fn check(name: &str, entry: Entry) -> Result<Check, String> {
    let letters = |c: char| c.is_ascii_alphanumeric() || "-_.".contains(c);
    if name.is_empty() || !name.chars().all(letters) {
        return Err("its name has other letters than a-z, A-Z, 0-9, -, _ and .".to_owned());
    }
    if entry.urls.is_empty() {
        return Err("it has no urls".to_owned());
    }
    let time = |text: Option<String>, usual: Duration| match text {
        None => Ok(usual),
        Some(text) => match text.parse() {
            Ok(Period(time)) if !time.is_zero() => Ok(time),
            _ => Err(format!("`{text}` is not a time: write it as 30s or 2m")),
        },
    };
    let check = Check {
        urls: entry.urls,
        options: entry.options,
        wait: time(entry.wait, WAIT)?,
        limit: time(entry.limit, LIMIT)?,
    };
    for url in &check.urls {
        let mut args = template::samples(&check.options)?;
        args.insert("url".to_owned(), url.clone());
        let words = check
            .command(&args)
            .map_err(|refused| format!("{refused:?}"))?;
        makes_sense(&words)?;
    }
    Ok(check)
}

/// Whether a run with these options is refused for what they say, although the manifests that they name can be read.
pub(super) fn is_refused(words: &[String]) -> bool {
    let Ok(Some(config)) = run(words) else {
        return true;
    };
    let declared = match &config.declared {
        Declaration::Manifests(paths, _) if !is_readable(paths) => return false,
        _ => expectation::resolve(&config, None),
    };
    let Ok(declared) = declared else {
        return true;
    };
    let split = declared.as_ref().map(expectation::Declared::expected);
    split.is_some_and(|split| Mapping::derive(split, &config.map, []).is_err())
        || planned(&config.load, &config.request, split, &config.policy).is_err()
}

/// Whether there is anything in the manifests, whoever asks.
fn is_readable(paths: &[PathBuf]) -> bool {
    let texts = input::manifests(paths);
    texts.is_ok_and(|texts| expectation::is_readable(&texts))
}

fn typed(words: &[String]) -> Vec<OsString> {
    let typed = ["resplit", "run"].into_iter().map(OsString::from);
    typed.chain(words.iter().map(OsString::from)).collect()
}

fn run(words: &[String]) -> Result<Option<RunConfig>, String> {
    understood(typed(words))
}

fn makes_sense(words: &[String]) -> Result<(), String> {
    run(words).map_err(|problem| {
        // It stands within another message, which has its own help.
        let message = problem.split("\nhelp: ").next().unwrap_or_default();
        message.trim_start_matches("error: ").trim_end().to_owned()
    })?;
    let matches = help::whole().try_get_matches_from(typed(words));
    let matches = matches.map_err(|error| error.to_string())?;
    let run = matches
        .subcommand_matches("run")
        .ok_or("it asks for help")?;
    let refused = REFUSED
        .iter()
        .find(|id| run.value_source(id) == Some(ValueSource::CommandLine));
    match refused {
        Some(id) => Err(format!("a check cannot have --{}", id.replace('_', "-"))),
        None => Ok(()),
    }
}
