//! From words to a comparison of two sums of products.

use std::ops::Range;

use super::lex::{Kind, Op, Token, Unit, tokens};
use super::problem::SloProblem;
use super::{Measure, Subject};

/// Parentheses within parentheses; deeper is no objective of a person.
const DEEPEST: usize = 50;

/// More words are no objective of a person either; expressions are walked recursively.
const LONGEST: usize = 200;

/// `left op right`
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Comparison {
    pub(super) left: Expr,
    pub(super) op: Op,
    pub(super) right: Expr,
}

/// An expression with its place.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Expr {
    pub(super) kind: ExprKind,
    pub(super) span: Range<usize>,
}

/// What an expression is.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum ExprKind {
    Number(f64, Unit),
    /// The range is that of the target's name.
    Measure(Measure, Range<usize>),
    Binary(Box<Expr>, char, Box<Expr>),
}

impl Comparison {
    /// Every target named, with its place.
    pub(super) fn subjects(&self) -> Vec<(Subject, Range<usize>)> {
        let mut found = Vec::new();
        self.left.subjects(&mut found);
        self.right.subjects(&mut found);
        found
    }

    /// The place of the whole.
    pub(super) fn span(&self) -> Range<usize> {
        self.left.span.start..self.right.span.end
    }
}

impl Expr {
    fn subjects(&self, found: &mut Vec<(Subject, Range<usize>)>) {
        match &self.kind {
            ExprKind::Number(..) => {}
            ExprKind::Measure(measure, span) => found.push((measure.subject.clone(), span.clone())),
            ExprKind::Binary(left, _, right) => {
                left.subjects(found);
                right.subjects(found);
            }
        }
    }
}

/// Reads a comparison.
pub(super) fn comparison(text: &str) -> Result<Comparison, SloProblem> {
    let tokens = tokens(text)?;
    if let Some(token) = tokens.get(LONGEST) {
        return Err(SloProblem::new(
            "an SLO of this length is not understood",
            token.span.clone(),
            "too long",
            "write several, each with its own --slo",
        ));
    }
    let mut parser = Parser {
        tokens: &tokens,
        at: 0,
        end: text.len(),
    };
    let left = parser.sum(0)?;
    let op = match parser.next() {
        Some(Token {
            kind: Kind::Compare(op),
            ..
        }) => *op,
        other => {
            return Err(parser.unexpected(
                other,
                "a comparison",
                "compare it with a value: canary.p99 < 200ms",
            ));
        }
    };
    let right = parser.sum(0)?;
    match parser.next() {
        None => Ok(Comparison { left, op, right }),
        other => Err(parser.unexpected(
            other,
            "the end",
            "an SLO is one comparison; give --slo several times for several",
        )),
    }
}

struct Parser<'t> {
    tokens: &'t [Token],
    at: usize,
    end: usize,
}

impl<'t> Parser<'t> {
    fn next(&mut self) -> Option<&'t Token> {
        let token = self.tokens.get(self.at);
        self.at += 1;
        token
    }

    /// The sign that comes next, if it is one of these.
    fn sign(&mut self, of: [char; 2]) -> Option<char> {
        match self.tokens.get(self.at).map(|token| &token.kind) {
            Some(Kind::Sign(sign)) if of.contains(sign) => {
                self.at += 1;
                Some(*sign)
            }
            _ => None,
        }
    }

    fn sum(&mut self, depth: usize) -> Result<Expr, SloProblem> {
        let mut left = self.product(depth)?;
        while let Some(sign) = self.sign(['+', '-']) {
            left = binary(left, sign, self.product(depth)?);
        }
        Ok(left)
    }

    fn product(&mut self, depth: usize) -> Result<Expr, SloProblem> {
        let mut left = self.atom(depth)?;
        while let Some(sign) = self.sign(['*', '/']) {
            left = binary(left, sign, self.atom(depth)?);
        }
        Ok(left)
    }

    fn atom(&mut self, depth: usize) -> Result<Expr, SloProblem> {
        let found = self.next();
        let (kind, span) = match found {
            Some(Token {
                kind: Kind::Number(value, unit),
                span,
            }) => (ExprKind::Number(*value, *unit), span.clone()),
            Some(Token {
                kind: Kind::Measure(measure, name),
                span,
            }) => (
                ExprKind::Measure(measure.clone(), name.clone()),
                span.clone(),
            ),
            Some(Token {
                kind: Kind::Sign('('),
                span,
            }) if depth < DEEPEST => {
                let inner = self.sum(depth + 1)?;
                let close = self.next();
                let Some(Token {
                    kind: Kind::Sign(')'),
                    span: end,
                }) = close
                else {
                    return Err(self.unexpected(close, "`)`", "close every parenthesis"));
                };
                (inner.kind, span.start..end.end)
            }
            other => {
                return Err(self.unexpected(
                    other,
                    "a number or a metric",
                    "write TARGET.METRIC < VALUE, as in canary.p99 < 200ms",
                ));
            }
        };
        Ok(Expr { kind, span })
    }

    fn unexpected(&self, found: Option<&Token>, wanted: &str, help: &str) -> SloProblem {
        let span = found.map_or(self.end..self.end, |token| token.span.clone());
        let message = if found.is_some() {
            format!("{wanted} was expected here")
        } else {
            format!("the SLO ends where {wanted} was expected")
        };
        SloProblem::new(message, span, format!("expected {wanted}"), help)
    }
}

fn binary(left: Expr, sign: char, right: Expr) -> Expr {
    let span = left.span.start..right.span.end;
    Expr {
        kind: ExprKind::Binary(Box::new(left), sign, Box::new(right)),
        span,
    }
}
