//! Every protocol a mesh speaks, against real servers and proxies: Envoy, nginx, tinyproxy, grpcio.

use crate::support::cmd::{Report, run_json};
use crate::support::envoy::Envoy;
use crate::support::grpc::Grpc;
use crate::support::mesh::Mesh;
use crate::support::nginx::Nginx;
use crate::support::tinyproxy::Tinyproxy;

/// Runs twenty requests, all of which must be answered alike; what was in the header that tells answers apart.
#[track_caller]
fn all_say(header: &str, args: &[&str]) -> String {
    let bucket = format!("header:{header}");
    let args = [&["-n", "20", "-c", "4", "--bucket", &bucket], args].concat();
    let report = run_json(&args).exits(0).report();
    assert_eq!(
        report.number("/observation/answered"),
        20,
        "{args:?}: {:#}",
        report.0
    );
    assert_eq!(report.buckets().len(), 1, "{args:?}: {:#}", report.0);
    statuses(&report, "200");
    report.text("/observation/buckets/0/bucket").to_owned()
}

#[track_caller]
fn statuses(report: &Report, status: &str) {
    let statuses = &report.0["observation"]["buckets"][0]["statuses"];
    assert!(statuses[status].is_u64(), "{:#}", report.0);
}

#[test]
fn http2_without_tls_goes_through_a_real_envoy() {
    let split = Envoy::split(&[("single", 90), ("multiple", 10)]).start();
    let url = split.url("/version");
    let expect = ["--expect", "single=90,multiple=10"];
    // One thread, which begins with all connections: a second one might come when everything has been sent.
    let how = [
        "--h2c",
        "-c",
        "4",
        "-p",
        "8",
        "-n",
        "2000",
        "--threads",
        "1",
        &url,
    ];
    let report = run_json(&[&expect[..], &how].concat()).report();
    assert_eq!(
        report.number("/observation/answered"),
        2000,
        "{:#}",
        report.0
    );
    assert_eq!(
        report.number("/observation/connections"),
        4,
        "{:#}",
        report.0
    );
    let served = ["single", "multiple"].map(|subset| split.hits(subset));
    assert_eq!([report.count("single"), report.count("multiple")], served);
    let stats = split
        .envoy()
        .admin("/stats?format=json&filter=downstream_cx_http2_total");
    assert!(stats.to_string().contains("\"value\":4"), "{stats}");
}

#[test]
fn http2_within_tls_is_agreed_on_by_alpn() {
    let nginx = Nginx::start();
    let trust = ["--cacert", &nginx.file("server.pem")];
    let url = nginx.tls("/");
    let with = |more: &[&str]| all_say("x-protocol", &[&trust[..], more].concat());
    assert_eq!(with(&[&url]), "HTTP/1.1");
    assert_eq!(with(&["--http2", &url]), "HTTP/2.0");
    assert_eq!(with(&["--http2", "-p", "5", &url]), "HTTP/2.0");
    // This one speaks HTTP/1.1 alone.
    let only = nginx.mutual("/");
    let report = run_json(&["-n", "3", "-k", "--http2", &only])
        .exits(4)
        .report();
    assert_eq!(report.failures("tls"), 3, "{:#}", report.0);
}

#[test]
fn a_client_certificate_is_shown_where_one_is_asked_for() {
    let nginx = Nginx::start();
    let trust = ["--cacert", &nginx.file("server.pem")];
    let url = nginx.mutual("/");
    let shown = [
        "--cert",
        &nginx.file("client.pem"),
        "--key",
        &nginx.file("client.key"),
        &url,
    ];
    assert_eq!(all_say("x-version", &[&trust[..], &shown].concat()), "v1");
    let report = run_json(&[&trust[..], &["-n", "4", &url]].concat())
        .exits(0)
        .report();
    statuses(&report, "400");
    // The key of somebody else.
    let wrong = [
        "--cert",
        &nginx.file("client.pem"),
        "--key",
        &nginx.file("server.key"),
        &url,
    ];
    let outcome = run_json(&[&trust[..], &wrong].concat());
    outcome.refused("a key that does not belong to the certificate");
}

#[test]
fn goaway_and_connection_close_lose_no_request() {
    let nginx = Nginx::start();
    // It ends every connection after 50 requests.
    let (plain, tls) = (nginx.plain("/"), nginx.tls("/"));
    for how in [
        &[&*plain][..],
        &["-k", &*tls],
        &["-k", "--http2", &*tls],
        &["-k", "--http2", "-p", "8", &*tls],
    ] {
        let args = [&["-n", "1000", "-c", "2"], how].concat();
        let report = run_json(&args).exits(0).report();
        let said = format!("{how:?}: {:#}", report.0);
        assert_eq!(report.number("/observation/answered"), 1000, "{said}");
        assert_eq!(report.number("/observation/failed"), 0, "{said}");
        assert!(report.number("/observation/connections") >= 20, "{said}");
    }
}

#[test]
fn reuse_limits_the_requests_of_an_http2_connection() {
    let nginx = Nginx::start();
    let url = nginx.tls("/");
    let args = [
        "-k", "--http2", "-p", "4", "-c", "1", "--reuse", "10", "-n", "100", &url,
    ];
    let report = run_json(&args).exits(0).report();
    assert_eq!(
        report.number("/observation/answered"),
        100,
        "{:#}",
        report.0
    );
    assert_eq!(
        report.number("/observation/connections"),
        10,
        "{:#}",
        report.0
    );
}

#[test]
fn a_unix_socket_stands_for_the_host() {
    let nginx = Nginx::start();
    let socket = nginx.file("socket");
    let to = ["--unix-socket", &socket, "http://weather:5000/"];
    assert_eq!(all_say("x-host", &to), "weather:5000");
    let peer = run_json(&[&["-n", "1", "--bucket", "peer"][..], &to].concat())
        .exits(0)
        .report();
    assert_eq!(peer.text("/observation/buckets/0/bucket"), socket);
    let absent = [
        "-n",
        "2",
        "--unix-socket",
        "/nowhere/socket",
        "http://weather/",
    ];
    let report = run_json(&absent).exits(4).report();
    assert_eq!(report.failures("connect"), 2, "{:#}", report.0);
}

#[test]
fn ipv6_and_ipv4_are_chosen_by_address_or_by_option() {
    let nginx = Nginx::start();
    let (port, url) = (nginx.port(), nginx.plain("/"));
    let peer = |args: &[&str]| {
        let report = run_json(&[&["-n", "1", "--bucket", "peer"], args].concat());
        report
            .exits(0)
            .report()
            .text("/observation/buckets/0/bucket")
            .to_owned()
    };
    let six = format!("http://[::1]:{port}/");
    assert_eq!(peer(&[&six]), format!("[::1]:{port}"));
    assert_eq!(peer(&["-4", &url]), format!("127.0.0.1:{port}"));
    let resolve = format!("both.test:{port}:[::1],127.0.0.1");
    let both = format!("http://both.test:{port}/");
    for (family, expected) in [
        ("-6", format!("[::1]:{port}")),
        ("-4", format!("127.0.0.1:{port}")),
    ] {
        assert_eq!(peer(&[family, "--resolve", &resolve, &both]), expected);
    }
    // Connections begin with one address after the other.
    let args = [
        "-n",
        "10",
        "--reuse",
        "1",
        "--bucket",
        "peer",
        "--resolve",
        &resolve,
        &both,
    ];
    let report = run_json(&args).exits(0).report();
    assert_eq!(report.buckets().len(), 2, "{:#}", report.0);
    let none = run_json(&["-n", "3", "-6", &format!("http://127.0.0.1:{port}/")])
        .exits(4)
        .report();
    assert_eq!(none.failures("dns"), 1, "{:#}", none.0);
}

#[test]
fn other_addresses_change_neither_host_nor_certificate() {
    let nginx = Nginx::start();
    let (port, tls) = (nginx.port(), nginx.tls_port());
    let resolve = format!("weather.test:{port}:127.0.0.1");
    let url = format!("http://weather.test:{port}/");
    assert_eq!(
        all_say("x-host", &["--resolve", &resolve, &url]),
        format!("weather.test:{port}")
    );
    let trust = nginx.file("server.pem");
    let connect_to = format!("localhost:443:127.0.0.1:{tls}");
    let args = [
        "--cacert",
        &trust,
        "--connect-to",
        &connect_to,
        "https://localhost/",
    ];
    assert_eq!(all_say("x-sni", &args), "localhost");
    assert_eq!(all_say("x-host", &args), "localhost");
    // The host of the header is not the name in the certificate.
    let hosted = [&args[..], &["--host", "weather.test"]].concat();
    assert_eq!(all_say("x-sni", &hosted), "localhost");
    assert_eq!(all_say("x-host", &hosted), "weather.test");
    let http2 = [&hosted[..], &["--http2"]].concat();
    assert_eq!(all_say("x-host", &http2), "weather.test");
}

#[test]
fn a_proxy_is_asked_by_url_and_tunnels_what_is_encrypted() {
    let (nginx, proxy) = (Nginx::start(), Tinyproxy::start(None));
    let at = proxy.addr().to_string();
    let trust = nginx.file("server.pem");
    let via = ["-x", &at, "--cacert", &trust];
    let (plain, tls) = (nginx.plain("/"), nginx.tls("/"));
    // This proxy closes connections after an answer, and does not say so.
    let once = ["-x", &at, "--disable-keepalive", &plain];
    assert_eq!(all_say("x-version", &once), "v1");
    assert_eq!(all_say("x-sni", &[&via[..], &[&tls]].concat()), "localhost");
    assert_eq!(
        all_say("x-protocol", &[&via[..], &["--http2", &tls]].concat()),
        "HTTP/2.0"
    );
    // Where it leads elsewhere, the host is the one of the URL all the same.
    let elsewhere = format!("weather.test:80:localhost:{}", nginx.port());
    let led = [
        "-x",
        &at,
        "--connect-to",
        &elsewhere,
        "http://weather.test/",
    ];
    assert_eq!(all_say("x-host", &led), "weather.test");
    let log = proxy.log();
    for line in [
        format!("GET {plain}"),
        format!("CONNECT localhost:{}", nginx.port()),
        format!("CONNECT localhost:{}", nginx.tls_port()),
    ] {
        assert!(log.contains(&line), "{line}: {log}");
    }
    // A proxy that is not there, and a target that the proxy cannot reach.
    let outcome = run_json(&["-n", "2", "-x", "127.0.0.1:1", &plain]).exits(4);
    let gone = outcome.report();
    assert_eq!(gone.failures("connect"), 2, "{:#}", gone.0);
    let failures = gone.0["observation"]["failures"].to_string();
    assert!(failures.contains("the proxy `127.0.0.1:1`: "), "{failures}");
    outcome.advises("in -x");
    let dead = run_json(&["-n", "2", "-k", "-x", &at, "https://127.0.0.1:1/"])
        .exits(4)
        .report();
    assert_eq!(dead.failures("connect"), 2, "{:#}", dead.0);
}

#[test]
fn a_proxy_may_want_to_know_who_asks() {
    let (nginx, proxy) = (Nginx::start(), Tinyproxy::start(Some(("me", "secret"))));
    let known = format!("http://me:secret@{}", proxy.addr());
    let (plain, tls) = (nginx.plain("/"), nginx.tls("/"));
    let once = ["-x", &known, "--disable-keepalive", &plain];
    assert_eq!(all_say("x-version", &once), "v1");
    assert_eq!(all_say("x-version", &["-k", "-x", &known, &tls]), "v1");
    let stranger = proxy.addr().to_string();
    let outcome = run_json(&["-n", "2", "-k", "-x", &stranger, &tls]).exits(4);
    let report = outcome.report();
    assert_eq!(report.failures("connect"), 2, "{:#}", report.0);
    let example = report.0["observation"]["failures"].to_string();
    assert!(example.contains("407"), "{example}");
    outcome.advises("USER:PASSWORD@");
}

#[test]
fn a_compressed_answer_is_counted_by_what_it_says() {
    let nginx = Nginx::start();
    let url = nginx.plain("/zipped");
    let zipped = [
        "-n",
        "8",
        "-c",
        "2",
        "-H",
        "accept-encoding: gzip",
        "--bucket",
        r"regex:^(v\d)",
        &url,
    ];
    let report = run_json(&zipped).exits(0).report();
    assert_eq!(
        report.text("/observation/buckets/0/bucket"),
        "v1",
        "{:#}",
        report.0
    );
    assert_eq!(report.number("/observation/buckets/0/count"), 8);
    let coding = all_say("content-encoding", &["-H", "accept-encoding: gzip", &url]);
    assert_eq!(coding, "gzip");
}

#[test]
fn a_grpc_call_is_counted_by_its_message_and_judged_by_its_status() {
    let server = Grpc::start();
    let url = server.url();
    let call = ["--grpc", "weather.Weather/Get", "-d", "hello", &url];
    assert_eq!(all_say("x-version", &call), "v1");
    // What comes behind the message counts as well.
    assert_eq!(all_say("x-echo", &call), "hello");
    let regex = [&["-n", "5", "--bucket", r"regex:v\d"], &call[..]].concat();
    let report = run_json(&regex).exits(0).report();
    assert_eq!(report.text("/observation/buckets/0/bucket"), "v1");
    for (call, status) in [
        ("health", "200"),
        ("health:weather", "200"),
        // NOT_FOUND and UNIMPLEMENTED.
        ("health:unknown", "404"),
        ("weather.Weather/Set", "501"),
    ] {
        let report = run_json(&["-n", "4", "-c", "2", "-p", "2", "--grpc", call, &url])
            .exits(0)
            .report();
        statuses(&report, status);
    }
    // Something that speaks HTTP/2, but not gRPC.
    let nginx = Nginx::start();
    let url = nginx.tls("");
    let report = run_json(&["-n", "2", "-k", "--grpc", "health", &url])
        .exits(4)
        .report();
    assert_eq!(report.failures("malformed"), 2, "{:#}", report.0);
}

#[test]
fn phases_are_told_apart() {
    let nginx = Nginx::start();
    let report = run_json(&["-n", "20", "-c", "4", "-k", &nginx.tls("/")])
        .exits(0)
        .report();
    let phases = &report.0["observation"]["phases_ms"];
    for phase in ["dns", "connect", "tls", "first_byte", "total"] {
        assert!(phases[phase]["p50"].is_f64(), "{phase}: {phases}");
    }
    assert!(
        phases["first_byte"]["max"].as_f64() <= phases["total"]["max"].as_f64(),
        "{phases}"
    );
    let mesh = Mesh::honest();
    let plain = run_json(&["-n", "20", &mesh.url("/")]).exits(0).report();
    assert!(plain.0["observation"]["phases_ms"]["tls"].is_null());
    assert!(plain.0["observation"]["phases_ms"]["dns"].is_null());
}
