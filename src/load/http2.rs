//! HTTP/2 on the `h2` crate: one connection that several workers share, a stream for each request.
//!
//! A task of its own drives the connection; workers poll their streams. What `h2` queues once the peer takes no further
//! stream is not told from what it has sent, so requests wait here for their turn, in the order in which they come.

use std::cell::{Cell, RefCell};
use std::future::poll_fn;
use std::io;
use std::pin::{Pin, pin};
use std::rc::Rc;
use std::task::{Context, Poll};
use std::time::{Duration, Instant};

use bytes::Bytes;
use h2::client::{Builder, ResponseFuture, SendRequest};
use h2::{Reason, RecvStream};
use http::header::CONTENT_LENGTH;
use http::{HeaderMap, Response};
use tokio::sync::Notify;
use tokio::task::spawn_local;

use super::connect::Link;
use super::delivery::{Completed, Delivery, ExchangeError};
use super::grpc;
use super::http1::{WITHIN, unreadable};
use super::limits::{Budget, LARGEST_BODY, oversized_body};
use super::socket::Stream as Io;
use crate::bucket::{Fields, Reply};
use crate::observe::{Failure, FailureKind};

/// What the peer may send on one stream, and on all together, before it has to wait. A body up to the first goes through
/// without a pause.
const STREAM_WINDOW: u32 = 256 << 10;
const CONNECTION_WINDOW: u32 = 4 << 20;
/// Streams at a time until the peer says how many it takes: it says so first of all, and those beyond would be refused.
const STREAMS_AT_FIRST: usize = 1;
/// A head is read up to this size, counted as in `SETTINGS_MAX_HEADER_LIST_SIZE`. `h2` reads on a while: what it refuses by
/// itself it calls an error of the protocol, as everything else that is wrong with a head.
const LONGEST_HEAD: usize = 64 << 10;
const HEAD_OF_H2: u32 = 256 << 10;
/// What each field of a head adds to its size (RFC 9113, 6.5.2).
const FIELD_OVERHEAD: usize = 32;
/// Fields of one response, trailers included.
const MOST_FIELDS: usize = 128;
/// `1xx` responses before the final one.
const MOST_INTERIM: u32 = 64;
/// Streams that were given up and may still be answered: they are remembered for so long.
const GIVEN_UP: (usize, Duration) = (1024, Duration::from_secs(30));
/// A connection that nobody needs has so much time to say goodbye.
const GOODBYE: Duration = Duration::from_secs(1);
/// A body of more pieces is kept in a buffer that counts for the budget from this size.
const UNCOUNTED: usize = 16 << 10;

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
    sender: SendRequest<Bytes>,
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

/// What the task of a connection and its streams tell each other.
struct State {
    /// Streams under way, and how many the peer takes.
    active: Cell<usize>,
    most: Cell<usize>,
    /// Where requests wait for their turn.
    turn: Notify,
    /// When the peer last said something about a stream, and whether it ever completed a response.
    heard: Cell<Option<Instant>>,
    answered: Cell<bool>,
    /// What the peer said when it took no further streams.
    goaway: RefCell<Option<String>>,
    /// Nobody needs the connection any more.
    unused: Notify,
}

/// A request under way.
pub(super) struct Stream<'c> {
    state: &'c State,
    response: Option<ResponseFuture>,
    /// Whether a completed response had come on the connection before.
    kept: bool,
    /// When the first of the response came, and whether its final head has.
    first_byte: Option<Instant>,
    begun: bool,
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
        let state = Rc::new(State {
            active: Cell::new(0),
            most: Cell::new(STREAMS_AT_FIRST),
            turn: Notify::new(),
            heard: Cell::new(None),
            answered: Cell::new(false),
            goaway: RefCell::default(),
            unused: Notify::new(),
        });
        spawn_local(drive(connection, Rc::clone(&state)));
        Ok(Self {
            sender,
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
        self.quota.get() > 0
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
    pub(super) fn full(&self, asked: Instant, limit: Duration) -> String {
        self.retire_if_silent(asked);
        format!(
            "the server took no further request within {limit:?}{}",
            self.closed_to_streams()
        )
    }

    /// Time is up for a request: what is missing.
    pub(super) fn stalled(&self, stream: &Stream<'_>, sent: Instant, limit: Duration) -> String {
        self.retire_if_silent(sent);
        if stream.begun {
            return format!("the response began and was not complete within {limit:?}");
        }
        format!("no response within {limit:?}{}", self.closed_to_streams())
    }

    fn closed_to_streams(&self) -> &'static str {
        if self.state.most.get() == 0 {
            ": its SETTINGS_MAX_CONCURRENT_STREAMS is 0"
        } else {
            ""
        }
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
        // A handle remembers the last stream that it queued, and takes no other while that one waits.
        let mut sender = self.sender.clone();
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
                    begun: false,
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

    /// Reads the whole response to a request, and hands it to `sort`.
    pub(super) async fn response(
        &self,
        stream: &mut Stream<'_>,
        request: &Request,
        sort: impl Fn(&Reply<'_>) -> Result<usize, Failure>,
    ) -> Result<Completed, ExchangeError> {
        let mut body = Body::new(&self.budget);
        let read = read(stream, request, &mut body).await;
        let (head, trailers) = read.map_err(|fault| self.failed(fault, stream))?;
        let done = Instant::now();
        self.state.heard.set(Some(done));
        self.state.answered.set(true);
        let fields = head.headers().iter().chain(trailers.iter().flatten());
        let mut room = [httparse::EMPTY_HEADER; MOST_FIELDS];
        let mut count = 0;
        for (slot, (name, value)) in room.iter_mut().zip(fields) {
            *slot = httparse::Header {
                name: name.as_str(),
                value: value.as_bytes(),
            };
            count += 1;
        }
        let fields = Fields(&room[..count]);
        Ok(Completed {
            result: self.say(head.status().as_u16(), fields, body.bytes(), request, sort),
            first_byte: stream.first_byte.unwrap_or(done),
            done,
        })
    }

    /// What the response says, in the terms of HTTP.
    fn say(
        &self,
        http: u16,
        headers: Fields<'_>,
        body: &[u8],
        request: &Request,
        sort: impl Fn(&Reply<'_>) -> Result<usize, Failure>,
    ) -> Result<usize, Failure> {
        let reply = |status, body| Reply {
            status,
            headers,
            body,
            peer: &self.peer,
        };
        if !request.grpc {
            return sort(&reply(http, body));
        }
        let status = grpc::status(http, headers)?;
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
        let failure = self.state.explain(&error, stream.begun);
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
            self.state.heard.set(Some(Instant::now()));
        }
        ExchangeError::new(failure, delivery)
    }
}

impl Drop for Connection {
    fn drop(&mut self) {
        self.state.unused.notify_one();
    }
}

impl State {
    fn takes_more(&self) -> bool {
        self.active.get() < self.most.get()
    }

    /// The peer takes so many streams.
    fn permit(&self, most: usize) {
        if most != self.most.replace(most) && self.takes_more() {
            self.turn.notify_one();
        }
    }

    /// A request that the server has certainly not looked at. Where the connection never answered anything, the next may not
    /// either.
    fn not_sent(&self) -> Delivery {
        if self.answered.get() {
            Delivery::NotSent
        } else {
            Delivery::Refused
        }
    }

    /// What an error says; a peer that said why before it closed said more than that it closed.
    fn explain(&self, error: &h2::Error, begun: bool) -> Failure {
        let mut failure = broken(error, begun);
        if error.is_go_away() && error.is_remote() {
            *self.goaway.borrow_mut() = Some(failure.message.clone());
        } else if error.is_io()
            && let Some(said) = &*self.goaway.borrow()
        {
            failure.message.clone_from(said);
        }
        failure
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

/// A place among the requests that wait.
struct Waiting<'c>(&'c Cell<usize>);

impl<'c> Waiting<'c> {
    fn new(waiting: &'c Cell<usize>) -> Self {
        waiting.set(waiting.get() + 1);
        Self(waiting)
    }
}

impl Drop for Waiting<'_> {
    fn drop(&mut self) {
        self.0.set(self.0.get() - 1);
    }
}

/// Writes and reads until the connection is over, or nobody needs it any more.
async fn drive(connection: h2::client::Connection<Io, Bytes>, state: Rc<State>) {
    let mut connection = pin!(connection);
    let mut unused = pin!(async {
        state.unused.notified().await;
        tokio::time::sleep(GOODBYE).await;
    });
    poll_fn(|task| {
        if let Poll::Ready(ended) = connection.as_mut().poll(task) {
            if let Err(error) = ended {
                state.explain(&error, false);
            }
            state.permit(usize::MAX);
            return Poll::Ready(());
        }
        state.permit(connection.max_concurrent_send_streams());
        unused.as_mut().poll(task)
    })
    .await;
}

/// What goes wrong with a response.
enum Fault {
    Protocol(h2::Error),
    Message(Failure),
}

impl From<h2::Error> for Fault {
    fn from(error: h2::Error) -> Self {
        Self::Protocol(error)
    }
}

impl From<Failure> for Fault {
    fn from(failure: Failure) -> Self {
        Self::Message(failure)
    }
}

/// The head, the body and the trailers.
async fn read(
    stream: &mut Stream<'_>,
    request: &Request,
    body: &mut Body<'_>,
) -> Result<(Response<()>, Option<HeaderMap>), Fault> {
    let (head, mut rest) = stream.head().await?.into_parts();
    let head = Response::from_parts(head, ());
    measured(head.headers(), None)?;
    if !request.bodiless && announced(head.headers()).is_some_and(|length| length > LARGEST_BODY) {
        return Err(oversized_body().into());
    }
    if rest.is_end_stream() {
        return Ok((head, None));
    }
    while let Some(piece) = poll_fn(|task| rest.poll_data(task)).await {
        let piece = match piece {
            Ok(piece) => piece,
            // "A server can send a complete response prior to the client sending an entire request", and then resets the
            // stream with NO_ERROR (RFC 9113, 8.1).
            Err(error) if error.is_remote() && error.reason() == Some(Reason::NO_ERROR) => {
                let whole = announced(head.headers()).is_none_or(|length| length == body.len());
                if error.is_reset() && whole {
                    return Ok((head, None));
                }
                return Err(error.into());
            }
            Err(error) => return Err(error.into()),
        };
        stream.state.heard.set(Some(Instant::now()));
        let length = piece.len();
        body.push(piece)?;
        rest.flow_control().release_capacity(length)?;
    }
    let trailers = trailers(&mut rest).await?;
    if let Some(trailers) = &trailers {
        measured(head.headers(), Some(trailers))?;
    }
    Ok((head, trailers))
}

async fn trailers(rest: &mut RecvStream) -> Result<Option<HeaderMap>, h2::Error> {
    match poll_fn(|task| rest.poll_trailers(task)).await {
        Err(error) if error.is_reset() && error.reason() == Some(Reason::NO_ERROR) => Ok(None),
        trailers => trailers,
    }
}

impl Stream<'_> {
    /// The final head, after those of interim responses.
    async fn head(&mut self) -> Result<Response<RecvStream>, Fault> {
        let mut response = self.response.take().expect("a response is read once");
        let mut interim = 0;
        let head = poll_fn(|task| self.poll_head(&mut response, &mut interim, task)).await;
        if head.is_ok() {
            self.hear();
            self.begun = true;
        }
        head
    }

    fn poll_head(
        &mut self,
        response: &mut ResponseFuture,
        interim: &mut u32,
        task: &mut Context<'_>,
    ) -> Poll<Result<Response<RecvStream>, Fault>> {
        while let Poll::Ready(Some(Ok(_))) = response.poll_informational(task) {
            self.hear();
            *interim += 1;
            if *interim > MOST_INTERIM {
                let message = format!("more than {MOST_INTERIM} interim responses");
                let failure = Failure::new(FailureKind::Malformed, message);
                return Poll::Ready(Err(failure.into()));
            }
        }
        Pin::new(response).poll(task).map_err(Fault::from)
    }

    fn hear(&mut self) {
        let now = Instant::now();
        self.first_byte.get_or_insert(now);
        self.state.heard.set(Some(now));
    }
}

/// The body of a response as it comes: one piece as it is, and more of them in one buffer.
struct Body<'b> {
    first: Bytes,
    rest: Vec<u8>,
    budget: &'b Budget,
    reserved: usize,
}

impl<'b> Body<'b> {
    fn new(budget: &'b Budget) -> Self {
        Self {
            first: Bytes::new(),
            rest: Vec::new(),
            budget,
            reserved: 0,
        }
    }

    fn bytes(&self) -> &[u8] {
        if self.rest.is_empty() {
            &self.first
        } else {
            &self.rest
        }
    }

    fn len(&self) -> usize {
        self.bytes().len()
    }

    fn push(&mut self, piece: Bytes) -> Result<(), Failure> {
        if self.len() + piece.len() > LARGEST_BODY {
            return Err(oversized_body());
        }
        if self.len() == 0 {
            self.first = piece;
            return Ok(());
        }
        if self.rest.is_empty() {
            self.rest.extend_from_slice(&self.first);
            self.first = Bytes::new();
        }
        self.rest.extend_from_slice(&piece);
        let size = self.rest.capacity();
        if size > UNCOUNTED && size > self.reserved {
            self.budget.reserve(size - self.reserved)?;
            self.reserved = size;
        }
        Ok(())
    }
}

impl Drop for Body<'_> {
    fn drop(&mut self) {
        self.budget.release(self.reserved);
    }
}

/// Holds heads, and trailers with them, to their limits.
fn measured(head: &HeaderMap, trailers: Option<&HeaderMap>) -> Result<(), Failure> {
    let fields = || head.iter().chain(trailers.into_iter().flatten());
    let size = |(name, value): (&http::HeaderName, &http::HeaderValue)| {
        name.as_str().len() + value.len() + FIELD_OVERHEAD
    };
    if fields().count() > MOST_FIELDS {
        let message = format!("more than {MOST_FIELDS} header fields");
        return Err(Failure::new(FailureKind::Oversized, message));
    }
    if fields().map(size).sum::<usize>() > LONGEST_HEAD {
        return Err(oversized_head());
    }
    Ok(())
}

fn oversized_head() -> Failure {
    let message = format!("the head is larger than {} KiB", LONGEST_HEAD >> 10);
    Failure::new(FailureKind::Oversized, message)
}

/// The length that the head says; `h2` has checked that it is a number.
fn announced(head: &HeaderMap) -> Option<usize> {
    let length = head.get(CONTENT_LENGTH)?.to_str().ok()?;
    Some(length.parse().unwrap_or(usize::MAX))
}

/// What an error counts as; `begun` when the head of the response had come.
fn broken(error: &h2::Error, begun: bool) -> Failure {
    let within = if begun { WITHIN } else { "" };
    let reason = error.reason().unwrap_or(Reason::NO_ERROR);
    let failed = |kind, message| Failure::new(kind, message);
    if let Some(error) = error.get_io() {
        return match error.kind() {
            io::ErrorKind::UnexpectedEof | io::ErrorKind::BrokenPipe if begun => failed(
                FailureKind::Truncated,
                "the connection was closed within the response".to_owned(),
            ),
            io::ErrorKind::UnexpectedEof | io::ErrorKind::BrokenPipe => failed(
                FailureKind::Reset,
                "the connection was closed before the response".to_owned(),
            ),
            // What TLS does not understand.
            io::ErrorKind::InvalidData => failed(FailureKind::Tls, error.to_string()),
            _ => {
                let mut failure = unreadable(error);
                failure.message.push_str(within);
                failure
            }
        };
    }
    if error.is_remote() && error.is_reset() {
        let message = format!("the server reset the stream: {reason:?}{within}");
        return failed(FailureKind::Reset, message);
    }
    if error.is_remote() {
        let said = error.to_string();
        let said = said.split_once(" (b").map_or("", |(_, said)| said);
        let said = said.trim_end_matches(')').trim_matches('"');
        let colon = if said.is_empty() { "" } else { ", " };
        let message = format!("the server is going away (GOAWAY): {reason:?}{colon}{said}{within}");
        return failed(FailureKind::Reset, message);
    }
    if reason == Reason::ENHANCE_YOUR_CALM && error.to_string().contains("too_many_continuations") {
        return oversized_head();
    }
    failed(FailureKind::Malformed, format!("invalid HTTP/2: {error}"))
}
