//! What the README shows is what the program prints.

use regex::Regex;

use resplit::lint::RULES;
use resplit::report::lint::severity;

use crate::support::cmd::{resplit, run};

#[test]
fn the_demo_in_the_readme_is_what_the_demo_prints() {
    let readme = std::fs::read_to_string(concat!(env!("CARGO_MANIFEST_DIR"), "/README.md"))
        .expect("a README");
    let (_, shown) = readme
        .split_once("$ resplit demo broken\n")
        .expect("the demo is shown");
    let (shown, _) = shown
        .split_once("$ echo $?\n1\n")
        .expect("its exit code is shown");
    // Ports, times and counts differ from run to run, and so does which of the two versions is named.
    let numbers = Regex::new(r"\d[\d.]*(e-\d+)?").expect("a pattern");
    let spaces = Regex::new(r" +").expect("a pattern");
    let shape = |text: &str| {
        let text = numbers.replace_all(text.trim(), "N");
        let text = spaces
            .replace_all(&text, " ")
            .replace("`single`", "`TARGET`");
        text.replace("`multiple`", "`TARGET`")
    };
    // Which answer belongs to which connection is not the same every time, and by design chance makes a few of a thousand
    // runs look as if there were more to say: all of five with a probability below 0.01^5 = 1e-10.
    let mut runs = (0..5).map(|_| shape(&run(&["demo", "broken"]).exits(1).stdout));
    let first = runs.next().expect("a run");
    if first != shape(shown) {
        let again = runs.any(|printed| printed == shape(shown));
        assert!(again, "shown:\n{}\nprinted:\n{first}", shape(shown));
    }
}

#[test]
fn the_plan_in_the_readme_is_what_size_prints() {
    shown_as_printed("resplit size --expect v1=90,v2=10 --detect 85/15 -n 1000");
}

#[test]
fn the_explanation_in_the_readme_is_what_explain_prints() {
    shown_as_printed("resplit explain -f examples/reviews/canary.yaml http://reviews:9080/");
}

/// What follows a command in the README is what it prints, to the letter.
#[track_caller]
fn shown_as_printed(command: &str) {
    let readme = std::fs::read_to_string(concat!(env!("CARGO_MANIFEST_DIR"), "/README.md"))
        .expect("a README");
    let (_, shown) = readme
        .split_once(&format!("$ {command}\n"))
        .expect("the command is shown");
    let (shown, _) = shown.split_once("```").expect("it ends");
    let args: Vec<&str> = command.split(' ').skip(1).collect();
    assert_eq!(shown, run(&args).exits(0).stdout);
}

#[test]
fn the_readme_names_every_format() {
    let readme = std::fs::read_to_string(concat!(env!("CARGO_MANIFEST_DIR"), "/README.md"))
        .expect("a README");
    for format in resplit::report::FORMATS {
        let row = format!("| `{}` | {} |", format.name, format.summary);
        assert!(readme.contains(&row), "README lacks {row:?}");
    }
}

#[test]
fn the_readme_names_every_extractor() {
    let readme = std::fs::read_to_string(concat!(env!("CARGO_MANIFEST_DIR"), "/README.md"))
        .expect("a README");
    for extractor in resplit::bucket::EXTRACTORS {
        let row = format!("| `{}` | {} |", extractor.form(), extractor.summary);
        assert!(readme.contains(&row), "README lacks {row:?}");
    }
}

#[test]
fn the_findings_in_the_readme_are_what_lint_prints() {
    let readme = std::fs::read_to_string(concat!(env!("CARGO_MANIFEST_DIR"), "/README.md"))
        .expect("a README");
    let command = "resplit lint -f examples/weather/broken --istio-version 1.2";
    let (_, shown) = readme
        .split_once(&format!("$ {command}\n"))
        .expect("lint is shown");
    let (shown, _) = shown
        .split_once("$ echo $?\n1\n")
        .expect("its exit code is shown");
    let output = resplit()
        .current_dir(env!("CARGO_MANIFEST_DIR"))
        .args(command.split(' ').skip(1))
        .output()
        .expect("the binary runs");
    assert_eq!(output.status.code(), Some(1));
    assert_eq!(shown, String::from_utf8_lossy(&output.stdout));
}

#[test]
fn the_rules_in_the_readme_are_the_rules() {
    let readme = std::fs::read_to_string(concat!(env!("CARGO_MANIFEST_DIR"), "/README.md"))
        .expect("a README");
    let (_, shown) = readme
        .split_once("<!-- rules -->\n")
        .expect("the rules are listed");
    let (shown, _) = shown.split_once("\n\n").expect("the table ends");
    let rows = RULES.iter().map(|rule| {
        format!(
            "| {} | `{}` | {} | {} |",
            rule.code.id(),
            rule.name,
            severity(rule),
            rule.code.title()
        )
    });
    let table: Vec<String> = [
        "| rule | name | severity | what is found |",
        "|---|---|---|---|",
    ]
    .into_iter()
    .map(str::to_owned)
    .chain(rows)
    .collect();
    assert_eq!(shown, table.join("\n"));
}
