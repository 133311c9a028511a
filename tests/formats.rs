//! One literal run in every format, and the promises of the JSON form.

use std::time::Duration;

use unicode_width::UnicodeWidthStr;

use resplit::diag::{Code, Note};
use resplit::diag::{Sources, Span};
use resplit::observe::{
    FailureCount, FailureKind, Observation, RequestLog, RequestRecord, ResponseSeries, Tally,
};
use resplit::report::{
    Declaration, Excerpt, FORMATS, KnownNotes, Report, Request, SavedObservation, Style, format,
    read,
};
use resplit::split::{
    Bucket, Destination, Expected, Identifiers, Identity, LocalReply, LocalReplyCause, Mechanism,
    Target,
};
use resplit::units::Percentiles;
use resplit::verdict::attribution::Attribution;
use resplit::verdict::mapping::Mapping;
use resplit::verdict::slo::{Slo, evaluate};
use resplit::verdict::{Evidence, Outcome, Policy, judge, with_slos};

use crate::support::tools::{HDR_HISTOGRAM, JUNIT, OPENMETRICS, jenkins_takes, python};

fn declared() -> Expected {
    let subset = |name: &str| {
        Target::Destination(Destination {
            host: "weather-backend.default.svc.cluster.local".into(),
            port: Some(5000),
            subset: Some(name.into()),
        })
    };
    let abort = Target::LocalReply(LocalReply {
        status: 418,
        cause: LocalReplyCause::FaultAbort,
    });
    let parts = vec![
        (subset("single"), 85, Identifiers::default()),
        (subset("multiple"), 10, Identifiers::default()),
        (abort, 5, Identifiers::default()),
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
        let begun = Duration::from_micros(step * 2_400_000 / count);
        tally
            .series
            .record(begun, Duration::from_micros(micros + step));
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
    let reset = FailureCount::new(3, "connection closed before message completed");
    let mut failed_over_time = ResponseSeries::default();
    for _ in 0..3 {
        failed_over_time.record(Duration::from_millis(1200), Duration::ZERO);
    }
    Observation {
        sent: answers.iter().map(|(_, _, count)| count).sum::<u64>() + 3,
        tallies: tallies.collect(),
        failures: [(FailureKind::Reset, reset)].into(),
        connections: 100,
        retried: 2,
        elapsed: Duration::from_millis(2500),
        log: log(answers),
        failed_over_time,
        ..Observation::default()
    }
}

/// The first 240 requests, over 40 connections, drawn from the answers by their number.
fn log(answers: &[(&str, u16, u64)]) -> RequestLog {
    let total: u64 = answers.iter().map(|(_, _, count)| count).sum();
    let mut log = RequestLog::default();
    let mut state = 7_u64;
    for sequence in 0..240 {
        // Knuth's generator; only its upper bits are used.
        state = state
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1_442_695_040_888_963_407);
        let mut draw = (state >> 33) % total.max(1);
        let drawn = answers.iter().find(|(_, _, count)| {
            let found = draw < *count;
            draw = draw.saturating_sub(*count);
            found
        });
        let bucket = drawn.map(|(value, status, _)| Bucket {
            identity: Identity::Value((*value).into()),
            status: *status,
        });
        log.push(RequestRecord {
            sequence,
            connection: sequence % 40,
            bucket: bucket.as_ref().filter(|_| sequence != 77),
            latency: None,
        });
    }
    log
}

/// The rule that declares the split.
fn excerpt() -> Excerpt {
    let text = include_str!("../examples/weather/fixed/weather-rules.yaml");
    let mut sources = Sources::new();
    let id = sources.add("weather-rules.yaml", text);
    let start = text.find("- route:").expect("a rule");
    Excerpt::around(Span::new(id, start..start), &sources)
}

fn fixture(answers: &[(&str, u16, u64)]) -> Report {
    let (expected, seen) = (declared(), seen(answers));
    let mapping = Mapping::derive(&expected, &[], seen.tallies.keys()).expect("clear values");
    let attribution = Attribution::new(&seen, Some((&expected, &mapping)));
    let evidence = Evidence {
        declared: Some((&expected, &mapping)),
        seen: &seen,
        attribution: &attribution,
        hypotheses: &[],
        key: None,
    };
    let verdict = judge(evidence, &Policy::default(), None);
    let slos = ["multiple.p99 < 20ms", "multiple.errors < 1%"].map(|slo| {
        let slo: Slo = slo.parse().expect("an objective");
        evaluate(&slo, &attribution, &seen, Some(&expected))
    });
    let verdict = with_slos(verdict, &slos);
    let request = Request {
        url: "http://127.0.0.1:5000/version".into(),
        method: "GET".into(),
        host: "weather-backend:5000".into(),
    };
    let known = KnownNotes {
        findings: vec![Note::new(
            Code::named("RS018"),
            "the port of Service weather-backend names no protocol: name it http-backend",
        )],
        notes: vec![Note::new(
            Code::named("port-protocol"),
            "port 5000 of Service weather-backend is named `backend` (weather-service.yaml:14)",
        )],
    };
    let rule = "VirtualService default/weather http[0]".to_owned();
    let declaration = Declaration {
        excerpt: Some(excerpt()),
        ..Declaration::of(expected.clone(), Some(rule))
    };
    let policy = Policy::default();
    let observation = SavedObservation::new(
        seen,
        Some((&expected, mapping)),
        false,
        &policy,
        verdict.intervals,
    );
    Report::new(
        request,
        policy,
        Some(declaration),
        observation,
        verdict,
        known,
    )
}

pub(crate) fn literal() -> Report {
    fixture(&[
        ("weather-backend: single", 200, 8495),
        ("weather-backend: multiple", 200, 900),
        ("weather-backend: multiple", 500, 103),
        ("fault filter abort", 418, 499),
    ])
}

fn diverged() -> Report {
    fixture(&[
        ("weather-backend: single", 200, 4700),
        ("weather-backend: multiple", 200, 4800),
        ("fault filter abort", 418, 500),
    ])
}

/// The same answers with nothing declared.
fn undeclared() -> Report {
    let seen = seen(&[("v1", 200, 900), ("v2", 503, 100)]);
    let attribution = Attribution::new(&seen, None);
    let evidence = Evidence {
        declared: None,
        seen: &seen,
        attribution: &attribution,
        hypotheses: &[],
        key: None,
    };
    let verdict = judge(evidence, &Policy::default(), None);
    let request = Request {
        url: "http://a/".into(),
        method: "GET".into(),
        host: "a".into(),
    };
    let policy = Policy::default();
    let observation = SavedObservation::new(seen, None, false, &policy, None);
    Report::new(
        request,
        policy,
        None,
        observation,
        verdict,
        KnownNotes::default(),
    )
}

fn rendered(report: &Report, name: &str, style: Style) -> String {
    let mut out = Vec::new();
    (format(name).expect("a format").render)(report, style, &mut out).expect("memory takes it");
    String::from_utf8(out).expect("text")
}

const PLAIN: Style = Style {
    colour: false,
    bars: false,
    width: 80,
    verbose: false,
    percentiles: Percentiles::DEFAULT,
};

pub(crate) fn plain(report: &Report, name: &str) -> String {
    rendered(report, name, PLAIN)
}

#[test]
fn every_format_renders_the_same_run() {
    for format in FORMATS {
        insta::assert_snapshot!(format.name, rendered(&literal(), format.name, PLAIN));
    }
}

#[test]
fn on_a_terminal_text_has_colour_and_bars() {
    let terminal = Style {
        colour: true,
        bars: true,
        ..PLAIN
    };
    insta::assert_snapshot!("text-terminal", rendered(&literal(), "text", terminal));
}

#[test]
fn without_answers_nothing_agrees_and_no_empty_table_is_drawn() {
    let report = fixture(&[]);
    assert_eq!(report.verdict.outcome, Outcome::NoData);
    let page = plain(&report, "html");
    assert!(
        page.contains("declared 85%") && !page.contains("✓"),
        "{page}"
    );
    assert!(!page.contains("id=\"course\""), "{page}");
    let text = plain(&report, "text");
    assert!(
        text.contains("single") && !text.contains("LATENCY"),
        "{text}"
    );
}

#[test]
fn verbose_text_shows_statuses_targets_and_parameters() {
    let verbose = Style {
        verbose: true,
        ..PLAIN
    };
    insta::assert_snapshot!("text-verbose", rendered(&literal(), "text", verbose));
}

#[test]
fn a_divergence_names_who_is_off_and_how_far() {
    let report = diverged();
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
        (&format!("multiple {long}"), 500, 10),
        ("fault filter abort", 418, 500),
    ]);
    let text = rendered(&report, "text", PLAIN);
    insta::assert_snapshot!("text-hostile", text);
    // Tables and bars keep within the terminal; sentences may be longer, the terminal wraps them.
    let terminal = Style {
        bars: true,
        ..PLAIN
    };
    for text in [&text, &rendered(&report, "text", terminal)] {
        let (tables, _) = text.split_once("INCONCLUSIVE").expect("a verdict");
        for line in tables.lines() {
            assert!(line.width() <= 80, "{} columns: {line}", line.width());
        }
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
fn json_reads_back_as_the_same_report_in_every_format() {
    for report in [literal(), diverged(), undeclared(), hostile()] {
        let saved = read(&rendered(&report, "json", PLAIN)).expect("its own JSON");
        assert_eq!(saved, report);
        for format in FORMATS {
            let [saved, live] = [&saved, &report].map(|own| rendered(own, format.name, PLAIN));
            assert_eq!(saved, live, "{}", format.name);
        }
    }
}

#[test]
fn json_is_what_the_published_schema_says() {
    let schema =
        serde_json::from_str(include_str!("../src/report/report.schema.json")).expect("JSON");
    let validator = jsonschema::validator_for(&schema).expect("a schema");
    for report in [literal(), hostile()] {
        let json = serde_json::from_str(&rendered(&report, "json", PLAIN)).expect("JSON");
        let problems: Vec<String> = validator
            .iter_errors(&json)
            .map(|error| format!("{}: {error}", error.instance_path()))
            .collect();
        assert!(problems.is_empty(), "{problems:#?}");
    }
    // A schema that takes everything would prove nothing.
    let mut wrong = serde_json::to_value(literal()).expect("JSON");
    wrong["verdict"]["outcome"] = "perhaps".into();
    assert!(!validator.is_valid(&wrong));
    wrong = serde_json::to_value(literal()).expect("JSON");
    wrong["surprise"] = 1.into();
    assert!(!validator.is_valid(&wrong), "every field is described");
}

#[test]
fn what_is_no_report_or_a_newer_one_is_refused() {
    let json = rendered(&literal(), "json", PLAIN);
    for (schema, word) in [
        ("resplit.report/2", "newer"),
        ("resplit.report/10.1", "newer"),
        ("resplit.size/1", "not a report"),
        ("other/1", "not a report"),
    ] {
        let error = read(&json.replace("resplit.report/1", schema)).expect_err(schema);
        assert!(error.to_string().contains(word), "{error}");
    }
    for older in ["resplit.report/1.7", "resplit.report/0"] {
        assert!(
            read(&json.replace("resplit.report/1", older)).is_ok(),
            "{older}"
        );
    }
    assert!(read("{}").is_err() && read("").is_err());
}

/// Values that would break out of every format if they could.
pub(crate) fn hostile() -> Report {
    let long = "multiple ".to_owned() + &"天気🌦".repeat(100_000);
    fixture(&[
        (
            "single </title><script>alert(1)</script> \u{1b}[2J\u{202e}\u{9b}\r\n\0 ::error::x | @all `x` \"' %0A #[",
            200,
            8500,
        ),
        (&long, 200, 1000),
        ("=cmd|' /C calc'!A0 multiple,\\", 500, 7),
        ("fault filter abort", 418, 500),
    ])
}

#[test]
fn hostile_values_stay_text_in_every_format() {
    let report = hostile();
    for format in FORMATS {
        let text = rendered(&report, format.name, PLAIN);
        assert!(
            text.chars()
                .all(|c| c == '\n' || c == '\r' && format.name == "csv" || !c.is_control()),
            "{}",
            format.name
        );
        assert!(!text.contains('\u{202e}'), "{}", format.name);
        if ["html", "markdown", "junit"].contains(&format.name) {
            assert!(!text.contains("<script"), "{}", format.name);
        }
        if format.name == "github" {
            assert!(text.lines().all(|line| line.starts_with("::")), "{text}");
        }
        if format.name == "oneline" {
            assert_eq!(text.lines().count(), 1);
        }
    }
}

#[test]
fn junit_is_read_by_junitparser() {
    let script = "
import sys, junitparser
xml = junitparser.JUnitXml.fromstring(sys.stdin.buffer.read())
for suite in xml:
    print(suite.name, suite.tests, suite.failures, suite.errors)
    for case in suite:
        print(case.name, [type(r).__name__ + ':' + (r.message or '') for r in case.result])
";
    let read = python(JUNIT, script, &rendered(&literal(), "junit", PLAIN));
    assert!(
        read.starts_with("resplit GET http://127.0.0.1:5000/version 3 1 0\n"),
        "{read}"
    );
    assert!(
        read.contains("split single 85%, multiple 10%, status 418 5% []"),
        "{read}"
    );
    assert!(read.contains("multiple.errors < 1% ['Failure:"), "{read}");
    python(JUNIT, script, &rendered(&hostile(), "junit", PLAIN));
}

#[test]
fn junit_is_what_the_schema_of_jenkins_says() {
    for report in [literal(), hostile(), diverged(), undeclared()] {
        jenkins_takes(&rendered(&report, "junit", PLAIN));
    }
    let refused = std::panic::catch_unwind(|| jenkins_takes("<testsuites><test/></testsuites>"));
    assert!(refused.is_err(), "a schema that takes everything");
}

#[test]
fn openmetrics_is_read_by_the_client_of_prometheus() {
    let script = "
import sys
from prometheus_client.openmetrics.parser import text_string_to_metric_families as new
from prometheus_client.parser import text_string_to_metric_families as old
text = sys.stdin.buffer.read().decode()
for read in (new, old):
    for family in read(text):
        for sample in family.samples:
            print(sample.name, sorted(sample.labels.items()), float(sample.value))
";
    let read = python(
        OPENMETRICS,
        script,
        &rendered(&literal(), "openmetrics", PLAIN),
    );
    for line in [
        "resplit_verdict [('outcome', 'slo-failed')] 1.0",
        "resplit_share_declared [('target', 'multiple')] 0.1",
        "resplit_latency_seconds_count [('target', 'single')] 8495.0",
        "resplit_requests [('end', 'failed')] 3.0",
    ] {
        // Once by the reader of OpenMetrics, once by that of the older format.
        assert_eq!(
            read.lines().filter(|own| *own == line).count(),
            2,
            "{line}: {read}"
        );
    }
    python(
        OPENMETRICS,
        script,
        &rendered(&hostile(), "openmetrics", PLAIN),
    );
}

#[test]
fn hlog_is_read_by_hdrhistogram() {
    let script = "
import sys, tempfile
from hdrh.histogram import HdrHistogram
from hdrh.log import HistogramLogReader
with tempfile.NamedTemporaryFile() as file:
    file.write(sys.stdin.buffer.read())
    file.flush()
    reader = HistogramLogReader(file.name, HdrHistogram(1, 3600000000, 3))
    while True:
        own = reader.get_next_interval_histogram()
        if own is None:
            break
        print(own.get_tag(), own.total_count, own.get_value_at_percentile(99), own.get_max_value())
";
    let read = python(HDR_HISTOGRAM, script, &rendered(&literal(), "hlog", PLAIN));
    let lines: Vec<&str> = read.lines().collect();
    assert!(lines[0].starts_with("single 8495 "), "{read}");
    assert!(
        lines.iter().any(|line| line.starts_with("multiple 1003 ")),
        "{read}"
    );
    assert!(
        lines.iter().any(|line| line.starts_with("status_418 499 ")),
        "{read}"
    );
}
