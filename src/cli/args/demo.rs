//! What `resplit demo` takes.

use clap::{Args, ValueEnum};

use super::OutputArgs;

/// Which story the demo tells.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub(in crate::cli) enum Scenario {
    /// The mesh splits 90/10 as declared: exit 0
    #[default]
    Healthy,
    /// The mesh does not apply the rule and splits 50/50: exit 1
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
