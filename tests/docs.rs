//! README.md and the pages of `docs/`: what their console blocks show is what the program prints, and the pages that are
//! made of tables in the code are up to date. `UPDATE_DOCS=1 cargo test docs::` writes them anew.

// Blocks, and what is typed in them.
mod blocks;
// Pages that are written by this test.
mod generated;
// Blocks that are run.
mod runs;

use std::fs;
use std::path::{Path, PathBuf};

use regex::Regex;
use resplit::cli::understand;

use blocks::{Block, Kind, blocks, calls};

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

fn updates() -> bool {
    std::env::var_os("UPDATE_DOCS").is_some()
}

/// README and every page, with their paths from the root.
fn pages() -> Vec<(String, String)> {
    let mut files = vec![root().join("README.md")];
    collect(&root().join("docs/src"), &mut files);
    let page = |path: PathBuf| {
        let name = path.strip_prefix(root()).expect("it lies below the root");
        let text = fs::read_to_string(&path).expect("a page is text");
        (name.display().to_string(), text)
    };
    files.into_iter().map(page).collect()
}

fn collect(folder: &Path, files: &mut Vec<PathBuf>) {
    let entries = fs::read_dir(folder).expect("the folder is readable");
    let mut entries: Vec<PathBuf> = entries
        .map(|entry| entry.expect("readable").path())
        .collect();
    entries.sort();
    for path in entries {
        if path.is_dir() {
            collect(&path, files);
        } else if path.extension().is_some_and(|end| end == "md") {
            files.push(path);
        }
    }
}

#[test]
fn what_the_pages_show_is_what_the_program_prints() {
    let mut shown = 0;
    for (name, text) in pages() {
        let mut written = text.clone();
        // From the end, so that the places of those before stay right.
        for block in blocks(&text).into_iter().rev() {
            if matches!(block.kind, Kind::Exact | Kind::Numbers(_)) {
                shown += 1;
                let printed = runs::printed(&name, &block);
                let end = block.start + block.text.len();
                written.replace_range(block.start..end, &printed);
            }
        }
        if written != text {
            assert!(
                updates(),
                "{name}: UPDATE_DOCS=1 cargo test docs:: writes what is printed now\n--- shown\n{text}\n--- printed\n{written}"
            );
            fs::write(root().join(&name), written).expect("the page can be written");
        }
    }
    assert!(shown > 8, "{shown} blocks were run");
}

#[test]
fn every_command_of_the_pages_is_understood() {
    let mut understood = 0;
    for (name, text) in pages() {
        for Block {
            text, kind, line, ..
        } in blocks(&text)
        {
            if let Kind::Unexplained = kind {
                panic!(
                    "{name}:{line}: say how this block is tested, or why it is not run: <!-- not run: … -->"
                );
            }
            // A block that is run shows what becomes of its commands.
            let read = matches!(kind, Kind::Read);
            for args in calls(text).into_iter().filter(|_| read) {
                understood += 1;
                let typed = std::iter::once("resplit").chain(args.iter().map(String::as_str));
                if let Err(problem) = understand(typed.map(Into::into).collect()) {
                    panic!("{name}:{line}: {args:?}\n{problem}");
                }
            }
        }
    }
    assert!(understood > 30, "{understood} commands were parsed");
}

#[test]
fn links_lead_to_pages_that_exist() {
    let link = Regex::new(r"\]\(([^)#]+)(#[^)]*)?\)").expect("a pattern");
    let mut links = 0;
    for (name, text) in pages() {
        let folder = root().join(&name);
        let folder = folder.parent().expect("a page lies in a folder");
        for found in link.captures_iter(&text) {
            if !found[1].contains("://") {
                links += 1;
                assert!(
                    folder.join(&found[1]).exists(),
                    "{name}: {} leads nowhere",
                    &found[1]
                );
            }
        }
    }
    assert!(links > 50, "{links}");
}

#[test]
fn the_readme_fits_a_screen_and_the_summary_names_every_page() {
    let readme = fs::read_to_string(root().join("README.md")).expect("a README");
    let words = readme.split_whitespace().count();
    assert!(words <= 900, "README.md has {words} words");
    let summary = fs::read_to_string(root().join("docs/src/SUMMARY.md")).expect("a summary");
    for (name, _) in pages() {
        let page = name
            .strip_prefix("docs/src/")
            .filter(|page| *page != "SUMMARY.md");
        if let Some(page) = page {
            assert!(
                summary.contains(&format!("({page})")),
                "SUMMARY.md lacks {page}"
            );
        }
    }
}
