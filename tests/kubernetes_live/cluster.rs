//! An API server on loopback with its store, the controller of Jobs and a node, all of which end with the test.

use std::fs;
use std::io::Write;
use std::net::{Ipv4Addr, SocketAddr};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::OnceLock;

use serde_json::Value;
use tempfile::TempDir;

use crate::support::cmd::Outcome;
use crate::support::daemon::{Daemon, ports};
use crate::support::tls::Identity;
use crate::support::wait::wait_until;

/// What a test cannot do without, and how to get it.
const HELP: &str = "help: these tests need Go 1.24 (https://go.dev/dl/) and download the modules of Kubernetes; type\n  \
                    cd tests/kubernetes && go build -o ../../target/kubernetes/ tool ./kubelet";
/// The version that the API server says it has: that of its module, which a build does not know.
const VERSION: &str = "-ldflags=-X=k8s.io/component-base/version.gitVersion=v1.34.4";

/// A running cluster.
pub(super) struct Cluster {
    /// The last to start is the first to end.
    programs: Vec<Daemon>,
    folder: TempDir,
}

/// A command that runs.
pub(super) struct Typed(Child);

fn home() -> PathBuf {
    let tmp = Path::new(env!("CARGO_TARGET_TMPDIR")).parent();
    tmp.expect("cargo puts the folder for tests into the target folder")
        .join("kubernetes")
}

/// The folder of the programs, which are built once. Panics, saying what to type, where they cannot be: a proof that is left out
/// proves nothing.
fn programs() -> &'static Path {
    static PROGRAMS: OnceLock<PathBuf> = OnceLock::new();
    PROGRAMS.get_or_init(|| {
        let folder = home();
        fs::create_dir_all(&folder).expect("the target folder is writable");
        let built = Command::new("go")
            .args(["build", "-o"])
            .arg(format!("{}/", folder.display()))
            .args([VERSION, "tool", "./kubelet"])
            .current_dir(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/kubernetes"))
            .output();
        let built = built.unwrap_or_else(|problem| panic!("there is no Go: {problem}\n{HELP}"));
        let said = String::from_utf8_lossy(&built.stderr);
        assert!(
            built.status.success(),
            "they cannot be built: {said}\n{HELP}"
        );
        folder
    })
}

/// The folder of a Go module at a version.
pub(super) fn module(named: &str) -> String {
    let found = Command::new("go")
        .args(["mod", "download", "-json", named])
        .current_dir(std::env::temp_dir())
        .output();
    let found = found.unwrap_or_else(|problem| panic!("there is no Go: {problem}\n{HELP}"));
    let found: Value = serde_json::from_slice(&found.stdout).expect("JSON");
    let folder = found["Dir"].as_str();
    folder
        .unwrap_or_else(|| panic!("{named}: {found:#}\n{HELP}"))
        .to_owned()
}

impl Cluster {
    /// Starts all of it, and waits until it is ready.
    pub(super) fn start() -> Self {
        let mut cluster = Self {
            programs: Vec::new(),
            folder: tempfile::tempdir().expect("a folder"),
        };
        let [client, peer, api] = ports();
        let store = format!("http://127.0.0.1:{client}");
        cluster.store(&store, &format!("http://127.0.0.1:{peer}"));
        cluster.server(&store, api);
        cluster.run(
            "kube-controller-manager",
            &[
                "--kubeconfig=kubeconfig",
                "--bind-address=127.0.0.1",
                "--secure-port=0",
                "--leader-elect=false",
                "--controllers=job",
            ],
        );
        let binary = concat!("-resplit=", env!("CARGO_BIN_EXE_resplit"));
        cluster.run("kubelet", &["-kubeconfig=kubeconfig", binary]);
        wait_until("the node is there", || {
            cluster.kubectl(&["get", "node", "loopback"]).code == Some(0)
        });
        cluster
    }

    fn store(&mut self, clients: &str, peers: &str) {
        self.run(
            "server",
            &[
                "--data-dir=etcd",
                "--unsafe-no-fsync",
                "--log-level=error",
                &format!("--listen-client-urls={clients}"),
                &format!("--advertise-client-urls={clients}"),
                &format!("--listen-peer-urls={peers}"),
                &format!("--initial-advertise-peer-urls={peers}"),
                &format!("--initial-cluster=default={peers}"),
            ],
        );
    }

    fn server(&mut self, store: &str, port: u16) {
        let key = Identity::of(&["accounts"], |_| {});
        self.write("sa.key", key.key_pem());
        self.write("sa.crt", key.pem());
        self.write("tokens.csv", "admin,admin,1,\"system:masters\"\n");
        let kubeconfig = format!(
            "apiVersion: v1
kind: Config
clusters: [{{name: loopback, cluster: {{server: 'https://127.0.0.1:{port}', certificate-authority: certs/apiserver.crt}}}}]
users: [{{name: admin, user: {{token: admin}}}}]
contexts: [{{name: loopback, context: {{cluster: loopback, user: admin, namespace: default}}}}]
current-context: loopback
"
        );
        self.write("kubeconfig", &kubeconfig);
        // The accounts of pods are made by a controller that is not there.
        self.run(
            "kube-apiserver",
            &[
                &format!("--etcd-servers={store}"),
                "--bind-address=127.0.0.1",
                "--advertise-address=127.0.0.1",
                &format!("--secure-port={port}"),
                "--service-cluster-ip-range=10.96.0.0/16",
                "--service-account-key-file=sa.crt",
                "--service-account-signing-key-file=sa.key",
                "--service-account-issuer=https://kubernetes.default.svc",
                "--cert-dir=certs",
                "--authorization-mode=AlwaysAllow",
                "--token-auth-file=tokens.csv",
                "--disable-admission-plugins=ServiceAccount",
            ],
        );
        let address = SocketAddr::from((Ipv4Addr::LOCALHOST, port));
        let server = self.programs.last_mut().expect("it was started");
        let log = self.folder.path().join("kube-apiserver.log");
        let log = || fs::read_to_string(&log).unwrap_or_default();
        server.wait(address, log);
        wait_until("the API server is ready", || {
            let log = log();
            assert!(!log.contains("command failed"), "it does not start:\n{log}");
            self.kubectl(&["get", "--raw", "/readyz"]).code == Some(0)
        });
    }

    fn write(&self, name: &str, text: &str) {
        fs::write(self.folder.path().join(name), text).expect("the folder is writable");
    }

    fn run(&mut self, name: &str, options: &[&str]) {
        let mut command = Command::new("sh");
        command
            .args(["-c", "log=$1; shift; exec \"$0\" \"$@\" 2>\"$log\""])
            .arg(programs().join(name))
            .arg(format!("{name}.log"))
            .args(options)
            .current_dir(self.folder.path());
        let program = Daemon::start(&mut command, "golang").asked_to_end();
        self.programs.push(program);
    }

    /// The end of `kubectl ARGS`.
    pub(super) fn kubectl(&self, args: &[&str]) -> Outcome {
        self.piped(args, "")
    }

    /// The end of `kubectl ARGS` with this on stdin.
    pub(super) fn piped(&self, args: &[&str], stdin: &str) -> Outcome {
        let mut child = self
            .command("kubectl")
            .args(args)
            .stdin(Stdio::piped())
            .spawn()
            .expect("kubectl runs");
        let mut pipe = child.stdin.take().expect("it is piped");
        // A command that takes nothing may have ended.
        let _ = pipe.write_all(stdin.as_bytes());
        drop(pipe);
        let output = child.wait_with_output().expect("kubectl ends");
        Outcome::of(args, &output)
    }

    /// The end of `helm ARGS`.
    pub(super) fn helm(&self, args: &[&str]) -> Outcome {
        let output = self
            .command("helm")
            .args(args)
            .stdin(Stdio::null())
            .output();
        Outcome::of(args, &output.expect("helm runs"))
    }

    /// What `kubectl get ARGS` finds.
    pub(super) fn get(&self, args: &[&str]) -> Value {
        let found = self
            .kubectl(&[&["get", "-o", "json"], args].concat())
            .exits(0);
        serde_json::from_str(&found.stdout).expect("JSON")
    }

    /// A line as it is typed.
    pub(super) fn shell(&self, line: &str) -> Typed {
        let child = self
            .command("sh")
            .args(["-c", line])
            .stdin(Stdio::null())
            .spawn();
        Typed(child.expect("a shell runs"))
    }

    /// The end of `kubectl resplit ARGS`.
    pub(super) fn plugin(&self, args: &[&str]) -> Outcome {
        let plugin = concat!(
            env!("CARGO_MANIFEST_DIR"),
            "/deploy/kubectl/kubectl-resplit"
        );
        let output = self
            .command("sh")
            .arg(plugin)
            .args(args)
            .stdin(Stdio::null())
            .output();
        Outcome::of(args, &output.expect("a shell runs"))
    }

    /// A command that finds our kubectl and our resplit first.
    fn command(&self, name: &str) -> Command {
        let binary = Path::new(env!("CARGO_BIN_EXE_resplit")).parent();
        let system = std::env::var_os("PATH").unwrap_or_default();
        let path = [programs().to_owned(), binary.expect("a folder").to_owned()];
        let path = std::env::join_paths(path.into_iter().chain(std::env::split_paths(&system)));
        // `Command` looks a program up in the PATH of this process.
        let own = programs().join(name);
        let program = if own.exists() { own } else { name.into() };
        let mut command = Command::new(program);
        command
            .env("PATH", path.expect("folders"))
            .env("KUBECONFIG", self.folder.path().join("kubeconfig"))
            .stdout(Stdio::piped())
            .stderr(Stdio::piped());
        command
    }
}

impl Drop for Cluster {
    fn drop(&mut self) {
        while let Some(program) = self.programs.pop() {
            drop(program);
        }
    }
}

impl Typed {
    /// Whether it has not ended yet.
    pub(super) fn is_running(&self) -> bool {
        let status = fs::read_to_string(format!("/proc/{}/stat", self.0.id()));
        status.is_ok_and(|status| !status.contains(") Z "))
    }

    /// Waits for its end.
    pub(super) fn finish(self) -> Outcome {
        let output = self.0.wait_with_output().expect("it ends");
        Outcome::of(&[], &output)
    }
}
