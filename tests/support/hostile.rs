//! Servers that misbehave on demand, one way each: what a client must survive.
//!
//! ```ignore
//! let server = Hostile::always(Behaviour::Truncated);         // every request
//! let server = Hostile::every(5, Behaviour::Truncated);       // after some good ones, every fifth
//! assert_eq!(server.bad() + server.good(), 100);
//! ```

use std::io::{self, Write as _};
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use flate2::Compression;
use flate2::write::GzEncoder;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpSocket, TcpStream};
use tokio::time::sleep;

use super::server::Server;

/// What a server does instead of answering.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Behaviour {
    /// Accepts, then resets the connection before it has read anything.
    ResetOnAccept,
    /// Reads the request, then resets the connection.
    ResetAfterRequest,
    /// Reads the request and says nothing.
    Silent,
    /// Sends its headers one byte at a time, for ever.
    SlowHeaders,
    /// Promises more body than it sends.
    Truncated,
    /// Sends body until nobody listens any more; 64 MiB at most.
    Endless,
    /// Answers with a status line that is none.
    BadStatusLine,
    /// Answers with bytes that are not HTTP.
    Garbage,
    /// Answers with a chunk size that is no number.
    BadChunking,
    /// Answers as a TLS server does that was spoken to in plain text.
    TlsAlert,
    /// Sends header fields until nobody listens any more; 16 MiB at most.
    EndlessHeaders,
    /// Announces a body of 1 GB and sends it until nobody listens any more.
    Gigabyte,
    /// Sends a body without a length until nobody listens any more; 64 MiB at most.
    Unframed,
    /// Wraps a small body in more bytes than anyone should read.
    TinyChunks,
    /// Announces two different lengths.
    TwoLengths,
    /// Announces a length that is none.
    BadLength,
    /// Sends interim answers until nobody listens any more; a million at most.
    InterimFlood,
    /// Resets the connection within the head of the answer.
    ResetInHead,
    /// Resets the connection within the body.
    ResetInBody,
    /// Says that the body is gzip, which it is not.
    NoGzip,
    /// Compresses 16 MiB into a few KiB.
    GzipBomb,
    /// Ends within what is compressed.
    TruncatedGzip,
    /// Announces a chunk that is longer than any memory.
    HugeChunk,
    /// Announces a chunk of less than nothing.
    NegativeChunk,
    /// Goes on with one header field, line after line, until nobody listens any more; 16 MiB at most.
    EndlessFold,
    /// Sends trailers until nobody listens any more; 16 MiB at most.
    EndlessTrailers,
    /// Has a status that no server has.
    NoStatus,
}

/// A server that misbehaves.
pub(crate) struct Hostile {
    server: Server,
    state: Arc<State>,
}

/// A port that is taken but does not listen: connections are refused, and nobody else gets the port meanwhile.
pub(crate) struct Refusing {
    addr: SocketAddr,
    _socket: TcpSocket,
}

struct State {
    behaviour: Behaviour,
    /// The first that misbehaves, counted from 0, and the distance to the next.
    first: u64,
    every: u64,
    turns: AtomicU64,
    good: AtomicU64,
    bad: AtomicU64,
}

impl Hostile {
    /// Misbehaves on every request.
    pub(crate) fn always(behaviour: Behaviour) -> Self {
        Self::start(behaviour, 0, 1)
    }

    /// Answers the first ten requests as it should, then misbehaves on every n-th.
    pub(crate) fn every(n: u64, behaviour: Behaviour) -> Self {
        Self::start(behaviour, 10, n)
    }

    fn start(behaviour: Behaviour, first: u64, every: u64) -> Self {
        let state = Arc::new(State {
            behaviour,
            first,
            every,
            turns: AtomicU64::new(0),
            good: AtomicU64::new(0),
            bad: AtomicU64::new(0),
        });
        let shared = Arc::clone(&state);
        Self {
            server: Server::start(move |listener| accept(listener, shared)),
            state,
        }
    }

    /// The URL of a path.
    pub(crate) fn url(&self, path: &str) -> String {
        format!("http://{}{path}", self.addr())
    }

    /// Where it listens.
    pub(crate) fn addr(&self) -> SocketAddr {
        self.server.addr()
    }

    /// Requests answered as they should be: `v1` in the body and in `x-version`.
    pub(crate) fn good(&self) -> u64 {
        self.state.good.load(Ordering::SeqCst)
    }

    /// Requests it misbehaved on; connections for [`Behaviour::ResetOnAccept`].
    pub(crate) fn bad(&self) -> u64 {
        self.state.bad.load(Ordering::SeqCst)
    }
}

impl Refusing {
    /// Takes a free loopback port.
    pub(crate) fn start() -> Self {
        let socket = TcpSocket::new_v4().expect("a socket can be made");
        socket
            .bind(SocketAddr::from(([127, 0, 0, 1], 0)))
            .expect("loopback has a free port");
        Self {
            addr: socket.local_addr().expect("a bound socket has an address"),
            _socket: socket,
        }
    }

    /// Where nobody listens.
    pub(crate) fn addr(&self) -> SocketAddr {
        self.addr
    }

    /// The URL of a path.
    pub(crate) fn url(&self, path: &str) -> String {
        format!("http://{}{path}", self.addr)
    }
}

impl State {
    /// Takes a turn: is this the one to misbehave on?
    fn misbehaves(&self) -> bool {
        let turn = self.turns.fetch_add(1, Ordering::SeqCst);
        let bad = turn >= self.first && (turn - self.first).is_multiple_of(self.every);
        let counter = if bad { &self.bad } else { &self.good };
        counter.fetch_add(1, Ordering::SeqCst);
        bad
    }
}

async fn accept(listener: TcpListener, state: Arc<State>) {
    while let Ok((stream, _)) = listener.accept().await {
        if state.behaviour == Behaviour::ResetOnAccept && state.misbehaves() {
            reset(stream);
            continue;
        }
        let state = Arc::clone(&state);
        tokio::spawn(async move {
            // The client may leave whenever it likes.
            let _ = converse(stream, &state).await;
        });
    }
}

async fn converse(mut stream: TcpStream, state: &State) -> io::Result<()> {
    stream.set_nodelay(true)?;
    while read_request(&mut stream).await? {
        if state.behaviour == Behaviour::ResetOnAccept || !state.misbehaves() {
            let good = "HTTP/1.1 200 OK\r\nx-version: v1\r\ncontent-length: 3\r\n";
            if state.behaviour == Behaviour::ResetOnAccept {
                // Else no second connection would be made, and none be reset.
                let last = format!("{good}connection: close\r\n\r\nv1\n");
                stream.write_all(last.as_bytes()).await?;
                return stream.shutdown().await;
            }
            stream
                .write_all(format!("{good}\r\nv1\n").as_bytes())
                .await?;
            continue;
        }
        return misbehave(stream, state.behaviour).await;
    }
    Ok(())
}

async fn misbehave(mut stream: TcpStream, behaviour: Behaviour) -> io::Result<()> {
    if let Some(answer) = answer(behaviour) {
        return say(stream, answer).await;
    }
    if let Some((head, piece, times)) = endless(behaviour) {
        return flood(stream, head, &piece, times).await;
    }
    match behaviour {
        Behaviour::ResetOnAccept | Behaviour::ResetAfterRequest => {
            reset(stream);
            Ok(())
        }
        Behaviour::SlowHeaders => {
            stream.write_all(b"HTTP/1.1 200 OK\r\nx-slow: ").await?;
            loop {
                stream.write_all(b"o").await?;
                sleep(Duration::from_millis(20)).await;
            }
        }
        Behaviour::Truncated => {
            let head = b"HTTP/1.1 200 OK\r\nx-version: v1\r\ncontent-length: 100\r\n\r\nv1\n";
            stream.write_all(head).await?;
            stream.shutdown().await
        }
        Behaviour::Endless => {
            let head = b"HTTP/1.1 200 OK\r\nx-version: v1\r\ntransfer-encoding: chunked\r\n\r\n";
            stream.write_all(head).await?;
            let chunk = [b"10000\r\n", vec![b'v'; 0x1_0000].as_slice(), b"\r\n"].concat();
            for _ in 0..1024 {
                stream.write_all(&chunk).await?;
            }
            stream.shutdown().await
        }
        Behaviour::TlsAlert => {
            stream.write_all(b"\x15\x03\x01\x00\x02\x02\x46").await?;
            stream.shutdown().await
        }
        Behaviour::ResetInHead => {
            stream.write_all(b"HTTP/1.1 200 OK\r\nx-ver").await?;
            after_a_moment(stream).await
        }
        Behaviour::ResetInBody => {
            let head = b"HTTP/1.1 200 OK\r\nx-version: v1\r\ncontent-length: 100\r\n\r\nv1\n";
            stream.write_all(head).await?;
            after_a_moment(stream).await
        }
        Behaviour::GzipBomb => {
            let mut gzip = GzEncoder::new(Vec::new(), Compression::fast());
            for _ in 0..16 {
                gzip.write_all(&vec![0; 1 << 20])?;
            }
            compressed(stream, &gzip.finish()?).await
        }
        Behaviour::TruncatedGzip => {
            let mut gzip = GzEncoder::new(Vec::new(), Compression::best());
            gzip.write_all(&[b'v'; 1000])?;
            let whole = gzip.finish()?;
            compressed(stream, &whole[..whole.len() / 2]).await
        }
        Behaviour::NoGzip => {
            let answer =
                b"HTTP/1.1 200 OK\r\ncontent-encoding: gzip\r\ncontent-length: 3\r\nconnection: close\r\n\r\nv1\n";
            stream.write_all(answer).await?;
            stream.shutdown().await
        }
        // All others have a fixed answer, or one without an end.
        _ => until_closed(stream).await,
    }
}

/// What a server says that has a fixed answer.
fn answer(behaviour: Behaviour) -> Option<&'static [u8]> {
    Some(match behaviour {
        Behaviour::BadStatusLine => b"HTTP/1.1 fine\r\n\r\n",
        Behaviour::Garbage => b"\x00\xff\x13\x37 not http \xfe\r\n\r\n",
        Behaviour::BadChunking => {
            b"HTTP/1.1 200 OK\r\nx-version: v1\r\ntransfer-encoding: chunked\r\n\r\nzz\r\nv1\n\r\n"
        }
        Behaviour::TwoLengths => {
            b"HTTP/1.1 200 OK\r\ncontent-length: 3\r\ncontent-length: 4\r\n\r\nv1\n"
        }
        Behaviour::BadLength => b"HTTP/1.1 200 OK\r\ncontent-length: 0x3\r\n\r\nv1\n",
        Behaviour::HugeChunk => {
            b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\nffffffffffffffff\r\nv1\n\r\n"
        }
        Behaviour::NegativeChunk => {
            b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n-2\r\nv1\n\r\n"
        }
        Behaviour::NoStatus => b"HTTP/1.1 1000 OK\r\ncontent-length: 3\r\n\r\nv1\n",
        _ => return None,
    })
}

/// How an answer begins that has no end in sight, what is repeated after that, and how often.
fn endless(behaviour: Behaviour) -> Option<(&'static [u8], Vec<u8>, u32)> {
    let field = |name: &[u8]| [name, &[b'v'; 1000], b"\r\n"].concat();
    Some(match behaviour {
        Behaviour::EndlessHeaders => (b"HTTP/1.1 200 OK\r\n", field(b"x-long: "), 16 << 10),
        Behaviour::Gigabyte => (
            b"HTTP/1.1 200 OK\r\nx-version: v1\r\ncontent-length: 1073741824\r\n\r\n",
            vec![b'v'; 0x1_0000],
            16 << 10,
        ),
        Behaviour::Unframed => (
            b"HTTP/1.1 200 OK\r\nx-version: v1\r\n\r\n",
            vec![b'v'; 0x1_0000],
            1 << 10,
        ),
        Behaviour::TinyChunks => (
            b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n",
            [b"1;".as_slice(), &[b'e'; 1000], b"\r\nv\r\n"].concat(),
            64 << 10,
        ),
        Behaviour::InterimFlood => (
            b"",
            b"HTTP/1.1 103 Early Hints\r\nlink: <x>\r\n\r\n".to_vec(),
            1_000_000,
        ),
        Behaviour::EndlessFold => (b"HTTP/1.1 200 OK\r\nx-fold: v\r\n", field(b" "), 16 << 10),
        Behaviour::EndlessTrailers => (
            b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n0\r\n",
            field(b"x-long: "),
            16 << 10,
        ),
        _ => return None,
    })
}

/// A body that says it is gzip, whole as far as its length tells.
async fn compressed(mut stream: TcpStream, body: &[u8]) -> io::Result<()> {
    let head = format!(
        "HTTP/1.1 200 OK\r\ncontent-encoding: gzip\r\ncontent-length: {}\r\nconnection: close\r\n\r\n",
        body.len()
    );
    stream.write_all(head.as_bytes()).await?;
    stream.write_all(body).await?;
    stream.shutdown().await
}

/// Repeats itself, so many times at most.
async fn flood(mut stream: TcpStream, head: &[u8], again: &[u8], times: u32) -> io::Result<()> {
    stream.write_all(head).await?;
    for _ in 0..times {
        stream.write_all(again).await?;
    }
    stream.shutdown().await
}

/// Resets when what was said before has been read, which a reset would take back.
async fn after_a_moment(stream: TcpStream) -> io::Result<()> {
    sleep(Duration::from_millis(50)).await;
    reset(stream);
    Ok(())
}

/// Says something, then waits for the client to go: an end of the stream would be a second misbehaviour.
async fn say(mut stream: TcpStream, bytes: &[u8]) -> io::Result<()> {
    stream.write_all(bytes).await?;
    until_closed(stream).await
}

async fn until_closed(mut stream: TcpStream) -> io::Result<()> {
    let mut ignored = [0; 1024];
    while stream.read(&mut ignored).await? > 0 {}
    Ok(())
}

/// Closes with a reset instead of an orderly end.
fn reset(stream: TcpStream) {
    // Where it fails, the connection is closed all the same.
    let _ = stream.set_zero_linger();
    drop(stream);
}

/// Reads the head of a request without a body; false at the end of the stream.
async fn read_request(stream: &mut TcpStream) -> io::Result<bool> {
    let mut seen = Vec::new();
    let mut piece = [0; 4096];
    while !seen.ends_with(b"\r\n\r\n") {
        match stream.read(&mut piece).await? {
            0 => return Ok(false),
            n => seen.extend_from_slice(&piece[..n]),
        }
    }
    Ok(true)
}

#[cfg(test)]
mod tests {
    use std::io::{Read, Write};
    use std::net::TcpStream;

    use super::*;
    use crate::support::http::get;
    use crate::support::wait::{HANGS, wait_until};

    /// How long nothing has to come for silence.
    const MOMENT: Duration = Duration::from_millis(200);

    /// What a client that only knows sockets sees: the bytes until the end, a reset, or silence for so long.
    fn seen(addr: SocketAddr, patience: Duration) -> (Vec<u8>, Option<io::ErrorKind>) {
        let mut bytes = Vec::new();
        let mut see = || {
            // A reset is told once: to whatever comes first when it is there.
            let mut stream = TcpStream::connect(addr)?;
            stream.set_read_timeout(Some(HANGS))?;
            stream.write_all(b"GET / HTTP/1.1\r\nhost: x\r\n\r\n")?;
            let mut piece = vec![0; 0x1_0000];
            loop {
                match stream.read(&mut piece)? {
                    0 => return Ok(()),
                    n => bytes.extend_from_slice(&piece[..n]),
                }
                stream.set_read_timeout(Some(patience))?;
            }
        };
        let ended: io::Result<()> = see();
        (bytes, ended.err().map(|error| error.kind()))
    }

    #[test]
    fn each_behaviour_is_what_its_name_says() {
        let reset = Some(io::ErrorKind::ConnectionReset);
        let silence = Some(io::ErrorKind::WouldBlock);
        for (behaviour, start, end) in [
            (Behaviour::ResetOnAccept, &b""[..], reset),
            (Behaviour::ResetAfterRequest, b"", reset),
            (Behaviour::Truncated, b"HTTP/1.1 200 OK\r\n", None),
            (Behaviour::BadStatusLine, b"HTTP/1.1 fine", silence),
            (Behaviour::Garbage, b"\x00\xff", silence),
            (Behaviour::BadChunking, b"HTTP/1.1 200 OK\r\n", silence),
            (Behaviour::TlsAlert, b"\x15\x03", None),
            (Behaviour::TwoLengths, b"HTTP/1.1 200 OK\r\n", silence),
            (Behaviour::BadLength, b"HTTP/1.1 200 OK\r\n", silence),
            (Behaviour::NoGzip, b"HTTP/1.1 200 OK\r\n", None),
            (Behaviour::GzipBomb, b"HTTP/1.1 200 OK\r\n", None),
            (Behaviour::TruncatedGzip, b"HTTP/1.1 200 OK\r\n", None),
            (Behaviour::HugeChunk, b"HTTP/1.1 200 OK\r\n", silence),
            (Behaviour::NegativeChunk, b"HTTP/1.1 200 OK\r\n", silence),
            (Behaviour::NoStatus, b"HTTP/1.1 1000", silence),
            (Behaviour::ResetInHead, b"HTTP/1.1 200 OK\r\nx-ver", reset),
            (Behaviour::ResetInBody, b"HTTP/1.1 200 OK\r\n", reset),
        ] {
            let server = Hostile::always(behaviour);
            // Where an end comes, it is waited for.
            let patience = if end == silence { MOMENT } else { HANGS };
            let (bytes, ended) = seen(server.addr(), patience);
            assert!(bytes.starts_with(start), "{behaviour:?}: {bytes:?}");
            assert_eq!(ended, end, "{behaviour:?}");
            assert_eq!((server.good(), server.bad()), (0, 1), "{behaviour:?}");
        }
    }

    #[test]
    fn a_silent_server_reads_and_says_nothing() {
        let server = Hostile::always(Behaviour::Silent);
        let mut stream = TcpStream::connect(server.addr()).unwrap();
        stream
            .write_all(b"GET / HTTP/1.1\r\nhost: x\r\n\r\n")
            .unwrap();
        wait_until("it has read the request", || server.bad() == 1);
        stream.set_read_timeout(Some(MOMENT)).unwrap();
        let silence = stream.read(&mut [0]).unwrap_err();
        assert_eq!(silence.kind(), io::ErrorKind::WouldBlock);
    }

    #[test]
    fn what_is_called_endless_is_longer_than_anyone_should_read() {
        for (behaviour, least) in [
            (Behaviour::Endless, 8 << 20),
            (Behaviour::EndlessHeaders, 1 << 20),
            (Behaviour::EndlessFold, 1 << 20),
            (Behaviour::EndlessTrailers, 1 << 20),
            (Behaviour::Unframed, 16 << 20),
            (Behaviour::TinyChunks, 32 << 20),
            (Behaviour::InterimFlood, 1 << 20),
        ] {
            let server = Hostile::always(behaviour);
            let seen = seen(server.addr(), HANGS).0.len();
            assert!(seen > least, "{behaviour:?}: {seen}");
        }
    }

    #[test]
    fn slow_headers_never_end() {
        let server = Hostile::always(Behaviour::SlowHeaders);
        let mut stream = TcpStream::connect(server.addr()).unwrap();
        stream
            .write_all(b"GET / HTTP/1.1\r\nhost: x\r\n\r\n")
            .unwrap();
        let mut head = [0; 30];
        stream.read_exact(&mut head).unwrap();
        assert_eq!(&head, b"HTTP/1.1 200 OK\r\nx-slow: ooooo");
    }

    #[test]
    fn after_ten_good_answers_every_nth_is_bad() {
        for behaviour in [Behaviour::Truncated, Behaviour::ResetOnAccept] {
            let server = Hostile::every(5, behaviour);
            let failed: Vec<u32> = (0..20)
                .filter(|_| get(server.addr(), "/").is_err())
                .collect();
            assert_eq!(failed, [10, 15], "{behaviour:?}");
            assert_eq!((server.good(), server.bad()), (18, 2), "{behaviour:?}");
        }
    }

    #[test]
    fn a_refusing_port_refuses() {
        let port = Refusing::start();
        let refused = TcpStream::connect(port.addr()).unwrap_err();
        assert_eq!(refused.kind(), io::ErrorKind::ConnectionRefused);
        assert!(
            port.url("/")
                .ends_with(&format!(":{}/", port.addr().port()))
        );
    }
}
