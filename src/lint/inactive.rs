//! Rules that do not apply from where they are looked at, with their places.

use std::collections::{BTreeSet, HashMap, HashSet};
use std::rc::Rc;

use super::{Context, Finding, Rule};
use crate::diag::{Code, Note, Span};
use crate::manifest::gateway_api::ApiRoute;
use crate::manifest::istio::VirtualService;
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
        let gateways = self.views.iter().filter_map(|view| {
            let Origin::Gateway { namespace, name } = &view.vantage.origin else {
                return None;
            };
            Some((format!("{namespace}/{name}"), Rc::as_ptr(&view.table)))
        });
        let tables: HashMap<String, *const RouteTable> = gateways.collect();
        // What the table of a gateway leaves out, by its object.
        let mut left_out: HashMap<(*const RouteTable, &str), Vec<&InactiveRule>> = HashMap::new();
        for table in self.tables() {
            for rule in &table.inactive_rules {
                let key = (Rc::as_ptr(table), rule.object.as_str());
                left_out.entry(key).or_default().push(rule);
            }
        }
        let objects: BTreeSet<&str> = left_out.keys().map(|(_, object)| *object).collect();
        let refused = objects.into_iter().flat_map(|object| {
            let own: BTreeSet<*const RouteTable> = (self.places(object).iter())
                .filter_map(|place| tables.get(place).copied())
                .collect();
            let own: Vec<&[&InactiveRule]> = (own.into_iter())
                .map(|table| {
                    left_out
                        .get(&(table, object))
                        .map_or(&[][..], Vec::as_slice)
                })
                .collect();
            // What one of its gateways takes is served, whatever the others do.
            let mut known: HashMap<&String, bool> = HashMap::new();
            let mut served = |host| {
                *known.entry(host).or_insert_with(|| {
                    let leaves_out = |rule: &&InactiveRule| rule.hosts.contains(host);
                    own.iter().any(|absent| !absent.iter().any(leaves_out))
                })
            };
            let rules = own.iter().flat_map(|rules| rules.iter().copied());
            let mut refused: Vec<&InactiveRule> = rules.collect();
            refused.retain(|rule| !rule.hosts.iter().all(&mut served));
            refused
        });
        self.placed(refused)
    }

    /// The gateways that a VirtualService is bound to, as `namespace/name`.
    fn places(&self, object: &str) -> Vec<String> {
        let service = self.virtual_service(object);
        service.map_or_else(Vec::new, VirtualService::bindings)
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
