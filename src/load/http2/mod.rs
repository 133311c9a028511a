//! One HTTP/2 connection that several workers share, a stream for each request. Not: how many there are.
//!
//! Requests are alike, so their fields are written once and sent as they are. The task of the connection reads as much as
//! there is, wakes those whose answers are whole, and writes what they ask for next in one go.

mod frame;
mod heads;
mod hpack;
mod huffman;
mod session;
mod stream;

use std::cell::{Cell, RefCell};
use std::future::poll_fn;
use std::io;
use std::pin::Pin;
use std::rc::Rc;
use std::task::{Context, Poll};
use std::time::Instant;

use bytes::Bytes;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::task::spawn_local;

use self::session::Session;
use super::connect::Link;
use super::exchange::{Broken, Whole};
use super::grpc;
use super::http1::{Scratch, unreadable};
use super::limits::Budget;
use super::stream::Stream;
use crate::bucket::{Fields, Reply};
use crate::observe::{Failure, FailureKind};
use crate::plan::Protocol;

/// What is sent on each stream.
#[derive(Debug)]
pub(super) struct Request {
    /// All fields, as they are written.
    block: Vec<u8>,
    body: Bytes,
    /// Whether the answer has no body.
    bodiless: bool,
}

/// An open connection.
pub(super) struct Connection {
    session: Rc<RefCell<Session>>,
    /// Requests it may still serve.
    quota: Cell<u32>,
    /// Whether it has served one.
    used: Cell<bool>,
    /// Requests that wait for their turn.
    waiting: Cell<usize>,
    peer: Rc<str>,
    /// Its number within the run.
    pub(super) number: u32,
}

/// A stream that is taken back when nobody waits for it any more.
pub(super) struct Open<'c> {
    session: &'c RefCell<Session>,
    id: u32,
}

impl Request {
    /// A request with these fields, those that begin with a colon first.
    pub(super) fn new<'f>(
        fields: impl IntoIterator<Item = (&'f str, &'f [u8])>,
        body: Bytes,
        bodiless: bool,
    ) -> Self {
        Self {
            block: hpack::write(fields),
            body,
            bodiless,
        }
    }
}

impl Connection {
    /// Begins to speak HTTP/2; `scratch` is where the connections of a thread read to.
    pub(super) fn new(
        link: Link,
        number: u32,
        quota: u32,
        scratch: Rc<Scratch>,
        budget: Rc<Budget>,
    ) -> Self {
        let session = Rc::new(RefCell::new(Session::new(budget)));
        let (shared, mut stream) = (Rc::clone(&session), link.stream);
        spawn_local(async move {
            poll_fn(|context| drive(&mut shared.borrow_mut(), &mut stream, &scratch, context))
                .await;
        });
        Self {
            session,
            quota: Cell::new(quota),
            used: Cell::new(false),
            waiting: Cell::new(0),
            peer: link.peer,
            number,
        }
    }

    /// Whether another request may go over it.
    pub(super) fn reusable(&self) -> bool {
        self.quota.get() > 0 && self.session.borrow().usable()
    }

    /// Whether it has carried a request before.
    pub(super) fn used(&self) -> bool {
        self.used.get()
    }

    /// Whether any request was answered on it.
    pub(super) fn answered(&self) -> bool {
        self.session.borrow().answered()
    }

    /// Whether the server has said anything about any request since then.
    pub(super) fn heard_since(&self, then: Instant) -> bool {
        self.session.borrow().heard_since(then)
    }

    /// No further request goes over it.
    pub(super) fn retire(&self) {
        self.quota.set(0);
    }

    /// Takes the right to send one more request.
    pub(super) fn spend(&self) {
        self.quota.set(self.quota.get().saturating_sub(1));
    }

    /// Reads the whole answer to a request, and hands it to `sort`.
    pub(super) async fn answer(
        &self,
        open: Open<'_>,
        protocol: Protocol,
        sort: impl Fn(&Reply<'_>) -> Result<usize, Failure>,
    ) -> Result<Whole, Broken> {
        let mut stream =
            poll_fn(|context| self.session.borrow_mut().poll_end(context, open.id)).await;
        let ended = stream.ended.take().expect("it has ended");
        let whole = ended.map(|done| {
            let mut room = [httparse::EMPTY_HEADER; hpack::MOST_FIELDS];
            let mut count = 0;
            for (slot, (name, value)) in room.iter_mut().zip(stream.all_fields()) {
                *slot = httparse::Header { name, value };
                count += 1;
            }
            Whole {
                result: self.say(
                    stream.status(),
                    &room[..count],
                    &stream.body,
                    protocol,
                    sort,
                ),
                first_byte: stream.first_byte.unwrap_or(done),
                done,
            }
        });
        self.session.borrow_mut().recycle(stream);
        whole
    }

    /// Opens a stream and writes the request, unless others wait or the peer takes no more at present.
    pub(super) fn try_open(&self, request: &Request) -> Option<Result<Open<'_>, Broken>> {
        self.used.set(true);
        if self.waiting.get() > 0 {
            return None;
        }
        self.opened(request)
    }

    /// The same as soon as it is one's turn.
    pub(super) async fn open(&self, request: &Request) -> Result<Open<'_>, Broken> {
        let turn = self.session.borrow().turn();
        let _place = Waiting::new(&self.waiting);
        loop {
            let called = turn.notified();
            if self.waiting.get() == 1
                && let Some(opened) = self.opened(request)
            {
                return opened;
            }
            called.await;
            if let Some(opened) = self.opened(request) {
                // There may be room for more, and whoever comes now waits behind those who do already.
                turn.notify_one();
                return opened;
            }
        }
    }

    fn opened(&self, request: &Request) -> Option<Result<Open<'_>, Broken>> {
        let opened = self.session.borrow_mut().try_open(request)?;
        Some(opened.map(|id| Open {
            session: &self.session,
            id,
        }))
    }

    /// What the answer says, in the terms of HTTP.
    fn say(
        &self,
        http: u16,
        fields: &[httparse::Header<'_>],
        body: &[u8],
        protocol: Protocol,
        sort: impl Fn(&Reply<'_>) -> Result<usize, Failure>,
    ) -> Result<usize, Failure> {
        let headers = Fields(fields);
        let reply = |status, body| Reply {
            status,
            headers,
            body,
            peer: &self.peer,
        };
        match protocol {
            Protocol::Grpc => {
                let status = grpc::status(http, headers)?;
                // A proxy that answers by itself does not speak gRPC in its body.
                let message = if http == 200 {
                    grpc::message(body, headers)?
                } else {
                    body.into()
                };
                sort(&reply(status, &message))
            }
            _ => sort(&reply(http, body)),
        }
    }
}

impl Drop for Connection {
    fn drop(&mut self) {
        self.session.borrow_mut().leave();
    }
}

/// A place among those who wait.
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

impl Drop for Open<'_> {
    fn drop(&mut self) {
        self.session.borrow_mut().cancel(self.id);
    }
}

/// Writes and reads until there is nothing more to write or read at present; ready when the connection is over.
fn drive(
    session: &mut Session,
    stream: &mut Stream,
    scratch: &Scratch,
    context: &mut Context<'_>,
) -> Poll<()> {
    let mut stream = Pin::new(stream);
    session.driver = Some(context.waker().clone());
    let mut heard = false;
    loop {
        while !session.output().is_empty() {
            match stream.as_mut().poll_write(context, session.output()) {
                Poll::Ready(Ok(length)) if length > 0 => session.wrote(length),
                Poll::Ready(Ok(_)) => session.close(&closed()),
                Poll::Ready(Err(error)) => session.close(&unreadable(&error)),
                Poll::Pending => break,
            }
            if session.over().is_some() {
                break;
            }
        }
        // TLS takes more than the socket does.
        let _ = stream.as_mut().poll_flush(context);
        if session.over().is_some() {
            // A peer that does not read need not be told.
            return Poll::Ready(());
        }
        if heard || session.congested() {
            return Poll::Pending;
        }
        heard = !read(session, &mut stream, scratch, context);
        if heard && session.output().is_empty() {
            return Poll::Pending;
        }
    }
}

/// Reads once; false when there is nothing at present.
fn read(
    session: &mut Session,
    stream: &mut Pin<&mut Stream>,
    scratch: &Scratch,
    context: &mut Context<'_>,
) -> bool {
    let mut scratch = scratch.borrow_mut();
    let mut buffer = ReadBuf::new(&mut scratch);
    match stream.as_mut().poll_read(context, &mut buffer) {
        Poll::Pending => return false,
        Poll::Ready(Ok(())) if buffer.filled().is_empty() => session.close(&closed()),
        Poll::Ready(Ok(())) => session.feed(buffer.filled(), Instant::now()),
        Poll::Ready(Err(error)) if error.kind() == io::ErrorKind::UnexpectedEof => {
            session.close(&closed());
        }
        Poll::Ready(Err(error)) => session.close(&unreadable(&error)),
    }
    true
}

fn closed() -> Failure {
    Failure::new(
        FailureKind::Reset,
        "the connection was closed before the answer".to_owned(),
    )
}
