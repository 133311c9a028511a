//! A rule of lint: its name, what it stands for, and how its findings are weighed.

use super::{Context, Finding, View};
use crate::diag::{Code, Note, Severity};
use crate::route::AppliesTo;

/// One rule. A fact that the routes or the decoder already know is listed by its code, everything else is checked.
#[derive(Clone, Copy, Debug)]
pub struct Rule {
    /// `RS001`; it says how bad the findings are, and what is found.
    pub code: Code,
    /// `unknown_subset`.
    pub name: &'static str,
    /// The message of `istioctl analyze` about the same fact.
    pub istio: Option<&'static str>,
    /// Why it matters.
    pub rationale: &'static str,
    /// How to mend it.
    pub fix: &'static str,
    /// What the decoder and the routes know, and the rule stands for.
    pub facts: &'static [Code],
    /// Facts that are not as bad as the rule, or worse.
    pub severity_overrides: &'static [(Code, Severity)],
    /// How bad a fact is in its place; `None` leaves it to another rule.
    pub severity_fn: Option<fn(&Place<'_, '_>) -> Option<Severity>>,
    /// Finds what only the rule knows.
    pub check: Option<fn(&Context<'_>, &mut Vec<Finding>)>,
}

/// A caveat with the place it was found in.
#[derive(Clone, Copy, Debug)]
pub struct Place<'p, 'c> {
    /// What is looked at.
    pub context: &'p Context<'c>,
    /// From where.
    pub view: &'p View,
    /// The object of the host or route.
    pub object: &'p str,
    /// The caveat.
    pub caveat: &'p Note<AppliesTo>,
}

impl Rule {
    /// A rule that stands for nothing yet: what the others are written on top of.
    pub(super) const BASE: Self = Self {
        code: Code::Rs001,
        name: "",
        istio: None,
        rationale: "",
        fix: "",
        facts: &[],
        severity_overrides: &[],
        severity_fn: None,
        check: None,
    };

    /// How bad a fact is, wherever it is found.
    #[must_use]
    pub fn severity_of(&self, fact: Code) -> Severity {
        let graded = self
            .severity_overrides
            .iter()
            .find(|(graded, _)| *graded == fact);
        graded.map_or(self.code.severity(), |(_, severity)| *severity)
    }

    /// Whether a person means this rule: by its id or its name, in any case, with `-` or `_`.
    #[must_use]
    pub fn is_called(&self, word: &str) -> bool {
        let word = word.trim().replace('-', "_");
        self.code.id().eq_ignore_ascii_case(&word) || self.name.eq_ignore_ascii_case(&word)
    }
}

impl Place<'_, '_> {
    /// The text that the caveat points at.
    #[must_use]
    pub fn written(&self) -> &str {
        let span = self.caveat.place();
        span.map_or("", |span| {
            &self.context.sources.get(span.source).text()[span.start..span.end]
        })
    }
}
