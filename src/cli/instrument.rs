//! `resplit instrument`: what makes a mesh write who responded into a response header. Nothing is sent or changed.

use std::collections::BTreeMap;

use super::args::{InstrumentArgs, InstrumentFormat, VantageArgs};
use super::config;
use super::exit::Exit;
use super::failure::Failure;
use super::report_output::to_stdout;
use super::{gateway, input};
use crate::manifest::instrument::{Change, instrument};
use crate::manifest::parse;
use crate::report::instrument::{FilterScope, render_commands, render_filter, render_json};
use crate::route::{Origin, Vantage};

/// Hosts that a message names.
const MOST_NAMED: usize = 5;

/// Writes the patches to stdout.
pub(super) fn run(args: &InstrumentArgs) -> Result<Exit, Failure> {
    let mut bytes = Vec::new();
    if args.envoy_filter {
        let scope = scope(args)?;
        to_stdout(render_filter(&scope, &mut bytes).map(|()| bytes))?;
        return Ok(Exit::Pass);
    }
    if args.filename.is_empty() {
        return Err(Failure::usage(
            "there are no manifests, so there is nothing to patch",
            "name them with -f: resplit instrument -f FILE, or have an EnvoyFilter written with --envoy-filter",
        ));
    }
    let sources = input::manifests(&args.filename)?;
    let change = if args.remove {
        Change::Remove
    } else {
        Change::Add
    };
    let found = instrument(&sources, args.host.as_deref(), change);
    if found.patches.is_empty() && found.unchanged == 0 {
        return Err(nothing(args.host.as_deref(), found.hosts));
    }
    let written = match args.output {
        InstrumentFormat::Text => render_commands(&found, change, &sources, &mut bytes),
        InstrumentFormat::Json => render_json(&found, &sources, &mut bytes),
    };
    to_stdout(written.map(|()| bytes))?;
    Ok(Exit::Pass)
}

/// Why there is nothing to patch.
fn nothing(host: Option<&str>, mut hosts: Vec<String>) -> Failure {
    let Some(host) = host.filter(|_| !hosts.is_empty()) else {
        return Failure::usage(
            "the manifests hold no VirtualService, HTTPRoute or GRPCRoute",
            "pass the file with the rules with -f, or have an EnvoyFilter written with --envoy-filter",
        );
    };
    hosts.sort();
    hosts.dedup();
    let more = hosts.len().saturating_sub(MOST_NAMED);
    let mut named = hosts[..hosts.len() - more].join(", ");
    if more > 0 {
        named = format!("{named} and {more} more");
    }
    Failure::usage(
        format!("no rule of the manifests is for the host `{host}`"),
        format!("they are for {named}"),
    )
}

/// The proxies that an `EnvoyFilter` is for.
fn scope(args: &InstrumentArgs) -> Result<FilterScope, Failure> {
    let vantage = config::vantage(&VantageArgs {
        from_namespace: args.from_namespace.clone(),
        from_labels: args.from_labels.clone(),
        gateway: args.gateway.clone(),
        waypoint: false,
        istio_version: None,
        implementation: None,
    })?;
    let (manifests, _) = parse(&input::manifests(&args.filename)?);
    let Vantage { origin, .. } = gateway::looked_up(&vantage, &manifests)?;
    let (namespace, name) = match origin {
        Origin::Mesh {
            namespace, labels, ..
        } => {
            return Ok(FilterScope {
                namespace: namespace.unwrap_or_else(|| "default".to_owned()),
                labels: labels.unwrap_or_default(),
                gateway: false,
            });
        }
        Origin::Gateway { namespace, name } => (namespace, name),
    };
    let typed = (args.from_labels.iter()).filter_map(|label| label.split_once('='));
    let mut labels: BTreeMap<String, String> = typed
        .map(|(key, value)| (key.to_owned(), value.to_owned()))
        .collect();
    let mut gateways = manifests.gateways.iter();
    let own = gateways.find(|one| one.meta.namespace == namespace && one.meta.name == name);
    if let (true, Some(own)) = (labels.is_empty(), own) {
        labels.clone_from(&own.selector);
    }
    if labels.is_empty() {
        return Err(Failure::usage(
            format!("the labels of the pods of gateway {namespace}/{name} are not known"),
            "pass the file of the Gateway with -f, or the labels with --from-labels istio=ingressgateway",
        ));
    }
    Ok(FilterScope {
        namespace,
        labels,
        gateway: true,
    })
}
