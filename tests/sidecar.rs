//! `--wait-proxy` and `--quit-proxy` against an agent on loopback: nothing is sent before the proxy is ready, and it is asked
//! to quit exactly once, whatever ends the command.

use std::fs::OpenOptions;
use std::io::Write;
use std::process::Command;
use std::thread::sleep;
use std::time::Duration;

use crate::support::agent::Agent;
use crate::support::cmd::{Outcome, Running, run};
use crate::support::gate::Gate;
use crate::support::mesh::{Mesh, NINETY_TEN};
use crate::support::wait::wait_until;

const STOPPING: &str = "stopping: waiting";

/// Runs to its end beside an agent whose proxy is ready.
fn beside(agent: &Agent, args: &[&str]) -> Outcome {
    let options = agent.options();
    let options: Vec<&str> = options.iter().map(String::as_str).collect();
    run(&[args, &options].concat())
}

fn started(agent: &Agent, args: &[&str]) -> Running {
    let options = agent.options();
    let options: Vec<&str> = options.iter().map(String::as_str).collect();
    Running::start(&[args, &options].concat())
}

#[test]
fn nothing_is_sent_before_the_proxy_is_ready() {
    let (mesh, agent) = (Mesh::honest(), Agent::start(3, 200));
    let url = mesh.url("/");
    let child = started(&agent, &["-n", "50", &url]);
    wait_until("the proxy is ready", || {
        let served = mesh.served();
        let ready = agent.asked() > 3;
        assert!(ready || served == 0);
        ready
    });
    child.finish().exits(0);
    assert_eq!((mesh.served(), agent.asked()), (50, 4));
    beside(&agent, &["--debug", &url]).exits(0);
    assert_eq!((mesh.served(), agent.asked()), (51, 5));
    assert_eq!((agent.quit(), agent.other()), (2, 0));
}

#[test]
fn a_proxy_that_does_not_get_ready_is_no_data() {
    let (mesh, agent) = (Mesh::honest(), Agent::start(u64::MAX, 200));
    let options = agent.options();
    let url = mesh.url("/");
    let ended = run(&[
        "--wait-proxy=300ms",
        &options[1],
        &options[2],
        &options[3],
        &url,
    ])
    .exits(4);
    let said = "error: the proxy was not ready within 300ms: GET http://127.0.0.1:";
    assert!(ended.stderr.contains(said), "{}", ended.stderr);
    assert!(
        ended.stderr.contains("/healthz/ready: status 503"),
        "{}",
        ended.stderr
    );
    ended.advises("--wait-proxy=2m");
    assert_eq!(
        (ended.stdout.as_str(), mesh.served(), agent.quit()),
        ("", 0, 1)
    );
}

#[test]
fn without_an_agent_a_run_ends_as_it_would() {
    let mesh = Mesh::honest();
    let url = mesh.url("/");
    let nobody = "--proxy-quit-url=http://127.0.0.1:1/quitquitquit";
    let ended = run(&["-n", "5", "--quit-proxy", nobody, "--no-progress", &url]).exits(0);
    assert_eq!(ended.stderr, "");
    let nobody = "--proxy-ready-url=http://127.0.0.1:1/healthz/ready";
    let ended = run(&["--wait-proxy=1ms", nobody, &url]).exits(4);
    assert!(
        ended.stderr.contains("ready: connection refused"),
        "{}",
        ended.stderr
    );
    assert_eq!(mesh.served(), 5);
}

#[test]
fn an_agent_that_refuses_is_said_and_changes_no_exit_code() {
    let (mesh, agent) = (Mesh::honest(), Agent::start(0, 405));
    let ended = beside(&agent, &["-n", "5", &mesh.url("/")]).exits(0);
    let said = "warning: the proxy may not have quit: POST http://127.0.0.1:";
    assert!(ended.stderr.contains(said), "{}", ended.stderr);
    assert!(
        ended.stderr.contains("/quitquitquit: status 405"),
        "{}",
        ended.stderr
    );
    assert_eq!(agent.quit(), 1);
}

#[test]
fn the_proxy_is_asked_to_quit_once_whatever_the_verdict_or_the_error() {
    let mesh = Mesh::honest();
    let failing = Mesh::split([("v1", 1)]).status("v1", 500).start();
    let (url, failing) = (mesh.url("/"), failing.url("/"));
    let cases: [(&str, i32, &[&str]); 13] = [
        ("pass", 0, &["-c1", "-n4000", "--expect", NINETY_TEN, &url]),
        (
            "diverged",
            1,
            &["-c1", "-n", "200", "--expect", "v1=10,v2=90", &url],
        ),
        (
            "inconclusive",
            3,
            &["-c1", "-n", "20", "--expect", NINETY_TEN, &url],
        ),
        (
            "objective",
            1,
            &["-c1", "-n", "200", "--slo", "all.errors < 1%", &failing],
        ),
        ("nobody there", 4, &["-n", "5", "http://127.0.0.1:1/"]),
        ("one request", 0, &["--debug", &url]),
        ("a number that makes no sense", 2, &["-n", "0", &url]),
        ("an unknown option", 2, &["--requets", "5", &url]),
        ("a command with a typo", 2, &["expalin", &url]),
        ("no URL", 2, &["-n", "5"]),
        (
            "manifests that are not there",
            2,
            &["-f", "/nowhere.yaml", &url],
        ),
        (
            "a report that cannot be written",
            2,
            &["--report", "json=/nowhere/x", &url],
        ),
        (
            "a target that is not declared",
            2,
            &["--expect", NINETY_TEN, "--map", "x=v9", &url],
        ),
    ];
    for (case, code, args) in cases {
        let agent = Agent::start(0, 200);
        let ended = beside(&agent, args);
        assert_eq!(ended.code, Some(code), "{case}: {ended:#?}");
        assert_eq!((agent.quit(), agent.other()), (1, 0), "{case}: {ended:#?}");
    }
}

#[test]
fn a_native_sidecar_is_left_to_the_kubelet_and_a_classic_one_is_asked() {
    let mesh = Mesh::honest();
    let native = r#"{"initContainers":["istio-validation","istio-proxy"],"containers":null}"#;
    let classic = r#"{"initContainers":["istio-init"],"containers":["istio-proxy"]}"#;
    let is_native =
        "note: the proxy is a native sidecar, which ends with the pod: it was not asked to quit";
    let was_asked = "note: the proxy was asked to quit: POST http://127.0.0.1:";
    for (status, quits, said) in [
        (native, 0, is_native),
        (classic, 1, was_asked),
        ("", 1, was_asked),
    ] {
        let agent = Agent::injected(status);
        let admin = agent.admin();
        for args in [vec!["-n", "5"], vec!["-n", "0"]] {
            let before = agent.quit();
            let url = mesh.url("/");
            let ended = beside(&agent, &[&args[..], &[&admin, &url]].concat());
            assert!(ended.stderr.contains(said), "{status}: {ended:#?}");
            assert_eq!(agent.quit() - before, quits, "{status}: {ended:#?}");
        }
    }
    let agent = Agent::injected(native);
    let admin = agent.admin();
    let ended = beside(&agent, &["-n", "5", "--quiet", &admin, &mesh.url("/")]);
    assert_eq!((ended.stderr.as_str(), agent.quit()), ("", 0));
}

#[test]
fn nobody_is_asked_to_quit_unless_that_is_typed() {
    let (mesh, agent) = (Mesh::honest(), Agent::start(0, 200));
    let [wait, ready, _, quit] = agent.options().try_into().expect("four");
    let url = mesh.url("/");
    run(&["-n", "5", &wait, &ready, &url]).exits(0);
    run(&["-n", "5", &url]).exits(0);
    run(&["-n", "5", &quit, &url]).refused("where to, and not whether");
    run(&["-n", "5", &quit, &url, "--", "--quit-proxy"]).refused("behind the options");
    assert_eq!(agent.quit(), 0);
    for wrong in [
        "--wait-proxy=0s",
        "--wait-proxy=soon",
        "--proxy-ready-url=https://a/",
    ] {
        run(&["--wait-proxy", wrong, &url]).refused(wrong);
    }
}

#[test]
fn both_options_may_stand_before_the_command() {
    let (mesh, agent) = (Mesh::honest(), Agent::start(0, 200));
    let [_, ready, asked, quit] = agent.options().try_into().expect("four");
    let url = mesh.url("/");
    run(&[
        "--wait-proxy",
        &ready,
        &asked,
        &quit,
        "run",
        "-n",
        "5",
        &url,
    ])
    .exits(0);
    assert_eq!((agent.asked(), agent.quit(), mesh.served()), (1, 1, 5));
}

#[test]
fn an_interrupted_run_reports_first() {
    for signal in ["INT", "TERM"] {
        let (gate, agent) = (Gate::after(0), Agent::start(0, 200));
        let mesh = Mesh::split([("v1", 1)]).behind(&gate).start();
        let url = mesh.url("/");
        let mut child = started(
            &agent,
            &["-n", "1000", "-c", "3", "-o", "json", "-t", "5m", &url],
        );
        wait_until("requests are under way", || mesh.served() == 3);
        child.signal(signal);
        child.until_said(STOPPING);
        assert_eq!(agent.quit(), 0, "{signal}");
        gate.open();
        child.finish().exits(0).report();
        assert_eq!(agent.quit(), 1, "{signal}");
    }
}

#[test]
fn the_second_interrupt_has_the_proxy_quit_too() {
    let mesh = Mesh::split([("v1", 1)])
        .latency("v1", Duration::from_secs(300))
        .start();
    let agent = Agent::start(0, 200);
    let mut child = started(&agent, &["-n", "10", "-t", "300s", &mesh.url("/")]);
    wait_until("a request is under way", || mesh.served() >= 1);
    child.interrupt();
    child.until_said(STOPPING);
    // Signals within 50 ms of each other are one.
    sleep(Duration::from_millis(60));
    child.interrupt();
    child.finish().exits(130);
    assert_eq!(agent.quit(), 1);
}

#[test]
fn a_signal_before_the_run_ends_it_at_once_and_the_proxy_too() {
    let folder = tempfile::tempdir().expect("a folder");
    let fifo = folder.path().join("rules.yaml");
    let made = Command::new("mkfifo").arg(&fifo).status();
    assert!(made.expect("`mkfifo` runs").success());
    let (mesh, agent) = (Mesh::honest(), Agent::start(0, 200));
    let path = fifo.to_str().expect("a path");
    let mut child = started(&agent, &["-f", path, &mesh.url("/")]);
    // Whoever writes into a FIFO waits for whoever reads it.
    let mut rules = OpenOptions::new()
        .write(true)
        .open(&fifo)
        .expect("it is read");
    child.signal("TERM");
    let ended = child.finish();
    assert_eq!(
        (ended.code, agent.quit(), mesh.served()),
        (None, 1, 0),
        "{ended:#?}"
    );
    let _ = rules.write_all(b"\n");
}

#[test]
fn a_signal_ends_the_wait_for_the_proxy() {
    let (mesh, agent) = (Mesh::honest(), Agent::start(u64::MAX, 200));
    let mut child = started(&agent, &["-n", "5", &mesh.url("/")]);
    wait_until("it waits", || agent.asked() >= 1);
    child.signal("TERM");
    let ended = child.finish().exits(4);
    assert!(
        ended.stdout.contains("NO DATA  nothing was sent"),
        "{ended:#?}"
    );
    assert_eq!((agent.quit(), mesh.served()), (1, 0));
}

#[test]
fn whoever_stops_reading_ends_the_run_and_the_proxy() {
    let (mesh, agent) = (Mesh::honest(), Agent::start(0, 200));
    let mut child = started(
        &agent,
        &["-z", "1h", "-q", "100", "-o", "json", &mesh.url("/")],
    );
    wait_until("something was sent", || mesh.served() > 0);
    child.close_stdout();
    child.finish().exits(0);
    assert_eq!(agent.quit(), 1);
}

#[test]
fn a_run_of_all_rules_waits_and_asks_too() {
    let (mesh, agent) = (Mesh::honest(), Agent::start(2, 200));
    let rules = concat!(
        env!("CARGO_MANIFEST_DIR"),
        "/examples/weather/fixed/weather-rules.yaml"
    );
    let url = mesh.url("/version");
    let host = ["--host", "weather-backend:5000", "--max-requests", "200"];
    let options = ["--all-rules", "-f", rules, &url];
    let ended = beside(&agent, &[&options[..], &host].concat());
    assert!(ended.code != Some(2), "{ended:#?}");
    assert_eq!((agent.asked(), agent.quit()), (3, 1), "{ended:#?}");
    assert!(mesh.served() > 0);
}
