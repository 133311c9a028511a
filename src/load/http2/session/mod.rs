//! What goes on on an HTTP/2 connection (RFC 9113): bytes in, bytes out, and how each stream ended. Not: a socket, nor the
//! meaning of what comes (see `receive`).

mod receive;

use std::collections::HashMap;
use std::hash::{BuildHasherDefault, Hasher};
use std::rc::Rc;
use std::task::{Context, Poll, Waker};
use std::time::Instant;

use tokio::sync::Notify;

use super::Request;
use super::frame::{self, Code};
use super::heads::Heads;
use super::hpack;
use super::stream::{Stream, push_head};
use crate::load::exchange::Broken;
use crate::load::limits::Budget;
use crate::observe::{Failure, FailureKind};

/// What the peer may send on one stream, and on all together, before it has to wait. A body up to the first goes through
/// without a pause.
const STREAM_WINDOW: u32 = 256 << 10;
const CONNECTION_WINDOW: u32 = 4 << 20;
/// Streams at a time until the peer says how many it takes: it says so first of all, and those beyond would be refused.
const STREAMS_AT_FIRST: u32 = 1;
/// The last number of a stream.
const LAST: u32 = 0x7fff_ffff;
/// More than this waits to be written only where the peer does not read: then nothing is read from it either, and no
/// further request is written.
const BACKLOG: usize = 256 << 10;
/// Larger buffers are given back.
const KEPT: usize = 64 << 10;

/// A connection, as its two ends know it.
pub(super) struct Session {
    streams: HashMap<u32, Box<Stream>, BuildHasherDefault<ByNumber>>,
    /// Room of streams that have ended.
    #[expect(
        clippy::vec_box,
        reason = "they move between here and the map, and are large"
    )]
    spare: Vec<Box<Stream>>,
    /// The number of the next stream.
    next: u32,
    /// Streams that have not ended, and how many the peer takes.
    active: u32,
    most: u32,
    /// Where those wait who have no stream yet, in the order in which they came.
    turn: Rc<Notify>,
    /// What is to be written, how much of that has been, and how much was before.
    out: Vec<u8>,
    at: usize,
    before: u64,
    /// Fields that came before.
    heads: Heads,
    /// A frame of which not all has come.
    input: Vec<u8>,
    /// Fields of which not all have come: their stream, whether nothing follows, and the bytes.
    block: Option<(u32, bool, Vec<u8>)>,
    /// The peer has said its settings.
    greeted: bool,
    /// How much the peer takes on all streams together, on each new one, and in one frame.
    window: i64,
    initial: i64,
    longest: usize,
    /// What came and was not credited to the peer yet.
    uncredited: u32,
    /// When the peer last said something about a stream, and whether it ever answered.
    heard: Option<Instant>,
    answered: bool,
    /// What the peer said when it took no further streams.
    leaving: Option<Failure>,
    /// Why the connection is over.
    over: Option<Failure>,
    budget: Rc<Budget>,
    /// Whoever reads and writes.
    pub(super) driver: Option<Waker>,
}

/// Numbers of streams follow each other, so a multiplication spreads them well enough, and nobody else chooses them.
#[derive(Default)]
struct ByNumber(u64);

impl Hasher for ByNumber {
    fn write(&mut self, _: &[u8]) {
        unreachable!("numbers of streams are u32");
    }

    fn write_u32(&mut self, number: u32) {
        self.0 = u64::from(number >> 1).wrapping_mul(0x9e37_79b9_7f4a_7c15);
    }

    fn finish(&self) -> u64 {
        self.0
    }
}

impl Session {
    pub(super) fn new(budget: Rc<Budget>) -> Self {
        let mut out = frame::PREFACE.to_vec();
        let settings = [
            (frame::HEADER_TABLE_SIZE, 0),
            (frame::ENABLE_PUSH, 0),
            (frame::INITIAL_WINDOW_SIZE, STREAM_WINDOW),
            (frame::MAX_HEADER_LIST_SIZE, hpack::LONGEST),
        ];
        frame::settings(&mut out, &settings);
        frame::number(
            &mut out,
            frame::WINDOW_UPDATE,
            0,
            CONNECTION_WINDOW - frame::WINDOW,
        );
        Self {
            streams: HashMap::default(),
            spare: Vec::new(),
            next: 1,
            active: 0,
            most: STREAMS_AT_FIRST,
            turn: Rc::default(),
            out,
            at: 0,
            before: 0,
            heads: Heads::default(),
            input: Vec::new(),
            block: None,
            greeted: false,
            window: frame::WINDOW.into(),
            initial: frame::WINDOW.into(),
            longest: frame::LONGEST,
            uncredited: 0,
            heard: None,
            answered: false,
            leaving: None,
            over: None,
            budget,
            driver: None,
        }
    }

    /// Whether a further stream may be opened, now or later.
    pub(super) fn usable(&self) -> bool {
        self.over.is_none() && self.leaving.is_none() && self.next < LAST
    }

    /// Why the connection is over, if it is.
    pub(super) fn over(&self) -> Option<&Failure> {
        self.over.as_ref()
    }

    /// Whether any request was ever answered.
    pub(super) fn answered(&self) -> bool {
        self.answered
    }

    /// Whether the peer has said anything about any request since then.
    pub(super) fn heard_since(&self, then: Instant) -> bool {
        self.heard.is_some_and(|heard| heard >= then)
    }

    /// Where to wait until a stream may be opened.
    pub(super) fn turn(&self) -> Rc<Notify> {
        Rc::clone(&self.turn)
    }

    /// Opens a stream and writes its request; `None` until the peer takes another and reads what it was sent.
    pub(super) fn try_open(&mut self, request: &Request) -> Option<Result<u32, Broken>> {
        if let Some(why) = &self.over {
            return Some(Err(Broken::untried(why.clone())));
        }
        if !self.usable() {
            let why = Failure::new(
                FailureKind::Reset,
                "the server takes no further requests".to_owned(),
            );
            return Some(Err(Broken::untried(why)));
        }
        if self.active >= self.most || self.congested() {
            return None;
        }
        Some(Ok(self.open(request)))
    }

    pub(super) fn open(&mut self, request: &Request) -> u32 {
        let id = self.next;
        self.next += 2;
        self.active += 1;
        let mut stream = self.spare.pop().unwrap_or_default();
        let start = self.before + self.out.len() as u64;
        stream.begin(start, self.initial, request.body.clone(), request.bodiless);
        push_head(
            id,
            &request.block,
            request.body.is_empty(),
            self.longest,
            &mut self.out,
        );
        let full = self.at + BACKLOG;
        stream.push_body(id, &mut self.window, self.longest, &mut self.out, full);
        self.streams.insert(id, stream);
        self.rouse();
        id
    }

    /// Waits for the end of a stream, and takes it out.
    pub(super) fn poll_end(&mut self, context: &Context<'_>, id: u32) -> Poll<Box<Stream>> {
        let stream = self
            .streams
            .get_mut(&id)
            .expect("a stream is taken out once");
        if stream.ended.is_none() {
            let known = stream
                .waker
                .as_ref()
                .is_some_and(|waker| waker.will_wake(context.waker()));
            if !known {
                stream.waker = Some(context.waker().clone());
            }
            return Poll::Pending;
        }
        Poll::Ready(self.streams.remove(&id).expect("it was there"))
    }

    /// Gives the room of a stream back.
    pub(super) fn recycle(&mut self, mut stream: Box<Stream>) {
        stream.clear(&self.budget);
        self.spare.push(stream);
    }

    /// Nobody waits for this stream any more.
    pub(super) fn cancel(&mut self, id: u32) {
        let Some(stream) = self.streams.remove(&id) else {
            return;
        };
        if stream.ended.is_none() {
            frame::number(&mut self.out, frame::RST_STREAM, id, Code::CANCEL.0);
            self.rouse();
            self.ended();
        }
        self.recycle(stream);
    }

    /// Nobody uses the connection any more.
    pub(super) fn leave(&mut self) {
        if self.over.is_none() {
            frame::goaway(&mut self.out, Code::NO_ERROR);
            self.close(&Failure::new(
                FailureKind::Reset,
                "the connection is not used any more".to_owned(),
            ));
        }
        self.rouse();
    }

    /// What is to be written.
    pub(super) fn output(&self) -> &[u8] {
        &self.out[self.at..]
    }

    /// So much of it was written.
    pub(super) fn wrote(&mut self, length: usize) {
        let congested = self.congested();
        self.at += length;
        if self.at == self.out.len() {
            self.before += self.at as u64;
            self.at = 0;
            self.out.clear();
            if self.out.capacity() > KEPT {
                self.out = Vec::new();
            }
        } else if self.at > BACKLOG {
            // A peer that reads slowly would have all that was ever written to it kept.
            self.before += self.at as u64;
            self.out.drain(..self.at);
            self.at = 0;
        }
        if congested && !self.congested() {
            self.push_bodies();
            self.turn.notify_waiters();
        }
    }

    /// Whether so much waits to be written that nothing should be read.
    pub(super) fn congested(&self) -> bool {
        self.out.len() - self.at > BACKLOG
    }

    /// The connection has ended; requests of which nothing was written were not tried.
    pub(super) fn close(&mut self, closed: &Failure) {
        if self.over.is_some() {
            return;
        }
        // What the peer said before it closed says more than that it closed.
        let said = self.leaving.as_ref();
        let why = said
            .filter(|_| closed.kind == FailureKind::Reset)
            .unwrap_or(closed)
            .clone();
        let written = self.before + self.at as u64;
        let mut broken = 0;
        for stream in self
            .streams
            .values_mut()
            .filter(|stream| stream.ended.is_none())
        {
            let end = if stream.start >= written {
                Broken::untried
            } else {
                Broken::sent
            };
            stream.break_off(why.clone(), end);
            broken += 1;
        }
        self.over = Some(why);
        self.active -= broken;
        self.turn.notify_waiters();
    }

    /// Writes what the peer takes by now, the oldest stream first.
    fn push_bodies(&mut self) {
        let unsent = self
            .streams
            .iter()
            .filter(|(_, stream)| !stream.unsent.is_empty());
        let mut ids: Vec<u32> = unsent.map(|(id, _)| *id).collect();
        ids.sort_unstable();
        let full = self.at + BACKLOG;
        for id in ids {
            if let Some(stream) = self.streams.get_mut(&id) {
                stream.push_body(id, &mut self.window, self.longest, &mut self.out, full);
            }
        }
    }

    /// A stream has ended: whoever has waited longest may have its turn.
    fn ended(&mut self) {
        self.active -= 1;
        if self.active < self.most {
            self.turn.notify_one();
        }
    }

    /// Makes whoever reads and writes look again.
    fn rouse(&mut self) {
        if let Some(driver) = self.driver.take() {
            driver.wake();
        }
    }
}

impl Drop for Session {
    fn drop(&mut self) {
        for (_, mut stream) in self.streams.drain() {
            stream.clear(&self.budget);
        }
    }
}

#[cfg(test)]
mod tests;
