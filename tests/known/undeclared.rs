//! A value that the manifests know is an undeclared target with a name, never a stranger.

use super::{Case, ids, says};
use crate::support::app::{App, Says};
use crate::support::cmd::{run, run_json};

const SERVICE: &str = "
apiVersion: v1
kind: Service
metadata: { name: web }
spec: { selector: { app: web }, ports: [ { name: http, port: 80 } ] }
---
";

const SUBSETS: &str = "
apiVersion: networking.istio.io/v1
kind: DestinationRule
metadata: { name: web }
spec:
  host: web
  subsets:
  - { name: stable, labels: { app: web, version: one } }
  - { name: canary, labels: { app: web, version: two } }
  - { name: next, labels: { app: web, version: three } }
---
";

/// A VirtualService of `web` with these routes.
fn rules(routes: &str) -> String {
    format!(
        "apiVersion: networking.istio.io/v1\nkind: VirtualService\nmetadata: {{ name: web }}\nspec:\n  hosts: [web]\n  http:\n{routes}\n---\n"
    )
}

const SPLIT: &str = "  - route:
    - { destination: { host: web, subset: stable }, weight: 90 }
    - { destination: { host: web, subset: canary }, weight: 10 }";

/// istio#25213: an old proxy goes on to the next rule.
#[test]
fn k1_everything_from_the_subset_of_another_rule_is_a_divergence_with_its_name() {
    let routes = "  - match: [ { withoutHeaders: { end-user: { exact: mark } } } ]
    route: [ { destination: { host: web, subset: stable } } ]
  - route: [ { destination: { host: web, subset: next } } ]";
    let manifests = rules(routes) + SERVICE + SUBSETS;
    for value in [
        "next",
        "three",
        "hello from three",
        "{\"version\": \"three\"}",
    ] {
        let case = Case::new(&manifests, move |_| says(value));
        let report = case.json(&[], 1);
        let reason = report.text("/verdict/reason");
        assert!(
            reason.starts_with("all ") && reason.contains("the subset of http[1] (in.yaml:9)"),
            "{value}: {reason}"
        );
        assert_eq!(
            ids(&report, "diagnosis")[..2],
            ["other-rule", "undeclared-target"],
            "{value}"
        );
        assert!(
            report
                .text("/verdict/diagnosis/0/message")
                .starts_with("traffic follows http[1] (in.yaml:9)")
        );
        assert!(
            !report.0.to_string().contains("--map"),
            "{value}: {:#}",
            report.0
        );
        assert_eq!(
            report.text("/observation/buckets/0/known"),
            "the subset of http[1] (in.yaml:9)"
        );
    }
    // The same with half of them.
    let case = Case::new(&manifests, |k| {
        says(if k % 2 == 0 { "one" } else { "three" })
    });
    let report = case.json(&["-n", "60"], 1);
    assert!(
        report
            .text("/verdict/reason")
            .contains("30 of 60 responses came from `three`"),
        "{:#}",
        report.0
    );
}

#[test]
fn k1_each_kind_of_name_in_the_manifests_is_known() {
    let workload = "
apiVersion: apps/v1
kind: Deployment
metadata: { name: web-old }
spec: { template: { metadata: { labels: { app: web, version: zero } } } }
---
apiVersion: v1
kind: Service
metadata: { name: ledger }
spec: { selector: { app: ledger }, ports: [ { name: http, port: 80 } ] }
---
apiVersion: apps/v1
kind: Deployment
metadata: { name: billing }
spec: { template: { metadata: { labels: { app: billing } } } }
---
";
    let manifests = rules(SPLIT) + SERVICE + SUBSETS + workload;
    for (value, origin) in [
        ("next", "a subset of DestinationRule default/web (in.yaml:"),
        (
            "I am three",
            "a subset of DestinationRule default/web (in.yaml:",
        ),
        ("zero", "Deployment default/web-old (in.yaml:"),
        (
            "web-old-6757db4ff5-8jzqn",
            "Deployment default/web-old (in.yaml:",
        ),
        (
            "billing-6757db4ff5-8jzqn",
            "Deployment default/billing (in.yaml:",
        ),
        ("ledger", "Service default/ledger (in.yaml:"),
    ] {
        let case = Case::new(&manifests, move |_| says(value));
        let report = case.json(&[], 1);
        let reason = report.text("/verdict/reason");
        assert!(reason.contains(origin), "{value}: {reason}");
        assert!(
            ids(&report, "diagnosis").contains(&"undeclared-target"),
            "{value}"
        );
    }
    // What the manifests do not know stays open, and nobody guesses which is which.
    let case = Case::new(&manifests, |k| {
        says(if k % 3 == 0 { "red" } else { "blue" })
    });
    let args = case.args();
    let args: Vec<&str> = args.iter().map(String::as_str).collect();
    let outcome = crate::support::cmd::run(&args).exits(2);
    outcome.advises("--map 'blue=TARGET' --map 'red=TARGET'");
}

/// istio#36621: the older of two rules of a host takes everything, to the whole Service.
#[test]
fn k1_versions_of_the_one_service_that_is_declared_are_its_own() {
    let older = "apiVersion: networking.istio.io/v1\nkind: VirtualService\nmetadata: { name: timeouts, creationTimestamp: \
                 \"2020-01-09T10:00:00Z\" }\nspec:\n  hosts: [web.default.svc.cluster.local]\n  http:\n  - route: [ { destination: { host: web } } ]\n---\n";
    let newer = rules(SPLIT).replace(
        "{ name: web }\nspec:\n  hosts",
        "{ name: web, creationTimestamp: \"2024-01-09T10:00:00Z\" }\nspec:\n  hosts",
    );
    let manifests = newer + older + SERVICE + SUBSETS;
    let case = Case::new(&manifests, |k| {
        says(match k % 3 {
            0 => "one",
            1 => "two",
            _ => "next",
        })
    });
    let report = case.json(&[], 0);
    assert_eq!(report.count("web"), report.answers());
    assert!(
        ids(&report, "caveats").contains(&"two-owners"),
        "{:#}",
        report.0
    );
    // Another Service is not, whatever a part of its name says.
    let other = "apiVersion: v1\nkind: Service\nmetadata: { name: web-canary }\nspec: { selector: { app: web-canary } }\n---\n";
    let single = rules("  - route: [ { destination: { host: web } } ]") + SERVICE + other;
    let case = Case::new(&single, |_| says("web-canary"));
    let report = case.json(&[], 1);
    assert!(
        report
            .text("/verdict/reason")
            .contains("Service default/web-canary"),
        "{:#}",
        report.0
    );
    let case = Case::new(&single, |_| says("build 17"));
    assert_eq!(case.json(&[], 0).verdict(), "pass");
}

/// One destination gets everything: whoever responds is it, unless the manifests or the response itself say otherwise.
#[test]
fn k1_responses_of_the_only_target_need_no_map() {
    let single = rules("  - route: [ { destination: { host: web, subset: stable } } ]") + SERVICE;
    let case = Case::new(&(single.clone() + SUBSETS), |k| {
        says(if k % 2 == 0 { "hello" } else { "build 17" })
    });
    let report = case.json(&[], 0);
    assert_eq!(report.count("stable"), report.answers());
    // Without the DestinationRule too.
    let case = Case::new(&single, |_| says("hello"));
    assert_eq!(case.json(&[], 0).verdict(), "pass");
    // Another subset of the manifests is another target.
    let case = Case::new(&(single + SUBSETS), |_| says("I am three"));
    let report = case.json(&[], 1);
    assert_eq!(ids(&report, "diagnosis").last(), Some(&"undeclared-target"));
}

#[test]
fn k1_the_only_target_of_expect_needs_no_map() {
    let expect = |says: fn(u64) -> Says, options: &[&str], code: i32| {
        let app = App::start(says);
        let url = app.url();
        let outcome = run_json(&[options, &["--expect", "v1=100", "-c", "1", &url]].concat());
        outcome.exits(code)
    };
    let report = expect(|_| says("hello"), &[], 0).report();
    assert_eq!(report.count("v1"), report.answers());
    expect(|k| says(if k % 2 == 0 { "blue" } else { "green" }), &[], 0);
    // What names another version, or stands beside the target, is not the target.
    for other in [
        (|_| says("v2")) as fn(u64) -> Says,
        |_| says("Hello from v2!"),
        |k| says(if k % 2 == 0 { "v1" } else { "blue" }),
    ] {
        let report = expect(other, &["-n", "60"], 1).report();
        assert_eq!(
            ids(&report, "diagnosis"),
            ["undeclared-target"],
            "{:#}",
            report.0
        );
    }
    // Nothing is said by a response without a body, an error or a redirect.
    for (status, code) in [(200, 2), (302, 4), (500, 4)] {
        let app = App::start(move |_| (status, Vec::new(), String::new()));
        let outcome = run(&["--expect", "v1=100", &app.url()]).exits(code);
        assert!(!outcome.stderr.contains("--map"), "{status}: {outcome:#?}");
    }
}

/// fluxcd/flagger#263: two Services, one of them without weight.
#[test]
fn k1_no_map_is_proposed_by_position() {
    let routes = "  - route:
    - { destination: { host: web-primary }, weight: 100 }
    - { destination: { host: web-canary }, weight: 0 }";
    let case = Case::new(&rules(routes), |k| {
        says(if k % 2 == 0 { "v1" } else { "v2" })
    });
    let args = case.args();
    let args: Vec<&str> = args.iter().map(String::as_str).collect();
    let outcome = crate::support::cmd::run(&args).exits(2);
    outcome
        .advises("--map 'v1=TARGET' --map 'v2=TARGET', where TARGET is web-primary or web-canary");
    // One value too many beside one target too few is no pair either.
    let case = Case::new(&(rules(SPLIT) + SUBSETS), |k| {
        says(if k % 2 == 0 { "one" } else { "blue" })
    });
    let report = case.json(&["-n", "60"], 1);
    assert!(
        report.0.to_string().contains("--map VALUE=TARGET"),
        "{:#}",
        report.0
    );
}

#[test]
fn f13_a_word_of_exactly_one_name_ties_a_response() {
    let routes = "  - route:
    - { destination: { host: web-v1 }, weight: 50 }
    - { destination: { host: web-v2 }, weight: 50 }";
    for [first, second] in [
        ["{\"version\":\"v1\"}", "{\"version\":\"v2\"}"],
        ["Hello from v1!", "Hello from v2!"],
    ] {
        let case = Case::new(&rules(routes), move |k| {
            says(if k % 2 == 0 { first } else { second })
        });
        let report = case.json(&["-n", "400"], 3);
        assert_eq!(
            (report.count("web-v1"), report.count("web-v2")),
            (200, 200),
            "{first}"
        );
    }
}
