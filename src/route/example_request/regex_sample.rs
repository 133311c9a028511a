//! Short texts that a regular expression matches.

use regex::Regex;
use regex_syntax::hir::{Class, Hir, HirKind};

/// Ways of choosing among alternatives, classes and repetitions that are tried.
const WAYS: usize = 16;
/// Longer texts are not built.
const LONGEST: usize = 2000;
/// What a class is represented by where it holds one of them: letters first, as a person would.
const READABLE: &str = "abcxyz0123456789ABCdefghijklmnopqrstuvwDEFGHIJKLMNOPQRSTUVWXYZ-_./";

/// Different texts that all of a regular expression matches, the shortest choices first.
pub(super) fn samples(regex: &Regex) -> Vec<String> {
    let Ok(hir) = regex_syntax::parse(regex.as_str()) else {
        return Vec::new();
    };
    let mut found: Vec<String> = Vec::new();
    for way in 0..WAYS {
        let mut text = String::new();
        let whole = write(&hir, way, &mut text).is_some();
        if whole && regex.is_match(&text) && !found.contains(&text) {
            found.push(text);
        }
    }
    found
}

/// Appends one text of an expression; `None` where there is none, or it is too long.
fn write(hir: &Hir, way: usize, text: &mut String) -> Option<()> {
    match hir.kind() {
        HirKind::Empty | HirKind::Look(_) => {}
        HirKind::Literal(literal) => text.push_str(std::str::from_utf8(&literal.0).ok()?),
        HirKind::Class(class) => text.push(member(class, way)?),
        HirKind::Repetition(repetition) => {
            // The fewest first, then one or two more where that is allowed.
            let most = repetition.max.unwrap_or(u32::MAX);
            let more = u32::try_from(way % 3).unwrap_or(0);
            let times = repetition.min.saturating_add(more).min(most);
            for _ in 0..times {
                write(&repetition.sub, way / 2, text)?;
                if text.len() > LONGEST {
                    return None;
                }
            }
        }
        HirKind::Capture(capture) => write(&capture.sub, way, text)?,
        HirKind::Concat(parts) => {
            for part in parts {
                write(part, way, text)?;
            }
        }
        HirKind::Alternation(choices) => {
            let chosen = choices.get(way % choices.len().max(1))?;
            write(chosen, way / choices.len().max(1), text)?;
        }
    }
    (text.len() <= LONGEST).then_some(())
}

/// One character of a class.
fn member(class: &Class, way: usize) -> Option<char> {
    let ranges: Vec<(char, char)> = match class {
        Class::Unicode(class) => class
            .iter()
            .map(|range| (range.start(), range.end()))
            .collect(),
        Class::Bytes(class) => (class.iter())
            .map(|range| (char::from(range.start()), char::from(range.end())))
            .collect(),
    };
    let holds = |c: &char| ranges.iter().any(|(start, end)| start <= c && c <= end);
    let readable: Vec<char> = READABLE.chars().filter(holds).collect();
    match readable.len() {
        0 => ranges.first().map(|(start, _)| *start),
        several => Some(readable[way % several]),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::route::TextMatch;

    fn of(pattern: &str) -> Vec<String> {
        match TextMatch::regex(pattern).expect("it compiles") {
            TextMatch::Regex(regex) => samples(&regex),
            other => panic!("{other:?} is no regular expression"),
        }
    }

    #[test]
    fn expressions_that_people_write_have_samples() {
        for pattern in [
            "/v[0-9]+/.*",
            ".*",
            "^(.*?;)?(user=jason)(;.*)?$",
            r"/api/(users|orders)/\d{1,3}",
            "(?i)canary",
            r"[^/]+\.example\.com(:\d+)?",
            ".*Chrome/[5-9][0-9].*",
            r"/\w{3}-\w{2}",
        ] {
            let samples = of(pattern);
            assert!(!samples.is_empty(), "{pattern}");
        }
        assert_eq!(of("a|b").len(), 2, "every choice is tried");
    }

    #[test]
    fn an_expression_without_a_short_text_has_none() {
        assert_eq!(of("(a{1000}){3}"), [""; 0]);
        assert_eq!(of(r"a\bb"), [""; 0], "nothing matches it");
    }
}
