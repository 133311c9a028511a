//! Controllers that move a weight from the old version to the new one: Argo Rollouts, Flagger, and the canaries of
//! ingress-nginx. Their objects are modelled as far as they decide which version a request meets.
//!
//! A controller is one file. It decodes its objects to [`Declared`]; hosts, order and shares are made here, for all of
//! them alike. What changes routing and is not honoured is a caveat.

pub(super) mod argo_rollouts;
mod conditions;
mod declaration;
pub(super) mod flagger;
pub(super) mod ingress_nginx;
mod lower;
mod pairing;

use super::dialect::Dialect;
pub use declaration::{Canary, Declared, Host, HostName, Role, Rule, Settings};
pub(super) use lower::lower;

/// The kinds of every controller.
pub(super) const DIALECTS: &[&[Dialect]] = &[
    argo_rollouts::DIALECTS,
    flagger::DIALECTS,
    ingress_nginx::DIALECTS,
];
