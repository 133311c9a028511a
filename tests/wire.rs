//! The same exchanges through resplit and through hyper's client: the same result, or a difference with a name.
//!
//! HTTP/2 is left out: both speak it by the same crate.

use std::time::Duration;

use http_body_util::{BodyExt, Empty};
use hyper::Request;
use hyper::body::Bytes;
use hyper::client::conn::http1;
use hyper_util::rt::TokioIo;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use crate::support::cmd::run_json;
use crate::support::server::Server;

/// What a server sends when it has read a request.
struct Exchange {
    name: &'static str,
    response: Vec<u8>,
    /// Whether it closes the connection then.
    closes: bool,
    method: &'static str,
    /// What a client makes of it.
    expected: Expected,
}

/// A status and a body, or that the exchange fails.
type Outcome = Option<(u16, String)>;

#[derive(Clone, Debug)]
enum Expected {
    /// Both the same.
    Both(Outcome),
    /// Ours, hyper's, and why.
    Differ(
        Outcome,
        Outcome,
        #[expect(dead_code, reason = "it is read by people")] &'static str,
    ),
}

#[expect(
    clippy::unnecessary_wraps,
    reason = "it is compared with what was read"
)]
fn ok(body: &str) -> Outcome {
    Some((200, body.to_owned()))
}

/// A response of 200 with these fields, and a length where none of them frames it.
fn response(fields: &str, body: &str) -> Vec<u8> {
    format!(
        "HTTP/1.1 200 OK\r\n{fields}content-length: {}\r\n\r\n{body}",
        body.len()
    )
    .into_bytes()
}

fn exchange(name: &'static str, response: impl Into<Vec<u8>>, expected: Expected) -> Exchange {
    Exchange {
        name,
        response: response.into(),
        closes: false,
        method: "GET",
        expected,
    }
}

fn closing(name: &'static str, response: impl Into<Vec<u8>>, expected: Expected) -> Exchange {
    Exchange {
        closes: true,
        ..exchange(name, response, expected)
    }
}

/// Responses that every client reads.
fn good() -> Vec<Exchange> {
    let both = || Expected::Both(ok("v1"));
    let interim = "HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Early Hints\r\nlink: x\r\n\r\n";
    let plain = "HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nv1";
    let chunked =
        "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n2;a=b\r\nv1\r\n0\r\nx: y\r\n\r\n";
    let both_framings = "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\ncontent-length: 3\r\n\r\n2\r\nv1\r\n0\r\n\r\n";
    let status = |status| Expected::Both(Some((status, String::new())));
    vec![
        exchange("plain", plain, both()),
        exchange("chunks", chunked, both()),
        exchange(
            "a folded line",
            response("x-a: b\r\n  folded\r\n", "v1"),
            both(),
        ),
        exchange(
            "a blank before the colon",
            response("x-a : b\r\n", "v1"),
            both(),
        ),
        exchange("a length and chunks", both_framings, both()),
        exchange(
            "a length twice",
            response("content-length: 2\r\n", "v1"),
            both(),
        ),
        exchange(
            "a head of 60 KB",
            response(&format!("x-a: {}\r\n", "y".repeat(60_000)), "v1"),
            both(),
        ),
        exchange("interim responses", format!("{interim}{plain}"), both()),
        exchange(
            "a value of Latin-1",
            [&b"HTTP/1.1 200 OK\r\nx-a: v\xe91\r\ncontent-length: 2\r\n\r\nv1"[..]].concat(),
            both(),
        ),
        exchange(
            "connection: close, stays open",
            response("connection: close\r\n", "v1"),
            both(),
        ),
        exchange(
            "connection: close, keep-alive",
            response("connection: close, keep-alive\r\n", "v1"),
            both(),
        ),
        exchange(
            "more bytes than announced",
            format!("{plain}HTTP/1.1 200 OK\r\n"),
            both(),
        ),
        exchange(
            "HTTP/1.0 keep-alive",
            "HTTP/1.0 200 OK\r\nconnection: keep-alive\r\ncontent-length: 2\r\n\r\nv1",
            both(),
        ),
        exchange(
            "204 with a length",
            "HTTP/1.1 204 No Content\r\ncontent-length: 5\r\n\r\n",
            status(204),
        ),
        exchange(
            "304 with a length",
            "HTTP/1.1 304 Not Modified\r\ncontent-length: 5\r\n\r\n",
            status(304),
        ),
        Exchange {
            method: "HEAD",
            ..exchange(
                "HEAD with a length",
                "HTTP/1.1 200 OK\r\ncontent-length: 500\r\n\r\n",
                status(200),
            )
        },
        closing("to the end", "HTTP/1.1 200 OK\r\n\r\nv1", both()),
        closing("HTTP/1.0 to the end", "HTTP/1.0 200 OK\r\n\r\nv1", both()),
        closing("closed after the response", plain, both()),
        closing(
            "connection: close",
            response("connection: close\r\n", "v1"),
            both(),
        ),
        closing(
            "no reason",
            "HTTP/1.1 200\r\ncontent-length: 2\r\n\r\nv1",
            both(),
        ),
    ]
}

/// Responses that no client takes.
fn bad() -> Vec<Exchange> {
    let failed = || Expected::Both(None);
    vec![
        exchange(
            "two lengths",
            response("content-length: 4\r\n", "v1"),
            failed(),
        ),
        exchange(
            "a length with a sign",
            "HTTP/1.1 200 OK\r\ncontent-length: +2\r\n\r\nv1",
            failed(),
        ),
        exchange(
            "a length that is none",
            "HTTP/1.1 200 OK\r\ncontent-length: x\r\n\r\nv1",
            failed(),
        ),
        exchange("no HTTP", "SSH-2.0-OpenSSH\r\n\r\n", failed()),
        closing(
            "HTTP/2",
            &b"\0\0\0\x04\0\0\0\0\0\0\0\0\0\0\0\0\0\0"[..],
            failed(),
        ),
        exchange(
            "a field name with a blank",
            response("bad name: x\r\n", "v1"),
            failed(),
        ),
        exchange(
            "a value with NUL",
            response("x-a: a\0b\r\n", "v1"),
            failed(),
        ),
        exchange(
            "a chunk size that is none",
            "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\nxyz\r\n",
            failed(),
        ),
        exchange(
            "a chunk that is too long",
            "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n2\r\nv1v1\r\n0\r\n\r\n",
            failed(),
        ),
        exchange(
            "129 fields",
            response(&"x-a: b\r\n".repeat(129), "v1"),
            failed(),
        ),
        closing("nothing", "", failed()),
        closing("a head cut short", "HTTP/1.1 200 OK\r\nx-ver", failed()),
        closing(
            "a body cut short",
            "HTTP/1.1 200 OK\r\ncontent-length: 9\r\n\r\nv1",
            failed(),
        ),
        closing(
            "chunks cut short",
            "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n2\r\nv",
            failed(),
        ),
    ]
}

/// Where the two differ, and why.
fn different() -> Vec<Exchange> {
    let large = || response(&format!("x-a: {}\r\n", "y".repeat(70_000)), "v1");
    let interim = "HTTP/1.1 103 Early Hints\r\n\r\n".repeat(70);
    let plain = "HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nv1";
    let huge = "z".repeat(9 << 20);
    vec![
        exchange(
            "a head of 70 KB",
            large(),
            Expected::Differ(
                None,
                ok("v1"),
                "ours reads heads of 64 KiB, hyper's of 400 KB",
            ),
        ),
        exchange(
            "120 fields",
            response(&"x-a: b\r\n".repeat(119), "v1"),
            Expected::Differ(ok("v1"), None, "ours reads 128 fields, hyper's 100"),
        ),
        exchange(
            "70 interim responses",
            format!("{interim}{plain}"),
            Expected::Differ(
                None,
                ok("v1"),
                "ours reads 64 interim responses, hyper's any number",
            ),
        ),
        exchange(
            "a body of 9 MiB",
            response("", &huge),
            Expected::Differ(
                None,
                ok(&huge),
                "ours reads bodies of 8 MiB, hyper's leaves that to its user",
            ),
        ),
    ]
}

/// The server of one exchange.
fn server(exchange: &Exchange) -> Server {
    let (response, closes) = (exchange.response.clone(), exchange.closes);
    Server::start(move |listener| async move {
        while let Ok((stream, _)) = listener.accept().await {
            tokio::spawn(respond(stream, response.clone(), closes));
        }
    })
}

async fn respond(mut stream: TcpStream, response: Vec<u8>, closes: bool) {
    let mut bytes = [0; 4096];
    while stream.read(&mut bytes).await.is_ok_and(|length| length > 0) {
        if stream.write_all(&response).await.is_err() || closes {
            return;
        }
    }
}

fn ours(exchange: &Exchange, server: &Server) -> Outcome {
    let url = format!("http://{}/", server.addr());
    let args = [
        "-n",
        "1",
        "-c",
        "1",
        "-t",
        "5m",
        "-m",
        exchange.method,
        "--bucket",
        "body",
        &url,
    ];
    let report = run_json(&args).report();
    let row = report.buckets().first()?;
    let statuses = row["statuses"].as_object().expect("statuses by number");
    let status = statuses.keys().next().expect("one response");
    let label = row["bucket"].as_str().expect("a label");
    let body = if label.starts_with("status ") || label == "(empty)" {
        ""
    } else {
        label
    };
    Some((status.parse().expect("a status"), body.to_owned()))
}

fn hypers(exchange: &Exchange, server: &Server) -> Outcome {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .expect("a runtime can be built");
    let (method, addr) = (exchange.method, server.addr());
    runtime.block_on(async {
        let asked = async {
            let stream = TcpStream::connect(addr).await.ok()?;
            let (mut send, connection) = http1::Builder::new()
                .allow_obsolete_multiline_headers_in_responses(true)
                .allow_spaces_after_header_name_in_responses(true)
                .handshake(TokioIo::new(stream))
                .await
                .ok()?;
            tokio::spawn(connection);
            let request = Request::builder().method(method).uri("/");
            let request = request.header("host", addr.to_string());
            let request = request.body(Empty::<Bytes>::new()).expect("a request");
            let response = send.send_request(request).await.ok()?;
            let status = response.status().as_u16();
            let body = response.into_body().collect().await.ok()?.to_bytes();
            Some((status, String::from_utf8_lossy(&body).into_owned()))
        };
        let hangs = Duration::from_secs(300);
        tokio::time::timeout(hangs, asked).await.expect("it ends")
    })
}

#[test]
fn an_exchange_means_the_same_to_resplit_and_to_hyper_or_the_difference_has_a_name() {
    for exchange in [good(), bad(), different()].into_iter().flatten() {
        let (own, other) = match exchange.expected.clone() {
            Expected::Both(outcome) => (outcome.clone(), outcome),
            Expected::Differ(own, other, _) => (own, other),
        };
        let server = server(&exchange);
        assert!(ours(&exchange, &server) == own, "ours: {}", exchange.name);
        assert!(
            hypers(&exchange, &server) == other,
            "hyper's: {}",
            exchange.name
        );
    }
}
