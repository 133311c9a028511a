//! What is refused: exit 2, nothing on stdout, and an error that says what to do next.

use std::fs;
use std::path::Path;

use crate::support::cmd::{Outcome, resplit, run};
use crate::support::hostile::Refusing;

#[test]
fn flags_that_cannot_be_meant_are_refused() {
    let url = Refusing::start().url("/");
    for (case, args) in [
        ("an unknown flag", &["--no-such-flag", &url][..]),
        ("no URL at all", &["-n", "10"]),
        ("a word that is no URL", &["weather"]),
        ("a scheme nobody speaks here", &["gopher://127.0.0.1/"]),
        ("no requests", &["-n", "0", &url]),
        ("no connections", &["-c", "0", &url]),
        ("a count that is none", &["-n", "many", &url]),
        ("a duration that is none", &["-z", "soon", &url]),
        ("a broken regex", &["--bucket", "regex:(", &url]),
        ("an unknown extractor", &["--bucket", "colour", &url]),
        ("an empty expectation", &["--expect", "", &url]),
        (
            "a weight that is none",
            &["--expect", "v1=ninety,v2=10", &url],
        ),
        ("weights of zero only", &["--expect", "v1=0,v2=0", &url]),
        ("a target twice", &["--expect", "v1=50,v1=50", &url]),
        (
            "a map to nobody",
            &["--expect", "v1=90,v2=10", "--map", "x=v3", &url],
        ),
        ("an unknown format", &["-o", "papyrus", &url]),
        ("a header without a colon", &["-H", "end-user", &url]),
        ("centuries", &["-t", "9300000000000000000", &url]),
        (
            "centuries at a rate",
            &["-z", "9300000000000000000", "-q", "10", &url],
        ),
        ("a body from nowhere", &["-d", "@", &url]),
        (
            "a host that HTTP/2 cannot name",
            &["--h2c", "--host", "a b", &url],
        ),
        (
            "a file that is not there",
            &["-f", "no-such-file.yaml", &url],
        ),
    ] {
        run(args).refused(case);
    }
}

#[test]
fn stdin_is_for_one_option() {
    let url = Refusing::start().url("/");
    let rules = "apiVersion: networking.istio.io/v1
kind: VirtualService
metadata: {name: web}
spec: {hosts: [web], http: [{route: [{destination: {host: web}}]}]}
";
    for args in [
        &["-f", "-", "-d", "@-", "--host", "web", &url][..],
        &[
            "-f",
            "-",
            "--cacert",
            "-",
            "--host",
            "web",
            "https://127.0.0.1:1/",
        ],
    ] {
        let output = resplit().args(args).write_stdin(rules).output();
        let outcome = Outcome::of(args, &output.expect("it runs"));
        outcome.refused("stdin twice");
        let said = "`-` stands for stdin, which can be read once";
        assert!(
            outcome.stderr.contains(said),
            "{args:?}: {}",
            outcome.stderr
        );
    }
    // The same manifests are the same, however often they are named.
    let args = ["explain", "-f", "-", "-f", "-", "http://web/"];
    resplit().args(args).write_stdin(rules).assert().success();
}

#[test]
fn a_negative_number_is_no_option() {
    let url = Refusing::start().url("/");
    for option in [
        "-q",
        "-c",
        "-t",
        "-z",
        "-n",
        "--ramp-up",
        "--connect-timeout",
    ] {
        let outcome = run(&[option, "-1", &url]);
        outcome.refused(option);
        assert!(outcome.stderr.contains("`-1` is not a"), "{outcome:#?}");
    }
}

#[test]
fn manifests_without_a_split_are_refused() {
    let url = Refusing::start().url("/");
    let rules = |weights: [&str; 2]| virtual_service("weather", weights);
    let two = [rules(["90", "10"]), virtual_service("other", ["50", "50"])].join("---\n");
    for (case, text) in [
        ("an empty file", String::new()),
        ("not YAML", "{ this: is, not: [yaml\n".to_owned()),
        ("a text", "hello\n".to_owned()),
        ("other kinds only", CONFIG_MAP.to_owned()),
        ("two that may be meant", two),
        ("a quoted weight", rules(["\"90\"", "10"])),
        ("a negative weight", rules(["-1", "10"])),
        ("a fraction of a weight", rules(["1.5", "10"])),
        ("weights of zero only", rules(["0", "0"])),
        ("an alias bomb", alias_bomb()),
    ] {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("rules.yaml");
        fs::write(&file, text).unwrap();
        run(&["-f", &shown(&file), &url]).refused(case);
    }
}

#[test]
fn a_problem_in_a_manifest_is_shown_in_its_place() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("rules.yaml");
    let text = virtual_service("weather", ["\"90\"", "10"]);
    fs::write(&file, &text).unwrap();
    let outcome = run(&["-f", &shown(&file), &Refusing::start().url("/")]);
    outcome.refused("a quoted weight");
    let line = 1 + text
        .lines()
        .position(|line| line.contains("\"90\""))
        .unwrap();
    assert!(
        outcome.stderr.contains(&format!("rules.yaml:{line}")),
        "{outcome:#?}"
    );
    assert!(outcome.stderr.contains("weight: \"90\""), "{outcome:#?}");
    assert!(outcome.stderr.contains('^'), "{outcome:#?}");
}

#[test]
fn a_folder_without_manifests_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    let url = Refusing::start().url("/");
    run(&["-f", &shown(folder.path()), &url]).refused("an empty folder");
    fs::write(folder.path().join("README.txt"), "no manifest").unwrap();
    run(&["-f", &shown(folder.path()), &url]).refused("a folder without YAML");
}

#[test]
fn a_split_of_connections_is_no_split_of_requests() {
    let url = Refusing::start().url("/");
    let rules = virtual_service("weather", ["90", "10"]).replace("http:", "tcp:");
    let handshakes = rules
        .replace("tcp:", "tls:")
        .replace("- route:", "- match: [{sniHosts: [weather]}]\n      route:");
    let service = |port: &str| {
        format!(
            "---\napiVersion: v1\nkind: Service\nmetadata: {{name: weather}}\nspec: {{ports: [{{name: {port}, port: 80}}]}}\n"
        )
    };
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("rules.yaml");
    for (case, text) in [
        ("no Service", rules.clone()),
        ("an HTTP port", format!("{rules}{}", service("http"))),
        (
            "a port that says nothing",
            format!("{rules}{}", service("web")),
        ),
        (
            "names in handshakes",
            format!("{handshakes}{}", service("http")),
        ),
    ] {
        fs::write(&file, text).unwrap();
        let outcome = run(&["-f", &shown(&file), "--host", "weather", &url]);
        outcome.refused(case);
        assert!(outcome.stderr.contains("splits `t"), "{case}: {outcome:#?}");
    }
    fs::write(&file, format!("{rules}{}", service("tcp"))).unwrap();
    let outcome = run(&[
        "-o",
        "json",
        "-n",
        "9",
        "-f",
        &shown(&file),
        "--host",
        "weather",
        &url,
    ])
    .exits(4);
    let report = outcome.report();
    assert_eq!(report.text("/expected/shares/0/ratio"), "9/10");
}

#[test]
fn a_file_without_end_is_refused() {
    let outcome = run(&["-f", "/dev/zero", &Refusing::start().url("/")]);
    outcome.refused("a device");
    assert!(
        outcome.stderr.contains("larger than 128 MiB"),
        "{outcome:#?}"
    );
    for (args, largest) in [
        (&["-D", "/dev/zero", "http://127.0.0.1:1/"][..], 256),
        (&["report", "/dev/zero"], 256),
        (&["--cacert", "/dev/zero", "https://127.0.0.1:1/"], 16),
    ] {
        let outcome = run(args).exits(2);
        let said = format!("`/dev/zero` is larger than {largest} MiB");
        assert!(outcome.stderr.contains(&said), "{}", outcome.stderr);
    }
}

#[test]
fn a_request_that_no_rule_takes_is_told_why() {
    let url = Refusing::start().url("/x");
    let text = virtual_service("weather", ["90", "10"]).replace(
        "    - route:",
        "    - match: [{ authority: { exact: weather } }]\n      route:",
    );
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("rules.yaml");
    fs::write(&file, text).unwrap();
    let args = [
        "-o",
        "json",
        "-n",
        "9",
        "-f",
        &shown(&file),
        "--host",
        "weather:80",
        &url,
    ];
    let report = run(&args).exits(4).report();
    let caveats = report.0["verdict"]["caveats"].to_string();
    assert!(
        caveats.contains(
            "no rule of VirtualService default/weather matches GET /x: the mesh answers 404; http[0] lost on authority \
             (rules.yaml:8), which includes the port as sent: `weather:80`"
        ),
        "{caveats}"
    );
}

fn shown(path: &Path) -> String {
    path.display().to_string()
}

fn virtual_service(host: &str, weights: [&str; 2]) -> String {
    let [single, multiple] = weights;
    format!(
        "apiVersion: networking.istio.io/v1
kind: VirtualService
metadata:
  name: {host}
spec:
  hosts: [{host}]
  http:
    - route:
        - destination: {{ host: {host}, subset: single }}
          weight: {single}
        - destination: {{ host: {host}, subset: multiple }}
          weight: {multiple}
"
    )
}

const CONFIG_MAP: &str = "\
apiVersion: v1
kind: ConfigMap
metadata:
  name: nothing-to-see
data:
  weight: \"90\"
";

/// Ten billion scalars in ten lines.
fn alias_bomb() -> String {
    let lines: Vec<String> = (0..10)
        .map(|level: u32| match level.checked_sub(1) {
            None => format!("a0: &a0 [{}]\n", ["x"; 10].join(", ")),
            Some(below) => {
                let aliases = vec![format!("*a{below}"); 10].join(", ");
                format!("a{level}: &a{level} [{aliases}]\n")
            }
        })
        .collect();
    lines.concat()
}
