//! A program from the distribution that runs beside a test, and ends with it.

use std::net::{SocketAddr, TcpStream};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

/// A running program.
pub(crate) struct Daemon {
    name: String,
    child: Child,
}

impl Daemon {
    /// Starts it. Panics, saying what to type, where it is not there: a proof that is left out proves nothing.
    pub(crate) fn start(command: &mut Command, package: &str) -> Self {
        let name = command.get_program().display().to_string();
        let child = command
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .unwrap_or_else(|problem| {
                panic!(
                    "the tests need {name}: {problem}\nhelp: type `apt-get install {package}`, and run the tests again"
                )
            });
        Self { name, child }
    }

    /// Waits until it takes connections there. Panics with its log where it does not.
    pub(crate) fn wait(&mut self, addr: SocketAddr, log: impl Fn() -> String) {
        let deadline = Instant::now() + Duration::from_secs(20);
        while TcpStream::connect(addr).is_err() {
            let ended = matches!(self.child.try_wait(), Ok(Some(_)));
            assert!(
                !ended && Instant::now() < deadline,
                "{} does not get ready; its log:\n{}",
                self.name,
                log()
            );
            std::thread::sleep(Duration::from_millis(20));
        }
    }
}

impl Drop for Daemon {
    fn drop(&mut self) {
        // Only a program that has already ended cannot be killed.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
