//! The share of each target so far, with its interval, beside what was declared and the deviation that can be told from it.

use maud::{Markup, html};

use super::axis::Axis;
use super::numbers::numbers;
use super::palette::Palette;
use super::scale::Scale;
use super::{WIDEST, foreign, grouped, number};
use crate::report::Report;
use crate::report::course::{Course, SharesSoFar};
use crate::report::sanitize::fitted;
use crate::report::svg::{Hit, Plot, Shape, lines};
use crate::units::{percent, seconds};
use crate::verdict::{IntervalMethod, Unit};

/// Fewer points are no course.
const LEAST: usize = 4;
/// The part of the run after which everything is to be seen: before, intervals are wide.
const SETTLED: f64 = 0.2;
/// What is left free above and below.
const MARGIN: f64 = 0.08;

/// A target, and everything that is drawn of it.
struct Drawn<'a> {
    report: &'a Report,
    course: &'a Course,
    column: usize,
    name: String,
    class: String,
    declared: Option<f64>,
    /// The deviation that the run can tell.
    resolution: Option<f64>,
}

pub(super) fn section(
    report: &Report,
    course: &Course,
    palette: &Palette<'_>,
    axes: &[Axis],
) -> Markup {
    let seen = &report.observation.seen;
    if course.shares.len() < LEAST || seen.answered() == 0 {
        return html! {};
    }
    let drawn = |column: usize| Drawn {
        report,
        course,
        column,
        name: fitted(palette.name(column), WIDEST),
        class: palette.class(column),
        declared: (report.observation.rows.targets.get(column)).map(|target| target.declared),
        resolution: report.verdict.resolution,
    };
    html! {
        section aria-labelledby="course" {
            h2 id="course" { "Shares over the run" }
            (Axis::choice(axes))
            p { (explanation(report, course)) (palette.left_out()) }
            (key(report))
            div class="charts" {
                @for own in palette.drawn().map(drawn) {
                    figure {
                        figcaption { span class={ "swatch " (own.class) } {} (foreign(palette.name(own.column))) }
                        @for axis in axes { (axis.chosen(&own.plot(*axis).draw())) }
                    }
                }
            }
            (table(course, palette))
        }
    }
}

/// What the charts show.
fn explanation(report: &Report, course: &Course) -> String {
    let intervals = report.verdict.intervals.unwrap_or_default();
    let confidence = percent(1.0 - report.verdict.alpha);
    let band = match intervals.method {
        IntervalMethod::ConfidenceSequence => {
            format!("its {confidence} confidence sequence, which holds for all moments together")
        }
        IntervalMethod::ClopperPearson => {
            format!("its {confidence} interval, which holds for each moment by itself")
        }
    };
    let over = match intervals.over {
        Unit::Connection => ", of the share of the connections",
        Unit::Response | Unit::Clustered => "",
    };
    let order = if report.generators.is_empty() {
        ""
    } else {
        " Each generator's requests are taken in the order in which it sent them."
    };
    let last = course.shares.last().map_or(0, |last| last.requests);
    let sent = report.observation.seen.sent;
    let part = if last < sent {
        format!(
            " Drawn are the first {} of {} requests.",
            grouped(last),
            grouped(sent)
        )
    } else {
        String::new()
    };
    let again = if report.observation.seen.retried > 0 {
        " Responses to requests that had to be sent a second time are left out."
    } else {
        ""
    };
    format!(
        "Each line is the share of all complete responses up to a moment; shaded: {band}{over}.{again}{order}{part}"
    )
}

fn key(report: &Report) -> Markup {
    let resolution = report
        .verdict
        .resolution
        .filter(|_| report.expected.is_some());
    html! {
        @if report.expected.is_some() {
            p class="key" aria-hidden="true" {
                span { span class="swatch dotted" {} "declared" }
                @if let Some(points) = resolution {
                    span { span class="swatch band" {} "declared ± " (format!("{:.1}", points * 100.0)) " points, the resolution" }
                }
                @if report.verdict.change.is_some() { span { span class="swatch moment" {} "the split changed" } }
            }
        }
    }
}

impl Drawn<'_> {
    fn plot(&self, axis: Axis) -> Plot {
        let scale = self.up();
        let up = |share: f64| scale.at(share * 100.0);
        let shares = &self.course.shares;
        let x = |own: &SharesSoFar| axis.at(own.seconds, own.requests);
        let own = |moment: &SharesSoFar| moment.columns[self.column];
        let mut drawn = Vec::new();
        if let (Some(declared), Some(points)) = (self.declared, self.resolution) {
            drawn.push(Shape::Range {
                from: up(declared - points),
                to: up(declared + points),
                class: "resolution".to_owned(),
            });
        }
        let band = shares.iter().map(|moment| {
            let [low, high] = own(moment).1;
            (x(moment), up(low), up(high))
        });
        drawn.push(Shape::Band {
            points: band.collect(),
            class: format!("band {}", self.class),
        });
        if let Some(declared) = self.declared {
            drawn.push(Shape::Level {
                y: up(declared),
                class: "declared".to_owned(),
            });
        }
        let line = shares
            .iter()
            .map(|moment| Some((x(moment), up(own(moment).0))));
        drawn.extend(lines(line, &format!("line {}", self.class), &self.name));
        drawn.extend(self.change().map(|(seconds, requests)| Shape::Moment {
            x: axis.at(seconds, requests),
            class: "change".to_owned(),
        }));
        Plot {
            description: self.description(),
            shapes: drawn,
            across: axis.ticks(),
            up: scale.ticks(4, "%"),
            across_title: axis.title(),
            hits: self.hits(axis),
            ..Plot::default()
        }
    }

    /// In percent: everything that is drawn from the time on when the interval is narrow.
    fn up(&self) -> Scale {
        let shares = &self.course.shares;
        let last = shares.last().map_or(0, |own| own.requests) as f64;
        let settled = shares
            .iter()
            .filter(|own| own.requests as f64 >= last * SETTLED);
        let points = self.resolution.unwrap_or_default();
        let ends = settled
            .map(|own| own.columns[self.column].1)
            .chain(self.declared.map(|share| [share - points, share + points]));
        let (low, high) = ends.fold((1.0_f64, 0.0_f64), |(low, high), [from, to]| {
            (low.min(from), high.max(to))
        });
        let margin = (high - low).max(1e-4) * MARGIN;
        let (low, high) = ((low - margin).max(0.0), (high + margin).min(1.0));
        Scale::linear(low * 100.0, high * 100.0)
    }

    fn description(&self) -> String {
        let end = self
            .course
            .shares
            .last()
            .map(|last| last.columns[self.column]);
        let (share, [low, high]) = end.unwrap_or_default();
        let declared = self
            .declared
            .map(|share| format!(", declared {}", percent(share)));
        format!(
            "Share of {} over the run: in the end {}, {} to {}{}.",
            self.name,
            percent(share),
            percent(low),
            percent(high),
            declared.unwrap_or_default()
        )
    }

    fn hits(&self, axis: Axis) -> Vec<Hit> {
        let mut from = 0.0;
        let hit = |own: &SharesSoFar| {
            let to = axis.at(own.seconds, own.requests);
            let (share, [low, high]) = own.columns[self.column];
            let text = format!(
                "{}\n{} ({} – {})",
                moment(own),
                percent(share),
                percent(low),
                percent(high)
            );
            let begun = std::mem::replace(&mut from, to);
            Hit {
                from: begun,
                to,
                text,
            }
        };
        self.course.shares.iter().map(hit).collect()
    }

    /// When the split changed.
    fn change(&self) -> Option<(f64, u64)> {
        let change = self.report.verdict.change.as_ref()?;
        let slices = &self.report.observation.rows.slices;
        let mut attributed = 0;
        let slice = slices.iter().find(|slice| {
            attributed += slice.counts.iter().sum::<u64>();
            attributed >= change.at
        })?;
        let own = slice.counts.iter().sum::<u64>().max(1);
        let left = (attributed - change.at) as f64 / own as f64;
        let requests = slice.first as f64 + slice.requests as f64 * (1.0 - left);
        let shares = &self.course.shares;
        let next = shares
            .iter()
            .position(|own| own.requests as f64 >= requests)?;
        let before = next
            .checked_sub(1)
            .map_or((0, 0.0), |at| (shares[at].requests, shares[at].seconds));
        let after = &shares[next];
        let part = (requests - before.0 as f64) / (after.requests - before.0).max(1) as f64;
        #[expect(
            clippy::cast_possible_truncation,
            clippy::cast_sign_loss,
            reason = "a number of requests"
        )]
        let requests = requests as u64;
        Some((before.1 + (after.seconds - before.1) * part, requests))
    }
}

/// `after 400 requests, 1.2s`
fn moment(own: &SharesSoFar) -> String {
    let time = (own.seconds > 0.0).then(|| format!(", {}", seconds(own.seconds)));
    format!(
        "after {}{}",
        number(own.requests, "request"),
        time.unwrap_or_default()
    )
}

fn table(course: &Course, palette: &Palette<'_>) -> Markup {
    let timed = course.shares.iter().any(|own| own.seconds > 0.0);
    let mut headings = vec!["requests".to_owned()];
    headings.extend(timed.then(|| "seconds".to_owned()));
    for column in palette.drawn() {
        headings.push(fitted(palette.name(column), WIDEST));
        headings.push("interval".to_owned());
    }
    let row = |own: &SharesSoFar| {
        let mut row = vec![grouped(own.requests)];
        row.extend(timed.then(|| format!("{:.3}", own.seconds)));
        for column in palette.drawn() {
            let (share, [low, high]) = own.columns[column];
            row.push(percent(share));
            row.push(format!("{} – {}", percent(low), percent(high)));
        }
        row
    };
    let rows: Vec<Vec<String>> = course.shares.iter().map(row).collect();
    numbers("Shares over the run", &headings, &rows)
}
