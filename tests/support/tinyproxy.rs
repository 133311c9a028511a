//! A real HTTP proxy, from the distribution.

use std::fs;
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use tempfile::TempDir;

/// A running tinyproxy.
pub(crate) struct Tinyproxy {
    child: Child,
    addr: SocketAddr,
    folder: TempDir,
}

impl Tinyproxy {
    /// Starts it, for everybody on this machine or for `user:password` only. Panics, saying what to type, where it is not
    /// there.
    pub(crate) fn start(user: Option<(&str, &str)>) -> Self {
        let folder = tempfile::tempdir().expect("the folder for temporary files is writable");
        let listener = TcpListener::bind(("127.0.0.1", 0)).expect("loopback has a free port");
        let addr = listener.local_addr().expect("it is bound");
        drop(listener);
        let user = user.map_or(String::new(), |(name, password)| {
            format!("BasicAuth {name} {password}\n")
        });
        let config = format!(
            "Port {}\nListen 127.0.0.1\nTimeout 60\nMaxClients 100\nViaProxyName \"tinyproxy-of-a-test\"\nLogFile \"{}\"\n{user}",
            addr.port(),
            folder.path().join("log").display(),
        );
        let file = folder.path().join("tinyproxy.conf");
        fs::write(&file, config).expect("the folder is writable");
        let child = Command::new("tinyproxy")
            .arg("-d")
            .arg("-c")
            .arg(&file)
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .unwrap_or_else(|problem| {
                panic!(
                    "the tests need tinyproxy: {problem}\nhelp: type `apt-get install tinyproxy-bin`, and run the tests again"
                )
            });
        let mut proxy = Self {
            child,
            addr,
            folder,
        };
        proxy.wait();
        proxy
    }

    /// Where it listens.
    pub(crate) fn addr(&self) -> SocketAddr {
        self.addr
    }

    /// What it has done so far.
    pub(crate) fn log(&self) -> String {
        fs::read_to_string(self.folder.path().join("log")).unwrap_or_default()
    }

    fn wait(&mut self) {
        let deadline = Instant::now() + Duration::from_secs(20);
        while TcpStream::connect(self.addr).is_err() {
            let ended = matches!(self.child.try_wait(), Ok(Some(_)));
            assert!(
                !ended && Instant::now() < deadline,
                "tinyproxy does not get ready; its log:\n{}",
                self.log()
            );
            std::thread::sleep(Duration::from_millis(20));
        }
    }
}

impl Drop for Tinyproxy {
    fn drop(&mut self) {
        // Only a proxy that has already ended cannot be killed.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
