//! The expression of a Traefik rule, where it is simple: conditions that must all hold, or one of several such lists.

use crate::manifest::decode::At;
use crate::route::{Condition, HeaderTest, Test, TextMatch};

use super::{condition, unread};

/// One alternative of a rule.
pub(super) struct Alternative {
    /// The hosts it is for; none means any.
    pub(super) hosts: Vec<String>,
    /// What else must hold.
    pub(super) conditions: Vec<Condition>,
}

/// The alternatives of a rule. Nested ones are not taken apart: their hosts count, and the rest is taken to match.
pub(super) fn alternatives(rule: &At<String>) -> Vec<Alternative> {
    let alternatives = outside_quotes(&rule.value, "||");
    let mut terms = alternatives
        .iter()
        .flat_map(|one| outside_quotes(one, "&&"));
    if terms.any(unbalanced) {
        return vec![nested(rule)];
    }
    let one = |text: &&str| {
        let mut hosts = Vec::new();
        let mut conditions = Vec::new();
        for term in outside_quotes(text, "&&") {
            let call = call(term);
            match call.as_ref().map(|(name, values)| (*name, &values[..])) {
                Some(("Host", values)) => hosts.extend(values.iter().map(|v| v.to_lowercase())),
                Some((name, values)) => conditions.push(test(name, values).map_or_else(
                    || unread(term.trim(), rule.span),
                    |test| condition(name, rule.span, test),
                )),
                None if term.contains("Host(") => return nested(rule),
                None => conditions.push(unread(term.trim(), rule.span)),
            }
        }
        Alternative { hosts, conditions }
    };
    alternatives.iter().map(one).collect()
}

/// A rule with parentheses around parts of it.
fn nested(rule: &At<String>) -> Alternative {
    let mut hosts = Vec::new();
    for (at, start) in rule.value.match_indices("Host(") {
        let denied = rule.value[..at].trim_end().ends_with('!');
        let word = rule.value[..at].ends_with(char::is_alphanumeric);
        let rest = &rule.value[at + start.len()..];
        let values = rest.split(')').next().and_then(values);
        if !denied && !word {
            hosts.extend(values.into_iter().flatten().map(str::to_lowercase));
        }
    }
    Alternative {
        hosts,
        conditions: vec![unread(&rule.value, rule.span)],
    }
}

/// What a matcher asks, where it is one of the simple ones.
fn test(name: &str, values: &[&str]) -> Option<Test> {
    match (name, values) {
        ("Path", [path]) if !path.contains('{') => Some(Test::Path(TextMatch::exact(*path))),
        // In this dialect a prefix may end inside a segment.
        ("PathPrefix", [path]) if !path.contains('{') => Some(Test::Path(TextMatch::prefix(*path))),
        ("Method", [method]) => Some(Test::Method(TextMatch::exact(*method))),
        ("Header" | "Headers", [name, value]) => Some(Test::Header(HeaderTest::with(
            name.to_lowercase(),
            TextMatch::exact(*value),
        ))),
        ("Query", [name, value]) => Some(Test::Query {
            name: (*name).to_owned(),
            value: TextMatch::exact(*value),
        }),
        _ => None,
    }
}

/// `Path` and `/api` of ``Path(`/api`)``.
fn call(term: &str) -> Option<(&str, Vec<&str>)> {
    let (name, rest) = term.trim().split_once('(')?;
    let inside = rest.strip_suffix(')')?;
    let word = !name.is_empty() && name.chars().all(char::is_alphanumeric);
    word.then(|| values(inside))
        .flatten()
        .map(|values| (name, values))
}

/// The quoted values of a matcher; none where something else stands between its parentheses.
fn values(inside: &str) -> Option<Vec<&str>> {
    outside_quotes(inside, ",").into_iter().map(value).collect()
}

/// A text without its quotes, if it has some.
fn value(text: &str) -> Option<&str> {
    let text = text.trim();
    let quote = text.chars().next()?;
    let inside = text.strip_prefix(['`', '"', '\''])?.strip_suffix(quote)?;
    (!inside.contains(quote)).then_some(inside)
}

/// The parts of a text between separators that stand in no quotes.
fn outside_quotes<'t>(text: &'t str, separator: &str) -> Vec<&'t str> {
    let mut parts = Vec::new();
    let (mut start, mut quote, mut skip) = (0, None, 0);
    for (at, c) in text.char_indices() {
        if at < skip {
            continue;
        }
        match quote {
            Some(open) if c == open => quote = None,
            None if matches!(c, '`' | '"' | '\'') => quote = Some(c),
            None if text[at..].starts_with(separator) => {
                parts.push(&text[start..at]);
                start = at + separator.len();
                skip = start;
            }
            Some(_) | None => {}
        }
    }
    parts.push(&text[start..]);
    parts
}

/// Whether more parentheses are opened than closed outside of quotes, or the other way round.
fn unbalanced(text: &str) -> bool {
    let (mut depth, mut quote) = (0_i32, None);
    for c in text.chars() {
        match quote {
            Some(open) if c == open => quote = None,
            Some(_) => {}
            None if matches!(c, '`' | '"' | '\'') => quote = Some(c),
            None => depth += i32::from(c == '(') - i32::from(c == ')'),
        }
    }
    depth != 0
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::diag::{Sources, Span};

    fn shown(rule: &str) -> Vec<String> {
        let span = Span::new(Sources::new().add("t", ""), 0..0);
        let rule = At {
            value: rule.to_owned(),
            span,
        };
        let one = |one: Alternative| {
            let conditions: Vec<String> = one.conditions.iter().map(|c| c.field.clone()).collect();
            format!("{} | {}", one.hosts.join(" "), conditions.join(" "))
        };
        alternatives(&rule).into_iter().map(one).collect()
    }

    #[test]
    fn simple_rules_are_taken_apart_and_others_are_named() {
        for (rule, alternatives) in [
            ("Host(`a.example`)", vec!["a.example | "]),
            (
                "Host(`A.example`, `b`) && PathPrefix(`/x`)",
                vec!["a.example b | PathPrefix"],
            ),
            (
                "Host(`a`) || Host(`b`) && Path(`/||`)",
                vec!["a | ", "b | Path"],
            ),
            ("Host(`a`) && !Path(`/x`)", vec!["a | !Path(`/x`)"]),
            ("Host(`a`) && HostRegexp(`b`)", vec!["a | HostRegexp(`b`)"]),
            (
                "(Host(`a`) || Host(`b`)) && Path(`/`)",
                vec!["a b | (Host(`a`) || Host(`b`)) && Path(`/`)"],
            ),
            ("PathPrefix(`/x`)", vec![" | PathPrefix"]),
        ] {
            assert_eq!(shown(rule), alternatives, "{rule}");
        }
    }

    proptest::proptest! {
        #[test]
        fn no_rule_panics(rule in "[a-zHost()`\"|&!, é]{0,60}") {
            proptest::prop_assert!(!shown(&rule).is_empty());
        }
    }
}
