//! The agent of a proxy, as Istio's: it says whether the proxy is ready, and is asked to quit.

use std::convert::Infallible;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use http_body_util::Full;
use hyper::body::{Bytes, Incoming};
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper::{Method, Request, Response};
use hyper_util::rt::TokioIo;
use serde_json::json;
use tokio::net::TcpListener;

use super::server::Server;

/// An agent on loopback.
pub(crate) struct Agent {
    server: Server,
    state: Arc<State>,
}

struct State {
    /// How often it says that the proxy is not ready.
    unready: u64,
    /// What it answers to a POST.
    quits: u16,
    /// What the proxy beside it says that was injected into the pod.
    injected: Option<String>,
    asked: AtomicU64,
    quit: AtomicU64,
    other: AtomicU64,
}

impl Agent {
    /// The proxy is ready after so many questions, and a POST is answered with this status.
    pub(crate) fn start(unready: u64, quits: u16) -> Self {
        Self::with(unready, quits, None)
    }

    /// Its proxy is ready, and has an admin interface that says what was injected into the pod.
    pub(crate) fn injected(status: &str) -> Self {
        Self::with(0, 200, Some(status.to_owned()))
    }

    fn with(unready: u64, quits: u16, injected: Option<String>) -> Self {
        let state = Arc::new(State {
            unready,
            quits,
            injected,
            asked: AtomicU64::new(0),
            quit: AtomicU64::new(0),
            other: AtomicU64::new(0),
        });
        let own = Arc::clone(&state);
        Self {
            server: Server::start(move |listener| accept(listener, own)),
            state,
        }
    }

    /// What makes a run use it: both options, and where it is.
    pub(crate) fn options(&self) -> Vec<String> {
        let at = self.server.addr();
        [
            "--wait-proxy=30s".to_owned(),
            format!("--proxy-ready-url=http://{at}/healthz/ready"),
            "--quit-proxy".to_owned(),
            format!("--proxy-quit-url=http://{at}/quitquitquit"),
        ]
        .into()
    }

    /// What names the admin interface of its proxy.
    pub(crate) fn admin(&self) -> String {
        format!("--proxy-admin=http://{}", self.server.addr())
    }

    /// How often it was asked whether the proxy is ready.
    pub(crate) fn asked(&self) -> u64 {
        self.state.asked.load(Ordering::SeqCst)
    }

    /// How often it was asked to quit.
    pub(crate) fn quit(&self) -> u64 {
        self.state.quit.load(Ordering::SeqCst)
    }

    /// How often it was asked something else.
    pub(crate) fn other(&self) -> u64 {
        self.state.other.load(Ordering::SeqCst)
    }
}

async fn accept(listener: TcpListener, state: Arc<State>) {
    while let Ok((stream, _)) = listener.accept().await {
        let state = Arc::clone(&state);
        tokio::spawn(async move {
            let answers = service_fn(move |request: Request<Incoming>| {
                let (status, body) = match state.info(&request) {
                    Some(page) => (200, page),
                    None => (state.answer(&request), String::new()),
                };
                async move {
                    let mut response = Response::new(Full::new(Bytes::from(body)));
                    *response.status_mut() = status.try_into().expect("a status");
                    Ok::<_, Infallible>(response)
                }
            });
            let _ = http1::Builder::new()
                .serve_connection(TokioIo::new(stream), answers)
                .await;
        });
    }
}

impl State {
    fn info(&self, request: &Request<Incoming>) -> Option<String> {
        let annotations = json!({ "sidecar.istio.io/status": self.injected.as_ref()? });
        let page = json!({ "version": "9e55/1.40.0/Clean/RELEASE/BoringSSL", "state": "LIVE",
            "node": { "metadata": { "ANNOTATIONS": annotations } } });
        (request.uri().path() == "/server_info").then(|| page.to_string())
    }

    fn answer(&self, request: &Request<Incoming>) -> u16 {
        match (request.method(), request.uri().path()) {
            (&Method::GET, "/healthz/ready") => {
                let before = self.asked.fetch_add(1, Ordering::SeqCst);
                if before < self.unready { 503 } else { 200 }
            }
            (&Method::POST, "/quitquitquit") => {
                self.quit.fetch_add(1, Ordering::SeqCst);
                self.quits
            }
            _ => {
                self.other.fetch_add(1, Ordering::SeqCst);
                404
            }
        }
    }
}
