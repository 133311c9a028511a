//! Notes as data: source texts, places in them, and what there is to know about them. How a note is printed, [`render`]
//! says.

mod code;
pub mod nearest;
mod note;
pub mod render;

use std::ops::Range;
use std::sync::OnceLock;

use serde::{Deserialize, Serialize};

pub use code::Code;
pub use note::{Label, Note};

/// A file that is no manifest can be wrong in a million places; nobody reads more than these.
pub const MAX_PROBLEMS: usize = 100;

/// The texts that spans point into, in the order they were given.
#[derive(Clone, Debug, Default)]
pub struct Sources {
    files: Vec<Source>,
}

/// One text: a file, or what came from stdin.
#[derive(Clone, Debug)]
pub struct Source {
    name: String,
    // Whether another folder holds a file of the same name.
    ambiguous: bool,
    text: String,
    // Where its lines begin, found when somebody first asks.
    lines: OnceLock<Vec<usize>>,
}

/// Names one text in [`Sources`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct SourceId(usize);

/// A byte range of one source.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Span {
    /// Which text.
    pub source: SourceId,
    /// First byte.
    pub start: usize,
    /// One past the last byte.
    pub end: usize,
}

/// How bad a problem is, worst first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Severity {
    /// What was asked for cannot be, or will not be, as declared.
    Error,
    /// It works, but probably not as meant.
    Warning,
    /// Worth knowing.
    Info,
}

impl Sources {
    /// No sources yet.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Adds a text under the name a person would call it by (a path, or `<stdin>`).
    pub fn add(&mut self, name: impl Into<String>, text: impl Into<String>) -> SourceId {
        let name = name.into();
        let mut ambiguous = false;
        for other in &mut self.files {
            if other.name != name && short(&other.name) == short(&name) {
                (other.ambiguous, ambiguous) = (true, true);
            }
        }
        self.files.push(Source {
            name,
            ambiguous,
            text: text.into(),
            lines: OnceLock::new(),
        });
        SourceId(self.files.len() - 1)
    }

    /// All texts with their ids.
    pub fn iter(&self) -> impl Iterator<Item = (SourceId, &Source)> {
        self.files
            .iter()
            .enumerate()
            .map(|(index, source)| (SourceId(index), source))
    }

    /// The text behind an id of this collection.
    #[must_use]
    pub fn get(&self, id: SourceId) -> &Source {
        &self.files[id.0]
    }

    /// Line and column of a span's start, both from 1; the column counts characters.
    #[must_use]
    pub fn position(&self, span: Span) -> (usize, usize) {
        let source = self.get(span.source);
        let lines = source.lines();
        let line = lines.partition_point(|start| *start <= span.start);
        let before = &source.text[lines[line - 1]..span.start];
        (line, before.chars().count() + 1)
    }

    /// `weather-rules.yaml:27`: the place as a person names it, the folder left out unless others hold such a file too.
    #[must_use]
    pub fn place(&self, span: Span) -> String {
        let source = self.get(span.source);
        let name = if source.ambiguous {
            &source.name
        } else {
            short(&source.name)
        };
        format!("{name}:{}", self.position(span).0)
    }
}

/// The name without its folder.
fn short(name: &str) -> &str {
    name.rsplit(['/', '\\']).next().unwrap_or(name)
}

impl Source {
    /// The name a person would call it by.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The whole text.
    #[must_use]
    pub fn text(&self) -> &str {
        &self.text
    }

    /// Where its lines begin: at 0, and after each newline.
    #[must_use]
    pub fn lines(&self) -> &[usize] {
        self.lines.get_or_init(|| {
            let after = self
                .text
                .match_indices('\n')
                .map(|(newline, _)| newline + 1);
            std::iter::once(0).chain(after).collect()
        })
    }
}

impl Span {
    /// The span of a byte range, clamped so that `start <= end`.
    #[must_use]
    pub fn new(source: SourceId, range: Range<usize>) -> Self {
        Self {
            source,
            start: range.start,
            end: range.end.max(range.start),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_place_is_the_file_name_and_the_line() {
        let mut sources = Sources::new();
        let id = sources.add("deploy/rules.yaml", "a: 1\nbé: 2\n");
        let span = Span::new(id, 10..11);
        assert_eq!(sources.position(span), (2, 5));
        assert_eq!(sources.place(span), "rules.yaml:2");
        sources.add("deploy/rules.yaml", "the same file again");
        assert_eq!(sources.place(span), "rules.yaml:2");
        sources.add("prod/rules.yaml", "another one");
        assert_eq!(sources.place(span), "deploy/rules.yaml:2");
    }
}
