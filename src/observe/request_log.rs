//! How requests ended, in the order in which they were dispatched. Slow versions respond late: whoever looks while a run
//! goes on has to look in this order, or the fast versions seem to get more.

use std::time::Duration;

use super::LatencyCell;
use crate::split::Bucket;

/// Requests that are remembered one by one; of those after them only the counts are kept, so memory stays bounded.
pub const REMEMBERED: u64 = 1_000_000;
/// The mark of a request without a response.
const FAILED: u16 = u16::MAX;
/// The latency of a request without a response, or of one that was saved without it.
const UNKNOWN: u16 = u16::MAX;

/// The first [`REMEMBERED`] requests, as far as they have ended, in the order in which they ended.
#[derive(Clone, Debug, Default)]
pub struct RequestLog {
    entries: Vec<Entry>,
    buckets: Vec<Bucket>,
    /// Where the requests of another run begin, see [`Self::append`].
    starts: Vec<u32>,
}

/// One request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Entry {
    sequence: u32,
    connection: u32,
    /// Position in `buckets`, or [`FAILED`].
    mark: u16,
    /// The number of its [`LatencyCell`], or [`UNKNOWN`].
    latency: u16,
}

impl Entry {
    fn latency(self) -> Option<LatencyCell> {
        LatencyCell::numbered(self.latency)
    }
}

/// How one request ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct RequestRecord<'a> {
    /// Its place in the order of dispatch, from 0.
    pub sequence: u32,
    /// The connection it went over, numbered within the run.
    pub connection: u32,
    /// The bucket of its response; `None` without one.
    pub bucket: Option<&'a Bucket>,
    /// How long the response took, from the intended start where there was one; `None` where that is not known.
    pub latency: Option<LatencyCell>,
}

/// A request in the order of dispatch, and something about its response.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Ordered<T> {
    /// Its place in the order, from 0.
    pub sequence: u32,
    /// The connection it went over, numbered within the run.
    pub connection: u32,
    /// What its bucket stands for; `None` without a response as well.
    pub of: Option<T>,
    /// How long the response took, where that is known.
    pub latency: Option<LatencyCell>,
}

impl RequestLog {
    /// Notes the end of a request; `bucket` is a number of the caller's, see [`Self::named`].
    pub(super) fn note(
        &mut self,
        sequence: u64,
        connection: u32,
        bucket: Option<usize>,
        latency: Option<Duration>,
    ) {
        if sequence >= REMEMBERED {
            return;
        }
        let mark = bucket.map_or(FAILED, |bucket| {
            u16::try_from(bucket).expect("buckets are capped")
        });
        let sequence = u32::try_from(sequence).expect("at most a million");
        self.entries.push(Entry {
            sequence,
            connection,
            mark,
            latency: latency.map_or(UNKNOWN, |latency| LatencyCell::of(latency).number()),
        });
    }

    /// The same log with the names of the bucket numbers.
    pub(super) fn named(self, buckets: &[Bucket]) -> Self {
        Self {
            entries: self.entries,
            buckets: buckets.to_vec(),
            starts: self.starts,
        }
    }

    /// Notes the end of a request whose bucket is known by name: what was saved is read back.
    pub fn push(&mut self, ended: RequestRecord<'_>) {
        let mark = ended.bucket.map_or(FAILED, |bucket| self.mark(bucket));
        self.entries.push(Entry {
            sequence: ended.sequence,
            connection: ended.connection,
            mark,
            latency: ended.latency.map_or(UNKNOWN, LatencyCell::number),
        });
    }

    /// Adds another run after this one, as if its requests had been sent later, over connections of their own. Of both only
    /// the requests before the first that is not remembered are kept: after a gap nobody knows the order. No more are kept
    /// than of a single run.
    pub fn append(&mut self, other: &Self) {
        self.cut();
        let room =
            usize::try_from(REMEMBERED).map_or(0, |most| most.saturating_sub(self.entries.len()));
        if room == 0 {
            return;
        }
        let mut later = other.clone();
        later.cut();
        let from = u32::try_from(self.entries.len()).expect("runs of a million requests");
        let last = self.entries.iter().map(|entry| entry.connection).max();
        let free = last.map_or(0, |last| last.saturating_add(1));
        for ended in later.since(0).take(room) {
            self.push(RequestRecord {
                sequence: from.saturating_add(ended.sequence),
                connection: free.saturating_add(ended.connection),
                bucket: ended.bucket,
                latency: ended.latency,
            });
        }
        self.starts.push(from);
        let before = later.starts.iter();
        self.starts
            .extend(before.map(|start| from.saturating_add(*start)));
    }

    /// Positions in the order of dispatch at which another run begins; none in a single run.
    #[must_use]
    pub fn starts(&self) -> &[u32] {
        &self.starts
    }

    /// Sorts, and leaves out what comes after the first gap.
    fn cut(&mut self) {
        self.entries.sort_by_key(|entry| entry.sequence);
        let in_order = |(at, entry): &(usize, &Entry)| usize::try_from(entry.sequence) == Ok(*at);
        let whole = self.entries.iter().enumerate().take_while(in_order).count();
        self.entries.truncate(whole);
    }

    /// Adds the entries of another log of the same run.
    pub(super) fn merge(&mut self, other: &Self) {
        let marks: Vec<u16> = other
            .buckets
            .iter()
            .map(|bucket| self.mark(bucket))
            .collect();
        let translated = other.entries.iter().map(|entry| Entry {
            mark: marks
                .get(usize::from(entry.mark))
                .copied()
                .unwrap_or(FAILED),
            ..*entry
        });
        self.entries.extend(translated);
    }

    /// The mark of a bucket, or of what it counts as when there are too many. They are few enough to be searched.
    fn mark(&mut self, bucket: &Bucket) -> u16 {
        let known = self.buckets.contains(bucket);
        let bucket = super::capped(bucket, known, self.buckets.len());
        let found = self.buckets.iter().position(|known| *known == bucket);
        let at = found.unwrap_or_else(|| {
            self.buckets.push(bucket);
            self.buckets.len() - 1
        });
        u16::try_from(at).expect("buckets are capped, and there are 900 statuses")
    }

    /// The entries from a position on, in the order in which requests ended.
    pub fn since(&self, position: usize) -> impl Iterator<Item = RequestRecord<'_>> {
        self.entries
            .iter()
            .skip(position)
            .map(|entry| RequestRecord {
                sequence: entry.sequence,
                connection: entry.connection,
                bucket: self.buckets.get(usize::from(entry.mark)),
                latency: entry.latency(),
            })
    }

    /// All entries in the order of dispatch, with what `of` makes of their buckets; it is asked once for each bucket.
    pub fn in_order<T: Copy>(&self, of: impl Fn(&Bucket) -> Option<T>) -> Vec<Ordered<T>> {
        let made: Vec<Option<T>> = self.buckets.iter().map(of).collect();
        let place = |entry: &Entry| Ordered {
            sequence: entry.sequence,
            connection: entry.connection,
            of: made.get(usize::from(entry.mark)).copied().flatten(),
            latency: entry.latency(),
        };
        let mut places: Vec<Ordered<T>> = self.entries.iter().map(place).collect();
        places.sort_by_key(|place| place.sequence);
        places
    }
}

impl PartialEq for RequestLog {
    /// Equal when the same requests ended alike, in whatever order they were noted.
    fn eq(&self, other: &Self) -> bool {
        let sorted = |log: &'_ Self| {
            let mut ended: Vec<(u32, Option<LatencyCell>, u32, Option<Bucket>)> = log
                .since(0)
                .map(|ended| {
                    let bucket = ended.bucket.cloned();
                    (ended.sequence, ended.latency, ended.connection, bucket)
                })
                .collect();
            ended.sort();
            ended
        };
        sorted(self) == sorted(other)
    }
}
