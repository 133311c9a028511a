//! Request suites: requests with what must become of each, checked against manifests. Nothing is sent.
//!
//! Three formats are read: a suite of resplit (`cases`), the test cases of istio-config-validator (`testCases`), and those of
//! Envoy's route table check tool (`tests`). What a case asserts and resplit does not model makes it a skip, never a pass.

mod actual;
mod case;
mod check;
mod coverage;
mod decode;
mod effects;
mod expectation;
mod gateways;
mod json;
mod native;
mod requests;
mod route_check;
mod rule_texts;
mod validator;
mod world;
mod write;

pub use actual::{Actual, MatchedRule, Passes};
pub use case::{Case, Expect, Suite};
pub use check::{Difference, Outcome, Verdict};
pub use coverage::{Coverage, UncoveredRule};
pub use decode::decode;
pub use expectation::{Expectation, WantedTarget};
pub use world::World;
pub use write::{Written, write};
