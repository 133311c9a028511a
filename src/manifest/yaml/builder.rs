//! Parser events become nodes, without recursion and within the limits.

use std::borrow::Cow;
use std::collections::{HashMap, HashSet};
use std::ops::Range;

use serde_saphyr::granit_parser::{Event, ScalarStyle};

use super::syntax::{bomb, complex_key, one_line, too_deep};
use super::{Entry, MAX_COPIED, MAX_DEPTH, Node, Value};
use crate::diag::{Code, MAX_PROBLEMS, Note, SourceId, Span};

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
pub(super) struct Builder<'s> {
    source: SourceId,
    text: &'s str,
    open: Vec<Open<'s>>,
    anchors: HashMap<usize, (Node<'s>, usize, usize)>,
    copied: usize,
}

/// The problem is boxed because it is much larger than what goes well.
pub(super) type Step<T> = Result<T, Box<Note>>;

impl<'s> Builder<'s> {
    /// A builder for the documents of one text.
    pub(super) fn new(source: SourceId, text: &'s str) -> Self {
        Self {
            source,
            text,
            open: Vec::new(),
            anchors: HashMap::new(),
            copied: 0,
        }
    }

    /// Forgets an unfinished document.
    pub(super) fn reset(&mut self) {
        self.open.clear();
        self.anchors.clear();
    }

    /// Takes the next event; gives the document it completes, unless that is empty.
    pub(super) fn event(
        &mut self,
        event: Event<'s>,
        range: Range<usize>,
        problems: &mut Vec<Note>,
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
                        Note::new(Code::RecursiveAlias, "an alias stands inside what it names")
                            .at(span, ""),
                    ));
                };
                self.copied += cost;
                if self.copied > MAX_COPIED || self.open.len() + height > MAX_DEPTH {
                    return Err(Box::new(bomb(span, MAX_COPIED)));
                }
                let node = node.clone();
                self.done(node, 0)
            }
            Event::UnresolvedAlias(name) => {
                let span = self.line_of(range);
                Err(Box::new(
                    Note::new(
                        Code::UnknownAnchor,
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
            return Err(Box::new(too_deep(self.line_of(start), MAX_DEPTH)));
        }
        self.open.push(Open {
            start,
            anchor,
            content,
        });
        Ok(None)
    }

    fn close(&mut self, end: Range<usize>, problems: &mut Vec<Note>) -> Step<Option<Node<'s>>> {
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
                return Err(Box::new(bomb(node.span, MAX_COPIED)));
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
                        return Err(Box::new(complex_key(self.text, node.span)));
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
        let mut known: HashSet<Cow<'s, str>> =
            entries.iter().map(|entry| entry.key.clone()).collect();
        for map in maps {
            let Value::Map(more) = map.value else {
                continue;
            };
            self.copied += more.len();
            if self.copied > MAX_COPIED {
                return Err(Box::new(bomb(map.span, MAX_COPIED)));
            }
            entries.extend(
                more.into_iter()
                    .filter(|entry| known.insert(entry.key.clone())),
            );
        }
        Ok(entries)
    }

    /// The part of a range that lies on its first line.
    fn line_of(&self, range: Range<usize>) -> Span {
        one_line(self.source, self.text, range)
    }
}

/// Keeps the first of each key, and reports the others.
fn unique<'s>(entries: Vec<Entry<'s>>, problems: &mut Vec<Note>) -> Vec<Entry<'s>> {
    let mut seen: HashMap<Cow<'s, str>, Span> = HashMap::with_capacity(entries.len());
    let mut kept = Vec::with_capacity(entries.len());
    let mut again = Vec::new();
    for entry in entries {
        if let Some(first) = seen.get(&entry.key) {
            again.push((entry.key, entry.key_span, *first));
        } else {
            seen.insert(entry.key.clone(), entry.key_span);
            kept.push(entry);
        }
    }
    // Two files pasted together repeat all their keys, and that is one mistake.
    let repeats = |key: &str| again.iter().any(|(other, ..)| other == key);
    if repeats("apiVersion") && repeats("kind") {
        let (_, span, first) = again[0];
        let message = "a second object begins without a `---` before it";
        let help = "put `---` between the two (`kubectl get vs,dr -o yaml` makes one list of both)";
        let problem = Note::new(Code::DuplicateKey, message)
            .at(span, "here")
            .at(first, "the first one");
        again.clear();
        problems.push(problem.help(help));
    }
    for (key, span, first) in again {
        if problems.len() < MAX_PROBLEMS {
            problems.push(
                Note::new(
                    Code::DuplicateKey,
                    format!("the key `{key}` is given twice"),
                )
                .at(span, "again here")
                .at(first, "first here")
                .help("keep one of them"),
            );
        }
    }
    kept
}
