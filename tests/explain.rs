//! `resplit explain` through the binary: which rule takes a request, and why the others do not.

use std::fs;

use serde_json::{Value, json};

use crate::support::cmd::{Outcome, resplit, run};

fn explain(args: &[&str]) -> Outcome {
    run(&[&["explain"], args].concat())
}

fn explained(args: &[&str]) -> Value {
    explain(&[args, &["-o", "json"]].concat())
        .exits(0)
        .report()
        .0
}

fn example(name: &str) -> String {
    format!("{}/examples/weather/{name}", env!("CARGO_MANIFEST_DIR"))
}

fn case(name: &str) -> String {
    format!("{}/tests/manifests/{name}.yaml", env!("CARGO_MANIFEST_DIR"))
}

/// Rules with a subset that nobody defines.
fn broken() -> (tempfile::TempDir, String) {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("weather-rules.yaml");
    let text = fs::read_to_string(example("fixed/weather-rules.yaml")).expect("readable");
    let text = text.replace("subset: multiple", "subset: multipel");
    fs::write(&path, text).expect("writable");
    let path = path.to_str().expect("a path").to_owned();
    (folder, path)
}

#[test]
fn the_rule_of_a_request_is_told_as_documented() {
    let rules = example("fixed/weather-rules.yaml");
    let told = explained(&["-f", &rules, "http://weather-backend:5000/version"]);
    assert_eq!(told["schema"], "resplit.explain/1");
    assert_eq!(told["target"]["host"], "weather-backend:5000");
    let route = &told["route"];
    assert_eq!(route["object"], "VirtualService default/weather");
    assert_eq!(route["rule"], "http[0]");
    assert_eq!(route["source"], "weather-rules.yaml:24");
    assert_eq!(told["expected"]["source"], "weather-rules.yaml:24");
    let share = |target: &str, share: f64, ratio: &str| {
        json!({
            "target": target, "share": share, "ratio": ratio, "host": "weather-backend.default.svc.cluster.local",
            "port": 5000, "subset": target,
        })
    };
    assert_eq!(
        told["expected"]["shares"],
        json!([share("single", 0.9, "9/10"), share("multiple", 0.1, "1/10")])
    );
    assert_eq!(told["mechanism"], "iid");
    assert_eq!((&told["trace"], &told["caveats"]), (&json!([]), &json!([])));
    assert_eq!(told["rules"], Value::Null, "only where they are asked for");
}

#[test]
fn every_rule_tried_before_names_the_field_on_which_it_lost() {
    let told = explained(&["-f", &case("matches"), "http://reviews:9080/v1/7"]);
    assert_eq!(told["route"]["rule"], "http[2]");
    let lost: Vec<(&str, &str, &str, &str)> = (told["trace"].as_array().expect("a list").iter())
        .map(|tried| {
            let text = |name: &str| tried[name].as_str().unwrap_or_default();
            (
                text("rule"),
                text("alternative"),
                text("lost_on"),
                text("message"),
            )
        })
        .collect();
    assert_eq!(
        lost,
        [
            (
                "http[0]",
                "",
                "uri",
                "`uri` wants prefix `/api`, the request has `/v1/7`"
            ),
            (
                "http[1]",
                "match[0]",
                "uri",
                "`uri` wants prefix `/api`, the request has `/v1/7`"
            ),
            (
                "http[1]",
                "match[1]",
                "uri",
                "`uri` wants prefix `/Api/`, the request has `/v1/7`"
            ),
        ]
    );
    assert_eq!(told["trace"][0]["name"], "jason");
    assert_eq!(told["trace"][0]["source"], "matches.yaml:25");
    assert_eq!(told["trace"][0]["lost_at"], "matches.yaml:30");
    let headers = [
        "-f",
        &case("matches"),
        "-H",
        "end-user: someone",
        "http://reviews:9080/api",
    ];
    let tried = &explained(&headers)["trace"][0];
    assert_eq!(tried["lost_on"], "headers.end-user");
    assert_eq!(tried["wanted"], "exact `jason`");
    assert_eq!(tried["found"], "`someone`");
}

#[test]
fn what_the_vantage_decides_is_told_with_the_text_of_the_field() {
    let args = [
        "-f",
        &case("vantage"),
        "--from-labels",
        "app=other",
        "http://reviews:81/",
    ];
    insta::assert_snapshot!("vantage", explain(&args).exits(0).stdout);
}

/// The exit code is 0, for the question has been answered.
#[test]
fn a_404_is_an_answer() {
    let url = "http://reviews:9080/elsewhere";
    let told = explained(&["-f", &case("matches"), url]);
    assert_eq!(told["route"], Value::Null);
    assert_eq!(
        told["expected"]["shares"],
        json!([{"target": "status 404", "share": 1.0, "ratio": "1/1", "status": 404, "cause": "no-route"}])
    );
    assert_eq!(told["trace"].as_array().map(Vec::len), Some(8));
    insta::assert_snapshot!("404", explain(&["-f", &case("matches"), url]).stdout);
}

#[test]
fn a_fault_is_part_of_the_split() {
    let args = ["-f", &case("fault"), "http://reviews/"];
    let told = explained(&args);
    let shares: Vec<(&Value, &Value, &Value)> = (told["expected"]["shares"]
        .as_array()
        .expect("a list")
        .iter())
    .map(|share| (&share["target"], &share["ratio"], &share["cause"]))
    .collect();
    let null = &Value::Null;
    assert_eq!(
        shares,
        [
            (&json!("v1"), &json!("18/25"), null),
            (&json!("v2"), &json!("2/25"), null),
            (&json!("off"), &json!("0/1"), null),
            (&json!("status 418"), &json!("1/5"), &json!("fault-abort")),
        ]
    );
    insta::assert_snapshot!("fault", explain(&args).exits(0).stdout);
}

#[test]
fn redirects_of_rules_and_of_gateways_are_answers() {
    let told = explained(&["-f", &case("matches"), "http://reviews:9080/old"]);
    assert_eq!(told["route"]["rule"], "http[4]");
    assert_eq!(told["expected"]["shares"][0]["target"], "status 308");
    let args = [
        "-f",
        &case("https_redirect"),
        "--gateway",
        "infra/public",
        "http://shop.example.com/",
    ];
    let told = explained(&args);
    assert_eq!(told["route"], Value::Null);
    assert_eq!(told["expected"]["shares"][0]["cause"], "redirect");
    assert_eq!(told["vantage"]["proxy"], "gateway");
    insta::assert_snapshot!("gateway", explain(&args).exits(0).stdout);
}

#[test]
fn a_destination_that_does_not_exist_is_named() {
    let (_folder, rules) = broken();
    let args = ["-f", &rules, "http://weather-backend:5000/"];
    let told = explained(&args);
    let share = &told["expected"]["shares"][1];
    assert_eq!(
        (&share["target"], &share["cause"], &share["ratio"]),
        (
            &json!("status 503"),
            &json!("broken-backend"),
            &json!("1/10")
        )
    );
    assert_eq!(told["broken"][0]["subset"], "multipel");
    assert_eq!(told["caveats"][0]["id"], "unknown-subset");
    insta::assert_snapshot!("broken", explain(&args).exits(0).stdout);
}

#[test]
fn a_delegate_is_told_with_the_file_of_the_leaf() {
    let args = ["-f", &case("delegate"), "http://reviews/reviews/1"];
    insta::assert_snapshot!("delegate", explain(&args).exits(0).stdout);
}

#[test]
fn five_rules_fit_on_a_screen() {
    let args = [
        "-f",
        &case("matches"),
        "-m",
        "POST",
        "http://reviews:9080/?a=1&b",
    ];
    insta::assert_snapshot!("rules", explain(&args).exits(0).stdout);
}

#[test]
fn every_rule_of_the_host_comes_with_a_request_that_reaches_it() {
    let args = [
        "-f",
        &case("matches"),
        "--all-rules",
        "http://reviews:9080/",
    ];
    let told = explained(&args);
    let rules = told["rules"].as_array().expect("a list");
    assert_eq!(rules.len(), 7);
    for rule in rules {
        let request = &rule["request"];
        let mut again = vec!["-f".to_owned(), case("matches"), "-m".to_owned()];
        again.push(request["method"].as_str().expect("a method").to_owned());
        for header in request["headers"].as_array().expect("a list") {
            let text = |name: &str| header[name].as_str().expect("text").to_owned();
            again.extend([
                "-H".to_owned(),
                format!("{}: {}", text("name"), text("value")),
            ]);
        }
        again.push(request["url"].as_str().expect("a URL").to_owned());
        let again: Vec<&str> = again.iter().map(String::as_str).collect();
        assert_eq!(explained(&again)["route"]["rule"], rule["rule"], "{rule:#}");
    }
    insta::assert_snapshot!("all-rules", explain(&args).exits(0).stdout);
}

#[test]
fn a_rule_behind_a_catch_all_is_said_to_be_unreachable() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("rules.yaml");
    let rules = "apiVersion: networking.istio.io/v1\nkind: VirtualService\nmetadata: {name: web}\nspec:\n  hosts: [web]\n  \
                 http:\n  - match: [{uri: {prefix: /}}]\n    route: [{destination: {host: a}}]\n  - match: [{headers: {x: \
                 {exact: \"1\"}}}]\n    route: [{destination: {host: b}}]\n";
    fs::write(&path, rules).expect("writable");
    let path = path.to_str().expect("a path");
    let told = explained(&["-f", path, "--all-rules", "http://web/"]);
    let second = &told["rules"][1];
    assert_eq!(second["request"], Value::Null);
    assert_eq!(second["unreachable"]["proven"], true);
    assert_eq!(second["unreachable"]["by"], "http[0]");
    assert_eq!(second["unreachable"]["source"], "rules.yaml:7");
    assert_eq!(second["shares"][0]["target"], "b");
}

#[test]
fn manifests_may_come_from_stdin() {
    let rules = fs::read_to_string(example("fixed/weather-rules.yaml")).expect("readable");
    let output = resplit()
        .args(["explain", "-f", "-", "http://weather-backend:5000/"])
        .write_stdin(rules)
        .output()
        .expect("it runs");
    let text = String::from_utf8_lossy(&output.stdout);
    assert!(output.status.success(), "{output:?}");
    assert!(text.contains("http[0] (<stdin>:24)"), "{text}");
}

#[test]
fn what_cannot_be_explained_is_refused() {
    let rules = example("fixed/weather-rules.yaml");
    let url = "http://weather-backend:5000/";
    for args in [
        &[url][..],
        &["-f", &rules],
        &["-f", &rules, "weather-backend"],
        &["-f", &rules, "--gateway", "gw", url],
        &["-f", &rules, "--expect", "v1=90,v2=10", url],
        &["-f", &rules, "-o", "html", url],
        &["-f", "no-such-file.yaml", url],
        &["-f", &case("bad_weights"), url],
    ] {
        let outcome = explain(args);
        outcome.refused(&args.join(" "));
        let help = outcome.stderr.rsplit("help: ").next().unwrap_or_default();
        assert!(
            !help.contains("--expect"),
            "a way out that `explain` does not have: {help}"
        );
    }
}

/// What a proxy does with a request that no rule takes is an answer too.
#[test]
fn a_request_that_no_rule_takes_goes_where_it_would_without_rules() {
    let rules = example("fixed/weather-rules.yaml");
    let service = example("fixed/weather-service.yaml");
    let url = "http://weather-backend:5000/";
    let caveats = |told: &Value| -> Vec<String> {
        let ids = told["caveats"].as_array().expect("a list").iter();
        ids.map(|one| one["id"].as_str().unwrap_or_default().to_owned())
            .collect()
    };
    let plain = explained(&["-f", &service, url]);
    assert_eq!(
        (&plain["route"], &plain["host"]),
        (&Value::Null, &Value::Null)
    );
    let share = &plain["expected"]["shares"];
    assert_eq!(
        share[0]["host"],
        "weather-backend.default.svc.cluster.local"
    );
    assert_eq!(
        (&share[0]["port"], &share[0]["ratio"]),
        (&json!(5000), &json!("1/1"))
    );
    assert_eq!(caveats(&plain), ["plain-service"]);

    let unknown = explained(&["-f", &rules, "-f", &service, "http://other:5000/"]);
    let nothing = (&unknown["expected"], &unknown["mechanism"]);
    assert_eq!(nothing, (&Value::Null, &Value::Null));
    assert_eq!(caveats(&unknown), ["no-rule", "passthrough"]);

    let gateway = explained(&["-f", &rules, "--gateway", "default/gw", url]);
    assert_eq!(gateway["expected"]["shares"][0]["target"], "status 404");
    assert_eq!(caveats(&gateway), ["no-rule", "gateway-not-given"]);
}

/// "the targetPort: the commonest slip".
#[test]
fn a_port_that_the_service_does_not_have_has_no_rule() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("web.yaml");
    let text = "apiVersion: v1\nkind: Service\nmetadata: {name: web}\nspec:\n  ports:\n  - {name: http, port: 80, \
                targetPort: 8080}\n---\napiVersion: networking.istio.io/v1\nkind: VirtualService\nmetadata: {name: \
                web}\nspec:\n  hosts: [web]\n  http:\n  - route:\n    - destination: {host: web}\n";
    fs::write(&path, text).expect("writable");
    let path = path.to_str().expect("a path");
    let told = explained(&["-f", path, "http://web:8080/"]);
    assert_eq!(
        (&told["route"], &told["expected"]),
        (&Value::Null, &Value::Null)
    );
    let help = &told["caveats"][1]["help"];
    assert_eq!(
        help,
        "8080 is the port of its pods: dial port 80 of the Service"
    );
    // A run would measure what nothing declares.
    run(&[
        "-n",
        "1",
        "-f",
        path,
        "--connect-to",
        "::127.0.0.1:9",
        "http://web:8080/",
    ])
    .exits(2);
    let told = explained(&["-f", path, "http://web/"]);
    assert_eq!(told["route"]["rule"], "http[0]");
}

#[test]
fn a_rule_on_a_port_that_is_not_http_is_declared_and_not_in_effect() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("web.yaml");
    let text = "apiVersion: v1\nkind: Service\nmetadata: {name: web}\nspec: {ports: [{name: tcp-web, port: \
                80}]}\n---\napiVersion: networking.istio.io/v1\nkind: VirtualService\nmetadata: {name: web}\nspec:\n  \
                hosts: [web]\n  http:\n  - route:\n    - {destination: {host: web, subset: v1}, weight: 90}\n    - \
                {destination: {host: web, subset: v2}, weight: 10}\n";
    fs::write(&path, text).expect("writable");
    let path = path.to_str().expect("a path");
    let told = explained(&["-f", path, "http://web/"]);
    assert_eq!(told["route"], Value::Null);
    let shares = told["expected"]["shares"].as_array().expect("a list");
    assert_eq!((shares.len(), &shares[0]["target"]), (1, &json!("web")));
    let declared = &told["not_in_effect"];
    assert_eq!(declared["route"]["rule"], "http[0]");
    assert_eq!(declared["declared"]["shares"][0]["ratio"], "9/10");
    let text = explain(&["-f", path, "http://web/"]).exits(0).stdout;
    assert!(text.contains("declared, not in effect"), "{text}");
}
