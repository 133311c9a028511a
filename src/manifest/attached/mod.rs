//! Objects that are attached to a part of the way of a request beside its routes: policies, filters and plugins, with what
//! they select. What most of them do is not modelled; that they are there is never passed over.
//!
//! Two ways of attachment exist: by reference (`targetRefs`, the policies of the Gateway API), and by the labels of pods
//! (`selector`, the policies of Istio), where none means all pods of the namespace.

pub mod access;
mod decode;
mod index;
mod kinds;
pub(super) mod nodes;
pub mod peer_authentication;
mod reach;
pub(super) mod refusal;

use std::collections::BTreeMap;

use super::kube::{Meta, selects};
use crate::diag::{Code, Note};
use crate::route::AppliesTo;
use access::Access;
use peer_authentication::PeerAuthentication;

pub(super) use decode::read;
pub(super) use index::AttachedIndex;
pub use kinds::Effect;
pub use reach::Reach;

/// The namespace whose policies select pods of all namespaces.
const ROOT: &str = "istio-system";

/// An object that is attached to something.
#[derive(Clone, Debug)]
pub struct Attached {
    /// Its identity.
    pub meta: Meta,
    /// What it may do to a request.
    pub effect: Effect,
    /// What it refers to, in its own namespace.
    pub targets: Vec<Target>,
    /// The labels of the pods that it selects; `None` where it selects by reference only.
    pub selector: Option<BTreeMap<String, String>>,
    /// What of it is read.
    pub body: Body,
}

/// What an object refers to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Target {
    /// The kind.
    pub kind: String,
    /// The name, where it is given by name.
    pub name: Option<String>,
    /// A part of it: a rule of a route, a listener of a Gateway, a port of a Service.
    pub section: Option<String>,
    /// The labels of the objects that are meant, where it is given by labels.
    pub labels: BTreeMap<String, String>,
}

/// What is read of an object.
#[derive(Clone, Debug)]
pub enum Body {
    /// Who may send what.
    Access(Access),
    /// Whether plain text is taken.
    Peer(PeerAuthentication),
    /// Where in the mesh the patches of an `EnvoyFilter` apply; none means everywhere.
    Contexts(Vec<String>),
    /// The settings that are there, by name.
    Settings(Vec<String>),
}

/// A proxy that runs what is attached to it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Side {
    /// That of a client, for what it sends.
    Outbound,
    /// That of a gateway.
    Gateway,
    /// That of a destination, for what it gets.
    Inbound,
}

impl Attached {
    /// Whether it is attached by reference to an object, or to this part of it.
    #[must_use]
    pub fn refers_to(&self, object: &Meta, section: Option<&str>) -> bool {
        // A class of Gateways has no namespace.
        let here = self.meta.namespace == object.namespace;
        here && self.targets.iter().any(|target| {
            let named = match &target.name {
                Some(name) => *name == object.name,
                None => selects(&target.labels, &object.labels),
            };
            let part = target.section.as_deref();
            target.kind == object.kind && named && (part.is_none() || part == section)
        })
    }

    /// Whether it runs in a proxy of a namespace on this side of it.
    #[must_use]
    pub fn is_for(&self, namespace: &str, side: Side) -> bool {
        let home = self.meta.namespace.as_str();
        self.selector.is_some()
            && self.targets.is_empty()
            && (home == namespace || (home == ROOT && self.effect != Effect::Network))
            && self.runs_on(side)
    }

    /// Whether it does anything on a side.
    #[must_use]
    pub fn runs_on(&self, side: Side) -> bool {
        let contexts: &[&str] = match side {
            Side::Outbound => &["ANY", "SIDECAR_OUTBOUND"],
            Side::Gateway => &["ANY", "GATEWAY"],
            Side::Inbound => &["ANY", "SIDECAR_INBOUND"],
        };
        match &self.body {
            Body::Contexts(own) => {
                own.is_empty() || own.iter().any(|one| contexts.contains(&one.as_str()))
            }
            Body::Access(_) => side != Side::Outbound,
            Body::Peer(_) => side == Side::Inbound,
            Body::Settings(_) => match self.effect {
                Effect::Network => side == Side::Inbound,
                effect => side != Side::Outbound || effect.of_clients(),
            },
        }
    }

    /// That it is attached to something, or may be, and what it does there.
    #[must_use]
    pub fn note(&self, to: &str, reach: Reach) -> Note<AppliesTo> {
        let is = match reach {
            Reach::All => "is attached to",
            Reach::Some => "is attached to some of",
            Reach::Unknown | Reach::None => "may be attached to",
        };
        let message = format!(
            "{} {is} {to} and is not judged: it {}",
            self.meta,
            self.says()
        );
        Note::about(Code::AttachedPolicy, message, Some(self.meta.span))
    }

    fn says(&self) -> String {
        let settings = match &self.body {
            Body::Settings(settings) if !settings.is_empty() => {
                format!(" (`{}`)", settings.join("`, `"))
            }
            _ => String::new(),
        };
        format!("{}{settings}", self.effect.text())
    }
}
