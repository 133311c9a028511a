//! `resplit instrument`: the patches fit the objects, can be taken back, and a real Envoy that follows them says who answered,
//! in its own replies too.

use std::fs;
use std::net::TcpListener;

use serde_json::{Value, json};

use crate::support::cmd::{run, run_json};
use crate::support::envoy::Envoy;
use crate::support::http::get;
use crate::support::mesh::Mesh;

/// Runs `instrument -o json` on objects, and applies the patches.
fn patched(objects: &[Value], args: &[&str]) -> (Vec<Value>, Value) {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("in.json");
    let list = json!({ "apiVersion": "v1", "kind": "List", "items": objects });
    fs::write(&path, list.to_string()).expect("writable");
    let path = path.to_str().expect("a path");
    let report = run_json(&[&["instrument", "-f", path], args].concat());
    let report: Value = serde_json::from_str(&report.exits(0).stdout).expect("JSON");
    assert_eq!(report["schema"], "resplit.instrument/1");
    let mut objects = objects.to_vec();
    for patch in report["patches"].as_array().expect("a list") {
        let name = patch["object"].as_str().expect("a name");
        let own = |object: &&mut Value| {
            let (kind, meta) = (&object["kind"], &object["metadata"]);
            let full = format!(
                "{} {}/{}",
                kind.as_str().unwrap_or_default(),
                meta["namespace"].as_str().unwrap_or("default"),
                meta["name"].as_str().unwrap_or_default()
            );
            full == name
        };
        let object = objects
            .iter_mut()
            .find(own)
            .expect("an object of the patch");
        for operation in patch["patch"].as_array().expect("operations") {
            apply(object, operation);
        }
    }
    (objects, report)
}

/// One operation of a JSON patch (RFC 6902).
fn apply(object: &mut Value, operation: &Value) {
    let path = operation["path"].as_str().expect("a path");
    let (parent, key) = path.rsplit_once('/').expect("a pointer");
    let parent = object
        .pointer_mut(parent)
        .unwrap_or_else(|| panic!("{path} has no parent"));
    match (operation["op"].as_str(), parent) {
        (Some("add"), Value::Object(map)) => {
            map.insert(key.to_owned(), operation["value"].clone());
        }
        (Some("add"), Value::Array(list)) => {
            assert_eq!(key, "-");
            list.push(operation["value"].clone());
        }
        (Some("remove"), Value::Object(map)) => {
            map.remove(key).expect("what is removed is there");
        }
        (Some("remove"), Value::Array(list)) => {
            list.remove(key.parse().expect("an index"));
        }
        (op, parent) => panic!("{op:?} in {parent}"),
    }
}

fn virtual_service() -> Value {
    json!({
        "apiVersion": "networking.istio.io/v1", "kind": "VirtualService",
        "metadata": { "name": "reviews", "namespace": "shop" },
        "spec": { "hosts": ["reviews"], "http": [
            { "route": [
                { "destination": { "host": "reviews", "subset": "v1", "port": { "number": 9080 } }, "weight": 90 },
                { "destination": { "host": "reviews", "subset": "v2" }, "weight": 10, "headers": {} },
            ] },
            { "redirect": { "uri": "/" } },
            { "route": [
                { "destination": { "host": "b.example.com" }, "headers": { "request": { "set": { "a": "b" } } } },
                { "destination": { "host": "c" }, "headers": { "response": { "set": { "a": "b" } } } },
            ] },
        ] },
    })
}

fn http_route() -> Value {
    json!({
        "apiVersion": "gateway.networking.k8s.io/v1", "kind": "HTTPRoute",
        "metadata": { "name": "web" },
        "spec": { "hostnames": ["web.example.com"], "rules": [{ "backendRefs": [
            { "name": "web-v1", "port": 80, "weight": 9 },
            { "name": "web-v2", "namespace": "other", "port": 80, "weight": 1,
              "filters": [{ "type": "RequestHeaderModifier", "requestHeaderModifier": { "remove": ["a"] } }] },
            { "name": "web-v3", "filters": [{ "type": "ResponseHeaderModifier", "responseHeaderModifier": { "remove": ["a"] } }] },
            { "name": "web-v4", "filters": [{ "type": "ResponseHeaderModifier", "responseHeaderModifier": { "set": [
                { "name": "a", "value": "b" }] } }] },
        ] }] },
    })
}

#[test]
fn patches_add_the_header_to_every_destination_once_and_take_it_back() {
    let before = [virtual_service(), http_route()];
    let (after, report) = patched(&before, &[]);
    assert_eq!(report["patches"].as_array().map(Vec::len), Some(2));
    let rest = "%UPSTREAM_REMOTE_ADDRESS%;%ROUTE_NAME%;%RESPONSE_FLAGS%";
    for (object, pointer, cluster) in [
        (
            0,
            "/spec/http/0/route/0",
            "outbound|9080|v1|reviews.shop.svc.cluster.local",
        ),
        (
            0,
            "/spec/http/0/route/1",
            "outbound||v2|reviews.shop.svc.cluster.local",
        ),
        (0, "/spec/http/2/route/0", "outbound|||b.example.com"),
        (
            0,
            "/spec/http/2/route/1",
            "outbound|||c.shop.svc.cluster.local",
        ),
    ] {
        let own = after[object].pointer(&format!("{pointer}/headers/response/set/x-resplit"));
        assert_eq!(own, Some(&json!(format!("{cluster};{rest}"))), "{pointer}");
    }
    for (at, filter, cluster) in [
        (0, 0, "outbound|80||web-v1.default.svc.cluster.local"),
        (1, 1, "outbound|80||web-v2.other.svc.cluster.local"),
        (2, 0, "outbound|||web-v3.default.svc.cluster.local"),
        (3, 0, "outbound|||web-v4.default.svc.cluster.local"),
    ] {
        let filter = &after[1]["spec"]["rules"][0]["backendRefs"][at]["filters"][filter];
        assert_eq!(filter["type"], "ResponseHeaderModifier");
        let set = filter["responseHeaderModifier"]["set"]
            .as_array()
            .expect("a list");
        let own = json!({ "name": "x-resplit", "value": format!("{cluster};{rest}") });
        assert_eq!(set.last(), Some(&own));
    }
    // What is there is not added again, and only that is taken back.
    let (again, report) = patched(&after, &[]);
    assert_eq!((again, &report["unchanged"]), (after.clone(), &json!(2)));
    let (mut back, _) = patched(&after, &["--remove"]);
    let emptied = &mut back[0]["spec"]["http"][0]["route"][1];
    assert_eq!(emptied.get("headers"), None, "what would be empty goes too");
    emptied["headers"] = json!({});
    assert_eq!(back, before);
    let (same, _) = patched(&before, &["--remove"]);
    assert_eq!(same, before);
}

#[test]
fn a_host_chooses_among_the_rules_and_commands_are_quoted() {
    let mut hostile = virtual_service();
    hostile["spec"]["http"][0]["route"][0]["destination"]["host"] = json!("it's.example.com");
    let objects = [hostile, http_route()];
    for (host, kind) in [
        ("reviews", "VirtualService"),
        ("web.example.com", "HTTPRoute"),
    ] {
        let (_, report) = patched(&objects, &[host]);
        let patches = report["patches"].as_array().expect("a list");
        let objects: Vec<&str> = patches
            .iter()
            .filter_map(|one| one["object"].as_str())
            .collect();
        // A name without dots belongs to the namespace of its rule.
        assert!(
            objects.len() == 1 && objects[0].starts_with(kind),
            "{host}: {objects:?}"
        );
    }
    let (_, report) = patched(&objects, &["reviews"]);
    let command = report["patches"][0]["command"].as_str().expect("a command");
    assert!(
        command.starts_with("kubectl patch virtualservice reviews -n shop --type=json -p '[\n")
    );
    assert!(command.contains(r"it'\''s.example.com"), "{command}");
    let mut odd = virtual_service();
    odd["metadata"]["name"] = json!("a; rm -rf /");
    let (_, report) = patched(&[odd, http_route()], &[]);
    assert_eq!(
        report["patches"].as_array().map(Vec::len),
        Some(1),
        "{report}"
    );
}

/// An Envoy that splits reviews with the headers that are given for its two destinations.
fn splitting(v2: &Value, headers: [&Value; 2], manager: Value) -> (Envoy, Mesh) {
    let mesh = Mesh::split([("v1", 1)]).says("hello\n").start();
    let cluster = |subset: &str, endpoints: Value| {
        let name = format!("outbound|9080|{subset}|reviews.shop.svc.cluster.local");
        json!({ "name": name, "type": "STATIC", "connect_timeout": "1s",
                "load_assignment": { "cluster_name": name, "endpoints": [{ "lb_endpoints": endpoints }] } })
    };
    let endpoint = |address: std::net::SocketAddr| {
        json!({ "endpoint": { "address": { "socket_address": {
            "address": address.ip().to_string(), "port_value": address.port() } } } })
    };
    let mut clusters = vec![cluster("v1", json!([endpoint(mesh.addr())]))];
    if !v2.is_null() {
        clusters.push(cluster("v2", v2.clone()));
    }
    let weighted = |subset: &str, weight: u32, header: &Value| {
        let mut own = json!({ "name": format!("outbound|9080|{subset}|reviews.shop.svc.cluster.local"), "weight": weight });
        if !header.is_null() {
            own["response_headers_to_add"] = json!([{
                "header": { "key": "x-resplit", "value": header }, "append_action": "OVERWRITE_IF_EXISTS_OR_ADD" }]);
        }
        own
    };
    let mut config = json!({
        "@type": "type.googleapis.com/envoy.extensions.filters.network.http_connection_manager.v3.HttpConnectionManager",
        "stat_prefix": "in",
        "route_config": { "validate_clusters": false, "virtual_hosts": [{ "name": "reviews", "domains": ["*"], "routes": [{
            "match": { "path": "/reviews" },
            "route": { "weighted_clusters": { "clusters": [weighted("v1", 80, headers[0]), weighted("v2", 20, headers[1])] } },
        }] }] },
        "http_filters": [{ "name": "envoy.filters.http.router", "typed_config": {
            "@type": "type.googleapis.com/envoy.extensions.filters.http.router.v3.Router" } }],
    });
    if let (Value::Object(config), Value::Object(more)) = (&mut config, manager) {
        for (key, value) in more {
            match (config.get_mut(&key), value) {
                (Some(Value::Object(own)), Value::Object(more)) => own.extend(more),
                (_, value) => drop(config.insert(key, value)),
            }
        }
    }
    let bootstrap = json!({
        "admin": { "address": { "socket_address": { "address": "127.0.0.1", "port_value": 0 } } },
        "static_resources": {
            "listeners": [{ "name": "in", "address": { "socket_address": { "address": "127.0.0.1", "port_value": 0 } },
                "filter_chains": [{ "filters": [{
                    "name": "envoy.filters.network.http_connection_manager", "typed_config": config }] }] }],
            "clusters": clusters,
        },
    });
    (Envoy::start(&bootstrap, 1), mesh)
}

/// The declared split as manifests.
fn declared() -> (tempfile::TempDir, String) {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("in.json");
    let objects = json!({ "apiVersion": "v1", "kind": "List", "items": [
        { "apiVersion": "networking.istio.io/v1", "kind": "VirtualService",
          "metadata": { "name": "reviews", "namespace": "shop" },
          "spec": { "hosts": ["reviews"], "http": [{ "route": [
            { "destination": { "host": "reviews", "subset": "v1" }, "weight": 80 },
            { "destination": { "host": "reviews", "subset": "v2" }, "weight": 20 } ] }] } },
        { "apiVersion": "networking.istio.io/v1", "kind": "DestinationRule",
          "metadata": { "name": "reviews", "namespace": "shop" },
          "spec": { "host": "reviews", "subsets": [
            { "name": "v1", "labels": { "version": "v1" } }, { "name": "v2", "labels": { "version": "v2" } } ] } },
    ] });
    fs::write(&path, objects.to_string()).expect("writable");
    let path = path.to_str().expect("a path").to_owned();
    (folder, path)
}

/// The headers that the patches add, in the order of the destinations.
fn printed(path: &str) -> [Value; 2] {
    let report = run_json(&["instrument", "-f", path]).exits(0);
    let report: Value = serde_json::from_str(&report.stdout).expect("JSON");
    let of = |at: usize| {
        report["patches"][0]["patch"][at]["value"]["response"]["set"]["x-resplit"].clone()
    };
    [of(0), of(1)]
}

#[test]
fn replies_of_a_real_envoy_for_a_dead_subset_are_attributed_to_it() {
    let (_folder, path) = declared();
    let [v1, v2] = printed(&path);
    // A port on which nobody listens: it was free a moment ago, and is held by nobody since.
    let free = TcpListener::bind("127.0.0.1:0").expect("a port");
    let closed = free.local_addr().expect("an address");
    drop(free);
    let refusing = json!([{ "endpoint": { "address": { "socket_address": {
        "address": "127.0.0.1", "port_value": closed.port() } } } }]);
    for (case, endpoints) in [("NC", Value::Null), ("UH", json!([])), ("UF", refusing)] {
        let (envoy, _mesh) = splitting(&endpoints, [&v1, &v2], json!({}));
        let url = format!("http://{}/reviews", envoy.addr());
        let sent = |args: &[&str]| {
            let all = ["-f", &path, "--host", "reviews", "-n", "400", "--seed", "7"];
            run_json(&[&all, args, &[&url]].concat()).report()
        };
        let report = sent(&[]);
        assert_eq!(report.number("/observation/unattributed"), 0, "{case}");
        assert_eq!(report.count("v1") + report.count("v2"), 400, "{case}");
        assert!(report.count("v2") > 20, "{case}");
        assert!(
            report.0["verdict"].to_string().contains("target-errors"),
            "{case}: the share arrives nowhere, and that is said"
        );
        // The same Envoy without the header: nobody can say whose the errors are.
        let (plain, _mesh) = splitting(&endpoints, [&Value::Null, &Value::Null], json!({}));
        let url = format!("http://{}/reviews", plain.addr());
        let report = run_json(&["--expect", "hello=80,v2=20", "-n", "400", &url]).report();
        assert!(report.number("/observation/unattributed") > 20, "{case}");
    }
}

#[test]
fn the_envoy_filter_writes_the_header_on_every_reply() {
    let filter = run(&["instrument", "--envoy-filter", "--from-namespace", "shop"])
        .exits(0)
        .stdout;
    let filter: Value = serde_saphyr::from_str(&filter).expect("YAML");
    let patches = filter["spec"]["configPatches"].as_array().expect("a list");
    let of = |kind: &str| {
        let own = patches
            .iter()
            .find(|patch| patch["applyTo"] == kind)
            .expect("a patch");
        own["patch"]["value"].clone()
    };
    let mut manager = of("NETWORK_FILTER")["typed_config"].clone();
    manager["route_config"] = of("ROUTE_CONFIGURATION");
    manager.as_object_mut().expect("a map").remove("@type");
    let (_folder, path) = declared();
    let [v1, v2] = printed(&path);
    for (headers, missing) in [
        ([&Value::Null, &Value::Null], ";;;NC"),
        // What a destination has written stays.
        (
            [&v1, &v2],
            "outbound||v2|reviews.shop.svc.cluster.local;;;NC",
        ),
    ] {
        let (envoy, _mesh) = splitting(&Value::Null, headers, manager.clone());
        let header = |path: &str| {
            let answer = get(envoy.addr(), path).expect("a response");
            let value = answer.headers.get("x-resplit")?;
            value.to_str().ok().map(str::to_owned)
        };
        assert_eq!(header("/nowhere").as_deref(), Some(";;;NR"));
        let all: Vec<String> = (0..100).filter_map(|_| header("/reviews")).collect();
        assert_eq!(all.len(), 100);
        assert!(all.iter().any(|one| one == missing), "{missing}: {all:?}");
        assert!(
            all.iter()
                .any(|one| one.contains("|v1|") && one.ends_with(";-"))
        );
    }
}

#[test]
fn proxies_are_chosen_by_namespace_labels_and_gateway() {
    let filter = |args: &[&str]| run(&[&["instrument", "--envoy-filter"], args].concat());
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("gateway.yaml");
    let gateway = "apiVersion: networking.istio.io/v1\nkind: Gateway\nmetadata: {name: main, namespace: edge}\nspec: {selector: \
                   {istio: ingressgateway}, servers: [{port: {number: 80, name: http, protocol: HTTP}, hosts: ['*']}]}\n";
    fs::write(&path, gateway).expect("writable");
    let path = path.to_str().expect("a path");
    let text = filter(&["--gateway", "edge/main", "-f", path])
        .exits(0)
        .stdout;
    for words in [
        "namespace: edge",
        "context: GATEWAY",
        r#"{labels: {"istio":"ingressgateway"}}"#,
    ] {
        assert!(text.contains(words), "{words}: {text}");
    }
    let text = filter(&["--from-namespace", "shop", "--from-labels", "app=web"])
        .exits(0)
        .stdout;
    for words in [
        "namespace: shop",
        "context: SIDECAR_OUTBOUND",
        r#"{labels: {"app":"web"}}"#,
    ] {
        assert!(text.contains(words), "{words}: {text}");
    }
    filter(&["--gateway", "edge/main"]).exits(2);
    run(&["instrument"]).exits(2);
    run(&["instrument", "--from-namespace", "shop"]).exits(2);
}
