//! What is known beside the counts, added to a verdict: facts first, then what the counts suggest.

use crate::diag::{Code, Note};
use crate::verdict::{Outcome, Verdict};

/// Adds what lint finds about the request, and what else is known. Where the split diverges findings are part of the
/// diagnosis, otherwise of the caveats; what two of them say is said once.
pub(super) fn add(verdict: &mut Verdict, findings: &[Note], notes: &[Note]) {
    for caveat in &mut verdict.caveats {
        caveat.message = caveat.text();
        caveat.help = None;
    }
    if verdict.outcome == Outcome::Diverged {
        explain(verdict, findings, notes);
    } else {
        let news: Vec<&Note> = (findings.iter())
            .filter(|finding| !said(&verdict.caveats, finding) && !said(notes, finding))
            .collect();
        verdict.caveats.extend(news.into_iter().cloned());
    }
    for note in notes {
        // The diagnosis says of it whether the traffic follows it, too.
        let explains = note.code == Code::ProgrammedDiffers && verdict.outcome == Outcome::Diverged;
        if !explains && !said(&verdict.diagnosis, note) && !said(&verdict.caveats, note) {
            verdict.caveats.push(note.clone());
        }
    }
    // What was typed and had no effect may explain everything else; what the proxy has is no guess.
    verdict.caveats.sort_by_key(|note| match note.code {
        Code::BucketNeverMatched | Code::MapNeverMatched => 0,
        Code::TargetSilent => 1,
        Code::ProgrammedDiffers => 2,
        _ => 3,
    });
}

/// Says in the diagnosis what in the manifests, or in the proxy, may be the reason. What the proxy is programmed with comes
/// first, then what the counts told; where both say the same, it is said once, with the rule as its name.
fn explain(verdict: &mut Verdict, findings: &[Note], notes: &[Note]) {
    let programmed = notes
        .iter()
        .find(|note| note.code == Code::ProgrammedDiffers);
    for finding in findings {
        if programmed.is_some_and(|note| note.tells_the_same(finding)) {
            continue;
        }
        match (verdict.diagnosis.iter_mut()).find(|known| known.tells_the_same(finding)) {
            Some(known) => known.clone_from(finding),
            None => verdict.diagnosis.push(finding.clone()),
        }
    }
    let told = (verdict.diagnosis.iter()).position(|why| why.code == Code::ProgrammedDiffers);
    let told = told.map(|at| verdict.diagnosis.remove(at));
    if let Some(first) = told.or_else(|| programmed.cloned()) {
        verdict.diagnosis.insert(0, first);
    }
}

fn said(known: &[Note], note: &Note) -> bool {
    known.iter().any(|known| known.tells_the_same(note))
}
