//! Seeded draws from the binomial and multinomial distribution. The stream belongs to the seed: a report replays.

use rand::{RngExt, SeedableRng};
use rand_xoshiro::Xoshiro256PlusPlus;

use super::saddle::ln_binomial_mass;
use super::whole;

/// A source of draws; the same seed gives the same draws on every machine.
#[derive(Clone, Debug)]
pub struct Sampler {
    rng: Xoshiro256PlusPlus,
}

impl Sampler {
    /// The stream of this seed.
    #[must_use]
    pub fn new(seed: u64) -> Self {
        Self {
            rng: Xoshiro256PlusPlus::seed_from_u64(seed),
        }
    }

    /// A number in `[0, 1)`.
    pub fn uniform(&mut self) -> f64 {
        self.rng.random()
    }

    /// A whole number in `0..below`.
    pub fn below(&mut self, below: usize) -> usize {
        self.rng.random_range(0..below)
    }

    /// One response over `shares`.
    pub fn one_of(&mut self, shares: &[f64]) -> usize {
        let mut left = self.uniform();
        let own = shares.iter().position(|share| {
            left -= share;
            left < 0.0
        });
        own.unwrap_or(shares.len().saturating_sub(1))
    }

    /// A draw from `Bin(n, p)`.
    pub fn binomial(&mut self, n: u64, p: f64) -> u64 {
        if p > 0.5 {
            return n - self.binomial(n, 1.0 - p);
        }
        if n == 0 || p <= 0.0 {
            return 0;
        }
        if n as f64 * p < 10.0 {
            self.by_inversion(n, p)
        } else {
            self.by_rejection(n, p)
        }
    }

    /// A draw of `n` responses over `shares`, one binomial after the other, written to `counts`.
    pub fn multinomial(&mut self, n: u64, shares: &[f64], counts: &mut [u64]) {
        let (mut rest, mut mass) = (n, 1.0);
        let last = shares.len() - 1;
        for (count, share) in counts.iter_mut().zip(&shares[..last]) {
            let p = if mass > 0.0 {
                (share / mass).min(1.0)
            } else {
                1.0
            };
            *count = self.binomial(rest, p);
            rest -= *count;
            mass -= share;
        }
        counts[last] = rest;
    }

    /// Walks up the distribution from 0: cheap while the mean is small.
    fn by_inversion(&mut self, n: u64, p: f64) -> u64 {
        let odds = p / (1.0 - p);
        loop {
            let mut mass = (n as f64 * (-p).ln_1p()).exp();
            let mut left = self.uniform();
            for x in 0..=n {
                if left < mass {
                    return x;
                }
                left -= mass;
                mass *= (n - x) as f64 * odds / (x as f64 + 1.0);
                if mass <= 0.0 {
                    // Rounding left a crumb of probability behind the last mass.
                    break;
                }
            }
        }
    }

    /// Transformed rejection with squeeze: BTRS of Hörmann (1993), with the mass from Loader's formula.
    #[expect(clippy::many_single_char_names, reason = "the letters of the paper")]
    fn by_rejection(&mut self, n: u64, p: f64) -> u64 {
        let (size, q) = (n as f64, 1.0 - p);
        let deviation = (size * p * q).sqrt();
        let b = 1.15 + 2.53 * deviation;
        let a = -0.0873 + 0.0248 * b + 0.01 * p;
        let centre = size * p + 0.5;
        let squeeze = 0.92 - 4.2 / b;
        let alpha = (2.83 + 5.1 / b) * deviation;
        let mode = ((size + 1.0) * p).floor();
        let ln_mode = ln_binomial_mass(size, mode, p, q);
        loop {
            let u = self.uniform() - 0.5;
            let v = self.uniform();
            let us = 0.5 - u.abs();
            let x = ((2.0 * a / us + b) * u + centre).floor();
            if us >= 0.07 && v <= squeeze {
                return whole(x);
            }
            if x < 0.0 || x > size {
                continue;
            }
            let bound = (v * alpha / (a / (us * us) + b)).ln();
            if bound <= ln_binomial_mass(size, x, p, q) - ln_mode {
                return whole(x);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::stats::{binomial, chi_square, fit};

    /// Draws against the exact mass, cells with a small expectation pooled.
    fn assert_draws_fit(n: u64, p: f64, draws: u32) {
        let mut sampler = Sampler::new(7);
        let mut seen = vec![0_u64; usize::try_from(n).unwrap() + 1];
        for _ in 0..draws {
            seen[usize::try_from(sampler.binomial(n, p)).unwrap()] += 1;
        }
        let (mut counts, mut shares) = (vec![0.0], vec![0.0]);
        for (x, count) in seen.iter().enumerate() {
            let mass = binomial::ln_mass(n, x as u64, p).exp();
            *counts.last_mut().unwrap() += *count as f64;
            *shares.last_mut().unwrap() += mass;
            if shares.last().unwrap() * f64::from(draws) >= 20.0 {
                counts.push(0.0);
                shares.push(0.0);
            }
        }
        let x2 = fit::pearson(&counts, &shares);
        let df = (counts.len() - 1) as f64;
        assert!(
            x2 < chi_square::isf(1e-4, df),
            "n={n} p={p}: X²={x2} df={df}"
        );
    }

    #[test]
    fn draws_follow_the_binomial_mass() {
        for (n, p) in [
            (1, 0.3),
            (20, 0.1),
            (50, 0.5),
            (400, 0.03),
            (1000, 0.1),
            (100_000, 0.4),
            (30, 0.9),
        ] {
            assert_draws_fit(n, p, 20_000);
        }
    }

    #[test]
    fn the_same_seed_draws_the_same() {
        let draw = |seed| {
            let mut counts = [0; 3];
            Sampler::new(seed).multinomial(1000, &[0.8, 0.1, 0.1], &mut counts);
            counts
        };
        assert_eq!(draw(1), draw(1));
        assert_ne!(draw(1), draw(2));
        assert_eq!(draw(1).iter().sum::<u64>(), 1000);
    }
}
