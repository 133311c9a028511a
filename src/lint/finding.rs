//! One finding: a note that a rule has graded, and the object and the route it is about.

use crate::diag::{Code, Note, Severity, Span};

/// One reason why a split would not take effect, or not as it seems.
#[derive(Clone, Debug)]
pub struct Finding {
    /// What is wrong, and the rule that has graded it; a problem of decoding may have none.
    pub note: Note,
    /// The object it is in: `VirtualService default/weather`.
    pub object: Option<String>,
    /// The route it is about, by the place where that begins.
    pub route: Option<Span>,
}

impl Finding {
    /// A finding of a rule that computes, as bad as the rule says.
    pub(super) fn new(rule: Code, message: impl Into<String>) -> Self {
        Self::of(Some(rule), Note::new(rule, message))
    }

    /// A fact that a rule has graded, or that has no rule.
    pub(super) fn of(rule: Option<Code>, note: Note) -> Self {
        Self {
            note: Note { rule, ..note },
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
    pub(super) fn with_severity(mut self, severity: Severity) -> Self {
        self.note.severity = severity;
        self
    }

    /// What it is called: the rule, or what is wrong where no rule stands for it.
    #[must_use]
    pub fn code(&self) -> Code {
        self.note.rule.unwrap_or(self.note.code)
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
