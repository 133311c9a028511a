//! A program from the distribution that runs beside a test, and ends with it.

use std::net::{SocketAddr, TcpListener, TcpStream};
use std::process::{Child, Command, Stdio};
use std::sync::atomic::{AtomicU16, Ordering};
use std::time::{Duration, Instant};

use super::parts;
use super::wait::HANGS;

/// A running program.
pub(crate) struct Daemon {
    name: String,
    child: Child,
    /// Whether it has processes of its own, which end only if it is asked to end.
    asked: bool,
}

impl Daemon {
    /// Starts it. Panics, saying what to type, where it is not there: a proof that is left out proves nothing.
    pub(crate) fn start(command: &mut Command, package: &str) -> Self {
        let name = command.get_program().display().to_string();
        parts::needed(&name);
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
        Self {
            name,
            child,
            asked: false,
        }
    }

    /// The same program, which is asked to end instead of being killed: it ends its own processes then.
    pub(crate) fn asked_to_end(self) -> Self {
        let mut own = self;
        own.asked = true;
        own
    }

    /// Waits until it takes connections there. Panics with its log where it does not.
    pub(crate) fn wait(&mut self, addr: SocketAddr, log: impl Fn() -> String) {
        let deadline = Instant::now() + HANGS;
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

/// Ports for programs that cannot be asked which they got. They lie below those that the system gives out by itself, so that
/// no connection and no server of another test gets one of them before the program does, and none is given out twice.
pub(crate) fn ports<const N: usize>() -> [u16; N] {
    /// The number of ports, counted from the first.
    const RANGE: u16 = 20_000;
    /// A prime that leads neighbouring processes far apart.
    const APART: u32 = 7919;
    static NEXT: AtomicU16 = AtomicU16::new(0);
    // Tests of another process begin elsewhere.
    let begin = std::process::id().wrapping_mul(APART) % u32::from(RANGE);
    [(); N].map(|()| {
        loop {
            let number = u32::from(NEXT.fetch_add(1, Ordering::SeqCst));
            let port = (begin + number) % u32::from(RANGE);
            let port = 10_000 + u16::try_from(port).expect("it is in the range");
            if ["127.0.0.1", "::1"].map(|ip| TcpListener::bind((ip, port)).is_ok()) == [true; 2] {
                return port;
            }
        }
    })
}

impl Drop for Daemon {
    fn drop(&mut self) {
        if self.asked {
            let process = self.child.id().to_string();
            let asked = Command::new("kill").args(["-TERM", &process]).status();
            if asked.is_ok_and(|status| status.success()) && self.child.wait().is_ok() {
                return;
            }
        }
        // Only a program that has already ended cannot be killed.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
