//! What a proxy does with the request of a run, as its config dump says.

use crate::diag::{Severity, Sources};
use crate::manifest::{Mirror, lower, parse};
use crate::route::{Action, Probe, Vantage, resolve};
use crate::split::Expected;

/// The request, and from where it is sent.
#[derive(Clone, Debug)]
pub(in crate::cli) struct Asked {
    pub(in crate::cli) probe: Probe,
    pub(in crate::cli) vantage: Vantage,
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
}

impl ProgrammedSplit {
    /// Reads it out of a dump; the error says why it cannot be told.
    pub(in crate::cli) fn of(dump: &str, asked: &Asked) -> Result<Self, String> {
        let mut sources = Sources::new();
        sources.add("config_dump", dump);
        let (manifests, problems) = parse(&sources);
        let error = problems.iter().find(|one| one.severity == Severity::Error);
        if let Some(problem) = error {
            return Err(problem.message.clone());
        }
        let vantage = asked.vantage.clone().dialling(&asked.probe);
        let table = lower(&manifests, &vantage);
        let resolution = resolve(&table, &asked.probe).map_err(|error| error.to_string())?;
        if resolution.is_unrouted() && resolution.host.routes.is_empty() {
            return Err("it has no route for this request".to_owned());
        }
        let split = resolution.expected(&sources);
        let spans = resolution.taking().map(|matched| matched.span);
        let spans = spans.chain(std::iter::once(resolution.host.span));
        let mut routes = spans.filter_map(|span| manifests.dump.route_at(span));
        let mut own = routes.next().unwrap_or_default();
        for other in routes.filter(|_| resolution.route.is_some()) {
            own.clusters.extend(other.clusters);
            own.mirrors.extend(other.mirrors);
        }
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
