//! RS015: a route that an earlier one leaves no request for.

use std::collections::{BTreeSet, HashSet};
use std::sync::Arc;

use crate::diag::{Code, Severity, Span};
use crate::lint::cover::{Earlier, excluded};
use crate::lint::{Context, Finding, Rule};
use crate::manifest::istio::HttpAction;
use crate::route::matching::Held;
use crate::route::{Action, Route, VirtualHost};

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
    let first = findings.len();
    let mut reached = HashSet::new();
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
                for_every_request(host, findings, &mut reached);
            }
            not_generated(context, host, findings);
        }
    }
    // A delegate of several rules is reached where one of them leaves it requests.
    let shared = |finding: &Finding| {
        let route = finding.route.filter(|span| reached.contains(span));
        let delegate = |span| {
            let object = context.object_at(span);
            let service = object.and_then(|object| context.virtual_service(&object));
            service.is_some_and(|service| service.hosts.is_empty())
        };
        route.is_some_and(delegate)
    };
    let own = findings.split_off(first);
    findings.extend(own.into_iter().filter(|finding| !shared(finding)));
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
        Action::Named(_) | Action::Answer(_) => false,
    }
}

fn for_every_request(host: &VirtualHost, findings: &mut Vec<Finding>, reached: &mut HashSet<Span>) {
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
            if let Some((_, by)) = earlier.covering(route) {
                covered.push((route, by));
            } else {
                reachable += 1;
                reached.insert(route.span);
            }
            earlier.add(number, route);
            number += 1;
        }
        if reachable == 0 {
            findings.extend(covered.first().map(|(route, by)| never(route, by)));
        } else {
            findings.extend(covered.iter().map(|(route, by)| partly(route, by)));
        }
        rest = after;
    }
}

/// None of the alternatives of a rule is reached.
fn never(route: &Route, by: &Route) -> Finding {
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
    Finding::new(&RULE, message)
        .graded(severity)
        .of_object(&route.object)
        .of_route(route.span)
        .at(route.span, "never reached")
        .at(by.span, "takes its requests")
        .help(format!("put `{}` before {name}, or remove it", route.rule))
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
    Finding::new(&RULE, message)
        .graded(if own {
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
fn not_generated(context: &Context<'_>, host: &VirtualHost, findings: &mut Vec<Finding>) {
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
        let delegates = |http: &crate::manifest::istio::HttpRoute| {
            matches!(http.action, HttpAction::Delegate { .. })
        };
        for (index, http) in service.http.iter().enumerate().skip(last + 1) {
            if delegates(http) {
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
            let finding = Finding::new(&RULE, message)
                .graded(if split {
                    Severity::Error
                } else {
                    Severity::Warning
                })
                .of_route(http.span)
                .at(http.span, "never reached")
                .at(service.http[last].span, "takes its requests");
            findings.push(finding.help(format!(
                "put `http[{index}]` before `http[{last}]`, or remove it"
            )));
        }
    }
}

/// The request that is asked about never comes to the split that it matches too.
fn for_this_request(context: &Context<'_>) -> Option<Finding> {
    let request = context.request.as_ref()?;
    let resolution = request.resolve().ok()?;
    let winner = resolution.route?;
    let matches = |route: &&Route| {
        let mut conditions = route.conditions.iter();
        conditions
            .all(|condition| matches!(condition.holds(request.probe), Held::Yes | Held::Assumed(_)))
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
        Finding::new(&RULE, message)
            .of_object(&first.object)
            .of_route(first.span)
            .at(first.span, "takes this request")
            .at(missed.span, "would split it")
            .help("send the request without what the first one matches, or judge that one"),
    )
}
