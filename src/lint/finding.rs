//! One finding: a note that a rule has graded, and the object and the route it is about.

use super::Rule;
use crate::diag::{Code, Note, Severity, Span};

/// One reason why a split would not take effect, or not as it seems.
#[derive(Clone, Debug)]
pub struct Finding {
    /// The rule; a problem of decoding may have none.
    pub rule: Option<&'static Rule>,
    /// What is wrong: severity, message, places, the next step.
    pub note: Note,
    /// The object it is in: `VirtualService default/weather`.
    pub object: Option<String>,
    /// The route it is about, by the place where that begins.
    pub route: Option<Span>,
}

impl Finding {
    /// A finding of a rule that computes, as bad as the rule says.
    pub(super) fn new(rule: &'static Rule, message: impl Into<String>) -> Self {
        Self::of(Some(rule), Note::new(rule.code, message))
    }

    /// A fact that a rule has graded, or that has no rule.
    pub(super) fn of(rule: Option<&'static Rule>, note: Note) -> Self {
        Self {
            rule,
            note: Note {
                rule: rule.map(|rule| rule.code),
                ..note
            },
            object: None,
            route: None,
        }
    }

    /// Points at a place; the first one is the one it is about.
    pub(super) fn at(mut self, span: Span, message: impl Into<String>) -> Self {
        self.note = self.note.at(span, message);
        self
    }

    /// Says what to do next.
    pub(super) fn help(mut self, help: impl Into<String>) -> Self {
        self.note.help = Some(help.into());
        self
    }

    /// The route it is about.
    pub(super) fn of_route(mut self, route: Span) -> Self {
        self.route = Some(route);
        self
    }

    /// The object it is in, where no place tells it.
    pub(super) fn of_object(mut self, object: impl Into<String>) -> Self {
        self.object = Some(object.into());
        self
    }

    /// As bad as this instead.
    pub(super) fn graded(mut self, severity: Severity) -> Self {
        self.note.severity = severity;
        self
    }

    /// What it is called: the rule, or what is wrong where no rule stands for it.
    #[must_use]
    pub fn code(&self) -> Code {
        self.note.rule.unwrap_or(self.note.code)
    }

    /// `unknown_subset`.
    #[must_use]
    pub fn name(&self) -> &'static str {
        self.rule.map_or(self.note.code.id(), |rule| rule.name)
    }

    /// `RS001 unknown_subset`.
    #[must_use]
    pub fn title(&self) -> String {
        match self.rule {
            Some(rule) => format!("{} {}", rule.code.id(), rule.name),
            None => self.note.code.id().to_owned(),
        }
    }

    /// The message of `istioctl analyze` about the same fact. Istio refuses objects that do not decode.
    #[must_use]
    pub fn istio(&self) -> Option<&'static str> {
        match self.rule {
            Some(rule) => rule.istio,
            None => {
                (self.severity() == Severity::Error && self.place().is_some()).then_some("IST0106")
            }
        }
    }

    /// The place it is about.
    #[must_use]
    pub fn place(&self) -> Option<Span> {
        self.note.place()
    }

    /// How bad it is.
    #[must_use]
    pub fn severity(&self) -> Severity {
        self.note.severity
    }
}
