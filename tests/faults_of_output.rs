//! Faults that were found by breaking resplit, each by its number: what it writes is harmless wherever it is read, and no report
//! is lost for the sake of another.

use std::fs;
use std::os::unix::fs::{PermissionsExt, symlink};
use std::path::Path;
use std::process::Command;

use crate::formats::{literal, plain};
use crate::support::app::App;
use crate::support::cmd::{Running, run};
use crate::support::gate::Gate;
use crate::support::mesh::{Mesh, NINETY_TEN};
use crate::support::wait::{HANGS, wait_until};

/// What no terminal, log or page may get as it is: clears the screen, titles the window, turns the direction, ends a line.
const EVIL: &str = "a\u{1b}[2J\u{1b}]0;pwned\u{7}\u{9b}31m\u{202e}\u{2028}\u{ffff}'b";

#[track_caller]
fn harmless(text: &str, case: &str) {
    let bad =
        |c: char| c != '\n' && c.is_control() || matches!(c, '\u{202e}' | '\u{2028}' | '\u{ffff}');
    assert!(!text.contains(bad), "{case}: {text:?}");
}

fn written(folder: &Path, name: &str, text: &str) -> String {
    let path = folder.join(name);
    fs::write(&path, text).expect("it can be written");
    path.display().to_string()
}

#[test]
fn fault_5_what_a_server_says_is_shown_and_quoted_so_that_a_shell_gives_it_back() {
    let app = App::start(|_| (200, Vec::new(), EVIL.to_owned()));
    let url = app.url();
    let outcome = run(&["-n", "10", "-c", "1", "--expect", "aaa=50,bbb=50", &url]).exits(2);
    harmless(&outcome.stderr, "help");
    harmless(&outcome.stdout, "report");
    let (_, option) = outcome
        .stderr
        .split_once("--map $'")
        .expect("a quoted value");
    let (value, _) = option.split_once("=TARGET'").expect("the target");
    let script = format!("printf %s $'{value}'");
    let echoed = Command::new("bash")
        .args(["-c", &script])
        .output()
        .expect("bash runs");
    assert_eq!(String::from_utf8_lossy(&echoed.stdout), EVIL, "{script}");
}

#[test]
fn fault_5_names_in_manifests_are_harmless_in_every_command() {
    let folder = tempfile::tempdir().expect("a folder");
    let escapes: Vec<String> = (EVIL.chars())
        .map(|c| format!("\\U{:08x}", u32::from(c)))
        .collect();
    let name = escapes.concat();
    let rule = |name: &str| {
        format!(
            "apiVersion: networking.istio.io/v1\nkind: VirtualService\nmetadata: {{name: \"{name}\"}}\nspec:\n  hosts: [web]\n  http:\n  \
             - name: \"{name}\"\n    route:\n    - {{destination: {{host: \"{name}\", subset: v1}}, weight: 90}}\n    \
             - {{destination: {{host: web, subset: \"{name}\"}}, weight: 10, \"{name}\": 1}}\n"
        )
    };
    let known = written(
        folder.path(),
        "known.yaml",
        &rule(&name).replace(&format!(", \"{name}\": 1"), ""),
    );
    let unknown = written(folder.path(), "unknown.yaml", &rule(&name));
    // YAML forbids most of them outside of escapes; of the rest it shows the line.
    let raw = written(
        folder.path(),
        "raw.yaml",
        "spec: {x: \"a\u{9b}31m\u{202e}\u{2028}\u{1b}[2J\"\n",
    );
    for file in [&known, &unknown, &raw] {
        for args in [
            vec!["lint", file.as_str()],
            vec!["lint", file, "-o", "github"],
            vec!["lint", file, "-o", "json"],
            vec!["lint", file, "-o", "sarif"],
            vec!["lint", file, "--color", "always"],
            vec!["explain", "-f", file, "http://web/"],
            vec!["explain", "-f", file, "http://nope/"],
            vec!["explain", "-f", file, "http://web/", "-o", "json"],
            vec!["size", "-f", file, "http://web/"],
            vec!["size", "-f", file, "http://web/", "-o", "json"],
        ] {
            let outcome = run(&args);
            assert!(
                outcome.code.is_some_and(|code| code <= 3),
                "{args:?}: {outcome:#?}"
            );
            let mut shown = outcome.stdout.clone() + &outcome.stderr;
            if args.contains(&"always") {
                shown = console::strip_ansi_codes(&shown).into_owned();
            }
            harmless(&shown, &format!("{args:?}"));
            if args.contains(&"json") && outcome.code != Some(2) {
                serde_json::from_str::<serde_json::Value>(&outcome.stdout).expect("JSON");
            }
        }
    }
}

#[test]
fn fault_5_saved_reports_and_file_names_are_harmless() {
    let folder = tempfile::tempdir().expect("a folder");
    let json = plain(&literal(), "json");
    let evil = serde_json::to_string(EVIL).expect("JSON");
    let evil = evil.trim_matches('"');
    let changed = json
        .replace("weather-backend:5000", evil)
        .replace("\"port-protocol\"", &format!("\"{evil}\""))
        .replace("\"version\": \"0", &format!("\"version\": \"{evil}0"));
    assert_ne!(changed, json);
    let name = format!("{}.json", EVIL.replace(['/', '\0'], ""));
    let own = written(folder.path(), &name, &changed);
    let other = written(folder.path(), "other.json", &json);
    let newer = written(
        folder.path(),
        "newer.json",
        &format!("{{\"schema\": \"x{evil}/9\"}}"),
    );
    for args in [
        vec!["report", &own, &other],
        vec!["report", "--compare", &own, &other],
        vec!["report", "-o", "html", &own],
        vec!["report", "-o", "github", &own],
        vec!["report", &newer],
    ] {
        let outcome = run(&args);
        harmless(
            &(outcome.stdout.clone() + &outcome.stderr),
            &format!("{args:?}"),
        );
    }
}

#[test]
fn fault_7_what_can_be_written_is_written_whatever_happens_to_the_rest() {
    let mesh = Mesh::honest();
    let folder = tempfile::tempdir().expect("a folder");
    let file = |name: &str| folder.path().join(name).display().to_string();
    let reports = [
        "json=/dev/full".to_owned(),
        format!("html={}", file("run.html")),
        "csv=/dev/full".to_owned(),
        format!("json={}", file("run.json")),
    ];
    let url = mesh.url("/");
    let mut args = vec!["-n", "50", "-o", "oneline", &url];
    args.extend(reports.iter().flat_map(|report| ["--report", report]));
    let outcome = run(&args);
    // The same path twice is what a device may be.
    assert_eq!(outcome.code, Some(2), "{outcome:#?}");
    assert!(outcome.stdout.starts_with("not-judged:"), "{outcome:#?}");
    assert_eq!(
        outcome
            .stderr
            .matches("cannot write the report to `/dev/full`")
            .count(),
        2,
        "{outcome:#?}"
    );
    for name in ["run.html", "run.json"] {
        assert!(
            fs::metadata(file(name)).is_ok_and(|own| own.len() > 1000),
            "{name}"
        );
    }
    // So it is where two runs are compared.
    let run_json = file("run.json");
    let compared = format!("markdown={}", file("both.md"));
    let outcome = run(&[
        "report",
        "--compare",
        "--report",
        "json=/dev/full",
        "--report",
        &compared,
        &run_json,
        &run_json,
    ])
    .exits(2);
    assert!(
        !outcome.stdout.is_empty() && fs::metadata(file("both.md")).is_ok(),
        "{outcome:#?}"
    );
}

/// A file that may not grow any further is a full disk, and not the end of the process.
#[test]
fn fault_7_a_limit_of_files_loses_nothing_else() {
    let mesh = Mesh::split([("v1", 9), ("v2", 1)]).start();
    let folder = tempfile::tempdir().expect("a folder");
    let script = format!(
        "ulimit -f 4; exec {} --expect v1=90,v2=10 -n 2000 --no-progress --report json=large.json --report oneline=small.txt {}",
        env!("CARGO_BIN_EXE_resplit"),
        mesh.url("/")
    );
    let output = Command::new("bash")
        .args(["-c", &script])
        .current_dir(folder.path())
        .output()
        .expect("bash runs");
    let stderr = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(2), "{stderr}");
    assert!(stderr.contains("large.json"), "{stderr}");
    assert!(!output.stdout.is_empty());
    let left: Vec<_> = fs::read_dir(folder.path())
        .expect("a folder")
        .map(|entry| entry.expect("an entry").file_name())
        .collect();
    assert_eq!(left, ["small.txt"]);
}

#[test]
fn fault_8_a_report_replaces_a_file_with_its_mode_through_links_and_leaves_nothing_beside_it() {
    let mesh = Mesh::honest();
    let folder = tempfile::tempdir().expect("a folder");
    let at = |name: &str| folder.path().join(name);
    fs::write(at("run.json"), "old").expect("a file");
    fs::set_permissions(at("run.json"), fs::Permissions::from_mode(0o600)).expect("a mode");
    symlink("run.json", at("link.json")).expect("a link");
    let before = fs::metadata(at("run.json")).expect("a file");
    let report = format!("json={}", at("link.json").display());
    run(&["-n", "20", "--report", &report, &mesh.url("/")]).exits(0);
    let after = fs::metadata(at("run.json")).expect("a file");
    assert_eq!(after.permissions().mode() & 0o777, 0o600);
    assert!(after.len() > 1000 && before.len() == 3);
    assert!(fs::symlink_metadata(at("link.json")).is_ok_and(|own| own.is_symlink()));
    let names: Vec<_> = fs::read_dir(folder.path())
        .expect("a folder")
        .flatten()
        .map(|own| own.file_name())
        .collect();
    assert_eq!(names.len(), 2, "{names:?}");
}

#[test]
fn fault_8_no_link_that_was_put_beside_a_report_is_followed() {
    let mesh = Mesh::honest();
    let folder = tempfile::tempdir().expect("a folder");
    let victim = folder.path().join("victim.txt");
    fs::write(&victim, "mine").expect("a file");
    // The name that was foreseeable: a process number.
    let own = std::process::id();
    for id in own..own + 3000 {
        let _ = symlink(&victim, folder.path().join(format!(".run.json.{id}")));
    }
    let report = format!("json={}", folder.path().join("run.json").display());
    run(&["-n", "20", "--report", &report, &mesh.url("/")]).exits(0);
    assert_eq!(fs::read_to_string(&victim).expect("a file"), "mine");
}

#[test]
fn fault_8_two_reports_of_one_path_are_refused() {
    let folder = tempfile::tempdir().expect("a folder");
    let at = |name: &str| folder.path().join(name).display().to_string();
    fs::create_dir(folder.path().join("sub")).expect("a folder");
    fs::write(folder.path().join("run"), "old").expect("a file");
    symlink("run", folder.path().join("link")).expect("a link");
    let (sub, one) = (at("sub/../run"), at("run"));
    for (first, second) in [
        (&one, &one),
        (&one, &sub),
        (&one, &at("link")),
        (&at("new"), &at("new")),
        (&"-".to_owned(), &"-".to_owned()),
    ] {
        let [first, second] = [format!("json={first}"), format!("html={second}")];
        let outcome = run(&[
            "-n",
            "5",
            "--report",
            &first,
            "--report",
            &second,
            "http://127.0.0.1:9/",
        ])
        .exits(2);
        assert!(
            outcome.stderr.contains("two reports would be written to"),
            "{outcome:#?}"
        );
    }
    assert_eq!(fs::read_to_string(one).expect("a file"), "old");
}

#[test]
fn fault_10_a_hang_up_is_judged_like_any_other_end() {
    let mesh = Mesh::split([("v1", 90), ("v2", 10)]).seed(7).start();
    let url = mesh.url("/");
    let folder = tempfile::tempdir().expect("a folder");
    let file = folder.path().join("run.json");
    let report = format!("json={}", file.display());
    let mut child = Running::start(&[
        "-z", "5m", "-c", "2", "--expect", NINETY_TEN, "--report", &report, "-o", "oneline", &url,
    ]);
    wait_until("requests arrive", || mesh.served() > 50);
    child.signal("HUP");
    let outcome = child.finish();
    assert!(matches!(outcome.code, Some(0 | 1 | 3)), "{outcome:#?}");
    assert!(outcome.stdout.contains("requests in"), "{outcome:#?}");
    assert!(fs::read_to_string(file).is_ok_and(|text| text.contains("resplit.report/1")));
}

#[test]
fn fault_10_an_end_while_it_settles_waits_for_nobody() {
    let gate = Gate::after(0);
    let mesh = Mesh::split([("v1", 90), ("v2", 10)])
        .seed(7)
        .behind(&gate)
        .start();
    let url = mesh.url("/");
    // Nobody answers before the timeout, which is longer than a test may take.
    let timeout = format!("{}s", HANGS.as_secs() * 10);
    let mut child = Running::start(&[
        "--settle", "1h", "-t", &timeout, "--expect", NINETY_TEN, "-c", "3", "-o", "oneline", &url,
    ]);
    wait_until("a request is under way", || mesh.served() > 0);
    child.signal("TERM");
    let outcome = child.finish();
    assert_eq!(outcome.code, Some(4), "{outcome:#?}");
    assert!(outcome.stdout.contains("nothing was sent"), "{outcome:#?}");
}

#[test]
fn fault_10_help_that_cannot_be_written_is_an_error() {
    for args in [
        ["--help", "--help"],
        ["--version", "--version"],
        ["lint", "--rules"],
    ] {
        let full = fs::File::options()
            .write(true)
            .open("/dev/full")
            .expect("a device");
        let outcome = Command::new(env!("CARGO_BIN_EXE_resplit"))
            .args(args)
            .stdout(full)
            .output()
            .expect("it runs");
        assert_eq!(outcome.status.code(), Some(2), "{args:?}");
        assert!(
            String::from_utf8_lossy(&outcome.stderr).contains("cannot write to stdout"),
            "{args:?}"
        );
    }
}
