//! Which listeners of a Gateway take a route, and under which hosts; or why none does.

use super::attached_hosts::{Attached, assumed, connections, hostnames, narrower, takes};
use super::certificates::without_certificate;
use super::index::Index;
use super::refusals::{admits, chooses, mapped, no_listener};
use crate::diag::{Code, Note, Span};
use crate::manifest::gateway_api::objects::{ApiRoute, Gateway, Listener, ParentKind, ParentRef};
use crate::route::{AppliesTo, Condition, Test, TextMatch, Transport, Vantage, VirtualHost};

/// A Gateway as it is seen by somebody who dials one of its ports.
pub(super) struct GatewayView<'m> {
    pub(super) namespace: &'m str,
    pub(super) name: &'m str,
    /// `None` where the Gateway is not given: it is taken to accept then.
    gateway: Option<&'m Gateway>,
    /// All listeners, those of its sets too.
    all: Vec<&'m Listener>,
    /// The listeners that hand requests to routes, those of the dialled port where the Gateway has it.
    listeners: Vec<&'m Listener>,
    /// The same of those that hand connections to routes.
    of_connections: Vec<&'m Listener>,
    /// Those that do not listen, each with why.
    silent: Vec<(&'m Listener, String)>,
    port: Option<u16>,
    transport: &'m Transport,
    /// The connection, where it does not reach listeners of the dialled port.
    unreached: Option<&'m Transport>,
}

/// Keeps the listeners that a connection reaches: those in the clear, or the one whose hostname fits the handshake best.
/// Something in front of the Gateway may end TLS where it also maps ports. Where the handshake names the same host as the
/// request, the hosts of the listeners keep their requests apart as well.
fn reached(listeners: &mut Vec<&Listener>, transport: &Transport, mapped: bool) {
    let sealed = |one: &Listener| matches!(one.protocol.value.as_str(), "HTTPS" | "TLS");
    let fit = |one: &Listener| transport.fit(std::iter::once(&*one.domain()));
    let ending = listeners.iter().filter(|one| sealed(one));
    let best = ending.clone().filter_map(|one| fit(one)).max();
    let ended_in_front = mapped && ending.count() == 0;
    listeners.retain(|one| match (transport, sealed(one)) {
        // A listener of connections takes whatever begins.
        _ if one.protocol.value == "TCP" => true,
        (Transport::Unknown, _) | (Transport::Plain, false) => true,
        (Transport::Plain, true) => mapped,
        (Transport::Tls { .. }, false) => ended_in_front,
        (Transport::Tls { is_host: true, .. }, true) => best.is_some(),
        (Transport::Tls { .. }, true) => best.is_some() && fit(one) == best,
    });
}

impl<'m> GatewayView<'m> {
    pub(super) fn new(
        index: &Index<'m>,
        namespace: &'m str,
        name: &'m str,
        vantage: &'m Vantage,
    ) -> Self {
        let port = vantage.port;
        let gateway = index.gateway(namespace, name);
        let all = gateway.map_or_else(Vec::new, |gateway| index.listeners(gateway));
        let dialled = |listener: &&Listener| Some(listener.port) == port;
        let any = all.iter().any(dialled);
        let mut listeners: Vec<&Listener> = (all.iter().copied())
            .filter(|one| !any || dialled(one))
            .collect();
        let why = |one: &&'m Listener| without_certificate(index.secrets, gateway?, one);
        let silent: Vec<(&Listener, String)> = (listeners.iter())
            .filter_map(|one| Some((*one, why(one)?)))
            .collect();
        listeners.retain(|one| !silent.iter().any(|(other, _)| std::ptr::eq(*one, *other)));
        let web = |one: &&Listener| one.scheme().is_some();
        let before = listeners.iter().filter(|one| web(one)).count();
        reached(&mut listeners, &vantage.transport, !any);
        let (listeners, of_connections): (Vec<&Listener>, Vec<&Listener>) =
            listeners.into_iter().partition(web);
        Self {
            namespace,
            name,
            gateway,
            unreached: (listeners.len() < before).then_some(&vantage.transport),
            all,
            listeners,
            of_connections,
            silent,
            port,
            transport: &vantage.transport,
        }
    }

    /// Whether the Gateway is given.
    pub(super) fn given(&self) -> Option<&'m Gateway> {
        self.gateway
    }

    /// A port that no listener has leads to one all the same where something in front of the Gateway maps ports.
    pub(super) fn mapped(&self) -> Option<Note<AppliesTo>> {
        mapped(self.gateway?, &self.all, self.port?)
    }

    /// The hosts under which a route is taken, or why none is. `None` where the route does not ask for this Gateway.
    pub(super) fn take(
        &self,
        index: &Index<'m>,
        route: &'m ApiRoute,
    ) -> Option<Result<Vec<Attached<'m>>, String>> {
        let home = &route.meta.namespace;
        let parents: Vec<&ParentRef> = route
            .parents
            .iter()
            .filter(|parent| {
                let (namespace, name) = (parent.namespace(home), parent.name.value.as_str());
                match parent.kind {
                    ParentKind::Gateway => (namespace, name) == (self.namespace, self.name),
                    ParentKind::ListenerSet => (index.sets(self.namespace, self.name).iter())
                        .any(|set| set.meta.namespace == namespace && set.meta.name == name),
                    _ => false,
                }
            })
            .collect();
        let first = parents.first()?;
        let Some(gateway) = self.gateway else {
            return Some(self.assumed_hosts(index, route, &parents));
        };
        let mut found: Vec<Attached<'m>> = Vec::new();
        let mut refusals: Vec<String> = Vec::new();
        let mut unreached = self.unreached;
        let serving = if route.kind.of_connections() {
            &self.of_connections
        } else {
            &self.listeners
        };
        let serving = serving.iter().copied();
        for parent in &parents {
            let chosen: Vec<&'m Listener> = serving
                .clone()
                .filter(|one| chooses(parent, home, one) && one.serves(route.kind))
                .collect();
            let mut silent = self.silent.iter();
            if let Some((_, why)) = silent.find(|(listener, _)| chooses(parent, home, listener)) {
                refusals.push(format!("has no listener there: {why}"));
            }
            if chosen.is_empty() {
                refusals.push(no_listener(gateway, &self.all, (parent, route), self.port));
            }
            for listener in chosen {
                unreached = None;
                match admits(index, gateway, listener, route) {
                    Err(why) => refusals.push(why),
                    Ok(caveat) if route.kind.of_connections() => {
                        found.extend(connections(
                            (self.transport, self.port),
                            route,
                            listener,
                            caveat.as_ref(),
                        ));
                    }
                    Ok(caveat) => self.common_hosts(route, listener, caveat.as_ref(), &mut found),
                }
            }
        }
        if found.is_empty() {
            let place = format!("Gateway {}/{}", self.namespace, self.name);
            let unreached = unreached.map(|transport| {
                let begins = transport.in_words();
                format!("has hostnames for which no listener of {place} takes {begins}")
            });
            let why = unreached
                .or(refusals.into_iter().next())
                .unwrap_or_else(|| format!("has hostnames that no listener of {place} takes"));
            return Some(Err(why));
        }
        for attached in &mut found {
            let own = self.conditions(attached, first.span);
            attached.conditions.extend(own);
        }
        Some(Ok(found))
    }

    /// A Gateway that is not given takes every host of the route.
    fn assumed_hosts(
        &self,
        index: &Index<'m>,
        route: &'m ApiRoute,
        parents: &[&ParentRef],
    ) -> Result<Vec<Attached<'m>>, String> {
        let other = |parent: &&&ParentRef| match (&parent.port, self.port) {
            (Some(asked), Some(dialled)) => asked.value != dialled,
            _ => false,
        };
        if let (Some(port), true) = (
            parents.iter().find_map(|parent| parent.port.as_ref()),
            parents.iter().all(|parent| other(&parent)),
        ) {
            return Err(format!("is bound to port {} only", port.value));
        }
        let (namespace, name) = (self.namespace, self.name);
        let bare = parents.iter().find(|parent| parent.namespace.is_none());
        let namesake = bare.and_then(|bare| Some((bare, index.namesake(namespace, name)?)));
        let note = if let Some((bare, other)) = namesake {
            let message = format!(
                "Gateway {namespace}/{name} is not in these manifests, and {} is: a parent without a namespace is one of namespace {namespace}",
                other.meta
            );
            let note = Note::about(Code::UnknownParent, message, Some(bare.name.span));
            note.help(format!(
                "did you mean `namespace: {}`?",
                other.meta.namespace
            ))
        } else {
            let message = format!(
                "Gateway {namespace}/{name} is not in these manifests, so that its own hosts are not checked"
            );
            Note::about(Code::GatewayNotGiven, message, None)
        };
        let taken = hostnames(route).map(|(hostname, span)| Attached {
            domain: if hostname.is_empty() {
                "*".to_owned()
            } else {
                hostname.to_lowercase()
            },
            hostname,
            span,
            conditions: assumed(route, span).into_iter().collect(),
            caveats: vec![note.clone()],
            listeners: Vec::new(),
        });
        Ok(taken.collect())
    }

    /// The hosts that the route and a listener have in common, except those that a more specific listener takes away.
    fn common_hosts(
        &self,
        route: &'m ApiRoute,
        listener: &'m Listener,
        caveat: Option<&Note<AppliesTo>>,
        found: &mut Vec<Attached<'m>>,
    ) {
        let own = listener.domain();
        for (hostname, span) in hostnames(route) {
            let Some(domain) = narrower(&own, &hostname.to_lowercase()) else {
                continue;
            };
            if self.isolated(listener, &own, &domain) {
                continue;
            }
            let same =
                |known: &&mut Attached<'m>| known.domain == domain && known.hostname == hostname;
            if let Some(known) = found.iter_mut().find(same) {
                known.listeners.push(listener);
                continue;
            }
            found.push(Attached {
                domain,
                hostname,
                span,
                conditions: Vec::new(),
                caveats: caveat.cloned().into_iter().collect(),
                listeners: vec![listener],
            });
        }
    }

    /// "Requests SHOULD match at most one Listener": of those of one port, the one with the most specific hostname.
    fn isolated(&self, listener: &Listener, own: &str, domain: &str) -> bool {
        self.listeners.iter().any(|other| {
            let theirs = other.domain();
            other.port == listener.port
                && theirs != own
                && takes(own, &theirs)
                && takes(&theirs, domain)
        })
    }

    /// The listeners with a hostname for which no host of a table is made, though a wildcard of it would take their
    /// requests: those go to nobody. Where listeners share an HTTP port, proxies put their hosts into one table, and the
    /// wildcard takes them after all; only the specification keeps them apart.
    pub(super) fn idle_listeners(&self, hosts: &[VirtualHost], apart: bool) -> Vec<&'m Listener> {
        let domains = || hosts.iter().flat_map(|host| &host.domains);
        let left = |one: &&'m Listener| {
            let own = one.domain();
            let rival = |other: &&Listener| {
                let theirs = other.domain();
                takes(&theirs, &own) && theirs != own && !self.isolated(other, &theirs, &own)
            };
            own != "*"
                && (apart || one.scheme() == Some("https"))
                && !domains().any(|domain| takes(&own, domain))
                && domains().any(|domain| takes(domain, &own))
                && !self.listeners.iter().copied().any(|other| rival(&other))
        };
        self.listeners.iter().copied().filter(left).collect()
    }

    /// A route that not every listener of a host hands requests to is limited to those of its own.
    fn conditions(&self, attached: &Attached<'_>, span: Span) -> Vec<Condition> {
        let serving: Vec<&Listener> = self
            .listeners
            .iter()
            .copied()
            .filter(|one| {
                let own = one.domain();
                takes(&own, &attached.domain) && !self.isolated(one, &own, &attached.domain)
            })
            .collect();
        let ours = |one: &&&Listener| {
            attached
                .listeners
                .iter()
                .any(|own| std::ptr::eq(*own, **one))
        };
        let (mine, others): (Vec<&&Listener>, Vec<&&Listener>) =
            serving.iter().partition(|one| ours(one));
        let Some(first) = mine.first() else {
            return Vec::new();
        };
        if others.is_empty() {
            return Vec::new();
        }
        let scheme = first.scheme();
        let one_scheme = mine.iter().all(|one| one.scheme() == scheme);
        let test = match scheme {
            Some(scheme) if one_scheme && others.iter().all(|one| one.scheme() != Some(scheme)) => {
                Test::Scheme(TextMatch::exact(scheme))
            }
            _ => {
                let ports: Vec<String> = mine.iter().map(|one| one.port.to_string()).collect();
                let message = format!(
                    "the port of the gateway is not known from here; taken to be {}",
                    ports.join(" or ")
                );
                Test::Assumed(Note::about(Code::UnknownPort, message, Some(span)))
            }
        };
        vec![Condition {
            field: "parentRefs".to_owned(),
            span,
            test,
        }]
    }
}
