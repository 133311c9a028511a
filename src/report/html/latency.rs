//! Latency: percentile curves on logarithmic scales, a histogram for each target, and a table.

use hdrhistogram::Histogram;
use maud::{Markup, html};

use super::{COLOURS, colour, columns, foreign, grouped};
use crate::observe::Latency;
use crate::report::Report;
use crate::report::latency_groups::{LatencyGroup, latency_groups};
use crate::report::latency_table::{Column, Times, millis};
use crate::report::svg::{Plot, Shape, Tick};

/// Points of a curve for each halving of the distance to 100 %.
const TICKS: u32 = 8;
/// Columns of a histogram.
const BINS: usize = 64;
/// The percentiles marked at the axis.
const MARKS: [(f64, &str); 6] = [
    (0.0, "0"),
    (0.5, "50"),
    (0.9, "90"),
    (0.99, "99"),
    (0.999, "99.9"),
    (0.9999, "99.99"),
];

/// A logarithmic scale of milliseconds.
#[derive(Clone, Copy)]
struct Scale {
    low: f64,
    high: f64,
}

pub(super) fn section(report: &Report) -> Markup {
    let all = latency_groups(report);
    if all.is_empty() {
        return html! {};
    }
    let names = columns(report);
    let class = |own: &LatencyGroup| {
        let at = names.iter().position(|name| *name == own.name);
        at.map_or("other".to_owned(), colour)
    };
    let from = match report.observation.seen.pace {
        Some(_) => "the intended start",
        None => "the send",
    };
    let scale = Scale::over(&all);
    let shown = &all[..all.len().min(COLOURS)];
    html! {
        section aria-labelledby="latency" {
            h2 id="latency" { "How fast" }
            p { "From " (from) " to the last byte, in milliseconds, on a logarithmic scale." }
            div class="pair" {
                figure {
                    figcaption { "Latency by percentile" }
                    (curves(shown, scale, &class).draw())
                }
                figure {
                    figcaption { "Distribution of latencies" }
                    @for own in shown {
                        div class="small" {
                            span { span class={ "swatch " (class(own)) } {} (foreign(&own.name)) }
                            (bins(own, scale, &class(own)).draw())
                        }
                    }
                }
            }
            (table(&all, &class))
        }
    }
}

impl Scale {
    /// A scale that holds all latencies, from a power of ten or half of one.
    fn over(all: &[LatencyGroup]) -> Self {
        let least = all.iter().map(|own| own.latencies.min().max(1)).min();
        let most = all.iter().map(|own| own.latencies.max().max(1)).max();
        let log = |micros: Option<u64>| (micros.unwrap_or(1) as f64 / 1000.0).log10();
        let (low, high) = (log(least), log(most));
        // A whole number of thirds of a decade, with something on both sides.
        let (low, high) = (
            (low * 3.0 - 0.2).floor() / 3.0,
            (high * 3.0 + 0.2).ceil() / 3.0,
        );
        Self {
            low,
            high: high.max(low + 1.0 / 3.0),
        }
    }

    fn at(self, micros: u64) -> f64 {
        let log = (micros.max(1) as f64 / 1000.0).log10();
        (log - self.low) / (self.high - self.low)
    }

    /// 1, 2, 5, 10, … milliseconds; fewer where they would be crowded.
    fn ticks(self) -> Vec<Tick> {
        let steps: &[f64] = if self.high - self.low > 3.0 {
            &[1.0]
        } else {
            &[1.0, 2.0, 5.0]
        };
        let decades =
            (-3..=7).flat_map(|decade| steps.iter().map(move |step| step * 10_f64.powi(decade)));
        let inside =
            decades.filter(|ms| (self.low - 1e-9..=self.high + 1e-9).contains(&ms.log10()));
        inside
            .map(|ms| Tick {
                at: (ms.log10() - self.low) / (self.high - self.low),
                label: format!("{ms}"),
            })
            .collect()
    }
}

fn curves(all: &[LatencyGroup], scale: Scale, class: &dyn Fn(&LatencyGroup) -> String) -> Plot {
    let most = all.iter().map(|own| own.latencies.len()).max().unwrap_or(1);
    let widest = (most as f64).log10().clamp(2.0, 5.0);
    // The distance to 100 %: each decade takes the same width.
    let across = |quantile: f64| {
        let decades = if quantile < 1.0 {
            -(1.0 - quantile).log10()
        } else {
            widest
        };
        (decades / widest).min(1.0)
    };
    let curve = |own: &LatencyGroup| {
        let steps = own.latencies.iter_quantiles(TICKS);
        let points = steps.map(|step| {
            let quantile = step
                .quantile_iterated_to()
                .min(1.0 - 1.0 / (2.0 * own.latencies.len() as f64));
            (across(quantile), scale.at(step.value_iterated_to()))
        });
        Shape::Line {
            points: points.collect(),
            class: format!("line {}", class(own)),
            title: own.name.clone(),
        }
    };
    let told: Vec<String> = all
        .iter()
        .filter_map(|own| {
            let ms = Latency::of(&own.latencies)?;
            Some(format!(
                "{}: median {}, 99th percentile {} ms",
                own.name,
                millis(ms.p50),
                millis(ms.p99)
            ))
        })
        .collect();
    Plot {
        description: format!("Latency by percentile. {}.", told.join("; ")),
        shapes: all.iter().map(curve).collect(),
        across: MARKS
            .iter()
            .map(|(quantile, label)| Tick {
                at: across(*quantile),
                label: (*label).to_owned(),
            })
            .filter(|tick| tick.at < 1.0)
            .collect(),
        up: scale.ticks(),
        across_title: "percent of the responses".to_owned(),
        up_title: "ms".to_owned(),
        class: "tall",
    }
}

fn bins(own: &LatencyGroup, scale: Scale, class: &str) -> Plot {
    let counts = binned(&own.latencies, scale);
    let most = counts.iter().copied().max().unwrap_or(1).max(1) as f64;
    let mut points = Vec::new();
    for (index, count) in counts.iter().enumerate() {
        let height = *count as f64 / most * 0.95;
        points.push((index as f64 / BINS as f64, height));
        points.push(((index + 1) as f64 / BINS as f64, height));
    }
    let ms = |micros: u64| millis(micros as f64 / 1000.0);
    Plot {
        description: format!(
            "Histogram of the latency of {}: from {} to {} ms.",
            own.name,
            ms(own.latencies.min()),
            ms(own.latencies.max())
        ),
        shapes: vec![Shape::Area {
            points,
            class: format!("area {class}"),
            title: own.name.clone(),
        }],
        across: scale.ticks(),
        up: Vec::new(),
        across_title: String::new(),
        up_title: String::new(),
        class: "low",
    }
}

#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "a fraction of a few bins"
)]
fn binned(latencies: &Histogram<u64>, scale: Scale) -> Vec<u64> {
    let mut counts = vec![0; BINS];
    for cell in latencies.iter_recorded() {
        let at = scale.at(cell.value_iterated_to()).clamp(0.0, 1.0);
        let bin = ((at * BINS as f64) as usize).min(BINS - 1);
        counts[bin] += cell.count_at_value();
    }
    counts
}

fn table(all: &[LatencyGroup], class: &dyn Fn(&LatencyGroup) -> String) -> Markup {
    let times: Vec<Times> = all.iter().map(Times::of_group).collect();
    let times: Vec<&Times> = times.iter().collect();
    let columns = Column::of_groups(&times);
    let cells: Vec<Vec<String>> = columns.iter().map(|own| own.cells(&times)).collect();
    html! {
        div class="scroll" tabindex="0" role="region" aria-label="Latency in milliseconds" {
            table {
                thead { tr {
                    th scope="col" { "ms" }
                    th scope="col" class="number" { "responses" }
                    @for own in &columns { th scope="col" class="number" { (own.title().to_lowercase()) } }
                } }
                tbody {
                    @for (at, own) in all.iter().enumerate() {
                        tr {
                            th scope="row" { span class={ "swatch " (class(own)) } {} (foreign(&own.name)) }
                            td class="number" { (grouped(own.latencies.len())) }
                            @for column in &cells { td class="number" { (column[at]) } }
                        }
                    }
                }
            }
        }
    }
}
