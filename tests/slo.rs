//! `--slo` through the binary: what it makes of a run, and what is refused before anything is sent.

use std::time::Duration;

use serde_json::Value;

use crate::support::cmd::{Outcome, Report, run, run_in_order};
use crate::support::mesh::{Mesh, NINETY_TEN};

/// A run against a mesh with these objectives.
fn judged(mesh: &Mesh, slos: &[&str], more: &[&str]) -> Outcome {
    let url = mesh.url("/");
    let mut args = vec!["--expect", NINETY_TEN, &url];
    for slo in slos {
        args.extend(["--slo", slo]);
    }
    args.extend(more);
    run_in_order(&args)
}

/// The result of one objective.
#[track_caller]
fn result<'r>(report: &'r Report, slo: &str) -> &'r Value {
    let all = report.0["verdict"]["slos"].as_array().expect("a list");
    let found = all.iter().find(|result| result["slo"] == slo);
    found.unwrap_or_else(|| panic!("no `{slo}` in {all:#?}"))
}

fn slow_canary() -> Mesh {
    Mesh::split([("v1", 90), ("v2", 10)])
        .seed(7)
        .latency("v2", Duration::from_millis(4))
        .start()
}

#[test]
fn objectives_that_hold_keep_the_pass() {
    let slos = [
        "v2.p99 < 10s",
        "v2.errors < 5%",
        "all.rps > 1",
        "v2.share > 5%",
    ];
    let report = judged(&Mesh::honest(), &slos, &[]).exits(0).report();
    assert_eq!(report.verdict(), "pass");
    for slo in slos {
        assert_eq!(result(&report, slo)["outcome"], "pass", "{slo}");
    }
    assert_eq!(result(&report, "v2.errors < 5%")["observed"], 0.0);
}

#[test]
fn a_split_that_is_certain_early_does_not_cut_objectives_short() {
    // Slowly enough that whoever watches has seconds to see that it is certain, and to stop.
    let slow = Duration::from_millis(2);
    let slowly = Mesh::split([("v1", 90), ("v2", 10)])
        .seed(7)
        .latency("v1", slow)
        .latency("v2", slow)
        .start();
    let split_alone = judged(&slowly, &[], &[]).exits(0).report();
    let with_slo = judged(&Mesh::honest(), &["v2.p99 < 10s"], &[])
        .exits(0)
        .report();
    assert_eq!(with_slo.sent(), 4056);
    assert!(split_alone.sent() < with_slo.sent());
}

#[test]
fn a_slow_canary_fails_its_objective_although_the_split_holds() {
    let mesh = slow_canary();
    let slo = "v2.p50 < 2ms";
    let report = judged(&mesh, &[slo, "v2.p50 < v1.p50 * 0.001"], &[])
        .exits(1)
        .report();
    assert_eq!(report.verdict(), "slo-failed");
    let failed = result(&report, slo);
    assert_eq!(failed["outcome"], "failed");
    let observed = failed["observed"].as_f64().expect("seconds");
    assert!(observed >= 0.004, "{observed}");
    assert_eq!(failed["limit"], 0.002);
    assert_eq!(
        result(&report, "v2.p50 < v1.p50 * 0.001")["outcome"],
        "failed"
    );
}

#[test]
fn errors_of_a_target_are_its_own() {
    let mesh = Mesh::split([("v1", 90), ("v2", 10)])
        .seed(7)
        .status("v2", 500)
        .start();
    let slos = [
        "v1.errors < 1%",
        "v2.errors < 1%",
        "v2.errors < v1.errors + 1%",
        "v2.errors <= v1.errors",
    ];
    let report = judged(&mesh, &slos, &[]).exits(1).report();
    assert_eq!(report.verdict(), "slo-failed");
    assert_eq!(result(&report, slos[0])["outcome"], "pass");
    for slo in &slos[1..] {
        assert_eq!(result(&report, slo)["outcome"], "failed", "{slo}");
    }
    assert_eq!(result(&report, slos[1])["observed"], 1.0);
}

/// What a framework or a proxy answers names nobody: at 10 % of the traffic, the 1 % that may be unattributed hides 8 % of
/// the canary's requests.
#[test]
fn errors_that_name_nobody_keep_an_objective_from_holding() {
    let mesh = Mesh::split([("v1", 90), ("v2", 10)])
        .seed(7)
        .bare_errors("v2", "oops", 8)
        .start();
    let slos = [
        "v2.errors < 2%",
        "v2.errors < v1.errors + 1%",
        "v2.errors < 40%",
        "v1.errors < 5%",
        "all.errors < 5%",
    ];
    // One connection, so that the counts are those of the seed.
    let more = ["-n", "3000", "--seed", "1"];
    let report = judged(&mesh, &slos, &more).exits(3).report();
    let bare = report.number("/observation/unattributed");
    assert!((10..30).contains(&bare), "{bare}");
    for slo in &slos[..2] {
        let open = result(&report, slo);
        assert_eq!(open["outcome"], "inconclusive", "{slo}");
        assert_eq!(open["observed"], 0.0, "{slo}");
        assert_eq!(open["requests_needed"], Value::Null, "{slo}");
        let most = open["observed_most"].as_f64().expect("a rate");
        assert!((0.03..0.12).contains(&most), "{most}");
    }
    for slo in &slos[2..] {
        assert_eq!(result(&report, slo)["outcome"], "pass", "{slo}");
    }
    assert_eq!(report.0["verdict"]["requests_needed"], Value::Null);
    let url = mesh.url("/");
    let mut args = vec!["--expect", NINETY_TEN, "--slo", slos[0], &url];
    args.extend(more);
    let text = run(&args).exits(3).stdout;
    assert!(
        text.contains(" responses, but ")
            && text.contains(
                " requests with an error that no target can be blamed for may be its: up to "
            ),
        "{text}"
    );
    assert!(
        text.contains("next: let every version name itself in its errors too")
            && !text.contains("-n "),
        "{text}"
    );
}

#[test]
fn too_few_responses_are_inconclusive_and_say_how_many_are_needed() {
    let slo = "v2.p99 < 10s";
    let report = judged(&Mesh::honest(), &[slo], &["-n", "200"])
        .exits(3)
        .report();
    let open = result(&report, slo);
    assert_eq!(open["outcome"], "inconclusive");
    let needed = open["requests_needed"].as_u64().expect("it says so");
    assert!((1000..20_000).contains(&needed), "{needed}");
    judged(
        &Mesh::honest(),
        &[slo],
        &["-n", "200", "--inconclusive", "pass"],
    )
    .exits(0);
}

#[test]
fn a_divergence_stays_one_whatever_holds() {
    let mesh = Mesh::split([("v1", 50), ("v2", 50)]).seed(7).start();
    let slos = ["v1.errors < 5%", "v2.p50 < 1us"];
    // So many that the first one is decided too.
    let report = judged(&mesh, &slos, &["-n", "400"]).exits(1).report();
    assert_eq!(report.verdict(), "diverged");
    assert_eq!(result(&report, "v1.errors < 5%")["outcome"], "pass");
}

#[test]
fn without_a_declaration_values_are_targets_and_objectives_decide() {
    let mesh = Mesh::split([("v1", 90), ("v2", 10)])
        .seed(7)
        .status("v2", 500)
        .start();
    let url = mesh.url("/");
    let with = |slo: &str| run_in_order(&["--slo", slo, &url]);
    assert_eq!(with("v1.p99 < 10s").exits(0).report().verdict(), "pass");
    assert_eq!(
        with("v2.errors < 1%").exits(1).report().verdict(),
        "slo-failed"
    );
    assert_eq!(
        with("all.errors < 10%").exits(3).report().verdict(),
        "inconclusive"
    );
    with("v3.errors < 1%").refused("a value that did not answer");
}

#[test]
fn what_is_no_objective_is_refused_before_anything_is_sent() {
    let mesh = Mesh::honest();
    for slo in [
        "",
        "v2.p99",
        "v2.p99 < 5%",
        "v2.p99 < 200",
        "v2.speed < 1",
        "v3.p99 < 1s",
        "v2.errors < 0%",
        "v2.p99 < v2.p50 * 2",
        "v2.p99 < 1s\u{1b}[2J",
    ] {
        let outcome = judged(&mesh, &[slo], &[]);
        outcome.refused(slo);
        assert!(outcome.stderr.contains("--slo"), "{}", outcome.stderr);
        assert!(!outcome.stderr.contains('\u{1b}'), "{}", outcome.stderr);
    }
    assert_eq!(mesh.served(), 0);
}

#[test]
fn the_error_shows_the_expression_with_a_caret() {
    let outcome = run(&["--slo", "canary.p99 < 5%", "http://127.0.0.1:9/"]);
    insta::assert_snapshot!("error", outcome.stderr);
}

#[test]
fn the_text_has_a_line_for_every_objective() {
    let mesh = slow_canary();
    let url = mesh.url("/");
    let slos = ["v1.errors < 1%", "v2.p50 < 1ms", "v2.p99.9 < 10s"];
    let mut args = vec![
        "--expect", NINETY_TEN, "-n", "2000", "-c", "1", "--seed", "1", &url,
    ];
    for slo in slos {
        args.extend(["--slo", slo]);
    }
    let text = run(&args).exits(1).stdout;
    let lines: Vec<&str> = text
        .lines()
        .filter(|line| slos.iter().any(|slo| line.contains(&format!("  {slo}: "))))
        .map(str::trim_start)
        .collect();
    assert_eq!(lines.len(), 3, "{text}");
    for (line, word) in lines.iter().zip(["holds", "failed", "open"]) {
        assert!(line.starts_with(word), "{line}");
    }
    assert!(
        text.contains("SLO FAILED  `v2.p50 < 1ms` does not hold"),
        "{text}"
    );
}
