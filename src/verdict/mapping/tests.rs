use super::*;
use crate::split::{Destination, Identifiers, Identity, Mechanism, Target};

fn subset(host: &str, name: &str, label: &str, workload: &str) -> (Target, u64, Identifiers) {
    let fqdn = format!("{host}.default.svc.cluster.local");
    let target = Target::Destination(Destination {
        host: fqdn.clone(),
        port: Some(5000),
        subset: Some(name.into()),
    });
    let names = [name.to_owned(), format!("outbound|5000|{name}|{fqdn}")].into();
    (
        target,
        1,
        Identifiers {
            names,
            labels: [label.to_owned()].into(),
            workloads: [workload.to_owned()].into(),
        },
    )
}

fn weather() -> Expected {
    let parts = vec![
        subset("weather", "canary", "multiple", "weather-multi"),
        subset("weather", "stable", "single", "weather-solo"),
    ];
    Expected::from_weights("test", Mechanism::Iid, parts).expect("a split")
}

fn named(names: &[&str]) -> Expected {
    let parts = names
        .iter()
        .map(|name| (Target::Named((*name).to_owned()), 1, Identifiers::default()))
        .collect();
    Expected::from_weights("test", Mechanism::Iid, parts).expect("a split")
}

fn bucket(value: &str, status: u16) -> Bucket {
    Bucket {
        identity: Identity::Value(value.to_owned()),
        status,
    }
}

fn derive(
    expected: &Expected,
    rules: &[MapRule],
    values: &[&str],
) -> Result<Mapping, MappingError> {
    let buckets: Vec<Bucket> = values.iter().map(|value| bucket(value, 200)).collect();
    Mapping::derive(expected, rules, &buckets)
}

fn target(expected: &Expected, value: &str) -> Option<String> {
    let mapping = derive(expected, &[], &[value]).ok()?;
    mapping
        .target(&bucket(value, 200))
        .map(|index| expected.declared()[index].name.clone())
}

#[test]
fn an_endpoint_says_one_thing_and_another_address_is_another_endpoint() {
    let target = Target::Destination(Destination {
        host: "web".into(),
        port: None,
        subset: Some("10.0.0.7:80".into()),
    });
    let names = ["10.0.0.7:80".to_owned()].into();
    let identifiers = Identifiers {
        names,
        ..Identifiers::default()
    };
    let parts = vec![(target, 1, identifiers)];
    let expected = Expected::from_weights("test", Mechanism::Iid, parts).expect("a split");
    let tied = |values: &[&str], value: &str| {
        let mapping = derive(&expected, &[], values).ok()?;
        Some(mapping.target(&bucket(value, 200)))
    };
    assert_eq!(tied(&["b1"], "b1"), Some(Some(0)));
    assert_eq!(tied(&["b1", "b2"], "b1"), None);
    assert_eq!(
        tied(&["10.0.0.7:80", "10.0.0.8:80"], "10.0.0.7:80"),
        Some(Some(0))
    );
    assert_eq!(tied(&["10.0.0.8:80"], "10.0.0.8:80"), Some(None));
}

#[test]
fn each_kind_of_clue_finds_its_target() {
    let expected = weather();
    for (value, name) in [
        ("stable", "stable"),
        (
            "outbound|5000|canary|weather.default.svc.cluster.local",
            "canary",
        ),
        ("weather-solo-6757db4ff5-8jzqn", "stable"),
        ("weather-multi", "canary"),
        ("single", "stable"),
        ("weather-backend: single", "stable"),
        ("WEATHER-BACKEND: MULTIPLE", "canary"),
    ] {
        assert_eq!(target(&expected, value).as_deref(), Some(name), "{value}");
    }
}

#[test]
fn tokens_that_nest_are_refused_not_guessed() {
    assert_eq!(
        target(&named(&["v1", "v10"]), "hello from v10").as_deref(),
        Some("v10")
    );
    assert!(matches!(
        derive(&named(&["blue", "blue-green"]), &[], &["hello blue-green"]),
        Err(MappingError::Unclear { .. })
    ));
}

#[test]
fn an_ambiguous_value_comes_with_a_ready_to_paste_map() {
    let error = derive(&named(&["v1", "v2"]), &[], &["it's v1, not v2"]).expect_err("ambiguous");
    assert!(error.to_string().contains("v1 or v2"), "{error}");
    assert!(
        error.help().contains(r"--map 'it'\''s v1, not v2=TARGET'"),
        "{}",
        error.help()
    );
}

#[test]
fn nothing_recognised_at_all_is_an_error_but_one_stranger_is_not() {
    let expected = named(&["v1", "v2"]);
    let error = derive(&expected, &[], &["blue", "green"]).expect_err("no clue");
    assert!(
        matches!(error, MappingError::Untied { .. }),
        "{error}: {}",
        error.help()
    );
    let mapping = derive(&expected, &[], &["v1", "green"]).expect("one is known");
    assert_eq!(
        (
            mapping.target(&bucket("v1", 200)),
            mapping.target(&bucket("green", 200))
        ),
        (Some(0), None)
    );
}

#[test]
fn whoever_responds_is_the_only_target_unless_it_says_otherwise() {
    let expected = named(&["web-v1"]);
    let place = |values: &[&str], value: &str| {
        let mapping = derive(&expected, &[], values).expect("tied");
        mapping.target(&bucket(value, 200))
    };
    for own in ["hello", "build 17", "web-5dfd", "HTTP/2 is spoken"] {
        assert_eq!(place(&[own], own), Some(0), "{own}");
    }
    for other in ["v2", "web-v2", "Hello from V2!", "web-v10-5dfd"] {
        assert_eq!(place(&[other], other), None, "{other}");
    }
    // Where the target is named, what does not name it is another one.
    assert_eq!(place(&["web-v1", "hello"], "hello"), None);
    let nothing = |identity, status| {
        let bucket = Bucket { identity, status };
        let mapping = Mapping::derive(&expected, &[], [&bucket]);
        mapping.is_ok_and(|mapping| mapping.target(&bucket).is_some())
    };
    assert!(!nothing(Identity::Value(String::new()), 200));
    assert!(!nothing(Identity::Value("moved".to_owned()), 302));
    assert!(!nothing(Identity::Value("broken".to_owned()), 500));
    assert!(!nothing(Identity::Missing, 200));
}

#[test]
fn what_an_error_answer_says_is_never_a_reason_to_refuse() {
    let buckets = [
        bucket("v1", 200),
        bucket("neither v1 nor v2", 503),
        bucket("no healthy upstream", 503),
        bucket("v2 broke", 500),
    ];
    let mapping = Mapping::derive(&named(&["v1", "v2"]), &[], &buckets).expect("clear");
    let targets: Vec<Option<usize>> = buckets
        .iter()
        .map(|bucket| mapping.target(bucket))
        .collect();
    assert_eq!(targets, [Some(0), None, None, Some(1)]);
}

#[test]
fn the_users_word_comes_first() {
    let expected = named(&["v1", "v2"]);
    let rules: Vec<MapRule> = ["a=b=v1", "/^v1$/=v2"]
        .iter()
        .map(|rule| rule.parse().expect("a rule"))
        .collect();
    let mapping = derive(&expected, &rules, &["a=b", "v1"]).expect("ruled");
    assert_eq!(
        (
            mapping.target(&bucket("a=b", 200)),
            mapping.target(&bucket("v1", 200))
        ),
        (Some(0), Some(1))
    );
}

#[test]
fn a_value_that_is_never_the_same_twice_is_known_by_its_rule_or_its_word() {
    let expected = named(&["blue", "green"]);
    let rules: Vec<MapRule> = vec!["/v1/=blue".parse().expect("a rule")];
    assert_eq!(
        recognise(&expected, &rules, "v1 at 12:00:01", 200),
        Some("blue")
    );
    assert_eq!(
        recognise(&expected, &rules, "green at 12:00:02", 200),
        Some("green")
    );
    assert_eq!(recognise(&expected, &rules, "blue or green", 200), None);
}

#[test]
fn a_rule_for_an_unknown_target_is_refused() {
    let rule: MapRule = "blue=v3".parse().expect("a rule");
    assert!(matches!(
        Mapping::derive(&named(&["v1"]), &[rule], []),
        Err(MappingError::UnknownTarget { .. })
    ));
}
