//! Every rule of a host with a request that reaches it, as rows.

use std::fmt::Write as _;

use super::explained::{Explained, part};
use super::{HeaderRow, RouteRow, RuleRow, UnreachableRow, WitnessRow};
use crate::diag::Sources;
use crate::route::example_request::{Reach, RuleReach};
use crate::route::{Probe, resolve_untraced};
use crate::split::{Expected, Share};
use crate::verdict::shell_word;

/// One rule as a row.
pub(super) fn rule(rule_reach: &RuleReach<'_>, explained: &Explained<'_>) -> RuleRow {
    let route = rule_reach.route;
    let (takes, expected) = makes(rule_reach, explained);
    let request = match &rule_reach.reach {
        Reach::By(probe) => Some(witness(probe, explained.probe)),
        _ => None,
    };
    RuleRow {
        route: RouteRow {
            object: route.object.clone(),
            rule: route.rule.clone(),
            alternative: None,
            name: route.name.clone(),
            source: expected.source.clone(),
            takes: part(takes),
        },
        request,
        unreachable: unreachable(&rule_reach.reach, explained.sources),
        shares: expected.declared().to_vec(),
        mechanism: expected.mechanism,
    }
}

/// Why no request reaches a rule; none where one does.
#[must_use]
pub fn unreachable(reach: &Reach<'_>, sources: &Sources) -> Option<UnreachableRow> {
    let unreachable = |proven, message: String| UnreachableRow {
        proven,
        message,
        by: None,
        source: None,
    };
    match reach {
        Reach::By(_) => None,
        Reach::Shadowed(earlier) => {
            let (by, source) = (earlier.label(), sources.place(earlier.span));
            Some(UnreachableRow {
                proven: true,
                message: format!(
                    "unreachable: {by} of {} ({source}) comes first and takes every request that this rule would take",
                    earlier.object
                ),
                by: Some(by),
                source: Some(source),
            })
        }
        Reach::NotFromHere(condition) => Some(unreachable(
            true,
            format!(
                "does not apply from here: `{}` ({}) does not hold",
                condition.field,
                sources.place(condition.span)
            ),
        )),
        Reach::HttpsOnly => Some(unreachable(
            true,
            "plain HTTP is redirected to HTTPS before any rule is looked at; ask for https://"
                .to_owned(),
        )),
        Reach::Unknowable(caveat) => Some(unreachable(false, caveat.message.clone())),
        Reach::NotFound => Some(unreachable(
            false,
            "no request was found that reaches it".to_owned(),
        )),
    }
}

/// What a rule takes of the requests that reach it, and what it makes of them.
fn makes(rule_reach: &RuleReach<'_>, explained: &Explained<'_>) -> (Share, Expected) {
    let (route, sources) = (rule_reach.route, explained.sources);
    let Reach::By(probe) = &rule_reach.reach else {
        return (Share::ONE, explained.table.declared(route, sources));
    };
    let resolution = resolve_untraced(explained.table, probe);
    let found = resolution.ok().and_then(|resolution| {
        let mut taking = resolution.taking();
        let matched = taking.find(|matched| std::ptr::eq(matched.route, route))?;
        Some((matched.share, resolution.expected_of(&matched, sources)))
    });
    found.unwrap_or_else(|| (Share::ONE, explained.table.declared(route, sources)))
}

/// A request as it is typed; what was typed before and is not changed is left to the user.
pub(in crate::report) fn witness(probe: &Probe, like: &Probe) -> WitnessRow {
    let query = probe.query.as_ref().map(|query| format!("?{query}"));
    let path = format!("{}{}", probe.path, query.unwrap_or_default());
    let standard = if probe.scheme == "https" { 443 } else { 80 };
    let address = if probe.address.contains(':') {
        format!("[{}]", probe.address)
    } else {
        probe.address.clone()
    };
    let port = if probe.port == standard {
        String::new()
    } else {
        format!(":{}", probe.port)
    };
    let url = format!("{}://{address}{port}{path}", probe.scheme);
    // What every request of resplit says is not worth repeating.
    let usual = |name: &str| matches!(name, "user-agent" | "accept");
    let kept = |header: &(String, String)| !(usual(&header.0) && like.headers.contains(header));
    let headers: Vec<HeaderRow> = (probe.headers.iter().filter(|header| kept(header)))
        .map(|(name, value)| HeaderRow {
            name: name.clone(),
            value: value.clone(),
        })
        .collect();
    let mut arguments = String::new();
    if probe.method != "GET" {
        let _ = write!(arguments, "-m {} ", shell_word(&probe.method));
    }
    for header in &headers {
        let header = format!("{}: {}", header.name, header.value);
        let _ = write!(arguments, "-H {} ", shell_word(&header));
    }
    if probe.authority != format!("{address}{port}") {
        let _ = write!(arguments, "--host {} ", shell_word(&probe.authority));
    }
    arguments.push_str(&shell_word(&url));
    WitnessRow {
        method: probe.method.clone(),
        url,
        path,
        host: probe.authority.clone(),
        headers,
        arguments,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn typed(url: &str, change: impl Fn(Probe) -> Probe) -> String {
        let like = Probe::new("GET", &url.parse().expect("a URL")).expect("an absolute URL");
        witness(&change(like.clone()), &like).arguments
    }

    #[test]
    fn a_request_is_typed_so_that_it_is_sent_again() {
        let same = typed("http://web:5000/a?b=1", |like| like);
        assert_eq!(same, "'http://web:5000/a?b=1'");
        let port = typed("http://web/", |like| like.with_host("web:80"));
        assert_eq!(port, "--host web:80 http://web/");
        let changed = typed("https://[::1]:8443/", |like| Probe {
            method: "POST".to_owned(),
            headers: vec![("x".to_owned(), "it's".to_owned())],
            ..like
        });
        assert!(
            changed.starts_with(r"-m POST -H 'x: it'\''s' "),
            "{changed}"
        );
    }
}
