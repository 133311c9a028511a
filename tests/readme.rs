//! What the README shows is what the program prints.

use regex::Regex;

use crate::support::cmd::run;

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
    let printed = run(&["demo", "broken"]).exits(1).stdout;
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
    assert_eq!(shape(shown), shape(&printed));
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
