//! How single requests ended, packed: what it takes to judge a saved run again as it was judged.

use serde::{Deserialize, Serialize};

use super::packed::{PACKING, pack, read, unpack, write};
use crate::observe::{REMEMBERED, RequestLog, RequestRecord};
use crate::split::Bucket;

/// No three numbers of a request take more bytes than this, so what unpacks to more is no report of ours.
const MOST_BYTES: u64 = REMEMBERED * 15;

/// Requests in the order in which they were sent. Unpacked, each is three numbers in LEB128: by how much its place in the
/// order exceeds the one before, the difference of its connection to the one before (zigzag), and its answer: 0 for none,
/// else the position among the `answers` of all `buckets`, from 1.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Requests {
    /// How many.
    pub count: u64,
    /// `varint-zlib-base64`
    pub packing: String,
    /// The numbers.
    pub data: String,
}

impl Requests {
    /// Packs a log; `answers` are the buckets in the order of the report. `None` where nothing is remembered.
    pub(super) fn pack(log: &RequestLog, answers: &[Bucket]) -> Option<Self> {
        let ended = log.in_order(|bucket| answers.iter().position(|answer| answer == bucket));
        if ended.is_empty() {
            return None;
        }
        let mut numbers = Vec::new();
        let (mut sequence, mut connection) = (0_u32, 0_u32);
        for request in &ended {
            write(
                &mut numbers,
                u64::from(request.sequence.saturating_sub(sequence)),
            );
            let step = i64::from(request.connection) - i64::from(connection);
            write(&mut numbers, zigzag(step));
            write(
                &mut numbers,
                request.of.map_or(0, |position| position as u64 + 1),
            );
            (sequence, connection) = (request.sequence, request.connection);
        }
        Some(Self {
            count: ended.len() as u64,
            packing: PACKING.to_owned(),
            data: pack(&numbers),
        })
    }

    /// The log again; `None` where the text is damaged.
    pub(super) fn unpack(&self, answers: &[Bucket]) -> Option<RequestLog> {
        let numbers = unpack(&self.packing, &self.data, MOST_BYTES)?;
        let mut numbers = numbers.as_slice();
        let mut log = RequestLog::default();
        let (mut sequence, mut connection, mut count) = (0_u32, 0_i64, 0_u64);
        while !numbers.is_empty() {
            let step = u32::try_from(read(&mut numbers)?).ok()?;
            sequence = sequence.checked_add(step)?;
            connection = connection.checked_add(unzigzag(read(&mut numbers)?))?;
            let bucket = match usize::try_from(read(&mut numbers)?).ok()? {
                0 => None,
                position => Some(answers.get(position - 1)?),
            };
            log.push(RequestRecord {
                sequence,
                connection: u32::try_from(connection).ok()?,
                bucket,
            });
            count += 1;
        }
        (count == self.count).then_some(log)
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
    use crate::split::Identity;
    use proptest::prelude::*;

    fn buckets() -> Vec<Bucket> {
        let bucket = |name: &str| Bucket {
            identity: Identity::Value(name.into()),
            status: 200,
        };
        ["v1", "v2"].map(bucket).to_vec()
    }

    proptest! {
        #[test]
        fn what_is_packed_unpacks(requests in prop::collection::vec((0_u32..3, any::<u32>(), 0_usize..3), 0..200)) {
            let buckets = buckets();
            let mut log = RequestLog::default();
            let mut sequence = 0;
            for (step, connection, answer) in requests {
                log.push(RequestRecord { sequence, connection, bucket: buckets.get(answer) });
                sequence += step + 1;
            }
            match Requests::pack(&log, &buckets) {
                None => prop_assert_eq!(log.since(0).count(), 0),
                Some(packed) => prop_assert_eq!(packed.unpack(&buckets), Some(log)),
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
            });
        }
        let packed = Requests::pack(&log, &buckets).expect("requests");
        // Two requests over each connection pack to next to nothing.
        assert!(packed.data.len() < 60, "{}", packed.data);
        assert_eq!(packed.unpack(&buckets[..1]), None);
        for (packing, data, count) in [
            ("other", packed.data.as_str(), 100),
            (PACKING, "?", 100),
            (PACKING, &packed.data[..8], 100),
            (PACKING, &packed.data, 99),
        ] {
            let damaged = Requests {
                count,
                packing: packing.into(),
                data: data.into(),
            };
            assert_eq!(damaged.unpack(&buckets), None);
        }
    }
}
