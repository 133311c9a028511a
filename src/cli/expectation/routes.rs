//! Manifests, and the routes they make for a request.

use std::rc::Rc;

use super::refusal::{missing, unresolved};
use crate::cli::failure::Failure;
use crate::cli::proxy_admin::Live;
use crate::cli::{gateway, output, warn};
use crate::diag::render::render;
use crate::diag::{Code, Note, Severity, Sources};
use crate::lint::{self, Context};
use crate::manifest::{Manifests, ObjectName, lower, parse, unrouted};
use crate::route::{
    Probe, Resolution, ResolveError, RouteTable, Unrouted, Vantage, VirtualHost, resolve_declared,
};

/// Manifests, and the routes they make for a request.
pub(in crate::cli) struct Routes {
    /// The texts.
    pub(in crate::cli) sources: Sources,
    /// What they hold.
    pub(in crate::cli) manifests: Manifests,
    /// From where the mesh is seen, the port included.
    pub(in crate::cli) vantage: Vantage,
    /// The routes.
    pub(in crate::cli) table: Rc<RouteTable>,
}

impl Routes {
    /// Reads texts that declare a split, takes the port that the request dials, and of several objects the one that is chosen.
    pub(in crate::cli) fn new(
        sources: Sources,
        asked: (Option<&Probe>, Option<&ObjectName>),
        from: &Vantage,
        quiet: bool,
    ) -> Result<Self, Failure> {
        let manifests = decode(&sources, true, quiet)?;
        Self::of(sources, manifests, asked, from)
    }

    /// The same of manifests that may declare no split.
    pub(in crate::cli) fn of_any(
        sources: Sources,
        asked: (Option<&Probe>, Option<&ObjectName>),
        from: &Vantage,
        quiet: bool,
    ) -> Result<Self, Failure> {
        let manifests = decode(&sources, false, quiet)?;
        Self::of(sources, manifests, asked, from)
    }

    /// The routes that manifests make for a request from a place.
    pub(in crate::cli) fn read(
        sources: Sources,
        manifests: Manifests,
        asked: &Probe,
        from: &Vantage,
    ) -> Result<Self, Failure> {
        Self::of(sources, manifests, (Some(asked), None), from)
    }

    fn of(
        sources: Sources,
        mut manifests: Manifests,
        (asked, object): (Option<&Probe>, Option<&ObjectName>),
        from: &Vantage,
    ) -> Result<Self, Failure> {
        if let Some(object) = object {
            manifests.choose(object).map_err(|error| missing(&error))?;
        }
        let from = gateway::looked_up(from, &manifests)?;
        let vantage = match asked {
            Some(probe) => from.dialling(probe),
            None => from,
        };
        let table = Rc::new(lower(&manifests, &vantage));
        Ok(Self {
            sources,
            manifests,
            vantage,
            table,
        })
    }

    /// The host that takes a request.
    pub(in crate::cli) fn host(&self, probe: &Probe) -> Result<&VirtualHost, Failure> {
        let resolution = resolve_declared(&self.table, probe).map_err(|error| {
            let failure = unresolved(&error, &self.sources);
            let known = of_client(self, probe, &failure.to_string());
            failure.knowing(known)
        })?;
        Ok(resolution.host)
    }

    /// The split that the rules declare for a request. A proxy that has no route declares none.
    pub(in crate::cli) fn declared(&self, probe: &Probe) -> Result<Resolution<'_>, Failure> {
        let resolution = resolve_declared(&self.table, probe);
        let resolution = resolution.map_err(|error| unresolved(&error, &self.sources))?;
        if self.table.from_dump && resolution.is_unrouted() {
            return Err(Failure::usage(
                format!(
                    "the config dump has no route for {} {}{}: the proxy answers 404, which declares no split ({})",
                    probe.method,
                    probe.host(),
                    probe.path,
                    self.sources.place(resolution.host.span)
                ),
                "check --host, the path and the headers, or pass the manifests that declare the split with -f",
            ));
        }
        Ok(resolution)
    }
}

impl Routes {
    /// Puts what is known of a proxy that is asked into its words: since when it has what it has, and why.
    pub(in crate::cli) fn word(&self, resolution: &mut Resolution<'_>, live: Option<&Live>) {
        let Some(live) = live else {
            return;
        };
        for caveat in &mut resolution.caveats {
            live.word(caveat, &self.manifests, &self.vantage.origin);
        }
    }

    /// What becomes of a request to a host without a rule, where a policy declares that it does not leave.
    pub(super) fn kept_in(&self, probe: &Probe) -> Option<Unrouted> {
        match resolve_declared(&self.table, probe) {
            Err(
                ResolveError::NoRules
                | ResolveError::NoHost { .. }
                | ResolveError::NotFromHere {
                    of_others: true, ..
                },
            ) => {
                let unrouted = unrouted(&self.manifests, &self.vantage, probe);
                let mut reasons = unrouted.caveats.iter();
                let refused = reasons.any(|caveat| caveat.code == Code::RegistryOnly);
                (refused && unrouted.outcome.is_some()).then_some(unrouted)
            }
            _ => None,
        }
    }
}

/// Whether these texts hold anything that is read, without a problem.
pub(in crate::cli) fn is_readable(sources: &Sources) -> bool {
    decode(sources, true, true).is_ok()
}

/// The manifests, unless something in them is wrong, or they declare no split where one is needed; warnings go to stderr.
fn decode(sources: &Sources, declaring: bool, quiet: bool) -> Result<Manifests, Failure> {
    let (manifests, mut problems) = parse(sources);
    // What holds nothing that is read cannot be explained either.
    let plain = !manifests.objects.is_empty() && manifests.not_read.is_empty();
    let without = (manifests.without_rules())
        .filter(|_| !plain || (declaring && !manifests.declares_egress()));
    if let (Some(problem), true) = (&without, problems.is_empty()) {
        let names: Vec<&str> = sources.iter().map(|(_, source)| source.name()).collect();
        return Err(Failure::usage(
            format!("{} (read from {})", problem.message, names.join(", ")),
            problem.help.clone().unwrap_or_default(),
        ));
    }
    // What cannot be read declares nothing, which is no second problem.
    let unread = (problems.iter()).any(|problem| problem.severity == Severity::Error);
    problems.extend(without.filter(|_| !unread));
    let (errors, warnings): (Vec<Note>, Vec<Note>) = problems
        .into_iter()
        .partition(|problem| problem.severity == Severity::Error);
    let colour = output::colour_on_stderr();
    if !errors.is_empty() {
        let message = match errors.len() {
            1 => "there is a problem in the manifests".to_owned(),
            n => format!("there are {n} problems in the manifests"),
        };
        return Err(Failure::Manifests {
            problems: render(&errors, sources, colour),
            message,
            help: "correct what is marked, or declare the split with --expect NAME=WEIGHT,…"
                .to_owned(),
        });
    }
    if !quiet && !warnings.is_empty() {
        warn(&format!("{}\n", render(&warnings, sources, colour)));
    }
    Ok(manifests)
}

/// What is known about the client of a request that no rule takes; `said` was said already.
pub(super) fn of_client(routes: &Routes, probe: &Probe, said: &str) -> Vec<String> {
    let (sources, vantage) = (&routes.sources, &routes.vantage);
    let table = Rc::clone(&routes.table);
    let context = Context::of(sources, &routes.manifests, &[], vantage, table);
    let context = context.with_request(vantage, probe);
    let findings = lint::about_client(&context);
    let news = (findings.iter()).filter(|finding| !said.contains(&finding.note.message));
    news.map(|finding| finding.note.stated(sources).message)
        .collect()
}
