//! Which test an objective asks for: its units are checked, and all its arithmetic is brought into one of four forms.

use std::ops::Range;

use super::lex::{Op, Unit};
use super::linear::{SAME, linear, plus, sum_unit};
use super::parse::Comparison;
use super::problem::SloProblem;
use super::{Measure, Metric, Subject};

/// A comparison that a test is known for. `below`: the measure is to stay below what it is compared with.
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
    /// Metrics that are compared as they are: `measure` against a sum of others and a constant.
    Plain {
        measure: Measure,
        op: Op,
        others: Vec<(Measure, f64)>,
        constant: f64,
    },
}

impl Form {
    /// Everything that is measured for it.
    pub(super) fn measures(&self) -> impl Iterator<Item = &Measure> {
        let (measure, others, base) = match self {
            Self::Limit { measure, .. } => (measure, &[][..], None),
            Self::Ratio { measure, base, .. } | Self::Difference { measure, base, .. } => {
                (measure, &[][..], Some(base))
            }
            Self::Plain {
                measure, others, ..
            } => (measure, others.as_slice(), None),
        };
        let others = others.iter().map(|(other, _)| other);
        std::iter::once(measure).chain(base).chain(others)
    }

    pub(super) fn of(comparison: &Comparison) -> Result<Self, SloProblem> {
        let left = linear(&comparison.left)?;
        let right = linear(&comparison.right)?;
        if sum_unit(left.unit, right.unit).is_none() {
            return Err(mismatch(comparison, left.unit, right.unit));
        }
        let sum = plus(left, -1.0, right);
        let span = comparison.span();
        let Some(((measure, scale), others)) = sum.terms.split_first() else {
            return Err(SloProblem::new(
                "this compares no metric",
                span,
                "only numbers",
                "name a metric of a target: canary.p99 < 200ms",
            ));
        };
        // measure op sum(others) + constant, after a division by the factor of the first.
        let measure = measure.clone();
        let op = if *scale < 0.0 {
            comparison.op.flipped()
        } else {
            comparison.op
        };
        let below = matches!(op, Op::Less | Op::AtMost);
        let constant = -sum.constant / scale;
        let others: Vec<(Measure, f64)> = others
            .iter()
            .map(|(other, factor)| (other.clone(), -factor / scale))
            .collect();
        if is_plain(&measure) && others.iter().all(|(other, _)| is_plain(other)) {
            return Ok(Self::Plain {
                measure,
                op,
                others,
                constant,
            });
        }
        match others.as_slice() {
            [] => limit(measure, below, constant, span),
            [(base, factor)] => pair(measure, base.clone(), *factor, below, constant, span),
            _ => Err(SloProblem::form("more than two metrics are compared", span)),
        }
    }
}

fn is_plain(measure: &Measure) -> bool {
    matches!(measure.metric, Metric::Max | Metric::Rps)
}

fn is_latency(measure: &Measure) -> bool {
    matches!(measure.metric, Metric::Quantile(_) | Metric::Mean)
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
            "every answer takes time",
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
            "no number of answers shows that something never happens",
            "allow a little, as in canary.errors < 0.1%",
        );
    }
    if fraction && !below && limit >= 1.0 {
        return wrong(
            "no number of answers shows that something always happens",
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
    factor: f64,
    below: bool,
    constant: f64,
    span: Range<usize>,
) -> Result<Form, SloProblem> {
    if measure.subject == base.subject {
        return Err(SloProblem::form(
            "both sides measure the same answers, which no test separates",
            span,
        ));
    }
    if measure.subject == Subject::All || base.subject == Subject::All {
        let other = if measure.subject == Subject::All {
            &base
        } else {
            &measure
        };
        return Err(SloProblem::form(
            format!(
                "`all` holds the answers of {} too; compare it with another target",
                other.subject
            ),
            span,
        ));
    }
    if is_latency(&measure) && is_latency(&base) && factor > 0.0 {
        if constant.abs() > SAME {
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
        if (factor - 1.0).abs() > SAME {
            return Err(SloProblem::form(
                "error rates of two targets are compared by their difference, without a factor",
                span,
            ));
        }
        if constant.abs() >= 1.0 {
            return Err(SloProblem::form(
                "a margin of 100% or more decides nothing",
                span,
            ));
        }
        return Ok(Form::Difference {
            measure,
            base,
            below,
            margin: if constant.abs() < SAME { 0.0 } else { constant },
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
    fn flipped(self) -> Self {
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

fn mismatch(comparison: &Comparison, left: Unit, right: Unit) -> SloProblem {
    let help = match (left, right) {
        (Unit::Time, _) | (_, Unit::Time) => "latencies are compared with times: 200ms, 1.5s",
        (Unit::Rate, _) | (_, Unit::Rate) => "rps is compared with a plain number: all.rps > 500",
        _ => "errors and share are compared with fractions: 1%, 0.01",
    };
    SloProblem::new(
        format!("{} cannot be compared with {}", left.name(), right.name()),
        comparison.right.span.clone(),
        format!(
            "this is {}, the other side is {}",
            right.name(),
            left.name()
        ),
        help,
    )
}
