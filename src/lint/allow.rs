//! What is allowed and what is denied: by options, and by comments beside what is flagged.
//!
//! `# resplit: allow(RS012, unset_weight)` speaks about its own line; alone on a line it speaks about the next one.

use std::collections::HashSet;

use super::{Finding, RULES, Rule, find_rule};
use crate::diag::nearest::nearest;
use crate::diag::{Code, Note, Severity, Source, SourceId, Sources, Span};

/// What `--deny` names.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Denied {
    /// Everything as bad as this, or worse.
    From(Severity),
    /// The findings of one rule.
    Rule(Code),
}

/// A word that names no rule.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("`{word}` names no rule")]
pub struct UnknownRule {
    /// The word.
    pub word: String,
    /// The rule that was probably meant.
    pub nearest: Option<&'static str>,
}

/// What lets findings pass, and what does not.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Levels {
    /// The rules that are not listed.
    pub allowed: Vec<Code>,
    /// What counts as an error.
    pub denied: Vec<Denied>,
}

impl Levels {
    /// Whether a finding makes the command fail.
    #[must_use]
    pub fn denies(&self, finding: &Finding) -> bool {
        finding.severity() == Severity::Error
            || self.denied.iter().any(|denied| match denied {
                Denied::From(severity) => finding.severity() <= *severity,
                Denied::Rule(rule) => finding.code() == *rule,
            })
    }

    /// Leaves out what is allowed, by options or by a comment, and adds what is wrong with the comments.
    #[must_use]
    pub fn apply(&self, findings: Vec<Finding>, sources: &Sources) -> Vec<Finding> {
        let (comments, mut wrong) = comments(sources);
        let allowed = comments.iter().map(|one| (one.source, one.line, one.rule));
        let allowed: HashSet<(SourceId, usize, Code)> = allowed.collect();
        let excused = |finding: &Finding| {
            !allowed.is_empty()
                && finding.place().is_some_and(|place| {
                    let line = sources.position(place).0;
                    allowed.contains(&(place.source, line, finding.code()))
                })
        };
        let kept = findings
            .into_iter()
            .filter(|finding| !self.allowed.contains(&finding.code()) && !excused(finding));
        let mut kept: Vec<Finding> = kept.collect();
        kept.append(&mut wrong);
        kept.sort_by_key(|finding| (finding.place().is_none(), finding.place()));
        kept
    }
}

/// The rule that a word names.
pub fn rule(word: &str) -> Result<&'static Rule, UnknownRule> {
    find_rule(word).ok_or_else(|| UnknownRule {
        word: word.to_owned(),
        nearest: nearest(word, RULES.iter().map(|rule| rule.name)),
    })
}

/// One rule that a comment allows on one line.
struct Comment {
    source: SourceId,
    line: usize,
    rule: Code,
}

const MARK: &str = "# resplit:";

fn comments(sources: &Sources) -> (Vec<Comment>, Vec<Finding>) {
    let (mut comments, mut wrong) = (Vec::new(), Vec::new());
    for (id, source) in sources.iter() {
        if source.text().contains(MARK) {
            read(id, source, &mut comments, &mut wrong);
        }
    }
    (comments, wrong)
}

fn read(id: SourceId, source: &Source, comments: &mut Vec<Comment>, wrong: &mut Vec<Finding>) {
    let mut waiting: Vec<Code> = Vec::new();
    for (number, line) in source.text().lines().enumerate() {
        let start = source.lines()[number];
        let mut here = Vec::new();
        let comment = line.find(MARK).filter(|at| begins(line, *at));
        if let Some(at) = comment {
            let body = at + MARK.len();
            names(
                &line[body..],
                Span::new(id, start + body..start + line.len()),
                &mut here,
                wrong,
            );
        }
        let code = line.trim_start();
        let alone = code.starts_with('#') || code.is_empty();
        let speaks = if alone {
            waiting.append(&mut here);
            continue;
        } else {
            waiting.drain(..).chain(here)
        };
        comments.extend(speaks.map(|rule| Comment {
            source: id,
            line: number + 1,
            rule,
        }));
    }
}

/// A `#` begins a comment at the start of a line or after a blank.
fn begins(line: &str, at: usize) -> bool {
    line[..at]
        .chars()
        .next_back()
        .is_none_or(char::is_whitespace)
}

/// The rules of `allow(RS012, name)`.
fn names(text: &str, span: Span, rules: &mut Vec<Code>, wrong: &mut Vec<Finding>) {
    let list = text
        .trim()
        .strip_prefix("allow(")
        .and_then(|rest| rest.split_once(')'));
    let Some((list, _)) = list else {
        wrong.push(finding(
            "this comment is not understood, and allows nothing".to_owned(),
            span,
            "write it as `# resplit: allow(RS012)`".to_owned(),
        ));
        return;
    };
    let base = text.find(list).unwrap_or_default();
    let mut from = base;
    for word in list.split(',') {
        let blanks = word.len() - word.trim_start().len();
        let start = span.start + from + blanks;
        let place = Span::new(span.source, start..start + word.trim().len());
        from += word.len() + 1;
        match rule(word.trim()) {
            Ok(rule) => rules.push(rule.code),
            Err(unknown) => {
                let help = unknown.nearest.map_or_else(
                    || "`resplit lint --rules` lists the rules".to_owned(),
                    |near| format!("did you mean `{near}`?"),
                );
                wrong.push(finding(format!("{unknown}"), place, help));
            }
        }
    }
}

/// A comment that does not do what somebody hopes.
fn finding(message: String, span: Span, help: String) -> Finding {
    let problem = Note::new(Code::UnknownAllow, message).at(span, "");
    Finding::of(None, problem.help(help))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read_all(text: &str) -> (Vec<(usize, &'static str)>, Vec<String>) {
        let mut sources = Sources::new();
        sources.add("t.yaml", text);
        let (comments, wrong) = comments(&sources);
        let comments = comments
            .iter()
            .map(|one| (one.line, one.rule.id()))
            .collect();
        (
            comments,
            wrong.into_iter().map(|one| one.note.message).collect(),
        )
    }

    #[test]
    fn a_comment_speaks_about_its_line_or_alone_about_the_next() {
        let text = "a: 1 # resplit: allow(RS012)\n# resplit: allow(rs001, single-weight)\n# why\n\n  b: 2\n";
        let (comments, wrong) = read_all(text);
        assert_eq!(comments, [(1, "RS012"), (5, "RS001"), (5, "RS012")]);
        assert_eq!(wrong, [""; 0]);
    }

    #[test]
    fn a_comment_that_names_no_rule_is_a_warning() {
        let (comments, wrong) = read_all(
            "a: 1 # resplit: allow(RS999, RS001)\nb: 2 # resplit: ignore\nc: x# resplit: allow(x)\n",
        );
        assert_eq!(comments, [(1, "RS001")]);
        assert_eq!(
            wrong,
            [
                "`RS999` names no rule",
                "this comment is not understood, and allows nothing"
            ]
        );
    }
}
