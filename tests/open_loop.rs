//! Starts at a rate: the schedule is kept, latencies are honest, what could not be sent is said.

use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use tokio::io::{AsyncReadExt, AsyncWriteExt};

use crate::support::cmd::{Report, run, run_json};
use crate::support::hostile::{Behaviour, Hostile};
use crate::support::mesh::Mesh;
use crate::support::server::Server;

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
    let args = ["-q", "10k", "--expect", "v1=90,v2=10"];
    let honest = Mesh::honest();
    let report = run_json(&[&args[..], &[&honest.url("/")]].concat())
        .exits(0)
        .report();
    assert_eq!((report.sent(), report.verdict()), (4056, "pass"));
    let even = Mesh::split([("v1", 50), ("v2", 50)]).start();
    let report = run_json(&[&args[..], &[&even.url("/")]].concat())
        .exits(1)
        .report();
    assert_eq!(report.verdict(), "diverged");
    assert!(report.sent() < 4056, "{:#}", report.0);
    let report = run_json(&[&args[..], &["--no-early-stop", &even.url("/")]].concat())
        .exits(1)
        .report();
    assert_eq!(report.sent(), 3480);
}

/// A server that answers at once, but for half a second: whoever asks between half a second and a second after the first
/// request has to wait for the end of that second.
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
                    let (from, to) = (Duration::from_millis(500), Duration::from_secs(1));
                    let now = begun.elapsed();
                    if now >= from && now < to {
                        tokio::time::sleep(to.saturating_sub(now)).await;
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

/// A quarter of 400 requests at 200 a second falls into the stall, and waits for 0 to 500 ms, all equally likely: the
/// slowest tenth of all waits for 300 ms or more.
const P90_MS: f64 = 300.0;

/// Runs 400 requests at 200 a second against a server that stalls, with so many under way at most; what `looks` says to the
/// p90 of response and service time. A busy machine adds to both, so it is asked again.
#[track_caller]
fn stalled(in_flight: &str, looks: impl Fn(f64, f64) -> bool) -> Report {
    let mut seen = Vec::new();
    for _ in 0..5 {
        let server = stalling();
        let url = format!("http://{}/", server.addr());
        let report = run_json(&[
            "-q",
            "200",
            "-n",
            "400",
            "-c",
            "1",
            "--in-flight",
            in_flight,
            &url,
        ])
        .exits(0)
        .report();
        assert_eq!(report.sent(), 400);
        let p90 = |what| seconds(&report, &format!("/observation/buckets/0/{what}_ms/p90"));
        let (response, service) = (p90("response"), p90("service"));
        assert!(
            response > P90_MS - 30.0,
            "nothing makes it shorter: {response}"
        );
        if looks(response, service) {
            return report;
        }
        seen.push((response, service));
    }
    panic!("p90 of response and service time, in ms: {seen:?}");
}

#[test]
fn the_response_time_knows_a_stall_that_the_service_time_omits() {
    // One connection alone: while it waits nothing more is sent, as in a closed loop.
    let report = stalled("1", |response, service| {
        response < P90_MS + 200.0 && service < P90_MS / 3.0
    });
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
    let report = stalled("400", |response, service| {
        response < P90_MS + 200.0 && service > P90_MS - 30.0
    });
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
    for more in [&[][..], &["-q", "500"]] {
        let mesh = Mesh::honest();
        let url = mesh.url("/");
        let args = [&["-n", "40", "-c", "4", "--warmup", "25"], more, &[&url]].concat();
        let report = run_json(&args).exits(0).report();
        assert_eq!((report.sent(), mesh.served()), (40, 65), "{more:?}");
        assert_eq!(report.answers(), 40, "{more:?}");
        let mesh = Mesh::honest();
        let url = mesh.url("/");
        let args = [&["-n", "40", "-c", "4", "--warmup", "200ms"], more, &[&url]].concat();
        let report = run_json(&args).exits(0).report();
        assert_eq!(report.sent(), 40, "{more:?}");
        assert!(mesh.served() > 40, "{more:?}: {}", mesh.served());
    }
}

#[test]
fn a_ramp_up_spreads_the_first_connections() {
    let mesh = Mesh::split([("v1", 1)])
        .latency("v1", Duration::from_millis(1500))
        .start();
    let args = ["-n", "5", "-c", "5", "--ramp-up", "1s", &mesh.url("/")];
    let report = run_json(&args).exits(0).report();
    assert_eq!(mesh.connections(), 5);
    // The last of five starts after 800 ms.
    assert!(
        seconds(&report, "/observation/elapsed_s") >= 2.2,
        "{:#}",
        report.0
    );
}

#[test]
fn a_ramp_up_holds_up_no_run_that_is_over() {
    let mesh = Mesh::honest();
    let (url, begun) = (mesh.url("/"), Instant::now());
    for more in [
        &["-n", "20"][..],
        &["-z", "500ms"],
        &["-n", "20", "-q", "100"],
    ] {
        let args = [&["-c", "4", "--ramp-up", "1h"], more, &[&url]].concat();
        let report = run_json(&args).exits(0).report();
        assert!(report.sent() >= 20, "{more:?}");
    }
    assert!(begun.elapsed() < Duration::from_secs(60));
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
    let args = ["-q", "20", "--in-flight", "3", "-c", "3", "-n", "10", &url];
    let report = run_json(&args).exits(0).report();
    assert_eq!(report.number("/observation/pace/late"), 0, "{:#}", report.0);
}

#[test]
fn a_rate_that_nobody_can_keep_is_given_up_in_time_and_counted() {
    let mesh = Mesh::honest();
    let begun = Instant::now();
    let args = [
        "-q",
        "1G",
        "-z",
        "1s",
        "-t",
        "300ms",
        "-c",
        "2",
        &mesh.url("/"),
    ];
    let report = run_json(&args).exits(0).report();
    assert!(begun.elapsed() < Duration::from_secs(30));
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
