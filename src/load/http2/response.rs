//! One response on a stream of HTTP/2: its head after those of interim responses, its body under the budget, its trailers; and
//! what an error of `h2` counts as.

use std::future::poll_fn;
use std::io;
use std::pin::Pin;
use std::task::{Context, Poll};

use bytes::Bytes;
use h2::client::ResponseFuture;
use h2::{Reason, RecvStream};
use http::header::{CONTENT_LENGTH, CONTENT_TYPE};
use http::{HeaderMap, HeaderValue, Response, StatusCode};

use super::{Request, Stream};
use crate::bucket::Fields;
use crate::load::content_encoding::codings;
use crate::load::event_stream::{FirstEvent, names_event_stream};
use crate::load::grpc;
use crate::load::http1::{WITHIN, unreadable};
use crate::load::limits::{
    LARGEST_BODY, LONGEST_HEAD, MOST_FIELDS, MOST_INTERIM, oversized_body, oversized_head,
    too_many_fields, too_many_interim,
};
use crate::load::memory::{Budget, Reservation};
use crate::load::tls::alert_cause;
use crate::observe::{Failure, FailureCause, FailureKind};

/// What each field of a head adds to its size (RFC 9113, 6.5.2).
const FIELD_OVERHEAD: usize = 32;

/// What goes wrong with a response.
pub(super) enum Fault {
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

/// Reads a response as far as it counts: to its end, to the first event of a stream of events, or to the second message of a
/// gRPC call, which makes it a stream of the server.
pub(super) async fn read(stream: &mut Stream<'_>, request: &Request) -> Result<(), Fault> {
    let (head, mut rest) = stream.head().await?.into_parts();
    measured(&head.headers, None)?;
    let length = announced(&head.headers);
    if !request.bodiless && length.is_some_and(|length| length > LARGEST_BODY) {
        return Err(oversized_body().into());
    }
    let mut event = streams_events(&head.headers).then(FirstEvent::default);
    let messages = request.grpc && head.status == StatusCode::OK;
    stream.head = Some(head);
    if rest.is_end_stream() {
        return Ok(());
    }
    while let Some(piece) = poll_fn(|task| rest.poll_data(task)).await {
        let piece = match piece {
            Ok(piece) => piece,
            // "A server can send a complete response prior to the client sending an entire request", and then resets the
            // stream with NO_ERROR (RFC 9113, 8.1).
            Err(error) if error.is_remote() && error.reason() == Some(Reason::NO_ERROR) => {
                let whole = length.is_none_or(|length| length == stream.body.len());
                if error.is_reset() && whole {
                    return Ok(());
                }
                return Err(error.into());
            }
            Err(error) => return Err(error.into()),
        };
        let now = stream.state.hear();
        let length = piece.len();
        stream.body.push(piece)?;
        rest.flow_control().release_capacity(length)?;
        if let Some(event) = &mut event
            && event.read(stream.body.bytes())
        {
            stream.body.first = Bytes::copy_from_slice(event.data());
            stream.body.rest = Vec::new();
            return Ok(());
        }
        if messages && let Some(end) = grpc::end_of_message(stream.body.bytes()) {
            stream.message.get_or_insert(now);
            if stream.body.len() > end {
                stream.streamed = true;
                return Ok(());
            }
        }
    }
    stream.trailers = trailers(&mut rest).await?;
    if let (Some(head), Some(trailers)) = (&stream.head, &stream.trailers) {
        measured(&head.headers, Some(trailers))?;
    }
    Ok(())
}

fn streams_events(head: &HeaderMap) -> bool {
    let media_type = head.get(CONTENT_TYPE).map(HeaderValue::as_bytes);
    media_type.is_some_and(names_event_stream) && {
        let mut room = [httparse::EMPTY_HEADER; MOST_FIELDS];
        codings(fields(head, None, &mut room)).next().is_none()
    }
}

/// The fields of the head and the trailers, as far as there is room for them.
pub(super) fn fields<'r, 'h>(
    head: &'h HeaderMap,
    trailers: Option<&'h HeaderMap>,
    room: &'r mut [httparse::Header<'h>],
) -> Fields<'r>
where
    'h: 'r,
{
    let fields = head.iter().chain(trailers.into_iter().flatten());
    let mut count = 0;
    for (slot, (name, value)) in room.iter_mut().zip(fields) {
        *slot = httparse::Header {
            name: name.as_str(),
            value: value.as_bytes(),
        };
        count += 1;
    }
    Fields(&room[..count])
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
                return Poll::Ready(Err(too_many_interim().into()));
            }
        }
        Pin::new(response).poll(task).map_err(Fault::from)
    }

    fn hear(&mut self) {
        let now = self.state.hear();
        self.first_byte.get_or_insert(now);
    }
}

/// The body of a response as it comes: one piece as it is, and more of them in one buffer.
pub(super) struct Body<'b> {
    first: Bytes,
    rest: Vec<u8>,
    memory: Reservation<&'b Budget>,
}

impl<'b> Body<'b> {
    pub(super) fn new(memory: &'b Budget) -> Self {
        Self {
            first: Bytes::new(),
            rest: Vec::new(),
            memory: Reservation::new(memory),
        }
    }

    pub(super) fn bytes(&self) -> &[u8] {
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
        let more = self.first.len() + piece.len();
        self.memory.grow(&mut self.rest, more, LARGEST_BODY)?;
        self.rest
            .extend_from_slice(&std::mem::take(&mut self.first));
        self.rest.extend_from_slice(&piece);
        Ok(())
    }
}

/// Holds heads, and trailers with them, to their limits.
fn measured(head: &HeaderMap, trailers: Option<&HeaderMap>) -> Result<(), Failure> {
    let count = head.len() + trailers.map_or(0, HeaderMap::len);
    if count > MOST_FIELDS {
        return Err(too_many_fields());
    }
    let fields = head.iter().chain(trailers.into_iter().flatten());
    let size = |(name, value): (&http::HeaderName, &http::HeaderValue)| {
        name.as_str().len() + value.len() + FIELD_OVERHEAD
    };
    if fields.map(size).sum::<usize>() > LONGEST_HEAD {
        return Err(oversized_head());
    }
    Ok(())
}

/// The length that the head says; `h2` has checked that it is a number.
fn announced(head: &HeaderMap) -> Option<usize> {
    let length = head.get(CONTENT_LENGTH)?.to_str().ok()?;
    Some(length.parse().unwrap_or(usize::MAX))
}

/// What an error counts as; `begun` when the head of the response had come.
pub(super) fn broken(error: &h2::Error, begun: bool) -> Failure {
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
            io::ErrorKind::InvalidData => {
                failed(FailureKind::Tls, error.to_string()).with_cause(alert_cause(error))
            }
            _ => {
                let mut failure = unreadable(error);
                if begun && failure.kind == FailureKind::Reset {
                    failure.cause = Some(FailureCause::ResponseBroken);
                }
                failure.message.push_str(within);
                failure
            }
        };
    }
    let refused = if begun {
        FailureCause::ResponseBroken
    } else {
        FailureCause::StreamRefused
    };
    if error.is_remote() && error.is_reset() {
        let message = format!("the server reset the stream: {reason:?}{within}");
        return Failure::because(refused, message);
    }
    if error.is_remote() {
        let said = error.to_string();
        let said = said.split_once(" (b").map_or("", |(_, said)| said);
        let said = said.trim_end_matches(')').trim_matches('"');
        let colon = if said.is_empty() { "" } else { ", " };
        let message = format!("the server is going away (GOAWAY): {reason:?}{colon}{said}{within}");
        return Failure::because(refused, message);
    }
    if reason == Reason::ENHANCE_YOUR_CALM && error.to_string().contains("too_many_continuations") {
        return oversized_head();
    }
    failed(FailureKind::Malformed, format!("invalid HTTP/2: {error}"))
}
