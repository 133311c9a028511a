//! The frames of HTTP/2 (RFC 9113, 4 and 6): their heads, and the few that are sent whole. Not: what follows from them.

/// What a client says first (RFC 9113, 3.4).
pub(super) const PREFACE: &[u8] = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";
/// The longest frame that a peer may send unless it is told otherwise.
pub(super) const LONGEST: usize = 16 << 10;
/// The size of all windows unless something else is said.
pub(super) const WINDOW: u32 = 65_535;
/// The largest window.
pub(super) const WIDEST: i64 = 0x7fff_ffff;

pub(super) const DATA: u8 = 0;
pub(super) const HEADERS: u8 = 1;
pub(super) const RST_STREAM: u8 = 3;
pub(super) const SETTINGS: u8 = 4;
pub(super) const PUSH_PROMISE: u8 = 5;
pub(super) const PING: u8 = 6;
pub(super) const GOAWAY: u8 = 7;
pub(super) const WINDOW_UPDATE: u8 = 8;
pub(super) const CONTINUATION: u8 = 9;

pub(super) const ACK: u8 = 0x1;
pub(super) const END_STREAM: u8 = 0x1;
pub(super) const END_HEADERS: u8 = 0x4;
pub(super) const PADDED: u8 = 0x8;
pub(super) const PRIORITISED: u8 = 0x20;

pub(super) const HEADER_TABLE_SIZE: u16 = 1;
pub(super) const ENABLE_PUSH: u16 = 2;
pub(super) const MAX_CONCURRENT_STREAMS: u16 = 3;
pub(super) const INITIAL_WINDOW_SIZE: u16 = 4;
pub(super) const MAX_FRAME_SIZE: u16 = 5;
pub(super) const MAX_HEADER_LIST_SIZE: u16 = 6;

/// Why a stream or a connection ends (RFC 9113, 7).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Code(pub(super) u32);

impl Code {
    pub(super) const NO_ERROR: Self = Self(0);
    pub(super) const PROTOCOL_ERROR: Self = Self(1);
    pub(super) const FLOW_CONTROL_ERROR: Self = Self(3);
    pub(super) const FRAME_SIZE_ERROR: Self = Self(6);
    pub(super) const REFUSED_STREAM: Self = Self(7);
    pub(super) const CANCEL: Self = Self(8);
    pub(super) const COMPRESSION_ERROR: Self = Self(9);
    pub(super) const ENHANCE_YOUR_CALM: Self = Self(11);
}

impl std::fmt::Display for Code {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        const NAMES: [&str; 14] = [
            "NO_ERROR",
            "PROTOCOL_ERROR",
            "INTERNAL_ERROR",
            "FLOW_CONTROL_ERROR",
            "SETTINGS_TIMEOUT",
            "STREAM_CLOSED",
            "FRAME_SIZE_ERROR",
            "REFUSED_STREAM",
            "CANCEL",
            "COMPRESSION_ERROR",
            "CONNECT_ERROR",
            "ENHANCE_YOUR_CALM",
            "INADEQUATE_SECURITY",
            "HTTP_1_1_REQUIRED",
        ];
        let name = usize::try_from(self.0).ok().and_then(|at| NAMES.get(at));
        match name {
            Some(name) => f.write_str(name),
            None => write!(f, "error {}", self.0),
        }
    }
}

/// The head of a frame.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Frame {
    /// The length of what follows.
    pub(super) length: usize,
    pub(super) kind: u8,
    pub(super) flags: u8,
    /// 0 for the connection.
    pub(super) stream: u32,
}

impl Frame {
    /// The length of a head.
    pub(super) const HEAD: usize = 9;

    /// The head at the beginning of these bytes, if all of it is there.
    pub(super) fn read(bytes: &[u8]) -> Option<Self> {
        let [a, b, c, kind, flags, stream @ ..] = *bytes.first_chunk::<9>()?;
        Some(Self {
            length: u32_of([0, a, b, c]) as usize,
            kind,
            flags,
            stream: u32_of(stream) & 0x7fff_ffff,
        })
    }

    pub(super) fn write(self, to: &mut Vec<u8>) {
        let [_, a, b, c] = u32::try_from(self.length)
            .expect("frames are cut")
            .to_be_bytes();
        to.extend_from_slice(&[a, b, c, self.kind, self.flags]);
        to.extend_from_slice(&self.stream.to_be_bytes());
    }
}

pub(super) fn u32_of(bytes: [u8; 4]) -> u32 {
    u32::from_be_bytes(bytes)
}

/// A frame that holds one number.
pub(super) fn number(to: &mut Vec<u8>, kind: u8, stream: u32, number: u32) {
    whole(to, kind, 0, stream, &number.to_be_bytes());
}

/// A frame with all of its content.
pub(super) fn whole(to: &mut Vec<u8>, kind: u8, flags: u8, stream: u32, content: &[u8]) {
    let length = content.len();
    let frame = Frame {
        length,
        kind,
        flags,
        stream,
    };
    frame.write(to);
    to.extend_from_slice(content);
}

/// Settings.
pub(super) fn settings(to: &mut Vec<u8>, settings: &[(u16, u32)]) {
    let pair =
        |(name, value): &(u16, u32)| [&name.to_be_bytes()[..], &value.to_be_bytes()].concat();
    let content: Vec<u8> = settings.iter().flat_map(pair).collect();
    whole(to, SETTINGS, 0, 0, &content);
}

/// The end of a connection, for which no stream of the peer was looked at.
pub(super) fn goaway(to: &mut Vec<u8>, code: Code) {
    let content = [[0; 4], code.0.to_be_bytes()].concat();
    whole(to, GOAWAY, 0, 0, &content);
}

/// What a frame holds besides its padding and, for `HEADERS`, its priority; `None` where that is longer than the frame.
pub(super) fn unpadded(frame: Frame, content: &[u8]) -> Option<&[u8]> {
    let mut rest = content;
    if frame.flags & PADDED != 0 {
        let (length, content) = rest.split_first()?;
        rest = content.get(..content.len().checked_sub(usize::from(*length))?)?;
    }
    if frame.kind == HEADERS && frame.flags & PRIORITISED != 0 {
        rest = rest.get(5..)?;
    }
    Some(rest)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_frame_is_read_as_it_was_written() {
        let frame = Frame {
            length: 0x01_02_03,
            kind: HEADERS,
            flags: END_HEADERS | END_STREAM,
            stream: 0x7fff_fffe,
        };
        let mut bytes = Vec::new();
        frame.write(&mut bytes);
        assert_eq!(bytes, b"\x01\x02\x03\x01\x05\x7f\xff\xff\xfe");
        assert_eq!(Frame::read(&bytes), Some(frame));
        assert_eq!(Frame::read(&bytes[..8]), None);
    }

    #[test]
    fn padding_and_priority_are_taken_off() {
        let frame = |kind, flags| Frame {
            length: 0,
            kind,
            flags,
            stream: 1,
        };
        assert_eq!(
            unpadded(frame(DATA, PADDED), b"\x02v1\0\0"),
            Some(&b"v1"[..])
        );
        assert_eq!(unpadded(frame(DATA, PADDED), b"\x05v1\0\0"), None);
        assert_eq!(unpadded(frame(DATA, PADDED), b""), None);
        assert_eq!(unpadded(frame(DATA, PRIORITISED), b"v1"), Some(&b"v1"[..]));
        let both = frame(HEADERS, PADDED | PRIORITISED);
        assert_eq!(
            unpadded(both, b"\x01\0\0\0\0\x10\x88\0"),
            Some(&b"\x88"[..])
        );
    }
}
