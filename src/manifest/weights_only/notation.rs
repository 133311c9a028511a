//! How a dialect writes weights, and what a weight counts that is not written.

use crate::diag::{Code, Note, Span};
use crate::manifest::decode::{At, Decoder};
use crate::manifest::fields::Fields;
use crate::manifest::mesh::weighted_backend::required;
use crate::manifest::yaml::{Node, Scalar};

/// The notation of weights.
#[derive(Clone, Copy, Debug)]
pub(super) enum Notation {
    /// Whole numbers up to a greatest one, with a default.
    Whole { unset: u32, most: i64 },
    /// Whole numbers, or quantities such as `900m`, which are needed.
    Quantity,
    /// Percentages in hundredths, which are needed and add up to 100.
    Percent,
}

/// A weight.
#[derive(Clone, Copy, Debug)]
pub(super) struct Written {
    /// Its number, in the unit of the notation.
    pub(super) weight: u32,
    /// Where it is, or the backend that has none.
    pub(super) span: Span,
    /// Whether it is there.
    pub(super) is_set: bool,
}

impl Notation {
    /// The weight of a backend.
    pub(super) fn read(
        self,
        key: &'static str,
        fields: &mut Fields<'_, '_>,
        decoder: &mut Decoder<'_>,
    ) -> Option<Written> {
        let written = |weight, span| Written {
            weight,
            span,
            is_set: true,
        };
        let Some(node) = fields.get(key) else {
            return self.unset(key, fields, decoder);
        };
        let weight = match self {
            Self::Whole { most, .. } => {
                u32::try_from(decoder.integer(node, key, 0..=most)?.value).ok()?
            }
            Self::Quantity => thousandths(node, decoder)?,
            Self::Percent => hundredths(&decoder.number(node, key)?, decoder)?,
        };
        Some(written(weight, node.span))
    }

    fn unset(
        self,
        key: &'static str,
        fields: &mut Fields<'_, '_>,
        decoder: &mut Decoder<'_>,
    ) -> Option<Written> {
        let Self::Whole { unset, .. } = self else {
            required(fields, key, decoder);
            return None;
        };
        fields.misspellings(&[key], decoder);
        Some(Written {
            weight: unset,
            span: fields.span,
            is_set: false,
        })
    }
}

/// A weight in thousandths: the first version of SMI took quantities such as `900m`, the others take whole numbers.
fn thousandths(node: &Node<'_>, decoder: &mut Decoder<'_>) -> Option<u32> {
    let found = match node.scalar() {
        Some(Scalar::Int(number)) => u32::try_from(number)
            .ok()
            .and_then(|number| number.checked_mul(1000)),
        Some(Scalar::Float(number)) => quantity(&number.to_string()),
        Some(Scalar::Text(text)) => quantity(text),
        _ => None,
    };
    if found.is_none() {
        let message = "`weight` must be a number from 0 to 4294967, or a quantity such as `900m`";
        decoder.report(Note::new(Code::WrongType, message).at(node.span, ""));
    }
    found
}

/// `1`, `0.5`, `900m` and `1k`, in thousandths.
fn quantity(text: &str) -> Option<u32> {
    let (number, thousandths) = match text.strip_suffix(['m', 'k']) {
        Some(number) if text.ends_with('m') => (number, 1.0),
        Some(number) => (number, 1_000_000.0),
        None => (text, 1000.0),
    };
    let plain = |c: char| c.is_ascii_digit() || c == '.';
    let number: f64 = number.parse().ok().filter(|_| number.chars().all(plain))?;
    let found = (number * thousandths).round();
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "not negative, and compared with the greatest"
    )]
    (found <= f64::from(u32::MAX)).then_some(found as u32)
}

/// "float, 0.01 steps".
fn hundredths(weight: &At<f64>, decoder: &mut Decoder<'_>) -> Option<u32> {
    if !(0.0..=100.0).contains(&weight.value) {
        let message = format!(
            "a weight must be between 0 and 100, and this is {}",
            weight.value
        );
        decoder.report(Note::new(Code::OutOfRange, message).at(weight.span, ""));
        return None;
    }
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "at most a hundred, times a hundred"
    )]
    Some((weight.value * 100.0).round() as u32)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn quantities_are_thousandths() {
        for (text, found) in [
            ("900m", Some(900)),
            ("1", Some(1000)),
            ("0.5", Some(500)),
            ("1k", Some(1_000_000)),
            ("-1", None),
            ("m", None),
            ("inf", None),
            ("5000000", None),
        ] {
            assert_eq!(quantity(text), found, "{text}");
        }
    }
}
