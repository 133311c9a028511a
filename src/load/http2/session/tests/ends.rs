//! How streams and connections end other than by an answer.

use super::*;

#[test]
fn going_away_ends_only_what_was_not_looked_at() {
    let mut session = greeted(&[]);
    let ids = [session.open(&request(b"")), session.open(&request(b""))];
    session.wrote(session.output().len());
    session.feed(
        &frame_of(frame::GOAWAY, 0, 0, b"\0\0\0\x01\0\0\0\0"),
        Instant::now(),
    );
    assert!(!session.usable());
    let going = "the server is going away (GOAWAY): NO_ERROR";
    let (kind, fate, message) = outcome(&mut session, ids[1]).expect_err("not looked at");
    assert_eq!((kind, fate), (FailureKind::Reset, Fate::Untried));
    assert_eq!(message, going);
    session.feed(&headers(ids[0], frame::END_STREAM, OK), Instant::now());
    assert_eq!(outcome(&mut session, ids[0]), Ok((200, Vec::new())));
    let refused = session.try_open(&request(b""));
    assert!(matches!(refused, Some(Err(broken)) if broken.fate == Fate::Untried));
}

#[test]
fn what_a_peer_said_before_it_closed_is_what_is_told() {
    let mut session = greeted(&[]);
    let id = session.open(&request(b""));
    session.wrote(session.output().len());
    let content = b"\0\0\0\x01\0\0\0\x0bcalm down";
    session.feed(&frame_of(frame::GOAWAY, 0, 0, content), Instant::now());
    session.close(&Failure::new(FailureKind::Reset, "closed".to_owned()));
    let (_, fate, message) = outcome(&mut session, id).expect_err("closed");
    assert_eq!(fate, Fate::Unknown);
    assert!(
        message.ends_with("ENHANCE_YOUR_CALM, calm down"),
        "{message}"
    );
}

#[test]
fn a_reset_is_a_failure_unless_the_stream_was_refused() {
    for (head, code, kind, fate) in [
        (
            false,
            Code::REFUSED_STREAM,
            FailureKind::Reset,
            Fate::Refused,
        ),
        (false, Code::CANCEL, FailureKind::Reset, Fate::Unknown),
        (true, Code::CANCEL, FailureKind::Truncated, Fate::Unknown),
    ] {
        let mut session = greeted(&[]);
        let id = session.open(&request(b""));
        if head {
            session.feed(&headers(id, 0, OK), Instant::now());
        }
        session.feed(
            &frame_of(frame::RST_STREAM, 0, id, &code.0.to_be_bytes()),
            Instant::now(),
        );
        let (said, known, message) = outcome(&mut session, id).expect_err("reset");
        assert_eq!((said, known), (kind, fate), "{message}");
        assert_eq!(message, format!("the server reset the stream: {code}"));
        assert!(session.usable());
    }
}

#[test]
fn what_was_never_written_was_never_tried() {
    let mut session = greeted(&[]);
    let first = session.open(&request(b""));
    session.wrote(3);
    let second = session.open(&request(b""));
    session.close(&Failure::new(FailureKind::Reset, "it is over".to_owned()));
    assert_eq!(
        outcome(&mut session, first).expect_err("broken").1,
        Fate::Unknown
    );
    assert_eq!(
        outcome(&mut session, second).expect_err("broken").1,
        Fate::Untried
    );
}

#[test]
fn nobody_waits_for_a_cancelled_stream() {
    let mut session = greeted(&[]);
    let id = session.open(&request(b""));
    written(&mut session);
    session.cancel(id);
    let sent = written(&mut session);
    assert_eq!(
        (sent[0].0.kind, &sent[0].1[..]),
        (frame::RST_STREAM, &Code::CANCEL.0.to_be_bytes()[..])
    );
    // What was on its way is read, and leaves the fields of others as they are.
    session.feed(&headers(id, 0, OK), Instant::now());
    session.feed(
        &frame_of(frame::DATA, frame::END_STREAM, id, b"late"),
        Instant::now(),
    );
    assert!(session.usable());
    assert_eq!(written(&mut session), []);
}

#[test]
fn an_answer_that_is_none_ends_its_stream_alone() {
    let announced = |n| [OK, b"\x0f\x0d\x01", n].concat();
    let too_long = [OK, b"\x0f\x0d\x0a9999999999"].concat();
    for (frames, kind, part) in [
        (
            vec![headers(1, frame::END_STREAM, b"")],
            FailureKind::Malformed,
            "without a status",
        ),
        (
            vec![headers(1, 0, b"\x48\x03101")],
            FailureKind::Malformed,
            "change of the protocol",
        ),
        (
            vec![frame_of(frame::DATA, 0, 1, b"v1")],
            FailureKind::Malformed,
            "without a head",
        ),
        (
            vec![headers(1, frame::END_STREAM, &announced(b"3"))],
            FailureKind::Malformed,
            "another length",
        ),
        (
            vec![headers(1, 0, &announced(b"x"))],
            FailureKind::Malformed,
            "content length",
        ),
        (
            vec![headers(1, 0, OK), headers(1, 0, b"\x00\x01x\x01y")],
            FailureKind::Malformed,
            "within the body",
        ),
        (
            vec![headers(1, 0, &too_long)],
            FailureKind::Oversized,
            "8 MiB",
        ),
        (
            vec![frame_of(frame::WINDOW_UPDATE, 0, 1, &[0; 4])],
            FailureKind::Malformed,
            "grows by nothing",
        ),
        (
            vec![headers(1, 0, b"\x48\x03103"); 65],
            FailureKind::Malformed,
            "64 interim",
        ),
    ] {
        let mut session = greeted(&[]);
        let ids = [session.open(&request(b"")), session.open(&request(b""))];
        session.feed(&frames.concat(), Instant::now());
        let (said, fate, message) = outcome(&mut session, ids[0]).expect_err(part);
        assert_eq!((said, fate), (kind, Fate::Unknown), "{message}");
        assert!(message.contains(part), "{message}");
        assert!(
            ended(&mut session, ids[1]).is_none() && session.usable(),
            "{part}"
        );
        let reset = written(&mut session)
            .into_iter()
            .any(|(frame, _)| (frame.kind, frame.stream) == (frame::RST_STREAM, 1));
        assert!(reset, "{part}");
    }
}

#[test]
fn a_peer_that_speaks_something_else_ends_the_connection() {
    let settings = |content: &[u8]| frame_of(frame::SETTINGS, 0, 0, content);
    let window = |id, by: u32| frame_of(frame::WINDOW_UPDATE, 0, id, &by.to_be_bytes());
    let begun = frame_of(frame::HEADERS, 0, 1, OK);
    let endless = [
        begun.clone(),
        frame_of(frame::CONTINUATION, 0, 1, &[0; 16_000]).repeat(5),
    ]
    .concat();
    for (bytes, part) in [
        (b"\0\x40\x01\0\0\0\0\0\0".to_vec(), "too long"),
        (headers(1, 0, b"\xbe"), "dynamic table"),
        (headers(2, 0, OK), "an answer to nothing"),
        (headers(5, 0, OK), "an answer to nothing"),
        (
            frame_of(frame::DATA, frame::PADDED, 1, b"\x09v1"),
            "more padding",
        ),
        (
            [&begun[..], &frame_of(frame::PING, 0, 0, &[0; 8])].concat(),
            "not continued",
        ),
        (
            frame_of(frame::CONTINUATION, 0, 1, OK),
            "a continuation of nothing",
        ),
        (endless, "larger than 64 KiB"),
        (frame_of(frame::PUSH_PROMISE, 0, 1, &[0; 8]), "a push"),
        (settings(b"\0"), "cut off"),
        (settings(b"\0\x04\xff\xff\xff\xff"), "too wide"),
        (settings(b"\0\x05\0\0\0\x01"), "size of frames"),
        (window(0, 0), "grows by nothing"),
        (window(0, 0x7fff_ffff), "too wide"),
        (frame_of(frame::PING, 0, 0, b"short"), "wrong size"),
        (frame_of(frame::GOAWAY, 0, 0, b"short"), "cut off"),
        (frame_of(frame::PING, 0, 1, &[0; 8]), "on a stream"),
        (frame_of(frame::SETTINGS, 0, 1, b""), "on a stream"),
        (frame_of(frame::GOAWAY, 0, 1, &[0; 8]), "on a stream"),
    ] {
        let mut session = greeted(&[]);
        let id = session.open(&request(b""));
        written(&mut session);
        session.feed(&bytes, Instant::now());
        assert!(!session.usable(), "{part}");
        let (_, fate, message) = outcome(&mut session, id).expect_err(part);
        assert!(message.contains(part), "{part}: {message}");
        assert_eq!(fate, Fate::Unknown);
        assert_eq!(
            written(&mut session).last().expect("a frame").0.kind,
            frame::GOAWAY,
            "{part}"
        );
    }
}

#[test]
fn whoever_does_not_speak_http2_is_quoted() {
    let mut session = session();
    let id = session.open(&request(b""));
    written(&mut session);
    session.feed(b"HTTP/1.1 400 Bad Request\r\n", Instant::now());
    let (kind, _, message) = outcome(&mut session, id).expect_err("no HTTP/2");
    assert_eq!(kind, FailureKind::Malformed);
    assert_eq!(
        message,
        "invalid HTTP/2: the server begins with `HTTP/1.1 400 Bad Req`"
    );
}

#[test]
fn an_answer_before_the_end_of_the_request_counts() {
    static BODY: [u8; 100_000] = [7; 100_000];
    let mut session = greeted(&[]);
    let id = session.open(&request(&BODY));
    written(&mut session);
    session.feed(
        &headers(id, frame::END_STREAM, b"\x48\x03413"),
        Instant::now(),
    );
    assert_eq!(outcome(&mut session, id), Ok((413, Vec::new())));
    assert_eq!(written(&mut session)[0].0.kind, frame::RST_STREAM);
}
