//! `--debug`: one request, shown with its response.

use std::sync::atomic::AtomicBool;

use super::config::RunConfig;
use super::exit::Exit;
use super::expectation::{self, Declared};
use super::failure::Failure;
use super::load_plan::planned;
use super::report_output::to_stdout;
use super::run::bucketer;
use super::secrets;
use crate::load::{self, Control};
use crate::plan::{Arrival, LoadPlan, Stop, Warmup};
use crate::report::Exchange;
use crate::verdict::mapping::Mapping;

/// Sends one request and shows it. Nothing is judged.
pub(super) fn run(config: &RunConfig) -> Result<Exit, Failure> {
    if config.output.format.name != "text" || !config.output.files.is_empty() {
        return Err(Failure::usage(
            "--debug shows one request and makes no report",
            "leave -o and --report out",
        ));
    }
    let declared = expectation::resolve(config, None)?;
    let expected = declared.as_ref().map(Declared::expected);
    let plan = LoadPlan {
        arrival: Arrival::Closed,
        warmup: Warmup::None,
        stop: Stop::Requests(1),
        connections: 1,
        streams: 1,
        threads: 1,
        ends_early: false,
        keeps_response: true,
        ..planned(&config.load, &config.request, expected, &config.policy)?.plan
    };
    let body = plan.request.body.len();
    let head: Vec<String> = load::written(&plan)
        .iter()
        .map(|line| secrets::field(line, config.query))
        .collect();
    if let Some(proxy) = &config.wait_proxy {
        proxy.wait(&AtomicBool::new(false))?;
    }
    let seen = load::run(plan, bucketer(config, expected), &mut |_| Control::Continue)?;
    let fields = seen.response.iter().flat_map(|response| &response.headers);
    let fields: Vec<String> = fields
        .map(|(name, value)| secrets::field(&format!("{name}: {value}"), config.query))
        .collect();
    let mapping =
        expected.map(|expected| Mapping::derive(expected, &config.map, seen.tallies.keys()));
    let mapping = mapping.map(|mapping| mapping.unwrap_or_else(|_| Mapping::unknown()));
    let rule = declared
        .as_ref()
        .and_then(|declared| declared.declaration.rule.as_deref());
    let exchange = Exchange {
        head: &head,
        body,
        fields: &fields,
        seen: &seen,
        rule,
        declared: expected.zip(mapping.as_ref()),
        buckets: &config.bucket,
    };
    to_stdout(Ok(exchange.text().into_bytes()))?;
    Ok(if seen.response.is_some() {
        Exit::Pass
    } else {
        Exit::NoData
    })
}
