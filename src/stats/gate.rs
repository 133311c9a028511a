//! A limit on a share of responses (errors, answers slower than a bound), decided exactly. Not: what is counted.

use super::binomial;

/// A gate fails when its limit is exceeded at this level.
pub const FAIL: f64 = 0.01;
/// A gate opens when the limit is kept at this level.
pub const OPEN: f64 = 0.05;

/// How a gate stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Gate {
    /// The limit is kept, with 95 % confidence.
    Open,
    /// The limit is exceeded, with 99 % confidence.
    Failed,
    /// Neither is certain.
    Inconclusive,
}

/// A gate with the probabilities behind it.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Gated {
    /// How it stands.
    pub gate: Gate,
    /// `P(X >= k)` were the share exactly at the limit.
    pub p_exceeded: f64,
    /// `P(X <= k)` were the share exactly at the limit.
    pub p_kept: f64,
}

/// Whether at most `limit` of all responses are of a kind, of which `k` of `n` were: exact one-sided binomial tests, the
/// same decision as by the one-sided bounds of Clopper & Pearson (1934).
///
/// For a quantile gate ("p99 at most 200 ms") count the slower answers with `limit = 1 - 0.99`: no quantile is estimated.
#[must_use]
pub fn at_most(limit: f64, k: u64, n: u64) -> Gated {
    let p_exceeded = binomial::ln_ge(n, k, limit).exp();
    let p_kept = binomial::ln_le(n, k, limit).exp();
    let gate = match () {
        () if p_exceeded <= FAIL => Gate::Failed,
        () if p_kept <= OPEN => Gate::Open,
        () => Gate::Inconclusive,
    };
    Gated {
        gate,
        p_exceeded,
        p_kept,
    }
}

/// How many responses without a single one of the kind open the gate: `(1 - limit)^n <= 0.05`.
#[must_use]
pub fn responses_to_open(limit: f64) -> u64 {
    super::power::round_up(OPEN.ln() / (-limit).ln_1p())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_percent_of_errors_is_ruled_out_by_three_hundred_good_answers() {
        assert_eq!(responses_to_open(0.01), 299);
        assert_eq!(at_most(0.01, 0, 299).gate, Gate::Open);
        assert_eq!(at_most(0.01, 0, 298).gate, Gate::Inconclusive);
    }

    #[test]
    fn far_too_many_fail_and_nothing_seen_is_inconclusive() {
        assert_eq!(at_most(0.01, 30, 1000).gate, Gate::Failed);
        assert_eq!(at_most(0.01, 0, 0).gate, Gate::Inconclusive);
        assert_eq!(at_most(0.0, 1, 10).gate, Gate::Failed);
        assert_eq!(at_most(0.0, 0, 10).gate, Gate::Inconclusive);
    }
}
