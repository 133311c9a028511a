//! What is no admin interface, or one that says anything: a note, and the run goes on.

use std::sync::Arc;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use super::said;
use crate::support::cmd::{Outcome, run, run_json};
use crate::support::mesh::Mesh;
use crate::support::server::Server;

/// What is sent for a path; more of it follows without an end where it says so.
pub(super) struct Page {
    bytes: Vec<u8>,
    endless: bool,
}

type Pages = Arc<dyn Fn(&str) -> Page + Send + Sync>;

pub(super) const INFO: &str = r#"{"version": "x/1.40.0/y", "state": "LIVE", "uptime_current_epoch": "9s", "node": {"id": "n"}}"#;

pub(super) fn page(body: &str) -> Page {
    let head = format!(
        "HTTP/1.1 200 OK\r\ncontent-length: {}\r\nconnection: close\r\n\r\n",
        body.len()
    );
    Page {
        bytes: [head.as_bytes(), body.as_bytes()].concat(),
        endless: false,
    }
}

pub(super) fn server(pages: impl Fn(&str) -> Page + Send + Sync + 'static) -> Server {
    let pages: Pages = Arc::new(pages);
    Server::start(move |listener| async move {
        while let Ok((stream, _)) = listener.accept().await {
            tokio::spawn(serve(stream, Arc::clone(&pages)));
        }
    })
}

async fn serve(mut stream: TcpStream, pages: Pages) {
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        match stream.read_u8().await {
            Ok(byte) => head.push(byte),
            Err(_) => return,
        }
    }
    let head = String::from_utf8_lossy(&head).into_owned();
    let path = head.split(' ').nth(1).unwrap_or_default();
    let page = pages(path);
    let blanks = vec![b' '; 65536];
    let mut more = stream.write_all(&page.bytes).await.is_ok() && page.endless;
    while more {
        more = stream.write_all(&blanks).await.is_ok();
    }
}

/// A run that is judged as without an interface.
fn asked(server: &Server, format: &str) -> Outcome {
    let mesh = Mesh::split([("v1", 1)]).start();
    let (admin, url) = (format!("http://{}", server.addr()), mesh.url("/"));
    run(&[
        "-o",
        format,
        "--proxy-admin",
        &admin,
        "--expect",
        "v1=1",
        "-n",
        "50",
        &url,
    ])
    .exits(0)
}

/// The notes about the interface.
fn notes(server: &Server) -> Vec<String> {
    said(&asked(server, "json").report(), "proxy-admin")
}

#[test]
fn what_is_no_interface_of_an_envoy_is_a_note() {
    let texts: [&[u8]; 7] = [
        b"",
        b"\x00\x01\x02\x03",
        b"HTTP/1.1 200 OK\r\ncontent-length: 100\r\n\r\n{\"version\": ",
        b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\n{}",
        b"HTTP/1.1 200 OK\r\ncontent-length: 6\r\n\r\n<html>",
        b"HTTP/1.1 200 OK\r\ncontent-length: 3\r\n\r\n\xff\xfe\xfd",
        b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\nzz\r\n",
    ];
    for text in texts {
        let server = server(move |_| Page {
            bytes: text.to_vec(),
            endless: false,
        });
        let said = notes(&server);
        assert_eq!(said.len(), 1, "{text:?}: {said:?}");
        assert!(said[0].contains("was not read"), "{said:?}");
    }
}

#[test]
fn pages_that_are_forbidden_are_notes_with_their_status() {
    let server = server(|_| {
        Page {
        bytes: b"HTTP/1.1 403 Forbidden\r\ncontent-length: 9\r\nconnection: close\r\n\r\nno\x1b[31m!\n!".to_vec(),
        endless: false,
    }
    });
    let said = notes(&server);
    assert_eq!(said.len(), 1, "{said:?}");
    assert!(
        said[0].ends_with("is not known: its response is 403: no[31m!"),
        "{said:?}"
    );
}

#[test]
fn a_page_without_an_end_is_not_read_to_it() {
    let server = server(|_| Page {
        bytes: b"HTTP/1.1 200 OK\r\n\r\n{".to_vec(),
        endless: true,
    });
    let said = notes(&server);
    assert_eq!(said.len(), 1, "{said:?}");
    let ended = ["is larger than", "no complete response within"];
    assert!(ended.iter().any(|part| said[0].contains(part)), "{said:?}");
}

#[test]
fn nonsense_behind_a_good_first_page_is_a_note() {
    let server = server(|path| match path {
        "/server_info" => page(INFO),
        path if path.starts_with("/config_dump") => page(r#"{"configs": "no"}"#),
        _ => page("[[[["),
    });
    let said = notes(&server);
    assert_eq!(said.len(), 1, "{said:?}");
    assert!(
        said[0].contains("does with this request is not known"),
        "{said:?}"
    );
}

/// An interface whose texts could move a cursor, behind so many blanks.
fn coloured(blanks: usize) -> Server {
    server(move |path| {
        let routes = r#"{"configs": [{"version_info": "\u001b[31m\u202eV", "last_updated": "\u0007", "route_config": {
            "name": "\u001b[2J", "virtual_hosts": [{"name": "h", "domains": ["*"], "routes": [
                {"match": {"prefix": "/"}, "route": {"cluster": "v1\u001b[5m"}}]}]}}]}"#;
        let hosts = r#"{"cluster_statuses": [{"name": "v1\u001b[5m", "host_statuses": [
            {"address": {"pipe": {"path": "\u001b"}}, "stats": [{"name": "rq_total", "value": "7"}]}]}]}"#;
        match path {
            "/server_info" => page(&INFO.replace("\"n\"", "\"\\u001b[31m\"")),
            path if path.contains("dynamic_route_configs") => {
                page(&format!("{}{}", " ".repeat(blanks), routes))
            }
            path if path.starts_with("/clusters") => page(hosts),
            _ => page("{}"),
        }
    })
}

#[test]
fn control_characters_stay_text_in_every_format() {
    let server = coloured(0);
    for format in ["text", "json", "markdown", "html", "oneline"] {
        let shown = asked(&server, format).stdout;
        let unsafe_one = |c: char| c.is_control() && c != '\n' || c == '\u{202e}';
        assert!(!shown.contains(unsafe_one), "{format}: {shown:?}");
    }
}

#[test]
fn a_large_page_is_read() {
    let report = asked(&coloured(50 << 20), "json").report();
    assert_eq!(report.number("/counted/shares/0/count"), 0);
}

#[test]
fn an_interface_that_goes_away_in_mid_run_ends_nothing() {
    use std::sync::atomic::{AtomicU32, Ordering};
    let asked_for = AtomicU32::new(0);
    let server = server(move |path| {
        let routes = r#"{"configs": [{"version_info": "1", "last_updated": "t", "route_config": {"name": "r",
            "virtual_hosts": [{"name": "h", "domains": ["*"], "routes": [
                {"match": {"prefix": "/"}, "route": {"cluster": "v1"}}]}]}}]}"#;
        // The page that the run begins with is there, and later ones are not.
        let clusters = path
            .starts_with("/clusters")
            .then(|| asked_for.fetch_add(1, Ordering::SeqCst));
        match (path, clusters) {
            (_, Some(0)) => page(r#"{"cluster_statuses": [{"name": "v1"}]}"#),
            (_, Some(_)) => Page {
                bytes: Vec::new(),
                endless: false,
            },
            ("/server_info", _) => page(INFO),
            (path, _) if path.contains("dynamic_route_configs") => page(routes),
            _ => page("{}"),
        }
    });
    let mesh = Mesh::split([("v1", 1)]).start();
    let (admin, url) = (format!("http://{}", server.addr()), mesh.url("/"));
    let args = [
        "--proxy-admin",
        &admin,
        "--expect",
        "v1=1",
        "-n",
        "50",
        &url,
    ];
    let report = run_json(&args).exits(0).report();
    let said = said(&report, "proxy-admin");
    assert_eq!(said.len(), 1, "{said:?}");
    assert!(said[0].contains("was read until"), "{said:?}");
    assert_eq!(report.0["counted"]["complete"], false);
    assert_eq!(report.text("/programmed/version"), "1");
}
