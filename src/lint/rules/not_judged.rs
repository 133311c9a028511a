//! RS034: configuration of a proxy, or of a mesh, that changes what a rule says.

use std::collections::HashSet;

use crate::diag::{Code, Note, Severity, Span};
use crate::lint::{Context, Finding, Rule, View};
use crate::route::example_request::{Reach, rule_reaches};
use crate::route::{AppliesTo, Probe, Route, VirtualHost, resolve_untraced};

/// Rules whose split is compared with what a proxy has been told; the search for their requests takes time.
const MOST_COMPARED: usize = 500;

/// The rule.
pub(in crate::lint) const RULE: Rule = Rule {
    code: Code::Rs034,
    name: "not_judged",
    rationale: "runtime keys, fractions and headers override the weights of a dump, and Sidecar, EnvoyFilter and policies may change the routes: what is served may not be what is declared",
    fix: "look at what the proxy really has: `istioctl proxy-config routes`, or /config_dump and /runtime of its admin port",
    facts: &[
        Code::Balancing,
        Code::ByReplicas,
        Code::RuntimeWeights,
        Code::RuntimeFraction,
        Code::HeaderWeights,
        Code::TotalWeight,
        Code::ClientPicksEndpoint,
        Code::ClusterHeader,
        Code::ClusterPlugin,
        Code::RetryElsewhere,
        Code::EndpointsNotDumped,
        Code::UnreadableRegex,
        Code::PathTemplate,
        Code::UnknownMetadata,
        Code::UnknownTls,
        Code::UnknownMatcher,
        Code::UnknownAction,
        Code::NoWeights,
        Code::RedirectOutside,
        Code::ProgrammedDiffers,
        Code::PolicyNotJudged,
        Code::AttachedPolicy,
        Code::OtherImplementation,
        Code::IngressWaypoint,
        Code::WaypointCanary,
        Code::FilterNotJudged,
        Code::RegexPrecedence,
        Code::HostnamePrecedence,
        Code::SidecarScope,
        Code::NotJudged,
        Code::CanaryDropped,
        Code::CanaryStuck,
        Code::NotRead,
        Code::CanaryWithoutFlag,
    ],
    severity_overrides: &[(Code::CanaryStuck, Severity::Error)],
    check: Some(check),
    ..Rule::BASE
};

fn check(context: &Context<'_>, findings: &mut Vec<Finding>) {
    for view in context.all_views() {
        // Of a host that is declared, RS005 says what is about connections.
        let unclear = |host: &&VirtualHost| {
            let mut note = host.unsupported.iter();
            note.any(|note| note.code == Code::UnclearRules)
        };
        let declared = view.hosts().filter(unclear);
        for note in
            (programmed_hosts(view).chain(declared)).filter_map(|host| host.unsupported.clone())
        {
            findings.push(Finding::of(
                Some(RULE.code),
                note.with_severity(RULE.code.severity()),
            ));
        }
    }
    if let Some(request) = &context.request {
        let Ok(resolution) = request.resolve() else {
            return;
        };
        let route = resolution.route.map(|matched| matched.route);
        let differs = resolution.caveats.iter().find(|caveat| differs(caveat));
        findings.extend(differs.map(|caveat| finding(resolution.host, route, caveat)));
        return;
    }
    let mut seen = HashSet::new();
    let mut left = Vec::new();
    let views = context.views.iter();
    for view in views.filter(|view| view.table.programmed.is_some()) {
        for host in view.hosts() {
            if seen.len() < MOST_COMPARED {
                compare(view, host, &mut seen, findings);
            } else {
                let routes = host.routes.iter();
                left.extend(routes.filter(|route| !seen.contains(&route.span)));
            }
        }
    }
    findings.extend(uncompared(&left));
}

/// What is said about rules that were not compared for want of time.
fn uncompared(left: &[&Route]) -> Option<Finding> {
    let places: HashSet<Span> = left.iter().map(|route| route.span).collect();
    let message = format!(
        "from here on {} rules were not compared with what the proxy has been told",
        places.len()
    );
    let help = format!(
        "the first {MOST_COMPARED} were; give the URL of a request to compare its rule, or lint one namespace at a time"
    );
    let first = left.first()?;
    Some(
        Finding::new(RULE.code, &message)
            .of_object(&first.object)
            .at(first.span, "the first of them")
            .help(&help),
    )
}

/// Compares the rules of a host with what a proxy has been told, each by a request that it takes.
fn compare(view: &View, host: &VirtualHost, seen: &mut HashSet<Span>, findings: &mut Vec<Finding>) {
    let programmed = view.table.programmed.as_deref();
    let called = |name: &String| Probe::new("GET", &format!("http://{name}/").parse().ok()?);
    let requests: Vec<Probe> = host.domains.iter().filter_map(called).collect();
    let known =
        |probe: &&Probe| programmed.is_some_and(|table| resolve_untraced(table, probe).is_ok());
    // A proxy may know a host by another of its names.
    let Some(like) = requests.iter().find(known).or(requests.first()) else {
        return;
    };
    for rule_reach in rule_reaches(&view.table, host, like) {
        let Reach::By(probe) = rule_reach.reach else {
            continue;
        };
        let route = rule_reach.route;
        if !seen.insert(route.span) {
            continue;
        }
        let Ok(resolution) = resolve_untraced(&view.table, &probe) else {
            continue;
        };
        let differs = resolution.caveats.iter().find(|caveat| differs(caveat));
        findings.extend(differs.map(|caveat| finding(host, Some(route), caveat)));
    }
}

/// The hosts that a proxy has been told.
fn programmed_hosts(view: &View) -> impl Iterator<Item = &VirtualHost> {
    let programmed = view.table.programmed.iter().flat_map(|table| &table.hosts);
    let own = view.hosts().filter(|_| view.table.from_dump);
    own.chain(programmed)
}

fn differs(caveat: &Note<AppliesTo>) -> bool {
    caveat.code == Code::ProgrammedDiffers
}

fn finding(host: &VirtualHost, route: Option<&Route>, caveat: &Note<AppliesTo>) -> Finding {
    let object = route.map(|route| route.object.as_str());
    let object = object.or(host.objects.first().map(String::as_str));
    let declared = route.map_or(host.span, |route| route.span);
    let note = Note {
        labels: Vec::new(),
        ..caveat.applied()
    };
    let finding = Finding::of(Some(RULE.code), note.at(declared, "declared here"));
    let finding = match caveat.place() {
        Some(span) => finding.at(span, "programmed here"),
        None => finding,
    };
    Finding {
        object: object.map(str::to_owned),
        route: route.map(|route| route.span),
        ..finding
    }
}
