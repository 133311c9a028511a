//! `resplit lint`: why a split in these manifests would not take effect. Nothing is sent.

use std::path::{Path, PathBuf};

use super::args::LintArgs;
use super::config;
use super::exit::Exit;
use super::expectation;
use super::failure::Failure;
use super::proxy_admin::whole_dump;
use super::report_output::to_stdout;
use super::request::optional;
use super::url::shown;
use super::{gateway, input, output};
use crate::diag::Severity;
use crate::lint::allow::{Denied, Levels, UnknownRule, rule};
use crate::lint::{Context, check};
use crate::manifest::parse;
use crate::report::lint::{Findings, LINT_FORMATS, checked, explain, list};

/// Looks at the manifests and writes what was found to stdout.
pub(super) fn run(args: LintArgs) -> Result<Exit, Failure> {
    if args.rules || args.explain.is_some() {
        return tell(args.explain.as_deref());
    }
    let live = whole_dump(args.proxy.proxy_admin.as_ref(), false);
    let (url, files) = sorted(args.words, args.filename, live.is_some())?;
    let levels = levels(&args.allow, &args.deny)?;
    let vantage = config::vantage(&args.vantage)?;
    let asked = optional("lint", url, &args.request, true)?;
    let probe = asked.as_ref().map(expectation::probe);
    let mut sources = input::manifests(&files)?;
    if let Some(dump) = live {
        dump.add_to(&mut sources);
    }
    let (manifests, mut problems) = parse(&sources);
    let vantage = gateway::looked_up(&vantage, &manifests)?;
    if problems
        .iter()
        .all(|problem| problem.severity != Severity::Error)
    {
        // Files without a rule are a part of every folder; what is not read at all is a mistake.
        let mistaken = manifests.objects.is_empty() || !manifests.not_read.is_empty();
        problems.extend(
            manifests
                .without_rules()
                .filter(|_| mistaken)
                .map(|none| none.help("pass the file that declares the split with -f too")),
        );
    }
    let from = &args.vantage;
    let chosen = from.gateway.is_some()
        || from.from_namespace.is_some()
        || from.waypoint
        || !from.from_labels.is_empty();
    let context = if chosen {
        Context::from(&sources, &manifests, &problems, &vantage)
    } else {
        Context::everywhere(&sources, &manifests, &problems, &vantage)
    };
    let context = match &probe {
        Some(probe) => context.with_request(&vantage, probe),
        None => context,
    };
    let findings = levels.apply(check(&context), &sources);
    let denied = findings.iter().filter(|finding| levels.denies(finding));
    let errors = findings
        .iter()
        .filter(|finding| finding.severity() == Severity::Error);
    let report = Findings {
        findings: &findings,
        sources: &sources,
        checked: checked(&context),
        denied: denied.count() - errors.count(),
    };
    let format = LINT_FORMATS
        .iter()
        .find(|format| format.name == args.output);
    let format = format.expect("clap knows the formats");
    let colour = output::colour_on_stdout(args.color);
    let mut bytes = Vec::new();
    to_stdout((format.render)(&report, colour, &mut bytes).map(|()| bytes))?;
    Ok(if findings.iter().any(|finding| levels.denies(finding)) {
        Exit::Diverged
    } else {
        Exit::Pass
    })
}

/// Which words are manifests, and which is the request: a URL has a scheme, or a port and no file of that name.
fn sorted(
    words: Vec<String>,
    mut files: Vec<PathBuf>,
    live: bool,
) -> Result<(Option<String>, Vec<PathBuf>), Failure> {
    let mut url = None;
    for word in words {
        let request = word.contains("://") || word.contains(':') && !Path::new(&word).exists();
        if !request {
            files.push(PathBuf::from(word));
        } else if let Some(before) = url.replace(word) {
            return Err(Failure::usage(
                format!(
                    "two requests are given, and one of them is `{}`",
                    shown(&before)
                ),
                "lint looks at one request at a time",
            ));
        }
    }
    if files.is_empty() && !live {
        return Err(Failure::usage(
            "no manifests are given",
            "name files or folders: resplit lint manifests/",
        ));
    }
    Ok((url, files))
}

/// The rules, or one of them.
fn tell(word: Option<&str>) -> Result<Exit, Failure> {
    let mut bytes = Vec::new();
    let written = match word {
        Some(word) => explain(
            rule(word).map_err(|error| unknown("--explain", &error))?,
            &mut bytes,
        ),
        None => list(&mut bytes),
    };
    to_stdout(written.map(|()| bytes))?;
    Ok(Exit::Pass)
}

/// `--allow` and `--deny`.
fn levels(allow: &[String], deny: &[String]) -> Result<Levels, Failure> {
    let mut levels = Levels::default();
    for word in allow {
        let rule = rule(word).map_err(|error| unknown("--allow", &error))?;
        levels.allowed.push(rule.code);
    }
    for word in deny {
        levels.denied.push(match word.as_str() {
            "error" => Denied::From(Severity::Error),
            "warning" | "warnings" => Denied::From(Severity::Warning),
            "info" | "note" => Denied::From(Severity::Info),
            word => Denied::Rule(rule(word).map_err(|error| unknown("--deny", &error))?.code),
        });
    }
    let both = |denied: &&Denied| matches!(denied, Denied::Rule(id) if levels.allowed.contains(id));
    if let Some(Denied::Rule(id)) = levels.denied.iter().find(both) {
        return Err(Failure::usage(
            format!("{} is both allowed and denied", id.id()),
            "keep one of --allow and --deny for it",
        ));
    }
    Ok(levels)
}

fn unknown(option: &str, error: &UnknownRule) -> Failure {
    let help = match error.nearest {
        Some(near) => format!("did you mean `{near}`? `resplit lint --rules` lists the rules"),
        None => "`resplit lint --rules` lists the rules".to_owned(),
    };
    Failure::usage(format!("{option}: {error}"), help)
}
