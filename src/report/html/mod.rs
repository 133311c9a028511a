//! One file for people: it loads nothing, runs no script and asks nobody. The page is laid out here and drawn by the files
//! beside this one.

mod axis;
mod connections;
mod cumulative;
mod declaration;
mod latency;
mod methods;
mod numbers;
mod over_time;
mod palette;
mod proxy;
mod scale;
mod shares;

use std::io::{self, Write};

use maud::{DOCTYPE, Markup, PreEscaped, html};

use axis::Axis;
use palette::Palette;

use super::course::Course;
use super::health::{note, other_notes};
use super::sanitize::{fitted, safe};
use super::{Report, Style, rules};
use crate::diag::Note;
use crate::units::{counted, percent, printable_lines};
use crate::verdict::Outcome;
use crate::verdict::slo::SloOutcome;

/// Nothing is loaded and nothing is run, whatever a response said.
const POLICY: &str = "default-src 'none'; style-src 'unsafe-inline'; img-src data:; base-uri 'none'; form-action 'none'";
const STYLE: &str = include_str!("../html.css");
/// Columns a foreign text may take.
const WIDEST: usize = 72;

pub(super) fn render(report: &Report, _style: Style, out: &mut dyn Write) -> io::Result<()> {
    let outcome = report.verdict.outcome;
    let palette = Palette::of(report);
    let course = Course::of(report, palette.columns());
    let axes = Axis::all(report, &course);
    let page = html! {
        (DOCTYPE)
        html lang="en" {
            head {
                meta charset="utf-8";
                meta http-equiv="Content-Security-Policy" content=(POLICY);
                meta name="viewport" content="width=device-width, initial-scale=1";
                meta name="color-scheme" content="light dark";
                meta name="referrer" content="no-referrer";
                link rel="icon" href="data:,";
                title { "resplit: " (outcome) " · " (fitted(title(report), WIDEST)) }
                style { (PreEscaped(STYLE)) }
            }
            body class=(outcome) {
                header { (banner(report)) }
                main {
                    (numbers(report))
                    (rules::section(report))
                    @if report.rules.is_empty() { (shares::section(report, &palette)) }
                    (proxy::section(report))
                    (findings(report))
                    (objectives(report))
                    (cumulative::section(report, &course, &palette, &axes))
                    (over_time::section(report, &course, &palette, &axes))
                    (latency::section(report, &palette))
                    (failures(report))
                    (connections::section(report, &palette))
                    (declaration::generators(report))
                    (declaration::section(report))
                    (methods::section(report))
                }
                footer {
                    (safe(&report.tool.name)) " " (safe(&report.tool.version)) " · " (safe(&report.schema))
                    " · seed " (report.tool.seed)
                    @if let Some(line) = report.record.line() { br; (safe(&line)) }
                    @if let Some(command) = report.record.command() { br; code { (safe(&command)) } }
                }
            }
        }
    };
    writeln!(out, "{}", printable_lines(&page.into_string()))
}

/// Foreign text: made safe, cut to a length, kept from turning the direction of what stands beside it.
fn foreign(text: &str) -> Markup {
    html! { bdi { (fitted(text, WIDEST)) } }
}

/// A sentence of ours; what stands between backticks is code.
fn prose(text: &str) -> Markup {
    let text = safe(text);
    html! {
        @for (index, part) in text.split('`').enumerate() {
            @if index % 2 == 1 { code { bdi { (part) } } } @else { (part) }
        }
    }
}

/// What was asked, else where the counts come from.
fn title(report: &Report) -> &str {
    match &report.counted_in {
        Some(source) if !report.was_sent() => source,
        _ => &report.target.url,
    }
}

fn banner(report: &Report) -> Markup {
    let verdict = &report.verdict;
    let (mark, word) = match verdict.outcome {
        Outcome::Pass if !report.rules.is_empty() => ("✓", "The rules hold"),
        Outcome::Diverged if !report.rules.is_empty() => ("✕", "The rules do not hold"),
        Outcome::Pass => ("✓", "The split holds"),
        Outcome::Diverged => ("✕", "The split diverges"),
        Outcome::SloFailed => ("✕", "An objective does not hold"),
        Outcome::Inconclusive if verdict.silent_target() => ("?", "A target is silent"),
        Outcome::Inconclusive => ("?", "Not enough evidence"),
        Outcome::NoData => ("∅", "No data"),
        Outcome::NotJudged => ("–", "Not judged"),
    };
    let word =
        if verdict.outcome == Outcome::Pass && report.expected.is_none() && report.rules.is_empty()
        {
            "The objectives hold"
        } else {
            word
        };
    html! {
        div class="banner" {
            div class="mark" aria-hidden="true" { (mark) }
            div {
                p class="outcome" { "resplit · " (verdict.outcome) }
                h1 { (word) }
                @if let Some(failing) = note(report) {
                    p class="reason" { strong { (prose(&failing.message)) } }
                }
                p class="reason" { (prose(&verdict.reason)) }
                p class="request" {
                    @if report.was_sent() {
                        code { (safe(&report.target.method)) " " bdi { (fitted(&report.target.url, 120)) } }
                    }
                    @if let Some(source) = &report.counted_in {
                        @if report.was_sent() { ", counted in " } @else { "counts of " }
                        code { (foreign(source)) }
                    }
                    @if !report.target.url.contains(&report.target.host) {
                        " with host " code { (foreign(&report.target.host)) }
                    }
                }
            }
        }
    }
}

fn numbers(report: &Report) -> Markup {
    let (seen, rows) = (&report.observation.seen, &report.observation.rows);
    let tile = |number: String, name: &str, bad: bool| {
        html! { div class=[bad.then_some("bad")] { dt { (name) } dd { (number) } } }
    };
    html! {
        dl class="numbers" aria-label="The run in numbers" {
            (tile(grouped(seen.sent), "requests", false))
            @if report.was_sent() {
                (tile(grouped(seen.connections), "connections", false))
                (tile(format!("{:.2} s", seen.elapsed.as_secs_f64()), "from first to last", false))
                (tile(format!("{}/s", grouped_f64(rows.rps)), "responses", false))
            }
            (tile(grouped(rows.failed), "failed", rows.failed > 0))
            (tile(grouped(rows.unattributed), "unattributed", rows.unattributed > 0))
        }
    }
}

/// `1 response`, `12 345 responses`.
fn number(n: u64, noun: &str) -> String {
    let plural = if n == 1 { "" } else { "s" };
    format!("{} {noun}{plural}", grouped(n))
}

/// `12 345`, with a narrow space.
fn grouped(n: u64) -> String {
    let digits = n.to_string();
    let mut text = String::new();
    for (index, digit) in digits.chars().enumerate() {
        if index > 0 && (digits.len() - index).is_multiple_of(3) {
            text.push('\u{202f}');
        }
        text.push(digit);
    }
    text
}

#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "a rate: not negative, and shown without its fraction"
)]
fn grouped_f64(number: f64) -> String {
    grouped(number.max(0.0).round() as u64)
}

fn findings(report: &Report) -> Markup {
    let verdict = &report.verdict;
    let notes: Vec<&Note> = other_notes(report).collect();
    if verdict.diagnosis.is_empty() && notes.is_empty() {
        return html! {};
    }
    html! {
        section class="findings" aria-labelledby="why" {
            h2 id="why" { @if verdict.diagnosis.is_empty() { "Notes" } @else { "Why" } }
            @for finding in &verdict.diagnosis {
                div class="finding" { p { (prose(&finding.message)) } p class="id" { (safe(finding.id())) } }
            }
            @for caveat in &notes {
                div class="note" { p { (prose(&caveat.message)) } p class="id" { (safe(caveat.id())) } }
            }
            @if let Some(next) = super::next_step::next_step(report) {
                p { strong { "Next: " } (prose(&next)) }
            }
        }
    }
}

fn objectives(report: &Report) -> Markup {
    let slos = &report.verdict.slos;
    if slos.is_empty() {
        return html! {};
    }
    html! {
        section aria-labelledby="objectives" {
            h2 id="objectives" { "Objectives" }
            div class="scroll" tabindex="0" role="region" aria-label="Objectives" {
                table {
                    thead { tr { th scope="col" { "Objective" } th scope="col" { "State" } th scope="col" { "What was seen" } } }
                    tbody {
                        @for result in slos {
                            tr {
                                th scope="row" { code { (foreign(&result.slo)) } }
                                td class="state" {
                                    @match result.outcome {
                                        SloOutcome::Pass => span class="good" { "✓ holds" },
                                        SloOutcome::Failed => span class="bad" { "✕ failed" },
                                        SloOutcome::Inconclusive => span class="open" { "? open" },
                                    }
                                }
                                td { (prose(&result.reason)) }
                            }
                        }
                    }
                }
            }
        }
    }
}

/// Requests without a response, and responses that say that something went wrong.
fn failures(report: &Report) -> Markup {
    let (seen, values) = (&report.observation.seen, &report.observation.rows.buckets);
    let mut rows: Vec<(String, u64, String)> = Vec::new();
    for (kind, failed) in &seen.failures {
        for (count, said) in failed.said() {
            rows.push((kind.to_string(), count, fitted(said, WIDEST)));
        }
    }
    for row in values {
        for (status, count) in row.statuses.range(400..) {
            rows.push((
                format!("status {status}"),
                *count,
                fitted(&row.bucket, WIDEST),
            ));
        }
    }
    let most = rows.iter().map(|(_, count, _)| *count).max().unwrap_or(1);
    html! {
        section aria-labelledby="errors" {
            h2 id="errors" { "Errors" }
            @if seen.sent == 0 {
                p class="calm" { "No request was sent." }
            } @else if rows.is_empty() {
                p class="calm" { "Every request was answered with a status below 400." }
            } @else {
                p { (counted(seen.failed(), "request")) " without a complete response; a status from 400 on counts as an error." }
                div class="scroll" tabindex="0" role="region" aria-label="Errors by kind" {
                    table {
                        thead { tr {
                            th scope="col" { "Kind" } th scope="col" class="number" { "Requests" }
                            th scope="col" class="number" { "Of all requests" } th scope="col" class="wide" { span class="hidden" { "Bar" } }
                            th scope="col" { "Of what, or what was said" }
                        } }
                        tbody {
                            @for (kind, count, example) in &rows {
                                tr {
                                    th scope="row" { (kind) }
                                    td class="number" { (grouped(*count)) }
                                    td class="number" { (percent(*count as f64 / seen.sent.max(1) as f64)) }
                                    td class="wide" {
                                        div class="errors" style={ "width:" (format!("{:.1}", *count as f64 / most as f64 * 100.0)) "%" } {}
                                    }
                                    td { bdi { (example) } }
                                }
                            }
                        }
                    }
                }
            }
        }
    }
}
