//! A plan as two small tables: what the targets take, and how many requests decide which question.

use std::io::{self, Write};

use super::sanitize::{fitted, safe};
use super::table::{left, right, table};
use crate::units::{counted, percent};
use crate::verdict::size::{Size, SizedTarget};

/// Columns of a name.
const NAME_WIDTH: usize = 40;

/// Writes the plan as text.
pub fn render(size: &Size, out: &mut dyn Write) -> io::Result<()> {
    let rule = size
        .rule
        .as_ref()
        .map(|rule| format!(" ({})", safe(rule)))
        .unwrap_or_default();
    writeln!(out, "declared in {}{rule}", safe(&size.source))?;
    writeln!(out, "\n{}", targets(size))?;
    writeln!(out, "\n{}", questions(size))?;
    if let Some(sees) = &size.sees {
        let n = counted(sees.requests, "request");
        let deviations = joined(size, &sees.deviation, |name, d| {
            format!("{} of {name}", points(d))
        });
        writeln!(out, "\n  {n} rule out deviations above {deviations}")?;
        if let (Some(power), Some(detect)) = (sees.power, &size.detect) {
            let wrong = wrong(size, &detect.shares);
            writeln!(
                out,
                "  {n} detect {wrong} with a probability of {}",
                percent(power)
            )?;
        }
    }
    for caveat in &size.caveats {
        writeln!(out, "\n  note: {}", safe(&caveat.message))?;
    }
    writeln!(
        out,
        "\n  alpha = {}, beta = {}, tolerance = {}",
        size.alpha,
        size.beta,
        percent(size.tolerance)
    )
}

fn targets(size: &Size) -> String {
    let header = vec![
        left("TARGET"),
        right("DECLARED"),
        left("A PASS RULES OUT"),
        right("REQUESTS FOR ITS P99"),
    ];
    let rows = size.targets.iter().map(|target| {
        let resolution = target.resolution.map_or_else(
            || "any response".to_owned(),
            |d| format!("off by {}", points(d)),
        );
        let p99 = target
            .p99_requests
            .map_or_else(|| "–".to_owned(), |n| n.to_string());
        vec![
            left(&fitted(&target.target, NAME_WIDTH)),
            right(&percent(target.share)),
            left(&resolution),
            right(&p99),
        ]
    });
    table(header, rows)
}

fn questions(size: &Size) -> String {
    let header = vec![
        left("REQUESTS TO"),
        right("FIXED (-n)"),
        right("SEQUENTIAL, AT MOST"),
    ];
    let mut rows = Vec::new();
    let mut row = |question: &str, fixed: &str, sequential: &str| {
        rows.push(vec![left(question), right(fixed), right(sequential)]);
    };
    row(
        "decide whether the split holds",
        &size.fixed.to_string(),
        &size.sequential.to_string(),
    );
    if let Some(detect) = &size.detect {
        let number =
            |n: Option<u64>| n.map_or_else(|| "never: tolerated".to_owned(), |n| n.to_string());
        row(
            &format!("detect {}, about", wrong(size, &detect.shares)),
            &number(detect.fixed),
            &number(detect.sequential),
        );
    }
    if let Some(smallest) = smallest(size) {
        row(
            &format!(
                "notice that {} gets nothing",
                fitted(&smallest.target, NAME_WIDTH)
            ),
            &size.starvation.to_string(),
            "",
        );
    }
    table(header, rows.into_iter())
}

/// The target that is hardest to see, where there are several.
fn smallest(size: &Size) -> Option<&SizedTarget> {
    let active = || {
        size.targets
            .iter()
            .filter(|target| target.resolution.is_some())
    };
    let smallest = active().min_by(|a, b| a.share.total_cmp(&b.share));
    smallest.filter(|_| active().count() > 1)
}

/// `85% v1, 15% v2`
fn wrong(size: &Size, shares: &[f64]) -> String {
    let part = |(share, target): (&f64, &SizedTarget)| {
        format!("{} {}", percent(*share), fitted(&target.target, NAME_WIDTH))
    };
    let parts: Vec<String> = shares.iter().zip(&size.targets).map(part).collect();
    parts.join(", ")
}

/// One value for every target with a share; once, where they agree.
fn joined(size: &Size, values: &[f64], show: impl Fn(&str, f64) -> String) -> String {
    let agree = values
        .windows(2)
        .all(|pair| (pair[0] - pair[1]).abs() < 5e-4);
    if let (true, Some(first)) = (agree, values.first()) {
        return points(*first);
    }
    let active = size
        .targets
        .iter()
        .filter(|target| target.resolution.is_some());
    let parts: Vec<String> = active
        .zip(values)
        .map(|(target, value)| show(&fitted(&target.target, NAME_WIDTH), *value))
        .collect();
    parts.join(", ")
}

fn points(deviation: f64) -> String {
    let text = percent(deviation);
    format!("{} points", text.trim_end_matches('%'))
}
