//! What a route of a dump does with a request: its clusters and weights, an answer of its own, and what keeps that from
//! being the whole truth.

use std::collections::BTreeSet;
use std::sync::Arc;

use super::Dump;
use super::clusters::{Locality, Spread};
use super::endpoint_pick::ClusterPick;
use super::fault::Fault;
use super::raw_action::{
    RawClusterWeight, RawHashPolicy, RawRedirect, RawRouteAction, RawWeightedClusters,
};
use super::route_configs::Route;
use crate::diag::{Code, Note, Span};
use crate::route::{
    Action, AppliesTo, Backend, HashKey, NamedByHeader, Outcome, Split, WeightsIgnored, cluster,
};
use crate::split::{LocalReplyCause, Mechanism};

/// What routes of one dump have in common.
pub(super) struct Compiler<'d> {
    pub(super) dump: &'d Dump,
    /// The names of the clusters, if they are known.
    pub(super) clusters: Option<Arc<BTreeSet<String>>>,
    /// The filter in front of the routes that binds a session to an endpoint.
    pub(super) session: Option<&'d ClusterPick>,
}

impl<'d> Compiler<'d> {
    /// The same for routes behind a filter.
    pub(super) fn behind(&self, session: Option<&'d ClusterPick>) -> Self {
        Self {
            dump: self.dump,
            clusters: self.clusters.clone(),
            session,
        }
    }

    /// What happens to a request that takes a route.
    pub(super) fn outcome(&self, route: &Route, of_host: Option<&Fault>) -> Outcome {
        let (text, span) = (&route.text, route.span);
        let mut caveats = Vec::new();
        let action = match (&text.redirect, &text.direct_response, &text.route) {
            (Some(redirect), ..) => {
                Action::local_reply(redirect.status(), LocalReplyCause::Redirect)
            }
            (_, Some(direct), _) => {
                Action::local_reply(direct.status, LocalReplyCause::DirectResponse)
            }
            (.., Some(action)) => {
                let session = text.typed_per_filter_config.session.as_ref();
                self.action(action, session.or(self.session), span, &mut caveats)
            }
            (None, None, None) => {
                let message = "a route does something that resplit does not know";
                caveats.push(Note::about(Code::UnknownAction, message, Some(span)));
                Action::Split(to("unknown action"))
            }
        };
        let fault = text.typed_per_filter_config.fault.as_ref().or(of_host);
        if let Some(why) = fault.and_then(|fault| fault.unjudged) {
            let message = format!("a fault filter is not judged as a whole: {why}");
            caveats.push(Note::about(Code::UnjudgedFault, message, Some(span)));
        }
        Outcome {
            action,
            abort: fault.and_then(|fault| fault.abort),
            // `Dump::route_at` has them.
            mirrors: Vec::new(),
            caveats,
        }
    }

    fn action(
        &self,
        action: &RawRouteAction,
        session: Option<&ClusterPick>,
        span: Span,
        caveats: &mut Vec<Note<AppliesTo>>,
    ) -> Action {
        let missing = match action.cluster_not_found_response_code.as_deref() {
            Some("NOT_FOUND") => 404,
            Some("INTERNAL_SERVER_ERROR") => 500,
            _ => 503,
        };
        if action.retry_policy.refresh_cluster_on_retry {
            let message = "a retry may go to another destination (`refresh_cluster_on_retry`): the answers follow the weights only where nothing is retried";
            caveats.push(Note::about(Code::RetryElsewhere, message, Some(span)));
        }
        if let Some(header) = &action.cluster_header {
            let message =
                format!("the destination is the one that the header `{header}` of a request names");
            caveats.push(Note::about(Code::ClusterHeader, message, Some(span)));
            return Action::Named(NamedByHeader {
                header: header.to_lowercase(),
                clusters: self.clusters.clone(),
                missing,
            });
        }
        if let Some(weighted) = &action.weighted_clusters {
            return self.weighted(weighted, action, missing, span, caveats);
        }
        let Some(name) = &action.cluster else {
            let plugin = action.cluster_specifier_plugin.as_deref();
            let named = plugin.map_or_else(
                || "a plugin".to_owned(),
                |name| format!("the plugin `{name}`"),
            );
            let message =
                format!("{named} of the proxy picks the destination, which resplit cannot foresee");
            caveats.push(Note::about(Code::ClusterPlugin, message, Some(span)));
            return Action::Split(to(plugin.unwrap_or("plugin")));
        };
        let pick = |backends: &[&Locality]| self.dump.endpoint_pick(name, session, backends);
        match self.dump.spread(name) {
            Spread::Localities(localities) => {
                let pick = pick(&localities);
                caveats.extend(pick.as_ref().map(|pick| pick.caveat(Some(span))));
                let split = by_locality(&localities).with_endpoint_pick(pick);
                return Action::Split(split);
            }
            Spread::Void(localities) => {
                let pick = pick(&localities);
                caveats.push(void(name, &localities, span));
                caveats.extend(pick.as_ref().map(|pick| pick.caveat(Some(span))));
                let hosts = localities.iter().map(|one| u32::try_from(one.hosts).ok());
                let endpoints = hosts.collect();
                let split = by_locality(&localities).ignored(Some(WeightsIgnored { endpoints }));
                return Action::Split(split.with_endpoint_pick(pick));
            }
            Spread::Unknown => {
                let message = format!(
                    "`{name}` spreads requests by the weights of its localities, which this dump does not list"
                );
                let help = "take the dump with its endpoints: config_dump?include_eds";
                caveats.push(Note::about(Code::EndpointsNotDumped, message, Some(span)).help(help));
            }
            Spread::Within => {}
        }
        let backend = self.backend(name, 1, missing, span, caveats);
        let pick = pick(&[]);
        caveats.extend(pick.as_ref().map(|pick| pick.caveat(Some(span))));
        let split = Split::new(Mechanism::Iid, vec![backend]).expect("one backend of weight one");
        Action::Split(split.with_endpoint_pick(pick))
    }

    fn weighted(
        &self,
        weighted: &RawWeightedClusters,
        action: &RawRouteAction,
        missing: u16,
        span: Span,
        caveats: &mut Vec<Note<AppliesTo>>,
    ) -> Action {
        weighted.caveats(span, caveats);
        let faulty = |one: &&RawClusterWeight| one.typed_per_filter_config.is_some();
        if let Some(one) = weighted.clusters.iter().find(faulty) {
            let message = format!(
                "a fault filter is not judged as a whole: it holds for the share of `{}` only",
                one.name
            );
            caveats.push(Note::about(Code::UnjudgedFault, message, Some(span)));
        }
        let by_hash = weighted.use_hash_policy && !action.hash_policy.is_empty();
        if by_hash {
            let message = "the destination is picked by a hash of the request (`use_hash_policy`): equal requests go to the same one, whatever the weights";
            let help = "vary what is hashed, or the shares cannot be seen";
            caveats.push(Note::about(Code::HashPolicy, message, Some(span)).help(help));
        }
        let backends = weighted.clusters.iter().map(|one| {
            if one.name.is_empty() {
                let header = &one.cluster_header;
                let message = format!(
                    "a part goes to the destination that the header `{header}` of a request names"
                );
                caveats.push(Note::about(Code::ClusterHeader, message, Some(span)));
                return cluster::backend(&format!("header {header}"), one.weight, None);
            }
            self.backend(&one.name, one.weight, missing, span, caveats)
        });
        let backends: Vec<Backend> = backends.collect();
        let mechanism = if by_hash {
            Mechanism::Hash
        } else {
            Mechanism::Iid
        };
        // Of policies that are not all known, nobody can tell which requests are alike.
        let keys: Option<Vec<HashKey>> =
            action.hash_policy.iter().map(RawHashPolicy::key).collect();
        let keys = keys.filter(|_| by_hash).unwrap_or_default();
        match Split::new(mechanism, backends).map(|split| split.hashed_by(keys)) {
            Ok(split) if weighted.header_name.is_empty() => Action::Split(split),
            Ok(split) => Action::Split(split.picked_by(weighted.header_name.to_lowercase())),
            Err(error) => {
                let message = format!("no proxy takes these weights: {error}");
                caveats.push(Note::about(Code::NoWeights, message, Some(span)));
                Action::local_reply(missing, LocalReplyCause::BrokenBackend)
            }
        }
    }

    /// The backend of a cluster, broken where the dump lists clusters and this one is not among them.
    fn backend(
        &self,
        name: &str,
        weight: u32,
        missing: u16,
        span: Span,
        caveats: &mut Vec<Note<AppliesTo>>,
    ) -> Backend {
        let known = self.clusters.as_ref().is_none_or(|all| all.contains(name));
        if !known && weight > 0 {
            let message =
                format!("the proxy has no cluster `{name}`: its share is answered with {missing}");
            let help = "is the subset defined by a DestinationRule that this proxy sees, and is the port one of the service?";
            let caveat = Note::about(Code::UnknownCluster, message, Some(span));
            caveats.push(caveat.help(help).undeliverable());
        }
        if known && weight > 0 && self.dump.is_empty_cluster(name) {
            let message = format!(
                "the cluster `{name}` has no endpoints in this dump: its share is answered with 503"
            );
            let help = "is a pod behind it ready, and does it carry the labels of the subset?";
            let caveat = Note::about(Code::NoEndpoints, message, Some(span));
            caveats.push(caveat.help(help));
        }
        cluster::backend(name, weight, Some(missing).filter(|_| !known))
    }
}

impl RawWeightedClusters {
    fn caveats(&self, span: Span, caveats: &mut Vec<Note<AppliesTo>>) {
        let sum: u64 = self.clusters.iter().map(|one| u64::from(one.weight)).sum();
        if let Some(total) = self.total_weight.filter(|total| u64::from(*total) != sum) {
            let message = format!(
                "`total_weight` is {total} and the weights add up to {sum}: Envoy goes by the sum"
            );
            caveats.push(Note::about(Code::TotalWeight, message, Some(span)));
        }
        if !self.header_name.is_empty() {
            let message = format!(
                "a number in the header `{}` of a request picks the destination; without it chance does",
                self.header_name
            );
            caveats.push(Note::about(Code::HeaderWeights, message, Some(span)));
        }
        if !self.runtime_key_prefix.is_empty() {
            let message = format!(
                "the runtime keys `{}.…` may override these weights; the dump shows their defaults",
                self.runtime_key_prefix
            );
            let help = "look at /runtime of the admin interface";
            caveats.push(Note::about(Code::RuntimeWeights, message, Some(span)).help(help));
        }
    }
}

impl RawRedirect {
    fn status(&self) -> u16 {
        match self.response_code.as_deref() {
            Some("FOUND") => 302,
            Some("SEE_OTHER") => 303,
            Some("TEMPORARY_REDIRECT") => 307,
            Some("PERMANENT_REDIRECT") => 308,
            _ => 301,
        }
    }
}

/// Everything to one place.
fn to(name: &str) -> Split {
    let backend = cluster::backend(name, 1, None);
    Split::new(Mechanism::Iid, vec![backend]).expect("one backend of weight one")
}

/// "The pick is a deterministic weighted round-robin per worker thread, not random."
fn by_locality(localities: &[&Locality]) -> Split {
    let backend = |locality: &&Locality| {
        let name = locality.service.as_deref().unwrap_or(&locality.name);
        let mut backend = cluster::backend(name, locality.weight, None);
        backend.identifiers.names.insert(locality.name.clone());
        backend
    };
    let split = Split::new(Mechanism::Wrr, localities.iter().map(backend).collect());
    // Weights that no proxy takes are not in a dump of one.
    split.unwrap_or_else(|_| to("localities"))
}

/// Weights of localities that nothing minds: what balances the requests that name no endpoint has no configuration for them.
fn void(cluster: &str, localities: &[&Locality], span: Span) -> Note<AppliesTo> {
    let total: usize = localities.iter().map(|one| one.hosts).sum();
    let each = localities.iter().map(|one| {
        let name = one.service.as_deref().unwrap_or(&one.name);
        format!("{name} {}/{total}", one.hosts)
    });
    let each: Vec<String> = each.collect();
    let message = format!(
        "the weights of the localities of `{cluster}` are not applied: the fallback of its `override_host` policy has no \
         `locality_weighted_lb_config`; the shares are by the number of endpoints: {}",
        each.join(", ")
    );
    Note::about(Code::WeightsIgnored, message, Some(span))
        .help("give the fallback policy a `locality_lb_config`, or use no `endpointOverride` for this route")
}
