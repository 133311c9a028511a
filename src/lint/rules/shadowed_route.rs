//! RS015: a route that an earlier one leaves no request for.

use std::collections::{BTreeSet, HashSet};
use std::sync::Arc;

use crate::diag::{Code, Severity, Span};
use crate::lint::cover::{Earlier, excluded};
use crate::lint::{Context, Finding, Rule, View};
use crate::manifest::decode::At;
use crate::manifest::istio::{HttpAction, HttpMatch, HttpRoute, VirtualService, gateway_name};
use crate::route::matching::Evaluation;
use crate::route::{Action, Origin, Route, VirtualHost};

/// The rule.
pub(in crate::lint) const RULE: Rule = Rule {
    code: Code::Rs015,
    name: "shadowed_route",
    istio: Some("IST0130"),
    rationale: "the first route that matches wins; what stands behind a route that always matches, or behind a broader match, is \
          never reached, and neither is its split",
    fix: "put the more specific route first, or remove the one that is never reached",
    check: Some(check),
    ..Rule::BASE
};

fn check(context: &Context<'_>, findings: &mut Vec<Finding>) {
    let (mut dead, mut alive) = (Vec::new(), Alive::new());
    for view in context.all_views() {
        let mut seen = HashSet::new();
        for host in view.hosts() {
            // All hosts of an object share its routes.
            let ends = (host.routes.first(), host.routes.last());
            let ends = (
                ends.0.map(|one| Arc::as_ptr(&one.outcome)),
                ends.1.map(|one| Arc::as_ptr(&one.outcome)),
            );
            if seen.insert((ends, host.routes.len())) {
                for_every_request(context, host, &mut dead, &mut alive);
            }
            not_generated(context, view, host, &mut dead);
        }
    }
    // A rule that is reached from one place, or at one port, is not dead.
    let reached = |(span, alternative, _): &(Span, Option<String>, Finding)| {
        alive.contains(&(*span, alternative.clone()))
    };
    findings.extend(
        (dead.into_iter())
            .filter(|one| !reached(one))
            .map(|(.., finding)| finding),
    );
    if let Some(finding) = for_this_request(context) {
        findings.push(finding);
    }
}

/// Whether a route shares requests among several destinations.
fn splits(route: &Route) -> bool {
    match &route.outcome.action {
        Action::Split(split) => {
            split
                .backends()
                .iter()
                .filter(|backend| backend.weight > 0)
                .count()
                > 1
        }
        Action::Named(_) | Action::LocalReply(_) => false,
    }
}

/// Rules, and alternatives of rules, that are reached from some place.
type Alive = HashSet<(Span, Option<String>)>;

/// Rules, and alternatives of rules, that are not reached from the place that is looked at.
type Dead = Vec<(Span, Option<String>, Finding)>;

fn for_every_request(
    context: &Context<'_>,
    host: &VirtualHost,
    dead: &mut Dead,
    alive: &mut Alive,
) {
    let mut earlier = Earlier::default();
    let mut rest = &host.routes[..];
    let mut number = 0;
    while let Some(first) = rest.first() {
        // The alternatives of one rule stand together.
        let same = |route: &&Route| Arc::ptr_eq(&route.outcome, &first.outcome);
        let (rule, after) = rest.split_at(rest.iter().take_while(same).count());
        let mut covered = Vec::new();
        let mut reachable = 0;
        // What a mesh does by itself is written nowhere; its name is one in words.
        let written = |route: &&Route| !route.rule.contains(' ');
        for route in rule.iter().filter(written).filter(|route| !excluded(route)) {
            match earlier.covering(route) {
                // One object that is given twice is told once, as that.
                Some((_, by))
                    if (&by.object, &by.rule) == (&route.object, &route.rule)
                        && by.span != route.span => {}
                Some((_, by)) => covered.push((route, by)),
                None => {
                    reachable += 1;
                    alive.insert((route.span, None));
                    alive.insert((route.span, route.alternative.clone()));
                }
            }
            earlier.add(number, route);
            number += 1;
        }
        if reachable == 0 {
            let first = covered.first();
            dead.extend(first.map(|(route, by)| (route.span, None, never(context, route, by))));
        } else {
            let one = |(route, by): &(&Route, &Route)| {
                (route.span, route.alternative.clone(), partly(route, by))
            };
            dead.extend(covered.iter().map(one));
        }
        rest = after;
    }
}

/// None of the alternatives of a rule is reached.
fn never(context: &Context<'_>, route: &Route, by: &Route) -> Finding {
    let name = of(by, route);
    let what = if splits(route) {
        "its split has no effect"
    } else {
        "it has no effect"
    };
    let message = format!(
        "`{}` is never reached, so that {what}: {name} takes every request before it",
        route.rule
    );
    let severity = if splits(route) {
        Severity::Error
    } else {
        Severity::Warning
    };
    Finding::new(RULE.code, message)
        .with_severity(severity)
        .of_object(&route.object)
        .of_route(route.span)
        .at(route.span, "never reached")
        .at(by.span, "takes its requests")
        .help(mend(context, route, by))
}

/// What to do about a rule that is not reached.
fn mend(context: &Context<'_>, route: &Route, by: &Route) -> String {
    if route.object != by.object {
        return format!(
            "write both rules in one object, `{}` first: between objects the order is that of their age, then of their names",
            route.rule
        );
    }
    let service = context.virtual_service(&route.object);
    let at = |span: Span| context.rule_position(service?, span);
    let both = service.zip(at(route.span)).zip(at(by.span));
    match both {
        Some(((service, own), first)) => in_one_object(service, own, first),
        None => format!("put `{}` before `{}`, or remove it", route.rule, by.rule),
    }
}

/// The same for two rules of one VirtualService, by their positions. Two rules without `match` whose only destinations have
/// weights that add up to 100 were meant as one split.
fn in_one_object(service: &VirtualService, own: usize, first: usize) -> String {
    let weight = |http: &HttpRoute| match &http.action {
        HttpAction::Route(items) => match items.as_slice() {
            [only] => only.weight.as_ref().map(|weight| weight.value),
            _ => None,
        },
        _ => None,
    };
    let run: Option<Vec<u32>> = (service.http[first..].iter())
        .take_while(|http| http.matches.is_empty())
        .map(weight)
        .collect();
    if own > first
        && run.is_some_and(|weights| weights.len() > 1 && weights.iter().sum::<u32>() == 100)
    {
        return format!(
            "one split is one rule: move the destination of `http[{own}]` under the `route:` of `http[{first}]`"
        );
    }
    format!("put `http[{own}]` before `http[{first}]`, or remove it")
}

/// One of several alternatives is not reached.
fn partly(route: &Route, by: &Route) -> Finding {
    let own = Arc::ptr_eq(&route.outcome, &by.outcome);
    let message = format!(
        "`{}` takes no request: {} takes every one of them before",
        route.label(),
        if own {
            format!("`{}`", by.label())
        } else {
            of(by, route)
        }
    );
    let place = route
        .conditions
        .first()
        .map_or(route.span, |condition| condition.span);
    Finding::new(RULE.code, message)
        .with_severity(if own {
            Severity::Info
        } else {
            Severity::Warning
        })
        .of_object(&route.object)
        .of_route(route.span)
        .at(place, "takes no request")
}

/// A route as seen from another one.
fn of(route: &Route, from: &Route) -> String {
    if route.object == from.object {
        format!("`{}`", route.label())
    } else {
        format!("`{}` of {}", route.label(), route.object)
    }
}

/// "A catch-all match ends generation": at a gateway the routes behind it are not even there.
fn not_generated(context: &Context<'_>, view: &View, host: &VirtualHost, dead: &mut Dead) {
    for object in &host.objects {
        let Some(service) = context.virtual_service(object) else {
            continue;
        };
        let own = host.routes.iter().filter(|route| route.object == *object);
        let spans: BTreeSet<_> = own.map(|route| route.span).collect();
        let Some(last) = service
            .http
            .iter()
            .rposition(|http| spans.contains(&http.span))
        else {
            continue;
        };
        let delegates = |http: &HttpRoute| matches!(http.action, HttpAction::Delegate { .. });
        // What takes everything at one port, or of some clients, leaves the others to the rules behind it.
        let everything = |one: &HttpMatch| {
            one.port.is_none() && one.source_namespace.is_none() && one.source_labels.is_none()
        };
        let matches = &service.http[last].matches;
        if !(matches.is_empty() || matches.iter().any(everything)) {
            continue;
        }
        for (index, http) in service.http.iter().enumerate().skip(last + 1) {
            if delegates(http) || is_for_others(view, service, http) {
                continue;
            }
            let split = matches!(&http.action, HttpAction::Route(items) if items.len() > 1);
            let what = if split {
                "its split has no effect"
            } else {
                "it has no effect"
            };
            let message = format!(
                "`http[{index}]` is never reached, so that {what}: `http[{last}]` takes every request before it"
            );
            let finding = Finding::new(RULE.code, message)
                .with_severity(if split {
                    Severity::Error
                } else {
                    Severity::Warning
                })
                .of_route(http.span)
                .at(http.span, "never reached")
                .at(service.http[last].span, "takes its requests");
            let finding = finding.help(in_one_object(service, index, last));
            dead.push((http.span, None, finding));
        }
    }
}

/// Whether a rule is limited to other ports or gateways than those of a view.
fn is_for_others(view: &View, service: &VirtualService, http: &HttpRoute) -> bool {
    let place = match &view.vantage.origin {
        Origin::Gateway { namespace, name } => format!("{namespace}/{name}"),
        Origin::Mesh { .. } => "mesh".to_owned(),
    };
    let here = |one: &HttpMatch| {
        let bound = |gateway: &At<String>| {
            let name = gateway_name(&gateway.value, &service.meta.namespace);
            name == place || view.gateways.contains(&name)
        };
        let port = (one.port.as_ref()).zip(view.vantage.port);
        (one.gateways.is_empty() || one.gateways.iter().any(bound))
            && port.is_none_or(|(asked, dialled)| asked.value == dialled)
    };
    !http.matches.is_empty() && !http.matches.iter().any(here)
}

/// The request that is asked about never comes to the split that it matches too.
fn for_this_request(context: &Context<'_>) -> Option<Finding> {
    let request = context.request.as_ref()?;
    let resolution = request.resolve().ok()?;
    let winner = resolution.route?;
    let matches = |route: &&Route| {
        let mut conditions = route.conditions.iter();
        conditions.all(|condition| {
            matches!(
                condition.holds(request.probe),
                Evaluation::Yes | Evaluation::Assumed(_)
            )
        })
    };
    let mut taking = resolution.host.routes.iter().filter(matches);
    let first = taking.next().filter(|route| {
        (route.object.as_str(), route.rule.as_str()) == (winner.object, winner.rule)
    })?;
    let missed = taking
        .find(|route| splits(route))
        .filter(|_| !splits(first))?;
    let message = format!(
        "this request does not come to the split of `{}`: {} takes it before",
        missed.rule,
        of(first, missed)
    );
    Some(
        Finding::new(RULE.code, message)
            .of_object(&first.object)
            .of_route(first.span)
            .at(first.span, "takes this request")
            .at(missed.span, "would split it")
            .help("send the request without what the first one matches, or judge that one"),
    )
}
