//! Several addresses of one host are no TCP proxy: the client itself goes to each of them in turn.

use std::io::{BufRead, BufReader, Write};
use std::net::{TcpListener, TcpStream};
use std::thread;

use super::ids;
use crate::support::cmd::run_json;

/// Responds to every request with the same body, until the client leaves.
fn serve(stream: &TcpStream, body: &str) -> std::io::Result<()> {
    let lines = BufReader::new(stream).lines();
    let mut writer = stream;
    for line in lines {
        if line?.is_empty() {
            write!(
                writer,
                "HTTP/1.1 200 OK\r\ncontent-length: {}\r\n\r\n{body}",
                body.len()
            )?;
        }
    }
    Ok(())
}

fn listen(listener: TcpListener, body: &'static str) {
    thread::spawn(move || {
        for stream in listener.incoming().flatten() {
            thread::spawn(move || {
                // The client may leave whenever it likes.
                let _ = serve(&stream, body);
            });
        }
    });
}

/// One port that is free on two loopback addresses.
fn two_addresses() -> (u16, [TcpListener; 2]) {
    for _ in 0..20 {
        let first = TcpListener::bind(("127.0.0.1", 0)).expect("a port is free");
        let port = first.local_addr().expect("it is bound").port();
        if let Ok(second) = TcpListener::bind(("127.0.0.2", port)) {
            return (port, [first, second]);
        }
    }
    panic!("no port is free on both addresses");
}

#[test]
fn f10_addresses_in_turn_are_balanced_by_dns() {
    let (port, [first, second]) = two_addresses();
    listen(first, "v1");
    listen(second, "v2");
    let to = format!("foo:{port}:127.0.0.1,127.0.0.2");
    let url = format!("http://foo:{port}/");
    let report = run_json(&[
        "--expect",
        "v1=50,v2=50",
        "--reuse",
        "8",
        "--resolve",
        &to,
        &url,
    ]);
    let report = report.exits(1).report();
    assert_eq!(
        ids(&report, "diagnosis")[0],
        "several-addresses",
        "{:#}",
        report.0
    );
    let why = report.text("/verdict/diagnosis/0/message");
    assert!(
        why.contains("has 2 addresses (127.0.0.1") && !why.contains("bytes"),
        "{why}"
    );
}
