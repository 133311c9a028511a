//! `--log`: a line for each request that counts, written while the run goes on.

use std::collections::BTreeMap;
use std::fs;
use std::io::Read;
use std::path::Path;
use std::process::Command;

use flate2::read::GzDecoder;
use serde_json::Value;

use crate::support::cmd::{Running, run, run_json};
use crate::support::gate::Gate;
use crate::support::hostile::{Behaviour, Hostile, Refusing};
use crate::support::mesh::{Mesh, NINETY_TEN};
use crate::support::wait::wait_until;

fn lines(text: &str) -> Vec<Value> {
    text.lines()
        .map(|line| serde_json::from_str(line).unwrap_or_else(|_| panic!("no JSON: {line}")))
        .collect()
}

fn logged(file: &Path) -> Vec<Value> {
    lines(&fs::read_to_string(file).expect("a log"))
}

/// Whether each number from 0 on stands there once.
fn is_whole(lines: &[Value]) -> bool {
    let mut sequences: Vec<u64> = lines
        .iter()
        .map(|line| line["sequence"].as_u64().expect("a number"))
        .collect();
    sequences.sort_unstable();
    sequences.into_iter().eq(0..lines.len() as u64)
}

fn with<'l>(lines: &'l [Value], field: &str) -> Vec<&'l Value> {
    lines.iter().filter(|line| !line[field].is_null()).collect()
}

#[test]
fn every_request_has_a_line_that_says_what_the_report_counts() {
    let mesh = Mesh::honest();
    let folder = tempfile::tempdir().unwrap();
    for name in ["requests.ndjson", "requests.ndjson.gz", "REQUESTS.GZ"] {
        let file = folder.path().join(name);
        let log = file.display().to_string();
        let report = run_json(&[
            "-n",
            "3000",
            "-c",
            "7",
            "--reuse",
            "50",
            "--test",
            "exact",
            "--expect",
            NINETY_TEN,
            "--log",
            &log,
            &mesh.url("/"),
        ])
        .report();
        let text = if name.to_lowercase().ends_with("gz") {
            let mut text = String::new();
            let packed = fs::File::open(&file).unwrap();
            GzDecoder::new(packed).read_to_string(&mut text).unwrap();
            text
        } else {
            fs::read_to_string(&file).unwrap()
        };
        let lines = lines(&text);
        assert_eq!(lines.len() as u64, report.sent(), "{name}");
        assert!(is_whole(&lines), "{name}");
        for target in ["v1", "v2"] {
            let own = lines.iter().filter(|line| line["target"] == target);
            assert_eq!(own.count() as u64, report.count(target), "{name}");
        }
        for line in &lines {
            assert_eq!(line["status"], 200, "{line}");
            assert_eq!(line["bytes"], "v1\n".len(), "{line}");
            let [response, service, first] =
                ["response_ms", "service_ms", "ttfb_ms"].map(|field| line[field].as_f64().unwrap());
            assert!(first <= service, "{line}");
            assert_eq!(line["service_ms"], line["response_ms"], "{line}");
            assert!(response > 0.0, "{line}");
        }
        // What opened a connection says how long that took.
        assert_eq!(
            with(&lines, "connect_ms").len() as u64,
            report.number("/observation/connections"),
            "{name}"
        );
    }
}

#[test]
fn failures_have_their_kind_and_an_absent_host_has_a_line() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("log");
    let log = file.display().to_string();
    let hostile = Hostile::every(3, Behaviour::Truncated);
    let refusing = Refusing::start();
    let silent = Hostile::always(Behaviour::Silent);
    for url in [
        hostile.url("/"),
        format!("http://{}/", refusing.addr()),
        silent.url("/"),
        "http://no-such-host.invalid/".to_owned(),
    ] {
        let outcome = run_json(&["-n", "12", "-c", "3", "-t", "1s", "--log", &log, &url]);
        let (report, lines) = (outcome.report(), logged(&file));
        assert!(is_whole(&lines), "{url}");
        assert_eq!(lines.len() as u64, report.sent(), "{url}");
        let mut kinds: BTreeMap<String, u64> = BTreeMap::new();
        for line in with(&lines, "failure") {
            let kind = line["failure"].as_str().unwrap();
            *kinds.entry(kind.to_owned()).or_default() += 1;
            assert!(line["message"].is_string() && line["failed_after_ms"].is_f64());
            assert!(line["status"].is_null() && line["response_ms"].is_null());
        }
        assert!(!kinds.is_empty(), "{url}");
        for (kind, count) in kinds {
            assert_eq!(report.failures(&kind), count, "{url} {kind}");
        }
    }
}

#[test]
fn with_a_rate_lines_say_how_late_requests_began_and_warm_up_has_none() {
    let mesh = Mesh::honest();
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("log");
    let log = file.display().to_string();
    let report = run_json(&[
        "-n",
        "60",
        "-q",
        "400",
        "--warmup",
        "15",
        "--log",
        &log,
        &mesh.url("/"),
    ])
    .exits(0)
    .report();
    let lines = logged(&file);
    assert_eq!((report.sent(), mesh.served()), (60, 75));
    assert!(lines.len() == 60 && is_whole(&lines));
    for line in &lines {
        let [late, response, service] =
            ["late_ms", "response_ms", "service_ms"].map(|field| line[field].as_f64().unwrap());
        assert!(late >= 0.0 && response >= service, "{line}");
        // The schedule: one every 2.5 ms.
        let intended = line["start_ms"].as_f64().unwrap() - late;
        let planned = line["sequence"].as_f64().unwrap() * 2.5;
        assert!((intended - planned).abs() < 0.01, "{line}");
    }
}

#[test]
fn lines_are_written_while_the_run_goes_on() {
    let gate = Gate::after(20);
    let mesh = Mesh::split([("v1", 1)]).behind(&gate).start();
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("log");
    let log = file.display().to_string();
    let running = Running::start(&["-n", "40", "-c", "4", "--log", &log, &mesh.url("/")]);
    wait_until("20 lines are there, 20 requests are not", || {
        fs::read_to_string(&file).is_ok_and(|text| text.lines().count() == 20)
    });
    gate.open();
    running.finish().exits(0);
    assert!(is_whole(&logged(&file)));
    assert_eq!(logged(&file).len(), 40);
}

#[test]
fn an_interrupted_run_has_all_of_its_lines() {
    let gate = Gate::after(30);
    let mesh = Mesh::split([("v1", 1)]).behind(&gate).start();
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("log.gz");
    let log = file.display().to_string();
    let mut running = Running::start(&[
        "-o",
        "json",
        "-n",
        "100k",
        "-c",
        "4",
        "--log",
        &log,
        &mesh.url("/"),
    ]);
    wait_until("34 requests have come", || mesh.served() == 34);
    running.interrupt();
    running.until_said("stopping: waiting");
    gate.open();
    let report = running.finish().report();
    let mut text = String::new();
    let packed = fs::File::open(&file).unwrap();
    GzDecoder::new(packed).read_to_string(&mut text).unwrap();
    assert_eq!(lines(&text).len() as u64, report.sent());
}

#[test]
fn nothing_is_sent_where_no_log_can_be_written() {
    let mesh = Mesh::honest();
    let folder = tempfile::tempdir().unwrap();
    let inside = |name: &str| folder.path().join(name).display().to_string();
    for path in [inside("no-such-folder/log"), inside(""), inside("log/")] {
        let outcome = run(&["-n", "10", "--log", &path, &mesh.url("/")]).exits(2);
        outcome.advises("name a file in a folder that exists");
        assert!(outcome.stderr.contains("cannot write the log to"), "{path}");
    }
    let both = inside("both");
    let report = format!("json={both}");
    for (args, advice) in [
        (vec!["--log", "-"], "name a file"),
        (vec!["--log", &both, "--report", &report], "name two files"),
        (vec!["--log", &both, "--debug"], "--debug"),
    ] {
        let url = mesh.url("/");
        let outcome = run(&[&args[..], &[&url]].concat()).exits(2);
        assert!(outcome.stderr.contains(advice), "{}", outcome.stderr);
    }
    assert_eq!(mesh.served(), 0);
    assert!(!Path::new(&both).exists());
}

#[test]
fn a_full_disk_costs_the_log_and_not_the_verdict() {
    let mesh = Mesh::honest();
    let outcome = run(&[
        "-n",
        "2000",
        "--test",
        "exact",
        "--expect",
        NINETY_TEN,
        "--log",
        "/dev/full",
        &mesh.url("/"),
    ])
    .exits(2);
    assert_eq!(mesh.served(), 2000);
    assert!(outcome.stdout.contains("PASS"), "{}", outcome.stdout);
    outcome.advises("make room on the disk");
    assert!(
        outcome
            .stderr
            .contains("cannot write the log to `/dev/full`"),
        "{}",
        outcome.stderr
    );
}

#[test]
fn a_pipe_is_written_into_and_a_reader_that_leaves_is_said() {
    let mesh = Mesh::honest();
    let folder = tempfile::tempdir().unwrap();
    let pipe = folder.path().join("pipe");
    let made = Command::new("mkfifo").arg(&pipe).status();
    assert!(made.expect("`mkfifo` runs").success());
    let log = pipe.display().to_string();
    let (url, reader) = (mesh.url("/"), pipe.clone());
    let reader = std::thread::spawn(move || fs::read_to_string(reader).unwrap());
    run(&["-n", "500", "--log", &log, &url]).exits(0);
    assert!(is_whole(&lines(&reader.join().unwrap())));

    let reader = std::thread::spawn(move || drop(fs::File::open(pipe).unwrap()));
    // More than a pipe holds.
    let outcome = run(&["-n", "5000", "--log", &log, &url]).exits(2);
    reader.join().unwrap();
    outcome.advises("let its reader read to the end");
    assert!(
        outcome.stdout.contains("5000 requests"),
        "{}",
        outcome.stdout
    );
}
