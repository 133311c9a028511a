//! A listener with its tasks, on a thread and a runtime of its own. Not: what is answered.

use std::net::SocketAddr;
use std::sync::mpsc;
use std::thread::JoinHandle;

use tokio::net::{TcpListener, TcpSocket};
use tokio::runtime;
use tokio::sync::oneshot;

/// Listens until it is dropped.
pub(crate) struct Server {
    addr: SocketAddr,
    stop: Option<oneshot::Sender<()>>,
    thread: Option<JoinHandle<()>>,
}

impl Server {
    /// Listens on a free loopback port and runs `serve`; whatever `serve` spawned ends with the server.
    pub(crate) fn start<F, S>(serve: F) -> Self
    where
        F: FnOnce(TcpListener) -> S + Send + 'static,
        S: Future<Output = ()>,
    {
        let (stop, stopped) = oneshot::channel();
        let (tell, told) = mpsc::channel();
        let thread = std::thread::spawn(move || {
            let runtime = runtime::Builder::new_current_thread()
                .enable_all()
                .build()
                .expect("a runtime can be built");
            runtime.block_on(async move {
                let listener = listen();
                let addr = listener.local_addr().expect("a listener has an address");
                tell.send(addr).expect("`start` waits for the address");
                tokio::select! {
                    () = serve(listener) => {}
                    _ = stopped => {}
                }
            });
        });
        Self {
            addr: told.recv().expect("the server thread listens"),
            stop: Some(stop),
            thread: Some(thread),
        }
    }

    /// Where it listens.
    pub(crate) fn addr(&self) -> SocketAddr {
        self.addr
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        drop(self.stop.take());
        let panicked = self
            .thread
            .take()
            .is_some_and(|thread| thread.join().is_err());
        // A second panic while the test unwinds would hide the first.
        assert!(
            !panicked || std::thread::panicking(),
            "the server thread panicked, see above"
        );
    }
}

/// The usual backlog of 128 is too short for hundreds of connections at once.
fn listen() -> TcpListener {
    let socket = TcpSocket::new_v4().expect("a socket can be made");
    socket
        .bind(SocketAddr::from(([127, 0, 0, 1], 0)))
        .expect("loopback has a free port");
    socket.listen(4096).expect("a bound socket can listen")
}
