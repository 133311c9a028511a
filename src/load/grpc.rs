//! gRPC calls over HTTP/2: one message out in a frame, the first one in, and the outcome in `grpc-status`.

use std::borrow::Cow;

use http::HeaderName;

use super::content_encoding::{Decoded, gunzip};
use super::memory::{Budget, Reservation};
use crate::bucket::Fields;
use crate::observe::{Failure, FailureCause};

/// A flag that says whether the message is compressed, then its length.
const PREFIX: usize = 5;
const ENCODING: HeaderName = HeaderName::from_static("grpc-encoding");
const STATUS: HeaderName = HeaderName::from_static("grpc-status");

/// Statuses by their number, in the terms of HTTP: so that errors are errors, whoever counts them. The table is the one
/// of grpc-gateway.
const STATUSES: [u16; 17] = [
    200, 499, 500, 400, 504, 404, 409, 403, 429, 400, 409, 400, 501, 500, 503, 500, 401,
];

/// A message as it goes over the wire.
pub(super) fn frame(message: &[u8]) -> Vec<u8> {
    let length =
        u32::try_from(message.len()).expect("a message that fits into memory is below 4 GiB");
    let mut frame = vec![0];
    frame.extend_from_slice(&length.to_be_bytes());
    frame.extend_from_slice(message);
    frame
}

/// Where the first message in the body of a response ends, once all of it is there.
pub(super) fn end_of_message(body: &[u8]) -> Option<usize> {
    let length = u32::from_be_bytes(body.get(1..PREFIX)?.try_into().ok()?);
    let end = usize::try_from(length).ok()?.checked_add(PREFIX)?;
    (body.len() >= end).then_some(end)
}

/// The first message in the body of a response; empty where there is none. A unary call that succeeds is answered by one, a
/// stream of the server by any number: the first says who sends it.
pub(super) fn message<'b, 'm>(
    body: &'b [u8],
    headers: Fields<'_>,
    memory: &'m Budget,
) -> Result<Decoded<'b, 'm>, Failure> {
    let mut held = Reservation::new(memory);
    let malformed = |what: &str| Failure::because(FailureCause::GrpcMessage, what);
    if body.is_empty() {
        return if headers.get(&STATUS) == Some(b"0") {
            Err(malformed("the gRPC call succeeded without a message"))
        } else {
            Ok((Cow::Borrowed(body), held))
        };
    }
    let wrong = || malformed("what came is not a gRPC message");
    let message = &body[PREFIX..end_of_message(body).ok_or_else(wrong)?];
    let message = match (body[0], headers.get(&ENCODING)) {
        (0, _) => Cow::Borrowed(message),
        (1, Some(b"gzip")) => Cow::Owned(gunzip(message, &mut held)?),
        _ => return Err(wrong()),
    };
    Ok((message, held))
}

/// The outcome of a call in the terms of HTTP: a proxy that answers by itself has only a status of HTTP.
pub(super) fn status(http: u16, headers: Fields<'_>) -> Result<u16, Failure> {
    let Some(status) = headers.get(&STATUS) else {
        if http == 200 {
            let message = "the response has no `grpc-status`; is it a gRPC service?";
            return Err(Failure::because(FailureCause::GrpcStatus, message));
        }
        return Ok(http);
    };
    let number = std::str::from_utf8(status)
        .ok()
        .and_then(|text| text.parse::<usize>().ok());
    // Numbers that nobody has defined yet are unknown errors.
    Ok(number
        .and_then(|number| STATUSES.get(number).copied())
        .unwrap_or(500))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn fields<'f>(name: &'f str, value: &'f str) -> [httparse::Header<'f>; 1] {
        let value = value.as_bytes();
        [httparse::Header { name, value }]
    }

    #[test]
    fn a_message_is_framed_and_unframed() {
        assert_eq!(frame(b"v1"), b"\0\0\0\0\x02v1");
        let read = |body: &'static [u8]| {
            message(body, Fields(&[]), &Budget::within(None))
                .map(|(message, _)| message.into_owned())
        };
        assert_eq!(read(b"\0\0\0\0\x02v1").as_deref(), Ok(&b"v1"[..]));
        assert_eq!(read(b"").as_deref(), Ok(&b""[..]));
        for broken in [&b"\0\0\0"[..], b"\0\0\0\0\x03v1", b"\x01\0\0\0\x02v1"] {
            assert!(read(broken).is_err(), "{broken:?}");
        }
    }

    /// The protocol of gRPC over HTTP/2: "Response → (Response-Headers *Length-Prefixed-Message Trailers) / Trailers-Only",
    /// where a unary call has one message, and a stream of the server is counted by its first.
    #[test]
    fn a_call_that_succeeds_has_a_message() {
        let read = |body, status| {
            let fields = fields("grpc-status", status);
            message(body, Fields(&fields), &Budget::within(None)).is_ok()
        };
        assert!(read(b"\0\0\0\0\0", "0"));
        assert!(read(b"", "14"));
        assert!(!read(b"", "0"));
        assert!(read(b"\0\0\0\0\x01a\0\0\0\0\x01b", "0"));
        let two = b"\0\0\0\0\x02v1\0\0\0\0\x02v2";
        let first = message(two, Fields(&[]), &Budget::within(None))
            .map(|(message, _)| message.into_owned());
        assert_eq!(first.as_deref(), Ok(&b"v1"[..]));
    }

    #[test]
    fn the_outcome_of_a_call_is_its_grpc_status() {
        let of = |value| status(200, Fields(&fields("grpc-status", value)));
        assert_eq!(of("0"), Ok(200));
        assert_eq!(of("14"), Ok(503));
        assert_eq!(of("99"), Ok(500));
        assert_eq!(status(404, Fields(&[])), Ok(404));
        assert!(status(200, Fields(&[])).is_err());
    }
}
