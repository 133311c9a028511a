//! Which targets are drawn, and in which colours: the same everywhere on the page.

use maud::{Markup, html};

use super::foreign;
use crate::report::Report;
use crate::report::course::columns;

/// Colours that are told apart; further targets are grey.
const COLOURS: usize = 8;

/// The targets, or the values where nothing is declared, with their colours.
pub(super) struct Palette<'r> {
    names: Vec<&'r str>,
    /// Those that have a colour, in order.
    drawn: Vec<usize>,
    /// What each is called: target or value.
    kind: &'static str,
}

impl<'r> Palette<'r> {
    pub(super) fn of(report: &'r Report) -> Self {
        let rows = &report.observation.rows;
        let targets = rows.targets.iter().map(|target| target.target.as_str());
        let values = rows.buckets.iter().map(|row| row.bucket.as_str());
        let declared = report.expected.is_some();
        let names: Vec<&str> = if declared {
            targets.collect()
        } else {
            values.take(columns(report)).collect()
        };
        let mut drawn: Vec<usize> = (0..names.len()).collect();
        // Of many targets those that are farthest from their declaration.
        if declared && names.len() > COLOURS {
            let far = |at: &usize| {
                let own = &rows.targets[*at];
                let spread = (own.declared * (1.0 - own.declared)).sqrt();
                -(own.share - own.declared).abs() / spread.max(1e-9)
            };
            drawn.sort_by(|a, b| far(a).total_cmp(&far(b)));
        }
        drawn.truncate(COLOURS);
        drawn.sort_unstable();
        Self {
            names,
            drawn,
            kind: if declared { "target" } else { "value" },
        }
    }

    /// How many columns of counts there are.
    pub(super) fn columns(&self) -> usize {
        self.names.len()
    }

    pub(super) fn name(&self, column: usize) -> &'r str {
        self.names.get(column).copied().unwrap_or("others")
    }

    /// What each of them is called: target or value.
    pub(super) fn kind(&self) -> &'static str {
        self.kind
    }

    /// The columns that are drawn.
    pub(super) fn drawn(&self) -> impl Iterator<Item = usize> + '_ {
        self.drawn.iter().copied()
    }

    /// The class of the colour of a column.
    pub(super) fn class(&self, column: usize) -> String {
        let colour = self.drawn.iter().position(|drawn| *drawn == column);
        colour.map_or_else(|| "other".to_owned(), |colour| format!("c{colour}"))
    }

    /// The class of the colour of a target or value.
    pub(super) fn class_of(&self, name: &str) -> String {
        let column = self.names.iter().position(|own| *own == name);
        self.class(column.unwrap_or(usize::MAX))
    }

    /// A sentence about what is not drawn; empty where everything is.
    pub(super) fn left_out(&self) -> String {
        let (all, kind) = (self.names.len(), self.kind);
        match (all - self.drawn.len(), kind) {
            (0, _) => String::new(),
            (_, "target") => format!(
                " Drawn are the {COLOURS} of {all} targets that are farthest from their declared share."
            ),
            _ => format!(" Drawn are the first {COLOURS} values."),
        }
    }

    /// The names with their colours; `others` is what else is grey.
    pub(super) fn legend(&self, others: &[&str]) -> Markup {
        let more = self.names.len() - self.drawn.len();
        let grey: Vec<String> = (more > 0)
            .then(|| format!("{more} other {}s", self.kind))
            .into_iter()
            .chain(others.iter().map(|own| (*own).to_owned()))
            .collect();
        html! {
            ul class="legend" {
                @for column in self.drawn() {
                    li { span class={ "swatch " (self.class(column)) } {} (foreign(self.name(column))) }
                }
                @if !grey.is_empty() { li { span class="swatch other" {} (grey.join(", ")) } }
            }
        }
    }
}
