//! What is declared for the request that will be sent: from `--expect`, or from the rule of the manifests that this
//! very request matches.

mod probe;
mod refusal;
mod rivals;
mod routes;

use super::config::{Declaration, RunConfig};
use super::failure::Failure;
use super::input;
use super::proxy_admin::{DeclaredMirrors, Live};
use super::request::RequestConfig;
use crate::diag::{Code, Note, Sources};
use crate::manifest::{ObjectName, known_targets, pods};
use crate::report::{self, Excerpt};
use crate::route::{Probe, Resolution, Unrouted, Vantage, resolve_declared, sole_split};
use crate::split::Expected;
use crate::verdict::explain::manifests::{by_replicas, in_ratio};
pub(super) use probe::{host_header, of_template, probe};
use refusal::unclear;
pub(super) use refusal::unresolved;
use rivals::{differs, other_rule, programmed};
use routes::of_client;
pub(super) use routes::{Routes, is_readable};

/// A declared split, and what has to be said about it.
pub(super) struct Declared {
    /// The split, and what is known about it.
    pub(super) declaration: report::Declaration,
    /// What weakens it.
    pub(super) caveats: Vec<Note>,
    /// Where the manifests and a request say it.
    pub(super) asked: Option<Asked>,
}

/// A request, and the manifests that say where it goes.
pub(super) struct Asked {
    /// The manifests.
    pub(super) routes: Routes,
    /// The request.
    pub(super) probe: Probe,
}

/// Finds out what is declared, if anything is.
pub(super) fn resolve(
    config: &RunConfig,
    live: Option<&Live>,
) -> Result<Option<Declared>, Failure> {
    let quiet = config.output.args.quiet;
    resolve_for(
        &config.declared,
        Some(&config.request),
        &config.vantage,
        (quiet, live),
    )
}

/// The request of a run, and the manifests that say where it goes; what a proxy says of itself is read beside them.
pub(super) fn asked(config: &RunConfig, live: Option<&Live>) -> Result<Asked, Failure> {
    let mut sources = match &config.declared {
        Declaration::Manifests(paths, _) => input::manifests(paths)?,
        _ => Sources::new(),
    };
    add_dump(&mut sources, live);
    let (probe, quiet) = (probe(&config.request), config.output.args.quiet);
    let asked = (Some(&probe), config.declared.object());
    let routes = Routes::new(sources, asked, &config.vantage, quiet)?;
    Ok(Asked { routes, probe })
}

/// Adds what a proxy says of itself; whether it says anything.
fn add_dump(sources: &mut Sources, live: Option<&Live>) -> bool {
    let dump = live.and_then(Live::dump);
    if let Some((name, dump)) = dump {
        sources.add(format!("{name}/config_dump"), dump);
    }
    dump.is_some()
}

/// The same without a run. Without a request it is the only split that the manifests declare.
pub(super) fn resolve_for(
    declaration: &Declaration,
    request: Option<&RequestConfig>,
    from: &Vantage,
    (quiet, live): (bool, Option<&Live>),
) -> Result<Option<Declared>, Failure> {
    let (sources, object) = match declaration {
        Declaration::None => return Ok(None),
        Declaration::Weights(expected, odd) => {
            let differs = live.and_then(|live| differs(live, expected, from));
            let (note, hypothesis) = differs.unzip();
            return Ok(Some(Declared {
                declaration: report::Declaration {
                    hypotheses: hypothesis.flatten().into_iter().collect(),
                    ..report::Declaration::of(expected.clone(), None)
                },
                caveats: odd.iter().cloned().chain(note).collect(),
                asked: None,
            }));
        }
        Declaration::Manifests(paths, chosen) => (input::manifests(paths)?, chosen.as_ref()),
        Declaration::Embedded(texts) => {
            let mut sources = Sources::new();
            for (name, text) in *texts {
                sources.add(*name, *text);
            }
            (sources, None)
        }
    };
    resolve_in(sources, object, request, from, (quiet, live)).map(Some)
}

/// What these texts declare, of several objects the one that is chosen. What a proxy says of itself is read beside them.
pub(super) fn resolve_in(
    mut sources: Sources,
    object: Option<&ObjectName>,
    request: Option<&RequestConfig>,
    from: &Vantage,
    (quiet, live): (bool, Option<&Live>),
) -> Result<Declared, Failure> {
    add_dump(&mut sources, live);
    let asked = request.map(probe);
    let routes = Routes::new(sources, (asked.as_ref(), object), from, quiet)?;
    let mut resolution = match &asked {
        Some(probe) => {
            if let Some(unrouted) = routes.kept_in(probe)
                && let Some(split) = unrouted.expected(&routes.sources, routes.vantage.port)
            {
                return Ok(Declared::kept_in(&unrouted, split, routes, probe));
            }
            routes.declared(probe).map_err(|failure| {
                let known = of_client(&routes, probe, &failure.to_string());
                failure.knowing(known)
            })?
        }
        None => sole_split(&routes.table).map_err(|error| unclear(&error))?,
    };
    routes.word(&mut resolution, live);
    let declared = Declared::of(&routes, &resolution, asked.as_ref());
    Ok(Declared {
        asked: asked.map(|probe| Asked { routes, probe }),
        ..declared
    })
}

impl Asked {
    /// The same with what a proxy says of itself read beside the manifests. They are not read again: stdin can be read once.
    pub(super) fn beside(
        mut self,
        config: &RunConfig,
        live: Option<&Live>,
    ) -> Result<Self, Failure> {
        if add_dump(&mut self.routes.sources, live) {
            let asked = (Some(&self.probe), config.declared.object());
            self.routes = Routes::new(self.routes.sources, asked, &config.vantage, true)?;
        }
        Ok(self)
    }

    /// The mirrors of the one rule that takes the request; `None` where there is no such, or only a dump is read.
    pub(super) fn mirrors(&self) -> Option<DeclaredMirrors> {
        let routes = &self.routes;
        let resolution = resolve_declared(&routes.table, &self.probe).ok()?;
        let mut taking = resolution.taking();
        let only = taking.next().filter(|_| taking.next().is_none())?;
        (!routes.table.from_dump).then(|| DeclaredMirrors {
            mirrors: only.route.outcome.mirrors.clone(),
            origin: routes.vantage.origin.clone(),
        })
    }
}

impl Declared {
    /// The reply that a policy declares for a host without a rule.
    fn kept_in(unrouted: &Unrouted, split: Expected, routes: Routes, probe: &Probe) -> Self {
        let stated = unrouted.caveats.iter();
        Self {
            declaration: report::Declaration::of(split, None),
            caveats: stated.map(|note| note.stated(&routes.sources)).collect(),
            asked: Some(Asked {
                routes,
                probe: probe.clone(),
            }),
        }
    }

    /// The declared split.
    pub(super) fn expected(&self) -> &Expected {
        &self.declaration.split
    }

    pub(super) fn of(routes: &Routes, resolution: &Resolution<'_>, asked: Option<&Probe>) -> Self {
        let sources = &routes.sources;
        let expected = resolution.expected(sources);
        let known = known_targets(
            &routes.manifests,
            &routes.table,
            resolution,
            &expected,
            sources,
        );
        let expected = expected.with_known(known);
        let by_pods = pods(&routes.manifests, &expected);
        let by_pods = by_pods.as_deref();
        let no_route = asked.and_then(|probe| resolution.unmatched(probe, sources));
        let no_route = no_route.map(|message| Note::new(Code::NoRoute, message));
        let stated = distinct(&resolution.caveats).map(|caveat| caveat.stated(sources));
        let in_ratio = by_pods.and_then(|pods| in_ratio(&expected, pods));
        let others = resolution.others(&expected).into_iter();
        let others = others.filter_map(|other| other_rule(other, &expected, sources));
        Self {
            caveats: no_route.into_iter().chain(stated).chain(in_ratio).collect(),
            declaration: report::Declaration {
                // First, because two names for one split are one explanation: what the proxy has is no guess.
                hypotheses: asked
                    .and_then(|probe| programmed(routes, resolution, &expected, probe))
                    .into_iter()
                    .chain(by_pods.and_then(by_replicas))
                    .chain(others)
                    .collect(),
                excerpt: (resolution.route).map(|route| Excerpt::around(route.span, sources)),
                rule: resolution.rules(),
                split: expected,
            },
            asked: None,
        }
    }
}

/// Each caveat once: two destinations may have the same to be said about them, in two places.
pub(super) fn distinct(
    caveats: &[crate::diag::Note<crate::route::AppliesTo>],
) -> impl Iterator<Item = &crate::diag::Note<crate::route::AppliesTo>> {
    let said = |at: usize| {
        caveats[..at]
            .iter()
            .any(|known| known.tells_the_same(&caveats[at]))
    };
    (0..caveats.len())
        .filter(move |at| !said(*at))
        .map(|at| &caveats[at])
}
