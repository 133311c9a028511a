//! One TCP route of a VirtualService as written: a split of connections. Not: to which ports it applies.

use super::destination::{WeightedDestination, weights};
use super::http_match::HttpMatch;
use crate::diag::{Diagnostic, Span};
use crate::manifest::decode::Decoder;
use crate::manifest::yaml::Node;

/// One item of `tcp`.
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
        let mut route = decoder.map(node, "a TCP route")?;
        let matches = route.list("match", decoder, HttpMatch::of_connection);
        let destinations = route.list("route", decoder, WeightedDestination::decode);
        if route.get("route").is_none() && !route.misspelt("route") {
            let problem =
                Diagnostic::error("no_action", "this TCP route sends connections nowhere");
            decoder.report(problem.at(route.span, "").help("give it a `route`"));
        }
        let destinations = weights(destinations, &mut route, decoder);
        route.finish(decoder);
        Some(Self {
            span: node.span,
            matches,
            route: destinations?,
        })
    }
}
