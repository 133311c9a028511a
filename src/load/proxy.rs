//! A tunnel through an HTTP proxy (`CONNECT`, RFC 9110, 9.3.6).

use std::mem::MaybeUninit;

use tokio::io::{AsyncReadExt, AsyncWriteExt};

use super::http_head::heads;
use super::socket::Socket;
use crate::observe::{Failure, FailureCause};

/// What a proxy says about a tunnel is read up to this size.
const LONGEST_HEAD: usize = 16 << 10;
const MOST_FIELDS: usize = 64;
const PROXY_AUTHENTICATION_REQUIRED: u16 = 407;

/// Asks the proxy at the other end of the socket to connect it to the target.
pub(super) async fn tunnel(
    socket: &mut Socket,
    target: &(String, u16),
    authorization: Option<&str>,
) -> Result<(), Failure> {
    let request = request(target, authorization);
    let broken = |error: std::io::Error| failed(&format!("the proxy: {error}"));
    socket.write_all(request.as_bytes()).await.map_err(broken)?;
    let mut head = Vec::new();
    loop {
        // A server that speaks first does so as soon as the tunnel stands: nothing behind the head may be taken.
        let byte = socket.read_u8().await.map_err(broken)?;
        head.push(byte);
        if byte == b'\n'
            && let Some(granted) = granted(&head)
        {
            return granted;
        }
        if head.len() > LONGEST_HEAD {
            return Err(failed("the proxy's response to CONNECT does not end"));
        }
    }
}

fn request((host, port): &(String, u16), authorization: Option<&str>) -> String {
    let host = if host.contains(':') {
        format!("[{host}]:{port}")
    } else {
        format!("{host}:{port}")
    };
    let authorization = authorization
        .map(|value| format!("proxy-authorization: {value}\r\n"))
        .unwrap_or_default();
    format!("CONNECT {host} HTTP/1.1\r\nhost: {host}\r\n{authorization}\r\n")
}

/// Whether the tunnel stands; `None` while the head of the final response is not complete.
fn granted(head: &[u8]) -> Option<Result<(), Failure>> {
    let mut fields = [const { MaybeUninit::uninit() }; MOST_FIELDS];
    let mut response = httparse::Response::new(&mut []);
    let parsed = heads().parse_response_with_uninit_headers(&mut response, head, &mut fields);
    match parsed {
        // "A client MUST be able to parse one or more 1xx responses received prior to a final response" (RFC 9110, 15.2).
        Ok(httparse::Status::Complete(length))
            if matches!(response.code, Some(100 | 102..=199)) =>
        {
            granted(&head[length..])
        }
        Ok(httparse::Status::Partial) => None,
        Err(error) => Some(Err(failed(&format!(
            "what responds to CONNECT is not an HTTP proxy: {error}"
        )))),
        Ok(httparse::Status::Complete(_)) => {
            let status = response.code.unwrap_or_default();
            if (200..300).contains(&status) {
                return Some(Ok(()));
            }
            let reason = response.reason.unwrap_or_default();
            let mut failure = failed(&format!("the proxy refuses the tunnel: {status} {reason}"));
            if status == PROXY_AUTHENTICATION_REQUIRED {
                failure.cause = Some(FailureCause::ProxyAuthentication);
            }
            Some(Err(failure))
        }
    }
}

fn failed(message: &str) -> Failure {
    Failure::because(FailureCause::Proxy, message.trim_end())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_tunnel_is_asked_for_by_host_and_port() {
        assert_eq!(
            request(&("a".to_owned(), 443), Some("Basic eDp5")),
            "CONNECT a:443 HTTP/1.1\r\nhost: a:443\r\nproxy-authorization: Basic eDp5\r\n\r\n"
        );
        assert!(
            request(&("::1".to_owned(), 80), None).starts_with("CONNECT [::1]:80 HTTP/1.1\r\n")
        );
    }

    #[test]
    fn only_a_2xx_answer_is_a_tunnel() {
        assert_eq!(granted(b"HTTP/1.1 200 Connection established\r\n"), None);
        assert_eq!(granted(b"HTTP/1.0 200 OK\r\n\r\n"), Some(Ok(())));
        let interim =
            b"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Early Hints\r\nlink : <x>\r\n y\r\n\r\n";
        assert_eq!(granted(interim), None);
        let head = [&interim[..], b"HTTP/1.1 200 OK\r\n\r\n"].concat();
        assert_eq!(granted(&head), Some(Ok(())));
        let refused = granted(b"HTTP/1.1 407 Proxy Authentication Required\r\n\r\n")
            .expect("complete")
            .expect_err("refused");
        assert_eq!(
            refused.message,
            "the proxy refuses the tunnel: 407 Proxy Authentication Required"
        );
        assert!(matches!(granted(b"SSH-2.0\r\n"), Some(Err(_))));
    }
}
