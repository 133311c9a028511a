//! The chunked transfer coding (RFC 9112, 7.1), however its bytes were cut.

use crate::load::http_head::malformed;
use crate::load::limits::{LARGEST_BODY, oversized_body};
use crate::observe::Failure;

/// A size with its extensions, and all trailers together, are read up to this size.
const LONGEST_LINE: usize = 16 << 10;
const MOST_TRAILERS: usize = 64;

/// How far the coding has been read.
#[derive(Debug, Default)]
pub(super) struct Chunked {
    /// Bytes read for good.
    position: usize,
    next: Next,
}

/// What comes next.
#[derive(Clone, Copy, Debug, Default)]
enum Next {
    #[default]
    Size,
    Data {
        left: usize,
    },
    EndOfData,
    Trailers,
}

impl Chunked {
    /// How many bytes have come since the last call.
    pub(super) fn unread(&self, raw: &[u8]) -> usize {
        raw.len().saturating_sub(self.position)
    }

    /// Moves the data that has come since the last call to the end of `body`. `raw` is everything since the head; where
    /// the body ends in it, once that is known.
    pub(super) fn decode(
        &mut self,
        raw: &[u8],
        body: &mut Vec<u8>,
    ) -> Result<Option<usize>, Failure> {
        // Chunked may be wrapped in more bytes than they hold.
        if raw.len() > 2 * LARGEST_BODY {
            return Err(oversized_body());
        }
        loop {
            let rest = &raw[self.position..];
            match self.next {
                Next::Size => {
                    let Some((length, size)) = size(rest)? else {
                        return Ok(None);
                    };
                    self.position += length;
                    self.next = if size == 0 {
                        Next::Trailers
                    } else if body.len() + size > LARGEST_BODY {
                        return Err(oversized_body());
                    } else {
                        Next::Data { left: size }
                    };
                }
                Next::Data { left } => {
                    let come = left.min(rest.len());
                    body.extend_from_slice(&rest[..come]);
                    self.position += come;
                    if come < left {
                        self.next = Next::Data { left: left - come };
                        return Ok(None);
                    }
                    self.next = Next::EndOfData;
                }
                Next::EndOfData => match rest {
                    [b'\r', b'\n', ..] => {
                        self.position += 2;
                        self.next = Next::Size;
                    }
                    [] | [b'\r'] => return Ok(None),
                    _ => return Err(malformed("a chunk is longer than its size")),
                },
                Next::Trailers => {
                    let Some(length) = trailers(rest)? else {
                        return Ok(None);
                    };
                    return Ok(Some(self.position + length));
                }
            }
        }
    }
}

/// The length of a line with a size, and the size, if the line is complete.
fn size(bytes: &[u8]) -> Result<Option<(usize, usize)>, Failure> {
    match httparse::parse_chunk_size(bytes) {
        Ok(httparse::Status::Complete((length, size))) => {
            // More than a machine can address is more than is read.
            Ok(Some((
                length,
                usize::try_from(size).unwrap_or(LARGEST_BODY + 1),
            )))
        }
        Ok(httparse::Status::Partial) if bytes.len() <= LONGEST_LINE => Ok(None),
        Ok(httparse::Status::Partial) => Err(malformed("an endless chunk size")),
        Err(_) => Err(malformed("invalid chunk size")),
    }
}

/// The length of the trailers with the empty line at their end, if it is there.
fn trailers(bytes: &[u8]) -> Result<Option<usize>, Failure> {
    let mut fields = [httparse::EMPTY_HEADER; MOST_TRAILERS];
    match httparse::parse_headers(bytes, &mut fields) {
        Ok(httparse::Status::Complete((length, _))) => Ok(Some(length)),
        Ok(httparse::Status::Partial) if bytes.len() <= LONGEST_LINE => Ok(None),
        Ok(httparse::Status::Partial) => Err(malformed("endless trailers")),
        Err(error) => Err(malformed(&format!("invalid trailers: {error}"))),
    }
}
