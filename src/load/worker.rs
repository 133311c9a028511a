//! One request after another, over a connection of one's own or a stream of a shared one.

use std::future::poll_fn;
use std::rc::Rc;
use std::task::Poll;
use std::time::{Duration, Instant};

use tokio::time::sleep;

use super::client::{Client, Exchange};
use super::context::{Due, ThreadContext};
use super::wait_slot::{ScheduledRequest, WaitSlot};
use crate::observe::{FailureKind, LoggedRequest, Outcome, Sent, Timing};

/// The longest pause of a worker whose connections are refused, so that a dead target costs no full core.
const LONGEST_PAUSE: Duration = Duration::from_millis(20);

/// Sends until there is nothing more to send.
pub(super) async fn worker(context: Rc<ThreadContext>, slot: Rc<WaitSlot>, mut client: Client) {
    if slot.begin() {
        context
            .unstarted_workers
            .set(context.unstarted_workers.get() - 1);
        if context.open() {
            // Whoever hands out requests had to leave this worker out.
            context.wake_dispatcher();
        }
    }
    let mut refused = 0_u32;
    while let Some(scheduled) = turn(&context, &slot).await {
        let behind = scheduled.intended.map(|intended| {
            (
                Instant::now().saturating_duration_since(intended),
                context.at_capacity.get(),
            )
        });
        let ended = client.request(&context, &slot).await;
        let unconnected =
            matches!(&ended.outcome, Outcome::Failed(failure) if failure.kind <= FailureKind::Tls);
        context.record(scheduled, behind, ended);
        refused = if unconnected { refused + 1 } else { 0 };
        // An open loop keeps its schedule whether anybody is there or not.
        if refused > 0 && !context.open() {
            sleep(LONGEST_PAUSE.min(Duration::from_millis(1 << refused.min(10)))).await;
        }
    }
}

/// Waits for one's turn; `None` when there is none any more.
async fn turn(context: &ThreadContext, slot: &Rc<WaitSlot>) -> Option<ScheduledRequest> {
    if !context.open() {
        return context.next();
    }
    let mut waiting = false;
    poll_fn(|task| {
        if let Some(scheduled) = slot.take() {
            return Poll::Ready(Some(scheduled));
        }
        if context.closed() {
            return Poll::Ready(None);
        }
        if !waiting {
            // What is due already need not be handed over.
            if context.due(Instant::now()) == Due::Now
                && let Some(scheduled) = context.take()
            {
                return Poll::Ready(Some(scheduled));
            }
            waiting = true;
            context.wait(slot);
        }
        slot.register(task);
        Poll::Pending
    })
    .await
}

impl ThreadContext {
    /// Counts one request, unless it was for warming up; `late` is how much later than intended it was taken up, and
    /// whether that was for want of a connection.
    fn record(&self, scheduled: ScheduledRequest, late: Option<(Duration, bool)>, ended: Exchange) {
        let Some(sequence) = scheduled.sequence else {
            return;
        };
        let mut recorder = self.recorder.borrow_mut();
        if let Some((lag, full)) = late {
            recorder.started(lag, full);
        }
        let begin = self.job.begin.get();
        let since = |at: Instant| begin.map(|begin| at.saturating_duration_since(*begin));
        // What was never sent is not timed.
        let sent = ended.sent.unwrap_or(ended.done);
        let timing = Timing {
            service: ended.done.saturating_duration_since(sent),
            first_byte: ended.first_byte.saturating_duration_since(sent),
            response: scheduled
                .intended
                .map(|intended| ended.done.saturating_duration_since(intended)),
            begun: since(ended.begun),
        };
        let sent = Sent {
            sequence,
            connection: ended.connection,
            resent: ended.resent,
        };
        let answered = matches!(ended.outcome, Outcome::Answered(_));
        if let Some((begun, done)) = timing.begun.zip(since(ended.done)) {
            recorder.passed(begun, done, answered);
            self.log(|| logged(sequence, scheduled.intended, begun, &ended));
        }
        if answered && sequence < self.first_batch {
            recorder.first(timing.service);
        }
        let bucket = match &ended.outcome {
            Outcome::Answered(bucket) => Some(*bucket),
            Outcome::Failed(_) => None,
        };
        recorder.record(sent, ended.outcome, timing);
        if let Some(bucket) = bucket {
            recorder.received(bucket, ended.bytes);
        }
        self.ended(ended.done);
    }
}

/// The request as the log has it.
fn logged(
    sequence: u64,
    intended: Option<Instant>,
    begun: Duration,
    ended: &Exchange,
) -> LoggedRequest {
    let answered = matches!(ended.outcome, Outcome::Answered(_));
    let after = |at: Instant, from: Instant| at.saturating_duration_since(from);
    LoggedRequest {
        sequence,
        connection: ended.connection,
        begun,
        late: intended.map(|intended| after(ended.begun, intended)),
        blocked: ended.sent.map(|sent| after(sent, ended.begun)),
        setup: ended.setup,
        first_byte: (ended.sent.filter(|_| answered)).map(|sent| after(ended.first_byte, sent)),
        took: after(ended.done, ended.begun),
        bytes: ended.bytes,
        resent: ended.resent,
        outcome: ended.outcome.clone(),
    }
}
