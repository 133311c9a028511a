//! Blocks that are run: each in a folder of its own that has the examples, through a shell, as a reader would.

use std::os::unix::fs::symlink;
use std::path::Path;
use std::process::Command;

use regex::Regex;

use super::blocks::{Block, Kind, typed};
use super::root;
use crate::support::mesh::Mesh;

/// Runs of a block whose numbers differ: by design, chance makes a few of a thousand look as if there were more to say, all
/// of five with a probability below 0.01^5 = 1e-10.
const RUNS: u32 = 5;

/// The block as it is printed now; a block whose numbers may differ stays as it is when only they do.
pub(super) fn printed(page: &str, block: &Block<'_>) -> String {
    let Kind::Numbers(weights) = &block.kind else {
        return run(page, block, None);
    };
    let mut last = String::new();
    for _ in 0..RUNS {
        let pairs = weights
            .iter()
            .map(|(name, weight)| (name.as_str(), *weight));
        let mesh = (!weights.is_empty()).then(|| Mesh::split(pairs).seed(7).start());
        last = run(page, block, mesh.as_ref());
        if shape(&last) == shape(block.text) {
            return block.text.to_owned();
        }
    }
    last
}

/// A text without its numbers, and without which of two targets is the one that is named. Which columns of the latency table
/// there is room for, and which percentiles take more responses, is up to the numbers.
fn shape(text: &str) -> String {
    let numbers = Regex::new(r"\d[\d.]*(e-\d+)?").expect("a pattern");
    let spaces = Regex::new(r" +").expect("a pattern");
    let named = Regex::new("`[a-z]+` got").expect("a pattern");
    let text = named.replace_all(text.trim(), "`TARGET` got");
    let text = numbers.replace_all(&text, "N");
    let text = spaces.replace_all(&text, " ");
    let header = Regex::new("LATENCY, MS.*").expect("a pattern");
    let text = header.replace_all(&text, "LATENCY, MS");
    let cells = Regex::new(r"(?m)( (N|-|N–N|N–\?))+$").expect("a pattern");
    cells.replace_all(&text, " N").into_owned()
}

fn run(page: &str, block: &Block<'_>, mesh: Option<&Mesh>) -> String {
    let folder = tempfile::tempdir().expect("a folder");
    for name in ["examples", "tests"] {
        symlink(root().join(name), folder.path().join(name)).expect("a link can be made");
    }
    let binary = Path::new(env!("CARGO_BIN_EXE_resplit"));
    let path = format!(
        "{}:{}",
        binary.parent().expect("it lies in a folder").display(),
        std::env::var("PATH").unwrap_or_default()
    );
    let mut text = String::new();
    let mut code = 0;
    for (command, _) in typed(block.text) {
        text.extend(["$ ", &command, "\n"]);
        if command == "echo $?" {
            text.extend([&code.to_string(), "\n"]);
            code = 0;
            continue;
        }
        assert_eq!(
            code, 0,
            "{page}:{}: `$ echo $?` shows no exit code before `{command}`",
            block.line
        );
        let mut line = command.clone();
        if let Some(mesh) = mesh {
            // Whatever host the reader sees, the server of the test answers.
            let there = format!("resplit --connect-to ::{} ", mesh.addr());
            line = line.replacen("resplit ", &there, 1);
        }
        let output = Command::new("sh")
            .args(["-c", &format!("{line} 2>&1")])
            .current_dir(folder.path())
            .env_clear()
            .env("PATH", &path)
            .env("COLUMNS", "100")
            .output()
            .expect("a shell runs");
        code = output.status.code().expect("it ended by itself");
        let printed = String::from_utf8_lossy(&output.stdout);
        text.push_str(&printed);
    }
    assert_eq!(
        code, 0,
        "{page}:{}: `$ echo $?` shows no exit code at its end:\n{text}",
        block.line
    );
    text
}
