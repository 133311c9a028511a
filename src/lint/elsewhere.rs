//! Rules that do not apply from where they are looked at, with their places. Not: which of that is a finding.

use std::collections::{HashMap, HashSet};

use super::{Context, Finding, Rule};
use crate::diag::Span;
use crate::manifest::istio::gateway_name;
use crate::route::{Absence, Elsewhere, Origin, ResolveError};

/// A rule that does not apply, and why.
pub(super) struct Absent {
    pub(super) object: String,
    pub(super) absence: Absence,
    why: String,
    help: Option<String>,
    span: Option<Span>,
}

impl Absent {
    /// Whether the rule is an HTTPRoute or a GRPCRoute.
    pub(super) fn is_of_gateway_api(&self) -> bool {
        ["HTTPRoute ", "GRPCRoute "]
            .iter()
            .any(|kind| self.object.starts_with(kind))
    }

    /// The finding that it does not apply.
    pub(super) fn finding(&self, rule: &Rule) -> Finding {
        let message = format!("{} {}", self.object, self.why);
        let finding = Finding::new(rule, message).of_object(&self.object);
        let finding = match self.span {
            Some(span) => finding.at(span, ""),
            None => finding,
        };
        match &self.help {
            Some(help) => finding.help(help),
            None => finding,
        }
    }
}

impl Context<'_> {
    /// The rules that would take the request's host from elsewhere.
    pub(super) fn not_from_here(&self) -> Vec<Absent> {
        match self.request.as_ref().map(super::Request::resolve) {
            Some(Err(ResolveError::NotFromHere { rules, .. })) => self.placed(rules.iter()),
            _ => Vec::new(),
        }
    }

    /// The rules that apply from none of the places they could apply from, unless one place was asked for.
    pub(super) fn nowhere(&self) -> Vec<Absent> {
        if self.asked.is_some() {
            return Vec::new();
        }
        let hosts = self.views.iter().flat_map(|view| &view.table.hosts);
        let applied: HashSet<&str> = hosts
            .flat_map(|host| &host.objects)
            .map(String::as_str)
            .collect();
        let elsewhere = self.views.iter().flat_map(|view| &view.table.elsewhere);
        self.placed(elsewhere.filter(|rule| !applied.contains(rule.object.as_str())))
    }

    /// The rules that do not apply at a gateway they are bound to.
    pub(super) fn refused(&self) -> Vec<Absent> {
        let bound = |place: &str, object: &str| {
            let service = self.virtual_service(object);
            service.is_some_and(|service| {
                let home = &service.meta.namespace;
                let mut gateways = service.gateways.iter();
                gateways.any(|gateway| gateway_name(&gateway.value, home) == place)
            })
        };
        let gateways = self.views.iter().filter_map(|view| {
            let Origin::Gateway { namespace, name } = &view.vantage.origin else {
                return None;
            };
            Some((format!("{namespace}/{name}"), &view.table.elsewhere))
        });
        let gateways: Vec<(String, &Vec<Elsewhere>)> = gateways.collect();
        // What one of its gateways takes is served, whatever the others do.
        let served = |object: &str, host: &String| {
            gateways.iter().any(|(place, absent)| {
                let of_host = |rule: &Elsewhere| rule.object == object && rule.hosts.contains(host);
                bound(place, object) && !absent.iter().any(of_host)
            })
        };
        let mut refused = Vec::new();
        for (place, absent) in &gateways {
            let rules = absent.iter().filter(|rule| {
                bound(place, &rule.object)
                    && !rule.hosts.iter().all(|host| served(&rule.object, host))
            });
            refused.extend(self.placed(rules));
        }
        refused
    }

    fn placed<'e>(&self, rules: impl Iterator<Item = &'e Elsewhere>) -> Vec<Absent> {
        let mut rules = rules.peekable();
        if rules.peek().is_none() {
            return Vec::new();
        }
        let objects = self.manifests.objects.iter();
        let names = objects.map(|one| {
            (
                format!("{} {}/{}", one.kind, one.namespace, one.name),
                one.span,
            )
        });
        let names: HashMap<String, Span> = names.collect();
        let place = |rule: &Elsewhere| {
            let host = self
                .virtual_service(&rule.object)
                .and_then(|one| one.hosts.first());
            host.map(|host| host.span)
                .or_else(|| names.get(&rule.object).copied())
        };
        rules
            .map(|rule| Absent {
                object: rule.object.clone(),
                absence: rule.absence,
                why: rule.why.clone(),
                help: rule.help.clone(),
                span: place(rule),
            })
            .collect()
    }
}
