//! A second opinion: whether what a proxy has been told gives a request the split that is declared.

use super::host::find_host;
use super::resolve::{Resolution, Tried, declared};
use super::{AppliesTo, Probe, ResolveError, RouteTable};
use crate::diag::{Code, Note};
use crate::split::{LocalReply, Share, Target};
use crate::units::percent;

/// Resolves a request by what is declared; where that is known, what the proxy is programmed with stands in for a host that
/// nobody declares, and is compared otherwise. Pure and total: an error says that no host of the table takes it.
pub fn resolve<'t>(table: &'t RouteTable, probe: &Probe) -> Result<Resolution<'t>, ResolveError> {
    resolved(table, probe, Tried::All)
}

/// Resolves a request as [`resolve`] does, in a time that does not grow with the routes of its host: the trace names a part of
/// those that lost.
pub fn resolve_untraced<'t>(
    table: &'t RouteTable,
    probe: &Probe,
) -> Result<Resolution<'t>, ResolveError> {
    resolved(table, probe, Tried::Candidates)
}

fn resolved<'t>(
    table: &'t RouteTable,
    probe: &Probe,
    which: Tried,
) -> Result<Resolution<'t>, ResolveError> {
    let found = declared(table, probe, which);
    let Some(programmed) = table.programmed.as_deref() else {
        return found;
    };
    match found {
        Ok(mut found) => {
            // A redirect to HTTPS comes before any route.
            if !found.host.redirects(probe) {
                let differs = differs(&found, programmed, probe);
                found.caveats.extend(differs);
            }
            Ok(found)
        }
        Err(
            error @ (ResolveError::NoHost { .. }
            | ResolveError::NotFromHere { .. }
            | ResolveError::NoRules),
        ) => alone(programmed, probe, error, which),
        Err(error) => Err(error),
    }
}

/// Resolves a request by what is declared: what a proxy has been told beside the rules declares nothing.
pub fn resolve_declared<'t>(
    table: &'t RouteTable,
    probe: &Probe,
) -> Result<Resolution<'t>, ResolveError> {
    find_host(table, probe)?;
    resolve(table, probe)
}

/// The caveat, if the two tables say different things about a request.
fn differs(
    declared: &Resolution<'_>,
    programmed: &RouteTable,
    probe: &Probe,
) -> Option<Note<AppliesTo>> {
    let help = "the rules may not have reached this proxy yet, or others are in effect: ask the proxy again";
    let found = match resolve_untraced(programmed, probe) {
        Ok(found) => found,
        Err(error @ ResolveError::Ambiguous { .. }) => {
            let message = format!("the config dump is not compared: {error}");
            let caveat = Note::about(Code::ProgrammedUnclear, message, None);
            return Some(match error.help() {
                Some(help) => caveat.help(help),
                None => caveat,
            });
        }
        Err(error) => {
            let message = format!("the config dump has nothing for this request: {error}");
            return Some(Note::about(Code::ProgrammedDiffers, message, None).help(help));
        }
    };
    // Where the port that is dialled is not known, a destination may have none.
    let destinations = declared.parts.iter().chain(&found.parts);
    let ports = destinations
        .filter_map(|(target, ..)| match target {
            Target::Destination(destination) => Some(destination.port),
            _ => None,
        })
        .all(|port| port.is_some());
    let (own, other) = (ShareView::of(declared, ports), ShareView::of(&found, ports));
    if own.same(&other) {
        return None;
    }
    let long = own.listed(ShareView::short) == other.listed(ShareView::short);
    let name = if long {
        ShareView::long
    } else {
        ShareView::short
    };
    let message = format!(
        "the rules declare {} for this request, and the proxy is programmed with {}",
        own.listed(name),
        other.listed(name)
    );
    Some(Note::about(Code::ProgrammedDiffers, message, Some(found.source)).help(help))
}

/// What a proxy has been told about a host that no rule declares.
fn alone<'t>(
    programmed: &'t RouteTable,
    probe: &Probe,
    undeclared: ResolveError,
    which: Tried,
) -> Result<Resolution<'t>, ResolveError> {
    // The rules are what a person can correct.
    let mut found = declared(programmed, probe, which).map_err(|_| undeclared)?;
    let message = format!(
        "no rule of the manifests routes `{}`: judged by what the proxy is programmed with",
        probe.host()
    );
    let caveat = Note::about(Code::ProgrammedOnly, message, Some(found.source));
    found.caveats.push(caveat);
    Ok(found)
}

/// Targets with what they get, in the order of their declaration. What gets nothing is left out, because a proxy is not
/// told of it.
struct ShareView<'r> {
    shares: Vec<(&'r Target, String, Share)>,
}

impl<'r> ShareView<'r> {
    fn of(resolution: &'r Resolution<'_>, ports: bool) -> Self {
        let mut shares: Vec<(&Target, String, Share)> = Vec::new();
        for (target, share, _) in resolution.parts.iter().filter(|part| !part.1.is_zero()) {
            let name = full(target, ports);
            match shares.iter_mut().find(|(_, known, _)| *known == name) {
                Some((.., sum)) => *sum = sum.checked_add(*share).unwrap_or(Share::ONE),
                None => shares.push((target, name, *share)),
            }
        }
        Self { shares }
    }

    /// Whether both say the same, whatever the order.
    fn same(&self, other: &Self) -> bool {
        let sorted = |told: &Self| {
            let shares = told.shares.iter();
            let mut shares: Vec<(String, Share)> = shares
                .map(|(_, name, share)| (name.clone(), *share))
                .collect();
            shares.sort_by(|a, b| a.0.cmp(&b.0));
            shares
        };
        sorted(self) == sorted(other)
    }

    /// The name as a person uses it.
    fn short((target, name, _): &(&'r Target, String, Share)) -> String {
        match target {
            Target::Destination(destination) => match &destination.subset {
                Some(subset) => subset.clone(),
                None => destination.service().to_owned(),
            },
            _ => name.clone(),
        }
    }

    /// The name with host, port and subset.
    fn long((_, name, _): &(&'r Target, String, Share)) -> String {
        name.clone()
    }

    /// `90% single, 10% multiple`
    fn listed(&self, name: fn(&(&'r Target, String, Share)) -> String) -> String {
        let texts = self
            .shares
            .iter()
            .map(|entry| format!("{} {}", percent(entry.2.as_f64()), name(entry)));
        texts.collect::<Vec<String>>().join(", ")
    }
}

/// Host, port and subset of a destination, if it is one.
fn full(target: &Target, ports: bool) -> String {
    match target {
        Target::Named(name) => name.clone(),
        Target::LocalReply(LocalReply { status, .. }) => format!("status {status}"),
        Target::Destination(destination) => {
            let subset = destination.subset.as_deref();
            let subset = subset.map_or_else(String::new, |subset| format!("/{subset}"));
            let port = destination.port.filter(|_| ports);
            let port = port.map(|port| format!(":{port}"));
            format!("{}{}{subset}", destination.host, port.unwrap_or_default())
        }
    }
}
