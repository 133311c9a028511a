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
    /// The places of the entries in the order of dispatch; empty while each stands at its place, as those of a saved run do.
    places: Vec<u32>,
    buckets: Vec<Bucket>,
    /// Where the requests of another run begin, see [`Self::append`].
    starts: Vec<u32>,
}

/// One request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Entry {
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

/// Requests in the order of dispatch.
#[derive(Clone, Debug)]
pub struct InOrder<'l, T> {
    log: &'l RequestLog,
    /// Positions of the entries, in the order of dispatch; `None` where they stand in it.
    sorted: Option<Vec<u32>>,
    // By the marks of the entries.
    made: Vec<Option<T>>,
    next: usize,
}

impl<T: Copy> Iterator for InOrder<'_, T> {
    type Item = Ordered<T>;

    fn next(&mut self) -> Option<Ordered<T>> {
        let at = match &self.sorted {
            Some(sorted) => index(*sorted.get(self.next)?),
            None => self.next,
        };
        let entry = self.log.entries.get(at)?;
        self.next += 1;
        Some(self.log.ordered(at, *entry, &self.made))
    }

    fn size_hint(&self) -> (usize, Option<usize>) {
        let left = self.log.entries.len() - self.next;
        (left, Some(left))
    }
}

impl<T: Copy> ExactSizeIterator for InOrder<'_, T> {}

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
        let entry = Entry {
            connection,
            mark,
            latency: latency.map_or(UNKNOWN, |latency| LatencyCell::of(latency).number()),
        };
        self.put(sequence, entry);
    }

    /// The same log with the names of the bucket numbers.
    pub(super) fn named(self, buckets: &[Bucket]) -> Self {
        Self {
            buckets: buckets.to_vec(),
            ..self
        }
    }

    /// How many requests it holds.
    #[must_use]
    pub fn len(&self) -> usize {
        self.entries.len()
    }

    /// Whether it holds none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.entries.is_empty()
    }

    /// The buckets that its requests ended in.
    pub fn buckets(&self) -> impl Iterator<Item = &Bucket> {
        self.buckets.iter()
    }

    fn put(&mut self, sequence: u32, entry: Entry) {
        let at = self.entries.len();
        let in_place = self.places.is_empty() && index(sequence) == at;
        if !in_place && self.places.is_empty() {
            self.places = (0..).take(at).collect();
        }
        if !in_place {
            self.places.push(sequence);
        }
        self.entries.push(entry);
    }

    /// The place in the order of dispatch of the entry at a position.
    fn place(&self, at: usize) -> u32 {
        let places = self.places.get(at).copied();
        places.unwrap_or_else(|| u32::try_from(at).expect("entries are numbered with 32 bits"))
    }

    /// A log with room for so many requests.
    pub(in crate::observe) fn with_room(requests: u64) -> Self {
        let room = usize::try_from(requests.min(REMEMBERED)).unwrap_or(0);
        Self {
            entries: Vec::with_capacity(room),
            ..Self::default()
        }
    }

    /// Notes the end of a request whose bucket is known by name: what was saved is read back.
    pub fn push(&mut self, ended: RequestRecord<'_>) {
        let mark = ended.bucket.map(|bucket| self.mark(bucket));
        self.push_marked(ended.sequence, ended.connection, mark, ended.latency);
    }

    /// The same with a [`Self::mark`].
    pub(in crate::observe) fn push_marked(
        &mut self,
        sequence: u32,
        connection: u32,
        mark: Option<u16>,
        latency: Option<LatencyCell>,
    ) {
        let entry = Entry {
            connection,
            mark: mark.unwrap_or(FAILED),
            latency: latency.map_or(UNKNOWN, LatencyCell::number),
        };
        self.put(sequence, entry);
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
        let from = u32::try_from(self.entries.len()).expect("runs of a million requests");
        let last = self.entries.iter().map(|entry| entry.connection).max();
        let free = last.map_or(0, |last| last.saturating_add(1));
        let marks = self.marks(other);
        for at in other.positions().take(room) {
            let entry = other.entries[at];
            self.entries.push(Entry {
                connection: free.saturating_add(entry.connection),
                mark: translated(&marks, entry.mark),
                ..entry
            });
        }
        self.starts.push(from);
        let before = other.starts.iter();
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
        if !self.places.is_empty() {
            self.entries = self.positions().map(|at| self.entries[at]).collect();
            self.places = Vec::new();
        }
    }

    /// The positions of the entries in the order of dispatch, up to the first gap.
    fn positions(&self) -> impl Iterator<Item = usize> {
        let sorted = self.sorted();
        let all = 0..self.entries.len();
        all.map(move |at| (at, sorted.as_ref().map_or(at, |sorted| index(sorted[at]))))
            .take_while(|(next, at)| index(self.place(*at)) == *next)
            .map(|(_, at)| at)
    }

    /// The positions of the entries in the order of dispatch; `None` where they stand in it.
    fn sorted(&self) -> Option<Vec<u32>> {
        if self.places.is_sorted() {
            return None;
        }
        let mut sorted: Vec<u32> = (0..).take(self.entries.len()).collect();
        sorted.sort_by_key(|at| self.place(index(*at)));
        Some(sorted)
    }

    /// Adds the entries of another log of the same run.
    pub(super) fn merge(&mut self, other: &Self) {
        let marks = self.marks(other);
        for (at, entry) in other.entries.iter().enumerate() {
            let entry = Entry {
                mark: translated(&marks, entry.mark),
                ..*entry
            };
            self.put(other.place(at), entry);
        }
    }

    /// The own marks of the buckets of another log, by its marks.
    fn marks(&mut self, other: &Self) -> Vec<u16> {
        let buckets = other.buckets.iter();
        buckets.map(|bucket| self.mark(bucket)).collect()
    }

    /// The mark of a bucket, or of what it counts as when there are too many. They are few enough to be searched.
    pub(in crate::observe) fn mark(&mut self, bucket: &Bucket) -> u16 {
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
        let entries = self.entries.iter().enumerate();
        entries.skip(position).map(|(at, entry)| RequestRecord {
            sequence: self.place(at),
            connection: entry.connection,
            bucket: self.buckets.get(usize::from(entry.mark)),
            latency: entry.latency(),
        })
    }

    /// The same with what `of` makes of their buckets; it is asked once for each bucket.
    pub fn since_of<T: Copy>(
        &self,
        position: usize,
        of: impl Fn(&Bucket) -> Option<T>,
    ) -> impl Iterator<Item = Ordered<T>> {
        let made: Vec<Option<T>> = self.buckets.iter().map(of).collect();
        let entries = self.entries.iter().enumerate().skip(position);
        entries.map(move |(at, entry)| self.ordered(at, *entry, &made))
    }

    fn ordered<T: Copy>(&self, at: usize, entry: Entry, made: &[Option<T>]) -> Ordered<T> {
        Ordered {
            sequence: self.place(at),
            connection: entry.connection,
            of: made.get(usize::from(entry.mark)).copied().flatten(),
            latency: entry.latency(),
        }
    }

    /// All entries in the order of dispatch, with what `of` makes of their buckets; it is asked once for each bucket.
    pub fn in_order<T: Copy>(&self, of: impl Fn(&Bucket) -> Option<T>) -> InOrder<'_, T> {
        InOrder {
            made: self.buckets.iter().map(of).collect(),
            sorted: self.sorted(),
            log: self,
            next: 0,
        }
    }
}

fn index(number: u32) -> usize {
    usize::try_from(number).expect("an address has 32 bits or more")
}

/// A mark of another log as one of the own log.
fn translated(marks: &[u16], mark: u16) -> u16 {
    marks.get(usize::from(mark)).copied().unwrap_or(FAILED)
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
