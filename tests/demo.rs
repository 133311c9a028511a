//! The stories of the demo: each ends as it says, and names its cause.

use crate::support::cmd::{resplit, run};

#[test]
fn each_story_names_its_cause() {
    for (scenario, code, words) in [
        ("missing-subset", 1, "subset `canary` is not defined"),
        ("no-sidecar", 1, "get no sidecar"),
        ("gateway-only", 2, "bound to gateway default/public only"),
        ("broken", 1, "Istio before 1.3 treats it as TCP"),
    ] {
        let outcome = run(&["demo", scenario]).exits(code);
        let said = format!("{}{}", outcome.stdout, outcome.stderr);
        assert!(said.contains(words), "{scenario}: {said}");
        // The line that it shows is one that a reader can type.
        let typed = outcome
            .stderr
            .lines()
            .find_map(|line| line.strip_prefix("  resplit "));
        let typed = typed.expect("the command is shown");
        let words: Vec<&str> = typed
            .split(' ')
            .take_while(|word| !word.starts_with("http"))
            .collect();
        let file = words
            .iter()
            .position(|word| *word == "-f")
            .map(|at| words[at + 1]);
        let lint = resplit()
            .current_dir(env!("CARGO_MANIFEST_DIR"))
            .args(["lint", "-f", file.expect("the manifests are named")])
            .output()
            .expect("it runs");
        assert!(
            matches!(lint.status.code(), Some(0 | 1)),
            "{scenario}: {lint:?}"
        );
    }
}

/// A healthy mesh passes in more than 98 of 100 runs; none of five does with a probability below 0.02^5 = 3e-9.
#[test]
fn the_healthy_story_passes_and_lists_the_others() {
    let listed = |text: &str| {
        ["missing-subset", "no-sidecar", "gateway-only", "broken"]
            .iter()
            .all(|name| text.contains(&format!("resplit demo {name}")))
    };
    let mut runs = (0..5).map(|_| run(&["demo"]));
    let passed = runs
        .find(|outcome| outcome.code == Some(0))
        .expect("one passes");
    assert!(listed(&passed.stderr), "{}", passed.stderr);
    let quiet = run(&["demo", "--quiet"]);
    assert!(!listed(&quiet.stderr), "{}", quiet.stderr);
    let help = run(&["demo", "--help"]).exits(0).stdout;
    assert!(help.contains("missing-subset"), "{help}");
}
