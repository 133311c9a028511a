//! The shares over the course of the run.

use maud::{Markup, html};

use super::{COLOURS, colour, columns, foreign, grouped, legend};
use crate::report::svg::{Plot, Shape, Tick};
use crate::report::{Report, Slice};
use crate::units::percent;

/// Fewer slices are no course.
const LEAST: usize = 4;

pub(super) fn section(report: &Report) -> Markup {
    let slices = &report.observation.rows.slices;
    let empty = |slice: &Slice| slice.counts.iter().all(|count| *count == 0);
    if slices.len() < LEAST || slices.iter().all(empty) {
        return html! {};
    }
    let names = columns(report);
    html! {
        section aria-labelledby="course" {
            h2 id="course" { "Over the course of the run" }
            p {
                "Shares of the complete responses in each of " (slices.len()) " parts of about " (grouped(slices[0].requests))
                " requests, in the order in which they were sent"
                @if !report.generators.is_empty() { " by each generator" }
                @if report.expected.is_some() { "; dotted: declared" }
                @if report.verdict.change.is_some() { "; the upright line: where the split changed" }
                "."
            }
            figure { (plot(report, &names).draw()) figcaption { (legend(report, None)) } }
            (numbers(slices, &names))
        }
    }
}

fn plot(report: &Report, names: &[&str]) -> Plot {
    let slices = &report.observation.rows.slices;
    let total: u64 = slices.iter().map(|slice| slice.requests).sum();
    let part = |requests: u64| requests as f64 / total.max(1) as f64;
    let middle = |slice: &Slice| part(slice.first) + part(slice.requests) / 2.0;
    let mut shapes = Vec::new();
    for (index, target) in report
        .observation
        .rows
        .targets
        .iter()
        .enumerate()
        .take(COLOURS)
    {
        shapes.push(Shape::Level {
            y: target.declared,
            class: format!("declared {}", colour(index)),
        });
    }
    for (index, name) in names.iter().enumerate().take(COLOURS) {
        shapes.push(Shape::Line {
            points: slices
                .iter()
                .map(|slice| (middle(slice), share(slice, index)))
                .collect(),
            class: format!("line {}", colour(index)),
            title: (*name).to_owned(),
        });
    }
    let changed = report.verdict.change.as_ref().map(|change| {
        shapes.push(Shape::Moment {
            x: part(change.at),
            class: "change".to_owned(),
        });
        format!(" The split changed after {} responses.", change.at)
    });
    let ends = |name: &(usize, &&str)| {
        let of = |slice: Option<&Slice>| percent(slice.map_or(0.0, |slice| share(slice, name.0)));
        format!(
            "{} begins at {} and ends at {}",
            name.1,
            of(slices.first()),
            of(slices.last())
        )
    };
    let told: Vec<String> = names
        .iter()
        .enumerate()
        .take(COLOURS)
        .map(|name| ends(&name))
        .collect();
    Plot {
        description: format!(
            "Shares over the run: {}.{}",
            told.join("; "),
            changed.unwrap_or_default()
        ),
        shapes,
        across: [0.0, 0.25, 0.5, 0.75, 1.0]
            .map(|at| Tick {
                at,
                label: super::grouped_f64(at * total as f64),
            })
            .into(),
        up: [0.0, 0.25, 0.5, 0.75, 1.0]
            .map(|at| Tick {
                at,
                label: format!("{:.0}%", at * 100.0),
            })
            .into(),
        across_title: "requests sent".to_owned(),
        up_title: String::new(),
        class: "",
    }
}

/// The part of the complete responses of a slice.
fn share(slice: &Slice, index: usize) -> f64 {
    let attributed: u64 = slice.counts.iter().sum();
    let all = attributed + slice.others.saturating_sub(slice.failed);
    slice
        .counts
        .get(index)
        .map_or(0.0, |count| *count as f64 / all.max(1) as f64)
}

fn numbers(slices: &[Slice], names: &[&str]) -> Markup {
    html! {
        details {
            summary { "The numbers" }
            div class="scroll" tabindex="0" role="region" aria-label="Responses in each part of the run" {
                table {
                    thead { tr {
                        th scope="col" class="number" { "From request" }
                        @for name in names { th scope="col" class="number" { (foreign(name)) } }
                        th scope="col" class="number" { "others" }
                    } }
                    tbody {
                        @for slice in slices {
                            tr {
                                th scope="row" class="number" { (grouped(slice.first + 1)) }
                                @for count in slice.counts.iter().take(names.len()) { td class="number" { (grouped(*count)) } }
                                td class="number" { (grouped(slice.others)) }
                            }
                        }
                    }
                }
            }
        }
    }
}
