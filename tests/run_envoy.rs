//! The founding story against the proxy that a mesh uses: is the declared split the one that Envoy makes?

use std::fs;

use crate::support::chance;
use crate::support::cmd::{Report, run_json};
use crate::support::envoy::{Envoy, Split};

/// Service, deployments and rules: 90 to `single`, 10 to `multiple`.
const FIXED: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/examples/weather/fixed");

const SUBSETS: [&str; 2] = ["single", "multiple"];

/// The weather service, split by these weights.
fn weather(single: u32, multiple: u32) -> Split {
    Envoy::split(&[("single", single), ("multiple", multiple)]).start()
}

/// A run against a split that is as declared.
#[track_caller]
fn passes(flags: &[&str], start: impl Fn() -> Split) -> (Split, Report) {
    chance::passes(|| {
        let split = start();
        let outcome = run_json(&[flags, &[&split.url("/version")]].concat());
        (split, outcome)
    })
}

#[test]
fn the_declared_split_passes_and_every_counter_agrees() {
    let (split, report) = passes(&["-f", FIXED], || weather(90, 10));
    assert_eq!(report.verdict(), "pass");
    for subset in SUBSETS {
        let seen = report.count(subset);
        assert_eq!(seen, split.hits(subset), "{subset}: the backends count");
        assert_eq!(seen, split.rq_total(subset), "{subset}: Envoy counts");
    }
    let hits: u64 = SUBSETS.iter().map(|subset| split.hits(subset)).sum();
    assert_eq!(report.sent(), hits);
}

#[test]
fn exactly_n_requests_reach_the_backends() {
    let split = weather(90, 10);
    let report = run_json(&["-f", FIXED, "-n", "1000", &split.url("/version")]).report();
    assert_eq!(report.sent(), 1000);
    let hits: u64 = SUBSETS.iter().map(|subset| split.hits(subset)).sum();
    assert_eq!(hits, 1000);
    assert_eq!(report.count("single") + report.count("multiple"), 1000);
}

#[test]
fn half_and_half_diverges_from_90_10() {
    // For a pass, hundreds of draws at 1/2 would have to look like 1/10: less likely than 1e-100.
    let split = weather(50, 50);
    let report = run_json(&["-f", FIXED, &split.url("/version")])
        .exits(1)
        .report();
    assert_eq!(report.verdict(), "diverged");
}

#[test]
fn eighty_twenty_diverges_from_90_10() {
    // For a pass, the share in a thousand draws or more would have to be below 13 %: less likely than 1e-9.
    let split = weather(80, 20);
    let report = run_json(&["-f", FIXED, &split.url("/version")])
        .exits(1)
        .report();
    assert_eq!(report.verdict(), "diverged");
}

#[test]
fn a_dead_subset_shows_its_share_and_is_never_a_pass() {
    let split = Envoy::split(&[("single", 90), ("multiple", 10)])
        .dead("multiple")
        .start();
    // What is lost may look like another split than 90/10 with the probability `alpha`.
    let url = split.url("/version");
    let args = ["-f", FIXED, "-n", "1000", "--alpha", "0.0000000001", &url];
    let report = run_json(&args).exits(1).report();
    assert_eq!(report.verdict(), "diverged");
    let lost = report.number("/observation/unattributed");
    assert_eq!(lost, 1000 - split.hits("single"));
    // All but 1e-11 of B(1000, 0.1).
    assert!((41..=169).contains(&lost), "{lost} of 1000 at 10 %");
    assert_eq!(report.count("single"), split.hits("single"));
    let shown: u64 = report
        .buckets()
        .iter()
        .filter(|bucket| bucket["target"].is_null())
        .filter_map(|bucket| bucket["count"].as_u64())
        .sum();
    assert_eq!(shown, lost, "{:#}", report.0);
}

#[test]
fn a_declared_abort_takes_its_share_before_the_split() {
    let start = || {
        Envoy::split(&[("single", 90), ("multiple", 10)])
            .abort(418, 20)
            .start()
    };
    let folder = tempfile::tempdir().unwrap();
    let rules = folder.path().join("rules.yaml");
    let fault = "    - fault: { abort: { httpStatus: 418, percentage: { value: 20 } } }\n      route: # everybody";
    fs::write(&rules, MATCHED.replace("    - route: # everybody", fault)).unwrap();

    let (split, report) = passes(&["-f", rules.to_str().unwrap()], start);
    assert_eq!(report.verdict(), "pass");
    let [aborted, single, multiple] =
        ["status 418", "single", "multiple"].map(|target| report.count(target));
    assert_eq!(
        (single, multiple),
        (split.hits("single"), split.hits("multiple"))
    );
    assert_eq!(aborted + single + multiple, report.sent());
    let declared = report.0["expected"]["shares"].as_array().unwrap();
    let ratio = |target: &str| {
        declared
            .iter()
            .find(|share| share["target"] == target)
            .and_then(|share| share["ratio"].as_str())
    };
    assert_eq!(ratio("status 418"), Some("1/5"));
    assert_eq!(ratio("single"), Some("18/25"));
    assert_eq!(ratio("multiple"), Some("2/25"));
}

#[test]
fn a_matched_header_sends_everything_to_one_subset() {
    let start = || {
        Envoy::split(&[("single", 90), ("multiple", 10)])
            .when("end-user", "jason", "multiple")
            .start()
    };
    let folder = tempfile::tempdir().unwrap();
    let rules = folder.path().join("rules.yaml");
    fs::write(&rules, MATCHED).unwrap();
    let rules = rules.to_str().unwrap();
    let services = format!("{FIXED}/weather-service.yaml");
    let flags = ["-f", rules, "-f", &services];

    let jason = ["-H", "end-user: jason", "-n", "400"];
    let (split, report) = passes(&[&flags[..], &jason].concat(), start);
    assert_eq!((report.count("single"), report.count("multiple")), (0, 400));
    assert_eq!((split.hits("single"), split.hits("multiple")), (0, 400));
    assert!(declared_in(report.text("/expected/source"), "- match:"));

    // Without the header the same file declares the split below.
    let (_, report) = passes(&flags, start);
    assert_eq!(report.verdict(), "pass");
    assert!(declared_in(
        report.text("/expected/source"),
        "- route: # everybody"
    ));
}

/// Does `FILE:LINE` point into the entry of `http` that starts with this text?
fn declared_in(source: &str, entry: &str) -> bool {
    let line: usize = source
        .rsplit(':')
        .next()
        .and_then(|line| line.parse().ok())
        .unwrap_or_else(|| panic!("`{source}` names no line"));
    let starts: Vec<(usize, &str)> = (1..)
        .zip(MATCHED.lines())
        .filter(|(_, text)| text.starts_with("    - "))
        .collect();
    let last = starts.iter().rfind(|(start, _)| *start <= line);
    last.is_some_and(|(_, text)| text.trim() == entry)
}

/// The rules of the story, with one person who always gets the new version.
const MATCHED: &str = "\
apiVersion: networking.istio.io/v1
kind: DestinationRule
metadata:
  name: weather-backend
spec:
  host: weather-backend
  subsets:
  - name: single
    labels: { version: single }
  - name: multiple
    labels: { version: multiple }
---
apiVersion: networking.istio.io/v1
kind: VirtualService
metadata:
  name: weather
spec:
  hosts: [weather-backend]
  http:
    - match:
        - headers:
            end-user:
              exact: jason
      route:
        - destination:
            host: weather-backend
            subset: multiple
    - route: # everybody
        - destination:
            host: weather-backend
            subset: single
          weight: 90
        - destination:
            host: weather-backend
            subset: multiple
          weight: 10
";
