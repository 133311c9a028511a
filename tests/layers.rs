//! Who may import whom: the compiler sees no walls between the modules of one crate, so a test does.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

/// What a module may import, besides itself.
pub(crate) enum May {
    Import(&'static [&'static str]),
    ImportAll,
}

/// Numbers as people write and read them: every layer prints some.
const EVERYBODYS: &str = "units";

/// The layers, from the words everybody uses to the shell that knows everything.
pub(crate) const LAYERS: &[(&str, May)] = &[
    ("units", May::Import(&[])),
    ("diag", May::Import(&[])),
    ("split", May::Import(&["diag"])),
    ("stats", May::Import(&[])),
    ("admin", May::Import(&[])),
    ("route", May::Import(&["diag", "split"])),
    ("bucket", May::Import(&["split"])),
    ("plan", May::Import(&["split"])),
    ("manifest", May::Import(&["diag", "split", "route"])),
    ("observe", May::Import(&["split"])),
    ("lint", May::Import(&["diag", "split", "route", "manifest"])),
    (
        "suite",
        May::Import(&["diag", "split", "route", "manifest"]),
    ),
    (
        "verdict",
        May::Import(&["diag", "split", "observe", "stats"]),
    ),
    (
        "report",
        May::Import(&[
            "diag", "split", "stats", "admin", "route", "bucket", "plan", "manifest", "observe",
            "lint", "suite", "verdict",
        ]),
    ),
    (
        "counts",
        May::Import(&["diag", "split", "route", "observe"]),
    ),
    ("load", May::Import(&["plan", "bucket", "observe", "split"])),
    ("cli", May::ImportAll),
    // The build script, a program of its own.
    ("build", May::Import(&[])),
    // The entry: everything it does is call the command line.
    ("main", May::Import(&["cli"])),
];

#[test]
fn modules_import_only_what_lies_below_them() {
    let src = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    let mut files = BTreeMap::new();
    collect(&src, &src, &mut files);
    assert!(
        files.contains_key("lib.rs"),
        "`src` was not found: {files:?}"
    );
    let problems: Vec<String> = files
        .iter()
        .flat_map(|(name, text)| violations(name, text))
        .collect();
    assert!(problems.is_empty(), "\n{}", problems.join("\n"));
}

/// The dialects of manifests, and below them the mesh that all of them ask.
const DIALECTS: [&str; 6] = [
    "istio",
    "gateway_api",
    "canary",
    "weights_only",
    "envoy",
    "mesh",
];

#[test]
fn no_dialect_imports_another() {
    let src = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    let mut files = BTreeMap::new();
    collect(&src, &src, &mut files);
    for dialect in DIALECTS {
        assert!(
            files.contains_key(&format!("manifest/{dialect}/mod.rs")),
            "`{dialect}` was not found"
        );
    }
    let problems: Vec<String> = files
        .iter()
        .flat_map(|(name, text)| arrows(name, text))
        .collect();
    assert!(problems.is_empty(), "\n{}", problems.join("\n"));
    assert_eq!(
        arrows(
            "manifest/canary/lower.rs",
            "use crate::manifest::{Manifests, istio::Index, mesh::names}; use super::super::envoy::Dump;"
        ),
        [
            "src/manifest/canary/lower.rs imports istio",
            "src/manifest/canary/lower.rs imports envoy"
        ]
    );
    assert_eq!(
        arrows("manifest/mesh/registry.rs", "use crate::manifest::canary;"),
        ["src/manifest/mesh/registry.rs imports canary"]
    );
}

#[test]
fn objects_as_written_do_not_know_what_they_mean() {
    let src = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    let mut files = BTreeMap::new();
    collect(&src, &src, &mut files);
    let objects: Vec<_> = files
        .iter()
        .filter(|(name, _)| name.starts_with("manifest/") && name.contains("/objects/"))
        .collect();
    assert!(objects.len() > 20, "the objects were not found");
    for (name, text) in objects {
        let text = text
            .lines()
            .filter(|line| !line.trim_start().starts_with("//"));
        let found = text.filter(|line| line.contains("compile::")).count();
        assert_eq!(found, 0, "src/{name} imports what compiles it");
    }
}

/// The dialects that a file of a dialect imports, besides its own and the mesh.
fn arrows(file: &str, text: &str) -> Vec<String> {
    let own = file
        .strip_prefix("manifest/")
        .and_then(|rest| rest.split_once('/'))
        .map(|(dialect, _)| dialect)
        .filter(|dialect| DIALECTS.contains(dialect));
    let Some(own) = own else { return Vec::new() };
    let names = imports(text, "crate::manifest::").chain(imports(text, "super::super::"));
    names
        .filter(|name| name != own && name != "mesh" && DIALECTS.contains(&name.as_str()))
        .map(|name| format!("src/{file} imports {name}"))
        .collect()
}

#[test]
fn a_forbidden_import_is_named_with_what_is_allowed() {
    let text = "
        //! Not like [`crate::cli`] at all.
        use crate::stats::fit; // crate::cli
        use crate::{split::Share, units::{self, Count}, cli};
        fn f() { crate::report::write(crate::VERSION) }
    ";
    assert_eq!(
        violations("stats/fit.rs", text),
        [
            "src/stats/fit.rs imports crate::split, but `stats` may import only []",
            "src/stats/fit.rs imports crate::cli, but `stats` may import only []",
            "src/stats/fit.rs imports crate::report, but `stats` may import only []",
        ]
    );
    assert_eq!(
        violations("plan/mod.rs", "use crate::load::run;"),
        ["src/plan/mod.rs imports crate::load, but `plan` may import only [\"split\"]"]
    );
    assert_eq!(violations("cli/run/mod.rs", text), [""; 0]);
    assert_eq!(
        violations("main.rs", "resplit::cli::main(); resplit::load::run()"),
        ["src/main.rs imports crate::load, but `main` may import only [\"cli\"]"]
    );
}

#[test]
fn an_unknown_module_is_told_to_take_its_place() {
    assert_eq!(
        violations("magic/mod.rs", ""),
        ["src/magic/mod.rs: `magic` has no place among the layers; give it one in tests/layers.rs"]
    );
}

/// Texts by path below `src`, with `/` between the parts.
pub(crate) fn collect(root: &Path, folder: &Path, files: &mut BTreeMap<String, String>) {
    for entry in fs::read_dir(folder).expect("`src` is readable") {
        let path = entry.expect("`src` is readable").path();
        if path.is_dir() {
            collect(root, &path, files);
        } else if path.extension().is_some_and(|end| end == "rs") {
            let name = path.strip_prefix(root).expect("it lies below `src`");
            let parts: Vec<_> = name.iter().map(|part| part.to_string_lossy()).collect();
            let text = fs::read_to_string(&path).expect("`src` is readable");
            files.insert(parts.join("/"), text);
        }
    }
}

fn violations(file: &str, text: &str) -> Vec<String> {
    let module = file
        .split('/')
        .next()
        .unwrap_or(file)
        .trim_end_matches(".rs");
    // The map of the crate: it names every module and uses none.
    if module == "lib" {
        return Vec::new();
    }
    let Some((_, may)) = LAYERS.iter().find(|(name, _)| *name == module) else {
        return vec![format!(
            "src/{file}: `{module}` has no place among the layers; give it one in tests/layers.rs"
        )];
    };
    let May::Import(allowed) = may else {
        return Vec::new();
    };
    imports(text, "crate::")
        .filter(|name| name != module && name != EVERYBODYS && !allowed.contains(&name.as_str()))
        // Types and functions of the crate root are no modules; `lib.rs` holds none that matter.
        .filter(|name| LAYERS.iter().any(|(layer, _)| layer == name))
        .map(|name| {
            format!("src/{file} imports crate::{name}, but `{module}` may import only {allowed:?}")
        })
        .collect()
}

/// The first names after every `crate::`, or what else leads to them, comments left out.
fn imports(text: &str, path: &str) -> impl Iterator<Item = String> {
    let code: Vec<&str> = text
        .lines()
        .map(|line| line.split("//").next().unwrap_or(line))
        .collect();
    let code = code.join("\n").replace("resplit::", "crate::");
    let mut names = Vec::new();
    for (at, start) in code.match_indices(path) {
        names.extend(heads(&code[at + start.len()..]));
    }
    names.into_iter()
}

/// `a` of `a::b`; `a` and `b` of `{a::{c, d}, b}`.
fn heads(path: &str) -> Vec<String> {
    let name = |text: &str| -> String {
        text.trim_start()
            .chars()
            .take_while(|c| c.is_alphanumeric() || *c == '_')
            .collect()
    };
    let Some(group) = path.strip_prefix('{') else {
        return vec![name(path)];
    };
    let mut depth = 1;
    let mut heads = vec![name(group)];
    for (at, c) in group.char_indices() {
        match c {
            '{' => depth += 1,
            '}' => depth -= 1,
            ',' if depth == 1 => heads.push(name(&group[at + 1..])),
            _ => {}
        }
        if depth == 0 {
            break;
        }
    }
    heads
}
