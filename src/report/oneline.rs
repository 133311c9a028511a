//! The whole answer in one line: a gate that keeps only one (Flagger puts the output into one event).

use std::io::{self, Write};

use super::health::failing;
use super::shown::{fitted, safe};
use super::table::millis;
use super::{Report, Style, text};
use crate::diag::{Code, Note};
use crate::units::{counted, percent};
use crate::verdict::Outcome;

/// Shares that are named.
const MOST_SHARES: usize = 6;
/// Columns a name may take.
const WIDEST: usize = 40;

pub(super) fn render(report: &Report, _style: Style, out: &mut dyn Write) -> io::Result<()> {
    let (seen, verdict) = (&report.observation, &report.verdict);
    let failing = failing(report);
    let mut parts: Vec<String> = (failing.iter())
        .map(|own| {
            let (errors, total) = (own.errors, own.total);
            let target = fitted(&own.target, WIDEST);
            format!("{target}: {errors} of {total} responses are errors")
        })
        .collect();
    parts.push(safe(&verdict.reason));
    let targets = seen.targets.iter().map(|target| {
        let p99 = target
            .response_ms
            .map(|ms| format!(", p99 {} ms", millis(ms.p99)));
        format!(
            "{} {} (declared {}{})",
            fitted(&target.target, WIDEST),
            percent(target.share),
            percent(target.declared),
            p99.unwrap_or_default()
        )
    });
    let others = seen.buckets.iter().filter(|row| row.target.is_none());
    let others = others.map(|row| {
        format!(
            "{} {} ({}, p99 {} ms)",
            fitted(&row.bucket, WIDEST),
            percent(row.share),
            row.place,
            millis(row.response_ms.p99)
        )
    });
    let shares: Vec<String> = targets.chain(others).collect();
    let hidden = shares.len().saturating_sub(MOST_SHARES);
    let mut shares = shares[..shares.len() - hidden].to_vec();
    if hidden > 0 {
        shares.push(format!("and {hidden} more"));
    }
    if !shares.is_empty() {
        parts.push(shares.join(", "));
    }
    parts.extend(text::chi_square(report));
    let open = matches!(verdict.outcome, Outcome::Inconclusive | Outcome::NoData);
    // What the proxy has comes first, then what lint finds about the request.
    let known = || verdict.caveats.iter().filter(|_| open);
    let found = |note: &&Note| {
        let mut findings = report.findings.iter();
        findings.any(|finding| finding.tells_the_same(note))
    };
    let known = known()
        .find(|note| note.code == Code::ProgrammedDiffers)
        .or_else(|| known().find(found));
    let why = verdict.diagnosis.first().or(known);
    parts.extend(why.map(|why| format!("why: {}", safe(&why.message))));
    parts.push(format!(
        "{} in {:.2}s, {} failed",
        counted(seen.sent, "request"),
        seen.elapsed_s,
        seen.failed
    ));
    parts.push(format!(
        "{} {}",
        report.target.method,
        safe(&report.target.url)
    ));
    writeln!(out, "{}: {}", verdict.outcome, parts.join("; "))
}
