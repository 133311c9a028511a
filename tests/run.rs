//! The main job through the binary, against an in-process mesh: what is sent, what is counted, what is said.

use std::process::{Child, Command, Output, Stdio};
use std::time::{Duration, Instant};

use serde_json::Value;

use crate::support::cmd::{Outcome, Report, bare, run, run_json};
use crate::support::hostile::Refusing;
use crate::support::mesh::Mesh;

/// The declared split of most tests.
const NINETY_TEN: &str = "v1=90,v2=10";

/// A mesh that does what [`NINETY_TEN`] declares.
fn honest() -> Mesh {
    Mesh::split([("v1", 90), ("v2", 10)]).seed(7).start()
}

/// Runs against `honest` and fails unless every target was counted as often as it was hit.
#[track_caller]
fn counted_by(mesh: &Mesh, path: &str, bucket: &str) {
    let url = mesh.url(path);
    let args = [
        "--expect", NINETY_TEN, "--bucket", bucket, "-n", "300", &url,
    ];
    let report = run_json(&args).report();
    for target in ["v1", "v2"] {
        assert_eq!(
            report.count(target),
            mesh.hits(target),
            "{bucket}: {:#}",
            report.0
        );
    }
    assert_eq!(report.sent(), 300);
}

mod verdicts {
    use super::*;

    #[test]
    fn ninety_ten_passes() {
        let mesh = honest();
        let report = run_json(&["--expect", NINETY_TEN, &mesh.url("/")])
            .exits(0)
            .report();
        assert_eq!(report.verdict(), "pass");
        assert_eq!(report.text("/schema"), "resplit.report/1");
        assert_eq!(report.text("/expected/source"), "--expect");
        assert_eq!(report.sent(), mesh.served());
        assert_eq!(
            (report.count("v1"), report.count("v2")),
            (mesh.hits("v1"), mesh.hits("v2"))
        );
    }

    #[test]
    fn eighty_twenty_is_not_ninety_ten() {
        let mesh = Mesh::split([("v1", 80), ("v2", 20)]).seed(7).start();
        let report = run_json(&["--expect", NINETY_TEN, &mesh.url("/")])
            .exits(1)
            .report();
        assert_eq!(report.verdict(), "diverged");
    }

    #[test]
    fn forty_requests_decide_nothing() {
        let mesh = honest();
        let url = mesh.url("/");
        let args = ["--expect", NINETY_TEN, "-n", "40", &url];
        let report = run_json(&args).exits(3).report();
        assert_eq!(report.verdict(), "inconclusive");
        assert!(report.number("/verdict/requests_needed") > 40);
        run_json(&[&["--inconclusive", "pass"][..], &args].concat()).exits(0);
        run_json(&[&["--inconclusive", "fail"][..], &args].concat()).exits(1);
    }

    #[test]
    fn a_dead_port_is_no_data() {
        let dead = Refusing::start();
        let report = run_json(&["--expect", NINETY_TEN, "-n", "20", &dead.url("/")])
            .exits(4)
            .report();
        assert_eq!(report.verdict(), "no-data");
        assert_eq!(report.failures("connect"), 20);
    }

    #[test]
    fn traffic_at_a_zero_weight_needs_no_statistics() {
        let mesh = honest();
        let url = mesh.url("/");
        let args = ["--expect", "v1=100,v2=0", "-n", "200", &url];
        let report = run_json(&args).exits(1).report();
        assert_eq!(report.verdict(), "diverged");
        assert_eq!(report.text("/verdict/method"), "structural");
    }

    #[test]
    fn a_value_nobody_declared_diverges_unless_allowed() {
        let mesh = || {
            let targets = [("v1", 900), ("v2", 100), ("v9", 2)];
            Mesh::split(targets).seed(7).start()
        };
        let strange = mesh();
        let url = strange.url("/");
        let args = ["--expect", NINETY_TEN, "-n", "4000", &url];
        let report = run_json(&args).exits(1).report();
        assert_eq!(report.text("/verdict/method"), "structural");
        let bucket = report
            .buckets()
            .iter()
            .find(|bucket| bucket["bucket"] == "v9");
        let bucket = bucket.unwrap_or_else(|| panic!("no bucket `v9` in {:#}", report.0));
        assert_eq!(bucket["target"], Value::Null);
        assert_eq!(bucket["count"], strange.hits("v9"));

        let allowed = mesh();
        let url = allowed.url("/");
        let args = ["--expect", NINETY_TEN, "--allow-unexpected", "100", &url];
        assert_eq!(run_json(&args).exits(0).report().verdict(), "pass");
    }

    #[test]
    fn an_error_with_identity_counts_for_its_target() {
        let mesh = Mesh::split([("v1", 90), ("v2", 10)])
            .seed(7)
            .status("v2", 500)
            .start();
        let report = run_json(&["--expect", NINETY_TEN, &mesh.url("/")])
            .exits(0)
            .report();
        assert_eq!(report.count("v2"), mesh.hits("v2"));
        assert_eq!(report.number("/observation/unattributed"), 0);
    }

    #[test]
    fn errors_without_identity_forbid_a_pass() {
        let mesh = Mesh::split([("v1", 90), ("v2", 10)])
            .seed(7)
            .identityless(503, "no healthy upstream", 5)
            .start();
        let report = run_json(&["--expect", NINETY_TEN, "-n", "4000", &mesh.url("/")])
            .exits(3)
            .report();
        assert_eq!(
            report.number("/observation/unattributed"),
            4000 - mesh.hits("v1") - mesh.hits("v2")
        );
    }

    #[test]
    fn without_an_expectation_a_run_only_produces_data() {
        let mesh = honest();
        let report = run_json(&[&mesh.url("/")]).exits(0).report();
        assert_eq!(report.0["expected"], Value::Null);
        assert_eq!(report.verdict(), "not-judged");
        assert_eq!((report.sent(), mesh.served()), (1000, 1000));
    }
}

mod load {
    use super::*;

    #[test]
    fn exactly_n_are_served() {
        for (n, c) in [
            ("1", "100"),
            ("7", "100"),
            ("1000", "100"),
            ("50", "100"),
            ("50", "7"),
        ] {
            let mesh = honest();
            let report = run_json(&["-n", n, "-c", c, &mesh.url("/")])
                .exits(0)
                .report();
            assert_eq!(mesh.served().to_string(), n, "-n {n} -c {c}");
            assert_eq!(report.sent().to_string(), n, "-n {n} -c {c}");
            // A connection that carries no request would look like traffic to the mesh.
            let cap: u64 = n.parse::<u64>().unwrap().min(c.parse().unwrap());
            assert!(
                mesh.connections() <= cap,
                "-n {n} -c {c}: {}",
                mesh.connections()
            );
        }
    }

    #[test]
    fn a_duration_ends_by_itself() {
        let mesh = honest();
        let started = Instant::now();
        let report = run_json(&["-z", "1s", "-c", "4", &mesh.url("/")])
            .exits(0)
            .report();
        assert!(started.elapsed() >= Duration::from_secs(1));
        assert!(started.elapsed() < Duration::from_secs(20));
        assert!(report.sent() > 0);
        assert_eq!(report.sent(), mesh.served());
    }

    #[test]
    fn a_rate_is_kept() {
        let mesh = honest();
        let started = Instant::now();
        run_json(&["-n", "50", "-q", "100", &mesh.url("/")]).exits(0);
        assert!(started.elapsed() >= Duration::from_millis(450));
        assert_eq!(mesh.served(), 50);
    }

    #[test]
    fn the_flags_of_respy_work() {
        for spelled in ["--u URL --n 50 --c 5", "--u=URL --n=50 --c=5"] {
            let mesh = honest();
            let spelled = spelled.replace("URL", &mesh.url("/"));
            run(&spelled.split(' ').collect::<Vec<_>>()).exits(0);
            assert_eq!(mesh.served(), 50, "{spelled}");
            assert!(mesh.connections() <= 5, "{spelled}");
        }
    }

    #[test]
    fn the_same_as_a_subcommand() {
        let mesh = honest();
        run(&["run", "-n", "10", &mesh.url("/")]).exits(0);
        assert_eq!(mesh.served(), 10);
    }

    #[test]
    fn without_keepalive_every_request_has_its_connection() {
        let mesh = honest();
        let report = run_json(&["-n", "30", "-c", "3", "--disable-keepalive", &mesh.url("/")])
            .exits(0)
            .report();
        assert_eq!((mesh.served(), mesh.connections()), (30, 30));
        assert_eq!(report.number("/observation/connections"), 30);
    }

    #[test]
    fn reuse_limits_the_requests_of_a_connection() {
        let mesh = honest();
        run_json(&["-n", "100", "-c", "1", "--reuse", "5", &mesh.url("/")]).exits(0);
        assert_eq!((mesh.served(), mesh.connections()), (100, 20));
    }

    #[test]
    fn warmup_is_sent_but_not_counted() {
        let mesh = honest();
        let report = run_json(&["-n", "50", "--warmup", "20", &mesh.url("/")])
            .exits(0)
            .report();
        assert_eq!((report.sent(), mesh.served()), (50, 70));
    }
}

mod buckets {
    use super::*;

    #[test]
    fn every_extractor_finds_who_answered() {
        for (path, bucket) in [
            ("/", "auto"),
            ("/", "body"),
            ("/", "header:x-version"),
            ("/", "header:X-Version"),
            ("/json", "json:/version"),
            ("/json", r#"regex:"version":"(v\d)""#),
            ("/", r"regex:v\d"),
        ] {
            counted_by(&honest(), path, bucket);
        }
    }

    #[test]
    fn auto_reads_the_usual_sentences() {
        for says in [
            "weather-backend: {}\n",
            "Hello version: {}, instance: helloworld-{}-6757db4ff5-8jzqn\n",
            "\"{}\"",
        ] {
            let mesh = Mesh::split([("v1", 90), ("v2", 10)]).says(says).start();
            counted_by(&mesh, "/", "auto");
        }
    }

    #[test]
    fn a_status_can_be_the_bucket() {
        let mesh = Mesh::split([("v1", 90), ("v2", 10)])
            .status("v2", 500)
            .start();
        let url = mesh.url("/");
        let args = [
            "--bucket",
            "status",
            "--expect",
            "200=90,500=10",
            "-n",
            "200",
            &url,
        ];
        let report = run_json(&args).report();
        assert_eq!(
            (report.count("200"), report.count("500")),
            (mesh.hits("v1"), mesh.hits("v2"))
        );
    }

    #[test]
    fn the_peer_can_be_the_bucket() {
        let mesh = honest();
        let report = run_json(&["--bucket", "peer", "-n", "50", &mesh.url("/")])
            .exits(0)
            .report();
        let [bucket] = report.buckets() else {
            panic!("one peer, one bucket: {:#}", report.0)
        };
        assert_eq!(bucket["count"], 50);
        let name = bucket["bucket"].as_str().unwrap_or_default();
        assert!(name.starts_with("127.0.0.1"), "{name}");
    }

    #[test]
    fn a_map_says_which_value_belongs_to_which_target() {
        for maps in [["blue=v1", "green=v2"], ["/^bl/=v1", "/^gr/=v2"]] {
            let mesh = Mesh::split([("blue", 90), ("green", 10)]).seed(7).start();
            let url = mesh.url("/");
            let args = [
                "--expect", NINETY_TEN, "--map", maps[0], "--map", maps[1], &url,
            ];
            let report = run_json(&args).exits(0).report();
            assert_eq!(
                (report.count("v1"), report.count("v2")),
                (mesh.hits("blue"), mesh.hits("green"))
            );
        }
    }
}

mod tls {
    use super::*;

    #[test]
    fn only_a_trusted_certificate_is_talked_to() {
        let mesh = Mesh::split([("v1", 90), ("v2", 10)]).seed(7).tls().start();
        let url = mesh.url("/");
        let report = run_json(&["-n", "4", &url]).exits(4).report();
        assert_eq!((report.failures("tls"), mesh.served()), (4, 0));

        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("ca.pem");
        std::fs::write(&file, mesh.certificate().unwrap()).unwrap();
        let trusted = file.to_str().unwrap();
        run_json(&["-n", "10", "--cacert", trusted, &url]).exits(0);
        assert_eq!(mesh.served(), 10);
    }

    #[test]
    fn trust_can_be_waived() {
        let mesh = Mesh::split([("v1", 90), ("v2", 10)]).seed(7).tls().start();
        let report = run_json(&["-k", "--expect", NINETY_TEN, &mesh.url("/")])
            .exits(0)
            .report();
        assert_eq!((report.verdict(), report.sent()), ("pass", mesh.served()));
    }
}

mod output {
    use super::*;

    #[test]
    fn a_report_is_also_written_to_a_file() {
        let mesh = honest();
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("report.json");
        let to = format!("json={}", file.display());
        let outcome = run(&["-n", "50", "--report", &to, &mesh.url("/")]).exits(0);
        let written = std::fs::read_to_string(&file).unwrap();
        assert_eq!(Report(serde_json::from_str(&written).unwrap()).sent(), 50);
        assert!(
            !outcome.stdout.is_empty(),
            "the text report still goes to stdout"
        );
    }

    #[test]
    fn a_report_that_cannot_be_written_is_an_error() {
        let mesh = honest();
        let folder = tempfile::tempdir().unwrap();
        let to = format!("json={}/missing/report.json", folder.path().display());
        let outcome = run(&["-n", "20", "--report", &to, &mesh.url("/")]).exits(2);
        assert!(outcome.stderr.contains("error:"), "{outcome:#?}");
        assert!(outcome.stderr.contains("report.json"), "{outcome:#?}");
    }

    #[test]
    fn a_reader_that_leaves_is_no_error() {
        let mesh = honest();
        let mut child = piped(bare().args(["-o", "json", "-n", "50", &mesh.url("/")]));
        drop(child.stdout.take());
        let outcome = Outcome::of(&[], &finish(child)).exits(0);
        assert!(!outcome.stderr.contains("panicked"), "{outcome:#?}");
        assert!(!outcome.stderr.contains("error:"), "{outcome:#?}");
    }

    #[test]
    fn nothing_but_the_report_goes_to_stdout() {
        let mesh = honest();
        let outcome = run_json(&["-n", "20", "-v", &mesh.url("/")]).exits(0);
        assert_eq!(outcome.report().sent(), 20);
        let quiet = run(&["-n", "20", "--quiet", &mesh.url("/")]).exits(0);
        assert_eq!(quiet.stderr, "");
        assert!(
            !quiet.stdout.contains('\x1b'),
            "no colour without a terminal"
        );
    }
}

mod signals {
    use super::*;

    #[test]
    fn the_first_interrupt_stops_and_reports() {
        let mesh = Mesh::split([("v1", 90), ("v2", 10)])
            .latency("v1", Duration::from_millis(5))
            .latency("v2", Duration::from_millis(5))
            .start();
        let url = mesh.url("/");
        let child = piped(bare().args(["-o", "json", "-n", "1M", "-c", "2", &url]));
        wait_until("fifty requests are served", || mesh.served() >= 50);
        interrupt(&child);
        let report = Outcome::of(&[], &finish(child)).exits(0).report();
        assert!(report.sent() >= 50, "{}", report.sent());
        assert_eq!(report.sent(), mesh.served());
        assert_eq!(report.answers(), report.number("/observation/answered"));
    }

    #[test]
    fn the_second_interrupt_ends_at_once() {
        // A server that never answers, and a timeout that never comes: the first interrupt has to wait.
        let mesh = Mesh::split([("v1", 1)])
            .latency("v1", Duration::from_secs(300))
            .start();
        let url = mesh.url("/");
        let child = piped(bare().args(["-n", "10", "-t", "300s", &url]));
        wait_until("a request is under way", || mesh.served() >= 1);
        interrupt(&child);
        std::thread::sleep(Duration::from_millis(200));
        interrupt(&child);
        Outcome::of(&[], &finish(child)).exits(130);
    }
}

fn piped(command: &mut Command) -> Child {
    command
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("the binary runs")
}

/// As ^C does.
fn interrupt(child: &Child) {
    let status = Command::new("kill")
        .args(["-INT", &child.id().to_string()])
        .status()
        .expect("`kill` runs");
    assert!(
        status.success(),
        "the process has ended before it was interrupted"
    );
}

/// Waits half a minute at most; the reports are short enough for a pipe.
fn finish(mut child: Child) -> Output {
    let mut ended = false;
    for _ in 0..600 {
        ended = matches!(child.try_wait(), Ok(Some(_)));
        if ended {
            break;
        }
        std::thread::sleep(Duration::from_millis(50));
    }
    if !ended {
        child.kill().expect("the process still runs");
    }
    let output = child.wait_with_output();
    assert!(ended, "it did not end: {output:?}");
    output.expect("the pipes are readable")
}

fn wait_until(what: &str, done: impl Fn() -> bool) {
    let deadline = Instant::now() + Duration::from_secs(20);
    while !done() {
        assert!(Instant::now() < deadline, "not within 20 s: {what}");
        std::thread::sleep(Duration::from_millis(5));
    }
}
