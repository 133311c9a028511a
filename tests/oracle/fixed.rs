//! The groups about a fixed number of responses.

use serde_json::{Value, json};

use resplit::stats::binomial;
use resplit::stats::chi_square;
use resplit::stats::design::{Design, Method, Resolution};
use resplit::stats::fit::{Fit, pearson};
use resplit::stats::interval;
use resplit::stats::multinomial::{self, Order};
use resplit::stats::power;
use resplit::stats::tolerance;

use super::compare::{number, numbers};

pub(super) fn float(input: &Value, name: &str) -> f64 {
    let value = &input[name];
    value
        .as_f64()
        .unwrap_or_else(|| panic!("`{name}` in {input}"))
}

pub(super) fn count(input: &Value, name: &str) -> u64 {
    input[name]
        .as_u64()
        .unwrap_or_else(|| panic!("`{name}` in {input}"))
}

/// A count that was computed as a double.
#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "counts are small and whole"
)]
fn whole(value: f64) -> u64 {
    value as u64
}

pub(super) fn counts(value: &Value) -> Vec<u64> {
    let list = value.as_array().expect("a list of counts");
    list.iter()
        .map(|count| count.as_u64().expect("a count"))
        .collect()
}

/// Weights as shares; a weight may be spelled as a decimal text.
pub(super) fn shares(weights: &Value) -> Vec<f64> {
    let weight = |value: &Value| match value {
        Value::String(text) => text.parse().expect("a decimal"),
        value => value.as_f64().expect("a weight"),
    };
    let weights: Vec<f64> = weights
        .as_array()
        .expect("weights")
        .iter()
        .map(weight)
        .collect();
    let total: f64 = weights.iter().sum();
    weights.iter().map(|weight| weight / total).collect()
}

pub(super) fn chi2_tail(input: &Value) -> Value {
    let (x, df) = (float(input, "x"), float(input, "df"));
    let sf = chi_square::ln_sf(x, df);
    json!({"sf": sf.exp(), "ln_sf": number(sf)})
}

pub(super) fn chi2_isf(input: &Value) -> Value {
    json!({"x": chi_square::isf(float(input, "p"), float(input, "df"))})
}

pub(super) fn ln_gamma(input: &Value) -> Value {
    json!({"value": statrs::function::gamma::ln_gamma(float(input, "x"))})
}

pub(super) fn ncx2(input: &Value) -> Value {
    let (x, df, lambda) = (
        float(input, "x"),
        float(input, "df"),
        float(input, "lambda_"),
    );
    json!({"sf": chi_square::noncentral_sf(x, df, lambda)})
}

pub(super) fn gof(input: &Value) -> Value {
    let (counts, shares) = (counts(&input["counts"]), shares(&input["weights"]));
    let fit = Fit::new(&counts, &shares);
    let residual = |(count, share): (&u64, &f64)| {
        let expected = fit.n as f64 * share;
        if expected > 0.0 {
            (*count as f64 - expected) / expected.sqrt()
        } else {
            0.0
        }
    };
    let pearson: Vec<f64> = counts.iter().zip(&shares).map(residual).collect();
    json!({
        "n": fit.n, "df": fit.df, "chi2": fit.x2, "p": fit.ln_p.exp(), "ln_p": fit.ln_p,
        "log10_p": fit.ln_p / std::f64::consts::LN_10, "g": fit.g, "p_g": fit.ln_p_g.exp(), "ln_p_g": fit.ln_p_g,
        "cohen_w": fit.w, "tvd": fit.tvd, "max_abs_dev": fit.max_deviation, "min_expected": fit.min_expected,
        "pearson_residuals": numbers(&pearson), "adjusted_residuals": numbers(&fit.adjusted_residuals),
    })
}

pub(super) fn exact_binomial(input: &Value) -> Value {
    let (counts, shares) = (counts(&input["counts"]), shares(&input["weights"]));
    let (n, x, p) = (counts[0] + counts[1], counts[1], shares[1]);
    let design = Design::new(&shares, 0.001, 0.01, 0.0, Resolution::Auto);
    let central = design.p_diverged(&counts, 1);
    // Ordered by |x - np|, for comparison only: what lies at least as far on either side.
    let reach = (x as f64 - n as f64 * p).abs() * (1.0 - 1e-9);
    let low = (n as f64 * p - reach).floor();
    let high = (n as f64 * p + reach).ceil();
    let below = if low < 0.0 {
        0.0
    } else {
        binomial::ln_le(n, whole(low), p).exp()
    };
    let above = if high > n as f64 {
        0.0
    } else {
        binomial::ln_ge(n, whole(high), p).exp()
    };
    let both = if low >= high { 1.0 } else { below + above };
    json!({
        "p": central.p, "ln_p": central.ln_p, "p_chi2_order": both,
        "p_le": binomial::ln_le(n, x, p).exp(), "p_ge": binomial::ln_ge(n, x, p).exp(),
    })
}

pub(super) fn exact_multinomial(input: &Value) -> Value {
    let (counts, shares) = (counts(&input["counts"]), shares(&input["weights"]));
    let p = |order| multinomial::ln_exact(&counts, &shares, order).exp();
    let outcomes = multinomial::outcomes(counts.iter().sum(), counts.len());
    json!({
        "n_outcomes": whole(outcomes.round()), "p_chi2_order": p(Order::Pearson),
        "p_prob_order": p(Order::Probability), "p_g_order": p(Order::LikelihoodRatio),
        "p_asymptotic": Fit::new(&counts, &shares).ln_p.exp(),
    })
}

pub(super) fn plan_w(input: &Value) -> Value {
    let targets = usize::try_from(count(input, "n_buckets")).expect("few");
    let (w, alpha, power) = (
        float(input, "cohen_w"),
        float(input, "alpha"),
        float(input, "power"),
    );
    let n = power::requests_for_effect(w, targets, alpha, power);
    let lambda = chi_square::noncentrality((targets - 1) as f64, alpha, power);
    json!({"lambda_": lambda, "n_real": n, "n": power::round_up(n)})
}

pub(super) fn plan_alt(input: &Value) -> Value {
    let (from, to) = (shares(&input["weights"]), shares(&input["alternative"]));
    let w = power::effect_size(&from, &to);
    let n = power::requests_for_effect(w, from.len(), float(input, "alpha"), float(input, "power"));
    json!({"cohen_w": w, "n_real": n, "n": power::round_up(n)})
}

pub(super) fn power(input: &Value) -> Value {
    let (from, to) = (shares(&input["weights"]), shares(&input["alternative"]));
    let (n, alpha) = (count(input, "n"), float(input, "alpha"));
    json!({"power_asymptotic": power::power(&from, &to, n, alpha)})
}

pub(super) fn plan_auto(input: &Value) -> Value {
    let (alpha, beta) = (float(input, "alpha"), float(input, "beta"));
    let design = Design::new(
        &shares(&input["weights"]),
        alpha,
        beta,
        0.0,
        Resolution::Auto,
    );
    let (n, alpha, beta) = match input["mode"].as_str() {
        Some("sequential") => (design.requests_sequential(), alpha / 2.0, beta / 2.0),
        Some("fixed") => (design.requests_fixed(), alpha, beta),
        mode => panic!("unknown mode {mode:?}"),
    };
    let targets = 0..design.shares().len();
    let sides = || {
        targets
            .clone()
            .map(|i| design.requests_per_side(i, alpha, beta))
    };
    let (lo, hi) = edges(&design);
    json!({
        "lo": lo, "hi": hi, "n": n,
        "n_low": sides().map(|(low, _)| low).collect::<Vec<_>>(),
        "n_high": sides().map(|(_, high)| high).collect::<Vec<_>>(),
    })
}

pub(super) fn starvation_n(input: &Value) -> Value {
    let shares = shares(&input["weights"]);
    let least = shares.iter().copied().fold(1.0, f64::min);
    json!({"n": power::requests_to_see_starvation(least, float(input, "alpha"))})
}

pub(super) fn wilson(input: &Value) -> Value {
    let interval = interval::wilson(count(input, "x"), count(input, "n"), float(input, "alpha"));
    json!({"lo": interval.lo, "hi": interval.hi})
}

pub(super) fn clopper_pearson(input: &Value) -> Value {
    let (x, n, alpha) = (count(input, "x"), count(input, "n"), float(input, "alpha"));
    let interval = interval::clopper_pearson(x, n, alpha);
    json!({"lo": interval.lo, "hi": interval.hi, "upper_one_sided": interval::upper(x, n, alpha)})
}

pub(super) fn interval_null(input: &Value) -> Value {
    let (counts, shares) = (counts(&input["counts"]), shares(&input["weights"]));
    let design = Design::new(
        &shares,
        0.001,
        0.01,
        float(input, "tolerance"),
        Resolution::Auto,
    );
    let observed: Vec<f64> = counts.iter().map(|count| *count as f64).collect();
    let (lo, hi) = design.tolerated();
    let nearest = tolerance::nearest(&observed, &lo, &hi);
    let x2 = pearson(&observed, &nearest);
    let df = shares.len() - 1;
    json!({
        "theta_star": numbers(&nearest), "chi2": x2, "df": df,
        "p": chi_square::ln_sf(x2, df as f64).exp(),
    })
}

pub(super) fn unattributed(input: &Value) -> Value {
    let (counts, shares) = (counts(&input["counts"]), shares(&input["weights"]));
    let seen: Vec<f64> = counts.iter().map(|count| *count as f64).collect();
    let completed = tolerance::completed(&seen, &shares, float(input, "unattributed"));
    let x2 = pearson(&completed, &shares);
    let df = (shares.len() - 1) as f64;
    json!({"completed": numbers(&completed), "chi2": x2, "p": chi_square::ln_sf(x2, df).exp()})
}

pub(super) fn verdict_fixed_n(input: &Value) -> Value {
    let (all, declared) = (counts(&input["counts"]), shares(&input["weights"]));
    let used = || all.iter().zip(&declared).filter(|(_, share)| **share > 0.0);
    let stray: u64 = all.iter().sum::<u64>() - used().map(|(count, _)| count).sum::<u64>();
    if stray > 0 {
        return json!({"verdict": "DIVERGED", "reason": "traffic to a zero-weight destination", "p": 0.0});
    }
    let counts: Vec<u64> = used().map(|(count, _)| *count).collect();
    let shares: Vec<f64> = used().map(|(_, share)| *share).collect();
    let (alpha, beta) = (float(input, "alpha"), float(input, "beta"));
    let design = Design::new(
        &shares,
        alpha,
        beta,
        float(input, "tolerance"),
        Resolution::Auto,
    );
    let diverged = design.p_diverged(&counts, 1);
    let equivalence = design.p_equivalence(&counts, 0);
    let verdict = match () {
        () if diverged.p <= alpha => "DIVERGED",
        () if equivalence <= beta => "PASS",
        () => "INCONCLUSIVE",
    };
    let omnibus = design.p_omnibus(&counts, 1);
    let method = if omnibus.method == Method::PearsonChiSquare {
        "pearson"
    } else {
        "exact"
    };
    let (lo, hi) = edges(&design);
    let reason = if counts.iter().sum::<u64>() == 0 {
        "no attributable responses"
    } else {
        "single destination"
    };
    let targets: Vec<f64> = design.p_targets(&counts).iter().map(|p| p.p).collect();
    json!({
        "p": diverged.p, "p_equivalence": equivalence, "verdict": verdict, "reason": reason,
        "p_omnibus": omnibus.p, "p_omnibus_method": method, "p_buckets": targets, "box_lo": lo, "box_hi": hi,
    })
}

fn edges(design: &Design) -> (Vec<Option<f64>>, Vec<Option<f64>>) {
    (0..design.shares().len()).map(|i| design.edges(i)).unzip()
}
