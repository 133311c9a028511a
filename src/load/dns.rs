//! The addresses of a name, asked for anew for each connection.

use std::io;
use std::net::{IpAddr, SocketAddr, ToSocketAddrs};
use std::sync::mpsc;
use std::time::{Duration, Instant};

use tokio::sync::Mutex;

use crate::observe::{Failure, FailureCause, FailureKind};
use crate::plan::{Dial, Endpoint, Family};

/// What the system says when the name service fails for the moment (`EAI_AGAIN`), in glibc and in musl: the standard library
/// keeps only the text.
const TEMPORARY: [&str; 2] = ["Temporary failure in name resolution", "Try again"];

/// Asks the name service of the system, one question at a time: connections that wait for the same answer share it.
#[derive(Debug, Default)]
pub(super) struct Resolver {
    last: Mutex<Option<Answer>>,
}

#[derive(Debug)]
struct Answer {
    at: Instant,
    found: Result<Vec<SocketAddr>, Failure>,
}

/// Addresses, and how long it took to get them, where anybody had to be asked.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Found {
    pub(super) addresses: Vec<SocketAddr>,
    pub(super) took: Option<Duration>,
}

impl Resolver {
    /// The addresses to connect to, at least one.
    pub(super) async fn resolve(&self, dial: &Dial, family: Family) -> Result<Found, Failure> {
        if let Some(addresses) = known(dial) {
            return Ok(Found {
                addresses: chosen(dial, family, addresses)?,
                took: None,
            });
        }
        let asked = Instant::now();
        let mut last = self.last.lock().await;
        let answered = last.as_ref().filter(|answer| answer.at >= asked);
        let found = if let Some(answer) = answered {
            answer.found.clone()
        } else {
            let found = match tokio::net::lookup_host((dial.host.as_str(), dial.port)).await {
                Ok(addresses) => chosen(dial, family, addresses.collect()),
                Err(error) => Err(unknown(dial, &error)),
            };
            *last = Some(Answer {
                at: Instant::now(),
                found: found.clone(),
            });
            found
        };
        Ok(Found {
            addresses: found?,
            took: Some(asked.elapsed()),
        })
    }
}

/// The addresses of a name that nobody has to be asked for.
fn known(dial: &Dial) -> Option<Vec<SocketAddr>> {
    let with_port = |address: IpAddr| SocketAddr::new(address, dial.port);
    if !dial.pinned.is_empty() {
        return Some(dial.pinned.iter().copied().map(with_port).collect());
    }
    dial.host
        .parse()
        .ok()
        .map(|address| vec![with_port(address)])
}

/// Those of the family that is wanted.
fn chosen(
    dial: &Dial,
    family: Family,
    addresses: Vec<SocketAddr>,
) -> Result<Vec<SocketAddr>, Failure> {
    let mut chosen = addresses;
    chosen.retain(|address| family.has(address.ip()));
    // Some name services say everything once for each kind of socket.
    chosen.dedup();
    if chosen.is_empty() {
        let what = match family {
            Family::Any => "it has no address",
            Family::V4 => "it has no IPv4 address",
            Family::V6 => "it has no IPv6 address",
        };
        let cause = (family != Family::Any).then_some(FailureCause::NoAddressOfFamily);
        return Err(unresolved(dial, what).with_cause(cause));
    }
    Ok(chosen)
}

/// How many addresses there are to connect to. Outside of a runtime.
pub(super) fn addresses(endpoint: &Endpoint, limit: Duration) -> Result<usize, Failure> {
    let Some(dial) = endpoint.dial() else {
        return Ok(1);
    };
    let addresses = match known(dial) {
        Some(addresses) => addresses,
        None => looked_up(dial, limit)?,
    };
    Ok(chosen(dial, endpoint.family, addresses)?.len())
}

/// Nobody can stop the system from asking, so it is left alone where it takes too long.
fn looked_up(dial: &Dial, limit: Duration) -> Result<Vec<SocketAddr>, Failure> {
    let (tx, rx) = mpsc::channel();
    let (host, port) = (dial.host.clone(), dial.port);
    let ask = move || {
        let found = (host.as_str(), port).to_socket_addrs();
        let found = found.map(Iterator::collect);
        // Whoever asked may have gone.
        let _ = tx.send(found);
    };
    std::thread::Builder::new()
        .name("lookup".to_owned())
        .spawn(ask)
        .map_err(|error| unresolved(dial, &error.to_string()))?;
    let silent = |_| {
        let what = format!("the name service did not answer within {limit:?}");
        unresolved(dial, &what).with_cause(Some(FailureCause::NameServiceFailed))
    };
    let found = rx.recv_timeout(limit).map_err(silent)?;
    found.map_err(|error| unknown(dial, &error))
}

/// The name service has no address.
fn unknown(dial: &Dial, error: &io::Error) -> Failure {
    let said = error.to_string();
    let temporary = TEMPORARY.iter().any(|text| said.ends_with(text));
    unresolved(dial, &said).with_cause(temporary.then_some(FailureCause::NameServiceFailed))
}

fn unresolved(dial: &Dial, why: &str) -> Failure {
    Failure::new(FailureKind::Dns, format!("`{}`: {why}", dial.host))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn resolve(host: &str, pinned: &[&str], family: Family) -> Result<Found, Failure> {
        let dial = Dial {
            host: host.to_owned(),
            port: 80,
            pinned: pinned
                .iter()
                .map(|a| a.parse().expect("an address"))
                .collect(),
        };
        let runtime = tokio::runtime::Builder::new_current_thread()
            .build()
            .expect("a runtime");
        runtime.block_on(Resolver::default().resolve(&dial, family))
    }

    #[test]
    fn addresses_need_no_name_service() {
        let of = |host, pinned: &[&str], family| {
            let found = resolve(host, pinned, family).expect("addresses");
            assert_eq!(found.took, None);
            let texts = found.addresses.iter().map(SocketAddr::to_string);
            texts.collect::<Vec<_>>()
        };
        assert_eq!(of("::1", &[], Family::Any), ["[::1]:80"]);
        let pinned = ["10.0.0.1", "::1"];
        assert_eq!(
            of("weather", &pinned, Family::Any),
            ["10.0.0.1:80", "[::1]:80"]
        );
        assert_eq!(of("weather", &pinned, Family::V6), ["[::1]:80"]);
    }

    #[test]
    fn a_name_service_that_fails_for_the_moment_is_told_from_a_wrong_name() {
        let dial = Dial {
            host: "a".to_owned(),
            port: 80,
            pinned: Vec::new(),
        };
        for (said, cause) in [
            (TEMPORARY[0], Some(FailureCause::NameServiceFailed)),
            (TEMPORARY[1], Some(FailureCause::NameServiceFailed)),
            ("Name or service not known", None),
        ] {
            let said = format!("failed to lookup address information: {said}");
            assert_eq!(unknown(&dial, &io::Error::other(said)).cause, cause);
        }
    }

    #[test]
    fn a_name_without_an_address_of_the_family_says_so() {
        let failure = resolve("127.0.0.1", &[], Family::V6).expect_err("no IPv6 address");
        assert_eq!(failure.kind, FailureKind::Dns);
        assert_eq!(failure.message, "`127.0.0.1`: it has no IPv6 address");
        let failure = resolve("no-such-host.invalid", &[], Family::Any).expect_err("no such name");
        assert_eq!(failure.kind, FailureKind::Dns);
    }
}
