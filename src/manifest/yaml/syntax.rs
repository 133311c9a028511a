//! What is wrong with text that is no YAML, in words that do not need the YAML specification.

use std::ops::Range;

use serde_saphyr::granit_parser::{ErrorKind, ScanError};

use crate::diag::{Code, Note, SourceId, Span};

/// A syntax error with its place; the parser's places count from the offset.
pub(super) fn syntax(
    source: SourceId,
    text: &str,
    error: &ScanError,
    offset: usize,
    depth: usize,
) -> Note {
    let byte = (error.marker().byte_offset()).map_or(text.len(), |byte| byte + offset);
    let start = floor(text, byte);
    let width = text[start..].chars().next().map_or(0, char::len_utf8);
    let mut span = one_line(source, text, start..start + width);
    let (message, help) = match error.kind() {
        ErrorKind::RecursionLimitExceeded => return too_deep(span, depth),
        ErrorKind::TabInBlockIndentation
        | ErrorKind::TabInIndentation
        | ErrorKind::TabNotAllowed => {
            span = tab_before(text, span);
            (
                "a tab cannot indent YAML".to_owned(),
                Some("indent with spaces"),
            )
        }
        ErrorKind::MappingValueNotAllowed => (
            "a `:` stands where no key can be".to_owned(),
            Some("check the indentation, or quote the text if the `:` belongs to it"),
        ),
        ErrorKind::ExpectedBlockMappingKey
        | ErrorKind::ExpectedBlockSequenceEntry
        | ErrorKind::InvalidIndentation => (
            "this line does not fit the ones above it".to_owned(),
            Some("check the indentation of this line and the one above"),
        ),
        ErrorKind::SimpleKeyExpected | ErrorKind::InvalidSimpleKey => (
            "a `:` is missing after this key".to_owned(),
            Some("check the `:` and the indentation"),
        ),
        ErrorKind::ExpectedFlowMappingSeparator => (
            "a `,` or `}` is missing before this".to_owned(),
            Some("close the `{` above"),
        ),
        ErrorKind::ExpectedFlowSequenceSeparator => (
            "a `,` or `]` is missing before this".to_owned(),
            Some("close the `[` above"),
        ),
        ErrorKind::UnclosedQuotedScalar => ("a quote is not closed".to_owned(), None),
        ErrorKind::InvalidQuotedScalarIndent => (
            "this line does not belong to the quoted text above it".to_owned(),
            Some("close the quote above"),
        ),
        ErrorKind::UnexpectedCharacter {
            character: '%' | '@' | '`',
        } => (
            "text cannot begin with this character".to_owned(),
            Some("put the text in quotes"),
        ),
        kind => (kind.to_string(), None),
    };
    let problem = Note::new(Code::YamlSyntax, format!("not YAML: {message}")).at(span, "");
    match help {
        Some(help) => problem.help(help),
        None => problem,
    }
}

/// Text that copies itself without end.
pub(super) fn bomb(span: Span, most: usize) -> Note {
    Note::new(
        Code::AliasBomb,
        format!("aliases copy more than {most} values"),
    )
    .at(span, "too much from here on")
    .help("write the values out, or pass the rendered manifests")
}

/// Text that nests without end.
pub(super) fn too_deep(span: Span, most: usize) -> Note {
    Note::new(
        Code::TooDeep,
        format!("lists and maps are nested more than {most} levels deep"),
    )
    .at(span, "")
    .help("no manifest needs that: is this the right file?")
}

/// Text of a size that no manifest has.
pub(super) fn too_large(source: SourceId, bytes: usize) -> Note {
    Note::new(
        Code::TooLarge,
        format!(
            "a manifest of {} MiB is more than resplit reads",
            bytes >> 20
        ),
    )
    .at(Span::new(source, 0..0), "")
    .help(
        "pass only the kinds that decide a split, such as \
             `kubectl get virtualservices,destinationrules,services -A -o yaml`",
    )
}

/// A list or a map as a key, which is nearly always the placeholder of a template.
pub(super) fn complex_key(text: &str, span: Span) -> Note {
    let placeholder = text[..span.start].ends_with('{') || text[span.start..].starts_with("{{");
    if placeholder {
        Note::new(
            Code::Template,
            "this is the placeholder of a template, not a value",
        )
        .at(span, "")
        .help("render the template first, such as with `helm template`")
    } else {
        Note::new(
            Code::ComplexKey,
            "a key must be a string, not a list or a map",
        )
        .at(span, "")
    }
}

/// The part of a range that lies on its first line.
pub(super) fn one_line(source: SourceId, text: &str, range: Range<usize>) -> Span {
    let start = floor(text, range.start);
    let end = floor(text, range.end).max(start);
    let line = &text[start..end];
    let length = line.find(['\n', '\r']).unwrap_or(line.trim_end().len());
    Span::new(source, start..start + length)
}

/// The tab that a complaint about tabs is about: the last one of the line up to the place.
fn tab_before(text: &str, span: Span) -> Span {
    let start = text[..span.start]
        .rfind('\n')
        .map_or(0, |newline| newline + 1);
    match text[start..span.end].rfind('\t') {
        Some(tab) => Span {
            start: start + tab,
            end: start + tab + 1,
            ..span
        },
        None => span,
    }
}

/// The nearest character boundary at or before a byte.
fn floor(text: &str, byte: usize) -> usize {
    let byte = byte.min(text.len());
    (0..=byte)
        .rev()
        .find(|at| text.is_char_boundary(*at))
        .unwrap_or(0)
}
