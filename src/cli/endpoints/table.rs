//! What is asked of which endpoints: where a request names its endpoint, and what those get that name none.

use std::net::SocketAddr;

use http::HeaderName;

use crate::cli::args::{EndpointsArgs, PickBy};
use crate::cli::expectation::{Routes, probe, unresolved};
use crate::cli::failure::Failure;
use crate::cli::request::RequestConfig;
use crate::cli::{config, input};
use crate::route::{
    Action, EndpointPick, PickEndpoint, PickMechanism, PickRequest, PickSource, Split, resolve,
};
use crate::split::{Expected, Identifiers, Mechanism, Target};

/// What is known before anything is sent.
pub(super) struct Table {
    pub(super) pick: EndpointPick,
    /// What the requests get that the proxy balances.
    pub(super) split: Expected,
    pub(super) requests: Vec<PickRequest>,
}

/// What is to be sent: the pick as typed before that of the manifests.
pub(super) fn table(args: &EndpointsArgs, asked: &RequestConfig) -> Result<Table, Failure> {
    let declared = declared(args, asked)?;
    let (known, split) = match &declared {
        Some(split) => (split.endpoint_pick(), Some(split)),
        None => (None, None),
    };
    let sources = match (&args.pick, known) {
        (Some(text), known) => vec![source(text, known)?],
        (None, Some(known)) => known.sources.clone(),
        (None, None) => {
            return Err(Failure::usage(
                "nothing says where a request names its endpoint",
                "say it with --pick header:NAME, or name manifests or a config dump that do with -f",
            ));
        }
    };
    let mechanism = match (args.mechanism, known) {
        (Some(PickBy::OverrideHost), _) | (None, None) => PickMechanism::OverrideHost,
        (Some(PickBy::OriginalDst), _) => PickMechanism::OriginalDst,
        (Some(PickBy::Session), _) => PickMechanism::Session { strict: false },
        (Some(PickBy::StrictSession), _) => PickMechanism::Session { strict: true },
        (None, Some(known)) => known.mechanism,
    };
    let typed = args.endpoints.iter().map(|text| endpoint(text));
    let typed: Vec<PickEndpoint> = typed.collect::<Result<_, _>>()?;
    let found = || known.and_then(|known| known.endpoints.clone());
    let endpoints = Some(typed).filter(|typed| !typed.is_empty()).or_else(found);
    let endpoints = endpoints.filter(|all| !all.is_empty()).ok_or_else(|| {
        Failure::usage(
            "no endpoint is known",
            "name them with --endpoints 10.0.0.7:8080,10.0.0.8:8080, or pass a file with EndpointSlices, Pods or a config dump with -f",
        )
    })?;
    let pick = EndpointPick {
        mechanism,
        sources,
        fallback: known.and_then(|known| known.fallback.clone()),
        endpoints: Some(endpoints.clone()),
    };
    Ok(Table {
        requests: pick.requests(),
        split: shares(&endpoints, split),
        pick,
    })
}

/// The split of the route that the request takes, if manifests are given.
fn declared(args: &EndpointsArgs, asked: &RequestConfig) -> Result<Option<Split>, Failure> {
    if args.filename.is_empty() {
        return Ok(None);
    }
    let (vantage, probe) = (config::vantage(&args.vantage)?, probe(asked));
    let sources = input::manifests(&args.filename)?;
    let object = args.chosen.object.as_ref();
    let routes = Routes::of_any(sources, (Some(&probe), object), &vantage, args.quiet)?;
    let resolution = resolve(&routes.table, &probe);
    let resolution = resolution.map_err(|error| unresolved(&error, &routes.sources))?;
    let route = resolution
        .route
        .map(|matched| &matched.route.outcome.action);
    Ok(match route {
        Some(Action::Split(split)) => Some(split.clone()),
        _ => None,
    })
}

/// Where a request names its endpoint, as typed.
fn source(text: &str, known: Option<&EndpointPick>) -> Result<PickSource, Failure> {
    let named = |name: &str| {
        let valid = name.parse::<HeaderName>().is_ok();
        valid.then(|| name.to_owned())
    };
    let source = match text.split_once(':') {
        Some(("header", name)) => named(name).map(PickSource::Header),
        Some(("cookie", name)) => named(name).map(PickSource::Cookie),
        Some(("metadata", path)) => Some(PickSource::Metadata(path.to_owned())),
        None if text == "metadata" => {
            let mut sources = known.into_iter().flat_map(|known| &known.sources);
            let own = sources.find(|source| matches!(source, PickSource::Metadata(_)));
            let usual =
                || PickSource::Metadata("envoy.lb:x-gateway-destination-endpoint".to_owned());
            Some(own.cloned().unwrap_or_else(usual))
        }
        _ => None,
    };
    source.ok_or_else(|| {
        Failure::usage(
            format!("--pick: `{text}` is not a valid source of endpoints"),
            "write header:NAME, cookie:NAME or metadata",
        )
    })
}

fn endpoint(text: &str) -> Result<PickEndpoint, Failure> {
    let address: SocketAddr = text.trim().parse().map_err(|_| {
        Failure::usage(
            format!("--endpoints: `{text}` is not a valid address"),
            "write an address with its port: 10.0.0.7:8080, or [fd00::7]:8080",
        )
    })?;
    Ok(PickEndpoint {
        address: address.to_string(),
        backend: None,
        pod: None,
    })
}

/// What each endpoint gets of the requests that the proxy balances: as much as any other one, unless weights of their backends
/// are minded.
fn shares(endpoints: &[PickEndpoint], split: Option<&Split>) -> Expected {
    let minded =
        split.filter(|split| split.weights_ignored().is_none() && split.backends().len() > 1);
    let weight = |one: &PickEndpoint| -> Option<u64> {
        let backends = minded?.backends();
        let of = |position: usize| {
            let own = endpoints
                .iter()
                .filter(|other| other.backend == Some(position));
            u64::try_from(own.count()).ok().map(|count| count.max(1))
        };
        let common: u64 = (0..backends.len())
            .filter_map(of)
            .try_fold(1, u64::checked_mul)?;
        let position = one.backend?;
        u64::from(backends.get(position)?.weight).checked_mul(common / of(position)?)
    };
    let weights: Option<Vec<u64>> = endpoints.iter().map(weight).collect();
    let weights = weights.unwrap_or_else(|| vec![1; endpoints.len()]);
    let parts = endpoints.iter().zip(weights).map(|(one, weight)| {
        let names = [one.address.clone()].into_iter().chain(one.pod.clone());
        let identifiers = Identifiers {
            names: names.collect(),
            ..Identifiers::default()
        };
        (Target::Named(one.address.clone()), weight, identifiers)
    });
    let mechanism = split.map_or(Mechanism::Iid, Split::mechanism);
    Expected::from_weights("the endpoints", mechanism, parts.collect())
        .expect("an endpoint gets something")
}
