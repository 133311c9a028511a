//! The rules, one file each, named by their fact. A new rule is a new file and a line in [`RULES`].

mod bound_elsewhere;
mod closed_port;
mod consumer_route;
mod duplicate_rules;
mod fault;
mod gateway_hosts;
mod headless;
mod hidden_subset;
mod invalid_backend;
mod match_pitfall;
mod mesh_split_bypassed;
mod no_proxy;
mod no_route;
mod no_weight;
mod not_exported;
mod not_http;
mod not_judged;
mod not_stationary;
mod other_client;
mod overlapping_subsets;
mod port_required;
mod repeated_destination;
mod route_conflict;
mod shadowed_route;
mod single_weight;
mod sticky;
mod subset_without_pods;
mod two_owners;
mod unknown_host;
mod unknown_subset;
mod unnamed_port;
mod unseen_subset;
mod unset_weight;
mod weight_sum;
mod zero_total;

use super::Rule;

/// Every rule, by its id.
pub static RULES: &[&Rule] = &[
    &unknown_subset::RULE,
    &hidden_subset::RULE,
    &unseen_subset::RULE,
    &unknown_host::RULE,
    &not_http::RULE,
    &unnamed_port::RULE,
    &bound_elsewhere::RULE,
    &mesh_split_bypassed::RULE,
    &two_owners::RULE,
    &zero_total::RULE,
    &unset_weight::RULE,
    &single_weight::RULE,
    &weight_sum::RULE,
    &repeated_destination::RULE,
    &shadowed_route::RULE,
    &no_route::RULE,
    &port_required::RULE,
    &closed_port::RULE,
    &overlapping_subsets::RULE,
    &subset_without_pods::RULE,
    &headless::RULE,
    &fault::RULE,
    &other_client::RULE,
    &no_proxy::RULE,
    &match_pitfall::RULE,
    &duplicate_rules::RULE,
    &not_exported::RULE,
    &sticky::RULE,
    &not_stationary::RULE,
    &invalid_backend::RULE,
    &no_weight::RULE,
    &consumer_route::RULE,
    &route_conflict::RULE,
    &not_judged::RULE,
    &gateway_hosts::RULE,
];

/// The rule with this id or name.
#[must_use]
pub fn called(word: &str) -> Option<&'static Rule> {
    RULES.iter().copied().find(|rule| rule.is_called(word))
}
