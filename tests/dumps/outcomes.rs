//! What the routes of a dump do with requests: weights, headers, fractions, localities, answers of the proxy.

use serde_json::{Value, json};

use resplit::split::Mechanism;

use super::{LOCALITIES, STATIC, dump, found};

/// "`header_name`: value parsed as uint64 mod sum; unparsable/absent -> random. [V `header_name`: 0..89 -> first, 90..99 ->
/// second, 100 -> first (90/10)]".
#[test]
fn a_header_that_picks_by_number_is_followed() {
    for (value, shares) in [
        ("89", ["1/1 single", "0/1 multiple"]),
        ("90", ["0/1 single", "1/1 multiple"]),
        ("100", ["1/1 single", "0/1 multiple"]),
        ("many", ["9/10 single", "1/10 multiple"]),
    ] {
        let found = found(
            STATIC,
            "http://weather-backend:5000/header-name",
            &[("x-split", value)],
        );
        assert_eq!(found.shares(), shares, "{value}");
        assert_eq!(found.caveats(), ["header-weights"]);
    }
}

/// "ENVOY GATEWAY: >1 backendRefs -> ONE cluster, one locality per backend, weights in EDS; a deterministic weighted
/// round-robin per worker thread".
#[test]
fn weights_of_localities_are_a_split_in_turn() {
    let lr = found(LOCALITIES, "http://any/lr/x", &[]);
    assert_eq!(lr.shares(), ["9/10 lr/backend/0", "1/10 lr/backend/1"]);
    assert_eq!(lr.expected.mechanism, Mechanism::Wrr);
    let other = found(LOCALITIES, "http://any/eqrr/x", &[]);
    assert_eq!(other.shares(), ["1/1 eqrr"]);
    assert_eq!(other.expected.mechanism, Mechanism::Iid);
    let mut bare: Value = serde_json::from_str(LOCALITIES).expect("JSON");
    bare["configs"].as_array_mut().expect("a list").remove(1);
    for held in bare["configs"][0]["static_clusters"]
        .as_array_mut()
        .expect("a list")
    {
        held["cluster"]
            .as_object_mut()
            .expect("a cluster")
            .remove("load_assignment");
    }
    let unknown = found(&bare.to_string(), "http://any/lr/x", &[]);
    assert_eq!(unknown.caveats(), ["endpoints-not-dumped"]);
}

/// "fraction 50/100 then 50/50 weights -> 100 % first cluster [V]".
#[test]
fn a_fraction_is_a_part_of_the_split_and_the_rest_goes_on() {
    let weighted = |a: &str, b: &str| {
        json!({ "weighted_clusters": { "clusters": [
        { "name": a, "weight": 50 }, { "name": b, "weight": 50 }] } })
    };
    let routes = json!([
        { "match": { "prefix": "/", "runtime_fraction": { "default_value": { "numerator": 50 }, "runtime_key": "k" } },
          "route": weighted("a", "b") },
        { "match": { "prefix": "/x", "runtime_fraction": { "default_value": { "numerator": 600_000, "denominator": "MILLION" } } },
          "route": { "cluster": "c" } },
        { "match": { "prefix": "/x" }, "direct_response": { "status": 418 } },
    ]);
    let all = found(&dump(&routes).to_string(), "http://any:5000/x", &[]);
    assert_eq!(all.shares(), ["1/2 a", "0/1 b", "3/10 c", "1/5 status 418"]);
    assert_eq!((all.also, all.caveats()), (2, vec!["runtime-fraction"]));
    let rest = found(&dump(&routes).to_string(), "http://any:5000/", &[]);
    assert_eq!(rest.shares(), ["1/2 a", "0/1 b", "1/2 status 404"]);
}

#[test]
fn what_a_dump_cannot_promise_is_said() {
    let two = json!([{ "name": "a", "weight": 1 }, { "name": "b", "weight": 3 }]);
    let weighted = |more: Value| {
        let mut weighted = json!({ "clusters": two });
        weighted
            .as_object_mut()
            .expect("an object")
            .extend(more.as_object().expect("an object").clone());
        json!({ "weighted_clusters": weighted })
    };
    let hashed = |mut action: Value| {
        action["hash_policy"] = json!([{ "header": { "header_name": "x-user" } }]);
        action
    };
    for (action, caveats, mechanism) in [
        (
            weighted(json!({ "total_weight": 200 })),
            vec!["total-weight"],
            Mechanism::Iid,
        ),
        (
            weighted(json!({ "total_weight": 4 })),
            vec![],
            Mechanism::Iid,
        ),
        (
            weighted(json!({ "runtime_key_prefix": "w" })),
            vec!["runtime-weights"],
            Mechanism::Iid,
        ),
        (
            weighted(json!({ "use_hash_policy": true })),
            vec![],
            Mechanism::Iid,
        ),
        (
            hashed(weighted(json!({ "use_hash_policy": true }))),
            vec!["hash-policy"],
            Mechanism::Hash,
        ),
        (hashed(weighted(json!({}))), vec![], Mechanism::Iid),
    ] {
        let routes = json!([{ "match": { "prefix": "/" }, "route": action }]);
        let found = found(&dump(&routes).to_string(), "http://any:5000/", &[]);
        assert_eq!(found.shares(), ["1/4 a", "3/4 b"], "{action}");
        assert_eq!(
            (found.caveats(), found.expected.mechanism),
            (caveats, mechanism),
            "{action}"
        );
    }
    for (action, shares, caveat) in [
        (
            json!({ "cluster_specifier_plugin": "lua" }),
            ["1/1 lua"],
            "cluster-plugin",
        ),
        (
            json!({ "cluster": "a", "retry_policy": { "refresh_cluster_on_retry": true } }),
            ["1/1 a"],
            "retry-elsewhere",
        ),
        (
            json!({ "cluster_header": "X-To" }),
            ["1/1 to"],
            "cluster-header",
        ),
        // What Envoy 1.40 does: 503 without the header.
        (
            json!({ "cluster_header": "x-none" }),
            ["1/1 status 503"],
            "cluster-header",
        ),
    ] {
        let routes = json!([{ "match": { "prefix": "/" }, "route": action }]);
        let found = found(
            &dump(&routes).to_string(),
            "http://any:5000/",
            &[("x-to", "to")],
        );
        assert_eq!(
            (found.shares(), found.caveats()),
            (shares.map(str::to_owned).to_vec(), vec![caveat])
        );
    }
}

/// "subset absent -> no such cluster -> 503, flag NC; whole configured share is lost, NOT renormalised".
#[test]
fn a_cluster_that_a_whole_dump_lacks_is_a_broken_share() {
    let routes = json!([{ "match": { "prefix": "/" }, "route": { "cluster_not_found_response_code": "INTERNAL_SERVER_ERROR",
        "weighted_clusters": { "clusters": [{ "name": "a", "weight": 9 }, { "name": "gone", "weight": 1 }] } } }]);
    let mut whole = dump(&routes);
    let clusters = json!({ "dynamic_active_clusters": [{ "cluster": { "name": "a" } }] });
    whole["configs"]
        .as_array_mut()
        .expect("a list")
        .push(clusters);
    let whole = found(&whole.to_string(), "http://any:5000/", &[]);
    assert_eq!(whole.shares(), ["9/10 a", "1/10 status 500"]);
    assert_eq!(whole.caveats(), ["unknown-cluster"]);
    let routes_only = found(&dump(&routes).to_string(), "http://any:5000/", &[]);
    assert_eq!(routes_only.shares(), ["9/10 a", "1/10 gone"]);
}

#[test]
fn redirects_faults_and_secure_hosts_are_read() {
    let kind = "type.googleapis.com/envoy.extensions.filters.http.fault.v3.HTTPFault";
    let routes = json!([
        { "match": { "path": "/moved" }, "redirect": { "response_code": "PERMANENT_REDIRECT" } },
        { "match": { "path": "/moved-as-usual" }, "redirect": {} },
        { "match": { "prefix": "/" }, "route": { "cluster": "a" }, "typedPerFilterConfig": { "envoy.filters.http.fault": {
            "@type": kind, "abort": { "http_status": 418, "percentage": { "numerator": 20 } } } } },
    ]);
    let shares = |path: &str| {
        found(
            &dump(&routes).to_string(),
            &format!("http://any:5000{path}"),
            &[],
        )
        .shares()
    };
    assert_eq!(shares("/moved"), ["1/1 status 308"]);
    assert_eq!(shares("/moved-as-usual"), ["1/1 status 301"]);
    assert_eq!(shares("/"), ["4/5 a", "1/5 status 418"]);
    // The fault of the configuration holds where neither host nor route has one; that of a cluster is not judged.
    let fault = json!({ "envoy.filters.http.fault": {
        "@type": kind, "abort": { "http_status": 418, "percentage": { "numerator": 50 } } } });
    let mut general = dump(&json!([
        { "match": { "path": "/cluster" }, "route": { "weighted_clusters": { "clusters": [
            { "name": "a", "weight": 1, "typed_per_filter_config": fault } ] } } },
        { "match": { "prefix": "/" }, "route": { "cluster": "a" } },
    ]));
    let config = &mut general["configs"][0]["dynamic_route_configs"][0]["route_config"];
    config["typed_per_filter_config"] = fault;
    let bare = Value::Array(vec![config.clone()]).to_string();
    for text in [general.to_string(), bare] {
        let general = found(&text, "http://any:5000/", &[]);
        assert_eq!(general.shares(), ["1/2 a", "1/2 status 418"]);
        let cluster = found(&text, "http://any:5000/cluster", &[]);
        assert_eq!(cluster.caveats(), ["unjudged-fault"]);
    }
    let mut secure = dump(&routes);
    secure["configs"][0]["dynamic_route_configs"][0]["route_config"]["virtual_hosts"][0]["require_tls"] =
        "ALL".into();
    assert_eq!(
        found(&secure.to_string(), "http://any:5000/", &[]).shares(),
        ["1/1 status 301"]
    );
    secure["configs"][0]["dynamic_route_configs"][0]["route_config"]["virtual_hosts"][0]["require_tls"] =
        "EXTERNAL_ONLY".into();
    let outside = found(&secure.to_string(), "http://any:5000/", &[]);
    assert_eq!(outside.caveats(), ["redirect-outside"]);
}
