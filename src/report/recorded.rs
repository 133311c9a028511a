//! A histogram as a report keeps it: in JSON it is the text that the HdrHistogram tools read (V2, deflated, base64).

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use hdrhistogram::Histogram;
use hdrhistogram::serialization::{Deserializer as Reader, Serializer as _, V2DeflateSerializer};
use serde::de::Error as _;
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use crate::observe::histogram;

/// Significant digits of every histogram; those of another precision do not add.
const DIGITS: u8 = 3;

/// Latencies in microseconds. Histograms of the same latencies are equal, however they came about.
#[derive(Clone, Debug, PartialEq)]
pub struct Recorded(Histogram<u64>);

impl Default for Recorded {
    fn default() -> Self {
        Self(histogram())
    }
}

impl Recorded {
    /// The same latencies.
    #[must_use]
    pub fn of(latencies: &Histogram<u64>) -> Self {
        let mut own = histogram();
        for cell in latencies.iter_recorded() {
            own.record_n(cell.value_iterated_to(), cell.count_at_value())
                .expect("the histogram grows as needed");
        }
        Self(own)
    }

    /// The latencies.
    #[must_use]
    pub fn latencies(&self) -> &Histogram<u64> {
        &self.0
    }

    /// As HdrHistogram's own tools read it.
    #[must_use]
    pub fn encoded(&self) -> String {
        let mut bytes = Vec::new();
        V2DeflateSerializer::new()
            .serialize(&self.0, &mut bytes)
            .expect("memory takes it");
        STANDARD.encode(bytes)
    }

    fn decoded(text: &str) -> Result<Self, String> {
        let bytes = STANDARD
            .decode(text)
            .map_err(|error| format!("a histogram is no base64: {error}"))?;
        let read: Histogram<u64> = Reader::new()
            .deserialize(&mut bytes.as_slice())
            .map_err(|error| format!("a histogram cannot be read: {error}"))?;
        if read.sigfig() == DIGITS && read.low() == 1 {
            Ok(Self::of(&read))
        } else {
            Err(format!(
                "a histogram has {} significant digits from {} on; they need {DIGITS} from 1 on",
                read.sigfig(),
                read.low()
            ))
        }
    }
}

impl Serialize for Recorded {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&self.encoded())
    }
}

impl<'de> Deserialize<'de> for Recorded {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        Self::decoded(&text).map_err(D::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
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
            assert!(Recorded::decoded(text).is_err(), "{text}");
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
            let recorded = Recorded::of(&latencies);
            prop_assert_eq!(Recorded::decoded(&recorded.encoded()), Ok(recorded.clone()));
            prop_assert_eq!(recorded.latencies().len(), latencies.len());
            prop_assert_eq!(recorded.latencies().max(), latencies.max());
        }
    }
}
