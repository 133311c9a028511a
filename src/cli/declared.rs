//! What is declared for the request that will be sent: from `--expect`, or from the rule of the manifests that this
//! very request matches.

use std::rc::Rc;

use http::header::{HOST, HeaderValue};

use super::config::{Declaration, RunConfig};
use super::failure::Failure;
use super::request::RequestConfig;
use super::{input, output, say};
use crate::diag::render::render;
use crate::diag::{Code, Note, Severity, Sources};
use crate::manifest::{Manifests, NoSuchObject, ObjectName, lower, parse, pods};
use crate::report::Excerpt;
use crate::route::{
    OnlyError, Other, Probe, Resolution, ResolveError, RouteTable, Vantage, only_split,
    resolve as resolve_route,
};
use crate::split::{Expected, Target};
use crate::verdict::Hypothesis;

/// A declared split, and what has to be said about it.
pub(super) struct Declared {
    /// The split.
    pub(super) expected: Expected,
    /// `VirtualService default/weather http[0]`
    pub(super) rule: Option<String>,
    /// Its lines.
    pub(super) excerpt: Option<Excerpt>,
    /// What weakens it.
    pub(super) caveats: Vec<Note>,
    /// What the traffic could follow instead.
    pub(super) hypotheses: Vec<Hypothesis>,
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
pub(super) fn resolve(config: &RunConfig) -> Result<Option<Declared>, Failure> {
    let quiet = config.output.args.quiet;
    resolve_for(
        &config.declared,
        Some(&config.request),
        &config.vantage,
        quiet,
    )
}

/// The same without a run. Without a request it is the only split that the manifests declare.
pub(super) fn resolve_for(
    declaration: &Declaration,
    request: Option<&RequestConfig>,
    from: &Vantage,
    quiet: bool,
) -> Result<Option<Declared>, Failure> {
    let mut object = None;
    let sources = match declaration {
        Declaration::None => return Ok(None),
        Declaration::Weights(expected) => {
            return Ok(Some(Declared {
                expected: expected.clone(),
                rule: None,
                excerpt: None,
                caveats: Vec::new(),
                hypotheses: Vec::new(),
                asked: None,
            }));
        }
        Declaration::Manifests(paths, chosen) => {
            object = chosen.as_ref();
            input::manifests(paths)?
        }
        Declaration::Embedded(texts) => {
            let mut sources = Sources::new();
            for (name, text) in *texts {
                sources.add(*name, *text);
            }
            sources
        }
    };
    let asked = request.map(probe);
    let routes = Routes::new(sources, (asked.as_ref(), object), from, quiet)?;
    let resolution = match &asked {
        Some(probe) => routes.resolve(probe)?,
        None => only_split(&routes.table).map_err(|error| unclear(&error))?,
    };
    let declared = Declared::of(&routes, &resolution, asked.as_ref());
    Ok(Some(Declared {
        asked: asked.map(|probe| Asked { routes, probe }),
        ..declared
    }))
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
    /// Reads texts, takes the port that the request dials, and of several objects the one that is chosen.
    pub(super) fn new(
        sources: Sources,
        (asked, object): (Option<&Probe>, Option<&ObjectName>),
        from: &Vantage,
        quiet: bool,
    ) -> Result<Self, Failure> {
        let mut manifests = decode(&sources, quiet)?;
        if let Some(object) = object {
            manifests.choose(object).map_err(|error| missing(&error))?;
        }
        Ok(Self::of(sources, manifests, asked, from))
    }

    /// The same of manifests that may declare no split.
    pub(super) fn of_any(
        sources: Sources,
        (asked, object): (Option<&Probe>, Option<&ObjectName>),
        from: &Vantage,
        quiet: bool,
    ) -> Result<Self, Failure> {
        let (mut manifests, problems) = parse(&sources);
        let plain = !manifests.objects.is_empty() && manifests.not_read.is_empty();
        if !plain {
            return Self::new(sources, (asked, object), from, quiet);
        }
        decoded(&sources, problems, quiet)?;
        if let Some(object) = object {
            manifests.choose(object).map_err(|error| missing(&error))?;
        }
        Ok(Self::of(sources, manifests, asked, from))
    }

    fn of(sources: Sources, manifests: Manifests, asked: Option<&Probe>, from: &Vantage) -> Self {
        let vantage = match asked {
            Some(probe) => from.clone().dialling(probe),
            None => from.clone(),
        };
        let table = Rc::new(lower(&manifests, &vantage));
        Self {
            sources,
            manifests,
            vantage,
            table,
        }
    }

    /// Where a request goes.
    pub(super) fn resolve(&self, probe: &Probe) -> Result<Resolution<'_>, Failure> {
        resolve_route(&self.table, probe).map_err(|error| unresolved(&error, &self.sources))
    }
}

impl Declared {
    fn of(routes: &Routes, resolution: &Resolution<'_>, asked: Option<&Probe>) -> Self {
        let sources = &routes.sources;
        let expected = resolution.expected(sources);
        let by_pods = pods(&routes.manifests, &expected);
        let by_pods = by_pods.as_deref();
        let no_route = asked.and_then(|probe| resolution.unmatched(probe, sources));
        let no_route = no_route.map(|message| Note::new(Code::NoRoute, message));
        let stated = distinct(&resolution.caveats).map(|caveat| caveat.stated(sources));
        let in_ratio = by_pods.and_then(|pods| in_ratio(&expected, pods));
        let hypothesis = |other: Other<'_>| Hypothesis {
            note: Note::new(
                Code::OtherRule,
                format!(
                    "traffic follows {} ({}) instead: another rule takes the request by the order of the rules, or an older \
                 generation of the rules is still in effect",
                    other.route.rule,
                    sources.place(other.route.span)
                ),
            ),
            shares: other.shares,
        };
        let others = resolution.others(&expected).into_iter().map(hypothesis);
        Self {
            caveats: no_route.into_iter().chain(stated).chain(in_ratio).collect(),
            // First, because two names for one split are one explanation: what the proxy has is no guess.
            hypotheses: asked
                .and_then(|probe| programmed(routes, resolution, &expected, probe))
                .into_iter()
                .chain(by_pods.and_then(by_replicas))
                .chain(others)
                .collect(),
            excerpt: (resolution.route).map(|route| Excerpt::around(route.span, sources)),
            rule: resolution.rules(),
            expected,
            asked: None,
        }
    }
}

/// Each caveat once: two destinations may have the same to be said about them, in two places.
pub(super) fn distinct(
    caveats: &[crate::route::Caveat],
) -> impl Iterator<Item = &crate::route::Caveat> {
    let said = |at: usize| {
        caveats[..at]
            .iter()
            .any(|known| known.tells_the_same(&caveats[at]))
    };
    (0..caveats.len())
        .filter(move |at| !said(*at))
        .map(|at| &caveats[at])
}

/// The manifests, unless something in them is wrong; warnings go to stderr.
fn decode(sources: &Sources, quiet: bool) -> Result<Manifests, Failure> {
    let (manifests, mut problems) = parse(sources);
    let without = manifests.without_rules();
    if let (Some(problem), true) = (&without, problems.is_empty()) {
        let names: Vec<&str> = sources.iter().map(|(_, source)| source.name()).collect();
        return Err(Failure::usage(
            format!("{} (read from {})", problem.message, names.join(", ")),
            problem.help.clone().unwrap_or_default(),
        ));
    }
    // What cannot be read holds nothing, which is no second problem.
    let failed = |problem: &Note| problem.severity == Severity::Error;
    let unread = manifests.objects.is_empty() && problems.iter().any(failed);
    problems.extend(without.filter(|_| !unread));
    decoded(sources, problems, quiet)?;
    Ok(manifests)
}

/// Fails where a problem is an error; warnings go to stderr.
fn decoded(sources: &Sources, problems: Vec<Note>, quiet: bool) -> Result<(), Failure> {
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
        say(&format!("{}\n", render(&warnings, sources, colour)));
    }
    Ok(())
}

/// Why a request is not judged, with the next step.
pub(super) fn unresolved(error: &ResolveError, sources: &Sources) -> Failure {
    let place = match error {
        ResolveError::Unjudged(note) => note.place(),
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

fn unclear(error: &OnlyError) -> Failure {
    if let OnlyError::Unjudged(note) = error
        && let Some(help) = &note.help
    {
        return Failure::usage(error.to_string(), help.clone());
    }
    let help = match error {
        OnlyError::Several { .. } => {
            "give the URL of the request, and -H, -m or --host as it is sent; its rule is used"
                .to_owned()
        }
        OnlyError::Elsewhere {
            help: Some(help), ..
        } => help.clone(),
        _ => "name the file that declares the split with -f, or declare the split with --expect"
            .to_owned(),
    };
    Failure::usage(error.to_string(), help)
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
    let of = |declared: &crate::split::Declared| -> f64 {
        let own = (found.declared().iter()).filter(|found| same(&found.target, &declared.target));
        own.map(|found| found.share.as_f64()).sum()
    };
    let shares: Vec<f64> = expected.declared().iter().map(of).collect();
    let whole = (shares.iter().sum::<f64>() - 1.0).abs() < 1e-9;
    whole.then(|| Hypothesis {
        note: Note::new(
            differs.code,
            format!(
                "traffic follows what the proxy is programmed with: {}",
                differs.sentence(&routes.sources)
            ),
        ),
        shares,
    })
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

/// What the traffic follows where no rule is applied: the pods. Where they are equally many it is the even split, which
/// needs no manifests to be thought of.
fn by_replicas(pods: &[u64]) -> Option<Hypothesis> {
    let total: u64 = pods.iter().sum();
    if pods.iter().all(|own| *own == pods[0]) {
        return None;
    }
    let numbers: Vec<String> = pods.iter().map(u64::to_string).collect();
    Some(Hypothesis {
        note: Note::new(
            Code::ByReplicas,
            format!(
                "the responses follow the number of pods ({}): the route rules are not applied, and the Service spreads requests \
             over all pods",
                numbers.join(":")
            ),
        ),
        shares: pods.iter().map(|own| *own as f64 / total as f64).collect(),
    })
}

/// Pods in the declared ratio: rules that are applied and rules that are ignored look alike.
fn in_ratio(expected: &Expected, pods: &[u64]) -> Option<Note> {
    let total: u64 = pods.iter().sum();
    let near = |(declared, own): (&crate::split::Declared, &u64)| {
        let share = declared.share.as_f64();
        // The resolution of a verdict without options: a tenth of the standard deviation of one draw.
        (*own as f64 / total as f64 - share).abs() <= 0.1 * (share * (1.0 - share)).sqrt()
    };
    let alike = pods.len() > 1 && expected.declared().iter().zip(pods).all(near);
    alike.then(|| Note::new(Code::EndpointsInRatio, "the pods are in the declared ratio already: traffic cannot tell rules that are applied from rules that are \
                  ignored"))
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
