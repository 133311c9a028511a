//! Notes a high retry rate, which can mask a version that drops connections.

use crate::diag::{Code, Note};
use crate::observe::Observation;
use crate::units::percent;

/// A share of all requests that is worth a word.
const NOTABLE: f64 = 0.01;

/// A word about a server that closes connections under requests.
pub(super) fn caveat(seen: &Observation) -> Option<Note> {
    let share = seen.retried as f64 / seen.sent.max(1) as f64;
    (share >= NOTABLE).then(|| Note::new(Code::SentAgain, format!(
            "{} of {} requests ({}) were sent a second time, because their kept connection had been closed: a version that \
             drops connections may hide behind that; --disable-keepalive would show it",
            seen.retried,
            seen.sent,
            percent(share)
        )))
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
