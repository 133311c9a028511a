//! One request over a connection of its own, to a process that is asked about something else than the split: the agent of a
//! proxy, a webhook. It blocks, and takes no longer than it may.
#![allow(clippy::disallowed_methods, reason = "a time limit has a clock")]

use std::fmt;
use std::io::{self, Read, Write};
use std::net::{TcpStream, ToSocketAddrs};
use std::str::FromStr;
use std::time::{Duration, Instant};

use super::url::Url;

/// The longest head of a response.
const LONGEST_HEAD: usize = 64 << 10;
/// Fields of a response, at most.
const FIELDS: usize = 100;

/// An http:// URL without credentials.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct HttpUrl {
    shown: String,
    host: String,
    port: u16,
    authority: String,
    target: String,
}

impl FromStr for HttpUrl {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let url = Url::read(text).map_err(|failure| failure.to_string())?;
        if url.https || url.userinfo.is_some() {
            return Err("expected an http:// URL without a user".to_owned());
        }
        Ok(Self {
            shown: url.shown,
            host: url.host,
            port: url.port,
            authority: url.authority,
            target: url.target.to_string(),
        })
    }
}

impl fmt::Display for HttpUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.shown)
    }
}

/// Sends a request and returns the status of the response. `json` is its body, empty for none.
pub(super) fn status(method: &str, url: &HttpUrl, json: &[u8], limit: Duration) -> io::Result<u16> {
    let end = Instant::now() + limit;
    let mut stream = connect(url, end)?;
    let kind = if json.is_empty() {
        ""
    } else {
        "content-type: application/json\r\n"
    };
    let head = format!(
        "{method} {} HTTP/1.1\r\nhost: {}\r\nuser-agent: resplit/{}\r\n{kind}content-length: {}\r\nconnection: close\r\n\r\n",
        url.target,
        url.authority,
        env!("CARGO_PKG_VERSION"),
        json.len()
    );
    stream.set_write_timeout(Some(left(end)?))?;
    stream.write_all(head.as_bytes())?;
    stream.write_all(json)?;
    let mut read = Vec::new();
    let mut part = [0; 1024];
    loop {
        stream.set_read_timeout(Some(left(end)?))?;
        let bytes = stream.read(&mut part).map_err(timed_out)?;
        if bytes == 0 {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
        read.extend_from_slice(&part[..bytes]);
        if let Some(status) = status_of(&read)? {
            return Ok(status);
        }
        if read.len() > LONGEST_HEAD {
            return Err(io::ErrorKind::InvalidData.into());
        }
    }
}

/// The status of a response whose head is complete.
fn status_of(read: &[u8]) -> io::Result<Option<u16>> {
    let mut fields = [httparse::EMPTY_HEADER; FIELDS];
    let mut response = httparse::Response::new(&mut fields);
    match response.parse(read) {
        Ok(httparse::Status::Complete(_)) => Ok(response.code),
        Ok(httparse::Status::Partial) => Ok(None),
        Err(_) => Err(io::ErrorKind::InvalidData.into()),
    }
}

fn connect(url: &HttpUrl, end: Instant) -> io::Result<TcpStream> {
    let mut last = io::Error::from(io::ErrorKind::AddrNotAvailable);
    for address in (url.host.as_str(), url.port).to_socket_addrs()? {
        match TcpStream::connect_timeout(&address, left(end)?) {
            Ok(stream) => return Ok(stream),
            Err(error) => last = error,
        }
    }
    Err(last)
}

fn left(end: Instant) -> io::Result<Duration> {
    let left = end.checked_duration_since(Instant::now());
    left.filter(|left| !left.is_zero())
        .ok_or_else(|| io::ErrorKind::TimedOut.into())
}

/// What a read says whose time is up.
fn timed_out(error: io::Error) -> io::Error {
    match error.kind() {
        io::ErrorKind::WouldBlock => io::ErrorKind::TimedOut.into(),
        _ => error,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_plain_urls_without_credentials_are_taken() {
        let url: HttpUrl = "127.0.0.1:15020/quitquitquit?x=1".parse().expect("a URL");
        assert_eq!(url.to_string(), "http://127.0.0.1:15020/quitquitquit?x=1");
        assert_eq!(
            (url.port, url.target.as_str()),
            (15020, "/quitquitquit?x=1")
        );
        for text in ["https://a/", "http://u:p@a/", "ftp://a", "http://a:0/", ""] {
            assert!(text.parse::<HttpUrl>().is_err(), "{text}");
        }
    }

    #[test]
    fn a_status_is_read_once_the_head_is_complete() {
        assert!(matches!(
            status_of(b"HTTP/1.1 200 OK\r\na: b\r\n"),
            Ok(None)
        ));
        assert!(matches!(
            status_of(b"HTTP/1.1 503 no\r\n\r\n"),
            Ok(Some(503))
        ));
        assert!(status_of(b"\x16\x03\x01 no HTTP\r\n\r\n").is_err());
    }
}
