//! What `kubectl` takes is read, and what it does not take is named.

use std::fs;
use std::path::PathBuf;

use serde_json::{Value, json};

use crate::support::cmd::{Outcome, run};

fn rule(name: &str) -> Value {
    let to = |subset: &str, weight: u32| json!({"destination": {"host": "web", "subset": subset}, "weight": weight});
    json!({
        "apiVersion": "networking.istio.io/v1", "kind": "VirtualService", "metadata": {"name": name},
        "spec": {"hosts": ["web"], "http": [{"route": [to("v1", 90), to("v2", 10)]}]},
    })
}

fn subsets() -> Value {
    let subset = |name: &str| json!({"name": name, "labels": {"version": name}});
    json!({
        "apiVersion": "networking.istio.io/v1", "kind": "DestinationRule", "metadata": {"name": "web"},
        "spec": {"host": "web", "subsets": [subset("v1"), subset("v2")]},
    })
}

fn list(item: &Value) -> Value {
    json!({"apiVersion": "v1", "kind": "List", "items": [item]})
}

/// Files in a folder of their own.
struct Files(tempfile::TempDir);

impl Files {
    fn new() -> Self {
        Self(tempfile::tempdir().expect("a folder"))
    }

    fn add(&self, name: &str, bytes: impl AsRef<[u8]>) -> String {
        let path: PathBuf = self.0.path().join(name);
        fs::create_dir_all(path.parent().expect("a folder")).expect("a folder");
        fs::write(&path, bytes).expect("writable");
        path.to_str().expect("a path").to_owned()
    }
}

fn explain(files: &[&str], more: &[&str]) -> Outcome {
    let files = files.iter().flat_map(|file| ["-f", file]);
    let args: Vec<&str> = (["explain"].into_iter())
        .chain(files)
        .chain(more.iter().copied())
        .collect();
    run(&args)
}

/// The shares of a request to `web`, without a word about anything that is missing.
fn shares(file: &str) -> Vec<(Value, Value)> {
    let told: Value = {
        let outcome = explain(&[file], &["-o", "json", "http://web/"]).exits(0);
        serde_json::from_str(&outcome.stdout).expect("JSON")
    };
    assert_eq!(told["caveats"], json!([]), "{file}");
    let shares = told["expected"]["shares"].as_array().expect("shares");
    shares
        .iter()
        .map(|share| (share["subset"].clone(), share["ratio"].clone()))
        .collect()
}

#[test]
fn values_one_behind_the_other_and_utf_16_are_read() {
    let files = Files::new();
    let (rule, subsets) = (rule("web"), subsets());
    let utf16 = |bom: u16, bytes: fn(u16) -> [u8; 2], text: &str| {
        let units = std::iter::once(bom).chain(text.encode_utf16());
        units.flat_map(bytes).collect::<Vec<u8>>()
    };
    let both = format!("{rule}\n{subsets}\n");
    let texts = [
        ("stream.json", both.clone().into_bytes()),
        ("glued.json", format!("{rule}{subsets}").into_bytes()),
        (
            "pretty.json",
            format!("{rule:#}\n\n{subsets:#}\n").into_bytes(),
        ),
        (
            "lists.json",
            format!("{:#}\n{:#}\n", list(&rule), list(&subsets)).into_bytes(),
        ),
        (
            "documents.json",
            format!("{rule}\n---\n{subsets}\n").into_bytes(),
        ),
        ("mark.json", format!("\u{feff}{both}").into_bytes()),
        ("little.json", utf16(0xfeff, u16::to_le_bytes, &both)),
        ("big.json", utf16(0xfeff, u16::to_be_bytes, &both)),
    ];
    for (name, bytes) in texts {
        let file = files.add(name, bytes);
        let wanted = [("v1", "9/10"), ("v2", "1/10")];
        let wanted = wanted.map(|(subset, ratio)| (json!(subset), json!(ratio)));
        assert_eq!(shares(&file), wanted, "{name}");
    }
}

#[test]
fn other_encodings_are_named() {
    let files = Files::new();
    let text = rule("web").to_string();
    let little: Vec<u8> = text.encode_utf16().flat_map(u16::to_le_bytes).collect();
    let wide = text
        .chars()
        .flat_map(|letter| u32::from(letter).to_le_bytes());
    let wide: Vec<u8> = [0xff, 0xfe, 0, 0].into_iter().chain(wide).collect();
    let half = [&[0xff, 0xfe], &little[..], &[0x7b]].concat();
    let lone = [0xff, 0xfe, 0x61, 0x00, 0x00, 0xd8, 0x61, 0x00];
    for (bytes, said) in [
        (
            &little[..],
            "it looks like UTF-16 without a byte order mark",
        ),
        (&wide, "it looks like UTF-32"),
        (&half, "is not UTF-16 text: byte"),
        (&lone, "is not UTF-16 text: byte 4 is invalid"),
        (b"kind: caf\xe9", "is not UTF-8 text: byte 9 is invalid"),
    ] {
        let file = files.add("bad.yaml", bytes);
        let outcome = explain(&[&file], &["http://web/"]).exits(2);
        assert!(outcome.stderr.contains(said), "{said}: {}", outcome.stderr);
    }
}

#[test]
fn two_yaml_files_without_a_separator_are_one_mistake() {
    let files = Files::new();
    let text = "apiVersion: v1\nkind: List\nitems: []\n".repeat(2);
    let file = files.add("pasted.yaml", text);
    let told = run(&["lint", "-f", &file, "-o", "json"])
        .exits(1)
        .report()
        .0;
    let findings = told["findings"].as_array().expect("findings");
    assert_eq!(findings.len(), 1, "{findings:?}");
    let message = findings[0]["message"].to_string();
    assert!(message.contains("without a `---`"), "{message}");
}

#[test]
fn a_kind_that_is_nearly_one_is_asked_about() {
    let files = Files::new();
    for (group, kind, meant) in [
        ("networking.istio.io/v1", "Virtualservice", "VirtualService"),
        (
            "networking.istio.io/v1",
            "VirtualServices",
            "VirtualService",
        ),
        ("gateway.networking.k8s.io/v1", "HttpRoute", "HTTPRoute"),
        ("gateway.networking.k8s.io/v1", "HTTPRoutes", "HTTPRoute"),
        ("v1", "service", "Service"),
        ("apps/v1", "deployment", "Deployment"),
    ] {
        let text = format!("apiVersion: {group}\nkind: {kind}\nmetadata: {{name: web}}\n");
        let file = files.add("kind.yaml", text);
        let told = run(&["lint", "-f", &file]).stdout;
        assert!(told.contains(&format!("did you mean `{meant}`?")), "{told}");
    }
    let text = "apiVersion: v1\nkind: ServiceAccount\nmetadata: {name: web}\n";
    let told = run(&["lint", "-f", &files.add("other.yaml", text)]).stdout;
    assert!(!told.contains("did you mean"), "{told}");
}

#[test]
fn places_have_their_folder_where_two_files_have_one_name() {
    let files = Files::new();
    let one = files.add("prod/web.yaml", rule("web").to_string());
    let told = explain(&[&one], &["http://web/"]).exits(0).stdout;
    assert!(
        told.contains("(web.yaml:1)") && !told.contains("prod/"),
        "{told}"
    );
    let other = files.add("stage/web.yaml", subsets().to_string());
    let told = explain(&[&one, &other], &["http://web/"]).exits(0).stdout;
    assert!(told.contains("prod/web.yaml:1)"), "{told}");
}

#[test]
fn what_was_checked_begins_with_the_rules_and_the_services() {
    let files = Files::new();
    let object = |kind: &str, name: &str| {
        format!("apiVersion: v1\nkind: {kind}\nmetadata: {{name: {name}}}\n---\n")
    };
    let text = [
        object("ConfigMap", "a"),
        object("Endpoints", "a"),
        object("Endpoints", "b"),
        object("NetworkPolicy", "a"),
        object("NetworkPolicy", "b"),
        object("Service", "a"),
        object("Service", "b"),
        rule("web").to_string(),
    ]
    .concat();
    let told = run(&["lint", "-f", &files.add("all.yaml", text)]).stdout;
    assert!(
        told.contains("1 VirtualService, 2 Services, 1 ConfigMap, 2 Endpoints, 2 NetworkPolicies;"),
        "{told}"
    );
}
