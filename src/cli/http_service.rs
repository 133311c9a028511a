//! An HTTP service: it accepts until it is told to end, then answers whoever waits. What a path answers is up to the caller.

use std::convert::Infallible;
use std::io;
use std::net::{SocketAddr, TcpListener};
use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use http::header::{CONTENT_TYPE, HeaderValue};
use http::{Request, Response, StatusCode};
use http_body_util::Full;
use hyper::body::{Bytes, Incoming};
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::net::TcpStream;
use tokio::sync::{Semaphore, watch};

/// Connections at a time; those on top wait to be accepted.
const CONNECTIONS: u32 = 2048;
/// How long a caller may take to send the head of a request.
const HEAD: Duration = Duration::from_secs(10);
/// How long an accept waits that failed, as it does without free descriptors.
const PAUSE: Duration = Duration::from_millis(50);

pub(super) type Body = Full<Bytes>;

/// An address to accept at.
pub(super) fn open(address: SocketAddr) -> io::Result<TcpListener> {
    let listener = TcpListener::bind(address)?;
    listener.set_nonblocking(true)?;
    Ok(listener)
}

/// Accepts until `ending` is true, then waits for the connections that have an answer to come.
pub(super) fn serve<A, F>(
    listener: TcpListener,
    ending: &watch::Receiver<bool>,
    answer: A,
) -> io::Result<()>
where
    A: Fn(Request<Incoming>) -> F + Clone + Send + 'static,
    F: Future<Output = Response<Body>> + Send + 'static,
{
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()?;
    runtime.block_on(async {
        let listener = tokio::net::TcpListener::from_std(listener)?;
        let places = Arc::new(Semaphore::new(CONNECTIONS as usize));
        let mut ended = ending.clone();
        loop {
            let place = Arc::clone(&places)
                .acquire_owned()
                .await
                .map_err(io::Error::other)?;
            let accepted = tokio::select! {
                accepted = listener.accept() => accepted,
                () = until(&mut ended) => break,
            };
            match accepted {
                Ok((stream, _)) => {
                    let (answer, ending) = (answer.clone(), ending.clone());
                    tokio::spawn(async move {
                        connection(stream, answer, ending).await;
                        drop(place);
                    });
                }
                Err(_) => tokio::time::sleep(PAUSE).await,
            }
        }
        drop(listener);
        // All places are free once every connection has ended.
        let _ = places.acquire_many(CONNECTIONS).await;
        Ok(())
    })
}

/// Waits for the end; what says it is not kept.
async fn until(ending: &mut watch::Receiver<bool>) {
    drop(ending.wait_for(|ending| *ending).await);
}

async fn connection<A, F>(stream: TcpStream, answer: A, mut ending: watch::Receiver<bool>)
where
    A: Fn(Request<Incoming>) -> F,
    F: Future<Output = Response<Body>>,
{
    let answers = service_fn(move |request| {
        let answer = answer(request);
        async move { Ok::<_, Infallible>(answer.await) }
    });
    let connection = http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(HEAD)
        .serve_connection(TokioIo::new(stream), answers);
    let mut connection = pin!(connection);
    // What a caller does to its connection is its own affair.
    tokio::select! {
        _ = connection.as_mut() => {}
        () = until(&mut ending) => {
            connection.as_mut().graceful_shutdown();
            let _ = connection.await;
        }
    }
}

/// A line of text.
pub(super) fn text(status: StatusCode, text: &str) -> Response<Body> {
    typed(
        status,
        "text/plain; charset=utf-8",
        format!("{text}\n").into_bytes(),
    )
}

/// A body with its media type.
pub(super) fn typed(status: StatusCode, kind: &'static str, body: Vec<u8>) -> Response<Body> {
    let mut response = Response::new(Full::new(Bytes::from(body)));
    *response.status_mut() = status;
    response
        .headers_mut()
        .insert(CONTENT_TYPE, HeaderValue::from_static(kind));
    response
}

/// What kubelet asks: whether this process lives, and whether it is about to end.
pub(super) fn probed(path: &str, ending: bool) -> Option<Response<Body>> {
    match path {
        "/readyz" if ending => Some(text(
            StatusCode::SERVICE_UNAVAILABLE,
            "this process is about to end",
        )),
        "/healthz" | "/readyz" => Some(text(StatusCode::OK, "ok")),
        _ => None,
    }
}
