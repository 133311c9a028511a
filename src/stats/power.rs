//! How many requests a decision needs, and what a number of requests can show.

use super::{bisect, chi_square, whole};

/// `N` at which a share is told apart from `edge`: correct with probability `1 - alpha_side` when it is `share`, and
/// caught with `1 - beta` when it is `edge`. Normal approximation with the variance at each place (Fleiss 1981,
/// equation 3.14): `((z_a sd(share) + z_b sd(edge)) / |edge - share|)^2`. The variance at the edge matters: without it
/// 90/10 gets 3669 requests where 4056 are needed.
#[must_use]
pub fn requests_to_tell(share: f64, edge: f64, alpha_side: f64, beta: f64) -> f64 {
    let quantiles = [alpha_side, beta].map(chi_square::normal_isf);
    requests_at(share, edge, quantiles)
}

/// [`requests_to_tell`] by the normal quantiles of its error rates.
fn requests_at(share: f64, edge: f64, [z_alpha, z_beta]: [f64; 2]) -> f64 {
    let deviation = |p: f64| (p * (1.0 - p)).sqrt();
    let z = z_alpha * deviation(share) + z_beta * deviation(edge);
    (z / (edge - share)).powi(2)
}

/// Cohen's effect size `w` between declared shares and an alternative: `w^2 = sum (theta_i - pi_i)^2 / pi_i`.
#[must_use]
pub fn effect_size(shares: &[f64], alternative: &[f64]) -> f64 {
    let terms = shares.iter().zip(alternative);
    terms
        .map(|(pi, theta)| (theta - pi).powi(2) / pi)
        .sum::<f64>()
        .sqrt()
}

/// The (real) number of requests at which a chi-square test of level `alpha` finds effect size `w` with this power
/// (Cohen 1988, chapter 7): `lambda/w^2`.
#[must_use]
pub fn requests_for_effect(w: f64, targets: usize, alpha: f64, power: f64) -> f64 {
    let df = targets.saturating_sub(1) as f64;
    chi_square::noncentrality(df, alpha, power) / (w * w)
}

/// The power of the chi-square test of level `alpha` against an alternative, about: `1 - F(c; k-1, N w^2)`.
#[must_use]
pub fn power(shares: &[f64], alternative: &[f64], n: u64, alpha: f64) -> f64 {
    let df = shares.len().saturating_sub(1) as f64;
    let lambda = n as f64 * effect_size(shares, alternative).powi(2);
    chi_square::noncentral_sf(chi_square::isf(alpha, df), df, lambda)
}

/// The smallest `N` at which a target of this share that got nothing is rejected: `2 (1 - share)^N <= alpha`.
#[must_use]
pub fn requests_to_see_starvation(share: f64, alpha: f64) -> u64 {
    round_up((alpha / 2.0).ln() / (-share).ln_1p())
}

/// Whole requests for a real number of them; a whisker above a whole number stays.
#[must_use]
pub fn round_up(requests: f64) -> u64 {
    whole((requests - 1e-6).ceil().max(1.0))
}

/// The deviation `d` that `n` requests can rule out on the wider side of a share: [`requests_to_tell`] turned round.
#[must_use]
pub fn deviation_at(share: f64, n: u64, alpha_side: f64, beta: f64) -> f64 {
    let quantiles = [alpha_side, beta].map(chi_square::normal_isf);
    let side = |towards: f64| {
        let needs = |d: f64| requests_at(share, share + towards * d, quantiles);
        let room = if towards > 0.0 { 1.0 - share } else { share };
        bisect(0.0, room, |d| needs(d) <= n as f64)
    };
    side(1.0).max(side(-1.0))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_plan_for_a_tenth_is_four_thousand_and_fifty_six() {
        assert_eq!(round_up(requests_to_tell(0.1, 0.13, 0.00025, 0.005)), 4056);
        assert_eq!(round_up(requests_to_tell(0.1, 0.13, 0.0005, 0.01)), 3480);
    }

    #[test]
    fn a_starved_percent_needs_seven_hundred_and_fifty_seven_requests() {
        assert_eq!(requests_to_see_starvation(0.01, 0.001), 757);
        assert_eq!(requests_to_see_starvation(0.1, 0.001), 73);
    }

    #[test]
    fn planning_and_power_agree() {
        let (shares, alternative) = ([0.9, 0.1], [0.85, 0.15]);
        let n = round_up(requests_for_effect(
            effect_size(&shares, &alternative),
            2,
            0.001,
            0.99,
        ));
        assert_eq!(n, 1136);
        let reached = power(&shares, &alternative, n, 0.001);
        assert!((0.99..0.9901).contains(&reached), "{reached}");
    }

    #[test]
    fn the_deviation_of_the_planned_number_is_the_planned_one() {
        let d = deviation_at(0.1, 3480, 0.0005, 0.01);
        assert!((0.0299..=0.0300).contains(&d), "{d}");
    }
}
