//! RS025: matches that take more, or less, than they look like.

use std::collections::HashMap;

use super::match_port;
use crate::diag::{Code, Span};
use crate::lint::{Context, Finding, Rule};
use crate::manifest::istio::VirtualService;
use crate::route::{Condition, HeaderTest, Test, TextMatch};

/// The rule.
pub(in crate::lint) const RULE: Rule = Rule {
    code: Code::Rs025,
    name: "match_pitfall",
    rationale: "a prefix is one of characters: `/api` takes `/apifoo` too, which a later route may be meant for; a regular \
          expression must match the whole path or header; `*` and `?` stand for themselves in `prefix` and `exact`; `uri`, \
          `method`, `scheme` and `authority` are no headers",
    fix: "match `/api/` beside `exact: /api`; end a regular expression with `.*` where more may follow",
    facts: &[Code::IgnoredHeader],
    check: Some(check),
    ..Rule::BASE
};

fn check(context: &Context<'_>, findings: &mut Vec<Finding>) {
    match_port::check(context, findings);
    for service in &context.manifests.virtual_services {
        let mut paths = Paths::of(service);
        for (index, http) in service.http.iter().enumerate() {
            let conditions = http.matches.iter().flat_map(|one| &one.conditions);
            let found = conditions.filter_map(|condition| pitfall(&mut paths, index, condition));
            findings.extend(found.map(|finding| finding.of_route(http.span)));
        }
    }
}

/// A path that a route of an object asks for, exactly or as a prefix.
#[derive(Clone, Copy)]
struct AskedPath<'s> {
    path: &'s str,
    // The position of the route, and that of the condition among all of the object.
    route: usize,
    number: usize,
    place: Span,
}

/// The paths of an object, found by what they begin with: thousands of prefixes are not compared with each other.
struct Paths<'s> {
    sorted: Vec<AskedPath<'s>>,
    // Those that a prefix takes without being above them, in the order in which they are written.
    taken: HashMap<&'s str, Vec<AskedPath<'s>>>,
}

impl<'s> Paths<'s> {
    fn of(service: &'s VirtualService) -> Self {
        let conditions = service.http.iter().enumerate().flat_map(|(route, http)| {
            let conditions = http.matches.iter().flat_map(|one| &one.conditions);
            conditions.map(move |condition| (route, condition))
        });
        let asked = conditions
            .enumerate()
            .filter_map(|(number, (route, condition))| {
                let Test::Path(TextMatch::Exact { text, .. } | TextMatch::Prefix { text, .. }) =
                    &condition.test
                else {
                    return None;
                };
                Some(AskedPath {
                    path: text,
                    route,
                    number,
                    place: condition.span,
                })
            });
        let mut sorted: Vec<AskedPath<'_>> = asked.collect();
        sorted.sort_by_key(|one| (one.path, one.number));
        Self {
            sorted,
            taken: HashMap::new(),
        }
    }

    /// The first path behind a route that a prefix takes without being above it.
    fn after(&mut self, route: usize, prefix: &'s str) -> Option<AskedPath<'s>> {
        let sorted = &self.sorted;
        let taken = self.taken.entry(prefix).or_insert_with(|| {
            let first = sorted.partition_point(|one| one.path <= prefix);
            let begun = sorted[first..].iter().map_while(|one| {
                let rest = one.path.strip_prefix(prefix)?;
                Some((rest, *one))
            });
            let beside = begun.filter(|(rest, _)| !rest.starts_with('/'));
            let mut taken: Vec<AskedPath<'_>> = beside.map(|(_, one)| one).collect();
            taken.sort_by_key(|one| one.number);
            taken
        });
        let next = taken.partition_point(|one| one.route <= route);
        taken.get(next).copied()
    }
}

/// What is wrong with one condition of a route.
fn pitfall<'s>(paths: &mut Paths<'s>, index: usize, condition: &'s Condition) -> Option<Finding> {
    match &condition.test {
        Test::Path(path) => match path {
            TextMatch::Prefix { text, .. } => {
                literal(text, condition).or_else(|| prefix(paths, index, text, condition))
            }
            TextMatch::Exact { text, .. } => literal(text, condition),
            TextMatch::Regex(regex) => whole(inner(regex), condition),
            _ => None,
        },
        Test::Method(method) => small_letters(method, condition),
        Test::Header(header) if !header.invert => value(header, condition),
        _ => None,
    }
}

/// The pattern as written.
fn inner(regex: &regex::Regex) -> &str {
    let pattern = regex.as_str();
    let rest = pattern.strip_prefix("^(?:");
    let inner = rest.and_then(|rest| rest.strip_suffix(")$"));
    inner.unwrap_or(pattern)
}

/// A prefix that takes a path which a later route of the object asks for, and that is not below it.
fn prefix<'s>(
    paths: &mut Paths<'s>,
    index: usize,
    text: &'s str,
    condition: &Condition,
) -> Option<Finding> {
    if text.ends_with('/') || text.is_empty() {
        return None;
    }
    let AskedPath { path, place, .. } = paths.after(index, text)?;
    let message = format!("the prefix `{text}` takes `{path}` too, which a later route asks for");
    Some(
        Finding::new(RULE.code, message)
            .at(condition.span, "")
            .at(place, "the later route")
            .help(format!(
                "match `prefix: {text}/` and `exact: {text}` instead, or put the longer one first"
            )),
    )
}

/// A regular expression that reads like the beginning of a path.
fn whole(pattern: &str, condition: &Condition) -> Option<Finding> {
    let plain = |c: char| c.is_ascii_alphanumeric() || "/-_~%".contains(c);
    if let Some(path) = pattern
        .strip_suffix("/*")
        .filter(|path| !path.is_empty() && path.chars().all(plain))
    {
        let message =
            format!("`{pattern}` matches `{path}` followed by slashes only: `*` repeats the slash");
        return Some(
            Finding::new(RULE.code, message)
                .at(condition.span, "")
                .help(format!("write `{path}/.*` for everything below")),
        );
    }
    if pattern.chars().all(plain) {
        let message = format!(
            "a regular expression must match the whole path: `{pattern}` takes nothing but `{pattern}`"
        );
        return Some(
            Finding::new(RULE.code, message)
                .at(condition.span, "")
                .help(format!(
                    "write `{pattern}.*` for what begins so, or `exact: {pattern}`"
                )),
        );
    }
    None
}

fn warning(condition: &Condition, message: &str, help: String) -> Finding {
    Finding::new(RULE.code, message)
        .at(condition.span, "")
        .help(help)
}

/// A path with a wildcard or a query, which no path has.
fn literal(text: &str, condition: &Condition) -> Option<Finding> {
    if let Some((path, query)) = text.split_once('?') {
        let message = format!("a path ends before its query: no request has the path `{text}`");
        let help = format!("match the path `{path}`, and `{query}` under `queryParams`");
        return Some(warning(condition, &message, help));
    }
    let before = text.strip_suffix('*')?;
    let message =
        format!("`*` stands for itself in `{text}`: only a path with that character is taken");
    let help = format!("write `prefix: {before}` for everything that begins so");
    Some(warning(condition, &message, help))
}

/// A method that no client sends.
fn small_letters(method: &TextMatch, condition: &Condition) -> Option<Finding> {
    const METHODS: [&str; 7] = ["DELETE", "GET", "HEAD", "OPTIONS", "PATCH", "POST", "PUT"];
    let TextMatch::Exact {
        text,
        ignore_case: false,
    } = method
    else {
        return None;
    };
    let meant = METHODS.iter().find(|one| one.eq_ignore_ascii_case(text))?;
    let message = format!("the case of a method counts: `{text}` takes no {meant} request");
    (meant != text).then(|| warning(condition, &message, format!("write `{meant}`")))
}

/// A value of a header that reads like a part of it, or like a wildcard.
fn value(header: &HeaderTest, condition: &Condition) -> Option<Finding> {
    // What these hold is rarely one word.
    const LONG: [&str; 5] = [
        "accept",
        "accept-language",
        "cookie",
        "referer",
        "user-agent",
    ];
    let plain =
        |text: &str| !text.is_empty() && !text.contains(['.', '*', '+', '(', '[', '|', '?', '\\']);
    let name = header.name.as_str();
    match &header.value {
        TextMatch::Exact { text, .. } if text == "*" => {
            let message =
                format!("`*` stands for itself: only requests whose `{name}` is a star are taken");
            Some(warning(
                condition,
                &message,
                format!("write `{name}: {{}}` for any value"),
            ))
        }
        TextMatch::Regex(regex) if LONG.contains(&name) && plain(inner(regex)) => {
            let pattern = inner(regex).trim_start_matches('^').trim_end_matches('$');
            let message = format!(
                "a regular expression must match the whole header: only requests whose `{name}` is exactly `{pattern}` are taken"
            );
            let help = match name {
                "cookie" => {
                    format!("write `^(.*;\\s*)?{pattern}(;.*)?$`: the header holds all cookies")
                }
                _ => format!("write `.*{pattern}.*` for a header that holds it"),
            };
            Some(warning(condition, &message, help))
        }
        _ => None,
    }
}
