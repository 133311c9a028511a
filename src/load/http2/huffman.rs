//! The Huffman code of HPACK, for reading (RFC 7541, appendix B). Not: writing; what is sent is written out.
//!
//! The code is canonical, so the lengths of its words are all there is to know: words of one length are consecutive numbers
//! in the order of their symbols, and a word of the next length begins where the last one ended.

/// The length of the word of each byte, and of the end of the string.
#[rustfmt::skip]
const LENGTHS: [u8; 257] = [
    13, 23, 28, 28, 28, 28, 28, 28, 28, 24, 30, 28, 28, 30, 28, 28, 28, 28, 28, 28, 28, 28, 30, 28, 28, 28,
    28, 28, 28, 28, 28, 28, 6, 10, 10, 12, 13, 6, 8, 11, 10, 10, 8, 11, 8, 6, 6, 6, 5, 5, 5, 6,
    6, 6, 6, 6, 6, 6, 7, 8, 15, 6, 12, 10, 13, 6, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7,
    7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 8, 7, 8, 13, 19, 13, 14, 6, 15, 5, 6, 5, 6, 5, 6, 6,
    6, 5, 7, 7, 6, 6, 6, 5, 6, 7, 6, 5, 5, 6, 7, 7, 7, 7, 7, 15, 11, 14, 13, 28, 20, 22,
    20, 20, 22, 22, 22, 23, 22, 23, 23, 23, 23, 23, 24, 23, 24, 24, 22, 23, 24, 23, 23, 23, 23, 21, 22, 23,
    22, 23, 23, 24, 22, 21, 20, 22, 22, 23, 23, 21, 23, 22, 22, 24, 21, 22, 23, 23, 21, 21, 22, 21, 23, 22,
    23, 23, 20, 22, 22, 22, 23, 22, 22, 23, 26, 26, 20, 19, 22, 23, 22, 25, 26, 26, 26, 27, 27, 26, 24, 25,
    19, 21, 26, 27, 27, 26, 27, 24, 21, 21, 26, 26, 28, 27, 27, 27, 20, 24, 20, 21, 22, 21, 21, 23, 22, 22,
    25, 25, 24, 24, 26, 23, 26, 27, 26, 26, 27, 27, 27, 27, 27, 28, 27, 27, 27, 27, 27, 26, 30,
];
/// The symbol that ends a string, and must not occur in one.
const END: u16 = 256;
const LONGEST: usize = 30;
/// Words up to this length are looked up at once.
const SHORT: u32 = 8;

/// The words by their length.
struct Code {
    /// The first word of each length.
    first: [u32; LONGEST + 1],
    /// Words of each length.
    count: [u32; LONGEST + 1],
    /// Where the symbols of each length begin.
    at: [usize; LONGEST + 1],
    /// All symbols, in the order of their words.
    symbols: [u16; LENGTHS.len()],
    /// By the next bits: the symbol and the length of its word, 0 where that is longer.
    short: [(u8, u8); 1 << SHORT],
}

static CODE: Code = Code::new();

impl Code {
    #[expect(
        clippy::cast_possible_truncation,
        reason = "symbols are below 257, and lengths below 31"
    )]
    const fn new() -> Self {
        let mut code = Self {
            first: [0; LONGEST + 1],
            count: [0; LONGEST + 1],
            at: [0; LONGEST + 1],
            symbols: [0; LENGTHS.len()],
            short: [(0, 0); 1 << SHORT],
        };
        let (mut word, mut place, mut length) = (0_u32, 0, 1);
        while length <= LONGEST {
            code.first[length] = word;
            code.at[length] = place;
            let mut symbol = 0;
            while symbol < LENGTHS.len() {
                if LENGTHS[symbol] as usize == length {
                    code.symbols[place] = symbol as u16;
                    place += 1;
                    code.count[length] += 1;
                    if length <= SHORT as usize {
                        let free = SHORT - length as u32;
                        let mut tail = 0;
                        while tail < 1 << free {
                            code.short[((word << free) | tail) as usize] =
                                (symbol as u8, length as u8);
                            tail += 1;
                        }
                    }
                    word += 1;
                }
                symbol += 1;
            }
            word <<= 1;
            length += 1;
        }
        code
    }

    /// The symbol at the top of these bits, and the length of its word.
    fn next(&self, window: u64) -> (u16, u32) {
        let (symbol, length) = self.short[(window >> (64 - SHORT)) as usize];
        if length > 0 {
            return (symbol.into(), length.into());
        }
        for length in SHORT as usize + 1..=LONGEST {
            let word = u32::try_from(window >> (64 - length)).expect("30 bits at most");
            let index = word.wrapping_sub(self.first[length]);
            if index < self.count[length] {
                let symbol = self.symbols[self.at[length] + index as usize];
                return (symbol, u32::try_from(length).expect("30 at most"));
            }
        }
        unreachable!("every sequence of 30 bits begins with a word: the code is complete")
    }
}

/// Appends what the bytes stand for; `None` when they stand for nothing.
pub(super) fn decode(bytes: &[u8], to: &mut Vec<u8>) -> Option<()> {
    let mut rest = bytes.iter();
    // The next bits, the first at the top, zeros behind the last.
    let (mut window, mut bits) = (0_u64, 0_u32);
    loop {
        while bits <= 56
            && let Some(byte) = rest.next()
        {
            window |= u64::from(*byte) << (56 - bits);
            bits += 8;
        }
        let (symbol, length) = CODE.next(window);
        if length > bits {
            // Less than a byte is left, all ones: the beginning of the word for the end (RFC 7541, 5.2).
            let padded = bits < 8 && (window | (u64::MAX >> bits)) == u64::MAX;
            return padded.then_some(());
        }
        if symbol == END {
            return None;
        }
        to.push(u8::try_from(symbol).expect("a byte, as it is not the end"));
        window <<= length;
        bits -= length;
    }
}

#[cfg(test)]
mod tests {
    use std::fmt::Write as _;

    use super::*;

    /// Any text in the code, padded as it has to be.
    fn encode(text: &[u8]) -> Vec<u8> {
        let mut bits = String::new();
        for byte in text {
            let length = usize::from(LENGTHS[usize::from(*byte)]);
            let place = CODE
                .symbols
                .iter()
                .position(|symbol| *symbol == u16::from(*byte))
                .expect("all have a word");
            let word =
                CODE.first[length] + u32::try_from(place - CODE.at[length]).expect("257 at most");
            write!(bits, "{word:0length$b}").expect("a string grows");
        }
        while !bits.len().is_multiple_of(8) {
            bits.push('1');
        }
        let byte = |eight: &[u8]| {
            let text = std::str::from_utf8(eight).expect("digits");
            u8::from_str_radix(text, 2).expect("binary")
        };
        bits.as_bytes().chunks(8).map(byte).collect()
    }

    fn decoded(bytes: &[u8]) -> Option<Vec<u8>> {
        let mut text = Vec::new();
        decode(bytes, &mut text).map(|()| text)
    }

    #[test]
    fn the_examples_of_the_specification_are_read() {
        // RFC 7541, C.4.1, C.4.2, C.6.1
        for (bytes, text) in [
            (&b"\xf1\xe3\xc2\xe5\xf2\x3a\x6b\xa0\xab\x90\xf4\xff"[..], "www.example.com"),
            (b"\xa8\xeb\x10\x64\x9c\xbf", "no-cache"),
            (b"\x64\x02", "302"),
            (
                b"\xd0\x7a\xbe\x94\x10\x54\xd4\x44\xa8\x20\x05\x95\x04\x0b\x81\x66\xe0\x82\xa6\x2d\x1b\xff",
                "Mon, 21 Oct 2013 20:13:21 GMT",
            ),
            (b"", ""),
        ] {
            assert_eq!(decoded(bytes).as_deref(), Some(text.as_bytes()), "{text}");
        }
    }

    #[test]
    fn every_byte_has_a_word() {
        let all: Vec<u8> = (0..=255).collect();
        for text in all.chunks(1).chain([&all[..]]) {
            assert_eq!(decoded(&encode(text)).as_deref(), Some(text));
        }
    }

    #[test]
    fn only_ones_and_less_than_a_byte_of_them_are_padding() {
        // `0` is 00000, then zeros.
        assert_eq!(decoded(b"\x00"), None);
        assert_eq!(decoded(b"\x07").as_deref(), Some(&b"0"[..]));
        assert_eq!(decoded(b"\x07\xff"), None);
        assert_eq!(decoded(b"\xff\xff\xff\xff"), None, "the end of the string");
    }
}
