//! The words of an objective: numbers with units, metrics of targets, operators.

use std::ops::Range;

use super::problem::{METRICS, SloProblem};
use super::unit::Unit;
use super::{Measure, Metric, Percentile, Subject, Until};

/// A word with its place.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Token {
    pub(super) kind: Kind,
    pub(super) span: Range<usize>,
}

/// What a word is.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Kind {
    /// A number in its base unit: seconds, fractions.
    Number(f64, Unit),
    /// A metric; the range is that of the target's name.
    Measure(Measure, Range<usize>),
    /// `before`: the same metric of the same target in an earlier run.
    Before,
    /// `<` `<=` `>` `>=`
    Compare(Op),
    /// `+` `-` `*` `/` `(` `)`
    Sign(char),
}

/// A comparison.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Op {
    Less,
    AtMost,
    More,
    AtLeast,
}

/// An earlier run.
const BEFORE: &str = "before";
/// Before a metric of the time to the first byte.
const FIRST_BYTE: &str = "ttfb.";

const TIMES: [(&str, f64); 7] = [
    ("ns", 1e9),
    ("us", 1e6),
    ("µs", 1e6),
    ("ms", 1e3),
    ("s", 1.0),
    ("m", 1.0 / 60.0),
    ("h", 1.0 / 3600.0),
];

/// Every word of the text.
pub(super) fn tokens(text: &str) -> Result<Vec<Token>, SloProblem> {
    let mut tokens = Vec::new();
    let mut at = 0;
    while let Some(c) = text[at..].chars().next() {
        if c.is_whitespace() || c.is_control() {
            at += c.len_utf8();
            continue;
        }
        let token = token(text, at, c)?;
        at = token.span.end;
        tokens.push(token);
    }
    Ok(tokens)
}

fn token(text: &str, at: usize, c: char) -> Result<Token, SloProblem> {
    let rest = &text[at..];
    let simple = |kind, length: usize| {
        Ok(Token {
            kind,
            span: at..at + length,
        })
    };
    match c {
        '<' | '>' => {
            let equal = rest[1..].starts_with('=');
            let op = match (c, equal) {
                ('<', false) => Op::Less,
                ('<', true) => Op::AtMost,
                (_, false) => Op::More,
                (_, true) => Op::AtLeast,
            };
            simple(Kind::Compare(op), 1 + usize::from(equal))
        }
        '=' | '!' => Err(SloProblem::new(
            "an SLO compares with < <= > or >=",
            at..at + 1,
            "measurements are never exactly equal",
            "write it as canary.p99 < 200ms",
        )),
        '+' | '-' | '*' | '/' | '(' | ')' => simple(Kind::Sign(c), 1),
        '\'' | '`' => quoted_measure(text, at, c),
        c if is_name(c) => word(text, at),
        other => Err(SloProblem::new(
            format!("`{other}` has no meaning in an SLO"),
            at..at + other.len_utf8(),
            "not understood",
            "names with unusual characters are quoted: 'my target'.p99 < 200ms",
        )),
    }
}

/// Characters of a name without quotes.
fn is_name(c: char) -> bool {
    c.is_alphanumeric() || matches!(c, '_' | '.' | ':' | '-' | '/' | '%')
}

/// `` `a name`.p99 ``
fn quoted_measure(text: &str, at: usize, quote: char) -> Result<Token, SloProblem> {
    let inside = at + 1;
    let Some(length) = text[inside..].find(quote) else {
        return Err(SloProblem::new(
            "a quoted name does not end",
            at..text.len(),
            "begins here",
            format!("close it with {quote}"),
        ));
    };
    let name = &text[inside..inside + length];
    let close = inside + length + 1;
    let metric = close
        + match text[close..].strip_prefix('.') {
            Some(_) => 1,
            None => {
                return Err(SloProblem::new(
                    format!("`{name}` is a target, but which metric of it?"),
                    at..close,
                    "a metric is missing",
                    format!("write {quote}{name}{quote}.p99; the metrics are {METRICS}"),
                ));
            }
        };
    if name.is_empty() {
        return Err(SloProblem::new(
            "a name is empty",
            at..close,
            "nothing between the quotes",
            "name a target, or `all`",
        ));
    }
    let run = run(&text[metric..]);
    match longest_metric(run) {
        Some((found, length)) => Ok(Token {
            kind: Kind::Measure(found.of(Subject::Named(name.to_owned())), at..close),
            span: at..metric + length,
        }),
        None => Err(SloProblem::unknown_metric(run, metric..metric + run.len())),
    }
}

/// The name characters at the start.
fn run(text: &str) -> &str {
    &text[..text.find(|c| !is_name(c)).unwrap_or(text.len())]
}

/// A metric without the target: `p99`, `ttfb.p99`.
struct MetricUntil {
    until: Until,
    metric: Metric,
}

impl MetricUntil {
    fn of(self, subject: Subject) -> Measure {
        Measure {
            subject,
            until: self.until,
            metric: self.metric,
            before: false,
        }
    }
}

/// The metric at the start that ends where a name, or an operator without blanks, may end.
fn longest_metric(text: &str) -> Option<(MetricUntil, usize)> {
    let first_byte = text.strip_prefix(FIRST_BYTE).and_then(metric);
    if let Some((metric, length)) = first_byte.filter(|(metric, _)| metric.is_latency()) {
        let until = Until::FirstByte;
        return Some((MetricUntil { until, metric }, FIRST_BYTE.len() + length));
    }
    let (metric, length) = metric(text)?;
    let until = Until::LastByte;
    Some((MetricUntil { until, metric }, length))
}

/// The name at the start of a metric: `p99.9` before `p99`.
fn metric(text: &str) -> Option<(Metric, usize)> {
    let ends = |length: usize| {
        text[length..]
            .chars()
            .next()
            .is_none_or(|c| matches!(c, '-' | '/'))
    };
    let quantile = text.strip_prefix('p').and_then(|digits| {
        let length = digits
            .find(|c: char| !c.is_ascii_digit() && c != '.')
            .unwrap_or(digits.len());
        let percentile = Percentile::new(decimal(&digits[..length])?)?;
        Some((Metric::Quantile(percentile), 1 + length))
    });
    let named = [
        ("mean", Metric::Mean),
        ("max", Metric::Max),
        ("errors", Metric::Errors),
        ("rps", Metric::Rps),
        ("share", Metric::Share),
    ];
    let named = named
        .into_iter()
        .find_map(|(name, metric)| text.starts_with(name).then_some((metric, name.len())));
    quantile
        .into_iter()
        .chain(named)
        .find(|(_, length)| ends(*length))
}

/// A number or a metric: `200ms`, `canary.p99`, `10.0.0.1:8080.p99`.
fn word(text: &str, at: usize) -> Result<Token, SloProblem> {
    let run = run(&text[at..]);
    if run.starts_with(|c: char| c.is_ascii_digit() || c == '.')
        && let Some(token) = number(run, at)
    {
        return token;
    }
    if run == BEFORE {
        return Ok(Token {
            kind: Kind::Before,
            span: at..at + run.len(),
        });
    }
    let dots = run.match_indices('.').map(|(dot, _)| dot);
    for dot in dots {
        if let Some((metric, length)) = longest_metric(&run[dot + 1..])
            && dot > 0
        {
            let name = &run[..dot];
            let subject = if name == "all" {
                Subject::All
            } else {
                Subject::Named(name.to_owned())
            };
            return Ok(Token {
                kind: Kind::Measure(metric.of(subject), at..at + dot),
                span: at..at + dot + 1 + length,
            });
        }
    }
    let end = at + run.len();
    match run.rsplit_once('.') {
        Some((target, metric)) if !target.is_empty() => Err(SloProblem::unknown_metric(
            metric,
            at + target.len() + 1..end,
        )),
        _ => Err(SloProblem::new(
            format!("`{run}` is neither a number nor a metric"),
            at..end,
            "not understood",
            format!(
                "write TARGET.METRIC, as in canary.p99; names with blanks are quoted; the metrics are {METRICS}"
            ),
        )),
    }
}

/// The number at the start of a run; `None` when the run is a name that begins with a digit.
fn number(run: &str, at: usize) -> Option<Result<Token, SloProblem>> {
    let digits = run
        .find(|c: char| !c.is_ascii_digit() && c != '.')
        .unwrap_or(run.len());
    let unit_length = run[digits..]
        .find(|c: char| !c.is_alphabetic() && c != '%')
        .unwrap_or(run.len() - digits);
    let end = digits + unit_length;
    if !run[end..]
        .chars()
        .next()
        .is_none_or(|c| matches!(c, '-' | '/'))
    {
        return None;
    }
    // `503.share` is a metric of a target.
    let value = decimal(&run[..digits]).filter(|_| !run[..digits].ends_with('.'))?;
    let span = at..at + end;
    let (value, unit) = match &run[digits..end] {
        "" => (value, Unit::None),
        "%" => (value / 100.0, Unit::Fraction),
        "k" => (value * 1e3, Unit::None),
        "M" => (value * 1e6, Unit::None),
        unit => match TIMES.iter().find(|(name, _)| *name == unit) {
            Some((_, per_second)) => (value / per_second, Unit::Time),
            None => {
                return Some(Err(SloProblem::new(
                    format!("`{unit}` is not a known unit"),
                    at + digits..at + end,
                    "unknown unit",
                    "times are written as 200ms or 1.5s, fractions as 1%, requests per second as 500",
                )));
            }
        },
    };
    if !value.is_finite() {
        return Some(Err(SloProblem::new(
            "this number is too large",
            span,
            "too large",
            "compare with a value that can be measured",
        )));
    }
    Some(Ok(Token {
        kind: Kind::Number(value, unit),
        span,
    }))
}

/// A finite decimal in plain digits.
fn decimal(text: &str) -> Option<f64> {
    let plain = text.bytes().any(|b| b.is_ascii_digit());
    text.parse()
        .ok()
        .filter(|value: &f64| plain && value.is_finite())
}
