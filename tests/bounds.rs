//! What is read takes no more memory than it may, and no sum runs over: faults 4, 4b and 10 of the search for faults.

use std::fs;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use flate2::Compression;
use flate2::write::ZlibEncoder;
use serde_json::{Value, json};

use resplit::observe::{LatencyCell, Observation, RequestRecord, Tally};
use resplit::report::{Declaration, KnownNotes, Report, Request, SavedObservation};
use resplit::split::{Bucket, Identity, parse_weights};
use resplit::verdict::mapping::Mapping;
use resplit::verdict::{Outcome, Policy, Verdict};

use crate::support::cmd::run;

/// What a report of a million requests may take: 8 MiB are its log, 6 MiB where its requests ended.
const MOST_KIB: u32 = 30_000;

fn saved() -> Value {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/reports/open-loop.json");
    serde_json::from_str(&fs::read_to_string(path).expect("a saved report")).expect("JSON")
}

fn written(folder: &Path, name: &str, report: &Value) -> PathBuf {
    let path = folder.join(name);
    fs::write(&path, report.to_string()).expect("a file is written");
    path
}

/// A histogram that says of itself how long it is.
fn histogram(length: u32, digits: u32, highest: u64, counts: &[u8]) -> String {
    let mut inner = Vec::new();
    for number in [0x1c84_9313, length, 0, digits] {
        inner.extend_from_slice(&number.to_be_bytes());
    }
    inner.extend_from_slice(&1_u64.to_be_bytes());
    inner.extend_from_slice(&highest.to_be_bytes());
    inner.extend_from_slice(&1.0_f64.to_be_bytes());
    inner.extend_from_slice(counts);
    let mut zlib = ZlibEncoder::new(Vec::new(), Compression::best());
    zlib.write_all(&inner).expect("memory takes it");
    let deflated = zlib.finish().expect("memory takes it");
    let length = u32::try_from(deflated.len()).expect("short");
    let cookie = 0x1c84_9314_u32.to_be_bytes();
    STANDARD.encode([&cookie[..], &length.to_be_bytes(), &deflated].concat())
}

/// Fault 4: a report of 5 KB took 4 GiB. Here there is one, and it is refused.
#[test]
fn fault_4_a_histogram_in_a_report_takes_only_what_it_holds() {
    let folder = tempfile::tempdir().unwrap();
    for (name, bomb) in [
        ("long", histogram(u32::MAX, 3, 1 << 40, &[])),
        ("half", histogram(0x7fff_ffff, 3, 1 << 40, &[])),
        (
            "zeros",
            histogram(100_000_000, 3, 1 << 40, &vec![0; 100_000_000]),
        ),
        ("digits", histogram(10, 5, u64::MAX, &[2; 10])),
        ("high", histogram(10, 3, 1 << 63, &[2; 10])),
    ] {
        for field in ["service", "response", "ttfb"] {
            let mut report = saved();
            report["observation"]["buckets"][0]["answers"][0][field] = json!(bomb);
            let path = written(folder.path(), name, &report);
            let output = Command::new("sh")
                .args(["-c", "ulimit -v 1000000; exec \"$0\" report \"$1\""])
                .arg(env!("CARGO_BIN_EXE_resplit"))
                .arg(&path)
                .output()
                .unwrap();
            let said = String::from_utf8_lossy(&output.stderr);
            // What is no damage by itself has other counts than the report, but for those that nothing counts beside it.
            let fits = name == "high" && field == "ttfb";
            let judged = 1;
            assert_eq!(
                output.status.code(),
                Some(if fits { judged } else { 2 }),
                "{name} {field}: {said}"
            );
            assert!(
                fits || said.contains("a histogram"),
                "{name} {field}: {said}"
            );
        }
    }
}

/// A verdict of a policy outside of what its options take would be an absurd one.
#[test]
fn policies_that_no_run_can_have_are_refused() {
    let folder = tempfile::tempdir().unwrap();
    for (field, value) in [
        ("alpha", json!(0)),
        ("alpha", json!(1)),
        ("beta", json!(2)),
        ("tolerance", json!(-0.1)),
        ("tolerance", json!(1e300)),
        ("resolution", json!(0)),
        ("resolution", json!(2)),
        ("max_unattributed", json!(-1)),
        ("max_unattributed", json!(1.5)),
    ] {
        let mut report = saved();
        report["policy"][field] = value;
        let path = written(folder.path(), "absurd.json", &report);
        let outcome = run(&["report", path.to_str().unwrap()]).exits(2);
        let said = "its policy is none that a run can have";
        assert!(outcome.stderr.contains(said), "{field}: {}", outcome.stderr);
    }
}

/// Fault 10: sums of saved reports ran over.
#[test]
fn fault_10_counts_that_no_run_can_have_are_refused() {
    let folder = tempfile::tempdir().unwrap();
    let other = written(folder.path(), "other.json", &saved());
    let other = other.to_str().unwrap();
    for (pointer, most) in [
        ("/observation/connections", 1_u64 << 48),
        ("/observation/retried", 1 << 48),
        ("/observation/pace/late", 1 << 48),
        ("/observation/pace/unsent", 1 << 48),
        ("/observation/sent", 80),
        ("/observation/failures/0/count", 0),
        ("/observation/buckets/0/answers/0/count", 40),
    ] {
        let mut report = saved();
        *report
            .pointer_mut(pointer)
            .unwrap_or_else(|| panic!("{pointer}")) = json!(u64::MAX);
        let path = written(folder.path(), "absurd.json", &report);
        let outcome = run(&["report", path.to_str().unwrap(), other]).exits(2);
        let said = "18446744073709551615 is more than a run can count";
        assert!(
            outcome.stderr.contains(said),
            "{pointer}: {}",
            outcome.stderr
        );
        // The most that is read is added without running over, where the rest of the report allows it.
        *report.pointer_mut(pointer).unwrap() = json!(most);
        *report.pointer_mut("/tool/seed").unwrap() = json!(9);
        let elapsed = report.pointer_mut("/observation/elapsed_s").unwrap();
        *elapsed = json!(elapsed.as_f64().unwrap() + 1.0);
        let path = written(folder.path(), "large.json", &report);
        let outcome = run(&["report", "-o", "json", path.to_str().unwrap(), other]);
        assert!(
            matches!(outcome.code, Some(0 | 1 | 3)),
            "{pointer}: {outcome:?}"
        );
    }
}

/// The report of a run of so many requests that are all remembered, over connections with so many requests each.
fn remembered(requests: u32, on_each: u32) -> Report {
    let expected = parse_weights(&["v1=90,v2=10"]).expect("a split");
    let buckets = ["v1", "v2"].map(|name| Bucket {
        identity: Identity::Value(name.to_owned()),
        status: 200,
    });
    let mut seen = Observation {
        sent: requests.into(),
        connections: requests.div_ceil(on_each).into(),
        elapsed: Duration::from_secs(20),
        ..Observation::default()
    };
    // The upper bits of numbers of a linear congruential generator, seeded.
    let mut state = 7_u64;
    let mut drawn = |below: u64| {
        state = state
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1);
        (state >> 33) % below
    };
    let mut tallies = [Tally::default(), Tally::default()];
    for sequence in 0..requests {
        let at = usize::from(drawn(10) == 0);
        let micros = 500 + drawn(4000);
        let time = Duration::from_micros(micros);
        tallies[at].count += 1;
        tallies[at].latency.record(micros).expect("it grows");
        seen.log.push(RequestRecord {
            sequence,
            connection: u32::try_from(drawn(u64::from(requests.div_ceil(on_each)))).expect("few"),
            bucket: Some(&buckets[at]),
            latency: Some(LatencyCell::of(time)),
        });
    }
    seen.tallies = buckets.clone().into_iter().zip(tallies).collect();
    let mapping = Mapping::derive(&expected, &[], &buckets).expect("names");
    let policy = Policy::default();
    let declared = Some((&expected, mapping));
    let observation = SavedObservation::new(seen, declared, false, &policy, None);
    let target = Request {
        url: "http://web/".to_owned(),
        method: "GET".to_owned(),
        host: "web".to_owned(),
    };
    let verdict = Verdict::without_counts(Outcome::NoData, &policy);
    let declaration = Some(Declaration::of(expected, None));
    Report::new(
        target,
        policy,
        declaration,
        observation,
        verdict,
        KnownNotes::default(),
    )
}

/// A saved run of a million requests takes what its log takes, once, and little beside: what a process may write to is bounded.
#[test]
fn a_report_of_a_million_requests_takes_less_than_its_log_three_times() {
    let folder = tempfile::tempdir().unwrap();
    // The JSON is written at once, and holds the log again.
    for (name, on_each, formats) in [
        (
            "few",
            10_000,
            &[("text", MOST_KIB), ("json", MOST_KIB + 20_000)][..],
        ),
        ("many", 2, &[("text", MOST_KIB)]),
    ] {
        let path = folder.path().join(format!("{name}.json"));
        let report = serde_json::to_string(&remembered(1_000_000, on_each)).expect("JSON");
        fs::write(&path, report).expect("a file is written");
        for (format, kib) in formats {
            let output = Command::new("sh")
                .args([
                    "-c",
                    "ulimit -d \"$1\"; exec \"$0\" report -o \"$2\" \"$3\"",
                ])
                .arg(env!("CARGO_BIN_EXE_resplit"))
                .args([kib.to_string().as_str(), *format])
                .arg(&path)
                .output()
                .unwrap();
            let said = String::from_utf8_lossy(&output.stderr);
            assert_eq!(output.status.code(), Some(0), "{name} {format}: {said}");
        }
    }
}
