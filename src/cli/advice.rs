//! What to try next where nothing could be judged, by the cause.

use crate::load::TlsSetup;
use crate::observe::{FailureCause, FailureKind};
use crate::report::SavedObservation;
use crate::split::Bucket;

const NO_NAME_SERVICE: &str = "the name service does not answer: see /etc/resolv.conf, or give the address with --resolve HOST:PORT:ADDRESS";
const CLIENT_CERTIFICATE: &str =
    "the server wants a client certificate that it trusts: --cert FILE and --key FILE";
const BREAKS_OFF: &str = "the server breaks its responses off: look at what it logs";

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
    let failures = observation.seen.failures.iter();
    let Some((kind, most)) = failures.max_by_key(|(_, failed)| failed.count) else {
        return "let it send for longer, or leave -n and -z out";
    };
    match most.cause() {
        Some(cause) => after(cause),
        None => after_any(*kind),
    }
}

/// What to do about failures of a cause that is known.
fn after(cause: FailureCause) -> &'static str {
    match cause {
        FailureCause::NameServiceFailed | FailureCause::NameServiceSilent => NO_NAME_SERVICE,
        FailureCause::NoAddressOfFamily => {
            "-6 uses IPv6 addresses alone, and -4 IPv4 addresses; the host has none of them, so leave the option out"
        }
        FailureCause::ProxyAuthentication => {
            "the proxy wants to know who asks: -x http://USER:PASSWORD@HOST:PORT"
        }
        FailureCause::Proxy => {
            "check the address of the proxy in -x, and whether it may and can connect to the host"
        }
        FailureCause::TooManyFiles => {
            "raise the limit of open files (ulimit -n), or use fewer connections with -c"
        }
        FailureCause::NoFreePort => {
            "let connections carry more requests with --reuse, or send more slowly with --rate"
        }
        FailureCause::ConnectTimeout => {
            "nothing takes the connection in time; check the address, or wait longer with --connect-timeout"
        }
        FailureCause::ProxyTimeout => {
            "the proxy takes the connection and does not answer: look at what it logs, or wait longer with --connect-timeout"
        }
        FailureCause::StreamsForbidden => {
            "the server says that it takes no requests over HTTP/2: look at its limits, or leave --http2 or --h2c out"
        }
        FailureCause::StreamsBusy => {
            "the streams that it allows were all busy: fewer at a time with -p, or more connections with -c"
        }
        FailureCause::ResponseTimeout => {
            "responses begin and do not end in time: look at what the server waits for, or wait longer with --timeout"
        }
        FailureCause::ResponseBroken => BREAKS_OFF,
        FailureCause::StreamRefused => {
            "the server speaks HTTP/2 and refuses these requests: look at what it logs"
        }
        FailureCause::Memory => {
            "fewer large responses at a time with -c, or give this process more memory"
        }
        FailureCause::HeaderFields => {
            "responses with more header fields are not read: ask for a resource with a smaller head"
        }
        FailureCause::GrpcMessage => {
            "--grpc sends one message: check the method, and that it is a gRPC service"
        }
        FailureCause::GrpcStatus => "check that it is a gRPC service, or leave --grpc out",
        FailureCause::ContentCoding => {
            "the body is not what its content-encoding says: look at what compresses it"
        }
        FailureCause::TlsVersion
        | FailureCause::Http2NotAgreed
        | FailureCause::Http1NotAgreed
        | FailureCause::ClientCertificate
        | FailureCause::HandshakeRefused
        | FailureCause::ServerName
        | FailureCause::HandshakeTimeout => after_handshake(cause),
        FailureCause::CertificateName
        | FailureCause::CertificateOfAuthority
        | FailureCause::CertificateVersion
        | FailureCause::CertificateIssuer
        | FailureCause::CertificateExpired
        | FailureCause::Certificate => after_certificate(cause),
    }
}

fn after_handshake(cause: FailureCause) -> &'static str {
    match cause {
        FailureCause::TlsVersion => {
            "the server speaks no version of TLS from 1.2 on, and resplit nothing older: look at what it allows"
        }
        FailureCause::Http2NotAgreed => "leave --http2 out; --grpc cannot do without HTTP/2",
        FailureCause::Http1NotAgreed => "ask over HTTP/2, with --http2",
        FailureCause::ClientCertificate => CLIENT_CERTIFICATE,
        FailureCause::ServerName => {
            "the server has nothing for the host of the URL, which --host does not change: put a name that it serves into the \
             URL, and where to connect into --connect-to or --resolve"
        }
        FailureCause::HandshakeRefused => {
            "the server takes no such handshake: it may want a client certificate (--cert FILE, --key FILE), or speak nothing \
             newer than TLS 1.1"
        }
        _ => {
            "the server takes the connection and does not finish the handshake: check that the port speaks TLS, or wait \
             longer with --connect-timeout"
        }
    }
}

fn after_certificate(cause: FailureCause) -> &'static str {
    match cause {
        FailureCause::CertificateName => {
            "the certificate is checked for the host of the URL, which --host does not change: put a name that it has into \
             the URL, and where to connect into --connect-to or --resolve"
        }
        FailureCause::CertificateOfAuthority => {
            "the server shows the certificate of an authority: trust this very one with --cacert FILE, or any with --insecure"
        }
        FailureCause::CertificateVersion => {
            "a certificate of X.509 version 1 has no names to check: make one with subjectAltName, or take any with \
             --insecure"
        }
        FailureCause::CertificateIssuer => {
            "trust its issuer with --cacert FILE, or any certificate with --insecure"
        }
        FailureCause::CertificateExpired => {
            "have the certificate renewed, or take any with --insecure"
        }
        _ => "have the certificate made anew, or take any with --insecure",
    }
}

/// What to do about failures of which the kind alone is known.
fn after_any(kind: FailureKind) -> &'static str {
    match kind {
        FailureKind::Dns => {
            "check the spelling; names of services resolve inside the mesh, so run in a pod with `kubectl exec`"
        }
        FailureKind::Connect => "check the address and port, and that something listens there",
        FailureKind::Tls => "check that the port speaks TLS; if it does not, write http://",
        FailureKind::Timeout => {
            "nothing answers in time; check the address, or wait longer with --timeout"
        }
        FailureKind::Reset => {
            "something takes connections there, and ends them without a response; does it want https://, --http2 or --h2c, or \
             other requests?"
        }
        FailureKind::Truncated => BREAKS_OFF,
        FailureKind::Oversized => {
            "responses of more than 8 MiB, or with heads of more than 64 KiB, are not read"
        }
        FailureKind::Malformed => {
            "something listens there, but does not speak the protocol that was asked for; is it https://, --http2 or --h2c?"
        }
    }
}

/// What to do when TLS cannot be set up.
pub(super) fn tls_setup(setup: TlsSetup) -> &'static str {
    match setup {
        TlsSetup::EncryptedKey => {
            "keys are read without a password; write such a one with: openssl pkey -in FILE -out PLAIN"
        }
        TlsSetup::Identity => {
            "--cert takes the certificate and its chain, --key the key that belongs to it, both as PEM (-----BEGIN …)"
        }
        TlsSetup::Authorities => {
            "give the CA with --cacert FILE, as PEM (-----BEGIN CERTIFICATE-----), or trust any certificate with --insecure"
        }
        TlsSetup::ServerName => {
            "put a DNS name or an address into the URL, and where to connect into --connect-to or --resolve"
        }
    }
}
