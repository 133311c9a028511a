//! RS024: a client whose proxy is missing, so that nobody applies the rules.

use std::collections::BTreeMap;

use crate::diag::Code;
use crate::lint::{Context, Finding, Rule};
use crate::manifest::kube::selects;
use crate::route::{Origin, Proxy};

/// The rule.
pub(in crate::lint) const RULE: Rule = Rule {
    code: Code::Rs024,
    name: "no_proxy",
    istio: Some("IST0103"),
    rationale: "it is the proxy of the client, or the waypoint of the service, that applies the routes: without it the Service \
          spreads connections over all pods",
    fix: "inject the sidecar into the client, or give the service a waypoint and ask with `--waypoint`",
    facts: &[Code::NoWaypoint],
    check: Some(check),
    ..Rule::BASE
};

/// The pods with the labels that the client is said to have.
fn check(context: &Context<'_>, findings: &mut Vec<Finding>) {
    let Some(Origin::Mesh {
        namespace,
        labels: Some(labels),
        proxy: Proxy::Sidecar,
    }) = context.asked.as_ref().map(|asked| &asked.origin)
    else {
        return;
    };
    let clients = context.manifests.workloads.iter().filter(|workload| {
        let here = namespace
            .as_ref()
            .is_none_or(|own| *own == workload.meta.namespace);
        here && selects(labels, &workload.labels)
    });
    let mut found = false;
    for client in clients {
        let whose = format!("the pods of {}", client.meta);
        if let Some(message) = without(&whose, &client.labels) {
            found = true;
            let finding = Finding::new(RULE.code, message).at(client.meta.span, "the client");
            findings.push(finding.help(RULE.fix));
        }
    }
    // The labels that were typed say it themselves.
    let typed = without("pods with the labels of the client", labels).filter(|_| !found);
    findings.extend(typed.map(|message| Finding::new(RULE.code, message).help(RULE.fix)));
}

/// Why pods with these labels have no sidecar, if they have none.
fn without(whose: &str, labels: &BTreeMap<String, String>) -> Option<String> {
    let label = |key: &str, value: &str| labels.get(key).is_some_and(|found| found == value);
    if label("sidecar.istio.io/inject", "false") {
        Some(format!(
            "{whose} get no sidecar, so that no route is applied to what they send"
        ))
    } else if label("istio.io/dataplane-mode", "ambient") {
        Some(format!(
            "{whose} have no sidecar (ambient mode): only a waypoint of the service applies routes"
        ))
    } else {
        None
    }
}
