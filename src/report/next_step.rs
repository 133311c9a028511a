//! What to do after a run.

use super::{Place, Report};
use crate::diag::Code;
use crate::split::ResponseFlag;
use crate::verdict::{Outcome, SloResult, Unit, advice};

/// What a person would do now.
pub(super) fn next_step(report: &Report) -> Option<String> {
    let verdict = &report.verdict;
    if verdict.silent_target() {
        // The note about it says what to do.
        return None;
    }
    match (verdict.outcome, verdict.requests_needed) {
        (Outcome::Inconclusive, _) if verdict.slos.iter().any(SloResult::hangs_on_unattributed) => {
            let rows = &report.observation.rows;
            Some(
                if report.expected.is_some() && rows.unattributed == rows.failed {
                    "find out why requests had no response: each may be an error of any target"
                        .to_owned()
                } else {
                    "let every version name itself in its errors too, as in a response header (--bucket header:NAME)"
                    .to_owned()
                },
            )
        }
        (Outcome::Inconclusive, Some(n)) if !report.was_sent() => {
            Some(format!("count about {n} requests"))
        }
        (Outcome::Inconclusive, Some(n)) if verdict.unit == Unit::Connection => {
            Some(format!("run again with -n {n} --reuse 2"))
        }
        (Outcome::Inconclusive, Some(n)) => Some(format!("run again with -n {n}")),
        (Outcome::Inconclusive, None) if report.observation.rows.unattributed > 0 => {
            let accept =
                "look at the responses that are unattributed; --max-unattributed accepts more";
            Some(after_local_replies(report).unwrap_or_else(|| accept.to_owned()))
        }
        (Outcome::NotJudged, _)
            if (verdict.caveats.iter()).any(|note| note.code == Code::BucketNeverMatched) =>
        {
            Some("choose another --bucket, or leave it out".to_owned())
        }
        (Outcome::NotJudged, _) => {
            Some("say what is declared with -f FILE or --expect v1=90,v2=10".to_owned())
        }
        _ => None,
    }
}

/// What to do where the verdict stays open because of replies of the proxy, if most of what is unattributed are such.
fn after_local_replies(report: &Report) -> Option<String> {
    if report.verdict.outcome != Outcome::Inconclusive {
        return None;
    }
    let rows = &report.observation.rows;
    let mut counts: Vec<((Option<ResponseFlag>, u16), u64)> = Vec::new();
    let unattributed = (rows.buckets.iter()).filter(|row| row.place == Place::Unattributed);
    for responses in unattributed.flat_map(|row| &row.answers) {
        let Some((flag, _)) = responses.bucket.local_reply() else {
            continue;
        };
        let kind = (flag, responses.bucket.status);
        match counts.iter_mut().find(|(known, _)| *known == kind) {
            Some((_, count)) => *count += responses.tally.count,
            None => counts.push((kind, responses.tally.count)),
        }
    }
    let ((flag, status), count) = counts.into_iter().max_by_key(|(_, count)| *count)?;
    let most = count > rows.unattributed / 2;
    most.then(|| {
        format!(
            "the proxy itself gave {count} of the errors: {}",
            advice(flag, status, "the target of these requests")
        )
    })
}
