//! The bytes of a connection: TCP or a Unix socket, in the clear or within TLS.

use std::io::{self, IoSlice};
use std::pin::Pin;
use std::task::{Context, Poll};

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::{TcpStream, UnixStream};
use tokio_rustls::client::TlsStream;

/// A socket.
#[derive(Debug)]
pub(super) enum Socket {
    /// TCP
    Tcp(TcpStream),
    /// A Unix socket.
    Unix(UnixStream),
}

/// A connection over which requests go.
#[derive(Debug)]
pub(super) enum Stream {
    /// In the clear.
    Plain(Socket),
    /// Within TLS.
    Tls(Box<TlsStream<Socket>>),
}

/// Hands every call on to the one stream that there is.
macro_rules! to_each {
    ($self:ident, $stream:ident => $call:expr; $($variant:path),+) => {
        match $self.get_mut() {
            $($variant($stream) => {
                let $stream = Pin::new($stream);
                $call
            })+
        }
    };
}

impl AsyncRead for Socket {
    fn poll_read(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        to_each!(self, stream => stream.poll_read(context, buffer); Self::Tcp, Self::Unix)
    }
}

impl AsyncWrite for Socket {
    fn poll_write(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        to_each!(self, stream => stream.poll_write(context, bytes); Self::Tcp, Self::Unix)
    }

    fn poll_flush(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        to_each!(self, stream => stream.poll_flush(context); Self::Tcp, Self::Unix)
    }

    fn poll_shutdown(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        to_each!(self, stream => stream.poll_shutdown(context); Self::Tcp, Self::Unix)
    }

    fn poll_write_vectored(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
        slices: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        to_each!(self, stream => stream.poll_write_vectored(context, slices); Self::Tcp, Self::Unix)
    }

    fn is_write_vectored(&self) -> bool {
        true
    }
}

impl AsyncRead for Stream {
    fn poll_read(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        to_each!(self, stream => stream.poll_read(context, buffer); Self::Plain, Self::Tls)
    }
}

impl AsyncWrite for Stream {
    fn poll_write(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        to_each!(self, stream => stream.poll_write(context, bytes); Self::Plain, Self::Tls)
    }

    fn poll_flush(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        to_each!(self, stream => stream.poll_flush(context); Self::Plain, Self::Tls)
    }

    fn poll_shutdown(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        to_each!(self, stream => stream.poll_shutdown(context); Self::Plain, Self::Tls)
    }

    fn poll_write_vectored(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
        slices: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        to_each!(self, stream => stream.poll_write_vectored(context, slices); Self::Plain, Self::Tls)
    }

    fn is_write_vectored(&self) -> bool {
        match self {
            Self::Plain(socket) => socket.is_write_vectored(),
            Self::Tls(stream) => stream.is_write_vectored(),
        }
    }
}
