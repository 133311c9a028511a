//! Texts that are no dumps, or broken ones: refused with their place, and never a panic.

use proptest::prelude::*;
use serde_json::json;

use resplit::diag::{Note, Sources};
use resplit::manifest::{lower, parse};
use resplit::route::{Vantage, resolve};

use super::{DYNAMIC, ISTIOCTL, probe};

fn problems(text: &str) -> Vec<(Note, String)> {
    let mut sources = Sources::new();
    sources.add("dump.json", text);
    let (_, problems) = parse(&sources);
    let place = |problem: &Note| {
        let (line, column) = sources.position(problem.labels[0].span);
        format!("{line}:{column}")
    };
    problems
        .into_iter()
        .map(|problem| {
            let place = place(&problem);
            (problem, place)
        })
        .collect()
}

#[test]
fn json_that_is_broken_or_no_dump_is_refused_with_its_place() {
    let broken = DYNAMIC.replacen("\"virtual_hosts\": [", "\"virtual_hosts\": [,", 1);
    let [(problem, place)] = &problems(&broken)[..] else {
        panic!("one problem")
    };
    assert_eq!((problem.code.id(), place.as_str()), ("bad_json", "9:23"));
    let half = &DYNAMIC[..DYNAMIC.len() / 2];
    assert_eq!(problems(half)[0].0.code.id(), "bad_json");
    let wrong = DYNAMIC.replacen("\"weight\": 90", "\"weight\": \"many\"", 1);
    let [(problem, place)] = &problems(&wrong)[..] else {
        panic!("one problem")
    };
    assert_eq!(problem.code.id(), "bad_dump");
    let line = wrong
        .lines()
        .position(|line| line.contains("many"))
        .expect("it is there")
        + 1;
    assert!(
        place.starts_with(&format!("{line}:")),
        "{place}, and it is in line {line}"
    );
    for (text, message) in [
        (
            "{}",
            "this JSON is empty: Envoy answers `{}` where it has nothing of the name that was asked for",
        ),
        (
            r#"{"cluster_statuses": []}"#,
            "this JSON is neither a manifest nor a config dump of Envoy",
        ),
        (
            "[1, 2]",
            "this JSON is neither a manifest nor a config dump of Envoy",
        ),
    ] {
        let [(problem, _)] = &problems(text)[..] else {
            panic!("one problem: {text}")
        };
        assert_eq!(
            (problem.code.id(), problem.message.as_str()),
            ("no_dump", message)
        );
        assert!(
            problem
                .help
                .as_ref()
                .is_some_and(|help| help.contains("config_dump"))
        );
    }
    let mut sources = Sources::new();
    sources.add("dump.json", r#"{"configs": [{"static_clusters": []}]}"#);
    let (manifests, problems) = parse(&sources);
    assert_eq!(problems, []);
    assert!(
        manifests
            .without_rules()
            .is_some_and(|problem| problem.message.contains("config dump"))
    );
}

#[test]
fn a_dump_written_as_yaml_says_how_to_take_it() {
    for text in [
        "- name: '5000'\n  virtualHosts:\n  - name: web\n    domains: [web]\n",
        "configs:\n- dynamic_route_configs: []\n",
    ] {
        let [(problem, _)] = &problems(text)[..] else {
            panic!("one problem: {text}")
        };
        assert_eq!(problem.code.id(), "yaml_dump");
        let help = problem.help.as_deref().unwrap_or_default();
        assert!(help.contains("-o json"), "{help}");
    }
}

#[test]
fn a_manifest_in_json_is_a_manifest() {
    let object = json!({ "kind": "Service", "apiVersion": "v1", "metadata": { "name": "web" },
        "spec": { "ports": [{ "name": "configs", "port": 80 }] } });
    for text in [
        object.to_string(),
        json!({ "kind": "List", "apiVersion": "v1", "items": [object] }).to_string(),
    ] {
        let mut sources = Sources::new();
        sources.add("service.json", text);
        let (manifests, problems) = parse(&sources);
        assert_eq!((problems.len(), manifests.services.len()), (0, 1));
    }
    for text in [
        r#"{"Kind": "service-splitter", "Name": "web", "Splits": [{"Weight": 100}]}"#,
        r#"{"Name": "web", "Kind": "service-splitter", "Splits": [{"Weight": 100}]}"#,
    ] {
        let mut sources = Sources::new();
        sources.add("splitter.json", text);
        let (manifests, problems) = parse(&sources);
        assert_eq!((problems, manifests.weights_only.len()), (Vec::new(), 1));
    }
}

proptest! {
    #[test]
    fn no_text_breaks_the_reader(text in ".{0,200}", braces in "[\\[\\]{}\",:a0 \n]{0,60}") {
        for text in [text, format!("{{\"configs\": {braces}"), format!("[{{\"virtualHosts\":{braces}")] {
            let mut sources = Sources::new();
            sources.add("dump.json", text);
            let (manifests, _) = parse(&sources);
            let _ = lower(&manifests, &Vantage::mesh(None, None));
        }
    }

    #[test]
    fn no_damage_to_a_dump_breaks_the_reader(at in 0..ISTIOCTL.len(), by in "[\\[\\]{}\",:a0 ]{0,3}", cut in 0_usize..40) {
        prop_assume!(ISTIOCTL.is_ascii());
        let end = (at + cut).min(ISTIOCTL.len());
        let text = format!("{}{by}{}", &ISTIOCTL[..at], &ISTIOCTL[end..]);
        let mut sources = Sources::new();
        sources.add("dump.json", text);
        let (manifests, problems) = parse(&sources);
        for problem in problems {
            for label in problem.labels {
                let _ = sources.position(label.span);
            }
        }
        let probe = probe("http://weather-backend:5000/", &[]);
        if let Ok(resolution) = resolve(&lower(&manifests, &Vantage::mesh(None, None)), &probe) {
            let _ = resolution.expected(&sources);
        }
    }
}
