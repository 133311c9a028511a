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
mod location;
mod native;
mod requests;
mod route_assertion;
mod route_check;
mod rule_assertion;
mod rule_texts;
mod validator;
mod verdict;
mod visible;
mod world;
mod write;

pub use actual::{Actual, MatchedRule, Passes};
pub use case::{Case, Expect, HttpVersion, LiveAddress, Suite};
pub use coverage::{Coverage, UncoveredRule};
pub use decode::decode;
pub use expectation::{Expectation, WantedTarget};
pub use verdict::{Difference, Outcome, Verdict};
pub use visible::{FieldCheck, Part, Visible};
pub use world::World;
pub use write::{Written, write};
