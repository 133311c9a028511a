//! What the proxy had been told and what it counted, beside what was declared and seen.

use maud::{Markup, html};

use super::{foreign, grouped, prose};
use crate::report::Report;
use crate::report::proxy::{about, truths};
use crate::units::percent;

pub(super) fn section(report: &Report) -> Markup {
    let rows = truths(report);
    if rows.is_empty() {
        return html! {};
    }
    let judged = report.expected.is_some();
    let share = |share: Option<f64>| share.map_or_else(|| "–".to_owned(), percent);
    html! {
        section aria-labelledby="proxy" {
            h2 id="proxy" { "What the proxy says" }
            div class="scroll" tabindex="0" role="region" aria-label="Declared, programmed, counted and seen" {
                table {
                    thead { tr {
                        th scope="col" { "Target" }
                        @if judged { th scope="col" class="number" { "Declared" } }
                        th scope="col" class="number" { "Programmed" }
                        th scope="col" class="number" { "Counted" }
                        th scope="col" class="number" { "Requests" }
                        @if judged { th scope="col" class="number" { "Seen" } }
                    } }
                    tbody {
                        @for row in &rows {
                            tr {
                                th scope="row" { (foreign(&row.target)) }
                                @if judged { td class="number" { (share(row.declared)) } }
                                td class="number" { (share(row.programmed)) }
                                td class="number" { (share(row.counted.and_then(|(_, share)| share))) }
                                td class="number" { @if let Some((count, _)) = row.counted { (grouped(count)) } }
                                @if judged { td class="number" { (share(row.seen)) } }
                            }
                        }
                    }
                }
            }
            @for line in about(report) { p { (prose(&line)) } }
        }
    }
}
