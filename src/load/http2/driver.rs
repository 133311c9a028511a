//! What the task that drives a connection and the streams on it share: whose turn it is, what the peer said, how it ended.

use std::cell::{Cell, RefCell};
use std::future::poll_fn;
use std::pin::pin;
use std::rc::Rc;
use std::task::Poll;
use std::time::{Duration, Instant};

use bytes::Bytes;
use tokio::sync::Notify;

use super::response::broken;
use crate::load::delivery::Delivery;
use crate::load::socket::Stream as Io;
use crate::observe::Failure;

/// A connection that nobody needs has so much time to say goodbye.
const GOODBYE: Duration = Duration::from_secs(1);
/// What the task of a connection and its streams tell each other.
pub(super) struct State {
    /// Streams under way, and how many the peer takes.
    pub(super) active: Cell<usize>,
    pub(super) most: Cell<usize>,
    /// Where requests wait for their turn.
    pub(super) turn: Notify,
    /// When the task of the connection last read.
    read: Cell<Instant>,
    /// When the peer last said something about a stream, and whether it ever completed a response.
    pub(super) heard: Cell<Option<Instant>>,
    pub(super) answered: Cell<bool>,
    /// What the peer said when it took no further streams.
    pub(super) goaway: RefCell<Option<Failure>>,
    /// Nobody needs the connection any more.
    pub(super) unused: Notify,
    /// It has ended.
    pub(super) over: Cell<bool>,
}

impl State {
    /// Of a connection on which nothing has been said.
    pub(super) fn new(streams: usize) -> Self {
        Self {
            active: Cell::new(0),
            most: Cell::new(streams),
            turn: Notify::new(),
            read: Cell::new(Instant::now()),
            heard: Cell::new(None),
            answered: Cell::new(false),
            goaway: RefCell::default(),
            unused: Notify::new(),
            over: Cell::new(false),
        }
    }

    pub(super) fn takes_more(&self) -> bool {
        self.active.get() < self.most.get()
    }

    /// A stream has taken what the peer said about it; when that was read. Whoever waits for a response runs after the task
    /// of the connection, at the end of a queue that is none of the server's.
    pub(super) fn hear(&self) -> Instant {
        let read = self.read.get();
        self.heard.set(Some(read));
        read
    }

    /// The peer takes so many streams.
    pub(super) fn permit(&self, most: usize) {
        if most != self.most.replace(most) && self.takes_more() {
            self.turn.notify_one();
        }
    }

    /// A request that the server has certainly not looked at. Where the connection never answered anything, the next may not
    /// either.
    pub(super) fn not_sent(&self) -> Delivery {
        if self.answered.get() {
            Delivery::NotSent
        } else {
            Delivery::Refused
        }
    }

    /// What an error says; a peer that said why before it closed said more than that it closed.
    pub(super) fn explain(&self, error: &h2::Error, begun: bool) -> Failure {
        let mut failure = broken(error, begun);
        if error.is_go_away() && error.is_remote() {
            *self.goaway.borrow_mut() = Some(failure.clone());
        } else if error.is_io()
            && let Some(said) = &*self.goaway.borrow()
        {
            failure.message.clone_from(&said.message);
            failure.cause = said.cause.filter(|cause| cause.kind() == failure.kind);
        }
        failure
    }
}

/// A place among the requests that wait.
pub(super) struct Waiting<'c>(&'c Cell<usize>);

impl<'c> Waiting<'c> {
    pub(super) fn new(waiting: &'c Cell<usize>) -> Self {
        waiting.set(waiting.get() + 1);
        Self(waiting)
    }
}

impl Drop for Waiting<'_> {
    fn drop(&mut self) {
        self.0.set(self.0.get() - 1);
    }
}

/// Writes and reads until the connection is over, or nobody needs it any more.
pub(super) async fn drive(connection: h2::client::Connection<Io, Bytes>, state: Rc<State>) {
    let mut connection = pin!(connection);
    let mut unused = pin!(async {
        state.unused.notified().await;
        tokio::time::sleep(GOODBYE).await;
    });
    poll_fn(|task| {
        let polled = connection.as_mut().poll(task);
        state.read.set(Instant::now());
        if let Poll::Ready(ended) = polled {
            if let Err(error) = ended {
                state.explain(&error, false);
            }
            state.over.set(true);
            state.permit(usize::MAX);
            return Poll::Ready(());
        }
        state.permit(connection.max_concurrent_send_streams());
        unused.as_mut().poll(task)
    })
    .await;
}
