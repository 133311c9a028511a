//! The admin interface of a proxy that can go and come back: one route with the weights that a test says.

use std::sync::{Arc, Mutex};

use serde_json::{Value, json};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use super::server::Server;

/// What it does with a connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Mode {
    /// Answers.
    Answers,
    /// Closes it.
    Closes,
    /// Reads, and says nothing.
    IsSilent,
    /// Answers that it is not available.
    IsUnavailable,
}

/// An interface on loopback.
pub(crate) struct Interface {
    server: Server,
    state: Arc<Mutex<State>>,
}

struct State {
    mode: Mode,
    version: u32,
    weights: Vec<(String, u32)>,
}

impl Interface {
    /// Its proxy splits like this.
    pub(crate) fn start(weights: &[(&str, u32)]) -> Self {
        let state = State {
            mode: Mode::Answers,
            version: 1,
            weights: owned(weights),
        };
        let state = Arc::new(Mutex::new(state));
        let own = Arc::clone(&state);
        Self {
            server: Server::start(move |listener| async move {
                while let Ok((stream, _)) = listener.accept().await {
                    tokio::spawn(serve(stream, Arc::clone(&own)));
                }
            }),
            state,
        }
    }

    /// Its URL.
    pub(crate) fn url(&self) -> String {
        format!("http://{}", self.server.addr())
    }

    /// Goes, or comes back.
    pub(crate) fn becomes(&self, mode: Mode) {
        self.state.lock().expect("nobody panicked").mode = mode;
    }

    /// Its proxy is told other weights.
    pub(crate) fn programs(&self, weights: &[(&str, u32)]) {
        let mut state = self.state.lock().expect("nobody panicked");
        state.version += 1;
        state.weights = owned(weights);
    }
}

fn owned(weights: &[(&str, u32)]) -> Vec<(String, u32)> {
    let weights = weights.iter();
    weights
        .map(|(name, weight)| ((*name).to_owned(), *weight))
        .collect()
}

async fn serve(mut stream: TcpStream, state: Arc<Mutex<State>>) {
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        match stream.read_u8().await {
            Ok(byte) => head.push(byte),
            Err(_) => return,
        }
    }
    let head = String::from_utf8_lossy(&head).into_owned();
    let path = head.split(' ').nth(1).unwrap_or_default();
    let (mode, body) = {
        let state = state.lock().expect("nobody panicked");
        (state.mode, state.page(path).to_string())
    };
    let status = match mode {
        Mode::Answers => "200 OK",
        Mode::IsUnavailable => "503 Service Unavailable",
        Mode::Closes => return,
        Mode::IsSilent => return std::future::pending().await,
    };
    let length = body.len();
    let text =
        format!("HTTP/1.1 {status}\r\ncontent-length: {length}\r\nconnection: close\r\n\r\n{body}");
    // Whoever asked may be gone.
    let _ = stream.write_all(text.as_bytes()).await;
}

impl State {
    fn page(&self, path: &str) -> Value {
        if path == "/server_info" {
            return json!({
                "version": "x/1.40.0/y", "state": "LIVE", "uptime_current_epoch": "9s", "node": { "id": "n" },
            });
        }
        if !path.contains("dynamic_route_configs") {
            return json!({});
        }
        let clusters: Vec<Value> = self
            .weights
            .iter()
            .map(|(name, weight)| json!({ "name": name, "weight": weight }))
            .collect();
        let route = json!({
            "match": { "prefix": "/" },
            "route": { "weighted_clusters": { "clusters": clusters } },
        });
        let hosts = json!([{ "name": "h", "domains": ["*"], "routes": [route] }]);
        let version = self.version.to_string();
        json!({ "configs": [{
            "version_info": version, "last_updated": version, "route_config": { "name": "r", "virtual_hosts": hosts },
        }] })
    }
}
