//! How requests get where they go: protocol, proxy, other addresses, TLS. No file is read yet.

use std::net::IpAddr;
use std::path::PathBuf;

use super::args::TransportArgs;
use super::failure::Failure;
use super::proxy::Proxy;

use crate::plan::{Dial, Family, Protocol, Via};

/// How requests get where they go.
#[derive(Debug)]
pub(super) struct TransportConfig {
    /// What is connected to.
    pub(super) via: Via,
    /// Which addresses are used.
    pub(super) family: Family,
    /// How requests are written.
    pub(super) protocol: Protocol,
    /// The host that a proxy looks up although `--resolve` names it.
    pub(super) unresolved: Option<String>,
}

/// How TLS is spoken.
#[derive(Debug)]
pub(super) struct TlsConfig {
    /// How certificates are checked.
    pub(super) verify: VerifyConfig,
    /// The client certificate, and the file with its key.
    pub(super) identity: Option<(PathBuf, PathBuf)>,
}

/// How certificates are checked.
#[derive(Debug)]
pub(super) enum VerifyConfig {
    /// By the system's roots.
    System,
    /// By the certificates in this file.
    File(PathBuf),
    /// Not at all.
    Insecure,
}

/// How requests to this host and port get there.
pub(super) fn transport(
    args: &TransportArgs,
    host: &str,
    port: u16,
) -> Result<TransportConfig, Failure> {
    let (host, port) = connect_to(&args.connect_to, host, port)?;
    let named = dial(&args.resolve, host.clone(), port)?;
    let unresolved = (args.proxy.is_some() && !named.pinned.is_empty()).then(|| host.clone());
    let via = match (&args.unix_socket, &args.proxy) {
        (Some(path), _) => Via::Unix(path.clone()),
        (None, Some(proxy)) => {
            let Proxy {
                host: proxy,
                port: proxy_port,
                authorization,
            } = Proxy::read(proxy)?;
            Via::Proxy {
                dial: dial(&args.resolve, proxy, proxy_port)?,
                authorization,
                target: (host, port),
            }
        }
        (None, None) => Via::Direct(named),
    };
    let family = match (args.ipv4, args.ipv6) {
        (true, _) => Family::V4,
        (_, true) => Family::V6,
        _ => Family::Any,
    };
    Ok(TransportConfig {
        via,
        family,
        protocol: protocol(args),
        unresolved,
    })
}

/// How TLS is spoken.
pub(super) fn tls(args: &TransportArgs) -> TlsConfig {
    let verify = match (args.insecure, &args.cacert) {
        (true, _) => VerifyConfig::Insecure,
        (false, Some(path)) => VerifyConfig::File(path.clone()),
        (false, None) => VerifyConfig::System,
    };
    let identity = args.cert.as_ref().map(|certificate| {
        let key = args.key.as_ref().unwrap_or(certificate);
        (certificate.clone(), key.clone())
    });
    TlsConfig { verify, identity }
}

fn protocol(args: &TransportArgs) -> Protocol {
    if args.grpc.is_some() {
        Protocol::Grpc
    } else if args.http2 || args.h2c {
        Protocol::Http2
    } else {
        Protocol::Http1
    }
}

/// The host and port that stand for those of the URL: the first rule that fits, as in curl.
fn connect_to(rules: &[String], host: &str, port: u16) -> Result<(String, u16), Failure> {
    for rule in rules {
        let wrong = || {
            Failure::usage(
                format!("--connect-to: `{rule}` does not say from where to where"),
                "write it as --connect-to HOST1:PORT1:HOST2:PORT2, as in weather:80:10.0.0.7:8080; parts may be empty, \
                 and the last left out",
            )
        };
        let parts = parts(rule);
        let (from, from_port, to, to_port) = match parts.as_slice() {
            [from, from_port, to] => (from, from_port, to, ""),
            [from, from_port, to, to_port] => (from, from_port, to, *to_port),
            _ => return Err(wrong()),
        };
        let number = |text: &str| match text {
            "" => Ok(None),
            text => text
                .parse::<u16>()
                .ok()
                .filter(|port| *port > 0)
                .map(Some)
                .ok_or_else(wrong),
        };
        let (from_port, to_port) = (number(from_port)?, number(to_port)?);
        let here = (from.is_empty() || from.eq_ignore_ascii_case(host))
            && from_port.is_none_or(|from| from == port);
        if here {
            let to = if to.is_empty() { host } else { to };
            return Ok((to.to_owned(), to_port.unwrap_or(port)));
        }
    }
    Ok((host.to_owned(), port))
}

/// The name to connect to, with its addresses where `--resolve` gives them: the last that names the host, else the last for
/// any host, as in curl.
fn dial(rules: &[String], host: String, port: u16) -> Result<Dial, Failure> {
    let (mut named, mut any) = (None, None);
    for rule in rules {
        let wrong = || {
            Failure::usage(
                format!("--resolve: `{rule}` does not say which address a host has"),
                "write it as --resolve HOST:PORT:ADDRESS, as in weather:80:10.0.0.7; several addresses are separated by \
                 commas, and `*` stands for any host",
            )
        };
        if let Some(entry) = rule.strip_prefix('-') {
            let message =
                format!("--resolve: `{rule}` removes an entry, and a run begins without any");
            let help = format!("leave it out, or give `{entry}` an address");
            return Err(Failure::usage(message, help));
        }
        let mut halves = rule.splitn(2, ':');
        let (Some(name), Some(rest)) = (halves.next(), halves.next()) else {
            return Err(wrong());
        };
        let (at, addresses) = rest.split_once(':').ok_or_else(wrong)?;
        let at: u16 = at.parse().map_err(|_| wrong())?;
        let bare = |text: &str| {
            text.trim_start_matches('[')
                .trim_end_matches(']')
                .to_owned()
        };
        let addresses: Vec<IpAddr> = addresses
            .split(',')
            .map(|text| bare(text.trim()).parse().map_err(|_| wrong()))
            .collect::<Result<_, _>>()?;
        // curl marks rules that expire with a sign; here rules last as long as the run.
        let name = name.trim_start_matches('+');
        if at == port && name == "*" {
            any = Some(addresses);
        } else if at == port && name.eq_ignore_ascii_case(&host) {
            named = Some(addresses);
        }
    }
    let pinned = named.or(any).unwrap_or_default();
    Ok(Dial { host, port, pinned })
}

/// The parts between colons; an IPv6 address in brackets is one part, and loses them.
fn parts(text: &str) -> Vec<&str> {
    let mut parts = Vec::new();
    let mut rest = text;
    loop {
        let end = match rest.strip_prefix('[').and_then(|inner| inner.find(']')) {
            Some(end) => end + 2,
            None => rest.find(':').unwrap_or(rest.len()),
        };
        let part = &rest[..end];
        parts.push(part.trim_start_matches('[').trim_end_matches(']'));
        match rest[end..].strip_prefix(':') {
            Some(tail) => rest = tail,
            None if rest[end..].is_empty() => return parts,
            // Something behind a bracket: one part too many, which fits nobody.
            None => {
                parts.push(&rest[end..]);
                return parts;
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::config::tests::config;
    use super::*;

    fn via(arguments: &[&str]) -> Via {
        let config = config(&[arguments, &["http://weather:5000/"]].concat());
        config.expect("a way").request.transport.via
    }

    fn direct(host: &str, port: u16, pinned: &[&str]) -> Via {
        Via::Direct(Dial {
            host: host.to_owned(),
            port,
            pinned: pinned
                .iter()
                .map(|text| text.parse().expect("an address"))
                .collect(),
        })
    }

    #[test]
    fn connect_to_and_resolve_mean_what_they_mean_to_curl() {
        for (arguments, expected) in [
            (&[][..], direct("weather", 5000, &[])),
            (
                &["--connect-to", "weather:5000:10.0.0.7:80"],
                direct("10.0.0.7", 80, &[]),
            ),
            (&["--connect-to", "::other:"], direct("other", 5000, &[])),
            (
                &["--connect-to", "Weather::[::1]:81"],
                direct("::1", 81, &[]),
            ),
            (&["--connect-to", "::other"], direct("other", 5000, &[])),
            (
                &["--connect-to", "weather:80:other:80"],
                direct("weather", 5000, &[]),
            ),
            (
                &[
                    "--connect-to",
                    "a:1:b:2",
                    "--connect-to",
                    ":::81",
                    "--connect-to",
                    ":::82",
                ],
                direct("weather", 81, &[]),
            ),
            (
                &["--resolve", "weather:5000:10.0.0.7,[::1]"],
                direct("weather", 5000, &["10.0.0.7", "::1"]),
            ),
            (
                &["--resolve", "weather:80:10.0.0.7"],
                direct("weather", 5000, &[]),
            ),
            (
                &["--resolve", "*:5000:::1"],
                direct("weather", 5000, &["::1"]),
            ),
            (
                &[
                    "--resolve",
                    "weather:5000:10.0.0.7",
                    "--resolve",
                    "*:5000:10.0.0.8",
                    "--resolve",
                    "Weather:5000:10.0.0.9",
                ],
                direct("weather", 5000, &["10.0.0.9"]),
            ),
            // What is connected to is what has an address.
            (
                &[
                    "--connect-to",
                    "::other:",
                    "--resolve",
                    "other:5000:10.0.0.7",
                ],
                direct("other", 5000, &["10.0.0.7"]),
            ),
        ] {
            assert_eq!(via(arguments), expected, "{arguments:?}");
        }
    }

    #[test]
    fn what_makes_no_sense_is_refused_with_a_next_step() {
        for (arguments, part) in [
            (&["--http2", "http://a"][..], "--h2c"),
            (&["--h2c", "https://a"], "--http2"),
            (
                &["--connect-to", "a:b", "http://a"],
                "HOST1:PORT1:HOST2:PORT2",
            ),
            (
                &["--connect-to", "a:b:c:d", "http://a"],
                "HOST1:PORT1:HOST2:PORT2",
            ),
            (&["--resolve", "a:80", "http://a"], "HOST:PORT:ADDRESS"),
            (&["--resolve", "a:80:b", "http://a"], "HOST:PORT:ADDRESS"),
            (&["--resolve", "-a:80", "http://a"], "leave it out"),
            (&["--grpc", "Check", "http://a"], "PACKAGE.SERVICE/METHOD"),
            (&["--grpc", "a/b", "http://a/path"], "without a path"),
            (&["--cert", "x.pem", "http://a"], "https://"),
            (&["-p", "4", "http://a"], "--http2"),
            (&["-H", "content-length: 3", "http://a"], "content-length"),
        ] {
            let message = config(arguments).expect_err(part).render();
            assert!(
                message.contains(part) && message.contains("\nhelp: "),
                "{arguments:?}: {message}"
            );
        }
    }
}
