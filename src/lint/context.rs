//! What lint looks at: the manifests, and the routes they make from every vantage that matters.

use std::cell::RefCell;
use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};
use std::rc::Rc;

use crate::diag::{Note, Sources, Span};
use crate::manifest::gateway_api::{ListenerSet, ParentKind};
use crate::manifest::istio::{HttpAction, VirtualService, WeightedDestination, gateway_name};
use crate::manifest::kube::{Carries, Service};
use crate::manifest::{Lowering, Manifests, Object, full_name, lower};
use crate::route::{
    AppliesTo, Origin, Probe, Resolution, ResolveError, RouteTable, Vantage, VirtualHost, resolve,
    resolve_declared,
};

/// Manifests, and how they look from where it matters.
pub struct Context<'c> {
    /// The texts.
    pub sources: &'c Sources,
    /// The objects.
    pub manifests: &'c Manifests,
    /// What was wrong in decoding them.
    pub problems: &'c [Note],
    /// The routes, seen from somewhere.
    pub views: Vec<View>,
    /// The request that is asked about, if one is.
    pub request: Option<Request<'c>>,
    /// The vantage that was asked for, where one was.
    pub asked: Option<Vantage>,
    services: HashMap<String, &'c Service>,
    virtual_services: HashMap<String, &'c VirtualService>,
    // The positions of their rules by where those begin, of the services that were asked about.
    rules: RefCell<HashMap<*const VirtualService, HashMap<Span, usize>>>,
    // By where they begin.
    objects: Vec<&'c Object>,
}

/// The routes that apply from somewhere.
#[derive(Debug)]
pub struct View {
    /// From where.
    pub vantage: Vantage,
    /// What applies there.
    pub table: Rc<RouteTable>,
    // The hosts that this view is about, by position; none means all.
    only: Option<Vec<usize>>,
    // What is said about every host here and not in the table, which is that of an earlier view too.
    pub(super) notes: Vec<Note<AppliesTo>>,
    // The gateways with this table, as `namespace/name`, where it is that of later views too.
    pub(super) gateways: HashSet<String>,
}

/// A request, and the routes it meets.
#[derive(Debug)]
pub struct Request<'c> {
    /// The request.
    pub probe: &'c Probe,
    /// The routes, for the port that is dialled.
    pub view: View,
}

/// One list of destinations in a VirtualService.
#[derive(Clone, Copy, Debug)]
pub(super) struct Destinations<'m> {
    /// Where the route begins.
    pub(super) route: Span,
    /// Its destinations, at least one.
    pub(super) items: &'m [WeightedDestination],
}

impl std::fmt::Debug for Context<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Context")
            .field("views", &self.views.len())
            .field("objects", &self.objects.len())
            .finish_non_exhaustive()
    }
}

impl<'c> Context<'c> {
    /// Every rule is looked at from its own namespace, and from each gateway it is bound to; what the vantage says
    /// about the mesh (version, implementation) holds everywhere.
    #[must_use]
    pub fn everywhere(
        sources: &'c Sources,
        manifests: &'c Manifests,
        problems: &'c [Note],
        mesh: &Vantage,
    ) -> Self {
        let mut context = Self::empty(sources, manifests, problems);
        let at = |origin| Vantage {
            origin,
            ..mesh.clone()
        };
        let home = Vantage::mesh(None, None).origin;
        context.look(at(home));
        context.look_from_gateways(mesh);
        context
    }

    /// Gateways of the same proxies have one table, which is looked at once.
    fn look_from_gateways(&mut self, mesh: &Vantage) {
        let names: Vec<(String, String)> = gateways(self.manifests).into_iter().collect();
        let lowering = Lowering::new(self.manifests);
        let shared = lowering.shared_tables(mesh, &names);
        // A gateway has one view.
        let before = self.views.len();
        for ((namespace, name), shared) in names.into_iter().zip(shared) {
            let place = format!("{namespace}/{name}");
            let vantage = Vantage {
                origin: Origin::Gateway { namespace, name },
                ..mesh.clone()
            };
            let Some(shared) = shared else {
                // What is bound to other places is named by the table of the mesh.
                let table = lowering.own_table(&vantage);
                self.add(vantage, Rc::new(table));
                continue;
            };
            let first = &mut self.views[before + shared.first];
            first.gateways.insert(place);
            let table = Rc::clone(&first.table);
            self.views.push(View {
                only: Some(Vec::new()),
                notes: shared.notes,
                ..View::new(vantage, table)
            });
        }
    }

    /// Everything is looked at from one place.
    #[must_use]
    pub fn from(
        sources: &'c Sources,
        manifests: &'c Manifests,
        problems: &'c [Note],
        vantage: &Vantage,
    ) -> Self {
        let table = Rc::new(lower(manifests, vantage));
        Self::of(sources, manifests, problems, vantage, table)
    }

    /// The same with the routes that have been made of the manifests for this place.
    #[must_use]
    pub fn of(
        sources: &'c Sources,
        manifests: &'c Manifests,
        problems: &'c [Note],
        vantage: &Vantage,
        table: Rc<RouteTable>,
    ) -> Self {
        let mut context = Self::empty(sources, manifests, problems);
        context.asked = Some(vantage.clone());
        context.add(vantage.clone(), table);
        context
    }

    /// The same, and a request that is sent from a place.
    #[must_use]
    pub fn with_request(mut self, vantage: &Vantage, probe: &'c Probe) -> Self {
        let vantage = vantage.clone().dialling(probe);
        let known = (self.views.iter())
            .find(|view| view.vantage == vantage && view.only.is_none())
            .map(|view| Rc::clone(&view.table));
        let table = known.unwrap_or_else(|| Rc::new(lower(self.manifests, &vantage)));
        let host = resolve(&table, probe).ok().and_then(|found| {
            let at = |host: &VirtualHost| std::ptr::eq(host, found.host);
            table.hosts.iter().position(at)
        });
        self.request = Some(Request {
            probe,
            view: View {
                only: Some(host.into_iter().collect()),
                ..View::new(vantage, table)
            },
        });
        self
    }

    fn empty(sources: &'c Sources, manifests: &'c Manifests, problems: &'c [Note]) -> Self {
        let mut objects: Vec<&Object> = manifests.objects.iter().collect();
        objects.sort_by_key(|object| (object.start.source, object.start.start));
        let services = manifests.services.iter().rev().map(|service| {
            let meta = &service.meta;
            (full_name(&meta.name, &meta.namespace), service)
        });
        let virtual_services = manifests
            .virtual_services
            .iter()
            .rev()
            .map(|service| (service.object(), service));
        Self {
            sources,
            manifests,
            problems,
            views: Vec::new(),
            request: None,
            asked: None,
            services: services.collect(),
            virtual_services: virtual_services.collect(),
            rules: RefCell::default(),
            objects,
        }
    }

    fn look(&mut self, vantage: Vantage) {
        let table = Rc::new(lower(self.manifests, &vantage));
        self.add(vantage, table);
    }

    /// Adds what is seen from a place. Without a request the port that is dialled is unknown, so a Service with several
    /// ports of which none is declared to be HTTP is looked at port by port.
    fn add(&mut self, vantage: Vantage, table: Rc<RouteTable>) {
        let mut ports: BTreeMap<u16, Vec<usize>> = BTreeMap::new();
        if matches!(vantage.origin, Origin::Mesh { .. }) {
            for (at, host) in table.hosts.iter().enumerate() {
                let service = host.domains.first().and_then(|host| self.service(host));
                let Some(service) = service.filter(|service| service.ports.len() > 1) else {
                    continue;
                };
                if service
                    .ports
                    .iter()
                    .all(|port| port.carries() != Carries::Http)
                {
                    for port in &service.ports {
                        ports.entry(port.port.value).or_default().push(at);
                    }
                }
            }
        }
        for (port, hosts) in ports {
            let vantage = Vantage {
                port: Some(port),
                ..vantage.clone()
            };
            let table = Rc::new(lower(self.manifests, &vantage));
            self.views.push(View {
                only: Some(hosts),
                ..View::new(vantage, table)
            });
        }
        self.views.push(View::new(vantage, table));
    }

    /// The tables of all views but that of the request, each once.
    pub(super) fn tables(&self) -> impl Iterator<Item = &Rc<RouteTable>> {
        let mut seen = HashSet::new();
        let tables = self.views.iter().map(|view| &view.table);
        tables.filter(move |table| seen.insert(Rc::as_ptr(table)))
    }

    /// All views, that of the request last.
    pub(super) fn all_views(&self) -> impl Iterator<Item = &View> {
        self.views
            .iter()
            .chain(self.request.as_ref().map(|request| &request.view))
    }

    /// The object that a place is in: `VirtualService default/weather`.
    #[must_use]
    pub fn object_at(&self, span: Span) -> Option<String> {
        let before = self.objects.partition_point(|object| {
            (object.start.source, object.start.start) <= (span.source, span.start)
        });
        let object = self.objects.get(before.checked_sub(1)?)?;
        (object.start.source == span.source)
            .then(|| format!("{} {}/{}", object.kind, object.namespace, object.name))
    }

    /// Every list of destinations of every VirtualService.
    pub(super) fn destinations(&self) -> impl Iterator<Item = Destinations<'c>> {
        let manifests = self.manifests;
        manifests.virtual_services.iter().flat_map(|service| {
            let http = service.http.iter().filter_map(|http| match &http.action {
                HttpAction::Route(items) => Some((http.span, &items[..])),
                _ => None,
            });
            let tcp = service.tcp.iter().map(|tcp| (tcp.span, &tcp.route[..]));
            http.chain(tcp)
                .map(|(route, items)| Destinations { route, items })
        })
    }

    /// A VirtualService by the name that routes give their object.
    pub(super) fn virtual_service(&self, object: &str) -> Option<&'c VirtualService> {
        self.virtual_services.get(object).copied()
    }

    /// The position of the rule of a VirtualService that begins at a place.
    pub(super) fn rule_position(&self, service: &'c VirtualService, span: Span) -> Option<usize> {
        let mut known = self.rules.borrow_mut();
        let positions = known.entry(std::ptr::from_ref(service)).or_insert_with(|| {
            // Of two that stand at one place, by an alias, the first counts.
            let rules = service.http.iter().enumerate().rev();
            rules.map(|(at, rule)| (rule.span, at)).collect()
        });
        positions.get(&span).copied()
    }

    /// The Service behind a full host name.
    pub(super) fn service(&self, host: &str) -> Option<&'c Service> {
        self.services.get(host).copied()
    }
}

impl Request<'_> {
    /// Where the request goes.
    pub fn resolve(&self) -> Result<Resolution<'_>, ResolveError> {
        resolve_declared(&self.view.table, self.probe)
    }
}

impl View {
    fn new(vantage: Vantage, table: Rc<RouteTable>) -> Self {
        Self {
            vantage,
            table,
            only: None,
            notes: Vec::new(),
            gateways: HashSet::new(),
        }
    }

    /// The hosts that the view is about.
    pub fn hosts(&self) -> impl Iterator<Item = &VirtualHost> {
        let chosen = |at: usize| self.only.as_ref().is_none_or(|only| only.contains(&at));
        let hosts = self.table.hosts.iter().enumerate();
        hosts
            .filter(move |(at, _)| chosen(*at))
            .map(|(_, host)| host)
    }
}

impl Destinations<'_> {
    /// What a destination weighs, as the proxy counts.
    pub(super) fn weight(&self, item: &WeightedDestination) -> u32 {
        match self.items {
            [_] => 1,
            _ => item.weight.as_ref().map_or(0, |weight| weight.value),
        }
    }
}

/// The gateways that rules are bound to.
fn gateways(manifests: &Manifests) -> BTreeSet<(String, String)> {
    let services = manifests.virtual_services.iter();
    let names = services.flat_map(|service| {
        let home = &service.meta.namespace;
        let names = service.gateways.iter();
        names.map(move |name| gateway_name(&name.value, home))
    });
    let routes = manifests.api_routes();
    let parents = routes.flat_map(|route| {
        let home = &route.meta.namespace;
        route.parents.iter().filter_map(move |parent| {
            let (namespace, name) = (parent.namespace(home), parent.name.value.as_str());
            let (namespace, name) = match parent.kind {
                ParentKind::Gateway => (namespace, name),
                ParentKind::ListenerSet => {
                    let mut sets = manifests.listener_sets.iter();
                    let own = |set: &&ListenerSet| {
                        set.meta.namespace == namespace && set.meta.name == name
                    };
                    sets.find(own)?.gateway()
                }
                _ => return None,
            };
            Some((namespace.to_owned(), name.to_owned()))
        })
    });
    names
        .filter_map(|name| {
            let (namespace, name) = name.split_once('/')?;
            Some((namespace.to_owned(), name.to_owned()))
        })
        .chain(parents)
        .collect()
}
