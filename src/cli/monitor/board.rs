//! `--listen`: the metrics of the watch and what kubelet asks, served from a thread of its own.

use std::net::{SocketAddr, TcpListener};
use std::sync::mpsc::{self, Receiver};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread;
use std::time::Duration;

use http::{Method, StatusCode};
use tokio::sync::watch;

use super::super::failure::Failure;
use super::super::http_service::{self, probed, text, typed};
use super::super::serve::METRICS_TYPE;
use super::super::warn;
use crate::load::LoadError;

/// How long the end waits for answers that are under way: they are there at once, but whoever asks may be slow.
const PATIENCE: Duration = Duration::from_millis(300);

/// A service that shows what it was given last.
pub(super) struct Board {
    metrics: Arc<Mutex<String>>,
    end: watch::Sender<bool>,
    /// Its sender is gone once the service has ended.
    ended: Receiver<()>,
}

impl Board {
    /// Serves from now on.
    pub(super) fn open(address: SocketAddr, quiet: bool) -> Result<Self, Failure> {
        let listener = http_service::open(address).map_err(Failure::Serve)?;
        let address = listener.local_addr().map_err(Failure::Serve)?;
        if !quiet {
            warn(&format!("metrics on http://{address}/metrics\n"));
        }
        let metrics = Arc::new(Mutex::new(String::new()));
        let (end, ending) = watch::channel(false);
        let shown = Arc::clone(&metrics);
        let (ends, ended) = mpsc::channel();
        thread::Builder::new()
            .name("metrics".to_owned())
            .spawn(move || {
                serve(listener, &ending, &shown);
                drop(ends);
            })
            .map_err(LoadError::Thread)?;
        Ok(Self {
            metrics,
            end,
            ended,
        })
    }

    /// What `/metrics` says from now on.
    pub(super) fn show(&self, metrics: String) {
        *self.metrics.lock().unwrap_or_else(PoisonError::into_inner) = metrics;
    }

    /// Answers whoever waits, but not for long, and ends.
    pub(super) fn end(self) {
        self.end.send_replace(true);
        let _ = self.ended.recv_timeout(PATIENCE);
    }
}

fn serve(listener: TcpListener, ending: &watch::Receiver<bool>, shown: &Arc<Mutex<String>>) {
    let (shown, ended) = (Arc::clone(shown), ending.clone());
    let answer = move |request: http::Request<hyper::body::Incoming>| {
        let path = request.uri().path().to_owned();
        let response = match (request.method(), path.as_str()) {
            (&Method::GET | &Method::HEAD, path) if probed(path, false).is_some() => {
                probed(path, *ended.borrow())
            }
            (&Method::GET, "/metrics") => {
                let metrics = shown.lock().unwrap_or_else(PoisonError::into_inner).clone();
                Some(typed(StatusCode::OK, METRICS_TYPE, metrics.into_bytes()))
            }
            (_, "/metrics" | "/healthz" | "/readyz") => Some(text(
                StatusCode::METHOD_NOT_ALLOWED,
                "this path does not take this method",
            )),
            _ => None,
        };
        let response = response.unwrap_or_else(|| {
            text(
                StatusCode::NOT_FOUND,
                "there are /metrics, /healthz and /readyz",
            )
        });
        async move { response }
    };
    // Without a runtime there are no metrics, and the watch goes on.
    if let Err(error) = http_service::serve(listener, ending, answer) {
        warn(&format!(
            "warning: the metrics are no longer served: {error}\n"
        ));
    }
}
