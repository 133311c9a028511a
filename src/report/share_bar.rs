//! A share as a bar of characters: how far it is certain, how far it may reach, and where it was declared.

/// Up to the lower end of the interval, up to the share, up to the upper end, and beyond.
const CERTAIN: char = '█';
const SEEN: char = '▓';
const POSSIBLE: char = '▒';
const EMPTY: char = '·';
/// Where the declared share lies.
const DECLARED: char = '│';

/// What the characters mean, and the mark where there is one.
pub(super) const LEGEND: &str = "█ certain  ▓ seen  ▒ possible";
pub(super) const MARK: &str = "  │ declared";

/// A share with its interval, and the declared one, as fractions.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Bar {
    pub(crate) low: f64,
    pub(crate) share: f64,
    pub(crate) high: f64,
    pub(crate) declared: Option<f64>,
}

impl Bar {
    /// The bar in so many columns; every character takes one.
    pub(crate) fn draw(self, width: usize) -> String {
        let mark = self.declared.map(|declared| cell(declared, width));
        // What is not zero is never drawn as nothing.
        let certain = fill(self.low, width);
        let seen = fill(self.share, width).max(usize::from(self.share > 0.0));
        let possible = fill(self.high, width).max(seen);
        let character = |at: usize| match at {
            _ if Some(at) == mark => DECLARED,
            _ if at < certain => CERTAIN,
            _ if at < seen => SEEN,
            _ if at < possible => POSSIBLE,
            _ => EMPTY,
        };
        (0..width).map(character).collect()
    }

    /// Whether the declared share lies within the interval.
    pub(crate) fn agrees(self) -> bool {
        self.declared
            .is_none_or(|declared| (self.low..=self.high).contains(&declared))
    }
}

#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "a fraction of a width that fits a terminal"
)]
fn fill(fraction: f64, width: usize) -> usize {
    (fraction.clamp(0.0, 1.0) * width as f64).round() as usize
}

/// The column a fraction falls into.
fn cell(fraction: f64, width: usize) -> usize {
    fill(fraction, width).min(width.saturating_sub(1))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn the_interval_lies_around_the_share_and_the_mark_where_it_was_declared() {
        let bar = Bar {
            low: 0.4,
            share: 0.5,
            high: 0.6,
            declared: Some(0.9),
        };
        assert_eq!(bar.draw(20), "████████▓▓▒▒······│·");
        assert!(!bar.agrees());
    }

    #[test]
    fn what_is_rare_is_still_seen() {
        let bar = Bar {
            low: 0.0,
            share: 0.001,
            high: 0.002,
            declared: None,
        };
        assert_eq!(bar.draw(10), "▓·········");
    }

    proptest! {
        #[test]
        fn a_bar_has_its_width(low in 0.0..1.0_f64, share in 0.0..1.0_f64, high in 0.0..1.0_f64, declared in 0.0..=1.0_f64, width in 1_usize..200) {
            let bar = Bar { low, share, high, declared: Some(declared) };
            prop_assert_eq!(bar.draw(width).chars().count(), width);
            prop_assert!(bar.draw(width).contains(DECLARED));
        }
    }
}
