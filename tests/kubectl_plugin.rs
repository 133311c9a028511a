//! `kubectl resplit` (deploy/kubectl/kubectl-resplit) with a kubectl that writes down how it is called, and runs what it should
//! start in an ephemeral container as a process.

use std::fs;
use std::os::unix::fs::{PermissionsExt, symlink};
use std::path::Path;
use std::process::Command;

use tempfile::TempDir;

use crate::support::cmd::Outcome;
use crate::support::mesh::{Mesh, NINETY_TEN};

const PLUGIN: &str = concat!(
    env!("CARGO_MANIFEST_DIR"),
    "/deploy/kubectl/kubectl-resplit"
);

/// A folder with programs, and what they were called with.
struct Programs {
    folder: TempDir,
}

impl Programs {
    /// `kubectl debug` ends with what `attached` makes of the output of the container.
    fn new(with_resplit: bool, attached: &str) -> Self {
        let folder = tempfile::tempdir().expect("a folder");
        let binary = env!("CARGO_BIN_EXE_resplit");
        let kubectl = format!(
            r#"#!/bin/sh
here=$(dirname "$0")
echo "$*" >>"$here/calls"
case "$1 $2" in
"config view") printf shop ;;
"get virtualservices"*) case $* in *--all-namespaces*) cat "$here/rules" ;; esac ;;
"get services") echo 'apiVersion: v1'; echo 'kind: List'; echo 'items: []' ;;
"get httproutes"*|"get gateways.gateway"*) echo "error: the server doesn't have a resource type" >&2; exit 1 ;;
"get pod") printf '{{"app":"client","version":"v1"}}' ;;
"get sidecars"*)
    case $* in *--all-namespaces*) echo 'Error from server (Forbidden): sidecars' >&2; exit 1 ;; esac
    echo 'apiVersion: v1'; echo 'kind: List'; echo 'items: []' ;;
"get namespaces") echo 'Error from server (Forbidden): namespaces is forbidden' >&2; exit 1 ;;
get*) echo 'apiVersion: v1'; echo 'kind: List'; echo 'items: []' ;;
debug*)
    while [ "$1" != /resplit ]; do shift; done; shift
    cat >"$here/piped"
    {binary} "$@" <"$here/piped" >"$here/container"
    {attached} ;;
logs*) cat "$here/container" ;;
esac
"#
        );
        let own = Self { folder };
        own.program("kubectl", &kubectl);
        if with_resplit {
            symlink(binary, own.path("resplit")).expect("a link");
        }
        for tool in [
            "sh", "mktemp", "rm", "cat", "sed", "grep", "tr", "date", "dirname", "env",
        ] {
            let found = ["/bin", "/usr/bin"].map(|folder| Path::new(folder).join(tool));
            let found = found
                .iter()
                .find(|path| path.exists())
                .expect("a POSIX system");
            symlink(found, own.path(tool)).expect("a link");
        }
        own
    }

    fn path(&self, name: &str) -> std::path::PathBuf {
        self.folder.path().join(name)
    }

    fn program(&self, name: &str, text: &str) {
        fs::write(self.path(name), text).expect("it is written");
        let executable = fs::Permissions::from_mode(0o755);
        fs::set_permissions(self.path(name), executable).expect("it is ours");
    }

    fn run(&self, args: &[&str]) -> Outcome {
        let output = Command::new("sh")
            .arg(PLUGIN)
            .args(args)
            .env_clear()
            .env("PATH", self.folder.path())
            .output();
        Outcome::of(args, &output.expect("a shell runs"))
    }

    fn calls(&self) -> Vec<String> {
        let calls = fs::read_to_string(self.path("calls")).unwrap_or_default();
        calls.lines().map(str::to_owned).collect()
    }
}

const RULES: &str = "apiVersion: networking.istio.io/v1
kind: VirtualService
metadata: { name: web, namespace: shop }
spec:
  hosts: [web.shop.svc.cluster.local]
  http:
    - route:
        - { destination: { host: v1.shop.svc.cluster.local }, weight: 90 }
        - { destination: { host: v2.shop.svc.cluster.local }, weight: 10 }
";

#[test]
fn it_reads_the_objects_runs_in_the_pod_and_brings_the_report_home() {
    let mesh = Mesh::honest();
    let programs = Programs::new(true, r#"cat "$here/container""#);
    fs::write(programs.path("rules"), RULES).expect("it is written");
    let html = programs.path("split.html");
    let report = format!("html={}", html.display());
    let to = format!("--connect-to=web.shop:80:{}", mesh.addr());
    let run = ["-c1", "-n4000", &to, "http://web.shop/"];
    let own = [
        "client-1",
        "-n",
        "shop",
        "--image",
        "registry/resplit:1",
        "--report",
        &report,
        "--",
    ];
    let ended = programs.run(&[&own[..], &run].concat()).exits(0);
    assert!(ended.stdout.contains("PASS"), "{ended:#?}");
    // What may not be read is said, and what the cluster does not have is not.
    assert!(
        ended
            .stderr
            .contains("note: Error from server (Forbidden): namespaces"),
        "{ended:#?}"
    );
    assert!(
        ended
            .stderr
            .contains("note: sidecars.networking.istio.io of other namespaces may not be read"),
        "{ended:#?}"
    );
    assert!(!ended.stderr.contains("resource type"), "{ended:#?}");
    assert!(
        fs::read_to_string(&html)
            .expect("a report")
            .contains("<html")
    );
    let calls = programs.calls();
    let debug = calls
        .iter()
        .find(|call| call.starts_with("debug "))
        .expect("a call");
    let (before, after) = debug.split_once(" --container=resplit-").expect("a name");
    assert_eq!(before, "debug client-1 -n shop --image=registry/resplit:1");
    let (_, after) = after.split_once(' ').expect("options");
    assert_eq!(
        after,
        format!(
            "--profile=restricted --stdin --quiet -- /resplit run --output=log --filename=- --from-namespace=shop \
             --from-labels=app=client,version=v1 {}",
            run.join(" ")
        )
    );
    for kind in [
        "virtualservices.networking.istio.io",
        "destinationrules.networking.istio.io",
        "services",
        "pods",
        "endpointslices.discovery.k8s.io",
    ] {
        let call = format!("get {kind} --all-namespaces -o yaml");
        assert!(calls.contains(&call), "{call}: {calls:#?}");
    }
    // Nothing is changed but the pod that gets the container.
    let reads = ["get ", "config view ", "debug "];
    assert!(
        calls
            .iter()
            .all(|call| reads.iter().any(|read| call.starts_with(read))),
        "{calls:#?}"
    );
}

#[test]
fn the_exit_code_is_that_of_the_verdict_and_the_log_of_the_container_will_do() {
    let mesh = Mesh::split([("v1", 1), ("v2", 1)]).seed(3).start();
    let programs = Programs::new(true, "true");
    fs::write(programs.path("rules"), RULES).expect("it is written");
    let to = format!("--connect-to=web.shop:80:{}", mesh.addr());
    let ended = programs
        .run(&[
            "pod/client-1",
            "--",
            "-c1",
            "-n400",
            &to,
            "http://web.shop/",
        ])
        .exits(1);
    assert!(ended.stdout.contains("DIVERGED"), "{ended:#?}");
    let calls = programs.calls();
    assert!(
        calls.iter().any(|call| call.starts_with("config view ")),
        "{calls:#?}"
    );
    let logs = calls
        .iter()
        .any(|call| call.starts_with("logs client-1 -n shop -c resplit-"));
    assert!(logs, "{calls:#?}");
}

#[test]
fn without_resplit_on_this_machine_the_json_comes_home() {
    let mesh = Mesh::honest();
    let programs = Programs::new(false, r#"cat "$here/container""#);
    fs::write(programs.path("rules"), RULES).expect("it is written");
    let url = mesh.url("/");
    let ended = programs.run(&[
        "client-1", "--", "-c1", "-n4000", "--expect", NINETY_TEN, &url,
    ]);
    let report = ended.exits(0).report();
    assert_eq!((report.verdict(), report.sent()), ("pass", 4000));
    let refused = programs.run(&["client-1", "--report", "html=x", "--", &url]);
    refused.exits(2);
}

#[test]
fn what_cannot_be_done_is_said() {
    let programs = Programs::new(true, "true");
    fs::write(programs.path("rules"), RULES).expect("it is written");
    for args in [
        &[][..],
        &["pod"],
        &["pod", "--"],
        &["a", "b", "--", "x"],
        &["pod", "-q", "5", "--", "x"],
        &["pod", "-n"],
    ] {
        let ended = programs.run(args).exits(2);
        assert_eq!(ended.stdout, "", "{ended:#?}");
    }
    assert_eq!(programs.calls(), [""; 0]);
    let help = programs.run(&["--help"]).exits(0);
    assert!(
        help.stdout.starts_with("usage: kubectl resplit POD"),
        "{help:#?}"
    );
    // The run itself refuses its options: its reason is shown.
    let ended = programs
        .run(&["client-1", "--", "-n0", "http://web.shop/"])
        .exits(2);
    assert!(
        ended.stderr.contains("no report came out of the container"),
        "{ended:#?}"
    );
    assert!(
        ended.stderr.contains("--requests cannot be 0"),
        "{ended:#?}"
    );
}
