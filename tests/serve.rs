//! `resplit serve`: what Flagger, Argo Rollouts, Prometheus and kubelet get, how much there may be of everything, and how it
//! ends.
//!
//! Flagger (pkg/controller/webhook.go): a POST of JSON with `name`, `namespace`, `phase`, `checksum` and `metadata`, whose values
//! are strings; a status up to 202 goes on, any other one stops with the body in an event; 10 s where no `timeout` is set.
//! Argo Rollouts (metricproviders/webmetric): GET, POST or PUT; a status outside of 200 to 299 is a failed measurement, else
//! `jsonPath` picks a value of the JSON body, which `successCondition` and `failureCondition` are about; 10 s where no
//! `timeoutSeconds` is set.

use std::collections::BTreeMap;
use std::fs;
use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::path::PathBuf;
use std::thread;

use serde_json::{Value, json};
use tempfile::TempDir;

use crate::support::cmd::{Outcome, Running, run};
use crate::support::gate::Gate;
use crate::support::mesh::Mesh;
use crate::support::wait::{HANGS, wait_until};

/// A service that was started with a file of checks.
struct Serving {
    running: Running,
    addr: SocketAddr,
    _folder: TempDir,
}

/// What came back.
#[derive(Debug)]
struct Answer {
    status: u16,
    head: String,
    body: String,
}

impl Answer {
    fn json(&self) -> Value {
        serde_json::from_str(&self.body).unwrap_or_else(|_| panic!("{self:?}"))
    }
}

fn file(folder: &TempDir, name: &str, text: &str) -> PathBuf {
    let path = folder.path().join(name);
    fs::write(&path, text).expect("it is written");
    path
}

impl Serving {
    fn start(checks: &str, options: &[&str]) -> Self {
        let folder = tempfile::tempdir().expect("a folder");
        let config = file(&folder, "checks.yaml", checks);
        let config = config.to_str().expect("a path");
        let mut running = Running::start(
            &[&["serve", "-f", config, "--listen", "127.0.0.1:0"], options].concat(),
        );
        running.until_said("; SIGTERM");
        let said = running.said();
        let (_, address) = said.rsplit_once("http://").expect("an address");
        let address = address.split(';').next().expect("an address");
        Self {
            addr: address.parse().expect("an address"),
            running,
            _folder: folder,
        }
    }

    fn call(&self, method: &str, path: &str, fields: &str, body: &str) -> Answer {
        called(self.addr, method, path, fields, body)
    }

    fn get(&self, path: &str) -> Answer {
        self.call("GET", path, "", "")
    }

    /// As Flagger calls a webhook.
    fn flagger(&self, check: &str, metadata: &Value) -> Answer {
        let payload = json!({
            "name": "web", "namespace": "shop", "phase": "Progressing", "checksum": "1", "metadata": metadata,
        });
        self.call(
            "POST",
            &format!("/flagger/{check}"),
            "",
            &payload.to_string(),
        )
    }

    fn ends(mut self) -> Outcome {
        self.running.signal("TERM");
        self.running.finish()
    }
}

fn called(addr: SocketAddr, method: &str, path: &str, fields: &str, body: &str) -> Answer {
    let mut stream = TcpStream::connect(addr).expect("it listens");
    stream.set_read_timeout(Some(HANGS)).expect("a time");
    let length = body.len();
    let head = format!(
        "{method} {path} HTTP/1.1\r\nhost: resplit\r\n{fields}content-length: {length}\r\nconnection: close\r\n\r\n{body}"
    );
    stream.write_all(head.as_bytes()).expect("it reads");
    let mut text = String::new();
    stream.read_to_string(&mut text).expect("it answers");
    let (head, body) = text
        .split_once("\r\n\r\n")
        .unwrap_or_else(|| panic!("{text}"));
    Answer {
        status: head
            .split(' ')
            .nth(1)
            .and_then(|status| status.parse().ok())
            .expect("a status"),
        head: head.to_ascii_lowercase(),
        body: body.to_owned(),
    }
}

/// A file of one check that is in order (one connection) against a mesh.
fn one_check(mesh: &Mesh, options: &[&str]) -> String {
    let options: Vec<String> = options
        .iter()
        .map(|option| format!("      - \"{option}\"\n"))
        .collect();
    format!(
        "checks:\n  web:\n    urls: [\"{}\"]\n    wait: 100s\n    options:\n      - \"-c1\"\n{}",
        mesh.url("/"),
        options.concat()
    )
}

const EXPECT: &str = "--expect=v1={{ args.stable }},v2={{ args.weight }}";

#[test]
fn flagger_goes_on_where_the_split_holds_and_stops_with_the_answer_elsewhere() {
    let mesh = Mesh::honest();
    let serving = Serving::start(&one_check(&mesh, &[EXPECT, "-n{{ args.n }}"]), &[]);
    let ask = |stable: &str, weight: &str, n: &str| {
        serving.flagger(
            "web",
            &json!({ "stable": stable, "weight": weight, "n": n }),
        )
    };
    let holds = ask("90", "10", "4000");
    assert_eq!(holds.status, 200, "{holds:?}");
    assert!(holds.body.starts_with("pass: "), "{holds:?}");
    assert_eq!(holds.body.lines().count(), 1, "{holds:?}");
    let diverged = ask("10", "90", "200");
    assert_eq!(diverged.status, 409, "{diverged:?}");
    assert!(diverged.body.starts_with("diverged: "), "{diverged:?}");
    let open = ask("90", "10", "20");
    assert_eq!(open.status, 425, "{open:?}");
    assert!(open.body.starts_with("inconclusive: "), "{open:?}");
    // Whatever does not go on is above 202, with the reason as the body.
    for (metadata, status, reason) in [
        (
            json!({ "stable": "90", "weight": "10" }),
            400,
            "the call does not say `n`",
        ),
        (
            json!({ "stable": "90", "weight": "10,v3=5", "n": "20" }),
            400,
            "`weight` may have letters",
        ),
        (
            json!({ "stable": "90", "weight": "-", "n": "20" }),
            400,
            "--expect",
        ),
        (
            json!({ "stable": "90", "weight": "10", "n": "20", "url": "http://169.254.169.254/" }),
            403,
            "does not have this url",
        ),
    ] {
        let refused = serving.flagger("web", &metadata);
        assert_eq!(refused.status, status, "{metadata}: {refused:?}");
        assert!(refused.body.contains(reason), "{metadata}: {refused:?}");
    }
    assert_eq!(serving.flagger("other", &json!({})).status, 404);
    assert_eq!(serving.get("/flagger/web").status, 405);
    assert_eq!(
        serving.call("POST", "/flagger/web", "", "no JSON").status,
        400
    );
    assert_eq!(
        serving
            .call("POST", "/flagger/web", "", &"x".repeat(70_000))
            .status,
        413
    );
    assert_eq!(mesh.served(), 4220);
    serving.ends().exits(0);
}

#[test]
fn a_target_that_is_not_there_is_no_pass_for_anybody() {
    let checks = "checks:\n  web:\n    urls: [\"http://127.0.0.1:1/\"]\n    options: [\"--expect=v1=90,v2=10\", \"-n5\"]\n";
    let serving = Serving::start(checks, &[]);
    let flagger = serving.flagger("web", &json!({}));
    assert_eq!(flagger.status, 502, "{flagger:?}");
    assert!(flagger.body.starts_with("no-data: "), "{flagger:?}");
    let argo = serving.get("/argo/web");
    assert_eq!(
        (argo.status, argo.json()["result"].as_str()),
        (502, Some("error")),
        "{argo:?}"
    );
    serving.ends().exits(0);
}

#[test]
fn argo_reads_the_result_by_its_json_path() {
    let mesh = Mesh::honest();
    let serving = Serving::start(&one_check(&mesh, &[EXPECT, "-n{{ args.n }}"]), &[]);
    // The query, the JSON body of POST and PUT, numbers as well as strings.
    let passes = serving.get("/argo/web?stable=90&weight=10&n=4000");
    let json = passes.json();
    assert_eq!(
        (passes.status, json["result"].as_str()),
        (200, Some("pass")),
        "{passes:?}"
    );
    assert_eq!(json["outcome"], "pass");
    assert!(
        passes.head.contains("content-type: application/json"),
        "{passes:?}"
    );
    for method in ["POST", "PUT"] {
        let body = json!({ "stable": 10, "weight": "90", "n": 200 }).to_string();
        let fails = serving.call(method, "/argo/web", "", &body);
        assert_eq!(
            (fails.status, fails.json()["result"].as_str()),
            (200, Some("fail")),
            "{fails:?}"
        );
    }
    let open = serving.get("/argo/web?stable=90&weight=10&n=20");
    assert_eq!(
        (open.status, open.json()["result"].as_str()),
        (200, Some("inconclusive")),
        "{open:?}"
    );
    // A measurement that failed has another status, and no result that a condition could hold for.
    let url = serving.get("/argo/web?stable=90&weight=10&n=20&url=http%3A%2F%2Felsewhere%2F");
    assert_eq!(
        (url.status, url.json()["result"].as_str()),
        (403, Some("error")),
        "{url:?}"
    );
    assert_eq!(serving.call("DELETE", "/argo/web", "", "").status, 405);
    serving.ends().exits(0);
}

/// A call that chooses what no run can have gets a status of 400 to 499, and no request is sent; what the file of checks or the
/// server behind it does is none of the caller's.
#[test]
fn what_a_call_chooses_wrongly_is_its_own_error_and_nothing_else_is() {
    let mesh = Mesh::honest();
    let folder = tempfile::tempdir().expect("a folder");
    let rules = file(
        &folder,
        "rules.yaml",
        "apiVersion: split.smi-spec.io/v1alpha4
kind: TrafficSplit
metadata: { name: web, namespace: shop }
spec:
  service: web
  backends: [{ service: v1, weight: 90 }, { service: v2, weight: 10 }]
",
    );
    let rules = rules.display().to_string();
    let nameless = Mesh::split([("v1", 1)]).says("hello").start();
    let checks = format!(
        "checks:
  typed:
    urls: ['{url}']
    wait: 100s
    options: ['-c1', '-n{{{{ args.n }}}}', '--expect=v1={{{{ args.stable }}}},v2={{{{ args.weight }}}}', '--rate={{{{ args.rate }}}}']
  mapped:
    urls: ['{url}']
    wait: 100s
    options: ['-c1', '-n20', '--expect=v1=90,v2=10', '--map=one={{{{ args.target }}}}']
  object:
    urls: ['{url}']
    wait: 100s
    options: ['-c1', '-n20', '--filename={rules}', '--host=web', '--object=TrafficSplit/shop/{{{{ args.object }}}}']
  lost:
    urls: ['{url}']
    wait: 100s
    options: ['-c1', '-n20', '--filename={rules}.gone', '--object=TrafficSplit/shop/{{{{ args.object }}}}']
  nameless:
    urls: ['{nameless}']
    wait: 100s
    options: ['-c1', '-n{{{{ args.n }}}}', '--expect=v1=90,v2=10']
",
        url = mesh.url("/"),
        nameless = nameless.url("/"),
    );
    let serving = Serving::start(&checks, &[]);
    for (query, said) in [
        ("typed?n=20&rate=50&stable=90&weight=abc", "abc"),
        ("typed?n=20&rate=50&stable=0&weight=0", "weight"),
        (
            "typed?n=0&rate=50&stable=90&weight=10",
            "--requests cannot be 0",
        ),
        ("typed?n=many&rate=50&stable=90&weight=10", "many"),
        ("typed?n=20&rate=0&stable=90&weight=10", "--rate"),
        ("typed?n=20&rate=50&stable=90", "does not say `weight`"),
        ("typed?n=20&rate=50&stable=90&weight=%ff", "UTF-8"),
        ("mapped?target=v3", "v3"),
        ("object?object=other", "other"),
    ] {
        let flagger = serving.call("POST", &format!("/flagger/{query}"), "", "{}");
        let argo = serving.get(&format!("/argo/{query}"));
        assert_eq!(
            (flagger.status, argo.status),
            (400, 400),
            "{query}: {flagger:?}"
        );
        assert!(flagger.body.contains(said), "{query}: {flagger:?}");
        assert_eq!(argo.json()["result"], "error", "{query}");
    }
    assert_eq!(mesh.served(), 0);
    for query in ["lost?object=web", "nameless?n=20"] {
        let answer = serving.call("POST", &format!("/flagger/{query}"), "", "{}");
        assert!(answer.status >= 500, "{query}: {answer:?}");
    }
    let taken = serving.get("/argo/mapped?target=v1");
    assert_eq!(taken.status, 200, "{taken:?}");
    let object = serving.call("POST", "/flagger/object?object=web", "", "{}");
    assert!([200, 425].contains(&object.status), "{object:?}");
    serving.ends().exits(0);
}

#[test]
fn what_an_inconclusive_check_counts_as_is_up_to_its_options() {
    let mesh = Mesh::honest();
    for (counts, flagger, argo) in [("pass", 200, "pass"), ("fail", 409, "fail")] {
        let option = format!("--inconclusive={counts}");
        let serving = Serving::start(
            &one_check(&mesh, &["--expect=v1=90,v2=10", "-n20", &option]),
            &[],
        );
        let answer = serving.flagger("web", &json!({}));
        assert_eq!(answer.status, flagger, "{answer:?}");
        assert!(answer.body.starts_with("inconclusive: "), "{answer:?}");
        assert_eq!(serving.get("/argo/web").json()["result"], argo);
        serving.ends().exits(0);
    }
}

#[test]
fn a_verdict_that_comes_too_late_is_there_for_whoever_asks_again() {
    let gate = Gate::after(0);
    let mesh = Mesh::split([("v1", 1)]).behind(&gate).start();
    let checks = one_check(&mesh, &["--expect=v1=100", "-n50"]).replace("100s", "300ms");
    let serving = Serving::start(&checks, &[]);
    for path in ["/flagger/web", "/argo/web"] {
        let late = serving.call("POST", path, "", "{}");
        assert_eq!(late.status, 503, "{late:?}");
        assert!(late.head.contains("\r\nretry-after: 5"), "{late:?}");
        assert!(
            late.body.contains("no verdict after 0.3s; ask again"),
            "{late:?}"
        );
    }
    gate.open();
    wait_until("the check has ended", || {
        serving
            .get("/metrics")
            .body
            .contains("resplit_checks_running 0\n")
    });
    let found = serving.flagger("web", &json!({}));
    assert_eq!(found.status, 200, "{found:?}");
    // Both asked for the same run, and this one found it.
    assert_eq!(mesh.served(), 50);
    serving.ends().exits(0);
}

#[test]
fn a_check_that_takes_too_long_is_ended() {
    let gate = Gate::after(0);
    let mesh = Mesh::split([("v1", 1)]).behind(&gate).start();
    let checks =
        one_check(&mesh, &["-n5", "-t5m"]).replace("wait: 100s", "wait: 100s\n    limit: 1s");
    let serving = Serving::start(&checks, &[]);
    let ended = serving.flagger("web", &json!({}));
    assert_eq!(ended.status, 500, "{ended:?}");
    assert!(ended.body.contains("longer than its limit"), "{ended:?}");
    gate.open();
    serving.ends().exits(0);
}

#[test]
fn reports_and_metrics_are_read_and_only_the_latest_are_kept() {
    let mesh = Mesh::honest();
    let serving = Serving::start(&one_check(&mesh, &["-n{{ args.n }}"]), &["--reports", "2"]);
    let mut reports = Vec::new();
    for n in ["5", "6", "7"] {
        let answer = serving.get(&format!("/argo/web?n={n}"));
        let report = answer.json()["report"]
            .as_str()
            .expect("a report")
            .to_owned();
        assert!(
            answer.head.contains(&format!("x-resplit-report: {report}")),
            "{answer:?}"
        );
        reports.push(report);
    }
    assert_eq!(serving.get(&reports[0]).status, 404);
    let html = serving.get(&reports[2]);
    assert!(
        html.head.contains("content-type: text/html") && html.body.contains("<html"),
        "{html:?}"
    );
    let report = serving.get(&format!("{}.json", reports[1])).json();
    assert_eq!(
        (&report["schema"], &report["observation"]["sent"]),
        (&"resplit.report/1".into(), &6.into())
    );
    let metrics = serving.get("/metrics");
    assert!(
        metrics.head.contains("application/openmetrics-text"),
        "{metrics:?}"
    );
    for line in [
        "resplit_checks_running 0",
        "resplit_checks_total{check=\"web\",outcome=\"not-judged\"} 3",
        "# EOF",
    ] {
        assert!(
            metrics.body.lines().any(|own| own == line),
            "{line}: {metrics:?}"
        );
    }
    for (path, status) in [
        ("/healthz", 200),
        ("/readyz", 200),
        ("/", 404),
        ("/reports/no", 404),
        ("/metrics/x", 405),
    ] {
        assert_eq!(serving.get(path).status, status, "{path}");
    }
    serving.ends().exits(0);
}

#[test]
fn a_token_is_asked_for_and_no_secret_comes_out() {
    let folder = tempfile::tempdir().expect("a folder");
    let token = file(&folder, "token", "s3cret-token\n");
    let mesh = Mesh::honest();
    let checks = one_check(
        &mesh,
        &[
            "-n5",
            "-auser:passw0rd",
            "-Hauthorization: Bearer t0psecret",
        ],
    );
    let serving = Serving::start(&checks, &["--token-file", token.to_str().expect("a path")]);
    for path in ["/argo/web", "/metrics", "/reports/web-1", "/nowhere"] {
        let refused = serving.get(path);
        assert_eq!(refused.status, 401, "{path}: {refused:?}");
        assert!(
            refused.head.contains("www-authenticate: bearer"),
            "{refused:?}"
        );
    }
    assert_eq!(
        serving
            .call("GET", "/argo/web", "authorization: Bearer other\r\n", "")
            .status,
        401
    );
    for path in ["/healthz", "/readyz"] {
        assert_eq!(serving.get(path).status, 200, "{path}");
    }
    let bearer = "authorization: Bearer s3cret-token\r\n";
    // The base64 of flagger:s3cret-token, as Go sends the userinfo of a URL.
    let basic = "authorization: Basic ZmxhZ2dlcjpzM2NyZXQtdG9rZW4=\r\n";
    let answers = [
        serving.call("GET", "/argo/web", bearer, ""),
        serving.call("POST", "/flagger/web", basic, "{}"),
        serving.call("GET", "/reports/web-1", bearer, ""),
        serving.call("GET", "/reports/web-1.json", bearer, ""),
        serving.call("GET", "/metrics", bearer, ""),
    ];
    let said = serving.ends().exits(0).stderr;
    for answer in &answers {
        assert_eq!(answer.status, 200, "{answer:?}");
    }
    let texts = answers
        .iter()
        .flat_map(|answer| [&answer.head, &answer.body])
        .chain([&said]);
    for text in texts {
        for secret in ["s3cret", "passw0rd", "t0psecret", "dXNlcjpwYXNzdzByZA"] {
            assert!(!text.contains(secret), "{secret}: {text}");
        }
    }
}

/// So many calls at the same time, by what they answered.
fn at_once(
    addr: SocketAddr,
    calls: usize,
    path: impl Fn(usize) -> String,
) -> Vec<thread::JoinHandle<Answer>> {
    let call = |at: usize| {
        let path = path(at);
        let thread = thread::Builder::new().stack_size(256 << 10);
        thread
            .spawn(move || called(addr, "POST", &path, "", "{}"))
            .expect("a thread")
    };
    (0..calls).map(call).collect()
}

fn statuses(calls: Vec<thread::JoinHandle<Answer>>) -> BTreeMap<u16, usize> {
    let mut statuses = BTreeMap::new();
    for call in calls {
        let answer = call.join().expect("an answer");
        if answer.status == 429 {
            assert!(answer.head.contains("\r\nretry-after: 5"), "{answer:?}");
        }
        *statuses.entry(answer.status).or_insert(0) += 1;
    }
    statuses
}

#[test]
fn of_a_thousand_calls_none_is_lost_and_eight_run_at_a_time() {
    let gate = Gate::after(0);
    let mesh = Mesh::split([("v1", 1)]).behind(&gate).start();
    // A thousand calls may take longer than a request does.
    let options = ["--expect=v1=100", "-t1h", "-n{{ args.n }}"];
    let serving = Serving::start(
        &one_check(&mesh, &options),
        &["--workers", "8", "--queue", "40"],
    );
    // 48 questions, each asked about 21 times, and no more places.
    let asked = at_once(serving.addr, 1000, |at| {
        format!("/flagger/web?n={}", 1 + at % 48)
    });
    wait_until("eight run, one request each", || mesh.served() == 8);
    wait_until("all have asked", || {
        serving
            .get("/metrics")
            .body
            .contains("resplit_calls_total 1000\n")
    });
    let metrics = serving.get("/metrics").body;
    assert!(
        metrics.contains("resplit_checks_running 8\n")
            && metrics.contains("resplit_checks_queued 40\n"),
        "{metrics}"
    );
    let more = statuses(at_once(serving.addr, 1000, |at| {
        format!("/flagger/web?n={}", 100 + at)
    }));
    assert_eq!(more, [(429, 1000)].into());
    assert_eq!(mesh.served(), 8);
    gate.open();
    let asked: usize = statuses(asked).values().sum();
    assert_eq!(asked, 1000);
    let metrics = serving.get("/metrics").body;
    assert!(
        metrics.contains("resplit_calls_refused_total 1000\n"),
        "{metrics}"
    );
    assert_eq!(mesh.served(), (1..=48).sum::<u64>());
    serving.ends().exits(0);
}

#[test]
fn sigterm_answers_whoever_waits_and_takes_nobody_else() {
    let gate = Gate::after(0);
    let mesh = Mesh::split([("v1", 1)]).behind(&gate).start();
    let mut serving = Serving::start(&one_check(&mesh, &["-n{{ args.n }}"]), &["--workers", "1"]);
    let addr = serving.addr;
    // A connection that is kept open, as kubelet and Prometheus do.
    let idle = TcpStream::connect(addr).expect("it listens");
    let asked = at_once(addr, 3, |at| format!("/flagger/web?n={}", at + 1));
    wait_until("all have asked", || {
        serving
            .get("/metrics")
            .body
            .contains("resplit_checks_queued 2\n")
    });
    serving.running.signal("TERM");
    wait_until("nobody else is taken", || TcpStream::connect(addr).is_err());
    gate.open();
    assert_eq!(statuses(asked), [(200, 3)].into());
    serving.running.finish().exits(0);
    drop(idle);
    assert_eq!(mesh.served(), 6);
}

#[test]
fn a_file_that_makes_no_sense_is_refused_with_its_reason() {
    let folder = tempfile::tempdir().expect("a folder");
    let check = |text: &str| format!("checks:\n  web:\n    urls: [\"http://web/\"]\n    {text}\n");
    for (text, reason) in [
        (String::new(), "checks"),
        ("checks: {}\n".to_owned(), "it has no checks"),
        ("checks:\n  web: {}\n".to_owned(), "urls"),
        (
            "checks:\n  web: { urls: [] }\n".to_owned(),
            "it has no urls",
        ),
        (
            "checks:\n  a/b: { urls: [\"http://a/\"] }\n".to_owned(),
            "its name",
        ),
        (check("option: []"), "option"),
        (check("options: [\"-n0\"]"), "--requests cannot be 0"),
        (check("options: [\"--requets=5\"]"), "--requets"),
        (check("options: [\"http://other/\"]"), "unexpected argument"),
        (
            check("options: [\"--report=json=x\"]"),
            "a check cannot have --report",
        ),
        (
            check("options: [\"-ojson\"]"),
            "a check cannot have --output",
        ),
        (
            check("options: [\"--quit-proxy\"]"),
            "a check cannot have --quit-proxy",
        ),
        (check("options: [\"-n{{ weight }}\"]"), "{{ args.NAME }}"),
        (check("wait: soon"), "`soon` is not a time"),
        (check("limit: 0s"), "`0s` is not a time"),
    ] {
        let path = file(&folder, "checks.yaml", &text);
        let ended = run(&[
            "serve",
            "-f",
            path.to_str().expect("a path"),
            "--listen",
            "127.0.0.1:0",
        ]);
        ended.refused(&text);
        assert!(ended.stderr.contains(reason), "{text}: {}", ended.stderr);
    }
    let path = file(&folder, "checks.yaml", &check("wait: 5s"));
    let path = path.to_str().expect("a path");
    for options in [
        ["--workers", "0"],
        ["--queue", "0"],
        ["--token-file", "/nowhere"],
        ["--listen", "nowhere"],
    ] {
        run(&[&["serve", "-f", path][..], &options].concat()).refused(options[0]);
    }
    let empty = file(&folder, "token", "\n");
    run(&[
        "serve",
        "-f",
        path,
        "--token-file",
        empty.to_str().expect("a path"),
    ])
    .refused("an empty token");
    let taken = std::net::TcpListener::bind("127.0.0.1:0").expect("a port");
    let taken = taken.local_addr().expect("an address").to_string();
    run(&["serve", "-f", path, "--listen", &taken]).refused("a port that is taken");
}
