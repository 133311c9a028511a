//! RS040: two Gateways of the same proxies that want the same host and port.

use std::collections::HashMap;

use crate::diag::{Code, Severity};
use crate::lint::{Context, Finding, Rule};
use crate::manifest::istio::{Gateway, Reads, Server};

/// The rule.
pub(in crate::lint) const RULE: Rule = Rule {
    code: Code::Rs040,
    name: "gateway_conflict",
    istio: Some("IST0145"),
    rationale: "the same proxies serve both: where TLS tells hosts apart, the server of the older Gateway takes a host for itself, and \
          rules that are bound to the other one do not apply; plain HTTP is served for both",
    fix: "list the host in one of them, and bind the rules to that one",
    check: Some(check),
    ..Rule::BASE
};

fn check(context: &Context<'_>, findings: &mut Vec<Finding>) {
    type Place<'m> = (Vec<(&'m String, &'m String)>, u16, String);
    let mut taken: HashMap<Place<'_>, (&Gateway, &Server)> = HashMap::new();
    for gateway in &context.manifests.gateways {
        for server in &gateway.servers {
            let Some(port) = &server.port else { continue };
            for host in &server.hosts {
                let name = host
                    .value
                    .rsplit('/')
                    .next()
                    .unwrap_or_default()
                    .to_lowercase();
                let key = (gateway.selector.iter().collect(), port.value, name);
                let Some((other, theirs)) = taken.get(&key) else {
                    taken.insert(key, (gateway, server));
                    continue;
                };
                if other.meta == gateway.meta {
                    continue;
                }
                let plain = |server: &Server| server.reads == Reads::Requests && !server.encrypted;
                let merged = plain(server) && plain(theirs);
                let (severity, what) = if merged {
                    (
                        Severity::Info,
                        "rules that are bound to either of them apply at both",
                    )
                } else {
                    (
                        Severity::Warning,
                        "one of them takes it, and rules that are bound to the other do not apply",
                    )
                };
                let message = format!(
                    "{} and {} have the host `{}` on port {} of the same proxies: {what}",
                    other.meta, gateway.meta, host.value, port.value
                );
                findings.push(
                    Finding::new(RULE.code, message)
                        .with_severity(severity)
                        .at(host.span, "")
                        .at(other.meta.span, "the other Gateway"),
                );
            }
        }
    }
}
