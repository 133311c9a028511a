//! The findings of lint in every format.

pub(super) mod github;
mod json;
mod rules;
mod sarif;
mod text;

use std::io::{self, Write};

use crate::diag::{Severity, Sources, Span};
use crate::lint::{Context, Finding, RULES};
use crate::route::Origin;
use crate::units::counted;

pub use rules::{explain, list, severity};

/// What was found, and where that was looked for.
#[derive(Clone, Debug)]
pub struct Findings<'f> {
    /// The findings, in the order of the texts.
    pub findings: &'f [Finding],
    /// The texts.
    pub sources: &'f Sources,
    /// What was checked: `1 VirtualService, 41 rules from the mesh`.
    pub checked: String,
    /// How many findings make the command fail though they are no errors.
    pub denied: usize,
}

/// One way of writing findings.
#[derive(Clone, Copy, Debug)]
pub struct LintFormat {
    /// What it is called.
    pub name: &'static str,
    /// Writes them, in colour where that is asked for.
    pub render: fn(&Findings<'_>, bool, &mut dyn Write) -> io::Result<()>,
}

/// Every format, the default first.
pub const LINT_FORMATS: [LintFormat; 4] = [
    LintFormat {
        name: "text",
        render: text::render,
    },
    LintFormat {
        name: "json",
        render: json::render,
    },
    LintFormat {
        name: "sarif",
        render: sarif::render,
    },
    LintFormat {
        name: "github",
        render: github::render,
    },
];

/// Kinds that are counted by name.
const MOST_KINDS: usize = 6;
/// These come first, whatever else is there; the others follow by name.
const FIRST_KINDS: [&str; 4] = ["VirtualService", "Service", "HTTPRoute", "GRPCRoute"];

impl Findings<'_> {
    /// `2 errors, 1 warning`, or what was checked without finding anything.
    #[must_use]
    pub fn summary(&self) -> String {
        let count = |severity| {
            self.findings
                .iter()
                .filter(|one| one.severity() == severity)
                .count()
        };
        let words = [
            (Severity::Error, "error"),
            (Severity::Warning, "warning"),
            (Severity::Info, "info"),
        ];
        let parts: Vec<String> = words
            .into_iter()
            .map(|(severity, word)| (count(severity) as u64, word))
            .filter(|(n, _)| *n > 0)
            .map(|(n, word)| match word {
                "info" => format!("{n} info"),
                word => counted(n, word),
            })
            .collect();
        match (parts.is_empty(), self.denied) {
            (true, _) => format!("no problems: {}", self.checked),
            (false, 0) => format!("{}: {}", parts.join(", "), self.checked),
            (false, denied) => format!(
                "{} ({denied} of them denied): {}",
                parts.join(", "),
                self.checked
            ),
        }
    }
}

/// What a context looks at, in words.
#[must_use]
pub fn checked(context: &Context<'_>) -> String {
    let mut kinds: Vec<(&str, usize)> = context.manifests.kinds().into_iter().collect();
    kinds.sort_by_key(|(kind, _)| {
        FIRST_KINDS
            .iter()
            .position(|first| first == kind)
            .unwrap_or(MOST_KINDS)
    });
    let mut counts: Vec<String> = kinds
        .iter()
        .take(MOST_KINDS)
        .map(|(kind, count)| counted(*count as u64, kind))
        .collect();
    if kinds.len() > MOST_KINDS {
        counts.push(counted((kinds.len() - MOST_KINDS) as u64, "other kind"));
    }
    if context.manifests.without_rules().is_some() && !counts.is_empty() {
        return format!("nothing here declares a split ({})", counts.join(", "));
    }
    let mut places: Vec<String> = Vec::new();
    for view in &context.views {
        let place = match &view.vantage.origin {
            Origin::Mesh {
                namespace: Some(namespace),
                ..
            } => format!("namespace {namespace}"),
            Origin::Mesh { .. } => "the mesh".to_owned(),
            Origin::Gateway { namespace, name } => format!("gateway {namespace}/{name}"),
        };
        if !places.contains(&place) {
            places.push(place);
        }
    }
    let request = context
        .request
        .as_ref()
        .map(|request| {
            let probe = request.probe;
            format!(
                ", and for {} {}://{}{}",
                probe.method, probe.scheme, probe.authority, probe.path
            )
        })
        .unwrap_or_default();
    let places = match &places[..] {
        [one] => one.clone(),
        [first, second] => format!("{first} and {second}"),
        [first, rest @ ..] => format!("{first} and {} gateways", rest.len()),
        [] => "nowhere".to_owned(),
    };
    let counts = if counts.is_empty() {
        "no objects".to_owned()
    } else {
        counts.join(", ")
    };
    format!(
        "{counts}; {} rules checked from {places}{request}",
        RULES.len()
    )
}

/// The place of a span: first line and column, last line and the column after it, all from 1.
fn region(sources: &Sources, span: Span) -> (usize, usize, usize, usize) {
    let (line, column) = sources.position(span);
    let end = Span::new(span.source, span.end..span.end);
    let (last, after) = sources.position(end);
    (line, column, last, after)
}
