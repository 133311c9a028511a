//! The live view on stderr: rate, shares so far, time left. Only on a terminal.

use std::io::IsTerminal;
use std::time::Duration;

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};

use super::args::OutputArgs;
use crate::observe::Observation;
use crate::plan::Stop;
use crate::split::{Declared, Expected};
use crate::units::percent;
use crate::verdict::Watch;
use crate::verdict::attribution::Attribution;
use crate::verdict::mapping::Mapping;

/// Shares shown at once.
const MOST_SHARES: usize = 4;
/// Columns a value may take.
const WIDEST: usize = 24;

/// The live view.
pub(super) struct Progress {
    bar: ProgressBar,
    stop: Stop,
}

impl Progress {
    /// A view on stderr, if that is a terminal and the user wants one.
    pub(super) fn new(args: &OutputArgs, stop: Stop) -> Self {
        let visible = std::io::stderr().is_terminal() && !args.no_progress && !args.quiet;
        let length = match stop {
            Stop::Requests(n) => n,
            Stop::Elapsed(duration) => millis(duration),
        };
        let target = if visible {
            ProgressDrawTarget::stderr()
        } else {
            ProgressDrawTarget::hidden()
        };
        let style = ProgressStyle::with_template("{bar:20} {percent:>3}%  {msg}  {eta} left")
            .expect("a valid template");
        Self {
            bar: ProgressBar::with_draw_target(Some(length.max(1)), target).with_style(style),
            stop,
        }
    }

    /// Shows what was seen so far.
    pub(super) fn show(
        &self,
        seen: &Observation,
        expected: Option<(&Expected, &Mapping)>,
        watch: Option<&Watch>,
    ) {
        if self.bar.is_hidden() {
            return;
        }
        self.bar.set_position(match self.stop {
            Stop::Requests(_) => seen.sent,
            Stop::Elapsed(_) => millis(seen.elapsed),
        });
        self.bar.set_message(message(seen, expected, watch));
    }
}

impl Drop for Progress {
    fn drop(&mut self) {
        self.bar.finish_and_clear();
    }
}

fn millis(duration: Duration) -> u64 {
    u64::try_from(duration.as_millis()).unwrap_or(u64::MAX)
}

fn message(
    seen: &Observation,
    expected: Option<(&Expected, &Mapping)>,
    watch: Option<&Watch>,
) -> String {
    let rate = seen.sent as f64 / seen.elapsed.as_secs_f64().max(1e-3);
    let mut parts = vec![format!("{rate:.0}/s")];
    if seen.failed() > 0 {
        parts.push(format!("{} failed", seen.failed()));
    }
    let sorted = Attribution::new(seen, expected);
    let answered = seen.answered().max(1) as f64;
    let shares = match expected {
        Some((expected, _)) => declared_shares(expected, &sorted.counts, answered, watch),
        None => sorted
            .rows
            .iter()
            .map(|row| share(&row.label, row.tally.count as f64 / answered))
            .collect(),
    };
    parts.extend(shares.into_iter().take(MOST_SHARES));
    if let Some(watch) = watch {
        let (ln_e, needed) = watch.evidence();
        parts.push(format!(
            "evidence {:.0} of {:.0}",
            ln_e.exp().min(1e9),
            needed.exp()
        ));
    }
    parts.join("  ")
}

/// The share of each target so far; in a watched run with the interval that closes in on it.
fn declared_shares(
    expected: &Expected,
    counts: &[u64],
    answered: f64,
    watch: Option<&Watch>,
) -> Vec<String> {
    let mut active = 0;
    let shown = |(declared, count): (&Declared, &u64)| {
        let text = share(&declared.name, *count as f64 / answered);
        let Some(watch) = watch.filter(|_| !declared.share.is_zero()) else {
            return text;
        };
        let interval = watch.confidence(active);
        active += 1;
        format!(
            "{text} ({:.0}–{:.0})",
            interval.lo * 100.0,
            interval.hi * 100.0
        )
    };
    expected.declared().iter().zip(counts).map(shown).collect()
}

fn share(name: &str, share: f64) -> String {
    format!("{} {}", crate::report::fitted(name, WIDEST), percent(share))
}
