//! What a saved report says of the run itself, and what `--debug` shows of one request.

use std::fs;

use serde_json::{Value, json};

use crate::support::cmd::{run, run_json};
use crate::support::hostile::Refusing;
use crate::support::mesh::Mesh;

/// Finding 8: a report can be told from last week's and repeated, and gives no secret away.
#[test]
fn a_report_says_when_where_and_how_it_was_made() {
    let mesh = Mesh::honest();
    let url = mesh
        .url("/a?access_token=topsecret&b=1")
        .replace("://", "://me:topsecret@");
    let before = humantime::format_rfc3339_seconds(std::time::SystemTime::now()).to_string();
    let outcome = run_json(&[
        "-n",
        "10",
        "-H",
        "x-api-key: topsecret",
        "-atopsecret:p",
        "-d",
        "topsecret",
        "--label",
        "build=42",
        "--label",
        "zone=a",
        &url,
    ]);
    let report: Value = serde_json::from_str(&outcome.stdout).expect("JSON");
    let started = report["started_at"].as_str().expect("a date");
    // Dates of one form are in order where their texts are.
    assert!(
        *started >= *before && started.ends_with('Z'),
        "{before} {started}"
    );
    assert_eq!(report["labels"], json!({"build": "42", "zone": "a"}));
    assert!(report["hostname"].is_string());
    let argv = report["argv"].as_array().expect("words").iter();
    let argv: Vec<&str> = argv.filter_map(Value::as_str).collect();
    assert_eq!(argv[0], "resplit");
    assert!(
        argv.contains(&"-a***") && argv.contains(&"x-api-key: ***"),
        "{argv:?}"
    );
    assert!(!argv.join(" ").contains("topsecret"), "{argv:?}");

    // It stays when the report is read again, and stands in what people read.
    let folder = tempfile::tempdir().expect("a folder");
    let saved = folder.path().join("run.json");
    fs::write(&saved, &outcome.stdout).expect("a file");
    let saved = saved.to_str().expect("UTF-8");
    for format in ["json", "markdown", "html"] {
        let shown = run(&["report", "-o", format, saved]).exits(0).stdout;
        assert!(
            shown.contains(started) && shown.contains("42"),
            "{format}: {shown}"
        );
    }
    let shown = run(&["report", "-v", saved]).exits(0).stdout;
    assert!(shown.contains(&format!("started {started} on ")), "{shown}");
}

#[test]
fn labels_have_a_key_and_a_value_each_once() {
    let server = Refusing::start();
    for labels in [&["build"][..], &["=42"], &["a=1", "a=2"]] {
        let mut args = vec![];
        for label in labels {
            args.extend(["--label", label]);
        }
        let url = server.url("/");
        args.push(&url);
        run(&args).refused(&format!("{labels:?}"));
    }
}

/// A summary of a GitHub job holds what other steps wrote, and a report may go to stdout beside the one for people.
#[test]
fn reports_go_behind_other_steps_and_to_stdout() {
    let mesh = Mesh::honest();
    let folder = tempfile::tempdir().expect("a folder");
    let summary = folder.path().join("summary.md");
    fs::write(&summary, "another step\n").expect("a file");
    let markdown = format!("markdown={}", summary.display());
    let command = || {
        let mut command = crate::support::cmd::resplit();
        command.args([
            "-n",
            "10",
            "--report",
            &markdown,
            "--report",
            "oneline=-",
            &mesh.url("/"),
        ]);
        command
    };
    let output = command()
        .env("GITHUB_STEP_SUMMARY", &summary)
        .output()
        .expect("it runs");
    let stdout = String::from_utf8_lossy(&output.stdout);
    assert!(
        stdout.contains("NOT JUDGED") && stdout.contains("not-judged"),
        "{stdout}"
    );
    let text = fs::read_to_string(&summary).expect("the summary");
    assert!(text.starts_with("another step\n## "), "{text}");
    command().output().expect("it runs");
    // Any other file is replaced.
    let text = fs::read_to_string(&summary).expect("the summary");
    assert!(text.starts_with("## "), "{text}");
}

#[test]
fn one_request_is_shown_both_ways_without_its_secrets() {
    let mesh = Mesh::honest();
    let url = mesh.url("/version");
    let arguments = |more: &[&'static str]| {
        let mut args = vec![
            "--debug",
            "-H",
            "cookie: topsecret",
            "-H",
            "end-user: jason",
        ];
        args.extend(more);
        args
    };
    let mut args = arguments(&["--expect", "v1=90,v2=10"]);
    args.push(&url);
    let shown = run(&args).exits(0).stdout;
    for line in [
        "* declared in --expect: v1 90%, v2 10%",
        "> GET /version HTTP/1.1",
        "> cookie: ***",
        "> end-user: jason",
        "< 200",
        ", target v",
        "* connect ",
    ] {
        assert!(shown.contains(line), "{line}: {shown}");
    }
    assert!(!shown.contains("topsecret"), "{shown}");
    assert_eq!(mesh.served(), 1);
    let refusing = Refusing::start();
    let unanswered = run(&["--debug", &refusing.url("/")]).exits(4).stdout;
    assert!(
        unanswered.contains("* no response (connect): "),
        "{unanswered}"
    );
    run(&["--debug", "-o", "json", &url]).refused("it makes no report");
}

/// What a URL asks for with a secret: the query, and what of it is a secret.
const SIGNED: &str = "/?page=2&X-Amz-Signature=s3cr3t&access_token=s3cr3t&author=me#sig=s3cr3t";

#[test]
fn secrets_in_a_query_stand_in_no_report_unless_they_are_wanted() {
    let mesh = Mesh::honest();
    let url = mesh.url(SIGNED);
    let formats = [
        "text",
        "json",
        "html",
        "markdown",
        "oneline",
        "csv",
        "junit",
        "github",
        "openmetrics",
        "hlog",
        "hgrm",
    ];
    for format in formats {
        let outcome = run(&["-n", "20", "-v", "-o", format, &url]).exits(0);
        let said = outcome.stdout + &outcome.stderr;
        assert!(!said.contains("s3cr3t"), "{format}: {said}");
    }
    let said = run(&["--debug", &url]).exits(0).stdout;
    assert!(!said.contains("s3cr3t"), "{said}");
    let request = "> GET /?page=2&X-Amz-Signature=***&access_token=***&author=me HTTP/1.1";
    assert!(said.contains(request), "{said}");
    // What cannot be sent is not shown either.
    for wrong in [
        "ftp://u:s3cr3t@x/?key=s3cr3t",
        "http://:0/?key=s3cr3t",
        "http:/x/?key=s3cr3t",
        "http:// /?sig=s3cr3t",
    ] {
        let outcome = run(&["-n", "1", wrong]).exits(2);
        assert!(!outcome.stderr.contains("s3cr3t"), "{}", outcome.stderr);
    }
    let kept = run_json(&["-n", "20", "--show-query", "-a", "u:pass", &url]).exits(0);
    let report = kept.report();
    assert_eq!(report.text("/target/url"), url);
    assert!(
        kept.stdout.contains(&format!("\"{url}\"")),
        "{}",
        kept.stdout
    );
    assert!(!kept.stdout.contains("u:pass"), "{}", kept.stdout);
    let said = run(&["--debug", "--show-query", &url]).exits(0).stdout;
    assert!(said.contains("access_token=s3cr3t"), "{said}");
}
