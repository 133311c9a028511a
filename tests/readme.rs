//! What the README shows is what the program prints.

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
    // The port and everything measured by the clock differ from run to run.
    let fixed = |text: &str| -> Vec<String> {
        let clock = |line: &&str| {
            !line.starts_with("GET ")
                && !line.contains(" requests over ")
                && !line.trim_start().starts_with("weather-backend: ")
        };
        text.trim()
            .lines()
            .filter(clock)
            .map(str::to_owned)
            .collect()
    };
    assert_eq!(fixed(shown), fixed(&printed));
    let counted = |text: &str| -> Vec<String> {
        text.lines()
            .filter(|line| line.contains("% single") || line.contains("% multiple"))
            .map(str::to_owned)
            .collect()
    };
    assert_eq!(counted(shown), counted(&printed));
    assert!(!counted(shown).is_empty());
}

#[test]
fn the_plan_in_the_readme_is_what_size_prints() {
    let readme = std::fs::read_to_string(concat!(env!("CARGO_MANIFEST_DIR"), "/README.md"))
        .expect("a README");
    let command = "resplit size --expect v1=90,v2=10 --detect 85/15 -n 1000";
    let (_, shown) = readme
        .split_once(&format!("$ {command}\n"))
        .expect("the plan is shown");
    let (shown, _) = shown.split_once("```").expect("it ends");
    let args: Vec<&str> = command.split(' ').skip(1).collect();
    assert_eq!(shown, run(&args).exits(0).stdout);
}
