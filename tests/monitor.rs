//! `resplit monitor`: events as they come, where they go, what is followed, and how it ends.

use std::fs;
use std::io::{BufRead, BufReader};
use std::net::SocketAddr;
use std::path::Path;
use std::process::ChildStdout;
use std::sync::OnceLock;

use serde_json::Value;

use crate::support::cmd::{Outcome, Running, run};
use crate::support::envoy::Envoy;
use crate::support::hostile::{Behaviour, Hostile, Refusing};
use crate::support::http::get;
use crate::support::mesh::Mesh;
use crate::support::wait::wait_until;

/// Service, deployments and rules: 90 to `single`, 10 to `multiple`.
const FIXED: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/examples/weather/fixed");
/// An alarm by chance is so rare that none of a billion runs of a test has one.
pub(crate) const NO_CHANCE: [&str; 2] = ["--false-alarms", "0.001/year"];

/// A watch whose events are read as they come.
pub(crate) struct Watching {
    pub(crate) running: Running,
    events: BufReader<ChildStdout>,
}

impl Watching {
    pub(crate) fn start(args: &[&str]) -> Self {
        let mut running =
            Running::start(&[&["monitor", "-o", "json"][..], &NO_CHANCE, args].concat());
        let events = BufReader::new(running.stdout());
        Self { running, events }
    }

    /// The next event.
    #[track_caller]
    pub(crate) fn next(&mut self) -> Value {
        let mut line = String::new();
        self.events
            .read_line(&mut line)
            .expect("the pipe is readable");
        event(&line)
    }

    /// The next event of this name; those before it are others.
    #[track_caller]
    pub(crate) fn until(&mut self, name: &str) -> Value {
        loop {
            let event = self.next();
            if event["event"] == name {
                return event;
            }
            assert_ne!(
                event["event"], "ended",
                "it ends without `{name}`: {event:#}"
            );
        }
    }

    /// Ends it as kubelet does, and the last event.
    #[track_caller]
    pub(crate) fn ends(mut self) -> (Value, Outcome) {
        self.running.signal("TERM");
        let ended = self.until("ended");
        (ended, self.running.finish())
    }
}

/// A line of JSON, checked against its schema.
#[track_caller]
fn event(line: &str) -> Value {
    static SCHEMA: OnceLock<jsonschema::Validator> = OnceLock::new();
    let schema = SCHEMA.get_or_init(|| {
        let schema = serde_json::from_str(resplit::report::monitor::EVENT_JSON_SCHEMA);
        jsonschema::validator_for(&schema.expect("JSON")).expect("a schema")
    });
    let event: Value = serde_json::from_str(line).unwrap_or_else(|_| panic!("no event: `{line}`"));
    let problems: Vec<String> = schema
        .iter_errors(&event)
        .map(|error| error.to_string())
        .collect();
    assert!(problems.is_empty(), "{problems:?}: {event:#}");
    event
}

/// All events of a watch that ends by itself.
#[track_caller]
pub(crate) fn events(outcome: &Outcome) -> Vec<Value> {
    outcome.stdout.lines().map(event).collect()
}

pub(crate) fn names(events: &[Value]) -> Vec<&str> {
    events
        .iter()
        .filter_map(|event| event["event"].as_str())
        .collect()
}

pub(crate) fn monitored(args: &[&str]) -> Outcome {
    run(&[
        &["monitor", "-o", "json", "-q", "1000"][..],
        &NO_CHANCE,
        args,
    ]
    .concat())
}

#[test]
fn a_split_that_holds_begins_and_ends_and_nothing_else_happens() {
    let mesh = Mesh::split([("v1", 90), ("v2", 10)]).start();
    let outcome = monitored(&["--expect", "v1=90,v2=10", "-n", "2000", &mesh.url("/")]).exits(0);
    let events = events(&outcome);
    assert_eq!(names(&events), ["started", "ended"]);
    assert_eq!(mesh.served(), 2000);
    // Each request over a connection of its own.
    assert_eq!(mesh.connections(), 2000);
    let [started, ended] = &events[..] else {
        unreachable!()
    };
    assert_eq!(started["follows"]["kind"], "typed");
    assert_eq!(started["state"], "no-data");
    assert_eq!(started["promise"]["rate"], 1000.0);
    assert_eq!(
        (&ended["requests"], &ended["state"]),
        (&2000.into(), &"ok".into())
    );
    assert_eq!(ended["exit_code"], 0);
}

#[test]
fn a_split_that_does_not_hold_diverges_and_the_exit_code_says_so() {
    let mesh = Mesh::split([("v1", 50), ("v2", 50)]).start();
    let url = mesh.url("/");
    let outcome = monitored(&[
        "--expect",
        "v1=90,v2=10",
        "-n",
        "1500",
        "--label",
        "team=a",
        &url,
    ])
    .exits(1);
    let events = events(&outcome);
    assert_eq!(names(&events), ["started", "diverged", "ended"]);
    let diverged = &events[1];
    assert_eq!(diverged["cause"]["target"], "v2");
    assert_eq!(diverged["labels"]["team"], "a");
    assert_eq!(diverged["state"], "diverged");
    let v2 = &diverged["shares"][1];
    assert!(
        v2["share"].as_f64() > Some(0.3) && v2["off"] == true,
        "{v2}"
    );
    assert!(diverged["evidence"]["e_value"].as_f64() >= diverged["evidence"]["threshold"].as_f64());
    // People get the same in lines.
    let text = run(&[
        &[
            "monitor",
            "-o",
            "text",
            "-q",
            "1000",
            "--expect",
            "v1=90,v2=10",
            "-n",
            "1500",
        ][..],
        &NO_CHANCE,
        &[&url],
    ]
    .concat());
    let text = text.exits(1).stdout;
    let lines: Vec<&str> = text.lines().collect();
    assert_eq!(lines.len(), 3, "{text}");
    assert!(
        lines[1].contains(" diverged ") && lines[1].contains("and 10% is declared"),
        "{text}"
    );
}

#[test]
fn a_response_from_elsewhere_is_told_at_once() {
    let mesh = Mesh::split([("v1", 1), ("v9", 1)]).start();
    let outcome = monitored(&["--expect", "v1=100", "-n", "200", &mesh.url("/")]).exits(1);
    let events = events(&outcome);
    let diverged = events
        .iter()
        .find(|event| event["event"] == "diverged")
        .expect("it diverges");
    assert_eq!(diverged["cause"]["undeclared"], "v9");
    assert!(diverged["evidence"]["e_value"].is_null());
}

#[test]
fn an_outage_is_an_event_of_its_own_and_no_verdict_on_the_split() {
    let nobody = Refusing::start();
    let watched = |url: &str| {
        let few = ["monitor", "-o", "json", "-q", "2", "-n", "12"];
        let split = ["--expect", "v1=90,v2=10", url];
        let outcome = run(&[&few[..], &NO_CHANCE, &split].concat()).exits(4);
        events(&outcome)
    };
    let refused = watched(&nobody.url("/"));
    assert_eq!(names(&refused), ["started", "unreachable", "ended"]);
    let unreachable = &refused[1];
    assert!(
        unreachable["without_response"].as_u64() >= Some(5),
        "{unreachable}"
    );
    // A name that does not resolve is no failure of the watch either.
    let unknown = watched("http://nobody.invalid/");
    assert_eq!(names(&unknown), ["started", "unreachable", "ended"]);
}

#[test]
fn responses_without_a_name_are_failing_and_the_reason_is_said() {
    let mesh = Mesh::split([("v1", 1)]).says("hello").start();
    let outcome = monitored(&["--expect", "v1=90,v2=10", "-n", "400", &mesh.url("/")]).exits(4);
    let events = events(&outcome);
    assert_eq!(names(&events), ["started", "failing", "ended"]);
    let failing = &events[1];
    assert!(
        failing["counts"]["unidentified"].as_u64() > Some(0),
        "{failing}"
    );
    assert!(
        failing["why"]
            .as_str()
            .is_some_and(|why| why.contains("--map")),
        "{failing}"
    );
}

#[test]
fn errors_of_one_target_are_failing_responses_and_no_other_split() {
    let mesh = Mesh::split([("v1", 90), ("v2", 10)])
        .bare_errors("v2", "upstream connect error", 100)
        .start();
    let outcome = monitored(&["--expect", "v1=90,v2=10", "-n", "2000", &mesh.url("/")]).exits(3);
    let events = events(&outcome);
    assert_eq!(names(&events), ["started", "failing", "ended"]);
    assert!(
        events[1]["counts"]["errors"].as_u64() > Some(0),
        "{}",
        events[1]
    );
}

#[test]
fn what_is_refused_is_refused_with_the_next_step() {
    for (args, part) in [
        (&["http://127.0.0.1:1/"][..], "-f FILE or --expect"),
        (
            &["--expect", "v1=1,v2=1", "-q", "2000", "http://a/"],
            "1000/s at most",
        ),
        (
            &["--expect", "v1=1,v2=1", "--false-alarms", "1", "http://a/"],
            "1/month",
        ),
        (
            &["--expect", "v1=1,v2=1", "-n", "0", "http://a/"],
            "at least 1",
        ),
        (
            &["--expect", "v1=1,v2=1", "-z", "0s", "http://a/"],
            "above zero",
        ),
        (
            &[
                "--expect",
                "v1=1,v2=1",
                "--max-unattributed",
                "0",
                "http://a/",
            ],
            "1%",
        ),
        (
            &[
                "--expect",
                "v1=1,v2=1",
                "--webhook",
                "ftp://a/",
                "http://a/",
            ],
            "ftp",
        ),
        (
            &["--expect", "v1=1,v2=1", "--label", "x", "http://a/"],
            "KEY=VALUE",
        ),
        (
            &["--expect", "v1=1,v2=1", "--map", "a=v9", "http://a/"],
            "v9",
        ),
        (
            &["-f", "/nowhere/rules.yaml", "http://a/"],
            "/nowhere/rules.yaml",
        ),
        (
            &["--proxy-admin", "http://127.0.0.1:1", "http://127.0.0.1:1/"],
            "--proxy-admin",
        ),
        (&["--expect", "v1=1,v2=1"], "URL"),
    ] {
        let outcome = run(&[&["monitor"], args].concat()).exits(2);
        assert!(
            outcome.stderr.contains(part),
            "{args:?}: {}",
            outcome.stderr
        );
        assert_eq!(outcome.stdout, "", "{args:?}");
    }
}

/// The address of the service for metrics.
fn address(running: &mut Running) -> SocketAddr {
    running.until_said("/metrics\n");
    let said = running.said();
    let (_, rest) = said.split_once("http://").expect("an address");
    rest.split('/')
        .next()
        .expect("an address")
        .parse()
        .expect("an address")
}

#[test]
fn metrics_and_probes_are_served_until_sigterm_ends_it() {
    let mesh = Mesh::split([("v1", 50), ("v2", 50)]).start();
    let url = mesh.url("/");
    let mut watching = Watching::start(&[
        "--expect",
        "v1=50,v2=50",
        "-q",
        "200",
        "--listen",
        "127.0.0.1:0",
        &url,
    ]);
    let address = address(&mut watching.running);
    assert_eq!(get(address, "/healthz").expect("it answers").body, "ok\n");
    assert_eq!(get(address, "/readyz").expect("it answers").status, 200);
    assert_eq!(get(address, "/other").expect("it answers").status, 404);
    wait_until("it is ok", || {
        let text = get(address, "/metrics").expect("it answers").body;
        text.contains("resplit_monitor_state{state=\"ok\"} 1")
    });
    let text = get(address, "/metrics").expect("it answers").body;
    for part in [
        "resplit_monitor_share{target=\"v1\"} ",
        "resplit_monitor_share_low{target=\"v2\"} ",
        "resplit_monitor_e_value ",
        "resplit_monitor_responses_total{target=\"v1\"} ",
        "resplit_monitor_events_total{event=\"started\"} 1",
        "# EOF\n",
    ] {
        assert!(text.contains(part), "{part}: {text}");
    }
    let (ended, outcome) = watching.ends();
    assert_eq!(ended["exit_code"], 0);
    outcome.exits(0);
    assert!(get(address, "/healthz").is_err());
}

#[test]
fn without_a_reader_it_ends() {
    let mesh = Mesh::split([("v1", 1), ("v2", 1)]).start();
    let mut watching = Watching::start(&["-q", "100", "--expect", "v1=99,v2=1", &mesh.url("/")]);
    watching.next();
    drop(watching.events);
    watching.running.finish().exits(1);
}

#[test]
fn events_reach_a_webhook_and_its_secrets_are_shown_nowhere() {
    let hook = Mesh::split([("hook", 1)]).start();
    let mesh = Mesh::split([("v1", 50), ("v2", 50)]).start();
    let webhook = format!(
        "http://user:s3cret@{}/services/s3cret?token=s3cret",
        hook.addr()
    );
    let header = "x-api-key: s3cret";
    let outcome = monitored(&[
        "--expect",
        "v1=90,v2=10",
        "-n",
        "1000",
        "--webhook",
        &webhook,
        "--webhook-header",
        header,
        &mesh.url("/"),
    ])
    .exits(1);
    // Started, diverged, ended.
    assert_eq!(hook.served(), 3);
    assert!(
        !outcome.stdout.contains("s3cret") && !outcome.stderr.contains("s3cret"),
        "{outcome:?}"
    );
}

#[test]
fn a_hostile_webhook_holds_up_nothing() {
    let mesh = Mesh::split([("v1", 50), ("v2", 50)]).start();
    let url = mesh.url("/");
    let refused = Mesh::split([("hook", 1)]).start();
    drop(refused);
    for behaviour in [
        Behaviour::Silent,
        Behaviour::ResetAfterRequest,
        Behaviour::Garbage,
        Behaviour::Endless,
    ] {
        let hook = Hostile::always(behaviour);
        let webhook = hook.url("/s3cret");
        let outcome = monitored(&[
            "--expect",
            "v1=90,v2=10",
            "-n",
            "1000",
            "--webhook",
            &webhook,
            &url,
        ])
        .exits(1);
        assert_eq!(
            names(&events(&outcome)),
            ["started", "diverged", "ended"],
            "{behaviour:?}"
        );
        assert!(!outcome.stderr.contains("s3cret"), "{}", outcome.stderr);
    }
}

/// The rules of the example with other weights, written whole, as an editor or kubelet does.
fn write(folder: &Path, single: u32, multiple: u32) {
    let rules = fs::read_to_string(format!("{FIXED}/weather-rules.yaml")).expect("the example");
    let rules = rules
        .replace("weight: 90", &format!("weight: {single}"))
        .replace("weight: 10", &format!("weight: {multiple}"));
    let beside = folder.join("rules.new");
    fs::write(&beside, rules).expect("it is written");
    fs::rename(&beside, folder.join("rules.yaml")).expect("it is renamed");
}

#[test]
fn files_are_followed_and_a_broken_one_changes_nothing() {
    let split = Envoy::split(&[("single", 90), ("multiple", 10)])
        .changeable()
        .start();
    let folder = tempfile::tempdir().expect("a folder");
    write(folder.path(), 90, 10);
    let (rules, url) = (folder.path().join("rules.yaml"), split.url("/version"));
    let rules = rules.to_str().expect("a path");
    let mut watching = Watching::start(&["-f", rules, "-q", "200", "--settle", "2s", &url]);
    let started = watching.next();
    assert_eq!(started["follows"]["kind"], "files");
    assert_eq!(started["follows"]["source"], rules);
    fs::write(rules, "apiVersion: [").expect("it is written");
    let unreadable = watching.until("source-unreadable");
    assert_eq!(unreadable["source"], rules);
    write(folder.path(), 90, 10);
    watching.until("source-readable");
    // The proxy gets the new weights a little later than the file.
    write(folder.path(), 30, 70);
    let changed = watching.until("weights-changed");
    split.change(&[("single", 30), ("multiple", 70)]);
    assert_eq!(changed["previous"][0]["ratio"], "9/10");
    assert_eq!(changed["weights"][0]["ratio"], "3/10");
    assert_eq!(changed["settle_s"], 2.0);
    // What the file does not say is a divergence.
    split.change(&[("single", 90), ("multiple", 10)]);
    let diverged = watching.until("diverged");
    assert!(diverged["cause"]["target"].is_string(), "{diverged}");
    let (ended, outcome) = watching.ends();
    assert_eq!(ended["exit_code"], 1);
    outcome.exits(1);
}

#[test]
fn a_proxy_is_followed_when_it_is_told_other_weights() {
    let split = Envoy::split(&[("single", 90), ("multiple", 10)])
        .changeable()
        .start();
    let (admin, url) = (split.envoy().admin_url(), split.url("/version"));
    let mut watching = Watching::start(&["--proxy-admin", &admin, "-q", "5", &url]);
    let started = watching.next();
    assert_eq!(started["follows"]["kind"], "proxy");
    assert_eq!(
        started["weights"].as_array().map(Vec::len),
        Some(2),
        "{started}"
    );
    split.change(&[("single", 10), ("multiple", 90)]);
    let changed = watching.until("weights-changed");
    let most = changed["weights"].as_array().into_iter().flatten();
    let most = most.filter(|own| own["ratio"] == "9/10");
    let names: Vec<&str> = most.filter_map(|own| own["target"].as_str()).collect();
    assert!(
        names.len() == 1 && names[0].contains("multiple"),
        "{changed}"
    );
    assert_eq!(changed["settle_s"], 0.0);
    watching.ends();
}

#[test]
fn a_proxy_that_is_told_something_else_than_declared_is_named_beside_the_split() {
    let split = Envoy::split(&[("single", 90), ("multiple", 10)])
        .changeable()
        .start();
    let (admin, url) = (split.envoy().admin_url(), split.url("/version"));
    let mut watching = Watching::start(&[
        "--expect",
        "single=90,multiple=10",
        "--proxy-admin",
        &admin,
        "-q",
        "200",
        &url,
    ]);
    assert_eq!(watching.next()["follows"]["kind"], "typed");
    split.change(&[("single", 10), ("multiple", 90)]);
    let (mut programmed, mut diverged) = (false, false);
    while !(programmed && diverged) {
        let event = watching.next();
        programmed |= event["event"] == "programmed-changed" && event["as_declared"] == false;
        diverged |= event["event"] == "diverged";
        assert_ne!(event["event"], "ended");
    }
    let (_, outcome) = watching.ends();
    outcome.exits(1);
}
