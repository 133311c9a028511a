//! One item of `tcp` or `tls` of a VirtualService as written: a split of connections.

use super::destination::{WeightedDestination, weights};
use super::http_match::HttpMatch;
use crate::diag::{Code, Note, Span};
use crate::manifest::decode::Decoder;
use crate::manifest::yaml::Node;

/// One item of `tcp` or `tls`.
#[derive(Clone, Debug)]
pub struct TcpRoute {
    /// Where it begins.
    pub span: Span,
    /// Its alternatives, which ask nothing of requests; none means that it always matches.
    pub matches: Vec<HttpMatch>,
    /// Where its connections go.
    pub route: Vec<WeightedDestination>,
}

impl TcpRoute {
    /// One item of `tcp`.
    pub(super) fn decode(node: &Node<'_>, decoder: &mut Decoder<'_>) -> Option<Self> {
        Self::read(node, "a TCP route", HttpMatch::of_connection, decoder)
    }

    /// One item of `tls`.
    pub(super) fn decode_tls(node: &Node<'_>, decoder: &mut Decoder<'_>) -> Option<Self> {
        let route = Self::read(node, "a TLS route", HttpMatch::of_handshake, decoder)?;
        if route.matches.is_empty() {
            let problem = Note::new(Code::MissingField, "a TLS route needs a `match`");
            decoder.report(
                problem
                    .at(node.span, "")
                    .help("list the names of the handshake under `match[].sniHosts`"),
            );
            return None;
        }
        Some(route)
    }

    fn read(
        node: &Node<'_>,
        what: &'static str,
        item: fn(&Node<'_>, &mut Decoder<'_>) -> Option<HttpMatch>,
        decoder: &mut Decoder<'_>,
    ) -> Option<Self> {
        let mut route = decoder.map(node, what)?;
        let before = decoder.count();
        let matches = route.list("match", decoder, item);
        let clean = decoder.count() == before;
        let destinations = route.list("route", decoder, WeightedDestination::decode);
        if route.get("route").is_none() && !route.misspelt("route") {
            let problem = Note::new(
                Code::NoAction,
                format!("{what} must say where connections go"),
            );
            decoder.report(problem.at(route.span, "").help("give it a `route`"));
        }
        let destinations = weights(destinations, &mut route, decoder);
        route.finish(decoder);
        // A match that is partly wrong must not make its route one that always matches.
        let destinations = destinations.filter(|_| clean)?;
        Some(Self {
            span: node.span,
            matches,
            route: destinations,
        })
    }
}
