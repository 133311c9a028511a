//! A table and a request give the route that matches, the split it declares, and why the routes before it lost.

use super::host::{ResolveError, find_host};
use super::matching::Held;
use super::{Action, Caveat, Condition, Outcome, Probe, Route, RouteTable, VirtualHost};
use crate::diag::{Sources, Span};
use crate::split::{Answer, Cause, Clues, Destination, Expected, Mechanism, Share, Target};

/// Where a request goes.
#[derive(Clone, Debug)]
pub struct Resolution<'t> {
    /// The host whose routes were tried.
    pub host: &'t VirtualHost,
    /// The route that matches; none means a 404.
    pub route: Option<Matched<'t>>,
    /// The routes tried before it, in order.
    pub trace: Vec<Tried<'t>>,
    /// What weakens the answer.
    pub caveats: Vec<Caveat>,
    /// How one target is picked.
    pub mechanism: Mechanism,
    // Shares sum to one.
    pub(super) parts: Vec<(Target, Share, Clues)>,
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
}

/// A route that was tried and did not match.
#[derive(Clone, Debug)]
pub struct Tried<'t> {
    /// `VirtualService default/weather`.
    pub object: &'t str,
    /// `http[0]`, or `http[0].match[1]` where the rule has alternatives.
    pub rule: String,
    /// Where the rule begins.
    pub span: Span,
    /// The field that did not hold: `headers.end-user`.
    pub lost_on: &'t str,
    /// Where that field is.
    pub lost_at: Span,
    /// The condition of that field.
    pub condition: &'t Condition,
    /// The route itself.
    pub route: &'t Route,
}

/// Resolves a request. Pure and total: an error says that no host of the table takes it.
pub fn resolve<'t>(table: &'t RouteTable, probe: &Probe) -> Result<Resolution<'t>, ResolveError> {
    let (host, assumed) = find_host(table, probe)?;
    if let Some(unjudged) = &host.unjudged {
        return Err(ResolveError::Unjudged(unjudged.clone()));
    }
    let concerns = |caveat: &&Caveat| caveat.concerns(probe);
    let of_host = host.caveats.iter().filter(concerns).cloned();
    let mut caveats: Vec<Caveat> = assumed.into_iter().chain(of_host).collect();
    let mut trace = Vec::new();
    if host.https_only && probe.scheme.eq_ignore_ascii_case("http") {
        return Ok(Resolution {
            parts: answered(301, Cause::Redirect),
            trace,
            caveats,
            ..nowhere(host)
        });
    }
    let winner = host
        .routes
        .iter()
        .find(|route| match lost(route, probe, &mut caveats) {
            Some(tried) => {
                trace.push(tried);
                false
            }
            None => true,
        });
    let Some(route) = winner else {
        return Ok(Resolution {
            parts: answered(404, Cause::NoRoute),
            trace,
            caveats,
            ..nowhere(host)
        });
    };
    caveats.extend(route.outcome.caveats.iter().filter(concerns).cloned());
    let (mechanism, parts) = outcome(&route.outcome, table.port);
    Ok(Resolution {
        host,
        route: Some(Matched::of(route)),
        trace,
        caveats,
        mechanism,
        parts,
        source: route.span,
        port: table.port,
    })
}

impl<'t> Matched<'t> {
    /// The names and the place of a route.
    pub(super) fn of(route: &'t Route) -> Self {
        Self {
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
        let (mechanism, parts) = outcome(&route.outcome, self.port);
        Expected::new(sources.place(route.span), mechanism, parts)
            .expect("the shares of a route sum to one")
            .with_broken(route.outcome.broken(self.port, sources))
    }
}

impl Resolution<'_> {
    /// The split with the place of its rule.
    #[must_use]
    pub fn expected(&self, sources: &Sources) -> Expected {
        let expected = Expected::new(
            sources.place(self.source),
            self.mechanism,
            self.parts.clone(),
        )
        .expect("the shares of a route sum to one");
        match self.route {
            Some(matched) => expected.with_broken(matched.route.outcome.broken(self.port, sources)),
            None => expected,
        }
    }
}

/// A resolution without a route.
fn nowhere(host: &VirtualHost) -> Resolution<'_> {
    Resolution {
        host,
        route: None,
        trace: Vec::new(),
        caveats: Vec::new(),
        mechanism: Mechanism::Iid,
        parts: answered(404, Cause::NoRoute),
        source: host.span,
        port: None,
    }
}

/// Why a route does not match, if so. What had to be assumed is noted unless something certain decides.
fn lost<'t>(route: &'t Route, probe: &Probe, caveats: &mut Vec<Caveat>) -> Option<Tried<'t>> {
    let mut unsure = Vec::new();
    let mut unknowable = None;
    let tried = |condition: &'t Condition| Tried {
        object: &route.object,
        rule: route.label(),
        span: route.span,
        lost_on: &condition.field,
        lost_at: condition.span,
        condition,
        route,
    };
    for condition in &route.conditions {
        match condition.holds(probe) {
            Held::Yes => {}
            Held::No => return Some(tried(condition)),
            Held::Assumed(caveat) => unsure.push(caveat.clone()),
            Held::Unknowable(caveat) => {
                unsure.push(caveat.clone());
                unknowable.get_or_insert(condition);
            }
        }
    }
    caveats.extend(unsure);
    unknowable.map(tried)
}

fn answered(status: u16, cause: Cause) -> Vec<(Target, Share, Clues)> {
    vec![(
        Target::Status(Answer { status, cause }),
        Share::ONE,
        Clues::default(),
    )]
}

/// The targets of an outcome with their shares, the fault taken off first.
pub(super) fn outcome(
    outcome: &Outcome,
    dialled: Option<u16>,
) -> (Mechanism, Vec<(Target, Share, Clues)>) {
    let mut mechanism = Mechanism::Iid;
    let mut parts = match &outcome.action {
        Action::Answer(answer) => answered(answer.status, answer.cause),
        Action::Split(split) => {
            mechanism = split.mechanism();
            let part = |(backend, share): (&super::Backend, Share)| {
                if let Some(status) = backend.broken {
                    let cause = Cause::BrokenBackend;
                    let answer = Answer { status, cause };
                    return (Target::Status(answer), share, Clues::default());
                }
                let destination = &backend.destination;
                let destination = Destination {
                    port: destination.port.or(dialled),
                    ..destination.clone()
                };
                let clues = named(&backend.clues, &destination);
                (Target::Destination(destination), share, clues)
            };
            split.shares().map(part).collect()
        }
    };
    if let Some(abort) = outcome.abort {
        let rest = abort.share().complement();
        for (_, share, _) in &mut parts {
            *share = rest
                .of(*share)
                .expect("weights fit 32 bits and fault shares 20, so 128 bits hold the product");
        }
        let answer = Answer {
            status: abort.status(),
            cause: Cause::FaultAbort,
        };
        parts.push((Target::Status(answer), abort.share(), Clues::default()));
    }
    (mechanism, parts)
}

/// The clues with the names that contain the port, Envoy's cluster name among them.
fn named(clues: &Clues, destination: &Destination) -> Clues {
    let mut clues = clues.clone();
    if let Some(port) = destination.port {
        let (host, subset) = (
            &destination.host,
            destination.subset.as_deref().unwrap_or_default(),
        );
        clues.names.insert(format!("{host}:{port}"));
        clues
            .names
            .insert(format!("{}:{port}", destination.service()));
        clues
            .names
            .insert(format!("outbound|{port}|{subset}|{host}"));
    }
    clues
}
