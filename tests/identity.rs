//! Responses that do not say where they are from: sending stops, and what could tell versions apart is found.

use crate::support::app::{App, Says};
use crate::support::cmd::{Outcome, Report, run, run_json};
use crate::support::grpc::Grpc;
use crate::support::mesh::NINETY_TEN;

/// So many that only a run that stops by itself ends within the minute that it has.
const ENDLESS: [&str; 2] = ["--max-requests", "1G"];

/// `v2` to every tenth request.
fn version(k: u64) -> &'static str {
    if k % 10 == 9 { "v2" } else { "v1" }
}

/// Pages that are never the same twice, and a header that names the version.
fn pages(k: u64) -> Says {
    let headers = vec![
        ("x-app-version", version(k).to_owned()),
        ("x-request-id", format!("{k}")),
        ("server", "envoy".to_owned()),
    ];
    (200, headers, format!("<html>request {k}</html>"))
}

/// Fails unless the run stopped by itself with exit 2, and reports what it saw where it was asked to.
#[track_caller]
fn stops(args: &[&str]) -> Outcome {
    let folder = tempfile::tempdir().expect("a folder");
    let [json, junit] = ["run.json", "run.xml"].map(|name| folder.path().join(name));
    let files = [("json", &json), ("junit", &junit)];
    let files = files.map(|(format, path)| format!("{format}={}", path.display()));
    let files = ["--report", &files[0], "--report", &files[1]];
    let args = [&["--expect", NINETY_TEN][..], &ENDLESS, &files, args].concat();
    let outcome = run(&args).exits(2);
    assert!(outcome.stdout.contains("NO DATA"), "{outcome:#?}");
    let report = std::fs::read_to_string(&json).expect("the report is written");
    let report = Report(serde_json::from_str(&report).expect("JSON"));
    assert_eq!(report.verdict(), "no-data");
    assert_eq!(
        report.number("/observation/unattributed"),
        report.number("/observation/answered")
    );
    let junit = std::fs::read_to_string(&junit).expect("the report is written");
    assert!(junit.contains("<testsuites"), "{junit}");
    outcome
}

/// The same with `N` for the counts, which depend on how many responses had come when sending stopped.
fn shape(text: &str) -> String {
    let counts = regex::Regex::new(r"× \d+").expect("a pattern");
    counts.replace_all(text.trim(), "× N").into_owned()
}

#[test]
fn a_header_that_names_the_versions_is_found() {
    let app = App::start(pages);
    let outcome = stops(&[&app.url()]);
    let lines: Vec<&str> = outcome.stderr.lines().collect();
    assert_eq!(
        lines[0],
        "error: no response names a declared target (v1, v2)"
    );
    let found = lines
        .iter()
        .find(|line| line.contains("x-app-version"))
        .expect("it is listed");
    assert_eq!(
        shape(found),
        "header x-app-version: v1 × N, v2 × N → --bucket header:x-app-version"
    );
    outcome.advises("use --bucket header:x-app-version, which names `v1` and `v2`");
    assert!(!outcome.stderr.contains("--map"), "{outcome:#?}");
    assert!(!outcome.stderr.contains("request-id"), "{outcome:#?}");
    // What is proposed works.
    let args = [
        "--expect",
        NINETY_TEN,
        "-n",
        "500",
        "--bucket",
        "header:x-app-version",
        &app.url(),
    ];
    let report = run_json(&args).report();
    assert_eq!((report.count("v1"), report.count("v2")), (450, 50));
}

#[test]
fn a_run_of_a_given_number_sends_it_and_reports_the_same_list() {
    let app = App::start(pages);
    let outcome = run_json(&["--expect", NINETY_TEN, "-n", "300", &app.url()]).exits(2);
    assert_eq!(app.served(), 300);
    let report = outcome.report();
    assert_eq!((report.verdict(), report.sent()), ("no-data", 300));
    assert_eq!(report.number("/observation/unattributed"), 300);
    assert_eq!(report.text("/verdict/caveats/0/id"), "too-many-values");
    assert_eq!(report.text("/verdict/caveats/1/id"), "identity-candidate");
    let line = report.text("/verdict/caveats/1/message");
    assert!(line.ends_with("→ --bucket header:x-app-version"), "{line}");
    outcome.advises("use --bucket header:x-app-version, which names `v1` and `v2`");
    // Judged again, it is what it was.
    let folder = tempfile::tempdir().expect("a folder");
    let saved = folder.path().join("run.json");
    std::fs::write(&saved, &outcome.stdout).expect("it is writable");
    let saved = saved.to_str().expect("a path");
    let again = run(&["report", "-o", "json", saved]).exits(4);
    assert_eq!(again.stdout, outcome.stdout);
}

#[test]
fn a_rate_is_kept_to_the_end_as_well() {
    let app = App::start(pages);
    let args = [
        "-q",
        "2000",
        "--max-requests",
        "200",
        "--expect",
        NINETY_TEN,
        &app.url(),
    ];
    let outcome = run(&args).exits(2);
    assert_eq!(app.served(), 200);
    assert!(
        outcome.stdout.contains("→ --bucket header:x-app-version"),
        "{outcome:#?}"
    );
}

#[test]
fn a_member_of_json_is_found_by_its_values_and_never_tied_by_position() {
    let app = App::start(|k| {
        let build = if version(k) == "v1" { 17 } else { 18 };
        (
            200,
            Vec::new(),
            format!(r#"{{"id": {k}, "app": {{"build": {build}}}, "name": "weather"}}"#),
        )
    });
    let outcome = stops(&[&app.url()]);
    let found = outcome.stderr.lines().find(|line| line.contains("member"));
    assert_eq!(
        shape(found.expect("it is listed")),
        "member /app/build: 17 × N, 18 × N → --bucket json:/app/build"
    );
    outcome.advises(
        "--bucket json:/app/build --map '17=TARGET' --map '18=TARGET', where TARGET is v1 or v2",
    );
    let args = [
        "--bucket",
        "json:/app/build",
        "--map",
        "17=v1",
        "--map",
        "18=v2",
    ];
    let all = ["--expect", NINETY_TEN, "-n", "500", &app.url()];
    let report = run_json(&[&args[..], &all].concat()).report();
    assert_eq!((report.count("v1"), report.count("v2")), (450, 50));
}

#[test]
fn a_bucket_that_finds_nothing_is_said_first() {
    let app = App::start(pages);
    let outcome = stops(&["--bucket", "header:x-version", &app.url()]);
    let first = outcome.stderr.lines().next().expect("an error");
    assert!(
        first.starts_with("error: --bucket header:x-version found nothing in any of "),
        "{outcome:#?}"
    );
    outcome.advises("use --bucket header:x-app-version");
    // With a number all are sent, and the report says it.
    let before = app.served();
    let args = [
        "--expect",
        NINETY_TEN,
        "-n",
        "300",
        "--bucket",
        "header:x-version",
        &app.url(),
    ];
    let outcome = run(&args).exits(4);
    assert_eq!(app.served() - before, 300);
    let said = "--bucket header:x-version found nothing in any of 300 responses";
    let mut notes = outcome.stdout.lines().filter(|line| line.contains("note:"));
    assert_eq!(
        notes.next(),
        Some(format!("  note: {said}").as_str()),
        "{outcome:#?}"
    );
    assert!(
        notes
            .next()
            .is_some_and(|line| line.contains("header x-app-version")),
        "{outcome:#?}"
    );
    assert!(outcome.stderr.starts_with("help: "), "{outcome:#?}");
    outcome.advises("use --bucket header:x-app-version");
    // And so it does where nothing is declared.
    let outcome = run(&["-n", "300", "--bucket", "header:x-version", &app.url()]).exits(0);
    assert!(
        outcome.stdout.contains(&format!("note: {said}\n")),
        "{outcome:#?}"
    );
    assert!(
        outcome.stdout.contains("→ --bucket header:x-app-version"),
        "{outcome:#?}"
    );
}

#[test]
fn each_of_several_options_that_match_nothing_is_said() {
    let app = App::start(|k| (200, Vec::new(), version(k).to_owned()));
    let args = [
        "--expect",
        NINETY_TEN,
        "-n",
        "300",
        "--bucket",
        "header:x-version",
        "--bucket",
        "body",
        "--bucket",
        "json:/version",
        "--map",
        "/v1/=v1",
        "--map",
        "green=v2",
        &app.url(),
    ];
    let report = run_json(&args).report();
    assert_eq!((report.count("v1"), report.count("v2")), (270, 30));
    let caveats = report.0["verdict"]["caveats"].as_array().expect("a list");
    let first: Vec<(&str, &str)> = (caveats.iter().take(2))
        .map(|note| {
            (
                note["id"].as_str().unwrap_or(""),
                note["message"].as_str().unwrap_or(""),
            )
        })
        .collect();
    assert_eq!(
        first,
        [
            (
                "bucket-never-matched",
                "--bucket header:x-version found nothing in any of 300 responses"
            ),
            ("map-never-matched", "--map 'green=v2' matched no response"),
        ]
    );
    // Nobody asked the third one.
    assert!(
        !report.0.to_string().contains("json:/version found"),
        "{:#}",
        report.0
    );
}

#[test]
fn where_nothing_tells_versions_apart_it_says_where_to_look() {
    let app = App::start(|k| (200, Vec::new(), format!("<html>request {k}</html>")));
    let outcome = stops(&[&app.url()]);
    outcome.advises("look at a response (curl -i)");
    assert!(!outcome.stderr.contains("--map"), "{outcome:#?}");
    let app = App::start(|_| (200, Vec::new(), String::new()));
    stops(&[&app.url()]).advises("look at a response (curl -i)");
}

#[test]
fn few_clear_values_are_left_to_the_user() {
    let app = App::start(|k| {
        let colour = if version(k) == "v1" { "blue" } else { "green" };
        (200, Vec::new(), colour.to_owned())
    });
    let outcome = stops(&["-c", "1", &app.url()]);
    outcome.advises("--map 'blue=TARGET' --map 'green=TARGET', where TARGET is v1 or v2");
    // One of them is known: the other is not declared.
    let args = ["--expect", NINETY_TEN, "--map", "blue=v1", &app.url()];
    assert_eq!(run_json(&args).exits(1).report().verdict(), "diverged");
}

#[test]
fn sending_goes_on_where_some_responses_have_an_identity() {
    let app = App::start(|k| {
        let named = k % 2 == 0 || version(k) == "v2";
        let named = named.then(|| ("x-version", version(k).to_owned()));
        (200, named.into_iter().collect(), "hello".to_owned())
    });
    // One after another, so that half of those that were looked at have one.
    let args = [
        "--bucket",
        "header:x-version",
        "-c",
        "1",
        "--max-requests",
        "300",
    ];
    let all = [
        "--expect",
        NINETY_TEN,
        "--balancing",
        "any",
        "--max-unattributed",
        "1%",
        &app.url(),
    ];
    let report = run_json(&[&args[..], &all].concat()).report();
    assert!(report.sent() > 100, "{:#}", report.0);
    assert_ne!(report.verdict(), "no-data");
}

#[test]
fn errors_do_not_count_as_responses_without_identity() {
    let app = App::start(|_| (503, Vec::new(), "no healthy upstream".to_owned()));
    let args = ["--expect", NINETY_TEN, "--max-requests", "400", &app.url()];
    let outcome = run_json(&args).exits(4);
    let report = outcome.report();
    assert_eq!(report.verdict(), "no-data");
    assert!(report.sent() >= 200, "{:#}", report.0);
    // What the proxy says about itself is the help.
    outcome.advises(
        "the proxy itself replied (response flag UH): it has no endpoint for `v1` and `v2`",
    );
}

#[test]
fn an_identity_is_found_over_http2_and_in_grpc() {
    let app = App::h2c(pages);
    let outcome = stops(&["--h2c", &app.url()]);
    outcome.advises("use --bucket header:x-app-version, which names `v1` and `v2`");
    let server = Grpc::start();
    let call = [
        "--grpc",
        "weather.Weather/Get",
        "-d",
        "hello",
        "--bucket",
        "header:x-none",
    ];
    let outcome = stops(&[&call[..], &[&server.url()]].concat());
    outcome.advises("use --bucket header:x-version, which names `v1`");
    // What comes behind the message is looked through too, and means nothing here.
    assert!(!outcome.stderr.contains("x-echo"), "{outcome:#?}");
}

#[test]
fn a_map_matches_what_the_table_shows() {
    let long = format!("weather {}", "sunny ".repeat(60));
    let body = long.clone();
    let app = App::start(move |k| match version(k) {
        "v1" => (200, Vec::new(), body.clone()),
        _ => (
            503,
            Vec::new(),
            "upstream connect error or disconnect/reset before headers".to_owned(),
        ),
    });
    let url = app.url();
    let counts = |first: &str, second: &str| {
        let args = [
            "--expect",
            "single=90,multiple=10",
            "-n",
            "200",
            "--map",
            first,
            "--map",
            second,
            &url,
        ];
        let report = run_json(&args).report();
        let notes = report.0["verdict"]["caveats"].to_string();
        assert!(!notes.contains("never-matched"), "{notes}");
        (report.count("single"), report.count("multiple"))
    };
    // As a table prints them, whole and shortened.
    let shown = run(&["-n", "20", &url]).exits(0).stdout;
    let rows: Vec<&str> = shown
        .lines()
        .filter_map(|line| line.trim().split("  ").next())
        .collect();
    let row = |start: &str| {
        let found = rows.iter().find(|row| row.starts_with(start));
        format!(
            "{}=",
            found.unwrap_or_else(|| panic!("no {start} in {shown}"))
        )
    };
    let single = format!("{}single", row("weather sunny"));
    assert!(
        single.contains('…') && single.contains("bytes, #"),
        "{single}"
    );
    for multiple in [
        "/503/=multiple",
        "/^503 upstream/=multiple",
        "upstream connect error or disconnect/reset before headers=multiple",
        &format!("{}multiple", row("503 upstream")),
    ] {
        assert_eq!(counts(&single, multiple), (180, 20), "{multiple}");
    }
}

#[test]
fn a_map_with_a_slip_is_said_before_the_values_that_it_left_unclear() {
    let app = App::start(|_| (200, Vec::new(), "v1, not v2".to_owned()));
    let outcome = stops(&["--map", "v1 not v2=v1", &app.url()]);
    assert_eq!(
        outcome.stderr,
        "error: --map 'v1 not v2=v1' matched no response\n  some responses could come from several targets\n  \
         \"v1, not v2\"  could mean  v1 or v2\nhelp: say which value is which target: --map \
         'v1, not v2=TARGET', where TARGET is v1 or v2\n"
    );
}

#[test]
fn a_map_to_nobody_is_refused_before_anything_is_sent() {
    let app = App::start(pages);
    let args = ["--expect", NINETY_TEN, "--map", "x=v3", &app.url()];
    run(&args).refused("a map to nobody");
    assert_eq!(app.served(), 0);
}
