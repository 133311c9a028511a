//! Latencies, rates and errors over the time of the run, by target.

use maud::{Markup, html};

use super::axis::Axis;
use super::numbers::numbers;
use super::palette::Palette;
use super::scale::Scale;
use super::{WIDEST, grouped, number};
use crate::report::Report;
use crate::report::course::{Course, TimeInterval};
use crate::report::latency_table::{millis, tells};
use crate::report::sanitize::fitted;
use crate::report::svg::{Hit, Plot, Shape, Tick, lines};
use crate::units::{percent, seconds};

/// Percentiles that may be drawn beside the median, the highest first.
const HIGH: [f64; 4] = [99.0, 95.0, 90.0, 75.0];
/// Targets whose high percentiles are drawn, at most: further lines would hide each other.
const FEW: usize = 4;
const MILLISECOND: f64 = 1000.0;

/// What is drawn of an interval, if anything.
type Value<'a> = Box<dyn Fn(&TimeInterval) -> Option<f64> + 'a>;

/// A number of each interval.
struct Curve<'a> {
    name: String,
    class: String,
    value: Value<'a>,
}

/// Curves with what they have in common.
struct Chart<'a> {
    title: String,
    unit: &'static str,
    curves: Vec<Curve<'a>>,
    up: Scale,
    ticks: Vec<Tick>,
    text: fn(f64) -> String,
}

pub(super) fn section(
    report: &Report,
    course: &Course,
    palette: &Palette<'_>,
    axes: &[Axis],
) -> Markup {
    let intervals = &course.intervals;
    let Some(first) = intervals.first() else {
        return html! {};
    };
    let charts = [
        latency(report, intervals, palette),
        Some(rate(intervals, palette)),
        errors(intervals, palette),
    ];
    let failed = intervals.iter().any(|own| own.failed > 0);
    let grey: &[&str] = if failed { &["no response"] } else { &[] };
    html! {
        section aria-labelledby="time" {
            h2 id="time" { "Latency, rate and errors over the run" }
            p {
                "A request counts in the interval in which it was sent; each is "
                (seconds(first.to - first.from)) " long." (palette.left_out())
            }
            (palette.legend(grey))
            @for chart in charts.into_iter().flatten() {
                figure class="over" {
                    figcaption { (chart.title) }
                    @for axis in axes { (axis.chosen(&chart.plot(intervals, *axis).draw())) }
                    (chart.table(intervals))
                }
            }
        }
    }
}

impl Chart<'_> {
    fn plot(&self, intervals: &[TimeInterval], axis: Axis) -> Plot {
        let place = |own: &TimeInterval| {
            let from = axis.at(own.from, own.before);
            let to = axis.at(own.to, own.before + own.sent);
            (from, to)
        };
        let shapes = self.curves.iter().flat_map(|curve| {
            let points = intervals.iter().map(|own| {
                let (from, to) = place(own);
                (curve.value)(own).map(|value| (f64::midpoint(from, to), self.up.at(value)))
            });
            lines(points, &curve.class, &curve.name)
        });
        let hit = |own: &TimeInterval| {
            let (from, to) = place(own);
            let text = self.curves.iter().filter_map(|curve| {
                let value = (curve.value)(own)?;
                Some(format!("\n{}: {}", curve.name, (self.text)(value)))
            });
            Hit {
                from,
                to,
                text: interval(own) + &text.collect::<String>(),
            }
        };
        Plot {
            description: self.description(intervals),
            shapes: shapes.collect::<Vec<Shape>>(),
            across: axis.ticks(),
            up: (self.ticks.iter())
                .map(|tick| Tick {
                    at: tick.at,
                    label: tick.label.clone(),
                })
                .collect(),
            across_title: axis.title(),
            up_title: self.unit.to_owned(),
            hits: intervals.iter().map(hit).collect(),
            ..Plot::default()
        }
    }

    fn description(&self, intervals: &[TimeInterval]) -> String {
        let told = self.curves.iter().filter_map(|curve| {
            let values = || intervals.iter().filter_map(|own| (curve.value)(own));
            let (low, high) = (values().reduce(f64::min)?, values().reduce(f64::max)?);
            Some(format!(
                "{}: {} to {}",
                curve.name,
                (self.text)(low),
                (self.text)(high)
            ))
        });
        let told: Vec<String> = told.collect();
        format!("{}. {}.", self.title, told.join("; "))
    }

    fn table(&self, intervals: &[TimeInterval]) -> Markup {
        let fixed = ["from second", "requests"].map(str::to_owned);
        let names = self.curves.iter().map(|curve| curve.name.clone());
        let headings: Vec<String> = fixed.into_iter().chain(names).collect();
        let row = |own: &TimeInterval| {
            let fixed = [format!("{:.3}", own.from), grouped(own.sent)];
            let cells = self
                .curves
                .iter()
                .map(|curve| (curve.value)(own).map_or_else(|| "-".to_owned(), self.text));
            fixed.into_iter().chain(cells).collect()
        };
        let rows: Vec<Vec<String>> = intervals.iter().map(row).collect();
        numbers(&self.title, &headings, &rows)
    }
}

/// `1.2s – 1.4s, 240 requests`
fn interval(own: &TimeInterval) -> String {
    format!(
        "{} – {}, {}",
        seconds(own.from),
        seconds(own.to),
        number(own.sent, "request")
    )
}

/// The median, and the highest percentile that most intervals have responses enough for.
fn latency<'a>(
    report: &Report,
    intervals: &[TimeInterval],
    palette: &Palette<'a>,
) -> Option<Chart<'a>> {
    let counts = || {
        let columns = intervals
            .iter()
            .flat_map(|own| palette.drawn().map(|column| &own.columns[column]));
        columns
            .map(|own| own.latencies.count())
            .filter(|count| *count > 0)
    };
    let all = counts().count();
    let most_tell =
        |percent: &f64| counts().filter(|count| tells(*percent, *count)).count() * 2 > all;
    let few = palette.drawn().count() <= FEW;
    let high = HIGH.into_iter().find(|percent| few && most_tell(percent));
    let mut curves = Vec::new();
    for column in palette.drawn() {
        let (name, class) = (fitted(palette.name(column), WIDEST), palette.class(column));
        for percent in [Some(50.0), high].into_iter().flatten() {
            let value = move |own: &TimeInterval| {
                let latencies = &own.columns[column].latencies;
                let enough = tells(percent, latencies.count());
                let micros = latencies.quantile(percent / 100.0).filter(|_| enough);
                micros.map(|micros| micros / MILLISECOND)
            };
            let thin = if percent > 50.0 { " thin" } else { "" };
            curves.push(Curve {
                name: format!("{name} p{percent}"),
                class: format!("line {class}{thin}"),
                value: Box::new(value),
            });
        }
    }
    let (low, high_ms) = range(intervals, &curves)?;
    let up = Scale::logarithmic(low, high_ms);
    let from = if report.observation.seen.pace.is_some() {
        "intended start"
    } else {
        "send"
    };
    let percentiles = match high {
        Some(percent) => format!("median, and thin the {percent}th percentile"),
        None => "median".to_owned(),
    };
    Some(Chart {
        title: format!(
            "Latency from the {from} to the last byte: {percentiles}, on a logarithmic scale"
        ),
        unit: "ms",
        curves,
        up,
        ticks: up.ticks(0, ""),
        text: |ms| format!("{} ms", millis(ms)),
    })
}

fn rate<'a>(intervals: &[TimeInterval], palette: &Palette<'a>) -> Chart<'a> {
    let mut curves: Vec<Curve<'_>> = by_column(palette, |own, column| {
        Some(own.per_second(own.columns[column].latencies.count()))
    });
    if intervals.iter().any(|own| own.failed > 0) {
        curves.push(no_response(|own| Some(own.per_second(own.failed))));
    }
    let most = range(intervals, &curves).map_or(1.0, |(_, high)| high);
    let up = Scale::linear(0.0, most * 1.05);
    Chart {
        title: format!(
            "Requests sent per second, by the {} of the response",
            palette.kind()
        ),
        unit: "/s",
        curves,
        up,
        ticks: up.ticks(4, ""),
        text: |rate| {
            if rate < 10.0 {
                format!("{rate:.1}/s")
            } else {
                format!("{rate:.0}/s")
            }
        },
    }
}

/// `None` where there were no errors.
fn errors<'a>(intervals: &[TimeInterval], palette: &Palette<'a>) -> Option<Chart<'a>> {
    let part = |count: u64, of: u64| (of > 0).then(|| count as f64 / of as f64 * 100.0);
    let mut curves = by_column(palette, move |own, column| {
        let column = &own.columns[column];
        part(column.errors, column.latencies.count())
    });
    if intervals.iter().any(|own| own.failed > 0) {
        curves.push(no_response(move |own| part(own.failed, own.sent)));
    }
    let most = range(intervals, &curves).map_or(0.0, |(_, high)| high);
    let up = Scale::linear(0.0, (most * 1.05).clamp(1.0, 100.0));
    (most > 0.0).then(|| Chart {
        title: format!(
            "Errors: responses with a status from 400 on, in percent of the responses of their {}; requests without a response, \
             in percent of all",
            palette.kind()
        ),
        unit: "%",
        curves,
        up,
        ticks: up.ticks(4, ""),
        text: |share| percent(share / 100.0),
    })
}

/// A curve for each column that is drawn.
fn by_column<'a>(
    palette: &Palette<'a>,
    value: impl Fn(&TimeInterval, usize) -> Option<f64> + Copy + 'a,
) -> Vec<Curve<'a>> {
    let curve = |column: usize| Curve {
        name: fitted(palette.name(column), WIDEST),
        class: format!("line {}", palette.class(column)),
        value: Box::new(move |own: &TimeInterval| value(own, column)),
    };
    palette.drawn().map(curve).collect()
}

fn no_response<'a>(value: impl Fn(&TimeInterval) -> Option<f64> + 'a) -> Curve<'a> {
    Curve {
        name: "no response".to_owned(),
        class: "line other".to_owned(),
        value: Box::new(value),
    }
}

/// The lowest and the highest value; `None` where there is none.
fn range(intervals: &[TimeInterval], curves: &[Curve<'_>]) -> Option<(f64, f64)> {
    let values = || {
        let of = |own| curves.iter().filter_map(move |curve| (curve.value)(own));
        intervals.iter().flat_map(of)
    };
    Some((values().reduce(f64::min)?, values().reduce(f64::max)?))
}
