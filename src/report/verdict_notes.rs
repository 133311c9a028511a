//! What is known beside the counts, added to a verdict: facts first, then what the counts suggest.

use serde::{Deserialize, Serialize};

use crate::diag::{Code, Note};
use crate::verdict::{Outcome, Verdict};

/// What is known beside the counts.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct KnownNotes {
    /// What lint finds about the request: a part of the diagnosis where the split diverges, else of the caveats.
    #[serde(skip_serializing_if = "Vec::is_empty", default)]
    pub findings: Vec<Note>,
    /// What else is known; it becomes part of the caveats.
    #[serde(skip_serializing_if = "Vec::is_empty", default)]
    pub notes: Vec<Note>,
}

impl KnownNotes {
    /// Adds what lint finds about the request, and what else is known. Where the split diverges findings are part of the
    /// diagnosis, otherwise of the caveats; what two of them say is said once.
    pub(super) fn add_to(&self, verdict: &mut Verdict) {
        let Self { findings, notes } = self;
        for caveat in &mut verdict.caveats {
            caveat.message = caveat.text();
            caveat.help = None;
        }
        if verdict.outcome == Outcome::Diverged {
            explain(verdict, findings, notes);
        } else {
            // That the sender has no proxy is told with the rule as its name.
            let told = |finding: &Note| said(notes, finding) && finding.code != Code::NoProxy;
            let asked = notes
                .iter()
                .find(|note| note.code == Code::ProgrammedDiffers);
            let news: Vec<&Note> = (findings.iter())
                .filter(|finding| !said(&verdict.caveats, finding) && !told(finding))
                .filter(|finding| !is_of_same_dump(finding, asked))
                .collect();
            verdict.caveats.extend(news.into_iter().cloned());
        }
        for note in notes {
            // The diagnosis says of it whether the traffic follows it, too.
            let explains =
                note.code == Code::ProgrammedDiffers && verdict.outcome == Outcome::Diverged;
            if !explains && !said(&verdict.diagnosis, note) && !said(&verdict.caveats, note) {
                verdict.caveats.push(note.clone());
            }
        }
        // What was typed and had no effect may explain everything else; what the proxy has is no guess.
        verdict.caveats.sort_by_key(|note| match note.code {
            Code::BucketNeverMatched | Code::MapNeverMatched => 0,
            Code::TargetSilent => 1,
            Code::ProgrammedDiffers => 2,
            code if is_counted(code) => 3,
            _ => 4,
        });
    }
}

/// Says in the diagnosis what in the manifests, or in the proxy, is the reason: what the proxy is programmed with first, then
/// what lint finds, then what the counts suggest. Where both say the same, it is said once, with the rule as its name.
fn explain(verdict: &mut Verdict, findings: &[Note], notes: &[Note]) {
    let programmed = notes
        .iter()
        .find(|note| note.code == Code::ProgrammedDiffers);
    let told = (verdict.diagnosis.iter()).position(|why| why.code == Code::ProgrammedDiffers);
    let told = told.map(|at| verdict.diagnosis.remove(at));
    let follows = told.is_some();
    let first = told.or_else(|| programmed.cloned());
    let counted: Vec<Note> = notes
        .iter()
        .filter(|note| is_counted(note.code))
        .cloned()
        .collect();
    let facts: Vec<&Note> = (findings.iter())
        .filter(|finding| first.as_ref().is_none_or(|first| !finding.is_within(first)))
        .filter(|finding| !is_of_same_dump(finding, first.as_ref()))
        // That clients may pick explains nothing where this one did not.
        .filter(|finding| finding.code != Code::ClientPicksEndpoint)
        .collect();
    verdict.diagnosis.retain(|why| {
        let same = facts.iter().any(|finding| finding.tells_the_same(why));
        let contradicted = (follows || !counted.is_empty()) && is_guess(why.code);
        !(same || contradicted || is_contained(why.code, &facts, first.is_some()))
    });
    let (causes, others): (Vec<&Note>, Vec<&Note>) =
        facts.into_iter().partition(|finding| !is_beside(finding));
    let suggested = std::mem::take(&mut verdict.diagnosis);
    verdict.diagnosis = (first.into_iter())
        .chain(counted)
        .chain(causes.into_iter().cloned())
        .chain(suggested)
        .chain(others.into_iter().cloned())
        .collect();
}

/// Whether lint says of the dump of a proxy what is known of the proxy itself.
fn is_of_same_dump(finding: &Note, programmed: Option<&Note>) -> bool {
    programmed.is_some() && finding.code == Code::ProgrammedDiffers
}

/// Whether a proxy counted what is the reason.
fn is_counted(code: Code) -> bool {
    matches!(code, Code::CountedDiffers | Code::IdentityDiffers)
}

/// Whether an explanation comes from the counts alone.
fn is_guess(code: Code) -> bool {
    matches!(
        code,
        Code::EvenSplit
            | Code::SingleTarget
            | Code::MissingTarget
            | Code::SwappedWeights
            | Code::ByReplicas
            | Code::OtherRule
    )
}

/// Whether a finding is about something else than which target a request reaches, or about proxies of long ago.
fn is_beside(finding: &Note) -> bool {
    const BESIDE: [Code; 6] = [
        Code::Rs006,
        Code::Rs022,
        Code::Rs025,
        Code::Rs028,
        Code::Rs029,
        Code::Rs034,
    ];
    BESIDE.contains(&rule(finding)) && !is_not_http(finding) && !is_sticky(finding)
}

/// The rule of lint that a finding is of; a saved one has it as its code.
fn rule(finding: &Note) -> Code {
    finding.rule.unwrap_or(finding.code)
}

/// Whether the port carries no HTTP for the proxies that are asked about. A saved finding has one id for both facts.
fn is_not_http(finding: &Note) -> bool {
    matches!(finding.code, Code::NotHttp | Code::TakenForTcp)
}

/// Whether requests that are alike go to one target.
fn is_sticky(finding: &Note) -> bool {
    matches!(
        finding.code,
        Code::HashPolicy | Code::HashBalancing | Code::Sticky
    )
}

/// Whether a general explanation lists a cause that is known by itself: that no rule is applied, because of the client, of the
/// rule's place or of the port; that a target does not exist; that something keeps requests with one target.
fn is_contained(code: Code, facts: &[&Note], programmed: bool) -> bool {
    const NOT_HTTP: [Code; 3] = [Code::Rs005, Code::Rs021, Code::Rs024];
    const NOT_THERE: [Code; 9] = [
        Code::Rs004,
        Code::Rs007,
        Code::Rs008,
        Code::Rs009,
        Code::Rs016,
        Code::Rs018,
        Code::Rs023,
        Code::Rs027,
        Code::Rs035,
    ];
    const NO_TARGET: [Code; 7] = [
        Code::Rs001,
        Code::Rs002,
        Code::Rs003,
        Code::Rs004,
        Code::Rs017,
        Code::Rs018,
        Code::Rs020,
    ];
    let found = |rules: &[Code]| facts.iter().any(|finding| rules.contains(&rule(finding)));
    let not_http = || found(&NOT_HTTP) || facts.iter().any(|finding| is_not_http(finding));
    match code {
        Code::PerConnection => not_http(),
        Code::EvenSplit | Code::ByReplicas => {
            programmed || not_http() || found(&NOT_THERE) || found(&[Code::Rs019, Code::Rs037])
        }
        Code::SingleTarget => facts.iter().any(|finding| is_sticky(finding)),
        Code::MissingTarget => found(&NO_TARGET),
        Code::SwappedWeights => found(&[Code::Rs009, Code::Rs019]),
        _ => false,
    }
}

fn said(known: &[Note], note: &Note) -> bool {
    known.iter().any(|known| known.tells_the_same(note))
}
