//! Conditions of rules, and fields that are not honoured.

use crate::diag::{Code, Note, Span};
use crate::manifest::fields::Fields;
use crate::manifest::yaml::Value;
use crate::route::{AppliesTo, Condition, Test, TextMatch};

/// Fields that change what happens to a request in ways that weights do not show.
pub(super) fn not_judged(
    fields: &mut Fields<'_, '_>,
    keys: &[&'static str],
    caveats: &mut Vec<Note<AppliesTo>>,
) {
    for key in keys {
        let empty = fields
            .get(key)
            .is_none_or(|node| matches!(&node.value, Value::List(items) if items.is_empty()));
        if let (false, Some(span)) = (empty, fields.place(key)) {
            let message = format!("weights only: `{key}` is not judged");
            caveats.push(Note::about(Code::NotJudged, message, Some(span)));
        }
    }
}

/// A condition on a field.
pub(super) fn condition(field: impl Into<String>, span: Span, test: Test) -> Condition {
    Condition {
        field: field.into(),
        span,
        test,
    }
}

/// A condition that is not honoured: taken to hold, and said so.
pub(super) fn assumed_condition(field: &str, span: Span) -> Condition {
    let message = format!("weights only: `{field}` is not judged, and taken to match");
    let caveat = Note::about(Code::NotJudged, message, Some(span));
    condition(field, span, Test::Assumed(caveat))
}

/// A path and everything below it.
pub(super) fn below(path: &str) -> TextMatch {
    TextMatch::Below {
        text: path.trim_end_matches('/').to_owned(),
        ignore_case: false,
    }
}

/// The length of a text, as a rank.
pub(super) fn length(text: &str) -> i64 {
    i64::try_from(text.len()).unwrap_or(i64::MAX)
}
