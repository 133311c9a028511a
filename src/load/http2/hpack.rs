//! Header fields as HTTP/2 writes them (HPACK, RFC 7541), without a memory of what was written before: the peer is told
//! that its dynamic table holds nothing, so a block means the same wherever it comes, and the blocks of cancelled streams can
//! be skipped.

use super::huffman;

/// Fields of one answer, trailers included, and the bytes of all their names and values, at most.
pub(super) const MOST_FIELDS: usize = 128;
pub(super) const LONGEST: u32 = 64 << 10;

/// RFC 7541, appendix A; the first has number 1.
const STATIC: [(&str, &str); 61] = [
    (":authority", ""),
    (":method", "GET"),
    (":method", "POST"),
    (":path", "/"),
    (":path", "/index.html"),
    (":scheme", "http"),
    (":scheme", "https"),
    (":status", "200"),
    (":status", "204"),
    (":status", "206"),
    (":status", "304"),
    (":status", "400"),
    (":status", "404"),
    (":status", "500"),
    ("accept-charset", ""),
    ("accept-encoding", "gzip, deflate"),
    ("accept-language", ""),
    ("accept-ranges", ""),
    ("accept", ""),
    ("access-control-allow-origin", ""),
    ("age", ""),
    ("allow", ""),
    ("authorization", ""),
    ("cache-control", ""),
    ("content-disposition", ""),
    ("content-encoding", ""),
    ("content-language", ""),
    ("content-length", ""),
    ("content-location", ""),
    ("content-range", ""),
    ("content-type", ""),
    ("cookie", ""),
    ("date", ""),
    ("etag", ""),
    ("expect", ""),
    ("expires", ""),
    ("from", ""),
    ("host", ""),
    ("if-match", ""),
    ("if-modified-since", ""),
    ("if-none-match", ""),
    ("if-range", ""),
    ("if-unmodified-since", ""),
    ("last-modified", ""),
    ("link", ""),
    ("location", ""),
    ("max-forwards", ""),
    ("proxy-authenticate", ""),
    ("proxy-authorization", ""),
    ("range", ""),
    ("referer", ""),
    ("refresh", ""),
    ("retry-after", ""),
    ("server", ""),
    ("set-cookie", ""),
    ("strict-transport-security", ""),
    ("transfer-encoding", ""),
    ("user-agent", ""),
    ("vary", ""),
    ("via", ""),
    ("www-authenticate", ""),
];

/// The fields of one block.
#[derive(Debug, Default)]
pub(super) struct Head {
    /// `:status`; 0 for trailers.
    pub(super) status: u16,
    /// All names, one behind the other, and all values.
    names: String,
    values: Vec<u8>,
    /// Where each name and each value ends.
    ends: Vec<(usize, usize)>,
}

/// Which fields a block may hold.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Part {
    /// Those in front of the body, `:status` first.
    Front,
    /// Those behind it.
    Trailers,
}

/// Why a block cannot be read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Flaw {
    /// The bytes are no HPACK; nothing that follows can be trusted.
    Compression(&'static str),
    /// What they say is no answer.
    Message(&'static str),
    /// There is more than is read.
    Oversized,
}

impl Head {
    /// The fields of a block.
    pub(super) fn read(block: &[u8], part: Part) -> Result<Self, Flaw> {
        let mut head = Self::default();
        let (mut name, mut value) = (Vec::new(), Vec::new());
        let mut rest = block;
        while let Some(first) = rest.first() {
            let indexed = first & 0x80 != 0;
            let bits = match first {
                0x80.. => 7,
                0x40.. => 6,
                // A new size of the table: none is kept, whatever the size.
                0x20.. => {
                    integer(&mut rest, 5)?;
                    continue;
                }
                _ => 4,
            };
            let index = integer(&mut rest, bits)?;
            name.clear();
            value.clear();
            if indexed {
                let (known, text) = known(index)?;
                name.extend_from_slice(known.as_bytes());
                value.extend_from_slice(text.as_bytes());
            } else {
                if index == 0 {
                    string(&mut rest, &mut name)?;
                } else {
                    name.extend_from_slice(known(index)?.0.as_bytes());
                }
                string(&mut rest, &mut value)?;
            }
            head.add(&name, &value, part)?;
        }
        if head.status == 0 && part == Part::Front {
            return Err(Flaw::Message("an answer without a status"));
        }
        Ok(head)
    }

    /// How many fields there are.
    pub(super) fn count(&self) -> usize {
        self.ends.len()
    }

    /// Names and values, in their order.
    pub(super) fn fields(&self) -> impl Iterator<Item = (&str, &[u8])> {
        let begins = std::iter::once((0, 0)).chain(self.ends.iter().copied());
        begins.zip(&self.ends).map(|(begin, end)| {
            let name = &self.names[begin.0..end.0];
            (name, &self.values[begin.1..end.1])
        })
    }

    fn add(&mut self, name: &[u8], value: &[u8], part: Part) -> Result<(), Flaw> {
        let size = self.names.len() + self.values.len() + name.len() + value.len();
        if size > LONGEST as usize || self.ends.len() == MOST_FIELDS {
            return Err(Flaw::Oversized);
        }
        if let Some(pseudo) = name.strip_prefix(b":") {
            let first = part == Part::Front && self.ends.is_empty() && self.status == 0;
            if pseudo != b"status" || !first {
                return Err(Flaw::Message(
                    "a pseudo-header that has no place in an answer",
                ));
            }
            self.status = status(value).ok_or(Flaw::Message("a status that is none"))?;
            return Ok(());
        }
        let token =
            |byte: &u8| byte.is_ascii_graphic() && !byte.is_ascii_uppercase() && *byte != b':';
        let text = std::str::from_utf8(name)
            .ok()
            .filter(|name| !name.is_empty() && name.as_bytes().iter().all(token))
            .ok_or(Flaw::Message("a field name that is none"))?;
        if value.iter().any(|byte| matches!(byte, 0 | b'\r' | b'\n')) {
            return Err(Flaw::Message("a field value that is none"));
        }
        self.names.push_str(text);
        self.values.extend_from_slice(value);
        self.ends.push((self.names.len(), self.values.len()));
        Ok(())
    }
}

/// A block with these fields, the same whenever it is sent; values are not kept by whoever reads it.
pub(super) fn write<'f>(fields: impl IntoIterator<Item = (&'f str, &'f [u8])>) -> Vec<u8> {
    let mut block = Vec::new();
    for (name, value) in fields {
        let named = STATIC.iter().position(|(known, _)| *known == name);
        let same = |(known, text): &(&str, &str)| *known == name && text.as_bytes() == value;
        if let Some(at) = STATIC.iter().position(same) {
            push_integer(&mut block, 0x80, 7, at + 1);
            continue;
        }
        // What says who asks must not be kept by anybody on the way (RFC 7541, 7.1.3).
        let never = ["authorization", "proxy-authorization", "cookie"].contains(&name);
        let pattern = if never { 0x10 } else { 0x00 };
        push_integer(&mut block, pattern, 4, named.map_or(0, |at| at + 1));
        for text in [named.is_none().then_some(name.as_bytes()), Some(value)]
            .into_iter()
            .flatten()
        {
            push_integer(&mut block, 0, 7, text.len());
            block.extend_from_slice(text);
        }
    }
    block
}

/// RFC 7541, 5.1.
fn push_integer(block: &mut Vec<u8>, pattern: u8, bits: u32, number: usize) {
    let most = (1_usize << bits) - 1;
    let byte = |part: usize| u8::try_from(part & 0xff).expect("a byte");
    if number < most {
        block.push(pattern | byte(number));
        return;
    }
    block.push(pattern | byte(most));
    let mut rest = number - most;
    while rest >= 0x80 {
        block.push(byte(rest & 0x7f) | 0x80);
        rest >>= 7;
    }
    block.push(byte(rest));
}

fn integer(bytes: &mut &[u8], bits: u32) -> Result<usize, Flaw> {
    const CUT: Flaw = Flaw::Compression("a field that is cut off");
    let (first, mut rest) = bytes.split_first().ok_or(CUT)?;
    let most = (1_usize << bits) - 1;
    let mut number = usize::from(*first) & most;
    if number == most {
        // Four more bytes are 256 MiB, and more than anybody reads.
        let mut shift = 0;
        loop {
            let (byte, after) = rest.split_first().ok_or(CUT)?;
            rest = after;
            number += usize::from(byte & 0x7f) << shift;
            if byte & 0x80 == 0 {
                break;
            }
            shift += 7;
            if shift > 21 {
                return Err(Flaw::Compression("a number that does not end"));
            }
        }
    }
    *bytes = rest;
    Ok(number)
}

/// RFC 7541, 5.2.
fn string(bytes: &mut &[u8], to: &mut Vec<u8>) -> Result<(), Flaw> {
    let coded = bytes.first().is_some_and(|first| first & 0x80 != 0);
    let length = integer(bytes, 7)?;
    let (text, rest) = bytes
        .split_at_checked(length)
        .ok_or(Flaw::Compression("a field that is cut off"))?;
    *bytes = rest;
    if coded {
        return huffman::decode(text, to).ok_or(Flaw::Compression("an invalid Huffman code"));
    }
    to.extend_from_slice(text);
    Ok(())
}

fn known(index: usize) -> Result<(&'static str, &'static str), Flaw> {
    let place = index
        .checked_sub(1)
        .ok_or(Flaw::Compression("a field with number 0"))?;
    STATIC.get(place).copied().ok_or(Flaw::Compression(
        "a field of a dynamic table, which holds none",
    ))
}

fn status(value: &[u8]) -> Option<u16> {
    let text = std::str::from_utf8(value)
        .ok()
        .filter(|text| text.len() == 3)?;
    text.parse()
        .ok()
        .filter(|status| (100..1000).contains(status))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn front(block: &[u8]) -> Result<(u16, Vec<(String, String)>), Flaw> {
        let head = Head::read(block, Part::Front)?;
        let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
        Ok((
            head.status,
            head.fields()
                .map(|(name, value)| (name.to_owned(), text(value)))
                .collect(),
        ))
    }

    #[test]
    fn the_examples_of_the_specification_are_read() {
        // RFC 7541, C.5.1 and C.6.1: with and without Huffman's code.
        let plain = b"\x48\x03302\x58\x07private\x61\x1dMon, 21 Oct 2013 20:13:21 GMT\x6e\x17https://www.example.com";
        let coded = b"\x48\x82\x64\x02\x58\x85\xae\xc3\x77\x1a\x4b\x61\x96\xd0\x7a\xbe\x94\x10\x54\xd4\x44\xa8\x20\x05\x95\x04\x0b\x81\x66\
                      \xe0\x82\xa6\x2d\x1b\xff\x6e\x91\x9d\x29\xad\x17\x18\x63\xc7\x8f\x0b\x97\xc8\xe9\xae\x82\xae\x43\xd3";
        for block in [&plain[..], coded] {
            let (status, fields) = front(block).expect("a head");
            assert_eq!(status, 302);
            let fields: Vec<_> = fields
                .iter()
                .map(|(name, value)| (&**name, &**value))
                .collect();
            assert_eq!(
                fields,
                [
                    ("cache-control", "private"),
                    ("date", "Mon, 21 Oct 2013 20:13:21 GMT"),
                    ("location", "https://www.example.com"),
                ]
            );
        }
    }

    #[test]
    fn what_is_written_is_read() {
        let long = "x".repeat(1000);
        let fields = [
            ("server", "envoy"),
            ("x-version", "v1"),
            ("authorization", "Basic eDp5"),
            ("x-long", &*long),
        ];
        let bytes = fields.map(|(name, value)| (name, value.as_bytes()));
        let block = write([(":status", &b"200"[..])].into_iter().chain(bytes));
        let (status, read) = front(&block).expect("a head");
        assert_eq!((status, read.len()), (200, 4));
        for ((name, value), known) in read.iter().zip(fields) {
            assert_eq!((&**name, &**value), known);
        }
        assert_eq!(block[0], 0x88, "what the table knows is one byte");
        let secret = write([("authorization", &b"x"[..])]);
        assert_eq!(secret, b"\x1f\x08\x01x", "never indexed");
    }

    #[test]
    fn trailers_have_no_status() {
        let block = write([("grpc-status", &b"0"[..])]);
        let trailers = Head::read(&block, Part::Trailers).expect("trailers");
        assert_eq!(
            trailers.fields().collect::<Vec<_>>(),
            [("grpc-status", &b"0"[..])]
        );
        let flaw = Head::read(b"\x88", Part::Trailers).expect_err("a status");
        assert_eq!(
            flaw,
            Flaw::Message("a pseudo-header that has no place in an answer")
        );
    }

    #[test]
    fn what_is_no_head_is_refused() {
        for (block, compression) in [
            (&b"\x88\xbe"[..], true),                // number 62
            (b"\x88\x80", true),                     // number 0
            (b"\x88\x40\x0a", true),                 // cut off
            (b"\x88\xff\xff\xff\xff\xff\x7f", true), // no end
            (b"\x88\x00\x81\x00\x00", true),         // Huffman
            (b"", false),
            (b"\x48\x01x", false),
            (b"\x48\x0399x", false),
            (b"\x88\x88", false),
            (b"\x88\x84", false),
            (b"\x88\x00\x01X\x01v", false),
            (b"\x88\x00\x01x\x01\n", false),
            (b"\x88\x00\x00\x01v", false),
            (b"\x61\x01x\x88", false),
        ] {
            let flaw = front(block).expect_err("no head");
            assert_eq!(
                matches!(flaw, Flaw::Compression(_)),
                compression,
                "{block:?}: {flaw:?}"
            );
        }
        // A size of the table is none of a field.
        assert_eq!(
            front(b"\x20\x3f\xe1\x1f\x88").map(|(status, _)| status),
            Ok(200)
        );
        assert_eq!(
            front(
                &b"\x88"
                    .iter()
                    .chain(&b"\x60\x01x".repeat(129))
                    .copied()
                    .collect::<Vec<_>>()
            ),
            Err(Flaw::Oversized)
        );
    }
}
