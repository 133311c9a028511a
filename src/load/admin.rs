//! Pages of an admin interface, one at a time over one connection, bounded in bytes and time. It reads only, and has nothing to
//! do with the requests that are counted.

use std::fmt;
use std::io;
use std::path::PathBuf;
use std::time::Duration;

use bytes::Bytes;
use http::Request;
use http::header::HOST;
use http_body_util::{BodyExt, Empty};
use hyper::client::conn::http1::{SendRequest, handshake};
use hyper_util::rt::TokioIo;
use tokio::net::{TcpStream, UnixStream};
use tokio::runtime::Runtime;
use tokio::time::timeout;

/// What stays of a message of the interface.
const LONGEST_REASON: usize = 120;

/// Where an admin interface listens.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum AdminAddress {
    /// `http://HOST:PORT`, and what comes in front of its paths.
    Tcp {
        /// Without brackets.
        host: String,
        /// The port.
        port: u16,
        /// Empty, or `/` and more, without a slash at the end.
        prefix: String,
    },
    /// A Unix socket.
    Unix(PathBuf),
}

/// How much a page may take.
#[derive(Clone, Copy, Debug)]
pub struct Limits {
    /// Bytes of a page.
    pub bytes: usize,
    /// From the request to the end of the page, a connection included.
    pub time: Duration,
}

/// Why there is no page.
#[derive(Debug, thiserror::Error)]
pub enum AdminError {
    /// Nobody is there.
    #[error("{0}")]
    Unreachable(io::Error),
    /// It took too long.
    #[error("no complete response within {0:?}")]
    Slow(Duration),
    /// It did not end.
    #[error("its response is larger than {} MiB", .0 >> 20)]
    Large(usize),
    /// It is not allowed, or not there.
    #[error("its response is {status}{}", reason(.said))]
    Status {
        /// The status.
        status: u16,
        /// The first line of the body.
        said: String,
    },
    /// It is no HTTP.
    #[error("it does not speak HTTP: {0}")]
    Protocol(#[from] hyper::Error),
    /// It is no text.
    #[error("its response is not UTF-8 text")]
    NotText,
}

/// A client of one admin interface.
#[derive(Debug)]
pub struct AdminClient {
    address: AdminAddress,
    limits: Limits,
    runtime: Runtime,
    connection: Option<SendRequest<Empty<Bytes>>>,
}

impl AdminClient {
    /// A client that has not connected yet.
    pub fn new(address: AdminAddress, limits: Limits) -> io::Result<Self> {
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_io()
            .enable_time()
            .max_blocking_threads(1)
            .build()?;
        Ok(Self {
            address,
            limits,
            runtime,
            connection: None,
        })
    }

    /// The page of a path.
    pub fn get(&mut self, path: &str) -> Result<String, AdminError> {
        let Self {
            address,
            limits,
            runtime,
            connection,
        } = self;
        let page = runtime.block_on(async {
            let page = timeout(limits.time, page(address, connection, path, limits.bytes));
            page.await.unwrap_or(Err(AdminError::Slow(limits.time)))
        });
        if page.is_err() {
            // What is left of a response must not be taken for the next one.
            self.connection = None;
        }
        page
    }

    /// Waits so long for a page from now on, where it waited longer.
    pub fn wait_at_most(&mut self, time: Duration) {
        self.limits.time = self.limits.time.min(time);
    }

    /// Where it asks.
    #[must_use]
    pub fn address(&self) -> &AdminAddress {
        &self.address
    }
}

impl fmt::Display for AdminAddress {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Tcp { host, port, prefix } if host.contains(':') => {
                write!(f, "http://[{host}]:{port}{prefix}")
            }
            Self::Tcp { host, port, prefix } => write!(f, "http://{host}:{port}{prefix}"),
            Self::Unix(path) => write!(f, "unix:{}", path.display()),
        }
    }
}

/// `: access denied`, or nothing.
fn reason(said: &str) -> String {
    match said {
        "" => String::new(),
        said => format!(": {said}"),
    }
}

async fn page(
    address: &AdminAddress,
    connection: &mut Option<SendRequest<Empty<Bytes>>>,
    path: &str,
    most: usize,
) -> Result<String, AdminError> {
    if let Some(mut open) = connection.take().filter(|open| !open.is_closed()) {
        // The interface may have closed it meanwhile: then another one is opened.
        if let Ok(page) = exchange(&mut open, address, path, most).await {
            *connection = Some(open);
            return page;
        }
    }
    let mut open = connect(address).await?;
    let page = exchange(&mut open, address, path, most).await?;
    *connection = Some(open);
    page
}

/// A connection of its own; the task that carries it ends with it.
async fn connect(address: &AdminAddress) -> Result<SendRequest<Empty<Bytes>>, AdminError> {
    let unreachable = AdminError::Unreachable;
    let open = match address {
        AdminAddress::Tcp { host, port, .. } => {
            let stream = TcpStream::connect((host.as_str(), *port)).await;
            let (open, carried) = handshake(TokioIo::new(stream.map_err(unreachable)?)).await?;
            tokio::spawn(carried);
            open
        }
        AdminAddress::Unix(path) => {
            let stream = UnixStream::connect(path).await.map_err(unreachable)?;
            let (open, carried) = handshake(TokioIo::new(stream)).await?;
            tokio::spawn(carried);
            open
        }
    };
    Ok(open)
}

/// One request and its response: the outer result is the connection's, the inner one the page's.
async fn exchange(
    open: &mut SendRequest<Empty<Bytes>>,
    address: &AdminAddress,
    path: &str,
    most: usize,
) -> Result<Result<String, AdminError>, hyper::Error> {
    let (host, prefix) = match address {
        AdminAddress::Tcp { host, port, prefix } if host.contains(':') => {
            (format!("[{host}]:{port}"), prefix.as_str())
        }
        AdminAddress::Tcp { host, port, prefix } => (format!("{host}:{port}"), prefix.as_str()),
        AdminAddress::Unix(_) => ("localhost".to_owned(), ""),
    };
    let request = Request::get(format!("{prefix}{path}"))
        .header(HOST, host)
        .body(Empty::new())
        .expect("paths are encoded");
    open.ready().await?;
    let response = open.send_request(request).await?;
    let status = response.status();
    let mut body = response.into_body();
    let mut bytes = Vec::new();
    while let Some(frame) = body.frame().await {
        if let Ok(data) = frame?.into_data() {
            if bytes.len() + data.len() > most {
                return Ok(Err(AdminError::Large(most)));
            }
            bytes.extend_from_slice(&data);
        }
    }
    if !status.is_success() {
        let text = String::from_utf8_lossy(&bytes);
        let said = text.lines().next().unwrap_or_default().trim();
        return Ok(Err(AdminError::Status {
            status: status.as_u16(),
            said: (said.chars().filter(|c| !c.is_control()))
                .take(LONGEST_REASON)
                .collect(),
        }));
    }
    Ok(String::from_utf8(bytes).map_err(|_| AdminError::NotText))
}

/// A text as the value of a parameter in a query.
#[must_use]
pub fn encoded(text: &str) -> String {
    let mut encoded = String::new();
    for byte in text.bytes() {
        match byte {
            b'A'..=b'Z' | b'a'..=b'z' | b'0'..=b'9' | b'-' | b'.' | b'_' | b'~' => {
                encoded.push(char::from(byte));
            }
            _ => {
                use fmt::Write as _;
                let _ = write!(encoded, "%{byte:02X}");
            }
        }
    }
    encoded
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_pattern_goes_into_a_query() {
        assert_eq!(encoded("^(a|b)\\.c$"), "%5E%28a%7Cb%29%5C.c%24");
    }

    #[test]
    fn an_address_is_shown_as_it_is_typed() {
        let tcp = |host: &str, prefix: &str| AdminAddress::Tcp {
            host: host.to_owned(),
            port: 15000,
            prefix: prefix.to_owned(),
        };
        assert_eq!(tcp("::1", "").to_string(), "http://[::1]:15000");
        assert_eq!(tcp("a", "/x").to_string(), "http://a:15000/x");
        assert_eq!(AdminAddress::Unix("/s".into()).to_string(), "unix:/s");
    }
}
