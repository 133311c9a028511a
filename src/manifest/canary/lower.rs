//! From what the controllers declare to routes: hosts under their names, rules in their order, shares and identifiers.

use std::collections::HashMap;
use std::sync::Arc;

use super::declaration::{Declared, Host, HostName, Role, Rule};
use super::pairing;
use crate::diag::{Code, Note};
use crate::manifest::Manifests;
use crate::manifest::mesh::Registry;
use crate::manifest::mesh::identified_backends::identified_backends;
use crate::manifest::mesh::names::{domains, full_name};
use crate::route::{
    Action, AppliesTo, Origin, Outcome, Route, RouteList, RouteTable, Split, Vantage, VirtualHost,
};
use crate::split::Mechanism;

/// The routes of all controllers, in the order in which their first objects were given.
pub(in crate::manifest) fn lower(manifests: &Manifests, vantage: &Vantage) -> RouteTable {
    let mut table = RouteTable::default();
    if manifests.canaries.is_empty() {
        return table;
    }
    let compiler = Compiler {
        manifests,
        registry: Registry::new(manifests),
        client: match &vantage.origin {
            Origin::Mesh { namespace, .. } => namespace.as_deref(),
            Origin::Gateway { namespace, .. } => Some(namespace),
        },
    };
    let whole = pairing::paired(&manifests.canaries);
    let mut kinds: Vec<&str> = Vec::new();
    for declared in &whole {
        if !kinds.contains(&declared.meta.kind.as_str()) {
            kinds.push(&declared.meta.kind);
        }
    }
    for kind in kinds {
        let of_kind = whole.iter().filter(|declared| declared.meta.kind == kind);
        table.join(compiler.table(of_kind));
    }
    table
}

struct Compiler<'m> {
    manifests: &'m Manifests,
    registry: Registry<'m>,
    // The namespace of the client; unknown means that of the rule.
    client: Option<&'m str>,
}

impl Compiler<'_> {
    /// The routes of the objects of one kind: those for one host together, the most specific first.
    fn table<'d>(&self, all: impl Iterator<Item = &'d Declared>) -> RouteTable {
        let mut table = RouteTable::default();
        let mut places: HashMap<String, usize> = HashMap::new();
        let mut ranked: Vec<Vec<(&[i64], Route)>> = Vec::new();
        for declared in all {
            match &declared.role {
                // A controller that hands the split over is never the reason why no rule applies.
                Role::Generates { into, .. } if self.hands_over(declared, into) => continue,
                Role::Routes | Role::Generates { .. } => {}
                Role::Primary(_) | Role::Canary(_) => continue,
            }
            for host in &declared.hosts {
                let domains = self.domains(host, &declared.meta.namespace);
                let name = match &host.name {
                    HostName::Service(name, _) | HostName::Dns(name) => name.clone(),
                };
                let at = *places.entry(domains[0].clone()).or_insert_with(|| {
                    table.hosts.push(VirtualHost {
                        name,
                        domains,
                        objects: Vec::new(),
                        span: host.span,
                        https_only: false,
                        unsupported: None,
                        routes: RouteList::default(),
                        caveats: Vec::new(),
                    });
                    ranked.push(Vec::new());
                    table.hosts.len() - 1
                });
                let known = &mut table.hosts[at];
                let object = declared.meta.to_string();
                let routes: Vec<(&[i64], Route)> = host
                    .rules
                    .iter()
                    .map(|rule| (rule.rank.as_slice(), self.route(declared, rule)))
                    .collect();
                known.caveats.extend(second(&ranked[at], &routes));
                if known.objects.last() != Some(&object) {
                    known.objects.push(object);
                }
                known.caveats.extend(host.caveats.iter().cloned());
                known.unsupported = known
                    .unsupported
                    .take()
                    .or_else(|| host.unsupported.clone());
                ranked[at].extend(routes);
            }
        }
        for (host, mut routes) in table.hosts.iter_mut().zip(ranked) {
            routes.sort_by(|(a, _), (b, _)| b.cmp(a));
            host.routes = routes.into_iter().map(|(_, route)| route).collect();
        }
        table
    }

    /// Whether what an object writes its weights into is given too, and declares them.
    fn hands_over(&self, declared: &Declared, to: &[(&'static str, String)]) -> bool {
        let manifests = self.manifests;
        let meta = &declared.meta;
        let written = to.iter().any(|(kind, name)| {
            let mut objects = manifests.objects.iter();
            objects.any(|one| {
                one.kind == *kind && one.name == *name && one.namespace == meta.namespace
            })
        });
        let owned = |full: &str| {
            manifests.virtual_services.iter().any(|service| {
                let mut hosts = service.hosts.iter();
                hosts.any(|host| full_name(&host.value, &service.meta.namespace) == full)
            })
        };
        let mut hosts = declared.hosts.iter().filter_map(|host| match &host.name {
            HostName::Service(name, namespace) => Some(full_name(name, namespace)),
            HostName::Dns(_) => None,
        });
        written || hosts.any(|full| owned(&full))
    }

    /// The names a host answers to, the full one first.
    fn domains(&self, host: &Host, home: &str) -> Vec<String> {
        match &host.name {
            HostName::Service(name, namespace) => {
                let client = self.client.unwrap_or(home);
                domains(&full_name(name, namespace), client)
            }
            HostName::Dns(name) => vec![name.to_lowercase()],
        }
    }

    fn route(&self, declared: &Declared, rule: &Rule) -> Route {
        let backends = identified_backends(&self.registry, &rule.backends);
        let split = Split::new(Mechanism::Iid, backends)
            .expect("weights are checked when they are decoded");
        Route {
            object: declared.meta.to_string(),
            rule: rule.label.clone(),
            alternative: None,
            name: None,
            span: rule.span,
            conditions: rule.conditions.clone(),
            outcome: Arc::new(Outcome {
                action: Action::Split(split),
                abort: None,
                mirrors: Vec::new(),
                caveats: rule.caveats.clone(),
            }),
        }
    }
}

/// Rules of two objects for the same requests: only one of them can take them.
fn second(known: &[(&[i64], Route)], new: &[(&[i64], Route)]) -> Option<Note<AppliesTo>> {
    let asks = |route: &Route| {
        let tests = route.conditions.iter().map(|one| &one.test);
        format!("{:?}", tests.collect::<Vec<_>>())
    };
    let known: Vec<_> = known
        .iter()
        .map(|(rank, route)| ((*rank, asks(route)), route))
        .collect();
    new.iter().find_map(|(rank, route)| {
        let same = (*rank, asks(route));
        let (_, first) = known
            .iter()
            .find(|(asked, first)| *asked == same && first.object != route.object)?;
        let message = format!(
            "{} declares a split of the same requests as {}, which is taken to win: it was given first",
            route.object, first.object
        );
        let caveat = Note::about(Code::TwoOwners, message, Some(route.span));
        Some(caveat.help("delete one of them"))
    })
}
