//! Where the requests of a case are sent, and how.

use std::fmt::Write as _;

use http::header::CONTENT_TYPE;

use crate::cli::args::{RequestArgs, TransportArgs};
use crate::cli::failure::Failure;
use crate::cli::request::{RequestConfig, request};
use crate::cli::url::Url;
use crate::route::Probe;
use crate::suite::{Case, HttpVersion};
use crate::verdict::shell_word;

/// A place that requests are sent to.
pub(super) struct Address {
    /// A request to it.
    pub(super) request: RequestConfig,
    /// `http://127.0.0.1:8080`
    pub(super) text: String,
    /// The request of the case, as it is typed for that place.
    pub(super) probe: Probe,
    /// What curl takes to send it there.
    pub(super) curl: String,
}

/// The place of a case: its own address, that of its suite, that of the command, or that of its URL. `Err` says why it is not
/// sent.
pub(super) fn of(
    case: &Case,
    typed: Option<&str>,
    transport: &TransportArgs,
) -> Result<Result<Address, String>, Failure> {
    let probe = sent(&case.probe);
    if let Err(why) = &probe {
        return Ok(Err((*why).to_owned()));
    }
    let probe = probe.unwrap_or_else(|_| case.probe.clone());
    let own = || {
        format!(
            "{}://{}",
            probe.scheme,
            authority(&probe.address, probe.port)
        )
    };
    let named = case.live.address.as_deref().or(typed);
    let text = named.map_or_else(own, str::to_owned);
    let url = Url::read(&text)?;
    if url.target != "/" {
        return Err(Failure::usage(
            format!("`{text}` has a path, and requests of cases have their own"),
            "write an address as http://HOST:PORT",
        ));
    }
    let scheme = if url.https { "https" } else { "http" };
    if scheme != probe.scheme {
        return Ok(Err(format!(
            "the request is one of {}, and its address `{text}` one of {scheme}",
            probe.scheme
        )));
    }
    let mut transport = transport.clone();
    if let Some(version) = case.live.version {
        let http2 = version == HttpVersion::Http2;
        (transport.http2, transport.h2c) = (http2 && url.https, http2 && !url.https);
    }
    let place = authority(&url.host, url.port);
    let mut curl = as_curl(&transport);
    // The certificate, and what a gateway picks by its name, are those of the host that is asked for.
    let dialled = if url.https && named.is_some() {
        let rule = format!("::{place}");
        let _ = write!(curl, " --connect-to {rule}");
        transport.connect_to.push(rule);
        format!("https://{}/", authority(&probe.address, probe.port))
    } else {
        format!("{scheme}://{place}/")
    };
    let request = request(&dialled, &RequestArgs::to(transport))?;
    let probe = Probe {
        address: request.host.clone(),
        port: request.port,
        ..probe
    };
    Ok(Ok(Address {
        request,
        text: format!("{scheme}://{place}"),
        probe,
        curl,
    }))
}

/// The options of curl that take the same way. Those of a proxy, which may hold a password, are left to the user.
fn as_curl(transport: &TransportArgs) -> String {
    let mut curl = String::new();
    for (option, values) in [
        ("--connect-to", &transport.connect_to),
        ("--resolve", &transport.resolve),
    ] {
        for value in values {
            let _ = write!(curl, " {option} {}", shell_word(value));
        }
    }
    for (option, path) in [
        ("--unix-socket", &transport.unix_socket),
        ("--cacert", &transport.cacert),
        ("--cert", &transport.cert),
        ("--key", &transport.key),
    ] {
        let path = path.iter().map(|path| path.display().to_string());
        path.for_each(|path| {
            let _ = write!(curl, " {option} {}", shell_word(&path));
        });
    }
    for (typed, option) in [
        (transport.insecure, " -k"),
        (transport.http2, " --http2"),
        (transport.h2c, " --http2-prior-knowledge"),
    ] {
        curl.push_str(if typed { option } else { "" });
    }
    curl
}

/// The request as it is sent: what a proxy sets by itself is left to it.
fn sent(probe: &Probe) -> Result<Probe, &'static str> {
    let has = |name: &str, value: &str| {
        let mut headers = probe.headers.iter();
        headers.any(|(own, text)| own.eq_ignore_ascii_case(name) && text.starts_with(value))
    };
    if has("x-envoy-internal", "") {
        return Err("whether a request is internal is decided by the proxy");
    }
    if has(CONTENT_TYPE.as_str(), "application/grpc") {
        return Err("gRPC calls of cases are not sent");
    }
    let other_scheme = |(name, value): &&(String, String)| {
        !name.eq_ignore_ascii_case("x-forwarded-proto") || *value != probe.scheme
    };
    Ok(Probe {
        headers: probe.headers.iter().filter(other_scheme).cloned().collect(),
        ..probe.clone()
    })
}

fn authority(host: &str, port: u16) -> String {
    if host.contains(':') {
        format!("[{host}]:{port}")
    } else {
        format!("{host}:{port}")
    }
}
