//! RS038: a match on claims of a token that no proxy validates.

use crate::diag::{Code, Severity};
use crate::lint::{Context, Finding, Rule};
use crate::manifest::attached::{Attached, Effect, Side};
use crate::manifest::istio::{Gateway, VirtualService, gateway_name};
use crate::manifest::kube::selects;
use crate::route::{Condition, Test};

/// The rule.
pub(in crate::lint) const RULE: Rule = Rule {
    code: Code::Rs038,
    name: "claim_match",
    istio: Some("IST0149"),
    rationale: "claims are known to the proxies of a gateway, and only where a RequestAuthentication has them validate the token: \
          elsewhere such a match never holds, and its route takes nothing",
    fix: "select the proxies of the gateway with a RequestAuthentication, and bind the rule to that gateway",
    check: Some(check),
    ..Rule::BASE
};

fn check(context: &Context<'_>, findings: &mut Vec<Finding>) {
    for service in &context.manifests.virtual_services {
        let matches = service.http.iter().flat_map(|http| &http.matches);
        let mut conditions = matches.flat_map(|one| &one.conditions);
        let claim = conditions.find(|condition| {
            matches!(&condition.test, Test::Unknowable(caveat) if caveat.code == Code::TokenClaim)
        });
        if let Some(claim) = claim {
            findings.extend(finding(context, service, claim));
        }
    }
}

/// What keeps a match on claims from ever holding.
fn finding(context: &Context<'_>, service: &VirtualService, claim: &Condition) -> Option<Finding> {
    let home = &service.meta.namespace;
    let names = service.gateways.iter();
    let names = names.map(|name| gateway_name(&name.value, home));
    let gateways: Vec<String> = names.filter(|name| name != "mesh").collect();
    if gateways.is_empty() {
        let message = format!(
            "`{}` is matched in the mesh, where no proxy looks at claims: this match never holds",
            claim.field
        );
        let found = Finding::new(RULE.code, message).at(claim.span, "");
        return Some(found.help("bind the rule to the gateway that validates the token"));
    }
    let validated = |name: &String| {
        let policies = context.manifests.attached.iter();
        let mut policies = policies.filter(|policy| policy.effect == Effect::Tokens);
        let all = context.manifests.gateways.iter();
        let object = all
            .clone()
            .find(|one| *name == format!("{}/{}", one.meta.namespace, one.meta.name));
        policies.any(|policy| object.is_none_or(|gateway| may_validate(policy, gateway)))
    };
    if gateways.iter().any(validated) {
        return None;
    }
    let known = context
        .manifests
        .gateways
        .iter()
        .any(|one| gateways.contains(&format!("{}/{}", one.meta.namespace, one.meta.name)));
    let message = format!(
        "`{}` is matched, and no RequestAuthentication of these manifests selects the proxies of gateway {}: without one this match never holds",
        claim.field,
        gateways.join(" or ")
    );
    let found = Finding::new(RULE.code, message).at(claim.span, "");
    let severity = if known {
        Severity::Error
    } else {
        Severity::Warning
    };
    Some(
        found.with_severity(severity).help(
            "pass the file with the RequestAuthentication too, or create one for the gateway",
        ),
    )
}

/// Whether a policy selects the proxies of a gateway, wherever they stand.
fn may_validate(policy: &Attached, gateway: &Gateway) -> bool {
    let selector = policy.selector.as_ref();
    let selected = selector.is_some_and(|selector| selects(selector, &gateway.selector));
    let named = policy.targets.iter().any(|target| target.kind == "Gateway");
    named || (selected && policy.runs_on(Side::Gateway))
}
