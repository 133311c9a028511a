//! What of an observation has another shape in a saved report than in memory: histograms are the text of the HdrHistogram
//! tools; requests and what is kept over time are numbers in LEB128, compressed, in base64.

pub(super) mod histogram;
mod request_log;
pub(super) mod response_series;
pub(super) mod schedule_lag;
pub(super) mod seconds;
pub(super) mod timeline;

use std::io::{Read, Write};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use flate2::Compression;
use flate2::read::ZlibDecoder;
use flate2::write::ZlibEncoder;
use serde::{Deserialize, Serialize};

pub use request_log::PackedLog;

/// The name of the packing, so that there may be another one day.
const PACKING: &str = "varint-zlib-base64";

/// Numbers as text.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Packed {
    /// `varint-zlib-base64`
    packing: String,
    /// The numbers.
    data: String,
}

impl Packed {
    /// Packs numbers that [`write`] has written.
    fn new(numbers: &[u8]) -> Self {
        let mut zlib = ZlibEncoder::new(Vec::new(), Compression::fast());
        zlib.write_all(numbers).expect("memory takes it");
        Self {
            packing: PACKING.to_owned(),
            data: STANDARD.encode(zlib.finish().expect("memory takes it")),
        }
    }

    /// The numbers, for [`read`], at most so many bytes; `None` where the text is damaged or packed in another way.
    fn numbers(&self, most_bytes: u64) -> Option<Vec<u8>> {
        if self.packing != PACKING {
            return None;
        }
        let packed = STANDARD.decode(&self.data).ok()?;
        let mut numbers = Vec::new();
        let mut zlib = ZlibDecoder::new(packed.as_slice()).take(most_bytes);
        zlib.read_to_end(&mut numbers).ok()?;
        Some(numbers)
    }
}

/// Seven bits at a time, the lowest first; all but the last byte have the high bit.
fn write(out: &mut Vec<u8>, mut number: u64) {
    while number >= 0x80 {
        out.push(u8::try_from(number & 0x7f).expect("seven bits") | 0x80);
        number >>= 7;
    }
    out.push(u8::try_from(number).expect("seven bits"));
}

/// Takes the next number from the front.
fn read(numbers: &mut &[u8]) -> Option<u64> {
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
