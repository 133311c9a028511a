//! What a rule does to the requests that it takes, beside choosing a destination, in the words of the rule.

use std::collections::BTreeMap;

use serde_json::{Map, Value as Json, json};

use super::json::{empty, object};

/// By what it is: `rewrite`, `redirect`, `timeout`, `retries`, `headers`, `mirror`, `fault`.
pub(super) type Effects = BTreeMap<&'static str, Json>;

/// The effects that are compared, as they are called in a VirtualService.
pub(super) const EFFECTS: [&str; 8] = [
    "rewrite",
    "redirect",
    "directResponse",
    "timeout",
    "retries",
    "headers",
    "mirror",
    "fault",
];

/// The effects of a rule of a VirtualService.
pub(super) fn of_virtual_service(rule: &Json) -> Effects {
    let mut effects = Effects::new();
    for name in EFFECTS {
        keep(&mut effects, name, rule.get(name).cloned());
    }
    if let Some(mirrors) = rule.get("mirrors").filter(|mirrors| !empty(mirrors)) {
        effects.insert("mirror", mirrors.clone());
    }
    effects
}

/// The effects of a rule of a delegate: what it does not say, the root's rule says.
pub(super) fn inherited(leaf: &Json, root: &Json) -> Effects {
    let mut effects = of_virtual_service(root);
    effects.extend(of_virtual_service(leaf));
    effects
}

/// The effects of a rule of an HTTPRoute or GRPCRoute.
pub(super) fn of_api_route(rule: &Json) -> Effects {
    let mut effects = Effects::new();
    let mut headers = Map::new();
    let filters = rule.get("filters").and_then(Json::as_array);
    for filter in filters.into_iter().flatten() {
        for (field, name) in [
            ("urlRewrite", "rewrite"),
            ("requestRedirect", "redirect"),
            ("requestMirror", "mirror"),
        ] {
            keep(&mut effects, name, filter.get(field).cloned());
        }
        for (field, name) in [
            ("requestHeaderModifier", "request"),
            ("responseHeaderModifier", "response"),
        ] {
            if let Some(modifier) = filter.get(field) {
                headers.insert(name.to_owned(), operations(modifier));
            }
        }
    }
    keep(&mut effects, "headers", Some(Json::Object(headers)));
    let timeouts = object(rule.get("timeouts"));
    keep(&mut effects, "timeout", timeouts.get("request").cloned());
    keep(&mut effects, "retries", rule.get("retry").cloned());
    effects
}

/// The effects of a route of Envoy.
pub(super) fn of_envoy(route: &Json) -> Effects {
    let mut effects = Effects::new();
    let action = object(route.get("route"));
    let chosen = |names: &[&str]| {
        let own = names
            .iter()
            .filter_map(|name| Some((*name, action.get(*name)?)));
        let own: Map<String, Json> = own
            .map(|(name, value)| (name.to_owned(), value.clone()))
            .collect();
        Some(Json::Object(own))
    };
    keep(
        &mut effects,
        "rewrite",
        chosen(&[
            "prefix_rewrite",
            "regex_rewrite",
            "host_rewrite_literal",
            "host_rewrite_header",
            "auto_host_rewrite",
        ]),
    );
    keep(&mut effects, "redirect", route.get("redirect").cloned());
    keep(
        &mut effects,
        "directResponse",
        route.get("direct_response").cloned(),
    );
    keep(&mut effects, "timeout", action.get("timeout").cloned());
    keep(&mut effects, "retries", action.get("retry_policy").cloned());
    keep(
        &mut effects,
        "mirror",
        action.get("request_mirror_policies").cloned(),
    );
    effects
}

/// Lists of names and values as maps, as a VirtualService has them.
fn operations(modifier: &Json) -> Json {
    let map = |key: &str| {
        let items = modifier.get(key).and_then(Json::as_array);
        let pairs = items.into_iter().flatten().filter_map(|item| {
            let name = item.get("name")?.as_str()?.to_owned();
            Some((name, item.get("value")?.clone()))
        });
        pairs.collect::<Map<String, Json>>()
    };
    json!({ "set": map("set"), "add": map("add"), "remove": modifier.get("remove") })
}

fn keep(effects: &mut Effects, name: &'static str, value: Option<Json>) {
    if let Some(value) = value.filter(|value| !empty(value)) {
        effects.insert(name, value);
    }
}
