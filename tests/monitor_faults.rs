//! `resplit monitor` where something fails: what it says of a server that does not answer, a webhook that does not take its
//! events, an admin interface that goes, and what it goes on with.

use serde_json::Value;

use crate::monitor::{NO_CHANCE, Watching, events, monitored, names};
use crate::support::app::App;
use crate::support::cmd::{Outcome, run};
use crate::support::hostile::{Behaviour, Hostile, Refusing};
use crate::support::interface::{Interface, Mode};
use crate::support::mesh::Mesh;

const SPLIT: [&str; 2] = ["--expect", "v1=90,v2=10"];

/// A watch at a rate that stands among the arguments.
fn slowly(args: &[&str]) -> Outcome {
    run(&[&["monitor", "-o", "json"][..], &NO_CHANCE, &SPLIT, args].concat())
}

/// The event about a server from which no response ever names a target, and that nothing else was told.
#[track_caller]
fn unreachable(url: &str) -> Value {
    // Beyond the four seconds that an outage takes.
    let few = ["-q", "2", "-n", "12", "-t", "200ms"];
    let mut events = events(&slowly(&[&few[..], &[url]].concat()).exits(4));
    assert_eq!(names(&events), ["started", "unreachable", "ended"], "{url}");
    events.swap_remove(1)
}

#[test]
fn the_first_that_is_said_of_an_outage_is_what_the_requests_did() {
    let nobody = Refusing::start();
    let plain = Mesh::honest();
    let hostile = [
        (Behaviour::Silent, "timeout", "timed out"),
        (Behaviour::ResetAfterRequest, "reset", "lost the connection"),
        (Behaviour::ResetOnAccept, "reset", "lost the connection"),
        (
            Behaviour::Truncated,
            "truncated",
            "got a part of a response",
        ),
        (
            Behaviour::Garbage,
            "malformed",
            "got what is not valid HTTP",
        ),
    ];
    let hostile = hostile.map(|(behaviour, kind, what)| (Hostile::always(behaviour), kind, what));
    let mut cases = vec![
        (nobody.url("/"), "connect", "could not connect"),
        (
            "http://nobody.invalid/".to_owned(),
            "dns",
            "found no address for the host",
        ),
        (
            plain.url("/").replace("http:", "https:"),
            "tls",
            "failed in the TLS handshake",
        ),
    ];
    cases.extend(
        hostile
            .iter()
            .map(|(server, kind, what)| (server.url("/"), *kind, *what)),
    );
    for (url, kind, what) in cases {
        let event = unreachable(&url);
        let requests = event["without_response"].as_u64().expect("a number");
        assert!(requests >= 5, "{event}");
        let message = event["message"].as_str().expect("a text");
        let first = format!("{requests} of the last {requests} requests {what}");
        assert!(message.starts_with(&first), "{message}");
        assert_eq!(event["failures"][kind], requests, "{event}");
        assert_eq!(event["counts"]["failed"], requests, "{event}");
    }
}

/// Nothing was before an outage from the beginning.
#[test]
fn the_end_of_an_outage_says_what_it_was_and_how_it_stands() {
    let app = App::start(|k| match k {
        0..30 => (503, Vec::new(), "no healthy upstream".to_owned()),
        k => (
            200,
            Vec::new(),
            if k % 10 == 0 { "v2" } else { "v1" }.to_owned(),
        ),
    });
    let few = ["-q", "5", "-n", "60"];
    let told = events(&slowly(&[&few[..], &[&app.url()]].concat()).exits(3));
    assert_eq!(
        names(&told),
        ["started", "unreachable", "reachable", "ended"]
    );
    let message = told[2]["message"].as_str().expect("a text");
    assert_eq!(
        message,
        "5 requests in a row got a response; before that, 30 requests got an error or a redirect that names no target; \
         the state is ok"
    );
    assert_eq!(told[2]["without_response"], 30);
}

#[test]
fn an_outage_of_errors_is_called_errors_and_a_mixed_one_by_its_parts() {
    let errors = App::start(|_| (503, Vec::new(), "no healthy upstream".to_owned()));
    let event = unreachable(&errors.url());
    let requests = event["without_response"].as_u64().expect("a number");
    let message = event["message"].as_str().expect("a text");
    let first = format!(
        "{requests} of the last {requests} requests got an error or a redirect that names no target; the last: 503"
    );
    assert!(message.starts_with(&first), "{message}");
    assert_eq!(event["counts"]["errors"], requests);
    assert!(event["failures"].is_null(), "{event}");
    // Every third response is cut off.
    let mixed = Hostile::every(3, Behaviour::Truncated);
    let url = mixed.url("/");
    let few = ["-q", "4", "-n", "40", "-t", "200ms"];
    let told = events(&slowly(&[&few[..], &[&url]].concat()).exits(3));
    let failing = told.iter().find(|event| event["event"] == "failing");
    let failing = failing.unwrap_or_else(|| panic!("{told:#?}"));
    let message = failing["message"].as_str().expect("a text");
    assert!(
        message.contains(" got a part of a response; at most 1% may"),
        "{message}"
    );
    assert!(
        message.starts_with(|c: char| c.is_ascii_digit()),
        "{message}"
    );
}

#[test]
fn responses_that_name_no_target_are_called_that() {
    let mesh = Mesh::split([("v1", 1)]).says("hello").start();
    let told =
        events(&monitored(&[&["-n", "400"][..], &SPLIT, &[&mesh.url("/")]].concat()).exits(4));
    let message = told[1]["message"].as_str().expect("a text");
    let (counts, rest) = message.split_once(" since ").expect("a time");
    let number = counts.split(' ').next().expect("a number");
    assert_eq!(counts, format!("{number} of {number} requests"));
    assert!(
        rest.contains("got a response that names no target; at most 1%"),
        "{message}"
    );
}

#[test]
fn a_webhook_that_says_nothing_is_not_waited_for_after_sigterm() {
    let hook = Hostile::always(Behaviour::Silent);
    let webhook = hook.url("/s3cret");
    let mesh = Mesh::split([("v1", 50), ("v2", 50)]).start();
    let url = mesh.url("/");
    let args = ["--webhook", &webhook, "-q", "500"];
    let mut watching = Watching::start(&[&args[..], &SPLIT, &[&url]].concat());
    watching.until("diverged");
    let before = mesh.served();
    crate::support::wait::wait_until("it goes on", || mesh.served() > before + 100);
    let (ended, outcome) = watching.ends();
    assert_eq!(ended["exit_code"], 1);
    let outcome = outcome.exits(1);
    let said = format!(
        "warning: 3 events had no response of http://{}/… when the watch ended",
        hook.addr()
    );
    assert!(outcome.stderr.contains(&said), "{}", outcome.stderr);
}

#[test]
fn a_webhook_that_nobody_serves_is_said_with_the_tries() {
    let nobody = Refusing::start();
    let webhook = nobody.url("/s3cret");
    let mesh = Mesh::split([("v1", 90), ("v2", 10)]).start();
    let url = mesh.url("/");
    let args = ["--webhook", &webhook, "-n", "200"];
    let outcome = monitored(&[&args[..], &SPLIT, &[&url]].concat()).exits(0);
    let failed = format!(
        "warning: an event was not taken by http://{}/…: ",
        nobody.addr()
    );
    // That it starts and that it ends.
    assert_eq!(
        outcome.stderr.matches(&failed).count(),
        2,
        "{}",
        outcome.stderr
    );
    assert!(outcome.stderr.contains(", 1 try\n"), "{}", outcome.stderr);
}

#[test]
fn an_admin_interface_that_goes_and_comes_back_is_told_and_the_declared_split_is_watched_on() {
    let interface = Interface::start(&[("v1", 90), ("v2", 10)]);
    let mesh = Mesh::split([("v1", 90), ("v2", 10)]).start();
    let (admin, url) = (interface.url(), mesh.url("/"));
    for declared in [&SPLIT[..], &[]] {
        let args = ["--proxy-admin", &admin, "-q", "200"];
        let mut watching = Watching::start(&[&args[..], declared, &[&url]].concat());
        let started = watching.next();
        let follows = if declared.is_empty() {
            "proxy"
        } else {
            "typed"
        };
        assert_eq!(started["follows"]["kind"], follows);
        for mode in [Mode::Closes, Mode::IsUnavailable, Mode::IsSilent] {
            interface.becomes(mode);
            let gone = watching.next();
            assert_eq!(gone["event"], "source-unreadable", "{mode:?}: {gone:#}");
            assert_eq!(gone["source"], admin.as_str());
            let message = gone["message"].as_str().expect("a text");
            assert!(
                message.contains("the weights stay as they were"),
                "{message}"
            );
            // Requests are sent and tied to targets meanwhile.
            let before = mesh.served();
            crate::support::wait::wait_until("it goes on", || mesh.served() > before + 100);
            interface.becomes(Mode::Answers);
            let back = watching.next();
            assert_eq!(back["event"], "source-readable", "{mode:?}: {back:#}");
            assert_eq!(back["state"], "ok");
        }
        // What it was told while it was gone.
        interface.becomes(Mode::Closes);
        watching.until("source-unreadable");
        interface.programs(&[("v1", 50), ("v2", 50)]);
        interface.becomes(Mode::Answers);
        let told = watching.next();
        if declared.is_empty() {
            assert_eq!(told["event"], "weights-changed", "{told:#}");
        } else {
            assert_eq!(told["event"], "programmed-changed", "{told:#}");
            assert_eq!(told["as_declared"], false);
        }
        assert_eq!(told["weights"][0]["ratio"], "1/2");
        let (_, outcome) = watching.ends();
        assert!(matches!(outcome.code, Some(0 | 1 | 4)), "{outcome:#?}");
        interface.programs(&[("v1", 90), ("v2", 10)]);
    }
}
