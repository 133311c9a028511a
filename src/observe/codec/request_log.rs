//! How single requests ended, packed: what it takes to judge a saved run again as it was judged.

use serde::{Deserialize, Serialize};

use super::{Packed, Packer};
use crate::observe::LatencyCell;
use crate::observe::request_log::{REMEMBERED, RequestLog};
use crate::split::Bucket;

/// No three numbers of a request take more bytes than this, so what unpacks to more is no report of ours.
const MOST_BYTES: u64 = REMEMBERED * 15;

/// Requests in the order in which they were sent. Unpacked, each is three numbers in LEB128: by how much its place in the
/// order exceeds the one before, the difference of its connection to the one before (zigzag), and its bucket: 0 for none,
/// else its position in a list of buckets, from 1.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct PackedLog {
    /// How many.
    count: u64,
    #[serde(flatten)]
    packed: Packed,
    /// The latency of each: 0 where it is not known, else the number of its histogram cell, from 1. Of three significant digits;
    /// below 2048 the number is the microseconds, above there are 1024 cells for each power of two.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    latencies: Option<Packed>,
}

impl PackedLog {
    /// Packs a log with all buckets that occur in it. `None` where nothing is remembered.
    #[must_use]
    pub fn pack(log: &RequestLog, buckets: &[&Bucket]) -> Option<Self> {
        if log.is_empty() {
            return None;
        }
        let (mut numbers, mut latencies) = (Packer::default(), Packer::default());
        let (mut sequence, mut connection, mut timed) = (0_u32, 0_u32, false);
        for request in log.in_order(|bucket| buckets.iter().position(|own| *own == bucket)) {
            numbers.push(u64::from(request.sequence.saturating_sub(sequence)));
            let step = i64::from(request.connection) - i64::from(connection);
            numbers.push(zigzag(step));
            numbers.push(request.of.map_or(0, |position| position as u64 + 1));
            let latency = request.latency;
            latencies.push(latency.map_or(0, |cell| u64::from(cell.number()) + 1));
            timed |= latency.is_some();
            (sequence, connection) = (request.sequence, request.connection);
        }
        Some(Self {
            count: log.len() as u64,
            packed: numbers.finish(),
            latencies: timed.then(|| latencies.finish()),
        })
    }

    /// The log again, with the same list of buckets; `None` where the text is damaged.
    #[must_use]
    pub fn unpack(&self, buckets: &[&Bucket]) -> Option<RequestLog> {
        let mut numbers = self.packed.unpacker(MOST_BYTES)?;
        let mut latencies = match &self.latencies {
            Some(packed) => Some(packed.unpacker(MOST_BYTES)?),
            None => None,
        };
        // A count that is not true is not believed: a byte inflates to a thousand.
        let mut log = RequestLog::with_room(self.count.min(self.packed.data.len() as u64 * 1000));
        let mut marks = vec![None; buckets.len()];
        let (mut sequence, mut connection, mut count) = (0_u32, 0_i64, 0_u64);
        while !numbers.is_done()? {
            let step = u32::try_from(numbers.next()?).ok()?;
            sequence = sequence.checked_add(step)?;
            connection = connection.checked_add(unzigzag(numbers.next()?))?;
            let mark = match usize::try_from(numbers.next()?).ok()? {
                0 => None,
                position => {
                    let bucket = *buckets.get(position - 1)?;
                    Some(*marks[position - 1].get_or_insert_with(|| log.mark(bucket)))
                }
            };
            let latency = match &mut latencies {
                None => None,
                Some(latencies) => match latencies.next()? {
                    0 => None,
                    number => {
                        let number = u16::try_from(number - 1).ok()?;
                        Some(LatencyCell::numbered(number)?)
                    }
                },
            };
            log.push_marked(sequence, u32::try_from(connection).ok()?, mark, latency);
            count += 1;
        }
        let all_timed = match &mut latencies {
            Some(latencies) => latencies.is_done()?,
            None => true,
        };
        (count == self.count && all_timed).then_some(log)
    }
}

/// Small numbers of either sign as small numbers.
fn zigzag(step: i64) -> u64 {
    (step << 1 ^ step >> 63).cast_unsigned()
}

fn unzigzag(number: u64) -> i64 {
    (number >> 1).cast_signed() ^ -(number & 1).cast_signed()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::observe::RequestRecord;
    use crate::split::Identity;
    use proptest::prelude::*;
    use std::time::Duration;

    fn buckets() -> Vec<Bucket> {
        let bucket = |name: &str| Bucket {
            identity: Identity::Value(name.into()),
            status: 200,
        };
        ["v1", "v2"].map(bucket).to_vec()
    }

    fn each(buckets: &[Bucket]) -> Vec<&Bucket> {
        buckets.iter().collect()
    }

    proptest! {
        #[test]
        fn what_is_packed_unpacks(requests in prop::collection::vec((0_u32..3, any::<u32>(), 0_usize..3, prop::option::of(0_u64..1 << 40)), 0..200)) {
            let buckets = buckets();
            let mut log = RequestLog::default();
            let mut sequence = 0;
            for (step, connection, answer, micros) in requests {
                let latency = micros.map(|micros| LatencyCell::of(Duration::from_micros(micros)));
                log.push(RequestRecord { sequence, connection, bucket: buckets.get(answer), latency });
                sequence += step + 1;
            }
            match PackedLog::pack(&log, &each(&buckets)) {
                None => prop_assert_eq!(log.since(0).count(), 0),
                Some(packed) => prop_assert_eq!(packed.unpack(&each(&buckets)), Some(log)),
            }
        }
    }

    #[test]
    fn a_damaged_text_is_no_log() {
        let buckets = buckets();
        let mut log = RequestLog::default();
        for sequence in 0..100 {
            log.push(RequestRecord {
                sequence,
                connection: sequence / 2,
                bucket: Some(&buckets[1]),
                latency: None,
            });
        }
        let packed = PackedLog::pack(&log, &each(&buckets)).expect("requests");
        // Two requests over each connection pack to next to nothing.
        let (own, text) = (&packed.packed.packing, &packed.packed.data);
        assert!(text.len() < 60, "{text}");
        assert_eq!(packed.unpack(&each(&buckets[..1])), None);
        for (packing, data, count) in [
            ("other", text.as_str(), 100),
            (own, "?", 100),
            (own, &text[..8], 100),
            (own, text, 99),
        ] {
            let packed = Packed {
                packing: packing.into(),
                data: data.into(),
            };
            let damaged = PackedLog {
                count,
                packed,
                latencies: None,
            };
            assert_eq!(damaged.unpack(&each(&buckets)), None);
        }
    }
}
