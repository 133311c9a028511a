//! Where things are in a JSON text: the place of a parsed value, and that of an error.

use serde_json::value::RawValue;

use crate::diag::{Code, Note, SourceId, Span};

/// A text that values are read from.
#[derive(Clone, Copy)]
pub(super) struct Text<'s> {
    pub(super) source: SourceId,
    pub(super) text: &'s str,
}

impl<'s> Text<'s> {
    /// The first line of a value: a caret stands under one line only.
    pub(super) fn span(self, raw: &'s RawValue) -> Span {
        let start = self.offset(raw);
        let line = raw.get().lines().next().unwrap_or_default();
        Span::new(self.source, start..start + line.len())
    }

    /// The beginning of the text.
    pub(super) fn beginning(self) -> Span {
        Span::new(self.source, 0..0)
    }

    /// What is wrong with the text.
    pub(super) fn problem(self, error: &serde_json::Error) -> Note {
        self.at(0, self.text, error)
    }

    /// What is wrong with a value of the text.
    pub(super) fn problem_in(self, raw: &'s RawValue, error: &serde_json::Error) -> Note {
        self.at(self.offset(raw), raw.get(), error)
    }

    fn at(self, base: usize, part: &str, error: &serde_json::Error) -> Note {
        let (id, help) = if error.is_data() {
            (
                Code::BadDump,
                "take the dump anew; an option of the admin interface such as `mask=` may have changed its shape",
            )
        } else {
            (
                Code::BadJson,
                "is the file complete? Take it anew: istioctl proxy-config all POD -o json",
            )
        };
        let message = error.to_string();
        let said = message.split(" at line ").next().unwrap_or(&message);
        let mut start = (base + position(part, error.line(), error.column())).min(self.text.len());
        while !self.text.is_char_boundary(start) {
            start -= 1;
        }
        let span = Span::new(self.source, start..start);
        Note::new(id, format!("this JSON cannot be read: {said}"))
            .at(span, "")
            .help(help)
    }

    /// The value borrows from the text, so that its address tells where it is.
    fn offset(self, raw: &'s RawValue) -> usize {
        let (own, all) = (raw.get().as_ptr() as usize, self.text.as_ptr() as usize);
        own.saturating_sub(all).min(self.text.len())
    }
}

/// The byte at a line and a column, both from 1.
fn position(text: &str, line: usize, column: usize) -> usize {
    let before = line.saturating_sub(1);
    let starts = text.match_indices('\n').map(|(newline, _)| newline + 1);
    let start = match before {
        0 => 0,
        _ => starts.take(before).last().unwrap_or(0),
    };
    start + column.saturating_sub(1)
}
