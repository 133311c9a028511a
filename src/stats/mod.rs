//! The statistics behind a verdict: plain numbers in, plain structs out.
//!
//! Assumed: responses are independent draws from one fixed split. Some of the modules are there to doubt exactly that.
//!
//! | Question | Module | Method |
//! |---|---|---|
//! | Is the split another one? | [`design`] | exact binomial; exact or simulated multinomial, Pearson |
//! | Is it the declared one, within a margin? | [`design`] | one-sided exact tests on both sides (TOST) |
//! | How many requests are needed? | [`power`] | normal approximation with the variance at the margin; noncentral chi-square |
//! | May one stop early? | [`sequential`] | e-process (Dirichlet mixture), likelihood ratios |
//! | Did the split change, in a stream without an end? | [`detector`], [`settled`] | e-SR detector, one-sided likelihood ratios |
//! | How far off is it? | [`fit`], [`interval`] | effect sizes, residuals, confidence intervals |
//! | Are responses independent? | [`dependence`], [`dispersion`], [`change`], [`order`], [`serial`], [`turns`] | permutation, windows, likelihood ratio, batch means |
//! | Is the split another one where they are not? | [`clusters`] | Rao-Scott with an F reference |
//! | Are latencies and errors within limits? | [`limit_test`], [`quantile`], [`rate`] | exact binomial, order statistics, MOVER, Fisher |
//! | May generators be merged? | [`heterogeneity`] | chi-square of homogeneity, permutation |
//!
//! Tails are computed as logarithms throughout: `exp` of them may underflow, they do not.

pub mod binomial;
pub mod change;
pub mod chi_square;
pub mod clusters;
pub mod dependence;
pub mod design;
pub mod detector;
pub mod dispersion;
pub mod fit;
pub mod heterogeneity;
pub mod interval;
pub mod limit_test;
pub mod multinomial;
pub mod order;
pub mod permutation;
pub mod power;
pub mod quantile;
pub mod rate;
pub mod sampler;
pub mod sequential;
pub mod serial;
pub mod settled;
pub mod tolerance;
pub mod turns;

mod saddle;

/// A target of a response, by its position among the targets with a share. A run has a million of these.
pub type Label = u16;

/// The whole part of a number that is known to be a count: at least 0 and below 2^53.
pub(crate) fn whole(value: f64) -> u64 {
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "counts are non-negative and below 2^53; the cast saturates elsewhere"
    )]
    let whole = value as u64;
    whole
}

/// `ln(1 - exp(ln))` for `ln <= 0` without cancellation (Mächler 2012, "Accurately computing log(1 - exp(-|a|))").
fn ln_complement(ln: f64) -> f64 {
    if ln > -std::f64::consts::LN_2 {
        (-ln.exp_m1()).ln()
    } else {
        (-ln.exp()).ln_1p()
    }
}

/// The point in `[low, high]` where `above` turns true, to the last bits of a double. `above` must be monotone.
fn bisect(mut low: f64, mut high: f64, above: impl Fn(f64) -> bool) -> f64 {
    for _ in 0..2000 {
        let middle = 0.5 * (low + high);
        if middle <= low || middle >= high {
            break;
        }
        if above(middle) {
            high = middle;
        } else {
            low = middle;
        }
        if high - low <= 4.0 * f64::EPSILON * high.abs().min(low.abs()) {
            break;
        }
    }
    0.5 * (low + high)
}
