//! One HTTP/1.1 connection and the exchanges on it. The connection is polled in the task of its user, so no message
//! passes between tasks.

use std::error::Error as _;
use std::future::{Future, poll_fn};
use std::io;
use std::net::SocketAddr;
use std::pin::{Pin, pin};
use std::task::Context;

use http::response::Parts;
use http::{Request, header};
use http_body_util::{BodyExt, Full};
use hyper::body::{Bytes, Incoming};
use hyper::client::conn::TrySendError;
use hyper::client::conn::http1::{self, SendRequest};
use hyper::rt::{Read, Write};

use crate::observe::{Failure, FailureKind};
use crate::plan::RequestTemplate;

/// Bodies are read up to this size; more is a failure.
const LARGEST_BODY: usize = 8 << 20;

type Driver = Pin<Box<dyn Future<Output = hyper::Result<()>>>>;

/// Why an exchange has no answer.
pub(super) struct Broken {
    /// How it is counted.
    pub(super) failure: Failure,
    /// The connection had ended before the request was written. What was written is never sent again: the server may
    /// have acted on it, and a version that drops connections must not be drawn anew until it answers.
    pub(super) unsent: bool,
}

/// An open connection.
pub(super) struct Connection {
    sender: SendRequest<Full<Bytes>>,
    /// Reads and writes; gone when the connection has ended.
    driver: Option<Driver>,
    /// Requests it may still serve.
    quota: u32,
    /// Who is at the other end.
    pub(super) peer: SocketAddr,
}

impl Connection {
    pub(super) async fn new<IO: Read + Write + Unpin + 'static>(
        io: IO,
        peer: SocketAddr,
        quota: u32,
    ) -> Result<Self, Failure> {
        let (sender, driver) = http1::Builder::new()
            .writev(false)
            .handshake(io)
            .await
            .map_err(|error| failure(&error, false))?;
        Ok(Self {
            sender,
            driver: Some(Box::pin(driver)),
            quota,
            peer,
        })
    }

    /// Whether another request may go over it.
    pub(super) fn reusable(&self) -> bool {
        self.quota > 0 && self.driver.is_some() && !self.sender.is_closed()
    }

    /// Sends the request and reads the whole answer, the body into `body`.
    pub(super) async fn exchange(
        &mut self,
        template: &RequestTemplate,
        body: &mut Vec<u8>,
    ) -> Result<Parts, Broken> {
        let Self {
            sender,
            driver,
            quota,
            ..
        } = self;
        *quota -= 1;
        let last = *quota == 0;
        // A connection that ended meanwhile says so here, before anything is sent.
        let ready = drive(driver, sender.ready()).await;
        ready.map_err(|error| Broken::unsent(&error))?;
        let answer = drive(driver, sender.try_send_request(request(template, last))).await;
        let (head, incoming) = answer.map_err(Broken::unanswered)?.into_parts();
        let whole = drive(driver, read(incoming, body)).await;
        whole.map_err(|failure| Broken {
            failure,
            unsent: false,
        })?;
        Ok(head)
    }
}

impl Broken {
    fn unsent(error: &hyper::Error) -> Self {
        Self {
            failure: failure(error, false),
            unsent: true,
        }
    }

    /// A request that comes back was never written.
    fn unanswered(mut error: TrySendError<Request<Full<Bytes>>>) -> Self {
        Self {
            unsent: error.take_message().is_some(),
            failure: failure(error.error(), false),
        }
    }
}

/// Polls the connection beside the work that waits for it.
async fn drive<T>(driver: &mut Option<Driver>, work: impl Future<Output = T>) -> T {
    let mut work = pin!(work);
    poll_fn(|context| {
        poll_driver(driver, context);
        let polled = work.as_mut().poll(context);
        if polled.is_pending() {
            // Writes what the work has just handed over.
            poll_driver(driver, context);
        }
        polled
    })
    .await
}

/// How the connection ended reaches the work as its own error.
fn poll_driver(driver: &mut Option<Driver>, context: &mut Context<'_>) {
    if let Some(connection) = driver
        && connection.as_mut().poll(context).is_ready()
    {
        *driver = None;
    }
}

fn request(template: &RequestTemplate, last: bool) -> Request<Full<Bytes>> {
    let mut request = Request::new(Full::new(Bytes::copy_from_slice(&template.body)));
    *request.method_mut() = template.method.clone();
    *request.uri_mut() = template.target.clone();
    *request.headers_mut() = template.headers.clone();
    if last {
        request.headers_mut().insert(
            header::CONNECTION,
            header::HeaderValue::from_static("close"),
        );
    }
    request
}

async fn read(mut incoming: Incoming, body: &mut Vec<u8>) -> Result<(), Failure> {
    body.clear();
    while let Some(frame) = incoming.frame().await {
        let frame = frame.map_err(|error| failure(&error, true))?;
        if let Some(data) = frame.data_ref() {
            if body.len() + data.len() > LARGEST_BODY {
                let message = format!("the body is larger than {} MiB", LARGEST_BODY >> 20);
                return Err(Failure {
                    kind: FailureKind::Oversized,
                    message,
                });
            }
            body.extend_from_slice(data);
        }
    }
    Ok(())
}

/// The kind of a failed exchange; `begun` when the head of the answer was already read.
fn failure(error: &hyper::Error, begun: bool) -> Failure {
    let io = error
        .source()
        .and_then(|source| source.downcast_ref::<io::Error>())
        .map(io::Error::kind);
    let ended = error.is_incomplete_message()
        || error.is_closed()
        || error.is_canceled()
        || io == Some(io::ErrorKind::UnexpectedEof);
    let reset = [
        io::ErrorKind::ConnectionReset,
        io::ErrorKind::ConnectionAborted,
        io::ErrorKind::BrokenPipe,
    ];
    let kind = match io {
        _ if ended && begun => FailureKind::Truncated,
        _ if ended => FailureKind::Reset,
        Some(kind) if reset.contains(&kind) => FailureKind::Reset,
        _ => FailureKind::Malformed,
    };
    let message = error
        .source()
        .map_or_else(|| error.to_string(), |source| format!("{error}: {source}"));
    Failure { kind, message }
}
