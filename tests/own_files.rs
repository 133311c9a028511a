//! Only our own files are in the tree: no large file that nobody wrote here, and nothing with another's copyright.

use std::ffi::OsStr;
use std::fs;
use std::path::{Path, PathBuf};

/// Files above this size are data, and each is named here with why it is large.
const LARGE: u64 = 100_000;
const OWN_DATA: [&str; 2] = [
    // Values of the statistics, computed with 60 digits by a script beside it.
    "tests/oracle/statistics.json",
    // What the HTML report of the tests looks like.
    "tests/snapshots/main__formats__html.snap",
];
/// What is made by programs, and is in no commit.
const MADE: [&str; 5] = [".git", "target", "corpus", "artifacts", "node_modules"];
/// The texts of the licences.
const LICENCES: [&str; 3] = ["LICENSE", "LICENSE-APACHE", "LICENSE-MIT"];

/// Every file of the tree, by its path from the root.
fn files() -> Vec<PathBuf> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let (mut found, mut folders) = (Vec::new(), vec![root.to_owned()]);
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(&folder).expect("a folder") {
            let path = entry.expect("an entry").path();
            let name = path.file_name().and_then(OsStr::to_str).expect("a name");
            if path.is_symlink() || MADE.contains(&name) {
                continue;
            }
            if path.is_dir() {
                folders.push(path);
            } else {
                found.push(path.strip_prefix(root).expect("below it").to_owned());
            }
        }
    }
    found.sort();
    found
}

#[test]
fn a_large_file_is_data_of_our_own() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    for path in files() {
        let size = fs::metadata(root.join(&path)).unwrap().len();
        let own = OWN_DATA.iter().any(|name| path == Path::new(name));
        assert!(own || size <= LARGE, "{}: {size} bytes", path.display());
    }
}

/// Who has written a file and says so, says it in one of these ways.
fn says_whose(text: &str) -> bool {
    let text = text.to_lowercase();
    let claims = [
        ["copyright", " (c)"].concat(),
        ["copyright", " ©"].concat(),
        ["spdx-file", "copyrighttext"].concat(),
        ["all rights", " reserved"].concat(),
        ["licensed under the", " apache license"].concat(),
    ];
    let dated = text.match_indices("copyright").any(|(at, word)| {
        let rest = text[at + word.len()..].trim_start_matches([' ', ':', '(', ')', 'c', ',']);
        rest.starts_with("19") || rest.starts_with("20")
    });
    dated || claims.iter().any(|claim| text.contains(claim))
}

#[test]
fn no_file_has_the_copyright_of_somebody_else() {
    let mut read = 0;
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    for path in files() {
        let Ok(text) = fs::read_to_string(root.join(&path)) else {
            continue;
        };
        read += 1;
        let licence = LICENCES.iter().any(|name| path == Path::new(name));
        assert!(licence || !says_whose(&text), "{}", path.display());
    }
    assert!(read > 500, "{read} files");
    // In two parts, or this file would have one.
    for rest in [" 2019 Somebody", " (C) Somebody", ": 2024"] {
        assert!(says_whose(&["// Copyright", rest].concat()), "{rest}");
    }
    assert!(!says_whose("a copyright of somebody"));
}
