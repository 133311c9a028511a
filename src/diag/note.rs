//! A note: something that the user should know, from a problem in a manifest to what weakens a verdict.

use serde::{Deserialize, Deserializer, Serialize, Serializer};

use super::{Code, Severity, Sources, Span};

/// A place with a remark.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Label {
    /// Where.
    pub span: Span,
    /// What about this place; may be empty.
    pub message: String,
}

/// Something to know. `A` says which requests a note applies to, where it can be about some of them only.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Note<A = ()> {
    /// What it is about.
    pub code: Code,
    /// The rule of lint that has graded it; it names the note in reports.
    pub rule: Option<Code>,
    /// How bad it is.
    pub severity: Severity,
    /// A lowercase fragment; offending values in backticks.
    pub message: String,
    /// The place it is about first; then places that explain it.
    pub labels: Vec<Label>,
    /// The next step.
    pub help: Option<String>,
    /// The requests it applies to; none means all.
    pub applies_to: Option<A>,
}

impl<A> Note<A> {
    /// A note with no place yet, as bad as its code says.
    #[must_use]
    pub fn new(code: Code, message: impl Into<String>) -> Self {
        Self {
            code,
            rule: None,
            severity: code.severity(),
            message: message.into(),
            labels: Vec::new(),
            help: None,
            applies_to: None,
        }
    }

    /// A note about a place, where there is one.
    #[must_use]
    pub fn about(code: Code, message: impl Into<String>, place: Option<Span>) -> Self {
        let note = Self::new(code, message);
        match place {
            Some(span) => note.at(span, ""),
            None => note,
        }
    }

    /// Points at a place; the first place is the one the note is about.
    #[must_use]
    pub fn at(mut self, span: Span, message: impl Into<String>) -> Self {
        let message = message.into();
        self.labels.push(Label { span, message });
        self
    }

    /// Says what to do next.
    #[must_use]
    pub fn help(mut self, text: impl Into<String>) -> Self {
        self.help = Some(text.into());
        self
    }

    /// As bad as this instead.
    #[must_use]
    pub fn with_severity(mut self, severity: Severity) -> Self {
        self.severity = severity;
        self
    }

    /// Limits it to some requests.
    #[must_use]
    pub fn limited_to(mut self, requests: A) -> Self {
        self.applies_to = Some(requests);
        self
    }

    /// Its name in reports: that of the rule where lint has graded it.
    #[must_use]
    pub fn id(&self) -> &'static str {
        self.rule.unwrap_or(self.code).id()
    }

    /// The place it is about.
    #[must_use]
    pub fn place(&self) -> Option<Span> {
        self.labels.first().map(|label| label.span)
    }

    /// Whether two notes tell one fact. What lint found in a report of an older version has the code of its rule only.
    #[must_use]
    pub fn tells_the_same<B>(&self, other: &Note<B>) -> bool {
        let same = self.code == other.code || self.code.is_rule() || other.code.is_rule();
        same && self.message == other.message
    }

    /// Whether the other note says this one too, and more.
    #[must_use]
    pub fn is_within<B>(&self, other: &Note<B>) -> bool {
        other.message.contains(&self.message)
    }

    /// The note without its limits: whoever takes it has found that it applies.
    #[must_use]
    pub fn applied(&self) -> Note {
        Note {
            code: self.code,
            rule: self.rule,
            severity: self.severity,
            message: self.message.clone(),
            labels: self.labels.clone(),
            help: self.help.clone(),
            applies_to: None,
        }
    }

    /// What, where and the next step in one sentence, for where the sources are not at hand.
    #[must_use]
    pub fn sentence(&self, sources: &Sources) -> String {
        let place = self.place();
        let place = place.map(|span| format!(" ({})", sources.place(span)));
        self.with_help(&place.unwrap_or_default())
    }

    /// What and the next step.
    #[must_use]
    pub fn text(&self) -> String {
        self.with_help("")
    }

    fn with_help(&self, place: &str) -> String {
        let help = self.help.as_ref().map(|help| format!("; {help}"));
        format!("{}{place}{}", self.message, help.unwrap_or_default())
    }

    /// The note as its [`sentence`](Self::sentence).
    #[must_use]
    pub fn stated(&self, sources: &Sources) -> Note {
        Note {
            rule: self.rule,
            severity: self.severity,
            ..Note::new(self.code, self.sentence(sources))
        }
    }
}

/// A note in a report, where its places and its next step are part of the message.
#[derive(Serialize, Deserialize)]
struct Row {
    id: String,
    /// What a rule of lint has graded.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    fact: Option<String>,
    message: String,
}

impl Serialize for Note {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let fact = self.rule.filter(|rule| *rule != self.code);
        let row = Row {
            id: self.id().to_owned(),
            fact: fact.map(|_| self.code.id().to_owned()),
            message: self.message.clone(),
        };
        row.serialize(serializer)
    }
}

impl<'de> Deserialize<'de> for Note {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let row = Row::deserialize(deserializer)?;
        let named = Code::named(&row.id);
        let code = row.fact.as_ref().map_or(named, |fact| Code::named(fact));
        let rule = row.fact.is_some().then_some(named);
        Ok(Self {
            rule,
            ..Self::new(code, row.message)
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn json(note: &Note) -> String {
        serde_json::to_string(note).expect("a note is written")
    }

    #[test]
    fn a_report_keeps_the_rule_and_the_fact_of_a_note() {
        let plain = Note::new(Code::Outage, "for 2 s");
        assert_eq!(json(&plain), r#"{"id":"outage","message":"for 2 s"}"#);
        let graded = Note {
            rule: Some(Code::Rs001),
            ..Note::new(Code::UnknownSubset, "no v3")
        };
        let text = r#"{"id":"RS001","fact":"unknown-subset","message":"no v3"}"#;
        assert_eq!(json(&graded), text);
        assert_eq!(
            serde_json::from_str::<Note>(text).expect("it is read"),
            graded
        );
    }

    #[test]
    fn what_an_older_version_has_graded_still_tells_the_same() {
        let old: Note =
            serde_json::from_str(r#"{"id":"RS001","message":"no v3"}"#).expect("it is read");
        assert_eq!(old.id(), "RS001");
        assert!(old.tells_the_same(&Note::<()>::new(Code::UnknownSubset, "no v3")));
        assert!(!old.tells_the_same(&Note::<()>::new(Code::UnknownSubset, "no v4")));
        let (one, other) = (
            Note::<()>::new(Code::Outage, "x"),
            Note::<()>::new(Code::SentAgain, "x"),
        );
        assert!(!one.tells_the_same(&other));
    }
}
