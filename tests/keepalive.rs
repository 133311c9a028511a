//! Connections that a server closes without saying so: which requests are sent again, and which are failures.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use crate::support::cmd::run_json;
use crate::support::server::Server;

/// When a server closes a connection on which it has answered once.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Closes {
    /// With the answer: a client that goes on at once does so before it can know.
    AtOnce,
    /// When it has read the next request.
    InsteadOfAnAnswer,
    /// The same, after it has thought about it for longer than any close is on its way.
    Late,
}

/// The server, and how many requests it has read.
fn impatient(closes: Closes) -> (Server, Arc<AtomicU64>) {
    let read = Arc::new(AtomicU64::new(0));
    let counter = Arc::clone(&read);
    let server = Server::start(move |listener| async move {
        while let Ok((stream, _)) = listener.accept().await {
            tokio::spawn(converse(stream, closes, Arc::clone(&counter)));
        }
    });
    (server, read)
}

async fn converse(mut stream: TcpStream, closes: Closes, read: Arc<AtomicU64>) {
    if !request(&mut stream, &read).await {
        return;
    }
    let answer = b"HTTP/1.1 200 OK\r\ncontent-length: 3\r\n\r\nv1\n";
    let _ = stream.write_all(answer).await;
    match closes {
        Closes::AtOnce => {}
        Closes::InsteadOfAnAnswer => {
            request(&mut stream, &read).await;
        }
        Closes::Late => {
            request(&mut stream, &read).await;
            tokio::time::sleep(std::time::Duration::from_secs(2)).await;
        }
    }
}

/// Reads a request, unless the client has gone.
async fn request(stream: &mut TcpStream, read: &AtomicU64) -> bool {
    let mut bytes = [0; 4096];
    let came = stream.read(&mut bytes).await.is_ok_and(|length| length > 0);
    read.fetch_add(u64::from(came), Ordering::SeqCst);
    came
}

#[test]
fn a_connection_closed_while_it_was_idle_costs_a_connection_and_no_request() {
    let (server, read) = impatient(Closes::AtOnce);
    let url = format!("http://{}/", server.addr());
    // The server, which closes with the answer, has two seconds to have done so before the next request.
    let args = ["-n", "5", "-c", "1", "-q", "30/m", "--in-flight", "1", &url];
    let report = run_json(&args).exits(0).report();
    let said = format!("{:#}", report.0);
    assert_eq!(report.number("/observation/answered"), 5, "{said}");
    assert_eq!(read.load(Ordering::SeqCst), 5, "{said}");
    // Nothing was written to it, so nothing was sent again.
    assert_eq!(report.number("/observation/retried"), 0, "{said}");
    assert_eq!(report.number("/observation/connections"), 5, "{said}");
}

#[test]
fn a_request_that_crossed_with_the_end_of_its_connection_is_sent_again() {
    for closes in [Closes::AtOnce, Closes::InsteadOfAnAnswer] {
        let (server, read) = impatient(closes);
        let url = format!("http://{}/", server.addr());
        let report = run_json(&["-n", "200", "-c", "4", &url]).exits(0).report();
        let said = format!("{closes:?}: {:#}", report.0);
        assert_eq!(report.sent(), 200, "{said}");
        assert_eq!(report.number("/observation/answered"), 200, "{said}");
        assert_eq!(report.number("/observation/connections"), 200, "{said}");
        let (retried, read) = (
            report.number("/observation/retried"),
            read.load(Ordering::SeqCst),
        );
        match closes {
            Closes::InsteadOfAnAnswer => {
                // All but the first of each worker, of whom some may come too late to get any.
                assert!((196..=199).contains(&retried), "{said}");
                assert_eq!(read, 200 + retried, "{said}");
                assert!(said.contains("sent-again"), "{said}");
            }
            // Where the end is noticed in time, nothing is written.
            Closes::AtOnce => assert!(retried < 200 && read == 200, "{said}"),
            Closes::Late => unreachable!("it is not tried here"),
        }
    }
}

#[test]
fn what_may_not_be_done_twice_is_a_failure() {
    let (server, read) = impatient(Closes::InsteadOfAnAnswer);
    let url = format!("http://{}/", server.addr());
    let report = run_json(&["-n", "20", "-c", "1", "-m", "POST", &url])
        .exits(0)
        .report();
    let said = format!("{:#}", report.0);
    assert_eq!(report.failures("reset"), 10, "{said}");
    assert_eq!(report.number("/observation/answered"), 10, "{said}");
    assert_eq!(report.number("/observation/retried"), 0, "{said}");
    assert_eq!(read.load(Ordering::SeqCst), 20, "{said}");
    assert!(said.contains("--disable-keepalive"), "{said}");
}

/// A close that comes long after the request crossed nothing: the server had the request, and dropped it.
#[test]
fn fault_1_a_request_that_is_dropped_late_is_a_failure() {
    let (server, read) = impatient(Closes::Late);
    let url = format!("http://{}/", server.addr());
    let report = run_json(&["-n", "8", "-c", "4", "--threads", "1", &url])
        .exits(0)
        .report();
    let said = format!("{:#}", report.0);
    assert_eq!(report.failures("reset"), 4, "{said}");
    assert_eq!(report.number("/observation/answered"), 4, "{said}");
    assert_eq!(report.number("/observation/retried"), 0, "{said}");
    assert_eq!(read.load(Ordering::SeqCst), 8, "{said}");
}

/// What was sent again failed once, and counts so in the worst case.
#[test]
fn fault_1_requests_that_were_sent_twice_keep_an_objective_and_a_split_from_holding() {
    let (server, _) = impatient(Closes::InsteadOfAnAnswer);
    let url = format!("http://{}/", server.addr());
    let slo = ["--slo", "all.errors < 2%", "-n", "200", "-c", "4", &url];
    let report = run_json(&slo).exits(3).report();
    let result = report.0.pointer("/verdict/slos/0").expect("a result");
    let said = format!("{result:#}");
    assert_eq!(result["outcome"], "inconclusive", "{said}");
    assert!(
        result["observed_most"]
            .as_f64()
            .is_some_and(|most| most > 0.9),
        "{said}"
    );
    assert!(said.contains("sent again"), "{said}");

    let split = ["--expect", "v1=100", "-n", "200", "-c", "4", &url];
    let report = run_json(&split).exits(3).report();
    assert_eq!(report.verdict(), "inconclusive");
    let reason = report.0.pointer("/verdict/reason").expect("a reason");
    assert!(reason.to_string().contains("sent again"), "{reason}");
}

#[test]
fn a_request_that_says_close_has_a_connection_of_its_own() {
    let mesh = crate::support::mesh::Mesh::honest();
    for option in ["close", "foo, Close"] {
        let header = format!("Connection: {option}");
        let args = ["-n", "20", "-c", "2", "-H", &header, &mesh.url("/")];
        let report = run_json(&args).exits(0).report();
        assert_eq!(
            report.number("/observation/connections"),
            20,
            "{:#}",
            report.0
        );
        assert_eq!(report.number("/observation/retried"), 0, "{:#}", report.0);
    }
}
