//! Dumps of Envoy's configuration, most of them captured from a real one: what is read from them, and what is refused.

mod outcomes;
mod told;
mod unreadable;

use serde_json::{Value, json};

use resplit::diag::{Note, Sources};
use resplit::manifest::{lower, parse};
use resplit::route::{AppliesTo, Probe, ResolveError, Vantage, resolve};
use resplit::split::{Expected, Mechanism};

const DYNAMIC: &str = include_str!("envoy/dynamic_route_configs.json");
const STATIC: &str = include_str!("envoy/static_route_configs.json");
const WHOLE: &str = include_str!("envoy/config_dump.json");
const ISTIOCTL: &str = include_str!("envoy/istioctl_routes.json");
const LOCALITIES: &str = include_str!("envoy/localities.json");

/// What a request gets.
#[derive(Debug)]
struct Found {
    expected: Expected,
    object: Option<String>,
    name: Option<String>,
    also: usize,
    caveats: Vec<Note<AppliesTo>>,
}

impl Found {
    fn shares(&self) -> Vec<String> {
        let declared = self.expected.declared().iter();
        declared
            .map(|one| format!("{} {}", one.share, one.name))
            .collect()
    }

    fn caveats(&self) -> Vec<&str> {
        self.caveats.iter().map(resplit::diag::Note::id).collect()
    }
}

fn probe(url: &str, headers: &[(&str, &str)]) -> Probe {
    let probe = Probe::new("GET", &url.parse().expect("a URL")).expect("an absolute URL");
    let headers = headers
        .iter()
        .map(|(name, value)| ((*name).to_owned(), (*value).to_owned()));
    Probe {
        headers: headers.collect(),
        ..probe
    }
}

fn asked(texts: &[(&str, &str)], probe: &Probe) -> Result<Found, ResolveError> {
    let mut sources = Sources::new();
    for (name, text) in texts {
        sources.add(*name, *text);
    }
    let (manifests, problems) = parse(&sources);
    assert_eq!(problems, []);
    assert_eq!(manifests.without_rules(), None);
    let table = lower(&manifests, &Vantage::mesh(None, None).dialling(probe));
    let resolution = resolve(&table, probe)?;
    Ok(Found {
        expected: resolution.expected(&sources),
        object: resolution.route.map(|route| route.object.to_owned()),
        name: resolution
            .route
            .and_then(|route| route.name)
            .map(str::to_owned),
        also: resolution.other_routes.len(),
        caveats: resolution.caveats,
    })
}

fn found(text: &str, url: &str, headers: &[(&str, &str)]) -> Found {
    asked(&[("dump.json", text)], &probe(url, headers)).expect("a host takes it")
}

/// A dump with one virtual host for everything.
fn dump(routes: &Value) -> Value {
    json!({ "configs": [{ "dynamic_route_configs": [{ "route_config": {
        "name": "5000", "ignore_port_in_host_matching": true,
        "virtual_hosts": [{ "name": "any", "domains": ["*"], "routes": routes }] } }] }] })
}

#[test]
fn every_shape_of_a_dump_holds_the_same_split() {
    for (text, line) in [(DYNAMIC, 42), (WHOLE, 47), (ISTIOCTL, 37)] {
        let default = found(text, "http://weather-backend:5000/version", &[]);
        assert_eq!(default.shares(), ["9/10 single", "1/10 multiple"]);
        assert_eq!(
            default.object.as_deref(),
            Some("VirtualService default/weather-backend")
        );
        assert_eq!(default.name.as_deref(), Some("default"));
        assert_eq!(default.expected.source, format!("dump.json:{line}"));
        assert_eq!(default.expected.mechanism, Mechanism::Iid);
        assert!(default.caveats.is_empty(), "{:?}", default.caveats);
        let beta = found(
            text,
            "http://weather-backend:5000/",
            &[("x-user-group", "beta")],
        );
        assert_eq!(beta.shares(), ["1/1 multiple"]);
        let own =
            "virtual host weather-backend.default.svc.cluster.local:5000 of route config 5000";
        assert_eq!(beta.object.as_deref(), Some(own));
    }
    let pods = json!({ "envoy-gateway-system": { "envoy-default-eg-1": {
        "configDump": serde_json::from_str::<Value>(WHOLE).expect("JSON") } } });
    let wrapped = found(&pods.to_string(), "http://weather-backend:5000/", &[]);
    assert_eq!(wrapped.shares(), ["9/10 single", "1/10 multiple"]);
}

#[test]
fn answers_can_be_told_by_the_names_of_the_cluster() {
    let found = found(DYNAMIC, "http://weather-backend:5000/", &[]);
    let names = &found.expected.declared()[0].identifiers.names;
    for name in [
        "single",
        "weather-backend",
        "outbound|5000|single|weather-backend.default.svc.cluster.local",
    ] {
        assert!(names.contains(name), "{name} in {names:?}");
    }
}

#[test]
fn the_port_selects_the_route_configuration() {
    let config = |name: &str, domain: &str, cluster: &str| {
        json!({ "route_config": { "name": name,
        "ignore_port_in_host_matching": true, "virtual_hosts": [
            { "name": "allow_any", "domains": ["*"], "routes": [
                { "match": { "prefix": "/" }, "route": { "cluster": "PassthroughCluster" } }] },
            { "name": "v", "domains": [domain], "routes": [{ "match": { "prefix": "/" }, "route": { "cluster": cluster } }] } ] } })
    };
    let text = json!({ "configs": [{ "dynamic_route_configs": [
        config("80", "web", "web-80"),
        config("9080", "web", "web-9080"),
        config("other.default.svc.cluster.local:9080", "*", "other"),
        config("inbound|9080||", "*", "own"),
    ], "static_route_configs": [config("", "*", "stats")] }] })
    .to_string();
    let shares = |url: &str| found(&text, url, &[]).shares();
    assert_eq!(shares("http://web/"), ["1/1 web-80"]);
    assert_eq!(shares("http://web:9080/"), ["1/1 web-9080"]);
    assert_eq!(shares("http://other.default:9080/"), ["1/1 other"]);
    let error = |probe: &Probe| asked(&[("dump.json", &text)], probe).expect_err("no answer");
    let other = error(&probe("http://other/", &[]));
    assert_eq!(
        other.to_string(),
        "no rule routes the host `other` from here: route config other.default.svc.cluster.local:9080 is for port 9080"
    );
    assert_eq!(
        other.help().as_deref(),
        Some("name the port of the service: --host other.default.svc.cluster.local:9080")
    );
    let unknown = error(&probe("http://wep/", &[]));
    assert!(
        unknown
            .help()
            .is_some_and(|help| help.contains("did you mean `web`")),
        "{unknown}"
    );
    let two = error(&probe("http://127.0.0.1:15000/", &[]).with_host("web"));
    assert_eq!(
        two.help().as_deref(),
        Some("say which one with `--host NAME:PORT`")
    );
}

/// "`:authority` includes the port as sent": a configuration that was not told to ignore it compares it, and beside one
/// that was, nothing is compared with it.
#[test]
fn the_port_of_the_host_header_counts_where_no_configuration_ignores_it() {
    let config = |name: &str, ignores: bool, domains: &[&str]| {
        json!({ "route_config": { "name": name, "ignore_port_in_host_matching": ignores, "virtual_hosts": [
            { "name": name, "domains": domains,
              "routes": [{ "match": { "prefix": "/" }, "route": { "cluster": name } }] } ] } })
    };
    let dump = |configs: &[Value]| {
        json!({ "configs": [{ "dynamic_route_configs": configs }] }).to_string()
    };
    let alone = dump(&[config("one", false, &["a", "b:8080"])]);
    assert_eq!(found(&alone, "http://b:8080/", &[]).shares(), ["1/1 one"]);
    let request = probe("http://a:8080/", &[]);
    assert!(asked(&[("dump.json", &alone)], &request).is_err());
    let mixed = dump(&[
        config("one", false, &["a", "b:8080"]),
        config("two", true, &["c"]),
    ]);
    for (url, share) in [
        ("http://a:8080/", "1/1 one"),
        ("http://b:8080/", "1/1 one"),
        ("http://c:8080/", "1/1 two"),
    ] {
        assert_eq!(found(&mixed, url, &[]).shares(), [share], "{url}");
    }
}

const RULES: &str = "
apiVersion: networking.istio.io/v1
kind: DestinationRule
metadata: { name: weather-backend }
spec: { host: weather-backend, subsets: [ { name: single, labels: { v: a } }, { name: multiple, labels: { v: b } } ] }
---
apiVersion: networking.istio.io/v1
kind: VirtualService
metadata: { name: weather-backend }
spec:
  hosts: [ weather-backend ]
  http:
    - match: [ { headers: { x-user-group: { exact: beta } } } ]
      route: [ { destination: { host: weather-backend, subset: multiple } } ]
    - route:
        - { destination: { host: weather-backend, subset: single }, weight: 90 }
        - { destination: { host: weather-backend, subset: multiple }, weight: 10 }
";

#[test]
fn rules_declare_and_a_dump_beside_them_is_a_second_opinion() {
    let request = probe("http://weather-backend:5000/", &[]);
    let both = |rules: &str| {
        asked(&[("rules.yaml", rules), ("dump.json", DYNAMIC)], &request).expect("a host takes it")
    };
    let same = both(RULES);
    assert_eq!(same.shares(), ["9/10 single", "1/10 multiple"]);
    assert_eq!(same.expected.source, "rules.yaml:15");
    assert!(
        same.caveats().iter().all(|id| *id != "programmed-differs"),
        "{:?}",
        same.caveats
    );
    let newer = both(
        &RULES
            .replace("weight: 90", "weight: 50")
            .replace("weight: 10", "weight: 50"),
    );
    assert_eq!(newer.shares(), ["1/2 single", "1/2 multiple"]);
    let caveat = newer
        .caveats
        .iter()
        .find(|caveat| caveat.id() == "programmed-differs")
        .expect("a caveat");
    assert_eq!(
        caveat.message,
        "the rules declare 50% single, 50% multiple for this request, and the proxy is programmed with 90% single, 10% multiple"
    );
    let alone = both(&RULES.replace("hosts: [ weather-backend ]", "hosts: [ other ]"));
    assert_eq!(alone.shares(), ["9/10 single", "1/10 multiple"]);
    assert_eq!(alone.caveats(), ["programmed-only"]);
    let elsewhere = both(&RULES.replace("weather-backend, subset", "weather-front, subset"));
    let caveat = elsewhere
        .caveats
        .iter()
        .find(|caveat| caveat.id() == "programmed-differs");
    let message = &caveat.expect("a caveat").message;
    let (own, other) = ("weather-front.default", "weather-backend.default");
    for part in [own, other].map(|host| format!("90% {host}.svc.cluster.local:5000/single")) {
        assert!(message.contains(&part), "{message}");
    }
}
