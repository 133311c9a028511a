//! Values the oracle has wrong, made again with 60 digits. Not: a way to make a case easier, every digit still counts.

use serde_json::{Value, json};

/// A case, a field of it, and what it should have been.
type Correction = (&'static str, &'static str, fn() -> Value);

const CORRECTIONS: [Correction; 1] = [
    // statsmodels takes central moments as differences of raw ones: at counts near 1000 the fourth loses all but six
    // digits. These are sums over the truncated masses, by the same formula.
    ("simultaneous-007", "sison_glaz", || {
        json!([
            [0.992, 0.999_264_951_942_921_6],
            [0.001, 0.008_264_951_942_921_695],
            [0.0, 0.005_264_951_942_921_696],
        ])
    }),
];

/// Puts right what is known to be wrong in the expectation of this case.
pub(super) fn correct(id: &str, expect: &mut Value) {
    for (case, field, value) in CORRECTIONS {
        if case == id {
            expect[field] = value();
        }
    }
}
