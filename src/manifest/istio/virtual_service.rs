//! A VirtualService as written, every field of it. Not: whether it applies, nor what it does to a request.

use super::http_match::HttpMatch;
use super::opaque;
use crate::diag::{Diagnostic, Span};
use crate::manifest::decode::{At, Decoder, Fields};
use crate::manifest::kube::Meta;
use crate::manifest::yaml::Node;

/// A VirtualService.
#[derive(Clone, Debug)]
pub struct VirtualService {
    /// Its identity.
    pub meta: Meta,
    /// The hosts it routes; none for a delegate.
    pub hosts: Vec<At<String>>,
    /// The gateways it is bound to; none means the mesh.
    pub gateways: Vec<At<String>>,
    /// The namespaces that see it; none means all.
    pub export_to: Vec<At<String>>,
    /// Its HTTP routes in order.
    pub http: Vec<HttpRoute>,
    /// Where `tcp` or `tls` routes are, if there are any.
    pub opaque: Option<At<&'static str>>,
}

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
    /// Fields that are there and change what comes back without changing the split.
    pub notable: Vec<At<&'static str>>,
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

/// One item of `route`.
#[derive(Clone, Debug)]
pub struct WeightedDestination {
    /// The host as written.
    pub host: At<String>,
    /// The subset.
    pub subset: Option<At<String>>,
    /// The port.
    pub port: Option<At<u16>>,
    /// The weight; unset counts as zero next to other destinations.
    pub weight: Option<At<u32>>,
}

/// `fault.abort`.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct FaultAbort {
    /// The HTTP status of the answer.
    pub status: u16,
    /// How many requests, in percent.
    pub percentage: f64,
}

impl VirtualService {
    /// A VirtualService from the fields of its object.
    pub(in crate::manifest) fn decode(
        meta: Meta,
        object: &mut Fields<'_, '_>,
        decoder: &mut Decoder<'_>,
    ) -> Option<Self> {
        let Some(mut spec) = object.map("spec", "a VirtualService spec", decoder) else {
            let message = format!("{meta} has no `spec`");
            decoder.report(Diagnostic::error("missing_field", message).at(object.span, ""));
            return None;
        };
        let hosts = spec.texts("hosts", decoder);
        let gateways = spec.texts("gateways", decoder);
        let export_to = spec.texts("exportTo", decoder);
        let http = spec.list("http", decoder, HttpRoute::decode);
        opaque::check(&mut spec, decoder);
        let opaque = ["tcp", "tls"]
            .into_iter()
            .find_map(|key| spec.place(key).map(|span| At { value: key, span }));
        if http.is_empty() && opaque.is_none() && spec.get("http").is_none() {
            let problem = Diagnostic::error(
                "no_routes",
                format!("{meta} has no `http`, `tls` or `tcp` routes"),
            );
            decoder.report(problem.at(spec.span, "nothing is routed here"));
        }
        let mesh = gateways.is_empty() || gateways.iter().any(|gateway| gateway.value == "mesh");
        if let Some(all) = hosts.iter().find(|host| host.value == "*" && mesh) {
            let problem = Diagnostic::error(
                "wildcard_in_mesh",
                "the host `*` is allowed at gateways only",
            );
            decoder.report(
                problem.at(all.span, "").help(
                    "name the hosts, or bind the VirtualService to a gateway with `gateways`",
                ),
            );
        }
        spec.finish(decoder);
        Some(Self {
            meta,
            hosts,
            gateways,
            export_to,
            http,
            opaque,
        })
    }

    /// The VirtualService as an object is named: `VirtualService default/weather`.
    #[must_use]
    pub fn object(&self) -> String {
        self.meta.to_string()
    }
}

impl HttpRoute {
    fn decode(node: &Node<'_>, decoder: &mut Decoder<'_>) -> Option<Self> {
        let mut route = decoder.map(node, "an HTTP route")?;
        let name = route.text("name", decoder);
        let matches = route.list("match", decoder, HttpMatch::decode);
        let action = action(&mut route, decoder);
        let mut notable = Vec::new();
        let abort = fault(&mut route, &mut notable, decoder);
        rewrite(&mut route, decoder);
        mirror(&mut route, decoder);
        headers(&mut route, decoder);
        for key in ["timeout", "retries", "corsPolicy"] {
            if let Some(span) = route.place(key) {
                notable.push(At { value: key, span });
            }
        }
        route.text("timeout", decoder);
        known(
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
        known(
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
            notable,
        })
    }
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
        let problem = Diagnostic::error("one_of", message)
            .at(second.span, "")
            .at(first.span, "");
        decoder.report(
            problem
                .help("Istio refuses this object: keep one of them, or split it into two routes"),
        );
        return None;
    }
    let Some(given) = given.first() else {
        let problem = Diagnostic::error("no_action", "this HTTP route sends requests nowhere")
            .at(route.span, "");
        decoder
            .report(problem.help("give it a `route`, `redirect`, `directResponse` or `delegate`"));
        return None;
    };
    if let (true, Some(fault)) = (
        matches!(given.value, "redirect" | "directResponse"),
        route.place("fault"),
    ) {
        let message = format!(
            "an HTTP route cannot have both `{}` and `fault`",
            given.value
        );
        decoder.report(
            Diagnostic::error("one_of", message)
                .at(fault, "")
                .at(given.span, ""),
        );
    }
    match given.value {
        "route" => weights(destinations, route, decoder).map(HttpAction::Route),
        "redirect" => redirect,
        "directResponse" => direct,
        _ => delegate,
    }
}

/// What Istio's admission says about weights.
fn weights(
    destinations: Vec<WeightedDestination>,
    route: &mut Fields<'_, '_>,
    decoder: &mut Decoder<'_>,
) -> Option<Vec<WeightedDestination>> {
    let written = route.items("route", decoder).len();
    if written == 0 {
        let problem = Diagnostic::error("no_action", "`route` lists no destination");
        decoder.report(problem.at(route.place("route")?, ""));
        return None;
    }
    if destinations.len() < written {
        return None;
    }
    let total: u64 = destinations
        .iter()
        .filter_map(|one| one.weight.as_ref())
        .map(|w| u64::from(w.value))
        .sum();
    let place = destinations
        .iter()
        .find_map(|one| one.weight.as_ref())
        .map_or(destinations[0].host.span, |w| w.span);
    if written > 1 && total == 0 {
        let unset = destinations.iter().all(|one| one.weight.is_none());
        let (message, help) = if unset {
            (
                "no destination of this route has a `weight`",
                "a missing weight counts as 0: give each a `weight`",
            )
        } else {
            (
                "the weights of this route are all zero",
                "Istio refuses this object: give one a `weight` above 0",
            )
        };
        decoder.report(
            Diagnostic::error("zero_total", message)
                .at(place, "")
                .help(help),
        );
        return None;
    }
    if total > u64::from(u32::MAX) {
        decoder.report(
            Diagnostic::error("out_of_range", "the weights add up to more than 4294967295")
                .at(place, ""),
        );
        return None;
    }
    Some(destinations)
}

impl WeightedDestination {
    fn decode(node: &Node<'_>, decoder: &mut Decoder<'_>) -> Option<Self> {
        let mut item = decoder.map(node, "an item of `route`")?;
        let before = decoder.count();
        let weight = item.integer("weight", 0..=i64::from(i32::MAX), decoder);
        headers(&mut item, decoder);
        let destination = match item.map("destination", "a destination", decoder) {
            Some(destination) => destination_of(destination, decoder),
            None if item.get("destination").is_some() => None,
            None => {
                let problem =
                    Diagnostic::error("missing_field", "an item of `route` needs a `destination`");
                decoder.report(problem.at(item.span, "no `destination` here"));
                None
            }
        };
        item.finish(decoder);
        let (host, subset, port) = destination?;
        let weight = weight.and_then(|w| {
            u32::try_from(w.value).ok().map(|value| At {
                value,
                span: w.span,
            })
        });
        // A destination that is partly wrong must not make its route look as if the weights were wrong too.
        (decoder.count() == before).then_some(Self {
            host,
            subset,
            port,
            weight,
        })
    }
}

type Place = (At<String>, Option<At<String>>, Option<At<u16>>);

fn destination_of(mut destination: Fields<'_, '_>, decoder: &mut Decoder<'_>) -> Option<Place> {
    let host = destination.required("host", decoder);
    let subset = destination
        .text("subset", decoder)
        .filter(|subset| !subset.value.is_empty());
    let port = destination
        .map("port", "a port selector", decoder)
        .and_then(|mut selector| {
            let number = selector.port("number", decoder);
            selector.finish(decoder);
            number.filter(|number| number.value != 0)
        });
    destination.finish(decoder);
    Some((host?, subset, port))
}

fn redirect(route: &mut Fields<'_, '_>, decoder: &mut Decoder<'_>) -> Option<HttpAction> {
    let mut redirect = route.map("redirect", "a redirect", decoder)?;
    let status = redirect
        .integer("redirectCode", 300..=399, decoder)
        .map_or(301, |code| code.value);
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
        let problem = Diagnostic::error("missing_field", "a direct response needs a `status`");
        decoder.report(problem.at(direct.span, "no `status` here"));
    }
    let status = direct.integer("status", 200..=599, decoder);
    known(&mut direct, "body", "a body", decoder, &["string", "bytes"]);
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

/// `fault`: the abort, and the delay as a notable field.
fn fault(
    route: &mut Fields<'_, '_>,
    notable: &mut Vec<At<&'static str>>,
    decoder: &mut Decoder<'_>,
) -> Option<FaultAbort> {
    let mut fault = route.map("fault", "a fault", decoder)?;
    if let Some(span) = fault.place("delay") {
        notable.push(At {
            value: "fault.delay",
            span,
        });
    }
    if let Some(mut delay) = fault.map("delay", "a delay", decoder) {
        percentage(&mut delay, decoder);
        delay.text("fixedDelay", decoder);
        delay.text("exponentialDelay", decoder);
        delay.finish(decoder);
    }
    let abort = fault.map("abort", "an abort", decoder);
    fault.finish(decoder);
    let mut abort = abort?;
    let percentage = percentage(&mut abort, decoder);
    let status = abort.integer("httpStatus", 200..=599, decoder);
    // A gRPC status travels in a trailer: the HTTP status stays 200.
    let grpc = abort.place("grpcStatus").map(|span| At {
        value: "fault.abort.grpcStatus",
        span,
    });
    abort.ignore(&["http2Error"]);
    let place = abort.span;
    abort.finish(decoder);
    let status = match (status, grpc) {
        (Some(status), _) => u16::try_from(status.value).ok()?,
        (None, Some(grpc)) => {
            notable.push(grpc);
            200
        }
        (None, None) => {
            let problem = Diagnostic::error(
                "missing_field",
                "an abort needs an `httpStatus` or a `grpcStatus`",
            );
            decoder.report(problem.at(place, ""));
            return None;
        }
    };
    Some(FaultAbort { status, percentage })
}

/// `percentage.value`, or the older whole `percent`; unset means none.
fn percentage(fields: &mut Fields<'_, '_>, decoder: &mut Decoder<'_>) -> f64 {
    let old = fields.integer("percent", 0..=100, decoder);
    let percentage =
        fields
            .map("percentage", "a percentage", decoder)
            .and_then(|mut percentage| {
                let value = percentage
                    .get("value")
                    .and_then(|node| decoder.number(node, "value"));
                percentage.finish(decoder);
                value
            });
    match (percentage, old) {
        (Some(At { value, span }), _) if !(0.0..=100.0).contains(&value) => {
            decoder.report(
                Diagnostic::error("out_of_range", "a percentage must be between 0 and 100")
                    .at(span, ""),
            );
            0.0
        }
        (Some(percentage), _) => percentage.value,
        (None, Some(old)) => f64::from(u8::try_from(old.value).unwrap_or_default()),
        (None, None) => 0.0,
    }
}

fn rewrite(route: &mut Fields<'_, '_>, decoder: &mut Decoder<'_>) {
    if let Some(mut rewrite) = route.map("rewrite", "a rewrite", decoder) {
        rewrite.text("uri", decoder);
        rewrite.text("authority", decoder);
        known(
            &mut rewrite,
            "uriRegexRewrite",
            "a regex rewrite",
            decoder,
            &["match", "rewrite"],
        );
        rewrite.finish(decoder);
    }
}

/// Mirrors get copies; what comes back is never theirs.
fn mirror(route: &mut Fields<'_, '_>, decoder: &mut Decoder<'_>) {
    if let Some(mirror) = route.map("mirror", "a mirror", decoder) {
        destination_of(mirror, decoder);
    }
    for node in route.items("mirrors", decoder) {
        let Some(mut policy) = decoder.map(node, "an item of `mirrors`") else {
            continue;
        };
        if let Some(mirror) = policy.map("destination", "a destination", decoder) {
            destination_of(mirror, decoder);
        }
        known(
            &mut policy,
            "percentage",
            "a percentage",
            decoder,
            &["value"],
        );
        policy.finish(decoder);
    }
    known(
        route,
        "mirrorPercentage",
        "a percentage",
        decoder,
        &["value"],
    );
    route.ignore(&["mirrorPercent", "mirror_percent"]);
}

fn headers(fields: &mut Fields<'_, '_>, decoder: &mut Decoder<'_>) {
    if let Some(mut headers) = fields.map("headers", "headers", decoder) {
        known(
            &mut headers,
            "request",
            "header operations",
            decoder,
            &["set", "add", "remove"],
        );
        known(
            &mut headers,
            "response",
            "header operations",
            decoder,
            &["set", "add", "remove"],
        );
        headers.finish(decoder);
    }
}

/// A map whose fields are only checked for their names.
fn known(
    fields: &mut Fields<'_, '_>,
    key: &'static str,
    what: &'static str,
    decoder: &mut Decoder<'_>,
    names: &[&'static str],
) {
    if let Some(mut map) = fields.map(key, what, decoder) {
        map.ignore(names);
        map.finish(decoder);
    }
}
