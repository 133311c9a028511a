//! `resplit size`: how many requests it takes to see what. Nothing is sent.

use std::io::{self, Write};

use super::args::{SizeArgs, SizeFormat};
use super::config::{self, Declaration};
use super::exit::Exit;
use super::expectation;
use super::failure::Failure;
use super::report_output::to_stdout;
use super::request::optional;
use super::url::shown;
use crate::report::render_size;
use crate::verdict::size::{Size, parse_detect};

/// Plans, and writes the plan to stdout.
pub(super) fn run(mut args: SizeArgs) -> Result<Exit, Failure> {
    let (splits, mut urls): (Vec<_>, Vec<_>) =
        args.words.drain(..).partition(|word| is_split(word));
    args.expectation.expect.extend(splits);
    let url = urls.pop();
    if let Some(other) = urls.pop() {
        return Err(Failure::usage(
            format!(
                "two requests are given, and one of them is `{}`",
                shown(&other)
            ),
            "size plans for one request at a time",
        ));
    }
    let policy = config::policy(&args.judgement, 0);
    let declaration = config::declaration(&args.expectation)?;
    if matches!(declaration, Declaration::None) {
        return Err(Failure::usage(
            "nothing is declared, so there is nothing to plan for",
            "declare a split with --expect v1=90,v2=10, or with -f FILE and the URL of the request",
        ));
    }
    if args.requests.is_some_and(|n| n.0 == 0) {
        return Err(Failure::usage(
            "--requests cannot be 0",
            "give the number of requests you could send",
        ));
    }
    let vantage = config::vantage(&args.expectation.vantage)?;
    let needed = matches!(declaration, Declaration::Manifests(..));
    let request = optional("size", url, &args.request, needed)?;
    let declared =
        expectation::resolve_for(&declaration, request.as_ref(), &vantage, (args.quiet, None))?
            .expect("something is declared");
    let detect = args
        .detect
        .map(|text| {
            parse_detect(&text, declared.expected()).map_err(|error| {
                Failure::usage(
                    format!("--detect: {error}"),
                    "name the wrong split as 85/15, in the order of the declaration, or as v1=85,v2=15",
                )
            })
        })
        .transpose()?;
    let requests = args.requests.map(|n| n.0);
    let rule = declared.declaration.rule.clone();
    let mut size = Size::new(declared.expected(), rule, &policy, detect, requests);
    size.caveats = declared.caveats;
    let mut bytes = Vec::new();
    let written = match args.output {
        SizeFormat::Text => render_size(&size, &mut bytes),
        SizeFormat::Json => serde_json::to_string_pretty(&size)
            .map_err(io::Error::from)
            .and_then(|text| writeln!(bytes, "{text}")),
    };
    to_stdout(written.map(|()| bytes))?;
    Ok(Exit::Pass)
}

/// Whether a word is `v1=90,v2=10`: a URL has its first `=` in the query.
fn is_split(word: &str) -> bool {
    let name = word.split_once('=').map(|(name, _)| name);
    name.is_some_and(|name| !name.contains("://") && !name.contains('?'))
}
