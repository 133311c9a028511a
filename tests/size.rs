//! `resplit size` through the binary: the numbers of the plan, and where the split it plans for comes from.

use std::fs;

use serde_json::{Value, json};

use crate::support::cmd::{Outcome, run};
use crate::support::mesh::NINETY_TEN;

fn size(args: &[&str]) -> Outcome {
    run(&[&["size"], args].concat())
}

fn plan(args: &[&str]) -> Value {
    size(&[args, &["-o", "json"]].concat()).exits(0).report().0
}

fn example(name: &str) -> String {
    format!("{}/examples/weather/{name}", env!("CARGO_MANIFEST_DIR"))
}

#[test]
fn ninety_ten_is_planned_as_documented() {
    let plan = plan(&["--expect", NINETY_TEN]);
    assert_eq!(plan["schema"], "resplit.size/1");
    for (field, value) in [
        ("fixed", json!(3480)),
        ("sequential", json!(4056)),
        ("starvation", json!(73)),
        ("alpha", json!(0.001)),
        ("beta", json!(0.01)),
        ("resolution", json!([0.03, 0.03])),
    ] {
        assert_eq!(plan[field], value, "{field}");
    }
}

#[test]
fn the_plan_honours_what_must_be_certain_and_what_is_accepted() {
    let fixed = |args: &[&str]| {
        plan(&[&["--expect", NINETY_TEN], args].concat())["fixed"]
            .as_u64()
            .expect("a number")
    };
    assert_eq!(fixed(&["--resolution", "2pp"]), 7597);
    assert!(fixed(&["--alpha", "0.05"]) < 3480);
    assert!(fixed(&["--beta", "0.1"]) < 3480);
    assert!(fixed(&["--tolerance", "5%"]) < 3480);
}

#[test]
fn a_named_drift_and_a_number_of_requests_are_answered() {
    let plan = plan(&["--expect", NINETY_TEN, "--detect", "85/15", "-n", "1k"]);
    assert_eq!(plan["detect"]["fixed"], 1136);
    assert_eq!(plan["detect"]["sequential"], 1321);
    assert_eq!(plan["sees"]["requests"], 1000);
    let power = plan["sees"]["power"].as_f64().expect("a number");
    assert!((0.93..0.96).contains(&power), "{power}");
}

#[test]
fn the_text_fits_on_a_screen() {
    let args = [
        "--expect",
        NINETY_TEN,
        "--detect",
        "v2=15,v1=85",
        "-n",
        "1000",
    ];
    insta::assert_snapshot!("text", size(&args).exits(0).stdout);
}

#[test]
fn manifests_say_it_with_or_without_a_request() {
    let rules = example("fixed/weather-rules.yaml");
    let alone = plan(&["-f", &rules]);
    assert_eq!(alone["rule"], "VirtualService default/weather http[0]");
    assert_eq!(alone["targets"][1]["target"], "multiple");
    let asked = plan(&["-f", &rules, "http://weather-backend:5000/version"]);
    assert_eq!(alone, asked);
}

#[test]
fn several_splits_need_a_request_to_choose() {
    let rule = |name: &str, weight: u32| {
        let rest = 100 - weight;
        format!(
            "apiVersion: networking.istio.io/v1\nkind: VirtualService\nmetadata: {{name: {name}}}\nspec:\n  \
             hosts: [{name}]\n  http:\n  - route:\n    - destination: {{host: a}}\n      weight: {weight}\n    \
             - destination: {{host: b}}\n      weight: {rest}\n---\n"
        )
    };
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("rules.yaml");
    fs::write(&path, [rule("one", 80), rule("two", 95)].concat()).expect("writable");
    let path = path.to_str().expect("a path");
    let outcome = size(&["-f", path]);
    outcome.refused("two rules");
    assert!(outcome.stderr.contains("URL"), "{}", outcome.stderr);
    assert_eq!(
        plan(&["-f", path, "http://two/"])["targets"][0]["share"],
        0.95
    );
}

#[test]
fn what_cannot_be_planned_is_refused() {
    for args in [
        &[][..],
        &["--expect", "v1=0"],
        &["--expect", NINETY_TEN, "--detect", "85"],
        &["--expect", NINETY_TEN, "--detect", "90/10"],
        &["--expect", NINETY_TEN, "--detect", "v1=85,v9=15"],
        &["--expect", NINETY_TEN, "-n", "0"],
        &["--expect", NINETY_TEN, "--alpha", "2"],
        &["--expect", NINETY_TEN, "-o", "html"],
        &["-f", "no-such-file.yaml"],
        &["-f", &example("fixed/weather-service.yaml")],
        &["-f", &example("fixed/weather-rules.yaml"), "-H", "a: b"],
    ] {
        size(args).refused(&args.join(" "));
    }
}
