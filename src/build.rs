//! The build script: names the commit that is built, for `resplit --version`. Without git, or outside of a repository, it
//! names none; `RESPLIT_COMMIT` in the environment of the build comes first. What is built to be tested names none either:
//! it would have to be built anew after every commit.
#![allow(
    clippy::disallowed_methods,
    reason = "a build script reads the environment"
)]
#![allow(
    clippy::print_stdout,
    reason = "a build script talks to cargo on stdout"
)]

use std::env;
use std::process::Command;

/// Characters of a commit's hash.
const SHORT: &str = "12";

fn main() {
    println!("cargo:rerun-if-env-changed=RESPLIT_COMMIT");
    let given = env::var("RESPLIT_COMMIT")
        .ok()
        .filter(|given| !given.trim().is_empty());
    let for_tests = env::var("PROFILE").is_ok_and(|profile| profile == "debug");
    let commit = given.or_else(|| if for_tests { None } else { watched() });
    let suffix = commit.map_or_else(String::new, |commit| format!(" ({})", commit.trim()));
    println!("cargo:rustc-env=RESPLIT_COMMIT_SUFFIX={suffix}");
}

/// The commit, asked for again when it changes.
fn watched() -> Option<String> {
    // The log of HEAD changes with every commit and checkout; where it lies, git knows (work trees have their own).
    for path in ["HEAD", "logs/HEAD"] {
        if let Some(file) = git(&["rev-parse", "--git-path", path]) {
            println!("cargo:rerun-if-changed={file}");
        }
    }
    of_this_repository()
}

/// The commit, if this folder is the top of a repository: an unpacked archive may lie inside of another one.
fn of_this_repository() -> Option<String> {
    let here = env::var("CARGO_MANIFEST_DIR").ok()?;
    let top = git(&["rev-parse", "--show-toplevel"])?;
    let same = std::path::Path::new(&here).canonicalize().ok()?
        == std::path::Path::new(&top).canonicalize().ok()?;
    if !same {
        return None;
    }
    git(&["log", "-1", &format!("--abbrev={SHORT}"), "--format=%h %cs"])
}

fn git(arguments: &[&str]) -> Option<String> {
    let output = Command::new("git").args(arguments).output().ok()?;
    let text = String::from_utf8(output.stdout).ok()?;
    (output.status.success() && !text.trim().is_empty()).then(|| text.trim().to_owned())
}
