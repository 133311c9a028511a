//! What there is to know is told by its code: nothing in `src` compares ids or messages as texts.

use std::fs;
use std::path::Path;

use regex::Regex;
use resplit::diag::Code;
use serde_json::Value;

use crate::support::cmd::run;

/// Words that are an id, and something else as well: the file and why.
const HOMONYMS: [(&str, &str, &str); 2] = [
    ("load/grpc.rs", "grpc-status", "a header of gRPC"),
    ("verdict/mod.rs", "not-judged", "the name of an outcome"),
];

/// How texts of notes would be compared.
const COMPARISONS: [&str; 4] = [
    r#"\bid(\(\))?\s*[!=]=\s*""#,
    r"\b(caveat|note|finding|known|one|problem|why)\w*\.message\s*[!=]=",
    r"\b(message|example|cause)\s*\.(contains|starts_with|ends_with|find|rfind)\(",
    r"\bobject\w*(\(\))?\s*\.(starts_with|strip_prefix)\(",
];

/// The code of a file without its tests.
fn code(path: &Path) -> String {
    let text = fs::read_to_string(path).expect("readable");
    let tests = Regex::new(r"#\[cfg\(test\)\]\n(pub\S* )?mod tests \{").expect("a pattern");
    let end = tests.find(&text).map_or(text.len(), |tests| tests.start());
    text[..end].to_owned()
}

fn sources(folder: &Path, found: &mut Vec<(String, String)>) {
    for entry in fs::read_dir(folder).expect("`src` is readable") {
        let path = entry.expect("`src` is readable").path();
        let name = path.to_string_lossy().replace('\\', "/");
        if path.is_dir() {
            sources(&path, found);
        } else if path.extension().is_some_and(|kind| kind == "rs")
            && !name.ends_with("tests.rs")
            && !name.contains("/tests/")
        {
            found.push((name, code(&path)));
        }
    }
}

/// What is wrong with one file.
fn texts_for_codes(name: &str, text: &str) -> Vec<String> {
    let quoted = Regex::new(r#""([a-z]+(?:-[a-z]+)+)""#).expect("a pattern");
    let ids = quoted.captures_iter(text).map(|found| found[1].to_owned());
    let ids = ids.filter(|id| !matches!(Code::named(id), Code::Other(_)));
    let known = |id: &String| {
        let mut known = HOMONYMS.iter();
        known.any(|(file, word, _)| name.ends_with(file) && id == word)
    };
    let ids = ids.filter(|id| !known(id));
    let ids = ids.map(|id| format!("{name} spells the id `{id}`: use its Code"));
    let compared = COMPARISONS.iter().flat_map(|pattern| {
        let pattern = Regex::new(pattern).expect("a pattern");
        let found = pattern
            .find_iter(text)
            .map(|found| found.as_str().to_owned());
        found.collect::<Vec<_>>()
    });
    let compared = compared.map(|found| format!("{name} compares texts: `{found}`"));
    ids.chain(compared).collect()
}

#[test]
fn notes_are_compared_by_their_codes() {
    let mut found = Vec::new();
    sources(
        &Path::new(env!("CARGO_MANIFEST_DIR")).join("src"),
        &mut found,
    );
    assert!(found.len() > 200, "`src` was not found");
    // The codes have their ids in one file, and notes say there when two of them tell the same.
    found.retain(|(name, _)| !name.contains("/diag/"));
    let problems = found
        .iter()
        .flat_map(|(name, text)| texts_for_codes(name, text));
    let problems: Vec<String> = problems.collect();
    assert!(problems.is_empty(), "\n{}", problems.join("\n"));
}

#[test]
fn each_way_to_compare_texts_is_found() {
    for text in [
        r#"if caveat.id == "x" {}"#,
        r#"notes.find(|note| note.id() != "x")"#,
        r#"known("unknown-subset")"#,
        r"known.message == note.message",
        r#"finding.message.contains("Istio")"#,
        r#"rule.object.starts_with("VirtualService ")"#,
        r#"object.strip_prefix("VirtualService ")"#,
        r#"failed.example.contains("timed out")"#,
        r#"message.ends_with("encrypted")"#,
    ] {
        assert_eq!(texts_for_codes("a.rs", text).len(), 1, "{text}");
    }
    assert_eq!(
        texts_for_codes("load/grpc.rs", r#"header("grpc-status")"#),
        [""; 0]
    );
}

/// A report of the version before notes had codes, of a run of `examples/weather/broken`: what lint found has the name of its
/// rule only, and the routes say the same under its own name, which is said once all the same.
const OLD: &str = concat!(
    env!("CARGO_MANIFEST_DIR"),
    "/tests/reports/before-codes.json"
);

#[test]
fn a_report_of_the_version_before_codes_is_judged_as_it_was() {
    let text = run(&["report", "-o", "json", OLD]).exits(1).stdout;
    // What a server sends was called an answer then.
    let old = fs::read_to_string(OLD)
        .expect("readable")
        .replace(" answers", " responses");
    let [old, again] =
        [&old, &text].map(|text| -> Value { serde_json::from_str(text).expect("JSON") });
    for part in ["outcome", "reason", "p_value", "caveats"] {
        assert_eq!(again["verdict"][part], old["verdict"][part], "{part}");
    }
    // The same explanations; how sure they are is said since.
    let ids = |report: &Value| -> Vec<Value> {
        let diagnosis = report["verdict"]["diagnosis"].as_array().expect("a list");
        diagnosis.iter().map(|why| why["id"].clone()).collect()
    };
    assert_eq!(ids(&again), ids(&old));
    assert_eq!(again["findings"], old["findings"]);
    assert_eq!(again["notes"], old["notes"]);
}
