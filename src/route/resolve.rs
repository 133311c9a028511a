//! A table and a request give the route that matches, the split it declares, and why the routes before it lost.

use super::allocation::{AllocatedTarget, Allocation, answered};
use super::fraction::Residues;
use super::host::{ResolveError, find_host};
use super::matching::Evaluation;
use super::{
    Action, AppliesTo, Condition, Fraction, Picked, Probe, Route, RouteTable, VirtualHost,
    undeliverable,
};
use crate::diag::{Code, Note, Sources, Span};
use crate::split::{Destination, Expected, LocalReplyCause, Mechanism, Share, Target};

/// Where a request goes.
#[derive(Clone, Debug)]
pub struct Resolution<'t> {
    /// The host whose routes were tried.
    pub host: &'t VirtualHost,
    /// The route that matches; none means a 404. Where chance decides, the first that takes anything.
    pub route: Option<Matched<'t>>,
    /// The routes that take what a fraction leaves over.
    pub other_routes: Vec<Matched<'t>>,
    /// The routes tried before it, in order.
    pub trace: Vec<Rejected<'t>>,
    /// What weakens the answer.
    pub caveats: Vec<Note<AppliesTo>>,
    /// How one target is picked.
    pub mechanism: Mechanism,
    // Shares sum to one.
    pub(super) parts: Vec<AllocatedTarget>,
    // Destinations with a share that the proxies do not have.
    pub(super) broken: Vec<(Destination, Share)>,
    /// What the request itself picks, where the rule lets it.
    pub picked: Option<Picked>,
    pub(super) source: Span,
    // The port of destinations that name none.
    pub(super) port: Option<u16>,
}

/// The route that matches.
#[derive(Clone, Copy, Debug)]
pub struct Matched<'t> {
    /// `VirtualService default/weather`.
    pub object: &'t str,
    /// `http[0]`.
    pub rule: &'t str,
    /// The name the rule gives itself.
    pub name: Option<&'t str>,
    /// Where the rule begins.
    pub span: Span,
    /// The route itself.
    pub route: &'t Route,
    /// What it takes of such requests: all, unless chance decides among several routes.
    pub share: Share,
    // Where its targets are among all parts.
    pub(super) parts: (usize, usize),
}

/// A route that was tried and did not match.
#[derive(Clone, Debug)]
pub struct Rejected<'t> {
    /// `VirtualService default/weather`.
    pub object: &'t str,
    /// `http[0]`, or `http[0].match[1]` where the rule has alternatives.
    pub rule: String,
    /// Where the rule begins.
    pub span: Span,
    /// The field that did not hold: `headers.end-user`.
    pub failed_condition: &'t str,
    /// Where that field is.
    pub failed_at: Span,
    /// The condition of that field.
    pub condition: &'t Condition,
    /// The route itself.
    pub route: &'t Route,
}

/// The routes of a host that are tried.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Tried {
    /// All up to the one that matches: the trace is whole.
    All,
    /// Those that may match.
    Candidates,
}

/// Resolves a request by what is declared alone.
pub(super) fn declared<'t>(
    table: &'t RouteTable,
    probe: &Probe,
    which: Tried,
) -> Result<Resolution<'t>, ResolveError> {
    let (host, assumed) = find_host(table, probe)?;
    if let Some(unsupported) = &host.unsupported {
        return Err(ResolveError::Unsupported(Box::new(unsupported.clone())));
    }
    let concerns = |caveat: &&Note<AppliesTo>| caveat.concerns(probe);
    let of_host = host.caveats.iter().filter(concerns).cloned();
    let mut caveats: Vec<Note<AppliesTo>> = assumed.into_iter().chain(of_host).collect();
    if host.redirects(probe) {
        return Ok(Resolution {
            parts: vec![answered(301, LocalReplyCause::Redirect, Share::ONE)],
            caveats,
            ..no_route(host)
        });
    }
    let mut resolution = no_route(host);
    let mut left = Residues::all();
    let some = (which == Tried::Candidates).then(|| host.routes.candidates(probe));
    let all = (which == Tried::All).then(|| host.routes.iter());
    for route in some.into_iter().flatten().chain(all.into_iter().flatten()) {
        let taken = match tried(route, probe, &mut caveats) {
            RouteMatch::Not(tried) => {
                resolution.trace.push(tried);
                continue;
            }
            RouteMatch::All => std::mem::replace(&mut left, Residues::none()),
            RouteMatch::Part(fraction) => left.take(fraction),
        };
        if taken.is_empty() {
            continue;
        }
        caveats.extend(route.outcome.caveats.iter().filter(concerns).cloned());
        resolution.add(route, &taken, probe, table.port);
        if left.is_empty() {
            break;
        }
    }
    if resolution.route.is_some() && !left.is_empty() {
        let rest = answered(404, LocalReplyCause::NoRoute, left.share());
        resolution.parts.push(rest);
    }
    if !resolution.other_routes.is_empty() && !resolution.is_exact() {
        let note = Note::new(
            Code::UnclearRules,
            "the fractions and weights of several routes together are too fine to be added up",
        )
        .at(resolution.source, "")
        .help("declare the split with --expect");
        return Err(ResolveError::Unsupported(Box::new(note)));
    }
    caveats.extend(resolution.named_endpoint(probe));
    // Weights that nothing is picked by cannot be void either.
    let by_request = resolution.is_picked();
    caveats.retain(|caveat| !by_request || caveat.code != Code::WeightsIgnored);
    resolution.caveats = caveats;
    Ok(resolution)
}

impl VirtualHost {
    /// Whether a request is redirected to HTTPS before any route is looked at.
    pub(super) fn redirects(&self, probe: &Probe) -> bool {
        self.https_only && probe.scheme.eq_ignore_ascii_case("http")
    }
}

impl<'t> Matched<'t> {
    /// The names and the place of a route, and what it takes.
    pub(super) fn of(route: &'t Route, share: Share, parts: (usize, usize)) -> Self {
        Self {
            share,
            parts,
            object: &route.object,
            rule: &route.rule,
            name: route.name.as_deref(),
            span: route.span,
            route,
        }
    }
}

impl RouteTable {
    /// The split that a route of this table declares, whatever request takes it.
    #[must_use]
    pub fn declared(&self, route: &Route, sources: &Sources) -> Expected {
        let parts = Allocation::of(&route.outcome, &Residues::all(), None, self.port);
        Expected::new(sources.place(route.span), parts.mechanism, parts.targets)
            .expect("the shares of a route sum to one")
            .with_undeliverable(undeliverable::broken(
                [&*route.outcome],
                parts.broken,
                sources,
            ))
    }
}

impl<'t> Resolution<'t> {
    /// Adds what a route does with the requests that it takes.
    fn add(&mut self, route: &'t Route, taken: &Residues, probe: &Probe, dialled: Option<u16>) {
        let parts = Allocation::of(&route.outcome, taken, Some(probe), dialled);
        self.broken.extend(parts.broken);
        self.picked = self.picked.take().or(parts.picked);
        // Without a route there is a 404 in their place.
        let start = self.route.map_or(0, |_| self.parts.len());
        let own = (start, start + parts.targets.len());
        let matched = Matched::of(route, taken.share(), own);
        if self.route.is_some() {
            self.other_routes.push(matched);
            self.parts.extend(parts.targets);
            // What is not drawn for every request decides how the whole may be judged.
            if self.mechanism == Mechanism::Iid {
                self.mechanism = parts.mechanism;
            }
        } else {
            self.route = Some(matched);
            self.parts = parts.targets;
            self.mechanism = parts.mechanism;
            self.source = route.span;
            self.port = dialled;
        }
    }

    /// What one of the routes makes of the requests that it takes.
    #[must_use]
    pub fn expected_of(&self, matched: &Matched<'_>, sources: &Sources) -> Expected {
        let own = self.parts[matched.parts.0..matched.parts.1].iter();
        let parts = own.map(|(target, share, identifiers)| {
            let share = share
                .checked_div(matched.share)
                .expect("a part of what it takes");
            (target.clone(), share, identifiers.clone())
        });
        let mechanism = match &matched.route.outcome.action {
            Action::Split(split) => split.mechanism(),
            Action::Named(_) | Action::LocalReply(_) => Mechanism::Iid,
        };
        Expected::new(sources.place(matched.span), mechanism, parts.collect())
            .expect("the shares of a route sum to one")
    }

    /// Whether the request itself decides where it goes.
    #[must_use]
    pub fn is_picked(&self) -> bool {
        matches!(self.picked, Some(Picked::Endpoint(_) | Picked::Refused))
    }

    /// What the request picks, in words.
    fn named_endpoint(&self, probe: &Probe) -> Option<Note<AppliesTo>> {
        let route = self.route?.route;
        let Action::Split(split) = &route.outcome.action else {
            return None;
        };
        split
            .endpoint_pick()?
            .about(probe, self.picked.as_ref()?, route.span)
    }

    /// Whether the shares of all parts together still have a common denominator that can be written.
    fn is_exact(&self) -> bool {
        let mut shares = self.parts.iter().map(|(_, share, _)| *share);
        shares.try_fold(Share::ZERO, Share::checked_add) == Some(Share::ONE)
    }

    /// The routes that take such requests: one, unless chance decides among several.
    pub fn taking(&self) -> impl Iterator<Item = Matched<'t>> {
        self.route
            .into_iter()
            .chain(self.other_routes.iter().copied())
    }

    /// `VirtualService default/weather http[0]`; several where chance decides among them.
    #[must_use]
    pub fn rules(&self) -> Option<String> {
        let names = self.taking();
        let names: Vec<String> = names
            .map(|matched| format!("{} {}", matched.object, matched.rule))
            .collect();
        (!names.is_empty()).then(|| names.join(" and "))
    }

    /// Whether no route takes the request: the proxy answers all of it with 404, which nobody declared.
    #[must_use]
    pub fn is_unrouted(&self) -> bool {
        let unrouted = |part: &AllocatedTarget| matches!(&part.0, Target::LocalReply(answer) if answer.cause == LocalReplyCause::NoRoute);
        self.route.is_none() && self.parts.iter().all(unrouted)
    }

    /// The split with the place of its rule.
    #[must_use]
    pub fn expected(&self, sources: &Sources) -> Expected {
        let expected = Expected::new(
            sources.place(self.source),
            self.mechanism,
            self.parts.clone(),
        )
        .expect("the shares of a route sum to one");
        let outcomes = self.taking().map(|matched| &*matched.route.outcome);
        expected.with_undeliverable(undeliverable::broken(
            outcomes,
            self.broken.clone(),
            sources,
        ))
    }
}

/// A resolution without a route.
fn no_route(host: &VirtualHost) -> Resolution<'_> {
    Resolution {
        host,
        route: None,
        other_routes: Vec::new(),
        trace: Vec::new(),
        caveats: Vec::new(),
        mechanism: Mechanism::Iid,
        parts: vec![answered(404, LocalReplyCause::NoRoute, Share::ONE)],
        broken: Vec::new(),
        picked: None,
        source: host.span,
        port: None,
    }
}

/// Whether a route takes a request.
enum RouteMatch<'t> {
    /// It does not.
    Not(Rejected<'t>),
    /// It does.
    All,
    /// It takes a part of such requests.
    Part(Fraction),
}

/// Decides a route. What had to be assumed is noted unless something certain decides.
fn tried<'t>(
    route: &'t Route,
    probe: &Probe,
    caveats: &mut Vec<Note<AppliesTo>>,
) -> RouteMatch<'t> {
    let mut unsure = Vec::new();
    let mut unknowable = None;
    let mut part = None;
    let tried = |condition: &'t Condition| Rejected {
        object: &route.object,
        rule: route.label(),
        span: route.span,
        failed_condition: &condition.field,
        failed_at: condition.span,
        condition,
        route,
    };
    for condition in &route.conditions {
        match condition.holds(probe) {
            Evaluation::Yes => {}
            Evaluation::No => return RouteMatch::Not(tried(condition)),
            // Envoy knows one fraction for a route.
            Evaluation::Part(fraction) => part = Some(fraction),
            Evaluation::Assumed(caveat) => unsure.push(caveat.clone()),
            Evaluation::Unknowable(caveat) => {
                unsure.push(caveat.clone());
                unknowable.get_or_insert(condition);
            }
        }
    }
    caveats.extend(unsure);
    match (unknowable, part) {
        (Some(condition), _) => RouteMatch::Not(tried(condition)),
        (None, Some(fraction)) => RouteMatch::Part(fraction),
        (None, None) => RouteMatch::All,
    }
}
