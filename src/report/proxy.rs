//! What the proxy has been told and what it counted, beside what was declared and what was seen.

use serde::{Deserialize, Serialize};

use super::Report;
use super::sanitize::{fitted, safe};
use super::table::{left, right, table};
use crate::diag::{Code, Note};
use crate::split::Share;
use crate::units::{counted, percent, probability};
use crate::verdict::{Outcome, Verdict};

/// Columns of a name in the table, and of a version below it.
const WIDEST_NAME: usize = 40;
const WIDEST_VERSION: usize = 60;

/// What the proxy had been told when the run began, and what it was told meanwhile.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Programmed {
    /// The admin interface that said it.
    pub source: String,
    /// What the proxy calls itself to its control plane.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub node: Option<String>,
    /// The name of the route configuration that the request meets.
    #[serde(default)]
    pub route_config: Option<String>,
    /// Its version, as the control plane calls it.
    #[serde(default)]
    pub version: Option<String>,
    /// When the proxy took it, RFC 3339.
    #[serde(default)]
    pub last_updated: Option<String>,
    /// Whether the proxy is connected to its control plane, where it says so.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub connected: Option<bool>,
    /// Updates that the proxy has rejected, where it says so.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub rejected_updates: Option<u64>,
    /// What each target is to get.
    pub shares: Vec<ProgrammedShare>,
    /// What the proxy was told during the run.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub changes: Vec<Change>,
}

impl Programmed {
    /// A verdict about a split that was another one after a while is open.
    #[must_use]
    pub fn decided(&self, verdict: Verdict) -> Verdict {
        match self.change() {
            Some(change) => changed(change, verdict),
            None => verdict,
        }
    }

    /// Takes away what is no longer true where the request got another split during the run: the proxy has another one than it
    /// began with.
    pub fn without_outdated(&self, notes: &mut Vec<Note>) {
        if self.change().is_some() {
            notes.retain(|note| note.code != Code::ProgrammedDiffers);
        }
    }

    /// The first change of what the request gets.
    fn change(&self) -> Option<&Change> {
        self.changes.iter().find(|change| change.concerns_request)
    }
}

/// A verdict about a split that was another one after a while, which is open.
#[must_use]
pub fn changed(change: &Change, verdict: Verdict) -> Verdict {
    let judged = matches!(
        verdict.outcome,
        Outcome::Pass | Outcome::Diverged | Outcome::Inconclusive
    );
    if !judged {
        return verdict;
    }
    // That the split changed is told with its reason.
    let mut caveats = verdict.caveats;
    caveats.retain(|caveat| caveat.code != Code::SplitChanged);
    Verdict {
        caveats,
        outcome: Outcome::Inconclusive,
        reason: format!(
            "what the proxy does with this request changed during the run: after {:.1} s {}; run again ({})",
            change.after_s, change.message, verdict.reason
        ),
        // Reasons for what two splits make together are none.
        diagnosis: Vec::new(),
        ..verdict
    }
}

/// What one target is to get.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct ProgrammedShare {
    /// Its name, that of the declaration where it is declared.
    pub target: String,
    /// In `[0, 1]`.
    pub share: f64,
    /// The same as a fraction.
    pub ratio: Share,
}

/// Something that the proxy was told during the run.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Change {
    /// Seconds after the start of the run, when it was seen.
    pub after_s: f64,
    /// What it was.
    pub message: String,
    /// Whether it concerns the request: the weights of its route, or the endpoints of its targets.
    pub concerns_request: bool,
}

/// What the proxy counted over the run.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Counted {
    /// What each target was sent.
    pub shares: Vec<CountedShare>,
    /// The least number of those requests that others sent; `null` where that cannot be told.
    pub foreign_requests: Option<u64>,
    /// Whether nothing was lost between two looks, as where a host went away.
    pub complete: bool,
    /// Copies, by cluster.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub mirrors: Vec<MirrorCount>,
}

/// What one target was sent.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct CountedShare {
    /// Its name.
    pub target: String,
    /// Requests, each try of one and each copy.
    pub count: u64,
    /// Of those of all targets; `null` where there are none.
    pub share: Option<f64>,
    /// Requests that timed out.
    pub timeouts: u64,
    /// Connections that failed.
    pub connect_failures: u64,
    /// Tries beyond the first, where the proxy publishes statistics of clusters.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub retries: Option<u64>,
}

/// Copies that a cluster was sent.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct MirrorCount {
    /// Its name.
    pub cluster: String,
    /// The part of the requests that is declared to be copied, where rules are read.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub declared: Option<f64>,
    /// The part that the proxy is programmed to copy.
    pub programmed: f64,
    /// Copies that were sent.
    pub count: u64,
    /// Of the requests of the run.
    pub share: Option<f64>,
    /// The chance of a number at least this far from what is programmed; `None` where the counters do not tell.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub p_value: Option<f64>,
}

/// One target in all four views; `None` where one has nothing of it.
pub(super) struct TruthRow {
    pub(super) target: String,
    pub(super) declared: Option<f64>,
    pub(super) programmed: Option<f64>,
    pub(super) counted: Option<(u64, Option<f64>)>,
    pub(super) seen: Option<f64>,
}

/// What was declared, programmed, counted and seen, target by target; empty where no proxy was asked.
pub(super) fn truths(report: &Report) -> Vec<TruthRow> {
    if report.programmed.is_none() && report.counted.is_none() {
        return Vec::new();
    }
    let rows = &report.observation.rows;
    let seen = rows.targets.iter().map(|row| &row.target);
    let programmed = report.programmed.iter().flat_map(|own| &own.shares);
    let counters = report.counted.iter().flat_map(|own| &own.shares);
    let mut names: Vec<&String> = Vec::new();
    let all = seen.chain(programmed.clone().map(|own| &own.target));
    for name in all.chain(counters.clone().map(|own| &own.target)) {
        if !names.contains(&name) {
            names.push(name);
        }
    }
    let row = |name: &String| {
        let own = rows.targets.iter().find(|row| row.target == *name);
        let told = programmed.clone().find(|own| own.target == *name);
        let sent = counters.clone().find(|own| own.target == *name);
        TruthRow {
            target: name.clone(),
            declared: own.map(|own| own.declared),
            // What the proxy was not told of gets nothing.
            programmed: (report.programmed.as_ref()).map(|_| told.map_or(0.0, |told| told.share)),
            counted: sent.map(|sent| (sent.count, sent.share)),
            // Where counters are judged, nothing was seen.
            seen: own
                .filter(|_| rows.answered > 0 && report.counted_in.is_none())
                .map(|own| own.share),
        }
    };
    names.into_iter().map(row).collect()
}

/// The table and what it is from, for a terminal; `None` where no proxy was asked.
pub(super) fn text(report: &Report) -> Option<String> {
    let rows = truths(report);
    if rows.is_empty() {
        return None;
    }
    let judged = report.expected.is_some();
    let mut header = vec![left("TARGET")];
    header.extend(judged.then(|| right("DECLARED")));
    header.extend(["PROGRAMMED", "COUNTED"].map(right));
    header.extend(judged.then(|| right("SEEN")));
    let share = |share: Option<f64>| share.map_or_else(|| "-".to_owned(), percent);
    let lines = rows.iter().map(|row| {
        let counted = row.counted.map_or_else(
            || "-".to_owned(),
            |(count, share)| match share {
                Some(share) => format!("{} ({count})", percent(share)),
                None => count.to_string(),
            },
        );
        let mut cells = vec![left(&fitted(&row.target, WIDEST_NAME))];
        cells.extend(judged.then(|| right(&share(row.declared))));
        cells.push(right(&share(row.programmed)));
        cells.push(right(&counted));
        cells.extend(judged.then(|| right(&share(row.seen))));
        cells
    });
    let mut text = table(header, lines);
    for line in about(report) {
        text.push_str("\n  ");
        text.push_str(&line);
    }
    Some(text)
}

/// What the views of the proxy are from, and what is to be known about them.
pub(super) fn about(report: &Report) -> Vec<String> {
    let mut lines = Vec::new();
    if let Some(own) = &report.programmed {
        let config = own.route_config.as_ref();
        let config =
            config.map(|name| format!(", route configuration {}", fitted(name, WIDEST_VERSION)));
        let version = own.version.as_ref();
        let version =
            version.map(|version| format!(", version {}", fitted(version, WIDEST_VERSION)));
        let since = own.last_updated.as_ref();
        let since = since.map(|since| format!(" since {}", fitted(since, WIDEST_VERSION)));
        let said = [config, version, since].into_iter().flatten();
        let said: String = said.collect();
        lines.push(format!("proxy {}{said}", safe(&own.source)));
        lines.extend(own.changes.iter().map(|change| {
            let concerns = if change.concerns_request {
                ""
            } else {
                "; it does not concern this request"
            };
            format!(
                "after {:.1} s: {}{concerns}",
                change.after_s,
                safe(&change.message)
            )
        }));
    }
    if let Some(own) = &report.counted {
        if !own.complete {
            lines.push(
                "counters began again during the run: counted is the least that was sent"
                    .to_owned(),
            );
        }
        if let Some(foreign) = own.foreign_requests.filter(|foreign| *foreign > 0) {
            lines.push(format!(
                "{} or more of what is counted were sent by others",
                counted(foreign, "request")
            ));
        }
        lines.extend(own.mirrors.iter().map(|mirror| {
            format!(
                "copies to {}: {}, {}programmed {}{}",
                fitted(&mirror.cluster, WIDEST_VERSION),
                match mirror.share {
                    Some(share) => format!("{} ({})", percent(share), mirror.count),
                    None => mirror.count.to_string(),
                },
                (mirror.declared)
                    .map_or_else(String::new, |part| format!("declared {}, ", percent(part))),
                percent(mirror.programmed),
                mirror
                    .p_value
                    .map_or_else(String::new, |p| format!(" (p {})", probability(p)))
            )
        }));
    }
    lines
}
