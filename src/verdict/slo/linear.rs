//! Arithmetic of metrics and numbers, with units: a sum of metrics with factors, and a constant.

use super::lex::Unit;
use super::parse::{Expr, ExprKind};
use super::problem::SloProblem;
use super::{Measure, Metric};

/// `sum of factor * measure + constant`, in one unit.
pub(super) struct Linear {
    pub(super) terms: Vec<(Measure, f64)>,
    pub(super) constant: f64,
    pub(super) unit: Unit,
}

/// Numbers this close are equal: factors come out of divisions.
pub(super) const SAME: f64 = 1e-9;

pub(super) fn linear(expr: &Expr) -> Result<Linear, SloProblem> {
    let value = match &expr.kind {
        ExprKind::Number(value, unit) => Linear {
            terms: Vec::new(),
            constant: *value,
            unit: *unit,
        },
        ExprKind::Measure(measure, _) => Linear {
            terms: vec![(measure.clone(), 1.0)],
            constant: 0.0,
            unit: match measure.metric {
                Metric::Quantile(_) | Metric::Mean | Metric::Max => Unit::Time,
                Metric::Errors | Metric::Share => Unit::Fraction,
                Metric::Rps => Unit::Rate,
            },
        },
        ExprKind::Binary(left, sign, right) => {
            let (a, b) = (linear(left)?, linear(right)?);
            match sign {
                '*' => product(a, b, expr)?,
                '/' => quotient(a, &b, expr, right)?,
                sign => {
                    let unit = sum_unit(a.unit, b.unit).ok_or_else(|| {
                        SloProblem::new(
                            format!("{} and {} do not add up", a.unit.name(), b.unit.name()),
                            expr.span.clone(),
                            "different units",
                            "add times to times (200ms) and fractions to fractions (1%)",
                        )
                    })?;
                    let factor = if *sign == '-' { -1.0 } else { 1.0 };
                    Linear {
                        unit,
                        ..plus(a, factor, b)
                    }
                }
            }
        }
    };
    let finite =
        value.constant.is_finite() && value.terms.iter().all(|(_, factor)| factor.is_finite());
    if finite {
        Ok(value)
    } else {
        Err(SloProblem::new(
            "this is no number",
            expr.span.clone(),
            "too large",
            "compare with a value that can be measured",
        ))
    }
}

pub(super) fn plus(a: Linear, factor: f64, b: Linear) -> Linear {
    let mut terms = a.terms;
    for (measure, times) in b.terms {
        match terms.iter_mut().find(|(known, _)| *known == measure) {
            Some((_, sum)) => *sum += factor * times,
            None => terms.push((measure, factor * times)),
        }
    }
    terms.retain(|(_, factor)| factor.abs() > SAME);
    Linear {
        terms,
        constant: a.constant + factor * b.constant,
        unit: a.unit,
    }
}

fn times(value: Linear, factor: f64, unit: Unit) -> Linear {
    Linear {
        terms: value
            .terms
            .into_iter()
            .map(|(measure, times)| (measure, times * factor))
            .collect(),
        constant: value.constant * factor,
        unit,
    }
}

fn product(a: Linear, b: Linear, expr: &Expr) -> Result<Linear, SloProblem> {
    let unit = match (a.unit, b.unit) {
        (unit, Unit::None | Unit::Fraction) | (Unit::None | Unit::Fraction, unit) => unit,
        (a, b) => {
            return Err(SloProblem::new(
                format!(
                    "{} times {} is nothing that is measured",
                    a.name(),
                    b.name()
                ),
                expr.span.clone(),
                "a product of two units",
                "multiply by a plain number, as in stable.p99 * 1.1",
            ));
        }
    };
    match (a.terms.is_empty(), b.terms.is_empty()) {
        (_, true) => Ok(times(a, b.constant, unit)),
        (true, false) => Ok(times(b, a.constant, unit)),
        (false, false) => Err(SloProblem::form(
            "two metrics are multiplied",
            expr.span.clone(),
        )),
    }
}

fn quotient(a: Linear, b: &Linear, expr: &Expr, divisor: &Expr) -> Result<Linear, SloProblem> {
    if !b.terms.is_empty() {
        return Err(SloProblem::new(
            "a metric cannot be a divisor",
            divisor.span.clone(),
            "measured, not known",
            "move it to the other side: canary.p99 < stable.p99 * 1.1",
        ));
    }
    let unit = match (a.unit, b.unit) {
        (unit, Unit::None | Unit::Fraction) => unit,
        (a, b) if a == b => Unit::None,
        (a, b) => {
            return Err(SloProblem::new(
                format!(
                    "{} divided by {} is nothing that is measured",
                    a.name(),
                    b.name()
                ),
                expr.span.clone(),
                "a quotient of two units",
                "divide by a plain number, as in stable.p99 / 2",
            ));
        }
    };
    if b.constant == 0.0 {
        return Err(SloProblem::new(
            "this divides by zero",
            divisor.span.clone(),
            "zero",
            "divide by a number other than zero",
        ));
    }
    if unit == Unit::None && !a.terms.is_empty() && a.unit != Unit::None {
        return Err(SloProblem::form(
            "a metric is divided by a value with a unit",
            expr.span.clone(),
        ));
    }
    Ok(times(a, 1.0 / b.constant, unit))
}

/// The unit of a sum or a comparison; plain numbers are fractions or rates where those are meant.
pub(super) fn sum_unit(a: Unit, b: Unit) -> Option<Unit> {
    match (a, b) {
        (a, b) if a == b => Some(a),
        (Unit::None, unit @ (Unit::Fraction | Unit::Rate))
        | (unit @ (Unit::Fraction | Unit::Rate), Unit::None) => Some(unit),
        _ => None,
    }
}

impl Unit {
    pub(super) fn name(self) -> &'static str {
        match self {
            Self::None => "a plain number",
            Self::Fraction => "a fraction",
            Self::Time => "a time",
            Self::Rate => "a number per second",
        }
    }
}
