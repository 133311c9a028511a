//! Every `tests/manifests/*.yaml` has a snapshot: its problems, or the split of the requests its first lines name:
//!
//! ```text
//! # request: GET http://reviews:9080/api?x=1 -H end-user: jason --from-namespace default
//! ```
//!
//! A new case is a new file. `--gateway NS/NAME` and `--from-labels k=v,…` say where the request comes from.

use std::fmt::Write as _;
use std::fs;
use std::path::Path;

use resplit::diag::render::render;
use resplit::diag::{Severity, Sources};
use resplit::manifest::{Manifests, lower, parse};
use resplit::route::{Probe, Vantage, resolve};

#[test]
#[expect(clippy::disallowed_methods, reason = "a test reads its own cases")]
fn every_manifest_has_its_snapshot() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/manifests");
    let mut files: Vec<_> = fs::read_dir(&folder)
        .expect("the folder is there")
        .map(|entry| entry.expect("a file").path())
        .filter(|path| {
            path.extension()
                .is_some_and(|extension| extension == "yaml")
        })
        .collect();
    files.sort();
    assert!(!files.is_empty(), "the cases are found");
    for file in files {
        let name = file
            .file_stem()
            .expect("a name")
            .to_string_lossy()
            .into_owned();
        let text = fs::read_to_string(&file).expect("readable");
        insta::with_settings!({
            snapshot_path => "snapshots/manifests",
            prepend_module_to_snapshot => false,
            omit_expression => true,
        }, {
            insta::assert_snapshot!(name.as_str(), story(&name, &text));
        });
    }
}

/// The problems of a file, then what becomes of its requests.
fn story(name: &str, text: &str) -> String {
    let mut sources = Sources::new();
    sources.add(format!("{name}.yaml"), text);
    let (manifests, problems) = parse(&sources);
    let mut story = render(&problems, &sources, false);
    if problems
        .iter()
        .any(|problem| problem.severity == Severity::Error)
    {
        return story;
    }
    for request in text
        .lines()
        .filter_map(|line| line.strip_prefix("# request: "))
    {
        let _ = write!(
            story,
            "{request}\n{}",
            answer(request, &manifests, &sources)
        );
    }
    if story.is_empty() {
        let _ = writeln!(story, "these manifests hold {}", manifests.inventory());
    }
    story
}

/// Where a request goes.
fn answer(request: &str, manifests: &Manifests, sources: &Sources) -> String {
    let (probe, vantage) = asked(request);
    let table = lower(manifests, &vantage.dialling(&probe));
    let mut out = String::new();
    let resolution = match resolve(&table, &probe) {
        Ok(resolution) => resolution,
        Err(error) => {
            let _ = writeln!(out, "  error: {error}");
            if let Some(help) = error.help() {
                let _ = writeln!(out, "  help: {help}");
            }
            return out;
        }
    };
    let expected = resolution.expected(sources);
    for tried in &resolution.trace {
        let place = sources.place(tried.span);
        let _ = writeln!(
            out,
            "  tried {} {} at {place}: lost on {}",
            tried.object, tried.rule, tried.lost_on
        );
    }
    let route = resolution.route.map_or("no route".to_owned(), |route| {
        format!("{} {}", route.object, route.rule)
    });
    let _ = writeln!(out, "  {route} at {}", expected.source);
    for declared in expected.declared() {
        let _ = writeln!(
            out,
            "  {} {} = {:?}",
            declared.share, declared.name, declared.target
        );
        for (kind, clues) in [
            ("names", &declared.clues.names),
            ("labels", &declared.clues.labels),
            ("workloads", &declared.clues.workloads),
        ] {
            if !clues.is_empty() {
                let words: Vec<&str> = clues.iter().map(String::as_str).collect();
                let _ = writeln!(out, "    {kind}: {}", words.join(" "));
            }
        }
    }
    for caveat in &resolution.caveats {
        let place = caveat
            .span
            .map(|span| format!(" at {}", sources.place(span)))
            .unwrap_or_default();
        let _ = writeln!(out, "  caveat {}{place}: {}", caveat.id, caveat.message);
    }
    out
}

/// `GET http://h/ -H name: value --from-namespace ns --from-labels k=v --gateway ns/name`.
fn asked(request: &str) -> (Probe, Vantage) {
    let (first, options) = request.split_once(" -").unwrap_or((request, ""));
    let (method, url) = first.split_once(' ').expect("a method and a URL");
    let mut probe = Probe::new(method, &url.parse().expect("a URL")).expect("an absolute URL");
    let (mut namespace, mut labels, mut gateway) = (None, None, None);
    for option in options.split(" -").filter(|option| !option.is_empty()) {
        let (name, value) = option.split_once(' ').expect("an option and its value");
        let pair = |separator| {
            value
                .split_once(separator)
                .map(|(a, b)| (a.to_owned(), b.to_owned()))
                .expect("a pair")
        };
        match name {
            "H" => probe.headers.push(pair(": ")),
            "-from-namespace" => namespace = Some(value.to_owned()),
            "-from-labels" => labels = Some([pair("=")].into()),
            "-gateway" => gateway = Some(pair("/")),
            "-host" => value.clone_into(&mut probe.host),
            other => panic!("unknown option {other}"),
        }
    }
    let vantage = match gateway {
        Some((namespace, name)) => Vantage::gateway(namespace, name),
        None => Vantage::mesh(namespace, labels),
    };
    (probe, vantage)
}
