//! `resplit report`: what was saved is judged again as it was, merged, compared, or refused.

use std::path::{Path, PathBuf};

use hdrhistogram::Histogram;
use proptest::prelude::*;
use serde_json::Value;

use resplit::diag::Note;
use resplit::observe::{Failure, FailureKind, Observation, RequestRecord};
use resplit::report::{
    Changes, Declaration, KnownNotes, Report, Request, SavedObservation, rejudge as again,
};
use resplit::split::{Bucket, Expected, Identity, parse_weights};
use resplit::verdict::attribution::Attribution;
use resplit::verdict::mapping::Mapping;
use resplit::verdict::{Evidence, Outcome, Policy, rejudge};

use crate::support::cmd::{self, run, run_json};
use crate::support::mesh::Mesh;

/// Requests of one generator: the target of each (0, 1, or 2 for a failure), over connections of two requests.
#[derive(Clone, Debug)]
struct Generator(Vec<u8>);

fn bucket(target: u8) -> Bucket {
    Bucket {
        identity: Identity::Value(format!("v{}", target + 1)),
        status: 200,
    }
}

/// What the generators saw as one run at a rate: requests one after the other, connections numbered on.
fn whole(generators: &[Generator]) -> Observation {
    let mut seen = Observation::default();
    let (mut sequence, mut connections) = (0, 0);
    for Generator(targets) in generators {
        for (at, target) in targets.iter().enumerate() {
            let answered = (*target < 2).then(|| bucket(*target));
            let connection = connections + u32::try_from(at / 2).expect("few");
            seen.log.push(RequestRecord {
                sequence,
                connection,
                bucket: answered.as_ref(),
                latency: None,
            });
            sequence += 1;
            seen.sent += 1;
            if let Some(bucket) = answered {
                let tally = seen.tallies.entry(bucket).or_default();
                tally.count += 1;
                let micros = 1000 + 500 * u64::from(*target) + at as u64 % 97;
                tally.latency.record(micros).expect("it grows");
                let response = tally
                    .response
                    .get_or_insert_with(|| Histogram::new(3).expect("three digits"));
                response.record(micros + 300).expect("it grows");
                let first = &mut seen.phases.first_byte;
                first.record(micros / 2).expect("it grows");
                let pace = seen.pace.get_or_insert_default();
                pace.lag.record(300).expect("it grows");
                pace.late += u64::from(at == 7);
            } else {
                let failed = seen.failures.entry(FailureKind::Reset);
                failed
                    .or_default()
                    .add(1, Failure::new(FailureKind::Reset, "closed"));
            }
        }
        connections += u32::try_from(targets.len().div_ceil(2)).expect("few");
    }
    seen.connections = u64::from(connections);
    seen.elapsed = std::time::Duration::from_secs(1);
    seen
}

fn reported(seen: &Observation, expected: &Expected, watched: bool) -> Report {
    let policy = Policy::default();
    let mapping = Mapping::derive(expected, &[], seen.tallies.keys()).expect("clear");
    let pair = Some((expected, &mapping));
    let attribution = Attribution::new(seen, pair);
    let evidence = Evidence {
        declared: pair,
        seen,
        attribution: &attribution,
        hypotheses: &[],
        key: None,
    };
    let verdict = rejudge(&evidence, &policy, watched);
    let request = Request {
        url: "http://a/".into(),
        method: "GET".into(),
        host: "a".into(),
    };
    Report::new(
        request,
        policy,
        Some(Declaration::of(expected.clone(), None)),
        SavedObservation::new(
            seen.clone(),
            Some((expected, mapping.clone())),
            watched,
            &policy,
            verdict.intervals,
        ),
        verdict,
        KnownNotes::default(),
    )
}

fn generator(share: f64) -> impl Strategy<Value = Generator> {
    prop::collection::vec(0.0..1.0_f64, 40..400).prop_map(move |draws| {
        let targets = draws.into_iter().map(|draw| match draw {
            _ if draw < share => 0,
            _ if draw < 0.995 => 1,
            _ => 2,
        });
        Generator(targets.collect())
    })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]

    #[test]
    fn merging_the_parts_is_judging_the_whole(
        generators in prop::collection::vec(prop_oneof![generator(0.9), generator(0.88), generator(0.5)], 2..5),
        watched in any::<bool>(),
    ) {
        let expected = parse_weights(&["v1=90,v2=10"]).expect("a split");
        let at_once = reported(&whole(&generators), &expected, watched);
        let parts: Vec<(String, Report)> = generators
            .iter()
            .enumerate()
            .map(|(at, own)| (format!("{at}.json"), reported(&whole(std::slice::from_ref(own)), &expected, watched)))
            .collect();
        prop_assume!(parts.iter().all(|(_, part)| part.observation.rows.targets.iter().all(|own| own.tally.count > 0)));
        let merged = again(parts, &Changes::default()).expect("they are alike");
        // Everything that is counted is the sum, whatever is made of it.
        let counted = |report: &Report| {
            let targets = report.observation.rows.targets.iter();
            targets.map(|own| (own.target.clone(), own.share, own.tally.clone())).collect::<Vec<_>>()
        };
        prop_assert_eq!(counted(&merged), counted(&at_once));
        prop_assert_eq!(&merged.observation.seen.tallies, &at_once.observation.seen.tallies);
        // Intervals allow for a change that only a generator shows.
        if merged.verdict.intervals == at_once.verdict.intervals {
            prop_assert_eq!(&merged.observation.rows.buckets, &at_once.observation.rows.buckets);
            prop_assert_eq!(&merged.observation.rows.targets, &at_once.observation.rows.targets);
        }
        prop_assert_eq!(&merged.observation.seen.phases, &at_once.observation.seen.phases);
        prop_assert_eq!(&merged.observation.seen.pace, &at_once.observation.seen.pace);
        prop_assert_eq!(merged.observation.rows.unattributed, at_once.observation.rows.unattributed);
        prop_assert_eq!(merged.verdict.chi_square, at_once.verdict.chi_square);
        prop_assert_eq!(merged.verdict.max_deviation, at_once.verdict.max_deviation);
        prop_assert_eq!(merged.verdict.unit, at_once.verdict.unit);
        // And so is the verdict, unless the generators differ, or one of them changed, which only they can show.
        let alone = merged.generators.iter().any(|own| own.outcome == Outcome::Diverged);
        let disagree = merged.verdict.caveats.iter().any(|own| own.id() == "generators-disagree");
        let changed = at_once.verdict.change.is_some() || merged.verdict.change.is_some();
        if !alone && !disagree && !changed {
            prop_assert_eq!(merged.verdict.outcome, at_once.verdict.outcome);
            prop_assert_eq!(merged.verdict.p_value, at_once.verdict.p_value);
            prop_assert_eq!(&merged.verdict.reason, &at_once.verdict.reason);
        }
        if disagree {
            prop_assert_ne!(merged.verdict.outcome, Outcome::Pass);
        }
        if alone {
            prop_assert_eq!(merged.verdict.outcome, Outcome::Diverged);
        }
        // A merged report that was saved is judged from its parts.
        let text = serde_json::to_string(&merged).expect("JSON");
        let read = resplit::report::read(&text).expect("its own JSON");
        let same = again(vec![("all.json".into(), read)], &Changes::default()).expect("parts");
        prop_assert_eq!(serde_json::to_string(&same).expect("JSON"), text);
    }

    #[test]
    fn what_was_saved_is_judged_as_it_was(own in prop_oneof![generator(0.9), generator(0.5)], watched in any::<bool>()) {
        let expected = parse_weights(&["v1=90,v2=10"]).expect("a split");
        let saved = reported(&whole(&[own]), &expected, watched);
        let text = serde_json::to_string(&saved).expect("JSON");
        let read = resplit::report::read(&text).expect("its own JSON");
        prop_assert_eq!(&serde_json::to_string(&read).expect("JSON"), &text);
        prop_assert_eq!(&read.observation, &saved.observation);
        let judged = again(vec![("a".into(), read)], &Changes::default()).expect("a run");
        prop_assert_eq!(serde_json::to_string(&judged).expect("JSON"), text);
    }
}

#[test]
fn a_zone_that_sees_another_split_forbids_a_pass() {
    let expected = parse_weights(&["v1=90,v2=10"]).expect("a split");
    // Together they are exactly 90/10.
    let of = |second: usize, n: usize| {
        let spread = |at: usize| u8::from(at * second / n != (at + 1) * second / n);
        Generator((0..n).map(spread).collect())
    };
    let parts = [of(150, 1000), of(50, 1000)].map(|own| reported(&whole(&[own]), &expected, false));
    let parts = ["a.json", "b.json"]
        .map(str::to_owned)
        .into_iter()
        .zip(parts);
    let merged = again(parts.collect(), &Changes::default()).expect("they are alike");
    assert_ne!(
        merged.verdict.outcome,
        Outcome::Pass,
        "{:#?}",
        merged.verdict
    );
    let ids: Vec<&str> = merged.verdict.caveats.iter().map(Note::id).collect();
    assert!(ids.contains(&"generators-disagree"), "{ids:?}");
    assert_eq!(merged.generators.len(), 2);
}

/// A run against a mesh, saved.
fn saved(folder: &Path, name: &str, args: &[&str]) -> PathBuf {
    let file = folder.join(name);
    let to = format!("json={}", file.display());
    let outcome = run(&[&["--report", &to], args].concat());
    assert!(
        outcome.code.is_some_and(|code| code < 2 || code == 3),
        "{outcome:#?}"
    );
    file
}

/// `resplit report -o json ARGS`
fn report_json(args: &[&str]) -> cmd::Outcome {
    run(&[&["report", "-o", "json"], args].concat())
}

/// The same without the fields that were added later.
fn as_then(now: &Value, then: &Value) -> Value {
    match (now, then) {
        (Value::Object(now), Value::Object(then)) => now
            .iter()
            .filter_map(|(name, own)| Some((name.clone(), as_then(own, then.get(name)?))))
            .collect(),
        (Value::Array(now), Value::Array(then)) if now.len() == then.len() => {
            let pairs = now.iter().zip(then);
            pairs.map(|(now, then)| as_then(now, then)).collect()
        }
        _ => now.clone(),
    }
}

fn json(file: &Path) -> Value {
    let text = std::fs::read_to_string(file).expect("a file");
    serde_json::from_str(&text).expect("JSON")
}

#[test]
fn a_run_until_decided_is_saved_whole_and_judged_the_same() {
    let mesh = Mesh::honest();
    let folder = tempfile::tempdir().unwrap();
    let file = saved(
        folder.path(),
        "run.json",
        &["--expect", "v1=90,v2=10", &mesh.url("/")],
    );
    let path = file.to_str().expect("text");
    let again = report_json(&[path]);
    // To the byte: what is saved is the run itself, and everything else is derived from it in one place.
    assert_eq!(
        again.stdout,
        std::fs::read_to_string(&file).expect("a file")
    );
    assert_eq!(again.code, run(&["report", path]).code);
}

/// Reports of the version before the domain values had their own JSON form: at a rate, with failures of several causes, errors,
/// local replies and a value that is not declared; with nothing declared; and of two merged runs.
#[test]
fn reports_of_older_versions_are_judged_as_they_were() {
    for name in ["open-loop", "undeclared", "merged"] {
        let path = format!("{}/tests/reports/{name}.json", env!("CARGO_MANIFEST_DIR"));
        let old = json(Path::new(&path));
        let again: Value = serde_json::from_str(&report_json(&[&path]).stdout).expect("JSON");
        for part in ["target", "load", "expected", "policy"] {
            assert_eq!(again[part], old[part], "{name}: {part}");
        }
        let observation = as_then(&again["observation"], &old["observation"]);
        assert_eq!(observation, old["observation"], "{name}");
        for part in [
            "outcome",
            "method",
            "p_value",
            "chi_square",
            "unit",
            "max_deviation",
        ] {
            assert_eq!(
                again["verdict"][part], old["verdict"][part],
                "{name}: {part}"
            );
        }
        let slos = |report: &Value| report["verdict"]["slos"][0]["observed"].clone();
        assert_eq!(slos(&again), slos(&old), "{name}");
        let parts = |report: &Value| report["parts"].as_array().map_or(0, Vec::len);
        assert_eq!(parts(&again), parts(&old), "{name}");
        for (again, old) in (0..parts(&old)).map(|at| (&again["parts"][at], &old["parts"][at])) {
            let report = as_then(&again["report"], &old["report"]);
            assert_eq!(report, old["report"], "{name}");
            assert_eq!(again["name"], old["name"], "{name}");
        }
    }
}

#[test]
fn other_questions_get_other_answers() {
    let mesh = Mesh::honest();
    let folder = tempfile::tempdir().unwrap();
    let file = saved(
        folder.path(),
        "run.json",
        &["--expect", "v1=70,v2=30", "-n", "400", &mesh.url("/")],
    );
    let path = file.to_str().expect("text");
    assert_eq!(report_json(&[path]).exits(1).report().verdict(), "diverged");
    let tolerant = report_json(&["--tolerance", "40%", path]);
    assert_ne!(tolerant.report().verdict(), "diverged");
    let strict = report_json(&["--tolerance", "40%", "--slo", "v1.p99 < 1us", path]).exits(1);
    assert_eq!(strict.report().verdict(), "slo-failed");
    run(&["report", "--slo", "v3.p99 < 1s", path]).refused("an objective of nobody");
}

#[test]
fn runs_of_several_generators_are_merged() {
    let mesh = Mesh::honest();
    let folder = tempfile::tempdir().unwrap();
    let files = ["a.json", "b.json", "c.json"].map(|name| {
        saved(
            folder.path(),
            name,
            &["--expect", "v1=90,v2=10", "-n", "300", &mesh.url("/")],
        )
    });
    let paths: Vec<&str> = files
        .iter()
        .map(|file| file.to_str().expect("text"))
        .collect();
    let merged = report_json(&paths);
    assert_eq!(merged.report().sent(), 900);
    assert_eq!(
        merged.report().0["generators"].as_array().map(Vec::len),
        Some(3)
    );
    let text = run(&[&["report"], paths.as_slice()].concat());
    assert!(text.stdout.contains("GENERATOR"), "{}", text.stdout);
    let twice = run(&["report", paths[0], paths[0]]);
    twice.refused("the same run twice");
    assert!(twice.stderr.contains("the same run"), "{}", twice.stderr);
}

#[test]
fn reports_of_different_questions_are_refused_with_the_difference() {
    let mesh = Mesh::honest();
    let folder = tempfile::tempdir().unwrap();
    let one = saved(
        folder.path(),
        "a.json",
        &["--expect", "v1=90,v2=10", "-n", "50", &mesh.url("/")],
    );
    let one = one.to_str().expect("text");
    for (name, args, word) in [
        (
            "target.json",
            vec!["--expect", "v1=90,v2=10", "-n", "50", &mesh.url("/other")],
            "/other",
        ),
        (
            "split.json",
            vec!["--expect", "v1=80,v2=20", "-n", "50", &mesh.url("/")],
            "v1 4/5",
        ),
        (
            "alpha.json",
            vec![
                "--expect",
                "v1=90,v2=10",
                "--alpha",
                "0.05",
                "-n",
                "50",
                &mesh.url("/"),
            ],
            "--alpha 0.05",
        ),
        ("none.json", vec!["-n", "50", &mesh.url("/")], "nothing"),
    ] {
        let other = saved(folder.path(), name, &args);
        let other = other.to_str().expect("text");
        let outcome = run(&["report", one, other]);
        outcome.refused(name);
        assert!(outcome.stderr.contains(word), "{name}: {}", outcome.stderr);
    }
    let alpha = folder.path().join("alpha.json");
    let merged = report_json(&["--alpha", "0.01", one, alpha.to_str().expect("text")]);
    assert_eq!(merged.report().sent(), 100);
}

#[test]
fn what_is_no_report_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    let write = |name: &str, text: &[u8]| {
        let file = folder.path().join(name);
        std::fs::write(&file, text).unwrap();
        file.display().to_string()
    };
    for (case, file) in [
        ("nothing", write("empty.json", b"")),
        (
            "other JSON",
            write("other.json", b"{\"schema\": \"resplit.size/1\"}"),
        ),
        ("a list", write("list.json", b"[]")),
        ("bytes", write("bytes.json", b"\xff\xfe")),
        (
            "newer",
            write("newer.json", b"{\"schema\": \"resplit.report/2\"}"),
        ),
        (
            "cut",
            write("cut.json", b"{\"schema\": \"resplit.report/1\", \"tool\""),
        ),
        (
            "missing",
            folder.path().join("no-such.json").display().to_string(),
        ),
    ] {
        run(&["report", &file]).refused(case);
    }
    run(&["report"]).refused("no file");
}

#[test]
fn two_reports_are_compared() {
    let mesh = Mesh::honest();
    let folder = tempfile::tempdir().unwrap();
    let url = mesh.url("/");
    let before = saved(
        folder.path(),
        "before.json",
        &["--expect", "v1=90,v2=10", "-n", "400", &url],
    );
    let after = saved(
        folder.path(),
        "after.json",
        &["--expect", "v1=50,v2=50", "-n", "400", &url],
    );
    let (before, after) = (
        before.to_str().expect("text"),
        after.to_str().expect("text"),
    );
    let text = run(&["report", "--compare", before, after]).exits(0).stdout;
    assert!(
        text.contains("before.json") && text.contains("SHARE") && text.contains("\n  v1\n    p50 "),
        "{text}"
    );
    let json = report_json(&["--compare", before, after]).exits(0);
    let json: Value = serde_json::from_str(&json.stdout).expect("JSON");
    assert_eq!(json["schema"], "resplit.compare/1");
    assert!(
        json["targets"][0]["share"]["change"]["interval"].is_array(),
        "{json:#}"
    );
    let markdown = run(&["report", "--compare", "-o", "markdown", before, after])
        .exits(0)
        .stdout;
    assert!(markdown.contains("| SHARE | before |"), "{markdown}");
    run(&["report", "--compare", before]).refused("one report");
    run(&["report", "--compare", "--alpha", "0.01", before, after]).refused("a judgement");
    run(&["report", "--compare", "-o", "junit", before, after])
        .refused("a format without comparison");
}

/// Finding 30: a comparison ends as its objectives stand.
#[test]
fn a_comparison_with_objectives_ends_as_they_stand() {
    let folder = tempfile::tempdir().unwrap();
    let expected = parse_weights(&["v1=90,v2=10"]).expect("a split");
    let drawn = (0..600).map(|at| u8::from(at % 10 == 0)).collect();
    let seen = whole(&[Generator(drawn)]);
    let times = |factor: u64| {
        let mut seen = seen.clone();
        for tally in seen.tallies.values_mut() {
            for own in [Some(&mut tally.latency), tally.response.as_mut()]
                .into_iter()
                .flatten()
            {
                let mut slower = Histogram::new(3).expect("three digits");
                for value in own.iter_recorded() {
                    let micros = value.value_iterated_to() * factor;
                    slower
                        .record_n(micros, value.count_since_last_iteration())
                        .expect("it grows");
                }
                *own = slower;
            }
        }
        let path = folder.path().join(format!("{factor}.json"));
        let report = serde_json::to_vec(&reported(&seen, &expected, false)).expect("JSON");
        std::fs::write(&path, report).expect("a file");
        path.to_str().expect("UTF-8").to_owned()
    };
    let (fast, slow) = (times(1), times(20));
    let compare =
        |slo: &str, one: &str, other: &str| run(&["report", "--compare", "--slo", slo, one, other]);
    let failed = compare("v1.p50 < before * 2", &fast, &slow).exits(1).stdout;
    assert!(
        failed.contains("\nfailed  v1.p50 < before * 2: "),
        "{failed}"
    );
    assert!(failed.contains("26.9ms against 1.35ms"), "{failed}");
    compare("v1.p50 < before * 2", &slow, &fast).exits(0);
    compare("all.p50 < before * 2", &fast, &slow).exits(1);
    compare("v1.p50 > 1ms", &fast, &slow).exits(0);
    // Sixty responses do not know their p99 to a thousandth.
    compare("v2.p99 < before * 1.001", &slow, &slow).exits(3);
    compare("v1.errors < before + 5%", &fast, &slow).exits(0);
    for slo in [
        "v3.p99 < before",
        "before < v1.p99",
        "v1.p99 < before + 1ms",
    ] {
        compare(slo, &fast, &slow).refused(slo);
    }
    // `before` is the earlier of two runs, and here is one.
    run(&["report", "--slo", "v1.p50 < before * 2", &fast]).refused("one run");
    run(&["--slo", "v1.p50 < before * 2", "http://127.0.0.1:1/"]).refused("a run");
}

#[test]
fn a_run_without_a_declaration_is_judged_against_one_as_a_run_would_be() {
    let mesh = Mesh::split([("v1", 90), ("v2", 10)]).seed(5).start();
    let folder = tempfile::tempdir().expect("a folder");
    let url = mesh.url("/");
    let load = ["-n", "4000", "-c", "1", "--reuse", "2", &url];
    let counted = saved(folder.path(), "counted.json", &load);
    let path = counted.to_str().expect("text");
    run(&["report", path]).exits(0);
    let judged = report_json(&["--expect", "v1=90,v2=10", path]).exits(0);
    let judged: Value = serde_json::from_str(&judged.stdout).expect("JSON");
    assert_eq!(judged["verdict"]["outcome"], "pass", "{judged:#}");
    assert_eq!(judged["observation"]["targets"][1]["target"], "v2");
    run(&["report", "--expect", "v1=50,v2=50", path]).exits(1);
    // Names that no value is like are tied to values by hand, as in a run.
    let mapped = ["--map", "v1=stable", "--map", "v2=canary"];
    run(&[
        &["report", "--expect", "stable=90,canary=10"][..],
        &mapped,
        &[path],
    ]
    .concat())
    .exits(0);
    run(&["report", "--map", "v1=stable", path]).refused("--expect");
    let again = folder.path().join("again.json");
    let saves = format!("json={}", again.display());
    run(&[
        "report",
        "--expect",
        "v1=90,v2=10",
        "--report",
        &saves,
        path,
    ])
    .exits(0);
    let again = again.to_str().expect("text");
    run(&["report", again]).exits(0);
    run(&["report", "--expect", "v1=50,v2=50", again]).refused("a declaration of its own");
}

#[test]
fn a_judged_run_and_an_unjudged_one_show_the_same_targets() {
    let mesh = Mesh::split([("v1", 90), ("v2", 10)]).seed(6).start();
    let folder = tempfile::tempdir().expect("a folder");
    let url = mesh.url("/");
    let file = |name: &str, args: &[&str]| {
        let path = saved(folder.path(), name, &[args, &["-n", "400", &url]].concat());
        path.to_str().expect("text").to_owned()
    };
    let split = [
        "--expect",
        "stable=90,canary=10",
        "--map",
        "v1=stable",
        "--map",
        "v2=canary",
    ];
    let (judged, counted) = (file("judged.json", &split), file("counted.json", &[]));
    for pair in [[&judged, &counted], [&counted, &judged]] {
        let json = report_json(&["--compare", pair[0], pair[1]]).exits(0);
        let json: Value = serde_json::from_str(&json.stdout).expect("JSON");
        let targets = json["targets"].as_array().expect("a list");
        let names: Vec<&Value> = targets.iter().map(|own| &own["target"]).collect();
        assert_eq!(names, ["stable", "canary"], "{json:#}");
        for own in targets {
            assert!(
                own["share"]["before"]["value"].as_f64() > Some(0.0),
                "{own:#}"
            );
            assert!(
                own["share"]["after"]["value"].as_f64() > Some(0.0),
                "{own:#}"
            );
        }
    }
}

/// A VirtualService with a rule of its own for requests whose header or query says something.
fn rules(condition: &str) -> String {
    format!(
        "apiVersion: networking.istio.io/v1\nkind: VirtualService\nmetadata: {{name: web}}\nspec:\n  hosts: [web]\n  http:\n\
         \x20   - match: [{{{condition}}}]\n      route: [{{destination: {{host: v2}}}}]\n\
         \x20   - route:\n        - {{destination: {{host: v1}}, weight: 90}}\n        - {{destination: {{host: v2}}, weight: 10}}\n"
    )
}

#[test]
fn a_run_without_a_declaration_is_judged_by_manifests_as_if_they_had_been_there() {
    let folder = tempfile::tempdir().unwrap();
    let file = |name: &str| folder.path().join(name).display().to_string();
    let manifests = file("rules.yaml");
    std::fs::write(&manifests, rules("headers: {end-user: {exact: jason}}")).unwrap();
    for (headers, outcome) in [(&[][..], "pass"), (&["-H", "end-user: jason"], "diverged")] {
        let sent = |more: &[&str]| {
            let mesh = Mesh::honest();
            let url = mesh.url("/");
            let args = [
                &["-n", "2000", "-c", "1", "--test", "exact", "--host", "web"],
                headers,
                more,
                &[&url],
            ];
            run_json(&args.concat())
        };
        let at_once = sent(&["-f", &manifests]).report();
        let counted = sent(&[]).report();
        let path = file("counted.json");
        std::fs::write(&path, counted.0.to_string()).unwrap();
        let later = report_json(&["-f", &manifests, &path]).report();
        assert_eq!(
            (later.verdict(), at_once.verdict()),
            (outcome, outcome),
            "{headers:?}"
        );
        for part in [
            "/expected",
            "/observation/targets/0/declared",
            "/verdict/p_value",
            "/verdict/reason",
        ] {
            assert_eq!(later.0.pointer(part), at_once.0.pointer(part), "{part}");
        }
        // The result is a report like any other.
        let again = file("judged.json");
        std::fs::write(&again, later.0.to_string()).unwrap();
        assert_eq!(report_json(&[&again]).report().verdict(), outcome);
        run(&["report", "-f", &manifests, &again]).advises("leave -f and --expect out");
    }
}

#[test]
fn manifests_are_refused_for_a_saved_run_as_they_are_for_a_run() {
    let mesh = Mesh::honest();
    let folder = tempfile::tempdir().unwrap();
    let written = |name: &str, text: &str| {
        let path = folder.path().join(name);
        std::fs::write(&path, text).unwrap();
        path.display().to_string()
    };
    let url = mesh.url("/?key=1");
    let saved = |name: &str, more: &[&str]| {
        let args = [&["-n", "40", "--host", "web"], more, &[&url]].concat();
        written(name, &run_json(&args).stdout)
    };
    let plain = saved("plain.json", &[]);
    let secret = saved(
        "secret.json",
        &["-H", "Cookie: user=jason", "-a", "user:word"],
    );
    let by_header = written("header.yaml", &rules("headers: {end-user: {exact: jason}}"));
    report_json(&["-f", &by_header, &plain]);
    report_json(&["-f", &by_header, &secret]);
    for (name, condition) in [
        ("cookie", "headers: {cookie: {regex: '.*jason.*'}}"),
        ("authorization", "headers: {authorization: {prefix: Basic}}"),
        ("key", "queryParams: {key: {exact: '1'}}"),
    ] {
        let rules = written(&format!("{name}.yaml"), &rules(condition));
        let outcome = run(&["report", "-f", &rules, &secret]);
        outcome.refused(name);
        outcome.advises("declare the split with --expect");
        assert!(
            outcome.stderr.contains(&format!("{name}.yaml:7")),
            "{}",
            outcome.stderr
        );
    }
    let other = written(
        "other.yaml",
        &rules("uri: {exact: /}").replace("[web]", "[shop]"),
    );
    let outcome = run(&["report", "-f", &other, &plain]);
    outcome.refused("another host");
    let broken = written("broken.yaml", "kind: VirtualService\nspec: [");
    run(&["report", "-f", &broken, &plain]).refused("no YAML");
    let mut unnamed: Value =
        serde_json::from_str(&std::fs::read_to_string(&plain).unwrap()).unwrap();
    unnamed["argv"] = Value::Array(Vec::new());
    let unnamed = written("unnamed.json", &unnamed.to_string());
    let outcome = run(&["report", "-f", &by_header, &unnamed]);
    outcome.refused("which request");
    assert!(
        outcome.stderr.contains("does not say which request"),
        "{}",
        outcome.stderr
    );
    // How values are read is settled in a saved run: what they mean can be said.
    let foreign = written(
        "foreign.yaml",
        &rules("uri: {exact: /x}").replace("host: v", "host: w"),
    );
    run(&["report", "-f", &foreign, &plain])
        .advises("--map 'v1=TARGET' --map 'v2=TARGET', where TARGET is");
}
