//! Server-sent events (WHATWG HTML, 9.2): a response that need not end, and is counted by its first event.

use http::header::CONTENT_TYPE;

use super::content_encoding::codings;
use crate::bucket::Fields;

const MEDIA_TYPE: &[u8] = b"text/event-stream";
const BYTE_ORDER_MARK: &[u8] = "\u{feff}".as_bytes();

/// Whether a response is a stream of events that can be read as it comes.
pub(super) fn is_event_stream(fields: Fields<'_>) -> bool {
    fields.get(&CONTENT_TYPE).is_some_and(names_event_stream) && codings(fields).next().is_none()
}

/// Whether a `Content-Type` is that of a stream of events.
pub(super) fn names_event_stream(content_type: &[u8]) -> bool {
    let media_type = content_type.split(|byte| *byte == b';').next();
    media_type.is_some_and(|name| name.trim_ascii().eq_ignore_ascii_case(MEDIA_TYPE))
}

/// The first event of a body that grows.
#[derive(Debug, Default)]
pub(super) struct FirstEvent {
    /// Where the line begins that has not ended, and how far its end was looked for.
    line: usize,
    scanned: usize,
    /// The last line ended in a carriage return, of which a line feed may be the rest.
    carriage_return: bool,
    /// The data so far, each line of it with its end.
    data: Vec<u8>,
    complete: bool,
}

impl FirstEvent {
    /// Reads on in the body; whether the first event that has data is complete.
    pub(super) fn read(&mut self, body: &[u8]) -> bool {
        while !self.complete {
            let Some(next) = body.get(self.scanned).copied() else {
                return false;
            };
            self.scanned += 1;
            if std::mem::take(&mut self.carriage_return) && next == b'\n' {
                self.line = self.scanned;
            } else if matches!(next, b'\r' | b'\n') {
                self.carriage_return = next == b'\r';
                self.end_line(&body[self.line..self.scanned - 1]);
                self.line = self.scanned;
            }
        }
        true
    }

    /// The data of the event.
    pub(super) fn data(&self) -> &[u8] {
        self.data.strip_suffix(b"\n").unwrap_or_default()
    }

    fn end_line(&mut self, line: &[u8]) {
        let line = line.strip_prefix(BYTE_ORDER_MARK).unwrap_or(line);
        if line.is_empty() {
            // "If the data buffer is an empty string, set the data buffer and the event type buffer to the empty string and
            // return": comments that keep the connection open are no events.
            self.complete = !self.data.is_empty();
        } else if let Some(value) = line.strip_prefix(b"data")
            && let [] | [b':', ..] = value
        {
            let value = value.strip_prefix(b":").unwrap_or(value);
            self.data
                .extend_from_slice(value.strip_prefix(b" ").unwrap_or(value));
            self.data.push(b'\n');
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn first(body: &[u8]) -> Option<Vec<u8>> {
        let mut whole = FirstEvent::default();
        let complete = whole.read(body);
        let mut cut = FirstEvent::default();
        assert_eq!((0..=body.len()).any(|to| cut.read(&body[..to])), complete);
        assert_eq!(whole.data(), cut.data());
        complete.then(|| whole.data().to_vec())
    }

    #[test]
    fn the_first_event_with_data_counts_however_its_lines_end() {
        for end in ["\n", "\r", "\r\n"] {
            let first = |lines: &[&str]| first(lines.join(end).as_bytes());
            assert_eq!(first(&["data: v1", "", ""]), Some(b"v1".to_vec()));
            assert_eq!(
                first(&["data:v1", "", "data: v2", ""]),
                Some(b"v1".to_vec())
            );
            assert_eq!(
                first(&[
                    ": hello", "", "retry: 5", "", "id: 1", "event: a", "data: v1", "", ""
                ]),
                Some(b"v1".to_vec())
            );
            assert_eq!(
                first(&["data: a", "datum: b", "data: c", "", ""]),
                Some(b"a\nc".to_vec())
            );
            assert_eq!(first(&["data", "", ""]), Some(Vec::new()));
            assert_eq!(first(&["\u{feff}data: v1", "", ""]), Some(b"v1".to_vec()));
            assert_eq!(first(&["data: v1"]), None);
            assert_eq!(first(&["data: v1", ""]), None);
        }
    }

    #[test]
    fn only_a_stream_of_events_that_is_not_compressed_is_read_as_one() {
        let of = |fields: &[(&'static str, &'static str)]| {
            let fields: Vec<_> = fields
                .iter()
                .map(|(name, value)| httparse::Header {
                    name,
                    value: value.as_bytes(),
                })
                .collect();
            is_event_stream(Fields(&fields))
        };
        let stream = ("content-type", "Text/Event-Stream; charset=utf-8");
        assert!(of(&[stream]));
        assert!(of(&[
            stream,
            ("transfer-encoding", "chunked"),
            ("content-encoding", "identity")
        ]));
        assert!(!of(&[stream, ("content-encoding", "gzip")]));
        assert!(!of(&[stream, ("transfer-encoding", "gzip, chunked")]));
        assert!(!of(&[("content-type", "text/event-stream2")]));
        assert!(!of(&[]));
    }
}
