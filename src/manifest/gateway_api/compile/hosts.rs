//! The hosts of one place with the matches of all of their routes in the order of their precedence.

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

use super::index::Index;
use super::outcome::outcome;
use super::precedence::{Age, Precedence};
use super::rule_context::RuleContext;
use crate::diag::nearest::nearest;
use crate::diag::{Code, Note, Span};
use crate::manifest::gateway_api::objects::{ApiRoute, ParentRef, PathKind, RouteKind};
use crate::manifest::mesh::catch_all::catches_all;
use crate::route::{
    AppliesTo, Condition, Implementation, Outcome, Route, RouteList, Test, VirtualHost,
};

/// The group of routes whose parent names a port.
pub(super) const PORT: &str = "port";

/// Hosts that grow route by route.
pub(super) struct Hosts<'i, 'm> {
    index: &'i Index<'m>,
    place: RuleContext<'m>,
    places: HashMap<String, usize>,
    all: Vec<Host>,
}

/// One host, its matches not yet in order.
struct Host {
    host: VirtualHost,
    matches: Vec<Entry>,
}

/// One match of a rule of a route.
struct Entry {
    group: String,
    age: Age,
    precedence: Precedence,
    path: PathKind,
    route: Route,
}

/// Under which name a route is added, and what else must hold.
pub(super) struct HostEntry<'r> {
    /// The names the host answers to; the first tells hosts apart.
    pub(super) domains: Vec<String>,
    /// What a person calls the host.
    pub(super) name: &'r str,
    /// The hostname of the route that its precedence is counted from.
    pub(super) hostname: &'r str,
    /// What Istio makes a table of its own of: the hostname as written, or [`PORT`] where a parent names its port.
    pub(super) group: &'r str,
    /// Where the host is declared.
    pub(super) span: Span,
    /// What must hold besides each match.
    pub(super) conditions: Vec<Condition>,
    /// What weakens every answer about the host.
    pub(super) caveats: Vec<Note<AppliesTo>>,
}

/// The compiled rules of a route.
pub(super) struct Compiled<'m> {
    route: &'m ApiRoute,
    age: Age,
    outcomes: Vec<Arc<Outcome>>,
}

impl<'i, 'm> Hosts<'i, 'm> {
    pub(super) fn new(index: &'i Index<'m>, place: RuleContext<'m>) -> Self {
        Self {
            index,
            place,
            places: HashMap::new(),
            all: Vec::new(),
        }
    }

    /// Who implements the Gateway API.
    pub(super) fn implementation(&self) -> Implementation {
        self.place.implementation
    }

    /// Whether the Service of a host is given.
    pub(super) fn knows(&self, host: &str) -> bool {
        self.index.registry.service(host).is_some()
    }

    /// What is said of a parent that is not given: whether others of its namespace are.
    pub(super) fn unknown_parent(&self, route: &ApiRoute, parent: &ParentRef) -> Note<AppliesTo> {
        let home = &route.meta.namespace;
        let called = parent.called(home);
        let namespace = parent.namespace(home);
        let backend = |name: &&str| {
            let mut backends = route.rules.iter().flat_map(|rule| &rule.backends);
            backends.any(|one| one.name.value == **name && one.namespace(home) == namespace)
        };
        let services = self.index.registry.services_in(namespace);
        let others: Vec<&str> = services.filter(|one| !backend(one)).collect();
        let place = Some(parent.name.span);
        if others.is_empty() {
            let message = format!("{called} is not in these manifests, and is taken to exist");
            let caveat = Note::about(Code::ParentNotGiven, message, place);
            return caveat.help("pass the file with the Service too");
        }
        let message = format!(
            "{called} is not in these manifests, which hold other Services of its namespace: a route of a Service that does not exist has no effect"
        );
        let caveat = Note::about(Code::UnknownParent, message, place);
        caveat.help(match nearest(&parent.name.value, others.into_iter()) {
            Some(near) => format!("did you mean `{near}`?"),
            None => "pass the file with this Service too, if it exists".to_owned(),
        })
    }

    /// Compiles the rules of a route, once for all of its hosts.
    pub(super) fn compile(&self, route: &'m ApiRoute) -> Compiled<'m> {
        let rules = route.rules.iter();
        Compiled {
            route,
            age: Age::of(route, self.place.implementation),
            outcomes: rules
                .map(|rule| Arc::new(outcome(self.index, route, rule, self.place)))
                .collect(),
        }
    }

    /// Adds all matches of a route to a host.
    pub(super) fn add(&mut self, compiled: &Compiled<'m>, under: &HostEntry<'_>) {
        let Some(first) = under.domains.first() else {
            return;
        };
        let hosts = &mut self.all;
        let at = *self.places.entry(first.clone()).or_insert_with(|| {
            hosts.push(Host {
                host: new_host(under),
                matches: Vec::new(),
            });
            hosts.len() - 1
        });
        let host = &mut self.all[at];
        let object = compiled.route.object();
        if !host.host.objects.contains(&object) {
            host.host.objects.push(object);
        }
        note(&mut host.host.caveats, &under.caveats);
        if compiled.route.kind == RouteKind::Grpc {
            let message = "a gRPC client sees what the proxy answers itself as HTTP 200 with a `grpc-status`: 404 is \
                           UNIMPLEMENTED, 500 is UNAVAILABLE";
            let caveat = Note::about(Code::GrpcStatus, message, Some(compiled.route.meta.span));
            note(&mut host.host.caveats, &[caveat]);
        }
        for (number, rule) in compiled.route.rules.iter().enumerate() {
            let several = rule.matches.len() > 1;
            for (alternative, one) in rule.matches.iter().enumerate() {
                let conditions = under.conditions.iter().chain(&one.conditions);
                host.matches.push(Entry {
                    group: under.group.to_lowercase(),
                    age: compiled.age.clone(),
                    precedence: Precedence::of(
                        (compiled.route, &compiled.age),
                        under.hostname,
                        &one.counts,
                        (number, alternative),
                        self.place.implementation,
                    ),
                    path: one.counts.path,
                    route: Route {
                        object: compiled.route.object(),
                        rule: format!("rules[{number}]"),
                        alternative: several.then(|| format!("matches[{alternative}]")),
                        name: rule.name.as_ref().map(|name| name.value.clone()),
                        span: rule.span,
                        conditions: conditions.cloned().collect(),
                        outcome: Arc::clone(&compiled.outcomes[number]),
                    },
                });
            }
        }
    }

    /// Something to be said about a host that is there.
    pub(super) fn remark(&mut self, domain: &str, caveat: Note<AppliesTo>) {
        if let Some(at) = self.places.get(domain) {
            note(&mut self.all[*at].host.caveats, &[caveat]);
        }
    }

    /// The hosts with their routes in order.
    pub(super) fn finish(self) -> Vec<VirtualHost> {
        let unsure = self.place.implementation == Implementation::Spec;
        let by_group = self.place.implementation == Implementation::Istio;
        let hosts = self.all.into_iter().map(|mut host| {
            host.matches
                .sort_by(|one, other| one.precedence.cmp(&other.precedence));
            if by_group {
                in_groups(&mut host, self.place.mesh);
            }
            if unsure {
                ambiguous(&mut host.matches);
                if !self.place.mesh {
                    by_hostname(&mut host.matches);
                }
            }
            let routes = host.matches.into_iter().map(|entry| entry.route);
            VirtualHost {
                routes: routes.collect(),
                ..host.host
            }
        });
        hosts.collect()
    }
}

/// Istio orders the matches of each hostname as it is written, and of each port of a parent, by themselves. At a gateway
/// these follow each other, the group with the oldest route first, and what takes everything comes last; in the mesh the
/// first group has the host to itself.
fn in_groups(host: &mut Host, mesh: bool) {
    let mut oldest: BTreeMap<String, Age> = BTreeMap::new();
    for entry in &host.matches {
        let age = oldest
            .entry(entry.group.clone())
            .or_insert_with(|| entry.age.clone());
        if entry.age < *age {
            age.clone_from(&entry.age);
        }
    }
    if oldest.len() < 2 {
        return;
    }
    if !mesh {
        let last = |entry: &Entry| catches_all(&entry.route.conditions);
        let key = |entry: &Entry| {
            (
                last(entry),
                oldest[&entry.group].clone(),
                entry.group.clone(),
            )
        };
        host.matches.sort_by_cached_key(key);
        return;
    }
    let first = oldest
        .iter()
        .min_by_key(|(group, age)| (&age.created, group.as_str() != PORT));
    let Some(winner) = first.map(|(group, _)| group.clone()) else {
        return;
    };
    let lost = host.matches.iter().find(|entry| entry.group != winner);
    if let Some(lost) = lost {
        let message = format!(
            "{} is for the same port of the Service, once by its number and once for all ports: Istio keeps only one of them, taken to be the other",
            lost.route.object
        );
        let caveat = Note::about(Code::RouteConflict, message, Some(lost.route.span));
        let help = "name the port in `parentRefs` of both, or of neither";
        note(&mut host.host.caveats, &[caveat.help(help)]);
    }
    host.matches.retain(|entry| entry.group == winner);
}

fn new_host(under: &HostEntry<'_>) -> VirtualHost {
    VirtualHost {
        name: under.name.to_owned(),
        domains: under.domains.clone(),
        objects: Vec::new(),
        span: under.span,
        https_only: false,
        unsupported: None,
        routes: RouteList::default(),
        caveats: Vec::new(),
    }
}

/// Adds what was not said yet.
fn note(known: &mut Vec<Note<AppliesTo>>, new: &[Note<AppliesTo>]) {
    for caveat in new {
        if !known.iter().any(|one| one.tells_the_same(caveat)) {
            known.push(caveat.clone());
        }
    }
}

/// "The precedence of RegularExpression path matches are implementation-specific": a request that a prefix and a regular
/// expression take may go either way.
fn ambiguous(matches: &mut [Entry]) {
    let regexes: Vec<&Entry> = matches
        .iter()
        .filter(|entry| entry.path == PathKind::Regex)
        .collect();
    let [first, others @ ..] = &regexes[..] else {
        return;
    };
    let named = match others.len() {
        0 => format!("{} {}", first.route.object, first.route.rule),
        more => format!(
            "{} {} or one of {more} more",
            first.route.object, first.route.rule
        ),
    };
    let span = path_of(&first.route);
    let sets: Vec<Vec<Condition>> = regexes
        .iter()
        .map(|entry| entry.route.conditions.clone())
        .collect();
    let only = AppliesTo::Matching(Arc::from(sets));
    for entry in matches
        .iter_mut()
        .filter(|entry| entry.path == PathKind::Prefix)
    {
        let message = format!(
            "the regular expression of {named} takes this request too, and the specification leaves it to implementations \
             which comes first: taken to be the prefix"
        );
        let caveat = Note::about(Code::RegexPrecedence, message, span).limited_to(only.clone());
        let caveat =
            caveat.help("say who implements it: `--implementation istio` or `envoy-gateway`");
        let mut outcome = Outcome::clone(&entry.route.outcome);
        outcome.caveats.push(caveat);
        entry.route.outcome = Arc::new(outcome);
    }
}

/// Whether a route whose hostname is longer goes first where a listener leaves the same of both is not agreed upon
/// (kubernetes-sigs/gateway-api#5120): Envoy Gateway and Istio put the older route first.
fn by_hostname(matches: &mut [Entry]) {
    let mut seen: HashMap<&str, Vec<usize>> = HashMap::new();
    for (at, entry) in matches.iter().enumerate() {
        seen.entry(&entry.group).or_default().push(at);
    }
    if seen.len() < 2 {
        return;
    }
    let mut remarks = Vec::new();
    for (at, entry) in matches.iter().enumerate() {
        let rivals = matches[at + 1..].iter();
        let rivals: Vec<&Entry> = rivals
            .filter(|rival| {
                rival.group != entry.group && rival.precedence.first_without_host(&entry.precedence)
            })
            .collect();
        let Some(first) = rivals.first() else {
            continue;
        };
        let sets: Vec<Vec<Condition>> = rivals
            .iter()
            .map(|rival| rival.route.conditions.clone())
            .collect();
        let message = format!(
            "{} {} takes this request too, under another hostname: implementations differ in whether the longer hostname goes \
             first where the listener leaves the same of both, taken to be so",
            first.route.object, first.route.rule
        );
        let caveat = Note::about(Code::HostnamePrecedence, message, Some(first.route.span));
        let caveat = caveat.limited_to(AppliesTo::Matching(Arc::from(sets)));
        remarks.push((
            at,
            caveat.help("say who implements it: `--implementation istio` or `envoy-gateway`"),
        ));
    }
    for (at, caveat) in remarks {
        let mut outcome = Outcome::clone(&matches[at].route.outcome);
        outcome.caveats.push(caveat);
        matches[at].route.outcome = Arc::new(outcome);
    }
}

fn path_of(route: &Route) -> Option<Span> {
    let mut conditions = route.conditions.iter();
    conditions.find_map(|condition| match condition.test {
        Test::Path(_) => Some(condition.span),
        _ => None,
    })
}
