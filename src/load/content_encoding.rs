//! Bodies as they were before they were compressed.

use std::borrow::Cow;
use std::io::Read;

use flate2::bufread::GzDecoder;
use flate2::read::{DeflateDecoder, ZlibDecoder};
use http::header::{CONTENT_ENCODING, TRANSFER_ENCODING};

use super::limits::{LARGEST_BODY, oversized_body};
use super::memory::{Budget, Reservation};
use crate::bucket::Fields;
use crate::observe::{Failure, FailureCause};

/// What a member of gzip begins with (RFC 1952, 2.3.1).
const GZIP: [u8; 2] = [0x1f, 0x8b];
/// Codings of one body, one over the other, as many as curl takes off.
const MOST_CODINGS: u32 = 5;
/// What comes off a coding at a time.
const PIECE: usize = 8 << 10;

/// The codings of a body that mean something, the last of which comes off first: those of the transfer (RFC 9112, 7), of which
/// `chunked` is off already, then those of the content (RFC 9110, 8.4).
pub(super) fn codings(fields: Fields<'_>) -> impl Iterator<Item = &[u8]> {
    let transfer = fields.all(&TRANSFER_ENCODING).rev();
    let lists = transfer.chain(fields.all(&CONTENT_ENCODING).rev());
    let codings = lists.flat_map(|list| list.rsplit(|byte| *byte == b','));
    codings.map(<[u8]>::trim_ascii).filter(|coding| {
        let means_nothing: [&[u8]; 3] = [b"", b"identity", b"chunked"];
        !means_nothing
            .iter()
            .any(|name| coding.eq_ignore_ascii_case(name))
    })
}

/// A body without its codings, and the memory it holds where it had one.
pub(super) type Decoded<'b, 'm> = (Cow<'b, [u8]>, Reservation<&'m Budget>);

/// The body without its codings. What is below one that is unknown is left as it is.
pub(super) fn decoded<'b, 'm>(
    fields: Fields<'_>,
    body: &'b [u8],
    memory: &'m Budget,
) -> Result<Decoded<'b, 'm>, Failure> {
    let mut decoded = Cow::Borrowed(body);
    let mut held = Reservation::new(memory);
    let mut taken = 0;
    for coding in codings(fields) {
        let is = |name: &[u8]| coding.eq_ignore_ascii_case(name);
        // A response to HEAD, or a 304, names the coding of a body that it does not have.
        if decoded.is_empty() {
            break;
        }
        taken += 1;
        if taken > MOST_CODINGS {
            let message = format!("the body has more than {MOST_CODINGS} codings");
            return Err(Failure::because(FailureCause::ContentCoding, message));
        }
        let mut larger = Reservation::new(memory);
        decoded = Cow::Owned(if is(b"gzip") || is(b"x-gzip") {
            gunzip(&decoded, &mut larger)?
        } else if is(b"deflate") {
            inflate(&decoded, &mut larger)?
        } else {
            break;
        });
        held = larger;
    }
    Ok((decoded, held))
}

/// "Some non-conformant implementations send the "deflate" compressed data without the zlib wrapper" (RFC 9110, 8.4.1.2),
/// which has a check of its own in its first two bytes (RFC 1950, 2.2).
fn inflate(body: &[u8], memory: &mut Reservation<&Budget>) -> Result<Vec<u8>, Failure> {
    let wrapped = match *body {
        [first, second, ..] => {
            first & 0x0f == 8 && u16::from_be_bytes([first, second]).is_multiple_of(31)
        }
        _ => false,
    };
    if wrapped {
        read(ZlibDecoder::new(body), "deflate", memory)
    } else {
        read(DeflateDecoder::new(body), "deflate", memory)
    }
}

/// All members (RFC 1952, 2.2). What follows the last and is none is padding that nobody reads, as curl and browsers have it.
pub(super) fn gunzip(body: &[u8], memory: &mut Reservation<&Budget>) -> Result<Vec<u8>, Failure> {
    let (mut whole, mut rest) = (Vec::new(), body);
    loop {
        let mut decoder = GzDecoder::new(rest);
        read_to(&mut whole, &mut decoder, "gzip", memory)?;
        rest = decoder.into_inner();
        if !rest.starts_with(&GZIP) {
            return Ok(whole);
        }
    }
}

fn read(
    mut decoder: impl Read,
    coding: &str,
    memory: &mut Reservation<&Budget>,
) -> Result<Vec<u8>, Failure> {
    let mut whole = Vec::new();
    read_to(&mut whole, &mut decoder, coding, memory)?;
    Ok(whole)
}

/// Everything, up to the size of the largest body: a few bytes may unfold to any number.
fn read_to(
    whole: &mut Vec<u8>,
    decoder: &mut impl Read,
    coding: &str,
    memory: &mut Reservation<&Budget>,
) -> Result<(), Failure> {
    let most = (LARGEST_BODY + 1 - whole.len()) as u64;
    let mut decoder = decoder.take(most);
    let mut piece = [0; PIECE];
    loop {
        let length = decoder.read(&mut piece).map_err(|error| {
            let message = format!("the body is not valid {coding}: {error}");
            Failure::because(FailureCause::ContentCoding, message)
        })?;
        if length == 0 {
            break;
        }
        memory.grow(whole, length, LARGEST_BODY + 1)?;
        whole.extend_from_slice(&piece[..length]);
    }
    if whole.len() > LARGEST_BODY {
        return Err(oversized_body());
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use std::io::Write;

    use flate2::Compression;
    use flate2::write::{DeflateEncoder, GzEncoder, ZlibEncoder};

    use super::*;
    use crate::observe::FailureKind;

    fn decode(coding: &str, body: &[u8]) -> Result<Vec<u8>, FailureKind> {
        let fields = [httparse::Header {
            name: "Content-Encoding",
            value: coding.as_bytes(),
        }];
        decoded(Fields(&fields), body, &Budget::within(None))
            .map(|(body, _)| body.into_owned())
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
        let mut encoder = DeflateEncoder::new(Vec::new(), Compression::fast());
        encoder.write_all(b"v1").expect("a vector grows");
        let raw = encoder.finish().expect("a vector grows");
        assert_eq!(decode("deflate", &raw), Ok(b"v1".to_vec()));
        assert_eq!(decode("br", b"raw"), Ok(b"raw".to_vec()));
        assert_eq!(decode("gzip", b""), Ok(Vec::new()));
    }

    /// RFC 9110, 8.4: "If one or more encodings have been applied to a representation, the sender that applied the encodings
    /// MUST generate a Content-Encoding header field that lists the content codings in the order in which they were applied."
    #[test]
    fn codings_come_off_in_the_reverse_order() {
        let mut encoder = ZlibEncoder::new(Vec::new(), Compression::fast());
        encoder.write_all(&gzip(b"v1")).expect("a vector grows");
        let both = encoder.finish().expect("a vector grows");
        assert_eq!(decode("gzip, deflate", &both), Ok(b"v1".to_vec()));
        assert_eq!(
            decode("identity,gzip , Identity", &gzip(b"v1")),
            Ok(b"v1".to_vec())
        );
        assert_eq!(decode("br, gzip", &gzip(b"raw")), Ok(b"raw".to_vec()));
        let two = ["gzip", "deflate"].map(|coding| httparse::Header {
            name: "content-encoding",
            value: coding.as_bytes(),
        });
        let split =
            decoded(Fields(&two), &both, &Budget::within(None)).map(|(body, _)| body.into_owned());
        assert_eq!(split.as_deref(), Ok(&b"v1"[..]));
        let nested = (0..6).fold(b"v1".to_vec(), |body, _| gzip(&body));
        let six = ["gzip"; 6].join(",");
        assert_eq!(decode(&six, &nested), Err(FailureKind::Malformed));
        let five = ["gzip"; 5].join(",");
        assert_eq!(decode(&five, &nested), Ok(gzip(b"v1")));
    }

    /// RFC 9112, 7: "A transfer coding of \"gzip\" applied before \"chunked\"" leaves a body that is still compressed.
    #[test]
    fn codings_of_the_transfer_come_off_before_those_of_the_content() {
        let fields = [
            ("Content-Encoding", "deflate"),
            ("Transfer-Encoding", "gzip, chunked"),
        ];
        let fields = fields.map(|(name, value)| httparse::Header {
            name,
            value: value.as_bytes(),
        });
        let mut encoder = ZlibEncoder::new(Vec::new(), Compression::fast());
        encoder.write_all(b"v1").expect("a vector grows");
        let body = gzip(&encoder.finish().expect("a vector grows"));
        let decoded = decoded(Fields(&fields), &body, &Budget::within(None))
            .map(|(body, _)| body.into_owned());
        assert_eq!(decoded.as_deref(), Ok(&b"v1"[..]));
        let plain = [httparse::Header {
            name: "Transfer-Encoding",
            value: b"chunked",
        }];
        let same = super::decoded(Fields(&plain), b"v1", &Budget::within(None))
            .map(|(body, _)| body.into_owned());
        assert_eq!(same.as_deref(), Ok(&b"v1"[..]));
    }

    #[test]
    fn what_follows_gzip_is_another_member_or_padding() {
        let two = [gzip(b"v"), gzip(b"1")].concat();
        assert_eq!(decode("gzip", &two), Ok(b"v1".to_vec()));
        for padding in [&b"\0"[..], b"\0\0\0\0\0\0\0\0\0\0", b"garbage"] {
            let padded = [&gzip(b"v1")[..], padding].concat();
            assert_eq!(decode("gzip", &padded), Ok(b"v1".to_vec()), "{padding:?}");
        }
        // A member that is cut off is no padding.
        let cut = &gzip(b"1")[..12];
        let broken = [&gzip(b"v")[..], cut].concat();
        assert_eq!(decode("gzip", &broken), Err(FailureKind::Malformed));
        let half = gzip(&vec![0; LARGEST_BODY / 2 + 1]);
        assert_eq!(
            decode("gzip", &[&half[..], &half].concat()),
            Err(FailureKind::Oversized)
        );
    }

    #[test]
    fn what_is_no_gzip_or_unfolds_without_end_is_a_failure() {
        assert_eq!(decode("gzip", b"v1"), Err(FailureKind::Malformed));
        let cut = gzip(b"v1");
        assert_eq!(decode("gzip", &cut[..12]), Err(FailureKind::Malformed));
        let bomb = gzip(&vec![0; LARGEST_BODY + 1]);
        assert!(bomb.len() < 100_000);
        assert_eq!(decode("gzip", &bomb), Err(FailureKind::Oversized));
        assert_eq!(
            decode("gzip, gzip", &gzip(&bomb)),
            Err(FailureKind::Oversized)
        );
        assert_eq!(decode("deflate", b"v1"), Err(FailureKind::Malformed));
    }
}
