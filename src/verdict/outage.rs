//! Whether for a while nothing was answered although requests were sent. In a closed loop nobody asks while a server is
//! away, so that neither error rates nor latencies show it.

use crate::diag::{Code, Note};
use crate::observe::{Observation, Slice, Tally, Timeline};
use crate::units::{counted, percent};

/// The shortest stretch that is worth a word, in microseconds.
const SHORTEST: u64 = 1_000_000;
/// A stretch is long beside the median of the other responses, of all and of the slowest version.
const TIMES_THE_MEDIAN: u64 = 10;
const TIMES_THE_SLOWEST: u64 = 2;
/// From so many failures on, a stretch is more than one request that took its time.
const FAILURES: u64 = 3;
/// A version has at least this part of the responses.
const VERSION: f64 = 0.01;

/// A stretch of a run in which requests failed or were under way, and none was answered; times in microseconds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Stretch {
    from: u64,
    to: u64,
    /// Requests that failed or were under way in it, at least.
    requests: u64,
    /// Failures in it, at least.
    failed: u64,
}

impl Stretch {
    fn beginning(from: u64, requests: u64) -> Self {
        Self {
            from,
            to: from,
            requests,
            failed: 0,
        }
    }

    fn length(&self) -> u64 {
        self.to.saturating_sub(self.from)
    }
}

/// A word about the longest outage, and how many more there were.
pub(super) fn caveat(seen: &Observation) -> Option<Note> {
    // Where nothing was ever answered, the verdict says so itself.
    if seen.answered() == 0 {
        return None;
    }
    let mut stretches = stretches(&seen.timeline, shortest(&seen.timeline));
    if stretches.is_empty() {
        return None;
    }
    let mut tally = Tally::default();
    seen.tallies.values().for_each(|own| tally.merge(own));
    stretches.retain(|stretch| stretch.length() >= notable(seen, &tally, stretch));
    let longest = *stretches.iter().max_by_key(|stretch| stretch.length())?;
    // Responses as slow as this outside of it too, and no failure: that is how long this server takes now and then.
    let slow = tally.latency.count_between(longest.length(), u64::MAX);
    if longest.failed < FAILURES && slow > 2 * longest.requests {
        return None;
    }
    let more = match stretches.len() - 1 {
        0 => String::new(),
        1 => "; there is 1 more such stretch".to_owned(),
        more => format!("; there are {more} more such stretches"),
    };
    let whole = seen.elapsed.as_secs_f64().max(time(seen.timeline.end()));
    let help = if seen.pace.is_none() {
        "; without --rate few requests meet an outage, whatever error rates and latencies say"
    } else {
        ""
    };
    Some(Note::new(
        Code::Outage,
        format!(
            "for {:.1} s, from {:.1} s on, no request was answered: {} of the run; at least {} failed or {} under way \
             then{more}{help}",
            time(longest.length()),
            time(longest.from),
            percent((time(longest.length()) / whole * 1000.0).round() / 1000.0),
            counted(longest.requests, "request"),
            if longest.requests == 1 { "was" } else { "were" },
        ),
    ))
}

fn time(micros: u64) -> f64 {
    micros as f64 / 1e6
}

/// How long a stretch is at least, in microseconds: what is shorter than a slice may lie within one.
fn shortest(timeline: &Timeline) -> u64 {
    SHORTEST.max(2 * timeline.width())
}

/// How long this stretch has to be beside the responses that it did not delay.
fn notable(seen: &Observation, all: &Tally, stretch: &Stretch) -> u64 {
    // Those that it delayed are the slowest, so that the median of the others is a lower quantile of all.
    let delayed = (stretch.requests as f64 / seen.answered().max(1) as f64).min(1.0);
    let median = |tally: &Tally| tally.latency.value_at_quantile((1.0 - delayed) / 2.0);
    let least = VERSION * seen.answered() as f64;
    // While all connections wait for the slow version, nothing is answered, and nothing is wrong.
    let versions = (seen.tallies.iter())
        .filter(|(bucket, tally)| !bucket.is_error() && tally.count as f64 >= least);
    let slowest = versions.map(|(_, tally)| median(tally)).max().unwrap_or(0);
    let of_all = TIMES_THE_MEDIAN.saturating_mul(median(all));
    of_all.max(TIMES_THE_SLOWEST.saturating_mul(slowest))
}

/// All stretches of at least this length, in the order of time.
fn stretches(timeline: &Timeline, threshold: u64) -> Vec<Stretch> {
    let mut found = Vec::new();
    // The last response so far, and the requests under way at the end of its slice.
    let (mut last, mut under_way, mut next) = (None, 0, 0);
    // From then on nobody asked any more.
    let sending = timeline.sending().unwrap_or(u64::MAX);
    let slices = timeline.slices();
    for (place, slice) in slices.iter().enumerate() {
        let Some((first, at)) = slice.responses else {
            continue;
        };
        let gap = Gap {
            from: last,
            to: first.min(sending),
            under_way,
            slices: &slices[next..place],
            width: timeline.width(),
        };
        found.extend(gap.stretch(timeline.last_begun(), threshold));
        for passed in &slices[next..=place] {
            under_way = after(under_way, passed);
        }
        (last, next) = (Some(at), place + 1);
    }
    let gap = Gap {
        from: last,
        to: timeline.end().min(sending),
        under_way,
        slices: &slices[next..],
        width: timeline.width(),
    };
    found.extend(gap.stretch(timeline.last_begun(), threshold));
    found
}

/// Requests under way after a slice.
fn after(before: u64, slice: &Slice) -> u64 {
    (before + slice.begun).saturating_sub(slice.answered + slice.failed)
}

/// The time between two responses that follow each other.
struct Gap<'a> {
    /// The response before it; `None` at the beginning of the run.
    from: Option<u64>,
    /// The response after it, or the end of the run.
    to: u64,
    /// Requests under way at the end of the slice of the response before.
    under_way: u64,
    /// The slices in between; those in which nothing happened are left out.
    slices: &'a [Slice],
    width: u64,
}

impl Gap<'_> {
    /// The stretch that lies in the gap, if it is long enough: all of it where requests failed, else the longest part in
    /// which somebody waited all the time.
    fn stretch(&self, last_begun: u64, threshold: u64) -> Option<Stretch> {
        let from = self.from.unwrap_or(0);
        let length = self.to.checked_sub(from)?;
        // What is under way when nothing more is sent is waited for, and nobody else asks.
        if length < threshold || last_begun < from {
            return None;
        }
        let failed: u64 = self.slices.iter().map(|slice| slice.failed).sum();
        let begun: u64 = self.slices.iter().map(|slice| slice.begun).sum();
        let stretch = if failed >= FAILURES {
            // At a low rate nobody waits in between, and it is an outage all the same.
            Stretch {
                from,
                to: self.to,
                requests: self.under_way + begun,
                failed,
            }
        } else {
            let waits = self.waits(from).into_iter();
            waits.max_by_key(Stretch::length)?
        };
        (stretch.length() >= threshold).then_some(stretch)
    }

    /// The parts of the gap in which a request was under way at every moment. Slices tell to their width when the last request
    /// failed: where the wait ends with that, the slice is left out.
    fn waits(&self, from: u64) -> Vec<Stretch> {
        let mut waits = Vec::new();
        let mut under_way = self.under_way;
        let mut waiting = (under_way > 0).then(|| Stretch::beginning(from, under_way));
        let mut slices = self.slices.iter().peekable();
        // The rest of the slice of the response before belongs to what is under way at its end.
        let first = self.from.map_or(0, |at| at / self.width + 1);
        for at in first..self.to / self.width {
            let slice = slices.next_if(|slice| slice.at == at);
            let slice = slice.copied().unwrap_or_else(|| Slice::empty(at));
            under_way = after(under_way, &slice);
            match &mut waiting {
                Some(wait) => {
                    wait.requests += slice.begun;
                    wait.failed += slice.failed;
                    if under_way == 0 {
                        wait.to = at * self.width;
                        waits.extend(waiting.take());
                    }
                }
                None if under_way > 0 => {
                    let end = (at + 1) * self.width;
                    let begun = slice.first_begun.unwrap_or(end);
                    waiting = Some(Stretch::beginning(begun, under_way));
                }
                None => {}
            }
        }
        waits.extend(waiting.map(|wait| Stretch {
            to: self.to,
            ..wait
        }));
        waits
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::observe::ScheduleStats;
    use crate::split::{Bucket, Identity};

    /// A request: when it began and ended, in milliseconds, and whether it was answered.
    type Request = (u64, u64, bool);

    fn seen(version: &str, requests: impl IntoIterator<Item = Request>) -> Observation {
        let mut seen = Observation::default();
        let mut tally = Tally::default();
        for (begun, ended, answered) in requests {
            let time = Duration::from_millis;
            seen.timeline.record(time(begun), time(ended), answered);
            seen.sent += 1;
            seen.elapsed = seen.elapsed.max(time(ended));
            if answered {
                tally.count += 1;
                tally
                    .latency
                    .record((ended - begun) * 1000)
                    .expect("it grows");
            }
        }
        let bucket = Bucket {
            identity: Identity::Value(version.into()),
            status: 200,
        };
        seen.tallies.insert(bucket, tally);
        seen
    }

    fn said(requests: impl IntoIterator<Item = Request>) -> Option<String> {
        caveat(&seen("v1", requests)).map(|caveat| caveat.message)
    }

    /// Connections that send one request after another, each answered after so many milliseconds.
    fn closed(connections: u64, from: u64, to: u64, each: u64) -> Vec<Request> {
        let starts = (from..to).step_by(usize::try_from(each).expect("small"));
        let of = |start: u64| (0..connections).map(move |_| (start, start + each, true));
        starts.flat_map(of).collect()
    }

    /// Requests at a rate.
    fn open(every: u64, from: u64, to: u64, took: u64, answered: bool) -> Vec<Request> {
        let starts = (from..to).step_by(usize::try_from(every).expect("small"));
        starts
            .map(|start| (start, start + took, answered))
            .collect()
    }

    #[test]
    fn a_server_that_is_away_for_a_second_is_said_with_start_and_length() {
        // Four connections; from 2.0 s on everything is refused until 3.0 s.
        let run = [
            closed(4, 0, 2000, 5),
            open(22, 2000, 2990, 1, false),
            closed(4, 3000, 5000, 5),
        ];
        assert_eq!(
            said(run.concat()).as_deref(),
            Some(
                "for 1.0 s, from 2.0 s on, no request was answered: 20.1% of the run; at least 40 requests failed or were \
                 under way then; without --rate few requests meet an outage, whatever error rates and latencies say"
            )
        );
    }

    #[test]
    fn a_server_that_hangs_is_said_in_both_loops() {
        let closed_loop = [
            closed(4, 0, 2000, 5),
            vec![(2000, 3500, true); 4],
            closed(4, 3500, 5000, 5),
        ];
        let text = said(closed_loop.concat()).expect("an outage");
        assert!(
            text.starts_with("for 1.5 s, from 2.0 s on, no request was answered: 30% of the run; at least 4 requests "),
            "{text}"
        );
        // Everything that is due in the meantime is answered at once when it is back.
        let due = (2000..3500).step_by(10).map(|start| (start, 3505, true));
        let mut open_loop = seen(
            "v1",
            open(10, 0, 2000, 5, true)
                .into_iter()
                .chain(due)
                .chain(open(10, 3510, 6000, 5, true)),
        );
        open_loop.pace = Some(ScheduleStats::default());
        let text = caveat(&open_loop).expect("an outage").message;
        assert!(text.starts_with("for 1.5 s, from 2.0 s on,"), "{text}");
        assert!(!text.contains("--rate"), "{text}");
        // Nor does it hide where most requests meet it.
        let due = (500..3500).step_by(10).map(|start| (start, 3505, true));
        let most = open(10, 0, 500, 5, true).into_iter().chain(due);
        let text = said(most.chain(open(10, 3510, 4000, 5, true))).expect("an outage");
        assert!(text.starts_with("for 3.0 s, from 0.5 s on,"), "{text}");
    }

    #[test]
    fn a_slow_start_and_the_end_of_a_run_count_too() {
        let start = [vec![(0, 2000, true); 4], closed(4, 2000, 6000, 5)];
        let text = said(start.concat()).expect("a slow start");
        assert!(text.starts_with("for 2.0 s, from 0.0 s on,"), "{text}");
        // Requests that hang until their timeout are the last that is heard of the run.
        let end = [closed(4, 0, 4000, 5), vec![(4000, 6000, false); 4]];
        let text = said(end.concat()).expect("an end");
        assert!(text.starts_with("for 2.0 s, from 4.0 s on,"), "{text}");
    }

    #[test]
    fn what_is_waited_for_after_sending_has_ended_is_no_outage() {
        // From 4.0 s on everything hangs until its timeout; sending ends, or would go on.
        let hang = [closed(4, 0, 4000, 5), vec![(4000, 14_000, false); 4]];
        let ended = |at: u64| {
            let mut run = seen("v1", hang.concat());
            run.timeline.sending_ended(Duration::from_millis(at));
            caveat(&run).map(|caveat| caveat.message)
        };
        assert_eq!(ended(4100), None);
        let text = ended(6000).expect("two seconds of it");
        assert!(text.starts_with("for 2.0 s, from 4.0 s on,"), "{text}");
        assert!(
            text.contains("at least 4 requests failed or were under way"),
            "{text}"
        );
    }

    #[test]
    fn the_longest_is_described_and_the_others_are_counted() {
        let hang = |from: u64, to: u64| vec![(from, to, true); 4];
        let run = [
            closed(4, 0, 1000, 5),
            hang(1000, 2200),
            closed(4, 2200, 3000, 5),
            hang(3000, 5000),
            closed(4, 5000, 6000, 5),
            hang(6000, 7100),
            closed(4, 7100, 8000, 5),
        ];
        let text = said(run.concat()).expect("three outages");
        assert!(text.starts_with("for 2.0 s, from 3.0 s on,"), "{text}");
        assert!(
            text.contains("; there are 2 more such stretches;"),
            "{text}"
        );
    }

    #[test]
    fn whoever_is_merely_slow_or_not_asked_is_not_away() {
        // Every response takes 2 s, in a long run and in one with a single batch.
        assert_eq!(said(closed(10, 0, 20_000, 2000)), None);
        assert_eq!(said(closed(10, 0, 2000, 2000)), None);
        assert_eq!(said(closed(10, 0, 4000, 2000)), None);
        // One request every 3 s, answered at once: nobody waits in between.
        assert_eq!(said(open(3000, 0, 30_000, 5, true)), None);
        // One of them is refused, and the next two as well in another run.
        let refused = |from: u64, to: u64| -> Vec<Request> {
            let mut all = open(3000, 0, 30_000, 5, true);
            all.iter_mut()
                .filter(|(begun, ..)| (from..to).contains(begun))
                .for_each(|request| request.2 = false);
            all
        };
        assert_eq!(said(refused(6000, 8000)), None);
        assert!(said(refused(6000, 14_000)).is_some());
        // Nothing was answered at all: the verdict says so.
        assert_eq!(said(open(10, 0, 5000, 1, false)), None);
        // The last request of a run takes its time.
        let last = [closed(4, 0, 2000, 5), vec![(1990, 5000, true)]];
        assert_eq!(said(last.concat()), None);
    }

    #[test]
    fn a_slow_version_that_keeps_all_connections_waiting_is_no_outage() {
        // Whoever draws the slow version waits for 2 s; soon all do.
        let mut run = seen(
            "v1",
            closed(4, 0, 100, 5)
                .into_iter()
                .chain(closed(4, 2100, 2200, 5)),
        );
        let slow = seen("v2", vec![(100, 2100, true); 4]);
        run.timeline.merge(&slow.timeline);
        run.tallies.extend(slow.tallies);
        assert_eq!(caveat(&run), None);
    }

    #[test]
    fn a_server_that_is_often_as_slow_is_no_outage() {
        // One of four connections at a time waits for 1.5 s, in the end all of them do.
        let alone = (0..20).map(|k| (k * 1500, (k + 1) * 1500, true));
        let run = closed(3, 0, 30_000, 5).into_iter().chain(alone);
        let all = std::iter::repeat_n((30_000, 31_500, true), 4);
        assert_eq!(
            said(run.chain(all).chain(closed(4, 31_500, 33_000, 5))),
            None
        );
    }

    #[test]
    fn in_a_very_long_run_only_what_is_wider_than_its_slices_is_certain() {
        let hours = 3_600_000;
        let away = |length: u64| {
            let run = [
                open(500, 0, 3 * hours, 5, true),
                vec![(3 * hours, 3 * hours + length, true)],
                open(500, 3 * hours + length, 4 * hours, 5, true),
            ];
            said(run.concat())
        };
        assert!(away(2000).is_none());
        assert!(away(10_000).is_some());
    }
}
