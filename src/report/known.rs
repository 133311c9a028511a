//! What is known beside the counts, added to a verdict: facts first, then what the counts suggest.

pub(super) use crate::verdict::explain::manifests::PROGRAMMED;
use crate::verdict::{Caveat, Outcome, Verdict};

/// Adds what lint finds about the request, and what else is known. Where the split diverges findings are part of the
/// diagnosis, otherwise of the caveats; what two of them say is said once.
pub(super) fn add(verdict: &mut Verdict, findings: &[Caveat], notes: &[Caveat]) {
    if verdict.outcome == Outcome::Diverged {
        explain(verdict, findings, notes);
    } else {
        let news: Vec<&Caveat> = (findings.iter())
            .filter(|finding| !said(&verdict.caveats, finding) && !said(notes, finding))
            .collect();
        verdict.caveats.extend(news.into_iter().cloned());
    }
    for note in notes {
        // The diagnosis says of it whether the traffic follows it, too.
        let explains = note.id == PROGRAMMED && verdict.outcome == Outcome::Diverged;
        if !explains && !said(&verdict.diagnosis, note) && !said(&verdict.caveats, note) {
            verdict.caveats.push(note.clone());
        }
    }
    // What was typed and had no effect may explain everything else; what the proxy has is no guess.
    verdict.caveats.sort_by_key(|note| match note.id.as_str() {
        "bucket-never-matched" | "map-never-matched" => 0,
        "target-silent" => 1,
        PROGRAMMED => 2,
        _ => 3,
    });
}

/// Says in the diagnosis what in the manifests, or in the proxy, is the reason: what the proxy is programmed with first, then
/// what lint finds, then what the counts suggest. Where both say the same, it is said once, with the rule as its name.
fn explain(verdict: &mut Verdict, findings: &[Caveat], notes: &[Caveat]) {
    let programmed = notes.iter().find(|note| note.id == PROGRAMMED);
    let told = (verdict.diagnosis.iter()).position(|why| why.id == PROGRAMMED);
    let told = told.map(|at| verdict.diagnosis.remove(at));
    let follows = told.is_some();
    let first = told.or_else(|| programmed.cloned());
    let facts: Vec<&Caveat> = (findings.iter())
        .filter(|finding| {
            first
                .as_ref()
                .is_none_or(|first| !first.message.contains(&finding.message))
        })
        .collect();
    verdict.diagnosis.retain(|why| {
        let same = facts.iter().any(|finding| finding.message == why.message);
        let contradicted = follows && is_guess(&why.id);
        !(same || contradicted || is_contained(&why.id, &facts, first.is_some()))
    });
    let (causes, others): (Vec<&Caveat>, Vec<&Caveat>) = facts
        .into_iter()
        .partition(|finding| !is_beside(&finding.id));
    let suggested = std::mem::take(&mut verdict.diagnosis);
    verdict.diagnosis = (first.into_iter())
        .chain(causes.into_iter().cloned())
        .chain(suggested)
        .chain(others.into_iter().cloned())
        .collect();
}

/// Whether an explanation comes from the counts alone.
fn is_guess(id: &str) -> bool {
    const GUESSES: [&str; 6] = [
        "even-split",
        "single-target",
        "missing-target",
        "swapped-weights",
        "by-replicas",
        "other-rule",
    ];
    GUESSES.contains(&id)
}

/// Whether a finding is about something else than which target a request reaches, or about proxies of long ago.
fn is_beside(rule: &str) -> bool {
    ["RS006", "RS022", "RS025", "RS028", "RS029", "RS034"].contains(&rule)
}

/// Whether a general explanation lists a cause that is known by itself: that no rule is applied, because of the client, of the
/// rule's place or of the port.
fn is_contained(id: &str, facts: &[&Caveat], programmed: bool) -> bool {
    const NOT_HTTP: [&str; 3] = ["RS005", "RS021", "RS024"];
    const NOT_THERE: [&str; 9] = [
        "RS004", "RS007", "RS008", "RS009", "RS016", "RS018", "RS023", "RS027", "RS035",
    ];
    let found = |rules: &[&str]| {
        facts
            .iter()
            .any(|finding| rules.contains(&finding.id.as_str()))
    };
    match id {
        "per-connection" => found(&NOT_HTTP),
        "even-split" | "by-replicas" => programmed || found(&NOT_HTTP) || found(&NOT_THERE),
        _ => false,
    }
}

fn said(known: &[Caveat], note: &Caveat) -> bool {
    known.iter().any(|known| known.message == note.message)
}
