//! The next step after a failure goes by its cause, not by the words that it was told in.

use std::fs;
use std::io::Write as _;

use flate2::Compression;
use flate2::write::GzEncoder;
use serde_json::Value;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};

use crate::support::cmd::{Outcome, run, run_json};
use crate::support::server::Server;

/// What the report says about the failures of a kind.
#[track_caller]
fn cause(outcome: &Outcome, kind: &str) -> Value {
    let report = outcome.report();
    let rows = report.0["observation"]["failures"].as_array().cloned();
    let rows = rows.expect("failures");
    let row = rows.iter().find(|row| row["kind"] == kind);
    row.expect("all kinds are listed")["cause"].clone()
}

/// Responds to whatever comes with these bytes, and closes.
fn responding(head: String) -> Server {
    responding_with(move || head.clone().into_bytes())
}

fn responding_with(response: impl Fn() -> Vec<u8> + Send + 'static) -> Server {
    async fn respond(mut stream: TcpStream, response: Vec<u8>) {
        let mut request = [0; 4096];
        // The client may leave whenever it likes.
        let _ = stream.read(&mut request).await;
        let _ = stream.write_all(&response).await;
        let _ = stream.shutdown().await;
    }
    Server::start(move |listener: TcpListener| async move {
        while let Ok((stream, _)) = listener.accept().await {
            tokio::spawn(respond(stream, response()));
        }
    })
}

/// Responds to whatever comes with an alert of TLS, and closes once the client has read it.
fn alerting(alert: u8) -> Server {
    async fn respond(mut stream: TcpStream, alert: u8) {
        let mut bytes = [0; 4096];
        // The client may leave whenever it likes.
        let _ = stream.read(&mut bytes).await;
        let _ = stream.write_all(&[21, 3, 3, 0, 2, 2, alert]).await;
        let _ = stream.shutdown().await;
        while stream.read(&mut bytes).await.is_ok_and(|read| read > 0) {}
    }
    Server::start(move |listener: TcpListener| async move {
        while let Ok((stream, _)) = listener.accept().await {
            tokio::spawn(respond(stream, alert));
        }
    })
}

#[test]
fn fault_10_what_a_server_says_in_a_handshake_is_told_from_no_tls_at_all() {
    for (alert, expected, advice) in [
        (70, "tls-version", "no version of TLS from 1.2 on"),
        (40, "handshake-refused", "it may want a client certificate"),
        (116, "client-certificate", "--cert FILE"),
        (112, "server-name", "put a name that it serves into the URL"),
    ] {
        let server = alerting(alert);
        for more in [&[][..], &["--http2"]] {
            let url = format!("https://{}/", server.addr());
            let args = [&["-n", "2", "-c", "1", "-k"], more, &[&url]].concat();
            let outcome = run_json(&args).exits(4);
            assert_eq!(cause(&outcome, "tls"), expected, "{alert} {more:?}");
            outcome.advises(advice);
        }
    }
}

/// What follows the end of gzip is ignored, as `gzip` and browsers do.
#[test]
fn fault_10_garbage_behind_gzip_is_no_failure() {
    let gzip = |text: &str| {
        let mut gzip = GzEncoder::new(Vec::new(), Compression::best());
        gzip.write_all(text.as_bytes()).expect("memory takes it");
        gzip.finish().expect("memory takes it")
    };
    for (end, said) in [
        (b"garbage".to_vec(), "v1"),
        (vec![0; 20], "v1"),
        (vec![0x1f], "v1"),
        (gzip("-b"), "v1-b"),
    ] {
        let body = [gzip("v1"), end].concat();
        let server = responding_with(move || {
            let head = format!(
                "HTTP/1.1 200 OK\r\ncontent-encoding: gzip\r\ncontent-length: {}\r\n\r\n",
                body.len()
            );
            [head.as_bytes(), &body].concat()
        });
        let url = format!("http://{}/", server.addr());
        let outcome = run_json(&["-n", "3", "--disable-keepalive", &url]).exits(0);
        let rows = outcome.report().0["observation"]["buckets"].clone();
        assert_eq!(rows[0]["bucket"], said, "{rows:#}");
    }
}

/// A path is no word of the system, whatever it is called.
#[test]
fn a_path_that_is_called_like_a_cause_is_none() {
    for name in ["proxy.sock", "ulimit.sock", "407.sock", "--reuse.sock"] {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join(name);
        let path = path.to_str().expect("a path");
        let outcome = run_json(&["-n", "2", "--unix-socket", path, "http://web/"]).exits(4);
        assert_eq!(cause(&outcome, "connect"), Value::Null, "{name}");
        outcome.advises("check the address and port, and that something listens there");
    }
}

#[test]
fn a_status_of_the_proxy_is_told_from_its_words() {
    for (head, expected, advice) in [
        ("407 Who are you", "proxy-authentication", "USER:PASSWORD@"),
        ("403 not without 407", "proxy", "address of the proxy in -x"),
        ("502 ulimit reached", "proxy", "address of the proxy in -x"),
    ] {
        let proxy = responding(format!("HTTP/1.1 {head}\r\ncontent-length: 0\r\n\r\n"));
        let url = format!("http://{}", proxy.addr());
        let outcome = run_json(&["-n", "2", "-x", &url, "https://web.example/"]).exits(4);
        assert_eq!(cause(&outcome, "connect"), expected, "{head}");
        outcome.advises(advice);
    }
}

#[test]
fn a_response_with_many_fields_is_not_called_large() {
    let fields = "x: y\r\n".repeat(400);
    let server = responding(format!(
        "HTTP/1.1 200 OK\r\n{fields}content-length: 0\r\n\r\n"
    ));
    let url = format!("http://{}/", server.addr());
    let outcome = run_json(&["-n", "2", &url]).exits(4);
    assert_eq!(cause(&outcome, "oversized"), "header-fields");
    outcome.advises("more header fields");
}

#[test]
fn a_response_that_breaks_off_is_told_from_one_that_never_came() {
    let server = responding("HTTP/1.1 200 OK\r\ncontent-length: 0, 1\r\n\r\n".to_owned());
    let url = format!("http://{}/", server.addr());
    let outcome = run_json(&["-n", "2", &url]).exits(4);
    assert_eq!(cause(&outcome, "malformed"), Value::Null);
    outcome.advises("does not speak the protocol");
}

/// A saved report has the same next step as the run.
#[test]
fn a_saved_report_keeps_the_cause() {
    let proxy = responding("HTTP/1.1 407 x\r\ncontent-length: 0\r\n\r\n".to_owned());
    let url = format!("http://{}", proxy.addr());
    let outcome = run_json(&["-n", "2", "-x", &url, "https://web.example/"]).exits(4);
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("saved.json");
    fs::write(&path, &outcome.stdout).expect("writable");
    let path = path.to_str().expect("a path");
    run(&["report", path]).exits(4).advises("USER:PASSWORD@");
    // A report of before causes says what is true of the kind.
    let cause = ",\n        \"cause\": \"proxy-authentication\"";
    let old = outcome.stdout.replace(cause, "");
    assert_ne!(old, outcome.stdout);
    fs::write(path, old).expect("writable");
    run(&["report", path]).exits(4).advises("listens there");
}

/// A name that no certificate can have is no question of the authorities.
#[test]
fn a_name_that_tls_does_not_take_is_not_answered_with_a_ca_file() {
    let to = "a..b:443:127.0.0.1:1";
    let outcome = run(&["-n", "2", "--connect-to", to, "https://a..b/"]);
    outcome.refused("an empty label");
    outcome.advises("put a DNS name or an address into the URL");
    assert!(
        outcome.stderr.contains("is not a valid TLS server name"),
        "{outcome:#?}"
    );
}
