//! `resplit test --live` against a real Envoy: twelve rules, one of them off, responses that do not say what they must, several
//! addresses, and what nobody can see from outside.

use std::fs;

use serde_json::{Value, json};
use tempfile::TempDir;

use crate::all_rules::RULES;
use crate::all_rules::compiled::{BUCKET, Compiled};
use crate::support::cmd::{Outcome, run};

/// A case for each of the twelve rules.
const CASES: &str = "
- {name: jason, request: {url: 'http://web/jason', headers: {end-user: jason}}, expect: {rule: 'http[0]', destination: v2}}
- {name: split, request: 'http://web/split', expect: {shares: {v1: 90, v2: 10}}}
- {name: old, request: 'http://web/old?q=1', expect: {redirect: {uri: /moved}, status: 301}}
- {name: gone, request: 'http://web/gone', expect: {status: 410}}
- {name: delete, request: {url: 'http://web/x', method: DELETE}, expect: {destination: v3}}
- {name: regex, request: 'http://web/r12', expect: {shares: {v1: 1, v3: 1}}}
- {name: debug, request: 'http://web/x?debug=true', expect: {destination: v3}}
- {name: canary, request: {url: 'http://web/x', headers: {x-group: canary-7}}, expect: {shares: {v2: 80, v1: 20}}}
- {name: fault, request: 'http://web/fault', expect: {status: 418}}
- {name: api, request: 'http://web/api', expect: {destination: v1}}
- {name: internal, request: {url: 'http://web/api', headers: {x-internal: '1'}}, expect: {destination: v2}}
- {name: app, request: 'http://web/app', expect: {destination: v1}}
";

/// A suite in a folder of its own, beside its manifests.
struct Suite {
    folder: TempDir,
}

impl Suite {
    fn new(manifests: &str, cases: &str) -> Self {
        let folder = tempfile::tempdir().expect("a folder");
        let suite = format!("manifests: [rules.yaml]\ncases:{cases}");
        fs::write(folder.path().join("rules.yaml"), manifests).expect("writable");
        fs::write(folder.path().join("suite.yaml"), suite).expect("writable");
        Self { folder }
    }

    fn path(&self, name: &str) -> String {
        let path = self.folder.path().join(name);
        path.to_str().expect("a path").to_owned()
    }

    /// The suite, sent to an address.
    fn sent(&self, address: &str, args: &[&str]) -> Outcome {
        let suite = self.path("suite.yaml");
        let own = ["test", "--live", address, &suite, "--bucket", BUCKET];
        run(&[&own, args].concat())
    }

    /// The same, in JSON.
    fn report(&self, address: &str, args: &[&str], code: i32) -> Value {
        let outcome = self.sent(address, &[args, &["-o", "json"]].concat());
        let report: Value = serde_json::from_str(&outcome.exits(code).stdout).expect("JSON");
        let schema = include_str!("../src/report/suite/test.schema.json");
        let schema = serde_json::from_str(schema).expect("JSON");
        let validator = jsonschema::validator_for(&schema).expect("a schema");
        let problems: Vec<String> = validator
            .iter_errors(&report)
            .map(|error| format!("{error}"))
            .collect();
        assert!(problems.is_empty(), "{problems:#?}");
        report
    }
}

/// The cases of a report that ended so.
fn ended<'r>(report: &'r Value, outcome: &str) -> Vec<&'r str> {
    let suites = report["suites"].as_array().expect("a list").iter();
    let cases = suites.flat_map(|suite| suite["cases"].as_array().expect("a list"));
    let own = cases.filter(|case| case["outcome"] == outcome);
    own.map(|case| case["name"].as_str().expect("a name"))
        .collect()
}

/// A case of a report.
fn case<'r>(report: &'r Value, name: &str) -> &'r Value {
    let suites = report["suites"].as_array().expect("a list").iter();
    let mut cases = suites.flat_map(|suite| suite["cases"].as_array().expect("a list"));
    cases
        .find(|case| case["name"] == name)
        .expect("it is there")
}

/// Healthy cases diverge with a probability below 1e-10.
const SURE: [&str; 2] = ["--alpha", "1e-10"];

#[test]
fn twelve_cases_pass_where_the_proxy_does_what_the_manifests_say() {
    let suite = Suite::new(RULES, CASES);
    let proxy = Compiled::start(RULES);
    let report = suite.report(&proxy.url(""), &SURE, 0);
    assert_eq!(ended(&report, "pass").len(), 12, "{report:#}");
    assert_eq!(report["coverage"]["rules"], 1.0);
    // A case with one target takes a few requests, twice where a header is read; a split what its verdict takes.
    let sent = |name: &str| {
        case(&report, name)["live"]["sent"]
            .as_u64()
            .expect("a number")
    };
    assert_eq!((sent("gone"), sent("old")), (44, 88));
    assert!(sent("split") > 500);
    let total: u64 = report["live"]["sent"].as_u64().expect("a number");
    assert!(proxy.served() < total, "redirects do not reach the backend");
    let curl = case(&report, "jason")["live"]["curl"].as_str();
    let wanted = format!(
        "curl -H 'end-user: jason' -H 'host: web' {}",
        proxy.url("/jason")
    );
    assert_eq!(curl, Some(wanted.as_str()));
}

#[test]
fn what_init_writes_holds_live() {
    let suite = Suite::new(RULES, CASES);
    let (rules, written) = (suite.path("rules.yaml"), suite.path("written.yaml"));
    run(&["test", "--init", "-f", &rules, &written]).exits(0);
    let proxy = Compiled::start(RULES);
    let address = proxy.url("");
    // What remains open is what --max-requests leaves open; nothing fails.
    let args = [
        "test", &written, "--live", &address, "--bucket", BUCKET, "-o", "json", "--alpha", "1e-10",
    ];
    let outcome = run(&args).exits(0);
    let report: Value = serde_json::from_str(&outcome.stdout).expect("JSON");
    assert!(ended(&report, "pass").len() > 12, "{report:#}");
    assert_eq!(ended(&report, "skip"), Vec::<&str>::new());
}

#[test]
fn one_swapped_weight_is_exactly_one_case_that_fails() {
    let suite = Suite::new(RULES, CASES);
    let proxy = Compiled::changed(RULES, |routes| {
        let at = routes
            .iter()
            .position(|route| route.to_string().contains("canary-"));
        let clusters =
            &mut routes[at.expect("it is there")]["route"]["weighted_clusters"]["clusters"];
        (clusters[0]["weight"], clusters[1]["weight"]) = (20.into(), 80.into());
    });
    let report = suite.report(&proxy.url(""), &SURE, 1);
    assert_eq!(ended(&report, "fail"), ["canary"]);
    assert_eq!(ended(&report, "pass").len(), 11);
    let failed = case(&report, "canary");
    assert_eq!(failed["differences"][0]["what"], "traffic");
    assert_eq!(failed["live"]["outcome"], "diverged");

    let junit = suite.sent(&proxy.url(""), &[&SURE[..], &["-o", "junit"]].concat());
    assert_eq!(junit.stdout.matches("<testcase ").count(), 12);
    assert_eq!(junit.stdout.matches("<failure ").count(), 1);
    let github = suite.sent(&proxy.url(""), &[&SURE[..], &["-o", "github"]].concat());
    let lines: Vec<&str> = github.stdout.lines().collect();
    assert!(
        lines[0].starts_with("::error file=") && lines[0].contains("title=canary"),
        "{lines:#?}"
    );
    // The next case is not begun.
    let first = suite.report(
        &proxy.url(""),
        &[&SURE[..], &["--fail-fast", "--jobs", "1"]].concat(),
        1,
    );
    assert_eq!(ended(&first, "fail"), ["canary"]);
    assert_eq!(ended(&first, "skip"), ["fault", "api", "internal", "app"]);
    let only = suite.report(&proxy.url(""), &[&SURE[..], &["--only", "ap"]].concat(), 0);
    assert_eq!(ended(&only, "pass"), ["api", "app"]);
}

#[test]
fn a_redirect_that_leads_elsewhere_and_another_status_fail() {
    let suite = Suite::new(RULES, CASES);
    let proxy = Compiled::changed(RULES, |routes| {
        routes[3]["redirect"]["path_redirect"] = "/elsewhere".into();
        routes[4]["direct_response"]["status"] = 411.into();
    });
    let report = suite.report(&proxy.url(""), &[&SURE[..], &["--only", "o"]].concat(), 1);
    assert_eq!(ended(&report, "fail"), ["old", "gone"], "{report:#}");
    let old = &case(&report, "old")["differences"];
    assert_eq!(old.as_array().map(Vec::len), Some(1), "{old:#}");
    assert_eq!(old[0]["what"], "redirect");
    assert_eq!(
        old[0]["expected"],
        "header `location` `http://web/moved?q=1`"
    );
    assert_eq!(
        old[0]["found"],
        "`http://web/elsewhere?q=1` in 44 of 44 responses"
    );
    let gone = &case(&report, "gone")["differences"][0];
    assert_eq!(
        *gone,
        json!({ "what": "status", "expected": "410", "found": "411 in 44 of 44 responses" })
    );
}

/// A rule that sets headers of responses, and does what no response shows.
const HEADERS: &str = "
apiVersion: v1
kind: Service
metadata: {name: web}
spec: {selector: {app: web}, ports: [{name: http, port: 80}]}
---
apiVersion: networking.istio.io/v1
kind: VirtualService
metadata: {name: web}
spec:
  hosts: [web]
  http:
  - match: [{uri: {prefix: /h}}]
    headers: {response: {set: {x-a: '1'}, add: {x-b: '2'}, remove: [x-powered-by]}}
    route: [{destination: {host: web}}]
  - timeout: 3s
    rewrite: {uri: /v2}
    headers: {request: {set: {x-c: '3'}}}
    retries: {attempts: 2}
    route: [{destination: {host: web}}]
";

const HEADER_CASES: &str = "
- name: set
  request: http://web/h
  expect: {destination: web, headers: {response: {set: {x-a: '1'}, add: {x-b: '2'}, remove: [x-powered-by]}}}
- name: unseen
  request: http://web/
  expect: {timeout: 3s, rewrite: {uri: /v2}, headers: {request: {set: {x-c: '3'}}}, retries: {attempts: 2}}
";

#[test]
fn headers_of_responses_are_read_and_what_no_response_shows_is_no_pass() {
    let suite = Suite::new(HEADERS, HEADER_CASES);
    let set = |a: &'static str| {
        Compiled::changed(HEADERS, move |routes| {
            let header = |name: &str, value: &str, action: &str| json!({ "header": { "key": name, "value": value }, "append_action": action });
            routes[0]["response_headers_to_add"] = json!([
                header("x-a", a, "OVERWRITE_IF_EXISTS_OR_ADD"),
                header("x-b", "2", "APPEND_IF_EXISTS_OR_ADD"),
            ]);
        })
    };
    let report = suite.report(&set("1").url(""), &SURE, 0);
    assert_eq!(ended(&report, "pass"), ["set"], "{report:#}");
    assert_eq!(ended(&report, "skip"), ["unseen"]);
    let skipped = case(&report, "unseen")["skipped"].to_string();
    for what in ["timeout: ", "rewrite: ", "headers.request: ", "retries: "] {
        assert!(skipped.contains(what), "{skipped}");
    }
    let report = suite.report(&set("9").url(""), &SURE, 1);
    let differences = &case(&report, "set")["differences"];
    assert_eq!(
        *differences,
        json!([{ "what": "headers.response.set.x-a", "expected": "header `x-a` `1`", "found": "`9` in 44 of 44 responses" }])
    );
}

#[test]
fn nobody_at_the_address_is_no_data() {
    let suite = Suite::new(RULES, CASES);
    // A port that was free a moment ago.
    let free = std::net::TcpListener::bind("127.0.0.1:0").expect("a port");
    let address = format!("http://{}", free.local_addr().expect("an address"));
    drop(free);
    let report = suite.report(&address, &["--only", "app"], 4);
    assert_eq!(ended(&report, "no-data"), ["app"]);
    assert_eq!(report["outcome"], "no-data");
}

#[test]
fn cases_of_several_addresses_are_one_report() {
    let (one, other) = (
        Compiled::start(RULES),
        Compiled::changed(RULES, |routes| {
            let last = routes.last_mut().expect("there are routes");
            let cluster = &mut last["route"]["weighted_clusters"]["clusters"][0];
            cluster["response_headers_to_add"][0]["header"]["value"] = "v3".into();
        }),
    );
    let cases = format!(
        "{}- {{name: there, address: '{}', request: 'http://web/app', expect: {{destination: v1}}}}\n",
        CASES,
        other.url("")
    );
    let suite = Suite::new(RULES, &cases);
    let report = suite.report(
        &one.url(""),
        &[&SURE[..], &["--only", "app", "--only", "there"]].concat(),
        1,
    );
    assert_eq!(ended(&report, "pass"), ["app"]);
    assert_eq!(ended(&report, "fail"), ["there"]);
    let address = |name| case(&report, name)["live"]["address"].clone();
    assert_eq!(
        (address("app"), address("there")),
        (json!(one.url("")), json!(other.url("")))
    );
    // Another scheme is another request.
    let https = suite.report("https://127.0.0.1:1", &["--only", "app"], 4);
    assert_eq!(ended(&https, "skip"), ["app"]);
}

#[test]
fn cases_go_to_their_own_urls_by_the_way_that_is_typed() {
    let suite = Suite::new(RULES, CASES);
    let proxy = Compiled::start(RULES);
    let path = suite.path("suite.yaml");
    let rule = format!("web:80:{}", proxy.url("").trim_start_matches("http://"));
    let args = [
        "test",
        "--live",
        &path,
        "--connect-to",
        &rule,
        "--bucket",
        BUCKET,
    ];
    let only = ["--only", "app", "-o", "json"];
    let outcome = run(&[&args[..], &only].concat()).exits(0);
    let report: Value = serde_json::from_str(&outcome.stdout).expect("JSON");
    let live = &case(&report, "app")["live"];
    assert_eq!(live["address"], "http://web:80");
    assert_eq!(
        live["curl"],
        format!("curl --connect-to {rule} http://web/app").as_str()
    );
    let github = run(&[&args[..], &["--only", "app", "-o", "github"]].concat());
    assert!(
        github.stdout.starts_with("1 case: 1 passed, 0 failed, 0 skipped, 11 left out; 44 requests sent; 1 of 12 rules covered (8.33%)"),
        "{}",
        github.stdout
    );
}

#[test]
fn the_formats_of_other_tools_are_sent_too() {
    let suite = Suite::new(RULES, CASES);
    let foreign = "
testCases:
- description: jason
  wantMatch: true
  request: {authority: [web], method: [GET], uri: [/jason], headers: {end-user: jason}}
  route: [{destination: {host: web, subset: v2}}]
- description: another rule
  wantMatch: false
  request: {authority: [web], method: [GET], uri: [/app]}
  route: [{destination: {host: web, subset: v2}}]
";
    let checks = "
tests:
- test_name: moved
  input: {authority: web, path: /old}
  validate: {path_redirect: 'http://web/moved', code_redirect: '301'}
- test_name: rewritten
  input: {authority: web, path: /app}
  validate: {path_rewrite: /app}
";
    for (name, text) in [("foreign.yaml", foreign), ("checks.yaml", checks)] {
        fs::write(suite.path(name), text).expect("writable");
    }
    let proxy = Compiled::changed(RULES, |routes| {
        routes[0]["route"]["weighted_clusters"]["clusters"][0]["response_headers_to_add"][0]["header"]
            ["value"] = "v3".into();
    });
    let (rules, address) = (suite.path("rules.yaml"), proxy.url(""));
    let of = |name: &str, code: i32| -> Value {
        let path = suite.path(name);
        let args = [
            "test", "-f", &rules, &path, "--live", &address, "--bucket", BUCKET, "-o", "json",
        ];
        serde_json::from_str(&run(&args).exits(code).stdout).expect("JSON")
    };
    let report = of("foreign.yaml", 1);
    assert_eq!(ended(&report, "fail"), ["jason"]);
    assert_eq!(ended(&report, "skip"), ["another rule"]);
    let report = of("checks.yaml", 0);
    assert_eq!(ended(&report, "pass"), ["moved"]);
    assert_eq!(ended(&report, "skip"), ["rewritten"]);
}

#[test]
fn options_of_traffic_need_traffic() {
    let suite = Suite::new(RULES, CASES);
    let path = suite.path("suite.yaml");
    for option in [
        &["--jobs", "2"][..],
        &["-n", "100"],
        &["--alpha", "0.01"],
        &["-k"],
        &["--bucket", "body"],
    ] {
        let refused = run(&[&["test", &path], option].concat());
        assert_eq!(refused.code, Some(2), "{option:?} {}", refused.stderr);
        assert!(
            refused.stderr.contains("--live"),
            "{option:?} {}",
            refused.stderr
        );
    }
    for option in [
        &["-z", "1s"][..],
        &["--settle", "1s"],
        &["--grpc", "health"],
    ] {
        let refused = run(&[&["test", &path, "--live"], option].concat());
        assert_eq!(refused.code, Some(2), "{option:?} {}", refused.stderr);
    }
    let path = run(&["test", "--live", "http://127.0.0.1:1/base", &path]);
    assert_eq!(path.code, Some(2), "{}", path.stderr);
}
