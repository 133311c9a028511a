//! Every `tests/manifests/*.yaml` has a snapshot: its problems, or the split of the requests its first lines name:
//!
//! ```text
//! # request: GET http://reviews:9080/api?x=1 -H end-user: jason --from-namespace default
//! ```
//!
//! A new case is a new file. `--object KIND/NS/NAME` chooses the object that declares; `--gateway NS/NAME`, `--from-labels k=v,…`, `--waypoint` and `--istio-version X.Y` say where
//! the request comes from.

use std::fmt::Write as _;
use std::fs;
use std::path::Path;

use resplit::diag::render::render;
use resplit::diag::{Severity, Sources};
use resplit::manifest::{Manifests, ObjectName, lower, parse};
use resplit::route::{Implementation, Origin, Probe, Proxy, Vantage, resolve};

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
    story.push_str(&render(
        manifests.without_rules().as_slice(),
        &sources,
        false,
    ));
    story
}

/// Where a request goes.
fn answer(request: &str, manifests: &Manifests, sources: &Sources) -> String {
    let (request, chosen) = match request.split_once(" --object ") {
        Some((request, rest)) => {
            let (name, rest) = rest.split_once(' ').unwrap_or((rest, ""));
            let name: ObjectName = name.parse().expect("the name of an object");
            (format!("{request} {rest}"), Some(name))
        }
        None => (request.to_owned(), None),
    };
    let (probe, vantage) = asked(request.trim_end());
    let mut manifests = manifests.clone();
    if let Some(Err(error)) = chosen.map(|name| manifests.choose(&name)) {
        return format!("  error: {error}\n");
    }
    let table = lower(&manifests, &vantage.dialling(&probe));
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
            tried.object, tried.rule, tried.failed_condition
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
        for (kind, identifiers) in [
            ("names", &declared.identifiers.names),
            ("labels", &declared.identifiers.labels),
            ("workloads", &declared.identifiers.workloads),
        ] {
            if !identifiers.is_empty() {
                let words: Vec<&str> = identifiers.iter().map(String::as_str).collect();
                let _ = writeln!(out, "    {kind}: {}", words.join(" "));
            }
        }
    }
    for caveat in &resolution.caveats {
        let place = caveat
            .place()
            .map(|span| format!(" at {}", sources.place(span)))
            .unwrap_or_default();
        let _ = writeln!(out, "  caveat {}{place}: {}", caveat.id(), caveat.message);
        if let Some(help) = &caveat.help {
            let _ = writeln!(out, "    help: {help}");
        }
    }
    out
}

/// `GET http://h/ -H name: value --from-namespace ns --from-labels k=v --gateway ns/name`.
fn asked(request: &str) -> (Probe, Vantage) {
    let (first, options) = request.split_once(" -").unwrap_or((request, ""));
    let (method, url) = first.split_once(' ').expect("a method and a URL");
    let mut probe = Probe::new(method, &url.parse().expect("a URL")).expect("an absolute URL");
    let (mut namespace, mut labels, mut gateway) = (None, None, None);
    let (mut proxy, mut istio) = (Proxy::Sidecar, None);
    let mut implementation = None;
    for option in options.split(" -").filter(|option| !option.is_empty()) {
        let (name, value) = option.split_once(' ').unwrap_or((option, ""));
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
            "-waypoint" => proxy = Proxy::Waypoint,
            "-istio-version" => istio = Some(value.parse().expect("a version")),
            "-implementation" => {
                implementation = Some(match value {
                    "istio" => Implementation::Istio,
                    "envoy-gateway" => Implementation::EnvoyGateway,
                    "spec" => Implementation::Spec,
                    other => panic!("unknown implementation {other}"),
                });
            }
            "-host" => probe = probe.with_host(value),
            other => panic!("unknown option {other}"),
        }
    }
    let vantage = match gateway {
        Some((namespace, name)) => Vantage::gateway(namespace, name),
        None => Vantage::at(Origin::Mesh {
            namespace,
            labels,
            proxy,
        }),
    };
    let vantage = Vantage {
        istio,
        implementation,
        ..vantage
    };
    (probe, vantage)
}

fn parsed(files: &[(&str, &str)]) -> (Sources, Manifests, String) {
    let mut sources = Sources::new();
    for (name, text) in files {
        sources.add(*name, *text);
    }
    let (manifests, problems) = parse(&sources);
    let text = render(&problems, &sources, false);
    (sources, manifests, text)
}

#[test]
fn the_same_object_in_two_files_names_both() {
    let service = "apiVersion: v1\nkind: Service\nmetadata: {name: web}\nspec: {}\n";
    let (_, _, text) = parsed(&[("a.yaml", service), ("b.yaml", service)]);
    insta::assert_snapshot!(text, @r"
    error: Service default/web is given twice
     --> b.yaml:3:18
      |
    3 | metadata: {name: web}
      |                  ^^^ again here
      |
     ::: a.yaml:3:18
      |
    3 | metadata: {name: web}
      |                  --- first here
      |
      = help: pass one of them: which one the cluster would keep depends on the order of applying
    ");
}

#[test]
fn a_broken_file_does_not_hide_the_others() {
    let (_, manifests, text) = parsed(&[
        ("broken.yaml", "a: [\n"),
        (
            "bad.yaml",
            "apiVersion: v1\nkind: Service\nmetadata: {name: 5}\n",
        ),
        (
            "good.yaml",
            "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: settings}\n",
        ),
    ]);
    assert_eq!(manifests.inventory(), "ConfigMap settings");
    for part in ["broken.yaml:", "bad.yaml:3:"] {
        assert!(text.contains(part), "{part} missing in\n{text}");
    }
}

#[test]
fn a_problem_in_a_long_line_shows_its_surroundings_only() {
    let filler = "x".repeat(100_000);
    let line = format!(
        r#"{{"apiVersion":"v1","kind":"Service","metadata":{{"name":"{filler}","namespace":5}},"x":"{filler}"}}"#
    );
    let (_, _, text) = parsed(&[("line.json", &line)]);
    assert!(text.contains("not the number `5`"), "{text}");
    assert!(text.len() < 2_000, "{} characters", text.len());
}

#[test]
#[expect(clippy::disallowed_methods, reason = "a test reads its own cases")]
fn line_ends_and_byte_order_marks_change_no_answer() {
    let file = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/manifests/weather.yaml");
    let text = fs::read_to_string(file).expect("readable");
    let plain = story("weather", &text);
    assert_eq!(story("weather", &text.replace('\n', "\r\n")), plain);
    let marked = format!("\u{feff}{text}");
    // The mark stands in front of the first request, which therefore is none.
    let without_first = |story: &str| {
        story
            .lines()
            .skip_while(|line| !line.contains("127.0.0.1"))
            .collect::<String>()
    };
    assert_eq!(
        without_first(&story("weather", &marked)),
        without_first(&plain)
    );
}

#[test]
fn a_file_that_is_wrong_everywhere_is_given_up() {
    let text: String = "apiVersion: v1\nkind: Service\n---\n".repeat(10_000);
    let (_, _, text) = parsed(&[("wrong.yaml", &text)]);
    assert!(
        text.ends_with("there are more problems than these 100\nhelp: is this the right file?\n"),
        "{text}"
    );
}

#[test]
fn an_alias_bomb_is_refused() {
    let mut bomb = "a0: &a0 [x, x, x, x, x, x, x, x, x]\n".to_owned();
    for level in 1..10 {
        let items = vec![format!("*a{}", level - 1); 9].join(", ");
        let _ = writeln!(bomb, "a{level}: &a{level} [{items}]");
    }
    let (_, _, text) = parsed(&[("bomb.yaml", &bomb)]);
    assert!(
        text.starts_with("error: aliases copy more than 100000 values\n --> bomb.yaml:"),
        "{text}"
    );
}

/// The cases above with a few bytes changed are still cases, and none of them may panic.
#[test]
#[expect(clippy::disallowed_methods, reason = "a test reads its own cases")]
fn damaged_manifests_are_read_or_refused() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/manifests");
    let texts: Vec<String> = fs::read_dir(&folder)
        .expect("the folder is there")
        .map(|entry| fs::read_to_string(entry.expect("a file").path()).expect("readable"))
        .collect();
    let wounds = [
        "",
        "\n",
        " ",
        ":",
        "- ",
        "\"",
        "{",
        "]",
        "&a ",
        "*a",
        "-1",
        "99999999999999999999",
        "null",
        "é",
        "\t",
    ];
    for text in &texts {
        // The requests above the objects stay as they are.
        let header: usize = text
            .lines()
            .take_while(|line| line.starts_with('#'))
            .map(|line| line.len() + 1)
            .sum();
        // A step that shares no factor with the number of wounds, so that each place meets another one.
        for (turn, at) in (header..text.len()).step_by(7).enumerate() {
            let (Some(before), Some(after)) = (text.get(..at), text.get(at + 1..)) else {
                continue;
            };
            let damaged = format!("{before}{}{after}", wounds[turn % wounds.len()]);
            let _ = story("damaged", &damaged);
        }
    }
}
