//! One of several generators that send together: its part of the load, and when it begins.
#![allow(clippy::disallowed_methods, reason = "a common start has a clock")]

use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::{Duration, SystemTime};

use super::args::{GeneratorArgs, LoadArgs};
use super::failure::Failure;
use crate::diag::{Code, Note};
use crate::report::GeneratorNumber;
use crate::units::{Count, Rate};

/// Between two looks whether the wait was interrupted.
const PAUSE: Duration = Duration::from_millis(50);
/// A start that is further off was mistyped.
const FURTHEST: Duration = Duration::from_secs(24 * 60 * 60);
/// A start that is later than this is said.
const LATE: Duration = Duration::from_secs(1);

/// The part of a generator in what all send together.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Share {
    /// Which one it is.
    pub(super) generator: Option<GeneratorNumber>,
    start_at: Option<SystemTime>,
    /// How much later than others it begins, so that the starts of all of them are as even as those of one.
    offset: Duration,
}

impl Share {
    /// What the options say; the load is cut down to the part of this generator.
    pub(super) fn of(args: &GeneratorArgs, load: &mut LoadArgs) -> Result<Self, Failure> {
        if let Some(start) = args.start_at
            && start
                .duration_since(SystemTime::now())
                .is_ok_and(|left| left > FURTHEST)
        {
            return Err(Failure::usage(
                "--start-at is more than a day ahead",
                "write a time in UTC that is near, as in --start-at 2026-11-30T18:00:00Z",
            ));
        }
        let mut offset = Duration::ZERO;
        if let Some(own) = args.generator {
            if let Some(rate) = load.rate {
                offset = rate.offset(own.index.into());
                load.rate = Some(part_of_rate(rate, own)?);
            }
            load.requests = part(load.requests, own, "-n")?;
            load.max_requests = part(load.max_requests, own, "--max-requests")?;
            load.seed = load.seed.wrapping_add(own.index.into());
        }
        Ok(Self {
            generator: args.generator,
            start_at: args.start_at,
            offset,
        })
    }

    /// Waits until it is time to begin, or this is interrupted; a note where it is late.
    pub(super) fn wait(&self, interrupted: &AtomicBool) -> Option<Note> {
        let start = self.start_at? + self.offset;
        loop {
            match start.duration_since(SystemTime::now()) {
                Ok(left) if !left.is_zero() && !interrupted.load(Ordering::Relaxed) => {
                    thread::sleep(left.min(PAUSE));
                }
                Ok(_) => return None,
                Err(past) => return Some(past.duration()).filter(|late| *late > LATE).map(late),
            }
        }
    }
}

fn late(by: Duration) -> Note {
    let seconds = by.as_secs();
    Note::new(
        Code::LateStart,
        format!(
            "this run began {seconds}s after its --start-at: generators that begin together did not send at the same time as it"
        ),
    )
}

/// As many as others send, or one more.
fn part(all: Option<Count>, own: GeneratorNumber, option: &str) -> Result<Option<Count>, Failure> {
    let Some(Count(all)) = all else {
        return Ok(None);
    };
    let of = u64::from(own.of);
    if all > 0 && all < of {
        return Err(Failure::usage(
            format!("{option} {all} is less than one request for each of {of} generators"),
            format!("give at least {option} {of}, or use fewer generators"),
        ));
    }
    let more = u64::from(u64::from(own.index) < all % of);
    Ok(Some(Count(all / of + more)))
}

fn part_of_rate(rate: Rate, own: GeneratorNumber) -> Result<Rate, Failure> {
    Rate::new(rate.per_second() / f64::from(own.of)).ok_or_else(|| {
        Failure::usage(
            format!("the rate is too small for {} generators", own.of),
            "give a higher rate with -q, or use fewer generators",
        )
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_parts_add_up_to_the_whole() {
        for (all, of) in [(1000, 3), (8, 8), (4057, 7), (1_000_000, 1000)] {
            let parts = (0..of).map(|index| {
                let own = GeneratorNumber { index, of };
                part(Some(Count(all)), own, "-n")
                    .expect("enough")
                    .expect("a number")
                    .0
            });
            assert_eq!(parts.sum::<u64>(), all);
        }
        let own = GeneratorNumber { index: 0, of: 9 };
        assert!(part(Some(Count(8)), own, "-n").is_err());
        assert!(part(None, own, "-n").expect("nothing").is_none());
    }
}
