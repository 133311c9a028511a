mod ends;

use std::task::Waker;
use std::time::Instant;

use bytes::Bytes;
use proptest::prelude::*;

use super::*;
use crate::load::exchange::Fate;
use crate::load::http2::frame::{Frame, u32_of};

const OK: &[u8] = b"\x88";

fn session() -> Session {
    let mut session = Session::new(Rc::new(Budget::new(1)));
    session.wrote(session.output().len());
    session
}

/// A session whose peer has said its settings.
fn greeted(settings: &[(u16, u32)]) -> Session {
    let mut session = session();
    let mut bytes = Vec::new();
    frame::settings(&mut bytes, settings);
    session.feed(&bytes, Instant::now());
    session.wrote(session.output().len());
    session
}

fn request(body: &'static [u8]) -> Request {
    Request::new(
        [(":method", &b"GET"[..]), ("x-a", b"1")],
        Bytes::from_static(body),
        false,
    )
}

fn headers(id: u32, flags: u8, block: &[u8]) -> Vec<u8> {
    let mut bytes = Vec::new();
    frame::whole(
        &mut bytes,
        frame::HEADERS,
        flags | frame::END_HEADERS,
        id,
        block,
    );
    bytes
}

fn frame_of(kind: u8, flags: u8, id: u32, content: &[u8]) -> Vec<u8> {
    let mut bytes = Vec::new();
    frame::whole(&mut bytes, kind, flags, id, content);
    bytes
}

fn ended(session: &mut Session, id: u32) -> Option<Box<Stream>> {
    match session.poll_end(&Context::from_waker(Waker::noop()), id) {
        Poll::Ready(stream) => Some(stream),
        Poll::Pending => None,
    }
}

/// How a stream ended: its status and body, or the kind, the fate and the message of its failure.
fn outcome(session: &mut Session, id: u32) -> Result<(u16, Vec<u8>), (FailureKind, Fate, String)> {
    let mut stream = ended(session, id).expect("it has ended");
    match stream.ended.take().expect("it says how") {
        Ok(_) => Ok((stream.status(), stream.body)),
        Err(broken) => Err((broken.failure.kind, broken.fate, broken.failure.message)),
    }
}

/// The frames in what is to be written.
fn written(session: &mut Session) -> Vec<(Frame, Vec<u8>)> {
    let mut bytes = session.output();
    let mut frames = Vec::new();
    while let Some(frame) = Frame::read(bytes) {
        let (content, rest) = bytes[Frame::HEAD..].split_at(frame.length);
        frames.push((frame, content.to_vec()));
        bytes = rest;
    }
    assert_eq!(bytes, b"");
    session.wrote(session.output().len());
    frames
}

#[test]
fn a_connection_begins_with_the_preface_and_settings() {
    let session = Session::new(Rc::new(Budget::new(1)));
    let rest = session
        .output()
        .strip_prefix(frame::PREFACE)
        .expect("the preface");
    let frame = Frame::read(rest).expect("a frame");
    assert_eq!(
        (frame.kind, frame.flags, frame.stream),
        (frame::SETTINGS, 0, 0)
    );
    assert!(
        rest[Frame::HEAD..].starts_with(b"\0\x01\0\0\0\0\0\x02\0\0\0\0"),
        "no table, no push"
    );
}

#[test]
fn an_exchange_is_a_few_frames() {
    let mut session = greeted(&[]);
    let id = session.open(&request(b""));
    let sent = written(&mut session);
    let (frame, block) = &sent[0];
    assert_eq!(sent.len(), 1);
    assert_eq!((frame.kind, frame.stream), (frame::HEADERS, 1));
    assert_eq!(frame.flags, frame::END_STREAM | frame::END_HEADERS);
    assert_eq!(&block[..], b"\x82\x00\x03x-a\x011");
    session.feed(
        &headers(id, 0, b"\x88\x00\x09x-version\x02v1"),
        Instant::now(),
    );
    assert!(ended(&mut session, id).is_none());
    session.feed(
        &frame_of(frame::DATA, frame::END_STREAM, id, b"v1\n"),
        Instant::now(),
    );
    let stream = ended(&mut session, id).expect("it has ended");
    assert_eq!(
        stream.all_fields().collect::<Vec<_>>(),
        [("x-version", &b"v1"[..])]
    );
    assert_eq!((stream.status(), &stream.body[..]), (200, &b"v1\n"[..]));
    session.recycle(stream);
    // The next one finds nothing of it.
    let id = session.open(&request(b""));
    assert_eq!(id, 3);
    session.feed(&headers(id, frame::END_STREAM, b"\x8d"), Instant::now());
    assert_eq!(outcome(&mut session, id), Ok((404, Vec::new())));
}

#[test]
fn settings_and_pings_are_answered() {
    let mut session = session();
    let mut bytes = Vec::new();
    frame::settings(&mut bytes, &[]);
    bytes.extend(frame_of(frame::PING, 0, 0, b"12345678"));
    bytes.extend(frame_of(frame::PING, frame::ACK, 0, b"12345678"));
    // What nobody knows is ignored.
    bytes.extend(frame_of(0xee, 0xff, 0, b"?"));
    session.feed(&bytes, Instant::now());
    let kinds: Vec<(u8, u8)> = written(&mut session)
        .iter()
        .map(|(frame, _)| (frame.kind, frame.flags))
        .collect();
    assert_eq!(
        kinds,
        [(frame::SETTINGS, frame::ACK), (frame::PING, frame::ACK)]
    );
}

#[test]
fn interim_answers_and_trailers_belong_to_the_answer() {
    let mut session = greeted(&[]);
    let id = session.open(&request(b""));
    session.feed(
        &headers(id, 0, b"\x48\x03103\x00\x01x\x01y"),
        Instant::now(),
    );
    session.feed(&headers(id, 0, OK), Instant::now());
    session.feed(&frame_of(frame::DATA, 0, id, b"v1"), Instant::now());
    session.feed(
        &headers(id, frame::END_STREAM, b"\x00\x0bgrpc-status\x010"),
        Instant::now(),
    );
    let stream = ended(&mut session, id).expect("it has ended");
    assert_eq!(stream.status(), 200);
    assert_eq!(
        stream.all_fields().collect::<Vec<_>>(),
        [("grpc-status", &b"0"[..])]
    );
}

proptest! {
    #[test]
    fn it_does_not_matter_how_the_bytes_are_cut(cuts in prop::collection::vec(1_usize..12, 1..40)) {
        let mut bytes = frame_of(frame::HEADERS, frame::PADDED, 1, b"\x03\x88\x00\x01\0\0\0");
        bytes.extend(frame_of(frame::CONTINUATION, 0, 1, b"x\x01"));
        bytes.extend(frame_of(frame::CONTINUATION, frame::END_HEADERS, 1, b"y"));
        bytes.extend(frame_of(frame::DATA, frame::PADDED, 1, b"\x02v1\0\0"));
        bytes.extend(frame_of(frame::DATA, frame::END_STREAM, 1, b"\n"));
        let mut session = greeted(&[]);
        session.open(&request(b""));
        let mut rest = &bytes[..];
        for cut in cuts.iter().cycle() {
            let (piece, after) = rest.split_at((*cut).min(rest.len()));
            session.feed(piece, Instant::now());
            rest = after;
            if rest.is_empty() {
                break;
            }
        }
        let stream = ended(&mut session, 1).expect("it has ended");
        prop_assert_eq!(&stream.body[..], b"v1\n");
        prop_assert_eq!(stream.all_fields().collect::<Vec<_>>(), [("x", &b"y"[..])]);
    }

    #[test]
    fn nothing_that_a_peer_says_breaks_it(bytes in prop::collection::vec(any::<u8>(), 0..200), kind in 0_u8..12, id in 0_u32..4) {
        let mut session = greeted(&[]);
        session.open(&request(b"body"));
        let content: Vec<u8> = bytes.iter().skip(1).copied().collect();
        session.feed(&frame_of(kind, bytes.first().copied().unwrap_or(0), id, &content), Instant::now());
        session.feed(&bytes, Instant::now());
        session.close(&Failure::new(FailureKind::Reset, "it is over".to_owned()));
        prop_assert!(ended(&mut session, 1).is_some());
        prop_assert_eq!(session.active, 0);
    }
}

#[test]
fn as_many_streams_are_opened_as_the_peer_takes() {
    let mut session = greeted(&[(frame::MAX_CONCURRENT_STREAMS, 1)]);
    let Some(Ok(first)) = session.try_open(&request(b"")) else {
        panic!("there is room for one");
    };
    assert!(session.try_open(&request(b"")).is_none());
    session.feed(&headers(first, frame::END_STREAM, OK), Instant::now());
    assert!(matches!(session.try_open(&request(b"")), Some(Ok(3))));
}

#[test]
fn one_stream_is_opened_before_the_peer_says_how_many_it_takes() {
    let mut session = session();
    let open = |session: &mut Session| matches!(session.try_open(&request(b"")), Some(Ok(_)));
    assert!(open(&mut session));
    assert!(!open(&mut session));
    let mut settings = Vec::new();
    frame::settings(&mut settings, &[(frame::MAX_CONCURRENT_STREAMS, 3)]);
    session.feed(&settings, Instant::now());
    assert_eq!([(); 3].map(|()| open(&mut session)), [true, true, false]);
}

#[test]
fn a_stream_that_ends_calls_one_of_those_who_wait() {
    let mut session = greeted(&[(frame::MAX_CONCURRENT_STREAMS, 1)]);
    let id = session.open(&request(b""));
    let turn = session.turn();
    let mut waiting = [Box::pin(turn.notified()), Box::pin(turn.notified())];
    let mut context = Context::from_waker(Waker::noop());
    let mut called = || {
        waiting
            .each_mut()
            .map(|call| call.as_mut().poll(&mut context).is_ready())
    };
    assert_eq!(called(), [false, false]);
    session.feed(&headers(id, frame::END_STREAM, OK), Instant::now());
    assert_eq!(called(), [true, false]);
    session.close(&Failure::new(FailureKind::Reset, "it is over".to_owned()));
    let last = waiting[1].as_mut().poll(&mut context);
    assert!(last.is_ready(), "whoever still waits has to look elsewhere");
}

#[test]
fn a_peer_that_does_not_read_is_sent_no_further_requests() {
    static BODY: [u8; 60_000] = [7; 60_000];
    let mut session = greeted(&[(frame::INITIAL_WINDOW_SIZE, 1 << 20)]);
    let mut wider = Vec::new();
    frame::number(&mut wider, frame::WINDOW_UPDATE, 0, 1 << 20);
    session.feed(&wider, Instant::now());
    let mut open = || session.try_open(&request(&BODY)).is_some();
    let opened = (0..100).take_while(|_| open()).count();
    assert_eq!(opened, BACKLOG / BODY.len() + 1);
    session.wrote(session.output().len());
    assert!(session.try_open(&request(&BODY)).is_some());
}

#[test]
fn a_body_goes_out_as_far_as_the_windows_are() {
    static BODY: [u8; 50_000] = [7; 50_000];
    let mut session = greeted(&[(frame::INITIAL_WINDOW_SIZE, 40_000)]);
    let ids = [session.open(&request(&BODY)), session.open(&request(&BODY))];
    let sizes = |session: &mut Session| {
        let data = written(session)
            .into_iter()
            .filter(|(frame, _)| frame.kind == frame::DATA);
        data.map(|(frame, content)| (frame.stream, content.len(), frame.flags))
            .collect::<Vec<_>>()
    };
    // The first stream has its own window, the second what is left of the connection's.
    let expected = [
        (1, 16_384, 0),
        (1, 16_384, 0),
        (1, 7232, 0),
        (3, 16_384, 0),
        (3, 9151, 0),
    ];
    assert_eq!(sizes(&mut session), expected);
    let mut more = Vec::new();
    frame::number(&mut more, frame::WINDOW_UPDATE, 0, 100_000);
    session.feed(&more, Instant::now());
    assert_eq!(sizes(&mut session), [(3, 14_465, 0)]);
    more.clear();
    frame::settings(&mut more, &[(frame::INITIAL_WINDOW_SIZE, 50_000)]);
    session.feed(&more, Instant::now());
    assert_eq!(
        sizes(&mut session),
        [
            (1, 10_000, frame::END_STREAM),
            (3, 10_000, frame::END_STREAM)
        ]
    );
    assert!(ended(&mut session, ids[0]).is_none());
}

#[test]
fn a_body_waits_for_the_peer_to_read_however_wide_its_windows_are() {
    static BODY: [u8; 3_000_000] = [7; 3_000_000];
    let mut session = greeted(&[(frame::INITIAL_WINDOW_SIZE, 0x7fff_ffff)]);
    let mut wider = Vec::new();
    frame::number(&mut wider, frame::WINDOW_UPDATE, 0, 0x7fff_0000);
    session.feed(&wider, Instant::now());
    session.open(&request(&BODY));
    let mut sent = 0;
    while !session.output().is_empty() {
        assert!(session.out.len() < 3 * BACKLOG, "{}", session.out.len());
        let part = session.output().len().min(50_000);
        sent += part;
        session.wrote(part);
    }
    let heads = BODY.len().div_ceil(16_384) * Frame::HEAD;
    assert!(sent > BODY.len() + heads, "{sent}");
}

#[test]
fn what_came_is_credited_to_the_peer() {
    let mut session = greeted(&[]);
    let id = session.open(&request(b""));
    written(&mut session);
    session.feed(&headers(id, 0, OK), Instant::now());
    let mut credited = [0_u32; 2];
    for _ in 0..400 {
        session.feed(&frame_of(frame::DATA, 0, id, &[1; 10_000]), Instant::now());
        for (frame, content) in written(&mut session) {
            assert_eq!(frame.kind, frame::WINDOW_UPDATE);
            let at = usize::from(frame.stream != 0);
            credited[at] += u32_of(content.try_into().expect("four bytes"));
        }
    }
    for (credit, window) in credited.iter().zip([CONNECTION_WINDOW, STREAM_WINDOW]) {
        assert!(
            *credit + window / 2 >= 4_000_000 && *credit <= 4_000_000,
            "{credit}"
        );
    }
}
