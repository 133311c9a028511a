//! Responses that do not end are counted by their first event or message, and how long that took is known.

use std::io;

use h2::server;
use http::Response;
use hyper::body::Bytes;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use crate::support::cmd::{Report, run_json};
use crate::support::grpc::Grpc;
use crate::support::server::Server;

/// A comment, which is no event, an event that names a version, and the beginning of the next.
const EVENTS: [&str; 3] = [
    ": hello\n\n",
    "event: version\ndata: {\"version\":\"v1\"}\n\n",
    "data: v",
];
const TYPE: &str = "text/event-stream; charset=utf-8";

/// How a server of HTTP/1.1 says where its events end: not at all, or by what never comes.
#[derive(Clone, Copy, Debug)]
enum Framing {
    None,
    Chunked,
    Length,
}

fn http1(framing: Framing) -> Server {
    Server::start(move |listener| async move {
        while let Ok((stream, _)) = listener.accept().await {
            tokio::spawn(events_over_http1(stream, framing));
        }
    })
}

/// Answers one request, and then waits until the client has gone.
async fn events_over_http1(mut stream: TcpStream, framing: Framing) -> io::Result<()> {
    let mut room = [0; 1024];
    if stream.read(&mut room).await? == 0 {
        return Ok(());
    }
    let framed = match framing {
        Framing::None => "",
        Framing::Chunked => "transfer-encoding: chunked\r\n",
        Framing::Length => "content-length: 1000000\r\n",
    };
    let head = format!("HTTP/1.1 200 OK\r\ncontent-type: {TYPE}\r\n{framed}\r\n");
    stream.write_all(head.as_bytes()).await?;
    for event in EVENTS {
        let piece = match framing {
            Framing::Chunked => format!("{:x}\r\n{event}\r\n", event.len()),
            Framing::None | Framing::Length => event.to_owned(),
        };
        stream.write_all(piece.as_bytes()).await?;
        stream.flush().await?;
        tokio::task::yield_now().await;
    }
    while stream.read(&mut room).await? > 0 {}
    Ok(())
}

fn http2() -> Server {
    Server::start(|listener| async move {
        while let Ok((stream, _)) = listener.accept().await {
            tokio::spawn(events_over_http2(stream));
        }
    })
}

/// Answers every stream with the events, and never ends it.
async fn events_over_http2(stream: TcpStream) -> Result<(), h2::Error> {
    let mut connection = server::handshake(stream).await?;
    while let Some(accepted) = connection.accept().await {
        let (_, mut respond) = accepted?;
        let head = Response::builder().header("content-type", TYPE);
        let head = head.body(()).expect("a valid head");
        let mut body = respond.send_response(head, false)?;
        for event in EVENTS {
            body.send_data(Bytes::from_static(event.as_bytes()), false)?;
        }
        // It ends with the client: nobody else waits for it.
        tokio::spawn(std::future::poll_fn(move |task| body.poll_reset(task)));
    }
    Ok(())
}

fn only(report: &Report, value: &str, count: u64) {
    let all = format!("{:#}", report.0["observation"]["buckets"]);
    assert_eq!(report.number("/observation/failed"), 0, "{}", report.0);
    assert_eq!(report.buckets().len(), 1, "{all}");
    assert_eq!(report.text("/observation/buckets/0/bucket"), value, "{all}");
    assert_eq!(
        report.number("/observation/buckets/0/count"),
        count,
        "{all}"
    );
    let times = &report.buckets()[0];
    let (first, last) = (&times["ttfb_ms"]["max"], &times["response_ms"]["max"]);
    assert!(first.as_f64() <= last.as_f64(), "{all}");
}

#[test]
fn a_stream_of_events_is_counted_by_its_first_event() {
    for framing in [Framing::None, Framing::Chunked, Framing::Length] {
        let server = http1(framing);
        let url = format!("http://{}/", server.addr());
        let args = ["-n", "20", "-c", "4", "--bucket", "json:/version", &url];
        let report = run_json(&args).exits(0).report();
        only(&report, "v1", 20);
        // What goes on cannot carry another request.
        assert_eq!(report.number("/observation/connections"), 20, "{framing:?}");
    }
    let server = http2();
    let url = format!("http://{}/", server.addr());
    let args = [
        "-n",
        "3000",
        "-c",
        "2",
        "-p",
        "10",
        "--h2c",
        "--bucket",
        "json:/version",
        &url,
    ];
    let report = run_json(&args).exits(0).report();
    only(&report, "v1", 3000);
    assert_eq!(report.number("/observation/connections"), 2);
}

#[test]
fn a_stream_of_a_grpc_server_is_counted_by_its_first_message() {
    let server = Grpc::start();
    let url = server.url();
    let args = ["-c", "1", "-p", "2", "--bucket", r"regex:v\d", "--grpc"];
    let list = ["-n", "20", "weather.Weather/List", &url];
    let report = run_json(&[&list[..2], &args, &list[2..]].concat())
        .exits(0)
        .report();
    only(&report, "v1", 20);
    // What says nothing after its first message is waited for until time is up, and counts all the same.
    let watch = ["-n", "2", "-t", "1s", "weather.Weather/Watch", &url];
    let report = run_json(&[&watch[..4], &args, &watch[4..]].concat())
        .exits(0)
        .report();
    only(&report, "v1", 2);
}

#[test]
fn the_time_to_the_first_byte_is_an_objective() {
    let server = http2();
    let url = format!("http://{}/", server.addr());
    let args = [
        "-n",
        "1000",
        "-c",
        "2",
        "--h2c",
        "--bucket",
        "json:/version",
    ];
    let asked = [
        "--slo",
        "all.ttfb.p90 < 1h",
        "--slo",
        "v1.ttfb.max > 1h",
        &url,
    ];
    let outcome = run_json(&[&args[..], &asked].concat()).exits(1);
    let slos = &outcome.report().0["verdict"]["slos"];
    assert_eq!(slos[0]["outcome"], "pass", "{slos:#}");
    assert_eq!(slos[1]["outcome"], "failed", "{slos:#}");
}
