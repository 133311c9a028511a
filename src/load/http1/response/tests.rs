//! Responses as servers write them, cut anywhere: what is read does not depend on where.

use proptest::prelude::*;

use super::*;

/// What was read: status, body, and whether the connection is still good.
type Read = Result<Option<(u16, Vec<u8>, bool)>, FailureKind>;

fn reader() -> Reader {
    Reader::new(false, Arc::new(Budget::within(None)))
}

/// Reads a response that comes in these pieces; the connection is closed afterwards if `closes`.
fn read<'p>(mut reader: Reader, pieces: impl IntoIterator<Item = &'p [u8]>, closes: bool) -> Read {
    let seen = |response: Response<'_>| (response.status, response.body.to_vec());
    let flat = |done: Done<(u16, Vec<u8>)>| (done.result.0, done.result.1, done.reusable);
    for piece in pieces {
        if let Some(done) = reader.feed(piece, seen).map_err(|failure| failure.kind)? {
            return Ok(Some(flat(done)));
        }
    }
    if closes {
        let done = reader.end(true, seen).map_err(|failure| failure.kind)?;
        return Ok(Some(flat(done)));
    }
    Ok(None)
}

fn whole(text: &str, closes: bool) -> Read {
    read(reader(), [text.as_bytes()], closes)
}

#[expect(
    clippy::unnecessary_wraps,
    reason = "it is compared with what was read"
)]
fn response(status: u16, body: &str, reusable: bool) -> Read {
    Ok(Some((status, body.as_bytes().to_vec(), reusable)))
}

/// Responses, whether the server closes after them, and what they say.
fn cases() -> Vec<(&'static str, bool, Read)> {
    [good(), bad()].concat()
}

fn good() -> Vec<(&'static str, bool, Read)> {
    vec![
        (
            "HTTP/1.1 200 OK\r\ncontent-length: 3\r\n\r\nv1\n",
            false,
            response(200, "v1\n", true),
        ),
        (
            "HTTP/1.1 200 OK\r\nContent-Length: 2, 2\r\ncontent-length:2\r\nConnection: foo, Close\r\n\r\nv1",
            false,
            response(200, "v1", false),
        ),
        // RFC 9112, 9.3: "If the "close" connection option is present, the connection will not persist after the current
        // response", whatever else is said.
        (
            "HTTP/1.1 200 OK\r\ncontent-length: 2\r\nconnection: close, keep-alive\r\n\r\nv1",
            false,
            response(200, "v1", false),
        ),
        (
            "HTTP/1.0 200 OK\r\ncontent-length: 2\r\nconnection: close\r\nConnection: Keep-Alive\r\n\r\nv1",
            false,
            response(200, "v1", false),
        ),
        (
            "HTTP/1.0 200 OK\r\ncontent-length: 2\r\n\r\nv1",
            false,
            response(200, "v1", false),
        ),
        (
            "HTTP/1.0 200 OK\r\ncontent-length: 2\r\nconnection: keep-alive\r\n\r\nv1",
            false,
            response(200, "v1", true),
        ),
        (
            "HTTP/1.1 200 OK\r\n\r\nuntil the end",
            true,
            response(200, "until the end", false),
        ),
        (
            "HTTP/1.1 204 No Content\r\ncontent-length: 9\r\n\r\n",
            false,
            response(204, "", true),
        ),
        (
            "HTTP/1.1 304 Not Modified\r\n\r\n",
            false,
            response(304, "", true),
        ),
        (
            "HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Early Hints\r\nlink: x\r\n\r\nHTTP/1.1 500 No\r\ncontent-length: 1\r\n\r\nx",
            false,
            response(500, "x", true),
        ),
        (
            "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n3;ext=\"1\"\r\nabc\r\nA\r\n0123456789\r\n0\r\n\r\n",
            false,
            response(200, "abc0123456789", true),
        ),
        (
            "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n2\r\nv1\r\n0\r\nx-sum: 1\r\nx-y: 2\r\n\r\n",
            false,
            response(200, "v1", true),
        ),
        // Folded lines, and blanks before a colon.
        (
            "HTTP/1.1 200 OK\r\nx-a: 1\r\n  2\r\ncontent-length : 2\r\nconnection: foo,\r\n\tclose\r\n\r\nv1",
            false,
            response(200, "v1", false),
        ),
        // Both framings: the chunks count, and the connection is not used again.
        (
            "HTTP/1.1 200 OK\r\ncontent-length: 7\r\ntransfer-encoding: chunked\r\n\r\n1\r\nx\r\n0\r\n\r\n",
            false,
            response(200, "x", false),
        ),
        (
            "HTTP/1.1 200 OK\r\ntransfer-encoding: gzip\r\n\r\nraw",
            true,
            response(200, "raw", false),
        ),
        // What comes after the response belongs to no request.
        (
            "HTTP/1.1 200 OK\r\ncontent-length: 1\r\n\r\nxHTTP/1.1 408 Request Timeout\r\n\r\n",
            false,
            response(200, "x", false),
        ),
    ]
}

fn bad() -> Vec<(&'static str, bool, Read)> {
    vec![
        (
            "HTTP/1.1 200 OK\r\ncontent-length: 3\r\n\r\nv1",
            true,
            Err(FailureKind::Truncated),
        ),
        (
            "HTTP/1.1 200 OK\r\ncontent-le",
            true,
            Err(FailureKind::Truncated),
        ),
        (
            "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n3\r\nab",
            true,
            Err(FailureKind::Truncated),
        ),
        ("", true, Err(FailureKind::Reset)),
        (
            "HTTP/1.1 200 OK\r\ncontent-length: -1\r\n\r\n",
            false,
            Err(FailureKind::Malformed),
        ),
        (
            "HTTP/1.1 200 OK\r\ncontent-length: 1\r\ncontent-length: 2\r\n\r\n",
            false,
            Err(FailureKind::Malformed),
        ),
        (
            "HTTP/1.1 200 OK\r\ncontent-length: 99999999999999999999999\r\n\r\n",
            false,
            Err(FailureKind::Oversized),
        ),
        (
            "HTTP/1.1 200 OK\r\ncontent-length: 1073741824\r\n\r\n",
            false,
            Err(FailureKind::Oversized),
        ),
        ("HTTP/1.1 fine\r\n\r\n", false, Err(FailureKind::Malformed)),
        (
            "SSH-2.0-OpenSSH_9.2\r\n",
            false,
            Err(FailureKind::Malformed),
        ),
        (
            "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\nzz\r\nv1\n\r\n",
            false,
            Err(FailureKind::Malformed),
        ),
        (
            "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n1\r\nxyz\r\n",
            false,
            Err(FailureKind::Malformed),
        ),
    ]
}

#[test]
fn answers_are_read_as_they_are_meant() {
    for (text, closes, expected) in cases() {
        assert_eq!(whole(text, closes), expected, "{text:?}");
    }
}

#[test]
fn an_answer_to_head_has_no_body() {
    let head = Reader::new(true, Arc::new(Budget::within(None)));
    let text = b"HTTP/1.1 200 OK\r\ncontent-length: 99999999\r\n\r\n";
    assert_eq!(read(head, [&text[..]], false), response(200, "", true));
}

#[test]
fn what_never_ends_ends_somewhere() {
    let start = |text: &str| {
        let mut reader = reader();
        assert_eq!(reader.feed(text.as_bytes(), |_| ()), Ok(None));
        reader
    };
    for (text, more, most, kind) in [
        (
            "HTTP/1.1 200 OK\r\n",
            "x: y\r\n",
            129,
            FailureKind::Oversized,
        ),
        (
            "HTTP/1.1 200 OK\r\nx: ",
            "yyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyy",
            2048,
            FailureKind::Oversized,
        ),
        (
            "",
            "HTTP/1.1 100 Continue\r\n\r\n",
            64,
            FailureKind::Malformed,
        ),
        (
            "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n",
            "1;extension-that-takes-room\r\nx\r\n",
            600_000,
            FailureKind::Oversized,
        ),
        (
            "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n0\r\n",
            "x: y\r\n",
            64,
            FailureKind::Malformed,
        ),
        (
            "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n1",
            ";extension-without-end",
            800,
            FailureKind::Malformed,
        ),
    ] {
        let mut reader = start(text);
        let mut ended = Ok(None);
        for _ in 0..=most {
            ended = reader.feed(more.as_bytes(), |_| ());
            if ended.is_err() {
                break;
            }
        }
        let kind_of = ended.map_err(|failure| failure.kind);
        assert_eq!(kind_of, Err(kind), "{text:?} {more:?}");
    }
}

#[test]
fn large_answers_share_one_budget() {
    let budget = Arc::new(Budget::within(Some(128 << 20)));
    let head = b"HTTP/1.1 200 OK\r\ncontent-length: 8388608\r\n\r\n";
    let piece = vec![b'x'; 1 << 20];
    let mut readers: Vec<Reader> = (0..16)
        .map(|_| Reader::new(false, Arc::clone(&budget)))
        .collect();
    let mut failed = 0;
    for reader in &mut readers {
        let mut fed = reader.feed(head, |_| ());
        for _ in 0..7 {
            fed = fed.and_then(|_| reader.feed(&piece, |_| ()));
        }
        failed += usize::from(fed.is_err());
    }
    assert!((1..16).contains(&failed), "{failed} of 16 did not fit");
    drop(readers);
    let mut reader = Reader::new(false, budget);
    assert_eq!(reader.feed(head, |_| ()), Ok(None));
    assert_eq!(reader.feed(&piece, |_| ()), Ok(None));
}

proptest! {
    #[test]
    fn where_an_answer_is_cut_makes_no_difference(
        case in 0..cases().len(),
        cuts in prop::collection::vec(0.0..1.0_f64, 0..6),
    ) {
        let (text, closes, expected) = cases().swap_remove(case);
        let bytes = text.as_bytes();
        #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "within the text")]
        let mut cuts: Vec<usize> = cuts.iter().map(|cut| (cut * bytes.len() as f64) as usize).collect();
        cuts.sort_unstable();
        let mut pieces = Vec::new();
        let mut from = 0;
        for cut in cuts.into_iter().chain([bytes.len()]) {
            if cut > from {
                pieces.push(&bytes[from..cut]);
                from = cut;
            }
        }
        let seen = read(reader(), pieces.iter().copied(), closes);
        match (seen, expected) {
            // Bytes after the response may not have come yet.
            (Ok(Some((status, body, _))), Ok(Some((expected, whole, false)))) => {
                prop_assert_eq!((status, body), (expected, whole));
            }
            (seen, expected) => prop_assert_eq!(seen, expected),
        }
    }

    #[test]
    fn no_bytes_panic(bytes in prop::collection::vec(any::<u8>(), 0..200), status in prop::bool::ANY) {
        let prefix: &[u8] = if status { b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n" } else { b"" };
        let _ = read(reader(), [prefix, &bytes[..]], true);
    }
}

#[test]
fn a_head_is_held_to_its_limit_however_it_comes() {
    let head = |size: usize| {
        let head = "HTTP/1.1 200 OK\r\ncontent-length: 2\r\nx-large: \r\n\r\n";
        let value = "x".repeat(size - head.len());
        format!("HTTP/1.1 200 OK\r\ncontent-length: 2\r\nx-large: {value}\r\n\r\nv1")
    };
    assert_eq!(whole(&head(LONGEST_HEAD), false), response(200, "v1", true));
    for size in [LONGEST_HEAD + 1, 70_000] {
        let text = head(size);
        assert_eq!(whole(&text, false), Err(FailureKind::Oversized), "{size}");
        let halves = text.as_bytes().chunks(size / 2);
        let read = read(reader(), halves, false);
        assert_eq!(read, Err(FailureKind::Oversized), "{size}");
    }
}
