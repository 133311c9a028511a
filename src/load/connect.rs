//! A new connection: the address, TCP or a Unix socket, a tunnel through a proxy, TLS. Not: what is said on it.

use std::io;
use std::net::SocketAddr;
use std::rc::Rc;
use std::time::{Duration, Instant};

use tokio::net::{TcpStream, UnixStream};
use tokio::time::timeout;

use super::Job;
use super::dns::Resolver;
use super::proxy::tunnel;
use super::stream::{Socket, Stream};
use crate::observe::{Failure, FailureKind, Setup};
use crate::plan::Via;

/// What `open(2)` and `socket(2)` say when there is no descriptor left.
const TOO_MANY_FILES: [i32; 2] = [23, 24];

/// An open connection.
pub(super) struct Link {
    pub(super) stream: Stream,
    /// Who is at the other end, as it is shown.
    pub(super) peer: Rc<str>,
    /// How long it took.
    pub(super) setup: Setup,
}

/// Connects within the time that is given for it. Connections begin with one address after the other, so that all
/// addresses of a name get their part.
pub(super) async fn connect(job: &Job, resolver: &Resolver, number: u32) -> Result<Link, Failure> {
    let limit = job.plan.connect_timeout;
    timeout(limit, establish(job, resolver, number))
        .await
        .unwrap_or_else(|_| {
            let what = if job.tls.is_some() {
                "no TLS connection"
            } else {
                "no connection"
            };
            let message = format!("{what} within {limit:?}");
            Err(Failure::new(FailureKind::Timeout, message))
        })
}

async fn establish(job: &Job, resolver: &Resolver, number: u32) -> Result<Link, Failure> {
    let endpoint = &job.plan.endpoint;
    let mut setup = Setup::default();
    let (socket, peer) = match &endpoint.via {
        Via::Unix(path) => {
            let begun = Instant::now();
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
            let begun = Instant::now();
            let limit = job.plan.connect_timeout;
            let (stream, peer) =
                tcp(&found.addresses, number, limit)
                    .await
                    .map_err(|(address, error)| {
                        let mut failure = unconnected(&error);
                        let proxy = match endpoint.via {
                            Via::Proxy { .. } => "the proxy ",
                            _ => "",
                        };
                        failure.message = format!("{proxy}`{address}`: {}", failure.message);
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
            let stream = tls
                .connect(socket)
                .await
                .map_err(|error| Failure::new(FailureKind::Tls, error.to_string()))?;
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
    let kind = match error.kind() {
        io::ErrorKind::ConnectionReset => FailureKind::Reset,
        io::ErrorKind::TimedOut => FailureKind::Timeout,
        _ => FailureKind::Connect,
    };
    let help = match error.kind() {
        io::ErrorKind::AddrNotAvailable => {
            ": no local port is free; let connections carry more requests (--reuse), or send more slowly (--rate)"
        }
        _ if error
            .raw_os_error()
            .is_some_and(|code| TOO_MANY_FILES.contains(&code)) =>
        {
            ": raise the limit (ulimit -n), or use fewer connections (-c)"
        }
        _ => "",
    };
    Failure::new(kind, format!("{error}{help}"))
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
