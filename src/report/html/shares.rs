//! Shares with their intervals against what was declared.

use maud::{Markup, html};

use super::palette::Palette;
use super::{foreign, number};
use crate::report::lines::{Line, lines};
use crate::report::{BucketRow, Report};
use crate::units::percent;

/// Values without a target that are shown.
const MOST_ROWS: usize = 20;
/// What is left free on both sides of what is drawn large, and up to which part of the whole that is done.
const MARGIN: f64 = 0.1;
const WIDEST_ZOOM: f64 = 0.6;

pub(super) fn section(report: &Report, palette: &Palette<'_>) -> Markup {
    let (targets, mut others): (Vec<Line<'_>>, Vec<Line<'_>>) =
        (lines(report).into_iter()).partition(|line| line.declared.is_some());
    let hidden = others.len().saturating_sub(MOST_ROWS);
    others.truncate(MOST_ROWS);
    let coloured = |line: &Line<'_>, at: usize| match line.declared {
        None if report.expected.is_some() => "other".to_owned(),
        _ => palette.class(at),
    };
    let resolution = report
        .verdict
        .resolution
        .filter(|_| report.expected.is_some());
    html! {
        section aria-labelledby="shares" {
            h2 id="shares" { "Responses by " (palette.kind()) }
            @if report.observation.rows.answered == 0 {
                p { "There were no responses." }
                @for line in &targets { (unanswered(line)) }
            } @else {
                p class="key" aria-hidden="true" {
                    span { span class="swatch interval" {} "interval (" (percent(1.0 - report.verdict.alpha)) ")" }
                    span { span class="swatch point" {} "seen" }
                    @if report.expected.is_some() { span { span class="swatch declared" {} "declared" } }
                    @if let Some(points) = resolution {
                        span { span class="swatch band" {} "declared ± " (format!("{:.1}", points * 100.0)) " points, the resolution" }
                    }
                }
                div class="shares" {
                    @for lines in [&targets, &others] { @for (at, line) in lines.iter().enumerate() { (row(line, &coloured(line, at), resolution)) } }
                    div class="scale" aria-hidden="true" {
                        div {} div class="ticks" { @for tick in [0, 25, 50, 75, 100] { span style={ "left:" (tick) "%" } { (tick) "%" } } }
                    }
                }
                @if hidden > 0 { p { "and " (hidden) " more values" } }
            }
        }
    }
}

/// A target of which nothing is known: without responses nothing agrees or disagrees.
fn unanswered(line: &Line<'_>) -> Markup {
    html! {
        div class="share" {
            div class="who" { strong { (foreign(line.name)) } }
            div class="facts" {
                @if let Some(declared) = line.declared { span { "declared " (percent(declared)) } }
            }
        }
    }
}

fn row(line: &Line<'_>, colour: &str, resolution: Option<f64>) -> Markup {
    let at = |fraction: f64| format!("{:.3}%", fraction.clamp(0.0, 1.0) * 100.0);
    let [low, high] = line.interval;
    let (class, mark) = match line.declared {
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
                    span { (number(line.count, "response")) }
                    @if let Some(declared) = line.declared {
                        span class=(class) { (mark) "declared " (percent(declared)) }
                    }
                    @if failed > 0 { span class="bad" { (number(failed, "error")) } }
                }
                div class="track" aria-hidden="true" {
                    div class={ "fill " (colour) } style={ "width:" (at(line.share)) } {}
                    div class="interval" style={ "left:" (at(low)) ";width:" (at(high - low)) } {}
                    div class="point" style={ "left:" (at(line.share)) } {}
                    @if let Some(declared) = line.declared { div class="declared" style={ "left:" (at(declared)) } {} }
                }
                (zoom(line, resolution))
            }
        }
    }
}

/// The surroundings of a declared share, drawn large: a deviation of a few points is hardly seen between 0 and 100%.
fn zoom(line: &Line<'_>, resolution: Option<f64>) -> Markup {
    let [low, high] = line.interval;
    let Some(declared) = line.declared.filter(|_| high - low < 1.0) else {
        return html! {};
    };
    let band = resolution.map(|points| [declared - points, declared + points]);
    let [first, last] = band.unwrap_or([declared, declared]);
    let (from, to) = (low.min(first), high.max(last));
    let margin = (to - from) * MARGIN;
    let (from, to) = ((from - margin).max(0.0), (to + margin).min(1.0));
    if to - from > WIDEST_ZOOM {
        return html! {};
    }
    let at = |share: f64| ((share - from) / (to - from)).clamp(0.0, 1.0) * 100.0;
    let bar = |class: &str, from: f64, to: f64| {
        let (left, width) = (at(from), at(to) - at(from));
        html! { div class=(class) style={ "left:" (format!("{left:.2}")) "%;width:" (format!("{width:.2}")) "%" } {} }
    };
    let mark = |class: &str, share: f64| {
        html! { div class=(class) style={ "left:" (format!("{:.2}", at(share))) "%" } {} }
    };
    let end = |share: f64| format!("{:.1}%", share * 100.0);
    html! {
        div class="zoom" aria-hidden="true" {
            span { (end(from)) }
            div class="track" {
                @if let Some([first, last]) = band { (bar("band", first, last)) }
                (bar("interval", low, high))
                (mark("point", line.share))
                (mark("declared", declared))
            }
            span { (end(to)) }
        }
    }
}
