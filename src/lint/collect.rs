//! All findings of a context: what decoding and the routes know, then what the rules check.

use std::collections::{BTreeSet, HashMap, HashSet};
use std::sync::Arc;

use super::rule::PlacedNote;
use super::{Context, Finding, RULES, Rule, View};
use crate::diag::{Code, Note, Span};
use crate::route::{AppliesTo, Route, Test, VirtualHost, resolve};

/// Problems after which a text, or an object in it, was not read.
const UNREAD: [Code; 16] = [
    Code::AliasBomb,
    Code::BadDump,
    Code::BadJson,
    Code::ComplexKey,
    Code::DuplicateKey,
    Code::NoKind,
    Code::NoName,
    Code::NoObject,
    Code::RecursiveAlias,
    Code::Template,
    Code::TooDeep,
    Code::TooLarge,
    Code::UnknownAnchor,
    Code::UnknownGroup,
    Code::UnknownKind,
    Code::YamlSyntax,
];
/// Facts that say that something is missing in the manifests.
const ABSENT: [Code; 13] = [
    Code::DelegateNotFound,
    Code::GatewayNotGiven,
    Code::NoDestinationRule,
    Code::NoServiceEntry,
    Code::ParentNotGiven,
    Code::ServicesNotGiven,
    Code::ShortDottedHost,
    Code::SubsetWithoutPods,
    Code::UnknownBackend,
    Code::UnknownDestination,
    Code::UnknownHost,
    Code::UnknownParent,
    Code::UnknownSubset,
];
/// What policies refuse, which may be a part of the requests.
const ACCESS: [Code; 2] = [Code::AccessDenied, Code::AccessLimited];

/// Everything that is found, in the order of the texts; what has no place comes last.
#[must_use]
pub fn check(context: &Context<'_>) -> Vec<Finding> {
    let mut findings = Vec::new();
    for problem in context.problems {
        let rule = RULES.iter().find(|rule| rule.facts.contains(&problem.code));
        findings.push(Finding::of(rule.map(|rule| rule.code), problem.clone()));
    }
    let facts = NoteIndex::new(context);
    for view in context.all_views() {
        facts.of(view, &mut findings);
    }
    for check in RULES.iter().filter_map(|rule| rule.check) {
        check(context, &mut findings);
    }
    for finding in &mut findings {
        if let Some(object) = finding.place().and_then(|place| context.object_at(place)) {
            finding.object = Some(object);
        }
    }
    drop_superseded(&mut findings);
    if context
        .problems
        .iter()
        .any(|problem| UNREAD.contains(&problem.code))
    {
        // What is missing may stand where nothing was read.
        findings.retain(|finding| finding.rule().is_none() || !ABSENT.contains(&finding.note.code));
    }
    let key = |finding: &Finding| {
        (
            finding.code(),
            finding.place(),
            finding.note.message.clone(),
        )
    };
    let mut seen = HashSet::new();
    findings.retain(|finding| seen.insert(key(finding)));
    findings.sort_by_key(|finding| {
        let place = finding.place();
        (
            place.is_none(),
            place,
            finding.severity(),
            finding.code().id(),
        )
    });
    findings
}

/// Caveats as findings.
struct NoteIndex<'f, 'c> {
    context: &'f Context<'c>,
    by_fact: HashMap<Code, Vec<&'static Rule>>,
}

impl<'f, 'c> NoteIndex<'f, 'c> {
    fn new(context: &'f Context<'c>) -> Self {
        let mut by_fact: HashMap<_, Vec<_>> = HashMap::new();
        for rule in RULES {
            for fact in rule.facts {
                by_fact.entry(*fact).or_default().push(*rule);
            }
        }
        Self { context, by_fact }
    }

    fn of(&self, view: &View, findings: &mut Vec<Finding>) {
        // The alternatives of a rule share their outcome, and the hosts of an object its rules.
        let mut seen = HashSet::new();
        for caveat in &view.notes {
            let objects = view.table.hosts.iter().map(|host| host.objects.first());
            let mut objects = objects.map(|object| object.map_or("", String::as_str));
            findings.extend(objects.find_map(|object| self.finding(view, object, None, caveat)));
        }
        for host in view.hosts().chain(self.programmed_hosts(view)) {
            let object = host.objects.first().map_or("", String::as_str);
            for caveat in &host.caveats {
                findings.extend(self.finding(view, object, None, caveat));
            }
            for route in &host.routes {
                for condition in &route.conditions {
                    if let Test::Unknowable(caveat) | Test::Assumed(caveat) = &condition.test {
                        findings.extend(self.finding(view, &route.object, Some(route), caveat));
                    }
                }
                if seen.insert(Arc::as_ptr(&route.outcome)) {
                    for caveat in &route.outcome.caveats {
                        findings.extend(self.finding(view, &route.object, Some(route), caveat));
                    }
                }
            }
        }
    }

    /// The hosts that a proxy has been told beside those that are declared.
    fn programmed_hosts<'v>(&self, view: &'v View) -> Vec<&'v VirtualHost> {
        let Some(programmed) = view.table.programmed.as_deref() else {
            return Vec::new();
        };
        match &self.context.request {
            Some(request) if std::ptr::eq(view, &raw const request.view) => {
                let resolution = resolve(programmed, request.probe);
                resolution.map_or_else(|_| Vec::new(), |found| vec![found.host])
            }
            _ => programmed.hosts.iter().collect(),
        }
    }

    fn finding(
        &self,
        view: &View,
        object: &str,
        route: Option<&Route>,
        caveat: &Note<AppliesTo>,
    ) -> Option<Finding> {
        let concerns = match &self.context.request {
            Some(request) if std::ptr::eq(view, &raw const request.view) => {
                caveat.concerns(request.probe)
            }
            // A policy that refuses some requests is one to know of whatever the request.
            _ => {
                let any = self.context.request.is_none() && ACCESS.contains(&caveat.code);
                any || caveat.applies_to.is_none()
            }
        };
        if !concerns {
            return None;
        }
        let place = PlacedNote {
            context: self.context,
            view,
            object,
            caveat,
        };
        let (rule, severity) = self.by_fact.get(&caveat.code)?.iter().find_map(|rule| {
            let severity = match rule.severity_fn {
                Some(severity) => severity(&place)?,
                None => rule.severity_of(caveat.code),
            };
            Some((*rule, severity))
        })?;
        let finding = Finding::of(Some(rule.code), caveat.applied().with_severity(severity));
        Some(Finding {
            object: Some(object.to_owned()),
            route: route.map(|route| route.span),
            ..finding
        })
    }
}

/// A destination without a weight is one finding: that the others get everything says more.
fn drop_superseded(findings: &mut Vec<Finding>) {
    let unset = |finding: &Finding| finding.code() == Code::Rs011;
    let greater: BTreeSet<Span> = findings
        .iter()
        .filter(|finding| finding.code() == Code::Rs010)
        .flat_map(|finding| finding.note.labels.iter().map(|label| label.span))
        .collect();
    findings.retain(|finding| {
        !(unset(finding)
            && finding
                .place()
                .is_some_and(|place| greater.contains(&place)))
    });
}
