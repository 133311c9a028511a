//! The live view on stderr: a line for each target with its share closing in, above them how far the run is. Where stderr is
//! not a terminal, a line every ten seconds says that the run goes on.

use std::io::IsTerminal;
use std::time::Duration;

use console::Style;
use indicatif::{MultiProgress, ProgressBar, ProgressDrawTarget, ProgressStyle};
use unicode_width::UnicodeWidthStr;

use super::args::{Colour, OutputArgs};
use super::{output, to_stderr, warn};
use crate::observe::{Latency, Observation, Tally};
use crate::plan::Stop;
use crate::report::{Bar, fitted};
use crate::split::Expected;
use crate::units::percent;
use crate::verdict::attribution::{Attribution, Classification, Row};
use crate::verdict::mapping::Mapping;
use crate::verdict::{Policy, ShareIntervals, Watch};

/// Lines shown at once.
const MOST_LINES: usize = 12;
/// Columns a name may take, and what stands beside name and bar.
const NAME: (usize, usize) = (8, 28);
const NUMBERS: usize = 50;
/// Takes back the `^C` that the terminal shows in the line below the view, so that the view is cleared from its end.
const UNTYPED: &str = "\r\x1b[2K\x1b[A";
/// Columns of a bar.
const BAR: (usize, usize) = (10, 60);
/// How often a line is written where there is no terminal: CI ends jobs that say nothing for minutes.
const SIGN_OF_LIFE: Duration = Duration::from_secs(10);

/// The live view.
pub(super) struct Progress {
    view: MultiProgress,
    head: ProgressBar,
    evidence: Option<ProgressBar>,
    lines: Vec<ProgressBar>,
    stop: Stop,
    policy: Policy,
    quiet: bool,
    colour: bool,
    /// When the next line is due where there is no terminal; none where no line is wanted.
    due: Option<Duration>,
}

impl Progress {
    /// A view on stderr, if that is a terminal and the user wants one.
    pub(super) fn new(args: &OutputArgs, stop: Stop, policy: Policy) -> Self {
        let visible = std::io::stderr().is_terminal() && !args.no_progress && !args.quiet;
        let target = if visible {
            ProgressDrawTarget::stderr()
        } else {
            ProgressDrawTarget::hidden()
        };
        let view = MultiProgress::with_draw_target(target);
        let length = match stop {
            Stop::Requests(n) => n,
            Stop::Elapsed(duration) => millis(duration),
        };
        let style = ProgressStyle::with_template("{bar:16} {percent:>3}%  {wide_msg}")
            .expect("a valid template")
            .progress_chars("━╸ ");
        let head = view.add(ProgressBar::new(length.max(1)).with_style(style));
        Self {
            view,
            head,
            evidence: None,
            lines: Vec::new(),
            stop,
            policy,
            quiet: args.quiet,
            due: (!visible && !args.no_progress && !args.quiet).then_some(SIGN_OF_LIFE),
            colour: match args.color {
                Colour::Always => true,
                Colour::Never => false,
                Colour::Auto => output::colour_on_stderr(),
            },
        }
    }

    /// Says something on stderr, above the view where there is one; unless nothing is to be said. Second: whether it is
    /// about a key that was typed.
    pub(super) fn notice(&self) -> impl Fn(&str, bool) + Send + 'static {
        let (view, quiet) = (self.view.clone(), self.quiet);
        move |text, typed| match (quiet, view.is_hidden()) {
            (true, _) => {}
            (false, true) => warn(&format!("\n{text}\n")),
            (false, false) => {
                if typed {
                    to_stderr(UNTYPED.as_bytes());
                }
                view.suspend(|| warn(&format!("{text}\n")));
            }
        }
    }

    /// Shows that the run waits for a split that stays the same, and for how long it still may.
    pub(super) fn settling(&self, left: Duration) {
        let left = left.as_secs_f64().ceil();
        self.head.set_message(format!(
            "settling: the split has to stay the same; at most {left:.0}s left"
        ));
    }

    /// Shows what was seen so far.
    pub(super) fn show(
        &mut self,
        seen: &Observation,
        expected: Option<(&Expected, &Mapping)>,
        watch: Option<&Watch>,
    ) {
        if self.view.is_hidden() {
            if let Some(due) = self.due.filter(|due| seen.elapsed >= *due) {
                self.due = Some(next_sign(due, seen.elapsed));
                let message = message(seen, self.stop, watch.is_some());
                warn(&format!("{:.0} s: {message}\n", seen.elapsed.as_secs_f64()));
            }
            return;
        }
        self.head.set_position(match self.stop {
            Stop::Requests(_) => seen.sent,
            Stop::Elapsed(_) => millis(seen.elapsed),
        });
        self.head
            .set_message(message(seen, self.stop, watch.is_some()));
        if let Some(watch) = watch {
            let line = self
                .evidence
                .get_or_insert_with(|| self.view.add(line_of_text()));
            line.set_message(evidence(watch));
        }
        let width = output::width_of_stderr();
        let sorted = Attribution::new(seen, expected);
        let interval = |count: u64, targets: usize| {
            let answered = seen.answered().max(1);
            let intervals = ShareIntervals::of_responses(watch.is_some());
            let [low, high] = intervals.interval(&self.policy, targets, (count, answered), None);
            (low, high)
        };
        let declared = expected.map(|(expected, _)| expected);
        let shown = lines(seen, declared, &sorted, watch, interval);
        let names = shown
            .iter()
            .map(|line| line.name.width())
            .max()
            .unwrap_or(0);
        let names = names.clamp(NAME.0, NAME.1.min(width / 4).max(NAME.0));
        for (index, line) in shown.iter().enumerate() {
            if index == self.lines.len() {
                self.lines.push(self.view.add(line_of_text()));
            }
            self.lines[index].set_message(line.draw(names, width, self.colour));
        }
    }

    /// Shows how many of so many cases are decided, and how many requests were sent.
    pub(super) fn show_cases(
        &mut self,
        (decided, all): (usize, usize),
        sent: u64,
        elapsed: Duration,
    ) {
        let message = format!("{decided} of {all} kinds of requests decided, {sent} sent");
        if self.view.is_hidden() {
            if let Some(due) = self.due.filter(|due| elapsed >= *due) {
                self.due = Some(next_sign(due, elapsed));
                warn(&format!("{:.0} s: {message}\n", elapsed.as_secs_f64()));
            }
            return;
        }
        self.head.set_position(match self.stop {
            Stop::Requests(_) => sent,
            Stop::Elapsed(_) => millis(elapsed),
        });
        self.head.set_message(message);
    }
}

impl Drop for Progress {
    fn drop(&mut self) {
        for line in self.lines.iter().chain(&self.evidence) {
            line.finish_and_clear();
        }
        self.head.finish_and_clear();
    }
}

/// When the line after this one is due: at full tens of seconds, also after a pause.
fn next_sign(due: Duration, elapsed: Duration) -> Duration {
    let behind = elapsed.saturating_sub(due).as_secs() / SIGN_OF_LIFE.as_secs();
    due + Duration::from_secs((behind + 1) * SIGN_OF_LIFE.as_secs())
}

fn millis(duration: Duration) -> u64 {
    u64::try_from(duration.as_millis()).unwrap_or(u64::MAX)
}

fn line_of_text() -> ProgressBar {
    let style = ProgressStyle::with_template("{msg}").expect("a valid template");
    ProgressBar::new(1).with_style(style)
}

/// `1312 sent  5310/s  3 failed  2s left`: of a run that ends when the answer is certain, that is the most.
fn message(seen: &Observation, stop: Stop, watched: bool) -> String {
    let rate = seen.sent as f64 / seen.elapsed.as_secs_f64().max(1e-3);
    let mut parts = vec![format!("{} sent", seen.sent), format!("{rate:.0}/s")];
    if seen.failed() > 0 {
        parts.push(format!("{} failed", seen.failed()));
    }
    parts.push(match stop {
        Stop::Elapsed(duration) => {
            let left = duration.saturating_sub(seen.elapsed).as_secs_f64();
            format!("{left:.0}s left")
        }
        Stop::Requests(n) => {
            let left = n.saturating_sub(seen.sent) as f64 / rate.max(1e-3);
            let most = if watched { "at most " } else { "" };
            format!("{most}{:.0}s left", left.ceil())
        }
    });
    parts.join("  ")
}

/// `40% of the proof that it diverges, 3% that it holds`: what there is of the evidence that ends the run.
fn evidence(watch: &Watch) -> String {
    let part = |(has, needs): (f64, f64)| format!("{:.0}%", (has / needs).clamp(0.0, 1.0) * 100.0);
    format!(
        "{} of the proof that it diverges, {} that it holds",
        part(watch.evidence()),
        part(watch.evidence_of_pass())
    )
}

/// One target, or one value where nothing is declared.
struct Line {
    name: String,
    bar: Bar,
    errors: u64,
    p99: Option<f64>,
}

/// A line for each; the interval of a share is the one that the run may look at so often, where it is watched, else the
/// one that the report would have if the run ended now.
fn lines(
    seen: &Observation,
    expected: Option<&Expected>,
    sorted: &Attribution,
    watch: Option<&Watch>,
    interval: impl Fn(u64, usize) -> (f64, f64),
) -> Vec<Line> {
    let answered = seen.answered().max(1) as f64;
    let count = |rows: &[&Row]| rows.iter().map(|row| row.tally.count).sum::<u64>();
    let line = |name: &str, rows: &[&Row], (low, high): (f64, f64), declared: Option<f64>| {
        let share = count(rows) as f64 / answered;
        let errors = rows.iter().flat_map(|row| row.statuses.range(400..));
        let mut all = Tally::default();
        for row in rows {
            all.merge(&row.tally);
        }
        Line {
            name: fitted(name, NAME.1),
            bar: Bar {
                low: low.min(share),
                share,
                high: high.max(share),
                declared,
            },
            errors: errors.map(|(_, count)| count).sum(),
            p99: Latency::of(&all.latency).map(|ms| ms.p99),
        }
    };
    let declared = expected.map(Expected::declared).unwrap_or_default();
    let mut shown = Vec::new();
    let mut active = 0;
    for (index, target) in declared.iter().enumerate() {
        let rows = sorted.rows.iter();
        let rows: Vec<&Row> = rows
            .filter(|row| row.place == Classification::Target(index))
            .collect();
        let bounds = match watch.filter(|_| !target.share.is_zero()) {
            Some(watch) => {
                let sequence = watch.confidence(active);
                active += 1;
                (sequence.lo, sequence.hi)
            }
            None => interval(count(&rows), declared.len()),
        };
        let share = Some(target.share.as_f64());
        shown.push(line(&target.name, &rows, bounds, share));
    }
    let others = sorted.rows.iter();
    for row in others.filter(|row| !matches!(row.place, Classification::Target(_))) {
        let bounds = interval(row.tally.count, declared.len());
        shown.push(line(&row.label, &[row], bounds, None));
    }
    shown.truncate(MOST_LINES);
    shown
}

impl Line {
    /// The line in so many columns, the name in its own.
    fn draw(&self, names: usize, width: usize, colour: bool) -> String {
        let name = fitted(&self.name, names);
        let name = format!("{name}{}", " ".repeat(names.saturating_sub(name.width())));
        let room = width
            .saturating_sub(names + NUMBERS + 2)
            .clamp(BAR.0, BAR.1);
        let bar = self.bar.draw(room);
        let bar = match (colour, self.bar.agrees()) {
            (true, true) => Style::new()
                .green()
                .force_styling(true)
                .apply_to(bar)
                .to_string(),
            (true, false) => Style::new()
                .red()
                .force_styling(true)
                .apply_to(bar)
                .to_string(),
            (false, _) => bar,
        };
        let declared = self
            .bar
            .declared
            .map(|share| format!(", want {}", percent(share)));
        let share = format!(
            "{}{}",
            percent(self.bar.share),
            declared.unwrap_or_default()
        );
        let p99 = self
            .p99
            .map_or(String::new(), |ms| format!("p99 {ms:.1} ms"));
        let errors = if self.errors > 0 {
            format!("{} errors", self.errors)
        } else {
            String::new()
        };
        format!("{name} {bar} {share:<18} {p99:<13} {errors}")
            .trim_end()
            .to_owned()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_sign_of_life_is_due_at_full_tens_of_seconds() {
        let seconds = Duration::from_secs;
        for (due, elapsed, next) in [(10, 10, 20), (10, 19, 20), (10, 20, 30), (10, 47, 50)] {
            assert_eq!(next_sign(seconds(due), seconds(elapsed)), seconds(next));
        }
    }

    #[test]
    fn a_line_fits_eighty_columns_whatever_the_name() {
        for name in [
            "v1",
            "天気🌦天気🌦天気🌦天気🌦天気🌦",
            "a-very-long-name-of-a-subset-of-a-service",
        ] {
            let line = Line {
                name: fitted(name, NAME.1),
                bar: Bar {
                    low: 0.81,
                    share: 0.9,
                    high: 0.93,
                    declared: Some(0.125),
                },
                errors: 1_000_000,
                p99: Some(12_345.6),
            };
            let drawn = line.draw(20, 80, false);
            assert!(drawn.width() <= 80, "{} columns: {drawn}", drawn.width());
            assert!(drawn.contains("90%, want 12.5%"), "{drawn}");
        }
    }
}
