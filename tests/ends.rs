//! Whatever a run is doing when it is told to end, it ends, says what it knows, and has the exit code of that: TERM, INT and HUP
//! in every phase (fault 10 of the search for faults).

use std::fs;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use serde_json::Value;

use crate::support::agent::Agent;
use crate::support::cmd::{Outcome, Running};
use crate::support::gate::Gate;
use crate::support::mesh::{Mesh, NINETY_TEN};
use crate::support::server::Server;
use crate::support::wait::wait_until;

const SIGNALS: [&str; 3] = ["TERM", "INT", "HUP"];
/// What is typed so long is never waited for to its end: `finish` gives up long before.
const LONG: &str = "1h";

/// Starts a run, tells it to end once something is so, and gives what it says, with its saved report.
#[track_caller]
fn ended(signal: &str, args: &[&str], what: &str, so: impl Fn() -> bool) -> (Outcome, Value) {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("run.json");
    let report = format!("json={}", path.display());
    let own = ["--expect", NINETY_TEN, "-o", "oneline", "--report", &report];
    let mut child = Running::start(&[args, &own].concat());
    wait_until(what, so);
    child.signal(signal);
    let outcome = child.finish();
    let text = fs::read_to_string(path).unwrap_or_else(|_| panic!("no report: {outcome:#?}"));
    (outcome, serde_json::from_str(&text).expect("JSON"))
}

/// Nothing was counted, and that is said.
#[track_caller]
fn nothing((outcome, report): &(Outcome, Value)) {
    assert_eq!(outcome.code, Some(4), "{outcome:#?}");
    assert!(outcome.stdout.contains("nothing was sent"), "{outcome:#?}");
    assert_eq!(report["observation"]["sent"], 0, "{outcome:#?}");
}

/// What was sent is judged.
#[track_caller]
fn judged((outcome, report): &(Outcome, Value)) {
    assert!(matches!(outcome.code, Some(0 | 1 | 3)), "{outcome:#?}");
    assert!(outcome.stdout.contains("requests in"), "{outcome:#?}");
    assert!(report["observation"]["sent"].as_u64() > Some(0));
}

fn mesh(gate: Option<&Gate>) -> Mesh {
    let mesh = Mesh::split([("v1", 90), ("v2", 10)]).seed(7);
    match gate {
        Some(gate) => mesh.behind(gate).start(),
        None => mesh.start(),
    }
}

#[test]
fn fault_10_an_end_while_it_warms_up() {
    for signal in SIGNALS {
        for warmup in [LONG, "100000000"] {
            let mesh = mesh(None);
            let args = ["--warmup", warmup, "-z", LONG, "-c", "2", &mesh.url("/")];
            nothing(&ended(signal, &args, "it warms up", || mesh.served() > 50));
        }
    }
}

#[test]
fn fault_10_an_end_while_a_warm_up_gets_no_response() {
    for signal in SIGNALS {
        for pace in [
            &["-c", "2"][..],
            &["-q", "100"],
            &["-c", "2", "--threads", "2"],
        ] {
            let mesh = mesh(Some(&Gate::after(0)));
            let url = mesh.url("/");
            let args = ["--warmup", LONG, "-z", LONG, "-t", LONG, &url];
            let args = [pace, &args].concat();
            nothing(&ended(signal, &args, "it warms up", || mesh.served() > 1));
        }
    }
}

#[test]
fn fault_10_an_end_while_it_settles() {
    for signal in SIGNALS {
        let mesh = mesh(None);
        let args = ["--settle", LONG, "-z", LONG, "-q", "500", &mesh.url("/")];
        nothing(&ended(signal, &args, "it settles", || mesh.served() > 5));
    }
}

#[test]
fn fault_10_an_end_while_it_ramps_up() {
    for signal in SIGNALS {
        for pace in [&[][..], &["-q", "1000"]] {
            let mesh = mesh(None);
            let url = mesh.url("/");
            let args = ["--ramp-up", LONG, "-z", "2h", "-c", "20", &url];
            let args = [pace, &args].concat();
            judged(&ended(signal, &args, "it ramps up", || mesh.served() > 100));
        }
    }
}

#[test]
fn fault_10_an_end_while_it_waits_for_the_last_responses() {
    for signal in SIGNALS {
        let gate = Gate::after(200);
        let mesh = mesh(Some(&gate));
        let (url, folder) = (mesh.url("/"), tempfile::tempdir().expect("a folder"));
        let path = folder.path().join("run.json");
        let report = format!("json={}", path.display());
        let mut child = Running::start(&[
            "-n", "203", "-c", "3", "-t", LONG, "--expect", NINETY_TEN, "--report", &report, &url,
        ]);
        wait_until("nothing more is to be sent", || mesh.served() == 203);
        child.signal(signal);
        child.until_said("stopping: waiting for the responses under way");
        gate.open();
        let outcome = child.finish();
        assert!(matches!(outcome.code, Some(0 | 1 | 3)), "{outcome:#?}");
        let report: Value =
            serde_json::from_slice(&fs::read(path).expect("a report")).expect("JSON");
        assert_eq!(report["observation"]["answered"], 203);
    }
}

/// A connection that is not made is waited for as long as `--connect-timeout` says.
#[test]
fn fault_10_an_end_while_it_connects() {
    for signal in SIGNALS {
        let taken = Arc::new(AtomicU64::new(0));
        let counted = Arc::clone(&taken);
        let server = Server::start(move |listener| async move {
            let mut held = Vec::new();
            while let Ok((stream, _)) = listener.accept().await {
                counted.fetch_add(1, Ordering::SeqCst);
                held.push(stream);
            }
        });
        let url = format!("https://{}/", server.addr());
        let args = ["-k", "--connect-timeout", "1s", "-z", LONG, "-c", "2", &url];
        let (outcome, report) = ended(signal, &args, "it connects", || {
            taken.load(Ordering::SeqCst) > 0
        });
        assert_eq!(outcome.code, Some(4), "{outcome:#?}");
        let seen = &report["observation"];
        assert_eq!(seen["failed"], seen["sent"], "{outcome:#?}");
        assert_eq!(seen["answered"], 0, "{outcome:#?}");
    }
}

#[test]
fn fault_10_an_end_while_it_waits_for_its_proxy() {
    for signal in SIGNALS {
        let (mesh, agent) = (mesh(None), Agent::start(u64::MAX, 200));
        let options = agent.options();
        let options: Vec<&str> = options.iter().map(String::as_str).collect();
        let url = mesh.url("/");
        let args = [&options[..], &["-n", "5", &url]].concat();
        nothing(&ended(signal, &args, "it waits", || agent.asked() > 0));
        assert_eq!((agent.quit(), mesh.served()), (1, 0), "{signal}");
    }
}
