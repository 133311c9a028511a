//! How the targets of responses follow each other: as draws do, in turns, or in bursts.

use super::turns::Turns;
use super::{Label, serial};

/// What the order of the responses shows.
#[derive(Clone, Debug, PartialEq)]
pub enum Order {
    /// Nothing that draws would not show.
    Draws,
    /// Targets take turns.
    Turns(Turns),
    /// Responses that follow each other resemble each other: so many are worth one.
    Bursts(f64),
}

impl Order {
    /// The order of responses given one by one as targets, as they were dispatched. Workers that take turns in step look like
    /// bursts at first; they are turns once their range is too small for bursts.
    #[must_use]
    pub fn of(labels: &[Label], targets: usize) -> Self {
        let effect = serial::of_labels(labels, targets);
        match (Turns::of(labels, targets, effect.unwrap_or(1.0)), effect) {
            (Some(turns), _) => Self::Turns(turns),
            (None, Some(effect)) => Self::Bursts(effect),
            (None, None) => Self::Draws,
        }
    }

    /// How many responses are worth one independent one.
    #[must_use]
    pub fn design_effect(&self) -> f64 {
        match self {
            Self::Bursts(effect) => *effect,
            Self::Draws | Self::Turns(_) => 1.0,
        }
    }

    /// So many responses, in independent ones.
    #[must_use]
    pub fn worth(&self, count: u64) -> u64 {
        super::whole((count as f64 / self.design_effect()).round())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Workers in step, each a rotation of nine to one.
    fn in_step(n: usize, workers: usize) -> Vec<Label> {
        (0..n)
            .map(|at| Label::from((at / workers) % 10 == 5))
            .collect()
    }

    #[test]
    fn workers_in_step_are_bursts_and_then_turns() {
        assert!(matches!(Order::of(&in_step(400, 32), 2), Order::Bursts(effect) if effect > 5.0));
        let Order::Turns(turns) = Order::of(&in_step(4056, 32), 2) else {
            panic!("no turns");
        };
        let (low, high) = turns.share(1);
        assert!(low > 0.07 && high < 0.13, "{low} {high}");
        assert!(!turns.exclude(&[0.9, 0.1], &[0.9, 0.1]));
    }
}
