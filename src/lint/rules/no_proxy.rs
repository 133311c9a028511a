//! RS024: a client without a proxy, or a service without a waypoint, so that nobody applies the rules.

use crate::diag::{Code, Severity};
use crate::lint::rule::PlacedNote;
use crate::lint::{Context, Finding, Rule};
use crate::manifest::istio::without_proxy;
use crate::route::Origin;

/// The rule.
pub(in crate::lint) const RULE: Rule = Rule {
    code: Code::Rs024,
    name: "no_proxy",
    istio: Some("IST0103"),
    rationale: "it is the proxy of the client, or the waypoint of the service, that applies the routes: without it the Service \
          spreads connections over all pods",
    fix: "inject the sidecar into the client, or give the service a waypoint and ask with `--waypoint`",
    facts: &[Code::NoWaypoint, Code::NoProxy, Code::AmbientClient],
    severity_fn: Some(severity),
    check: Some(check),
    ..Rule::BASE
};

/// Clients that nobody asked about may not be the ones that matter, except where their whole namespace is in ambient mode.
#[expect(
    clippy::unnecessary_wraps,
    reason = "the signature of all rules that grade by the place"
)]
fn severity(place: &PlacedNote<'_, '_>) -> Option<Severity> {
    let asked = match &place.view.vantage.origin {
        Origin::Mesh {
            namespace, labels, ..
        } => namespace.is_some() || labels.is_some(),
        Origin::Gateway { .. } => true,
    };
    let ambient = place.context.manifests.namespaces.iter();
    let mut ambient = ambient.filter(|one| Some(one.span) == place.caveat.place());
    let ambient = ambient.any(|one| !one.labels.contains_key("istio-injection"));
    Some(match place.caveat.code {
        Code::AmbientClient => Severity::Warning,
        Code::NoProxy if !asked && !ambient => Severity::Warning,
        _ => Severity::Error,
    })
}

/// What is known about the client whatever it calls.
fn check(context: &Context<'_>, findings: &mut Vec<Finding>) {
    let Some(vantage) = &context.asked else {
        return;
    };
    let Origin::Mesh {
        namespace,
        labels: Some(_),
        ..
    } = &vantage.origin
    else {
        return;
    };
    let home = namespace.as_deref().unwrap_or("default");
    for caveat in without_proxy(context.manifests, vantage, home) {
        let told = findings.iter().any(|finding| {
            finding.code() == RULE.code
                && (caveat.place().is_none() || finding.place() == caveat.place())
        });
        if !told {
            let note = caveat.applied().with_severity(RULE.code.severity());
            findings.push(Finding::of(Some(RULE.code), note));
        }
    }
}
