//! The table: for each kind where its weights are, how they are written, and what they do not say.

use super::Zero;
use super::decode::Step::{Each, In};
use super::decode::{By, Places, decode};
use super::notation::Notation;
use crate::manifest::Dialect;
use crate::split::Mechanism;

/// A kind of object of which only the weights are read.
#[derive(Debug)]
pub(super) struct WeightedKind {
    /// Where its splits are.
    pub(super) splits: &'static [Places],
    /// What names a backend.
    pub(super) by: By,
    /// The field that holds the weight of a backend.
    pub(super) weight: &'static str,
    /// How weights are written.
    pub(super) notation: Notation,
    /// How many backends a split may have.
    pub(super) most_backends: usize,
    /// What happens where all of them are zero.
    pub(super) zero: Zero,
    /// What else decides about a request.
    pub(super) not_judged: &'static str,
}

/// A kind of object whose decoder is a row of the table.
macro_rules! dialect {
    ($group:expr, $versions:expr, $kind:expr, $row:ident) => {
        Dialect {
            group: $group,
            versions: $versions,
            kind: $kind,
            decode: |meta, fields, decoder, to| {
                to.weights_only.extend(decode(&$row, meta, fields, decoder));
            },
        }
    };
}

/// The kinds with their places in the table.
pub(in crate::manifest) const DIALECTS: &[Dialect] = &[
    dialect!(
        "split.smi-spec.io",
        &["v1alpha4", "v1alpha3", "v1alpha2", "v1alpha1"],
        "TrafficSplit",
        TRAFFIC_SPLIT
    ),
    dialect!(
        "consul.hashicorp.com",
        &["v1alpha1"],
        "ServiceSplitter",
        SERVICE_SPLITTER
    ),
    dialect!("traefik.io", ALPHA, "TraefikService", TRAEFIK_SERVICE),
    dialect!(
        "traefik.containo.us",
        ALPHA,
        "TraefikService",
        TRAEFIK_SERVICE
    ),
    dialect!("traefik.io", ALPHA, "IngressRoute", INGRESS_ROUTE),
    dialect!("traefik.containo.us", ALPHA, "IngressRoute", INGRESS_ROUTE),
    dialect!("projectcontour.io", &["v1"], "HTTPProxy", HTTP_PROXY),
    dialect!("kuma.io", ALPHA, "MeshHTTPRoute", MESH_HTTP_ROUTE),
    dialect!("route.openshift.io", &["v1"], "Route", OPENSHIFT_ROUTE),
    dialect!("", &["v1"], "Route", OPENSHIFT_ROUTE),
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
