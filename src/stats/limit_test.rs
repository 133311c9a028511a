//! A limit on a share of responses (errors, responses slower than a bound), decided exactly.

use super::binomial;

/// A limit is exceeded when "it is kept" is rejected at this level.
pub const FAIL: f64 = 0.01;
/// A limit is kept when "it is exceeded" is rejected at this level.
pub const PASS: f64 = 0.05;

/// What is known of a limit.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LimitOutcome {
    /// It is kept, with 95 % confidence.
    Kept,
    /// It is exceeded, with 99 % confidence.
    Exceeded,
    /// Neither is certain.
    Inconclusive,
}

/// A test of a limit.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct LimitTest {
    /// What is known.
    pub outcome: LimitOutcome,
    /// `P(X >= k)` were the share exactly at the limit.
    pub p_exceeded: f64,
    /// `P(X <= k)` were the share exactly at the limit.
    pub p_kept: f64,
}

impl LimitTest {
    /// The decision by the two one-sided p-values.
    #[must_use]
    pub fn of(p_exceeded: f64, p_kept: f64) -> Self {
        let outcome = match () {
            () if p_exceeded <= FAIL => LimitOutcome::Exceeded,
            () if p_kept <= PASS => LimitOutcome::Kept,
            () => LimitOutcome::Inconclusive,
        };
        Self {
            outcome,
            p_exceeded,
            p_kept,
        }
    }

    /// Whether at most `limit` of all responses are of a kind, of which `k` of `n` were: exact one-sided binomial tests, the
    /// same decision as by the one-sided bounds of Clopper & Pearson (1934).
    ///
    /// For a quantile ("p99 at most 200 ms") count the slower responses with `limit = 1 - 0.99`: no quantile is estimated.
    #[must_use]
    pub fn at_most(limit: f64, k: u64, n: u64) -> Self {
        Self::of(
            binomial::ln_ge(n, k, limit).exp(),
            binomial::ln_le(n, k, limit).exp(),
        )
    }
}

/// How many responses without a single one of the kind keep the limit: `(1 - limit)^n <= 0.05`.
#[must_use]
pub fn responses_to_pass(limit: f64) -> u64 {
    super::power::round_up(PASS.ln() / (-limit).ln_1p())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn known(limit: f64, k: u64, n: u64) -> LimitOutcome {
        LimitTest::at_most(limit, k, n).outcome
    }

    #[test]
    fn one_percent_of_errors_is_ruled_out_by_three_hundred_good_answers() {
        assert_eq!(responses_to_pass(0.01), 299);
        assert_eq!(known(0.01, 0, 299), LimitOutcome::Kept);
        assert_eq!(known(0.01, 0, 298), LimitOutcome::Inconclusive);
    }

    #[test]
    fn far_too_many_fail_and_nothing_seen_is_inconclusive() {
        assert_eq!(known(0.01, 30, 1000), LimitOutcome::Exceeded);
        assert_eq!(known(0.01, 0, 0), LimitOutcome::Inconclusive);
        assert_eq!(known(0.0, 1, 10), LimitOutcome::Exceeded);
        assert_eq!(known(0.0, 0, 10), LimitOutcome::Inconclusive);
    }
}
