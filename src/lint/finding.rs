//! One finding: which rule, about which object, where. Not: how it is printed.

use super::Rule;
use crate::diag::{Diagnostic, Severity, Span};

/// One reason why a split would not take effect, or not as it seems.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Finding {
    /// `RS001`; the name where a problem of decoding has no rule.
    pub rule: &'static str,
    /// `unknown_subset`.
    pub name: &'static str,
    /// The message of `istioctl analyze` about the same fact.
    pub istio: Option<&'static str>,
    /// The object it is in: `VirtualService default/weather`.
    pub object: Option<String>,
    /// The route it is about, by the place where that begins.
    pub route: Option<Span>,
    /// What is wrong: severity, message, places, the next step.
    pub problem: Diagnostic,
}

impl Finding {
    /// A finding of a rule, as bad as the rule says.
    pub(super) fn new(rule: &Rule, message: impl Into<String>) -> Self {
        Self {
            rule: rule.id,
            name: rule.name,
            istio: rule.istio,
            object: None,
            route: None,
            problem: Diagnostic::new(rule.severity, rule.name, message),
        }
    }

    /// A problem of decoding that no rule stands for. Istio refuses the objects in which there is an error.
    pub(super) fn undecoded(problem: &Diagnostic) -> Self {
        let refused = problem.severity == Severity::Error && !problem.labels.is_empty();
        Self {
            rule: problem.id,
            name: problem.id,
            istio: refused.then_some("IST0106"),
            object: None,
            route: None,
            problem: problem.clone(),
        }
    }

    /// Points at a place; the first one is the one it is about.
    pub(super) fn at(self, span: Span, message: impl Into<String>) -> Self {
        Self {
            problem: self.problem.at(span, message),
            ..self
        }
    }

    /// Says what to do next.
    pub(super) fn help(self, help: impl Into<String>) -> Self {
        Self {
            problem: self.problem.help(help),
            ..self
        }
    }

    /// The route it is about.
    pub(super) fn of_route(self, route: Span) -> Self {
        Self {
            route: Some(route),
            ..self
        }
    }

    /// The object it is in, where no place tells it.
    pub(super) fn of_object(self, object: impl Into<String>) -> Self {
        Self {
            object: Some(object.into()),
            ..self
        }
    }

    /// As bad as this instead.
    pub(super) fn weighed(mut self, severity: Severity) -> Self {
        self.problem.severity = severity;
        self
    }

    /// The place it is about.
    #[must_use]
    pub fn place(&self) -> Option<Span> {
        self.problem.labels.first().map(|label| label.span)
    }

    /// How bad it is.
    #[must_use]
    pub fn severity(&self) -> Severity {
        self.problem.severity
    }
}
