//! One literal run in every format, and the promises of the JSON form.

use std::time::Duration;

use resplit::observe::{Failed, FailureKind, Observation, Tally};
use resplit::report::{FORMATS, Report, Request, Run, Style, format, report};
use resplit::split::{
    Answer, Bucket, Cause, Clues, Destination, Expected, Identity, Mechanism, Target,
};
use resplit::verdict::attribution::Attribution;
use resplit::verdict::mapping::Mapping;
use resplit::verdict::{Evidence, Outcome, Policy, judge};

fn declared() -> Expected {
    let subset = |name: &str| {
        Target::Destination(Destination {
            host: "weather-backend.default.svc.cluster.local".into(),
            port: Some(5000),
            subset: Some(name.into()),
        })
    };
    let abort = Target::Status(Answer {
        status: 418,
        cause: Cause::FaultAbort,
    });
    let parts = vec![
        (subset("single"), 85, Clues::default()),
        (subset("multiple"), 10, Clues::default()),
        (abort, 5, Clues::default()),
    ];
    Expected::from_weights("weather-rules.yaml:27", Mechanism::Iid, parts).expect("a split")
}

fn tally(count: u64, micros: u64) -> Tally {
    let mut tally = Tally {
        count,
        ..Tally::default()
    };
    for step in 0..count {
        tally.latency.record(micros + step).expect("it grows");
    }
    tally
}

fn seen(answers: &[(&str, u16, u64)]) -> Observation {
    let tallies = answers.iter().map(|(value, status, count)| {
        let bucket = Bucket {
            identity: Identity::Value((*value).into()),
            status: *status,
        };
        (bucket, tally(*count, 1000 * u64::from(*status) / 100))
    });
    let reset = Failed {
        count: 3,
        example: "connection closed before message completed".into(),
    };
    Observation {
        sent: answers.iter().map(|(_, _, count)| count).sum::<u64>() + 3,
        tallies: tallies.collect(),
        failures: [(FailureKind::Reset, reset)].into(),
        connections: 100,
        retried: 2,
        elapsed: Duration::from_millis(2500),
        ..Observation::default()
    }
}

fn fixture(answers: &[(&str, u16, u64)]) -> Report {
    let (expected, seen) = (declared(), seen(answers));
    let mapping = Mapping::derive(&expected, &[], seen.tallies.keys()).expect("clear values");
    let sorted = Attribution::new(&seen, Some((&expected, &mapping)));
    let evidence = Evidence {
        declared: Some((&expected, &mapping)),
        seen: &seen,
        sorted: &sorted,
        rivals: &[],
    };
    let verdict = judge(evidence, &Policy::default(), None);
    report(Run {
        request: Request {
            url: "http://127.0.0.1:5000/version".into(),
            method: "GET".into(),
            host: "weather-backend:5000".into(),
        },
        expected: Some(&expected),
        rule: Some("VirtualService default/weather http[0]".into()),
        seen: &seen,
        sorted: &sorted,
        policy: &Policy::default(),
        verdict,
    })
}

fn healthy() -> Report {
    fixture(&[
        ("weather-backend: single", 200, 8495),
        ("weather-backend: multiple", 200, 900),
        ("weather-backend: multiple", 500, 103),
        ("fault filter abort", 418, 499),
    ])
}

fn rendered(report: &Report, name: &str, style: Style) -> String {
    let mut out = Vec::new();
    (format(name).expect("a format").render)(report, style, &mut out).expect("memory takes it");
    String::from_utf8(out).expect("text")
}

const PLAIN: Style = Style {
    colour: false,
    width: 80,
    verbose: false,
};

#[test]
fn every_format_renders_the_same_run() {
    for format in FORMATS {
        insta::assert_snapshot!(format.name, rendered(&healthy(), format.name, PLAIN));
    }
}

#[test]
fn verbose_text_shows_statuses_targets_and_parameters() {
    let verbose = Style {
        verbose: true,
        ..PLAIN
    };
    insta::assert_snapshot!("text-verbose", rendered(&healthy(), "text", verbose));
}

#[test]
fn a_divergence_names_who_is_off_and_how_far() {
    let report = fixture(&[
        ("weather-backend: single", 200, 4700),
        ("weather-backend: multiple", 200, 4800),
        ("fault filter abort", 418, 500),
    ]);
    assert_eq!(report.verdict.outcome, Outcome::Diverged);
    insta::assert_snapshot!("text-diverged", rendered(&report, "text", PLAIN));
}

#[test]
fn eighty_columns_suffice_and_hostile_bodies_stay_harmless() {
    let long = "天気🌦".repeat(40);
    let hostile = "single \u{1b}[2J\u{202e}\u{9b}\r\n\0 <script>";
    let report = fixture(&[
        (hostile, 200, 8500),
        (&format!("multiple {long}"), 200, 1000),
        ("fault filter abort", 418, 500),
    ]);
    let text = rendered(&report, "text", PLAIN);
    insta::assert_snapshot!("text-hostile", text);
    // Tables keep within the terminal; sentences may be longer, the terminal wraps them.
    for line in text.lines().filter(|line| line.starts_with("  ")) {
        assert!(line.chars().count() <= 100, "{line}");
    }
    let json = rendered(&report, "json", PLAIN);
    for text in [text, json] {
        assert!(
            text.chars().all(|c| c == '\n' || !c.is_control()),
            "{text:?}"
        );
        assert!(!text.contains('\u{202e}'), "{text:?}");
    }
}

#[test]
fn json_reads_back_as_the_same_report() {
    let report = healthy();
    let read: Report =
        serde_json::from_str(&rendered(&report, "json", PLAIN)).expect("its own JSON");
    assert_eq!(read, report);
}
