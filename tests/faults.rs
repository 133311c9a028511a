//! Servers that misbehave: every failure is counted under its kind, the run goes on, and it ends in time.

use tokio::io::{AsyncReadExt, AsyncWriteExt};

use crate::support::cmd::{Outcome, Report, run, run_json};
use crate::support::hostile::{Behaviour, Hostile, Refusing};
use crate::support::mesh::Mesh;
use crate::support::parts;
use crate::support::server::Server;

/// What each behaviour counts as, and how long it may take. Only what never answers is given little time.
const KINDS: [(Behaviour, &str, &str); 27] = [
    (Behaviour::ResetOnAccept, "reset", "5m"),
    (Behaviour::ResetAfterRequest, "reset", "5m"),
    (Behaviour::Silent, "timeout", "300ms"),
    (Behaviour::SlowHeaders, "timeout", "300ms"),
    (Behaviour::Truncated, "truncated", "5m"),
    (Behaviour::Endless, "oversized", "5m"),
    (Behaviour::BadStatusLine, "malformed", "5m"),
    (Behaviour::Garbage, "malformed", "5m"),
    (Behaviour::BadChunking, "malformed", "5m"),
    (Behaviour::TlsAlert, "malformed", "5m"),
    (Behaviour::EndlessHeaders, "oversized", "5m"),
    (Behaviour::Gigabyte, "oversized", "5m"),
    (Behaviour::Unframed, "oversized", "5m"),
    (Behaviour::TinyChunks, "oversized", "5m"),
    (Behaviour::TwoLengths, "malformed", "5m"),
    (Behaviour::BadLength, "malformed", "5m"),
    (Behaviour::InterimFlood, "malformed", "5m"),
    (Behaviour::ResetInHead, "reset", "5m"),
    (Behaviour::ResetInBody, "reset", "5m"),
    (Behaviour::NoGzip, "malformed", "5m"),
    (Behaviour::GzipBomb, "oversized", "5m"),
    (Behaviour::TruncatedGzip, "malformed", "5m"),
    (Behaviour::HugeChunk, "oversized", "5m"),
    (Behaviour::NegativeChunk, "malformed", "5m"),
    (Behaviour::EndlessFold, "malformed", "5m"),
    (Behaviour::EndlessTrailers, "malformed", "5m"),
    (Behaviour::NoStatus, "malformed", "5m"),
];

#[test]
fn nothing_but_failures_is_no_data() {
    for (behaviour, kind, timeout) in KINDS {
        let server = Hostile::always(behaviour);
        let url = server.url("/");
        let report = run_json(&["-n", "8", "-c", "4", "-t", timeout, &url])
            .exits(4)
            .report();
        assert_eq!(report.verdict(), "no-data", "{behaviour:?}");
        assert_eq!(report.failures(kind), 8, "{behaviour:?}: {:#}", report.0);
        assert_eq!(report.number("/observation/failed"), 8, "{behaviour:?}");
        assert_eq!(report.number("/observation/answered"), 0, "{behaviour:?}");
        assert_eq!(server.good(), 0, "{behaviour:?}");
    }
}

#[test]
fn a_run_goes_on_after_failures() {
    for (behaviour, kind, timeout) in KINDS {
        if kind != "timeout" {
            goes_on(behaviour, kind, timeout);
        }
    }
}

/// Good answers have the same time as those that never come: as much as no machine needs.
#[test]
fn a_run_goes_on_after_timeouts() {
    std::thread::scope(|scope| {
        for (behaviour, kind, _) in KINDS {
            if kind == "timeout" {
                scope.spawn(move || goes_on(behaviour, kind, "5s"));
            }
        }
    });
}

#[track_caller]
fn goes_on(behaviour: Behaviour, kind: &str, timeout: &str) {
    let server = Hostile::every(5, behaviour);
    let url = server.url("/");
    // A connection each, so that what happens to a connection happens to one request.
    let args = ["-n", "40", "-c", "4", "-t", timeout, "--disable-keepalive"];
    let report = run_json(&[&args[..], &[&url]].concat()).exits(0).report();
    let said = format!("{behaviour:?}: {:#}", report.0);
    assert_eq!(report.sent(), 40, "{said}");
    assert_eq!((server.good(), server.bad()), (34, 6), "{said}");
    assert_eq!(report.failures(kind), 6, "{said}");
    assert_eq!(report.number("/observation/failed"), 6, "{said}");
    assert_eq!(report.number("/observation/answered"), 34, "{said}");
    assert_eq!(report.answers(), 34, "{said}");
}

#[test]
fn failures_above_the_limit_forbid_a_pass() {
    let server = Hostile::every(5, Behaviour::ResetAfterRequest);
    let url = server.url("/");
    let report = run_json(&["--expect", "v1=100", "-n", "200", &url])
        .exits(3)
        .report();
    assert_eq!(report.verdict(), "inconclusive");
}

#[test]
fn nobody_at_the_other_end_is_no_data() {
    let refusing = Refusing::start();
    let plain = Mesh::split([("v1", 1)]).start();
    let encrypted = format!("https://{}/", plain.addr());
    for (url, kind, failed) in [
        (refusing.url("/").as_str(), "connect", 5),
        (encrypted.as_str(), "tls", 5),
        // Nothing but the first request is tried against a name that does not resolve.
        ("http://no-such-host.invalid/", "dns", 1),
    ] {
        let outcome = run_json(&["-n", "5", "-c", "2", url]).exits(4);
        let report = outcome.report();
        assert_eq!(report.verdict(), "no-data", "{url}");
        assert_eq!(report.failures(kind), failed, "{url}: {:#}", report.0);
    }
    assert_eq!(plain.served(), 0);
}

#[test]
fn a_tls_handshake_that_never_ends_is_a_timeout() {
    let server = Hostile::always(Behaviour::Silent);
    let url = format!("https://{}/", server.addr());
    let report = run_json(&[
        "-n",
        "4",
        "-c",
        "2",
        "-k",
        "--connect-timeout",
        "300ms",
        &url,
    ])
    .exits(4)
    .report();
    assert_eq!(report.failures("timeout"), 4, "{:#}", report.0);
}

/// Fault 4b: every thread had a budget of its own, and 64 of them took 2 GiB.
#[test]
fn fault_4b_threads_share_one_budget_for_large_answers() {
    let body = vec![b'v'; 7 << 20];
    let server = Server::start(move |listener| async move {
        let head = format!("HTTP/1.1 200 OK\r\ncontent-length: {}\r\n\r\n", body.len());
        let response = std::sync::Arc::new([head.as_bytes(), &body].concat());
        while let Ok((mut stream, _)) = listener.accept().await {
            let response = std::sync::Arc::clone(&response);
            tokio::spawn(async move {
                let mut bytes = [0; 4096];
                while stream.read(&mut bytes).await.is_ok_and(|read| read > 0) {
                    // All but the end, so that all that is read has to be kept.
                    let (most, rest) = response.split_at(response.len() - 1);
                    let _ = stream.write_all(most).await;
                    tokio::time::sleep(std::time::Duration::from_millis(100)).await;
                    let _ = stream.write_all(rest).await;
                }
            });
        }
    });
    let url = format!("http://{}/", server.addr());
    let threads = ["--threads", "64", "-c", "200", "-n", "400", "-t", "5m"];
    let outcome = measured(&[&["-o", "json"], &threads[..], &[&url]].concat());
    let report = Report(serde_json::from_str(&outcome.stdout).expect("a report"));
    let (answered, failed) = (
        report.number("/observation/answered"),
        report.number("/observation/failed"),
    );
    assert_eq!(
        (answered + failed, report.failures("oversized")),
        (400, failed),
        "{:#}",
        report.0
    );
    assert!(answered > 0, "{:#}", report.0);
    // 256 MiB for responses; the rest is what the allocator keeps and what threads and connections take.
    let peak = report.number("/peak_kib");
    assert!(peak < 800 << 10, "{peak} KiB");
}

#[test]
fn many_large_answers_at_once_do_not_fill_the_memory() {
    for behaviour in [
        Behaviour::Endless,
        Behaviour::Unframed,
        Behaviour::TinyChunks,
    ] {
        let server = Hostile::always(behaviour);
        let url = server.url("/");
        let outcome = measured(&["-o", "json", "-n", "200", "-c", "200", "-t", "5m", &url]);
        let report = outcome.exits(4).report();
        assert_eq!(
            report.failures("oversized"),
            200,
            "{behaviour:?}: {:#}",
            report.0
        );
        // Two hundred responses of 8 MiB would take 1600 MiB, and more while buffers grow. 256 MiB may be under way; what the
        // allocator keeps of buffers that grew and went is at most as much again for each of two threads.
        let peak = report.number("/peak_kib");
        assert!(peak < 800 << 10, "{behaviour:?}: {peak} KiB");
    }
}

/// As `run`, with the peak of its memory in the report as `peak_kib`.
pub(crate) fn measured(args: &[&str]) -> Outcome {
    parts::needed("python3");
    let output = std::process::Command::new("python3")
        .args(["-c", MEASURE, env!("CARGO_BIN_EXE_resplit")])
        .args(args)
        .output()
        .expect("python3 runs; the tests need it");
    Outcome::of(args, &output)
}

/// Runs a command and adds the peak of its resident memory to the JSON object that it prints.
const MEASURE: &str = "\
import json, resource, subprocess, sys
run = subprocess.run(sys.argv[1:], stdout=subprocess.PIPE)
report = json.loads(run.stdout)
report['peak_kib'] = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss
print(json.dumps(report))
sys.exit(run.returncode)
";

#[test]
fn more_connections_than_descriptors_are_refused_before_anything_is_sent() {
    let mesh = Mesh::honest();
    let url = mesh.url("/");
    let shell = format!(
        "ulimit -n 100 && exec '{}' -n 500 -c 200 {url}",
        env!("CARGO_BIN_EXE_resplit")
    );
    let output = std::process::Command::new("sh")
        .args(["-c", &shell])
        .output()
        .expect("a shell runs");
    let outcome = Outcome::of(&["-c", "200"], &output);
    outcome.refused("200 connections with 100 descriptors");
    assert!(outcome.stderr.contains("ulimit -n"), "{}", outcome.stderr);
    assert_eq!(mesh.served(), 0);
    // As many as there is room for work, and a low soft limit is raised.
    let shell = shell.replace("ulimit -n 100", "ulimit -S -n 100");
    let output = std::process::Command::new("sh")
        .args(["-c", &shell])
        .output();
    Outcome::of(&[], &output.expect("a shell runs")).exits(0);
    assert_eq!(mesh.served(), 500);
}

#[test]
fn each_cause_of_a_kind_has_its_example() {
    let server = Server::start(|listener| async move {
        let responses = [
            &b"HTTP/1.1 abc\r\n\r\n"[..],
            b"HTTP/1.1 200 OK\r\ncontent-length: x\r\n\r\n",
            b"HTTP/1.1 200 OK\r\ncontent-length: x\r\n\r\n",
        ];
        for response in responses.into_iter().cycle() {
            let Ok((mut stream, _)) = listener.accept().await else {
                return;
            };
            tokio::spawn(async move {
                let mut bytes = [0; 4096];
                let _ = stream.read(&mut bytes).await;
                let _ = stream.write_all(response).await;
                // Until the client has gone.
                let _ = stream.read(&mut bytes).await;
            });
        }
    });
    let url = format!("http://{}/", server.addr());
    let outcome = run_json(&["-n", "24", "-c", "1", &url]).exits(4);
    let report = outcome.report();
    let causes = report.0["observation"]["failures"]
        .as_array()
        .and_then(|kinds| kinds.iter().find(|kind| kind["kind"] == "malformed"))
        .and_then(|kind| kind["causes"].as_array())
        .expect("several causes");
    let counts: Vec<_> = causes.iter().map(|cause| cause["count"].as_u64()).collect();
    assert_eq!(counts, [Some(16), Some(8)], "{:#}", report.0);
    let said = causes[0]["message"].as_str().unwrap_or_default();
    assert!(said.contains("content length"), "{said}");
    let text = run(&["-n", "24", "-c", "1", &url]).exits(4).stdout;
    assert_eq!(text.matches(" failed: malformed (").count(), 2, "{text}");
}

#[test]
fn few_descriptors_lower_the_usual_number_of_connections_and_are_named() {
    let mesh = Mesh::honest();
    let shell = format!(
        "ulimit -n 20 && exec '{}' -o json -n 200 {}",
        env!("CARGO_BIN_EXE_resplit"),
        mesh.url("/")
    );
    let output = std::process::Command::new("sh")
        .args(["-c", &shell])
        .output();
    let outcome = Outcome::of(&["-n", "200"], &output.expect("a shell runs"));
    let report = outcome.exits(0).report();
    assert_eq!(mesh.served(), 200);
    let connections = report.number("/observation/connections");
    assert!((1..20).contains(&connections), "{connections}");
    assert!(
        report.0.to_string().contains("few-descriptors"),
        "{:#}",
        report.0
    );
}
