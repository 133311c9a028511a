//! `resplit explain`: which rule takes exactly this request, what it makes of it, and why the others do not. Nothing is
//! sent.

use super::args::{ExplainArgs, ExplainFormat};
use super::config;
use super::exit::Exit;
use super::expectation::{Routes, distinct, host_header, probe, unresolved};
use super::failure::Failure;
use super::input;
use super::proxy_admin::{NamedDump, whole_dump};
use super::report_output::to_stdout;
use super::request::request;
use super::url::shown;
use crate::diag::{Code, Note};
use crate::manifest::unrouted;
use crate::report::Request;
use crate::report::explain::{
    Explained, Explanation, WithoutRule, explain, not_in_effect, render, render_json,
    weights_ignored, without_rule,
};
use crate::route::example_request::rule_reaches;
use crate::route::{Probe, ResolveError, resolve};

/// Explains, and writes the explanation to stdout.
pub(super) fn run(args: &ExplainArgs) -> Result<Exit, Failure> {
    let live = whole_dump(args.proxy.proxy_admin.as_ref(), args.quiet);
    if args.filename.is_empty() && live.is_none() {
        return Err(Failure::usage(
            "there are no manifests, so there is nothing to explain",
            format!(
                "name them with -f: resplit explain -f FILE {}",
                shown(&args.url)
            ),
        ));
    }
    let output = args.output;
    let explanation = explained(args, live)?;
    let mut bytes = Vec::new();
    let written = match output {
        ExplainFormat::Text => render(&explanation, &mut bytes),
        ExplainFormat::Json => render_json(&explanation, &mut bytes),
    };
    to_stdout(written.map(|()| bytes))?;
    Ok(Exit::Pass)
}

fn explained(args: &ExplainArgs, live: Option<NamedDump>) -> Result<Explanation, Failure> {
    let vantage = config::vantage(&args.vantage)?;
    let request = request(&args.url, &args.request)?;
    let asked = probe(&request);
    let mut sources = input::manifests(&args.filename)?;
    if let Some(dump) = live {
        dump.add_to(&mut sources);
    }
    let routes = Routes::of_any(
        sources,
        (Some(&asked), args.chosen.object.as_ref()),
        &vantage,
        args.quiet,
    )
    .map_err(here)?;
    let request = Request {
        url: request.url.clone(),
        method: request.method.to_string(),
        host: host_header(&request),
    };
    let resolution = match resolve(&routes.table, &asked) {
        Ok(resolution) => resolution,
        // Which of several hosts or splits is meant is for the user to say.
        Err(error) if for_the_user(&error) => {
            return Err(here(unresolved(&error, &routes.sources)));
        }
        Err(error) => return Ok(nowhere(request, &routes, &asked, &error)),
    };
    let explanation = explain(Explained {
        request,
        probe: &asked,
        vantage: &routes.vantage,
        sources: &routes.sources,
        table: &routes.table,
        resolution: &resolution,
        caveats: distinct(&resolution.caveats).collect(),
        rules: args
            .all_rules
            .then(|| rule_reaches(&routes.table, resolution.host, &asked)),
    });
    if let Some(instead) = resolution.instead() {
        let (vantage, sources) = (&routes.vantage, &routes.sources);
        return Ok(weights_ignored(explanation, &instead, vantage, sources));
    }
    // A dump holds what the proxy applies.
    if resolution.ineffective().is_none() || routes.table.from_dump {
        return Ok(explanation);
    }
    let unrouted = unrouted(&routes.manifests, &routes.vantage, &asked);
    Ok(not_in_effect(
        explanation,
        &unrouted,
        &routes.vantage,
        &routes.sources,
    ))
}

/// Whether rules are there, and the manifests do not say what they make of the request.
fn for_the_user(error: &ResolveError) -> bool {
    match error {
        ResolveError::Ambiguous { .. } => true,
        ResolveError::Unsupported(note) => note.code == Code::UnclearRules,
        _ => false,
    }
}

/// What becomes of a request that no rule takes.
fn nowhere(request: Request, routes: &Routes, asked: &Probe, why: &ResolveError) -> Explanation {
    let place = match why {
        ResolveError::Unsupported(note) => note.place(),
        _ => None,
    };
    let mut reason = Note::about(Code::NoRule, why.to_string(), place);
    reason.help = why.help();
    // Where nothing is declared at all, no rule is missed.
    let declared = routes.manifests.without_rules().is_none();
    without_rule(WithoutRule {
        request,
        vantage: &routes.vantage,
        from_dump: routes.table.from_dump,
        sources: &routes.sources,
        why: declared.then_some(&reason),
        unrouted: &unrouted(&routes.manifests, &routes.vantage, asked),
    })
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
