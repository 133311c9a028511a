//! A declared split as a question to the counts: p-values for "it is another one" and for "it is off by the margin",
//! and how many requests the answer needs.

use std::f64::consts::LN_2;

use crate::stats::multinomial::{self, Order};
use crate::stats::{binomial, chi_square, fit, power, tolerance};

/// Above this many outcomes the multinomial p-value is simulated.
const MOST_OUTCOMES: f64 = 5e6;
/// Draws of the simulation.
const DRAWS: u32 = 100_000;
/// Below this many expected responses in some target the chi-square approximation is not used: at `alpha = 0.001` the
/// textbook's five gives up to four times the promised error.
const LEAST_EXPECTED: f64 = 20.0;
/// Cohen's `w` that a pass rules out unless told otherwise.
const AUTO_EFFECT: f64 = 0.1;
/// What a split of one target rules out unless told otherwise: one percent going elsewhere.
const AUTO_ELSEWHERE: f64 = 0.01;
/// The widest deviation that a pass may leave open, where a number of requests is given: 10 points, and this part of the
/// share itself. Where so few requests rule out only wider ones, nothing passes.
const WIDEST: f64 = 0.1;
const WIDEST_OF_SHARE: f64 = 0.7;
/// Below this many expected responses in some target the classical chi-square test is exact: the textbook's five.
const TEXTBOOK_LEAST_EXPECTED: f64 = 5.0;

/// The deviation a pass must rule out.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Resolution {
    /// `0.1 sqrt(pi (1 - pi))` per target (Cohen's w = 0.1), so that every split needs about four thousand requests.
    Auto,
    /// The same deviation for every target.
    Absolute(f64),
    /// Per target what so many responses rule out, looked at once. Where that is more than 10 points, or than 0.7 of its
    /// share (of two targets: of the smaller share), nothing passes.
    RuledOut(u64),
    /// The same at the latest, looked at after each response, and never less than `Auto`.
    RuledOutBy(u64),
}

/// The question put to the counts: declared shares and what may be accepted.
#[derive(Clone, Debug, PartialEq)]
pub struct Design {
    // All positive, sum 1.
    shares: Vec<f64>,
    alpha: f64,
    beta: f64,
    tolerance: f64,
    // The edges a pass must exclude; <= 0 or >= 1 where there is nothing to exclude.
    edges: Vec<(f64, f64)>,
    // Whether a number of requests was given that rules out too little for a pass to say anything.
    too_few: bool,
}

/// How a p-value was found.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Method {
    /// By looking: a single target cannot have another split.
    Structural,
    /// The central binomial test of one of two targets.
    ExactBinomial,
    /// The X² test over all outcomes.
    ExactMultinomial,
    /// The X² test over seeded draws.
    MonteCarlo {
        /// How many.
        draws: u32,
        /// From which seed.
        seed: u64,
    },
    /// The X² test by its chi-square approximation.
    PearsonChiSquare,
}

/// The probability, were the declaration true, of counts at least this far off.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct PValue {
    /// The p-value; 0 where it underflows.
    pub p: f64,
    /// Its logarithm, which does not.
    pub ln_p: f64,
    /// How it was found. With three or more targets: how its omnibus part was found.
    pub method: Method,
    /// The target that is off, where one is by itself at level `alpha` (Holm 1979, first step). Of two mirrored targets
    /// the smaller one.
    pub worst_target: Option<usize>,
}

impl PValue {
    /// Of what the declaration itself makes.
    pub const CERTAIN: Self = Self {
        p: 1.0,
        ln_p: 0.0,
        method: Method::Structural,
        worst_target: None,
    };

    fn new(ln_p: f64, method: Method, worst_target: Option<usize>) -> Self {
        let ln_p = ln_p.min(0.0);
        Self {
            p: ln_p.exp(),
            ln_p,
            method,
            worst_target,
        }
    }
}

impl Design {
    /// A question about `shares` (at least one, all positive, sum 1): at most `alpha` false alarms, at most `beta` false
    /// passes, deviations up to `tolerance` accepted.
    #[must_use]
    pub fn new(
        shares: &[f64],
        alpha: f64,
        beta: f64,
        tolerance: f64,
        resolution: Resolution,
    ) -> Self {
        debug_assert!(!shares.is_empty() && shares.iter().all(|share| *share > 0.0));
        let mut too_few = false;
        let edges = if shares.len() == 1 {
            let deviation = match resolution {
                Resolution::Absolute(deviation) => deviation,
                _ => AUTO_ELSEWHERE,
            };
            vec![(1.0 - deviation.max(tolerance), 1.0)]
        } else {
            let smallest = shares.iter().copied().fold(1.0, f64::min);
            // Of two targets one mirrors the other, and what holds for the smaller holds for both.
            let mut bounded = |deviation: f64, share: f64| {
                let least = if shares.len() == 2 { smallest } else { share };
                let widest = WIDEST.min(WIDEST_OF_SHARE * least);
                too_few |= deviation > widest;
                deviation.min(widest)
            };
            let mut deviation = |share: &f64| match resolution {
                Resolution::Auto => auto_deviation(*share),
                Resolution::Absolute(deviation) => deviation,
                Resolution::RuledOut(n) => {
                    bounded(ruled_out(*share, n, shares.len(), (alpha, beta)), *share)
                }
                Resolution::RuledOutBy(n) => {
                    let error_rates = (alpha / 2.0, beta / 2.0);
                    let ruled_out = ruled_out(*share, n, shares.len(), error_rates);
                    bounded(ruled_out.max(auto_deviation(*share)), *share)
                }
            };
            shares
                .iter()
                .map(|share| edges(*share, tolerance, deviation(share)))
                .collect()
        };
        Self {
            shares: shares.to_vec(),
            alpha,
            beta,
            tolerance,
            edges,
            too_few,
        }
    }

    /// Whether a pass is possible: not where the given number of requests rules out only deviations wider than 10 points
    /// or than 0.7 of a share.
    #[must_use]
    pub fn can_pass(&self) -> bool {
        !self.too_few
    }

    /// The declared shares.
    #[must_use]
    pub fn shares(&self) -> &[f64] {
        &self.shares
    }

    /// The largest accepted probability of a false alarm.
    #[must_use]
    pub fn alpha(&self) -> f64 {
        self.alpha
    }

    /// The largest accepted probability of a false pass.
    #[must_use]
    pub fn beta(&self) -> f64 {
        self.beta
    }

    /// The deviation that is accepted in every target.
    #[must_use]
    pub fn tolerance(&self) -> f64 {
        self.tolerance
    }

    /// The deviation a pass rules out, per target, on its wider side. (The lower edge never falls below a tenth of the
    /// share, so that a starved target is always outside.)
    #[must_use]
    pub fn resolution(&self) -> Vec<f64> {
        let wider = |(share, (lo, hi)): (&f64, &(f64, f64))| (share - lo).max(hi - share);
        self.shares.iter().zip(&self.edges).map(wider).collect()
    }

    /// The deviation that `n` responses rule out per target, looked at once; never less than what is tolerated.
    #[must_use]
    pub fn deviation_ruled_out(&self, n: u64) -> Vec<f64> {
        let (k, error_rates) = (self.shares.len(), (self.alpha, self.beta));
        if k == 1 {
            return vec![1.0 - self.beta.powf(1.0 / n as f64)];
        }
        let shares = self.shares.iter();
        let of = |share: &f64| ruled_out(*share, n, k, error_rates).max(self.tolerance);
        shares.map(of).collect()
    }

    /// The edges of target `i` a pass must exclude; `None` where the edge is no possible share.
    #[must_use]
    pub fn edges(&self, i: usize) -> (Option<f64>, Option<f64>) {
        let (lo, hi) = self.edges[i];
        ((lo > 0.0).then_some(lo), (hi < 1.0).then_some(hi))
    }

    /// The lowest and highest tolerated share of every target.
    #[must_use]
    pub fn tolerated(&self) -> (Vec<f64>, Vec<f64>) {
        let lo = self
            .shares
            .iter()
            .map(|share| (share - self.tolerance).max(0.0));
        let hi = self
            .shares
            .iter()
            .map(|share| (share + self.tolerance).min(1.0));
        (lo.collect(), hi.collect())
    }

    /// The p-value of "the split is the declared one, or one within the tolerance", tested at the tolerated split nearest
    /// to the counts.
    ///
    /// Two targets: the central exact binomial. More: `min(1, 2 min(p_omnibus, k min_i p_i))`, the omnibus X² together
    /// with the exact binomial of every target, which sees a starved small target and names it. `seed` matters only
    /// where the omnibus is simulated.
    #[must_use]
    pub fn p_diverged(&self, counts: &[u64], seed: u64) -> PValue {
        debug_assert_eq!(counts.len(), self.shares.len());
        match self.shares.len() {
            1 => PValue::new(0.0, Method::Structural, None),
            2 => self.two_targets(counts),
            _ => self.many_targets(counts, seed),
        }
    }

    /// [`Design::p_diverged`] after the most favourable completion by answers nobody could attribute: a divergence must
    /// survive every guess at them.
    #[must_use]
    pub fn p_diverged_completed(&self, counts: &[u64], unattributed: u64, seed: u64) -> PValue {
        if unattributed == 0 || self.shares.len() == 1 {
            return self.p_diverged(counts, seed);
        }
        let (lo, hi) = self.tolerated();
        let completed = tolerance::completed_within(counts, &self.shares, &lo, &hi, unattributed);
        self.p_diverged(&completed, seed)
    }

    /// The p-value of "some share lies on or beyond an edge": the largest over targets and sides of the one-sided exact
    /// binomial tests. An intersection-union test (Berger 1982), so nothing is divided. With unattributed responses each
    /// side counts them against itself.
    #[must_use]
    pub fn p_equivalence(&self, counts: &[u64], unattributed: u64) -> f64 {
        self.ln_p_equivalence(counts, unattributed).exp()
    }

    /// `ln` of [`Design::p_equivalence`].
    #[must_use]
    pub fn ln_p_equivalence(&self, counts: &[u64], unattributed: u64) -> f64 {
        let n = counts.iter().sum::<u64>() + unattributed;
        if n == unattributed || self.too_few {
            // Nothing was attributed: nothing is excluded, not even by a design without edges.
            return 0.0;
        }
        let sides = counts.iter().enumerate().flat_map(|(i, count)| {
            let (lo, hi) = self.edges(i);
            let low = lo.map(|lo| binomial::ln_ge(n, *count, lo));
            let high = hi.map(|hi| binomial::ln_le(n, count + unattributed, hi));
            [low, high]
        });
        sides.flatten().fold(f64::NEG_INFINITY, f64::max)
    }

    /// How many requests decide, looking once at the end: a correct split passes and an edge diverges, but for `alpha`
    /// and `beta`. For one target: enough to rule out its edge by never missing it ("rule of three").
    #[must_use]
    pub fn requests_fixed(&self) -> u64 {
        self.requests(self.alpha, self.beta)
    }

    /// How many requests decide at the latest, looking after every response, with half of `alpha` and `beta` kept for
    /// the end.
    #[must_use]
    pub fn requests_sequential(&self) -> u64 {
        self.requests(self.alpha / 2.0, self.beta / 2.0)
    }

    /// The requests each side of target `i` needs, at `alpha` and `beta` for the whole split.
    #[must_use]
    pub fn requests_per_side(&self, i: usize, alpha: f64, beta: f64) -> (Option<f64>, Option<f64>) {
        let alpha_side = alpha_side(alpha, self.shares.len());
        let side = |edge| power::requests_to_tell(self.shares[i], edge, alpha_side, beta);
        let (lo, hi) = self.edges(i);
        (lo.map(side), hi.map(side))
    }

    fn requests(&self, alpha: f64, beta: f64) -> u64 {
        if let [(lo, _)] = self.edges[..] {
            return power::round_up(beta.ln() / lo.ln());
        }
        let sides = (0..self.shares.len()).flat_map(|i| {
            let (low, high) = self.requests_per_side(i, alpha, beta);
            [low, high]
        });
        power::round_up(sides.flatten().fold(1.0, f64::max))
    }

    fn two_targets(&self, counts: &[u64]) -> PValue {
        let smaller = usize::from(self.shares[1] <= self.shares[0]);
        let p = self.p_targets(counts)[smaller];
        let worst_target = (p.ln_p <= self.alpha.ln()).then_some(smaller);
        PValue { worst_target, ..p }
    }

    fn many_targets(&self, counts: &[u64], seed: u64) -> PValue {
        let omnibus = self.p_omnibus(counts, seed);
        let least = |least: (f64, usize), next: (usize, PValue)| {
            if next.1.ln_p < least.0 {
                (next.1.ln_p, next.0)
            } else {
                least
            }
        };
        let targets = self.p_targets(counts).into_iter().enumerate();
        let (ln_least, worst) = targets.fold((0.0, 0), least);
        let ln_shares = ln_least + (self.shares.len() as f64).ln();
        let worst_target = (ln_shares <= self.alpha.ln()).then_some(worst);
        PValue::new(
            LN_2 + omnibus.ln_p.min(ln_shares),
            omnibus.method,
            worst_target,
        )
    }

    /// The p-value of X² alone, at the nearest tolerated split.
    #[must_use]
    pub fn p_omnibus(&self, counts: &[u64], seed: u64) -> PValue {
        self.p_pearson(counts, LEAST_EXPECTED, seed)
    }

    /// The p-value of the classical chi-square test: the approximation where every expected count is at least 5, exact over
    /// all outcomes below that (Cochran 1954), at the nearest tolerated split.
    #[must_use]
    pub fn p_chi_square(&self, counts: &[u64], seed: u64) -> PValue {
        self.p_pearson(counts, TEXTBOOK_LEAST_EXPECTED, seed)
    }

    /// The p-value of X² at the nearest tolerated split, approximated where every expected count is at least
    /// `least_expected`.
    fn p_pearson(&self, counts: &[u64], least_expected: f64, seed: u64) -> PValue {
        let n: u64 = counts.iter().sum();
        if n == 0 || self.shares.len() == 1 {
            return PValue::new(0.0, Method::Structural, None);
        }
        let observed: Vec<f64> = counts.iter().map(|count| *count as f64).collect();
        let split = if self.tolerance > 0.0 {
            let (lo, hi) = self.tolerated();
            tolerance::nearest(&observed, &lo, &hi)
        } else {
            self.shares.clone()
        };
        let possible = split.iter().filter(|share| **share > 0.0);
        let least = possible.fold(f64::INFINITY, |least, share| least.min(n as f64 * share));
        if least >= least_expected {
            let x2 = fit::pearson(&observed, &split);
            let ln_p = chi_square::ln_sf(x2, (split.len() - 1) as f64);
            return PValue::new(ln_p, Method::PearsonChiSquare, None);
        }
        if multinomial::outcomes(n, split.len()) <= MOST_OUTCOMES {
            let ln_p = multinomial::ln_exact(counts, &split, Order::Pearson);
            return PValue::new(ln_p, Method::ExactMultinomial, None);
        }
        let p = multinomial::simulated(counts, &split, DRAWS, seed);
        PValue::new(p.ln(), Method::MonteCarlo { draws: DRAWS, seed }, None)
    }

    /// The central exact binomial p-value of every target by itself, not corrected for their number.
    #[must_use]
    pub fn p_targets(&self, counts: &[u64]) -> Vec<PValue> {
        let n: u64 = counts.iter().sum();
        let of = |(i, count): (usize, &u64)| {
            let theta = self.nearest_share(i, *count, n);
            let ln_p = theta.map_or(0.0, |theta| binomial::ln_central(n, *count, theta));
            PValue::new(ln_p, Method::ExactBinomial, None)
        };
        counts.iter().enumerate().map(of).collect()
    }

    /// The tolerated share of target `i` nearest to the observed one; `None` when the observed one is tolerated itself.
    fn nearest_share(&self, i: usize, count: u64, n: u64) -> Option<f64> {
        let share = self.shares[i];
        if self.tolerance <= 0.0 {
            return Some(share);
        }
        let (lo, hi) = (
            (share - self.tolerance).max(0.0),
            (share + self.tolerance).min(1.0),
        );
        let observed = count as f64 / n as f64;
        if n == 0 || (lo <= observed && observed <= hi) {
            return None;
        }
        Some(observed.clamp(lo, hi))
    }
}

/// The deviation that a pass rules out unless told otherwise.
fn auto_deviation(share: f64) -> f64 {
    AUTO_EFFECT * (share * (1.0 - share)).sqrt()
}

/// The deviation of one of `targets` that `n` responses rule out at these `(alpha, beta)`.
fn ruled_out(share: f64, n: u64, targets: usize, (alpha, beta): (f64, f64)) -> f64 {
    power::deviation_at(share, n, alpha_side(alpha, targets), beta)
}

/// The level of one side of one test: with more than two targets `alpha` is shared out over the omnibus and each target.
fn alpha_side(alpha: f64, targets: usize) -> f64 {
    let tests = if targets > 2 {
        2.0 * targets as f64
    } else {
        1.0
    };
    alpha / (2.0 * tests)
}

/// The edges a pass excludes: the resolution, clamped so that a tenth of the share (and of the rest) stays outside, but
/// never inside the tolerance.
fn edges(share: f64, tolerance: f64, deviation: f64) -> (f64, f64) {
    let lo = (share - deviation).max(0.1 * share).min(share - tolerance);
    let hi = (share + deviation)
        .min(1.0 - 0.1 * (1.0 - share))
        .max(share + tolerance);
    (lo, hi)
}

#[cfg(test)]
mod tests;
