//! Where each connection led: at a glance it shows whether requests or connections are split.

use maud::{Markup, html};

use super::grouped;
use super::numbers::numbers;
use super::palette::Palette;
use crate::diag::Code;
use crate::report::sanitize::fitted;
use crate::report::{ConnectionRow, Report};

/// Pieces of one connection that are drawn.
const MOST_PIECES: usize = 8;

pub(super) fn section(report: &Report, palette: &Palette<'_>) -> Markup {
    let table = &report.observation.rows.connection_table;
    if table.rows.is_empty() {
        return html! {};
    }
    let others = table.rows.iter().any(|row| row.others > 0);
    let grey: &[&str] = if others {
        &["other responses, and requests without a response"]
    } else {
        &[]
    };
    html! {
        section aria-labelledby="connections" {
            h2 id="connections" { "Responses by connection" }
            p {
                @if table.reused == 0 {
                    "No connection carried two responses of a known " (palette.kind())
                    ", so this run cannot tell whether connections stick to one."
                } @else {
                    (grouped(table.pure)) " of the " (grouped(table.reused))
                    " connections with at least two responses of a known " (palette.kind()) " had all of theirs from one."
                    @if found_per_connection(report) { " The verdict finds that connections are balanced, not requests." }
                }
                @if table.used > table.rows.len() as u64 {
                    " The first " (grouped(table.rows.len() as u64)) " of " (grouped(table.used)) " connections are drawn."
                }
            }
            figure {
                div class="strip" role="img" aria-label={
                    "Each of " (table.rows.len()) " connections as a block, coloured by the " (palette.kind()) "s of its responses."
                } {
                    @for row in &table.rows { (block(row, palette)) }
                }
                figcaption { (palette.legend(grey)) }
            }
            (table_of(&table.rows, palette))
        }
    }
}

/// Whether the verdict found it: that all responses of each connection come from one place is so, too, where there is only one.
fn found_per_connection(report: &Report) -> bool {
    let verdict = &report.verdict;
    let mut notes = verdict.diagnosis.iter().chain(&verdict.caveats);
    notes.any(|note| note.code == Code::PerConnection)
}

fn block(row: &ConnectionRow, palette: &Palette<'_>) -> Markup {
    let pieces = (row.counts.iter().enumerate()).filter(|(_, count)| **count > 0);
    let told: Vec<String> = pieces
        .clone()
        .map(|(index, count)| format!("{count} × {}", fitted(palette.name(index), 40)))
        .collect();
    let others = (row.others > 0).then(|| format!("{} others", row.others));
    let told: Vec<String> = told.into_iter().chain(others).collect();
    html! {
        div class="connection" title={ "connection " (row.connection) ": " (told.join(", ")) } {
            @for (index, count) in pieces.take(MOST_PIECES) {
                div class={ "piece " (palette.class(index)) } style={ "flex-grow:" (count) } {}
            }
            @if row.others > 0 { div class="piece other" style={ "flex-grow:" (row.others) } {} }
        }
    }
}

fn table_of(rows: &[ConnectionRow], palette: &Palette<'_>) -> Markup {
    let names = palette
        .drawn()
        .map(|column| fitted(palette.name(column), 40));
    let fixed = std::iter::once("connection".to_owned());
    let headings: Vec<String> = (fixed.chain(names)).chain(["others".to_owned()]).collect();
    let row = |row: &ConnectionRow| {
        let drawn = || palette.drawn().filter_map(|column| row.counts.get(column));
        let others = row.counts.iter().sum::<u64>() - drawn().sum::<u64>() + row.others;
        let cells = drawn().copied().chain([others]).map(grouped);
        std::iter::once(row.connection.to_string())
            .chain(cells)
            .collect()
    };
    let rows: Vec<Vec<String>> = rows.iter().map(row).collect();
    numbers("Responses by connection", &headings, &rows)
}
