//! One blocking GET over a connection of its own. Not a load generator.

use std::io;
use std::net::SocketAddr;

use http_body_util::{BodyExt, Empty};
use hyper::body::Bytes;
use hyper::client::conn::http1;
use hyper::{HeaderMap, Request, StatusCode};
use hyper_util::rt::TokioIo;
use tokio::net::TcpStream;
use tokio::runtime;

use super::wait::HANGS;

/// What came back.
#[derive(Debug)]
pub(crate) struct Answer {
    /// The status.
    pub(crate) status: StatusCode,
    /// The headers.
    pub(crate) headers: HeaderMap,
    /// The whole body.
    pub(crate) body: String,
}

/// `GET path`.
pub(crate) fn get(addr: SocketAddr, path: &str) -> io::Result<Answer> {
    get_with(addr, path, &[])
}

/// `GET path` with headers.
pub(crate) fn get_with(
    addr: SocketAddr,
    path: &str,
    headers: &[(&str, &str)],
) -> io::Result<Answer> {
    let runtime = runtime::Builder::new_current_thread()
        .enable_all()
        .build()?;
    runtime.block_on(async {
        tokio::time::timeout(HANGS, exchange(addr, path, headers))
            .await
            .map_err(|_| io::Error::from(io::ErrorKind::TimedOut))?
    })
}

async fn exchange(addr: SocketAddr, path: &str, headers: &[(&str, &str)]) -> io::Result<Answer> {
    let stream = TcpStream::connect(addr).await?;
    let (mut send, connection) = http1::handshake(TokioIo::new(stream))
        .await
        .map_err(io::Error::other)?;
    tokio::spawn(connection);
    let mut request = Request::get(path).header("host", addr.to_string());
    for (name, value) in headers {
        request = request.header(*name, *value);
    }
    let request = request
        .body(Empty::<Bytes>::new())
        .expect("path and headers of a test are valid");
    let response = send.send_request(request).await.map_err(io::Error::other)?;
    let (head, body) = response.into_parts();
    let body = body.collect().await.map_err(io::Error::other)?.to_bytes();
    Ok(Answer {
        status: head.status,
        headers: head.headers,
        body: String::from_utf8_lossy(&body).into_owned(),
    })
}
