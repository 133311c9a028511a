//! Connections that many requests share, and servers that limit them, end them, or say nothing on them any more.

use std::collections::VecDeque;
use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use crate::faults::measured;
use crate::support::cmd::{Report, run_json};
use crate::support::envoy::Envoy;
use crate::support::nginx::Nginx;
use crate::support::server::Server;

/// What a server does on one connection, the first being number 0.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Manner {
    /// Answers nothing on the first connection, and everything on the others.
    FirstIsDead,
    /// Takes two requests of a connection, and says so when the third comes.
    LeavesAfterTwo,
    /// Goes away before it has answered anything.
    LeavesAtOnce,
    /// Takes one request at a time, and answers it after a while.
    OneAtATime,
    /// Answers, and reads nothing once it has said its settings, so that nothing can be written to it in the end.
    NeverReads,
    /// Takes so many streams at a time, and ends the connection where more come.
    AtMost(u8),
    /// Says that it takes no stream at all, and is silent.
    TakesNothing,
    /// Refuses every other stream.
    RefusesHalf,
    /// Resets every stream within its response.
    ResetsWithin,
    /// Closes every connection within the first response.
    ClosesWithin,
    /// Sends a head that never ends.
    EndlessHead,
    /// Sends a head that is larger than anybody reads, and ends it.
    LargeHead,
    /// Sends settings for ever and does not respond.
    SettingsFlood,
}

/// Requests where each is looked at.
const FEW: u64 = 40;
const HEADERS: u8 = 1;
const END_OF_HEADERS: u8 = 4;
const END_OF_BOTH: u8 = 5;
/// `:status: 200` and `x-version: v1`.
const ANSWER: &[u8] = b"\x88\x00\x09x-version\x02v1";

/// The server, and how many connections it has had.
fn server(manner: Manner) -> (Server, Arc<AtomicU64>) {
    let connections = Arc::new(AtomicU64::new(0));
    let counter = Arc::clone(&connections);
    let server = Server::start(move |listener| async move {
        while let Ok((stream, _)) = listener.accept().await {
            let number = counter.fetch_add(1, Ordering::SeqCst);
            tokio::spawn(converse(stream, manner, number));
        }
    });
    (server, connections)
}

/// Speaks as much HTTP/2 as it takes, until the client has gone.
async fn converse(mut stream: TcpStream, manner: Manner, number: u64) -> io::Result<()> {
    let mut preface = [0; 24];
    stream.read_exact(&mut preface).await?;
    // SETTINGS_MAX_CONCURRENT_STREAMS
    let settings: &[u8] = match manner {
        Manner::OneAtATime => &[0, 3, 0, 0, 0, 1],
        Manner::AtMost(streams) => &[0, 3, 0, 0, 0, streams],
        Manner::TakesNothing => &[0, 3, 0, 0, 0, 0],
        _ => &[],
    };
    write(&mut stream, 4, 0, 0, settings).await?;
    if manner == Manner::NeverReads {
        std::future::pending::<()>().await;
    }
    if let Manner::AtMost(streams) = manner {
        return at_most(&mut stream, usize::from(streams)).await;
    }
    let mut answered = 0;
    loop {
        let mut head = [0; 9];
        stream.read_exact(&mut head).await?;
        let [_, a, b, kind, _, id @ ..] = head;
        let mut content = vec![0; usize::from(u16::from_be_bytes([a, b]))];
        stream.read_exact(&mut content).await?;
        if kind != HEADERS {
            continue;
        }
        let last = match manner {
            Manner::FirstIsDead if number == 0 => continue,
            Manner::LeavesAfterTwo if answered == 2 => 3_u32,
            Manner::LeavesAtOnce => 0,
            Manner::TakesNothing => continue,
            Manner::RefusesHalf if answered % 2 == 1 => {
                answered += 1;
                // REFUSED_STREAM
                write(&mut stream, 3, 0, u32::from_be_bytes(id), &[0, 0, 0, 7]).await?;
                continue;
            }
            Manner::ResetsWithin => {
                write(
                    &mut stream,
                    HEADERS,
                    END_OF_HEADERS,
                    u32::from_be_bytes(id),
                    ANSWER,
                )
                .await?;
                // INTERNAL_ERROR
                write(&mut stream, 3, 0, u32::from_be_bytes(id), &[0, 0, 0, 2]).await?;
                continue;
            }
            Manner::ClosesWithin => {
                let id = u32::from_be_bytes(id);
                write(&mut stream, HEADERS, END_OF_HEADERS, id, ANSWER).await?;
                stream.shutdown().await?;
                tokio::io::copy(&mut stream, &mut tokio::io::sink()).await?;
                return Ok(());
            }
            Manner::EndlessHead => return head_of(&mut stream, u32::from_be_bytes(id), 4096).await,
            Manner::LargeHead => {
                head_of(&mut stream, u32::from_be_bytes(id), 5).await?;
                continue;
            }
            Manner::SettingsFlood => {
                for _ in 0..200_000 {
                    write(&mut stream, 4, 0, 0, &[]).await?;
                }
                return Ok(());
            }
            _ => {
                if manner == Manner::OneAtATime {
                    tokio::time::sleep(Duration::from_millis(40)).await;
                }
                write(
                    &mut stream,
                    HEADERS,
                    END_OF_BOTH,
                    u32::from_be_bytes(id),
                    ANSWER,
                )
                .await?;
                answered += 1;
                continue;
            }
        };
        let goaway = [last.to_be_bytes(), [0; 4]].concat();
        write(&mut stream, 7, 0, 0, &goaway).await?;
        // It reads on, as it has said what it looks at.
        tokio::io::copy(&mut stream, &mut tokio::io::sink()).await?;
        return Ok(());
    }
}

/// Holds requests until as many are open as are allowed, and leaves where more come.
async fn at_most(stream: &mut TcpStream, streams: usize) -> io::Result<()> {
    let (mut buffer, mut open, mut received) = (Vec::new(), VecDeque::new(), 0);
    let mut looked = false;
    loop {
        while let Some((head, rest)) = buffer.split_first_chunk::<9>() {
            let [_, a, b, kind, _, id @ ..] = *head;
            let length = usize::from(u16::from_be_bytes([a, b]));
            if rest.len() < length {
                break;
            }
            buffer.drain(..9 + length);
            if kind == HEADERS {
                open.push_back(u32::from_be_bytes(id));
                received += 1;
            }
        }
        if open.len() > streams {
            return Ok(());
        }
        if open.len() == streams || received == FEW && !open.is_empty() {
            // One more than allowed has a moment to come.
            if !std::mem::replace(&mut looked, true) {
                tokio::time::sleep(Duration::from_millis(2)).await;
                let mut more = [0; 4096];
                let length = stream.try_read(&mut more).unwrap_or(0);
                buffer.extend_from_slice(&more[..length]);
                continue;
            }
            looked = false;
            let id = open.pop_front().expect("one is open");
            write(stream, HEADERS, END_OF_BOTH, id, ANSWER).await?;
        } else if stream.read_buf(&mut buffer).await? == 0 {
            return Ok(());
        }
    }
}

/// A head in so many frames of 15 KiB; the last of a few ends it, the last of many does not.
async fn head_of(stream: &mut TcpStream, id: u32, frames: u32) -> io::Result<()> {
    const FIELD: usize = 3000;
    let mut field = b"\x00\x01x".to_vec();
    // A length of 127 and more: the prefix, then the rest in groups of seven bits.
    field.extend([0x7f, 0xb9, 0x16]);
    field.resize(field.len() + FIELD, b'y');
    let content = field.repeat(5);
    let length = u32::try_from(content.len() + 1).expect("a small frame");
    for number in 0..frames {
        let last = frames < 100 && number + 1 == frames;
        let kind = if number == 0 { HEADERS } else { 9 };
        let flags = if last { END_OF_HEADERS } else { 0 } | u8::from(number == 0);
        // `:status: 200` first.
        let content = if number == 0 {
            [b"\x88", &content[..]].concat()
        } else {
            content.clone()
        };
        let length = if number == 0 { length } else { length - 1 };
        let head = [
            &length.to_be_bytes()[1..],
            &[kind, flags],
            &id.to_be_bytes(),
        ]
        .concat();
        stream.write_all(&[&head[..], &content].concat()).await?;
    }
    Ok(())
}

async fn write(
    stream: &mut TcpStream,
    kind: u8,
    flags: u8,
    id: u32,
    content: &[u8],
) -> io::Result<()> {
    let length = u8::try_from(content.len()).expect("a small frame");
    let head = [&[0, 0, length, kind, flags][..], &id.to_be_bytes()].concat();
    stream.write_all(&[&head, content].concat()).await
}

fn all_answered(report: &Report, n: u64) {
    let said = format!("{:#}", report.0);
    assert_eq!(report.sent(), n, "{said}");
    assert_eq!(report.number("/observation/answered"), n, "{said}");
    assert_eq!(report.number("/observation/failed"), 0, "{said}");
}

#[test]
fn a_server_is_asked_for_as_much_at_a_time_as_it_takes() {
    // RFC 9113, 5.1.2: "Endpoints MUST NOT exceed the limit set by their peer."
    let nginx = Nginx::start();
    let url = nginx.few_streams("/");
    let args = ["--h2c", "-p", "32", "-c", "2", "-n", "2000", &url];
    let report = run_json(&args).exits(0).report();
    all_answered(&report, 2000);
}

#[test]
fn requests_have_their_turn_in_the_order_in_which_they_came_and_are_timed_from_there() {
    let (server, _) = server(Manner::OneAtATime);
    let url = format!("http://{}/", server.addr());
    // Each waits for three others, 120 ms. One that was passed over until the end would have to wait for ten seconds.
    let args = [
        "--h2c",
        "-p",
        "4",
        "-c",
        "1",
        "-n",
        "250",
        "-t",
        "5s",
        "--threads",
        "1",
        &url,
    ];
    let report = run_json(&args).exits(0).report();
    all_answered(&report, 250);
    // Of requests that are answered one after the other the times add up to that of the run, however busy the machine is; with
    // the wait of each for its turn to four times as much.
    let seconds = |part: &serde_json::Value| part.as_f64().expect("a number");
    let observation = &report.0["observation"];
    let mean = seconds(&observation["buckets"][0]["service_ms"]["mean"]) / 1000.0;
    let elapsed = seconds(&observation["elapsed_s"]);
    assert!(mean >= 0.04, "{:#}", report.0);
    assert!(mean * 250.0 < 2.0 * elapsed, "{:#}", report.0);
}

#[test]
fn requests_that_had_no_turn_before_a_connection_ended_go_over_the_next() {
    // RFC 9113, 6.8: "the server MUST NOT process" streams above the last that it names, so they are sent anew however
    // often that happens.
    let (server, connections) = server(Manner::LeavesAfterTwo);
    let url = format!("http://{}/", server.addr());
    let args = ["--h2c", "-p", "32", "-c", "1", "-n", "100", &url];
    let report = run_json(&args).exits(0).report();
    all_answered(&report, 100);
    assert_eq!(connections.load(Ordering::SeqCst), 50, "{:#}", report.0);
}

#[test]
fn a_server_that_leaves_before_it_answers_is_a_failure() {
    let (server, _) = server(Manner::LeavesAtOnce);
    let url = format!("http://{}/", server.addr());
    let args = ["--h2c", "-p", "4", "-c", "1", "-n", "20", &url];
    let report = run_json(&args).exits(4).report();
    assert_eq!(report.failures("reset"), 20, "{:#}", report.0);
    assert!(report.0.to_string().contains("GOAWAY"), "{:#}", report.0);
}

#[test]
fn a_connection_on_which_nothing_comes_any_more_is_given_up() {
    let (server, connections) = server(Manner::FirstIsDead);
    let url = format!("http://{}/", server.addr());
    let args = ["--h2c", "-p", "4", "-c", "1", "-n", "40", "-t", "5s", &url];
    let report = run_json(&args).exits(0).report();
    let said = format!("{:#}", report.0);
    // One stream is tried first: nobody knows how many the server takes. Here it says so at once.
    assert_eq!(report.failures("timeout"), 4, "{said}");
    assert_eq!(report.number("/observation/answered"), 36, "{said}");
    assert_eq!(connections.load(Ordering::SeqCst), 2, "{said}");
}

#[test]
fn a_connection_to_which_nothing_can_be_written_is_given_up() {
    let (server, _) = server(Manner::NeverReads);
    let url = format!("http://{}/", server.addr());
    // More than the buffers of both ends hold.
    let body = "x".repeat(60_000);
    let args = [
        "--h2c", "-d", &body, "-p", "4", "-c", "1", "-n", "12", "-t", "200ms", &url,
    ];
    let report = run_json(&args).exits(4).report();
    assert_eq!(report.failures("timeout"), 12, "{:#}", report.0);
}

#[test]
fn no_more_streams_are_opened_than_the_server_takes() {
    for streams in [1, 2] {
        let (server, connections) = server(Manner::AtMost(streams));
        let url = format!("http://{}/", server.addr());
        let args = ["--h2c", "-p", "4", "-c", "1", "-n", "40", &url];
        let report = run_json(&args).exits(0).report();
        all_answered(&report, FEW);
        assert_eq!(connections.load(Ordering::SeqCst), 1, "{:#}", report.0);
    }
}

#[test]
fn fault_10_a_server_that_takes_no_stream_is_named_as_that() {
    let (server, _) = server(Manner::TakesNothing);
    let url = format!("http://{}/", server.addr());
    let args = [
        "--h2c", "-p", "2", "-c", "1", "-n", "4", "-t", "300ms", &url,
    ];
    let outcome = run_json(&args).exits(4);
    let report = outcome.report();
    assert_eq!(report.failures("timeout"), 4, "{:#}", report.0);
    let said = report.0.to_string();
    assert!(
        said.contains("SETTINGS_MAX_CONCURRENT_STREAMS is 0"),
        "{said}"
    );
}

#[test]
fn a_refused_stream_is_sent_again_and_counts_as_sent_twice() {
    let (server, _) = server(Manner::RefusesHalf);
    let url = format!("http://{}/", server.addr());
    let args = ["--h2c", "-c", "1", "-n", "40", "-m", "POST", &url];
    let report = run_json(&args).exits(0).report();
    all_answered(&report, FEW);
    // Whatever is refused goes over the next connection, whose first stream is taken.
    assert!(report.number("/observation/retried") > 0, "{:#}", report.0);
    assert!(
        report.0.to_string().contains("sent-again"),
        "{:#}",
        report.0
    );
}

#[test]
fn fault_10_a_response_that_breaks_off_says_how() {
    for (manner, kind, said) in [
        (
            Manner::ResetsWithin,
            "reset",
            "INTERNAL_ERROR, within the response",
        ),
        (
            Manner::ClosesWithin,
            "truncated",
            "the connection was closed within the response",
        ),
    ] {
        let (server, _) = server(manner);
        let url = format!("http://{}/", server.addr());
        let args = ["--h2c", "-c", "2", "-n", "8", &url];
        let report = run_json(&args).exits(4).report();
        assert_eq!(report.failures(kind), 8, "{manner:?}: {:#}", report.0);
        assert!(
            report.0.to_string().contains(said),
            "{manner:?}: {:#}",
            report.0
        );
        assert_eq!(report.number("/observation/retried"), 0, "{manner:?}");
    }
}

#[test]
fn floods_end_and_take_no_memory() {
    for (manner, kind) in [
        (Manner::EndlessHead, "oversized"),
        (Manner::LargeHead, "oversized"),
        (Manner::SettingsFlood, "timeout"),
    ] {
        let (server, _) = server(manner);
        let url = format!("http://{}/", server.addr());
        let args = [
            "-o", "json", "--h2c", "-c", "4", "-n", "8", "-t", "2s", &url,
        ];
        let report = measured(&args).exits(4).report();
        if manner == Manner::SettingsFlood {
            // It goes on for as long as it takes to write so much, and then closes.
            assert_eq!(report.number("/observation/failed"), 8, "{:#}", report.0);
        } else {
            assert_eq!(report.failures(kind), 8, "{manner:?}: {:#}", report.0);
        }
        let peak = report.number("/peak_kib");
        assert!(peak < 200 << 10, "{manner:?}: {peak} KiB");
    }
}

/// RFC 7541, 4.2: an encoder whose table the peer limits says so in its next block, or the connection ends with
/// `COMPRESSION_ERROR`.
#[test]
fn an_envoy_with_a_small_header_table_loses_nothing() {
    for size in [0, 1024] {
        let envoy = Envoy::split(&[("v1", 1)]).header_table(size).start();
        let url = format!("http://{}/", envoy.envoy().addr());
        let args = ["--h2c", "-p", "8", "-c", "2", "-n", "400", &url];
        let report = run_json(&args).exits(0).report();
        all_answered(&report, 400);
        assert_eq!(
            report.number("/observation/connections"),
            2,
            "{:#}",
            report.0
        );
    }
}
