//! Two saved reports beside each other, as text, Markdown or JSON (`resplit.compare/1`).

use std::borrow::Cow;
use std::io::{self, Write};

use serde::Serialize;

use super::lines::{Line, lines};
use super::sanitize::{fitted, safe};
use super::table::{left, right, table};
use super::{ObservationRows, Report};
use crate::observe::histogram;
use crate::units::{percent, seconds};
use crate::verdict::attribution::Attribution;
use crate::verdict::compare::{Bounded, Change, Compared, Direction, Side, compare};
use crate::verdict::mapping::Mapping;
use crate::verdict::slo::{Judged, Slo, SloOutcome, SloProblem, evaluate_between};
use crate::verdict::{Outcome, SloResult};

/// The schema of the JSON form.
const SCHEMA: &str = "resplit.compare/1";
/// Columns a name may take.
const WIDEST: usize = 30;

/// Two runs beside each other.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Comparison {
    schema: &'static str,
    before: Named,
    after: Named,
    /// Every target of either, then every value that belongs to none.
    targets: Vec<Compared>,
    /// How objectives stand, of the later run alone or against the earlier one.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    slos: Vec<SloResult>,
}

#[derive(Clone, Debug, PartialEq, Serialize)]
struct Named {
    file: String,
    url: String,
    method: String,
    outcome: Outcome,
    reason: String,
    answered: u64,
}

/// How a comparison is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ComparisonFormat {
    /// For a person.
    Text,
    /// For a pull request.
    Markdown,
    /// For a program.
    Json,
}

/// Compares two reports, with objectives of the later run alone or against the earlier one; a problem where one names a target
/// that either run does not know.
pub fn comparison(
    before: (&str, &Report),
    after: (&str, &Report),
    slos: &[Slo],
) -> Result<Comparison, (String, SloProblem)> {
    let [earlier, later] = [(before.1, after.1), (after.1, before.1)].map(with_targets_of);
    let (one, other) = (lines(&earlier), lines(&later));
    let mut names: Vec<&str> = one.iter().map(|line| line.name).collect();
    for line in &other {
        if !names.contains(&line.name) {
            names.push(line.name);
        }
    }
    let side = |lines: &[Line<'_>], name: &str, report: &Report| {
        let line = lines.iter().find(|line| line.name == name);
        Side {
            count: line.map_or(0, |line| line.count),
            answered: report.observation.rows.answered,
            errors: line.map_or(0, Line::errors),
            latencies: line.map_or_else(histogram, Line::latencies),
        }
    };
    let compared = names.iter().map(|name| {
        compare(
            name,
            &side(&one, name, &earlier),
            &side(&other, name, &later),
        )
    });
    Ok(Comparison {
        schema: SCHEMA,
        before: named(before),
        after: named(after),
        targets: compared.collect(),
        slos: decided(&earlier, &later, slos)?,
    })
}

fn decided(
    earlier: &Report,
    later: &Report,
    slos: &[Slo],
) -> Result<Vec<SloResult>, (String, SloProblem)> {
    let attributions = [earlier, later]
        .map(|report| Attribution::new(&report.observation.seen, report.declared()));
    let [one, other] = [(earlier, &attributions[0]), (later, &attributions[1])].map(judged);
    for slo in slos {
        let sides: &[Judged<'_>] = if slo.compares_runs() {
            &[one, other]
        } else {
            &[other]
        };
        for (attribution, _, split) in sides {
            slo.check_of(*split, attribution)
                .map_err(|problem| (slo.to_string(), problem))?;
        }
    }
    let results = slos.iter().map(|slo| evaluate_between(slo, one, other));
    Ok(results.collect())
}

/// A run without a declaration, with its values as the targets of the one beside it, so that both show the same lines.
fn with_targets_of<'r>((own, beside): (&'r Report, &Report)) -> Cow<'r, Report> {
    let declaration = beside.expected.as_ref().filter(|_| own.expected.is_none());
    let Some(declaration) = declaration else {
        return Cow::Borrowed(own);
    };
    let values = own.observation.seen.tallies.keys();
    let known = &beside.observation.mapping;
    let mapping = match Mapping::derive(&declaration.split, &[], values) {
        // What the run beside it took a value for wins.
        Ok(derived) => derived.and(known),
        Err(_) => known.clone(),
    };
    let mut own = own.clone();
    own.declare(declaration.clone(), mapping);
    own.observation.rows =
        ObservationRows::of(&own.observation.seen, own.declared(), &own.policy, None);
    Cow::Owned(own)
}

fn judged<'a>((report, attribution): (&'a Report, &'a Attribution)) -> Judged<'a> {
    (attribution, &report.observation.seen, report.split())
}

fn named((file, report): (&str, &Report)) -> Named {
    Named {
        file: file.to_owned(),
        url: report.target.url.clone(),
        method: report.target.method.clone(),
        outcome: report.verdict.outcome,
        reason: report.verdict.reason.clone(),
        answered: report.observation.rows.answered,
    }
}

impl Comparison {
    /// How the objectives stand together: failed before open before held; `None` without any.
    #[must_use]
    pub fn outcome(&self) -> Option<SloOutcome> {
        let has = |outcome| self.slos.iter().any(|result| result.outcome == outcome);
        let worst = [
            SloOutcome::Failed,
            SloOutcome::Inconclusive,
            SloOutcome::Pass,
        ];
        worst.into_iter().find(|outcome| has(*outcome))
    }

    /// Writes it.
    pub fn render(&self, format: ComparisonFormat, out: &mut dyn Write) -> io::Result<()> {
        match format {
            ComparisonFormat::Text => self.text(out),
            ComparisonFormat::Markdown => self.markdown(out),
            ComparisonFormat::Json => {
                let text = serde_json::to_string_pretty(self)?;
                writeln!(out, "{}", super::sanitize::safe_json(&text))
            }
        }
    }

    fn text(&self, out: &mut dyn Write) -> io::Result<()> {
        for (word, named) in [("before", &self.before), ("after ", &self.after)] {
            writeln!(
                out,
                "{word}  {}: {}, {} responses from {} {}",
                safe(&named.file),
                named.outcome,
                named.answered,
                named.method,
                safe(&named.url)
            )?;
        }
        let header = ["BEFORE", "AFTER", "CHANGE (95%)", ""];
        for (title, lines) in self.tables() {
            let header = std::iter::once(left(title)).chain(header.map(left));
            let mut rows = Vec::new();
            let mut group = String::new();
            for line in &lines {
                if line.group != group {
                    group.clone_from(&line.group);
                    rows.push(vec![left(&group)]);
                }
                let indent = if group.is_empty() { "" } else { "  " };
                let [before, after, change, word] = &line.cells;
                rows.push(vec![
                    left(&format!("{indent}{}", line.name)),
                    right(before),
                    right(after),
                    right(change),
                    left(word),
                ]);
            }
            writeln!(out, "\n{}", table(header.collect(), rows.into_iter()))?;
        }
        for (at, result) in self.slos.iter().enumerate() {
            let gap = if at == 0 { "\n" } else { "" };
            let (slo, reason) = (safe(&result.slo), safe(&result.reason));
            writeln!(out, "{gap}{}  {slo}: {reason}", result.outcome.word())?;
        }
        Ok(())
    }

    fn markdown(&self, out: &mut dyn Write) -> io::Result<()> {
        let code = super::markdown::code;
        writeln!(
            out,
            "## resplit: {} ({}) and {} ({})\n",
            code(&self.before.file),
            self.before.outcome,
            code(&self.after.file),
            self.after.outcome
        )?;
        for (title, lines) in self.tables() {
            writeln!(
                out,
                "| {title} | before | after | change (95%) | |\n|---|--:|--:|--:|---|"
            )?;
            for line in lines {
                let name = format!("{} {}", line.group, line.name);
                let cells = line.cells.join(" | ");
                writeln!(out, "| {} | {cells} |", code(name.trim_start()))?;
            }
            writeln!(out)?;
        }
        for result in &self.slos {
            let reason = super::markdown::prose(&result.reason);
            writeln!(
                out,
                "- {} {}: {reason}",
                result.outcome.word().trim(),
                code(&result.slo)
            )?;
        }
        Ok(())
    }

    /// The tables as text.
    fn tables(&self) -> Vec<(&'static str, Vec<TableRow>)> {
        let name = |target: &str| fitted(target, WIDEST);
        let fraction = |own: &Compared, change: &Change, words: [&str; 2]| TableRow {
            group: String::new(),
            name: name(&own.target),
            cells: [
                shown(change.before, percent, |end| format!("{:.1}", end * 100.0)),
                shown(change.after, percent, |end| format!("{:.1}", end * 100.0)),
                shown(change.change, points, |end| format!("{:+.1}", end * 100.0)),
                word(change.direction, words),
            ],
        };
        let shares = self.targets.iter();
        let shares = shares.map(|own| fraction(own, &own.share, ["more", "less"]));
        let failing = |own: &&Compared| {
            let some = |side: Option<Bounded>| side.is_some_and(|side| side.value > 0.0);
            some(own.errors.before) || some(own.errors.after)
        };
        let failing = self.targets.iter().filter(failing);
        let failing = failing.map(|own| fraction(own, &own.errors, ["worse", "better"]));
        let ratio = |ratio: f64| format!("{ratio:.2}");
        let latencies = self.targets.iter().flat_map(|own| {
            own.latency.iter().map(|(quantile, change)| TableRow {
                group: name(&own.target),
                name: quantile.clone(),
                cells: [
                    shown(change.before, seconds, seconds),
                    shown(change.after, seconds, seconds),
                    shown(change.change, |own| format!("{}x", ratio(own)), ratio),
                    word(change.direction, ["slower", "faster"]),
                ],
            })
        });
        let tables = [
            ("SHARE", shares.collect::<Vec<_>>()),
            ("ERRORS", failing.collect()),
            ("LATENCY", latencies.collect()),
        ];
        tables
            .into_iter()
            .filter(|(_, lines)| !lines.is_empty())
            .collect()
    }
}

/// A line of a table.
struct TableRow {
    /// The target, where a target has several lines.
    group: String,
    name: String,
    /// Before, after, change, and what that means.
    cells: [String; 4],
}

/// `+1.25` points
fn points(difference: f64) -> String {
    format!("{:+.2}pp", difference * 100.0)
}

/// `90% (88.1–92.4)`; with signs `+2pp (-0.3 – +4.1)`.
fn shown(
    own: Option<Bounded>,
    value: impl Fn(f64) -> String,
    end: impl Fn(f64) -> String,
) -> String {
    let Some(own) = own else {
        return "none".to_owned();
    };
    let [low, high] = own.interval.map(|bound| bound.map_or("?".to_owned(), &end));
    let to = if high.starts_with(['+', '-']) {
        " – "
    } else {
        "–"
    };
    format!("{} ({low}{to}{high})", value(own.value))
}

fn word(direction: Direction, [more, less]: [&str; 2]) -> String {
    match direction {
        Direction::More => more,
        Direction::Less => less,
        Direction::Unclear => "",
    }
    .to_owned()
}
