//! A histogram of microseconds as the text that the HdrHistogram tools read (V2, deflated, base64). A text may be damaged, or
//! written to take memory: it says how long it is inflated, and how far its cells reach.

use std::cell::Cell;
use std::io::Read as _;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use flate2::read::ZlibDecoder;
use hdrhistogram::Histogram;
use hdrhistogram::serialization::{Deserializer as Reader, Serializer as _, V2DeflateSerializer};
use serde::de::Error as _;
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use crate::observe::histogram::compact;

/// Significant digits of every histogram; those of another precision do not add.
const DIGITS: u8 = 3;
/// What the deflated form begins with, before the length of the rest.
const DEFLATED: &[u8] = &0x1c84_9314_u32.to_be_bytes();
const DEFLATED_HEAD: usize = 8;
/// What stands before the counts: a cookie, their length, an offset, the digits, the least and the highest value, a factor.
const HEAD: usize = 40;
const LENGTH: std::ops::Range<usize> = 4..8;
const DIGITS_OF_HEAD: std::ops::Range<usize> = 12..16;
/// Three digits of all numbers of 64 bits are 55 times 1024 cells, with at most 9 bytes for each.
const MOST_BYTES: usize = HEAD + 55 * 1024 * 9;
/// What all histograms of a report may take in memory: few bytes of text can be a cell that lies far out.
const MOST_MEMORY: usize = 512 << 20;

thread_local! {
    static MEMORY: Cell<usize> = const { Cell::new(MOST_MEMORY) };
}

/// The next histograms are those of another report.
pub(crate) fn reset_memory() {
    MEMORY.set(MOST_MEMORY);
}

pub(crate) fn serialize<S: Serializer>(
    histogram: &Histogram<u64>,
    serializer: S,
) -> Result<S::Ok, S::Error> {
    serializer.serialize_str(&encoded(histogram))
}

pub(crate) fn deserialize<'de, D: Deserializer<'de>>(
    deserializer: D,
) -> Result<Histogram<u64>, D::Error> {
    let text = String::deserialize(deserializer)?;
    decoded(&text).map_err(D::Error::custom)
}

/// For a histogram that may be missing.
pub(crate) mod option {
    use super::{Deserialize, Deserializer, Histogram, Serialize, Serializer};

    #[derive(Serialize, Deserialize)]
    struct Text(#[serde(with = "super")] Histogram<u64>);

    pub(crate) fn serialize<'a, O, S>(option: &'a O, serializer: S) -> Result<S::Ok, S::Error>
    where
        &'a O: IntoIterator<Item = &'a Histogram<u64>>,
        S: Serializer,
    {
        let text = option.into_iter().next().map(super::encoded);
        text.serialize(serializer)
    }

    pub(crate) fn deserialize<'de, D: Deserializer<'de>>(
        deserializer: D,
    ) -> Result<Option<Histogram<u64>>, D::Error> {
        let text = Option::<Text>::deserialize(deserializer)?;
        Ok(text.map(|Text(histogram)| histogram))
    }
}

/// The text. Histograms of the same latencies have the same text, however they came about.
fn encoded(histogram: &Histogram<u64>) -> String {
    let mut bytes = Vec::new();
    V2DeflateSerializer::new()
        .serialize(&compact(histogram), &mut bytes)
        .expect("memory takes it");
    STANDARD.encode(bytes)
}

fn decoded(text: &str) -> Result<Histogram<u64>, String> {
    let bytes = STANDARD
        .decode(text)
        .map_err(|error| format!("a histogram is not valid base64: {error}"))?;
    let bytes = inflated(bytes).ok_or("a histogram is damaged")?;
    let read: Histogram<u64> = Reader::new()
        .deserialize(&mut bytes.as_slice())
        .map_err(|error| format!("a histogram cannot be read: {error}"))?;
    if read.sigfig() == DIGITS && read.low() == 1 {
        let own = compact(&read);
        let memory = own.distinct_values() * size_of::<u64>();
        let left = MEMORY.get().checked_sub(memory);
        MEMORY.set(left.ok_or_else(|| {
            format!(
                "the histograms of one report take more than {} MiB",
                MOST_MEMORY >> 20
            )
        })?);
        Ok(own)
    } else {
        Err(format!(
            "a histogram has {} significant digits from {} on; they need {DIGITS} from 1 on",
            read.sigfig(),
            read.low()
        ))
    }
}

/// The form that is not deflated, if it is as long as it says, and no longer than one may be.
fn inflated(bytes: Vec<u8>) -> Option<Vec<u8>> {
    let whole = if bytes.starts_with(DEFLATED) {
        let mut whole = Vec::new();
        let zlib = ZlibDecoder::new(bytes.get(DEFLATED_HEAD..)?);
        zlib.take(MOST_BYTES as u64 + 1)
            .read_to_end(&mut whole)
            .ok()?;
        whole
    } else {
        bytes
    };
    let number = |place: std::ops::Range<usize>| {
        Some(u32::from_be_bytes(whole.get(place)?.try_into().ok()?))
    };
    let length = usize::try_from(number(LENGTH)?).ok()?;
    // Cells of more digits take more memory than the text of ours.
    let ours = number(DIGITS_OF_HEAD)? <= u32::from(DIGITS);
    let fits = whole.len() <= MOST_BYTES && length <= whole.len().checked_sub(HEAD)?;
    (ours && fits).then_some(whole)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::observe::histogram;
    use proptest::prelude::*;

    #[test]
    fn what_is_no_histogram_of_ours_is_refused() {
        let mut coarse = Histogram::<u64>::new(2).expect("two digits");
        coarse.record(7).expect("in range");
        let mut bytes = Vec::new();
        V2DeflateSerializer::new()
            .serialize(&coarse, &mut bytes)
            .expect("memory takes it");
        for text in ["?", "", "AAAA", &STANDARD.encode(bytes)] {
            assert!(decoded(text).is_err(), "{text}");
        }
    }

    /// What a histogram could be that takes memory: deflated, with this length of its counts, digits, and highest value.
    fn bomb(length: u32, digits: u32, high: u64, counts: &[u8]) -> String {
        let mut inner = Vec::new();
        for number in [0x1c84_9313, length, 0, digits] {
            inner.extend_from_slice(&number.to_be_bytes());
        }
        inner.extend_from_slice(&1_u64.to_be_bytes());
        inner.extend_from_slice(&high.to_be_bytes());
        inner.extend_from_slice(&1.0_f64.to_be_bytes());
        inner.extend_from_slice(counts);
        let mut zlib = flate2::write::ZlibEncoder::new(Vec::new(), flate2::Compression::best());
        std::io::Write::write_all(&mut zlib, &inner).expect("memory takes it");
        let deflated = zlib.finish().expect("memory takes it");
        let length = u32::try_from(deflated.len()).expect("short");
        STANDARD.encode([DEFLATED, &length.to_be_bytes(), &deflated].concat())
    }

    /// Fault 4: 4 GiB were taken for what says that it is so long.
    #[test]
    fn a_histogram_takes_no_more_memory_than_one_of_ours() {
        for text in [
            bomb(u32::MAX, 3, 1 << 40, &[]),
            bomb(i32::MAX.unsigned_abs(), 3, 1 << 40, &[]),
            bomb(100_000_000, 3, 1 << 40, &vec![0; 100_000_000]),
            bomb(10, 5, u64::MAX, &[2; 10]),
            bomb(11, 3, u64::MAX, &[2; 10]),
        ] {
            assert!(decoded(&text).is_err());
        }
        assert!(decoded(&bomb(10, 3, 1 << 63, &[2; 10])).is_ok());
    }

    /// Each is a few bytes of text, and reaches as far as a number can.
    #[test]
    fn the_histograms_of_a_report_share_its_memory() {
        let mut far = histogram();
        far.record(u64::MAX / 2).expect("it grows");
        let text = encoded(&far);
        assert!(text.len() < 200, "{}", text.len());
        let each = far.distinct_values() * size_of::<u64>();
        reset_memory();
        for _ in 0..MOST_MEMORY / each {
            decoded(&text).expect("it fits");
        }
        let refused = decoded(&text).expect_err("too many");
        assert!(refused.contains("more than 512 MiB"), "{refused}");
        reset_memory();
        assert!(decoded(&text).is_ok());
    }

    proptest! {
        #[test]
        fn what_is_written_reads_back(micros in prop::collection::vec(0_u64..90_000_000, 0..50), large in any::<bool>()) {
            let mut latencies = histogram();
            if large {
                // Room that is not used is no part of the value.
                latencies.record(1 << 40).expect("it grows");
                latencies.reset();
            }
            for micros in micros {
                latencies.record(micros).expect("it grows");
            }
            let text = encoded(&latencies);
            let read = decoded(&text).expect("its own text");
            prop_assert_eq!(&encoded(&read), &text);
            prop_assert_eq!((read.len(), read.max()), (latencies.len(), latencies.max()));
            prop_assert_eq!(read, compact(&latencies));
        }
    }
}
