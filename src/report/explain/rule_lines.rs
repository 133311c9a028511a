//! The lines of a rule as they are written, short enough to be read.

use super::Line;
use crate::diag::{Sources, Span};

/// More lines than this are not shown.
const MOST: usize = 16;
/// Longer lines hold a whole document, and say nothing to a person.
const LONGEST: usize = 400;
/// Where the part of a rule begins that says where requests go.
const ACTIONS: [&str; 10] = [
    "route:",
    "redirect:",
    "directResponse:",
    "delegate:",
    "backendRefs:",
    "fault:",
    "\"route\":",
    "\"redirect\":",
    "\"direct_response\":",
    "\"directResponse\":",
];

/// The lines of the block that begins at a span, without their common indentation. A long one is cut to its first line
/// and to what follows the field that says where requests go.
pub(super) fn rule_lines(sources: &Sources, span: Span) -> Vec<Line> {
    let source = sources.get(span.source);
    let (first, column) = sources.position(span);
    let starts = source.lines();
    let line = |number: usize| -> Option<&str> {
        let start = *starts.get(number - 1)?;
        let end = starts.get(number).map_or(source.text().len(), |next| *next);
        Some(source.text()[start..end].trim_end())
    };
    let inside = |text: &str| text.trim().is_empty() || indentation(text) + 1 >= column;
    let mut lines: Vec<(usize, &str)> = line(first).map(|text| (first, text)).into_iter().collect();
    for number in first + 1.. {
        match line(number).filter(|text| inside(text)) {
            Some(text) => {
                lines.push((number, text));
                // The end of what is written in braces.
                if indentation(text) + 1 == column && text.trim_start().starts_with('}') {
                    break;
                }
            }
            None => break,
        }
    }
    while lines.last().is_some_and(|(_, text)| is_empty(text)) {
        lines.pop();
    }
    if lines.iter().any(|(_, text)| text.len() > LONGEST) {
        return Vec::new();
    }
    let common = lines
        .iter()
        .filter(|(_, text)| !text.trim().is_empty())
        .map(|(_, text)| indentation(text))
        .min();
    let cut = |(number, text): &(usize, &str)| {
        let text = text.get(common.unwrap_or(0)..).unwrap_or_default();
        Line::Text(*number, text.to_owned())
    };
    if lines.len() <= MOST {
        return lines.iter().map(cut).collect();
    }
    let action = |(_, text): &&(usize, &str)| {
        let own = text.get(column - 1..).unwrap_or_default();
        let inside = own.trim_start();
        // In braces the fields are indented.
        let begins =
            |key: &str| own.starts_with(key) || key.starts_with('"') && inside.starts_with(key);
        ACTIONS.iter().any(|key| begins(key))
    };
    let from = lines.iter().skip(1).find(action).map(|(number, _)| *number);
    let from = from.map_or(0, |number| number - first);
    let mut shown = Vec::new();
    if from > 0 {
        shown.push(cut(&lines[0]));
    }
    if from > 1 {
        shown.push(Line::Gap);
    }
    let rest = MOST - shown.len();
    shown.extend(lines[from..].iter().take(rest).map(cut));
    if from + rest < lines.len() {
        shown.push(Line::Gap);
    }
    shown
}

fn indentation(text: &str) -> usize {
    text.len() - text.trim_start_matches(' ').len()
}

/// Nothing but blanks, a comment, or the end of a document: none of it belongs to the rule before it.
fn is_empty(text: &str) -> bool {
    let text = text.trim();
    text.is_empty() || text.starts_with('#') || text == "---"
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shown(text: &str, at: &str) -> String {
        let mut sources = Sources::new();
        let id = sources.add("t.yaml", text);
        let start = text.find(at).expect("it is there");
        let lines = rule_lines(&sources, Span::new(id, start..start + at.len()));
        let text = |line: &Line| match line {
            Line::Text(number, text) => format!("{number} {text}\n"),
            Line::Gap => "…\n".to_owned(),
        };
        lines.iter().map(text).collect()
    }

    #[test]
    fn a_rule_ends_where_the_next_one_begins() {
        let text =
            "http:\n  - route:\n    - destination: {host: a}\n\n    # next\n  - redirect: {}\n";
        assert_eq!(
            shown(text, "route:"),
            "2 - route:\n3   - destination: {host: a}\n"
        );
        assert_eq!(shown(text, "redirect"), "6 - redirect: {}\n");
    }

    #[test]
    fn a_long_rule_is_cut_to_where_requests_go() {
        let matches = "    - uri: {exact: /x}\n".repeat(20);
        let text = format!("  - match:\n{matches}    route:\n    - destination: {{host: a}}\n");
        assert_eq!(
            shown(&text, "match:"),
            "1 - match:\n…\n22   route:\n23   - destination: {host: a}\n"
        );
    }

    #[test]
    fn a_document_in_one_line_is_not_shown() {
        let text = format!("{{\"http\": [{{\"route\": \"{}\"}}]}}", "x".repeat(500));
        assert_eq!(shown(&text, "{\"route"), "");
    }
}
