//! Why a split in these manifests would not take effect: the rules, and the findings they make. A fact that the routes
//! or the decoder know is found there; a rule names it.

pub mod allow;
mod catalogue;
mod collect;
mod context;
mod cover;
mod finding;
mod for_request;
mod inactive;
mod rule;
mod rules;

pub use catalogue::{RULES, find_rule};
pub use collect::check;
pub use context::{Context, Request, View};
pub use cover::covers;
pub use finding::Finding;
pub use for_request::{about, about_client};
pub use rule::{Place, Rule};
