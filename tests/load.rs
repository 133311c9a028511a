//! What is sent: exact counts, connections, pace, TLS, and how a run is stopped.

use std::thread::sleep;
use std::time::{Duration, Instant};

use crate::support::cmd::{Running, run, run_in_order, run_json};
use crate::support::gate::Gate;
use crate::support::mesh::{Mesh, NINETY_TEN};
use crate::support::wait::wait_until;

/// What is said about the first interrupt, when it has been taken notice of.
const STOPPING: &str = "stopping: waiting";

#[test]
fn exactly_n_are_served() {
    for (n, c) in [
        ("1", "100"),
        ("7", "100"),
        ("1000", "100"),
        ("50", "100"),
        ("50", "7"),
    ] {
        let mesh = Mesh::honest();
        let report = run_json(&["-n", n, "-c", c, &mesh.url("/")])
            .exits(0)
            .report();
        assert_eq!(mesh.served().to_string(), n, "-n {n} -c {c}");
        assert_eq!(report.sent().to_string(), n, "-n {n} -c {c}");
        // A connection that carries no request would look like traffic to the mesh.
        let cap: u64 = n.parse::<u64>().unwrap().min(c.parse().unwrap());
        assert!(
            mesh.connections() <= cap,
            "-n {n} -c {c}: {}",
            mesh.connections()
        );
    }
}

#[test]
fn a_duration_ends_by_itself() {
    let mesh = Mesh::honest();
    let started = Instant::now();
    let report = run_json(&["-z", "1s", "-c", "4", &mesh.url("/")])
        .exits(0)
        .report();
    assert!(started.elapsed() >= Duration::from_secs(1));
    assert!(report.sent() > 0);
    assert_eq!(report.sent(), mesh.served());
}

#[test]
fn the_flags_of_respy_work() {
    for spelled in ["--u URL --n 50 --c 5", "--u=URL --n=50 --c=5"] {
        let mesh = Mesh::honest();
        let spelled = spelled.replace("URL", &mesh.url("/"));
        run(&spelled.split(' ').collect::<Vec<_>>()).exits(0);
        assert_eq!(mesh.served(), 50, "{spelled}");
        assert!(mesh.connections() <= 5, "{spelled}");
    }
}

#[test]
fn the_same_as_a_subcommand() {
    let mesh = Mesh::honest();
    run(&["run", "-n", "10", &mesh.url("/")]).exits(0);
    assert_eq!(mesh.served(), 10);
}

#[test]
fn without_keepalive_every_request_has_its_connection() {
    let mesh = Mesh::honest();
    let report = run_json(&["-n", "30", "-c", "3", "--disable-keepalive", &mesh.url("/")])
        .exits(0)
        .report();
    assert_eq!((mesh.served(), mesh.connections()), (30, 30));
    assert_eq!(report.number("/observation/connections"), 30);
}

#[test]
fn reuse_limits_the_requests_of_a_connection() {
    let mesh = Mesh::honest();
    run_json(&["-n", "100", "-c", "1", "--reuse", "5", &mesh.url("/")]).exits(0);
    assert_eq!((mesh.served(), mesh.connections()), (100, 20));
}

#[test]
fn only_a_trusted_certificate_is_talked_to() {
    let mesh = Mesh::split([("v1", 90), ("v2", 10)]).seed(7).tls().start();
    let url = mesh.url("/");
    let report = run_json(&["-n", "4", &url]).exits(4).report();
    assert_eq!((report.failures("tls"), mesh.served()), (4, 0));

    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("ca.pem");
    std::fs::write(&file, mesh.certificate().unwrap()).unwrap();
    let trusted = file.to_str().unwrap();
    run_json(&["-n", "10", "--cacert", trusted, &url]).exits(0);
    assert_eq!(mesh.served(), 10);
}

#[test]
fn trust_can_be_waived() {
    let mesh = Mesh::split([("v1", 90), ("v2", 10)]).seed(7).tls().start();
    let report = run_in_order(&["-k", "--expect", NINETY_TEN, &mesh.url("/")])
        .exits(0)
        .report();
    assert_eq!((report.verdict(), report.sent()), ("pass", mesh.served()));
}

#[test]
fn the_first_interrupt_stops_and_reports() {
    let mesh = Mesh::split([("v1", 90), ("v2", 10)])
        .latency("v1", Duration::from_millis(5))
        .latency("v2", Duration::from_millis(5))
        .start();
    let url = mesh.url("/");
    let mut child = Running::start(&["-o", "json", "-n", "1M", "-c", "2", &url]);
    wait_until("fifty requests are served", || mesh.served() >= 50);
    child.interrupt();
    let report = child.finish().exits(0).report();
    assert!(report.sent() >= 50, "{}", report.sent());
    assert_eq!(report.sent(), mesh.served());
    assert_eq!(report.answers(), report.number("/observation/answered"));
}

#[test]
fn an_interrupt_while_it_settles_is_no_start_of_the_run() {
    let gate = Gate::after(0);
    let mesh = Mesh::split([("v1", 1)]).behind(&gate).start();
    let url = mesh.url("/");
    let settles = ["--settle", "1h", "--expect", "v1=100", "-c", "3"];
    let mut child = Running::start(&[&settles[..], &["-o", "json", "-t", "5m", &url]].concat());
    wait_until("three requests are under way", || mesh.served() == 3);
    child.interrupt();
    child.until_said(STOPPING);
    // The longest window in which it sends while it settles, from its first request on.
    sleep(Duration::from_secs(2));
    gate.open();
    let report = child.finish().exits(4).report();
    assert_eq!((report.sent(), mesh.served()), (0, 3), "{:#}", report.0);
}

#[test]
fn the_second_interrupt_ends_at_once() {
    // A server that never answers, and a timeout that never comes: the first interrupt has to wait.
    let mesh = Mesh::split([("v1", 1)])
        .latency("v1", Duration::from_secs(300))
        .start();
    let url = mesh.url("/");
    let mut child = Running::start(&["-n", "10", "-t", "300s", &url]);
    wait_until("a request is under way", || mesh.served() >= 1);
    child.interrupt();
    child.until_said(STOPPING);
    // Signals within 50 ms of each other are one.
    sleep(Duration::from_millis(60));
    child.interrupt();
    child.finish().exits(130);
}
