//! Bodies as they were before they were compressed. Not: whether that is asked for.

use std::borrow::Cow;
use std::io::Read;

use flate2::read::{MultiGzDecoder, ZlibDecoder};
use http::header::CONTENT_ENCODING;

use super::limits::{LARGEST_BODY, oversized_body};
use crate::bucket::Fields;
use crate::observe::{Failure, FailureKind};

/// The body without its content coding; one that is unknown is left as it is.
pub(super) fn decoded<'b>(fields: Fields<'_>, body: &'b [u8]) -> Result<Cow<'b, [u8]>, Failure> {
    let Some(coding) = fields.get(&CONTENT_ENCODING) else {
        return Ok(Cow::Borrowed(body));
    };
    let coding = coding.trim_ascii();
    let is = |name: &[u8]| coding.eq_ignore_ascii_case(name);
    // An answer to HEAD, or a 304, names the coding of a body that it does not have.
    if body.is_empty() {
        Ok(Cow::Borrowed(body))
    } else if is(b"gzip") || is(b"x-gzip") {
        gunzip(body).map(Cow::Owned)
    } else if is(b"deflate") {
        read(ZlibDecoder::new(body), "deflate").map(Cow::Owned)
    } else {
        Ok(Cow::Borrowed(body))
    }
}

pub(super) fn gunzip(body: &[u8]) -> Result<Vec<u8>, Failure> {
    read(MultiGzDecoder::new(body), "gzip")
}

/// Everything, up to the size of the largest body: a few bytes may unfold to any number.
fn read(decoder: impl Read, coding: &str) -> Result<Vec<u8>, Failure> {
    let mut whole = Vec::new();
    let most = LARGEST_BODY as u64 + 1;
    decoder
        .take(most)
        .read_to_end(&mut whole)
        .map_err(|error| {
            let message = format!("the body is no {coding}: {error}");
            Failure::new(FailureKind::Malformed, message)
        })?;
    if whole.len() > LARGEST_BODY {
        return Err(oversized_body());
    }
    Ok(whole)
}

#[cfg(test)]
mod tests {
    use std::io::Write;

    use flate2::Compression;
    use flate2::write::{GzEncoder, ZlibEncoder};

    use super::*;

    fn decode(coding: &str, body: &[u8]) -> Result<Vec<u8>, FailureKind> {
        let fields = [httparse::Header {
            name: "Content-Encoding",
            value: coding.as_bytes(),
        }];
        decoded(Fields(&fields), body)
            .map(Cow::into_owned)
            .map_err(|failure| failure.kind)
    }

    fn gzip(body: &[u8]) -> Vec<u8> {
        let mut encoder = GzEncoder::new(Vec::new(), Compression::fast());
        encoder.write_all(body).expect("a vector grows");
        encoder.finish().expect("a vector grows")
    }

    #[test]
    fn a_body_is_what_was_compressed() {
        assert_eq!(decode("gzip", &gzip(b"v1")), Ok(b"v1".to_vec()));
        assert_eq!(decode(" X-GZIP", &gzip(b"v1")), Ok(b"v1".to_vec()));
        let mut encoder = ZlibEncoder::new(Vec::new(), Compression::fast());
        encoder.write_all(b"v1").expect("a vector grows");
        let zlib = encoder.finish().expect("a vector grows");
        assert_eq!(decode("deflate", &zlib), Ok(b"v1".to_vec()));
        assert_eq!(decode("br", b"raw"), Ok(b"raw".to_vec()));
        assert_eq!(decode("gzip", b""), Ok(Vec::new()));
    }

    #[test]
    fn what_is_no_gzip_or_unfolds_without_end_is_a_failure() {
        assert_eq!(decode("gzip", b"v1"), Err(FailureKind::Malformed));
        let cut = gzip(b"v1");
        assert_eq!(decode("gzip", &cut[..12]), Err(FailureKind::Malformed));
        let bomb = gzip(&vec![0; LARGEST_BODY + 1]);
        assert!(bomb.len() < 100_000);
        assert_eq!(decode("gzip", &bomb), Err(FailureKind::Oversized));
    }
}
