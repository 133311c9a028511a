//! What is known about why a request failed, beyond its kind.

use serde::{Deserialize, Serialize};

use super::FailureKind;

/// Why a request failed, where that is known.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum FailureCause {
    /// The name service failed for the moment.
    NameServiceFailed,
    /// The host has addresses, and none of the family that was asked for.
    NoAddressOfFamily,
    /// The proxy asks for credentials.
    ProxyAuthentication,
    /// The proxy cannot be reached, or refuses the tunnel.
    Proxy,
    /// This process may open no further file.
    TooManyFiles,
    /// The system has no local port left.
    NoFreePort,
    /// The server speaks no version of TLS that is spoken here.
    TlsVersion,
    /// The server does not agree to HTTP/2.
    Http2NotAgreed,
    /// The server does not agree to HTTP/1.1.
    Http1NotAgreed,
    /// The server wants a client certificate, or another one.
    ClientCertificate,
    /// The server takes no part of the handshake.
    HandshakeRefused,
    /// The server has nothing for the name in the handshake.
    ServerName,
    /// The certificate is for other names.
    CertificateName,
    /// The certificate is that of an authority.
    CertificateOfAuthority,
    /// The certificate is older than X.509 version 3.
    CertificateVersion,
    /// The issuer of the certificate is not trusted.
    CertificateIssuer,
    /// The certificate has expired.
    CertificateExpired,
    /// The certificate is not valid for another reason.
    Certificate,
    /// The name service did not answer in time.
    NameServiceSilent,
    /// Nothing took the connection in time.
    ConnectTimeout,
    /// The proxy did not answer `CONNECT` in time.
    ProxyTimeout,
    /// The TLS handshake did not end in time.
    HandshakeTimeout,
    /// The server allows no HTTP/2 streams.
    StreamsForbidden,
    /// The HTTP/2 streams that the server allows were all busy.
    StreamsBusy,
    /// The response began and did not end in time.
    ResponseTimeout,
    /// The connection broke within the response.
    ResponseBroken,
    /// The server refused the HTTP/2 stream, or is going away.
    StreamRefused,
    /// The responses under way take more memory than there is for them.
    Memory,
    /// The response has too many header fields.
    HeaderFields,
    /// What came is not one gRPC message.
    GrpcMessage,
    /// The response has no gRPC status.
    GrpcStatus,
    /// The body is not in the coding that its head says.
    ContentCoding,
}

impl FailureCause {
    /// The kind that a failure of this cause is counted under.
    #[must_use]
    pub fn kind(self) -> FailureKind {
        match self {
            Self::NameServiceFailed | Self::NoAddressOfFamily => FailureKind::Dns,
            Self::ProxyAuthentication | Self::Proxy | Self::TooManyFiles | Self::NoFreePort => {
                FailureKind::Connect
            }
            Self::TlsVersion
            | Self::Http2NotAgreed
            | Self::Http1NotAgreed
            | Self::ClientCertificate
            | Self::HandshakeRefused
            | Self::ServerName
            | Self::CertificateName
            | Self::CertificateOfAuthority
            | Self::CertificateVersion
            | Self::CertificateIssuer
            | Self::CertificateExpired
            | Self::Certificate => FailureKind::Tls,
            Self::NameServiceSilent
            | Self::ConnectTimeout
            | Self::ProxyTimeout
            | Self::HandshakeTimeout
            | Self::StreamsForbidden
            | Self::StreamsBusy
            | Self::ResponseTimeout => FailureKind::Timeout,
            Self::ResponseBroken | Self::StreamRefused => FailureKind::Reset,
            Self::Memory | Self::HeaderFields => FailureKind::Oversized,
            Self::GrpcMessage | Self::GrpcStatus | Self::ContentCoding => FailureKind::Malformed,
        }
    }
}
