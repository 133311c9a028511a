//! Where a worker waits: for its next request, and for a response, but no longer than until its deadline. One sweep over all
//! slots of a thread stands for a timer for each request.

use std::cell::{Cell, RefCell};
use std::future::{Future, poll_fn};
use std::pin::pin;
use std::task::{Context, Poll, Waker};
use std::time::Instant;

use super::case::OwnRequest;

/// The right to send one request.
pub(super) struct ScheduledRequest {
    /// Which kind of request.
    pub(super) case: usize,
    /// Its place in the order of dispatch; `None` in the warm-up.
    pub(super) sequence: Option<u64>,
    /// When it should have started, in an open loop.
    pub(super) intended: Option<Instant>,
    /// What it says, where that is something else than the others of its kind.
    pub(super) own: Option<Box<OwnRequest>>,
}

/// A worker's place.
#[derive(Default)]
pub(super) struct WaitSlot {
    /// When it stops waiting for a response.
    deadline: Cell<Option<Instant>>,
    expired: Cell<bool>,
    /// What it was handed while it waited for a request.
    scheduled: Cell<Option<ScheduledRequest>>,
    waker: RefCell<Option<Waker>>,
    begun: Cell<bool>,
}

/// The deadline passed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Expired;

impl WaitSlot {
    /// Whether it is taken for the first time.
    pub(super) fn begin(&self) -> bool {
        !self.begun.replace(true)
    }

    /// Waits for the work until the deadline; the sweep says when that is over.
    pub(super) async fn until<T>(
        &self,
        deadline: Instant,
        work: impl Future<Output = T>,
    ) -> Result<T, Expired> {
        self.expired.set(false);
        self.deadline.set(Some(deadline));
        let mut work = pin!(work);
        let ended = poll_fn(|context| {
            if let Poll::Ready(ended) = work.as_mut().poll(context) {
                return Poll::Ready(Ok(ended));
            }
            if self.expired.get() {
                return Poll::Ready(Err(Expired));
            }
            self.register(context);
            Poll::Pending
        })
        .await;
        self.deadline.set(None);
        ended
    }

    /// Ends the wait of a worker whose deadline has passed.
    pub(super) fn sweep(&self, now: Instant) {
        if self.deadline.get().is_some_and(|deadline| deadline <= now) {
            self.deadline.set(None);
            self.expired.set(true);
            self.wake();
        }
    }

    /// Hands a request to a worker that waits for one.
    pub(super) fn hand(&self, scheduled: ScheduledRequest) {
        self.scheduled.set(Some(scheduled));
        self.wake();
    }

    /// What was handed over.
    pub(super) fn take(&self) -> Option<ScheduledRequest> {
        self.scheduled.take()
    }

    /// Remembers whom to wake. A task keeps its waker, so this is a comparison.
    pub(super) fn register(&self, context: &Context<'_>) {
        let mut waker = self.waker.borrow_mut();
        if !waker
            .as_ref()
            .is_some_and(|known| known.will_wake(context.waker()))
        {
            *waker = Some(context.waker().clone());
        }
    }

    /// Makes the worker look again.
    pub(super) fn wake(&self) {
        if let Some(waker) = &*self.waker.borrow() {
            waker.wake_by_ref();
        }
    }
}

#[cfg(test)]
mod tests {
    use std::future::{pending, ready};
    use std::rc::Rc;
    use std::time::Duration;

    use super::*;

    #[test]
    fn a_sweep_ends_only_what_is_overdue() {
        let runtime = tokio::runtime::Builder::new_current_thread()
            .build()
            .expect("a runtime");
        let now = Instant::now();
        let later = now + Duration::from_secs(60);
        let local = tokio::task::LocalSet::new();
        local.block_on(&runtime, async {
            let slots: [Rc<WaitSlot>; 2] = Default::default();
            let waits = [now, later].map(|deadline| (deadline, pending::<()>()));
            let tasks: Vec<_> = slots
                .iter()
                .cloned()
                .zip(waits)
                .map(|(slot, (deadline, work))| {
                    tokio::task::spawn_local(async move { slot.until(deadline, work).await })
                })
                .collect();
            tokio::task::yield_now().await;
            for slot in &slots {
                slot.sweep(now);
            }
            let mut tasks = tasks.into_iter();
            let first = tasks.next().expect("two tasks").await;
            assert_eq!(first.expect("no panic"), Err(Expired));
            let second = tasks.next().expect("two tasks");
            tokio::task::yield_now().await;
            assert!(!second.is_finished());
            // A slot is as good as new after its deadline.
            assert_eq!(slots[0].until(now, ready(7)).await, Ok(7));
        });
    }
}
