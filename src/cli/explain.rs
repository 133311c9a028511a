//! `resplit explain`: which rule takes exactly this request, what it makes of it, and why the others do not. Nothing is
//! sent.

use super::args::{ExplainArgs, ExplainFormat};
use super::config;
use super::declared::{Routes, distinct, host_header, probe};
use super::deliver::to_stdout;
use super::exit::Exit;
use super::failure::Failure;
use super::input;
use super::request::request;
use super::url::shown;
use crate::report::Request;
use crate::report::explain::{Explained, Explanation, explain, render, render_json};
use crate::route::witness::rulings;

/// Explains, and writes the explanation to stdout.
pub(super) fn run(args: ExplainArgs) -> Result<Exit, Failure> {
    if args.filename.is_empty() {
        return Err(Failure::usage(
            "there are no manifests, so there is nothing to explain",
            format!(
                "name them with -f: resplit explain -f FILE {}",
                shown(&args.url)
            ),
        ));
    }
    let output = args.output;
    let explanation = explained(args)?;
    let mut bytes = Vec::new();
    let written = match output {
        ExplainFormat::Text => render(&explanation, &mut bytes),
        ExplainFormat::Json => render_json(&explanation, &mut bytes),
    };
    to_stdout(written.map(|()| bytes))?;
    Ok(Exit::Pass)
}

fn explained(args: ExplainArgs) -> Result<Explanation, Failure> {
    let vantage = config::vantage(&args.vantage)?;
    let request = request(&args.url, &args.request)?;
    let asked = probe(&request);
    let sources = input::manifests(&args.filename)?;
    let routes = Routes::new(
        sources,
        (Some(&asked), args.object.as_ref()),
        &vantage,
        args.quiet,
    )
    .map_err(here)?;
    let resolution = routes.resolve(&asked).map_err(here)?;
    Ok(explain(Explained {
        request: Request {
            url: request.url.clone(),
            method: request.method.to_string(),
            host: host_header(&request),
        },
        probe: &asked,
        vantage: &routes.vantage,
        sources: &routes.sources,
        table: &routes.table,
        resolution: &resolution,
        caveats: distinct(&resolution.caveats).collect(),
        rules: args
            .all_rules
            .then(|| rulings(&routes.table, resolution.host, &asked)),
    }))
}

/// The same failure without the way out that only a run has.
fn here(failure: Failure) -> Failure {
    let without = |help: String| {
        let steps: Vec<&str> = help.split(", or ").collect();
        let kept: Vec<&str> = (steps.iter().copied())
            .filter(|step| !step.contains("--expect"))
            .collect();
        kept.join(", or ")
    };
    match failure {
        Failure::Usage { message, help } => Failure::Usage {
            message,
            help: without(help),
        },
        Failure::Manifests {
            problems,
            message,
            help,
        } => Failure::Manifests {
            problems,
            message,
            help: without(help),
        },
        other => other,
    }
}
