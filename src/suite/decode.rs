//! A file of cases in any of the formats.

use super::case::Suite;
use super::{native, route_check, validator};
use crate::diag::{Code, Note, SourceId, Sources};
use crate::manifest::decode::Decoder;
use crate::manifest::yaml::{Node, Value, documents};

/// Reads a file; the problems are those of the file.
#[must_use]
pub fn decode(sources: &Sources, id: SourceId) -> (Option<Suite>, Vec<Note>) {
    let mut problems = Vec::new();
    let mut whole: Option<Suite> = None;
    let text = sources.get(id).text();
    documents(id, text, &mut problems, &mut |document, problems| {
        let mut decoder = Decoder::new(problems);
        let Some(part) = suite(&document, sources, &mut decoder) else {
            return;
        };
        match &mut whole {
            Some(whole) => whole.join(part),
            None => whole = Some(part),
        }
    });
    if problems.is_empty() && whole.as_ref().is_none_or(|suite| suite.cases.is_empty()) {
        problems.push(Note::new(Code::MissingField, "this file holds no case").help(
            "a suite has `cases`; the files of istio-config-validator have `testCases`, and those of Envoy's route table check tool `tests`",
        ));
    }
    (whole, problems)
}

fn suite(node: &Node<'_>, sources: &Sources, decoder: &mut Decoder<'_>) -> Option<Suite> {
    let list = matches!(node.value, Value::List(_));
    if node.get("testCases").is_some() {
        validator::suite(node, sources, decoder)
    } else if list || node.get("tests").is_some() {
        route_check::suite(node, sources, decoder)
    } else {
        native::suite(node, sources, decoder)
    }
}

impl Suite {
    /// Adds the cases of another document of the same file.
    fn join(&mut self, other: Self) {
        self.manifests.extend(other.manifests);
        self.strict |= other.strict;
        self.cases.extend(other.cases);
    }
}
