//! `tests/parts.txt` names tests that exist.

use std::process::Command;

use crate::support::parts::listed;

#[test]
fn every_test_that_is_left_out_exists() {
    let this = std::env::current_exe().expect("a test knows its binary");
    let output = Command::new(this).arg("--list").output();
    let list = String::from_utf8(output.expect("it runs").stdout).expect("names are text");
    let tests: Vec<&str> = list
        .lines()
        .filter_map(|line| line.strip_suffix(": test"))
        .collect();
    assert!(tests.len() > 300, "{}", tests.len());
    for name in listed() {
        let exists = tests.iter().any(|test| test.contains(name));
        assert!(exists, "tests/parts.txt: no test is called `{name}`");
    }
}
