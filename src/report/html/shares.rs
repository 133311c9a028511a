//! Shares with their intervals against what was declared.

use maud::{Markup, html};

use super::{colour, foreign, grouped};
use crate::report::lines::{Line, lines};
use crate::report::{BucketRow, Report};
use crate::units::percent;

/// Values without a target that are shown.
const MOST_ROWS: usize = 20;

pub(super) fn section(report: &Report) -> Markup {
    let (targets, mut others): (Vec<Line<'_>>, Vec<Line<'_>>) =
        (lines(report).into_iter()).partition(|line| line.declared.is_some());
    let hidden = others.len().saturating_sub(MOST_ROWS);
    others.truncate(MOST_ROWS);
    let coloured = |line: &Line<'_>, at: usize| match line.declared {
        None if report.expected.is_some() => "other".to_owned(),
        _ => colour(at),
    };
    html! {
        section aria-labelledby="shares" {
            h2 id="shares" { "Who responded" }
            @if targets.is_empty() && others.is_empty() {
                p class="calm" { "There were no responses." }
            } @else {
                p class="key" aria-hidden="true" {
                    span class="swatch interval" {} "interval (" (percent(1.0 - report.verdict.alpha)) ")"
                    span class="swatch point" {} "seen"
                    @if report.expected.is_some() { span class="swatch declared" {} "declared" }
                }
                div class="shares" {
                    @for lines in [&targets, &others] { @for (at, line) in lines.iter().enumerate() { (row(line, &coloured(line, at))) } }
                    div class="scale" aria-hidden="true" {
                        div {} div class="ticks" { @for tick in [0, 25, 50, 75, 100] { span style={ "left:" (tick) "%" } { (tick) "%" } } }
                    }
                }
                @if hidden > 0 { p { "and " (hidden) " more values" } }
            }
        }
    }
}

fn row(line: &Line<'_>, colour: &str) -> Markup {
    let at = |fraction: f64| format!("{:.3}%", fraction.clamp(0.0, 1.0) * 100.0);
    let [low, high] = line.interval;
    // Without responses nothing agrees or disagrees.
    let (class, mark) = match line.declared {
        Some(_) if high - low >= 1.0 => ("", ""),
        Some(declared) if (low..=high).contains(&declared) => ("good", "✓ "),
        _ => ("bad", "✕ "),
    };
    let failed = line.errors();
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
                    span { (grouped(line.count)) " responses" }
                    @if let Some(declared) = line.declared {
                        span class=(class) { (mark) "declared " (percent(declared)) }
                    }
                    @if failed > 0 { span class="bad" { (grouped(failed)) " errors" } }
                }
                div class="track" aria-hidden="true" {
                    div class={ "fill " (colour) } style={ "width:" (at(line.share)) } {}
                    div class="interval" style={ "left:" (at(low)) ";width:" (at(high - low)) } {}
                    div class="point" style={ "left:" (at(line.share)) } {}
                    @if let Some(declared) = line.declared { div class="declared" style={ "left:" (at(declared)) } {} }
                }
            }
        }
    }
}
