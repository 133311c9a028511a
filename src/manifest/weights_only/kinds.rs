//! The table: for each kind where its weights are, how they are written, and what they do not say.

use super::Zero;
use super::decode::decode;
use super::kind::Step::{Each, In};
use super::kind::{By, Places, WeightedKind};
use super::notation::Notation;
use crate::manifest::dialect::{Dialect, dialect};
use crate::split::Mechanism;

/// The kinds with their places in the table.
pub(in crate::manifest) const DIALECTS: &[Dialect] = &[
    dialect!(
        "split.smi-spec.io",
        &["v1alpha4", "v1alpha3", "v1alpha2", "v1alpha1"],
        "TrafficSplit",
        weights_only,
        decode,
        &TRAFFIC_SPLIT
    ),
    dialect!(
        "consul.hashicorp.com",
        &["v1alpha1"],
        "ServiceSplitter",
        weights_only,
        decode,
        &SERVICE_SPLITTER
    ),
    dialect!(
        "traefik.io",
        ALPHA,
        "TraefikService",
        weights_only,
        decode,
        &TRAEFIK_SERVICE
    ),
    dialect!(
        "traefik.containo.us",
        ALPHA,
        "TraefikService",
        weights_only,
        decode,
        &TRAEFIK_SERVICE
    ),
    dialect!(
        "traefik.io",
        ALPHA,
        "IngressRoute",
        weights_only,
        decode,
        &INGRESS_ROUTE
    ),
    dialect!(
        "traefik.containo.us",
        ALPHA,
        "IngressRoute",
        weights_only,
        decode,
        &INGRESS_ROUTE
    ),
    dialect!(
        "projectcontour.io",
        &["v1"],
        "HTTPProxy",
        weights_only,
        decode,
        &HTTP_PROXY
    ),
    dialect!(
        "kuma.io",
        ALPHA,
        "MeshHTTPRoute",
        weights_only,
        decode,
        &MESH_HTTP_ROUTE
    ),
    dialect!(
        "route.openshift.io",
        &["v1"],
        "Route",
        weights_only,
        decode,
        &OPENSHIFT_ROUTE
    ),
    dialect!("", &["v1"], "Route", weights_only, decode, &OPENSHIFT_ROUTE),
];

const ALPHA: &[&str] = &["v1alpha1"];

static TRAFFIC_SPLIT: WeightedKind = WeightedKind {
    splits: &[Places {
        label: "spec.backends",
        at: &[In("spec", "a TrafficSplit spec")],
        backends: &[&[Each("backends", "a backend")]],
        mechanism: Mechanism::Iid,
    }],
    by: By::Name("service"),
    weight: "weight",
    notation: Notation::Quantity,
    most_backends: usize::MAX,
    zero: Zero::Assumed(503),
    not_judged: "its service and its `matches`",
};

static SERVICE_SPLITTER: WeightedKind = splitter(&[Places {
    label: "spec.splits",
    at: &[In("spec", "a ServiceSplitter spec")],
    backends: &[&[Each("splits", "a split")]],
    mechanism: Mechanism::Iid,
}]);

/// A Consul splitter: an object of Kubernetes, or a config entry.
pub(super) const fn splitter(splits: &'static [Places]) -> WeightedKind {
    WeightedKind {
        splits,
        by: By::Consul {
            service: "service",
            subset: "serviceSubset",
            namespace: "namespace",
        },
        weight: "weight",
        notation: Notation::Percent,
        most_backends: usize::MAX,
        zero: Zero::Assumed(503),
        not_judged: "its service, routers, resolvers, defaults and the splitters of its backends",
    }
}

const TRAEFIK: Notation = Notation::Whole {
    unset: 1,
    most: u32::MAX as i64,
};

static TRAEFIK_SERVICE: WeightedKind = WeightedKind {
    splits: &[Places {
        label: "spec.weighted",
        at: &[
            In("spec", "a TraefikService spec"),
            In("weighted", "a weighted service"),
        ],
        backends: &[&[Each("services", "a service")]],
        mechanism: Mechanism::Wrr,
    }],
    by: By::Name("name"),
    weight: "weight",
    notation: TRAEFIK,
    most_backends: usize::MAX,
    zero: Zero::Status(503),
    not_judged: "the routes that name it, the TraefikServices that it names, and sticky cookies",
};

static INGRESS_ROUTE: WeightedKind = WeightedKind {
    splits: &[Places {
        label: "spec.routes[]",
        at: &[
            In("spec", "an IngressRoute spec"),
            Each("routes", "a route"),
        ],
        backends: &[&[Each("services", "a service")]],
        mechanism: Mechanism::Wrr,
    }],
    by: By::Name("name"),
    weight: "weight",
    notation: TRAEFIK,
    most_backends: usize::MAX,
    zero: Zero::Status(503),
    not_judged: "its `match` rules, priorities, middlewares, TraefikServices and sticky cookies",
};

static HTTP_PROXY: WeightedKind = WeightedKind {
    splits: &[
        Places {
            label: "spec.routes[]",
            at: &[In("spec", "an HTTPProxy spec"), Each("routes", "a route")],
            backends: &[&[Each("services", "a service")]],
            mechanism: Mechanism::Iid,
        },
        Places {
            label: "spec.tcpproxy",
            at: &[
                In("spec", "an HTTPProxy spec"),
                In("tcpproxy", "a TCP proxy"),
            ],
            backends: &[&[Each("services", "a service")]],
            mechanism: Mechanism::PerConnection,
        },
    ],
    by: By::Name("name"),
    weight: "weight",
    notation: Notation::Whole {
        unset: 0,
        most: u32::MAX as i64,
    },
    most_backends: usize::MAX,
    // "unset all = equal", and zero is as good as unset.
    zero: Zero::Even,
    not_judged: "its host, conditions, includes and policies",
};

static MESH_HTTP_ROUTE: WeightedKind = WeightedKind {
    splits: &[Places {
        label: "spec.to[].rules[]",
        at: &[
            In("spec", "a MeshHTTPRoute spec"),
            Each("to", "an item of `to`"),
            Each("rules", "a rule"),
        ],
        backends: &[&[
            In("default", "a `default`"),
            Each("backendRefs", "a backend"),
        ]],
        mechanism: Mechanism::Iid,
    }],
    by: By::Kuma,
    weight: "weight",
    notation: Notation::Whole {
        unset: 1,
        most: u32::MAX as i64,
    },
    most_backends: usize::MAX,
    zero: Zero::Status(503),
    not_judged: "its targets, hostnames, matches and filters",
};

static OPENSHIFT_ROUTE: WeightedKind = WeightedKind {
    splits: &[Places {
        label: "spec.to",
        at: &[In("spec", "a Route spec")],
        backends: &[
            &[In("to", "a backend")],
            &[Each("alternateBackends", "a backend")],
        ],
        mechanism: Mechanism::Iid,
    }],
    by: By::Name("name"),
    weight: "weight",
    notation: Notation::Whole {
        unset: 100,
        most: 256,
    },
    most_backends: 4,
    zero: Zero::Status(503),
    not_judged: "its host, path, TLS termination, balancing and cookies",
};
