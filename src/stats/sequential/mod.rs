//! Looking after every response without paying for it: e-values, early passes, confidence sequences. Responses must
//! come in the order of dispatch, since slow versions answer late.

mod pass;

use std::sync::OnceLock;

use statrs::function::gamma::ln_gamma;

use crate::stats::design::{Design, PValue};
use crate::stats::interval::Interval;
use crate::stats::saddle::{LN_SQRT_2PI, deviance, stirling_error};
use crate::stats::{bisect, tolerance};
pub use pass::{PassThresholds, TargetThresholds};

/// Concentrations of the two mixed priors: 10 is quick to see gross faults, 100 is right for deviations of w = 0.1.
const CONCENTRATIONS: [f64; 2] = [10.0, 100.0];

/// What is already certain.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Decision {
    /// The split is another one: `E >= 2/alpha`.
    Diverged,
    /// Every edge is excluded: each likelihood ratio `>= 2/beta`.
    Pass,
}

/// The state of a run watched response by response; an update is O(k). Half of `alpha` and `beta` is spent here, the
/// other half is for the tests at the last response.
#[derive(Clone, Debug)]
pub struct Sequential {
    design: Design,
    counts: Vec<u64>,
    n: u64,
    unattributed: u64,
    // ln E against the declared shares, per concentration.
    ln_e: [f64; 2],
    highest: f64,
    // The number of responses for which thresholds of a pass are sought, and what was found when they mattered.
    most: Option<u64>,
    pass: OnceLock<Option<PassThresholds>>,
}

impl Sequential {
    /// A run that has seen nothing.
    #[must_use]
    pub fn new(design: &Design) -> Self {
        Self {
            counts: vec![0; design.shares().len()],
            design: design.clone(),
            n: 0,
            unattributed: 0,
            ln_e: [0.0; 2],
            highest: 0.0,
            most: None,
            pass: OnceLock::new(),
        }
    }

    /// The same run, which ends after so many responses: it passes as early as the exact chance of a false pass lets it.
    #[must_use]
    pub fn ending_after(self, most: u64) -> Self {
        Self {
            most: Some(most),
            ..self
        }
    }

    /// The next response in dispatch order came from target `i`.
    pub fn push(&mut self, i: usize) {
        let (share, count, n) = (
            self.design.shares()[i],
            self.counts[i] as f64,
            self.n as f64,
        );
        for (ln_e, c) in self.ln_e.iter_mut().zip(CONCENTRATIONS) {
            // The predictive probability of i, over its declared one.
            *ln_e += ((c * share + count) / ((c + n) * share)).ln();
        }
        self.counts[i] += 1;
        self.n += 1;
        // With a tolerance the e-value can only be smaller, so it is worked out only for a new record.
        if ln_mean(self.ln_e) > self.highest {
            self.highest = self.highest.max(self.ln_e());
        }
    }

    /// The next response in dispatch order could not be attributed.
    pub fn push_unattributed(&mut self) {
        self.unattributed += 1;
    }

    /// The next response in dispatch order came from where nothing may come from: infinite evidence.
    pub fn push_unexpected(&mut self) {
        self.ln_e = [f64::INFINITY; 2];
        self.highest = f64::INFINITY;
    }

    /// The attributed responses per target.
    #[must_use]
    pub fn counts(&self) -> &[u64] {
        &self.counts
    }

    /// `ln E` now: the mixture of [`ln_e_value`] over both concentrations, against the tolerated split nearest to the
    /// counts (an average of e-processes is one, and so is one whose null likelihood is maximised).
    #[must_use]
    pub fn ln_e(&self) -> f64 {
        let declared = ln_mean(self.ln_e);
        if self.design.tolerance() <= 0.0 || self.n == 0 || declared.is_infinite() {
            return declared;
        }
        declared - ln_gain(&self.counts, &self.design)
    }

    /// The highest `ln E` so far.
    #[must_use]
    pub fn highest_ln_e(&self) -> f64 {
        self.highest
    }

    /// The always-valid p-value `min(1, 1/max E)` (Ville's inequality).
    #[must_use]
    pub fn p_always_valid(&self) -> f64 {
        (-self.highest).exp().min(1.0)
    }

    /// The p-value of both halves of the error budget together, to be compared with `alpha`:
    /// `min(1, 2 min(p_last, 1/max E))`.
    #[must_use]
    pub fn adjusted_p(&self, last: &PValue) -> f64 {
        (2.0 * last.p.min(self.p_always_valid())).min(1.0)
    }

    /// The smallest `ln` likelihood ratio against an edge, over targets and sides (Wald 1945). Each is a supermartingale
    /// under the hypothesis it excludes. Unattributed responses count against every side.
    #[must_use]
    pub fn ln_pass(&self) -> f64 {
        let n = self.n + self.unattributed;
        if self.n == 0 {
            return 0.0;
        }
        let sides = self.counts.iter().enumerate().flat_map(|(i, count)| {
            let share = self.design.shares()[i];
            let (lo, hi) = self.design.edges(i);
            let high = count + self.unattributed;
            [
                lo.map(|lo| ln_likelihood_ratio(*count, n, share, lo)),
                hi.map(|hi| ln_likelihood_ratio(high, n, share, hi)),
            ]
        });
        sides.flatten().fold(f64::INFINITY, f64::min)
    }

    /// What is certain by now, if anything. A divergence must survive the kindest guess at unattributed responses.
    #[must_use]
    pub fn decision(&self) -> Option<Decision> {
        let diverged = (2.0 / self.design.alpha()).ln();
        if self.ln_e() >= diverged && self.ln_e_completed() >= diverged {
            return Some(Decision::Diverged);
        }
        let (evidence, needed) = self.evidence_of_pass();
        let passes = self.design.can_pass() && evidence >= needed;
        passes.then_some(Decision::Pass)
    }

    /// What is certain if so many responses are worth one independent one.
    #[must_use]
    pub fn decision_worth(&self, design_effect: f64) -> Option<Decision> {
        let scaled = |count: u64| crate::stats::whole((count as f64 / design_effect).round());
        let counts: Vec<u64> = self.counts.iter().map(|count| scaled(*count)).collect();
        let ln_e = ln_e_mixture(&counts, self.design.shares()) - ln_gain(&counts, &self.design);
        if self.highest.is_infinite() || ln_e >= (2.0 / self.design.alpha()).ln() {
            return self
                .decision()
                .filter(|decision| *decision == Decision::Diverged);
        }
        let needed = (2.0 / self.design.beta()).ln();
        let passes = self.design.can_pass() && self.ln_pass() / design_effect >= needed;
        passes.then_some(Decision::Pass)
    }

    /// The evidence for a pass, and what it takes: `ln` of the likelihood ratio against the edge that is farthest from being
    /// excluded.
    #[must_use]
    pub fn evidence_of_pass(&self) -> (f64, f64) {
        let by_inequality = (self.ln_pass(), (2.0 / self.design.beta()).ln());
        // Thresholds are calculated when they can matter.
        if self.most.is_none()
            || by_inequality.0 < -self.design.beta().ln() - std::f64::consts::LN_2
        {
            return by_inequality;
        }
        let find = || PassThresholds::confirmed(&self.design, self.most?);
        let Some(found) = self.pass.get_or_init(find) else {
            return by_inequality;
        };
        let n = self.n + self.unattributed;
        let side = |edge: Option<f64>, own: &TargetThresholds, count: u64, needed: f64| {
            let share = self.design.shares()[own.target];
            let ratio = edge.map(|edge| ln_likelihood_ratio(count, n, share, edge));
            (ratio.unwrap_or(f64::INFINITY), needed)
        };
        let sides = found.targets().flat_map(|own| {
            let (count, (lo, hi)) = (self.counts[own.target], self.design.edges(own.target));
            [
                side(lo, own, count, own.lower),
                side(hi, own, count + self.unattributed, own.upper),
            ]
        });
        let farthest = sides.min_by(|a, b| (a.0 - a.1).total_cmp(&(b.0 - b.1)));
        farthest.unwrap_or(by_inequality)
    }

    /// The confidence sequence of the share of target `i`: at all times together it misses the true share with
    /// probability `alpha` at most, over all targets.
    #[must_use]
    pub fn confidence(&self, i: usize) -> Interval {
        let tests = match self.counts.len() {
            1 | 2 => 1.0,
            targets => targets as f64,
        };
        confidence(
            self.counts[i],
            self.n,
            self.design.shares()[i],
            self.design.alpha() / tests,
        )
    }

    fn ln_e_completed(&self) -> f64 {
        if self.unattributed == 0 || self.highest.is_infinite() {
            return self.ln_e();
        }
        let (lo, hi) = self.design.tolerated();
        let shares = self.design.shares();
        let completed =
            tolerance::completed_within(&self.counts, shares, &lo, &hi, self.unattributed);
        ln_e_mixture(&completed, shares) - ln_gain(&completed, &self.design)
    }
}

/// `ln E` of counts against shares: the Dirichlet-multinomial mixture with parameters `c pi_i` over the null (Lindon &
/// Malek 2022, equation 5). It depends on the counts alone.
///
/// Written with Stirling errors and deviances, so that nothing of the size of `N` cancels.
#[must_use]
pub fn ln_e_value(counts: &[u64], shares: &[f64], concentration: f64) -> f64 {
    let counts: Vec<f64> = counts.iter().map(|count| *count as f64).collect();
    ln_e_value_worth(&counts, shares, concentration)
}

/// The same for responses that are worth fewer: fractions of counts.
fn ln_e_value_worth(counts: &[f64], shares: &[f64], concentration: f64) -> f64 {
    let c = concentration;
    let total = counts.iter().sum::<f64>() + c;
    let cell = |(count, share): (&f64, &f64)| {
        let a = count + c * share;
        let posterior = deviance(a, total * share) - 0.5 * a.ln() + stirling_error(a) + LN_SQRT_2PI;
        posterior + c * share * share.ln() - ln_gamma(c * share)
    };
    let cells: f64 = counts.iter().zip(shares).map(cell).sum();
    cells + 0.5 * total.ln() - stirling_error(total) - LN_SQRT_2PI + ln_gamma(c)
}

/// `ln` of the mean of [`ln_e_value`] at concentrations 10 and 100.
#[must_use]
pub fn ln_e_mixture(counts: &[u64], shares: &[f64]) -> f64 {
    ln_mean(CONCENTRATIONS.map(|c| ln_e_value(counts, shares, c)))
}

/// `ln` of the likelihood ratio of `share` against `edge` for `x` of `n`.
#[must_use]
pub fn ln_likelihood_ratio(x: u64, n: u64, share: f64, edge: f64) -> f64 {
    ln_likelihood_ratio_worth(x as f64, n as f64, share, edge)
}

/// The same for responses that are worth fewer.
fn ln_likelihood_ratio_worth(x: f64, n: f64, share: f64, edge: f64) -> f64 {
    let part = |count: f64, over: f64, under: f64| {
        if count <= 0.0 {
            0.0
        } else {
            count * (over / under).ln()
        }
    };
    part(x, share, edge) + part(n - x, 1.0 - share, 1.0 - edge)
}

/// The shares whose likelihood exceeds `alpha` times the mixture: an interval that holds at all times together (Robbins
/// 1970). The mixture is the one of [`ln_e_mixture`] for this target against the rest.
#[must_use]
pub fn confidence(x: u64, n: u64, share: f64, alpha: f64) -> Interval {
    confidence_worth(x as f64, n as f64, share, alpha)
}

/// The same for responses that are worth fewer, given in independent ones.
#[must_use]
pub fn confidence_worth(x: f64, n: f64, share: f64, alpha: f64) -> Interval {
    if n <= 0.0 || share <= 0.0 || share >= 1.0 {
        return Interval { lo: 0.0, hi: 1.0 };
    }
    // Likelihoods relative to that of the declared share.
    let shares = [share, 1.0 - share];
    let mixed = CONCENTRATIONS.map(|c| ln_e_value_worth(&[x, n - x], &shares, c));
    let least = ln_mean(mixed) + alpha.ln();
    let likely = |theta: f64| -ln_likelihood_ratio_worth(x, n, share, theta) > least;
    let observed = x / n;
    Interval {
        lo: if x <= 0.0 {
            0.0
        } else {
            bisect(0.0, observed, likely)
        },
        hi: if x >= n {
            1.0
        } else {
            bisect(observed, 1.0, |theta| !likely(theta))
        },
    }
}

/// By how much the best tolerated split explains the counts better than the declared one, as `ln` likelihood.
fn ln_gain(counts: &[u64], design: &Design) -> f64 {
    if design.tolerance() <= 0.0 {
        return 0.0;
    }
    let (lo, hi) = design.tolerated();
    let seen: Vec<f64> = counts.iter().map(|count| *count as f64).collect();
    let nearest = tolerance::nearest(&seen, &lo, &hi);
    let cells = seen.iter().zip(nearest.iter().zip(design.shares()));
    let gains = cells.filter(|(count, _)| **count > 0.0);
    gains
        .map(|(count, (theta, share))| count * (theta / share).ln())
        .sum()
}

/// `ln((e^a + e^b)/2)`.
fn ln_mean([a, b]: [f64; 2]) -> f64 {
    let (low, high) = (a.min(b), a.max(b));
    if low >= high {
        return high;
    }
    high + ((low - high).exp().ln_1p() - std::f64::consts::LN_2)
}

#[cfg(test)]
mod tests;
