//! Responses that follow each other resemble each other: a queue, a pause of the runtime, a burst of errors make many of
//! them alike. How many independent ones a run is worth, by the means of batches of consecutive responses.

use statrs::distribution::{ContinuousCDF, StudentsT};
use statrs::function::beta::beta_reg;

use super::Label;
use super::chi_square::{self, normal_isf};
use super::limit_test::{LimitTest, PASS};

/// So many batches a run is cut into, one after the other: many see short dependence, few see long one.
const BATCHES: [usize; 4] = [10, 20, 40, 80];
/// Fewer values are not cut into batches.
const LEAST: usize = 40;
/// Batches that are more different than those of independent values this rarely are taken as dependent.
const DEPENDENT: f64 = 0.1;
/// The level at which the few degrees of freedom of a variance between batches are made up for.
const LEVEL: f64 = 0.01;
/// Where a kind of response falls into fewer batches than this, their variance does not say how it clusters.
const LEAST_BATCHES_HIT: usize = 10;
/// Dependent responses that are worth fewer independent ones than this show nothing about a limit that is kept.
const LEAST_EFFECTIVE: f64 = 20.0;
/// Above this skewness, over the root of their number, the mean of values is not normal enough for an upper bound.
const MOST_SKEWED: f64 = 0.2;

/// Draws look as if they resembled each other at most this often.
const RESEMBLE: f64 = 0.001;
/// Responses of the rarer kind that a comparison of neighbours takes, and that each batch takes on average.
const LEAST_PER_TEST: f64 = 5.0;
const LEAST_PER_BATCH: f64 = 3.0;

/// How responses of a kind are spread over a run.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Spread {
    /// The variance between batches over that of independent responses, at least 1: so many responses are worth one.
    pub design_effect: f64,
    /// Responses of the kind, and the batches of the finest cut that have some.
    hits: Cluster,
    /// The same for responses of the other kind.
    others: Cluster,
}

/// Responses of a kind, and how many batches have some.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
struct Cluster {
    responses: f64,
    batches: f64,
}

/// How many responses are worth one independent one, for each of the two answers.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Worth {
    /// For "the kind is more frequent than the limit".
    pub exceeded: f64,
    /// For "the kind is at most as frequent as the limit".
    pub kept: f64,
}

impl Spread {
    /// The spread of responses of which nothing is known but their number.
    pub const INDEPENDENT: Self = Self {
        design_effect: 1.0,
        hits: Cluster {
            responses: 0.0,
            batches: 0.0,
        },
        others: Cluster {
            responses: 0.0,
            batches: 0.0,
        },
    };

    /// The spread of `hits`: whether each response, in the order of dispatch, is of the kind.
    #[must_use]
    pub fn of(hits: &[bool]) -> Self {
        let finest = BATCHES[BATCHES.len() - 1];
        let of_kind = |wanted: bool| {
            let parts = hits.chunks(hits.len().div_ceil(finest).max(1));
            let batches = parts.filter(|part| part.contains(&wanted)).count();
            let responses = hits.iter().filter(|hit| **hit == wanted).count();
            Cluster {
                responses: responses as f64,
                batches: batches as f64,
            }
        };
        let values: Vec<u8> = hits.iter().map(|hit| u8::from(*hit)).collect();
        Self {
            design_effect: design_effect(&values),
            hits: of_kind(true),
            others: of_kind(false),
        }
    }

    /// How many responses are worth one. A kind that fell into few batches may come in bursts: to say that it is rare takes
    /// the longest bursts that fit.
    #[must_use]
    pub fn worth(&self) -> Worth {
        Worth {
            exceeded: self.design_effect.max(self.others.burst()),
            kept: self.design_effect.max(self.hits.burst()),
        }
    }
}

impl Worth {
    /// The same for the responses that are not of the kind: there are few of them where there are many of the kind.
    #[must_use]
    pub fn of_others(self) -> Self {
        Self {
            exceeded: self.kept,
            kept: self.exceeded,
        }
    }

    /// The same with at least this design effect where a limit is said to be kept.
    #[must_use]
    pub fn with_kept(self, design_effect: f64) -> Self {
        Self {
            kept: self.kept.max(design_effect),
            ..self
        }
    }
}

impl Cluster {
    /// The design effect of bursts of geometric length, as long as the responses let them be at 95 %: with `b` bursts of `k`
    /// responses `k - b ~ NB(b, 1 - s)`, and a sum of such bursts varies `(1 + s) / (1 - s)` times as much as draws do. 1
    /// where the batches tell it themselves, and where there was nothing.
    fn burst(self) -> f64 {
        let Self { responses, batches } = self;
        if batches < 1.0 || batches >= LEAST_BATCHES_HIT as f64 {
            return 1.0;
        }
        let fits = |stay: f64| beta_reg(batches, responses - batches + 1.0, 1.0 - stay) > PASS;
        let stay = super::bisect(0.0, 1.0, |stay| !fits(stay));
        (1.0 + stay) / (1.0 - stay).max(f64::EPSILON)
    }
}

/// Whether at most `limit` of all responses are of a kind, of which `k` of `n` were, where so many are worth one: the exact
/// binomial tails at fractions of the counts, by the incomplete beta function.
#[must_use]
pub fn at_most(limit: f64, k: u64, n: u64, worth: Worth) -> LimitTest {
    let exact = LimitTest::at_most(limit, k, n);
    let part = |design_effect: f64| (k as f64 / design_effect, n as f64 / design_effect);
    let p_exceeded = match part(worth.exceeded) {
        _ if worth.exceeded <= 1.0 => exact.p_exceeded,
        (k, n) if k > 0.0 => beta_reg(k, n - k + 1.0, limit.clamp(0.0, 1.0)),
        _ => 1.0,
    };
    let p_kept = match part(worth.kept) {
        _ if worth.kept <= 1.0 => exact.p_kept,
        (_, n) if n < LEAST_EFFECTIVE => 1.0,
        (k, n) if k < n => beta_reg(n - k, k + 1.0, 1.0 - limit.clamp(0.0, 1.0)),
        _ => 1.0,
    };
    LimitTest::of(p_exceeded, p_kept)
}

/// How long bursts may be on average, so that `n` responses without one of a kind still show at [`PASS`] that at most `limit` of
/// all are of that kind: bursts of this length begin at `limit / length` of the responses, and `(1 - limit / length)^n` is the
/// chance of none.
#[must_use]
pub fn longest_unseen_burst(n: u64, limit: f64) -> f64 {
    limit / -(PASS.ln() / n.max(1) as f64).exp_m1()
}

/// By how much a split varies more than draws do, where the targets of responses that follow each other certainly resemble
/// each other: `labels` are targets in the order of dispatch. `None` where that may be chance.
#[must_use]
pub fn of_labels(labels: &[Label], targets: usize) -> Option<f64> {
    let effects = (0..targets).filter_map(|target| {
        let hits: Vec<u8> = labels
            .iter()
            .map(|label| u8::from(usize::from(*label) == target))
            .collect();
        let tests = (2 * targets) as f64 * (BATCHES.len() + 1) as f64;
        (ln_p_of_draws(&hits) < (RESEMBLE / tests).ln()).then(|| design_effect(&hits))
    });
    effects.reduce(f64::max)
}

/// `ln` of the smallest chance of draws to look as alike as these: by neighbours, and by the variance between batches that
/// have enough of both kinds for its approximation.
fn ln_p_of_draws(hits: &[u8]) -> f64 {
    let (mean, variance) = moments(hits);
    let n = hits.len() as f64;
    if variance <= 0.0 {
        return 0.0;
    }
    let product = hits
        .windows(2)
        .map(|pair| (f64::from(pair[0]) - mean) * (f64::from(pair[1]) - mean));
    let neighbours = product.sum::<f64>() / (variance * n) * n.sqrt();
    let by_neighbours = if neighbours > 0.0 && n * mean.min(1.0 - mean) >= LEAST_PER_TEST {
        chi_square::ln_sf(neighbours * neighbours, 1.0)
    } else {
        0.0
    };
    let by_batches = cuts(hits).map(|(size, means)| {
        let free = (means.len() - 1) as f64;
        let (_, between) = moments(&means);
        let enough = size as f64 * mean.min(1.0 - mean) >= LEAST_PER_BATCH;
        if enough {
            chi_square::ln_sf(between * (free + 1.0) * size as f64 / variance, free)
        } else {
            0.0
        }
    });
    by_batches.fold(by_neighbours, f64::min)
}

/// The largest variance of batch means over that of independent values (Law & Kelton 1984, "Confidence intervals for
/// steady-state simulations"), made up for the quantile of Student's t; at least 1.
#[must_use]
pub fn design_effect<T: Copy + Into<f64>>(values: &[T]) -> f64 {
    let (_, variance) = moments(values);
    if values.len() < LEAST || variance <= 0.0 {
        return 1.0;
    }
    let effects = cuts(values).map(|(size, means)| {
        let free = (means.len() - 1) as f64;
        let (_, between) = moments(&means);
        let effect = between * (free + 1.0) / free * size as f64 / variance;
        if chi_square::ln_sf(effect * free, free) < DEPENDENT.ln() {
            effect * students_excess(free, LEVEL)
        } else {
            1.0
        }
    });
    effects.fold(1.0, f64::max)
}

/// Whether a few values carry the mean: its upper bound by the normal law then fails two to four times as often as it
/// promises, and no bound holds for all distributions (Bahadur & Savage 1956).
#[must_use]
pub fn is_heavy(values: &[f64]) -> bool {
    let single = skewness(values) / (values.len().max(1) as f64).sqrt();
    let means = cuts(values)
        .filter(|(_, means)| means.len() > BATCHES[0])
        .map(|(_, means)| skewness(&means) / (means.len() as f64).sqrt());
    means.fold(single, f64::max) >= MOST_SKEWED
}

/// The means of consecutive values, for each number of batches that they fill.
fn cuts<T: Copy + Into<f64>>(values: &[T]) -> impl Iterator<Item = (usize, Vec<f64>)> {
    BATCHES
        .into_iter()
        .filter(|batches| values.len() >= 2 * batches)
        .map(|batches| {
            let size = values.len() / batches;
            let parts = values.chunks_exact(size).take(batches);
            let means = parts.map(|part| total(part) / size as f64);
            (size, means.collect())
        })
}

/// The mean and the variance around it.
fn moments<T: Copy + Into<f64>>(values: &[T]) -> (f64, f64) {
    let n = values.len().max(1) as f64;
    let mean = total(values) / n;
    let squares = values.iter().map(|value| ((*value).into() - mean).powi(2));
    (mean, squares.sum::<f64>() / n)
}

fn total<T: Copy + Into<f64>>(values: &[T]) -> f64 {
    values.iter().map(|value| (*value).into()).sum()
}

fn skewness(values: &[f64]) -> f64 {
    let (mean, variance) = moments(values);
    let cubes = values.iter().map(|value| (value - mean).powi(3));
    let third = cubes.sum::<f64>() / values.len().max(1) as f64;
    if variance > 0.0 {
        third / variance.powf(1.5)
    } else {
        0.0
    }
}

/// By how much the square of Student's quantile at a level exceeds that of the normal law.
pub(super) fn students_excess(free: f64, level: f64) -> f64 {
    let student =
        StudentsT::new(0.0, 1.0, free).map_or(f64::INFINITY, |t| t.inverse_cdf(1.0 - level));
    (student / normal_isf(level)).powi(2)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::stats::limit_test::LimitOutcome;
    use crate::stats::sampler::Sampler;

    fn draws(n: usize, seed: u64) -> Vec<bool> {
        let mut sampler = Sampler::new(seed);
        (0..n).map(|_| sampler.uniform() < 0.1).collect()
    }

    /// Bursts of `length` equal responses.
    fn bursts(n: usize, length: usize, seed: u64) -> Vec<bool> {
        let starts = draws(n.div_ceil(length), seed);
        let all = starts.into_iter().flat_map(|hit| vec![hit; length]);
        all.take(n).collect()
    }

    #[test]
    fn a_burst_of_ten_makes_ten_responses_worth_one() {
        for seed in 0..20 {
            let effect = Spread::of(&bursts(20_000, 10, seed)).design_effect;
            assert!((7.0..30.0).contains(&effect), "{effect}");
        }
    }

    #[test]
    fn draws_are_worth_themselves() {
        let effects = (0..200).map(|seed| Spread::of(&draws(4000, seed)).design_effect);
        let mean = effects.sum::<f64>() / 200.0;
        assert!((1.0..1.4).contains(&mean), "{mean}");
        assert!(design_effect(&[1.0; 500]) <= 1.0 && design_effect::<f64>(&[]) <= 1.0);
    }

    #[test]
    fn single_hits_in_few_batches_are_no_long_bursts_and_one_burst_may_be() {
        let burst = |responses, batches| Cluster { responses, batches }.burst();
        // (1 - s)^4 = 0.05: s = 0.527.
        assert!((burst(4.0, 4.0) - 1.527_129 / 0.472_871).abs() < 1e-4);
        assert!(burst(25.0, 1.0) > 500.0);
        assert!(burst(0.0, 0.0) <= 1.0 && burst(30.0, 12.0) <= 1.0);
    }

    /// Errors at 1 %, in bursts of geometric length with this mean.
    fn errors(n: usize, length: f64, sampler: &mut Sampler) -> usize {
        let stay = 1.0 - 1.0 / length;
        let begin = (1.0 - stay) * 0.01 / 0.99;
        let mut now = sampler.uniform() < 0.01;
        let next = |_: &usize| {
            let error = now;
            now = sampler.uniform() < if error { stay } else { begin };
            error
        };
        (0..n).filter(next).count()
    }

    /// 5 % of 2000 are 100; more than 150 come by chance once in a million.
    #[test]
    fn no_error_shows_as_much_as_bursts_let_it() {
        assert!((longest_unseen_burst(299, 0.01) - 1.0).abs() < 0.01);
        for (n, length) in [(300, 1.0), (1500, 5.0), (6000, 20.0)] {
            assert!((longest_unseen_burst(n, 0.01) / length - 1.0).abs() < 0.01);
            let mut sampler = Sampler::new(7);
            let small = usize::try_from(n).expect("few");
            let none = (0..2000).filter(|_| errors(small, length, &mut sampler) == 0);
            assert!(none.count() <= 150, "{n} {length}");
        }
        // What was wrong: bursts of five at 500.
        let mut sampler = Sampler::new(7);
        let none = (0..2000).filter(|_| errors(500, 5.0, &mut sampler) == 0);
        assert!(none.count() > 600);
    }

    #[test]
    fn one_worth_one_is_the_exact_test() {
        let one = Worth {
            exceeded: 1.0,
            kept: 1.0,
        };
        for (k, n) in [(0, 299), (3, 500), (30, 1000), (0, 0)] {
            assert_eq!(at_most(0.01, k, n, one), LimitTest::at_most(0.01, k, n));
        }
    }

    #[test]
    fn dependence_only_takes_certainty_away() {
        let outcome = |k, n, worth| {
            let worth = Worth {
                exceeded: worth,
                kept: worth,
            };
            at_most(0.01, k, n, worth).outcome
        };
        assert_eq!(outcome(100, 5000, 1.0), LimitOutcome::Exceeded);
        assert_eq!(outcome(100, 5000, 20.0), LimitOutcome::Inconclusive);
        assert_eq!(outcome(5, 5000, 1.0), LimitOutcome::Kept);
        assert_eq!(outcome(5, 5000, 20.0), LimitOutcome::Inconclusive);
        assert_eq!(outcome(4000, 5000, 20.0), LimitOutcome::Exceeded);
    }

    #[test]
    fn bursts_of_a_target_are_certain_and_draws_are_not() {
        let labels = |hits: Vec<bool>| hits.into_iter().map(Label::from).collect::<Vec<_>>();
        for seed in 0..10 {
            let found = of_labels(&labels(bursts(2000, 5, seed)), 2);
            assert!(found.is_some_and(|effect| effect > 3.0), "{found:?}");
        }
        let alike = (0..1000).filter(|seed| of_labels(&labels(draws(1500, *seed)), 2).is_some());
        assert!(alike.count() <= 6);
        assert_eq!(of_labels(&[0; 500], 2), None);
    }

    #[test]
    fn a_few_large_values_carry_a_mean() {
        let mut values = vec![1.0; 1000];
        assert!(!is_heavy(&values));
        values[500] = 1e6;
        assert!(is_heavy(&values));
        let even: Vec<f64> = (0..1000).map(f64::from).collect();
        assert!(!is_heavy(&even));
    }
}
