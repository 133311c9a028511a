//! One request after another, over a connection of one's own or a stream of a shared one. Not: when it is one's turn in an
//! open loop (see `thread`).

use std::cell::{Cell, RefCell};
use std::future::poll_fn;
use std::rc::Rc;
use std::sync::atomic::Ordering;
use std::task::Poll;
use std::time::{Duration, Instant};

use tokio::sync::Mutex;
use tokio::time::sleep;

use super::connect::{Link, connect};
use super::exchange::{Broken, Fate, Whole};
use super::lane::{Due, Lane};
use super::request::Prepared;
use super::seat::{Expired, Seat, Ticket};
use super::{http1, http2};
use crate::observe::{Failure, FailureKind, Outcome, Sent, Timing};

/// The longest pause of a worker whose connections are refused, so that a dead target costs no full core.
const LONGEST_PAUSE: Duration = Duration::from_millis(20);

/// What a worker sends over.
pub(super) enum Line {
    /// A connection of its own, while it is open.
    Own(Option<http1::Connection>),
    /// A connection that it shares.
    Shared(Rc<Group>),
}

/// The workers that share a connection.
#[derive(Default)]
pub(super) struct Group {
    /// The connection, while it is open; whoever finds none opens one while the others wait.
    connection: Mutex<Option<Rc<http2::Connection>>>,
    /// Attempts to open it so far, and what the last one failed of: those who waited for it share that.
    attempts: Cell<u64>,
    failed: RefCell<Option<(Failure, u32)>>,
}

/// How one request ended.
struct Ended {
    outcome: Outcome<usize>,
    /// The connection it went over.
    connection: u32,
    /// When it was taken up: before it connected, where it had to.
    begun: Instant,
    sent: Instant,
    first_byte: Instant,
    done: Instant,
}

/// Sends until there is nothing more to send.
pub(super) async fn worker(lane: Rc<Lane>, seat: Rc<Seat>, mut over: Line) {
    if seat.begin() {
        lane.fresh.set(lane.fresh.get() - 1);
        if lane.open() {
            // Whoever hands out requests had to leave this worker out.
            lane.rouse();
        }
    }
    let mut refused = 0_u32;
    while let Some(ticket) = turn(&lane, &seat).await {
        let behind = ticket.intended.map(|intended| {
            (
                Instant::now().saturating_duration_since(intended),
                lane.full.get(),
            )
        });
        let ended = lane.request(&mut over, &seat).await;
        let unconnected =
            matches!(&ended.outcome, Outcome::Failed(failure) if failure.kind <= FailureKind::Tls);
        lane.record(ticket, behind, ended);
        refused = if unconnected { refused + 1 } else { 0 };
        // An open loop keeps its schedule whether anybody is there or not.
        if refused > 0 && !lane.open() {
            sleep(LONGEST_PAUSE.min(Duration::from_millis(1 << refused.min(10)))).await;
        }
    }
}

/// Waits for one's turn; `None` when there is none any more.
async fn turn(lane: &Lane, seat: &Rc<Seat>) -> Option<Ticket> {
    if !lane.open() {
        return lane.next();
    }
    let mut waiting = false;
    poll_fn(|context| {
        if let Some(ticket) = seat.take() {
            return Poll::Ready(Some(ticket));
        }
        if lane.closed() {
            return Poll::Ready(None);
        }
        if !waiting {
            // What is due already need not be handed over.
            if lane.due(Instant::now()) == Due::Now
                && let Some(ticket) = lane.take()
            {
                return Poll::Ready(Some(ticket));
            }
            waiting = true;
            lane.wait(seat);
        }
        seat.register(context);
        Poll::Pending
    })
    .await
}

impl Lane {
    /// Counts one request, unless it was for warming up; `late` is how much later than intended it was taken up, and
    /// whether that was for want of a connection.
    fn record(&self, ticket: Ticket, late: Option<(Duration, bool)>, ended: Ended) {
        let Some(sequence) = ticket.sequence else {
            return;
        };
        let mut recorder = self.recorder.borrow_mut();
        if let Some((lag, full)) = late {
            recorder.started(lag, full);
        }
        let timing = Timing {
            service: ended.done.saturating_duration_since(ended.sent),
            first_byte: ended.first_byte.saturating_duration_since(ended.sent),
            response: ticket
                .intended
                .map(|intended| ended.done.saturating_duration_since(intended)),
        };
        let sent = Sent {
            sequence,
            connection: ended.connection,
        };
        let answered = matches!(ended.outcome, Outcome::Answered(_));
        if let Some(begin) = self.job.begin.get() {
            let since = |at: Instant| at.saturating_duration_since(*begin);
            recorder.passed(since(ended.begun), since(ended.done), answered);
        }
        if answered && sequence < self.first_batch {
            recorder.first(timing.service);
        }
        recorder.record(sent, ended.outcome, timing);
        self.ended(ended.done);
    }

    /// Sends one request, over the line's connection or a new one.
    async fn request(&self, line: &mut Line, seat: &Seat) -> Ended {
        match line {
            Line::Own(kept) => self.alone(kept, seat).await,
            Line::Shared(group) => self.shared(group, seat).await,
        }
    }

    async fn alone(&self, kept: &mut Option<http1::Connection>, seat: &Seat) -> Ended {
        let Prepared::Http1 { bytes, last, .. } = &self.job.prepared else {
            unreachable!("a line of one's own carries HTTP/1.1");
        };
        let mut first = None;
        loop {
            let mut connection = if let Some(connection) = kept.take() {
                connection
            } else {
                let since = *first.get_or_insert_with(Instant::now);
                // Connecting is rare, and takes more room than everything else in this task.
                match Box::pin(self.open_own()).await {
                    Ok(connection) => connection,
                    Err((failure, number)) => {
                        return Ended::unconnected(failure, number, since);
                    }
                }
            };
            let idle = connection.used();
            let request = if connection.spend() { last } else { bytes };
            let begun = Instant::now();
            let exchange = connection.exchange(request, &self.scratch, |reply| self.sort(reply));
            let ended = seat.until(begun + self.job.plan.timeout, exchange).await;
            let number = connection.number;
            if matches!(ended, Ok(Ok(_))) && connection.reusable() {
                *kept = Some(connection);
            }
            let since = *first.get_or_insert(begun);
            if let Some(ended) = self.concluded(ended, (since, begun), number, idle) {
                return ended;
            }
        }
    }

    async fn shared(&self, group: &Group, seat: &Seat) -> Ended {
        let Prepared::Http2(request) = &self.job.prepared else {
            unreachable!("a shared line carries HTTP/2");
        };
        let (mut again, mut first) = (false, None);
        loop {
            let connection = if let Some(connection) = group.open() {
                connection
            } else {
                let since = *first.get_or_insert_with(Instant::now);
                match Box::pin(self.open_shared(group)).await {
                    Ok(connection) => connection,
                    Err((failure, number)) => {
                        return Ended::unconnected(failure, number, since);
                    }
                }
            };
            let retry = connection.used() && !again;
            connection.spend();
            let (limit, protocol) = (self.job.plan.timeout, self.job.plan.request.protocol);
            let opened = self.opened(&connection, request, seat).await;
            // What waits for its turn has not been sent yet.
            let begun = Instant::now();
            let ended = match opened {
                Ok(open) => {
                    let answer = connection.answer(open, protocol, |reply| self.sort(reply));
                    seat.until(begun + limit, answer).await
                }
                Err(broken) => Ok(Err(broken)),
            };
            match &ended {
                // Each further connection answers somebody at least, so that everybody has a turn in the end.
                Ok(Err(broken)) if broken.fate == Fate::Untried && connection.answered() => {
                    continue;
                }
                Ok(Err(broken)) if broken.fate == Fate::Refused => connection.retire(),
                // A connection on which no answer comes at all may be dead.
                Err(Expired) if !connection.heard_since(begun) => connection.retire(),
                _ => {}
            }
            let since = *first.get_or_insert(begun);
            if let Some(ended) = self.concluded(ended, (since, begun), connection.number, retry) {
                return ended;
            }
            again = true;
        }
    }

    /// A stream for the request, as soon as the server takes it.
    async fn opened<'c>(
        &self,
        connection: &'c http2::Connection,
        request: &http2::Request,
        seat: &Seat,
    ) -> Result<http2::Open<'c>, Broken> {
        if let Some(opened) = connection.try_open(request) {
            return opened;
        }
        let (limit, since) = (self.job.plan.timeout, Instant::now());
        let opened = seat.until(since + limit, connection.open(request)).await;
        opened.unwrap_or_else(|Expired| {
            if !connection.heard_since(since) {
                connection.retire();
            }
            let message = format!("the server took no further request within {limit:?}");
            Err(Broken::sent(Failure::new(FailureKind::Timeout, message)))
        })
    }

    /// What an exchange comes to; `None` when the request has to go over a fresh connection: that the server closed one for
    /// being idle is no failure of the request.
    fn concluded(
        &self,
        ended: Result<Result<Whole, Broken>, Expired>,
        (begun, sent): (Instant, Instant),
        connection: u32,
        retry: bool,
    ) -> Option<Ended> {
        let idempotent = self.job.plan.request.method.is_idempotent();
        let (outcome, first_byte, done) = match ended {
            Ok(Ok(whole)) => {
                let outcome = match whole.result {
                    Ok(bucket) => Outcome::Answered(bucket),
                    Err(failure) => Outcome::Failed(failure),
                };
                (outcome, whole.first_byte, whole.done)
            }
            Ok(Err(broken)) if retry && broken.repeatable(idempotent) => {
                if broken.fate != Fate::Untried {
                    self.recorder.borrow_mut().retried();
                }
                return None;
            }
            failed => {
                let failure = if let Ok(Err(broken)) = failed {
                    broken.failure
                } else {
                    let limit = self.job.plan.timeout;
                    let message = format!("no complete answer within {limit:?}");
                    Failure::new(FailureKind::Timeout, message)
                };
                let now = Instant::now();
                (Outcome::Failed(failure), now, now)
            }
        };
        Some(Ended {
            outcome,
            connection,
            begun,
            sent,
            first_byte,
            done,
        })
    }

    async fn open_own(&self) -> Result<http1::Connection, (Failure, u32)> {
        let (link, number) = self.open_link().await?;
        let bodiless = matches!(self.job.prepared, Prepared::Http1 { bodiless: true, .. });
        let budget = Rc::clone(&self.budget);
        Ok(http1::Connection::new(
            link,
            number,
            self.quota(),
            bodiless,
            budget,
        ))
    }

    async fn open_shared(&self, group: &Group) -> Result<Rc<http2::Connection>, (Failure, u32)> {
        let before = group.attempts.get();
        let mut kept = group.connection.lock().await;
        if let Some(connection) = kept.as_ref().filter(|connection| connection.reusable()) {
            return Ok(Rc::clone(connection));
        }
        if group.attempts.get() > before
            && let Some(failed) = &*group.failed.borrow()
        {
            return Err(failed.clone());
        }
        let opened = async {
            let (link, number) = self.open_link().await?;
            let (scratch, budget) = (Rc::clone(&self.scratch), Rc::clone(&self.budget));
            Ok(http2::Connection::new(
                link,
                number,
                self.quota(),
                scratch,
                budget,
            ))
        };
        let opened = opened.await.map(Rc::new);
        group.attempts.set(group.attempts.get() + 1);
        *kept = opened.as_ref().ok().map(Rc::clone);
        *group.failed.borrow_mut() = opened.as_ref().err().cloned();
        opened
    }

    /// A connection that fails has a number as well: it is a draw of its own.
    async fn open_link(&self) -> Result<(Link, u32), (Failure, u32)> {
        let number = self.job.next_connection.fetch_add(1, Ordering::Relaxed);
        let link = connect(&self.job, &self.resolver, number)
            .await
            .map_err(|failure| (failure, number))?;
        self.recorder.borrow_mut().connected(link.setup);
        Ok((link, number))
    }
}

impl Group {
    /// The connection, if it is there and nobody is about to replace it.
    fn open(&self) -> Option<Rc<http2::Connection>> {
        let kept = self.connection.try_lock().ok()?;
        kept.as_ref()
            .filter(|connection| connection.reusable())
            .cloned()
    }
}

impl Ended {
    /// Nothing was sent, and nothing is timed.
    fn unconnected(failure: Failure, connection: u32, begun: Instant) -> Self {
        let now = Instant::now();
        Self {
            outcome: Outcome::Failed(failure),
            connection,
            begun,
            sent: now,
            first_byte: now,
            done: now,
        }
    }
}
