//! The names of targets, as an objective must spell them.

use std::ops::Range;

use super::lex::{Kind, Token, tokens};
use super::problem::SloProblem;
use super::{Measure, Subject};
use crate::diag::nearest::nearest;

/// The name of a target as an objective must spell it.
pub(super) fn quoted(name: &str) -> String {
    let measure = format!("{name}.max");
    let plain = name != "all"
        && matches!(
            tokens(&measure).as_deref(),
            Ok([Token { kind: Kind::Measure(Measure { subject: Subject::Named(read), .. }, _), .. }]) if read == name
        );
    match name {
        name if plain => name.to_owned(),
        name if name.contains('\'') => format!("`{name}`"),
        name => format!("'{name}'"),
    }
}

/// An objective names a target that is not there.
pub(super) fn unknown_target(name: &str, span: Range<usize>, known: &[&str]) -> SloProblem {
    let list: Vec<String> = known.iter().map(|name| quoted(name)).collect();
    let list = if list.is_empty() {
        "`all`".to_owned()
    } else {
        format!("{}, and `all` for every request", list.join(", "))
    };
    let help = match nearest(name, known.iter().copied()) {
        Some(near) => format!("did you mean {}? the targets are {list}", quoted(near)),
        None => format!("the targets are {list}"),
    };
    SloProblem::new(
        format!("`{name}` is not a target of this run"),
        span,
        "unknown target",
        help,
    )
}
