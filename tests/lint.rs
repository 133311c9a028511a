//! `resplit lint`: every `tests/lint/RS…_bad` breaks its rule and every `RS…_good` keeps it, through the binary:
//!
//! ```text
//! # lint: --from-namespace default -H end-user:jason http://reviews:9080/api
//! ```
//!
//! A first line like that gives the options; a new case is a new file.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

use regex::Regex;
use resplit::diag::Code;
use resplit::diag::Sources;
use resplit::lint::{Context, RULES, check};
use resplit::manifest::parse;
use resplit::route::{Probe, Vantage};
use serde_json::Value;

use crate::support::cmd::{Outcome, resplit, run};
use crate::support::tools::{SARIF, python};
use crate::support::wait::HANGS;

fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/lint")
}

fn example(name: &str) -> String {
    format!("{}/examples/weather/{name}", env!("CARGO_MANIFEST_DIR"))
}

fn lint(args: &[&str]) -> Outcome {
    run(&[&["lint"], args].concat())
}

/// The findings as JSON.
fn findings(args: &[&str]) -> Vec<Value> {
    let outcome = lint(&[args, &["-o", "json"]].concat());
    let report = outcome.report().0;
    assert_eq!(report["schema"], "resplit.lint/1");
    report["findings"].as_array().expect("a list").clone()
}

fn rules(findings: &[Value]) -> Vec<&str> {
    findings
        .iter()
        .filter_map(|finding| finding["rule"].as_str())
        .collect()
}

/// The cases with their names.
fn cases() -> Vec<(String, PathBuf)> {
    let files = fs::read_dir(folder()).expect("the folder is there");
    let mut cases: Vec<_> = files
        .map(|entry| entry.expect("a file").path())
        .map(|path| {
            let name = path
                .file_name()
                .expect("a name")
                .to_string_lossy()
                .into_owned();
            (name, path)
        })
        .filter(|(name, _)| name.starts_with("RS"))
        .collect();
    cases.sort();
    cases
}

/// What lint says about a case.
fn said(name: &str, path: &Path, format: &str) -> (i32, String) {
    let text = fs::read_to_string(path).expect("readable");
    let options = text
        .lines()
        .next()
        .and_then(|line| line.strip_prefix("# lint: "));
    let output = resplit()
        .current_dir(folder())
        .args(["lint", "-f", name, "-o", format])
        .args(options.unwrap_or_default().split_whitespace())
        .timeout(HANGS)
        .output()
        .expect("the binary runs");
    let stderr = String::from_utf8_lossy(&output.stderr);
    assert_eq!(stderr, "", "{name}");
    let stdout = String::from_utf8_lossy(&output.stdout).into_owned();
    (output.status.code().expect("it ended by itself"), stdout)
}

#[test]
fn every_case_has_its_snapshot() {
    for (name, path) in cases() {
        let (code, text) = said(&name, &path, "text");
        insta::with_settings!({
            snapshot_path => "snapshots/lint",
            prepend_module_to_snapshot => false,
            omit_expression => true,
        }, {
            let stem = name.split('.').next().unwrap_or(&name);
            insta::assert_snapshot!(stem, format!("exit {code}\n{text}"));
        });
    }
}

/// All source texts but those of lint itself.
fn source_texts(folder: &Path, texts: &mut String) {
    for entry in fs::read_dir(folder).expect("`src` is readable") {
        let path = entry.expect("`src` is readable").path();
        if path.is_dir() && !path.ends_with("lint") {
            source_texts(&path, texts);
        } else if path.extension().is_some_and(|end| end == "rs") {
            *texts += &fs::read_to_string(path).expect("readable");
        }
    }
}

fn sources() -> String {
    let mut texts = String::new();
    source_texts(
        &Path::new(env!("CARGO_MANIFEST_DIR")).join("src"),
        &mut texts,
    );
    texts
}

#[test]
fn every_rule_is_broken_by_one_case_and_kept_by_another() {
    let cases = cases();
    let missing: Vec<String> = RULES
        .iter()
        .flat_map(|rule| {
            [
                format!("{}_bad", rule.code.id()),
                format!("{}_good", rule.code.id()),
            ]
        })
        .filter(|stem| {
            !cases
                .iter()
                .any(|(name, _)| name.starts_with(&format!("{stem}.")))
        })
        .collect();
    assert_eq!(missing, [""; 0], "cases that are not there");
    for (name, path) in cases {
        let (id, kind) = name.split_once('_').expect("RS001_bad");
        let (_, text) = said(&name, &path, "json");
        let report: Value = serde_json::from_str(&text).expect("a report");
        let found = report["findings"].as_array().expect("a list");
        let found = found.iter().any(|finding| finding["rule"] == id);
        assert_eq!(found, kind.starts_with("bad"), "{name}:\n{text}");
    }
}

/// Caveats of a run that keep no split from taking effect: what is assumed, what is not seen from outside a cluster, and
/// fields that change answers without changing shares.
const REMARKS: &[Code] = &[
    Code::AssumedHost,
    Code::Closed,
    Code::Cors,
    Code::EndpointNamed,
    Code::ExternalName,
    Code::GatewayNamespace,
    Code::GrpcStatus,
    Code::ImplementedBy,
    Code::InferencePool,
    Code::MappedPort,
    Code::NoRoute,
    Code::NoRule,
    Code::OtherBackend,
    Code::ParentNotGiven,
    Code::Passthrough,
    Code::PlainService,
    Code::ProgrammedOnly,
    Code::ProgrammedUnclear,
    Code::RegistryOnly,
    Code::RepeatedHeader,
    Code::Retries,
    Code::ServiceImport,
    Code::ServicesNotGiven,
    Code::TcpRoute,
    Code::Timeout,
    Code::TlsOnly,
    Code::TlsRoute,
    Code::TokenClaim,
    Code::TruthAsName,
    Code::UnknownNamespaceLabels,
    Code::UnknownPort,
    Code::UnknownSubnet,
];

#[test]
fn every_caveat_of_a_route_has_a_rule_or_is_a_remark() {
    let made = Regex::new(r"Note::about\(\s*Code::(\w+)").expect("a pattern");
    let sources = sources();
    let graded: Vec<Code> = (RULES.iter())
        .flat_map(|rule| rule.facts.iter().copied())
        .collect();
    let left = |name: &&str| {
        let graded = graded.iter().any(|code| format!("{code:?}") == **name);
        let remark = REMARKS.iter().any(|code| format!("{code:?}") == **name);
        !graded && !remark
    };
    let names = made.captures_iter(&sources);
    let names: BTreeSet<&str> = names
        .filter_map(|found| Some(found.get(1)?.as_str()))
        .collect();
    assert!(names.len() > 60, "caveats are made somewhere: {names:?}");
    let left: Vec<&str> = names.into_iter().filter(left).collect();
    assert_eq!(left, [""; 0], "name them in a rule, or among the remarks");
}

/// "lint -f examples/weather/broken": fatal for an old mesh, and what is true about a current one.
#[test]
fn the_port_of_the_story_is_an_error_for_the_mesh_of_the_story() {
    let old = lint(&["-f", &example("broken"), "--istio-version", "1.2"]).exits(1);
    assert!(
        old.stdout.contains("error[RS006 unnamed_port]"),
        "{}",
        old.stdout
    );
    assert!(
        old.stdout.contains("weather-service.yaml:14"),
        "{}",
        old.stdout
    );
    let new = lint(&["-f", &example("broken")]).exits(0);
    assert!(
        new.stdout.contains("warning[RS006 unnamed_port]"),
        "{}",
        new.stdout
    );
    let fixed = lint(&["-f", &example("fixed"), "--istio-version", "1.2"]).exits(0);
    assert!(
        fixed.stdout.starts_with("no problems: "),
        "{}",
        fixed.stdout
    );
    let one = fixed.stdout.lines().count();
    assert_eq!(one, 1, "{}", fixed.stdout);
}

#[test]
fn the_json_has_the_fields_of_the_contract() {
    let broken = example("broken");
    let found = findings(&["-f", &broken]);
    let [finding] = &found[..] else {
        panic!("{found:#?}")
    };
    for (field, value) in [
        ("rule", "RS006"),
        ("name", "unnamed_port"),
        ("severity", "warning"),
        ("object", "Service default/weather-backend"),
        ("istio", "IST0118"),
    ] {
        assert_eq!(finding[field], value, "{field}");
    }
    assert_eq!(
        (finding["line"].as_u64(), finding["column"].as_u64()),
        (Some(14), Some(13))
    );
    assert!(
        finding["file"]
            .as_str()
            .is_some_and(|file| file.ends_with("broken/weather-service.yaml"))
    );
    assert!(finding["message"].is_string() && finding.get("help").is_some());
}

#[test]
fn what_is_denied_fails_and_what_is_allowed_is_left_out() {
    let broken = example("broken");
    for (args, code) in [
        (&[][..], 0),
        (&["--deny", "warning"], 1),
        (&["--deny", "info"], 1),
        (&["--deny", "RS006"], 1),
        (&["--deny", "unnamed-port"], 1),
        (&["--deny", "RS001"], 0),
        (&["--allow", "unnamed_port", "--deny", "warning"], 0),
        (&["--allow", "RS006", "--istio-version", "1.2"], 0),
        (&["--allow", "RS001,RS006", "--istio-version", "1.2"], 0),
    ] {
        lint(&[&["-f", &broken], args].concat()).exits(code);
    }
    for args in [
        &["--deny", "RS999"][..],
        &["--allow", "unamed_port"],
        &["--allow", "RS006", "--deny", "RS006"],
        &["--gateway", "x"],
        &["-H", "a: b"],
        &["-o", "html"],
        &["--istio-version", "new"],
        &["no-url"],
    ] {
        lint(&[&["-f", &broken], args].concat()).refused(&args.join(" "));
    }
    lint(&[]).refused("no manifests");
    lint(&["-f", "no-such-file.yaml"]).refused("a file that is not there");
}

const PORT: &str = "
apiVersion: v1
kind: Service
metadata: {name: web}
spec:
  ports:
  - port: 80
    name: web # resplit: allow(RS006)
---
apiVersion: networking.istio.io/v1
kind: VirtualService
metadata: {name: web}
spec:
  hosts: [web]
  http:
  - route:
    # resplit: allow(single_weight)
    - {destination: {host: web}, weight: 10}
";

fn written(text: &str) -> (tempfile::TempDir, String) {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("rules.yaml");
    fs::write(&path, text).expect("writable");
    let path = path.to_str().expect("a path").to_owned();
    (folder, path)
}

#[test]
fn comments_silence_what_stands_on_their_line_or_below() {
    let (_folder, path) = written(PORT);
    assert_eq!(rules(&findings(&["-f", &path])), [""; 0]);
    let (_folder, path) = written(&PORT.replace("# resplit: allow", "# allow"));
    assert_eq!(rules(&findings(&["-f", &path])), ["RS006", "RS012"]);
    let (_folder, path) = written(&PORT.replace("RS006", "RS060"));
    let found = findings(&["-f", &path]);
    assert_eq!(rules(&found), ["RS006", "unknown_allow"]);
    assert_eq!(
        (&found[1]["severity"], &found[1]["line"]),
        (&"warning".into(), &8.into())
    );
}

/// A folder holds files without a rule, and each of them is looked at by itself before a commit.
#[test]
fn files_without_a_rule_are_no_problem() {
    let service =
        "apiVersion: v1\nkind: Service\nmetadata: {name: web}\nspec: {ports: [{port: 80}]}\n";
    let map = "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: x}\n";
    let gateway = "apiVersion: networking.istio.io/v1\nkind: Gateway\nmetadata: {name: gw}\nspec: {servers: []}\n";
    for text in [service, map, gateway] {
        let (_folder, path) = written(text);
        let told = lint(&["-f", &path]).exits(0).stdout;
        assert!(
            told.starts_with("no problems: nothing here declares a split"),
            "{told}"
        );
        assert_eq!(rules(&findings(&["-f", &path])), [""; 0]);
    }
}

#[test]
fn manifests_that_do_not_decode_are_findings() {
    let (_folder, path) = written(&PORT.replace("weight: 10", "weight: ten"));
    let outcome = lint(&["-f", &path]).exits(1);
    assert!(
        outcome.stdout.contains("error[wrong_type]"),
        "{}",
        outcome.stdout
    );
    let (_folder, path) = written("a: [\n");
    assert!(lint(&["-f", &path]).exits(1).stdout.contains("rules.yaml:"));
    let (_folder, path) = written("# nothing\n");
    assert_eq!(rules(&findings(&["-f", &path])), ["no_rules"]);
    let zero = PORT.replace(
        "weight: 10}",
        "weight: 0}\n    - {destination: {host: web}, weight: 0}",
    );
    let (_folder, path) = written(&zero);
    assert!(rules(&findings(&["-f", &path])).contains(&"RS010"));
}

#[test]
fn annotations_of_github_stay_on_their_line() {
    let outcome = lint(&["-f", &example("broken"), "-o", "github"]).exits(0);
    let mut lines = outcome.stdout.lines();
    let first = lines.next().unwrap_or_default();
    assert!(first.starts_with("::warning file="), "{first}");
    assert!(
        first.contains(
            ",line=14,endLine=14,col=13,endColumn=20,title=RS006 unnamed_port::port 5000 of"
        ),
        "{first}"
    );
    assert_eq!(lines.count(), 1, "{}", outcome.stdout);
}

#[test]
fn a_result_of_sarif_names_its_rule() {
    let mut results = 0;
    for (name, path) in cases() {
        let (_, text) = said(&name, &path, "sarif");
        let log: Value = serde_json::from_str(&text).expect("JSON");
        let run = &log["runs"][0];
        for result in run["results"].as_array().expect("results") {
            let index = result["ruleIndex"]
                .as_u64()
                .and_then(|index| usize::try_from(index).ok());
            let rule = &run["tool"]["driver"]["rules"][index.expect("an index")];
            assert_eq!(rule["id"], result["ruleId"], "{name}");
            results += 1;
        }
    }
    assert!(results >= RULES.len(), "{results} results");
}

/// The models are those of the schema, member by member: what it does not know is refused, and so is what is missing.
#[test]
fn sarif_is_what_the_schema_says() {
    let logs: Vec<(String, Value)> = cases()
        .into_iter()
        .map(|(name, path)| {
            let (_, text) = said(&name, &path, "sarif");
            (name, serde_json::from_str(&text).expect("JSON"))
        })
        .collect();
    let script = "
import json, sys
from pydantic import ValidationError
from pydantic_sarif.model import StaticAnalysisResultsFormatSarifVersion210JsonSchema as Log
def refused(log):
    try:
        Log.model_validate(log)
    except ValidationError as error:
        return str(error)
logs = json.load(sys.stdin)
for name, log in logs:
    assert refused(log) is None, f'{name}: {refused(log)}'
own = json.dumps(logs[0][1])
assert refused({'version': '2.1.0'}) and refused({**logs[0][1], 'runz': []})
assert refused(json.loads(own.replace('\"text\"', '\"txt\"')))
print(len(logs))
";
    let input = serde_json::to_string(&logs).expect("JSON");
    let read = python(SARIF, script, &input);
    assert_eq!(read.trim(), logs.len().to_string());
}

#[test]
fn the_rules_are_listed_and_explained() {
    let list = run(&["lint", "--rules"]).exits(0).stdout;
    for rule in RULES {
        assert!(
            list.contains(rule.code.id()) && list.contains(rule.name),
            "{}",
            rule.code.id()
        );
        let one = run(&["lint", "--explain", rule.name]).exits(0).stdout;
        assert!(
            one.contains(rule.rationale) && one.contains(rule.fix),
            "{one}"
        );
        for text in [rule.code.title(), rule.rationale, rule.fix] {
            assert!(!text.is_empty(), "{}", rule.code.id());
        }
    }
    run(&["lint", "--explain", "RS000"]).refused("no such rule");
}

#[test]
fn rules_have_ids_and_names_of_their_own() {
    for (at, rule) in RULES.iter().enumerate() {
        assert_eq!(rule.code.id(), format!("RS{:03}", at + 1));
        let same = RULES.iter().filter(|other| other.name == rule.name);
        assert_eq!(same.count(), 1, "{}", rule.name);
        let stands = !rule.facts.is_empty() || rule.check.is_some();
        assert!(stands, "{} can never be found", rule.code.id());
    }
}

/// In-process: parsed, looked at from everywhere, and with a request.
fn survives(text: &str) {
    let mut sources = Sources::new();
    sources.add("damaged.yaml", text);
    let (manifests, problems) = parse(&sources);
    let mesh = Vantage::mesh(None, None);
    let probe = Probe::new("GET", &"http://web:80/api".parse().expect("a URL")).expect("absolute");
    let context = Context::everywhere(&sources, &manifests, &problems, &mesh);
    let _ = check(&context.with_request(&mesh, &probe));
}

/// The cases with a few bytes changed are still cases, and none of them may panic.
#[test]
fn damaged_manifests_are_linted() {
    let wounds = [
        "", "\n", ":", "- ", "\"", "{", "]", "-1", "null", "é", "*", "~",
    ];
    for (_, path) in cases() {
        let text = fs::read_to_string(path).expect("readable");
        for (turn, at) in (0..text.len()).step_by(11).enumerate() {
            let (Some(before), Some(after)) = (text.get(..at), text.get(at + 1..)) else {
                continue;
            };
            survives(&format!("{before}{}{after}", wounds[turn % wounds.len()]));
        }
    }
}

/// What Istio's own samples and common set-ups do is no error.
#[test]
fn what_works_is_no_error() {
    let virtual_service = |name: &str, spec: &str| {
        format!(
            "apiVersion: networking.istio.io/v1\nkind: VirtualService\nmetadata: {{name: {name}}}\nspec: {spec}\n---\n"
        )
    };
    let service = |port: &str| {
        format!(
            "apiVersion: v1\nkind: Service\nmetadata: {{name: web}}\nspec: {{ports: [{port}]}}\n---\n"
        )
    };
    let gateway = |name: &str, host: &str| {
        format!(
            "apiVersion: networking.istio.io/v1\nkind: Gateway\nmetadata: {{name: {name}}}\nspec: {{servers: [{{port: {{number: 80, name: http, protocol: HTTP}}, hosts: [{host}]}}]}}\n---\n"
        )
    };
    let http = service("{name: http, port: 80}");
    let plain = "route: [{destination: {host: web}}]";
    let two =
        "[{destination: {host: web}, weight: 100}, {destination: {host: web, port: {number: 80}}}]";
    for (what, text, allowed) in [
        (
            "a tcp split: the default route behind it is written nowhere",
            service("{name: tcp-db, port: 9000}")
                + &virtual_service(
                    "db",
                    "{hosts: [web], tcp: [{route: [{destination: {host: web}}]}]}",
                ),
            "",
        ),
        (
            "several tcp ports",
            service("{name: tcp-a, port: 9000}, {name: tcp-b, port: 9001}")
                + &virtual_service(
                    "db",
                    "{hosts: [web], tcp: [{route: [{destination: {host: web}}]}]}",
                ),
            "",
        ),
        (
            "a fault for testers",
            http.clone()
                + &virtual_service(
                    "faulty",
                    &format!(
                        "{{hosts: [web], http: [{{match: [{{headers: {{end-user: {{exact: jason}}}}}}], fault: {{abort: {{httpStatus: 500, percentage: {{value: 100}}}}}}, {plain}}}, {{{plain}}}]}}"
                    ),
                ),
            "RS022",
        ),
        (
            "100 beside nothing is 100/0",
            http.clone()
                + &virtual_service(
                    "web",
                    &format!("{{hosts: [web], http: [{{route: {two}}}]}}"),
                ),
            "RS011",
        ),
        (
            "two gateways that take one host each",
            http.clone()
                + &gateway("a", "a.example.com")
                + &gateway("b", "b.example.com")
                + &virtual_service(
                    "both",
                    &format!(
                        "{{hosts: [a.example.com, b.example.com], gateways: [a, b], http: [{{{plain}}}]}}"
                    ),
                ),
            "",
        ),
    ] {
        let (_folder, path) = written(&text);
        let found = findings(&["-f", &path]);
        for finding in &found {
            assert!(
                finding["severity"] != "error"
                    && (finding["severity"] != "warning" || finding["rule"] == allowed),
                "{what}: {finding}"
            );
        }
    }
    // A host that neither gateway takes is still one that nobody serves.
    let text = http
        + &gateway("a", "a.example.com")
        + &virtual_service(
            "both",
            &format!(
                "{{hosts: [a.example.com, b.example.com], gateways: [a], http: [{{{plain}}}]}}"
            ),
        );
    let (_folder, path) = written(&text);
    assert_eq!(rules(&findings(&["-f", &path])), ["RS035"]);
}
