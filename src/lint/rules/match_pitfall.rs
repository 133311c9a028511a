//! RS025: matches that take more, or less, than they look like.

use crate::diag::Code;
use crate::lint::{Context, Finding, Rule};
use crate::manifest::istio::{HttpRoute, VirtualService};
use crate::route::{Condition, Test, TextMatch};

/// The rule.
pub(in crate::lint) const RULE: Rule = Rule {
    code: Code::Rs025,
    name: "match_pitfall",
    rationale: "a prefix is one of characters: `/api` takes `/apifoo` too, which a later route may be meant for; a regular \
          expression must match the whole path; `uri`, `method`, `scheme` and `authority` are no headers",
    fix: "match `/api/` beside `exact: /api`; end a regular expression with `.*` where more may follow",
    facts: &[Code::IgnoredHeader],
    check: Some(check),
    ..Rule::BASE
};

fn check(context: &Context<'_>, findings: &mut Vec<Finding>) {
    for service in &context.manifests.virtual_services {
        let paths = service.http.iter().enumerate().flat_map(|(index, http)| {
            let conditions = http.matches.iter().flat_map(|one| &one.conditions);
            conditions.filter_map(move |condition| match &condition.test {
                Test::Path(path) => Some((index, http, condition, path)),
                _ => None,
            })
        });
        for (index, http, condition, path) in paths {
            let finding = match path {
                TextMatch::Prefix { text, .. } => prefix(service, index, text, condition),
                TextMatch::Regex(regex) => {
                    let pattern = regex.as_str();
                    let inner = pattern
                        .strip_prefix("^(?:")
                        .and_then(|rest| rest.strip_suffix(")$"));
                    whole(inner.unwrap_or(pattern), condition)
                }
                _ => None,
            };
            findings.extend(finding.map(|finding| finding.of_route(http.span)));
        }
    }
}

/// A prefix that takes a path which a later route of the object asks for, and that is not below it.
fn prefix(
    service: &VirtualService,
    index: usize,
    text: &str,
    condition: &Condition,
) -> Option<Finding> {
    if text.ends_with('/') || text.is_empty() {
        return None;
    }
    let other = |http: &HttpRoute| {
        let mut conditions = http.matches.iter().flat_map(|one| &one.conditions);
        conditions.find_map(|condition| match &condition.test {
            Test::Path(
                TextMatch::Exact { text: path, .. } | TextMatch::Prefix { text: path, .. },
            ) => {
                let rest = path.strip_prefix(text)?;
                (!rest.is_empty() && !rest.starts_with('/')).then(|| (path.clone(), condition.span))
            }
            _ => None,
        })
    };
    let (path, place) = service.http[index + 1..].iter().find_map(other)?;
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
