//! The hosts under which a route is taken: what its hostnames and those of a listener have in common.

use crate::diag::{Code, Note, Span};
use crate::manifest::gateway_api::objects::{ApiRoute, Listener, RouteKind};
use crate::manifest::mesh::names::covers;
use crate::route::{AppliesTo, Condition, Test, TextMatch, Transport};

/// A host under which a route is taken.
pub(super) struct Attached<'m> {
    /// The host, lower case, perhaps with a wildcard.
    pub(super) domain: String,
    /// The hostname of the route that led to it; empty for a route without any.
    pub(super) hostname: &'m str,
    /// Where that hostname is.
    pub(super) span: Span,
    /// What must hold besides the match of a rule.
    pub(super) conditions: Vec<Condition>,
    /// What had to be assumed.
    pub(super) caveats: Vec<Note<AppliesTo>>,
    /// The listeners; none where the Gateway is not given.
    pub(super) listeners: Vec<&'m Listener>,
}

/// The names under which connections are taken: those of the handshake for a `TLSRoute`, all on the port of the listener
/// for a `TCPRoute`.
pub(super) fn connections<'m>(
    (transport, dialled): (&Transport, Option<u16>),
    route: &'m ApiRoute,
    listener: &'m Listener,
    caveat: Option<&Note<AppliesTo>>,
) -> Vec<Attached<'m>> {
    let sealed = listener.protocol.value == "TLS";
    let own = listener.domain();
    let taken = hostnames(route).filter_map(|(hostname, span)| {
        let common = narrower(&own, &hostname.to_lowercase())?;
        if sealed && matches!(transport, Transport::Plain) {
            return None;
        }
        let said = matches!(transport, Transport::Tls { .. });
        if sealed && said {
            transport.fit(std::iter::once(common.as_str()))?;
        }
        let domain = match transport {
            // Another port leads elsewhere.
            _ if !sealed && dialled != Some(listener.port) => format!(":{}", listener.port),
            _ if !sealed => "*".to_owned(),
            // The name in the handshake counts, whatever host the request names.
            Transport::Tls { is_host: false, .. } => "*".to_owned(),
            _ => common,
        };
        let condition = sealed.then(|| Condition {
            field: "protocol".to_owned(),
            span: listener.span(),
            test: Test::Scheme(TextMatch::exact("https")),
        });
        Some(Attached {
            domain,
            hostname,
            span,
            conditions: condition.into_iter().collect(),
            caveats: caveat.cloned().into_iter().collect(),
            listeners: vec![listener],
        })
    });
    taken.collect()
}

/// What connections to a listener that is not given must be like.
pub(super) fn assumed(route: &ApiRoute, span: Span) -> Option<Condition> {
    let test = match route.kind {
        RouteKind::Http | RouteKind::Grpc => return None,
        RouteKind::Tls => Test::Scheme(TextMatch::exact("https")),
        RouteKind::Tcp => {
            let message =
                "the port of the listener is not known: taken to be the one that is dialled";
            Test::Assumed(Note::about(Code::UnknownPort, message, Some(span)))
        }
    };
    Some(Condition {
        field: "parentRefs".to_owned(),
        span,
        test,
    })
}

/// The hostnames of a route with their places; one empty name for a route that has none.
pub(super) fn hostnames(route: &ApiRoute) -> impl Iterator<Item = (&str, Span)> {
    let none = route.hostnames.is_empty();
    let given = route
        .hostnames
        .iter()
        .map(|name| (name.value.as_str(), name.span));
    given.chain(none.then_some(("", route.meta.span)))
}

/// Whether a host name, perhaps with a wildcard, takes another.
pub(super) fn takes(pattern: &str, host: &str) -> bool {
    covers(pattern, host) || pattern == host
}

/// The narrower of two hosts, if they meet: "`*.example.com` would match both `test.example.com`, and
/// `foo.test.example.com`, but not `example.com`".
pub(super) fn narrower(listener: &str, hostname: &str) -> Option<String> {
    if hostname.is_empty() || takes(hostname, listener) {
        Some(listener.to_owned())
    } else {
        takes(listener, hostname).then(|| hostname.to_owned())
    }
}

/// Whether two attached routes can be meant by one request.
pub(super) fn overlap(one: &Attached<'_>, other: &Attached<'_>) -> bool {
    let together = one.listeners.is_empty()
        || one
            .listeners
            .iter()
            .any(|own| other.listeners.iter().any(|one| std::ptr::eq(*one, *own)));
    together && (takes(&one.domain, &other.domain) || takes(&other.domain, &one.domain))
}

impl RouteKind {
    /// The other kind, which cannot have a host together with this one.
    pub(super) fn other(self) -> Option<Self> {
        match self {
            Self::Http => Some(Self::Grpc),
            Self::Grpc => Some(Self::Http),
            Self::Tls | Self::Tcp => None,
        }
    }
}
