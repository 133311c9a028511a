//! The routes of a waypoint (ambient mode): one table for each service, from every rule that may speak for it.

use std::collections::{BTreeSet, HashMap};

use super::inactive_rules::{bound_to_others, inactive_rule};
use super::lower::{Compiler, https_passthrough_note, never_matches};
use crate::diag::{Code, Note, Span};
use crate::manifest::istio::objects::VirtualService;
use crate::manifest::mesh::names::{full_name, service_of};
use crate::manifest::mesh::registry_service::RegistryService;
use crate::manifest::mesh::visibility::{Visibility, visibility};
use crate::route::{RouteTable, VirtualHost};

/// The label that says whose waypoint a service uses.
const WAYPOINT: &str = "istio.io/use-waypoint";
/// The label that says where that waypoint is.
const WAYPOINT_NAMESPACE: &str = "istio.io/use-waypoint-namespace";

/// The rules for one host: each with the place of that host.
type Claims<'m> = Vec<(&'m VirtualService, Span)>;

/// Virtual services for the mesh by their hosts, those with a wildcard by what follows the `*`.
struct Rules<'m> {
    exact: HashMap<String, Claims<'m>>,
    wild: HashMap<String, Claims<'m>>,
}

impl<'m> Compiler<'m> {
    /// "All matching VS are concatenated (merge, no catch-all sort)."
    pub(super) fn waypoint(&self, client: Option<&str>) -> RouteTable {
        let mut table = RouteTable {
            port: self.vantage.port,
            search_domain: client.map(|client| format!("{client}.svc.cluster.local")),
            ..RouteTable::default()
        };
        let rules = Rules::of(&self.index.manifests.virtual_services, &mut table);
        let hosts: BTreeSet<String> = rules
            .exact
            .keys()
            .cloned()
            .chain(self.index.registry.hosts())
            .collect();
        let mut used: BTreeSet<(&str, &str)> = BTreeSet::new();
        for full in &hosts {
            let claims = rules.covering(full);
            let Some((first, _)) = claims.first() else {
                continue;
            };
            let service = service_of(full).map(|(_, home)| home);
            let known = match service {
                Some(home) => self.index.registry.registered(full, home),
                None => self.index.registry.all(full).first().copied(),
            };
            let home = known.map_or(service.unwrap_or(&first.meta.namespace), |known| {
                &known.meta().namespace
            });
            let own = known.and_then(|known| known.meta().labels.get(WAYPOINT_NAMESPACE));
            let namespace = own.map_or(home, String::as_str);
            let mut chosen = Vec::new();
            for (rule, span) in claims {
                let meta = &rule.meta;
                let near = meta.namespace == home || meta.namespace == namespace;
                let seen = visibility(&rule.export_to, &meta.namespace, namespace);
                if let Some(how) = seen.filter(|_| near) {
                    chosen.push((how, rule, span));
                    used.insert((&meta.namespace, &meta.name));
                }
            }
            chosen.sort_by_key(|(how, ..): &(Visibility, &VirtualService, Span)| *how);
            if !chosen.is_empty() {
                let host =
                    self.waypoint_host(full, &chosen, known, namespace, client.unwrap_or(home));
                // "vhost "*" per service port": where the connection goes has chosen the service.
                table
                    .matched_by_address
                    .extend(host.domains.iter().cloned());
                table.hosts.push(host);
            }
        }
        for rule in &self.index.manifests.virtual_services {
            let name = (rule.meta.namespace.as_str(), rule.meta.name.as_str());
            let bound = rule.bindings().iter().any(|binding| binding == "mesh");
            if bound && !rule.hosts.is_empty() && !used.contains(&name) {
                let why = format!(
                    "is in namespace {}, or not exported: a waypoint takes rules from the namespace of the service and from its own",
                    name.0
                );
                let help = "move the rule to the namespace of the service".to_owned();
                table
                    .inactive_rules
                    .push(inactive_rule(rule, Code::DistantRule, &why, Some(help)));
            }
        }
        table
    }

    fn waypoint_host(
        &self,
        full: &str,
        chosen: &[(Visibility, &'m VirtualService, Span)],
        known: Option<RegistryService<'m>>,
        namespace: &str,
        client: &str,
    ) -> VirtualHost {
        let caller = self.caller(namespace, "mesh");
        let (_, first, span) = chosen[0];
        let mut host = Self::virtual_host(first, full, span, self.domains(full, client, known));
        host.objects = chosen.iter().map(|(_, rule, _)| rule.object()).collect();
        self.envoy_filters(namespace, &mut host.caveats);
        let label = known.and_then(|known| known.meta().labels.get(WAYPOINT));
        if let (Some("none"), Some(known)) = (label.map(String::as_str), known) {
            let meta = known.meta();
            let message = format!("{meta} uses no waypoint: HTTP routes take no effect");
            let caveat = Note::about(Code::NoWaypoint, message, Some(meta.span));
            host.caveats
                .push(caveat.help(format!("name a waypoint in its label `{WAYPOINT}`")));
        }
        let port = known.and_then(|known| known.dialled(self.vantage.port));
        let carries = port.as_ref().map(|port| self.carries(port));
        for (_, rule, _) in chosen {
            let opaque = self.connections(rule, full, carries.as_ref(), caller);
            let taken = opaque.unwrap_or_else(|| self.routes(rule, caller));
            host.routes.extend(taken);
        }
        if let (Some(known), Some(port)) = (known, &port) {
            self.protocol(known, port, &mut host.caveats);
        }
        host.caveats.push(https_passthrough_note(span));
        if never_matches(&host.routes) {
            let opaque = first.opaque.as_ref().filter(|_| first.http.is_empty());
            host.unsupported =
                opaque.map(|opaque| Self::unsupported(first, opaque, full, known, port.as_ref()));
            host.routes.push(self.default_route(first, full, caller));
        }
        host
    }
}

impl<'m> Rules<'m> {
    fn of(all: &'m [VirtualService], table: &mut RouteTable) -> Self {
        let mut rules = Self {
            exact: HashMap::new(),
            wild: HashMap::new(),
        };
        for rule in all.iter().filter(|rule| !rule.hosts.is_empty()) {
            if !rule.bindings().iter().any(|binding| binding == "mesh") {
                table.inactive_rules.push(bound_to_others(rule));
                continue;
            }
            for host in &rule.hosts {
                let full = full_name(&host.value, &rule.meta.namespace);
                let (map, key) = match full.strip_prefix('*') {
                    Some(suffix) => (&mut rules.wild, suffix.to_owned()),
                    None => (&mut rules.exact, full),
                };
                map.entry(key).or_default().push((rule, host.span));
            }
        }
        rules
    }

    /// The rules that cover a host, each once, the oldest first.
    fn covering(&self, full: &str) -> Claims<'m> {
        let mut claims: Claims<'m> = self.exact.get(full).cloned().unwrap_or_default();
        if !self.wild.is_empty() {
            let suffixes = (1..full.len()).filter_map(|start| full.get(start..));
            claims.extend(
                suffixes
                    .filter_map(|suffix| self.wild.get(suffix))
                    .flatten()
                    .copied(),
            );
        }
        let mut seen = BTreeSet::new();
        claims.retain(|(rule, _)| seen.insert((&rule.meta.namespace, &rule.meta.name)));
        claims.sort_by_key(|(rule, _)| {
            let meta = &rule.meta;
            (&meta.created, &meta.name, &meta.namespace)
        });
        claims
    }
}
