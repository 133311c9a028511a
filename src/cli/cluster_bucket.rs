//! `--bucket cluster`: who got the requests is what the proxy counted, not what responses say. What that cannot tell is refused
//! before anything is sent.

use super::config::RunConfig;
use super::failure::Failure;
use super::load_config::Amount;
use super::proxy_admin::{AdminChoice, Live, is_known};
use crate::diag::Note;
use crate::plan::Warmup;
use crate::split::{Expected, Mechanism};
use crate::verdict::slo::Unmeasured;
use crate::verdict::{Balancing, Test};

/// As it is typed.
pub(super) const CLUSTER: &str = "cluster";
/// What to type where there is no interface.
const NAME_IT: &str = "name it with --proxy-admin: http://127.0.0.1:15000 is that of a sidecar, as it is seen from its pod";

/// What to do for more than counters tell.
const NAMED: &str = "let responses say who gave them (resplit instrument)";

impl RunConfig {
    /// Whether the proxy's counters say who got the requests.
    pub(super) fn by_counters(&self) -> bool {
        self.bucket.iter().any(|spec| spec == CLUSTER)
    }
}

/// Refuses counters where it has to be known of each request who responded to it.
pub(super) fn refuse_for(command: &str, bucket: &[String]) -> Result<(), Failure> {
    if bucket.iter().all(|spec| spec != CLUSTER) {
        return Ok(());
    }
    Err(Failure::usage(
        format!(
            "{command} asks of each request who responded to it, which --bucket cluster does not tell"
        ),
        "let responses say who gave them, with another --bucket; resplit run judges counters",
    ))
}

/// Refuses what counters cannot tell. They are read once in the end: a number of requests is fixed before.
pub(super) fn fitted(mut config: RunConfig) -> Result<RunConfig, Failure> {
    if !config.by_counters() {
        return Ok(config);
    }
    let refused = [
        (
            config.bucket.len() > 1,
            "another --bucket",
            "nothing of the responses is read",
        ),
        (
            !config.map.is_empty(),
            "--map",
            "the proxy names its targets itself",
        ),
        (
            config.load.warmup != Warmup::None,
            "--warmup",
            "the proxy counts those requests, too",
        ),
        (
            config.policy.test == Some(Test::Sequential),
            "--test sequential",
            "counters do not tell the order of the requests",
        ),
        (
            config.policy.balancing == Balancing::Connection,
            "--balancing connection",
            "counters do not tell which requests shared a connection",
        ),
        (
            config.all_rules,
            "--all-rules",
            "the counters of several rules are one",
        ),
        (
            !config.vary.is_empty(),
            "--vary",
            "counters do not tell which value a request had",
        ),
        (
            config.sessions.is_some(),
            "--sessions",
            "counters do not tell which user sent a request",
        ),
        (
            config.debug,
            "--debug",
            "it shows what one response is counted as",
        ),
        (
            config.proxy_admin == Some(AdminChoice::Off),
            "--proxy-admin off",
            "the counters are in its admin interface",
        ),
    ];
    let refused = refused.into_iter().find(|(typed, ..)| *typed);
    if let Some((_, option, why)) = refused {
        return Err(Failure::usage(
            format!("--bucket cluster does not go with {option}: {why}"),
            format!("leave {option} out, or {NAMED}"),
        ));
    }
    if let Some(what) = Unmeasured::in_counts(&config.slos, config.policy.require_healthy) {
        return Err(Failure::usage(
            format!("--bucket cluster counts requests: {what}"),
            format!("leave it out, or {NAMED}"),
        ));
    }
    config.load.amount = match config.load.amount {
        Amount::UntilDecided(most) | Amount::UntilDiverged(most) => Amount::Planned(most),
        fixed => fixed,
    };
    Ok(config)
}

/// Whether the proxy can be asked, and has the targets of the declaration.
pub(super) fn check(
    live: Option<&Live>,
    unread: &[Note],
    declared: Option<&Expected>,
) -> Result<(), Failure> {
    let Some(live) = live else {
        return Err(match unread.first() {
            Some(note) => Failure::NoCounters(note.message.clone()),
            None => Failure::usage(
                "--bucket cluster reads the counters of the proxy, and no admin interface is given or found",
                NAME_IT,
            ),
        });
    };
    let Some(start) = live.start() else {
        let why = live.unread();
        return Err(Failure::NoCounters(why.unwrap_or_default().to_owned()));
    };
    if declared.is_some_and(|declared| declared.mechanism == Mechanism::PerConnection) {
        return Err(Failure::usage(
            "--bucket cluster counts requests, and the declaration splits connections",
            "let responses say who gave them, with another --bucket",
        ));
    }
    if start.clusters.is_empty() {
        return Err(Failure::usage(
            format!(
                "the proxy sends this request to no cluster ({}): there is nothing to count",
                start.listed()
            ),
            "check the URL and the host (resplit explain --proxy-admin shows the route)",
        ));
    }
    match declared {
        Some(declared) if !is_known(declared, &start.split) => {
            let names = |split: &Expected| {
                let names = split.declared().iter().map(|own| format!("`{}`", own.name));
                names.collect::<Vec<_>>().join(", ")
            };
            Err(Failure::usage(
                format!(
                    "no declared target ({}) is one that the proxy sends this request to ({})",
                    names(declared),
                    names(&start.split)
                ),
                "name targets as the proxy does: the subset, the Service or the whole name of the cluster",
            ))
        }
        _ => Ok(()),
    }
}
