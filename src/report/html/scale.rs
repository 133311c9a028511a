//! From values to places in a drawing, and the values that are marked at an axis.

use crate::report::svg::Tick;

/// A scale from a lowest to a highest value.
#[derive(Clone, Copy, Debug)]
pub(super) struct Scale {
    low: f64,
    high: f64,
    logarithmic: bool,
}

impl Scale {
    /// Equal distances for equal differences.
    pub(super) fn linear(low: f64, high: f64) -> Self {
        Self {
            low,
            high: high.max(low + 1e-9),
            logarithmic: false,
        }
    }

    /// Equal distances for equal ratios; from one third of a decade to another.
    pub(super) fn logarithmic(low: f64, high: f64) -> Self {
        // Something is left free on both sides.
        let low = (low.max(1e-3).log10() * 3.0 - 0.2).floor() / 3.0;
        let high = (high.max(1e-3).log10() * 3.0 + 0.2).ceil() / 3.0;
        Self {
            low,
            high: high.max(low + 1.0 / 3.0),
            logarithmic: true,
        }
    }

    /// Where a value lies, as a fraction of the length; outside of the scale it is not between 0 and 1.
    pub(super) fn at(self, value: f64) -> f64 {
        let value = if self.logarithmic {
            value.max(1e-6).log10()
        } else {
            value
        };
        (value - self.low) / (self.high - self.low)
    }

    /// The value at a fraction of the length.
    pub(super) fn value(self, at: f64) -> f64 {
        let value = self.low + (self.high - self.low) * at;
        if self.logarithmic {
            10_f64.powf(value)
        } else {
            value
        }
    }

    /// Round values, about as many as asked for; of a logarithmic scale 1, 2, 5, 10, …, or powers of ten.
    pub(super) fn ticks(self, about: u32, unit: &str) -> Vec<Tick> {
        let (values, decimals) = if self.logarithmic {
            (self.powers(), None)
        } else {
            let (values, decimals) = self.rounds(about);
            (values, Some(decimals))
        };
        let inside = |value: &f64| (-1e-9..=1.0 + 1e-9).contains(&self.at(*value));
        let tick = |value: f64| Tick {
            at: self.at(value),
            label: match decimals {
                Some(decimals) => format!("{value:.decimals$}{unit}"),
                None => format!("{value}{unit}"),
            },
        };
        values.into_iter().filter(inside).map(tick).collect()
    }

    fn powers(self) -> Vec<f64> {
        let steps: &[f64] = if self.high - self.low > 3.0 {
            &[1.0]
        } else {
            &[1.0, 2.0, 5.0]
        };
        let decades = -3..=9;
        decades
            .flat_map(|decade| steps.iter().map(move |step| step * 10_f64.powi(decade)))
            .collect()
    }

    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "a few ticks, and a few decimals"
    )]
    fn rounds(self, about: u32) -> (Vec<f64>, usize) {
        let rough = (self.high - self.low) / f64::from(about.max(1));
        let decade = 10_f64.powf(rough.log10().floor());
        let steps = [1.0, 2.0, 5.0, 10.0].map(|step| step * decade);
        let step = steps
            .into_iter()
            .find(|step| *step >= rough * 0.999)
            .unwrap_or(rough);
        let decimals = (-(step * 1.001).log10().floor()).clamp(0.0, 9.0) as usize;
        let first = (self.low / step - 1e-6).ceil();
        let count = ((self.high / step + 1e-6).floor() - first).clamp(0.0, 40.0) as u32;
        // -0 is 0.
        let values = (0..=count).map(|at| (first + f64::from(at)) * step + 0.0);
        (values.collect(), decimals)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn labels(scale: Scale, about: u32) -> Vec<String> {
        let ticks = scale.ticks(about, "");
        assert!(
            ticks
                .iter()
                .all(|tick| (-1e-6..=1.0 + 1e-6).contains(&tick.at)),
            "{scale:?}"
        );
        ticks.into_iter().map(|tick| tick.label).collect()
    }

    #[test]
    fn ticks_are_round_numbers_within_the_scale() {
        for (low, high, about, ticks) in [
            (0.0, 1.0, 5, vec!["0.0", "0.2", "0.4", "0.6", "0.8", "1.0"]),
            (0.0, 4056.0, 4, vec!["0", "2000", "4000"]),
            (6.2, 13.9, 4, vec!["8", "10", "12"]),
        ] {
            assert_eq!(labels(Scale::linear(low, high), about), ticks);
        }
        let milliseconds = labels(Scale::logarithmic(0.8, 31.0), 0);
        assert_eq!(milliseconds, ["0.5", "1", "2", "5", "10", "20"]);
        assert_eq!(
            labels(Scale::logarithmic(0.01, 900.0), 0),
            ["0.01", "0.1", "1", "10", "100", "1000"]
        );
    }

    #[test]
    fn places_are_those_of_the_values() {
        assert!((Scale::linear(2.0, 4.0).at(3.0) - 0.5).abs() < 1e-12);
        let back = Scale::logarithmic(1.0, 100.0);
        assert!((back.value(back.at(7.0)) - 7.0).abs() < 1e-9);
        let scale = Scale::logarithmic(1.0, 100.0);
        let middle = f64::midpoint(scale.at(1.0), scale.at(100.0));
        assert!((scale.at(10.0) - middle).abs() < 1e-12);
    }
}
