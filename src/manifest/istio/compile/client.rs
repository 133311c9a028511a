//! Whether the connections of a client pass through a proxy that applies rules: what its pods, their namespace, and the
//! waypoint of what it calls say about that.

use std::collections::BTreeMap;
use std::net::IpAddr;

use super::index::Index;
use super::waypoint_use::{Use, canary, used};
use crate::diag::{Code, Note, Span};
use crate::manifest::Manifests;
use crate::manifest::decode::At;
use crate::manifest::kube::{Meta, Workload, selects};
use crate::manifest::mesh::registry_service::RegistryService;
use crate::route::{AppliesTo, Origin, Proxy, Vantage};

/// The label and the annotation that ask for a sidecar or refuse one.
const INJECT: &str = "sidecar.istio.io/inject";
/// The label of a namespace that asks for sidecars, or refuses them.
const INJECTION: &str = "istio-injection";
/// The label that names the revision of the injector.
const REVISION: &str = "istio.io/rev";
/// The label that puts pods into ambient mode.
const MODE: &str = "istio.io/dataplane-mode";
/// What the annotations about redirection begin with.
const TRAFFIC: &str = "traffic.sidecar.istio.io/";

type Labels = BTreeMap<String, String>;

/// A client of the mesh.
struct Client<'m> {
    whose: String,
    labels: &'m Labels,
    workload: Option<&'m Workload>,
    namespace: Option<&'m Meta>,
}

/// Why no rule is applied to what the clients at a vantage send, whatever they call.
pub(crate) fn without_proxy(
    manifests: &Manifests,
    vantage: &Vantage,
    home: &str,
) -> Vec<Note<AppliesTo>> {
    reasons(manifests, vantage, home, None)
}

/// Why no rule is applied to what the clients at a vantage send; `to` is what they call, where it is known, with the port.
fn reasons(
    manifests: &Manifests,
    vantage: &Vantage,
    home: &str,
    to: Option<(&str, RegistryService<'_>, Option<u16>)>,
) -> Vec<Note<AppliesTo>> {
    let Origin::Mesh {
        namespace,
        labels,
        proxy: Proxy::Sidecar,
    } = &vantage.origin
    else {
        return Vec::new();
    };
    let name = namespace.as_deref().unwrap_or(home);
    let object = manifests.namespaces.iter().find(|one| one.name == name);
    let mut found = Vec::new();
    let Some(labels) = labels else {
        // Of no client in particular, only what its namespace says is known.
        let nothing = Labels::new();
        let client = Client {
            whose: format!("the pods of namespace {name}"),
            labels: &nothing,
            workload: None,
            namespace: object,
        };
        found.extend(client.reason(manifests, to).map(|caveat| match namespace {
            Some(_) => caveat,
            None => {
                caveat.help("say from where it is called with --from-namespace and --from-labels")
            }
        }));
        return found;
    };
    let here = |workload: &&Workload| {
        namespace
            .as_ref()
            .is_none_or(|own| *own == workload.meta.namespace)
            && selects(labels, &workload.labels)
    };
    for workload in manifests.workloads.iter().filter(here) {
        let own = &workload.meta.namespace;
        let client = Client {
            whose: format!("the pods of {}", workload.meta),
            labels: &workload.labels,
            workload: Some(workload),
            namespace: manifests.namespaces.iter().find(|one| one.name == *own),
        };
        found.extend(client.reason(manifests, to));
    }
    if found.is_empty() {
        // The labels that were typed say it themselves.
        let client = Client {
            whose: "pods with the labels of the client".to_owned(),
            labels,
            workload: None,
            namespace: object,
        };
        found.extend(client.reason(manifests, to));
    }
    found
}

impl Client<'_> {
    /// Why no rule is applied to what it sends.
    fn reason(
        &self,
        manifests: &Manifests,
        to: Option<(&str, RegistryService<'_>, Option<u16>)>,
    ) -> Option<Note<AppliesTo>> {
        let sidecar = self.workload.is_some_and(|workload| workload.pod.has_proxy);
        if sidecar {
            return self.excluded(to);
        }
        self.ambient(manifests, to)
            .or_else(|| self.uninjected(manifests))
            .or_else(|| self.excluded(to))
    }

    fn place(&self) -> Option<Span> {
        self.workload.map(|workload| workload.meta.span)
    }

    fn annotation(&self, name: &str) -> Option<&At<String>> {
        self.workload?.pod.annotations.get(name)
    }

    /// Ambient mode: no sidecar, and a waypoint only where the service uses one.
    fn ambient(
        &self,
        manifests: &Manifests,
        to: Option<(&str, RegistryService<'_>, Option<u16>)>,
    ) -> Option<Note<AppliesTo>> {
        let of_namespace = self
            .namespace
            .and_then(|namespace| namespace.labels.get(MODE));
        let mode = self.labels.get(MODE).or(of_namespace)?;
        if mode != "ambient" {
            return None;
        }
        let whose = &self.whose;
        let span = self
            .place()
            .or(self.namespace.map(|namespace| namespace.span));
        let mut message = format!(
            "{whose} have no sidecar (ambient mode): only a waypoint of the service applies routes"
        );
        let mut help =
            "give the service a waypoint (`istio.io/use-waypoint`), and judge with --waypoint";
        if let Some((host, known, _)) = to {
            match used(manifests, known.meta()) {
                Use::Given(name) | Use::Assumed(name) => {
                    message = format!(
                        "{message}, and `{host}` uses the waypoint {name}: it applies its rules, and not a sidecar"
                    );
                    help = "judge what it does with --waypoint";
                    let caveat = Note::about(Code::AmbientClient, message, span);
                    return Some(caveat.help(help));
                }
                Use::Unfit(why) => message = format!("{message}, and {why}"),
                Use::None => message = format!("{message}, and `{host}` uses none"),
                Use::Unknown => {}
            }
        }
        Some(Note::about(Code::NoProxy, message, span).help(help))
    }

    /// Why its pods get no sidecar. The label counts before the annotation, and that before the namespace.
    fn uninjected(&self, manifests: &Manifests) -> Option<Note<AppliesTo>> {
        let whose = &self.whose;
        let none = |why: &str, span: Option<Span>| {
            let message = format!(
                "{whose} get no sidecar{why}, so that no route is applied to what they send"
            );
            let remark = if span == self.place() {
                "the client"
            } else {
                ""
            };
            let caveat = Note::new(Code::NoProxy, message);
            let caveat = match span {
                Some(span) => caveat.at(span, remark),
                None => caveat,
            };
            Some(caveat.help(
                "inject the sidecar into the client, or give the service a waypoint and ask with `--waypoint`",
            ))
        };
        if let Some(span) = self.workload.and_then(|workload| workload.pod.host_network) {
            return none(
                " because they use the network of their node (`hostNetwork`)",
                Some(span),
            );
        }
        let annotated = self.annotation(INJECT);
        let asked = self.labels.get(INJECT);
        let asked = asked
            .or(annotated.map(|text| &text.value))
            .map(String::as_str);
        if matches!(asked, Some("false" | "n" | "no" | "off")) {
            return none("", self.place());
        }
        let runs = self.workload.filter(|workload| workload.pod.runs);
        if runs.is_some() && as_they_run(manifests) {
            return none(" (none of their containers is `istio-proxy`)", self.place());
        }
        if asked.is_some() || self.labels.contains_key(REVISION) {
            return None;
        }
        let namespace = self.namespace?;
        let name = &namespace.name;
        match namespace.labels.get(INJECTION).map(String::as_str) {
            Some("enabled") => None,
            Some(_) => none(
                &format!(" because namespace {name} refuses it (`{INJECTION}`)"),
                Some(namespace.span),
            ),
            None if namespace.labels.contains_key(REVISION) => None,
            // A namespace as the cluster has it carries its own name, and all of its labels.
            None if namespace.labels.contains_key("kubernetes.io/metadata.name") => none(
                &format!(
                    " because namespace {name} does not ask for one (`{INJECTION}`, `{REVISION}`)"
                ),
                Some(namespace.span),
            ),
            None => None,
        }
    }

    /// Connections that its sidecar does not get.
    fn excluded(
        &self,
        to: Option<(&str, RegistryService<'_>, Option<u16>)>,
    ) -> Option<Note<AppliesTo>> {
        let (host, known, port) = to?;
        let around = |annotation: &str, what: &str| {
            let text = self.annotation(&format!("{TRAFFIC}{annotation}"))?;
            let message = format!(
                "{} send to {what} past their sidecar (`{annotation}: {}`), so that no route is applied",
                self.whose,
                text.value.trim()
            );
            let caveat = Note::about(Code::NoProxy, message, Some(text.span));
            Some(caveat.help("have these connections go through the sidecar"))
        };
        let words = |annotation: &str| {
            let text = self.annotation(&format!("{TRAFFIC}{annotation}"))?;
            Some(
                text.value
                    .split(',')
                    .map(str::trim)
                    .filter(|word| !word.is_empty())
                    .collect::<Vec<_>>(),
            )
        };
        if let (Some(port), Some(ports)) = (port, words("excludeOutboundPorts")) {
            let named = port.to_string();
            if ports.iter().any(|one| *one == named || *one == "*") {
                return around("excludeOutboundPorts", &format!("port {port}"));
            }
        }
        let addresses: Vec<IpAddr> = known
            .addresses()
            .iter()
            .filter_map(|one| one.parse().ok())
            .collect();
        let outside = words("excludeOutboundIPRanges").is_some_and(|ranges| {
            ranges.contains(&"*") || addresses.iter().any(|address| within(&ranges, *address))
        });
        if outside {
            return around("excludeOutboundIPRanges", &format!("`{host}`"));
        }
        let ranges = words("includeOutboundIPRanges")?;
        let missed = !ranges.contains(&"*")
            && (ranges.is_empty()
                || (!addresses.is_empty() && !addresses.iter().any(|one| within(&ranges, *one))));
        if missed {
            return around("includeOutboundIPRanges", &format!("`{host}`"));
        }
        None
    }
}

/// Whether pods stand in the manifests as they run, so that one without a proxy has none.
fn as_they_run(manifests: &Manifests) -> bool {
    manifests
        .workloads
        .iter()
        .any(|one| one.pod.runs && one.pod.has_proxy)
}

/// Whether an address is in one of these ranges.
fn within(ranges: &[&str], address: IpAddr) -> bool {
    ranges.iter().any(|range| {
        let (start, length) = range.split_once('/').unwrap_or((range, ""));
        let Ok(start) = start.parse::<IpAddr>() else {
            return false;
        };
        let (own, other, width) = match (start, address) {
            (IpAddr::V4(start), IpAddr::V4(address)) => (
                u128::from(u32::from(start)),
                u128::from(u32::from(address)),
                32,
            ),
            (IpAddr::V6(start), IpAddr::V6(address)) => {
                (u128::from(start), u128::from(address), 128)
            }
            _ => return false,
        };
        let length = length.parse().unwrap_or(width).min(width);
        let shift = width - length;
        shift == 128 || own >> shift == other >> shift
    })
}

impl Index<'_> {
    /// The same for a host that a client in a namespace calls.
    pub(super) fn without_proxy(
        &self,
        vantage: &Vantage,
        home: &str,
        host: &str,
        known: RegistryService<'_>,
    ) -> Vec<Note<AppliesTo>> {
        let manifests = self.manifests;
        // Most manifests say nothing about their clients.
        let silent = manifests.namespaces.is_empty()
            && matches!(&vantage.origin, Origin::Mesh { labels: None, .. });
        let canary = canary(manifests, known.meta());
        let mut found: Vec<Note<AppliesTo>> = canary.into_iter().collect();
        if !silent {
            found.extend(reasons(
                manifests,
                vantage,
                home,
                Some((host, known, vantage.port)),
            ));
        }
        found
    }
}
