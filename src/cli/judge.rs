//! `resplit judge`: the verdict on counts from elsewhere. Nothing is sent.

use std::path::Path;

use super::args::JudgeArgs;
use super::config;
use super::exit::Exit;
use super::failure::Failure;
use super::report_output::{exit, writable, write_report};
use super::{input, slo};
use crate::counts::{self, Counts, CountsError, Selection, access_log, lines, prometheus};
use crate::observe::Observation;
use crate::report::{Declaration, KnownNotes, Report, Request, SavedObservation};
use crate::split::Bucket;
use crate::verdict::attribution::Attribution;
use crate::verdict::mapping::{Mapping, MappingError};
use crate::verdict::{Evidence, Number, Outcome, Policy, judge};

/// Reads the counts, judges them and writes the report.
pub(super) fn run(args: &JudgeArgs) -> Result<Exit, Failure> {
    let slos = slo::read(&args.objectives.slo)?;
    slo::refuse_between_runs(&slos)?;
    let (expected, odd) = config::weights(&args.expect)?;
    slo::check_declared(&slos, &expected)?;
    let to = config::output(args.output.clone())?;
    writable(&to)?;
    let (source, counts) = counted(args)?;
    let seen = counts.observation().map_err(refused)?;
    slo::check_measured(&slos, args.objectives.require_healthy, &seen)?;
    let mapping = Mapping::derive(&expected, &args.map, seen.tallies.keys())
        .map_err(|error| unmapped(error, &seen))?;
    let sorted = Attribution::new(&seen, Some((&expected, &mapping)));
    let policy = Policy {
        number: Number::Fixed,
        require_healthy: args.objectives.require_healthy,
        ..config::policy(&args.judgement, 0)
    };
    let evidence = Evidence {
        declared: Some((&expected, &mapping)),
        seen: &seen,
        attribution: &sorted,
        hypotheses: &[],
        key: None,
    };
    let mut verdict = judge(evidence, &policy, None);
    if verdict.outcome == Outcome::NoData {
        verdict.reason = format!("{source} has no responses to count");
    }
    let healthy = policy.require_healthy;
    let verdict = slo::decide(&slos, healthy, verdict, &sorted, &seen, Some(&expected))?;
    let known = KnownNotes {
        notes: odd
            .into_iter()
            .chain(counts.notes)
            .chain([counts::caveat()])
            .collect(),
        ..KnownNotes::default()
    };
    let (declaration, intervals) = (Declaration::of(expected.clone(), None), verdict.intervals);
    let observation =
        SavedObservation::new(seen, Some((&expected, mapping)), false, &policy, intervals);
    let nothing_sent = Request {
        url: String::new(),
        method: String::new(),
        host: String::new(),
    };
    let report = Report {
        counted_in: Some(source),
        ..Report::new(
            nothing_sent,
            policy,
            Some(declaration),
            observation,
            verdict,
            known,
        )
    };
    write_report(&report, &to, None)?;
    Ok(exit(&report.verdict, args.judgement.inconclusive))
}

/// Where the counts come from, and the counts.
fn counted(args: &JudgeArgs) -> Result<(String, Counts), Failure> {
    let selection = Selection {
        by: args.by.clone(),
        only: args
            .only
            .iter()
            .map(|text| pair(text))
            .collect::<Result<_, _>>()?,
    };
    let (source, counts) = if let Some(path) = &args.access_log {
        (name(path), access_log::read(&text(path)?, &selection))
    } else if !args.prometheus.is_empty() {
        let files = args.prometheus.iter();
        let texts: Vec<String> = files
            .clone()
            .map(|path| text(path))
            .collect::<Result<_, _>>()?;
        let names: Vec<String> = files.map(|path| name(path)).collect();
        (
            names.join(" to "),
            prometheus::read(&texts, &args.metric, &selection),
        )
    } else if args.counts == ["-"] {
        let stdin = Path::new("-");
        (name(stdin), lines::read(&text(stdin)?))
    } else {
        ("the command line".to_owned(), lines::words(&args.counts))
    };
    Ok((source, counts.map_err(refused)?))
}

fn name(path: &Path) -> String {
    if path.as_os_str() == "-" {
        "stdin".to_owned()
    } else {
        path.display().to_string()
    }
}

fn text(path: &Path) -> Result<String, Failure> {
    String::from_utf8(input::bytes(path, input::Content::Counts)?).map_err(|_| {
        Failure::usage(
            format!("{} is not UTF-8 text", name(path)),
            "give counters of Prometheus, an access log, or lines of VALUE COUNT",
        )
    })
}

fn pair(text: &str) -> Result<(String, String), Failure> {
    let pair = text.split_once('=').filter(|(name, _)| !name.is_empty());
    let pair = pair.map(|(name, value)| (name.to_owned(), value.to_owned()));
    pair.ok_or_else(|| {
        Failure::usage(
            format!("`{text}` is not a label with a value"),
            "write it as --where destination_service_name=reviews",
        )
    })
}

/// A run would name --bucket, where here the source has the names.
fn unmapped(error: MappingError, seen: &Observation) -> Failure {
    let MappingError::Untied { known } = error else {
        return Failure::Mapping(error);
    };
    let values = seen.tallies.keys().filter_map(Bucket::value);
    let values = counts::listed(values.filter(|value| !value.is_empty()));
    Failure::usage(
        format!("none of the values means a declared target: {values}"),
        format!(
            "say which is which with --map VALUE=TARGET ({}), or count by another label with --by",
            known.join(", ")
        ),
    )
}

fn refused(error: CountsError) -> Failure {
    Failure::usage(error.problem, error.help)
}
