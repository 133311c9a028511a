//! What fingers type that know other tools: it works, or the answer says what it is called here. Finding numbers are those
//! of a first use of resplit.

use std::fs;

use crate::support::cmd::{Outcome, run, run_json};
use crate::support::hostile::Refusing;
use crate::support::mesh::Mesh;

/// Refused before anything is sent, with these words.
#[track_caller]
fn answers(args: &[&str], words: &[&str]) -> Outcome {
    let outcome = run(args);
    outcome.refused(&format!("{args:?}"));
    for word in words {
        assert!(outcome.stderr.contains(word), "{word}: {outcome:#?}");
    }
    outcome
}

/// Finding 6: single dashes of hey, fortio, curl and wrk sent something else in silence.
#[test]
fn long_names_with_one_dash_are_refused_with_the_right_spelling() {
    let server = Refusing::start();
    let url = server.url("/");
    for (flag, words) in [
        (
            "-disable-keepalive",
            "hey's -disable-keepalive is --disable-keepalive here",
        ),
        ("-disable-compression", "accept-encoding: gzip"),
        ("-disable-redirects", "follows no redirects"),
        ("-more", "hey's -more is -v here"),
        ("-h2", "--http2 here"),
        ("-host=a", "hey's -host is --host here"),
        ("-cpus", "--threads"),
        ("-qps", "fortio's -qps is -q here"),
        ("-keepalive=false", "--disable-keepalive"),
        ("-fsS", "curl's -fsS is --quiet here"),
        ("-fsSL", "curl's -fsS"),
        ("-d2s", "wrk's -d 2s is -z 2s here"),
        ("-d500ms", "-z 500ms"),
        ("-d1.5m", "-z 1.5m"),
        ("-timeout", "long options have two: --timeout"),
        ("-header=x: y", "--header=x: y"),
        ("-max-duration", "--max-duration"),
    ] {
        answers(&[flag, &url], &[words, "help: "]);
        answers(&["run", flag, &url], &[words]);
    }
    answers(&["-d", "30s", &url], &["-z 30s", "--data 30s"]);
    // What is spelt out is sent.
    let mesh = Mesh::honest();
    run(&["-n", "10", "--data", "2s", &mesh.url("/")]).exits(0);
    run(&["-n", "10", "-dx", "-c1", "-XPUT", &mesh.url("/")]).exits(0);
    assert_eq!(mesh.served(), 20);
}

/// Finding 9.
#[test]
fn a_command_with_a_typo_is_known_by_its_name() {
    for (typed, meant) in [
        ("expalin", "resplit explain"),
        ("lnt", "resplit lint"),
        ("raport", "resplit report"),
        ("completion", "resplit completions"),
        ("expl", "resplit explain"),
        ("version", "resplit --version"),
        ("analyze", "resplit lint"),
        ("demos", "resplit demo"),
    ] {
        let words = [
            format!("`{typed}` is not a command"),
            format!("did you mean `{meant}`?"),
        ];
        answers(
            &[typed, "-f", "x", "http://weather/"],
            &[&words[0], &words[1]],
        );
    }
    answers(
        &["weather"],
        &["neither a URL nor a command", "http://weather"],
    );
}

/// Finding 9.
#[test]
fn options_may_stand_before_the_command() {
    let rules = "examples/reviews/canary.yaml";
    let url = "http://reviews:9080/";
    let plain = run(&["explain", "-f", rules, url]).exits(0).stdout;
    for args in [
        ["-f", rules, "explain", url],
        ["--filename", rules, "explain", url],
        ["--quiet", "explain", "-f", rules],
    ] {
        let args = if args.contains(&url) {
            args.to_vec()
        } else {
            [&args[..], &[url]].concat()
        };
        assert_eq!(run(&args).exits(0).stdout, plain, "{args:?}");
    }
    assert_eq!(
        run(&["-o", "json", "size", "--expect", "v1=90,v2=10"])
            .exits(0)
            .stdout,
        run(&["size", "-o", "json", "--expect", "v1=90,v2=10"])
            .exits(0)
            .stdout
    );
    // A value that is called like a command is a value.
    answers(
        &["-f", "explain", "http://weather/"],
        &["cannot read `explain`"],
    );
}

/// Finding 9 and the table of flags.
#[test]
fn flags_of_other_tools_are_translated() {
    let url = "http://weather/";
    for (args, words) in [
        (&["--no-tui"][..], "oha's --no-tui is --no-progress here"),
        (
            &["--json"],
            "oha's --json is -o json here; curl's --json is -d BODY -T application/json here",
        ),
        (&["-j"], "-o json"),
        (&["-R200"], "wrk2's -R is -q here"),
        (&["--latency"], "always shows percentiles"),
        (&["-L"], "curl's -L has no counterpart"),
        (&["-s"], "curl's -s is --quiet here"),
        (&["--max-time", "5"], "curl's --max-time is -t here"),
        (&["--http2-prior-knowledge"], "--h2c"),
        (&["-u", "me:secret"], "-a USER:PASSWORD"),
        (&["--compressed"], "accept-encoding: gzip"),
        (&["--vus", "10"], "k6's --vus is -c here"),
        (&["--iterations=5"], "k6's --iterations is -n here"),
        (
            &["--namespace", "shop"],
            "kubectl's --namespace is --from-namespace here",
        ),
        (&["-l", "app=web"], "--from-labels"),
        (&["-w"], "oha's -w"),
    ] {
        answers(&[args, &[url]].concat(), &[words]);
    }
    for command in ["explain", "lint"] {
        answers(
            &[command, "-n", "shop", "-f", "examples/weather/fixed", url],
            &["kubectl's -n is --from-namespace here"],
        );
    }
    answers(&["-n", "shop", url], &["--from-namespace shop"]);
    assert!(!run(&["-u", "me:secret", url]).stderr.contains("secret"));
}

/// Finding 9: an option with a typo led to another one, or to one that is hidden.
#[test]
fn options_with_a_typo_are_known_by_their_names() {
    let url = "http://weather/";
    for (typed, meant) in [
        ("--requets", "did you mean --requests?"),
        ("--expct", "did you mean --expect?"),
        ("--no-progres", "did you mean --no-progress?"),
        ("--toleranse", "did you mean --tolerance?"),
    ] {
        answers(&[typed, "5", url], &[typed, meant]);
    }
    answers(
        &["lint", "--expect", "a=1", "x"],
        &["`resplit run`", "`resplit size`"],
    );
    answers(&["--all-rules", url], &["--filename <FILE>"]);
    let outcome = answers(
        &["--frobnicate", url],
        &["`resplit --help` explains every option"],
    );
    assert!(!outcome.stderr.contains("did you mean"), "{outcome:#?}");
}

/// Finding 17.
#[test]
fn weights_that_almost_add_up_to_a_hundred_are_noted() {
    let mesh = Mesh::honest();
    let url = mesh.url("/version");
    let noted = |expect: &str| {
        let report = run_json(&["-n", "200", "--expect", expect, &url]).report();
        let caveats = report.0["verdict"]["caveats"]
            .as_array()
            .cloned()
            .unwrap_or_default();
        let found = caveats.iter().find(|caveat| caveat["id"] == "expect-sum");
        found.map(|caveat| caveat["message"].as_str().unwrap_or_default().to_owned())
    };
    let said = noted("v1=90,v2=20").expect("a note");
    assert_eq!(
        said,
        "the weights of --expect add up to 110: `v1` counts as 81.82%, `v2` counts as 18.18%"
    );
    assert!(noted("v1=80").is_some());
    for ratio in ["v1=9,v2=1", "v1=1,v2=1", "v1=90,v2=10", "v1=0.9,v2=0.1"] {
        assert_eq!(noted(ratio), None, "{ratio}");
    }
    let plan = run(&["size", "--expect", "v1=90,v2=20"]).exits(0).stdout;
    assert!(plan.contains("add up to 110"), "{plan}");
}

/// Finding 18.
#[test]
fn a_host_with_its_port_is_a_url() {
    let mesh = Mesh::honest();
    let url = mesh.url("/version");
    let bare = url.strip_prefix("http://").expect("plain HTTP");
    let report = run_json(&["-n", "20", bare]).exits(0).report();
    assert_eq!(report.0["target"]["url"], url.as_str());
    assert_eq!(mesh.served(), 20);
    let rules = "examples/reviews/canary.yaml";
    assert_eq!(
        run(&["explain", "-f", rules, "reviews:9080/"])
            .exits(0)
            .stdout,
        run(&["explain", "-f", rules, "http://reviews:9080/"])
            .exits(0)
            .stdout
    );
}

/// Finding 19.
#[test]
fn lint_takes_folders_and_size_takes_a_split() {
    let named = run(&["lint", "-f", "examples/weather/fixed"])
        .exits(0)
        .stdout;
    assert_eq!(
        run(&["lint", "examples/weather/fixed"]).exits(0).stdout,
        named
    );
    let request = "http://weather-backend:5000/version";
    let asked = run(&["lint", "-f", "examples/weather/fixed", request])
        .exits(0)
        .stdout;
    for args in [
        ["lint", "examples/weather/fixed", request],
        ["lint", request, "examples/weather/fixed"],
        [
            "lint",
            "examples/weather/fixed",
            "weather-backend:5000/version",
        ],
    ] {
        assert_eq!(run(&args).exits(0).stdout, asked, "{args:?}");
    }
    answers(
        &["lint", "no/such/folder"],
        &["cannot read `no/such/folder`"],
    );
    answers(&["lint", request], &["no manifests are given"]);
    let plan = run(&["size", "--expect", "v1=90,v2=10"]).exits(0).stdout;
    assert_eq!(run(&["size", "v1=90,v2=10"]).exits(0).stdout, plan);
    assert_eq!(run(&["size", "v1=90", "v2=10"]).exits(0).stdout, plan);
}

/// Finding 20.
#[test]
fn completions_know_scenarios_formats_kinds_of_buckets_and_rules() {
    let options = ["header", "json=", "html=", "RS001", "unknown_subset"];
    // For fish, clap completes options only.
    for (shell, scenarios) in [("bash", true), ("zsh", true), ("fish", false)] {
        let script = run(&["completions", shell]).exits(0).stdout;
        let scenarios = ["healthy", "broken"].iter().filter(|_| scenarios);
        for word in options.iter().chain(scenarios) {
            assert!(script.contains(word), "{shell}: {word}");
        }
    }
    // What is completed is no limit on what may be typed.
    let folder = tempfile::tempdir().expect("a folder");
    let file = folder.path().join("run.json");
    let mesh = Mesh::honest();
    let report = format!("json={}", file.display());
    run(&[
        "-n",
        "10",
        "--bucket",
        "status",
        "--report",
        &report,
        &mesh.url("/"),
    ])
    .exits(0);
    assert!(fs::metadata(&file).is_ok());
}

/// The table of flags: what looked right and sent something else, and what lacked an answer.
#[test]
fn every_flag_that_fingers_type_has_an_answer() {
    let server = Refusing::start();
    let url = server.url("/");
    for (args, words) in [
        (&["-A", "my-agent"][..], "-H 'user-agent: my-agent'"),
        (
            &["-A", "Mozilla/5.0 (X11)"],
            "-H 'user-agent: Mozilla/5.0 (X11)'",
        ),
        (&["-i"], "curl's -i is --debug here"),
        (&["-I"], "curl's -I is -m HEAD here"),
        (&["-b", "a=b"], "-H 'cookie: NAME=VALUE'"),
        (&["-G"], "write the query into the URL"),
        (&["--retry", "3"], "--settle"),
        (&["--data-binary", "x"], "curl's --data-binary is -d here"),
        (&["--http1.1"], "HTTP/1.1 is the default"),
        (&["-U", "ua"], "-H 'user-agent: NAME'"),
        (&["--output-format", "json"], "-o FORMAT"),
        (&["-r"], "follows no redirects"),
        (&["--redirect"], "follows no redirects"),
        (&["--latency-correction"], "from the intended start"),
        (&["--burst-rate", "4"], "--arrival poisson"),
        (&["--db-url", "x"], "oha's --db-url is --log FILE here"),
        (
            &["--out", "x"],
            "k6's --out is --log FILE here for each request",
        ),
        (&["--summary-trend-stats", "p95"], "--percentiles"),
        (&["-labels", "x"], "--label KEY=VALUE"),
        (&["-access-log-file", "x"], "--log FILE"),
        (&["-p", "2"], "--h2c"),
        (&["-z", "10s", "-n", "200"], "cannot be used with"),
        (&["-n", "1e3"], "write 1000, 10k"),
        (&["-q", "600rps"], "write 100, 20k"),
        (&["-q", "600/min"], "90/m"),
        (&["--tolerance", "2"], "write 2% or 0.02"),
    ] {
        answers(&[args, &[&url]].concat(), &[words]);
    }
    // What is right here and there is sent.
    let mesh = Mesh::honest();
    for args in [
        &["-A", "text/html, application/json;q=0.9, */*;q=0.1"][..],
        &["-A", "application/vnd.api+json"],
        &["--accept", "x-world/x-vrml"],
        &["--request", "PUT"],
        &["--header", "a: b"],
        &["--concurrency", "2"],
        &["--qps", "100"],
        &["-n", "1_000"],
        &["-q", "1000/s"],
    ] {
        run(&[
            args,
            &["-n", "5", &mesh.url("/")][usize::from(args[0] == "-n") * 2..],
        ]
        .concat())
        .exits(0);
    }
    // hey's rate is one for each worker: the heading says whose it is here.
    let said = run(&["-q", "500", "-c", "50", "-n", "20", &mesh.url("/")])
        .exits(0)
        .stdout;
    assert!(said.contains("starts at 500/s, at most "), "{said}");
}
