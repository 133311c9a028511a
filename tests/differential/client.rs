//! A plain HTTP/1.1 client over one connection: it sends requests byte for byte as they are described.

use std::fmt::Write as _;
use std::io::{self, BufRead, BufReader, Read, Write};
use std::net::{SocketAddr, TcpStream};

use resplit::route::Probe;

use super::config::{BACKEND, ROUTE};
use crate::support::wait::HANGS;

/// What Envoy says about a request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Seen {
    pub(super) status: u16,
    pub(super) route: Option<String>,
    pub(super) backend: Option<String>,
}

/// A connection that is opened anew where Envoy closes it.
pub(super) struct Client {
    addr: SocketAddr,
    stream: Option<BufReader<TcpStream>>,
}

impl Client {
    pub(super) fn new(addr: SocketAddr) -> Self {
        Self { addr, stream: None }
    }

    /// Sends a request, with one more header where there is one.
    pub(super) fn send(&mut self, probe: &Probe, more: Option<(&str, &str)>) -> Seen {
        let request = written(probe, more);
        let first = self.stream.is_some();
        match self.exchange(&request) {
            Ok(seen) => seen,
            Err(_) if first => {
                self.stream = None;
                self.exchange(&request).expect("Envoy answers")
            }
            Err(error) => panic!("Envoy does not answer: {error}\n{request}"),
        }
    }

    fn exchange(&mut self, request: &str) -> io::Result<Seen> {
        if self.stream.is_none() {
            let stream = TcpStream::connect(self.addr)?;
            stream.set_nodelay(true)?;
            stream.set_read_timeout(Some(HANGS))?;
            self.stream = Some(BufReader::new(stream));
        }
        let stream = self.stream.as_mut().expect("it was just opened");
        stream.get_mut().write_all(request.as_bytes())?;
        let mut line = String::new();
        let mut next = |stream: &mut BufReader<TcpStream>| -> io::Result<String> {
            line.clear();
            match stream.read_line(&mut line)? {
                0 => Err(io::ErrorKind::UnexpectedEof.into()),
                _ => Ok(line.trim_end().to_owned()),
            }
        };
        let status = next(stream)?;
        let status = status.split(' ').nth(1).and_then(|code| code.parse().ok());
        let mut seen = Seen {
            status: status.ok_or(io::ErrorKind::InvalidData)?,
            route: None,
            backend: None,
        };
        let (mut length, mut close) = (0, false);
        loop {
            let line = next(stream)?;
            let Some((name, value)) = line.split_once(':') else {
                break;
            };
            let value = value.trim().to_owned();
            match name {
                ROUTE => seen.route = Some(value).filter(|name| !name.is_empty()),
                BACKEND => seen.backend = Some(value),
                "content-length" => length = value.parse().map_err(io::Error::other)?,
                "connection" => close = value == "close",
                _ => {}
            }
        }
        io::copy(&mut stream.by_ref().take(length), &mut io::sink())?;
        if close {
            self.stream = None;
        }
        Ok(seen)
    }
}

fn written(probe: &Probe, more: Option<(&str, &str)>) -> String {
    let query = probe.query.as_ref().map(|query| format!("?{query}"));
    let mut text = format!(
        "{} {}{} HTTP/1.1\r\nhost: {}\r\n",
        probe.method,
        probe.path,
        query.unwrap_or_default(),
        probe.authority
    );
    let headers = probe
        .headers
        .iter()
        .map(|(name, value)| (name.as_str(), value.as_str()));
    for (name, value) in headers.chain(more) {
        let _ = write!(text, "{name}: {value}\r\n");
    }
    if probe.method != "GET" {
        text.push_str("content-length: 0\r\n");
    }
    text + "\r\n"
}
