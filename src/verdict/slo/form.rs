//! Which test an objective asks for: its units are checked, and it takes one of four forms.

use std::ops::Range;

use super::lex::Op;
use super::parse::{Adjustment, Against, Comparison, Value};
use super::problem::SloProblem;
use super::unit::Unit;
use super::{Measure, Metric, Subject};

/// A comparison that we can test. `below`: the measure is to stay below what it is compared with.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Form {
    /// A tested metric against a constant.
    Limit {
        measure: Measure,
        below: bool,
        limit: f64,
    },
    /// A latency against a multiple of another target's.
    Ratio {
        measure: Measure,
        base: Measure,
        below: bool,
        factor: f64,
    },
    /// An error rate against another target's plus a margin.
    Difference {
        measure: Measure,
        base: Measure,
        below: bool,
        margin: f64,
    },
    /// Metrics that are compared as they are: `measure` against a constant, or against a multiple of another plus a
    /// constant.
    Plain {
        measure: Measure,
        op: Op,
        base: Option<(Measure, f64)>,
        constant: f64,
    },
}

impl Form {
    /// Everything that is measured for it.
    pub(super) fn measures(&self) -> impl Iterator<Item = &Measure> {
        let (measure, base) = match self {
            Self::Limit { measure, .. } => (measure, None),
            Self::Ratio { measure, base, .. } | Self::Difference { measure, base, .. } => {
                (measure, Some(base))
            }
            Self::Plain { measure, base, .. } => (measure, base.as_ref().map(|(base, _)| base)),
        };
        std::iter::once(measure).chain(base)
    }

    pub(super) fn of(comparison: &Comparison) -> Result<Self, SloProblem> {
        let Comparison {
            measure,
            op,
            against,
            span,
        } = comparison;
        let measure = measure.measure.clone();
        let below = matches!(op, Op::Less | Op::AtMost);
        match against {
            Against::Value(value) => {
                same_unit(measure.metric.unit(), value.unit, &value.span)?;
                if is_plain(&measure) {
                    return Ok(Self::Plain {
                        measure,
                        op: *op,
                        base: None,
                        constant: value.number,
                    });
                }
                limit(measure, below, value.number, span.clone())
            }
            Against::Metric(base, adjustment) => {
                same_unit(
                    measure.metric.unit(),
                    base.measure.metric.unit(),
                    &base.span,
                )?;
                let base = base.measure.clone();
                let (factor, margin) = match adjustment {
                    None => (1.0, 0.0),
                    Some(Adjustment::Factor(factor)) => (*factor, 0.0),
                    Some(Adjustment::Margin(margin)) => (1.0, margin_of(&base, margin)?),
                };
                if measure.subject == base.subject && !base.before {
                    return Err(SloProblem::form(
                        "both sides measure the same responses, which no test separates",
                        span.clone(),
                    ));
                }
                if is_plain(&measure) && is_plain(&base) {
                    return Ok(Self::Plain {
                        measure,
                        op: *op,
                        base: Some((base, factor)),
                        constant: margin,
                    });
                }
                pair(measure, base, below, (factor, margin), span.clone())
            }
        }
    }
}

/// What is added to the other metric, in its unit.
fn margin_of(base: &Measure, margin: &Value) -> Result<f64, SloProblem> {
    let unit = base.metric.unit();
    if unit.takes(margin.unit) {
        return Ok(margin.number);
    }
    Err(SloProblem::new(
        format!("{} and {} do not add up", unit.name(), margin.unit.name()),
        margin.span.clone(),
        "different units",
        "add times to times (200ms) and fractions to fractions (1%)",
    ))
}

fn is_plain(measure: &Measure) -> bool {
    matches!(measure.metric, Metric::Max | Metric::Rps)
}

/// A latency that is tested.
fn is_latency(measure: &Measure) -> bool {
    measure.metric.is_latency() && !is_plain(measure)
}

fn limit(
    measure: Measure,
    below: bool,
    limit: f64,
    span: Range<usize>,
) -> Result<Form, SloProblem> {
    let fraction = matches!(measure.metric, Metric::Errors | Metric::Share);
    let wrong = |label: &str, help: &str| {
        Err(SloProblem::new(
            "this limit decides nothing",
            span.clone(),
            label,
            help,
        ))
    };
    if measure.metric == Metric::Share && measure.subject == Subject::All {
        return wrong(
            "`all` always has everything",
            "name a target: canary.share > 5%",
        );
    }
    if is_latency(&measure) && limit <= 0.0 {
        return wrong(
            "every response takes time",
            "compare with a time above zero, as in 200ms",
        );
    }
    if fraction && !(0.0..=1.0).contains(&limit) {
        return wrong(
            "a fraction lies between 0 and 100%",
            "write it as 1% or 0.01",
        );
    }
    if fraction && below && limit <= 0.0 {
        return wrong(
            "no number of responses shows that something never happens",
            "allow a little, as in canary.errors < 0.1%",
        );
    }
    if fraction && !below && limit >= 1.0 {
        return wrong(
            "no number of responses shows that something always happens",
            "ask for a little less, as in canary.share > 99.9%",
        );
    }
    Ok(Form::Limit {
        measure,
        below,
        limit,
    })
}

fn pair(
    measure: Measure,
    base: Measure,
    below: bool,
    (factor, margin): (f64, f64),
    span: Range<usize>,
) -> Result<Form, SloProblem> {
    if !base.before && (measure.subject == Subject::All || base.subject == Subject::All) {
        let other = if measure.subject == Subject::All {
            &base
        } else {
            &measure
        };
        return Err(SloProblem::form(
            format!(
                "`all` holds the responses of {} too; compare it with another target",
                other.subject
            ),
            span,
        ));
    }
    if is_latency(&measure) && is_latency(&base) {
        if margin != 0.0 {
            return Err(SloProblem::form(
                "latencies of two targets are compared by their ratio, without a constant",
                span,
            ));
        }
        return Ok(Form::Ratio {
            measure,
            base,
            below,
            factor,
        });
    }
    if measure.metric == Metric::Errors && base.metric == Metric::Errors {
        if factor.to_bits() != 1.0_f64.to_bits() {
            return Err(SloProblem::form(
                "error rates of two targets are compared by their difference, without a factor",
                span,
            ));
        }
        if margin.abs() >= 1.0 {
            return Err(SloProblem::form(
                "a margin of 100% or more decides nothing",
                span,
            ));
        }
        return Ok(Form::Difference {
            measure,
            base,
            below,
            margin,
        });
    }
    Err(SloProblem::form(
        format!(
            "`{}` and `{}` cannot be compared",
            measure.metric, base.metric
        ),
        span,
    ))
}

impl Op {
    /// The same comparison with the sides exchanged.
    pub(super) fn flipped(self) -> Self {
        match self {
            Self::Less => Self::More,
            Self::AtMost => Self::AtLeast,
            Self::More => Self::Less,
            Self::AtLeast => Self::AtMost,
        }
    }

    /// Whether the comparison holds.
    pub(super) fn holds(self, left: f64, right: f64) -> bool {
        match self {
            Self::Less => left < right,
            Self::AtMost => left <= right,
            Self::More => left > right,
            Self::AtLeast => left >= right,
        }
    }
}

/// Whether the sides count the same thing; `span` is the place of the right one.
fn same_unit(left: Unit, right: Unit, span: &Range<usize>) -> Result<(), SloProblem> {
    if left.takes(right) {
        return Ok(());
    }
    let help = match (left, right) {
        (Unit::Time, _) | (_, Unit::Time) => "latencies are compared with times: 200ms, 1.5s",
        (Unit::Rate, _) | (_, Unit::Rate) => "rps is compared with a plain number: all.rps > 500",
        _ => "errors and share are compared with fractions: 1%, 0.01",
    };
    Err(SloProblem::new(
        format!("{} cannot be compared with {}", left.name(), right.name()),
        span.clone(),
        format!(
            "this is {}, the other side is {}",
            right.name(),
            left.name()
        ),
        help,
    ))
}
