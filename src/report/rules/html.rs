//! The rows as a table of a page.

use maud::{Markup, html};

use super::text::{details, word};
use crate::report::Report;
use crate::report::sanitize::fitted;

/// Columns a foreign text may take.
const WIDEST: usize = 72;

/// The table, and what has to be known beside it; nothing for a run of one rule.
pub(in crate::report) fn section(report: &Report) -> Markup {
    if report.rules.is_empty() {
        return html! {};
    }
    let cell = |text: &str| html! { td { bdi { (fitted(text, WIDEST)) } } };
    html! {
        section aria-labelledby="rules" {
            h2 id="rules" { "Rules" }
            div class="scroll" tabindex="0" role="region" aria-label="Rules" {
                table {
                    thead { tr {
                        th scope="col" { "Rule" } th scope="col" { "Request" } th scope="col" class="number" { "Sent" }
                        th scope="col" { "Declared" } th scope="col" { "Observed" } th scope="col" { "Verdict" }
                    } }
                    tbody {
                        @for row in &report.rules {
                            tr {
                                th scope="row" { code { bdi { (fitted(&row.label(), WIDEST)) } } }
                                (cell(&row.request.as_ref().map_or_else(String::new, super::SentRequest::brief)))
                                td class="number" { (row.observed.as_ref().map_or(0, |own| own.seen.sent)) }
                                (cell(&row.declared()))
                                (cell(&row.seen()))
                                td { (word(row)) }
                            }
                        }
                    }
                }
            }
            @for line in details(report) { p { bdi { (line.trim()) } } }
        }
    }
}
