//! RS041: a port of a Service that leads to a port which no container of its pods declares.

use crate::diag::{Code, Severity};
use crate::lint::{Context, Finding, Rule};
use crate::manifest::kube::{Service, ServicePort, Workload, selects};

/// The rule.
pub(in crate::lint) const RULE: Rule = Rule {
    code: Code::Rs041,
    name: "target_port",
    rationale: "connections to a port on which nothing listens are refused, and answered with 503; a port by name that no container \
          has leaves the Service without endpoints",
    fix: "correct `targetPort` of the Service, or the `ports` of the containers",
    check: Some(check),
    ..Rule::BASE
};

fn check(context: &Context<'_>, findings: &mut Vec<Finding>) {
    for service in &context.manifests.services {
        if service.selector.is_empty() {
            continue;
        }
        let pods = context.manifests.workloads.iter();
        let pods: Vec<&Workload> = pods
            .filter(|pod| pod.meta.namespace == service.meta.namespace)
            .filter(|pod| selects(&service.selector, &pod.labels))
            .collect();
        // Containers need not declare their ports: where none does, nothing is known.
        if pods.is_empty() || pods.iter().any(|pod| pod.pod.ports.is_empty()) {
            continue;
        }
        for port in &service.ports {
            findings.extend(finding(service, port, &pods));
        }
    }
}

fn finding(service: &Service, port: &ServicePort, pods: &[&Workload]) -> Option<Finding> {
    let own = port.port.value.to_string();
    let target = port.target.as_deref().unwrap_or(&own);
    let number: Option<u16> = target.parse().ok();
    let declared = |pod: &&Workload| {
        let mut ports = pod.pod.ports.iter();
        ports.any(|one| match number {
            Some(number) => one.number == number,
            None => one.name.as_deref() == Some(target),
        })
    };
    if pods.iter().any(declared) {
        return None;
    }
    let message = format!(
        "port {own} of {} leads to port {target} of its pods, which none of their containers declares",
        service.meta
    );
    let severity = match number {
        // A container may listen on ports that it does not declare.
        Some(_) => Severity::Warning,
        None => Severity::Error,
    };
    let found = Finding::new(RULE.code, message).with_severity(severity);
    Some(
        found
            .at(port.port.span, "")
            .at(pods[0].meta.span, "its pods"),
    )
}
