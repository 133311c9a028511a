//! What a proxy does with the request of a run, as its config dump says.

use std::fmt;

use crate::diag::{Note, Severity, Sources};
use crate::manifest::{Mirror, lower, parse};
use crate::route::{Action, Probe, Vantage, resolve};
use crate::split::Expected;

/// What a dump calls a policy about retries, of a route or of the whole host.
const RETRIES: [&str; 2] = ["retry_policy", "retryPolicy"];

/// The request, and from where it is sent.
#[derive(Clone, Debug)]
pub(in crate::cli) struct Asked {
    pub(in crate::cli) probe: Probe,
    pub(in crate::cli) vantage: Vantage,
    /// Whether others are asked about as well: of the clusters only their names are read then.
    pub(in crate::cli) among_others: bool,
}

/// The split that a proxy makes of a request.
#[derive(Clone, Debug, PartialEq)]
pub(in crate::cli) struct ProgrammedSplit {
    pub(in crate::cli) split: Expected,
    /// The name of the route configuration, its version, and when the proxy took that.
    pub(in crate::cli) config: String,
    pub(in crate::cli) version: Option<String>,
    pub(in crate::cli) last_updated: Option<String>,
    /// The clusters that the route leads to.
    pub(in crate::cli) clusters: Vec<String>,
    pub(in crate::cli) mirrors: Vec<Mirror>,
    /// Whether a header of the request names the cluster.
    pub(in crate::cli) by_header: bool,
    /// Whether a request may be tried more than once.
    pub(in crate::cli) may_retry: bool,
}

/// Why a proxy makes no split of a request, as far as its dump says.
#[derive(Clone, Debug)]
pub(super) enum NoSplit {
    /// It cannot be told what it does.
    Unknown(String),
    /// It has no virtual host for the request, and this becomes of it.
    UnknownHost(Box<Note>),
}

impl fmt::Display for NoSplit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Unknown(why) => why,
            Self::UnknownHost(note) => &note.message,
        })
    }
}

impl From<String> for NoSplit {
    fn from(why: String) -> Self {
        Self::Unknown(why)
    }
}

impl ProgrammedSplit {
    /// Reads it out of a dump; the error says why there is none.
    pub(super) fn of(dump: &str, asked: &Asked) -> Result<Self, NoSplit> {
        let mut sources = Sources::new();
        sources.add("config_dump", dump);
        let (manifests, problems) = parse(&sources);
        let error = problems.iter().find(|one| one.severity == Severity::Error);
        if let Some(problem) = error {
            return Err(problem.message.clone().into());
        }
        let vantage = asked.vantage.clone().dialling(&asked.probe);
        let table = lower(&manifests, &vantage);
        let resolution = resolve(&table, &asked.probe).map_err(|error| {
            let note = (manifests.dump).of_unknown_host(asked.probe.host(), vantage.port);
            note.map_or_else(
                || error.to_string().into(),
                |note| NoSplit::UnknownHost(Box::new(note)),
            )
        })?;
        if resolution.is_unrouted() && resolution.host.routes.is_empty() {
            return Err("it has no route for this request".to_owned().into());
        }
        let split = resolution.expected(&sources);
        let at_host = manifests.dump.route_at(resolution.host.span);
        let taking = resolution.taking().filter_map(|matched| {
            let mut route = manifests.dump.route_at(matched.span)?;
            let of_route = matched.share.as_f64();
            (route.mirrors.iter_mut()).for_each(|mirror| mirror.share *= of_route);
            Some(route)
        });
        let mut routes = taking.chain(at_host);
        let mut own = routes.next().unwrap_or_default();
        for other in routes.filter(|_| resolution.route.is_some()) {
            own.clusters.extend(other.clusters);
            own.mirrors.extend(other.mirrors);
        }
        // Of whichever route: without statistics, too many is the safe guess.
        let retried = RETRIES.iter().any(|name| dump.contains(name));
        let asked_for =
            |(name, _): &(String, String)| name.to_ascii_lowercase().starts_with("x-envoy-retry");
        own.clusters.sort();
        own.clusters.dedup();
        own.mirrors.dedup();
        let mut actions = resolution
            .taking()
            .map(|matched| &matched.route.outcome.action);
        Ok(Self {
            split,
            config: own.config,
            version: own.version,
            last_updated: own.last_updated,
            clusters: own.clusters,
            mirrors: own.mirrors,
            may_retry: retried || asked.probe.headers.iter().any(asked_for),
            by_header: actions.any(|action| matches!(action, Action::Named(_))),
        })
    }

    /// Whether both give every target the same.
    pub(in crate::cli) fn is_as(&self, other: &Self) -> bool {
        let shares = |own: &Self| {
            let declared = own.split.declared().iter();
            let mut shares: Vec<_> = declared
                .filter(|one| !one.share.is_zero())
                .map(|one| (one.target.clone(), one.share))
                .collect();
            shares.sort_by(|a, b| a.0.cmp(&b.0));
            shares
        };
        shares(self) == shares(other)
    }

    /// `90% single, 10% multiple`
    pub(in crate::cli) fn listed(&self) -> String {
        let declared = self
            .split
            .declared()
            .iter()
            .filter(|one| !one.share.is_zero());
        let shares = declared
            .map(|one| format!("{} {}", crate::units::percent(one.share.as_f64()), one.name));
        shares.collect::<Vec<_>>().join(", ")
    }
}
