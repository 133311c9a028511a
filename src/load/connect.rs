//! A new connection: the address, TCP or a Unix socket, a tunnel through a proxy, TLS.

use std::cell::Cell;
use std::io;
use std::net::SocketAddr;
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

use tokio::net::{TcpStream, UnixStream};
use tokio::time::timeout;

use super::Job;
use super::context::ThreadContext;
use super::dns::Resolver;
use super::link::Link;
use super::proxy::tunnel;
use super::socket::{Socket, Stream};
use super::tls::tls_cause;
use crate::observe::{Failure, FailureCause, FailureKind, Setup};
use crate::plan::Via;

/// What `open(2)` and `socket(2)` say when there is no descriptor left.
const TOO_MANY_FILES: [i32; 2] = [23, 24];

/// How far a connection is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Phase {
    Name,
    Connection,
    Tunnel,
    Tls,
}

/// Connects within the time that is given for it, and says how long that took. Connections begin with one address after the
/// other, so that all addresses of a name get their part. A connection that fails has a number as well: it is a draw of its own. It counts
/// for the kind of request that opens it.
pub(super) async fn connect(
    context: &ThreadContext,
    case: usize,
) -> Result<(Link, u32), (Failure, u32)> {
    let job = &*context.job;
    let number = job.next_connection.fetch_add(1, Ordering::Relaxed);
    let limit = job.plan.connect_timeout;
    let phase = Cell::new(Phase::Name);
    let connected = timeout(limit, establish(job, &context.resolver, number, &phase))
        .await
        .unwrap_or_else(|_| Err(stalled(phase.get(), limit)));
    match connected {
        Ok(link) => {
            context.connected(case, link.setup);
            Ok((link, number))
        }
        Err(failure) => Err((failure, number)),
    }
}

/// Time is up: what was waited for.
fn stalled(phase: Phase, limit: Duration) -> Failure {
    let (cause, what) = match phase {
        Phase::Name => (
            FailureCause::NameServiceSilent,
            "the name service did not answer",
        ),
        Phase::Connection => (FailureCause::ConnectTimeout, "no connection"),
        Phase::Tunnel => (
            FailureCause::ProxyTimeout,
            "the proxy did not answer CONNECT",
        ),
        Phase::Tls => (
            FailureCause::HandshakeTimeout,
            "the TLS handshake did not end",
        ),
    };
    Failure::because(cause, format!("{what} within {limit:?}"))
}

async fn establish(
    job: &Job,
    resolver: &Resolver,
    number: u32,
    phase: &Cell<Phase>,
) -> Result<Link, Failure> {
    let endpoint = &job.plan.endpoint;
    let mut setup = Setup::default();
    let (socket, peer) = match &endpoint.via {
        Via::Unix(path) => {
            let begun = Instant::now();
            phase.set(Phase::Connection);
            let socket = UnixStream::connect(path).await.map_err(|error| {
                let mut failure = unconnected(&error);
                failure.message = format!("`{}`: {}", path.display(), failure.message);
                failure
            })?;
            setup.connect = Some(begun.elapsed());
            (Socket::Unix(socket), path.display().to_string())
        }
        Via::Direct(dial) | Via::Proxy { dial, .. } => {
            let found = resolver.resolve(dial, endpoint.family).await?;
            setup.dns = found.took;
            phase.set(Phase::Connection);
            let begun = Instant::now();
            let limit = job.plan.connect_timeout;
            let (stream, peer) =
                tcp(&found.addresses, number, limit)
                    .await
                    .map_err(|(address, error)| {
                        let mut failure = unconnected(&error);
                        let mut who = "";
                        if matches!(endpoint.via, Via::Proxy { .. }) {
                            who = "the proxy ";
                            if failure.kind == FailureKind::Connect {
                                failure.cause.get_or_insert(FailureCause::Proxy);
                            }
                        }
                        failure.message = format!("{who}`{address}`: {}", failure.message);
                        failure
                    })?;
            let mut socket = Socket::Tcp(stream);
            if let Via::Proxy {
                authorization,
                target,
                ..
            } = &endpoint.via
                && job.plan.tunnelled()
            {
                phase.set(Phase::Tunnel);
                tunnel(&mut socket, target, authorization.as_deref()).await?;
            }
            setup.connect = Some(begun.elapsed());
            (socket, peer.to_string())
        }
    };
    let stream = match &job.tls {
        None => Stream::Plain(socket),
        Some(tls) => {
            let begun = Instant::now();
            phase.set(Phase::Tls);
            let stream = tls.connect(socket).await.map_err(|error| {
                Failure::new(FailureKind::Tls, error.to_string()).with_cause(tls_cause(&error))
            })?;
            setup.tls = Some(begun.elapsed());
            Stream::Tls(Box::new(stream))
        }
    };
    Ok(Link {
        stream,
        peer: peer.into(),
        setup,
    })
}

/// A reset that comes so early that `connect` reports it is a reset all the same: somebody had accepted. And whichever clock
/// says that time is up, it is up.
fn unconnected(error: &io::Error) -> Failure {
    let code = error.raw_os_error();
    let (cause, help) = match error.kind() {
        io::ErrorKind::ConnectionReset => {
            return Failure::new(FailureKind::Reset, error.to_string());
        }
        io::ErrorKind::TimedOut => (FailureCause::ConnectTimeout, ""),
        io::ErrorKind::AddrNotAvailable => (
            FailureCause::NoFreePort,
            ": no local port is free; let connections carry more requests (--reuse), or send more slowly (--rate)",
        ),
        _ if code.is_some_and(|code| TOO_MANY_FILES.contains(&code)) => (
            FailureCause::TooManyFiles,
            ": raise the limit (ulimit -n), or use fewer connections (-c)",
        ),
        _ => return Failure::new(FailureKind::Connect, error.to_string()),
    };
    Failure::because(cause, format!("{error}{help}"))
}

/// The first address that accepts, else the last that does not. One that does not answer leaves time for those after it.
async fn tcp(
    addresses: &[SocketAddr],
    number: u32,
    limit: Duration,
) -> Result<(TcpStream, SocketAddr), (SocketAddr, io::Error)> {
    let first = usize::try_from(number).unwrap_or(0) % addresses.len();
    let mut last = (addresses[first], io::Error::other("nobody was asked"));
    let begun = Instant::now();
    let mut left = u32::try_from(addresses.len()).unwrap_or(u32::MAX);
    for address in addresses[first..].iter().chain(&addresses[..first]) {
        let share = limit.saturating_sub(begun.elapsed()) / left;
        left -= 1;
        match timeout(share, TcpStream::connect(address)).await {
            Ok(Ok(stream)) => {
                let set = stream.set_nodelay(true);
                return set
                    .map(|()| (stream, *address))
                    .map_err(|error| (*address, error));
            }
            Ok(Err(error)) => last = (*address, error),
            Err(_) => {
                let error = io::Error::new(io::ErrorKind::TimedOut, "no answer in time");
                last = (*address, error);
            }
        }
    }
    Err(last)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_keeps_a_connection_from_standing_has_its_kind() {
        for (error, kind) in [
            (io::ErrorKind::ConnectionRefused, FailureKind::Connect),
            (io::ErrorKind::ConnectionReset, FailureKind::Reset),
            (io::ErrorKind::TimedOut, FailureKind::Timeout),
        ] {
            assert_eq!(unconnected(&error.into()).kind, kind, "{error:?}");
        }
        let none = io::Error::from_raw_os_error(TOO_MANY_FILES[1]);
        assert!(unconnected(&none).message.contains("ulimit -n"));
    }
}
