//! YAML text as a tree of nodes that know their place. The only user of the YAML library. Not: what the values mean.
//!
//! The tree borrows from the text, so a dump of a whole cluster costs a few times its size. Text that multiplies
//! itself (aliases of aliases) or nests without end is refused before it costs anything.

use std::borrow::Cow;
use std::collections::HashMap;
use std::ops::Range;

use serde_saphyr::granit_parser::{
    self as granit, ErrorKind, Event, Parser, ScalarStyle, ScanError,
};

use super::scalar::{Scalar, plain};
use crate::diag::{Diagnostic, SourceId, Span};

/// Nodes that aliases and merge keys of one text may copy; written-out text has no such limit.
const MAX_COPIED: usize = 100_000;
/// How deep lists and maps may nest; schemas in a cluster dump reach about 40.
const MAX_DEPTH: usize = 100;
/// Larger texts are refused: the places of the tree alone would take gigabytes.
const MAX_BYTES: usize = 256 << 20;

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
    problems: &mut Vec<Diagnostic>,
    visit: &mut dyn FnMut(Node<'s>, &mut Vec<Diagnostic>),
) {
    if text.len() > MAX_BYTES {
        let problem = Diagnostic::error(
            "too_large",
            format!(
                "a manifest of {} MiB is more than resplit reads",
                text.len() >> 20
            ),
        );
        problems.push(
            problem
                .at(Span::new(source, 0..0), "")
                .help("pass only the kinds that decide a split, such as `kubectl get virtualservices,destinationrules,services -A -o yaml`"),
        );
        return;
    }
    let options = granit::options! {
        emit_comments: false,
        emit_unresolved_aliases: true,
        flow_nesting_limit: MAX_DEPTH,
        block_nesting_limit: MAX_DEPTH,
    };
    let mut parser = Parser::new_from_str_with_options(text, options);
    let mut tree = Builder::new(source, text);
    while let Some(next) = parser.next_event() {
        let step = match next {
            Ok((event, span)) => tree.event(event, span.byte_range().unwrap_or(0..0), problems),
            Err(error) => Err(Box::new(syntax(source, text, &error))),
        };
        match step {
            Ok(Some(document)) => visit(document, problems),
            Ok(None) => {}
            Err(problem) => {
                let fatal = problem.id == "alias_bomb";
                problems.push(*problem);
                tree.reset();
                if fatal || !matches!(parser.proceed_next_document(), Ok(true)) {
                    return;
                }
            }
        }
    }
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

/// A list or map that is not closed yet.
struct Open<'s> {
    start: Range<usize>,
    anchor: usize,
    content: Content<'s>,
}

enum Content<'s> {
    List(Vec<Node<'s>>),
    Map {
        entries: Vec<Entry<'s>>,
        key: Option<(Cow<'s, str>, Span)>,
    },
}

/// Turns events into nodes, without recursion.
struct Builder<'s> {
    source: SourceId,
    text: &'s str,
    open: Vec<Open<'s>>,
    anchors: HashMap<usize, (Node<'s>, usize, usize)>,
    copied: usize,
}

type Step<T> = Result<T, Box<Diagnostic>>;

impl<'s> Builder<'s> {
    fn new(source: SourceId, text: &'s str) -> Self {
        Self {
            source,
            text,
            open: Vec::new(),
            anchors: HashMap::new(),
            copied: 0,
        }
    }

    fn reset(&mut self) {
        self.open.clear();
        self.anchors.clear();
    }

    fn event(
        &mut self,
        event: Event<'s>,
        range: Range<usize>,
        problems: &mut Vec<Diagnostic>,
    ) -> Step<Option<Node<'s>>> {
        match event {
            Event::Scalar(text, style, anchor, tag) => {
                let quoted = style != ScalarStyle::Plain
                    || tag.is_some_and(|tag| tag.is_yaml_core_schema_tag("str"));
                let value = Value::Scalar {
                    text,
                    plain: !quoted,
                };
                let node = Node {
                    span: self.line_of(range),
                    value,
                };
                self.done(node, anchor)
            }
            Event::SequenceStart(_, anchor, _) => {
                self.start(range, anchor, Content::List(Vec::new()))
            }
            Event::MappingStart(_, anchor, _) => self.start(
                range,
                anchor,
                Content::Map {
                    entries: Vec::new(),
                    key: None,
                },
            ),
            Event::SequenceEnd | Event::MappingEnd => self.close(range, problems),
            Event::Alias(id) => {
                let span = self.line_of(range);
                let Some((node, cost, height)) = self.anchors.get(&id) else {
                    return Err(Box::new(
                        Diagnostic::error(
                            "recursive_alias",
                            "an alias stands inside what it names",
                        )
                        .at(span, ""),
                    ));
                };
                self.copied += cost;
                if self.copied > MAX_COPIED || self.open.len() + height > MAX_DEPTH {
                    return Err(Box::new(bomb(span)));
                }
                let node = node.clone();
                self.done(node, 0)
            }
            Event::UnresolvedAlias(name) => {
                let span = self.line_of(range);
                Err(Box::new(
                    Diagnostic::error(
                        "unknown_anchor",
                        format!("`*{name}` names no anchor of this document"),
                    )
                    .at(span, "")
                    .help(format!(
                        "write `&{name}` before the value that is meant, or quote the text"
                    )),
                ))
            }
            Event::DocumentStart(..) | Event::DocumentEnd => {
                self.reset();
                Ok(None)
            }
            _ => Ok(None),
        }
    }

    fn start(
        &mut self,
        start: Range<usize>,
        anchor: usize,
        content: Content<'s>,
    ) -> Step<Option<Node<'s>>> {
        if self.open.len() >= MAX_DEPTH {
            return Err(Box::new(too_deep(self.line_of(start))));
        }
        self.open.push(Open {
            start,
            anchor,
            content,
        });
        Ok(None)
    }

    fn close(
        &mut self,
        end: Range<usize>,
        problems: &mut Vec<Diagnostic>,
    ) -> Step<Option<Node<'s>>> {
        let Some(Open {
            start,
            anchor,
            content,
        }) = self.open.pop()
        else {
            return Ok(None);
        };
        let flow =
            matches!(self.text.as_bytes().get(start.start), Some(b'[' | b'{')) && !end.is_empty();
        let whole = self.line_of(start.start..end.end);
        let node = match content {
            Content::List(items) => {
                let span = items
                    .first()
                    .filter(|_| !flow)
                    .map_or(whole, |first| first.span);
                Node {
                    span,
                    value: Value::List(items),
                }
            }
            Content::Map { entries, .. } => {
                let span = entries
                    .first()
                    .filter(|_| !flow)
                    .map_or(whole, |first| first.key_span);
                let entries = self.merged(unique(entries, problems))?;
                Node {
                    span,
                    value: Value::Map(entries),
                }
            }
        };
        self.done(node, anchor)
    }

    /// A node is complete: it becomes a key, a value, an item, or the document.
    fn done(&mut self, node: Node<'s>, anchor: usize) -> Step<Option<Node<'s>>> {
        if anchor != 0 {
            let (cost, height) = (node.cost(), node.height());
            self.copied += cost;
            if self.copied > MAX_COPIED {
                return Err(Box::new(bomb(node.span)));
            }
            self.anchors.insert(anchor, (node.clone(), cost, height));
        }
        let Some(open) = self.open.last_mut() else {
            return Ok((!node.is_null()).then_some(node));
        };
        match &mut open.content {
            Content::List(items) => items.push(node),
            Content::Map { entries, key } => match key.take() {
                Some((key, key_span)) => entries.push(Entry {
                    key,
                    key_span,
                    value: node,
                }),
                None => match node.value {
                    Value::Scalar { text, .. } => *key = Some((text, node.span)),
                    Value::List(_) | Value::Map(_) => {
                        let problem = Diagnostic::error(
                            "complex_key",
                            "a key must be a string, not a list or a map",
                        );
                        return Err(Box::new(problem.at(node.span, "").help(
                            "text in braces, such as a template's `{{ … }}`, must be rendered or quoted first",
                        )));
                    }
                },
            },
        }
        Ok(None)
    }

    /// `<<: *base` (a merge key, which `kubectl` honours): keys that are written win over merged ones.
    fn merged(&mut self, mut entries: Vec<Entry<'s>>) -> Step<Vec<Entry<'s>>> {
        let is_merge = |entry: &Entry<'_>| entry.key == "<<" && entry.value.scalar().is_none();
        let Some(at) = entries.iter().position(is_merge) else {
            return Ok(entries);
        };
        let merge = entries.remove(at);
        let maps = match merge.value.value {
            Value::List(items) => items,
            other => vec![Node {
                span: merge.value.span,
                value: other,
            }],
        };
        for map in maps {
            let Value::Map(more) = map.value else {
                continue;
            };
            self.copied += more.len();
            if self.copied > MAX_COPIED {
                return Err(Box::new(bomb(map.span)));
            }
            for entry in more {
                if !entries.iter().any(|known| known.key == entry.key) {
                    entries.push(entry);
                }
            }
        }
        Ok(entries)
    }

    /// The part of a range that lies on its first line.
    fn line_of(&self, range: Range<usize>) -> Span {
        one_line(self.source, self.text, range)
    }
}

fn one_line(source: SourceId, text: &str, range: Range<usize>) -> Span {
    let start = floor(text, range.start);
    let end = floor(text, range.end).max(start);
    let line = &text[start..end];
    let length = line.find(['\n', '\r']).unwrap_or(line.trim_end().len());
    Span::new(source, start..start + length)
}

/// The nearest character boundary at or before a byte.
fn floor(text: &str, byte: usize) -> usize {
    let byte = byte.min(text.len());
    (0..=byte)
        .rev()
        .find(|at| text.is_char_boundary(*at))
        .unwrap_or(0)
}

/// Keeps the first of each key, and reports the others.
fn unique<'s>(entries: Vec<Entry<'s>>, problems: &mut Vec<Diagnostic>) -> Vec<Entry<'s>> {
    let mut seen: HashMap<Cow<'s, str>, Span> = HashMap::with_capacity(entries.len());
    let mut kept = Vec::with_capacity(entries.len());
    for entry in entries {
        if let Some(first) = seen.get(&entry.key) {
            problems.push(
                Diagnostic::error(
                    "duplicate_key",
                    format!("the key `{}` is given twice", entry.key),
                )
                .at(entry.key_span, "again here")
                .at(*first, "first here")
                .help("keep one of them"),
            );
        } else {
            seen.insert(entry.key.clone(), entry.key_span);
            kept.push(entry);
        }
    }
    kept
}

fn bomb(span: Span) -> Diagnostic {
    Diagnostic::error(
        "alias_bomb",
        format!("aliases copy more than {MAX_COPIED} values"),
    )
    .at(span, "too much from here on")
    .help("write the values out, or pass the rendered manifests")
}

fn too_deep(span: Span) -> Diagnostic {
    Diagnostic::error(
        "too_deep",
        format!("lists and maps are nested more than {MAX_DEPTH} levels deep"),
    )
    .at(span, "")
    .help("no manifest needs that: is this the right file?")
}

/// A syntax error with its place, in words that do not need the YAML specification.
fn syntax(source: SourceId, text: &str, error: &ScanError) -> Diagnostic {
    let start = floor(text, error.marker().byte_offset().unwrap_or(text.len()));
    let width = text[start..].chars().next().map_or(0, char::len_utf8);
    let span = one_line(source, text, start..start + width);
    let (message, help) = match error.kind() {
        ErrorKind::RecursionLimitExceeded => return too_deep(span),
        ErrorKind::TabInBlockIndentation
        | ErrorKind::TabInIndentation
        | ErrorKind::TabNotAllowed => (
            "a tab cannot indent YAML".to_owned(),
            Some("indent with spaces"),
        ),
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
        ErrorKind::UnclosedQuotedScalar => ("a quote is not closed".to_owned(), None),
        ErrorKind::UnexpectedCharacter {
            character: '%' | '@' | '`',
        } => (
            "text cannot begin with this character".to_owned(),
            Some("put the text in quotes"),
        ),
        kind => (kind.to_string(), None),
    };
    let problem = Diagnostic::error("yaml_syntax", format!("not YAML: {message}")).at(span, "");
    match help {
        Some(help) => problem.help(help),
        None => problem,
    }
}
