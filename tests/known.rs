//! What the manifests and the proxy tell about a request is said in every outcome, before anything is guessed.

mod addresses;
mod facts;
mod undeclared;

use std::fs;

use serde_json::Value;
use tempfile::TempDir;

use crate::support::app::{App, Says};
use crate::support::cmd::{Report, run, run_json};

/// 90 to v1 and 10 to v2, asked for by a client whose pods get no sidecar.
const NO_SIDECAR: &str = r#"
apiVersion: v1
kind: Service
metadata: { name: web }
spec: { selector: { app: web }, ports: [ { name: http, port: 80 } ] }
---
apiVersion: networking.istio.io/v1
kind: DestinationRule
metadata: { name: web }
spec: { host: web, subsets: [ { name: v1, labels: { version: v1 } }, { name: v2, labels: { version: v2 } } ] }
---
apiVersion: networking.istio.io/v1
kind: VirtualService
metadata: { name: web }
spec:
  hosts: [ web ]
  http:
    - route:
        - { destination: { host: web, subset: v1 }, weight: 90 }
        - { destination: { host: web, subset: v2 }, weight: 10 }
---
apiVersion: apps/v1
kind: Deployment
metadata: { name: nginx }
spec:
  template:
    metadata: { labels: { app: nginx, sidecar.istio.io/inject: "false" } }
"#;

/// Rules in a file, and what an application behind them responds.
struct Case {
    folder: TempDir,
    app: App,
}

impl Case {
    fn new(rules: &str, says: impl Fn(u64) -> Says + Send + Sync + 'static) -> Self {
        let folder = tempfile::tempdir().expect("a folder");
        fs::write(folder.path().join("in.yaml"), rules).expect("writable");
        let app = App::start(says);
        Self { folder, app }
    }

    /// Options and URL of a run that calls `web`.
    fn args(&self) -> Vec<String> {
        let rules = self.folder.path().join("in.yaml");
        let url = self.app.url();
        let address = url.trim_start_matches("http://").trim_end_matches('/');
        let to = format!("web:80:{address}");
        let rules = rules.to_str().expect("a path");
        let options = ["-c", "1", "-f", rules, "--connect-to", &to, "http://web/"];
        options.map(str::to_owned).to_vec()
    }

    fn json(&self, options: &[&str], code: i32) -> Report {
        let own = self.args();
        let own: Vec<&str> = own.iter().map(String::as_str).collect();
        run_json(&[options, &own].concat()).exits(code).report()
    }
}

fn says(value: &str) -> Says {
    (200, Vec::new(), value.to_owned())
}

fn ids<'r>(report: &'r Report, list: &str) -> Vec<&'r str> {
    let list = report.0["verdict"][list].as_array().expect("a list");
    list.iter().filter_map(|one| one["id"].as_str()).collect()
}

#[test]
fn k3_a_client_without_a_sidecar_is_named_in_every_outcome() {
    let from = ["--from-labels", "app=nginx", "-n", "400"];
    let right = Case::new(NO_SIDECAR, |k| says(if k % 10 == 9 { "v2" } else { "v1" }));
    let report = right.json(&[&from[..], &["--resolution", "10%"]].concat(), 0);
    assert!(ids(&report, "caveats").contains(&"RS024"), "{:#}", report.0);
    assert_eq!(report.0["verdict"]["diagnosis"], Value::Array(Vec::new()));
    let wrong = Case::new(NO_SIDECAR, |k| says(if k % 2 == 0 { "v2" } else { "v1" }));
    let report = wrong.json(&from, 1);
    assert!(
        ids(&report, "diagnosis").contains(&"RS024"),
        "{:#}",
        report.0
    );
    assert!(
        !ids(&report, "caveats").contains(&"RS024"),
        "{:#}",
        report.0
    );
    let errors = Case::new(NO_SIDECAR, |_| (503, Vec::new(), "oops".to_owned()));
    let report = errors.json(&from, 4);
    assert!(ids(&report, "caveats").contains(&"RS024"), "{:#}", report.0);
    // Where there is no report, it is said before the next step.
    let nameless = Case::new(NO_SIDECAR, |_| says("hello"));
    let args = nameless.args();
    let args: Vec<&str> = args.iter().map(String::as_str).collect();
    let outcome = run(&[&from[..2], &args].concat()).exits(2);
    let found = outcome.stderr.find("get no sidecar");
    let help = outcome.stderr.find("\nhelp: ");
    assert!(found.is_some() && found < help, "{outcome:#?}");
}

#[test]
fn l6_redirects_are_nobodys_and_no_reason_for_map() {
    let moved = vec![("location", "https://web.example/".to_owned())];
    let app = App::start(move |_| (302, moved.clone(), String::new()));
    let args = [
        "--expect",
        "v1=90,v2=10",
        "--max-requests",
        "200",
        &app.url(),
    ];
    let outcome = run_json(&args).exits(4);
    let report = outcome.report();
    assert_eq!(report.verdict(), "no-data");
    assert_eq!(
        report.number("/observation/unattributed"),
        report.number("/observation/answered")
    );
    assert!(
        outcome
            .stderr
            .starts_with("error: all responses are 302 to https://web.example/: "),
        "{outcome:#?}"
    );
    assert!(!outcome.stderr.contains("--map"), "{outcome:#?}");
}
