//! The numbers of a chart as a table.

use maud::{Markup, html};

/// A table that is opened on demand; every row begins with its heading.
pub(super) fn numbers(label: &str, headings: &[String], rows: &[Vec<String>]) -> Markup {
    html! {
        details {
            summary { "Show as a table" }
            div class="scroll" tabindex="0" role="region" aria-label=(label) {
                table {
                    thead { tr { @for heading in headings { th scope="col" class="number" { bdi { (heading) } } } } }
                    tbody {
                        @for row in rows {
                            tr {
                                @for (at, cell) in row.iter().enumerate() {
                                    @if at == 0 { th scope="row" class="number" { (cell) } } @else { td class="number" { (cell) } }
                                }
                            }
                        }
                    }
                }
            }
        }
    }
}
