//! `--log`: a line for each request, written by a thread of its own while the run goes on. A slow disk slows no request down, and
//! a full one costs the log, never the verdict.
#![allow(
    clippy::disallowed_methods,
    reason = "this is where the log is written, and its flushes are timed"
)]

use std::collections::HashMap;
use std::fs::{self, File, OpenOptions};
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::mpsc::{self, Receiver, RecvTimeoutError};
use std::thread;
use std::time::{Duration, Instant};

use flate2::Compression;
use flate2::write::GzEncoder;

use super::failure::Failure;
use super::output;
use crate::diag::{Code, Note};
use crate::load::{LogBatch, LogCounts, LogQueue, LogReceiver, log_queue};
use crate::observe::Outcome;
use crate::report::{Format, LoggedBucket, log_line};
use crate::split::Expected;
use crate::units::counted;
use crate::verdict::mapping::MapRule;

/// How long lines may stay in the buffers of a compressed log.
const FLUSH: Duration = Duration::from_secs(1);
/// How long the end of a run waits for a reader that takes nothing.
const PATIENCE: Duration = Duration::from_secs(5);
/// What a compressed log is called.
const COMPRESSED: &str = "gz";

/// A log that is being written.
pub(super) struct LogFile {
    path: PathBuf,
    counts: Arc<LogCounts>,
    /// How writing ended.
    ended: Receiver<io::Result<()>>,
}

/// The declared split and `--map`, which say whose a value is.
type Declared = Option<(Expected, Vec<MapRule>)>;

/// Where lines go.
enum Sink {
    Plain(File),
    Compressed(GzEncoder<File>),
}

/// Where the log goes, as it was typed.
pub(super) fn path(
    typed: Option<PathBuf>,
    reports: &[(&Format, PathBuf)],
) -> Result<Option<PathBuf>, Failure> {
    let Some(path) = typed else {
        return Ok(None);
    };
    if path.as_os_str() == "-" {
        return Err(Failure::usage(
            "--log does not write to stdout, which holds the report",
            "name a file, as in --log requests.ndjson",
        ));
    }
    if reports.iter().any(|(_, report)| *report == path) {
        return Err(Failure::usage(
            format!("--log and --report name the same file `{}`", path.display()),
            "name two files",
        ));
    }
    Ok(Some(path))
}

/// Whether a log can be written there, tried without touching what is there.
pub(super) fn writable(path: &Path) -> Result<(), Failure> {
    let tried = match fs::metadata(path) {
        Ok(found) if found.is_file() => OpenOptions::new().append(true).open(path).map(drop),
        Ok(found) if found.is_dir() => Err(io::Error::from(io::ErrorKind::IsADirectory)),
        // A pipe is opened once: its reader would take that for the end.
        Ok(_) => Ok(()),
        Err(_) => output::writable(path),
    };
    tried.map_err(|source| broken(path, source))
}

fn broken(path: &Path, source: io::Error) -> Failure {
    Failure::Log {
        path: path.display().to_string(),
        source,
    }
}

impl LogFile {
    /// Begins a log, and the queue that requests go into.
    pub(super) fn begin(path: &Path, declared: Declared) -> Result<(Self, LogQueue), Failure> {
        let file = File::create(path).map_err(|source| broken(path, source))?;
        let sink = match path.extension() {
            Some(end) if end.eq_ignore_ascii_case(COMPRESSED) => {
                Sink::Compressed(GzEncoder::new(file, Compression::fast()))
            }
            _ => Sink::Plain(file),
        };
        let (queue, receiver) = log_queue();
        let (sender, ended) = mpsc::channel();
        thread::Builder::new()
            .name("log".to_owned())
            .spawn(move || {
                let written = write(&receiver, sink, &declared);
                drop(receiver);
                let _ = sender.send(written);
            })
            .map_err(|source| broken(path, source))?;
        let log = Self {
            path: path.to_owned(),
            counts: queue.counts(),
            ended,
        };
        Ok((log, queue))
    }

    /// Waits until all is written, when nothing more is sent: what has to be said in the report, or why the log is not whole.
    pub(super) fn end(self, sent: u64) -> Result<Option<Note>, Failure> {
        loop {
            let waiting = self.counts.waiting();
            match self.ended.recv_timeout(PATIENCE) {
                Ok(Ok(())) => break,
                Ok(Err(source)) => return Err(broken(&self.path, source)),
                Err(RecvTimeoutError::Timeout) if self.counts.waiting() < waiting => {}
                Err(_) => {
                    let source = io::Error::new(io::ErrorKind::TimedOut, "nobody reads it");
                    return Err(broken(&self.path, source));
                }
            }
        }
        let missed = self.counts.missed();
        Ok((missed > 0).then(|| {
            let sent = counted(sent, "request");
            Note::new(
                Code::LogIncomplete,
                format!(
                    "`{}` lacks {missed} of the {sent}: it could not be written as fast as they ended",
                    self.path.display()
                ),
            )
        }))
    }
}

/// Writes what comes, until nothing more can come.
fn write(receiver: &LogReceiver, mut sink: Sink, declared: &Declared) -> io::Result<()> {
    let mut buckets: HashMap<u32, Vec<LoggedBucket>> = HashMap::new();
    let (mut lines, mut flushed) = (Vec::new(), Instant::now());
    loop {
        match receiver.next(FLUSH) {
            Ok(batch) => {
                let known = buckets.entry(batch.thread).or_default();
                lines.clear();
                render(&batch, known, declared, &mut lines)?;
                sink.write_all(&lines)?;
                receiver.done(batch.requests.len());
            }
            Err(RecvTimeoutError::Timeout) => {}
            Err(RecvTimeoutError::Disconnected) => return sink.finish(),
        }
        if flushed.elapsed() >= FLUSH {
            sink.flush()?;
            flushed = Instant::now();
        }
    }
}

/// The lines of a batch.
fn render(
    batch: &LogBatch,
    known: &mut Vec<LoggedBucket>,
    declared: &Declared,
    lines: &mut Vec<u8>,
) -> io::Result<()> {
    let declared = declared.as_ref();
    let declared = declared.map(|(expected, rules)| (expected, rules.as_slice()));
    let new = batch.buckets.iter();
    known.extend(new.map(|bucket| LoggedBucket::new(bucket, declared)));
    for request in &batch.requests {
        let bucket = match request.outcome {
            Outcome::Answered(bucket) => known.get(bucket),
            Outcome::Failed(_) => None,
        };
        log_line(request, batch.began, bucket, lines)?;
    }
    Ok(())
}

impl Sink {
    /// Writes what is still held.
    fn finish(self) -> io::Result<()> {
        match self {
            Self::Plain(_) => Ok(()),
            Self::Compressed(encoder) => encoder.finish().map(drop),
        }
    }
}

impl Write for Sink {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        match self {
            Self::Plain(file) => file.write(bytes),
            Self::Compressed(encoder) => encoder.write(bytes),
        }
    }

    fn flush(&mut self) -> io::Result<()> {
        match self {
            Self::Plain(file) => file.flush(),
            Self::Compressed(encoder) => encoder.flush(),
        }
    }
}
