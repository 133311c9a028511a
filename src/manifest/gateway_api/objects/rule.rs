//! One rule of a route as written: what it matches, its backends, and filters that change what comes back.

use super::backend_ref::BackendRef;
use super::filter::{Filter, filters, other_than};
use super::grpc_match;
use super::http_match;
use super::matches::Match;
use super::route_kind::RouteKind;
use crate::diag::{Code, Note, Span};
use crate::manifest::decode::{At, Decoder};
use crate::manifest::fields::Fields;
use crate::manifest::yaml::{Node, Scalar};
use crate::route::AppliesTo;

/// One item of `rules`.
#[derive(Clone, Debug)]
pub struct Rule {
    /// Where it begins.
    pub span: Span,
    /// The name it gives itself.
    pub name: Option<At<String>>,
    /// Its alternatives, at least one.
    pub matches: Vec<Match>,
    /// Where its requests go.
    pub backends: Vec<BackendRef>,
    /// Backends that get copies, and of which part of the requests, in millionths.
    pub mirrors: Vec<(BackendRef, u32)>,
    /// The status of a redirect, which goes before backends.
    pub redirect: Option<u16>,
    /// A filter that Istio does not support, of the rule or of a backend.
    pub special: Option<At<String>>,
    /// Objects of an implementation that are filters, by kind and name, and what is said where nobody knows what they do.
    pub extensions: Vec<([String; 2], Note<AppliesTo>)>,
    /// What changes the answers without changing the split.
    pub caveats: Vec<Note<AppliesTo>>,
}

/// Which part of the requests a mirror gets, in millionths: `percent`, else `fraction`, whose denominator is 100 where none is
/// written, else all of them.
fn copied(mirror: &Node<'_>) -> u32 {
    const ALL: i128 = 1_000_000;
    let number = |node: &Node<'_>, key: &str| match node.get(key)?.scalar()? {
        // So that no product overflows.
        Scalar::Int(number) => Some(number.clamp(0, ALL * ALL)),
        _ => None,
    };
    let fraction = mirror.get("fraction");
    let of_fraction = fraction.and_then(|fraction| {
        let denominator = number(fraction, "denominator").unwrap_or(100);
        Some((number(fraction, "numerator")?, denominator.max(1)))
    });
    let percent = number(mirror, "percent").map(|percent| (percent, 100));
    let part = percent.or(of_fraction);
    let millionths = part.map_or(ALL, |(part, whole)| part.clamp(0, whole) * ALL / whole);
    u32::try_from(millionths).unwrap_or(u32::MAX)
}

/// The filters of a rule that Istio supports.
const SUPPORTED: [&str; 6] = [
    "RequestHeaderModifier",
    "ResponseHeaderModifier",
    "RequestMirror",
    "RequestRedirect",
    "URLRewrite",
    "CORS",
];

impl Rule {
    /// A rule that says nothing.
    pub(super) fn empty(span: Span) -> Self {
        Self {
            span,
            name: None,
            matches: Vec::new(),
            backends: Vec::new(),
            mirrors: Vec::new(),
            redirect: None,
            special: None,
            extensions: Vec::new(),
            caveats: Vec::new(),
        }
    }

    pub(super) fn decode(
        kind: RouteKind,
        node: &Node<'_>,
        decoder: &mut Decoder<'_>,
    ) -> Option<Self> {
        let what = match kind {
            RouteKind::Http => "an HTTPRoute rule",
            RouteKind::Grpc => "a GRPCRoute rule",
            RouteKind::Tls => "a TLSRoute rule",
            RouteKind::Tcp => "a TCPRoute rule",
        };
        let mut rule = decoder.map(node, what)?;
        let name = rule.text("name", decoder);
        if kind.of_connections() {
            let backends = rule.list("backendRefs", decoder, |node, decoder| {
                BackendRef::decode(kind, node, decoder)
            });
            rule.finish(decoder);
            return Some(Self {
                name,
                matches: vec![Match::everything(node.span)],
                backends,
                ..Self::empty(node.span)
            });
        }
        let of_calls = kind == RouteKind::Grpc;
        let item = if of_calls {
            grpc_match::decode
        } else {
            http_match::decode
        };
        let mut matches = rule.list("matches", decoder, item);
        if rule.items_absent("matches") {
            matches.push(if of_calls {
                Match::every_call(node.span)
            } else {
                Match::everything(node.span)
            });
        }
        let special = other_than(&mut rule, &SUPPORTED, decoder);
        let applied = filters(&mut rule, kind, decoder);
        let copies = rule.items("filters", decoder).iter();
        let copies = copies.filter_map(|filter| filter.get("requestMirror"));
        let mirrors = copies.filter_map(|mirror| {
            let backend = BackendRef::decode(kind, mirror.get("backendRef")?, decoder)?;
            Some((backend, copied(mirror)))
        });
        let mirrors = mirrors.collect();
        let backends = rule.list("backendRefs", decoder, |node, decoder| {
            BackendRef::decode(kind, node, decoder)
        });
        let mut of_backends = backends.iter().filter_map(|one| one.special.clone());
        let mut whole = Self {
            special: special.or_else(|| of_backends.next()),
            name,
            matches,
            backends,
            mirrors,
            ..Self::empty(node.span)
        };
        whole.apply(applied, &mut rule, decoder);
        behaviour(&mut rule, kind, &mut whole.caveats, decoder);
        rule.finish(decoder);
        Some(whole)
    }

    /// "RequestRedirect filter must not be used together with backendRefs."
    fn apply(
        &mut self,
        applied: Vec<At<Filter>>,
        rule: &mut Fields<'_, '_>,
        decoder: &mut Decoder<'_>,
    ) {
        for At { value, span } in applied {
            match value {
                Filter::Redirect(_) if !self.backends.is_empty() => {
                    let message = "a rule cannot have both a redirect and `backendRefs`";
                    let backends = rule.place("backendRefs").unwrap_or(span);
                    let problem = Note::new(Code::OneOf, message).at(span, "the redirect");
                    decoder.report(
                        problem
                            .at(backends, "")
                            .help("the API server refuses this object: keep one of them"),
                    );
                }
                Filter::Redirect(status) => self.redirect = Some(status),
                Filter::Extension(object, caveat) => self.extensions.push((object, caveat)),
                Filter::Noted(caveat) => self.caveats.push(caveat),
                Filter::Harmless => {}
            }
        }
    }
}

/// Timeouts, retries and persistence: what comes back, and from whom, may change by them.
fn behaviour(
    rule: &mut Fields<'_, '_>,
    kind: RouteKind,
    caveats: &mut Vec<Note<AppliesTo>>,
    decoder: &mut Decoder<'_>,
) {
    if kind == RouteKind::Http {
        if let Some(span) = rule.place("timeouts") {
            let message = "`timeouts` turns late answers into 504, which belong to no destination";
            caveats.push(Note::about(Code::Timeout, message, Some(span)));
        }
        if let Some(mut timeouts) = rule.map("timeouts", "timeouts", decoder) {
            timeouts.duration("request", decoder);
            timeouts.duration("backendRequest", decoder);
            timeouts.finish(decoder);
        }
        if let Some(span) = rule.place("retry") {
            let message = "`retry` hides failures; a retry stays with the destination that was picked, so the split is kept";
            caveats.push(Note::about(Code::Retries, message, Some(span)));
        }
        if let Some(mut retry) = rule.map("retry", "a retry", decoder) {
            retry.ignore(&["codes"]);
            retry.integer("attempts", 0..=i64::from(i32::MAX), decoder);
            retry.duration("backoff", decoder);
            retry.finish(decoder);
        }
    }
    if let Some(span) = rule.place("sessionPersistence") {
        let message = "`sessionPersistence` keeps a client with the backend that answered first, as long as it sends the \
                       session back: the users of --sessions send cookies back, and any other request is a new session";
        caveats.push(Note::about(Code::Sticky, message, Some(span)));
    }
    if let Some(mut session) = rule.map("sessionPersistence", "a session persistence", decoder) {
        session.ignore(&[
            "sessionName",
            "absoluteTimeout",
            "idleTimeout",
            "type",
            "cookieConfig",
        ]);
        session.finish(decoder);
    }
}
