//! Files that import each other in a ring can only be understood together, so a test finds the rings. A module and its own
//! child may know each other: the child holds a part of what the parent is.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use crate::layers::collect;

#[test]
fn no_files_import_each_other_in_a_ring() {
    let src = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    let mut files = BTreeMap::new();
    collect(&src, &src, &mut files);
    let rings: Vec<String> = rings(&Tree::of(&files))
        .into_iter()
        .map(|ring| format!("{} import each other", ring.join(", ")))
        .collect();
    assert!(rings.is_empty(), "\n{}", rings.join("\n"));
}

#[test]
fn a_ring_is_found_through_names_groups_and_what_a_parent_imports() {
    let found = |files: &[(&str, &str)]| {
        let files = files
            .iter()
            .map(|(name, text)| ((*name).to_owned(), (*text).to_owned()))
            .collect();
        rings(&Tree::of(&files))
    };
    // By `super`, by `crate`, and in a group.
    assert_eq!(
        found(&[
            ("m/mod.rs", "mod a; mod b; mod c;"),
            ("m/a.rs", "use super::b::B;"),
            ("m/b.rs", "fn f() { crate::m::c::C::new() }"),
            ("m/c.rs", "use super::{other::{X}, a::{self, A}};"),
        ]),
        [["m/a.rs", "m/b.rs", "m/c.rs"]]
    );
    // By a name that the parent only passes on.
    assert_eq!(
        found(&[
            ("m/mod.rs", "mod a; mod b; pub use a::A; use b::{B as C};"),
            ("m/a.rs", "use super::C;"),
            ("m/b.rs", "use crate::m::A;"),
        ]),
        [["m/a.rs", "m/b.rs"]]
    );
    // A child that a file beside it knows, which the parent knows too.
    assert_eq!(
        found(&[
            ("m/mod.rs", "mod a; mod b; use a::A; use b::B; struct M;"),
            ("m/a.rs", "use super::{M, b::B};"),
            ("m/b.rs", "use super::M;"),
        ]),
        [[""; 0]; 0]
    );
    // Comments, tests and who may see an item do not count.
    assert_eq!(
        found(&[
            ("m/mod.rs", "mod a; mod b;"),
            ("m/a.rs", "use super::b::B;"),
            (
                "m/b.rs",
                "/// As [`super::a`]\npub(in super::a) struct B;\n#[cfg(test)]\nmod tests { use super::super::a::A; }"
            ),
        ]),
        [[""; 0]; 0]
    );
}

/// The files of a crate by their modules, as in `verdict/slo`.
struct Tree<'f> {
    modules: BTreeMap<&'f str, Module<'f>>,
}

struct Module<'f> {
    file: &'f str,
    code: String,
    /// Names that it imports, and from where.
    imported: BTreeMap<String, Vec<String>>,
}

impl<'f> Tree<'f> {
    fn of(files: &'f BTreeMap<String, String>) -> Self {
        let mut modules = BTreeMap::new();
        for (file, text) in files {
            let path = file.trim_end_matches(".rs").trim_end_matches("/mod");
            if path.split('/').any(|part| part == "tests")
                || ["lib", "main", "build"].contains(&path)
            {
                continue;
            }
            let code = code(text);
            let imported = imported(&code);
            modules.insert(
                path,
                Module {
                    file,
                    code,
                    imported,
                },
            );
        }
        Self { modules }
    }

    /// The module that holds what a path leads to, as seen from a module.
    fn holder(&self, from: &str, path: &[String], depth: usize) -> Option<String> {
        let mut at = from.to_owned();
        let mut rest = path;
        while let Some((name, tail)) = rest.split_first() {
            let child = if at.is_empty() {
                name.clone()
            } else {
                format!("{at}/{name}")
            };
            match name.as_str() {
                "crate" => at.clear(),
                "self" => {}
                "super" => at.truncate(parent(&at).len()),
                _ if self.modules.contains_key(child.as_str()) => at = child,
                _ => {
                    // Neither a file nor a module: it stands here, or is passed on, or comes from elsewhere.
                    let passed_on = self
                        .modules
                        .get(at.as_str())
                        .and_then(|m| m.imported.get(name));
                    return match passed_on {
                        Some(path) if depth < 8 => self.holder(&at, path, depth + 1).or(Some(at)),
                        _ => (rest.len() < path.len()).then_some(at),
                    };
                }
            }
            rest = tail;
        }
        Some(at)
    }

    /// Which files each file imports from, those of its parent and of its children left out.
    fn arrows(&self) -> BTreeMap<&'f str, BTreeSet<&'f str>> {
        let arrows_of = |path: &str, module: &Module<'f>| {
            let holders = paths(&module.code)
                .into_iter()
                .filter_map(|used| self.holder(path, &used, 0));
            holders
                .filter(|holder| holder != path && parent(holder) != path && parent(path) != holder)
                .filter_map(|holder| Some(self.modules.get(holder.as_str())?.file))
                .collect()
        };
        self.modules
            .iter()
            .map(|(path, module)| (module.file, arrows_of(path, module)))
            .collect()
    }
}

/// The module around one; `""` is the crate.
fn parent(path: &str) -> &str {
    path.rsplit_once('/').map_or("", |(parent, _)| parent)
}

/// Files each of which reaches all the others.
fn rings(tree: &Tree<'_>) -> Vec<Vec<String>> {
    let arrows = tree.arrows();
    let reached: BTreeMap<&str, BTreeSet<&str>> = arrows
        .keys()
        .map(|start| {
            let mut reached = BTreeSet::new();
            let mut open = vec![*start];
            while let Some(file) = open.pop() {
                for next in arrows.get(file).into_iter().flatten() {
                    if reached.insert(*next) {
                        open.push(next);
                    }
                }
            }
            (*start, reached)
        })
        .collect();
    let mut rings = BTreeSet::new();
    for (file, others) in reached
        .iter()
        .filter(|(file, others)| others.contains(*file))
    {
        let ring = others
            .iter()
            .filter(|other| reached[*other].contains(file))
            .map(|other| (*other).to_owned());
        rings.insert(ring.collect::<Vec<String>>());
    }
    rings.into_iter().collect()
}

/// The text without comments, without who may see an item (`pub(in …)`), and without the tests at its end.
fn code(text: &str) -> String {
    let lines: Vec<&str> = text
        .lines()
        .map(|line| match line.find("//") {
            // An address in a string begins no comment.
            Some(at) if !line[..at].ends_with(':') => &line[..at],
            _ => line,
        })
        .collect();
    let mut code = lines.join("\n");
    while let Some(start) = code.find("pub(in ") {
        let end = code[start..]
            .find(')')
            .map_or(code.len(), |end| start + end + 1);
        code.replace_range(start..end, "pub");
    }
    let end = code
        .match_indices("#[cfg(test)]")
        .find(|(at, attribute)| {
            let rest = code[at + attribute.len()..].trim_start();
            rest.starts_with("mod ") && rest.find('{') < rest.find(';')
        })
        .map_or(code.len(), |(at, _)| at);
    code[..end].to_owned()
}

/// Every path with at least two parts, groups spelled out.
fn paths(code: &str) -> Vec<Vec<String>> {
    let mut found = Vec::new();
    let mut rest = code;
    while let Some(start) = rest.find(|c: char| c.is_alphabetic() || c == '_') {
        rest = &rest[start..];
        let (mut these, end) = tree(rest);
        these.retain(|path| path.len() > 1);
        found.extend(these);
        rest = &rest[end.max(1)..];
        rest = rest.trim_start_matches(|c: char| c.is_alphanumeric() || c == '_');
    }
    found
}

/// What `use` brings into a module: each name with its path.
fn imported(code: &str) -> BTreeMap<String, Vec<String>> {
    let mut names = BTreeMap::new();
    for (at, word) in code.match_indices("use ") {
        if code[..at].ends_with(|c: char| c.is_alphanumeric() || c == '_') {
            continue;
        }
        let text = &code[at + word.len()..];
        for path in tree(text).0 {
            let Some(last) = path.last() else { continue };
            // `Long as Short` is known by its short name.
            let whole = text.split(';').next().unwrap_or(text);
            let short = whole
                .split_once(&format!("{last} as "))
                .map(|(_, short)| word_at(short).to_owned());
            names.insert(short.unwrap_or_else(|| last.clone()), path);
        }
    }
    names
}

fn word_at(text: &str) -> &str {
    let end = text.find(|c: char| !c.is_alphanumeric() && c != '_');
    &text[..end.unwrap_or(text.len())]
}

/// The paths of `a::{b, c::d}`, and where it ends.
fn tree(text: &str) -> (Vec<Vec<String>>, usize) {
    let name = word_at(text);
    let mut at = name.len();
    if name.is_empty() {
        return (Vec::new(), 0);
    }
    let Some(rest) = text[at..].strip_prefix("::") else {
        return (vec![vec![name.to_owned()]], at);
    };
    at += 2;
    let mut tails = Vec::new();
    if let Some(group) = rest.strip_prefix('{') {
        let mut inner = 0;
        while inner < group.len() {
            let skipped = group[inner..].find(|c: char| c.is_alphanumeric() || "_}".contains(c));
            inner += skipped.unwrap_or(group.len() - inner);
            if group[inner..].starts_with('}') || inner >= group.len() {
                break;
            }
            let (paths, end) = tree(&group[inner..]);
            tails.extend(paths.into_iter().map(|mut path| {
                if path.len() > 1 || path[0] != "self" {
                    return path;
                }
                path.clear();
                path
            }));
            inner += end.max(1);
            // A name after `as` is no path of its own.
            if let Some(short) = group[inner..].strip_prefix(" as ") {
                inner += 4 + word_at(short).len();
            }
        }
        at += 1 + inner + usize::from(group[inner..].starts_with('}'));
    } else {
        let (paths, end) = tree(rest);
        at += end;
        tails = if paths.is_empty() {
            vec![Vec::new()]
        } else {
            paths
        };
    }
    let whole = |tail: Vec<String>| [vec![name.to_owned()], tail].concat();
    (tails.into_iter().map(whole).collect(), at)
}
