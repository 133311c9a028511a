//! What is declared for the request that will be sent: from `--expect`, or from the rule of the manifests that this
//! very request matches.

use std::rc::Rc;

use http::header::{HOST, HeaderValue};

use super::config::{Declaration, RunConfig};
use super::failure::Failure;
use super::proxy_admin::{Live, is_programmed, over};
use super::request::RequestConfig;
use super::{gateway, input, output, warn};
use crate::diag::render::render;
use crate::diag::{Code, Note, Severity, Sources};
use crate::lint::{self, Context};
use crate::manifest::{
    Manifests, NoSuchObject, ObjectName, known_targets, lower, parse, pods, unrouted,
};
use crate::report::{self, Excerpt};
use crate::route::{
    Alternative, Probe, Resolution, ResolveError, RouteTable, SoleSplitError, Unrouted, Vantage,
    resolve as resolve_route, resolve_declared, sole_split,
};
use crate::split::{Expected, Target};
use crate::units::percent;
use crate::verdict::Hypothesis;
use crate::verdict::explain::manifests::{self as hypotheses, by_replicas, in_ratio};

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
    if let Some((name, dump)) = live.and_then(Live::dump) {
        sources.add(format!("{name}/config_dump"), dump);
    }
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
    if let Some(live) = live {
        let origin = &routes.vantage.origin;
        (resolution.caveats.iter_mut()).for_each(|own| live.word(own, &routes.manifests, origin));
    }
    let declared = Declared::of(&routes, &resolution, asked.as_ref());
    Ok(Declared {
        asked: asked.map(|probe| Asked { routes, probe }),
        ..declared
    })
}

/// Manifests, and the routes they make for a request.
pub(super) struct Routes {
    /// The texts.
    pub(super) sources: Sources,
    /// What they hold.
    pub(super) manifests: Manifests,
    /// From where the mesh is seen, the port included.
    pub(super) vantage: Vantage,
    /// The routes.
    pub(super) table: Rc<RouteTable>,
}

impl Routes {
    /// Reads texts that declare a split, takes the port that the request dials, and of several objects the one that is chosen.
    pub(super) fn new(
        sources: Sources,
        asked: (Option<&Probe>, Option<&ObjectName>),
        from: &Vantage,
        quiet: bool,
    ) -> Result<Self, Failure> {
        let manifests = decode(&sources, true, quiet)?;
        Self::of(sources, manifests, asked, from)
    }

    /// The same of manifests that may declare no split.
    pub(super) fn of_any(
        sources: Sources,
        asked: (Option<&Probe>, Option<&ObjectName>),
        from: &Vantage,
        quiet: bool,
    ) -> Result<Self, Failure> {
        let manifests = decode(&sources, false, quiet)?;
        Self::of(sources, manifests, asked, from)
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

    /// The split that the rules declare for a request. A proxy that has no route declares none.
    fn declared(&self, probe: &Probe) -> Result<Resolution<'_>, Failure> {
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
    /// What becomes of a request to a host without a rule, where a policy declares that it does not leave.
    fn kept_in(&self, probe: &Probe) -> Option<Unrouted> {
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

    fn of(routes: &Routes, resolution: &Resolution<'_>, asked: Option<&Probe>) -> Self {
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

/// Why a request is not judged, with the next step.
pub(super) fn unresolved(error: &ResolveError, sources: &Sources) -> Failure {
    let place = match error {
        ResolveError::Unsupported(note) => note.place(),
        _ => None,
    };
    let place = place.map_or_else(String::new, |span| format!(" ({})", sources.place(span)));
    let help = error.help().unwrap_or_else(|| {
        "name the file that declares the split with -f, or declare the split with --expect"
            .to_owned()
    });
    Failure::usage(format!("{error}{place}"), help)
}

fn missing(error: &NoSuchObject) -> Failure {
    let names: Vec<String> = error.declaring.iter().map(ToString::to_string).collect();
    let help = match &names[..] {
        [] => "leave --object out, or name another file with -f".to_owned(),
        names => format!("choose one of {}", names.join(", ")),
    };
    Failure::usage(format!("--object: {error}"), help)
}

fn unclear(error: &SoleSplitError) -> Failure {
    if let SoleSplitError::Unsupported(note) = error
        && let Some(help) = &note.help
    {
        return Failure::usage(error.to_string(), help.clone());
    }
    let help = match error {
        SoleSplitError::Several { .. } => {
            "give the URL of the request, and -H, -m or --host as it is sent; its rule is used"
                .to_owned()
        }
        SoleSplitError::InactiveRule {
            help: Some(help), ..
        } => help.clone(),
        _ => "name the file that declares the split with -f, or declare the split with --expect"
            .to_owned(),
    };
    Failure::usage(error.to_string(), help)
}

/// What a proxy is programmed with, where that is another split than the one that was typed, and the split over the targets of
/// that. Nothing is said where it has none of these targets: they may be called otherwise.
fn differs(live: &Live, expected: &Expected, from: &Vantage) -> Option<(Note, Option<Hypothesis>)> {
    let programmed = live.start()?;
    let shares = over(expected, &programmed.split);
    if is_programmed(expected, &programmed.split)? {
        return None;
    }
    let declared = expected.declared().iter();
    let declared = declared.map(|own| format!("{} {}", percent(own.share.as_f64()), own.name));
    let declared: Vec<String> = declared.collect();
    let note = live.differs(&declared.join(", "), programmed, &from.origin);
    let hypothesis = shares.map(|shares| hypotheses::programmed(&note.text(), shares));
    Some((note, hypothesis))
}

/// What the proxy is programmed with, where that is another split over the declared targets.
fn programmed(
    routes: &Routes,
    resolution: &Resolution<'_>,
    expected: &Expected,
    probe: &Probe,
) -> Option<Hypothesis> {
    let mut caveats = resolution.caveats.iter();
    let differs = caveats.find(|caveat| caveat.code == Code::ProgrammedDiffers)?;
    let table = routes.table.programmed.as_deref()?;
    let found = resolve_route(table, probe).ok()?.expected(&routes.sources);
    let of = |declared: &crate::split::TargetShare| -> f64 {
        let own = (found.declared().iter()).filter(|found| same(&found.target, &declared.target));
        own.map(|found| found.share.as_f64()).sum()
    };
    let shares: Vec<f64> = expected.declared().iter().map(of).collect();
    let whole = (shares.iter().sum::<f64>() - 1.0).abs() < 1e-9;
    whole.then(|| hypotheses::programmed(&differs.sentence(&routes.sources), shares))
}

/// Another rule of the host, if the targets that it sends to have a name.
fn other_rule(
    other: Alternative<'_>,
    expected: &Expected,
    sources: &Sources,
) -> Option<Hypothesis> {
    let origin = |(target, share): (Target, f64)| {
        let mut known = expected.known().iter();
        let found = known.find(|known| known.target.as_ref() == Some(&target))?;
        Some((found.origin.clone(), share))
    };
    let known: Option<Vec<_>> = other.beyond.into_iter().map(origin).collect();
    let (rule, place) = (&other.route.rule, sources.place(other.route.span));
    Some(hypotheses::other_rule(rule, &place, other.shares, known?))
}

/// Whether two targets are one; where a port is not known, it is no difference.
fn same(one: &Target, other: &Target) -> bool {
    match (one, other) {
        (Target::Destination(one), Target::Destination(other)) => {
            let ports = one.port.zip(other.port);
            one.host == other.host
                && one.subset == other.subset
                && ports.is_none_or(|(one, other)| one == other)
        }
        _ => one == other,
    }
}

/// What is known about the client of a request that no rule takes; `said` was said already.
fn of_client(routes: &Routes, probe: &Probe, said: &str) -> Vec<String> {
    let (sources, vantage) = (&routes.sources, &routes.vantage);
    let table = Rc::clone(&routes.table);
    let context = Context::of(sources, &routes.manifests, &[], vantage, table);
    let context = context.with_request(vantage, probe);
    let findings = lint::about_client(&context);
    let news = (findings.iter()).filter(|finding| !said.contains(&finding.note.message));
    news.map(|finding| finding.note.stated(sources).message)
        .collect()
}

/// The request as routing sees it.
pub(super) fn probe(request: &RequestConfig) -> Probe {
    let headers = request.headers.iter().filter(|(name, _)| *name != HOST);
    let text = |value: &HeaderValue| String::from_utf8_lossy(value.as_bytes()).into_owned();
    Probe {
        method: request.method.to_string(),
        scheme: if request.tls.is_some() {
            "https"
        } else {
            "http"
        }
        .to_owned(),
        address: request.host.clone(),
        port: request.port,
        authority: host_header(request),
        path: request.target.path().to_owned(),
        query: request.target.query().map(str::to_owned),
        headers: headers
            .map(|(name, value)| (name.to_string(), text(value)))
            .collect(),
    }
}

/// The `Host` header as it is sent.
pub(super) fn host_header(request: &RequestConfig) -> String {
    let value = request
        .headers
        .get(HOST)
        .and_then(|value| value.to_str().ok());
    value.unwrap_or(&request.host).to_owned()
}
