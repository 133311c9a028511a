//! Where each connection led: at a glance it shows whether requests or connections are split.

use maud::{Markup, html};

use super::{colour, columns, grouped, legend};
use crate::report::{ConnectionRow, Report};
use crate::verdict::Unit;

/// Pieces of one connection that are drawn.
const MOST_PIECES: usize = 8;

pub(super) fn section(report: &Report) -> Markup {
    let table = &report.observation.rows.connection_table;
    if table.rows.is_empty() {
        return html! {};
    }
    let names = columns(report);
    let others = table.rows.iter().any(|row| row.others > 0);
    let grey = others.then_some("others, and requests without a response");
    html! {
        section aria-labelledby="connections" {
            h2 id="connections" { "Where each connection led" }
            p {
                @if table.reused == 0 {
                    "No connection carried two responses of known origin, so nothing is known about connections that stick to one target."
                } @else {
                    (grouped(table.pure)) " of " (grouped(table.reused))
                    " connections with several responses led to one place only"
                    @if connections_are_balanced(report) { ": connections are balanced, not requests" }
                    "."
                }
                @if table.used > table.rows.len() as u64 {
                    " The first " (grouped(table.rows.len() as u64)) " of " (grouped(table.used)) " are drawn."
                }
            }
            figure {
                div class="strip" role="img" aria-label={
                    "Each of " (table.rows.len()) " connections as a block, coloured by the targets its responses came from."
                } {
                    @for row in &table.rows { (block(row, &names)) }
                }
                figcaption { (legend(report, grey)) }
            }
        }
    }
}

/// Whether the verdict took connections for what is split, and they led to more than one target.
fn connections_are_balanced(report: &Report) -> bool {
    let rows = &report.observation.rows.connection_table.rows;
    let led_to = |target: usize| {
        rows.iter()
            .any(|row| row.counts.get(target).is_some_and(|count| *count > 0))
    };
    let targets = report.observation.rows.targets.len();
    report.verdict.unit == Unit::Connection && (0..targets).filter(|at| led_to(*at)).count() > 1
}

fn block(row: &ConnectionRow, names: &[&str]) -> Markup {
    let pieces = row
        .counts
        .iter()
        .enumerate()
        .filter(|(_, count)| **count > 0);
    let told: Vec<String> = pieces
        .clone()
        .map(|(index, count)| format!("{count} × {}", names.get(index).copied().unwrap_or("?")))
        .collect();
    let others = (row.others > 0).then(|| format!("{} others", row.others));
    let told: Vec<String> = told.into_iter().chain(others).collect();
    html! {
        div class="connection" title={ "connection " (row.connection) ": " (told.join(", ")) } {
            @for (index, count) in pieces.take(MOST_PIECES) {
                div class={ "piece " (colour(index)) } style={ "flex-grow:" (count) } {}
            }
            @if row.others > 0 { div class="piece other" style={ "flex-grow:" (row.others) } {} }
        }
    }
}
