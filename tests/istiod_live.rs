//! A stock Envoy that a real istiod drives, and what resplit says of it. It takes Go and Istio's modules, so it is asked for:
//!
//! ```console
//! $ cargo test --test main -- --ignored istiod_live:: --test-threads=1
//! ```

mod driven;

use std::path::PathBuf;

use serde_json::Value;

use crate::proxy_admin::said;
use crate::support::cmd::{Report, Running, run_json};
use crate::support::gate::Gate;
use crate::support::wait::wait_until;
use driven::{Driven, HOST, Protocol, Stats, programmed, rules};

/// A false alarm of the split is rarer than one run in a billion.
const CERTAIN: [&str; 2] = ["--alpha", "0.0000000001"];

/// A file of rules that nobody applied.
struct Declared {
    _folder: tempfile::TempDir,
    file: PathBuf,
}

impl Declared {
    fn new(text: &str) -> Self {
        let folder = tempfile::tempdir().expect("the folder for temporary files is writable");
        let file = folder.path().join("declared.yaml");
        std::fs::write(&file, text).expect("the folder for temporary files is writable");
        Self {
            _folder: folder,
            file,
        }
    }
}

/// What is typed for a run that declares these rules.
fn typed(driven: &Driven, declared: &Declared, more: &[&str]) -> Vec<String> {
    let mut args: Vec<String> = CERTAIN.iter().map(|arg| (*arg).to_owned()).collect();
    for file in [&declared.file, &driven.service()] {
        args.extend(["-f".to_owned(), file.display().to_string()]);
    }
    args.extend(more.iter().map(|arg| (*arg).to_owned()));
    args.extend(driven.request());
    args
}

fn asked(driven: &Driven, declared: &str, more: &[&str]) -> Report {
    let declared = Declared::new(declared);
    let args = typed(driven, &declared, more);
    run_json(&args.iter().map(String::as_str).collect::<Vec<_>>()).report()
}

/// Begins a run that waits at the gate, does something, and lets it go on.
fn meanwhile(
    driven: &mut Driven,
    gate: &Gate,
    declared: &str,
    act: impl FnOnce(&mut Driven),
) -> Report {
    let declared = Declared::new(declared);
    let args = typed(driven, &declared, &["-o", "json", "-n", "1000", "-c", "2"]);
    let running = Running::start(&args.iter().map(String::as_str).collect::<Vec<_>>());
    // Requests that wait at the gate have come.
    wait_until("the gate is reached", || driven.served() >= 502);
    act(driven);
    gate.open();
    running.finish().report()
}

/// `count` or `share` of a target in one of the views.
fn of<'r>(report: &'r Report, view: &str, target: &str) -> &'r Value {
    let shares = report.0[view]["shares"].as_array();
    let mut shares = shares.into_iter().flatten();
    let found = shares.find(|share| share["target"] == target);
    found.unwrap_or_else(|| panic!("no `{target}` in {view}: {:#}", report.0))
}

/// The split may be what is declared, and nothing that matters changed during the run.
fn holds(report: &Report) {
    assert_ne!(report.verdict(), "diverged", "{:#}", report.0["verdict"]);
    let reason = report.text("/verdict/reason");
    assert!(!reason.contains("changed during the run"), "{reason}");
}

/// The first reason of a run that diverges.
fn first_reason(report: &Report) -> String {
    assert_eq!(report.verdict(), "diverged", "{:#}", report.0["verdict"]);
    let why = &report.0["verdict"]["diagnosis"][0];
    assert_eq!(why["id"], "programmed-differs", "{:#}", report.0["verdict"]);
    why["message"].as_str().expect("a text").to_owned()
}

#[test]
#[ignore = "takes Go and a real istiod"]
fn what_istiod_declares_is_programmed_counted_and_seen() {
    let driven = programmed(&rules(90, 10)).start();
    let report = asked(&driven, &rules(90, 10), &["-n", "2000"]);
    assert_eq!(report.verdict(), "pass", "{:#}", report.0["verdict"]);
    for (target, ratio) in [("single", "9/10"), ("multiple", "1/10")] {
        assert_eq!(of(&report, "programmed", target)["ratio"], ratio);
        let counted = of(&report, "counted", target)["count"].as_u64();
        assert_eq!(counted, Some(report.count(target)), "{target}");
    }
    assert_eq!(report.number("/counted/foreign_requests"), 0);
    assert_eq!(report.0["programmed"]["connected"], true);
    assert_eq!(driven.served(), 2000);
    let (version, taken) = driven.routes();
    assert_eq!(
        (version, taken.as_str()),
        (None, report.text("/programmed/last_updated"))
    );
    for id in [
        "programmed-differs",
        "counted-differs",
        "identity-differs",
        "local-replies",
        "proxy-admin",
    ] {
        assert_eq!(said(&report, id), [""; 0]);
    }
}

#[test]
#[ignore = "takes Go and a real istiod"]
fn other_weights_in_the_control_plane_are_the_first_reason() {
    for stats in [Stats::OfIstio, Stats::All] {
        let driven = programmed(&rules(50, 50)).publishes(stats).start();
        let report = asked(&driven, &rules(90, 10), &["-n", "1000"]);
        let message = first_reason(&report);
        let part = "the proxy is programmed with 50% single, 50% multiple since 20";
        assert!(message.contains(part), "{message}");
        assert_eq!(said(&report, "programmed-differs").len(), 1);
        assert!(message.contains("have not reached it"), "{message}");
        assert_eq!(report.0["programmed"]["connected"], true);
    }
}

#[test]
#[ignore = "takes Go and a real istiod"]
fn weights_that_change_in_mid_run_leave_the_verdict_open() {
    for protocol in [Protocol::Incremental, Protocol::StateOfTheWorld] {
        let gate = Gate::after(500);
        let setup = programmed(&rules(90, 10)).behind(&gate).over(protocol);
        let mut driven = setup.start();
        let (before, _) = driven.routes();
        let report = meanwhile(&mut driven, &gate, &rules(90, 10), |driven| {
            driven.push_through(&rules(50, 50));
        });
        let (after, taken) = driven.routes();
        assert_eq!(before.is_some(), protocol == Protocol::StateOfTheWorld);
        let moved = match before.zip(after) {
            None => format!("came again at {taken}"),
            Some((before, after)) => format!("went from version `{before}` to `{after}`"),
        };
        assert_eq!(report.verdict(), "inconclusive");
        let reason = report.text("/verdict/reason");
        let part = format!("{moved}: 50% single, 50% multiple from then on");
        assert!(reason.contains(&part), "{part}: {reason}");
        assert_eq!(
            report.0["programmed"]["changes"][0]["concerns_request"],
            true
        );
        // What it began with, and a guess at what changed, are not told beside that.
        for id in ["programmed-differs", "split-changed"] {
            assert_eq!(said(&report, id), [""; 0]);
        }
    }
}

#[test]
#[ignore = "takes Go and a real istiod"]
fn a_push_for_other_requests_is_a_line_and_no_more() {
    let gate = Gate::after(500);
    let mut driven = programmed(&rules(90, 10)).behind(&gate).start();
    let others = rules(90, 10).replace(
        "  http:\n",
        &format!(
            "  http:\n  - match: [{{headers: {{x-tester: {{exact: \"1\"}}}}}}]\n    route: [{{destination: {{host: {HOST}, subset: multiple}}}}]\n"
        ),
    );
    let report = meanwhile(&mut driven, &gate, &rules(90, 10), |driven| {
        driven.push_through(&others);
    });
    let changes = report.0["programmed"]["changes"]
        .as_array()
        .expect("a list");
    assert_eq!(changes.len(), 1, "{changes:?}");
    assert_eq!(changes[0]["concerns_request"], false, "{changes:?}");
    holds(&report);
}

#[test]
#[ignore = "takes Go and a real istiod"]
fn settle_ends_as_soon_as_the_proxy_has_the_split() {
    let mut driven = programmed(&rules(50, 50)).start();
    let declared = Declared::new(&rules(90, 10));
    let args = typed(
        &driven,
        &declared,
        &["-o", "json", "-n", "1000", "--settle", "600s"],
    );
    let running = Running::start(&args.iter().map(String::as_str).collect::<Vec<_>>());
    driven.push(&rules(90, 10));
    let report = running.finish().report();
    assert_eq!(driven.served(), 1000);
    assert_eq!(said(&report, "programmed-differs"), [""; 0]);
    assert_ne!(report.verdict(), "diverged");
}

#[test]
#[ignore = "takes Go and a real istiod"]
fn a_proxy_without_its_control_plane_says_so() {
    for (stats, name) in [
        (Stats::All, "`control_plane.connected_state` is 0"),
        (Stats::OfIstio, "`cluster.xds-grpc.upstream_rq_active` is 0"),
    ] {
        let mut driven = programmed(&rules(50, 50)).publishes(stats).start();
        driven.stop();
        let report = asked(&driven, &rules(90, 10), &["-n", "1000"]);
        let message = first_reason(&report);
        assert!(
            message.contains("it is not connected to its control plane"),
            "{message}"
        );
        assert!(message.contains(name), "{message}");
        assert_eq!(report.0["programmed"]["connected"], false);
    }
}

#[test]
#[ignore = "takes Go and a real istiod"]
fn a_control_plane_that_is_lost_in_mid_run_is_said() {
    let gate = Gate::after(500);
    let mut driven = programmed(&rules(90, 10)).behind(&gate).start();
    let report = meanwhile(&mut driven, &gate, &rules(90, 10), Driven::stop);
    holds(&report);
    let said = said(&report, "proxy-disconnected").concat();
    assert!(
        said.contains("lost the connection to its control plane during the run"),
        "{said}"
    );
}

/// A virtual host with a header that has no name: Envoy takes none.
const REFUSED_BY_ENVOY: &str = "apiVersion: networking.istio.io/v1alpha3
kind: EnvoyFilter
metadata: {name: twice, namespace: default}
spec:
  configPatches:
  - applyTo: VIRTUAL_HOST
    match: {context: SIDECAR_OUTBOUND}
    patch: {operation: MERGE, value: {response_headers_to_add: [{header: {key: \"\", value: x}}]}}
";

#[test]
#[ignore = "takes Go and a real istiod"]
fn a_push_that_the_proxy_rejects_is_named() {
    for (stats, reason) in [
        (
            Stats::All,
            "since it was started (`update_rejected`), and goes on with what it had",
        ),
        (Stats::OfIstio, "it has rejected them (its log says so)"),
    ] {
        let mut driven = programmed(&rules(50, 50)).publishes(stats).start();
        driven.put("filter.yaml", REFUSED_BY_ENVOY);
        driven.push(&rules(90, 10));
        wait_until("the proxy has rejected its routes", || {
            driven.rejected() > 0
        });
        let report = asked(&driven, &rules(90, 10), &["-n", "1000"]);
        let message = first_reason(&report);
        assert!(
            message.contains("programmed with 50% single, 50% multiple"),
            "{message}"
        );
        assert!(message.contains(reason), "{message}");
    }
}

/// A client that may call registered hosts only.
const REGISTRY_ONLY: &str = "apiVersion: networking.istio.io/v1
kind: Sidecar
metadata: {name: default, namespace: default}
spec:
  outboundTrafficPolicy: {mode: REGISTRY_ONLY}
  egress: [{hosts: [\"./*\"]}]
";

#[test]
#[ignore = "takes Go and a real istiod"]
fn a_host_that_nobody_registered_gets_502_of_the_black_hole() {
    let driven = programmed(&rules(90, 10))
        .with("sidecar.yaml", REGISTRY_ONLY)
        .start();
    let sidecar = Declared::new(REGISTRY_ONLY);
    let mut args = typed(&driven, &sidecar, &["-n", "200"]);
    args.truncate(args.len() - driven.request().len());
    args.extend(driven.request_to("api.example.org"));
    let report = run_json(&args.iter().map(String::as_str).collect::<Vec<_>>())
        .exits(0)
        .report();
    let said = said(&report, "registry-only").concat();
    let part = "the proxy has no virtual host for `api.example.org`, and answers its requests with 502 (`block_all` of the route";
    assert!(
        said.contains(part) && said.contains("`BlackHoleCluster`"),
        "{said}"
    );
    assert_eq!(crate::proxy_admin::said(&report, "proxy-admin"), [""; 0]);
}

#[test]
#[ignore = "takes Go and a real istiod"]
fn a_subset_without_pods_is_named() {
    let driven = programmed(&rules(90, 10)).labelled("multple").start();
    let report = asked(&driven, &rules(90, 10), &["-n", "2000"]);
    assert_eq!(report.verdict(), "diverged", "{:#}", report.0["verdict"]);
    let said = said(&report, "counted-differs").concat();
    assert!(
        said.contains("it has no endpoints"),
        "{:#}",
        report.0["verdict"]
    );
    assert_eq!(of(&report, "counted", "multiple")["count"], 0);
}

#[test]
#[ignore = "takes Go and a real istiod"]
fn a_subset_that_no_rule_defines_is_named() {
    let broken = rules(90, 10).replace("{name: multiple,", "{name: multple,");
    let driven = programmed(&broken).start();
    let report = asked(&driven, &broken, &["-n", "2000"]);
    assert_eq!(report.verdict(), "diverged", "{:#}", report.0["verdict"]);
    let why = &report.0["verdict"]["diagnosis"];
    assert_eq!(why[0]["id"], "RS001", "{why:#}");
    assert_eq!(said(&report, "counted-differs"), [""; 0]);
}
