//! How what is declared and what a proxy has is told apart in words: since when the proxy has it, and why it may not have what
//! is declared.

use super::{Live, ProgrammedSplit};
use crate::admin::Stats;
use crate::diag::{Code, Note};
use crate::manifest::Manifests;
use crate::route::{AppliesTo, Origin};
use crate::units::counted;

impl Live {
    /// A caveat that compares the rules with this proxy, in the words of a proxy that is there: since when it has what it has,
    /// and why it may not have what is declared.
    pub(in crate::cli) fn word(
        &self,
        caveat: &mut Note<AppliesTo>,
        manifests: &Manifests,
        from: &Origin,
    ) {
        if caveat.code != Code::ProgrammedDiffers {
            return;
        }
        let route = caveat
            .place()
            .and_then(|span| manifests.dump.route_at(span));
        if route.is_none() && caveat.place().is_some() {
            // It is about another dump.
            return;
        }
        caveat.labels.clear();
        caveat.message.push_str(&self.since());
        caveat.help = Some(self.why(from));
    }

    /// The same for a split that was typed.
    pub(in crate::cli) fn differs(
        &self,
        declared: &str,
        programmed: &ProgrammedSplit,
        from: &Origin,
    ) -> Note {
        let message = format!(
            "{declared} is declared, and the proxy is programmed with {}{}",
            programmed.listed(),
            since(programmed)
        );
        Note::new(Code::ProgrammedDiffers, message).help(self.why(from))
    }

    /// Since when it has what it has.
    pub(super) fn since(&self) -> String {
        self.start.as_ref().map_or_else(String::new, since)
    }

    /// Why a proxy may not have what is declared: what it says itself first.
    pub(super) fn why(&self, from: &Origin) -> String {
        let config = self
            .start
            .as_ref()
            .map_or("", |start| start.config.as_str());
        let rejected = self.rejected(config).filter(|count| *count > 0);
        if let Some(count) = rejected {
            return format!(
                "it has rejected {} since it was started (`update_rejected`), and goes on with what it had if the last one is among them: its log \
                 says why",
                counted(count, "update")
            );
        }
        if let Some((name, false)) = self.stats.as_ref().and_then(connection) {
            return format!(
                "it is not connected to its control plane (`{name}` is 0), and goes on with what it had"
            );
        }
        let own = self
            .info
            .as_ref()
            .and_then(|info| info.namespace.as_deref());
        if let (
            Some(own),
            Origin::Mesh {
                namespace: Some(namespace),
                ..
            },
        ) = (own, from)
            && own != namespace
        {
            return format!(
                "it is a proxy of the namespace `{own}`, and the rules are read as they apply to clients in `{namespace}`: \
                 --from-namespace {own}"
            );
        }
        // A default sidecar of Istio does not publish what becomes of its routes.
        let refused = match rejected_routes(self.stats.as_ref(), config) {
            Some(_) => "",
            None => "it has rejected them (its log says so), ",
        };
        format!(
            "the rules have not reached it, {refused}or others are in effect for it: compare with the time when the rules were applied \
             (istioctl proxy-status)"
        )
    }

    /// Updates of a route configuration, or of anything, that the proxy has rejected.
    pub(super) fn rejected(&self, config: &str) -> Option<u64> {
        let stats = self.stats.as_ref();
        rejected_routes(stats, config).or_else(|| stats?.sum_of(".update_rejected"))
    }

    /// Whether the proxy is connected to its control plane.
    pub(super) fn connected(&self) -> Option<bool> {
        self.stats
            .as_ref()
            .and_then(connection)
            .map(|(_, open)| open)
    }
}

/// Updates of a route configuration that were rejected, where that is published.
fn rejected_routes(stats: Option<&Stats>, config: &str) -> Option<u64> {
    let named = !config.is_empty();
    stats
        .filter(|_| named)?
        .sum_of(&format!(".rds.{config}.update_rejected"))
}

/// The statistic that says whether a proxy is connected to its control plane, and whether it is. A default sidecar of Istio
/// publishes its stream alone: the connection of that is one to the agent beside it, which stays.
pub(super) fn connection(stats: &Stats) -> Option<(&'static str, bool)> {
    const NAMES: [&str; 2] = [
        "control_plane.connected_state",
        "cluster.xds-grpc.upstream_rq_active",
    ];
    let mut open = NAMES.iter().map(|name| Some((*name, stats.get(name)? > 0)));
    open.find_map(|one| one)
}

/// ` since 2026-11-30T17:23:26Z (route configuration `5000`, version `2`)`
fn since(programmed: &ProgrammedSplit) -> String {
    let since = programmed.last_updated.as_ref();
    let since = since.map_or_else(String::new, |since| format!(" since {since}"));
    let version = programmed.version.as_ref();
    let version = version.map(|version| format!(", version `{version}`"));
    match programmed.config.as_str() {
        "" => since,
        config => format!(
            "{since} (route configuration `{config}`{})",
            version.unwrap_or_default()
        ),
    }
}
