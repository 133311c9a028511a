//! What a first use of resplit found on the terminal, each by the number that it has there.

use regex::Regex;

use crate::support::cmd::{Running, resplit, run, run_json};
use crate::support::gate::Gate;
use crate::support::hostile::Refusing;
use crate::support::mesh::{Mesh, NINETY_TEN};
use crate::support::wait::wait_until;

/// Finding 10: a black hole ends without a declaration as it does with one, and a time limit is kept.
#[test]
fn nobody_there_is_known_early_with_and_without_a_declaration() {
    let refusing = Refusing::start();
    let url = refusing.url("/");
    for declared in [&[][..], &["--expect", NINETY_TEN]] {
        let report = run_json(&[declared, &[&url]].concat()).exits(4).report();
        assert!(report.sent() < 1000, "{}", report.sent());
    }
}

/// Finding 22: paragraphs break between words, where the terminal ends.
#[test]
fn paragraphs_are_wrapped_on_words_at_the_width_of_the_terminal() {
    let mesh = Mesh::split([("v2", 1)]).start();
    let url = mesh.url("/");
    let args = ["-n", "40", "-c", "2", "--expect", NINETY_TEN, &url];
    let whole = run(&args).stdout;
    let words: Vec<&str> = whole.split_whitespace().collect();
    let colours = Regex::new("\x1b\\[[0-9;]*m").expect("a pattern");
    for columns in [48, 60, 80] {
        let mut command = resplit();
        command
            .env("COLUMNS", columns.to_string())
            .args(["--color", "always"]);
        let output = command.args(args).output().expect("it runs");
        let said = String::from_utf8(output.stdout).expect("text");
        let plain = colours.replace_all(&said, "").into_owned();
        let verdict = plain.find("DIVERGED").expect("a verdict");
        let (mut paragraphs, mut wrapped) = (0, false);
        for line in plain[verdict..].lines() {
            let one_word = !line.trim_start().contains(' ');
            assert!(
                one_word || line.chars().count() <= columns,
                "{columns}: {line}"
            );
            wrapped |= line.starts_with("      ");
            paragraphs += usize::from(line.starts_with("  ") && !line.starts_with("    "));
            for word in line
                .split_whitespace()
                .filter(|word| word.len() > 6 && !word.contains(['0', '.']))
            {
                assert!(words.contains(&word), "{word} is cut");
            }
        }
        assert!(wrapped && paragraphs > 2, "{plain}");
    }
}

/// Finding 23: what there is of a proof is said in per cent of it.
#[test]
fn evidence_is_told_without_the_words_of_statisticians() {
    let mesh = Mesh::honest();
    for args in [&["-v"][..], &["-v", "-n", "500"]] {
        let outcome = run(&[args, &["--expect", NINETY_TEN, &mesh.url("/")]].concat());
        for text in [&outcome.stdout, &outcome.stderr] {
            assert!(!text.contains("e-value"), "{text}");
        }
    }
}

/// Finding 26: percentiles that take more responses are left out.
#[test]
fn few_responses_have_no_p999() {
    let mesh = Mesh::split([("v1", 9), ("v2", 1)]).seed(2).start();
    let text = run(&["-n", "60", &mesh.url("/")]).exits(0).stdout;
    let table: Vec<&str> = text
        .lines()
        .skip_while(|line| !line.contains("LATENCY, MS"))
        .take_while(|line| !line.is_empty())
        .collect();
    let [head, rows @ ..] = &table[..] else {
        panic!("{text}")
    };
    let end = head.find("P99.9").expect("a column") + "P99.9".len();
    assert_eq!(rows.len(), 2, "{text}");
    for row in rows {
        assert!(row[..end].ends_with('-'), "{row}");
    }
}

/// Finding 27: where nobody reads any more, nothing more is sent.
#[test]
fn a_run_ends_when_its_reader_has_gone() {
    let gate = Gate::after(50);
    let mesh = Mesh::split([("v1", 1)]).behind(&gate).start();
    let mut running = Running::start(&["-n", "5M", "-c", "4", &mesh.url("/")]);
    wait_until("some requests have come", || mesh.served() >= 50);
    running.close_stdout();
    gate.open();
    running.finish().exits(0);
    assert!(mesh.served() < 5_000_000, "{}", mesh.served());
}

/// Finding 28: of two shares that are off, the smaller declared one is named, whichever is larger in the responses.
#[test]
fn the_smaller_declared_target_is_named() {
    for (first, second) in [(1, 1), (1, 3), (3, 1)] {
        let mesh = Mesh::split([("v1", first), ("v2", second)]).seed(4).start();
        let args = ["-n", "600", "--expect", NINETY_TEN, &mesh.url("/")];
        let report = run_json(&args).exits(1).report();
        let reason = report.text("/verdict/reason");
        assert!(
            reason.starts_with("`v2` got "),
            "{first}:{second}: {reason}"
        );
    }
}
