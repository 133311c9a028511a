//! Declared mirrors against a real Envoy: what rules declare to be copied, what the proxy is programmed to copy, and what it did.

use serde_json::{Value, json};

use super::envoy::{action, cluster};
use super::said;
use crate::support::cmd::{Report, run_json};
use crate::support::envoy::{Envoy, Split};

/// A false alarm is rarer than one run in a billion.
const CERTAIN: [&str; 2] = ["--alpha", "0.0000000001"];

/// Rules that split 90/10 and mirror as given, and the host that they are about.
const RULES: &str = "
apiVersion: networking.istio.io/v1
kind: DestinationRule
metadata: {name: weather, namespace: default}
spec:
  host: weather-backend
  subsets:
  - {name: single, labels: {version: single}}
  - {name: multiple, labels: {version: multiple}}
  - {name: shadow, labels: {version: shadow}}
---
apiVersion: v1
kind: Service
metadata: {name: weather-backend, namespace: default}
spec: {ports: [{name: http, port: 5000}], selector: {app: weather-backend}}
---
apiVersion: networking.istio.io/v1
kind: VirtualService
metadata: {name: weather, namespace: default}
spec:
  hosts: [weather-backend]
  http:
  - route:
    - {destination: {host: weather-backend, subset: single}, weight: 90}
    - {destination: {host: weather-backend, subset: multiple}, weight: 10}
";

/// A route of the Gateway API that sends everything to the Service, and mirrors a part to another one.
const ROUTE: &str = "
apiVersion: gateway.networking.k8s.io/v1
kind: HTTPRoute
metadata: {name: weather, namespace: default}
spec:
  parentRefs: [{group: '', kind: Service, name: weather-backend}]
  rules:
  - backendRefs: [{name: weather-backend, port: 5000}]
    filters:
    - type: RequestMirror
      requestMirror: {backendRef: {name: shadow, port: 5000}, FRACTION}
---
apiVersion: v1
kind: Service
metadata: {name: weather-backend, namespace: default}
spec: {ports: [{name: http, port: 5000}], selector: {app: weather-backend}}
---
apiVersion: v1
kind: Service
metadata: {name: shadow, namespace: default}
spec: {ports: [{name: http, port: 5000}], selector: {app: shadow}}
";

/// An Envoy that splits 90/10, and copies so much of a hundred requests to the third subset.
fn copying(percent: Option<u32>) -> Split {
    Envoy::split(&[("single", 90), ("multiple", 10), ("shadow", 0)])
        .with(move |bootstrap| {
            let shadow = cluster(bootstrap, "shadow")["name"].clone();
            let own = action(bootstrap);
            let weighted = own["weighted_clusters"]["clusters"].as_array_mut();
            weighted.expect("a list").truncate(2);
            if let Some(percent) = percent {
                own["request_mirror_policies"] = json!([{ "cluster": shadow, "runtime_fraction": {
                    "default_value": { "numerator": percent } } }]);
            }
        })
        .start()
}

fn asked(split: &Split, rules: &str, args: &[&str]) -> Report {
    let folder = tempfile::tempdir().expect("a folder");
    let file = folder.path().join("rules.yaml");
    std::fs::write(&file, rules).expect("it is writable");
    let (admin, url) = (split.envoy().admin_url(), split.url("/version"));
    let own = [
        "-f",
        file.to_str().expect("a path"),
        "--host",
        "weather-backend:5000",
        "-c",
        "2",
        "--proxy-admin",
        &admin,
        &url,
    ];
    run_json(&[&CERTAIN[..], args, &own].concat()).report()
}

fn mirror(report: &Report) -> &Value {
    &report.0["counted"]["mirrors"][0]
}

#[test]
fn a_declared_percentage_is_what_is_copied() {
    let split = copying(Some(10));
    for declared in [
        "    mirror: {host: weather-backend, subset: shadow}\n    mirrorPercentage: {value: 10}\n",
        "    mirrors: [{destination: {host: weather-backend, subset: shadow}, percentage: {value: 10.0}}]\n",
        "    mirror: {host: weather-backend, subset: shadow, port: {number: 5000}}\n    mirrorPercent: 10\n",
    ] {
        let report = asked(&split, &format!("{RULES}{declared}"), &["-n", "2000"]);
        let mirror = mirror(&report);
        assert_eq!(mirror["declared"], 0.1, "{mirror}");
        assert_eq!(mirror["programmed"], 0.1, "{mirror}");
        // All but 1e-11 of B(2000, 0.1); copies may be on their way.
        let copies = mirror["count"].as_u64().unwrap();
        assert!((105..=295).contains(&copies), "{mirror}");
        assert!(mirror["p_value"].as_f64() > Some(1e-12), "{mirror}");
        assert_eq!(said(&report, "mirror-differs"), [""; 0]);
    }
}

#[test]
fn another_programmed_part_is_the_reason() {
    let declared =
        "    mirror: {host: weather-backend, subset: shadow}\n    mirrorPercentage: {value: 10}\n";
    let rules = format!("{RULES}{declared}");
    for (percent, programmed) in [
        (Some(50), "50% of the requests"),
        (None, "none of the requests"),
    ] {
        let report = asked(&copying(percent), &rules, &["-n", "1000"]);
        let said = said(&report, "mirror-differs").concat();
        assert!(
            said.contains(&format!(
                "is declared to get copies of 10% of the requests, and the proxy is programmed to copy {programmed}"
            )),
            "{said}"
        );
        assert!(said.contains("the rules have not reached it"), "{said}");
    }
    // Copies that nobody declared.
    let report = asked(&copying(Some(20)), RULES, &["-n", "1000"]);
    let said = said(&report, "mirror-differs").concat();
    assert!(
        said.contains("is declared to get copies of none of the requests, and the proxy is programmed to copy 20%"),
        "{said}"
    );
}

#[test]
fn a_fraction_of_a_gateway_api_route_is_what_is_copied() {
    // The clusters of whole Services.
    let split = |percent: u32| {
        Envoy::split(&[("single", 100), ("shadow", 0)])
            .with(move |bootstrap| {
                let host = |name: &str| format!("outbound|5000||{name}.default.svc.cluster.local");
                for (subset, name) in [("single", "weather-backend"), ("shadow", "shadow")] {
                    let own = cluster(bootstrap, subset);
                    own["name"] = host(name).into();
                    own["load_assignment"]["cluster_name"] = host(name).into();
                }
                *action(bootstrap) = json!({ "cluster": host("weather-backend"), "timeout": "0s",
                    "request_mirror_policies": [{ "cluster": host("shadow"), "runtime_fraction": {
                        "default_value": { "numerator": percent } } }] });
            })
            .start()
    };
    let (quarter, half) = (split(25), split(50));
    for (fraction, declared) in [
        ("percent: 25", 0.25),
        ("fraction: {numerator: 1, denominator: 4}", 0.25),
        ("fraction: {numerator: 25}", 0.25),
    ] {
        let rules = ROUTE.replace("FRACTION", fraction);
        let report = asked(&quarter, &rules, &["-n", "1000"]);
        assert_eq!(
            mirror(&report)["declared"],
            declared,
            "{fraction}: {:#}",
            report.0["counted"]
        );
        assert_eq!(said(&report, "mirror-differs"), [""; 0], "{fraction}");
        let report = asked(&half, &rules, &["-n", "1000"]);
        let said = said(&report, "mirror-differs").concat();
        assert!(
            said.contains("declared to get copies of 25% of the requests"),
            "{fraction}: {said}"
        );
    }
}
