//! `resplit judge` through the binary: the same verdict on counts that resplit did not make.

use std::fs;

use serde_json::Value;

use crate::support::cmd::{Outcome, resplit, run};
use crate::support::envoy::Envoy;

const EXPECT: [&str; 3] = ["judge", "--expect", "v1=90,v2=10"];

fn judge(args: &[&str]) -> Outcome {
    run(&[&EXPECT, args].concat())
}

/// With this on stdin, as a file would be.
fn piped(args: &[&str], input: &str) -> Outcome {
    let args = [&EXPECT, args].concat();
    let output = resplit().args(&args).write_stdin(input).output();
    Outcome::of(&args, &output.expect("it runs"))
}

#[test]
fn counts_are_judged_as_a_run_of_that_many_requests_is() {
    for (counts, code, outcome) in [
        (&["v1=9012", "v2=988"][..], 0, "pass"),
        (&["v1=500", "v2=500"], 1, "diverged"),
        (&["v1=90", "v2=10"], 3, "inconclusive"),
        (&["v1=900", "v3=100"], 1, "diverged"),
        (&["v1=0", "v2=0"], 4, "no-data"),
    ] {
        let report = judge(&[counts, &["-o", "json"]].concat())
            .exits(code)
            .report();
        assert_eq!(report.verdict(), outcome, "{counts:?}");
        assert_eq!(report.text("/counted_in"), "the command line");
        let notes = report.0["verdict"]["caveats"].to_string();
        assert!(notes.contains("counts-only"), "{notes}");
    }
    let report = judge(&["v1=500", "v2=500", "-o", "json"]).report().0;
    // scipy.stats.chisquare([500, 500], [900, 100])
    let x2 = report["verdict"]["chi_square"].as_f64().expect("a number");
    assert!((x2 - 16_000.0 / 9.0).abs() < 1e-9, "{x2}");
}

#[test]
fn nothing_is_said_of_times_and_connections_that_nobody_knows() {
    for format in ["text", "markdown", "oneline", "junit", "html"] {
        let text = judge(&["v1=9012", "v2=988", "-o", format]).exits(0).stdout;
        let text = text
            .split("</style>")
            .last()
            .expect("a page")
            .to_lowercase();
        assert!(text.contains("counts of"), "{format}: {text}");
        for untrue in ["0 connections", "0.00s", "0/s", "p99", "run again", "sent"] {
            assert!(!text.contains(untrue), "{format}: {untrue} in {text}");
        }
    }
    let next = judge(&["v1=90", "v2=10"]).exits(3).stdout;
    assert!(next.contains("next: count about "), "{next}");
}

#[test]
fn lines_are_read_from_stdin_as_uniq_prints_them() {
    for lines in [
        "   9012 v1\n    988 v2\n",
        "v1 9012\nv2\t988\n# total 10000\n",
    ] {
        let report = piped(&["-", "-o", "json"], lines).exits(0).report();
        assert_eq!(
            (report.count("v1"), report.count("v2")),
            (9012, 988),
            "{lines}"
        );
    }
    let unknown = piped(&["-"], "a 1\nb 2\n");
    unknown.refused("no value of a target");
    assert!(unknown.stderr.contains("target: a, b"), "{unknown:?}");
    piped(&["-"], "v1 many\n").refused("a word for a count");
    judge(&["v1:9"]).refused("no equals sign");
}

#[test]
fn a_saved_report_of_counts_is_judged_again_and_merged() {
    let folder = tempfile::tempdir().expect("a folder");
    let save = |name: &str, counts: [&str; 2]| {
        let path = folder.path().join(name).display().to_string();
        let to = format!("json={path}");
        let _ = judge(&[&counts[..], &["--report", &to]].concat());
        path
    };
    let one = save("a.json", ["v1=90", "v2=10"]);
    let other = save("b.json", ["v1=9012", "v2=988"]);
    let again = run(&["report", &one]).exits(3).stdout;
    assert!(
        again.starts_with("counts of the command line\n100 requests\n"),
        "{again}"
    );
    let both = run(&["report", &one, &other, "-o", "json"])
        .exits(0)
        .report();
    assert_eq!(both.count("v2"), 998);
    assert_eq!(
        both.text("/counted_in"),
        "the command line, the command line"
    );
    // What they did not measure is refused as it is when they are counted, alone and beside each other.
    run(&["report", &other, "--slo", "v2.errors < 5%"]).refused("errors of saved counts");
    run(&["report", &other, "--slo", "v2.p99 < 1s"]).refused("times of saved counts");
    run(&["report", &one, &other, "--require-healthy"]).refused("health of saved counts");
    let between = ["--compare", "--slo", "v2.errors < before + 1%"];
    run(&[&["report", &one, &other][..], &between].concat()).refused("errors of two counts");
    run(&["report", &other, "--slo", "v2.share > 5%"]).exits(0);
}

#[test]
fn objectives_on_counts_are_about_errors_and_shares() {
    judge(&["v1=900", "v2=100", "--slo", "v2.p99 < 1s"]).refused("a latency");
    judge(&["v1=900", "v2=100", "--slo", "all.rps > 5"]).refused("a rate");
    // Nothing is known of errors where no status is: neither holds, and neither fails.
    let typed = judge(&["v1=900", "v2=100", "--slo", "v2.errors < 5%"]);
    typed.refused("errors of counts without statuses");
    judge(&["v1=900", "v2=100", "--require-healthy"]).refused("health without statuses");
    piped(
        &["--prometheus", "-", "--require-healthy"],
        "istio_requests_total{destination_version=\"v1\"} 9\n",
    )
    .refused("a counter without response_code");
    let metrics = |errors: u64| {
        let row = |version: &str, code: u16, count: u64| {
            format!(
                "istio_requests_total{{destination_version=\"{version}\",response_code=\"{code}\"}} {count}\n"
            )
        };
        [
            row("v1", 200, 9000),
            row("v2", 200, 1000 - errors),
            row("v2", 503, errors),
        ]
        .concat()
    };
    let args = ["--prometheus", "-", "--slo", "v2.errors < 5%"];
    piped(&args, &metrics(5)).exits(0);
    piped(&args, &metrics(300)).exits(1);
}

#[test]
fn what_a_real_envoy_counts_between_two_scrapes_is_what_its_backends_served() {
    const METRIC: &str = "envoy_cluster_default_svc_cluster_local_upstream_rq_total";
    let split = Envoy::split(&[("v1", 90), ("v2", 10)]).start();
    let folder = tempfile::tempdir().expect("a folder");
    let scrape = |name: &str| {
        let path = folder.path().join(name);
        fs::write(&path, split.envoy().admin_text("/stats/prometheus")).expect("written");
        path.display().to_string()
    };
    let send = |n: &str| run(&["-n", n, &split.url("/version"), "-o", "json"]).exits(0);
    send("50");
    let (before, served) = (scrape("before"), [split.hits("v1"), split.hits("v2")]);
    send("4000");
    let after = scrape("after");
    let own = [split.hits("v1") - served[0], split.hits("v2") - served[1]];
    // Envoy keeps in the name what follows the first dot of a cluster's.
    let counter = ["--metric", METRIC, "-o", "json"];
    let files = ["--prometheus", &before, "--prometheus", &after];
    let report = judge(&[&files[..], &counter].concat()).exits(0).report();
    assert_eq!([report.count("v1"), report.count("v2")], own);
    let other = judge(&files);
    assert!(other.stderr.contains(METRIC), "{other:?}");
    let all = judge(&[&files[2..], &counter].concat()).report();
    assert_eq!(all.count("v1"), split.hits("v1"));
    judge(&[
        "--prometheus",
        &after,
        "--prometheus",
        &before,
        "--metric",
        METRIC,
    ])
    .refused("the other way round");
}

#[test]
fn an_access_log_is_counted_by_cluster() {
    let line = |subset: &str, code: u16| {
        let host = "web.default.svc.cluster.local";
        serde_json::json!({
            "authority": "web", "response_code": code, "response_flags": "-",
            "upstream_cluster": format!("outbound|80|{subset}|{host}"),
        })
    };
    let log = |versions: [u64; 2]| {
        let lines: Vec<Value> = (0..versions[0])
            .map(|_| line("v1", 200))
            .chain((0..versions[1]).map(|_| line("v2", 200)))
            .collect();
        let lines: Vec<String> = lines.iter().map(Value::to_string).collect();
        lines.join(
            "
",
        )
    };
    piped(&["--access-log", "-"], &log([3150, 350])).exits(0);
    let halves = piped(&["--access-log", "-", "-o", "oneline"], &log([500, 500])).exits(1);
    assert!(halves.stdout.contains("v2 50%"), "{halves:?}");
    piped(
        &["--access-log", "-", "--where", "authority=shop"],
        &log([9, 1]),
    )
    .refused("no such host");
    piped(&["--access-log", "-"], "started\n").refused("no log");
}
