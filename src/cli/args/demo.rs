//! What `resplit demo` takes.

use clap::{Args, ValueEnum};

use super::OutputArgs;

/// Which story the demo tells.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub(in crate::cli) enum Scenario {
    /// The mesh splits 90/10 as declared: exit 0
    #[default]
    Healthy,
    /// The canary's subset is defined nowhere: its share is answered with 503, exit 1
    MissingSubset,
    /// The client has no sidecar, so the rule is not applied: 50/50, exit 1
    NoSidecar,
    /// The rule is bound to a gateway, and the request comes from the mesh: exit 2
    GatewayOnly,
    /// 2019: the port has no protocol in its name, so the mesh takes it for TCP: 50/50, exit 1
    Broken,
}

/// The options of `demo`.
#[derive(Debug, Args)]
pub(in crate::cli) struct DemoArgs {
    /// Which story to tell
    #[arg(value_enum, default_value_t)]
    pub(in crate::cli) scenario: Scenario,
    #[command(flatten)]
    pub(in crate::cli) output: OutputArgs,
}
