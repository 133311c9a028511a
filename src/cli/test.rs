//! `resplit test`: suites of requests against manifests, and against what `--live` sends them to.

use std::borrow::Cow;
use std::collections::BTreeSet;
use std::path::{Component, Path, PathBuf};

use super::args::{Inconclusive, TestArgs};
use super::config;
use super::exit::Exit;
use super::failure::Failure;
use super::live::{Checked, Live};
use super::report_output::to_stdout;
use super::{gateway, input, output, warn};
use crate::diag::render::render;
use crate::diag::{Note, Severity, Sources};
use crate::manifest::{dump_as_json, parse};
use crate::report::suite::{CaseRow, SuiteReport, TEST_FORMATS, TestFormat, TestReport};
use crate::route::Vantage;
use crate::suite::{Case, MatchedRule, Outcome, Suite, World, decode, write};
use crate::units::counted;

/// Checks the suites, or writes one.
pub(super) fn run(mut args: TestArgs) -> Result<Exit, Failure> {
    // What stands behind --live is a suite where it is the path of one.
    if let Some(path) = args.live.live.take_if(|typed| Path::new(typed).exists()) {
        args.suites.insert(0, PathBuf::from(path));
        args.live.live = Some(String::new());
    }
    let args = args;
    if args.init {
        return init(&args);
    }
    if args.suites.is_empty() {
        return Err(Failure::usage(
            "no suite is given",
            "name files or folders: resplit test SUITE.yaml, or write one with resplit test --init -f manifests/ SUITE.yaml",
        ));
    }
    let files = args
        .report
        .iter()
        .map(|text| file(text))
        .collect::<Result<Vec<_>, _>>()?;
    let mut live = Live::of(&args)?;
    let inconclusive = live.as_ref().and_then(Live::inconclusive);
    let (mut report, stopped) = checked(&args, live.as_mut())?;
    if let Some(live) = live {
        live.send(&mut report, stopped)?;
    }
    for (format, path) in files {
        let mut bytes = Vec::new();
        let written = (format.render)(&report, false, &mut bytes);
        written
            .and_then(|()| output::deliver(&path, &bytes))
            .map_err(|source| Failure::Write {
                path: path.display().to_string(),
                source,
            })?;
    }
    let format = TEST_FORMATS
        .iter()
        .find(|format| format.name == args.output);
    let format = format.expect("clap knows the formats");
    let mut bytes = Vec::new();
    let written = (format.render)(&report, output::colour_on_stdout(args.color), &mut bytes);
    to_stdout(written.map(|()| bytes))?;
    Ok(match (report.outcome(), inconclusive) {
        (Outcome::Fail, _) | (Outcome::Inconclusive, Some(Inconclusive::Fail)) => Exit::Diverged,
        (Outcome::NoData, _) => Exit::NoData,
        (Outcome::Inconclusive, None) => Exit::Inconclusive,
        _ => Exit::Pass,
    })
}

/// `junit=tests.xml`
fn file(text: &str) -> Result<(&'static TestFormat, PathBuf), Failure> {
    let pair = text.split_once('=');
    let known = pair.and_then(|(name, path)| {
        let format = TEST_FORMATS.iter().find(|format| format.name == name)?;
        Some((format, PathBuf::from(path)))
    });
    known.ok_or_else(|| {
        let names: Vec<&str> = TEST_FORMATS.iter().map(|format| format.name).collect();
        Failure::usage(
            format!("`{text}` is not a valid report"),
            format!(
                "write it as FORMAT=PATH, where FORMAT is one of {}",
                names.join(", ")
            ),
        )
    })
}

/// What the manifests make of the cases, and whether the first that fails has ended it. Those that can be sent are noted.
fn checked(args: &TestArgs, mut live: Option<&mut Live>) -> Result<(TestReport, bool), Failure> {
    let sources = input::manifests(&args.suites)?;
    let mut report = TestReport {
        fail_under: args.fail_under,
        ..TestReport::default()
    };
    let given = from(args)?;
    let mut stopped = false;
    let mut worlds: Vec<(Vec<PathBuf>, World, BTreeSet<String>)> = Vec::new();
    for (id, source) in sources.iter() {
        let (suite, problems) = decode(&sources, id);
        refuse(
            &problems,
            &sources,
            "there is a problem in the suite",
            args.quiet,
        )?;
        // A file without a suite has a problem.
        let Some(suite) = suite else { continue };
        let paths = manifests(args, &suite, source.name())?;
        let known = worlds.iter().position(|(known, ..)| *known == paths);
        let at = known.unwrap_or(worlds.len());
        if known.is_none() {
            let world = world(&paths, args.quiet)?;
            worlds.push((paths, world, BTreeSet::new()));
        }
        let (_, world, taken) = &mut worlds[at];
        let given = given
            .as_ref()
            .map(|from| gateway::looked_up(from, &world.manifests))
            .transpose()?;
        let mut rows = SuiteReport {
            name: source.name().to_owned(),
            cases: Vec::new(),
        };
        for case in &suite.cases {
            if stopped || !meant(case, &args.only) {
                report.left_out += 1;
                continue;
            }
            let case = with_vantage(case, given.as_ref());
            let verdict = world.check(&case, suite.strict);
            let rule = verdict
                .actual
                .as_ref()
                .and_then(|actual| actual.rule.as_ref());
            taken.extend(rule.map(MatchedRule::full));
            let mut row = CaseRow::new(&case, &verdict);
            if let Some(live) = &mut live {
                let checked = Checked {
                    place: (report.suites.len(), rows.cases.len()),
                    case: &case,
                    actual: verdict.actual.as_ref(),
                    world: (at, world),
                };
                live.add(&mut row, &checked)?;
            }
            stopped = args.fail_fast && row.failed();
            rows.cases.push(row);
        }
        report.suites.push(rows);
    }
    let cases = report.suites.iter().map(|suite| suite.cases.len());
    if cases.sum::<usize>() == 0 && !args.only.is_empty() {
        return Err(Failure::usage(
            format!("no case has `{}` in its name", args.only.join("` or `")),
            "resplit test without --only lists the names",
        ));
    }
    for (_, world, taken) in &worlds {
        report.coverage.add(world.coverage(taken));
    }
    Ok((report, stopped))
}

/// Whether a case is one of those that are asked for.
fn meant(case: &Case, only: &[String]) -> bool {
    only.is_empty() || only.iter().any(|text| case.name.contains(text.as_str()))
}

/// The case from where the command line says, if it does.
fn with_vantage<'c>(case: &'c Case, given: Option<&Vantage>) -> Cow<'c, Case> {
    match given {
        Some(from) => Cow::Owned(Case {
            from: Some(from.clone()),
            ..case.clone()
        }),
        None => Cow::Borrowed(case),
    }
}

/// The vantage of the command line, where one was typed.
fn from(args: &TestArgs) -> Result<Option<Vantage>, Failure> {
    let typed = &args.vantage;
    let chosen = typed.gateway.is_some()
        || typed.from_namespace.is_some()
        || typed.waypoint
        || typed.istio_version.is_some()
        || typed.implementation.is_some()
        || !typed.from_labels.is_empty();
    chosen.then(|| config::vantage(typed)).transpose()
}

/// The manifests of a suite: those of the command line, else those that it names, which are beside it.
fn manifests(args: &TestArgs, suite: &Suite, name: &str) -> Result<Vec<PathBuf>, Failure> {
    if !args.filename.is_empty() {
        return Ok(args.filename.clone());
    }
    if suite.manifests.is_empty() {
        return Err(Failure::usage(
            format!("`{name}` names no manifests"),
            "name them in the suite (`manifests:`), or with -f",
        ));
    }
    let folder = Path::new(name).parent().unwrap_or(Path::new(""));
    Ok(suite
        .manifests
        .iter()
        .map(|path| folder.join(path))
        .collect())
}

/// What the manifests of these paths hold. Routes of Envoy may be written as YAML here.
fn world(paths: &[PathBuf], quiet: bool) -> Result<World, Failure> {
    let read = input::manifests(paths)?;
    let mut sources = Sources::new();
    for (_, source) in read.iter() {
        match dump_as_json(source.text()) {
            Some(text) => sources.add(source.name(), text),
            None => sources.add(source.name(), source.text()),
        };
    }
    let (manifests, problems) = parse(&sources);
    refuse(
        &problems,
        &sources,
        "there is a problem in the manifests",
        quiet,
    )?;
    Ok(World::new(sources, manifests))
}

/// Fails where a problem is an error, and shows the others.
fn refuse(problems: &[Note], sources: &Sources, message: &str, quiet: bool) -> Result<(), Failure> {
    if problems.is_empty() {
        return Ok(());
    }
    let text = render(problems, sources, output::colour_on_stderr());
    if problems
        .iter()
        .any(|problem| problem.severity == Severity::Error)
    {
        return Err(Failure::Manifests {
            problems: text,
            message: message.to_owned(),
            help: "correct what is marked".to_owned(),
        });
    }
    if !quiet {
        warn(&format!("{text}\n"));
    }
    Ok(())
}

/// Writes a suite of what the manifests declare.
fn init(args: &TestArgs) -> Result<Exit, Failure> {
    if args.suites.len() > 1 {
        return Err(Failure::usage(
            "--init writes one suite, and several files are given",
            "name the file to write: resplit test --init -f manifests/ SUITE.yaml",
        ));
    }
    let world = world(&args.filename, args.quiet)?;
    let from = from(args)?
        .map(|from| gateway::looked_up(&from, &world.manifests))
        .transpose()?;
    let target = args.suites.first();
    let folder = target
        .and_then(|path| path.parent())
        .unwrap_or(Path::new(""));
    let paths: Vec<String> = args
        .filename
        .iter()
        .map(|path| relative(path, folder))
        .collect();
    let written = write(&world, &paths, from.as_ref());
    if written.cases == 0 {
        return Err(Failure::usage(
            "the manifests declare no rule that a request could meet",
            "pass the files with the rules with -f, and a vantage with --gateway or --from-namespace where it matters",
        ));
    }
    let Some(path) = target else {
        to_stdout(Ok(written.text.into_bytes()))?;
        return Ok(Exit::Pass);
    };
    if output::exists(path) {
        return Err(Failure::usage(
            format!("`{}` exists already", path.display()),
            "name another file, or remove this one first",
        ));
    }
    let delivered = output::deliver(path, written.text.as_bytes());
    delivered.map_err(|source| Failure::Write {
        path: path.display().to_string(),
        source,
    })?;
    if !args.quiet {
        let cases = counted(written.cases as u64, "case");
        warn(&format!("{}: {cases}\n", path.display()));
    }
    Ok(Exit::Pass)
}

/// A path as it is named from a folder.
fn relative(path: &Path, folder: &Path) -> String {
    if path.is_absolute() || folder.as_os_str().is_empty() {
        return path.display().to_string();
    }
    if let Ok(below) = path.strip_prefix(folder) {
        return below.display().to_string();
    }
    let plain = |part: Component<'_>| matches!(part, Component::Normal(_));
    if folder.components().all(plain) {
        let up: PathBuf = folder.components().map(|_| "..").collect();
        return up.join(path).display().to_string();
    }
    let whole = std::path::absolute(path);
    whole.map_or_else(
        |_| path.display().to_string(),
        |whole| whole.display().to_string(),
    )
}
