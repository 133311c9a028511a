//! A table and a request give the route that matches, the split it declares, and why the routes before it lost.

use std::collections::BTreeSet;

use super::matching::Held;
use super::{Action, Caveat, Elsewhere, Outcome, Probe, Route, RouteTable, VirtualHost};
use crate::diag::nearest::nearest;
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
}

/// The route that matches.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Matched<'t> {
    /// `VirtualService default/weather`.
    pub object: &'t str,
    /// `http[0]`.
    pub rule: &'t str,
    /// The name the rule gives itself.
    pub name: Option<&'t str>,
    /// Where the rule begins.
    pub span: Span,
}

/// A route that was tried and did not match.
#[derive(Clone, Debug, PartialEq, Eq)]
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
}

/// Why no host of the table takes a request.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ResolveError {
    /// There are no rules at all.
    #[error("the manifests route nothing: they hold no rule with a host")]
    NoRules,
    /// Rules exist, but not for this vantage.
    #[error("{}", not_from_here(host, rules))]
    NotFromHere {
        /// The host asked for.
        host: String,
        /// The rules that would apply elsewhere.
        rules: Vec<Elsewhere>,
    },
    /// No rule has this host.
    #[error("no rule routes the host `{host}`")]
    NoHost {
        /// The host asked for.
        host: String,
        /// The hosts that are routed.
        known: Vec<String>,
        /// The one that was probably meant.
        nearest: Option<String>,
    },
    /// An address could stand for several hosts, or a short name for several services.
    #[error("`{host}` may stand for several hosts: {}", candidates.join(", "))]
    Ambiguous {
        /// The host asked for.
        host: String,
        /// What it may stand for.
        candidates: Vec<String>,
        /// The option that chooses among them.
        option: &'static str,
    },
}

/// Resolves a request. Pure and total: an error says that no host of the table takes it.
pub fn resolve<'t>(table: &'t RouteTable, probe: &Probe) -> Result<Resolution<'t>, ResolveError> {
    let (host, assumed) = find_host(table, probe)?;
    let mut caveats: Vec<Caveat> = assumed
        .into_iter()
        .chain(host.caveats.iter().cloned())
        .collect();
    let mut trace = Vec::new();
    if host.https_only && probe.scheme.eq_ignore_ascii_case("http") {
        let parts = answered(301, Cause::Redirect);
        return Ok(Resolution {
            host,
            route: None,
            trace,
            caveats,
            mechanism: Mechanism::Iid,
            parts,
            source: host.span,
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
        let parts = answered(404, Cause::NoRoute);
        return Ok(Resolution {
            host,
            route: None,
            trace,
            caveats,
            mechanism: Mechanism::Iid,
            parts,
            source: host.span,
        });
    };
    let applies = |caveat: &&Caveat| caveat.method.is_none_or(|method| method == probe.method);
    caveats.extend(route.outcome.caveats.iter().filter(applies).cloned());
    let (mechanism, parts) = outcome(&route.outcome, table.port);
    let matched = Matched {
        object: &route.object,
        rule: &route.rule,
        name: route.name.as_deref(),
        span: route.span,
    };
    Ok(Resolution {
        host,
        route: Some(matched),
        trace,
        caveats,
        mechanism,
        parts,
        source: route.span,
    })
}

impl Resolution<'_> {
    /// The split with the place of its rule.
    #[must_use]
    pub fn expected(&self, sources: &Sources) -> Expected {
        Expected::new(
            sources.place(self.source),
            self.mechanism,
            self.parts.clone(),
        )
        .expect("the shares of a route sum to one")
    }
}

impl ResolveError {
    /// The next step.
    #[must_use]
    pub fn help(&self) -> Option<String> {
        match self {
            Self::NoRules => None,
            Self::NotFromHere { rules, .. } => rules
                .iter()
                .find_map(|rule| rule.option.as_ref())
                .map(|option| format!("judge the request from there with `{option}`")),
            Self::NoHost { known, nearest, .. } => Some(match nearest {
                Some(near) => format!(
                    "did you mean `{near}`? --host sets the host without changing the address"
                ),
                None => format!(
                    "the rules route {}; --host chooses one of them",
                    known.join(", ")
                ),
            }),
            Self::Ambiguous { option, .. } => Some(format!("say which one with `{option}`")),
        }
    }
}

fn not_from_here(host: &str, rules: &[Elsewhere]) -> String {
    let reasons: Vec<String> = rules
        .iter()
        .map(|rule| format!("{} {}", rule.object, rule.why))
        .collect();
    format!(
        "no rule routes the host `{host}` from here: {}",
        reasons.join("; ")
    )
}

/// The host of the table that takes the request, with a caveat when that is an assumption.
fn find_host<'t>(
    table: &'t RouteTable,
    probe: &Probe,
) -> Result<(&'t VirtualHost, Option<Caveat>), ResolveError> {
    let name = without_port(&probe.host).to_lowercase();
    let exact: Vec<&VirtualHost> = table
        .hosts
        .iter()
        .filter(|host| host.domains.contains(&name))
        .collect();
    if let [host] = exact[..] {
        return Ok((host, None));
    }
    if exact.len() > 1 {
        let candidates = exact
            .iter()
            .map(|host| format!("{} of {}", host.name, host.objects.join(" and ")))
            .collect();
        return Err(ResolveError::Ambiguous {
            host: name,
            candidates,
            option: "--from-namespace NS",
        });
    }
    let rank = |host: &VirtualHost| {
        host.domains
            .iter()
            .filter_map(|domain| wildcard(domain, &name))
            .max()
    };
    let mut best: Option<((u8, usize), &VirtualHost)> = None;
    for host in &table.hosts {
        if let Some(rank) = rank(host)
            && best.is_none_or(|(known, _)| rank > known)
        {
            best = Some((rank, host));
        }
    }
    if let Some((_, host)) = best {
        return Ok((host, None));
    }
    let objects: BTreeSet<&str> = table
        .hosts
        .iter()
        .flat_map(|host| &host.objects)
        .map(String::as_str)
        .collect();
    match (table.hosts.first(), probe.is_local()) {
        (Some(host), true) if objects.len() == 1 || table.hosts.len() == 1 => {
            let message = format!(
                "`{name}` is no host of any rule; judged as {} of {}; --host says otherwise",
                host.name,
                host.objects.join(" and "),
            );
            Ok((
                host,
                Some(Caveat::new("assumed-host", message, Some(host.span))),
            ))
        }
        (Some(_), true) => {
            let candidates = table.hosts.iter().map(|host| host.name.clone()).collect();
            Err(ResolveError::Ambiguous {
                host: name,
                candidates,
                option: "--host NAME",
            })
        }
        _ => Err(no_host(table, name)),
    }
}

fn no_host(table: &RouteTable, host: String) -> ResolveError {
    let takes = |rule: &&Elsewhere| {
        rule.domains
            .iter()
            .any(|domain| *domain == host || wildcard(domain, &host).is_some())
    };
    let mut rules: Vec<Elsewhere> = table.elsewhere.iter().filter(takes).cloned().collect();
    if rules.is_empty() && table.hosts.is_empty() {
        rules.clone_from(&table.elsewhere);
    }
    if !rules.is_empty() {
        return ResolveError::NotFromHere { host, rules };
    }
    if table.hosts.is_empty() {
        return ResolveError::NoRules;
    }
    let domains = table
        .hosts
        .iter()
        .flat_map(|host| &host.domains)
        .map(String::as_str);
    let nearest = nearest(&host, domains).map(str::to_owned);
    let known: BTreeSet<&str> = table.hosts.iter().map(|host| host.name.as_str()).collect();
    ResolveError::NoHost {
        host,
        known: known.into_iter().map(str::to_owned).collect(),
        nearest,
    }
}

/// How well a wildcard domain fits: suffix wildcards before prefix wildcards before `*`, longer before shorter.
fn wildcard(domain: &str, host: &str) -> Option<(u8, usize)> {
    if domain == "*" {
        return Some((0, 0));
    }
    let longer = host.len() >= domain.len();
    let suffix = domain
        .strip_prefix('*')
        .is_some_and(|suffix| longer && host.ends_with(suffix));
    let prefix = domain
        .strip_suffix('*')
        .is_some_and(|prefix| longer && host.starts_with(prefix));
    match (suffix, prefix) {
        (true, _) => Some((2, domain.len())),
        (_, true) => Some((1, domain.len())),
        _ => None,
    }
}

/// `h` of `h:80`; an IPv6 address keeps its colons.
fn without_port(host: &str) -> &str {
    match host.rsplit_once(':') {
        Some((name, port))
            if !port.is_empty() && port.bytes().all(|byte| byte.is_ascii_digit()) =>
        {
            if name.contains(':') && !name.ends_with(']') {
                host
            } else {
                name
            }
        }
        _ => host,
    }
}

/// Why a route does not match, if so. What had to be assumed is noted unless something certain decides.
fn lost<'t>(route: &'t Route, probe: &Probe, caveats: &mut Vec<Caveat>) -> Option<Tried<'t>> {
    let mut unsure = Vec::new();
    let mut unknowable = None;
    let tried = |condition: &'t super::Condition| Tried {
        object: &route.object,
        rule: route.label(),
        span: route.span,
        lost_on: &condition.field,
        lost_at: condition.span,
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
        Action::Direct { status } => answered(*status, Cause::DirectResponse),
        Action::Redirect { status } => answered(*status, Cause::Redirect),
        Action::Split(split) => {
            mechanism = split.mechanism();
            let part = |(backend, share): (&super::Backend, Share)| {
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
