//! Rules that do not apply from where they are looked at, with their places.

use std::collections::{BTreeSet, HashMap, HashSet};
use std::rc::Rc;

use super::{Context, Finding, Rule};
use crate::diag::{Code, Note, Span};
use crate::manifest::gateway_api::ApiRoute;
use crate::manifest::istio::gateway_name;
use crate::route::{InactiveRule, Origin, ResolveError, RouteTable};

/// A rule that does not apply, and why.
pub(super) struct InactiveFinding {
    object: String,
    of_gateway_api: bool,
    note: Note,
}

impl InactiveFinding {
    /// Whether this keeps the rule away.
    pub(super) fn is(&self, code: Code) -> bool {
        self.note.code == code
    }

    /// Whether the rule is an HTTPRoute or a GRPCRoute.
    pub(super) fn is_of_gateway_api(&self) -> bool {
        self.of_gateway_api
    }

    /// The finding that it does not apply.
    pub(super) fn finding(&self, rule: &'static Rule) -> Finding {
        let note = self.note.clone().with_severity(rule.code.severity());
        Finding::of(Some(rule.code), note).of_object(&self.object)
    }
}

impl Context<'_> {
    /// The rules that would take the request's host from elsewhere.
    pub(super) fn not_from_here(&self) -> Vec<InactiveFinding> {
        match self.request.as_ref().map(super::Request::resolve) {
            Some(Err(ResolveError::NotFromHere { rules, .. })) => self.placed(rules.iter()),
            _ => Vec::new(),
        }
    }

    /// The rules that apply from none of the places they could apply from, unless one place was asked for.
    pub(super) fn nowhere(&self) -> Vec<InactiveFinding> {
        if self.asked.is_some() {
            return Vec::new();
        }
        let hosts = self.tables().flat_map(|table| &table.hosts);
        let applied: HashSet<&str> = hosts
            .flat_map(|host| &host.objects)
            .map(String::as_str)
            .collect();
        let elsewhere = self.tables().flat_map(|table| &table.inactive_rules);
        self.placed(elsewhere.filter(|rule| !applied.contains(rule.object.as_str())))
    }

    /// The rules that are hidden from the place that was asked for, where no other one has their host and no request is
    /// asked about.
    pub(super) fn hidden_from_here(&self) -> Vec<InactiveFinding> {
        if self.asked.is_none() || self.request.is_some() {
            return Vec::new();
        }
        let views = self.views.iter();
        let hidden = views.flat_map(|view| {
            let routed = |name: &String| {
                let mut hosts = view.table.hosts.iter();
                hosts.any(|host| host.domains.contains(name))
            };
            let rules = view.table.inactive_rules.iter();
            rules.filter(move |rule| {
                rule.note.code == Code::HiddenRule && !rule.domains.iter().any(routed)
            })
        });
        self.placed(hidden)
    }

    /// The rules that do not apply at a gateway they are bound to.
    pub(super) fn refused(&self) -> Vec<InactiveFinding> {
        let places = |object: &str| -> Vec<String> {
            let service = self.virtual_service(object);
            let gateways = service.map_or(&[][..], |service| &service.gateways);
            let home = service.map_or("", |service| &service.meta.namespace);
            let names = gateways
                .iter()
                .map(|gateway| gateway_name(&gateway.value, home));
            names.collect()
        };
        // What the table of a gateway leaves out, by its object, and by the places that this is bound to.
        let mut by_object: HashMap<_, Vec<&InactiveRule>> = HashMap::new();
        let mut by_place: HashMap<_, Vec<&InactiveRule>> = HashMap::new();
        for table in self.tables() {
            for rule in &table.inactive_rules {
                let key = (Rc::as_ptr(table), rule.object.as_str());
                by_object.entry(key).or_default().push(rule);
                for place in BTreeSet::from_iter(places(&rule.object)) {
                    let key = (Rc::as_ptr(table), place);
                    by_place.entry(key).or_default().push(rule);
                }
            }
        }
        let gateways = self.views.iter().filter_map(|view| {
            let Origin::Gateway { namespace, name } = &view.vantage.origin else {
                return None;
            };
            Some((format!("{namespace}/{name}"), Rc::as_ptr(&view.table)))
        });
        let gateways: Vec<(String, *const RouteTable)> = gateways.collect();
        let tables: HashMap<&String, *const RouteTable> = (gateways.iter())
            .map(|(place, table)| (place, *table))
            .collect();
        // What one of its gateways takes is served, whatever the others do.
        let served = |object: &str, host: &String| {
            places(object).iter().any(|place| {
                let Some(table) = tables.get(place) else {
                    return false;
                };
                let mut absent = by_object.get(&(*table, object)).into_iter().flatten();
                !absent.any(|rule| rule.hosts.contains(host))
            })
        };
        let refused = gateways.iter().flat_map(|(place, table)| {
            let bound = by_place.get(&(*table, place.clone())).into_iter().flatten();
            bound.filter(|rule| !rule.hosts.iter().all(|host| served(&rule.object, host)))
        });
        self.placed(refused.copied())
    }

    fn placed<'e>(&self, rules: impl Iterator<Item = &'e InactiveRule>) -> Vec<InactiveFinding> {
        let mut rules = rules.peekable();
        if rules.peek().is_none() {
            return Vec::new();
        }
        let objects = self.manifests.objects.iter();
        let spans = objects.map(|one| {
            let name = format!("{} {}/{}", one.kind, one.namespace, one.name);
            (name, one.span)
        });
        let spans: HashMap<String, Span> = spans.collect();
        let routes = self.manifests.api_routes();
        let routes: HashSet<String> = routes.map(ApiRoute::object).collect();
        let absent = |rule: &InactiveRule| {
            let host = self.virtual_service(&rule.object);
            let host = host.and_then(|one| one.hosts.first());
            let place = host.map(|host| host.span);
            let place = place.or_else(|| spans.get(&rule.object).copied());
            let note = rule.note.clone();
            InactiveFinding {
                object: rule.object.clone(),
                of_gateway_api: routes.contains(&rule.object),
                note: match place {
                    Some(span) => note.at(span, ""),
                    None => note,
                },
            }
        };
        rules.map(absent).collect()
    }
}
