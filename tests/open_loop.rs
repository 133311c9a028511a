//! Starts at a rate: the schedule is kept, latencies are honest, what could not be sent is said.

use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use tokio::io::{AsyncReadExt, AsyncWriteExt};

use crate::support::cmd::{Report, Running, run, run_json};
use crate::support::gate::Gate;
use crate::support::hostile::{Behaviour, Hostile};
use crate::support::mesh::Mesh;
use crate::support::server::Server;
use crate::support::wait::wait_until;

fn seconds(report: &Report, pointer: &str) -> f64 {
    let value = report
        .0
        .pointer(pointer)
        .and_then(serde_json::Value::as_f64);
    value.unwrap_or_else(|| panic!("no number at `{pointer}` in {:#}", report.0))
}

fn caveats(report: &Report) -> String {
    report.0["verdict"]["caveats"].to_string()
}

#[test]
fn as_many_are_sent_as_the_rate_says_and_not_faster() {
    for arrival in ["constant", "poisson"] {
        let mesh = Mesh::honest();
        let url = mesh.url("/");
        let args = [
            "-q",
            "200",
            "-n",
            "101",
            "--arrival",
            arrival,
            "--threads",
            "2",
            &url,
        ];
        let report = run_json(&args).exits(0).report();
        assert_eq!((report.sent(), mesh.served()), (101, 101), "{arrival}");
        assert_eq!(report.number("/observation/answered"), 101, "{arrival}");
        assert!(seconds(&report, "/observation/pace/schedule_lag_ms/p99") >= 0.0);
        if arrival == "constant" {
            // The last of 101 starts half a second after the first.
            assert!(
                seconds(&report, "/observation/elapsed_s") >= 0.499,
                "{:#}",
                report.0
            );
        }
    }
}

#[test]
fn a_duration_at_a_rate_is_a_number_of_requests() {
    let mesh = Mesh::honest();
    let report = run_json(&["-q", "150", "-z", "1s", &mesh.url("/")])
        .exits(0)
        .report();
    assert_eq!((report.sent(), mesh.served()), (150, 150));
}

#[test]
fn a_rate_alone_is_kept_for_as_many_as_a_judgement_may_take_unless_the_split_is_another_one() {
    // One at a time: which request gets which answer depends on the seed alone.
    let args = ["--expect", "v1=90,v2=10", "-c", "1", "--in-flight", "1"];
    let honest = Mesh::honest();
    let report = run_json(&[&args[..], &["-q", "10k", &honest.url("/")]].concat())
        .exits(0)
        .report();
    assert_eq!((report.sent(), report.verdict()), (4056, "pass"));
    let even = Mesh::split([("v1", 50), ("v2", 50)]).start();
    // Some dozens are enough, and whoever watches has the rest of 40 seconds to stop.
    let report = run_json(&[&args[..], &["-q", "100", &even.url("/")]].concat())
        .exits(1)
        .report();
    assert_eq!(report.verdict(), "diverged");
    assert!(report.sent() < 4056, "{:#}", report.0);
    let whole = ["-q", "10k", "--no-early-stop", &even.url("/")];
    let report = run_json(&[&args[..], &whole].concat()).exits(1).report();
    assert_eq!(report.sent(), 3480);
}

/// The stall of [`stalling`], from the first request on.
const STALL: [Duration; 2] = [Duration::from_millis(500), Duration::from_millis(2500)];

/// A server that answers at once, but for two seconds: whoever asks within the stall has to wait for its end.
fn stalling() -> Server {
    Server::start(|listener| async move {
        let first: Arc<Mutex<Option<Instant>>> = Arc::default();
        while let Ok((mut stream, _)) = listener.accept().await {
            let first = Arc::clone(&first);
            tokio::spawn(async move {
                let mut request = [0; 4096];
                while stream
                    .read(&mut request)
                    .await
                    .is_ok_and(|length| length > 0)
                {
                    let begun = *first
                        .lock()
                        .expect("nobody panics")
                        .get_or_insert_with(Instant::now);
                    let now = begun.elapsed();
                    if now >= STALL[0] && now < STALL[1] {
                        tokio::time::sleep(STALL[1].saturating_sub(now)).await;
                    }
                    let answer = b"HTTP/1.1 200 OK\r\ncontent-length: 3\r\n\r\nv1\n";
                    if stream.write_all(answer).await.is_err() {
                        return;
                    }
                }
            });
        }
    })
}

/// Half of 400 requests at 100 a second fall into the stall, and wait for 0 to 2000 ms, all equally likely: the slowest tenth
/// of all waits for 1600 ms or more. A busy machine only adds to that.
const P90_MS: f64 = 1600.0;

/// Between that and what a request takes by itself there is more than a second.
const OMITTED_MS: f64 = 1000.0;

/// Runs 400 requests at 100 a second against a server that stalls, with so many under way at most; the report, and the p90
/// of the service time.
#[track_caller]
fn stalled(in_flight: &str) -> (Report, f64) {
    let server = stalling();
    let url = format!("http://{}/", server.addr());
    let limits = ["-c", "1", "--in-flight", in_flight];
    let report = run_json(&[&["-q", "100", "-n", "400"], &limits[..], &[&url]].concat())
        .exits(0)
        .report();
    assert_eq!(report.sent(), 400);
    let p90 = |what| seconds(&report, &format!("/observation/buckets/0/{what}_ms/p90"));
    let response = p90("response");
    assert!(
        response > P90_MS - 30.0,
        "nothing makes it shorter: {response}"
    );
    let service = p90("service");
    (report, service)
}

#[test]
fn the_response_time_knows_a_stall_that_the_service_time_omits() {
    // One connection alone: while it waits nothing more is sent, as in a closed loop. No two requests are under way at a
    // time, so that a tenth of them could only take a second each in a run of 40 seconds.
    let (report, service) = stalled("1");
    assert!(service < OMITTED_MS, "{service}");
    assert!(seconds(&report, "/observation/buckets/0/service_ms/max") > 400.0);
    assert!(
        caveats(&report).contains("generator-saturated"),
        "{}",
        caveats(&report)
    );
    assert!(
        report.number("/observation/pace/late") > 50,
        "{:#}",
        report.0
    );
}

#[test]
fn more_requests_go_under_way_while_a_server_stalls() {
    let (report, service) = stalled("400");
    assert!(service > OMITTED_MS, "{service}");
    assert_eq!(report.number("/observation/pace/late"), 0, "{:#}", report.0);
    assert!(
        report.number("/observation/connections") > 50,
        "{:#}",
        report.0
    );
}

#[test]
fn what_could_not_be_sent_is_said_and_nothing_is_dropped_in_silence() {
    let mesh = Mesh::split([("v1", 1)])
        .latency("v1", Duration::from_millis(50))
        .start();
    let url = mesh.url("/");
    let slow = [
        "-q",
        "1000",
        "-n",
        "60",
        "-c",
        "2",
        "--in-flight",
        "2",
        "--threads",
        "1",
        &url,
    ];
    let report = run_json(&slow).exits(0).report();
    assert_eq!((report.sent(), mesh.served()), (60, 60));
    assert!(
        report.number("/observation/pace/late") > 40,
        "{:#}",
        report.0
    );
    assert!(
        caveats(&report).contains("of 60 requests were due"),
        "{}",
        caveats(&report)
    );

    let silent = Hostile::always(Behaviour::Silent);
    let url = silent.url("/");
    let args = [
        "-q",
        "100",
        "-z",
        "500ms",
        "-t",
        "300ms",
        "-c",
        "2",
        "--in-flight",
        "2",
        "--threads",
        "1",
        &url,
    ];
    let report = run_json(&args).exits(4).report();
    let unsent = report.number("/observation/pace/unsent");
    assert!(unsent > 0, "{:#}", report.0);
    // All that was due is accounted for.
    assert_eq!(report.sent() + unsent, 50, "{:#}", report.0);
    assert_eq!(report.failures("timeout"), report.sent());
}

#[test]
fn a_warm_up_is_sent_and_not_counted() {
    for more in [&[][..], &["-q", "100"]] {
        let mesh = Mesh::honest();
        let url = mesh.url("/");
        let args = [&["-n", "40", "-c", "4", "--warmup", "25"], more, &[&url]].concat();
        let report = run_json(&args).exits(0).report();
        assert_eq!((report.sent(), mesh.served()), (40, 65), "{more:?}");
        assert_eq!(report.answers(), 40, "{more:?}");
        // It takes seconds even to a machine that is late by one, and is not filled with thousands of requests.
        let mesh = Mesh::split([("v1", 1)])
            .latency("v1", Duration::from_millis(20))
            .start();
        let url = mesh.url("/");
        let args = [&["-n", "40", "-c", "4", "--warmup", "3s"], more, &[&url]].concat();
        let report = run_json(&args).exits(0).report();
        assert_eq!(report.sent(), 40, "{more:?}");
        assert!(mesh.served() > 40, "{more:?}: {}", mesh.served());
    }
}

#[test]
fn a_ramp_up_spreads_the_first_connections() {
    let gate = Gate::after(0);
    let mesh = Mesh::split([("v1", 1)]).behind(&gate).start();
    let args = ["-n", "5", "-c", "5", "--ramp-up", "1s", &mesh.url("/")];
    let started = Instant::now();
    let running = Running::start(&args);
    wait_until("all five are under way", || mesh.served() == 5);
    // The last of five starts after 800 ms.
    let took = started.elapsed();
    assert!(took >= Duration::from_millis(800), "{took:?}");
    gate.open();
    running.finish().exits(0);
    assert_eq!(mesh.connections(), 5);
}

#[test]
fn a_ramp_up_holds_up_no_run_that_is_over() {
    let mesh = Mesh::honest();
    let url = mesh.url("/");
    for (more, least) in [
        (&["-n", "20"][..], 20),
        (&["-z", "500ms"], 1),
        (&["-n", "20", "-q", "100"], 20),
    ] {
        let args = [&["-c", "4", "--ramp-up", "1h"], more, &[&url]].concat();
        // Whatever takes an hour does not end here.
        let report = run_json(&args).exits(0).report();
        assert!(report.sent() >= least, "{more:?}");
    }
}

#[test]
fn no_more_is_under_way_than_is_allowed() {
    let mesh = Mesh::split([("v1", 1)])
        .latency("v1", Duration::from_millis(20))
        .start();
    let url = mesh.url("/");
    let args = [
        "-q",
        "400",
        "--in-flight",
        "1",
        "-c",
        "100",
        "-n",
        "10",
        &url,
    ];
    let report = run_json(&args).exits(0).report();
    assert_eq!((report.sent(), mesh.connections()), (10, 1));
    assert!(report.number("/observation/pace/late") > 0);
    // As many as are allowed wait for nobody.
    let args = ["-q", "20", "--in-flight", "3", "-c", "3", "-n", "3", &url];
    let report = run_json(&args).exits(0).report();
    assert_eq!(report.number("/observation/pace/late"), 0, "{:#}", report.0);
}

#[test]
fn a_rate_that_nobody_can_keep_is_given_up_in_time_and_counted() {
    // It is given up one timeout after its end, and no answer comes near that.
    let mesh = Mesh::split([("v1", 1)])
        .latency("v1", Duration::from_millis(20))
        .start();
    let url = mesh.url("/");
    let args = ["-q", "1G", "-z", "1s", "-t", "4s", "-c", "2", &url];
    // To send all of it at the rate of the mesh would take days.
    let report = run_json(&args).exits(0).report();
    let unsent = report.number("/observation/pace/unsent");
    assert_eq!(report.sent() + unsent, 1_000_000_000, "{:#}", report.0);
    assert_eq!(report.number("/observation/failed"), 0, "{:#}", report.0);
}

#[test]
fn a_run_of_a_given_time_takes_that_time() {
    let mesh = Mesh::honest();
    let args = [
        "-q",
        "1",
        "-z",
        "900ms",
        "--slo",
        "all.rps > 100",
        &mesh.url("/"),
    ];
    let report = run_json(&args).exits(1).report();
    assert_eq!(report.sent(), 1);
    assert!(
        seconds(&report, "/observation/elapsed_s") >= 0.9,
        "{:#}",
        report.0
    );
}

#[test]
fn verbose_text_tells_where_the_time_went() {
    let mesh = Mesh::honest();
    let said = run(&["-v", "-q", "500", "-n", "50", &mesh.url("/")])
        .exits(0)
        .stdout;
    for part in ["connect: p50 ", "first byte: p50 ", "schedule lag: p50 "] {
        assert!(said.contains(part), "{said}");
    }
}
