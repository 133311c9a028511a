//! The lines of a manifest that declare the split, for whoever has the report and not the manifest.

use serde::{Deserialize, Serialize};

use crate::diag::{Sources, Span};

/// Lines shown before the rule, and after its first line.
const BEFORE: usize = 8;
const AFTER: usize = 24;
/// Characters of a line that are kept.
const WIDEST: usize = 160;

/// Lines of a manifest.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Excerpt {
    /// The name of the file.
    pub file: String,
    /// The number of the first line shown, from 1.
    pub first: usize,
    /// The first and the last line of the rule.
    pub rule: [usize; 2],
    /// The lines.
    pub lines: Vec<String>,
}

impl Excerpt {
    /// The lines around the rule that begins at `span`. A rule ends before the next line that is indented no deeper than
    /// its own first one.
    #[must_use]
    pub fn around(span: Span, sources: &Sources) -> Self {
        let source = sources.get(span.source);
        let (line, _) = sources.position(span);
        let lines: Vec<&str> = source.text().lines().collect();
        let indent = |text: &str| text.len() - text.trim_start().len();
        let begins = lines.get(line - 1).copied().unwrap_or_default();
        // An item of a list begins with its dash, wherever its first key stands.
        let own = indent(begins);
        let ends = |text: &&str| !text.trim().is_empty() && indent(text) <= own;
        let rest = lines.get(line..).unwrap_or_default();
        let length = rest.iter().take_while(|text| !ends(text)).count();
        let blank = |text: &&&str| text.trim().is_empty();
        let trailing = rest[..length].iter().rev().take_while(blank).count();
        let last = line + length - trailing;
        let first = line.saturating_sub(BEFORE).max(1);
        let shown = lines.iter().take(last.min(line + AFTER)).skip(first - 1);
        Self {
            file: source.name().to_owned(),
            first,
            rule: [line, last.min(line + AFTER)],
            lines: shown
                .map(|line| line.chars().take(WIDEST).collect())
                .collect(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_rule_ends_where_the_next_one_begins() {
        let text = "kind: VirtualService\nspec:\n  http:\n  - route:\n    - destination: a\n\n  - match: x\n    route:\n    - destination: b\n";
        let mut sources = Sources::new();
        let id = sources.add("rules.yaml", text);
        let at = |word: &str| {
            let start = text.find(word).expect("it is there");
            Excerpt::around(Span::new(id, start..start), &sources)
        };
        let (first, second) = (at("route:"), at("match"));
        assert_eq!((first.first, first.rule), (1, [4, 5]));
        assert_eq!(
            first.lines.last().map(String::as_str),
            Some("    - destination: a")
        );
        assert_eq!((second.rule, second.lines.len()), ([7, 9], 9));
    }
}
