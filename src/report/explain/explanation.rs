//! From a resolution to the model.

use super::explained::{Explained, part};
use super::rule_lines::rule_lines;
use super::rules::rule;
use super::{
    BrokenRow, EXPLAIN_SCHEMA, Explanation, HostRow, Line, NoteRow, RouteRow, TriedRow, VantageRow,
};
use crate::diag::{Note, Sources, Span};
use crate::report::Declaration;
use crate::route::{AppliesTo, Matched, Origin, Proxy, Rejected, Vantage};
use crate::split::{Expected, Undeliverable};

/// Lines of a field that a message quotes.
const MOST_LINES: usize = 3;

/// Puts a resolution into the model.
#[must_use]
pub fn explain(explained: Explained<'_>) -> Explanation {
    let Explained {
        sources,
        resolution,
        ..
    } = explained;
    let expected = resolution.expected(sources);
    let matched = resolution.route;
    let host = resolution.host;
    Explanation {
        schema: EXPLAIN_SCHEMA.to_owned(),
        vantage: vantage(explained.vantage, explained.table.from_dump),
        host: Some(HostRow {
            name: host.name.clone(),
            domains: host.domains.clone(),
            objects: host.objects.clone(),
            source: sources.place(host.span),
        }),
        route: matched.map(|matched| route(&matched, sources)),
        not_in_effect: None,
        also: (resolution.other_routes.iter())
            .map(|matched| route(matched, sources))
            .collect(),
        excerpt: matched
            // What a mesh does by itself is written nowhere; its name is one in words.
            .filter(|matched| !matched.rule.contains(' '))
            .map_or_else(Vec::new, |matched| rule_lines(sources, matched.span)),
        mechanism: Some(expected.mechanism),
        broken: broken(&expected),
        trace: (resolution.trace.iter())
            .map(|tried| lost(tried, &explained))
            .collect(),
        caveats: (explained.caveats.iter())
            .map(|caveat| stated(caveat, sources))
            .collect(),
        rules: explained.rules.as_ref().map(|rules| {
            let row = |one| self::rule(one, &explained);
            rules.iter().map(row).collect()
        }),
        expected: Some(declaration(&expected, resolution.rules())),
        target: explained.request,
    }
}

/// A split, and the rule that declares it. What of it no proxy can deliver stands beside it.
pub(super) fn declaration(expected: &Expected, rule: Option<String>) -> Declaration {
    let split = expected
        .clone()
        .with_undeliverable(Undeliverable::default());
    Declaration::of(split, rule)
}

fn route(matched: &Matched<'_>, sources: &Sources) -> RouteRow {
    RouteRow {
        object: matched.object.to_owned(),
        rule: matched.rule.to_owned(),
        alternative: matched.route.alternative.clone(),
        name: matched.name.map(str::to_owned),
        source: sources.place(matched.span),
        takes: part(matched.share),
    }
}

pub(super) fn vantage(vantage: &Vantage, from_dump: bool) -> VantageRow {
    let (proxy, namespace, gateway, labels) = match &vantage.origin {
        Origin::Mesh {
            namespace,
            labels,
            proxy,
        } => {
            let proxy = match proxy {
                _ if from_dump => "dump",
                Proxy::Sidecar => "sidecar",
                Proxy::Waypoint => "waypoint",
            };
            (proxy, namespace.clone(), None, labels.clone())
        }
        Origin::Gateway { namespace, name } => {
            ("gateway", Some(namespace.clone()), Some(name.clone()), None)
        }
    };
    VantageRow {
        proxy,
        namespace,
        gateway,
        labels,
        port: vantage.port,
        istio: vantage.istio.map(|version| version.to_string()),
    }
}

fn broken(expected: &Expected) -> Vec<BrokenRow> {
    let destinations = expected.undeliverable().destinations.iter();
    destinations
        .map(|(destination, share)| BrokenRow {
            destination: destination.clone(),
            share: share.as_f64(),
            ratio: *share,
        })
        .collect()
}

/// Why a rule lost.
fn lost(tried: &Rejected<'_>, explained: &Explained<'_>) -> TriedRow {
    let sources = explained.sources;
    let difference = (tried.condition).mismatch(explained.probe, explained.vantage);
    let wanted = difference
        .wanted
        .unwrap_or_else(|| format!("`{}`", written(sources, tried.failed_at)));
    TriedRow {
        route: RouteRow {
            object: tried.object.to_owned(),
            rule: tried.route.rule.clone(),
            alternative: tried.route.alternative.clone(),
            name: tried.route.name.clone(),
            source: sources.place(tried.span),
            takes: None,
        },
        lost_on: tried.failed_condition.to_owned(),
        lost_at: sources.place(tried.failed_at),
        message: format!(
            "`{}` wants {wanted}, the request has {}",
            tried.failed_condition, difference.found
        ),
        wanted,
        found: difference.found,
    }
}

/// What stands at a span; for a key, what stands behind it.
fn written(sources: &Sources, span: Span) -> String {
    let lines = rule_lines(sources, span);
    let mut texts = lines.iter().filter_map(|line| match line {
        Line::Text(_, text) => Some(text.trim()),
        Line::Gap => None,
    });
    let text = sources.get(span.source).text();
    let own = text.get(span.start..span.end).unwrap_or_default();
    let rest = text.get(span.end..).unwrap_or_default();
    let Some(value) = rest.strip_prefix(':') else {
        return own.trim().to_owned();
    };
    match value.lines().next().map_or("", str::trim) {
        "" => {
            texts.next();
            let below: Vec<&str> = texts.take(MOST_LINES).collect();
            below.join(", ")
        }
        value => balanced(value).to_owned(),
    }
}

/// A list or map in one line without what follows it.
fn balanced(value: &str) -> &str {
    let mut depth = 0_usize;
    for (at, c) in value.char_indices() {
        match c {
            '{' | '[' => depth += 1,
            '}' | ']' => depth = depth.saturating_sub(1),
            _ => {}
        }
        if depth == 0 && at == 0 {
            return value;
        }
        if depth == 0 {
            return &value[..=at];
        }
    }
    value
}

pub(super) fn stated(caveat: &Note<AppliesTo>, sources: &Sources) -> NoteRow {
    NoteRow {
        id: caveat.code.id().to_owned(),
        message: caveat.message.clone(),
        source: caveat.place().map(|span| sources.place(span)),
        help: caveat.help.clone(),
    }
}
