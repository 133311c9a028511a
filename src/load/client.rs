//! What a worker sends over, in either protocol: an HTTP/1.1 connection of its own, or a stream of an HTTP/2 connection that
//! it shares. Here connections are opened and reused, and here it is decided whether a request is sent again.
//!
//! Another protocol is one more variant: it touches this file, `request` (what is written), and `tls` (what is agreed on).

use std::cell::{Cell, RefCell};
use std::rc::Rc;
use std::sync::Arc;
use std::time::{Duration, Instant};

use tokio::sync::Mutex;

use super::connect::connect;
use super::context::ThreadContext;
use super::delivery::{Circumstances, Completed, Delivery, ExchangeError};
use super::request::Prepared;
use super::wait_slot::{Expired, WaitSlot};
use super::{http1, http2};
use crate::bucket::Reply;
use crate::observe::{Failure, Outcome, Setup};

/// What a worker sends over.
pub(super) enum Client {
    /// A connection of its own, while it is open.
    Http1 {
        /// What is sent.
        request: Arc<http1::Request>,
        /// The connection, while it is kept.
        connection: Option<http1::Connection>,
    },
    /// A stream of a connection for each request.
    Http2 {
        /// What is sent.
        request: Arc<http2::Request>,
        /// The connection.
        shared: Rc<SharedConnection>,
    },
}

/// An HTTP/2 connection, while it is open; whichever worker finds none opens one while the others wait.
#[derive(Default)]
pub(super) struct SharedConnection {
    connection: Mutex<Option<Rc<http2::Connection>>>,
    /// Attempts to open it so far, and what the last one failed of: workers that waited for it share that.
    attempts: Cell<u64>,
    failed: RefCell<Option<(Failure, u32)>>,
}

/// How one request ended.
pub(super) struct Exchange {
    pub(super) outcome: Outcome<usize>,
    /// The connection it went over last.
    pub(super) connection: u32,
    /// When it was taken up: before it connected, where it had to.
    pub(super) begun: Instant,
    /// When it was sent for the first time, if it was.
    pub(super) sent: Option<Instant>,
    pub(super) first_byte: Instant,
    pub(super) done: Instant,
    /// Bytes of the body.
    pub(super) bytes: u64,
    /// What it took to open the last connection that was opened for it.
    pub(super) setup: Option<Setup>,
    /// Whether it had to be sent again.
    pub(super) resent: bool,
}

/// One attempt at a request.
struct Attempt {
    result: Result<Completed, ExchangeError>,
    connection: u32,
    /// When it was sent, if it was.
    sent: Option<Instant>,
    /// What it took to open the connection, if it was opened for this.
    setup: Option<Setup>,
}

impl Client {
    /// For the worker with this number; `streams` of them share a connection where the protocol allows it.
    pub(super) fn new(
        prepared: &Prepared,
        shared: &mut Vec<Rc<SharedConnection>>,
        number: usize,
        streams: usize,
    ) -> Self {
        match prepared {
            Prepared::Http1(request) => Self::Http1 {
                request: Arc::clone(request),
                connection: None,
            },
            Prepared::Http2(request) => {
                let group = number / streams;
                if group == shared.len() {
                    shared.push(Rc::default());
                }
                Self::Http2 {
                    request: Arc::clone(request),
                    shared: Rc::clone(&shared[group]),
                }
            }
        }
    }

    /// Sends one request, over an open connection or a new one, and again where the rule allows it.
    pub(super) async fn request(&mut self, context: &ThreadContext, slot: &WaitSlot) -> Exchange {
        let begun = Instant::now();
        let (mut now, mut sent, mut setup, mut again, mut resent) = (begun, None, None, 0, false);
        loop {
            let attempt = match self {
                Self::Http1 {
                    request,
                    connection,
                } => http1_attempt(request, connection, context, slot, (now, sent)).await,
                Self::Http2 { request, shared } => {
                    http2_attempt(request, shared, context, slot, (now, sent)).await
                }
            };
            sent = sent.or(attempt.sent);
            setup = attempt.setup.or(setup);
            if let Err(error) = &attempt.result
                && context.resends(error.delivery, attempt.sent, again)
            {
                if error.delivery != Delivery::NotSent {
                    again += 1;
                    // Nothing can hide behind what was not sent at all.
                    resent |= attempt.sent.is_some();
                }
                now = Instant::now();
                continue;
            }
            return Exchange {
                begun,
                sent,
                setup,
                resent,
                ..Exchange::of(attempt)
            };
        }
    }
}

impl ThreadContext {
    /// The rule, with what this thread knows about the network.
    fn resends(&self, delivery: Delivery, sent: Option<Instant>, again: u32) -> bool {
        // What most requests come to is decided without a look at the clock.
        delivery != Delivery::Unknown
            && delivery.resend(Circumstances {
                idempotent: self.job.plan.request.method.is_idempotent(),
                again,
                waited: sent.map_or(Duration::ZERO, |sent| {
                    sent.elapsed().saturating_sub(self.run_delay.since(sent))
                }),
                race: self.race(),
            })
    }
}

impl Exchange {
    /// How one attempt ended that is the last.
    fn of(attempt: Attempt) -> Self {
        let (outcome, first_byte, done, bytes) = match attempt.result {
            Ok(completed) => {
                let outcome = match completed.result {
                    Ok(bucket) => Outcome::Answered(bucket),
                    Err(failure) => Outcome::Failed(failure),
                };
                let Completed {
                    first_byte,
                    done,
                    bytes,
                    ..
                } = completed;
                (outcome, first_byte, done, bytes)
            }
            Err(error) => {
                let now = Instant::now();
                (Outcome::Failed(error.failure), now, now, 0)
            }
        };
        Self {
            outcome,
            connection: attempt.connection,
            begun: done,
            sent: attempt.sent,
            first_byte,
            done,
            bytes,
            setup: attempt.setup,
            resent: false,
        }
    }
}

impl Attempt {
    fn unconnected((failure, connection): (Failure, u32)) -> Self {
        Self {
            result: Err(ExchangeError::new(failure, Delivery::Unknown)),
            connection,
            sent: None,
            setup: None,
        }
    }
}

async fn http1_attempt(
    request: &http1::Request,
    kept: &mut Option<http1::Connection>,
    context: &ThreadContext,
    slot: &WaitSlot,
    (now, first): (Instant, Option<Instant>),
) -> Attempt {
    let (mut connection, sent, setup) = if let Some(connection) = kept.take() {
        (connection, now, None)
    } else {
        // Connecting is rare, and takes more room than everything else in this task.
        match Box::pin(open_http1(request, context)).await {
            Ok((connection, setup)) => (connection, Instant::now(), Some(setup)),
            Err(failed) => return Attempt::unconnected(failed),
        }
    };
    let limit = context.job.plan.timeout;
    let exchange = connection.exchange(request, &context.scratch, |reply| context.sort(reply));
    let ended = slot.until(first.unwrap_or(sent) + limit, exchange).await;
    let number = connection.number;
    let result = ended.unwrap_or_else(|Expired| Err(unknown(connection.stalled(limit))));
    if result.is_ok() && connection.reusable() {
        *kept = Some(connection);
    }
    let written = !matches!(&result, Err(error) if error.delivery == Delivery::NotSent);
    Attempt {
        result,
        connection: number,
        sent: written.then_some(sent),
        setup,
    }
}

async fn http2_attempt(
    request: &http2::Request,
    shared: &SharedConnection,
    context: &ThreadContext,
    slot: &WaitSlot,
    (now, first): (Instant, Option<Instant>),
) -> Attempt {
    let (connection, asked, setup) = if let Some(connection) = shared.open() {
        (connection, now, None)
    } else {
        match Box::pin(shared.reopen(context)).await {
            Ok((connection, setup)) => (connection, Instant::now(), setup),
            Err(failed) => return Attempt::unconnected(failed),
        }
    };
    connection.spend();
    let limit = context.job.plan.timeout;
    let number = connection.number;
    let deadline = |since| first.unwrap_or(since) + limit;
    let (opened, waited) = match connection.try_open(request) {
        Some(opened) => (Ok(opened), false),
        None => (
            slot.until(deadline(asked), connection.open(request)).await,
            true,
        ),
    };
    let mut stream = match opened {
        Ok(Ok(stream)) => stream,
        unopened => {
            let error = match unopened {
                Ok(Err(error)) => error,
                _ => unknown(connection.full(asked, limit)),
            };
            return Attempt {
                result: Err(error),
                connection: number,
                sent: None,
                setup,
            };
        }
    };
    // What waited for its turn had not been sent yet.
    let sent = if waited { Instant::now() } else { asked };
    let sort = |reply: &Reply<'_>| context.sort(reply);
    let response = connection.response(&mut stream, request, sort);
    let ended = slot.until(deadline(sent), response).await;
    let result = ended.unwrap_or_else(|Expired| {
        let counted = connection.first_message(&mut stream, request, sort);
        counted.ok_or_else(|| unknown(connection.stalled(&stream, sent, limit)))
    });
    Attempt {
        result,
        connection: number,
        sent: Some(sent),
        setup,
    }
}

fn unknown(failure: Failure) -> ExchangeError {
    ExchangeError::new(failure, Delivery::Unknown)
}

async fn open_http1(
    request: &http1::Request,
    context: &ThreadContext,
) -> Result<(http1::Connection, Setup), (Failure, u32)> {
    let (link, number) = connect(context).await?;
    let setup = link.setup;
    let quota = if request.closes { 1 } else { context.quota() };
    let budget = Rc::clone(&context.budget);
    let connection = http1::Connection::new(link, number, quota, request.bodiless, budget);
    Ok((connection, setup))
}

impl SharedConnection {
    /// The connection, if it is there and nobody is about to replace it.
    fn open(&self) -> Option<Rc<http2::Connection>> {
        let kept = self.connection.try_lock().ok()?;
        kept.as_ref()
            .filter(|connection| connection.reusable())
            .cloned()
    }

    /// The connection, opened anew where it has to be; what that took, if it was done here.
    async fn reopen(
        &self,
        context: &ThreadContext,
    ) -> Result<(Rc<http2::Connection>, Option<Setup>), (Failure, u32)> {
        let before = self.attempts.get();
        let mut kept = self.connection.lock().await;
        if let Some(connection) = kept.as_ref().filter(|connection| connection.reusable()) {
            return Ok((Rc::clone(connection), None));
        }
        if self.attempts.get() > before
            && let Some(failed) = &*self.failed.borrow()
        {
            return Err(failed.clone());
        }
        let opened = async {
            let (link, number) = connect(context).await?;
            let (budget, setup) = (Rc::clone(&context.budget), link.setup);
            let connection = http2::Connection::new(link, number, context.quota(), budget).await;
            let connection = connection.map_err(|failure| (failure, number))?;
            Ok((Rc::new(connection), Some(setup)))
        };
        let opened = opened.await;
        self.attempts.set(self.attempts.get() + 1);
        *kept = (opened.as_ref().ok()).map(|(connection, _)| Rc::clone(connection));
        *self.failed.borrow_mut() = opened.as_ref().err().cloned();
        opened
    }
}
