//! One screen for a person: the request, the rule that takes it, where it goes, and why the other rules do not.

use std::collections::BTreeSet;
use std::io::{self, Write};

use super::{Explanation, Line, RouteRow, RuleRow, TriedRow, VantageRow};
use crate::report::DeclaredShare;
use crate::report::shown::{fitted, safe};
use crate::report::table::{left, right, table};
use crate::split::{LocalReplyCause, Mechanism, Share};
use crate::units::percent;

/// Columns of a value that is compared.
const VALUE_WIDTH: usize = 60;
/// Columns of a name.
const NAME_WIDTH: usize = 40;
/// Columns of a line of a manifest.
const LINE_WIDTH: usize = 100;

/// Writes the explanation as text.
pub fn render(explanation: &Explanation, out: &mut dyn Write) -> io::Result<()> {
    head(explanation, out)?;
    excerpt(&explanation.excerpt, out)?;
    if let Some(expected) = &explanation.expected {
        writeln!(out, "\n{}", destinations(explanation, &expected.shares))?;
        let several =
            |shares: &[DeclaredShare]| shares.iter().filter(|share| share.share > 0.0).count() > 1;
        if several(&expected.shares) {
            writeln!(out, "\n  {}", mechanism(expected.mechanism))?;
        }
    }
    let idle = explanation.not_in_effect.as_ref();
    if let Some(declared) = idle.and_then(|idle| idle.declared.as_ref()) {
        let table = shares(&declared.shares, &[]);
        writeln!(out, "\nDeclared, not in effect\n{table}")?;
    }
    if !explanation.trace.is_empty() {
        let title = match explanation.route {
            Some(_) => "Tried before",
            None => "Tried",
        };
        writeln!(out, "\n{title}\n{}", tried(&explanation.trace))?;
    }
    if let (Some(rules), Some(host)) = (&explanation.rules, &explanation.host) {
        writeln!(out, "\nEvery rule of {}", safe(&host.name))?;
        for rule in rules {
            writeln!(out, "\n{}", every(rule))?;
        }
    }
    if !explanation.caveats.is_empty() {
        writeln!(out)?;
    }
    for caveat in &explanation.caveats {
        let place = caveat
            .source
            .as_ref()
            .map(|source| format!(" ({source})"))
            .unwrap_or_default();
        writeln!(out, "note: {}{}", safe(&caveat.message), safe(&place))?;
        if let Some(help) = &caveat.help {
            writeln!(out, "  help: {}", safe(help))?;
        }
    }
    Ok(())
}

/// The request, and whose rule takes it.
fn head(explanation: &Explanation, out: &mut dyn Write) -> io::Result<()> {
    let request = &explanation.target;
    let (method, url) = (safe(&request.method), safe(&request.url));
    writeln!(out, "{method} {url} (Host: {})", safe(&request.host))?;
    writeln!(out, "  from    {}", vantage(&explanation.vantage))?;
    let Some(host) = &explanation.host else {
        return writeln!(out, "  rule    none: {}", without(explanation));
    };
    writeln!(
        out,
        "  host    {} ({})",
        safe(&host.name),
        safe(&host.source)
    )?;
    if let Some(idle) = &explanation.not_in_effect {
        writeln!(out, "  object  {}", safe(&host.objects.join(" and ")))?;
        let rule = idle.route.as_ref().map(named).unwrap_or_default();
        return writeln!(
            out,
            "  rule    {rule}: declared, not in effect; {}",
            without(explanation)
        );
    }
    let Some(route) = &explanation.route else {
        writeln!(out, "  object  {}", safe(&host.objects.join(" and ")))?;
        return writeln!(out, "  rule    {}", nothing(explanation));
    };
    let root = if host.objects.contains(&route.object) {
        String::new()
    } else {
        format!(", to which {} delegates", safe(&host.objects.join(" and ")))
    };
    writeln!(out, "  object  {}{root}", safe(&route.object))?;
    writeln!(out, "  rule    {}", named(route))?;
    for also in &explanation.also {
        let other = if also.object == route.object {
            String::new()
        } else {
            format!(" of {}", safe(&also.object))
        };
        writeln!(out, "  also    {}{other}", named(also))?;
    }
    Ok(())
}

/// A rule with its place and its name, and what it takes.
fn named(route: &RouteRow) -> String {
    let alternative = route
        .alternative
        .as_ref()
        .map(|alternative| format!(".{}", safe(alternative)))
        .unwrap_or_default();
    let name = route
        .name
        .as_ref()
        .map(|name| format!(", named `{}`", safe(name)))
        .unwrap_or_default();
    let (rule, source) = (safe(&route.rule), safe(&route.source));
    format!(
        "{rule}{alternative} ({source}){name}{}",
        taking(route.takes)
    )
}

/// `, takes 50% of such requests by chance`
fn taking(takes: Option<Share>) -> String {
    takes
        .map(|share| {
            format!(
                ", takes {} of such requests by chance",
                percent(share.as_f64())
            )
        })
        .unwrap_or_default()
}

/// Why there is no rule.
fn nothing(explanation: &Explanation) -> &'static str {
    let redirected = |share: &DeclaredShare| share.cause == Some(LocalReplyCause::Redirect);
    let mut shares = explanation.expected.iter().flat_map(|one| &one.shares);
    if shares.any(redirected) {
        "none is looked at: plain HTTP is redirected to HTTPS"
    } else {
        "none matches, so that the proxy answers 404"
    }
}

/// What follows from it that no rule takes the request.
fn without(explanation: &Explanation) -> &'static str {
    let first = explanation.expected.as_ref();
    match first.and_then(|expected| expected.shares.first()) {
        None => "no proxy decides about this request",
        Some(share) if share.host.is_some() => "it goes where it would without any rule",
        Some(_) => "the proxy answers it by itself",
    }
}

/// `a client in namespace prod with app=web, port 5000`
fn vantage(row: &VantageRow) -> String {
    let namespace = row.namespace.as_deref();
    let mut text = match (row.proxy, &row.gateway) {
        ("gateway", Some(name)) => format!(
            "gateway {}/{}",
            safe(namespace.unwrap_or_default()),
            safe(name)
        ),
        ("dump", _) => match namespace {
            Some(namespace) => format!(
                "the proxy that was dumped, in namespace {}",
                safe(namespace)
            ),
            None => "the proxy that was dumped".to_owned(),
        },
        (proxy, _) => {
            let client = match namespace {
                Some(namespace) => format!("a client in namespace {}", safe(namespace)),
                None => "a client in the namespace of the rule".to_owned(),
            };
            match proxy {
                "waypoint" => format!("{client}, through a waypoint"),
                _ => client,
            }
        }
    };
    if let Some(labels) = &row.labels {
        let pairs: Vec<String> = labels
            .iter()
            .map(|(key, value)| format!("{}={}", safe(key), safe(value)))
            .collect();
        text = format!("{text} with {}", pairs.join(","));
    }
    match row.port {
        Some(port) => format!("{text}, to port {port}"),
        None => format!("{text}; the port of the service is not known"),
    }
}

fn excerpt(lines: &[Line], out: &mut dyn Write) -> io::Result<()> {
    if lines.is_empty() {
        return Ok(());
    }
    let widest = lines.iter().map(|line| match line {
        Line::Text(number, _) => number.to_string().len(),
        Line::Gap => 1,
    });
    let width = widest.max().unwrap_or(1);
    writeln!(out)?;
    for line in lines {
        match line {
            Line::Text(number, text) => {
                let text = format!("  {number:>width$} | {}", fitted(text, LINE_WIDTH));
                writeln!(out, "{}", text.trim_end())?;
            }
            Line::Gap => writeln!(out, "  {:>width$} |", "…")?,
        }
    }
    Ok(())
}

fn destinations(explanation: &Explanation, declared: &[DeclaredShare]) -> String {
    let broken: Vec<String> = explanation
        .broken
        .iter()
        .map(|row| destination(&row.host, row.port, row.subset.as_deref()))
        .collect();
    shares(declared, &broken)
}

/// Who gets how much, and where that is.
fn shares(shares: &[DeclaredShare], broken: &[String]) -> String {
    let header = vec![
        left("TARGET"),
        right("SHARE"),
        right("RATIO"),
        left("DESTINATION"),
    ];
    let rows = shares.iter().map(|share| {
        let place = match (&share.host, share.cause) {
            (Some(host), _) => destination(host, share.port, share.subset.as_deref()),
            (None, Some(LocalReplyCause::BrokenBackend)) if !broken.is_empty() => {
                format!("the proxies do not have {}", broken.join(" and "))
            }
            (None, Some(cause)) => format!("answered by the proxy: {cause}"),
            (None, None) => String::new(),
        };
        vec![
            left(&fitted(&share.target, NAME_WIDTH)),
            right(&percent(share.share)),
            right(&share.ratio.to_string()),
            left(&safe(&place)),
        ]
    });
    table(header, rows)
}

/// `weather-backend.default:5000 subset single`
fn destination(host: &str, port: Option<u16>, subset: Option<&str>) -> String {
    let host = host.strip_suffix(".svc.cluster.local").unwrap_or(host);
    let port = port.map(|port| format!(":{port}")).unwrap_or_default();
    let subset = subset
        .map(|subset| format!(" subset {subset}"))
        .unwrap_or_default();
    format!("{host}{port}{subset}")
}

fn mechanism(mechanism: Mechanism) -> &'static str {
    match mechanism {
        Mechanism::Iid => "each request is drawn by itself (iid)",
        Mechanism::Wrr => "requests take turns in a fixed rotation (wrr)",
        Mechanism::Hash => {
            "a hash of the request picks the target: requests alike go to the same one (hash)"
        }
        Mechanism::PerConnection => {
            "each connection is drawn by itself, and all its requests go the same way (per-connection)"
        }
    }
}

fn tried(rows: &[TriedRow]) -> String {
    let objects: BTreeSet<&str> = rows.iter().map(|row| row.object.as_str()).collect();
    let header = vec![left("RULE"), left("PLACE"), left("LOST ON")];
    let rows = rows.iter().map(|row| {
        let rule = match &row.alternative {
            Some(alternative) => format!("{}.{alternative}", row.rule),
            None => row.rule.clone(),
        };
        let rule = match objects.len() {
            1 => rule,
            _ => format!("{} {rule}", row.object),
        };
        let lost = format!(
            "{}: wanted {}, got {}",
            row.lost_on,
            fitted(&row.wanted, VALUE_WIDTH),
            fitted(&row.found, VALUE_WIDTH)
        );
        vec![
            left(&safe(&rule)),
            left(&safe(&row.lost_at)),
            left(&safe(&lost)),
        ]
    });
    table(header, rows)
}

/// One rule, a request that reaches it, and what it makes of it.
fn every(rule: &RuleRow) -> String {
    let name = rule
        .name
        .as_ref()
        .map(|name| format!(", named `{}`", safe(name)))
        .unwrap_or_default();
    let title = format!(
        "  {} {} ({}){name}{}",
        safe(&rule.object),
        safe(&rule.rule),
        safe(&rule.source),
        taking(rule.takes)
    );
    let reach = match (&rule.request, &rule.unreachable) {
        (Some(request), _) => format!("resplit {}", safe(&request.arguments)),
        (None, Some(reason)) => safe(&reason.message),
        (None, None) => String::new(),
    };
    let indented: Vec<String> = shares(&rule.shares, &[])
        .lines()
        .map(|line| format!("  {line}"))
        .collect();
    format!("{title}\n    {reach}\n{}", indented.join("\n"))
}
