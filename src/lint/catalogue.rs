//! All rules of lint on one page, by their numbers: the facts that a rule grades, why they matter, and how to mend them. A
//! rule that computes something has a file of its own.

use super::rules::{
    bound_elsewhere, claim_match, false_condition, fault, gateway_conflict, gateway_hosts,
    invalid_backend, match_pitfall, no_proxy, no_route, not_exported, not_http, not_judged,
    other_client, refused, shadowed_route, sidecar_conflict, single_weight, target_port,
    two_owners, unnamed_port, weight_sum, zero_total,
};
use super::{Finding, Rule};
use crate::diag::{Code, Severity};

/// Every rule.
pub static RULES: &[&Rule] = &[
    &Rule {
        code: Code::Rs001,
        name: "unknown_subset",
        istio: Some("IST0101"),
        rationale: "the proxy has no cluster for it: the whole share is answered with 503 (flag NC), and is not given to the others",
        fix: "define the subset in the DestinationRule that the client sees, or correct the name",
        facts: &[
            Code::UnknownSubset,
            Code::UnknownCluster,
            Code::NoDestinationRule,
        ],
        // Without any rule for the host among the manifests, its file was probably not passed.
        severity_overrides: &[(Code::NoDestinationRule, Severity::Info)],
        ..Rule::BASE
    },
    &Rule {
        code: Code::Rs002,
        name: "hidden_subset",
        istio: Some("IST0101"),
        rationale: "the namespace of the client is asked first; one rule there that matches the host, even by a wildcard, ends the search",
        fix: "define the subset in that rule too, or narrow its host",
        facts: &[Code::ShadowedSubset],
        ..Rule::BASE
    },
    &Rule {
        code: Code::Rs003,
        name: "unseen_subset",
        istio: Some("IST0101"),
        rationale: "rules count in the namespace of the client, of the service, or in the root namespace, and only where they are exported to",
        fix: "move the DestinationRule to the namespace of its service, or export it",
        facts: &[Code::UnseenSubset],
        ..Rule::BASE
    },
    &Rule {
        code: Code::Rs004,
        name: "unknown_host",
        istio: Some("IST0101"),
        rationale: "a host with a dot is taken literally: `reviews.prod` is not the service `reviews` of namespace `prod`; a host that is no service has no cluster",
        fix: "correct the name, or write `NAME.NAMESPACE.svc.cluster.local`",
        facts: &[
            Code::UnknownDestination,
            Code::ShortDottedHost,
            Code::NoServiceEntry,
            Code::UnknownHost,
        ],
        // A host that is no service still gets routes on port 80.
        severity_overrides: &[
            (Code::ShortDottedHost, Severity::Warning),
            (Code::UnknownHost, Severity::Warning),
            // Nothing of the kind is given, so that its file may merely be missing.
            (Code::NoServiceEntry, Severity::Info),
        ],
        ..Rule::BASE
    },
    &not_http::RULE,
    &unnamed_port::RULE,
    &bound_elsewhere::RULE,
    &Rule {
        code: Code::Rs008,
        name: "mesh_split_bypassed",
        istio: Some("IST0140"),
        rationale: "a gateway applies only the rules that are bound to it: its requests reach all pods of the host, whatever the mesh declares",
        fix: "name the subsets and weights in the rule of the gateway too, or bind the splitting rule to the gateway",
        facts: &[Code::MeshRulesNotApplied],
        ..Rule::BASE
    },
    &two_owners::RULE,
    &zero_total::RULE,
    &Rule {
        code: Code::Rs011,
        name: "unset_weight",
        rationale: "a missing weight counts as 0 in a VirtualService: next to others the destination gets nothing; other dialects have other defaults",
        fix: "give every destination of the route a `weight`",
        facts: &[Code::UnsetWeight],
        ..Rule::BASE
    },
    &single_weight::RULE,
    &weight_sum::RULE,
    &Rule {
        code: Code::Rs014,
        name: "repeated_destination",
        rationale: "both entries mean one cluster, and their shares add up",
        fix: "merge the entries, or correct the subset of one of them",
        facts: &[Code::SameClusterTwice],
        ..Rule::BASE
    },
    &shadowed_route::RULE,
    &no_route::RULE,
    &Rule {
        code: Code::Rs017,
        name: "port_required",
        istio: Some("IST0112"),
        rationale: "without `port` the number that the client dialled is used; a Service with several ports and without that one has no such cluster, and the share is answered with 503",
        fix: "name the port: `port: {number: …}`",
        facts: &[Code::UnsetPort],
        ..Rule::BASE
    },
    &Rule {
        code: Code::Rs018,
        name: "closed_port",
        istio: Some("IST0101"),
        rationale: "there is no cluster for that port: the share is answered with 503",
        fix: "name a port that the Service lists under `ports`",
        facts: &[Code::ClosedPort],
        ..Rule::BASE
    },
    &Rule {
        code: Code::Rs019,
        name: "overlapping_subsets",
        rationale: "a pod that belongs to two subsets is picked through both: the observed shares differ from the weights, and answers cannot be told apart",
        fix: "give each subset a label value that no other one has",
        facts: &[
            Code::EmptySubset,
            Code::OverlappingSubsets,
            Code::SharedPods,
        ],
        ..Rule::BASE
    },
    &Rule {
        code: Code::Rs020,
        name: "subset_without_pods",
        istio: Some("IST0173"),
        rationale: "a cluster without endpoints answers its whole share with 503 (flag UH)",
        fix: "correct the labels of the subset or of the pods; both the selector of the Service and the subset must match",
        facts: &[Code::SubsetWithoutPods, Code::NoEndpoints],
        ..Rule::BASE
    },
    &Rule {
        code: Code::Rs021,
        name: "headless",
        rationale: "the DNS answer already picked the pod: a sidecar sends the connection there, and subsets and weights do not choose",
        fix: "split over a Service with a cluster address",
        facts: &[Code::Headless],
        ..Rule::BASE
    },
    &fault::RULE,
    &other_client::RULE,
    &no_proxy::RULE,
    &match_pitfall::RULE,
    &Rule {
        code: Code::Rs026,
        name: "duplicate_rules",
        rationale: "their subsets are united, of which the first by age wins a name, and only the first traffic policy counts",
        fix: "merge them into one DestinationRule",
        facts: &[Code::TwoRules, Code::SubsetTwice],
        ..Rule::BASE
    },
    &not_exported::RULE,
    &Rule {
        code: Code::Rs028,
        name: "sticky",
        rationale: "requests that share a key, a cookie or a session are no independent draws: counting them tests nothing unless the key varies",
        fix: "vary the key from request to request (`-H`), keep no cookies, or judge by connection",
        facts: &[
            Code::HashPolicy,
            Code::HashBalancing,
            Code::Sticky,
            Code::ConsistentHash,
            Code::PersistentSession,
        ],
        // A hash inside of a destination leaves the split between destinations as it is.
        severity_overrides: &[
            (Code::ConsistentHash, Severity::Info),
            (Code::PersistentSession, Severity::Info),
        ],
        ..Rule::BASE
    },
    &Rule {
        code: Code::Rs029,
        name: "not_stationary",
        rationale: "a pod that is ejected, or a pool that is full, turns a part of the share into 503 for a while: the split changes during a run",
        fix: "watch for 503 with the flags UH and UO, or test with few connections",
        facts: &[
            Code::OutlierDetection,
            Code::ConnectionPool,
            Code::LocalityDistribute,
        ],
        ..Rule::BASE
    },
    &invalid_backend::RULE,
    &Rule {
        code: Code::Rs031,
        name: "no_weight",
        rationale: "a rule without a backend of a positive weight replies to everything with an error: 500, or 503 outside of the Gateway API",
        fix: "give one backend a weight above 0",
        facts: &[Code::NoWeight],
        ..Rule::BASE
    },
    &Rule {
        code: Code::Rs032,
        name: "consumer_route",
        rationale: "such a consumer route concerns only the clients of its own namespace",
        fix: "put the route into the namespace of the Service if it is meant for all clients",
        facts: &[Code::ConsumerRoute, Code::IgnoredHostnames],
        ..Rule::BASE
    },
    &Rule {
        code: Code::Rs033,
        name: "route_conflict",
        rationale: "the older one is accepted and the other one has no effect",
        fix: "give them different hostnames, or use one kind",
        facts: &[Code::RouteConflict],
        ..Rule::BASE
    },
    &not_judged::RULE,
    &gateway_hosts::RULE,
    &refused::RULE,
    &Rule {
        code: Code::Rs037,
        name: "weights_ignored",
        rationale: "Envoy Gateway makes one cluster of the backends of a rule, and a load balancer that hashes, or that serves requests without an `endpointOverride`, picks among all of its endpoints: every endpoint gets as much as any other one",
        fix: "use a `loadBalancer.type` that minds the weights (`LeastRequest`, `RoundRobin`, `Random`) without `endpointOverride`, or give each `backendRef` a filter, which makes a cluster of each",
        facts: &[Code::WeightsIgnored],
        ..Rule::BASE
    },
    &claim_match::RULE,
    &sidecar_conflict::RULE,
    &gateway_conflict::RULE,
    &target_port::RULE,
    &false_condition::RULE,
];

/// The rule with this id or name.
#[must_use]
pub fn find_rule(word: &str) -> Option<&'static Rule> {
    RULES.iter().copied().find(|rule| rule.is_called(word))
}

impl Finding {
    /// The rule that has graded it.
    #[must_use]
    pub fn rule(&self) -> Option<&'static Rule> {
        let code = self.note.rule?;
        RULES.iter().copied().find(|rule| rule.code == code)
    }

    /// `unknown_subset`.
    #[must_use]
    pub fn name(&self) -> &'static str {
        self.rule().map_or(self.note.code.id(), |rule| rule.name)
    }

    /// `RS001 unknown_subset`.
    #[must_use]
    pub fn title(&self) -> String {
        match self.rule() {
            Some(rule) => format!("{} {}", rule.code.id(), rule.name),
            None => self.note.code.id().to_owned(),
        }
    }

    /// The message of `istioctl analyze` about the same fact. Istio refuses objects that do not decode.
    #[must_use]
    pub fn istio(&self) -> Option<&'static str> {
        match self.rule() {
            Some(rule) => rule.istio,
            None => {
                (self.severity() == Severity::Error && self.place().is_some()).then_some("IST0106")
            }
        }
    }
}
