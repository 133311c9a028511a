//! A real HTTP proxy, from the distribution.

use std::fs;
use std::net::SocketAddr;
use std::process::Command;

use tempfile::TempDir;

use super::daemon::{Daemon, ports};

/// A running tinyproxy.
pub(crate) struct Tinyproxy {
    // Ends before its folder does.
    _daemon: Daemon,
    addr: SocketAddr,
    folder: TempDir,
}

impl Tinyproxy {
    /// Starts it, for everybody on this machine or for `user:password` only, or panics as [`Daemon::start`] does.
    pub(crate) fn start(user: Option<(&str, &str)>) -> Self {
        let folder = tempfile::tempdir().expect("the folder for temporary files is writable");
        let [port] = ports();
        let addr = SocketAddr::from(([127, 0, 0, 1], port));
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
        let mut daemon = Daemon::start(
            Command::new("tinyproxy").arg("-d").arg("-c").arg(&file),
            "tinyproxy-bin",
        );
        daemon.wait(addr, || log(&folder));
        Self {
            _daemon: daemon,
            addr,
            folder,
        }
    }

    /// Where it listens.
    pub(crate) fn addr(&self) -> SocketAddr {
        self.addr
    }

    /// What it has done so far.
    pub(crate) fn log(&self) -> String {
        log(&self.folder)
    }
}

fn log(folder: &TempDir) -> String {
    fs::read_to_string(folder.path().join("log")).unwrap_or_default()
}
