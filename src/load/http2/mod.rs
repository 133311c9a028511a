//! HTTP/2 on the `h2` crate: one connection that several workers share, a stream for each request.
//!
//! A task of its own drives the connection; workers poll their streams. What `h2` queues once the peer takes no further
//! stream is not told from what it has sent, so requests wait here for their turn, in the order in which they come.

mod driver;
mod response;

use std::cell::{Cell, RefCell};
use std::rc::Rc;
use std::task::{Context, Waker};
use std::time::{Duration, Instant};

use bytes::Bytes;
use h2::Reason;
use h2::client::{Builder, ResponseFuture, SendRequest};
use http::HeaderMap;
use tokio::task::spawn_local;

use self::driver::{State, Waiting, drive};
use self::response::{Body, Fault, broken, fields, read};
use super::connect::Link;
use super::delivery::{Completed, Delivery, ExchangeError};
use super::grpc;
use super::http1::incomplete;
use super::limits::{Budget, MOST_FIELDS};
use crate::bucket::{Fields, Reply};
use crate::observe::{Failure, FailureCause, FailureKind};

/// What the peer may send on one stream, and on all together, before it has to wait. A body up to the first goes through
/// without a pause.
const STREAM_WINDOW: u32 = 256 << 10;
const CONNECTION_WINDOW: u32 = 4 << 20;
/// Streams at a time until the peer says how many it takes: it says so first of all, and those beyond would be refused.
const STREAMS_AT_FIRST: usize = 1;
/// Heads are held to their own limit (see `response`), and `h2` reads on a while: what it refuses by itself it calls an error of
/// the protocol, as everything else that is wrong with a head.
const HEAD_OF_H2: u32 = 256 << 10;
/// Fields of a usual response.
const FEW_FIELDS: usize = 16;
/// Streams that were given up and may still be answered: they are remembered for so long.
const GIVEN_UP: (usize, Duration) = (1024, Duration::from_secs(30));
/// What is sent on each stream.
#[derive(Debug)]
pub(super) struct Request {
    pub(super) head: http::Request<()>,
    pub(super) body: Bytes,
    /// Whether the response has no body.
    pub(super) bodiless: bool,
    /// Whether it is a gRPC call.
    pub(super) grpc: bool,
}

/// An open connection.
pub(super) struct Connection {
    sender: RefCell<SendRequest<Bytes>>,
    state: Rc<State>,
    /// Requests it may still serve.
    quota: Cell<u32>,
    /// Requests that wait for their turn.
    waiting: Cell<usize>,
    budget: Rc<Budget>,
    peer: Rc<str>,
    /// Its number within the run.
    pub(super) number: u32,
}

/// A request under way.
pub(super) struct Stream<'c> {
    state: &'c State,
    response: Option<ResponseFuture>,
    /// Whether a completed response had come on the connection before.
    kept: bool,
    /// When the first of the response came.
    first_byte: Option<Instant>,
    /// What has come of the response, once its final head has.
    head: Option<http::response::Parts>,
    body: Body<'c>,
    trailers: Option<HeaderMap>,
    /// When the first message of a gRPC call was complete, and whether it counts alone.
    message: Option<Instant>,
    streamed: bool,
}

impl Connection {
    /// Begins to speak HTTP/2.
    pub(super) async fn new(
        link: Link,
        number: u32,
        quota: u32,
        budget: Rc<Budget>,
    ) -> Result<Self, Failure> {
        let (sender, connection) = Builder::new()
            .enable_push(false)
            .header_table_size(0)
            .initial_window_size(STREAM_WINDOW)
            .initial_connection_window_size(CONNECTION_WINDOW)
            .initial_max_send_streams(STREAMS_AT_FIRST)
            .max_header_list_size(HEAD_OF_H2)
            .max_concurrent_reset_streams(GIVEN_UP.0)
            .reset_stream_duration(GIVEN_UP.1)
            .handshake::<_, Bytes>(link.stream)
            .await
            .map_err(|error| broken(&error, false))?;
        let state = Rc::new(State::new(STREAMS_AT_FIRST));
        spawn_local(drive(connection, Rc::clone(&state)));
        Ok(Self {
            sender: RefCell::new(sender),
            state,
            quota: Cell::new(quota),
            waiting: Cell::new(0),
            budget,
            peer: link.peer,
            number,
        })
    }

    /// Whether another request may go over it.
    pub(super) fn reusable(&self) -> bool {
        self.quota.get() > 0 && !self.state.over.get()
    }

    /// Takes the right to send one more request.
    pub(super) fn spend(&self) {
        self.quota.set(self.quota.get().saturating_sub(1));
    }

    /// No further request goes over it.
    fn retire(&self) {
        self.quota.set(0);
    }

    /// A connection on which nothing has come since then may be dead.
    fn retire_if_silent(&self, since: Instant) {
        if self.state.heard.get().is_none_or(|heard| heard < since) {
            self.retire();
        }
    }

    /// Time is up for a request that had no turn since `asked`.
    pub(super) fn full(&self, asked: Instant, limit: Duration) -> Failure {
        self.retire_if_silent(asked);
        let what = format!("the server took no further request within {limit:?}");
        self.closed_to_streams(&what)
            .unwrap_or_else(|| Failure::because(FailureCause::StreamsBusy, what))
    }

    /// Time is up for a request: what is missing.
    pub(super) fn stalled(&self, stream: &Stream<'_>, sent: Instant, limit: Duration) -> Failure {
        self.retire_if_silent(sent);
        if stream.head.is_some() {
            return incomplete(limit);
        }
        let what = format!("no response within {limit:?}");
        self.closed_to_streams(&what)
            .unwrap_or_else(|| Failure::new(FailureKind::Timeout, what))
    }

    /// The peer allows no streams, which explains what happened.
    fn closed_to_streams(&self, what: &str) -> Option<Failure> {
        let none = self.state.most.get() == 0;
        none.then(|| {
            let message = format!("{what}: its SETTINGS_MAX_CONCURRENT_STREAMS is 0");
            Failure::because(FailureCause::StreamsForbidden, message)
        })
    }

    /// Sends the request, unless others wait or the peer takes no more at present.
    pub(super) fn try_open(&self, request: &Request) -> Option<Result<Stream<'_>, ExchangeError>> {
        if self.waiting.get() > 0 || !self.state.takes_more() {
            return None;
        }
        Some(self.send(request))
    }

    /// The same as soon as it is one's turn.
    pub(super) async fn open(&self, request: &Request) -> Result<Stream<'_>, ExchangeError> {
        let _place = Waiting::new(&self.waiting);
        loop {
            let called = self.state.turn.notified();
            if self.waiting.get() == 1 && self.state.takes_more() {
                return self.send(request);
            }
            called.await;
            if self.state.takes_more() {
                let sent = self.send(request);
                // There may be room for more, and whoever comes now waits behind those who do already.
                self.state.turn.notify_one();
                return sent;
            }
        }
    }

    fn send(&self, request: &Request) -> Result<Stream<'_>, ExchangeError> {
        let mut sender = self.sender.borrow_mut();
        // A handle remembers the last stream that it queued, and takes no other while that one waits: another one does.
        let mut task = Context::from_waker(Waker::noop());
        if sender.poll_ready(&mut task).is_pending() {
            *sender = sender.clone();
        }
        let opened = sender
            .send_request(request.head.clone(), request.body.is_empty())
            .and_then(|(response, mut body)| {
                if !request.body.is_empty() {
                    body.send_data(request.body.clone(), true)?;
                }
                Ok(response)
            });
        match opened {
            Ok(response) => {
                self.state.active.set(self.state.active.get() + 1);
                Ok(Stream {
                    state: &self.state,
                    response: Some(response),
                    kept: self.state.answered.get(),
                    first_byte: None,
                    head: None,
                    body: Body::new(&self.budget),
                    trailers: None,
                    message: None,
                    streamed: false,
                })
            }
            Err(error) => {
                self.retire();
                Err(ExchangeError::new(
                    self.state.explain(&error, false),
                    self.state.not_sent(),
                ))
            }
        }
    }

    /// Reads the response to a request as far as it counts, and hands it to `sort`.
    pub(super) async fn response(
        &self,
        stream: &mut Stream<'_>,
        request: &Request,
        sort: impl Fn(&Reply<'_>) -> Result<usize, Failure>,
    ) -> Result<Completed, ExchangeError> {
        if let Err(fault) = read(stream, request).await {
            return Err(self.failed(fault, stream));
        }
        Ok(self.completed(stream, request, sort))
    }

    /// Time is up, and what came may count all the same: a stream of a gRPC server may pause after its first message.
    pub(super) fn first_message(
        &self,
        stream: &mut Stream<'_>,
        request: &Request,
        sort: impl Fn(&Reply<'_>) -> Result<usize, Failure>,
    ) -> Option<Completed> {
        stream.message?;
        stream.streamed = true;
        Some(self.completed(stream, request, sort))
    }

    fn completed(
        &self,
        stream: &Stream<'_>,
        request: &Request,
        sort: impl Fn(&Reply<'_>) -> Result<usize, Failure>,
    ) -> Completed {
        let counted = stream.message.filter(|_| stream.streamed);
        let done = counted.unwrap_or_else(|| self.state.hear());
        self.state.answered.set(true);
        let head = stream.head.as_ref().expect("a response has a head");
        // Most responses have few fields, and room for all that there may be is four kilobytes to clear.
        let (mut few, mut many);
        let count = head.headers.len() + stream.trailers.as_ref().map_or(0, HeaderMap::len);
        let room: &mut [httparse::Header<'_>] = if count <= FEW_FIELDS {
            few = [httparse::EMPTY_HEADER; FEW_FIELDS];
            &mut few
        } else {
            many = [httparse::EMPTY_HEADER; MOST_FIELDS];
            &mut many
        };
        let fields = fields(&head.headers, stream.trailers.as_ref(), room);
        Completed {
            result: self.say(stream, head.status.as_u16(), fields, request, sort),
            bytes: stream.body.bytes().len() as u64,
            first_byte: stream.first_byte.unwrap_or(done),
            done,
        }
    }

    /// What the response says, in the terms of HTTP.
    fn say(
        &self,
        stream: &Stream<'_>,
        http: u16,
        headers: Fields<'_>,
        request: &Request,
        sort: impl Fn(&Reply<'_>) -> Result<usize, Failure>,
    ) -> Result<usize, Failure> {
        let body = stream.body.bytes();
        let reply = |status, body| Reply {
            status,
            headers,
            body,
            peer: &self.peer,
        };
        if !request.grpc {
            return sort(&reply(http, body));
        }
        // The status of a stream comes at its end, and what counts is its first message.
        let status = if stream.streamed {
            http
        } else {
            grpc::status(http, headers)?
        };
        // A proxy that answers by itself does not speak gRPC in its body.
        let message = if http == 200 {
            grpc::message(body, headers)?
        } else {
            body.into()
        };
        sort(&reply(status, &message))
    }

    /// How a request ends that has no complete response, and what that says about its connection.
    fn failed(&self, fault: Fault, stream: &Stream<'_>) -> ExchangeError {
        let error = match fault {
            Fault::Message(failure) => return ExchangeError::new(failure, Delivery::Unknown),
            Fault::Protocol(error) => error,
        };
        let failure = self.state.explain(&error, stream.head.is_some());
        let delivery = if error.is_go_away() && error.is_remote() {
            // A stream fails of a GOAWAY only where that names a lower one.
            self.retire();
            self.state.not_sent()
        } else if error.is_remote() && error.reason() == Some(Reason::REFUSED_STREAM) {
            self.retire();
            Delivery::Refused
        } else if error.is_io() && stream.kept && stream.first_byte.is_none() {
            self.retire();
            Delivery::IdleCloseRace
        } else {
            Delivery::Unknown
        };
        if error.is_remote() {
            self.state.hear();
        }
        ExchangeError::new(failure, delivery)
    }
}

impl Drop for Connection {
    fn drop(&mut self) {
        self.state.unused.notify_one();
    }
}

impl Drop for Stream<'_> {
    fn drop(&mut self) {
        self.state.active.set(self.state.active.get() - 1);
        if self.state.takes_more() {
            self.state.turn.notify_one();
        }
    }
}
