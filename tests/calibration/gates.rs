//! The rules by which others tell a right split from a wrong one, as exact probabilities. Not: resplit's own.
//!
//! Sources: Gateway API conformance, `conformance/utils/weight/weight.go` (500 requests, 5 points, every target seen, ten
//! attempts); Istio, `tests/integration/pilot/common/routing.go` (100 calls, 10 of them, retried for half a minute, taken
//! as ten attempts); Envoy Gateway, `test/e2e/tests/weighted_backend.go` (50 requests, 3 of them, one attempt).

use resplit::stats::binomial;

/// A rule: every count is within a distance of what is declared.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Gate {
    pub(crate) name: &'static str,
    requests: u64,
    /// The largest distance, in requests.
    distance: u64,
    /// Every target has to be seen.
    seen: bool,
    /// The first attempt that holds counts.
    attempts: i32,
}

const fn gate(name: &'static str, requests: u64, distance: u64, attempts: i32) -> Gate {
    Gate {
        name,
        requests,
        distance,
        seen: false,
        attempts,
    }
}

/// All rules, in the order of the table.
pub(crate) const GATES: [Gate; 6] = [
    Gate {
        seen: true,
        ..gate("Gateway API conformance, one attempt", 500, 25, 1)
    },
    Gate {
        seen: true,
        ..gate("Gateway API conformance, best of 10", 500, 25, 10)
    },
    gate("Istio integration test, one attempt", 100, 10, 1),
    gate("Istio integration test, 10 attempts", 100, 10, 10),
    gate("Envoy Gateway e2e", 50, 3, 1),
    gate("a look at 1000, within 2 points", 1000, 20, 1),
];

impl Gate {
    /// The probability that it says no, where `declared` (in percent) is really `truth`.
    pub(crate) fn fails(&self, declared: &[u64], truth: &[f64]) -> f64 {
        let holds = self.holds(declared, truth, self.requests, 1.0);
        (1.0 - holds).max(0.0).powi(self.attempts)
    }

    /// The probability that every count is in its band: target by target, each given those before it.
    fn holds(&self, declared: &[u64], truth: &[f64], left: u64, mass: f64) -> f64 {
        let ([percent, rest @ ..], [share, others @ ..]) = (declared, truth) else {
            return 1.0;
        };
        let inside = |count: u64| {
            let apart = (100 * count).abs_diff(self.requests * percent);
            apart <= 100 * self.distance && (count > 0 || !self.seen)
        };
        if rest.is_empty() {
            return f64::from(u8::from(inside(left)));
        }
        let given = if mass > 0.0 {
            (share / mass).min(1.0)
        } else {
            0.0
        };
        let counts = (0..=left).filter(|count| inside(*count));
        counts
            .map(|count| {
                let here = binomial::ln_mass(left, count, given).exp();
                if here > 0.0 {
                    here * self.holds(rest, others, left - count, mass - share)
                } else {
                    0.0
                }
            })
            .sum()
    }
}
