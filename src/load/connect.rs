//! A new connection: TCP, then TLS where it is asked for.

use std::io;
use std::net::SocketAddr;

use hyper_util::rt::TokioIo;
use tokio::net::TcpStream;
use tokio::time::timeout;

use super::Job;
use super::exchange::Connection;
use crate::observe::{Failure, FailureKind};

/// Connects to the first address that accepts; the connection may serve `quota` requests. Connections begin with one
/// address after the other, so that all addresses of a name get their part.
pub(super) async fn connect(job: &Job, number: u32, quota: u32) -> Result<Connection, Failure> {
    let limit = job.plan.connect_timeout;
    timeout(limit, establish(job, number, quota))
        .await
        .unwrap_or_else(|_| {
            let what = if job.tls.is_some() {
                "no TLS connection"
            } else {
                "no connection"
            };
            let message = format!("{what} within {limit:?}");
            Err(Failure {
                kind: FailureKind::Timeout,
                message,
            })
        })
}

async fn establish(job: &Job, number: u32, quota: u32) -> Result<Connection, Failure> {
    let (stream, peer) = tcp(&job.addresses, number)
        .await
        .map_err(|error| unconnected(&error))?;
    match &job.tls {
        None => Connection::new(TokioIo::new(stream), peer, quota).await,
        Some(tls) => {
            let stream = tls.connect(stream).await.map_err(|error| Failure {
                kind: FailureKind::Tls,
                message: error.to_string(),
            })?;
            Connection::new(TokioIo::new(stream), peer, quota).await
        }
    }
}

/// A reset that comes so early that `connect` reports it is a reset all the same: somebody had accepted.
fn unconnected(error: &io::Error) -> Failure {
    let kind = match error.kind() {
        io::ErrorKind::ConnectionReset => FailureKind::Reset,
        _ => FailureKind::Connect,
    };
    Failure {
        kind,
        message: error.to_string(),
    }
}

async fn tcp(addresses: &[SocketAddr], number: u32) -> io::Result<(TcpStream, SocketAddr)> {
    let mut last = io::Error::other("the name has no address");
    let first = usize::try_from(number).unwrap_or(0) % addresses.len();
    for address in addresses[first..].iter().chain(&addresses[..first]) {
        match TcpStream::connect(address).await {
            Ok(stream) => {
                stream.set_nodelay(true)?;
                return Ok((stream, *address));
            }
            Err(error) => last = error,
        }
    }
    Err(last)
}
