//! What of an observation has another shape in a saved report than in memory: histograms are the text of the HdrHistogram
//! tools; requests and what is kept over time are numbers in LEB128, compressed, in base64.

pub(super) mod count;
pub(crate) mod histogram;
mod request_log;
pub(super) mod response_series;
pub(super) mod schedule_lag;
pub(super) mod seconds;
pub(super) mod timeline;

use std::io::{BufRead, BufReader, Cursor, Read, Take, Write};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use flate2::Compression;
use flate2::read::ZlibDecoder;
use flate2::write::ZlibEncoder;
use serde::{Deserialize, Serialize};

pub use request_log::PackedLog;

/// The name of the packing, so that there may be another one day.
const PACKING: &str = "varint-zlib-base64";
/// How much of many numbers is in memory.
const CHUNK: usize = 1 << 16;
/// The bytes of the largest number.
const LONGEST: usize = 9;

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
        let mut packer = Packer::default();
        packer.numbers.extend_from_slice(numbers);
        packer.finish()
    }

    /// The numbers, for [`read`], at most so many bytes; `None` where the text is damaged or packed in another way.
    fn numbers(&self, most_bytes: u64) -> Option<Vec<u8>> {
        let mut numbers = Vec::new();
        self.inflated(most_bytes)?.read_to_end(&mut numbers).ok()?;
        Some(numbers)
    }

    /// The same one after the other, for more of them than memory is to hold.
    fn unpacker(&self, most_bytes: u64) -> Option<Unpacker> {
        let inflated = self.inflated(most_bytes)?;
        Some(Unpacker {
            inflated: BufReader::with_capacity(CHUNK, inflated),
        })
    }

    fn inflated(&self, most_bytes: u64) -> Option<Inflated> {
        if self.packing != PACKING {
            return None;
        }
        let packed = STANDARD.decode(&self.data).ok()?;
        Some(ZlibDecoder::new(Cursor::new(packed)).take(most_bytes))
    }
}

type Inflated = Take<ZlibDecoder<Cursor<Vec<u8>>>>;

/// Numbers that are packed one after the other.
struct Packer {
    /// Those that were not deflated yet.
    numbers: Vec<u8>,
    zlib: ZlibEncoder<Vec<u8>>,
}

impl Default for Packer {
    fn default() -> Self {
        Self {
            numbers: Vec::new(),
            zlib: ZlibEncoder::new(Vec::new(), Compression::fast()),
        }
    }
}

impl Packer {
    fn push(&mut self, number: u64) {
        write(&mut self.numbers, number);
        if self.numbers.len() >= CHUNK {
            self.deflate();
        }
    }

    fn deflate(&mut self) {
        self.zlib.write_all(&self.numbers).expect("memory takes it");
        self.numbers.clear();
    }

    fn finish(mut self) -> Packed {
        self.deflate();
        Packed {
            packing: PACKING.to_owned(),
            data: STANDARD.encode(self.zlib.finish().expect("memory takes it")),
        }
    }
}

/// Numbers that are unpacked one after the other.
struct Unpacker {
    inflated: BufReader<Inflated>,
}

impl Unpacker {
    /// Whether all were taken; `None` where the text is damaged.
    fn is_done(&mut self) -> Option<bool> {
        let ahead = self.inflated.fill_buf().ok()?;
        Some(ahead.is_empty())
    }

    /// Takes the next number.
    fn next(&mut self) -> Option<u64> {
        let ahead = self.inflated.fill_buf().ok()?;
        let mut rest = ahead;
        if let Some(number) = read(&mut rest) {
            let length = ahead.len() - rest.len();
            self.inflated.consume(length);
            return Some(number);
        }
        // It goes on in what is inflated next.
        let mut bytes = Vec::new();
        while bytes.len() < LONGEST && bytes.last().is_none_or(|byte| byte & 0x80 != 0) {
            bytes.push(*self.inflated.fill_buf().ok()?.first()?);
            self.inflated.consume(1);
        }
        read(&mut bytes.as_slice())
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
