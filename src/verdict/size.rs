//! How many requests it takes to see what: the plan for a declared split.

use serde::{Deserialize, Serialize};

use super::Policy;
use crate::diag::Note;
use crate::split::{Expected, Share, WeightsError, parse_weights};
use crate::stats::design::Design;
use crate::stats::{binomial, power, quantile, tolerance};

/// The name and major version of the JSON form.
pub const SCHEMA: &str = "resplit.size/1";
/// Level of the bounds of a p99 that `p99_requests` make finite.
const P99_ALPHA: f64 = 0.05;

/// What a declared split takes.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Size {
    /// [`SCHEMA`].
    pub schema: String,
    /// Requests that decide, looking once at the end.
    pub fixed: u64,
    /// Requests that decide at the latest, looking after every answer.
    pub sequential: u64,
    /// Requests after which the smallest target must have answered, or it is starved.
    pub starvation: u64,
    /// See [`Policy::alpha`].
    pub alpha: f64,
    /// See [`Policy::beta`].
    pub beta: f64,
    /// See [`Policy::tolerance`].
    pub tolerance: f64,
    /// The deviation a pass rules out, for every target with a share.
    pub resolution: Vec<f64>,
    /// Where the split is declared.
    pub source: String,
    /// The rule, where there is one.
    pub rule: Option<String>,
    /// The targets in the order of the declaration.
    pub targets: Vec<SizedTarget>,
    /// What it takes to detect a named wrong split.
    pub detect: Option<Detect>,
    /// What a number of requests can see.
    pub sees: Option<Sees>,
    /// What weakens the declaration.
    pub caveats: Vec<Note>,
}

/// What one target takes.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct SizedTarget {
    /// The short name.
    pub target: String,
    /// The declared share.
    pub share: f64,
    /// The exact fraction.
    pub ratio: Share,
    /// The deviation a pass rules out; none for a share of 0, where a single answer decides.
    pub resolution: Option<f64>,
    /// Requests in all until this target's p99 has an upper bound (95 %).
    pub p99_requests: Option<u64>,
}

/// A named wrong split.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Detect {
    /// Its shares, in the order of the declaration.
    pub shares: Vec<f64>,
    /// Requests that detect it, looking once; `None` where no number does, because it is accepted.
    pub fixed: Option<u64>,
    /// The same with half of `alpha` and `beta` kept for the end, as in a sequential run.
    pub sequential: Option<u64>,
}

/// What a number of requests can see.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Sees {
    /// How many.
    pub requests: u64,
    /// The deviation they rule out, for every target with a share.
    pub deviation: Vec<f64>,
    /// The chance that they detect the split of [`Size::detect`].
    pub power: Option<f64>,
}

/// Why `--detect` names no wrong split.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum DetectError {
    /// Not as many shares as targets.
    #[error("`{text}` has {given} shares, but {wanted} targets are declared: {}", names.join(", "))]
    Length {
        /// As typed.
        text: String,
        /// So many were given.
        given: usize,
        /// So many there are.
        wanted: usize,
        /// Their names.
        names: Vec<String>,
    },
    /// A target without a weight, or a weight without a target.
    #[error("`{text}` must give a weight to every declared target and to no other: {}", names.join(", "))]
    Names {
        /// As typed.
        text: String,
        /// The declared names.
        names: Vec<String>,
    },
    /// No weights.
    #[error(transparent)]
    Weights(#[from] WeightsError),
    /// It is the declared one.
    #[error("`{0}` is the declared split itself")]
    Same(String),
}

/// Reads a wrong split, `85/15` in the order of the declaration or `v1=85,v2=15` by name, as shares in that order.
pub fn parse_detect(text: &str, expected: &Expected) -> Result<Vec<f64>, DetectError> {
    let declared = expected.declared();
    let names = || declared.iter().map(|d| d.name.clone()).collect();
    let shares: Vec<Share> = if text.contains('=') {
        let typed = parse_weights(&[text])?;
        let of = |name: &str| typed.declared().iter().find(|d| d.name == name);
        let shares: Option<Vec<Share>> = declared
            .iter()
            .map(|d| of(&d.name).map(|found| found.share))
            .collect();
        shares
            .filter(|shares| shares.len() == typed.declared().len())
            .ok_or_else(|| DetectError::Names {
                text: text.to_owned(),
                names: names(),
            })?
    } else {
        let parts: Vec<&str> = text.split('/').collect();
        if parts.len() != declared.len() {
            return Err(DetectError::Length {
                text: text.to_owned(),
                given: parts.len(),
                wanted: declared.len(),
                names: names(),
            });
        }
        let numbered: Vec<String> = parts
            .iter()
            .enumerate()
            .map(|(index, weight)| format!("{index}={weight}"))
            .collect();
        let typed = parse_weights(&numbered).map_err(|error| match error {
            WeightsError::Form(_) => WeightsError::Form(text.to_owned()),
            other => other,
        })?;
        typed.declared().iter().map(|d| d.share).collect()
    };
    if shares.iter().zip(declared).all(|(a, d)| *a == d.share) {
        return Err(DetectError::Same(text.to_owned()));
    }
    Ok(shares.into_iter().map(Share::as_f64).collect())
}

impl Size {
    /// The plan for a split. `detect` holds one share for each declared target.
    #[must_use]
    pub fn new(
        expected: &Expected,
        rule: Option<String>,
        policy: &Policy,
        detect: Option<Vec<f64>>,
        requests: Option<u64>,
    ) -> Self {
        let design = policy.design(expected, 0);
        let declared = expected.declared();
        let resolution: Vec<f64> = design.resolution().into_iter().map(readable).collect();
        let smallest = design.shares().iter().copied().fold(1.0, f64::min);
        let mut active = resolution.iter().copied();
        let answers = quantile::values_for_upper(0.99, P99_ALPHA) as f64;
        let targets = declared.iter().map(|declared| {
            let share = declared.share.as_f64();
            let seen = share > 0.0;
            SizedTarget {
                target: declared.name.clone(),
                share,
                ratio: declared.share,
                resolution: if seen { active.next() } else { None },
                p99_requests: seen.then(|| power::round_up(answers / share)),
            }
        });
        let targets = targets.collect();
        let wrong = detect.map(|shares| Wrong::new(&design, expected, shares));
        let sees = requests.map(|n| Sees {
            requests: n,
            deviation: (design.deviation_ruled_out(n).into_iter())
                .map(readable)
                .collect(),
            power: wrong.as_ref().map(|wrong| readable(wrong.power(n))),
        });
        Self {
            schema: SCHEMA.to_owned(),
            fixed: design.requests_fixed(),
            sequential: design.requests_sequential(),
            starvation: power::requests_to_see_starvation(smallest, policy.alpha),
            alpha: policy.alpha,
            beta: policy.beta,
            tolerance: policy.tolerance,
            resolution,
            source: expected.source.clone(),
            rule,
            targets,
            detect: wrong.map(|wrong| Detect {
                fixed: wrong.requests(policy.alpha, policy.beta),
                sequential: wrong.requests(policy.alpha / 2.0, policy.beta / 2.0),
                shares: wrong.shares,
            }),
            sees,
            caveats: Vec::new(),
        }
    }
}

/// Without the noise of the last bits: 0.03, not 0.030000000000000027.
fn readable(value: f64) -> f64 {
    (value * 1e12).round() / 1e12
}

/// A wrong split beside the question about the right one.
struct Wrong<'a> {
    design: &'a Design,
    /// In the order of the declaration.
    shares: Vec<f64>,
    /// The same among the targets that have a declared share.
    active: Vec<f64>,
    /// What goes where nothing may go.
    unexpected: f64,
    /// The tolerated split nearest to `active`.
    null: Vec<f64>,
}

impl<'a> Wrong<'a> {
    fn new(design: &'a Design, expected: &Expected, shares: Vec<f64>) -> Self {
        let idle = |(_, declared): &(&f64, &crate::split::TargetShare)| declared.share.is_zero();
        let pairs = || shares.iter().zip(expected.declared());
        let unexpected: f64 = pairs().filter(idle).map(|(share, _)| share).sum();
        let rest = (1.0 - unexpected).max(f64::MIN_POSITIVE);
        let active: Vec<f64> = pairs()
            .filter(|pair| !idle(pair))
            .map(|(share, _)| share / rest)
            .collect();
        let null = if design.tolerance() > 0.0 && unexpected < 1.0 {
            let (lo, hi) = design.tolerated();
            tolerance::nearest(&active, &lo, &hi)
        } else {
            design.shares().to_vec()
        };
        Self {
            design,
            shares,
            active,
            unexpected,
            null,
        }
    }

    /// Requests that detect it with probability `1 - beta`, about: the least over the ways to notice it.
    fn requests(&self, alpha: f64, beta: f64) -> Option<u64> {
        let k = self.active.len();
        // One answer where nothing may answer needs no statistics.
        let structural = (self.unexpected > 0.0)
            .then(|| power::round_up(beta.ln() / (-self.unexpected).ln_1p()));
        // What gets nothing for sure is noticed exactly, and much earlier than the chi-square approximation says.
        let level = if k > 2 {
            alpha / (2.0 * k as f64)
        } else {
            alpha
        };
        let starved = self
            .active
            .iter()
            .zip(&self.null)
            .filter(|(wrong, share)| k > 1 && **wrong <= 0.0 && **share > 0.0)
            .map(|(_, share)| power::requests_to_see_starvation(*share, level))
            .min();
        let effect = self.effect().map(|w| {
            let omnibus = if k > 2 { alpha / 2.0 } else { alpha };
            power::round_up(power::requests_for_effect(w, k, omnibus, 1.0 - beta))
        });
        let rest = (1.0 - self.unexpected).max(f64::MIN_POSITIVE);
        let shifted = starved.into_iter().chain(effect).min();
        let shifted = shifted.map(|n| power::round_up(n as f64 / rest));
        structural.into_iter().chain(shifted).min()
    }

    /// Cohen's `w` from the nearest accepted split, if there is any distance.
    fn effect(&self) -> Option<f64> {
        let possible = self.null.iter().zip(&self.active);
        let (null, active): (Vec<f64>, Vec<f64>) =
            possible.filter(|(null, _)| **null > 0.0).unzip();
        let w = power::effect_size(&null, &active);
        (self.active.len() > 1 && w > 1e-9).then_some(w)
    }

    /// The chance that `n` requests detect it, looking once: exact for two targets, about for more.
    fn power(&self, n: u64) -> f64 {
        let unnoticed = (n as f64 * (-self.unexpected).ln_1p()).exp();
        let alpha = self.design.alpha();
        let shifted = match self.active.len() {
            1 => 0.0,
            2 => central_power(self.null[1], self.active[1], n, alpha),
            _ if self.effect().is_none() => 0.0,
            _ => power::power(&self.null, &self.active, n, alpha / 2.0),
        };
        (1.0 - unnoticed * (1.0 - shifted)).clamp(0.0, 1.0)
    }
}

/// The exact power of the central binomial test: the mass of its rejection region under the wrong share.
fn central_power(share: f64, wrong: f64, n: u64, alpha: f64) -> f64 {
    if share <= 0.0 || share >= 1.0 || (share - wrong).abs() < 1e-12 {
        return 0.0;
    }
    // The ranks that bound a quantile are where the tails of the same binomial fall below half of alpha.
    let ranks = quantile::order_statistics(n, share, alpha);
    let low = ranks
        .lower
        .map_or(0.0, |rank| binomial::ln_le(n, rank - 1, wrong).exp());
    let high = ranks
        .upper
        .map_or(0.0, |rank| binomial::ln_ge(n, rank, wrong).exp());
    low + high
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn expected(text: &str) -> Expected {
        parse_weights(&[text]).expect("a split")
    }

    fn size(weights: &str, detect: Option<&str>, requests: Option<u64>) -> Size {
        let expected = expected(weights);
        let detect = detect.map(|text| parse_detect(text, &expected).expect("a wrong split"));
        Size::new(&expected, None, &Policy::default(), detect, requests)
    }

    fn detected(weights: &str, wrong: &str) -> (Option<u64>, Option<u64>) {
        let detect = size(weights, Some(wrong), None).detect.expect("asked for");
        (detect.fixed, detect.sequential)
    }

    #[test]
    fn ninety_ten_takes_three_thousand_four_hundred_and_eighty_requests() {
        let size = size("v1=90,v2=10", None, None);
        assert_eq!(
            (size.fixed, size.sequential, size.starvation),
            (3480, 4056, 73)
        );
        assert_eq!(size.resolution, [0.03, 0.03]);
        let p99: Vec<_> = size
            .targets
            .iter()
            .map(|target| target.p99_requests)
            .collect();
        assert_eq!(p99, [Some(409), Some(3680)]);
    }

    #[test]
    fn named_wrong_splits_take_what_the_noncentral_chi_square_says() {
        for (wrong, n) in [
            ("50/50", 18),
            ("80/20", 284),
            ("85/15", 1136),
            ("88/12", 7099),
            ("89/11", 28395),
        ] {
            assert_eq!(detected("v1=90,v2=10", wrong).0, Some(n), "{wrong}");
        }
        assert_eq!(detected("v1=99,v2=1", "98/2").0, Some(3124));
        // lambda = 36.6822 at .0005/.995, w^2 = 1/36.
        assert_eq!(detected("v1=90,v2=10", "85/15").1, Some(1321));
    }

    #[test]
    fn a_target_that_gets_nothing_is_noticed_exactly() {
        assert_eq!(detected("v1=90,v2=10", "100/0").0, Some(73));
        assert_eq!(detected("v1=90,v2=10", "v2=0,v1=1").0, Some(73));
    }

    #[test]
    fn traffic_where_there_must_be_none_is_noticed_by_one_answer() {
        // 0.95^90 < 0.01 < 0.95^89
        assert_eq!(detected("v1=100,v2=0", "95/5").0, Some(90));
    }

    #[test]
    fn what_is_tolerated_is_never_detected() {
        let expected = expected("v1=90,v2=10");
        let loose = Policy {
            tolerance: 0.06,
            ..Policy::default()
        };
        let wrong = parse_detect("85/15", &expected).expect("a wrong split");
        let size = Size::new(&expected, None, &loose, Some(wrong), Some(1000));
        assert_eq!(size.detect.expect("asked for").fixed, None);
        assert!(size.sees.expect("asked for").power < Some(1e-9));
    }

    #[test]
    fn a_thousand_requests_see_a_sixth_with_this_power() {
        let sees = size("v1=90,v2=10", Some("85/15"), Some(1000))
            .sees
            .expect("asked for");
        // Pearson's test reaches .951 (exact), the central binomial a little less; the approximation says .976.
        let power = sees.power.expect("asked for");
        assert!((power - 0.941).abs() < 0.001, "{power}");
        let sees = size("v1=90,v2=10", None, Some(3480))
            .sees
            .expect("asked for");
        assert!((sees.deviation[1] - 0.03).abs() < 1e-4, "{sees:?}");
    }

    #[test]
    fn what_is_no_wrong_split_says_why() {
        let expected = expected("v1=90,v2=10");
        for text in [
            "",
            "85",
            "85/10/5",
            "v1=85",
            "v1=85,v3=15",
            "90/10",
            "9/1",
            "a/b",
            "0/0",
            "v1=90,v2=10",
        ] {
            assert!(parse_detect(text, &expected).is_err(), "{text}");
        }
    }

    proptest! {
        #[test]
        fn the_planned_number_detects(weight in 20_u32..50, wrong in 10_u32..70) {
            prop_assume!((1..20).contains(&weight.abs_diff(wrong)));
            let weights = format!("v1={},v2={weight}", 100 - weight);
            let wrong = format!("{}/{wrong}", 100 - wrong);
            let n = detected(&weights, &wrong).0.expect("it differs");
            let power = size(&weights, Some(&wrong), Some(n)).sees.expect("asked for").power;
            // An approximation: "about".
            prop_assert!(power.expect("asked for") > 0.9, "{} {:?}", n, power);
        }

        #[test]
        fn no_text_panics(text in any::<String>()) {
            let _ = parse_detect(&text, &expected("v1=90,v2=10"));
        }
    }
}
