//! Latency: percentile curves on logarithmic scales, a histogram for each target, and a table.

use hdrhistogram::Histogram;
use maud::{Markup, html};

use super::numbers::numbers;
use super::palette::Palette;
use super::scale::Scale;
use super::{WIDEST, foreign, grouped, number};
use crate::observe::Latency;
use crate::report::Report;
use crate::report::latency_groups::{LatencyGroup, latency_groups};
use crate::report::latency_table::{Column, Times, millis, tells};
use crate::report::sanitize::fitted;
use crate::report::svg::{Hit, Plot, Shape, Tick};
use crate::units::percent;

/// Points of a curve for each halving of the distance to 100 %.
const TICKS: u32 = 8;
/// Columns of a histogram.
const BINS: usize = 64;
/// The parts that are told where the pointer is, with the ends.
const POINTED: [f64; 9] = [0.0, 0.5, 0.75, 0.9, 0.95, 0.99, 0.999, 0.9999, 0.99999];
/// The percentiles marked at the axis.
const MARKS: [(f64, &str); 6] = [
    (0.0, "0"),
    (0.5, "50"),
    (0.9, "90"),
    (0.99, "99"),
    (0.999, "99.9"),
    (0.9999, "99.99"),
];

pub(super) fn section(report: &Report, palette: &Palette<'_>) -> Markup {
    let all = latency_groups(report);
    if all.is_empty() {
        return html! {};
    }
    let class = |own: &LatencyGroup| palette.class_of(&own.name);
    let from = match report.observation.seen.pace {
        Some(_) => "the intended start",
        None => "the send",
    };
    let least = all.iter().map(|own| own.latencies.min()).min();
    let most = all.iter().map(|own| own.latencies.max()).max();
    let scale = Scale::logarithmic(ms(least.unwrap_or(1)), ms(most.unwrap_or(1)));
    let coloured = |own: &&LatencyGroup| palette.class_of(&own.name) != "other";
    let mut shown: Vec<&LatencyGroup> = all.iter().filter(coloured).collect();
    if shown.is_empty() {
        shown.extend(all.first());
    }
    html! {
        section aria-labelledby="latency" {
            h2 id="latency" { "Latency" }
            p { "From " (from) " to the last byte, in milliseconds, on a logarithmic scale." (palette.left_out()) }
            div class="pair" {
                figure {
                    figcaption { "Latency by percentile" }
                    (curves(&shown, scale, &class).draw())
                }
                figure {
                    figcaption { "Distribution of latencies" }
                    @for own in &shown {
                        div class="small" {
                            span { span class={ "swatch " (class(own)) } {} (foreign(&own.name)) }
                            (bins(own, scale, &class(own)).draw())
                        }
                    }
                    (table_of_bins(&shown, scale))
                }
            }
            (table(&all, &class))
        }
    }
}

/// Milliseconds of microseconds.
fn ms(micros: u64) -> f64 {
    micros as f64 / 1000.0
}

fn curves(all: &[&LatencyGroup], scale: Scale, class: &dyn Fn(&LatencyGroup) -> String) -> Plot {
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
            (across(quantile), scale.at(ms(step.value_iterated_to())))
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
        shapes: all.iter().map(|own| curve(own)).collect(),
        across: MARKS
            .iter()
            .map(|(quantile, label)| Tick {
                at: across(*quantile),
                label: (*label).to_owned(),
            })
            .filter(|tick| tick.at < 1.0)
            .collect(),
        up: scale.ticks(0, ""),
        across_title: "percent of the responses".to_owned(),
        up_title: "ms".to_owned(),
        class: "tall",
        hits: curve_hits(all, &across),
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
        across: scale.ticks(0, ""),
        class: "low",
        hits: bin_hits(own, &counts, scale),
        ..Plot::default()
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
        let at = scale.at(ms(cell.value_iterated_to())).clamp(0.0, 1.0);
        let bin = ((at * BINS as f64) as usize).min(BINS - 1);
        counts[bin] += cell.count_at_value();
    }
    counts
}

/// What the percentiles between two marks are.
fn curve_hits(all: &[&LatencyGroup], across: &dyn Fn(f64) -> f64) -> Vec<Hit> {
    let shown = POINTED.windows(3).map(|marks| {
        let [before, own, after] = [marks[0], marks[1], marks[2]].map(across);
        let told = all
            .iter()
            .filter(|group| tells(marks[1] * 100.0, group.latencies.len()));
        let told = told.map(|group| {
            let value = ms(group.latencies.value_at_quantile(marks[1]));
            format!("\n{}: {} ms", fitted(&group.name, WIDEST), millis(value))
        });
        Hit {
            from: f64::midpoint(before, own),
            to: f64::midpoint(own, after),
            text: format!(
                "p{}{}",
                (marks[1] * 10_000.0).round() / 100.0,
                told.collect::<String>()
            ),
        }
    });
    shown
        .filter(|hit| hit.to > hit.from && hit.text.contains('\n'))
        .collect()
}

/// From where to where a bin reaches.
fn bin(scale: Scale, index: usize) -> String {
    let end = |index: usize| millis(scale.value(index as f64 / BINS as f64));
    format!("{} – {} ms", end(index), end(index + 1))
}

fn bin_hits(own: &LatencyGroup, counts: &[u64], scale: Scale) -> Vec<Hit> {
    let all = own.latencies.len().max(1) as f64;
    let filled = counts.iter().enumerate().filter(|(_, count)| **count > 0);
    let hit = |(index, count): (usize, &u64)| Hit {
        from: index as f64 / BINS as f64,
        to: (index + 1) as f64 / BINS as f64,
        text: format!(
            "{}\n{}, {}",
            bin(scale, index),
            number(*count, "response"),
            percent(*count as f64 / all)
        ),
    };
    filled.map(hit).collect()
}

fn table_of_bins(all: &[&LatencyGroup], scale: Scale) -> Markup {
    let counts: Vec<Vec<u64>> = all
        .iter()
        .map(|own| binned(&own.latencies, scale))
        .collect();
    let names = all.iter().map(|own| fitted(&own.name, WIDEST));
    let headings: Vec<String> = std::iter::once("latency".to_owned()).chain(names).collect();
    let filled = (0..BINS).filter(|index| counts.iter().any(|own| own[*index] > 0));
    let row = |index: usize| {
        let cells = counts.iter().map(|own| grouped(own[index]));
        std::iter::once(bin(scale, index)).chain(cells).collect()
    };
    let rows: Vec<Vec<String>> = filled.map(row).collect();
    numbers("Responses by latency", &headings, &rows)
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
                            th scope="row" class="name" { span class={ "swatch " (class(own)) } {} (foreign(&own.name)) }
                            td class="number" { (grouped(own.latencies.len())) }
                            @for column in &cells { td class="number" { (column[at]) } }
                        }
                    }
                }
            }
        }
    }
}
