//! From words to a comparison: a metric with a value, or with another metric times a number, or plus a value.

use std::ops::Range;

use super::lex::{Kind, Op, Token, tokens};
use super::problem::SloProblem;
use super::unit::Unit;
use super::{Measure, Subject};

/// `measure op against`, all with their places.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Comparison {
    pub(super) measure: MeasureAt,
    pub(super) op: Op,
    pub(super) against: Against,
    /// The place of the whole.
    pub(super) span: Range<usize>,
}

/// What stands on the other side.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Against {
    Value(Value),
    Metric(MeasureAt, Option<Adjustment>),
}

/// What is done to the other metric before it is compared.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Adjustment {
    /// Finite and above zero.
    Factor(f64),
    Margin(Value),
}

/// A number in its base unit: seconds, fractions.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Value {
    pub(super) number: f64,
    pub(super) unit: Unit,
    pub(super) span: Range<usize>,
}

/// A metric of a target.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct MeasureAt {
    pub(super) measure: Measure,
    pub(super) span: Range<usize>,
    /// The place of the target's name.
    name: Range<usize>,
}

enum Operand {
    Value(Value),
    Metric(MeasureAt),
}

impl Comparison {
    /// Every target named, with its place.
    pub(super) fn subjects(&self) -> Vec<(Subject, Range<usize>)> {
        let base = match &self.against {
            Against::Value(_) => None,
            Against::Metric(base, _) => Some(base),
        };
        let mut found: Vec<_> = std::iter::once(&self.measure)
            .chain(base)
            .map(|named| (named.measure.subject.clone(), named.name.clone()))
            .collect();
        found.sort_by_key(|(_, name)| name.start);
        found
    }
}

/// Reads a comparison.
pub(super) fn comparison(text: &str) -> Result<Comparison, SloProblem> {
    let tokens = tokens(text)?;
    let mut parser = Parser {
        tokens: &tokens,
        at: 0,
        end: text.len(),
        left: None,
    };
    let left = parser.operand()?;
    if let Operand::Metric(measure) = &left {
        parser.left = Some(measure.clone());
    }
    let op = parser.op()?;
    let right = parser.against()?;
    parser.end()?;
    let span = 0..text.len();
    match (left, right) {
        (Operand::Metric(measure), against) => Ok(Comparison {
            measure,
            op,
            against,
            span,
        }),
        (Operand::Value(value), Against::Metric(measure, None)) => Ok(Comparison {
            measure,
            op: op.flipped(),
            against: Against::Value(value),
            span,
        }),
        (Operand::Value(_), Against::Metric(_, Some(_))) => Err(SloProblem::form(
            "a value is compared with a metric alone",
            span,
        )),
        (Operand::Value(_), Against::Value(_)) => Err(SloProblem::new(
            "this compares no metric",
            span,
            "only numbers",
            "name a metric of a target: canary.p99 < 200ms",
        )),
    }
}

struct Parser<'t> {
    tokens: &'t [Token],
    at: usize,
    end: usize,
    /// The metric on the left, which `before` stands for.
    left: Option<MeasureAt>,
}

impl<'t> Parser<'t> {
    fn peek(&self) -> Option<&'t Token> {
        self.tokens.get(self.at)
    }

    fn operand(&mut self) -> Result<Operand, SloProblem> {
        let found = self.peek();
        let operand = match found {
            Some(Token {
                kind: Kind::Number(number, unit),
                span,
            }) => Operand::Value(Value {
                number: *number,
                unit: *unit,
                span: span.clone(),
            }),
            Some(Token {
                kind: Kind::Measure(measure, name),
                span,
            }) => Operand::Metric(MeasureAt {
                measure: measure.clone(),
                span: span.clone(),
                name: name.clone(),
            }),
            Some(Token {
                kind: Kind::Before,
                span,
            }) => {
                let left = self.left.clone().ok_or_else(|| {
                    SloProblem::form(
                        "`before` stands behind the metric that it is an earlier value of",
                        span.clone(),
                    )
                })?;
                Operand::Metric(MeasureAt {
                    measure: Measure {
                        before: true,
                        ..left.measure
                    },
                    span: span.clone(),
                    name: left.name,
                })
            }
            other => {
                let help = match other.map(|token| &token.kind) {
                    Some(Kind::Sign('(' | ')')) => "an SLO needs no parentheses",
                    _ => "write TARGET.METRIC < VALUE, as in canary.p99 < 200ms",
                };
                return Err(self.unexpected("a number or a metric", help));
            }
        };
        self.at += 1;
        Ok(operand)
    }

    fn op(&mut self) -> Result<Op, SloProblem> {
        match self.peek() {
            Some(Token {
                kind: Kind::Compare(op),
                ..
            }) => {
                self.at += 1;
                Ok(*op)
            }
            Some(Token {
                kind: Kind::Sign(_),
                span,
            }) => Err(SloProblem::form(
                "before the comparison stands one metric, without arithmetic",
                span.clone(),
            )),
            _ => Err(self.unexpected(
                "a comparison",
                "compare it with a value: canary.p99 < 200ms",
            )),
        }
    }

    /// The next token if it is one of `+ - * /`.
    fn sign(&mut self) -> Option<char> {
        match self.peek()?.kind {
            Kind::Sign(sign @ ('+' | '-' | '*' | '/')) => {
                self.at += 1;
                Some(sign)
            }
            _ => None,
        }
    }

    /// A value, a metric, or a metric with an adjustment.
    fn against(&mut self) -> Result<Against, SloProblem> {
        let first = self.operand()?;
        let Some(sign) = self.sign() else {
            return Ok(match first {
                Operand::Value(value) => Against::Value(value),
                Operand::Metric(base) => Against::Metric(base, None),
            });
        };
        let (base, adjustment) = match (first, sign, self.operand()?) {
            (Operand::Metric(base), '*', Operand::Value(value))
            | (Operand::Value(value), '*', Operand::Metric(base)) => (base, factor(&value)?),
            (Operand::Metric(base), '/', Operand::Value(value)) => (base, divisor(&value)?),
            (Operand::Metric(base), '+', Operand::Value(value))
            | (Operand::Value(value), '+', Operand::Metric(base)) => {
                (base, Adjustment::Margin(value))
            }
            (Operand::Metric(base), _, Operand::Value(value)) => {
                let number = -value.number;
                (base, Adjustment::Margin(Value { number, ..value }))
            }
            (Operand::Metric(_), _, Operand::Metric(third)) => {
                return Err(SloProblem::form(
                    "more than two metrics are compared",
                    third.span,
                ));
            }
            (Operand::Value(value), _, Operand::Metric(base)) => {
                return Err(SloProblem::form(
                    "a metric is neither subtracted nor a divisor",
                    value.span.start..base.span.end,
                ));
            }
            (Operand::Value(one), _, Operand::Value(other)) => {
                return Err(SloProblem::form(
                    "a value is one number, without arithmetic",
                    one.span.start..other.span.end,
                ));
            }
        };
        Ok(Against::Metric(base, Some(adjustment)))
    }

    fn end(&mut self) -> Result<(), SloProblem> {
        match self.peek() {
            None => Ok(()),
            Some(Token {
                kind: Kind::Sign('+' | '-' | '*' | '/'),
                span,
            }) => Err(SloProblem::form(
                "a comparison takes one factor or one margin",
                span.clone(),
            )),
            Some(_) => Err(self.unexpected(
                "the end",
                "an SLO is one comparison; give --slo several times for several",
            )),
        }
    }

    fn unexpected(&self, wanted: &str, help: &str) -> SloProblem {
        let found = self.peek();
        let span = found.map_or(self.end..self.end, |token| token.span.clone());
        let message = if found.is_some() {
            format!("{wanted} was expected here")
        } else {
            format!("the SLO ends where {wanted} was expected")
        };
        SloProblem::new(message, span, format!("expected {wanted}"), help)
    }
}

fn factor(value: &Value) -> Result<Adjustment, SloProblem> {
    if !value.unit.is_factor() {
        return Err(SloProblem::new(
            format!("a factor cannot be {}", value.unit.name()),
            value.span.clone(),
            "it has a unit",
            "multiply by a plain number, as in stable.p99 * 1.1",
        ));
    }
    if value.number <= 0.0 {
        return Err(SloProblem::new(
            "a factor of zero decides nothing",
            value.span.clone(),
            "zero",
            "multiply by a number above zero, as in stable.p99 * 1.1",
        ));
    }
    Ok(Adjustment::Factor(value.number))
}

fn divisor(value: &Value) -> Result<Adjustment, SloProblem> {
    if !value.unit.is_factor() {
        return Err(SloProblem::new(
            format!("a divisor cannot be {}", value.unit.name()),
            value.span.clone(),
            "it has a unit",
            "divide by a plain number, as in stable.p99 / 2",
        ));
    }
    let factor = 1.0 / value.number;
    if !factor.is_finite() {
        return Err(SloProblem::new(
            "this divides by zero",
            value.span.clone(),
            "zero",
            "divide by a number above zero, as in stable.p99 / 2",
        ));
    }
    Ok(Adjustment::Factor(factor))
}
