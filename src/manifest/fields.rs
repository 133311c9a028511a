//! The fields of one map of a manifest, asked for by name and type; the unknown ones are reported at the end.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::ops::RangeInclusive;

use super::decode::{At, Decoder};
use super::yaml::{Entry, Node, Scalar, Value};
use crate::diag::nearest::nearest;
use crate::diag::{Code, Note, Span};

/// The fields of one map. Asking for a field makes it known; [`Fields::finish`] reports the ones nobody asked for.
#[derive(Debug)]
pub struct Fields<'n, 's> {
    entries: &'n [Entry<'s>],
    /// Where the map is, for what is missing in it.
    pub span: Span,
    what: &'static str,
    known: Vec<&'static str>,
}

impl Decoder<'_> {
    /// The fields of a node that must be a map; `what` names it in messages (`a VirtualService spec`).
    pub fn map<'n, 's>(
        &mut self,
        node: &'n Node<'s>,
        what: &'static str,
    ) -> Option<Fields<'n, 's>> {
        if let Value::Map(entries) = &node.value {
            return Some(Fields {
                entries,
                span: node.span,
                what,
                known: Vec::new(),
            });
        }
        self.wrong_type(what, "a map", node, None);
        None
    }
}

impl<'n, 's> Fields<'n, 's> {
    /// The node of a field; a `null` counts as absent, as it does for Kubernetes.
    pub fn get(&mut self, key: &'static str) -> Option<&'n Node<'s>> {
        self.entry(key).map(|entry| &entry.value)
    }

    /// The place of a field's key, if the field is there.
    pub fn place(&mut self, key: &'static str) -> Option<Span> {
        self.entry(key).map(|entry| entry.key_span)
    }

    fn entry(&mut self, key: &'static str) -> Option<&'n Entry<'s>> {
        if !self.known.contains(&key) {
            self.known.push(key);
        }
        self.entries
            .iter()
            .find(|entry| entry.key == key && !entry.value.is_null())
    }

    /// Fields that exist and are not looked into.
    pub fn ignore(&mut self, keys: &[&'static str]) {
        self.known.extend_from_slice(keys);
    }

    /// A string.
    pub fn text(&mut self, key: &'static str, decoder: &mut Decoder<'_>) -> Option<At<String>> {
        self.get(key).and_then(|node| decoder.text(node, key))
    }

    /// Whether a field is there that was probably meant to be this one; [`Fields::finish`] reports it.
    #[must_use]
    pub fn misspelt(&self, key: &str) -> bool {
        self.entries.iter().any(|entry| {
            !self.known.contains(&entry.key.as_ref())
                && nearest(&entry.key, std::iter::once(key)).is_some()
        })
    }

    /// A duration as Go writes it.
    pub fn duration(&mut self, key: &'static str, decoder: &mut Decoder<'_>) {
        let Some(node) = self.get(key) else { return };
        let text = match &node.value {
            Value::Scalar { text, .. } => text.trim_end_matches(|c: char| c.is_alphabetic()),
            Value::List(_) | Value::Map(_) => "",
        };
        match node.scalar() {
            Some(Scalar::Text(whole))
                if whole.len() > text.len()
                    && text.starts_with(|c: char| c.is_ascii_digit() || c == '.') => {}
            Some(Scalar::Int(number)) => {
                decoder.wrong_type(
                    key,
                    "a duration",
                    node,
                    Some(&format!("write `{number}s` for seconds")),
                );
            }
            _ => decoder.wrong_type(key, "a duration such as `5s`", node, None),
        }
    }

    /// A string that must be there and not be empty.
    pub fn required(&mut self, key: &'static str, decoder: &mut Decoder<'_>) -> Option<At<String>> {
        if self.get(key).is_none() {
            if self.misspelt(key) {
                return None;
            }
            let problem = Note::new(Code::MissingField, format!("{} needs a `{key}`", self.what));
            decoder.report(problem.at(self.span, format!("no `{key}` here")));
            return None;
        }
        let text = self.text(key, decoder)?;
        if text.value.is_empty() {
            decoder
                .report(Note::new(Code::EmptyField, format!("`{key}` is empty")).at(text.span, ""));
            return None;
        }
        Some(text)
    }

    /// One of a few words, which a message lists.
    pub fn choice(
        &mut self,
        key: &'static str,
        among: &[&'static str],
        decoder: &mut Decoder<'_>,
    ) -> Option<At<&'static str>> {
        let At { value, span } = self.text(key, decoder)?;
        if let Some(word) = among.iter().find(|word| **word == value) {
            return Some(At { value: word, span });
        }
        let message = format!("`{key}` cannot be `{value}`");
        let problem = Note::new(Code::UnknownValue, message).at(span, "");
        decoder.report(match nearest(&value, among.iter().copied()) {
            Some(near) => problem.help(format!("did you mean `{near}`?")),
            None => problem.help(format!("it is one of {}", enumerate(among))),
        });
        None
    }

    /// A whole number in a range.
    pub fn integer(
        &mut self,
        key: &'static str,
        range: RangeInclusive<i64>,
        decoder: &mut Decoder<'_>,
    ) -> Option<At<i64>> {
        self.get(key)
            .and_then(|node| decoder.integer(node, key, range))
    }

    /// A port number.
    pub fn port(&mut self, key: &'static str, decoder: &mut Decoder<'_>) -> Option<At<u16>> {
        let At { value, span } = self.integer(key, 0..=65535, decoder)?;
        u16::try_from(value).ok().map(|value| At { value, span })
    }

    /// `true` or `false`.
    pub fn boolean(&mut self, key: &'static str, decoder: &mut Decoder<'_>) -> Option<At<bool>> {
        self.get(key).and_then(|node| decoder.boolean(node, key))
    }

    /// The items of a list, none if it is absent.
    pub fn items(&mut self, key: &'static str, decoder: &mut Decoder<'_>) -> &'n [Node<'s>] {
        let Some(node) = self.get(key) else {
            return &[];
        };
        if let Value::List(items) = &node.value {
            return items;
        }
        let help = match &node.value {
            Value::Scalar { text, .. } => format!("write `[{text}]`"),
            Value::List(_) | Value::Map(_) => "put a `- ` in front of each item".to_owned(),
        };
        decoder.wrong_type(key, "a list", node, Some(&help));
        &[]
    }

    /// Whether a list is absent or empty, and nothing is there that was probably meant to be it.
    #[must_use]
    pub fn items_absent(&mut self, key: &'static str) -> bool {
        let empty = match self.get(key).map(|node| &node.value) {
            None => true,
            Some(Value::List(items)) => items.is_empty(),
            Some(_) => false,
        };
        empty && !self.misspelt(key)
    }

    /// A list of values that one function decodes.
    pub fn list<T>(
        &mut self,
        key: &'static str,
        decoder: &mut Decoder<'_>,
        mut item: impl FnMut(&'n Node<'s>, &mut Decoder<'_>) -> Option<T>,
    ) -> Vec<T> {
        let items = self.items(key, decoder);
        items
            .iter()
            .filter_map(|node| item(node, decoder))
            .collect()
    }

    /// A list of strings.
    pub fn texts(&mut self, key: &'static str, decoder: &mut Decoder<'_>) -> Vec<At<String>> {
        self.list(key, decoder, |node, decoder| {
            decoder.text(node, &format!("an item of `{key}`"))
        })
    }

    /// The fields of a nested map; `what` names it in messages.
    pub fn map(
        &mut self,
        key: &'static str,
        what: &'static str,
        decoder: &mut Decoder<'_>,
    ) -> Option<Fields<'n, 's>> {
        self.get(key).and_then(|node| decoder.map(node, what))
    }

    /// The entries of a map with free keys.
    pub fn entries(&mut self, key: &'static str, decoder: &mut Decoder<'_>) -> &'n [Entry<'s>] {
        let Some(node) = self.get(key) else {
            return &[];
        };
        if let Value::Map(entries) = &node.value {
            return entries;
        }
        decoder.wrong_type(key, "a map", node, None);
        &[]
    }

    /// A map of strings, such as labels.
    pub fn labels(
        &mut self,
        key: &'static str,
        decoder: &mut Decoder<'_>,
    ) -> BTreeMap<String, String> {
        let entries = self.entries(key, decoder);
        let label = |entry: &Entry<'_>| {
            let text = decoder.text(&entry.value, &entry.key)?;
            Some((entry.key.to_string(), text.value))
        };
        entries.iter().filter_map(label).collect()
    }

    /// Reports the fields that were probably meant to be one of these; for maps of which only some fields are read.
    pub fn misspellings(&self, keys: &[&'static str], decoder: &mut Decoder<'_>) {
        for entry in self.entries {
            let key = entry.key.as_ref();
            if self.known.contains(&key) || keys.contains(&key) {
                continue;
            }
            if let Some(near) = nearest(&entry.key, keys.iter().copied()) {
                let problem = self.no_field(entry);
                decoder.report(problem.help(format!("did you mean `{near}`?")));
            }
        }
    }

    fn no_field(&self, entry: &Entry<'_>) -> Note {
        let message = format!("{} has no field `{}`", self.what, entry.key);
        Note::new(Code::UnknownField, message).at(entry.key_span, "")
    }

    /// Reports the fields nobody asked for.
    pub fn finish(self, decoder: &mut Decoder<'_>) {
        for entry in self
            .entries
            .iter()
            .filter(|entry| !self.known.contains(&entry.key.as_ref()))
        {
            let problem = self.no_field(entry);
            decoder.report(match nearest(&entry.key, self.known.iter().copied()) {
                Some(near) => problem.help(format!("did you mean `{near}`?")),
                None => problem.help(format!("its fields are {}", enumerate(&self.known))),
            });
        }
    }
}

/// `a`, `b` and `c`, each in backticks.
fn enumerate(words: &[&str]) -> String {
    let mut text = String::new();
    for (index, word) in words.iter().enumerate() {
        let separator = match index {
            0 => "",
            _ if index + 1 == words.len() => " and ",
            _ => ", ",
        };
        let _ = write!(text, "{separator}`{word}`");
    }
    text
}
