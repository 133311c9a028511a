//! The way of ended requests to whoever writes them down: a queue that never holds up a request. Where it is full, requests are
//! left out of the log, and counted.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::mpsc::{self, Receiver, RecvTimeoutError, Sender};
use std::time::{Duration, Instant, SystemTime};

use crate::observe::LoggedRequest;
use crate::split::Bucket;

/// Requests that may wait for whoever writes, at most.
const MOST_WAITING: u64 = 65_536;
/// Requests that a thread hands over at a time, at most.
const BATCH: usize = 256;

/// The end of the queue where requests come in.
#[derive(Clone, Debug)]
pub struct LogQueue {
    counts: Arc<LogCounts>,
    batches: Sender<LogBatch>,
}

/// The end of the queue where they are taken out.
#[derive(Debug)]
pub struct LogReceiver {
    counts: Arc<LogCounts>,
    batches: Receiver<LogBatch>,
}

/// Requests of one thread, in the order in which they ended.
#[derive(Debug)]
pub struct LogBatch {
    /// Which thread.
    pub thread: u32,
    /// When the run began.
    pub began: SystemTime,
    /// Buckets that this thread has not handed over before; their numbers follow those that it has.
    pub buckets: Vec<Bucket>,
    /// The requests.
    pub requests: Vec<LoggedRequest>,
}

/// How a queue stands.
#[derive(Debug, Default)]
pub struct LogCounts {
    waiting: AtomicU64,
    missed: AtomicU64,
}

/// Both ends of a queue.
#[must_use]
pub fn log_queue() -> (LogQueue, LogReceiver) {
    let (sender, receiver) = mpsc::channel();
    let counts = Arc::new(LogCounts::default());
    let queue = LogQueue {
        counts: Arc::clone(&counts),
        batches: sender,
    };
    let receiver = LogReceiver {
        counts,
        batches: receiver,
    };
    (queue, receiver)
}

impl LogCounts {
    /// Requests that were left out so far.
    #[must_use]
    pub fn missed(&self) -> u64 {
        self.missed.load(Ordering::Relaxed)
    }

    /// Requests that nobody has written down yet.
    #[must_use]
    pub fn waiting(&self) -> u64 {
        self.waiting.load(Ordering::Relaxed)
    }
}

impl LogQueue {
    /// How the queue stands, for whoever has no end of it.
    #[must_use]
    pub fn counts(&self) -> Arc<LogCounts> {
        Arc::clone(&self.counts)
    }

    /// Hands over a batch, unless too many requests wait, or nobody writes any more.
    fn send(&self, batch: LogBatch) -> bool {
        let count = batch.requests.len() as u64;
        let waiting = self.counts.waiting.fetch_add(count, Ordering::Relaxed);
        let sent = waiting + count <= MOST_WAITING && self.batches.send(batch).is_ok();
        if !sent {
            self.counts.waiting.fetch_sub(count, Ordering::Relaxed);
            self.counts.missed.fetch_add(count, Ordering::Relaxed);
        }
        sent
    }

    /// Hands over a request that no thread has sent.
    pub(super) fn single(&self, request: LoggedRequest) {
        self.send(LogBatch {
            thread: 0,
            began: now(),
            buckets: Vec::new(),
            requests: vec![request],
        });
    }
}

impl LogReceiver {
    /// The next batch: `Timeout` where none has come for so long, `Disconnected` where none will.
    pub fn next(&self, patience: Duration) -> Result<LogBatch, RecvTimeoutError> {
        self.batches.recv_timeout(patience)
    }

    /// So many requests are dealt with.
    pub fn done(&self, requests: usize) {
        self.counts
            .waiting
            .fetch_sub(requests as u64, Ordering::Relaxed);
    }
}

/// What one thread has not handed over yet.
#[derive(Debug)]
pub(super) struct LogBuffer {
    queue: LogQueue,
    thread: u32,
    /// Buckets that were handed over.
    named: usize,
    held: Vec<LoggedRequest>,
    /// The same moment on both clocks.
    clocks: (Instant, SystemTime),
}

impl LogBuffer {
    pub(super) fn new(queue: LogQueue, thread: u32, epoch: Instant) -> Self {
        let clocks = (Instant::now(), now());
        let clocks = (epoch, clocks.1 - clocks.0.saturating_duration_since(epoch));
        Self {
            queue,
            thread,
            named: 0,
            held: Vec::new(),
            clocks,
        }
    }

    pub(super) fn push(&mut self, request: LoggedRequest) {
        self.held.push(request);
    }

    pub(super) fn is_full(&self) -> bool {
        self.held.len() >= BATCH
    }

    /// Hands over what is held; `buckets` are all that this thread knows.
    pub(super) fn hand_over(&mut self, buckets: &[Bucket], begin: Instant) {
        if self.held.is_empty() {
            return;
        }
        let (instant, time) = self.clocks;
        let sent = self.queue.send(LogBatch {
            thread: self.thread,
            began: time + begin.saturating_duration_since(instant),
            buckets: buckets[self.named..].to_vec(),
            requests: std::mem::take(&mut self.held),
        });
        if sent {
            self.named = buckets.len();
        }
    }
}

fn now() -> SystemTime {
    SystemTime::now()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::observe::Outcome;
    use crate::split::Identity;

    fn request(sequence: u64) -> LoggedRequest {
        LoggedRequest {
            sequence,
            connection: 0,
            begun: Duration::ZERO,
            late: None,
            blocked: Some(Duration::ZERO),
            setup: None,
            first_byte: None,
            took: Duration::ZERO,
            bytes: 0,
            resent: false,
            outcome: Outcome::Answered(0),
        }
    }

    fn bucket(name: &str) -> Bucket {
        Bucket {
            identity: Identity::Value(name.to_owned()),
            status: 200,
        }
    }

    #[test]
    fn a_full_queue_leaves_requests_out_and_every_bucket_arrives_once() {
        let (queue, receiver) = log_queue();
        let begin = Instant::now();
        let mut buffer = LogBuffer::new(queue.clone(), 3, begin);
        let mut known = vec![bucket("a")];
        for sequence in 0..MOST_WAITING + 10 {
            buffer.push(request(sequence));
            if buffer.is_full() {
                buffer.hand_over(&known, begin);
            }
        }
        known.push(bucket("b"));
        buffer.hand_over(&known, begin);
        let counts = queue.counts();
        assert_eq!((counts.waiting(), counts.missed()), (MOST_WAITING, 10));
        let first = receiver.next(Duration::ZERO).expect("a batch");
        assert_eq!((first.thread, first.buckets.len()), (3, 1));
        receiver.done(first.requests.len());
        // What was left out took its new buckets with it: they come with the next.
        buffer.push(request(0));
        buffer.hand_over(&known, begin);
        drop((buffer, queue));
        let rest: Vec<LogBatch> =
            std::iter::from_fn(|| receiver.next(Duration::ZERO).ok()).collect();
        let named: Vec<Bucket> = rest.into_iter().flat_map(|batch| batch.buckets).collect();
        assert_eq!(named, [bucket("b")]);
        assert!(matches!(
            receiver.next(Duration::ZERO),
            Err(RecvTimeoutError::Disconnected)
        ));
    }

    #[test]
    fn where_nobody_writes_any_more_nothing_waits() {
        let (queue, receiver) = log_queue();
        drop(receiver);
        queue.single(request(0));
        let counts = queue.counts();
        assert_eq!((counts.waiting(), counts.missed()), (0, 1));
    }
}
