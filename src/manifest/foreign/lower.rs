//! From what the dialects declare to routes: hosts under their names, rules in their order, shares and clues.

use std::collections::{BTreeSet, HashMap};
use std::sync::Arc;

use super::{Declared, Host, HostName, Role, Rule, Weighted, contour, ingress_nginx, traefik};
use crate::manifest::Manifests;
use crate::manifest::istio::attach::{domains, full_name, service_of};
use crate::manifest::istio::index::Index;
use crate::route::{
    Action, Backend, Caveat, Origin, Outcome, Route, RouteTable, Split, Vantage, VirtualHost,
};
use crate::split::{Clues, Destination};

/// The routes of all dialects, in the order in which their first objects were given.
pub(in crate::manifest) fn lower(manifests: &Manifests, vantage: &Vantage) -> RouteTable {
    let mut table = RouteTable::default();
    if manifests.foreign.is_empty() {
        return table;
    }
    let compiler = Compiler {
        index: Index::new(manifests),
        client: match &vantage.origin {
            Origin::Mesh { namespace, .. } => namespace.as_deref(),
            Origin::Gateway { namespace, .. } => Some(namespace),
        },
    };
    let whole = ingress_nginx::paired(&manifests.foreign);
    let whole = contour::included(traefik::followed(whole));
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
    index: Index<'m>,
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
                Role::Writes(to) if self.hands_over(declared, to) => continue,
                Role::Routes | Role::Writes(_) => {}
                Role::Named | Role::Main | Role::Canary(_) => continue,
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
                        unjudged: None,
                        routes: Vec::new(),
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
                known.unjudged = known.unjudged.take().or_else(|| host.unjudged.clone());
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
        let manifests = self.index.manifests;
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
        let action = match &rule.answer {
            Some(answer) => Action::Answer(answer.clone()),
            None => Action::Split(
                Split::new(rule.mechanism, self.backends(&rule.backends))
                    .expect("weights are checked when they are decoded"),
            ),
        };
        Route {
            object: declared.meta.to_string(),
            rule: rule.label.clone(),
            alternative: rule.alternative.clone(),
            name: None,
            span: rule.span,
            conditions: rule.conditions.clone(),
            outcome: Arc::new(Outcome {
                action,
                abort: None,
                caveats: rule.caveats.clone(),
            }),
        }
    }

    fn backends(&self, all: &[Weighted]) -> Vec<Backend> {
        let hosts: Vec<String> = all
            .iter()
            .map(|backend| full_name(&backend.service, &backend.namespace))
            .collect();
        let all = all.iter().zip(&hosts);
        let words: Vec<Words> = all
            .clone()
            .map(|(backend, host)| self.words(backend, host))
            .collect();
        let backend = |((backend, host), own): ((&Weighted, &String), &Words)| {
            let of = (host, &backend.subset);
            let others = all.clone().zip(&words);
            let others = others.filter(|((other, host), _)| (*host, &other.subset) != of);
            let others: Vec<&Words> = others.map(|(_, words)| words).collect();
            let only = |kind: fn(&Words) -> &BTreeSet<String>| {
                let mut found = kind(own).clone();
                found.retain(|word| !others.iter().any(|other| kind(other).contains(word)));
                found
            };
            let service = self.index.service(host);
            let only_port = service.and_then(|service| match &service.ports[..] {
                [port] => Some(port.port.value),
                _ => None,
            });
            Backend {
                destination: Destination {
                    host: host.clone(),
                    port: backend.port.or(only_port),
                    subset: backend.subset.clone(),
                },
                weight: backend.weight,
                clues: Clues {
                    names: names(host, backend),
                    labels: only(|words| &words.labels),
                    workloads: only(|words| &words.workloads),
                },
                broken: None,
            }
        };
        all.clone().zip(&words).map(backend).collect()
    }

    /// What may give a backend away: its own words, those of its name, and the labels and workloads of its Service.
    fn words(&self, backend: &Weighted, host: &str) -> Words {
        let service = self.index.service(host);
        let selector = service.map(|service| &service.selector);
        let mut labels = backend.clues.labels.clone();
        labels.extend(selector.into_iter().flat_map(|one| one.values().cloned()));
        let parts = backend.service.split(|c: char| !c.is_ascii_alphanumeric());
        labels.extend(parts.filter(|part| part.len() > 1).map(str::to_owned));
        let mut workloads = backend.clues.workloads.clone();
        if backend.subset.is_none() {
            let pods = self
                .index
                .workloads(&backend.namespace, selector.into_iter().flatten());
            workloads.extend(pods.iter().map(|workload| workload.meta.name.clone()));
        }
        Words { labels, workloads }
    }
}

/// Rules of two objects for the same requests: only one of them can take them.
fn second(known: &[(&[i64], Route)], new: &[(&[i64], Route)]) -> Option<Caveat> {
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
        let caveat = Caveat::new("two-owners", message, Some(route.span));
        Some(caveat.help("delete one of them"))
    })
}

/// Words of a backend, not yet compared with those of the others.
struct Words {
    labels: BTreeSet<String>,
    workloads: BTreeSet<String>,
}

fn names(host: &str, backend: &Weighted) -> BTreeSet<String> {
    let mut names = backend.clues.names.clone();
    if let Some(subset) = &backend.subset {
        names.insert(subset.clone());
        return names;
    }
    names.insert(host.to_owned());
    if let Some((service, namespace)) = service_of(host) {
        names.insert(service.to_owned());
        names.insert(format!("{service}.{namespace}"));
    }
    names
}
