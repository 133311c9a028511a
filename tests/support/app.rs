//! An application of two versions behind a split, whose responses are whatever a test says. Not: a mesh that counts by
//! chance; the k-th request gets the k-th response.

use std::convert::Infallible;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use http_body_util::Full;
use hyper::Response;
use hyper::body::Bytes;
use hyper::server::conn::{http1, http2};
use hyper::service::service_fn;
use hyper_util::rt::{TokioExecutor, TokioIo};

use super::server::Server;

/// A running application.
pub(crate) struct App {
    server: Server,
    requests: Arc<AtomicU64>,
}

/// One response: status, headers, body.
pub(crate) type Says = (u16, Vec<(&'static str, String)>, String);

impl App {
    /// Listens on a free loopback port; the k-th request, from 0, gets the k-th response.
    pub(crate) fn start(says: impl Fn(u64) -> Says + Send + Sync + 'static) -> Self {
        Self::speaking(false, says)
    }

    /// The same over HTTP/2 without TLS.
    pub(crate) fn h2c(says: impl Fn(u64) -> Says + Send + Sync + 'static) -> Self {
        Self::speaking(true, says)
    }

    fn speaking(h2c: bool, says: impl Fn(u64) -> Says + Send + Sync + 'static) -> Self {
        let requests = Arc::new(AtomicU64::new(0));
        let (count, says) = (Arc::clone(&requests), Arc::new(says));
        let server = Server::start(move |listener| async move {
            while let Ok((stream, _)) = listener.accept().await {
                // A connection without it still works, only slower.
                let _ = stream.set_nodelay(true);
                let (count, says) = (Arc::clone(&count), Arc::clone(&says));
                let service = service_fn(move |_| {
                    let response = respond(says(count.fetch_add(1, Ordering::SeqCst)));
                    async move { Ok::<_, Infallible>(response) }
                });
                let stream = TokioIo::new(stream);
                // The client may leave whenever it likes.
                tokio::spawn(async move {
                    if h2c {
                        let http2 = http2::Builder::new(TokioExecutor::new());
                        let _ = http2.serve_connection(stream, service).await;
                    } else {
                        let http1 = http1::Builder::new();
                        let _ = http1.serve_connection(stream, service).await;
                    }
                });
            }
        });
        Self { server, requests }
    }

    /// Its URL.
    pub(crate) fn url(&self) -> String {
        format!("http://{}/", self.server.addr())
    }

    /// Requests that it has answered.
    pub(crate) fn served(&self) -> u64 {
        self.requests.load(Ordering::SeqCst)
    }
}

fn respond((status, headers, body): Says) -> Response<Full<Bytes>> {
    let head = Response::builder().status(status);
    let head = (headers.into_iter()).fold(head, |head, (name, value)| head.header(name, value));
    head.body(Full::from(body))
        .expect("the status and the headers of a test are valid")
}
