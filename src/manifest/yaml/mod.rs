//! YAML text as a tree of nodes that know their place. This folder is the only user of the YAML library.
//!
//! The tree borrows from the text, so a dump of a whole cluster costs a few times its size. Text that multiplies
//! itself (aliases of aliases) or nests without end is refused before it costs anything.

mod builder;
mod json;
mod json_stream;
mod scalar;
mod syntax;

use std::borrow::Cow;
use std::ops::Range;

use serde_saphyr::granit_parser::{self as granit, Parser};

pub use json::json;
pub use scalar::Scalar;

use crate::diag::{Code, MAX_PROBLEMS, Note, SourceId, Span};
use builder::Builder;
use json_stream::json_stream;
use scalar::plain;
use syntax::{syntax, too_large};

/// Nodes that aliases and merge keys of one text may copy; written-out text has no such limit.
const MAX_COPIED: usize = 100_000;
/// How deep lists and maps may nest; schemas in a cluster dump reach about 40.
const MAX_DEPTH: usize = 100;
/// Larger texts are refused: a tree takes about six times its text.
pub const MAX_BYTES: usize = 128 << 20;

/// One value with its place.
#[derive(Clone, Debug, PartialEq)]
pub struct Node<'s> {
    /// Where: always within one line, so that a caret can stand under it.
    pub span: Span,
    /// What.
    pub value: Value<'s>,
}

/// What a node holds.
#[derive(Clone, Debug, PartialEq)]
pub enum Value<'s> {
    /// A scalar; `plain` when it was written without quotes, so that its type follows from its text.
    Scalar {
        /// The text after unescaping.
        text: Cow<'s, str>,
        /// Written without quotes.
        plain: bool,
    },
    /// A sequence.
    List(Vec<Node<'s>>),
    /// A mapping in the order of the text, keys unique.
    Map(Vec<Entry<'s>>),
}

/// One key of a map with its value.
#[derive(Clone, Debug, PartialEq)]
pub struct Entry<'s> {
    /// The key.
    pub key: Cow<'s, str>,
    /// Where the key is.
    pub key_span: Span,
    /// The value.
    pub value: Node<'s>,
}

/// Calls `visit` with every document of the text that is well-formed and not empty; pushes what is wrong with the others.
pub fn documents<'s>(
    source: SourceId,
    text: &'s str,
    problems: &mut Vec<Note>,
    visit: &mut dyn FnMut(Node<'s>, &mut Vec<Note>),
) {
    if text.len() > MAX_BYTES {
        problems.push(too_large(source, text.len()));
        return;
    }
    for part in json_stream(text) {
        if !part_documents(source, text, part, problems, visit) {
            return;
        }
    }
}

/// The documents of a part of the text; false where nothing behind it can be read.
fn part_documents<'s>(
    source: SourceId,
    text: &'s str,
    part: Range<usize>,
    problems: &mut Vec<Note>,
    visit: &mut dyn FnMut(Node<'s>, &mut Vec<Note>),
) -> bool {
    let options = granit::options! {
        emit_comments: false,
        emit_unresolved_aliases: true,
        flow_nesting_limit: MAX_DEPTH,
        block_nesting_limit: MAX_DEPTH,
    };
    let offset = part.start;
    let mut parser = Parser::new_from_str_with_options(&text[part], options);
    let mut tree = Builder::new(source, text);
    while let Some(next) = parser.next_event() {
        let step = match next {
            Ok((event, span)) => {
                let range = span.byte_range().unwrap_or(0..0);
                tree.event(event, range.start + offset..range.end + offset, problems)
            }
            Err(error) => Err(Box::new(syntax(source, text, &error, offset, MAX_DEPTH))),
        };
        match step {
            Ok(Some(document)) => visit(document, problems),
            Ok(None) => {}
            Err(problem) => {
                let fatal = problem.code == Code::AliasBomb || problems.len() >= MAX_PROBLEMS;
                problems.push(*problem);
                tree.reset();
                if fatal || !matches!(parser.proceed_next_document(), Ok(true)) {
                    return false;
                }
            }
        }
    }
    true
}

impl Node<'_> {
    /// The scalar with its type, unless this is a list or a map.
    #[must_use]
    pub fn scalar(&self) -> Option<Scalar<'_>> {
        match &self.value {
            Value::Scalar { text, plain: true } => Some(plain(text)),
            Value::Scalar { text, plain: false } => Some(Scalar::Text(text)),
            Value::List(_) | Value::Map(_) => None,
        }
    }

    /// Nothing, `~` or `null`.
    #[must_use]
    pub fn is_null(&self) -> bool {
        self.scalar() == Some(Scalar::Null)
    }

    /// The value of a key, unless this is no map or has no such key.
    #[must_use]
    pub fn get(&self, key: &str) -> Option<&Self> {
        match &self.value {
            Value::Map(entries) => entries
                .iter()
                .find(|entry| entry.key == key)
                .map(|entry| &entry.value),
            Value::Scalar { .. } | Value::List(_) => None,
        }
    }

    /// What a copy of this costs: nodes, plus what their text weighs.
    fn cost(&self) -> usize {
        match &self.value {
            Value::Scalar { text, .. } => 1 + text.len() / 64,
            Value::List(items) => 1 + items.iter().map(Node::cost).sum::<usize>(),
            Value::Map(entries) => {
                1 + entries
                    .iter()
                    .map(|entry| 1 + entry.key.len() / 64 + entry.value.cost())
                    .sum::<usize>()
            }
        }
    }

    /// How many lists and maps are nested in this.
    fn height(&self) -> usize {
        match &self.value {
            Value::Scalar { .. } => 0,
            Value::List(items) => 1 + items.iter().map(Node::height).max().unwrap_or(0),
            Value::Map(entries) => {
                1 + entries
                    .iter()
                    .map(|entry| entry.value.height())
                    .max()
                    .unwrap_or(0)
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::fmt::Write as _;

    use crate::diag::Sources;
    use proptest::prelude::*;

    fn read(text: &str) -> (Vec<Node<'_>>, Vec<Note>) {
        let id = Sources::new().add("t.yaml", text);
        let (mut nodes, mut problems) = (Vec::new(), Vec::new());
        documents(id, text, &mut problems, &mut |node, _| nodes.push(node));
        (nodes, problems)
    }

    fn ids(problems: &[Note]) -> Vec<&str> {
        problems.iter().map(|problem| problem.code.id()).collect()
    }

    fn slice(text: &str, span: Span) -> &str {
        &text[span.start..span.end]
    }

    #[test]
    fn places_are_byte_exact_past_letters_of_several_bytes() {
        let text = "größe: \"wéight\" # ü\nlist:\n  - é\n  - {a: b}\nempty:\n";
        let (nodes, problems) = read(text);
        assert_eq!(problems, []);
        let Value::Map(entries) = &nodes[0].value else {
            panic!("a map")
        };
        let keys: Vec<&str> = entries
            .iter()
            .map(|entry| slice(text, entry.key_span))
            .collect();
        assert_eq!(keys, ["größe", "list", "empty"]);
        assert_eq!(slice(text, entries[0].value.span), "\"wéight\"");
        let Value::List(items) = &entries[1].value.value else {
            panic!("a list")
        };
        assert_eq!(slice(text, items[0].span), "é");
        assert_eq!(slice(text, items[1].span), "{a: b}");
        assert!(entries[2].value.is_null());
    }

    #[test]
    fn line_ends_byte_order_marks_and_empty_documents_do_not_matter() {
        for text in [
            "a: 1\r\nb: 2\r\n",
            "\u{feff}a: 1\nb: 2\n",
            "---\n---\na: 1\nb: 2\n...\n---\n# nothing\n",
            "%YAML 1.2\n---\na: 1\nb: 2",
        ] {
            let (nodes, problems) = read(text);
            assert_eq!(ids(&problems), Vec::<&str>::new(), "{text:?}");
            assert_eq!(nodes.len(), 1, "{text:?}");
            let Value::Map(entries) = &nodes[0].value else {
                panic!("a map")
            };
            assert_eq!(slice(text, entries[1].key_span), "b", "{text:?}");
            assert_eq!(slice(text, entries[1].value.span), "2", "{text:?}");
        }
        for text in [
            "",
            "\n",
            "---",
            "# only a comment",
            "\u{feff}",
            "---\n---\n",
        ] {
            assert_eq!(read(text), (vec![], vec![]), "{text:?}");
        }
    }

    #[test]
    fn the_documents_after_a_broken_one_are_still_read() {
        let (nodes, problems) = read("a: [1\nb: 2\n---\nc: 3\n---\nd: : 4\n---\ne: 5\n");
        assert_eq!(problems.len(), 2, "{problems:?}");
        let keys: Vec<bool> = nodes
            .iter()
            .map(|node| node.get("c").or(node.get("e")).is_some())
            .collect();
        assert_eq!(keys, [true, true]);
    }

    #[test]
    fn json_on_one_line_with_long_strings_is_read() {
        let long = "x: {y} ".repeat(2_000);
        let text = format!(
            r#"{{"items":[{{"a":"{long}","b":{{"c":[1,"{long}",{{"d":"e"}}]}}}},{{"k":null}}]}}"#
        );
        let (nodes, problems) = read(&text);
        assert_eq!(problems, []);
        let items = nodes[0].get("items").map(|items| &items.value);
        assert!(matches!(items, Some(Value::List(items)) if items.len() == 2));
    }

    #[test]
    fn json_values_one_behind_the_other_are_documents_with_their_places() {
        let text = "{\"a\": \"\u{e9}\"}{\"b\": 1}\n{\"c\": [}]}\n";
        let (nodes, problems) = read(text);
        let Value::Map(entries) = &nodes[1].value else {
            panic!("a map")
        };
        assert_eq!(slice(text, entries[0].key_span), "\"b\"");
        let place = problems[0].labels[0].span;
        assert_eq!(
            (ids(&problems), slice(text, place)),
            (vec!["yaml_syntax"], "[")
        );
    }

    #[test]
    fn a_second_object_without_a_separator_is_one_problem() {
        let one = "apiVersion: v1\nkind: List\nitems: []\n";
        let (_, problems) = read(&one.repeat(2));
        assert_eq!(ids(&problems), ["duplicate_key"]);
        assert!(problems[0].message.contains("`---`"), "{problems:?}");
    }

    #[test]
    fn a_key_given_twice_is_an_error_with_both_places() {
        let text = "a: 1\nb: 2\na: 3\n";
        let (nodes, problems) = read(text);
        assert_eq!(ids(&problems), ["duplicate_key"]);
        let places: Vec<usize> = problems[0]
            .labels
            .iter()
            .map(|label| label.span.start)
            .collect();
        assert_eq!(places, [10, 0]);
        assert_eq!(
            nodes[0].get("a").and_then(Node::scalar),
            Some(Scalar::Int(1))
        );
    }

    #[test]
    fn anchors_aliases_and_merge_keys_work_as_in_kubectl() {
        let (nodes, problems) = read("base: &b {x: 1, y: 2}\nuse: {<<: *b, y: 3}\nsame: *b\n");
        assert_eq!(problems, []);
        let int = |key: &str, inner: &str| match nodes[0]
            .get(key)
            .and_then(|map| map.get(inner))
            .and_then(Node::scalar)
        {
            Some(Scalar::Int(number)) => number,
            other => panic!("{other:?}"),
        };
        assert_eq!(
            (int("use", "x"), int("use", "y"), int("same", "x")),
            (1, 3, 1)
        );
        assert_eq!(ids(&read("a: *nowhere\n").1), ["unknown_anchor"]);
        assert_eq!(ids(&read("a: &x [*x]\n").1), ["recursive_alias"]);
    }

    #[test]
    fn text_that_multiplies_itself_is_refused_at_once() {
        let mut bomb = "a0: &a0 [x, x, x, x, x, x, x, x, x, x]\n".to_owned();
        for level in 1..12 {
            let above = format!("*a{}", level - 1);
            let items = vec![above; 10].join(", ");
            let _ = writeln!(bomb, "a{level}: &a{level} [{items}]");
        }
        assert_eq!(ids(&read(&bomb).1), ["alias_bomb"]);
        let long = "x".repeat(1_000_000);
        let heavy = format!(
            "a: &a \"{long}\\n\"\nb: [{}]\n",
            vec!["*a"; 50_000].join(", ")
        );
        assert_eq!(ids(&read(&heavy).1), ["alias_bomb"]);
    }

    #[test]
    fn text_that_nests_without_end_is_refused() {
        for text in [
            "[".repeat(100_000),
            "{a: ".repeat(100_000),
            "- ".repeat(100_000),
        ] {
            assert_eq!(ids(&read(&text).1), ["too_deep"], "{:?}", &text[..4]);
        }
        let mut chain = "a0: &a0 x\n".to_owned();
        for level in 1..200 {
            let _ = writeln!(chain, "a{level}: &a{level} [[*a{}]]", level - 1);
        }
        assert_eq!(ids(&read(&chain).1), ["alias_bomb"]);
    }

    proptest! {
        #[test]
        fn any_text_is_read_or_refused(text in "(?s).*") {
            let _ = read(&text);
        }

        #[test]
        fn text_that_looks_like_yaml_is_read_or_refused(text in "[-:&*!|>?%@`\\[\\]{},#'\"<~ \t\r\na1é.]{0,80}") {
            let (nodes, problems) = read(&text);
            for span in nodes.iter().map(|node| node.span).chain(problems.iter().flat_map(|p| &p.labels).map(|l| l.span)) {
                prop_assert!(text.get(span.start..span.end).is_some());
            }
        }
    }
}
