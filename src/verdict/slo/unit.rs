//! What the numbers and metrics of an objective count, and which of them go together.

use super::Metric;

/// What a number counts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Unit {
    None,
    Fraction,
    Time,
    Rate,
}

impl Unit {
    /// As messages call a value of it.
    pub(super) fn name(self) -> &'static str {
        match self {
            Self::None => "a plain number",
            Self::Fraction => "a fraction",
            Self::Time => "a time",
            Self::Rate => "a number per second",
        }
    }

    /// Whether a metric of this unit is compared with a value of that one: plain numbers are fractions or rates where
    /// those are meant.
    pub(super) fn takes(self, value: Self) -> bool {
        self == value || (value == Self::None && matches!(self, Self::Fraction | Self::Rate))
    }

    /// Whether values of it have no dimension, as a factor must.
    pub(super) fn is_factor(self) -> bool {
        matches!(self, Self::None | Self::Fraction)
    }
}

impl Metric {
    /// What it counts.
    pub(super) fn unit(self) -> Unit {
        match self {
            Self::Quantile(_) | Self::Mean | Self::Max => Unit::Time,
            Self::Errors | Self::Share => Unit::Fraction,
            Self::Rps => Unit::Rate,
        }
    }
}
