//! One HTTP/1.1 connection and the exchanges on it: the prepared bytes out, a response in. Its user polls it, so no message
//! passes between tasks, and an exchange is one write and one read.

mod chunked;
mod response;

use std::future::poll_fn;
use std::io;
use std::pin::Pin;
use std::rc::Rc;
use std::task::{Context, Poll, ready};
use std::time::{Duration, Instant};

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

use self::response::{Done, Reader, Response};
use super::connect::Link;
use super::delivery::{Completed, Delivery, ExchangeError};
use super::limits::Budget;
use super::scratch::Scratch;
use super::socket::Stream;
use super::tls::{tls_cause, tls_error};
use crate::bucket::{Fields, Reply};
use crate::observe::{Failure, FailureCause, FailureKind};

/// What is known about a connection that ends where the next response should begin.
const CLOSED_UNSAID: &str = "; it had answered before, so the server may close connections without saying so, which \
                             --disable-keepalive avoids";

/// Where a response is reset that has begun.
pub(super) const WITHIN: &str = ", within the response";

/// What is written for each request.
#[derive(Debug)]
pub(super) struct Request {
    /// The request.
    pub(super) bytes: Vec<u8>,
    /// The same, as the last of its connection.
    pub(super) last: Vec<u8>,
    /// Whether the response has no body.
    pub(super) bodiless: bool,
    /// Whether it says by itself that it is the last of its connection.
    pub(super) closes: bool,
}

/// An open connection.
pub(super) struct Connection {
    stream: Stream,
    reader: Reader,
    /// Who is at the other end.
    peer: Rc<str>,
    /// Its number within the run.
    pub(super) number: u32,
    /// Requests it may still serve.
    quota: u32,
    /// Whether it has served one.
    used: bool,
    /// Whether it may serve another.
    open: bool,
    /// Nothing more of the request is written: all is out, or the rest cannot be.
    written: bool,
}

impl Connection {
    pub(super) fn new(
        link: Link,
        number: u32,
        quota: u32,
        bodiless: bool,
        budget: Rc<Budget>,
    ) -> Self {
        Self {
            stream: link.stream,
            reader: Reader::new(bodiless, budget),
            peer: link.peer,
            number,
            quota,
            used: false,
            open: true,
            written: false,
        }
    }

    /// Whether another request may go over it.
    pub(super) fn reusable(&self) -> bool {
        self.open && self.quota > 0
    }

    /// What is missing when time is up.
    pub(super) fn stalled(&self, limit: Duration) -> Failure {
        if self.reader.begun() {
            return incomplete(limit);
        }
        let what = if self.written {
            "no response"
        } else {
            "the server did not take the whole request"
        };
        Failure::new(FailureKind::Timeout, format!("{what} within {limit:?}"))
    }

    /// Sends the request, reads the whole response, and hands it to `sort`.
    pub(super) async fn exchange(
        &mut self,
        request: &Request,
        scratch: &Scratch,
        sort: impl Fn(&Reply<'_>) -> Result<usize, Failure>,
    ) -> Result<Completed, ExchangeError> {
        self.quota -= 1;
        let request = if self.quota == 0 {
            &request.last
        } else {
            &request.bytes
        };
        self.written = false;
        let used = std::mem::replace(&mut self.used, true);
        let mut exchange = Exchange {
            written: 0,
            first_byte: None,
            used,
            // What an idle connection has received tells that it is no longer good.
            unheard: used,
        };
        poll_fn(|context| self.poll(context, &mut exchange, request, scratch, &sort)).await
    }

    fn poll(
        &mut self,
        context: &mut Context<'_>,
        exchange: &mut Exchange,
        request: &[u8],
        scratch: &Scratch,
        sort: &impl Fn(&Reply<'_>) -> Result<usize, Failure>,
    ) -> Poll<Result<Completed, ExchangeError>> {
        let mut scratch = scratch.borrow_mut();
        let listened = std::mem::take(&mut exchange.unheard);
        if listened && let Poll::Ready(heard) = self.poll_read(context, &mut scratch) {
            let message = match heard {
                Ok(0) => "the idle connection was closed".to_owned(),
                Ok(_) => "the idle connection said something unasked".to_owned(),
                Err(error) => error.to_string(),
            };
            let failure = Failure::new(FailureKind::Reset, message);
            return Poll::Ready(Err(ExchangeError::new(failure, Delivery::NotSent)));
        }
        if !self.written {
            match self.poll_write(context, &mut exchange.written, request) {
                Poll::Ready(Ok(())) => self.written = true,
                // A response may come before the request is out.
                Poll::Pending => {}
                Poll::Ready(Err(error)) if exchange.written == 0 => {
                    // A fresh connection that breaks at once is the server's doing.
                    let delivery = if exchange.used {
                        Delivery::NotSent
                    } else {
                        Delivery::Unknown
                    };
                    return Poll::Ready(Err(ExchangeError::new(unreadable(&error), delivery)));
                }
                // What the server said before it closed may still be there.
                Poll::Ready(Err(_)) => {
                    self.written = true;
                    self.open = false;
                }
            }
        }
        if listened {
            // Nothing had come a moment ago, and whoever waits is called when something does.
            return Poll::Pending;
        }
        loop {
            let read = ready!(self.poll_read(context, &mut scratch));
            let now = Instant::now();
            let peer = &*self.peer;
            let finish = |response: Response<'_>| {
                let sorted = sort(&Reply {
                    status: response.status,
                    headers: Fields(response.fields),
                    body: response.body,
                    peer,
                });
                (sorted, response.body.len() as u64)
            };
            let done = match read {
                Ok(0) => self.reader.end(true, finish).map(Some),
                Ok(length) => {
                    exchange.first_byte.get_or_insert(now);
                    self.reader.feed(&scratch[..length], finish)
                }
                Err(error) if error.kind() == io::ErrorKind::UnexpectedEof => {
                    self.reader.end(false, finish).map(Some)
                }
                Err(error) => Err(unreadable(&error)),
            };
            let Done {
                result: (result, bytes),
                reusable,
            } = match done {
                Ok(None) => continue,
                Ok(Some(done)) => done,
                Err(failure) => return Poll::Ready(Err(self.broken(failure, exchange.used))),
            };
            self.reader.reset();
            self.open &= reusable && self.written;
            return Poll::Ready(Ok(Completed {
                result,
                bytes,
                first_byte: exchange.first_byte.unwrap_or(now),
                done: now,
            }));
        }
    }

    /// What a connection that ends within an exchange comes to.
    fn broken(&self, mut failure: Failure, used: bool) -> ExchangeError {
        if failure.kind != FailureKind::Reset {
            return ExchangeError::new(failure, Delivery::Unknown);
        }
        if self.reader.begun() {
            failure.cause = Some(FailureCause::ResponseBroken);
            failure.message.push_str(WITHIN);
        } else if used {
            failure.message.push_str(CLOSED_UNSAID);
            return ExchangeError::new(failure, Delivery::IdleCloseRace);
        }
        ExchangeError::new(failure, Delivery::Unknown)
    }

    fn poll_read(&mut self, context: &mut Context<'_>, to: &mut [u8]) -> Poll<io::Result<usize>> {
        let mut buffer = ReadBuf::new(to);
        ready!(Pin::new(&mut self.stream).poll_read(context, &mut buffer))?;
        Poll::Ready(Ok(buffer.filled().len()))
    }

    fn poll_write(
        &mut self,
        context: &mut Context<'_>,
        written: &mut usize,
        request: &[u8],
    ) -> Poll<io::Result<()>> {
        let mut stream = Pin::new(&mut self.stream);
        while *written < request.len() {
            let length = ready!(stream.as_mut().poll_write(context, &request[*written..]))?;
            if length == 0 {
                return Poll::Ready(Err(io::ErrorKind::WriteZero.into()));
            }
            *written += length;
        }
        // TLS takes more than the socket does.
        stream.poll_flush(context)
    }
}

/// How far one exchange is.
struct Exchange {
    /// Bytes of the request that were taken.
    written: usize,
    first_byte: Option<Instant>,
    /// Whether the connection has carried a request before.
    used: bool,
    /// Whether the idle connection has to be listened to first.
    unheard: bool,
}

/// What a broken connection counts as.
pub(super) fn unreadable(error: &io::Error) -> Failure {
    let kind = if tls_error(error).is_some() {
        FailureKind::Tls
    } else {
        FailureKind::Reset
    };
    Failure::new(kind, error.to_string()).with_cause(tls_cause(error))
}

/// Time is up for a response that had begun.
pub(super) fn incomplete(limit: Duration) -> Failure {
    let message = format!("the response began and was not complete within {limit:?}");
    Failure::because(FailureCause::ResponseTimeout, message)
}

/// Reads bytes as a response, whole and cut in two: what is read does not depend on where a connection cuts. For the fuzz
/// target, which brings the bytes.
///
/// # Panics
///
/// Where it does depend on that.
#[doc(hidden)]
pub fn fuzz_http1(bytes: &[u8], cut: usize) {
    let read = |pieces: [&[u8]; 2]| {
        let mut reader = Reader::new(false, Rc::new(Budget::new(1)));
        let seen = |response: Response<'_>| (response.status, response.body.to_vec());
        for piece in pieces {
            match reader.feed(piece, seen) {
                Ok(None) => {}
                Ok(Some(done)) => return Ok(done.result),
                Err(failure) => return Err(failure.kind),
            }
        }
        let ended = reader.end(true, seen);
        ended
            .map(|done| done.result)
            .map_err(|failure| failure.kind)
    };
    let (before, after) = bytes.split_at(cut.min(bytes.len()));
    assert_eq!(read([bytes, b""]), read([before, after]));
}
