//! Shares with their intervals against what was declared.

use maud::{Markup, html};

use super::{colour, foreign, grouped};
use crate::report::table::errors;
use crate::report::{BucketRow, Report};
use crate::units::percent;

/// Values without a target that are shown.
const MOST_ROWS: usize = 20;

/// One line of the chart.
struct Line<'a> {
    name: &'a str,
    values: Vec<&'a BucketRow>,
    count: u64,
    share: f64,
    interval: [f64; 2],
    declared: Option<f64>,
    place: &'a str,
    colour: String,
}

pub(super) fn section(report: &Report) -> Markup {
    let lines = lines(report);
    let hidden = hidden(report);
    html! {
        section aria-labelledby="shares" {
            h2 id="shares" { "Who answered" }
            @if lines.is_empty() {
                p class="calm" { "There were no answers." }
            } @else {
                p class="key" aria-hidden="true" {
                    span class="swatch interval" {} "interval (" (percent(1.0 - report.verdict.alpha)) ")"
                    span class="swatch point" {} "seen"
                    @if report.expected.is_some() { span class="swatch declared" {} "declared" }
                }
                div class="shares" {
                    @for line in &lines { (row(line)) }
                    div class="scale" aria-hidden="true" {
                        div {} div class="ticks" { @for tick in [0, 25, 50, 75, 100] { span style={ "left:" (tick) "%" } { (tick) "%" } } }
                    }
                }
                @if hidden > 0 { p { "and " (hidden) " more values" } }
            }
        }
    }
}

fn lines(report: &Report) -> Vec<Line<'_>> {
    let seen = &report.observation;
    let declared = report.expected.is_some();
    let targets = seen.targets.iter().enumerate().map(|(index, target)| Line {
        name: &target.target,
        values: seen
            .buckets
            .iter()
            .filter(|row| row.target.as_ref() == Some(&target.target))
            .collect(),
        count: target.count,
        share: target.share,
        interval: target.share_interval,
        declared: Some(target.declared),
        place: "",
        colour: colour(index),
    });
    let others = seen.buckets.iter().filter(|row| row.target.is_none());
    let others = others.take(MOST_ROWS).enumerate().map(|(index, row)| Line {
        name: &row.bucket,
        values: vec![row],
        count: row.count,
        share: row.share,
        interval: row.share_interval,
        declared: None,
        place: if row.place == "counted" {
            ""
        } else {
            &row.place
        },
        colour: if declared {
            "other".to_owned()
        } else {
            colour(index)
        },
    });
    targets.chain(others).collect()
}

fn hidden(report: &Report) -> usize {
    let others = report
        .observation
        .buckets
        .iter()
        .filter(|row| row.target.is_none());
    others.count().saturating_sub(MOST_ROWS)
}

fn row(line: &Line<'_>) -> Markup {
    let at = |fraction: f64| format!("{:.3}%", fraction.clamp(0.0, 1.0) * 100.0);
    let [low, high] = line.interval;
    // Without answers nothing agrees or disagrees.
    let (class, mark) = match line.declared {
        Some(_) if high - low >= 1.0 => ("", ""),
        Some(declared) if (low..=high).contains(&declared) => ("good", "✓ "),
        _ => ("bad", "✕ "),
    };
    let failed: u64 = line.values.iter().map(|row| errors(row)).sum();
    let own = |row: &&&BucketRow| row.bucket != line.name;
    html! {
        div class="share" {
            div class="who" {
                strong { (foreign(line.name)) }
                @if !line.place.is_empty() { " " span class="bad" { (line.place) } }
                @for value in line.values.iter().filter(own).take(3) {
                    span class="value" { (foreign(&value.bucket)) }
                }
                @if line.values.len() > 3 { span class="value" { "and " (line.values.len() - 3) " more values" } }
            }
            div class="how" {
                div class="facts" {
                    span class="seen" { (percent(line.share)) }
                    span { (percent(low)) " – " (percent(high)) }
                    span { (grouped(line.count)) " answers" }
                    @if let Some(declared) = line.declared {
                        span class=(class) { (mark) "declared " (percent(declared)) }
                    }
                    @if failed > 0 { span class="bad" { (grouped(failed)) " errors" } }
                }
                div class="track" aria-hidden="true" {
                    div class={ "fill " (line.colour) } style={ "width:" (at(line.share)) } {}
                    div class="interval" style={ "left:" (at(low)) ";width:" (at(high - low)) } {}
                    div class="point" style={ "left:" (at(line.share)) } {}
                    @if let Some(declared) = line.declared { div class="declared" style={ "left:" (at(declared)) } {} }
                }
            }
        }
    }
}
