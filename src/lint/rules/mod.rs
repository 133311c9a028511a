//! The rules that compute what they find, one file each, named by their fact. The [catalogue](super::catalogue) lists them.

pub(super) mod bound_elsewhere;
pub(super) mod claim_match;
pub(super) mod false_condition;
pub(super) mod fault;
pub(super) mod gateway_conflict;
pub(super) mod gateway_hosts;
pub(super) mod invalid_backend;
pub(super) mod match_pitfall;
mod match_port;
pub(super) mod no_proxy;
pub(super) mod no_route;
pub(super) mod not_exported;
pub(super) mod not_http;
pub(super) mod not_judged;
pub(super) mod other_client;
pub(super) mod refused;
pub(super) mod shadowed_route;
pub(super) mod sidecar_conflict;
pub(super) mod single_weight;
pub(super) mod target_port;
pub(super) mod two_owners;
pub(super) mod unnamed_port;
pub(super) mod weight_sum;
pub(super) mod zero_total;
