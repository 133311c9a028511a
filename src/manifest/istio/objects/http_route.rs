//! One HTTP route of a VirtualService as written.

use super::destination::{WeightedDestination, weights};
use super::fault::{FaultAbort, fault};
use super::http_match::HttpMatch;
use super::mirror::{MirrorPolicy, mirrors};
use super::unread_fields::{headers, named_only};
use crate::diag::{Code, Note, Span};
use crate::manifest::decode::{At, Decoder};
use crate::manifest::fields::Fields;
use crate::manifest::yaml::{Node, Value};

/// One item of `http`.
#[derive(Clone, Debug)]
pub struct HttpRoute {
    /// Where it begins.
    pub span: Span,
    /// Its name.
    pub name: Option<At<String>>,
    /// Its alternatives; none means that it always matches.
    pub matches: Vec<HttpMatch>,
    /// What it does.
    pub action: HttpAction,
    /// The part answered by a fault: status and percentage.
    pub abort: Option<FaultAbort>,
    /// Where its `fault` is, which a delegate inherits whole or not at all.
    pub fault: Option<Span>,
    /// Fields that are there and change what comes back without changing the split.
    pub notable: Vec<At<&'static str>>,
    /// Destinations that get copies.
    pub mirrors: Vec<MirrorPolicy>,
}

/// What an HTTP route does.
#[derive(Clone, Debug)]
pub enum HttpAction {
    /// `route`.
    Route(Vec<WeightedDestination>),
    /// `redirect` with its status.
    Redirect(u16),
    /// `directResponse` with its status.
    Direct(u16),
    /// `delegate`: the routes of another VirtualService.
    Delegate {
        /// Its name.
        name: At<String>,
        /// Its namespace, by default that of this one.
        namespace: Option<At<String>>,
    },
}

impl HttpRoute {
    pub(super) fn decode(node: &Node<'_>, decoder: &mut Decoder<'_>) -> Option<Self> {
        let mut route = decoder.map(node, "an HTTP route")?;
        let name = route.text("name", decoder);
        let matches = route.list("match", decoder, HttpMatch::decode);
        let action = action(&mut route, decoder);
        let mut notable = Vec::new();
        let fault_at = route.place("fault");
        let abort = fault(&mut route, &mut notable, decoder);
        rewrite(&mut route, decoder);
        let mirrors = mirrors(&mut route, decoder);
        headers(&mut route, decoder);
        let never_retried = no_attempts(&mut route);
        for key in ["timeout", "retries", "corsPolicy"] {
            if let Some(span) = route
                .place(key)
                .filter(|_| key != "retries" || !never_retried)
            {
                notable.push(At { value: key, span });
            }
        }
        route.duration("timeout", decoder);
        named_only(
            &mut route,
            "retries",
            "retries",
            decoder,
            &[
                "attempts",
                "perTryTimeout",
                "retryOn",
                "retryRemoteLocalities",
                "retryIgnorePreviousHosts",
                "backoff",
            ],
        );
        named_only(
            &mut route,
            "corsPolicy",
            "a CORS policy",
            decoder,
            &[
                "allowOrigin",
                "allowOrigins",
                "allowMethods",
                "allowHeaders",
                "exposeHeaders",
                "maxAge",
                "allowCredentials",
                "unmatchedPreflights",
            ],
        );
        route.finish(decoder);
        Some(Self {
            span: node.span,
            name,
            matches,
            action: action?,
            abort,
            fault: fault_at,
            notable,
            mirrors,
        })
    }
}

/// Whether `retries` says that nothing is retried: `attempts: 0`.
fn no_attempts(route: &mut Fields<'_, '_>) -> bool {
    let retries = route.get("retries").map(|node| &node.value);
    let Some(Value::Map(entries)) = retries else {
        return false;
    };
    let mut attempts = entries.iter().filter(|entry| entry.key == "attempts");
    attempts.any(|entry| matches!(&entry.value.value, Value::Scalar { text, .. } if text == "0"))
}

/// One of `redirect`, `directResponse`, `route` and `delegate`.
fn action(route: &mut Fields<'_, '_>, decoder: &mut Decoder<'_>) -> Option<HttpAction> {
    let destinations = route.list("route", decoder, WeightedDestination::decode);
    let redirect = redirect(route, decoder);
    let direct = direct_response(route, decoder);
    let delegate = delegate(route, decoder);
    let asked = ["redirect", "directResponse", "route", "delegate"];
    let given: Vec<At<&str>> = asked
        .into_iter()
        .filter_map(|key| route.place(key).map(|span| At { value: key, span }))
        .collect();
    if let [first, second, ..] = &given[..] {
        let message = format!(
            "an HTTP route cannot have both `{}` and `{}`",
            first.value, second.value
        );
        let problem = Note::new(Code::OneOf, message)
            .at(second.span, "")
            .at(first.span, "");
        decoder.report(
            problem
                .help("Istio refuses this object: keep one of them, or split it into two routes"),
        );
        return None;
    }
    let Some(given) = given.first() else {
        if asked.iter().any(|key| route.misspelt(key)) {
            return None;
        }
        let problem =
            Note::new(Code::NoAction, "this HTTP route sends requests nowhere").at(route.span, "");
        decoder
            .report(problem.help("give it a `route`, `redirect`, `directResponse` or `delegate`"));
        return None;
    };
    for key in ["fault", "rewrite"] {
        if let (true, Some(place)) = (
            matches!(given.value, "redirect" | "directResponse"),
            route.place(key),
        ) {
            let message = format!(
                "an HTTP route cannot have both `{}` and `{key}`",
                given.value
            );
            decoder.report(
                Note::new(Code::OneOf, message)
                    .at(place, "")
                    .at(given.span, ""),
            );
        }
    }
    match given.value {
        "route" => weights(destinations, route, decoder).map(HttpAction::Route),
        "redirect" => redirect,
        "directResponse" => direct,
        _ => delegate,
    }
}

fn redirect(route: &mut Fields<'_, '_>, decoder: &mut Decoder<'_>) -> Option<HttpAction> {
    let mut redirect = route.map("redirect", "a redirect", decoder)?;
    let code = redirect.integer("redirectCode", 0..=399, decoder);
    // Zero is what is not written.
    let status = code.as_ref().map_or(301, |code| code.value);
    let status = if status == 0 { 301 } else { status };
    if let (Some(code), false) = (code, matches!(status, 301 | 302 | 303 | 307 | 308)) {
        let message = format!("`{}` is not a valid redirect status", code.value);
        let problem = Note::new(Code::OutOfRange, message).at(code.span, "");
        decoder.report(problem.help("use 301, 302, 303, 307 or 308"));
        return None;
    }
    for key in ["uri", "authority", "derivePort", "scheme"] {
        redirect.text(key, decoder);
    }
    redirect.port("port", decoder);
    redirect.finish(decoder);
    u16::try_from(status).ok().map(HttpAction::Redirect)
}

fn direct_response(route: &mut Fields<'_, '_>, decoder: &mut Decoder<'_>) -> Option<HttpAction> {
    let mut direct = route.map("directResponse", "a direct response", decoder)?;
    if direct.get("status").is_none() {
        let problem = Note::new(Code::MissingField, "a direct response needs a `status`");
        decoder.report(problem.at(direct.span, "no `status` here"));
    }
    let status = direct.integer("status", 200..=599, decoder);
    named_only(&mut direct, "body", "a body", decoder, &["string", "bytes"]);
    direct.finish(decoder);
    u16::try_from(status?.value).ok().map(HttpAction::Direct)
}

fn delegate(route: &mut Fields<'_, '_>, decoder: &mut Decoder<'_>) -> Option<HttpAction> {
    let mut delegate = route.map("delegate", "a delegate", decoder)?;
    let name = delegate.required("name", decoder);
    let namespace = delegate.text("namespace", decoder);
    delegate.finish(decoder);
    Some(HttpAction::Delegate {
        name: name?,
        namespace,
    })
}

fn rewrite(route: &mut Fields<'_, '_>, decoder: &mut Decoder<'_>) {
    if let Some(mut rewrite) = route.map("rewrite", "a rewrite", decoder) {
        rewrite.text("uri", decoder);
        rewrite.text("authority", decoder);
        named_only(
            &mut rewrite,
            "uriRegexRewrite",
            "a regex rewrite",
            decoder,
            &["match", "rewrite"],
        );
        rewrite.finish(decoder);
    }
}
