//! What is said, and where: stdout for the report, stderr for the rest, files where told.

use crate::support::cmd::{Report, Running, run, run_json};
use crate::support::hostile::Refusing;
use crate::support::mesh::Mesh;

#[test]
fn a_report_is_also_written_to_a_file() {
    let mesh = Mesh::honest();
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
    let mesh = Mesh::honest();
    let folder = tempfile::tempdir().unwrap();
    let to = format!("json={}/missing/report.json", folder.path().display());
    let outcome = run(&["-n", "20", "--report", &to, &mesh.url("/")]).exits(2);
    assert!(outcome.stderr.contains("error:"), "{outcome:#?}");
    assert!(outcome.stderr.contains("report.json"), "{outcome:#?}");
}

#[test]
fn a_reader_that_leaves_is_no_error() {
    let mesh = Mesh::honest();
    let mut child = Running::start(&["-o", "json", "-n", "50", &mesh.url("/")]);
    child.close_stdout();
    let outcome = child.finish().exits(0);
    assert!(!outcome.stderr.contains("panicked"), "{outcome:#?}");
    assert!(!outcome.stderr.contains("error:"), "{outcome:#?}");
}

#[test]
fn nothing_but_the_report_goes_to_stdout() {
    let mesh = Mesh::honest();
    let outcome = run_json(&["-n", "20", "-v", &mesh.url("/")]).exits(0);
    assert_eq!(outcome.report().sent(), 20);
    let quiet = run(&["-n", "20", "--quiet", &mesh.url("/")]).exits(0);
    assert_eq!(quiet.stderr, "");
    assert!(
        !quiet.stdout.contains('\x1b'),
        "no colour without a terminal"
    );
}

#[test]
fn nothing_is_sent_for_a_report_that_cannot_be_written() {
    let mesh = Mesh::honest();
    let folder = tempfile::tempdir().unwrap();
    let missing = folder.path().join("no-such-folder/report.json");
    for path in [missing.as_path(), folder.path()] {
        let report = format!("json={}", path.display());
        let outcome = run(&["-n", "10", "--report", &report, &mesh.url("/")]).exits(2);
        assert!(
            outcome.stderr.contains("cannot write the report"),
            "{}",
            outcome.stderr
        );
    }
    assert_eq!(mesh.served(), 0);
}

#[test]
fn shells_and_man_are_told_what_there_is() {
    for shell in ["bash", "zsh", "fish", "elvish", "powershell"] {
        let said = run(&["completions", shell]).exits(0).stdout;
        assert!(
            said.contains("resplit") && said.contains("max-unattributed"),
            "{shell}"
        );
    }
    let page = run(&["man"]).exits(0).stdout;
    for part in [
        ".TH resplit 1",
        "RESPLIT REPORT",
        "max\\-unattributed",
        // What `-h` leaves out.
        "Which target a value belongs to",
        "one screen for a person",
    ] {
        assert!(page.contains(part), "{part}");
    }
}

#[test]
fn the_version_is_that_of_the_package() {
    // What is shipped names its commit as well: `tests/static.sh`.
    let said = run(&["--version"]).exits(0).stdout;
    assert_eq!(said, format!("resplit {}\n", env!("CARGO_PKG_VERSION")));
}

/// Runs a server that is not there in every format: people are told why once, programs on stderr.
#[test]
fn why_nothing_was_answered_is_said_once() {
    let refusing = Refusing::start();
    let url = refusing.url("/");
    for (format, people) in [
        ("text", true),
        ("markdown", true),
        ("oneline", true),
        ("github", true),
        ("json", false),
        ("csv", false),
        ("junit", false),
        ("openmetrics", false),
    ] {
        for declared in [&[][..], &["--expect", "v1=90,v2=10"]] {
            let args = [&["-n", "3", "-o", format], declared, &[&url]].concat();
            let outcome = run(&args).exits(4);
            outcome.advises("that something listens there");
            let on = |text: &str| text.matches("none of 3 requests was answered").count();
            let said = (on(&outcome.stdout), on(&outcome.stderr));
            if people {
                assert_eq!(said, (1, 0), "{format}: {outcome:#?}");
            } else {
                assert_eq!(said.1, 1, "{format}: {outcome:#?}");
            }
        }
    }
}

#[test]
fn bytes_are_counted_for_each_version() {
    let mesh = Mesh::split([("v1", 60), ("version-2", 40)]).seed(3).start();
    let url = mesh.url("/");
    let args = ["-n", "200", "--expect", "v1=60,version-2=40", &url];
    let report = run_json(&args).report();
    let expected = 3 * report.count("v1") + 10 * report.count("version-2");
    assert_eq!(report.number("/observation/bytes"), expected);
    for bucket in report.buckets() {
        let each = bucket["bucket"].as_str().unwrap().len() as u64 + 1;
        let count = bucket["count"].as_u64().unwrap();
        assert_eq!(bucket["bytes"], each * count, "{bucket}");
    }
    let text = run(&[&args[..], &["-v"]].concat()).stdout;
    for part in ["3 B each)", "10 B each)", "  bodies: ", " a response, "] {
        assert!(text.contains(part), "{part}: {text}");
    }
    let table = run(&[&args[..], &["-o", "csv"]].concat()).stdout;
    assert!(
        table.lines().next().unwrap().ends_with(",rps,bytes"),
        "{table}"
    );
}
