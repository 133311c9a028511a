//! Contour: the weights of `HTTPProxy` routes, with what they include. Not: policies for retries, timeouts and limits.

use super::{
    Declared, Host, HostName, Include, Role, Rule, Weighted, below, condition, length, not_judged,
    port, required, unread, weight, whole,
};
use crate::diag::{Code, Span};
use crate::manifest::Dialect;
use crate::manifest::decode::Decoder;
use crate::manifest::fields::Fields;
use crate::manifest::kube::Meta;
use crate::manifest::yaml::Node;
use crate::route::{Caveat, Condition, HeaderTest, Test, TextMatch};
use crate::split::{Answer, Cause};

pub(in crate::manifest) const DIALECTS: &[Dialect] = &[Dialect {
    group: "projectcontour.io",
    versions: &["v1"],
    kind: "HTTPProxy",
    decode: |meta, fields, decoder, to| to.foreign.extend(decode(meta, fields, decoder)),
}];

/// How deep proxies may include each other.
const DEPTH: usize = 8;

fn decode(meta: Meta, object: &mut Fields<'_, '_>, decoder: &mut Decoder<'_>) -> Option<Declared> {
    let mut spec = object.map("spec", "an HTTPProxy spec", decoder)?;
    let home = meta.namespace.clone();
    let virtual_host = spec.map("virtualhost", "a virtual host", decoder);
    let name = virtual_host.and_then(|mut host| required(&mut host, "fqdn", decoder));
    let mut rules = Vec::new();
    for (index, node) in spec.items("routes", decoder).iter().enumerate() {
        rules.extend(route(node, index, &home, decoder));
    }
    let includes = spec.list("includes", decoder, |node, decoder| {
        include(node, &home, decoder)
    });
    let role = if name.is_some() {
        Role::Routes
    } else {
        Role::Named
    };
    let (name, span) = match name {
        Some(name) => (name.value, name.span),
        None => ("*".to_owned(), meta.span),
    };
    let mut host = Host::new(HostName::Dns(name), span, rules);
    host.includes = includes;
    not_judged(&mut spec, &["tcpproxy"], &mut host.caveats);
    Some(Declared {
        meta,
        role,
        hosts: vec![host],
    })
}

fn include(node: &Node<'_>, home: &str, decoder: &mut Decoder<'_>) -> Option<Include> {
    let mut item = decoder.map(node, "an include")?;
    let name = required(&mut item, "name", decoder)?;
    let namespace = item.text("namespace", decoder);
    let namespace = namespace.map_or_else(|| home.to_owned(), |namespace| namespace.value);
    Some(Include {
        object: (namespace, name.value),
        span: node.span,
        conditions: conditions(&mut item, decoder),
    })
}

fn route(node: &Node<'_>, index: usize, home: &str, decoder: &mut Decoder<'_>) -> Option<Rule> {
    let mut item = decoder.map(node, "a route")?;
    let before = decoder.count();
    let label = format!("spec.routes[{index}]");
    let mut rule = Rule::new(label, node.span, Vec::new());
    rule.conditions = conditions(&mut item, decoder);
    rule.answer = answer(&mut item, decoder);
    let policies = ["loadBalancerPolicy", "internalRedirectPolicy"];
    not_judged(&mut item, &policies, &mut rule.caveats);
    let place = item.place("services").unwrap_or(item.span);
    item.misspellings(&["services", "conditions"], decoder);
    let mut all = item.list("services", decoder, |node, decoder| {
        service(node, home, decoder)
    });
    // "unset all = equal", and zero is as good as unset.
    if all.iter().all(|backend| backend.weight == 0) {
        for backend in &mut all {
            backend.weight = 1;
        }
    }
    if decoder.count() > before {
        return None;
    }
    if rule.answer.is_none() {
        rule.backends = whole(all, place, decoder)?;
    }
    Some(rule)
}

/// What the proxy answers by itself.
fn answer(route: &mut Fields<'_, '_>, decoder: &mut Decoder<'_>) -> Option<Answer> {
    let mut status = |key, default, cause| {
        let mut policy = route.map(key, "a policy", decoder)?;
        let status = policy.integer("statusCode", 100..=599, decoder);
        let status = status.and_then(|status| u16::try_from(status.value).ok());
        Some(Answer {
            status: status.unwrap_or(default),
            cause,
        })
    };
    status("requestRedirectPolicy", 302, Cause::Redirect)
        .or_else(|| status("directResponsePolicy", 200, Cause::DirectResponse))
}

/// A service that gets a share; a mirror gets copies.
fn service(node: &Node<'_>, home: &str, decoder: &mut Decoder<'_>) -> Option<Weighted> {
    let mut item = decoder.map(node, "a service")?;
    let name = required(&mut item, "name", decoder);
    let (weight, span) = weight(&mut item, 0, i64::from(u32::MAX), decoder)?;
    let mirror = item
        .boolean("mirror", decoder)
        .is_some_and(|mirror| mirror.value);
    let port = port(&mut item, decoder);
    let mut found = Weighted::new(name?.value, home, weight, span);
    found.port = port;
    (!mirror).then_some(found)
}

/// The conditions of a route or an include: all of them must hold.
fn conditions(item: &mut Fields<'_, '_>, decoder: &mut Decoder<'_>) -> Vec<Condition> {
    let mut found = Vec::new();
    for node in item.items("conditions", decoder) {
        let Some(mut one) = decoder.map(node, "a condition") else {
            continue;
        };
        if let Some(path) = one.text("prefix", decoder) {
            found.push(condition(
                "prefix",
                path.span,
                Test::Path(below(&path.value)),
            ));
        }
        if let Some(path) = one.text("exact", decoder) {
            let test = Test::Path(TextMatch::exact(path.value));
            found.push(condition("exact", path.span, test));
        }
        if let Some(node) = one.get("header") {
            found.extend(header(node, decoder));
        }
        for key in ["regex", "queryParameter"] {
            found.extend(one.place(key).map(|span| unread(key, span)));
        }
    }
    found
}

fn header(node: &Node<'_>, decoder: &mut Decoder<'_>) -> Option<Condition> {
    let mut item = decoder.map(node, "a header condition")?;
    let name = required(&mut item, "name", decoder)?;
    let field = format!("header.{}", name.value);
    let name_of = name.value.to_lowercase();
    if item.get("ignoreCase").is_some() || item.get("treatMissingAsEmpty").is_some() {
        return Some(unread(&field, node.span));
    }
    let set = |item: &mut Fields<'_, '_>, key, decoder: &mut Decoder<'_>| {
        item.boolean(key, decoder).is_some_and(|set| set.value)
    };
    let absent = |value| HeaderTest {
        invert: true,
        ..HeaderTest::with(name_of.clone(), value)
    };
    let contains = |text: String| TextMatch::Contains {
        text,
        ignore_case: false,
    };
    let test = if set(&mut item, "present", decoder) {
        HeaderTest::with(name_of, TextMatch::Present)
    } else if set(&mut item, "notpresent", decoder) {
        HeaderTest::without(name_of, TextMatch::Present)
    } else if let Some(text) = item.text("exact", decoder) {
        HeaderTest::with(name_of, TextMatch::exact(text.value))
    } else if let Some(text) = item.text("notexact", decoder) {
        absent(TextMatch::exact(text.value))
    } else if let Some(text) = item.text("contains", decoder) {
        HeaderTest::with(name_of, contains(text.value))
    } else if let Some(text) = item.text("notcontains", decoder) {
        absent(contains(text.value))
    } else {
        return Some(unread(&field, node.span));
    };
    Some(condition(field, node.span, Test::Header(test)))
}

/// The proxies with the rules of those they include, and all rules with their ranks.
pub(super) fn included(mut all: Vec<Declared>) -> Vec<Declared> {
    let proxies: Vec<Declared> = all
        .iter()
        .filter(|declared| declared.meta.kind == "HTTPProxy")
        .cloned()
        .collect();
    let roots = all.iter_mut().filter(|declared| {
        declared.meta.kind == "HTTPProxy" && matches!(declared.role, Role::Routes)
    });
    for host in roots.flat_map(|root| &mut root.hosts) {
        let mut caveats = Vec::new();
        let includes = std::mem::take(&mut host.includes);
        include_all(
            &includes,
            &proxies,
            (&[], DEPTH),
            &mut host.rules,
            &mut caveats,
        );
        host.caveats.extend(caveats);
        for rule in &mut host.rules {
            merge_prefixes(&mut rule.conditions);
            rule.rank = rank(&rule.conditions);
        }
    }
    all
}

fn include_all(
    includes: &[Include],
    proxies: &[Declared],
    (outer, depth): (&[Condition], usize),
    rules: &mut Vec<Rule>,
    caveats: &mut Vec<Caveat>,
) {
    for include in includes {
        let (namespace, name) = &include.object;
        let child = proxies
            .iter()
            .find(|proxy| proxy.meta.name == *name && proxy.meta.namespace == *namespace);
        let (Some(child), Some(depth)) = (child, depth.checked_sub(1)) else {
            let message = format!(
                "HTTPProxy {namespace}/{name} is included and not given: requests for its routes are not judged"
            );
            caveats.push(
                Caveat::about(Code::NotJudged, message, Some(include.span))
                    .help("pass its file too"),
            );
            continue;
        };
        let outer: Vec<Condition> = outer.iter().chain(&include.conditions).cloned().collect();
        for host in &child.hosts {
            rules.extend(host.rules.iter().map(|rule| Rule {
                label: format!("{namespace}/{name} {}", rule.label),
                conditions: outer.iter().chain(&rule.conditions).cloned().collect(),
                ..rule.clone()
            }));
            include_all(&host.includes, proxies, (&outer, depth), rules, caveats);
        }
    }
}

/// Prefixes follow each other: `/api` around `/v1` is `/api/v1`.
fn merge_prefixes(conditions: &mut Vec<Condition>) {
    let mut whole: Option<(String, Span)> = None;
    conditions.retain_mut(|one| match &mut one.test {
        Test::Path(TextMatch::Below { text, .. }) => {
            let (path, _) = whole.get_or_insert((String::new(), one.span));
            path.push_str(text);
            false
        }
        Test::Path(TextMatch::Exact { text, .. }) => {
            if let Some((path, _)) = whole.take() {
                *text = format!("{path}{text}");
            }
            true
        }
        _ => true,
    });
    if let Some((path, span)) = whole {
        conditions.insert(0, condition("prefix", span, Test::Path(below(&path))));
    }
}

/// Exact paths before prefixes, longer ones before shorter ones, then those with more conditions.
fn rank(conditions: &[Condition]) -> Vec<i64> {
    let path = conditions.iter().find_map(|one| match &one.test {
        Test::Path(TextMatch::Exact { text, .. }) => Some([2, length(text)]),
        Test::Path(TextMatch::Below { text, .. }) => Some([1, length(text)]),
        _ => None,
    });
    let others = conditions
        .iter()
        .filter(|one| !matches!(one.test, Test::Path(_)));
    let others = i64::try_from(others.count()).unwrap_or(i64::MAX);
    // No path is the prefix `/`.
    let [kind, length] = path.unwrap_or([1, 0]);
    vec![kind, length, others]
}
