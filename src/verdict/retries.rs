//! Requests that were sent again: which version they met the first time nobody knows, so that a version that drops
//! connections may hide behind them. They count in the worst case.

use crate::diag::{Code, Note};
use crate::observe::Observation;
use crate::units::percent;

/// A share of all requests that is worth a word.
const NOTABLE: f64 = 0.01;

/// A word about a server that closes connections under requests, or refuses them.
pub(super) fn caveat(seen: &Observation) -> Option<Note> {
    let share = seen.retried as f64 / seen.sent.max(1) as f64;
    (share >= NOTABLE).then(|| {
        Note::new(
            Code::SentAgain,
            format!(
                "{}: a version that drops requests may hide behind that; with --disable-keepalive each of them is a failure \
                 that says so",
                words(seen)
            ),
        )
    })
}

/// `240 of 1000 requests (24%) were sent again, because ...`
pub(super) fn words(seen: &Observation) -> String {
    let share = seen.retried as f64 / seen.sent.max(1) as f64;
    let were = if seen.retried == 1 { "was" } else { "were" };
    format!(
        "{} of {} requests ({}) {were} sent again, because the server closed kept connections or refused streams",
        seen.retried,
        seen.sent,
        percent(share)
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_many_are_worth_a_word() {
        let said = |sent, retried| {
            caveat(&Observation {
                sent,
                retried,
                ..Observation::default()
            })
        };
        assert_eq!(said(0, 0), None);
        assert_eq!(said(1000, 9), None);
        let many = said(1000, 10).expect("a word");
        assert!(
            many.message.starts_with("10 of 1000 requests (1%)"),
            "{}",
            many.message
        );
    }
}
