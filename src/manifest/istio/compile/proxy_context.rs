//! Whose proxy routes: a sidecar, a waypoint or a gateway, and what is known about where it stands.

use std::collections::BTreeMap;

/// Whose proxy routes, and where it stands.
#[derive(Clone, Copy, Debug)]
pub(super) struct ProxyContext<'a> {
    /// The namespace of the client, of the waypoint or of the gateway.
    pub(super) namespace: &'a str,
    /// The labels of the client's pod, where they are known.
    pub(super) labels: Option<&'a BTreeMap<String, String>>,
    /// `mesh`, or the gateway as `namespace/name`.
    pub(super) place: &'a str,
    pub(super) proxy: ProxyKind,
    /// The port that is dialled, where it is known.
    pub(super) port: Option<u16>,
}

/// What kind of proxy routes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum ProxyKind {
    Sidecar,
    Waypoint,
    Gateway,
}
