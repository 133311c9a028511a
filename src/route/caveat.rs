//! What weakens an answer about a request, and which requests that concerns. Not: how it is shown.

use std::sync::Arc;

use super::matching::Held;
use super::{Condition, Probe};
use crate::diag::{Diagnostic, Severity, Sources, Span};

/// Something true that weakens the answer: a field that is not judged, an assumption that was made.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Caveat {
    /// A stable short name, `kebab-case`.
    pub id: &'static str,
    /// What, and what to do about it.
    pub message: String,
    /// The field it is about.
    pub span: Option<Span>,
    /// The next step, where there is one.
    pub help: Option<String>,
    /// It concerns only some requests.
    pub only: Option<Only>,
    /// It is why the proxies do not have a destination: what is declared for it is never delivered.
    pub breaks: bool,
}

/// The requests that a caveat concerns.
#[derive(Clone, Debug)]
pub enum Only {
    /// Those with this method.
    Method(&'static str),
    /// Those with this scheme.
    Scheme(&'static str),
    /// Those for which all conditions of one of these sets hold.
    Matching(Arc<[Vec<Condition>]>),
}

impl PartialEq for Only {
    fn eq(&self, other: &Self) -> bool {
        match (self, other) {
            (Self::Method(one), Self::Method(other)) | (Self::Scheme(one), Self::Scheme(other)) => {
                one == other
            }
            // Regular expressions cannot be compared: only the same sets are equal.
            (Self::Matching(one), Self::Matching(other)) => Arc::ptr_eq(one, other),
            _ => false,
        }
    }
}

impl Eq for Only {}

impl Caveat {
    /// A caveat about a field.
    #[must_use]
    pub fn new(id: &'static str, message: impl Into<String>, span: Option<Span>) -> Self {
        Self {
            id,
            message: message.into(),
            span,
            help: None,
            only: None,
            breaks: false,
        }
    }

    /// The same caveat with a next step.
    #[must_use]
    pub fn help(self, help: impl Into<String>) -> Self {
        Self {
            help: Some(help.into()),
            ..self
        }
    }

    /// The same caveat, as the reason why the proxies do not have a destination.
    #[must_use]
    pub fn breaking(self) -> Self {
        Self {
            breaks: true,
            ..self
        }
    }

    /// The same caveat, limited to some requests.
    #[must_use]
    pub fn only(self, only: Only) -> Self {
        Self {
            only: Some(only),
            ..self
        }
    }

    /// Whether the caveat concerns a request.
    #[must_use]
    pub fn concerns(&self, probe: &Probe) -> bool {
        match &self.only {
            Some(Only::Method(method)) => probe.method == *method,
            Some(Only::Scheme(scheme)) => probe.scheme.eq_ignore_ascii_case(scheme),
            Some(Only::Matching(sets)) => sets.iter().any(|set| {
                let holds = |one: &Condition| one.holds(probe) == Held::Yes;
                set.iter().all(holds)
            }),
            None => true,
        }
    }

    /// The caveat as a warning with its place.
    #[must_use]
    pub fn diagnostic(&self) -> Diagnostic {
        let warning = Diagnostic::new(Severity::Warning, self.id, &self.message);
        let warning = match &self.help {
            Some(help) => warning.help(help),
            None => warning,
        };
        match self.span {
            Some(span) => warning.at(span, ""),
            None => warning,
        }
    }

    /// The caveat in one line: what, where, and the next step.
    #[must_use]
    pub fn sentence(&self, sources: &Sources) -> String {
        let place = self
            .span
            .map(|span| format!(" ({})", sources.place(span)))
            .unwrap_or_default();
        let help = self
            .help
            .as_ref()
            .map(|help| format!("; {help}"))
            .unwrap_or_default();
        format!("{}{place}{help}", self.message)
    }
}
