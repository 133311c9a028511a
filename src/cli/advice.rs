//! What to try next where nothing could be judged, by what the system said.

use crate::report::SavedObservation;
use crate::split::Bucket;

/// What failures of one kind say, and what to do about those that say so; the first line that fits counts, and an empty
/// text fits all.
const ADVICE: [(&str, &[(&str, &str)]); 8] = [
    ("dns", &DNS),
    ("connect", &CONNECT),
    ("tls", &TLS),
    ("timeout", &TIMEOUT),
    ("reset", &RESET),
    ("truncated", &[("", BREAKS_OFF)]),
    (
        "oversized",
        &[(
            "",
            "responses of more than 8 MiB, or with heads of more than 64 KiB, are not read",
        )],
    ),
    ("malformed", &MALFORMED),
];

const DNS: [(&str, &str); 4] = [
    ("Temporary failure", NO_NAME_SERVICE),
    ("did not answer", NO_NAME_SERVICE),
    ("it has no IPv", WRONG_FAMILY),
    (
        "",
        "check the spelling; names of services resolve inside the mesh, so run in a pod with `kubectl exec`",
    ),
];
const NO_NAME_SERVICE: &str = "the name service does not answer: see /etc/resolv.conf, or give the address with --resolve HOST:PORT:ADDRESS";
const WRONG_FAMILY: &str = "-6 uses IPv6 addresses alone, and -4 IPv4 addresses; the host has none of them, so leave the option out";

const CONNECT: [(&str, &str); 5] = [
    (
        "407",
        "the proxy wants to know who asks: -x http://USER:PASSWORD@HOST:PORT",
    ),
    (
        "ulimit",
        "raise the limit of open files (ulimit -n), or use fewer connections with -c",
    ),
    (
        "--reuse",
        "let connections carry more requests with --reuse, or send more slowly with --rate",
    ),
    (
        "proxy",
        "check the address of the proxy in -x, and whether it may and can connect to the host",
    ),
    (
        "",
        "check the address and port, and that something listens there",
    ),
];

const TLS: [(&str, &str); 15] = [
    (
        "alert: ProtocolVersion",
        "the server speaks no version of TLS from 1.2 on, and resplit nothing older: look at what it allows",
    ),
    (
        "does not speak HTTP/2",
        "leave --http2 out; --grpc cannot do without HTTP/2",
    ),
    ("does not speak HTTP/1.1", "ask over HTTP/2, with --http2"),
    ("alert: CertificateRequired", CLIENT_CERTIFICATE),
    ("alert: BadCertificate", CLIENT_CERTIFICATE),
    ("alert: UnknownCA", CLIENT_CERTIFICATE),
    ("alert: Certificate", CLIENT_CERTIFICATE),
    (
        "not valid for name",
        "the certificate is checked for the host of the URL, which --host does not change: put a name that it has into the \
         URL, and where to connect into --connect-to or --resolve",
    ),
    (
        "CaUsedAsEndEntity",
        "the server shows the certificate of an authority: trust this very one with --cacert FILE, or any with --insecure",
    ),
    (
        "UnsupportedCertVersion",
        "a certificate of X.509 version 1 has no names to check: make one with subjectAltName, or take any with --insecure",
    ),
    (
        "alert: HandshakeFailure",
        "the server takes no such handshake: it may want a client certificate (--cert FILE, --key FILE), or speak nothing newer \
         than TLS 1.1",
    ),
    (
        "UnknownIssuer",
        "trust its issuer with --cacert FILE, or any certificate with --insecure",
    ),
    (
        "certificate expired",
        "have the certificate renewed, or take any with --insecure",
    ),
    (
        "invalid peer certificate",
        "have the certificate made anew, or take any with --insecure",
    ),
    (
        "",
        "check that the port speaks TLS; if it does not, write http://",
    ),
];
const CLIENT_CERTIFICATE: &str =
    "the server wants a client certificate that it trusts: --cert FILE and --key FILE";

const TIMEOUT: [(&str, &str); 10] = [
    ("the name service", NO_NAME_SERVICE),
    (
        "the proxy did not answer CONNECT",
        "the proxy takes the connection and does not answer: look at what it logs, or wait longer with --connect-timeout",
    ),
    (
        "the TLS handshake",
        "the server takes the connection and does not finish the handshake: check that the port speaks TLS, or wait longer \
         with --connect-timeout",
    ),
    (
        "SETTINGS_MAX_CONCURRENT_STREAMS is 0",
        "the server says that it takes no requests over HTTP/2: look at its limits, or leave --http2 or --h2c out",
    ),
    (
        "the server took no further request",
        "the streams that it allows were all busy: fewer at a time with -p, or more connections with -c",
    ),
    (
        "the response began",
        "responses begin and do not end in time: look at what the server waits for, or wait longer with --timeout",
    ),
    ("connection within", LONG_CONNECT),
    ("no answer in time", LONG_CONNECT),
    ("timed out", LONG_CONNECT),
    (
        "",
        "nothing answers in time; check the address, or wait longer with --timeout",
    ),
];

const LONG_CONNECT: &str = "nothing takes the connection in time; check the address, or wait longer with --connect-timeout";

const RESET: [(&str, &str); 4] = [
    ("within the response", BREAKS_OFF),
    ("GOAWAY", REFUSED),
    ("the server reset the stream", REFUSED),
    (
        "",
        "something takes connections there, and ends them without an answer; does it want https://, --http2 or --h2c, or \
         other requests?",
    ),
];
const BREAKS_OFF: &str = "the server breaks its responses off: look at what it logs";
const REFUSED: &str = "the server speaks HTTP/2 and refuses these requests: look at what it logs";

const MALFORMED: [(&str, &str); 4] = [
    (
        "gRPC",
        "--grpc sends one message: check the method, and that it is a gRPC service",
    ),
    ("grpc-status", "check that it is a gRPC service"),
    (
        "the body ",
        "the body is not what its content-encoding says: look at what compresses it",
    ),
    (
        "",
        "something listens there, but does not speak the protocol that was asked for; is it https://, --http2 or --h2c?",
    ),
];

/// What to look at when nothing could be judged.
pub(super) fn no_data(observation: &SavedObservation) -> &'static str {
    let mut buckets = observation.seen.tallies.keys();
    let answered = observation.rows.answered > 0;
    if answered && buckets.all(Bucket::is_redirect) {
        return "call the URL that the redirects name, or --host, -H and https:// as the proxy wants them";
    }
    if answered {
        return "responses came, but none names a declared target: they may be errors of the proxy, or --bucket reads nothing \
                that names one; without -f, --expect and --bucket resplit shows what they say";
    }
    match (observation.seen.failures.iter()).max_by_key(|(_, failed)| failed.count) {
        // By what was said most often.
        Some((kind, most)) => after(
            &kind.to_string(),
            most.causes().first().map_or("", |(_, said)| *said),
        ),
        None => "let it send for longer, or leave -n and -z out",
    }
}

fn after(kind: &str, example: &str) -> &'static str {
    let lines = ADVICE.iter().find(|(of, _)| *of == kind);
    lines
        .and_then(|(_, lines)| lines.iter().find(|(said, _)| example.contains(said)))
        .map_or("look at what the server logs", |(_, advice)| *advice)
}

/// What to do when TLS cannot be set up.
pub(super) fn tls_setup(message: &str) -> &'static str {
    if message.contains("encrypted") {
        "keys are read without a password; write such a one with: openssl pkey -in FILE -out PLAIN"
    } else if message.contains("--cert") || message.contains("--key") {
        "--cert takes the certificate and its chain, --key the key that belongs to it, both as PEM (-----BEGIN …)"
    } else {
        "give the CA with --cacert FILE, as PEM (-----BEGIN CERTIFICATE-----), or trust any certificate with --insecure"
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::observe::FailureKind;

    #[test]
    fn every_kind_of_failure_has_a_next_step() {
        assert_eq!(
            ADVICE.map(|(kind, _)| kind),
            FailureKind::ALL.map(|kind| kind.to_string())
        );
        for (kind, lines) in ADVICE {
            let last = lines.last().map(|(said, _)| *said);
            assert_eq!(last, Some(""), "{kind} has something for the rest");
        }
    }

    #[test]
    fn advice_goes_by_what_was_said() {
        for (kind, said, part) in [
            (
                "dns",
                "`a`: failed to lookup: Temporary failure in name resolution",
                "--resolve",
            ),
            (
                "dns",
                "`a`: failed to lookup: Name or service not known",
                "spelling",
            ),
            ("dns", "`::1`: it has no IPv4 address", "-4"),
            (
                "connect",
                "the proxy refuses the tunnel: 407 Who?",
                "USER:PASSWORD@",
            ),
            (
                "connect",
                "the proxy `[::1]:1`: Connection refused",
                "in -x",
            ),
            ("connect", "`[::1]:1`: Connection refused", "listens there"),
            (
                "tls",
                "received fatal alert: CertificateRequired",
                "--cert FILE",
            ),
            (
                "tls",
                "invalid peer certificate: certificate expired: …",
                "renewed",
            ),
            (
                "tls",
                "invalid peer certificate: certificate not valid for name `a`",
                "--connect-to",
            ),
            (
                "tls",
                "invalid peer certificate: Other(OtherError(CaUsedAsEndEntity))",
                "this very one",
            ),
            (
                "reset",
                "the server reset the stream: REFUSED_STREAM",
                "what it logs",
            ),
            (
                "tls",
                "invalid peer certificate: UnknownIssuer",
                "--cacert FILE",
            ),
            (
                "tls",
                "received corrupt message of type InvalidContentType",
                "http://",
            ),
            (
                "timeout",
                "the TLS handshake did not end within 1s",
                "speaks TLS",
            ),
            ("timeout", "no connection within 1s", "--connect-timeout"),
            ("timeout", "no response within 1s", "--timeout"),
            (
                "timeout",
                "the response began and was not complete within 1s",
                "do not end",
            ),
            (
                "reset",
                "Connection reset by peer (os error 104), within the response",
                "what it logs",
            ),
            (
                "tls",
                "received fatal alert: ProtocolVersion",
                "version of TLS",
            ),
            (
                "reset",
                "Connection reset by peer (os error 104)",
                "without an answer",
            ),
            (
                "malformed",
                "invalid HTTP: invalid HTTP version",
                "does not speak",
            ),
        ] {
            let advice = after(kind, said);
            assert!(advice.contains(part), "{said}: {advice}");
        }
    }
}
