//! `resplit endpoints` against a real Envoy, and against a server that picks in another way.

use std::convert::Infallible;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use http_body_util::Full;
use hyper::body::{Bytes, Incoming};
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper::{Request, Response};
use hyper_util::rt::TokioIo;
use serde_json::Value;

use crate::support::app::App;
use crate::support::cmd::{Outcome, run};
use crate::support::picks::{HEADER, Picks};
use crate::support::server::Server;

/// Endpoints that nobody connects to: the server answers for them.
const MADE_UP: [&str; 3] = ["127.0.0.11:80", "127.0.0.12:80", "127.0.0.13:80"];

/// The table of a run.
fn endpoints(args: &[&str]) -> (Outcome, Value) {
    let outcome = run(&[&["endpoints", "-o", "json"], args].concat());
    let table = serde_json::from_str(&outcome.stdout).unwrap_or_default();
    (outcome, table)
}

/// `name: outcome` of each row that is not like most.
fn unlike(table: &Value, most: &str) -> Vec<String> {
    let rows = table["rows"].as_array().expect("rows");
    let text = |row: &Value, key: &str| row[key].as_str().unwrap_or_default().to_owned();
    let other = rows.iter().filter(|row| row["outcome"] != most);
    other
        .map(|row| {
            format!(
                "{}: {} ({})",
                text(row, "name"),
                text(row, "outcome"),
                text(row, "reason")
            )
        })
        .collect()
}

/// The names of the rows with an expectation of a kind.
fn rows_of(table: &Value, kind: &str) -> usize {
    let rows = table["rows"].as_array().expect("rows");
    rows.iter()
        .filter(|row| row["expected"]["kind"] == kind)
        .count()
}

#[test]
fn every_kind_of_request_lands_where_envoy_has_it() {
    let picks = Picks::start(1);
    let dump = picks.dump();
    let dump = dump.to_str().expect("a path");
    let all = picks.endpoints();
    let header = format!("header:{HEADER}");
    for (cluster, args, endpoint, fallback, status) in [
        (
            "flat",
            &["--pick", &header, "--endpoints", &all][..],
            8,
            10,
            0,
        ),
        ("flat", &["-f", dump], 8, 10, 0),
        ("instrumented", &["-f", dump], 8, 10, 0),
        ("weighted", &["-f", dump], 7, 10, 0),
        ("void", &["-f", dump], 7, 10, 0),
        ("odst", &["-f", dump, "--endpoints", &all], 5, 0, 13),
        ("cookie", &["-f", dump], 4, 14, 0),
        ("header", &["-f", dump], 4, 14, 0),
        ("strict", &["-f", dump], 4, 3, 11),
    ] {
        let (outcome, table) = endpoints(&[args, &[&picks.url(cluster)]].concat());
        assert_eq!(
            unlike(&table, "pass"),
            [""; 0],
            "{cluster}: {}",
            outcome.stderr
        );
        let kinds = ["endpoint", "fallback", "status"].map(|kind| rows_of(&table, kind));
        assert_eq!(kinds, [endpoint, fallback, status], "{cluster}: {table:#}");
        outcome.exits(0);
    }
}

#[test]
fn metadata_is_observed_unless_a_client_can_do_it() {
    let picks = Picks::start(1);
    let all = picks.endpoints();
    let of = |cluster: &str, source: &str| {
        endpoints(&["--pick", source, "--endpoints", &all, &picks.url(cluster)])
    };
    let (outcome, table) = of("metadata", "metadata");
    assert_eq!(table["outcome"], "not-judged");
    assert_eq!(unlike(&table, "not-judged"), [""; 0]);
    outcome.exits(0);
    let (outcome, table) = of("flat", &format!("metadata:envoy.lb:{HEADER}"));
    assert_eq!(table["outcome"], "diverged");
    assert_eq!(unlike(&table, "not-judged").len(), 3, "{table:#}");
    outcome.exits(1);
}

#[test]
fn a_proxy_that_takes_any_entry_of_a_list_fails_that_row_alone() {
    let mesh = AnyEntry::start();
    let header = format!("header:{HEADER}");
    let all = MADE_UP.join(",");
    let (outcome, table) =
        endpoints(&["-c", "1", "--pick", &header, "--endpoints", &all, &mesh.url]);
    let reason = "33 of 100 landed on 127.0.0.13:80";
    let rows = unlike(&table, "pass");
    assert_eq!(rows.len(), 1, "{rows:?}");
    assert!(rows[0].starts_with("a list: diverged"), "{rows:?}");
    assert!(
        rows[0].contains(reason) || rows[0].contains("34 of 100"),
        "{rows:?}"
    );
    outcome.exits(1);
}

#[test]
fn a_proxy_that_does_not_look_at_the_header_fails() {
    let picks = Picks::start(1);
    let all = picks.endpoints();
    let (outcome, table) = endpoints(&[
        "--pick",
        "header:x-other",
        "--endpoints",
        &all,
        &picks.url("flat"),
    ]);
    assert_eq!(table["outcome"], "diverged");
    let first = &table["rows"][0];
    assert_eq!(
        (&first["outcome"], &first["sent"]),
        (&"diverged".into(), &100.into()),
        "{first:#}"
    );
    outcome.exits(1);
}

#[test]
fn responses_that_say_the_same_tell_nothing() {
    let app = App::start(|_| (200, Vec::new(), "ok".to_owned()));
    let header = format!("header:{HEADER}");
    let args = [
        "--pick",
        &*header,
        "--endpoints",
        "127.0.0.11:80,127.0.0.12:80",
        "-n",
        "50",
    ];
    let (outcome, table) = endpoints(&[&args[..], &[&app.url()]].concat());
    assert_eq!(table["outcome"], "inconclusive");
    let reason = table["rows"][0]["reason"].as_str().unwrap_or_default();
    assert!(reason.contains("--bucket"), "{reason}");
    outcome.exits(3);
    let gone = app.url();
    drop(app);
    let (outcome, table) = endpoints(&[&args[..], &[&gone]].concat());
    assert_eq!(table["outcome"], "no-data");
    outcome.exits(4);
}

#[test]
fn the_user_says_which_value_is_which_endpoint() {
    let mesh = AnyEntry::start();
    let header = format!("header:{HEADER}");
    // The wrong way round.
    let args = [
        "--pick",
        &*header,
        "--endpoints",
        "127.0.0.11:80,127.0.0.12:80",
        "-n",
        "60",
        "-c",
        "1",
    ];
    let maps = [
        "--map",
        "b1=127.0.0.12:80",
        "--map",
        "b2=127.0.0.11:80",
        "--map",
        "b3=127.0.0.11:80",
    ];
    let (outcome, table) = endpoints(&[&args[..], &maps, &[&mesh.url]].concat());
    let landed = &table["rows"][0]["landed"][0];
    assert_eq!(
        (&landed["endpoint"], &landed["count"]),
        (&"127.0.0.12:80".into(), &60.into())
    );
    assert_eq!(table["rows"][0]["outcome"], "diverged");
    outcome.exits(1);
}

#[test]
fn what_cannot_be_sent_is_a_usage_error() {
    for (args, wanted) in [
        (
            &["http://127.0.0.1:9/"][..],
            "nothing says where a request names its endpoint",
        ),
        (
            &["--pick", "header:x-a", "http://127.0.0.1:9/"],
            "no endpoint is known",
        ),
        (
            &["--pick", "path:x", "http://127.0.0.1:9/"],
            "`path:x` is not a valid source of endpoints",
        ),
        (
            &[
                "--pick",
                "header:x-a",
                "--endpoints",
                "web:80",
                "http://127.0.0.1:9/",
            ],
            "`web:80` is not a valid address",
        ),
    ] {
        let outcome = run(&[&["endpoints"], args].concat()).exits(2);
        assert!(outcome.stderr.contains(wanted), "{}", outcome.stderr);
        assert!(outcome.stderr.contains("\nhelp: "), "{}", outcome.stderr);
    }
}

#[test]
fn other_formats_have_a_line_for_each_row() {
    let mesh = AnyEntry::start();
    let header = format!("header:{HEADER}");
    let all = MADE_UP.join(",");
    for (format, wanted) in [
        (
            "text",
            "DIVERGED: requests did not land where they should: `a list`",
        ),
        ("junit", "<testcase name=\"a list\""),
        (
            "markdown",
            "| a list | `127.0.0.13:80,127.0.0.12:80,127.0.0.11:80` | 127.0.0.13:80 |",
        ),
    ] {
        let args = [
            "endpoints",
            "-c",
            "1",
            "-n",
            "90",
            "-o",
            format,
            "--pick",
            &header,
            "--endpoints",
            &all,
            &mesh.url,
        ];
        let outcome = run(&args);
        assert!(outcome.stdout.contains(wanted), "{}", outcome.stdout);
    }
}

/// A proxy that takes any valid entry of a list, and does everything else as `override_host` does.
struct AnyEntry {
    url: String,
    _server: Server,
}

impl AnyEntry {
    fn start() -> Self {
        let turns = Arc::new(AtomicUsize::new(0));
        let server = Server::start(move |listener| async move {
            while let Ok((stream, _)) = listener.accept().await {
                let turns = Arc::clone(&turns);
                let service = service_fn(move |request: Request<Incoming>| {
                    let at = picked(&request, turns.fetch_add(1, Ordering::SeqCst));
                    let body = Full::new(Bytes::from(format!("b{}\n", at + 1)));
                    async move { Ok::<_, Infallible>(Response::new(body)) }
                });
                tokio::spawn(async move {
                    // The client may leave whenever it likes.
                    let _ = http1::Builder::new()
                        .serve_connection(TokioIo::new(stream), service)
                        .await;
                });
            }
        });
        Self {
            url: format!("http://{}/", server.addr()),
            _server: server,
        }
    }
}

/// The endpoint of a request, by its position.
fn picked(request: &Request<Incoming>, turn: usize) -> usize {
    let value = request
        .headers()
        .get(HEADER)
        .and_then(|value| value.to_str().ok());
    let entries = value.unwrap_or_default().split(',').map(str::trim);
    let valid = entries.filter_map(|entry| MADE_UP.iter().position(|one| *one == entry));
    let valid: Vec<usize> = valid.collect();
    match valid.as_slice() {
        [] => turn % MADE_UP.len(),
        several => several[turn % several.len()],
    }
}
