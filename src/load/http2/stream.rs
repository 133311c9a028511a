//! One request on an HTTP/2 connection, and as much of its answer as has come. Not: the connection.

use std::rc::Rc;
use std::task::Waker;
use std::time::Instant;

use bytes::Bytes;

use super::frame::{self, Code, Frame};
use super::heads::Heads;
use super::hpack::{Flaw, Head, LONGEST, MOST_FIELDS, Part};
use crate::load::exchange::Broken;
use crate::load::limits::{Budget, LARGEST_BODY, oversized_body};
use crate::observe::{Failure, FailureKind};

/// `1xx` answers before the final one.
const MOST_INTERIM: u32 = 64;
/// A larger buffer is given back after its answer.
const KEPT: usize = 16 << 10;

/// A stream.
#[derive(Debug, Default)]
pub(super) struct Stream {
    /// The fields in front of the body, and those behind it.
    head: Option<Rc<Head>>,
    trailers: Option<Rc<Head>>,
    /// The body of the answer.
    pub(super) body: Vec<u8>,
    /// When the first of it came.
    pub(super) first_byte: Option<Instant>,
    /// How it ended, and when.
    pub(super) ended: Option<Result<Instant, Broken>>,
    /// Who waits for that.
    pub(super) waker: Option<Waker>,
    /// Where its request begins in all that is written to the connection.
    pub(super) start: u64,
    /// How much of the request's body the peer takes at present.
    pub(super) window: i64,
    /// What is left of that body.
    pub(super) unsent: Bytes,
    /// What came and was not credited to the peer yet.
    pub(super) uncredited: u32,
    /// The final head has come.
    begun: bool,
    interim: u32,
    /// What the head says about the length of the body.
    announced: Option<usize>,
    /// Whether the answer has no body, whatever its head says.
    bodiless: bool,
    /// What the body holds of the budget.
    reserved: usize,
}

/// What goes wrong with a stream, or with its whole connection.
#[derive(Debug)]
pub(super) enum Fault {
    Stream(Code, Failure),
    Connection(Code, Failure),
}

impl Stream {
    /// Gets ready for a request.
    pub(super) fn begin(&mut self, start: u64, window: i64, body: Bytes, bodiless: bool) {
        self.start = start;
        self.window = window;
        self.unsent = body;
        self.bodiless = bodiless;
    }

    /// Forgets the answer, and keeps its room where that is small.
    pub(super) fn clear(&mut self, budget: &Budget) {
        self.head = None;
        self.trailers = None;
        self.body.clear();
        if self.body.capacity() > KEPT {
            self.body = Vec::new();
        }
        budget.release(std::mem::take(&mut self.reserved));
        self.first_byte = None;
        self.ended = None;
        self.waker = None;
        self.unsent = Bytes::new();
        self.uncredited = 0;
        self.begun = false;
        self.interim = 0;
        self.announced = None;
    }

    /// The status of the answer, once it has come.
    pub(super) fn status(&self) -> u16 {
        self.head.as_ref().map_or(0, |head| head.status)
    }

    /// All fields of the answer, trailers behind the others.
    pub(super) fn all_fields(&self) -> impl Iterator<Item = (&str, &[u8])> {
        let parts = self.head.iter().chain(&self.trailers);
        parts.flat_map(|part| part.fields())
    }

    /// Takes a block of fields; `last` when nothing follows.
    pub(super) fn fields(
        &mut self,
        block: &[u8],
        last: bool,
        now: Instant,
        heads: &mut Heads,
    ) -> Result<(), Fault> {
        self.first_byte.get_or_insert(now);
        if self.begun {
            let trailers = heads.read(block, Part::Trailers).map_err(fault)?;
            let before = self.head.as_ref().map_or(0, |head| head.count());
            if before + trailers.count() > MOST_FIELDS {
                return Err(fault(Flaw::Oversized));
            }
            self.trailers = Some(trailers);
            return if last {
                self.whole(now)
            } else {
                Err(malformed("fields within the body"))
            };
        }
        let head = heads.read(block, Part::Front).map_err(fault)?;
        match head.status {
            101 => {
                return Err(malformed(
                    "a change of the protocol, which HTTP/2 does not know",
                ));
            }
            100..200 if last => return Err(malformed("an interim answer and nothing behind it")),
            100..200 => {
                self.interim += 1;
                if self.interim > MOST_INTERIM {
                    return Err(malformed(&format!(
                        "more than {MOST_INTERIM} interim answers"
                    )));
                }
                return Ok(());
            }
            _ => {}
        }
        self.begun = true;
        let length = head.fields().find(|(name, _)| *name == "content-length");
        if let Some((_, value)) = length {
            let length = std::str::from_utf8(value)
                .ok()
                .and_then(|text| text.parse().ok());
            self.announced =
                Some(length.ok_or_else(|| malformed("a content length that is none"))?);
        }
        self.head = Some(head);
        if self.announced.is_some_and(|length| length > LARGEST_BODY) && !self.bodiless {
            return Err(Fault::Stream(Code::CANCEL, oversized_body()));
        }
        if last { self.whole(now) } else { Ok(()) }
    }

    /// Takes a piece of the body; `last` when nothing follows.
    pub(super) fn data(
        &mut self,
        data: &[u8],
        last: bool,
        now: Instant,
        budget: &Budget,
    ) -> Result<(), Fault> {
        if !self.begun {
            return Err(malformed("a body without a head"));
        }
        if self.body.len() + data.len() > LARGEST_BODY {
            return Err(Fault::Stream(Code::CANCEL, oversized_body()));
        }
        self.body.extend_from_slice(data);
        let size = self.body.capacity();
        if size > KEPT && size > self.reserved {
            let more = size - self.reserved;
            budget
                .reserve(more)
                .map_err(|failure| Fault::Stream(Code::CANCEL, failure))?;
            self.reserved = size;
        }
        if last { self.whole(now) } else { Ok(()) }
    }

    fn whole(&mut self, now: Instant) -> Result<(), Fault> {
        // An answer to HEAD and a 304 announce a body that they do not have.
        let bodiless = self.bodiless || self.status() == 304;
        if self
            .announced
            .is_some_and(|length| length != self.body.len() && !(bodiless && self.body.is_empty()))
        {
            return Err(malformed("a body of another length than announced"));
        }
        self.end(Ok(now));
        Ok(())
    }

    /// The connection ended, or the peer ended the stream, before the answer was whole.
    pub(super) fn break_off(&mut self, mut why: Failure, end: fn(Failure) -> Broken) {
        if why.kind == FailureKind::Reset && self.begun {
            why.kind = FailureKind::Truncated;
        }
        self.end(Err(end(why)));
    }

    pub(super) fn end(&mut self, how: Result<Instant, Broken>) {
        self.ended = Some(how);
        if let Some(waker) = self.waker.take() {
            waker.wake();
        }
    }

    /// Writes as much of the request's body as the peer takes, until more than `full` waits to be written.
    pub(super) fn push_body(
        &mut self,
        id: u32,
        room: &mut i64,
        most: usize,
        to: &mut Vec<u8>,
        full: usize,
    ) {
        while !self.unsent.is_empty() && to.len() <= full {
            let room_now = usize::try_from(self.window.min(*room)).unwrap_or(0);
            let length = self.unsent.len().min(most).min(room_now);
            if length == 0 {
                return;
            }
            let part = self.unsent.split_to(length);
            let flags = if self.unsent.is_empty() {
                frame::END_STREAM
            } else {
                0
            };
            frame::whole(to, frame::DATA, flags, id, &part);
            let length = i64::try_from(length).expect("a frame is small");
            self.window -= length;
            *room -= length;
        }
    }
}

/// Writes the fields of a request, in as many frames as they take.
pub(super) fn push_head(id: u32, block: &[u8], last: bool, most: usize, to: &mut Vec<u8>) {
    let mut pieces = block.chunks(most).peekable();
    let mut kind = frame::HEADERS;
    while let Some(piece) = pieces.next() {
        let mut flags = 0;
        if kind == frame::HEADERS && last {
            flags |= frame::END_STREAM;
        }
        if pieces.peek().is_none() {
            flags |= frame::END_HEADERS;
        }
        Frame {
            length: piece.len(),
            kind,
            flags,
            stream: id,
        }
        .write(to);
        to.extend_from_slice(piece);
        kind = frame::CONTINUATION;
    }
}

fn fault(flaw: Flaw) -> Fault {
    match flaw {
        Flaw::Compression(what) => Fault::Connection(Code::COMPRESSION_ERROR, said(what)),
        Flaw::Message(what) => malformed(what),
        Flaw::Oversized => {
            let message = format!(
                "the head is larger than {} KiB, or has too many fields",
                LONGEST >> 10
            );
            Fault::Stream(Code::CANCEL, Failure::new(FailureKind::Oversized, message))
        }
    }
}

fn malformed(what: &str) -> Fault {
    Fault::Stream(Code::PROTOCOL_ERROR, said(what))
}

/// What a peer says that is no HTTP/2.
pub(super) fn said(what: &str) -> Failure {
    Failure::new(FailureKind::Malformed, format!("invalid HTTP/2: {what}"))
}
