//! Which waypoint a service uses (ambient mode), whether that one may stand in front of services, and which share of the
//! traffic a second one gets.

use crate::diag::{Code, Note};
use crate::manifest::Manifests;
use crate::manifest::decode::At;
use crate::manifest::kube::Meta;
use crate::route::AppliesTo;

/// The label that names the waypoint.
pub(super) const WAYPOINT: &str = "istio.io/use-waypoint";
/// The label that says where that waypoint is.
pub(super) const WAYPOINT_NAMESPACE: &str = "istio.io/use-waypoint-namespace";
/// The label of a waypoint that says what it is for.
const FOR: &str = "istio.io/waypoint-for";
/// The label that names a second waypoint.
const CANARY: &str = "istio.io/use-waypoint-canary";
/// The label that says where that one is.
const CANARY_NAMESPACE: &str = "istio.io/use-waypoint-canary-namespace";
/// The annotation with its share.
const CANARY_WEIGHT: &str = "istio.io/use-waypoint-canary-weight";

/// The waypoint of a service.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Use {
    /// This one, which is given: `namespace/name`.
    Given(String),
    /// This one, which is not among the manifests.
    Assumed(String),
    /// One that takes no requests for services, and why.
    Unfit(String),
    /// None.
    None,
    /// Its namespace may name one, and is not among the manifests.
    Unknown,
}

/// The waypoint that a service uses: the one that itself names, else that of its namespace.
pub(super) fn used(manifests: &Manifests, service: &Meta) -> Use {
    let mut namespaces = manifests.namespaces.iter();
    let namespace = namespaces.find(|one| one.name == service.namespace);
    let named = |meta: &Meta| meta.labels.contains_key(WAYPOINT);
    let (labels, of) = match namespace {
        _ if named(service) => (&service.labels, service),
        Some(namespace) if named(namespace) => (&namespace.labels, namespace),
        Some(_) => return Use::None,
        None => return Use::Unknown,
    };
    let Some(name) = labels.get(WAYPOINT).filter(|name| *name != "none") else {
        return Use::None;
    };
    let home = labels.get(WAYPOINT_NAMESPACE).unwrap_or(&service.namespace);
    fit(manifests, home, name, of)
}

/// Whether a waypoint takes requests for services.
fn fit(manifests: &Manifests, home: &str, name: &str, of: &Meta) -> Use {
    let full = format!("{home}/{name}");
    let mut gateways = manifests.api_gateways.iter();
    let Some(gateway) = gateways.find(|one| one.meta.name == name && one.meta.namespace == home)
    else {
        return Use::Assumed(full);
    };
    match gateway
        .meta
        .labels
        .get(FOR)
        .map_or("service", String::as_str)
    {
        "service" | "all" => Use::Given(full),
        other => Use::Unfit(format!(
            "the waypoint {full} that {} names is for `{other}` (`{FOR}`), and takes no requests for services",
            of.kind_and_name()
        )),
    }
}

impl Meta {
    /// A Namespace has none of its own.
    fn kind_and_name(&self) -> String {
        if self.kind == "Namespace" {
            format!("Namespace {}", self.name)
        } else {
            self.to_string()
        }
    }
}

/// What a second waypoint of a service does to its traffic, which is split between both. It counts where the first one is
/// named: a service that names its own waypoint takes no notice of the canary of its namespace.
pub(super) fn canary(manifests: &Manifests, service: &Meta) -> Option<Note<AppliesTo>> {
    let mut namespaces = manifests.namespaces.iter();
    let namespace = namespaces.find(|one| one.name == service.namespace);
    let of = if service.labels.contains_key(WAYPOINT) {
        service
    } else {
        namespace
            .filter(|one| one.labels.contains_key(WAYPOINT))
            .unwrap_or(service)
    };
    let name = of.labels.get(CANARY)?;
    let span = of
        .annotations
        .get(CANARY_WEIGHT)
        .map_or(of.span, |text| text.span);
    let whose = of.kind_and_name();
    let bad = |message: String| {
        let caveat = Note::about(Code::WaypointCanary, message, Some(span));
        Some(caveat.help("the service keeps its first waypoint alone until that is corrected"))
    };
    let primary = match used(manifests, service) {
        Use::Given(name) | Use::Assumed(name) => name,
        Use::None | Use::Unknown | Use::Unfit(_) => {
            return bad(format!(
                "{whose} names a canary waypoint (`{CANARY}`) and uses no waypoint beside it: the label has no effect"
            ));
        }
    };
    let home = of
        .labels
        .get(CANARY_NAMESPACE)
        .unwrap_or(&service.namespace);
    let second = match fit(manifests, home, name, of) {
        Use::Unfit(why) => return bad(why),
        Use::Given(name) | Use::Assumed(name) => name,
        Use::None | Use::Unknown => return None,
    };
    if second == primary {
        return bad(format!(
            "{whose} names the waypoint {primary} twice: as the first and as the canary"
        ));
    }
    let Some(weight) = weight(of.annotations.get(CANARY_WEIGHT)) else {
        return bad(format!(
            "`{CANARY_WEIGHT}` of {whose} is no whole number from 0 to 100: everything goes through the waypoint {primary}"
        ));
    };
    let message = format!(
        "clients in ambient mode reach {whose} through the waypoint {second} with {weight}% of their connections (gateways with \
         `istio.io/ingress-use-waypoint`: of their requests), and through {primary} with the others: what is attached to one of \
         them alone is not judged"
    );
    Some(Note::about(Code::WaypointCanary, message, Some(span)))
}

fn weight(text: Option<&At<String>>) -> Option<u8> {
    let Some(text) = text else { return Some(0) };
    text.value.parse().ok().filter(|weight| *weight <= 100)
}
