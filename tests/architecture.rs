//! `ARCHITECTURE.md` is true: its files exist, its layers are the ones that are tested, and its recipes cost what they say.

use std::collections::BTreeMap;
use std::path::Path;

use regex::Regex;

use crate::layers::{LAYERS, May, collect};

/// Lines of the page, so that it can be read at one sitting.
const MOST_LINES: usize = 120;

/// What a recipe adds, by something that is there already: the folder, the module, and the lines that name it elsewhere.
const RECIPES: [(&str, &str, usize); 11] = [
    ("bucket", "bucket/peer", 2),
    ("bucket", "bucket/status", 2),
    ("report", "report/oneline", 3),
    ("report", "report/openmetrics", 3),
    ("report", "report/csv", 3),
    ("report", "report/hgrm", 3),
    ("report", "report/hlog", 3),
    ("report", "report/junit", 3),
    ("lint", "lint/rules/fault", 3),
    ("lint", "lint/rules/no_proxy", 3),
    ("manifest", "manifest/canary/flagger", 3),
];

fn page() -> String {
    std::fs::read_to_string(concat!(env!("CARGO_MANIFEST_DIR"), "/ARCHITECTURE.md"))
        .expect("a page about the architecture")
}

#[test]
fn every_file_that_the_page_names_exists() {
    let page = page();
    assert!(page.lines().count() <= MOST_LINES);
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let quoted = Regex::new("`((?:src|tests)/[^` ]*|[.][a-z.]+)`").expect("a pattern");
    let named: Vec<&str> = quoted
        .captures_iter(&page)
        .filter_map(|found| Some(found.get(1)?.as_str()))
        // What is to be added has no name yet.
        .filter(|path| !path.contains("NAME"))
        .collect();
    assert!(named.len() > 20, "{named:?}");
    for path in named {
        assert!(root.join(path).exists(), "{path} does not exist");
    }
}

#[test]
fn the_layers_of_the_page_are_those_that_are_tested() {
    let page = page();
    let modules = LAYERS
        .iter()
        .filter(|(name, _)| !["build", "main"].contains(name));
    for (name, may) in modules {
        let start = format!("| `{name}` | ");
        let row = page.lines().find(|line| line.starts_with(&start));
        let row = row.unwrap_or_else(|| panic!("the page has no row for `{name}`"));
        let cell = row.trim_end_matches(" |").rsplit(" | ").next();
        let wanted = match may {
            May::ImportAll => "all".to_owned(),
            May::Import([]) => "nothing".to_owned(),
            May::Import(modules) => modules.join(", "),
        };
        let cell = cell.map(|cell| match cell {
            "all above" => above(name),
            cell => cell.to_owned(),
        });
        assert_eq!(cell, Some(wanted), "`{name}`");
    }
}

/// The modules before one, but for the one that everybody may import.
fn above(name: &str) -> String {
    let names = LAYERS.iter().map(|(layer, _)| *layer);
    let before: Vec<&str> = names.take_while(|layer| *layer != name).collect();
    let before: Vec<&str> = before
        .into_iter()
        .filter(|layer| *layer != "units")
        .collect();
    before.join(", ")
}

#[test]
fn what_a_recipe_adds_is_named_in_no_more_lines_than_it_says() {
    let src = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    let mut files = BTreeMap::new();
    collect(&src, &src, &mut files);
    for (folder, module, most) in RECIPES {
        let own = format!("{module}.rs");
        assert!(files.contains_key(&own), "src/{own} does not exist");
        let name = module.rsplit('/').next().unwrap_or(module);
        let names = format!(r"\bmod {name};|\b{name}::|use [a-z_:]+\{{[^}}]*\b{name}\b[^}}]*\}};");
        let names = Regex::new(&names).expect("a pattern");
        let found: Vec<(&str, usize)> = files
            .iter()
            .filter(|(file, _)| **file != own && file.starts_with(&format!("{folder}/")))
            .map(|(file, text)| (file.as_str(), names.find_iter(text).count()))
            .filter(|(_, lines)| *lines > 0)
            .collect();
        let lines: usize = found.iter().map(|(_, lines)| lines).sum();
        assert!((1..=most).contains(&lines), "{module}: {found:?}");
    }
}
