//! The whole report in one line: a gate that keeps only one (Flagger puts the output into one event).

use std::io::{self, Write};

use super::evidence::chi_square;
use super::health::failing;
use super::latency_table::millis;
use super::lines::{Line, lines};
use super::sanitize::{fitted, safe};
use super::{Report, Style};
use crate::diag::{Code, Note};
use crate::units::{counted, percent};
use crate::verdict::Outcome;

/// Shares that are named.
const MOST_SHARES: usize = 6;
/// Columns a name may take.
const WIDEST: usize = 40;

pub(super) fn render(report: &Report, _style: Style, out: &mut dyn Write) -> io::Result<()> {
    let (seen, verdict) = (&report.observation.seen, &report.verdict);
    let failing = failing(report);
    let mut parts: Vec<String> = (failing.iter())
        .map(|own| {
            let (errors, total) = (own.errors, own.total);
            let target = fitted(&own.target, WIDEST);
            format!("{target}: {errors} of {total} responses are errors")
        })
        .collect();
    parts.push(safe(&verdict.reason));
    let share = |line: &Line<'_>| {
        let (name, share) = (fitted(line.name, WIDEST), percent(line.share));
        let declared = line
            .declared
            .map(|share| format!("declared {}", percent(share)));
        let place = declared.unwrap_or_else(|| line.place.to_owned());
        let p99 = line.latency.map(|ms| format!("p99 {} ms", millis(ms.p99)));
        let known = [Some(place).filter(|place| !place.is_empty()), p99];
        let known: Vec<String> = known.into_iter().flatten().collect();
        format!("{name} {share} ({})", known.join(", "))
    };
    let shares: Vec<String> = lines(report).iter().map(share).collect();
    let hidden = shares.len().saturating_sub(MOST_SHARES);
    let mut shares = shares[..shares.len() - hidden].to_vec();
    if hidden > 0 {
        shares.push(format!("and {hidden} more"));
    }
    if let Some(coverage) = &report.coverage {
        parts.push(coverage.sentence());
    } else if !shares.is_empty() {
        parts.push(shares.join(", "));
    }
    parts.extend(chi_square(report));
    let open = matches!(verdict.outcome, Outcome::Inconclusive | Outcome::NoData);
    // What the proxy has comes first, then what lint finds about the request.
    let known = || verdict.caveats.iter().filter(|_| open);
    let found = |note: &&Note| {
        let mut findings = report.known.findings.iter();
        findings.any(|finding| finding.tells_the_same(note))
    };
    let known = known()
        .find(|note| note.code == Code::ProgrammedDiffers)
        .or_else(|| known().find(found));
    let why = verdict.diagnosis.first().or(known);
    parts.extend(why.map(|why| format!("why: {}", safe(&why.message))));
    let requests = counted(seen.sent, "request");
    parts.push(if report.was_sent() {
        let seconds = seen.elapsed.as_secs_f64();
        format!("{requests} in {seconds:.2}s, {} failed", seen.failed())
    } else {
        requests
    });
    parts.push(report.asked());
    writeln!(out, "{}: {}", verdict.outcome, parts.join("; "))
}
