//! A histogram of microseconds as the text that the HdrHistogram tools read (V2, deflated, base64).

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use hdrhistogram::Histogram;
use hdrhistogram::serialization::{Deserializer as Reader, Serializer as _, V2DeflateSerializer};
use serde::de::Error as _;
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use crate::observe::histogram::compact;

/// Significant digits of every histogram; those of another precision do not add.
const DIGITS: u8 = 3;

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
    let read: Histogram<u64> = Reader::new()
        .deserialize(&mut bytes.as_slice())
        .map_err(|error| format!("a histogram cannot be read: {error}"))?;
    if read.sigfig() == DIGITS && read.low() == 1 {
        Ok(compact(&read))
    } else {
        Err(format!(
            "a histogram has {} significant digits from {} on; they need {DIGITS} from 1 on",
            read.sigfig(),
            read.low()
        ))
    }
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
