//! Numbers as text: LEB128, compressed, in base64.

use std::io::{Read, Write};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use flate2::Compression;
use flate2::read::ZlibDecoder;
use flate2::write::ZlibEncoder;

/// The name of the packing, so that there may be another one day.
pub(super) const PACKING: &str = "varint-zlib-base64";

/// The text of numbers that [`write`] has written.
pub(super) fn pack(numbers: &[u8]) -> String {
    let mut zlib = ZlibEncoder::new(Vec::new(), Compression::fast());
    zlib.write_all(numbers).expect("memory takes it");
    STANDARD.encode(zlib.finish().expect("memory takes it"))
}

/// The numbers again, for [`read`], at most so many bytes; `None` where the text is damaged or packed in another way.
pub(super) fn unpack(packing: &str, text: &str, most_bytes: u64) -> Option<Vec<u8>> {
    if packing != PACKING {
        return None;
    }
    let packed = STANDARD.decode(text).ok()?;
    let mut numbers = Vec::new();
    let mut zlib = ZlibDecoder::new(packed.as_slice()).take(most_bytes);
    zlib.read_to_end(&mut numbers).ok()?;
    Some(numbers)
}

/// Seven bits at a time, the lowest first; all but the last byte have the high bit.
pub(super) fn write(out: &mut Vec<u8>, mut number: u64) {
    while number >= 0x80 {
        out.push(u8::try_from(number & 0x7f).expect("seven bits") | 0x80);
        number >>= 7;
    }
    out.push(u8::try_from(number).expect("seven bits"));
}

/// Takes the next number from the front.
pub(super) fn read(numbers: &mut &[u8]) -> Option<u64> {
    let mut number = 0_u64;
    for shift in (0..63).step_by(7) {
        let (byte, rest) = numbers.split_first()?;
        *numbers = rest;
        number |= u64::from(byte & 0x7f) << shift;
        if byte & 0x80 == 0 {
            return Some(number);
        }
    }
    None
}
