//! A split without a proxy: one server that picks a target for every request and answers as that target would.
//!
//! ```ignore
//! let mesh = Mesh::split([("v1", 90), ("v2", 10)]).seed(7).latency("v2", Duration::from_millis(20)).start();
//! // … send requests to `mesh.url("/")` …
//! assert_eq!(mesh.served(), mesh.hits("v1") + mesh.hits("v2"));
//! ```
//!
//! The k-th request served gets the k-th draw of a seeded generator, so the counts after n requests depend on the seed
//! alone, not on timing. The order of several connections is their own: where a verdict matters, requests go over one
//! (`run_in_order`), and the verdict depends on the seed alone, too.

use std::convert::Infallible;
use std::net::SocketAddr;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, OnceLock, PoisonError};
use std::time::{Duration, Instant};

use http_body_util::Full;
use hyper::body::{Bytes, Incoming};
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper::{Request, Response};
use hyper_util::rt::TokioIo;
use rand::{Rng, SeedableRng};
use rand_xoshiro::Xoshiro256PlusPlus;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpListener;

use super::gate::{Gate, PAST};
use super::server::Server;
use super::tls::Identity;

/// A running mesh.
pub(crate) struct Mesh {
    server: Server,
    state: Arc<State>,
}

/// A mesh that is being described.
pub(crate) struct Builder {
    targets: Vec<Target>,
    seed: u64,
    says: String,
    identityless: Option<Identityless>,
    pick: Pick,
    identity: Option<Identity>,
    gate: Option<Gate>,
    pause: Option<Pause>,
    alone: Option<Duration>,
}

/// One place a request may end.
struct Target {
    name: String,
    weight: u64,
    status: u16,
    latency: Duration,
    /// Errors that do not say that they are its.
    bare: Option<Identityless>,
    hits: AtomicU64,
}

/// A time in which nothing is answered.
struct Pause {
    /// Requests before it.
    after: u64,
    length: Duration,
    /// When it is over; known once it has begun.
    until: OnceLock<Instant>,
}

/// Answers that do not say who answered.
struct Identityless {
    status: u16,
    body: String,
    per_million: u64,
}

/// How often a target is picked.
#[derive(Clone, Copy)]
enum Pick {
    Request,
    Connection,
}

struct State {
    targets: Vec<Target>,
    says: String,
    identityless: Option<Identityless>,
    pick: Pick,
    identity: Option<Identity>,
    gate: Option<Gate>,
    pause: Option<Pause>,
    /// Whoever holds it works on a request for so long, and everybody else waits.
    alone: Option<(tokio::sync::Mutex<()>, Duration)>,
    rng: Mutex<Xoshiro256PlusPlus>,
    served: AtomicU64,
    connections: AtomicU64,
}

/// The declared split of most tests.
pub(crate) const NINETY_TEN: &str = "v1=90,v2=10";

impl Mesh {
    /// A mesh that does what [`NINETY_TEN`] declares.
    pub(crate) fn honest() -> Self {
        Self::split([("v1", 90), ("v2", 10)]).seed(7).start()
    }

    /// Describes a split by names and weights.
    pub(crate) fn split<'a>(targets: impl IntoIterator<Item = (&'a str, u64)>) -> Builder {
        let targets: Vec<Target> = targets
            .into_iter()
            .map(|(name, weight)| Target {
                name: name.to_owned(),
                weight,
                status: 200,
                latency: Duration::ZERO,
                bare: None,
                hits: AtomicU64::new(0),
            })
            .collect();
        assert!(
            targets.iter().any(|target| target.weight > 0),
            "someone must answer"
        );
        Builder {
            targets,
            seed: 0,
            says: "{}\n".to_owned(),
            identityless: None,
            pick: Pick::Request,
            identity: None,
            gate: None,
            pause: None,
            alone: None,
        }
    }

    /// Where it listens.
    pub(crate) fn addr(&self) -> SocketAddr {
        self.server.addr()
    }

    /// The URL of a path.
    pub(crate) fn url(&self, path: &str) -> String {
        match self.state.identity {
            Some(_) => Identity::url(self.addr(), path),
            None => format!("http://{}{path}", self.addr()),
        }
    }

    /// The certificate to trust, where it speaks TLS.
    pub(crate) fn certificate(&self) -> Option<&str> {
        self.state.identity.as_ref().map(Identity::pem)
    }

    /// Requests served so far, with or without an identity.
    pub(crate) fn served(&self) -> u64 {
        self.state.served.load(Ordering::SeqCst)
    }

    /// Requests served as one target.
    pub(crate) fn hits(&self, name: &str) -> u64 {
        self.state.target(name).hits.load(Ordering::SeqCst)
    }

    /// Connections accepted so far.
    pub(crate) fn connections(&self) -> u64 {
        self.state.connections.load(Ordering::SeqCst)
    }
}

impl Builder {
    /// Which draws are made; 0 unless told.
    pub(crate) fn seed(mut self, seed: u64) -> Self {
        self.seed = seed;
        self
    }

    /// The body, with `{}` for the name of the target; `{}` and a line end unless told.
    pub(crate) fn says(mut self, body: &str) -> Self {
        body.clone_into(&mut self.says);
        self
    }

    /// How long a target takes to answer; no time unless told.
    pub(crate) fn latency(mut self, name: &str, latency: Duration) -> Self {
        self.target(name).latency = latency;
        self
    }

    /// With which status a target answers, its identity unchanged; 200 unless told.
    pub(crate) fn status(mut self, name: &str, status: u16) -> Self {
        self.target(name).status = status;
        self
    }

    /// Gives a share of all requests an answer that no target signed, as a proxy does when it finds no backend.
    pub(crate) fn identityless(mut self, status: u16, body: &str, percent: u64) -> Self {
        self.identityless = Some(Identityless {
            status,
            body: body.to_owned(),
            per_million: percent * 10_000,
        });
        self
    }

    /// Gives a share of a target's requests a 503 that does not say whose it is.
    pub(crate) fn bare_errors(mut self, name: &str, body: &str, percent: u64) -> Self {
        self.target(name).bare = Some(Identityless {
            status: 503,
            body: body.to_owned(),
            per_million: percent * 10_000,
        });
        self
    }

    /// Answers nothing for a while after so many requests.
    pub(crate) fn pause(mut self, after: u64, length: Duration) -> Self {
        self.pause = Some(Pause {
            after,
            length,
            until: OnceLock::new(),
        });
        self
    }

    /// Works on one request at a time, for so long each.
    pub(crate) fn one_at_a_time(mut self, work: Duration) -> Self {
        self.alone = Some(work);
        self
    }

    /// Picks once for each connection, as a proxy that balances TCP does.
    pub(crate) fn per_connection(mut self) -> Self {
        self.pick = Pick::Connection;
        self
    }

    /// Answers only what the gate lets pass.
    pub(crate) fn behind(mut self, gate: &Gate) -> Self {
        self.gate = Some(gate.clone());
        self
    }

    /// Speaks TLS, with a certificate that nobody trusts yet.
    pub(crate) fn tls(self) -> Self {
        self.shows(Identity::new())
    }

    /// Speaks TLS as somebody.
    pub(crate) fn shows(mut self, identity: Identity) -> Self {
        self.identity = Some(identity);
        self
    }

    /// Listens on a free loopback port.
    pub(crate) fn start(self) -> Mesh {
        let state = Arc::new(State {
            targets: self.targets,
            says: self.says,
            identityless: self.identityless,
            pick: self.pick,
            identity: self.identity,
            gate: self.gate,
            pause: self.pause,
            alone: self.alone.map(|work| (tokio::sync::Mutex::default(), work)),
            rng: Mutex::new(Xoshiro256PlusPlus::seed_from_u64(self.seed)),
            served: AtomicU64::new(0),
            connections: AtomicU64::new(0),
        });
        let shared = Arc::clone(&state);
        Mesh {
            server: Server::start(move |listener| accept(listener, shared)),
            state,
        }
    }

    fn target(&mut self, name: &str) -> &mut Target {
        self.targets
            .iter_mut()
            .find(|target| target.name == name)
            .unwrap_or_else(|| panic!("no target `{name}` in this mesh"))
    }
}

impl State {
    fn target(&self, name: &str) -> &Target {
        self.targets
            .iter()
            .find(|target| target.name == name)
            .unwrap_or_else(|| panic!("no target `{name}` in this mesh"))
    }

    /// A number below `bound`, the way Envoy takes one: 64 random bits modulo the sum of the weights.
    fn draw(&self, bound: u64) -> u64 {
        let mut rng = self.rng.lock().unwrap_or_else(PoisonError::into_inner);
        rng.next_u64() % bound
    }

    fn pick(&self) -> &Target {
        let mut left = self.draw(self.targets.iter().map(|target| target.weight).sum());
        self.targets
            .iter()
            .find(|target| match left.checked_sub(target.weight) {
                Some(rest) => {
                    left = rest;
                    false
                }
                None => true,
            })
            .expect("the draw is below the sum of the weights")
    }
}

async fn accept(listener: TcpListener, state: Arc<State>) {
    while let Ok((stream, _)) = listener.accept().await {
        state.connections.fetch_add(1, Ordering::SeqCst);
        // A connection without it still works, only slower.
        let _ = stream.set_nodelay(true);
        let state = Arc::clone(&state);
        tokio::spawn(async move {
            match &state.identity {
                None => serve(stream, &state).await,
                // A client that does not trust us leaves during the handshake.
                Some(identity) => {
                    if let Ok(stream) = identity.acceptor().accept(stream).await {
                        serve(stream, &state).await;
                    }
                }
            }
        });
    }
}

async fn serve(stream: impl AsyncRead + AsyncWrite + Unpin, state: &State) {
    let pinned = match state.pick {
        Pick::Request => None,
        Pick::Connection => Some(state.pick()),
    };
    let service = service_fn(|request| answer(state, pinned, request));
    // The client may leave whenever it likes.
    let _ = http1::Builder::new()
        .serve_connection(TokioIo::new(stream), service)
        .await;
}

async fn answer(
    state: &State,
    pinned: Option<&Target>,
    request: Request<Incoming>,
) -> Result<Response<Full<Bytes>>, Infallible> {
    let past_the_gate = request.headers().contains_key(PAST);
    let before = state.served.fetch_add(1, Ordering::SeqCst);
    if let Some(pause) = state.pause.as_ref().filter(|pause| before >= pause.after) {
        let until = *pause.until.get_or_init(|| Instant::now() + pause.length);
        tokio::time::sleep_until(until.into()).await;
    }
    if let Some((turn, work)) = &state.alone {
        let _turn = turn.lock().await;
        tokio::time::sleep(*work).await;
    }
    if let Some(none) = &state.identityless
        && state.draw(1_000_000) < none.per_million
    {
        return Ok(respond(Response::builder().status(none.status), &none.body));
    }
    let target = pinned.unwrap_or_else(|| state.pick());
    target.hits.fetch_add(1, Ordering::SeqCst);
    if let Some(gate) = state.gate.as_ref().filter(|_| !past_the_gate) {
        gate.pass().await;
    }
    if !target.latency.is_zero() {
        tokio::time::sleep(target.latency).await;
    }
    if let Some(bare) = &target.bare
        && state.draw(1_000_000) < bare.per_million
    {
        return Ok(respond(Response::builder().status(bare.status), &bare.body));
    }
    let name = &target.name;
    let head = Response::builder()
        .status(target.status)
        .header("x-version", name);
    Ok(if request.uri().path() == "/json" {
        let body =
            serde_json::json!({ "version": name, "pod": format!("{name}-6757db4ff5-8jzqn") });
        respond(
            head.header("content-type", "application/json"),
            &body.to_string(),
        )
    } else {
        respond(head, &state.says.replace("{}", name))
    })
}

fn respond(head: http::response::Builder, body: &str) -> Response<Full<Bytes>> {
    head.body(Full::from(body.to_owned()))
        .expect("the status and the names of a test are valid")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::support::http::get;

    #[test]
    fn counts_depend_on_the_seed_alone() {
        let counts = || {
            let mesh = Mesh::split([("v1", 90), ("v2", 10)]).seed(7).start();
            for _ in 0..200 {
                get(mesh.addr(), "/").unwrap();
            }
            assert_eq!((mesh.served(), mesh.connections()), (200, 200));
            (mesh.hits("v1"), mesh.hits("v2"))
        };
        let (v1, v2) = counts();
        assert_eq!(v1 + v2, 200);
        assert!((8..=35).contains(&v2), "{v2} of 200 at 10 %");
        assert_eq!(counts(), (v1, v2));
    }

    #[test]
    fn a_target_signs_its_answer_in_body_header_and_json() {
        let mesh = Mesh::split([("v1", 0), ("v2", 1)])
            .status("v2", 500)
            .says("version: {}")
            .start();
        let plain = get(mesh.addr(), "/any").unwrap();
        assert_eq!(plain.status, 500);
        assert_eq!(plain.headers["x-version"], "v2");
        assert_eq!(plain.body, "version: v2");
        let json = get(mesh.addr(), "/json").unwrap();
        assert_eq!(json.headers["content-type"], "application/json");
        assert_eq!(json.body, r#"{"version":"v2","pod":"v2-6757db4ff5-8jzqn"}"#);
        assert_eq!((mesh.hits("v1"), mesh.hits("v2")), (0, 2));
    }

    #[test]
    fn an_identityless_answer_is_served_but_nobody_is_hit() {
        let mesh = Mesh::split([("v1", 1)])
            .identityless(503, "no healthy upstream", 100)
            .start();
        let answer = get(mesh.addr(), "/").unwrap();
        assert_eq!(answer.status, 503);
        assert!(!answer.headers.contains_key("x-version"));
        assert_eq!(answer.body, "no healthy upstream");
        assert_eq!((mesh.served(), mesh.hits("v1")), (1, 0));
    }

    #[test]
    fn latency_delays_the_answer() {
        let mesh = Mesh::split([("v1", 1)])
            .latency("v1", Duration::from_millis(60))
            .start();
        let started = std::time::Instant::now();
        get(mesh.addr(), "/").unwrap();
        assert!(started.elapsed() >= Duration::from_millis(60));
    }

    #[test]
    fn a_dropped_mesh_refuses_connections() {
        let mesh = Mesh::split([("v1", 1)]).per_connection().start();
        let addr = mesh.addr();
        get(addr, "/").unwrap();
        drop(mesh);
        assert!(get(addr, "/").is_err());
    }
}
