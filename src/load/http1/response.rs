//! Reads one HTTP/1.1 response out of the bytes of a connection, however they were cut.
//!
//! Bytes are kept until the response is whole, then its parts are looked at where they lie: a response costs one copy and no
//! allocation once the buffer has its size.

use std::mem::MaybeUninit;
use std::sync::Arc;

use httparse::Header;

use super::chunked::Chunked;
use crate::bucket::Fields;
use crate::load::event_stream::{FirstEvent, is_event_stream};
use crate::load::http_head::{heads, malformed};
use crate::load::limits::{
    LARGEST_BODY, LONGEST_HEAD, MOST_FIELDS, MOST_INTERIM, oversized_body, oversized_head,
    too_many_fields, too_many_interim,
};
use crate::load::memory::{Budget, Reservation, UNCOUNTED};
use crate::observe::{Failure, FailureKind};

/// A larger buffer is given back after its response: one large body must not cost every connection its memory.
const KEPT: usize = UNCOUNTED;
/// What is held of one response at most: a body may be wrapped in as many bytes again.
const MOST_HELD: usize = 2 * LARGEST_BODY + LONGEST_HEAD;

/// What a whole response says.
pub(super) struct Response<'a> {
    /// The status.
    pub(super) status: u16,
    /// The header fields.
    pub(super) fields: &'a [Header<'a>],
    /// The body, transfer coding removed.
    pub(super) body: &'a [u8],
}

/// A response that is whole.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Done<R> {
    /// What was made of it.
    pub(super) result: R,
    /// Whether the connection may carry another request.
    pub(super) reusable: bool,
}

/// The answer that is being read.
pub(super) struct Reader {
    /// Whether it answers a `HEAD` request, and so has no body.
    bodiless: bool,
    /// The bytes of the response so far.
    held: Vec<u8>,
    head: Option<Head>,
    content: Content,
    interim: u32,
    memory: Reservation<Arc<Budget>>,
}

/// What the head says about the rest.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Head {
    status: u16,
    /// Its bytes.
    length: usize,
    framing: Framing,
    /// The connection stays open.
    keep: bool,
    /// The body is a stream of events, and counts by the first of them.
    events: bool,
}

/// Where the body ends (RFC 9112, 6.3).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Framing {
    Nowhere,
    After(usize),
    Chunked,
    AtTheEnd,
}

/// A body of which all that counts is there.
struct Body {
    place: Place,
    /// Where it ends; a stream of events goes on.
    end: Option<usize>,
}

/// Where a body lies.
enum Place {
    Held,
    Unchunked,
    Event,
}

/// What is known of the body so far.
#[derive(Default)]
struct Content {
    chunks: Chunked,
    /// The body of a chunked response.
    unchunked: Vec<u8>,
    /// The first event, where the response is a stream of events.
    event: Option<Box<FirstEvent>>,
}

impl Reader {
    pub(super) fn new(bodiless: bool, budget: Arc<Budget>) -> Self {
        Self {
            bodiless,
            held: Vec::new(),
            head: None,
            content: Content::default(),
            interim: 0,
            memory: Reservation::new(budget),
        }
    }

    /// Says whether the next response has no body.
    pub(super) fn expect(&mut self, bodiless: bool) {
        self.bodiless = bodiless;
    }

    /// Whether anything of the response has come.
    pub(super) fn begun(&self) -> bool {
        !self.held.is_empty() || self.interim > 0
    }

    /// Takes the next bytes; calls `finish` with the response when it is whole.
    pub(super) fn feed<R>(
        &mut self,
        bytes: &[u8],
        finish: impl FnOnce(Response<'_>) -> R,
    ) -> Result<Option<Done<R>>, Failure> {
        (self.memory).grow(&mut self.held, bytes.len(), MOST_HELD)?;
        self.held.extend_from_slice(bytes);
        // A head ends with a line: where no line has ended, there is nothing new in it.
        if self.head.is_none() && !bytes.contains(&b'\n') {
            return self.incomplete_head();
        }
        self.step(false, finish)
    }

    /// The other side has closed; `clean` when it did so in an orderly way.
    pub(super) fn end<R>(
        &mut self,
        clean: bool,
        finish: impl FnOnce(Response<'_>) -> R,
    ) -> Result<Done<R>, Failure> {
        if !self.begun() {
            let message = "the connection was closed before the response".to_owned();
            return Err(Failure::new(FailureKind::Reset, message));
        }
        let whole = if clean {
            self.step(true, finish)?
        } else {
            None
        };
        whole.ok_or_else(|| {
            let message = "the connection was closed within the response".to_owned();
            Failure::new(FailureKind::Truncated, message)
        })
    }

    /// Gets ready for the next response.
    pub(super) fn reset(&mut self) {
        self.head = None;
        self.content.chunks = Chunked::default();
        self.content.event = None;
        self.interim = 0;
        for buffer in [&mut self.held, &mut self.content.unchunked] {
            if buffer.capacity() > KEPT {
                *buffer = Vec::new();
            }
            buffer.clear();
        }
        self.memory.clear();
    }

    fn step<R>(
        &mut self,
        ended: bool,
        finish: impl FnOnce(Response<'_>) -> R,
    ) -> Result<Option<Done<R>>, Failure> {
        let memory = &mut self.memory;
        if let Some(head) = self.head
            && (self.content.whole(head, ended, &self.held, memory)?).is_none()
        {
            return Ok(None);
        }
        loop {
            let mut fields = [const { MaybeUninit::uninit() }; MOST_FIELDS];
            let Some((head, fields)) = parse(&self.held, &mut fields, self.bodiless)? else {
                return self.incomplete_head();
            };
            if head.length > LONGEST_HEAD {
                return Err(oversized_head());
            }
            if (100..200).contains(&head.status) && head.status != 101 {
                self.interim += 1;
                if self.interim > MOST_INTERIM {
                    return Err(too_many_interim());
                }
                self.held.drain(..head.length);
                continue;
            }
            self.head = Some(head);
            let Some(Body { place, end }) =
                (self.content).whole(head, ended, &self.held, &mut self.memory)?
            else {
                return Ok(None);
            };
            let whole = end == Some(self.held.len());
            let body = match place {
                Place::Held => &self.held[head.length..end.unwrap_or(self.held.len())],
                Place::Unchunked => &self.content.unchunked,
                Place::Event => (self.content.event.as_ref()).map_or(&[][..], |event| event.data()),
            };
            let result = finish(Response {
                status: head.status,
                fields,
                body,
            });
            return Ok(Some(Done {
                result,
                // Bytes that nobody asked for belong to no request.
                reusable: head.keep && !ended && whole,
            }));
        }
    }

    fn incomplete_head<R>(&self) -> Result<Option<Done<R>>, Failure> {
        if self.held.len() <= LONGEST_HEAD {
            return Ok(None);
        }
        Err(oversized_head())
    }
}

impl Content {
    /// The body, if all of it is there that counts.
    fn whole(
        &mut self,
        head: Head,
        ended: bool,
        bytes: &[u8],
        memory: &mut Reservation<Arc<Budget>>,
    ) -> Result<Option<Body>, Failure> {
        let found = self.framed(head, ended, bytes, memory);
        if !head.events {
            return found;
        }
        let come = match head.framing {
            Framing::Chunked => &self.unchunked,
            Framing::After(length) => &bytes[head.length..bytes.len().min(head.length + length)],
            Framing::Nowhere | Framing::AtTheEnd => &bytes[head.length..],
        };
        if !self.event.get_or_insert_default().read(come) {
            return found;
        }
        // What goes wrong after the first event does not concern it.
        let end = found.ok().flatten().and_then(|body| body.end);
        Ok(Some(Body {
            place: Place::Event,
            end,
        }))
    }

    /// The body up to its end, if that has come.
    fn framed(
        &mut self,
        head: Head,
        ended: bool,
        bytes: &[u8],
        memory: &mut Reservation<Arc<Budget>>,
    ) -> Result<Option<Body>, Failure> {
        let come = bytes.len() - head.length;
        let (place, end) = match head.framing {
            Framing::Nowhere => (Place::Held, Some(0)),
            Framing::After(length) => (Place::Held, Some(length).filter(|length| come >= *length)),
            Framing::Chunked => {
                let raw = &bytes[head.length..];
                let more = self.chunks.unread(raw);
                memory.grow(&mut self.unchunked, more, LARGEST_BODY)?;
                (
                    Place::Unchunked,
                    self.chunks.decode(raw, &mut self.unchunked)?,
                )
            }
            Framing::AtTheEnd if come > LARGEST_BODY => return Err(oversized_body()),
            Framing::AtTheEnd => (Place::Held, ended.then_some(come)),
        };
        Ok(end.map(|end| Body {
            place,
            end: Some(head.length + end),
        }))
    }
}

/// The head, if all of it is there.
fn parse<'f, 'b>(
    bytes: &'b [u8],
    fields: &'f mut [MaybeUninit<Header<'b>>],
    bodiless: bool,
) -> Result<Option<(Head, &'f [Header<'b>])>, Failure> {
    let mut response = httparse::Response::new(&mut []);
    let parsed = heads().parse_response_with_uninit_headers(&mut response, bytes, fields);
    let length = match parsed {
        Ok(httparse::Status::Complete(length)) => length,
        Ok(httparse::Status::Partial) => return Ok(None),
        Err(httparse::Error::TooManyHeaders) => return Err(too_many_fields()),
        Err(error) => return Err(malformed(&format!("invalid HTTP: {error}"))),
    };
    let status = response.code.expect("a complete head has a status");
    let fields: &'f [Header<'b>] = response.headers;
    let mut connection = Connection {
        keep: response.version == Some(1),
        close: false,
    };
    let framing = framing(status, bodiless, fields, &mut connection)?;
    let head = Head {
        status,
        length,
        framing,
        keep: connection.keep && !connection.close && framing != Framing::AtTheEnd && status != 101,
        events: framing != Framing::Nowhere && is_event_stream(Fields(fields)),
    };
    Ok(Some((head, fields)))
}

/// What becomes of the connection after the response.
struct Connection {
    keep: bool,
    /// "close" counts whatever else is said (RFC 9112, 9.3).
    close: bool,
}

fn framing(
    status: u16,
    bodiless: bool,
    fields: &[Header<'_>],
    connection: &mut Connection,
) -> Result<Framing, Failure> {
    let mut length: Option<usize> = None;
    let mut coded: Option<bool> = None;
    for field in fields {
        // Most fields are told apart by the length of their name.
        match field.name.len() {
            10 if field.name.eq_ignore_ascii_case("connection") => {
                for option in field.value.split(|byte| *byte == b',') {
                    let option = option.trim_ascii();
                    if option.eq_ignore_ascii_case(b"close") {
                        connection.close = true;
                    } else if option.eq_ignore_ascii_case(b"keep-alive") {
                        connection.keep = true;
                    }
                }
            }
            14 if field.name.eq_ignore_ascii_case("content-length") => {
                let announced = announced(field.value)?;
                if length.is_some_and(|known| known != announced) {
                    return Err(malformed("two different content lengths"));
                }
                length = Some(announced);
            }
            17 if field.name.eq_ignore_ascii_case("transfer-encoding") => {
                let last = field.value.rsplit(|byte| *byte == b',').next();
                coded = Some(
                    last.is_some_and(|last| last.trim_ascii().eq_ignore_ascii_case(b"chunked")),
                );
            }
            _ => {}
        }
    }
    if bodiless || status < 200 || status == 204 || status == 304 {
        return Ok(Framing::Nowhere);
    }
    Ok(match (coded, length) {
        (Some(chunked), length) => {
            // Both at once is how requests are smuggled: the connection is not trusted any further.
            connection.keep &= length.is_none();
            if chunked {
                Framing::Chunked
            } else {
                Framing::AtTheEnd
            }
        }
        (None, Some(length)) if length > LARGEST_BODY => return Err(oversized_body()),
        (None, Some(length)) => Framing::After(length),
        (None, None) => Framing::AtTheEnd,
    })
}

/// A content length; a list of equal ones is one.
fn announced(value: &[u8]) -> Result<usize, Failure> {
    let wrong = || {
        let value = String::from_utf8_lossy(value);
        malformed(&format!(
            "`{}` is not a valid content length",
            value.escape_debug()
        ))
    };
    let mut length = None;
    for part in value.split(|byte| *byte == b',') {
        let digits = part.trim_ascii();
        if digits.is_empty() || !digits.iter().all(u8::is_ascii_digit) {
            return Err(wrong());
        }
        // More than a machine can address is more than is read.
        let add = |sum: usize, digit: &u8| {
            sum.saturating_mul(10)
                .saturating_add(usize::from(digit - b'0'))
        };
        let part = digits.iter().fold(0, add);
        if length.is_some_and(|known| known != part) {
            return Err(wrong());
        }
        length = Some(part);
    }
    length.ok_or_else(wrong)
}

#[cfg(test)]
mod tests;
