//! What can be typed about the declaration and the mesh.
#![allow(
    clippy::doc_markdown,
    reason = "doc comments are help texts, where backticks would show"
)]

use std::path::PathBuf;

use clap::{Args, ValueEnum};

use crate::bucket::Bucketer;
use crate::manifest::ObjectName;
use crate::route::IstioVersion;
use crate::verdict::mapping::MapRule;

/// What is declared, and how responses are told apart.
#[derive(Debug, Args)]
#[command(next_help_heading = "Expectation")]
pub(in crate::cli) struct ExpectationArgs {
    /// Manifests that declare the split, or a config dump of Envoy: file, folder, or - for stdin (repeatable)
    #[arg(short = 'f', long = "filename", value_name = "FILE")]
    pub(in crate::cli) filename: Vec<PathBuf>,
    #[command(flatten)]
    pub(in crate::cli) chosen: ChosenArgs,
    /// The split without manifests, as in v1=90,v2=10 (repeatable; overrides -f)
    #[arg(long, value_name = "NAME=WEIGHT,…")]
    pub(in crate::cli) expect: Vec<String>,
    /// What tells responses apart
    #[arg(long, value_name = "SPEC", value_parser = bucket_spec)]
    pub(in crate::cli) bucket: Vec<String>,
    /// Which target a value belongs to, where that is not clear: VALUE=TARGET or /RE/=TARGET (repeatable)
    ///
    /// The value or its row in the table counts, where an error has its status in front: `--map '/^503/=canary'`.
    #[arg(long, value_name = "VALUE=TARGET")]
    pub(in crate::cli) map: Vec<MapRule>,
    #[command(flatten)]
    pub(in crate::cli) vantage: VantageArgs,
}

/// Which of several objects counts.
#[derive(Debug, Args)]
#[command(next_help_heading = "Expectation")]
pub(in crate::cli) struct ChosenArgs {
    /// Which object declares the split, where several do: KIND/NS/NAME, as in TrafficSplit/shop/web
    ///
    /// Where such an object has several splits, the one that is meant follows: 'IngressRoute/shop/web/spec.routes[1]'.
    #[arg(long, value_name = "KIND/NS/NAME", requires = "filename")]
    pub(in crate::cli) object: Option<ObjectName>,
}

/// Where the requests come from, and which mesh they meet.
#[derive(Debug, Args)]
#[command(next_help_heading = "Expectation")]
pub(in crate::cli) struct VantageArgs {
    /// The namespace of the client [default: that of the VirtualService]
    #[arg(long, value_name = "NS")]
    pub(in crate::cli) from_namespace: Option<String>,
    /// The labels of the client pod: k=v,…
    #[arg(long, value_name = "K=V,…", value_delimiter = ',')]
    pub(in crate::cli) from_labels: Vec<String>,
    /// The gateway the requests pass: NS/NAME, or the NAME of the only one [default: the mesh]
    #[arg(long, value_name = "NS/NAME")]
    pub(in crate::cli) gateway: Option<String>,
    /// The service has a waypoint that applies the rules (ambient mode) [default: the client has a sidecar]
    #[arg(long, conflicts_with = "gateway")]
    pub(in crate::cli) waypoint: bool,
    /// The version of Istio, as in 1.24 [default: a current one]
    #[arg(long, value_name = "X.Y")]
    pub(in crate::cli) istio_version: Option<IstioVersion>,
    /// Who implements the Gateway API, where implementations differ [default: the controller of the Gateway's class, else
    /// istio]
    #[arg(long, value_enum, value_name = "WHO")]
    pub(in crate::cli) implementation: Option<Implementation>,
}

/// Who implements the Gateway API.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(in crate::cli) enum Implementation {
    /// Istio
    Istio,
    /// Envoy Gateway
    EnvoyGateway,
    /// What the specification says
    Spec,
}

/// Checked here, so that a bad pattern is a usage error beside its option; built in `config`.
pub(super) fn bucket_spec(text: &str) -> Result<String, String> {
    Bucketer::parse(&[text])
        .map(|_| text.to_owned())
        .map_err(|error| error.to_string())
}
