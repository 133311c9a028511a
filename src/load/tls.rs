//! TLS by rustls: the system's roots, one's own, or none; a client certificate where one is given.

use std::io;
use std::sync::Arc;

use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::client::{WebPkiServerVerifier, verify_server_name};
use rustls::crypto::{CryptoProvider, aws_lc_rs};
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer, ServerName, UnixTime};
use rustls::server::ParsedCertificate;
use rustls::{
    AlertDescription, CertificateError, ClientConfig, DigitallySignedStruct, RootCertStore,
    SignatureScheme,
};
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;

use super::socket::Socket;
use super::{LoadError, TlsSetup};
use crate::observe::FailureCause;
use crate::plan::{ClientIdentity, Tls, Verify};

/// Everything needed to speak TLS to one host.
pub(super) struct Connector {
    config: TlsConnector,
    name: ServerName<'static>,
    /// The protocol that has to be agreed on.
    wanted: Option<&'static [u8]>,
}

impl Connector {
    /// For connections that carry HTTP/2, or HTTP/1.1.
    pub(super) fn new(tls: &Tls, host: &str, http2: bool) -> Result<Self, LoadError> {
        let name = ServerName::try_from(host.to_owned()).map_err(|_| {
            let message = format!("`{host}` is not a valid TLS server name");
            wrong(TlsSetup::ServerName, message)
        })?;
        let provider = Arc::new(aws_lc_rs::default_provider());
        let builder = ClientConfig::builder_with_provider(Arc::clone(&provider))
            .with_safe_default_protocol_versions()
            .expect("the provider speaks the versions of TLS that rustls does");
        let builder = match &tls.verify {
            Verify::System => builder.with_root_certificates(system_roots()?),
            Verify::Only(pem) => builder
                .dangerous()
                .with_custom_certificate_verifier(Arc::new(TheseCertificates::new(pem, provider)?)),
            Verify::Nothing => builder
                .dangerous()
                .with_custom_certificate_verifier(Arc::new(AnyCertificate(provider))),
        };
        let mut config = match &tls.identity {
            None => builder.with_no_client_auth(),
            Some(identity) => {
                let (chain, key) = client_identity(identity)?;
                builder.with_client_auth_cert(chain, key).map_err(|error| {
                    wrong(TlsSetup::Identity, format!("--cert and --key: {error}"))
                })?
            }
        };
        let protocol: &'static [u8] = if http2 { b"h2" } else { b"http/1.1" };
        config.alpn_protocols = vec![protocol.to_vec()];
        Ok(Self {
            config: TlsConnector::from(Arc::new(config)),
            name,
            wanted: http2.then_some(protocol),
        })
    }

    pub(super) async fn connect(&self, socket: Socket) -> io::Result<TlsStream<Socket>> {
        let stream = self.config.connect(self.name.clone(), socket).await;
        let stream = stream.map_err(|error| {
            let refused = rustls::Error::AlertReceived(AlertDescription::NoApplicationProtocol);
            if tls_error(&error) == Some(&refused) {
                self.disagreed()
            } else {
                error
            }
        })?;
        let agreed = stream.get_ref().1.alpn_protocol();
        if self.wanted.is_some() && agreed != self.wanted {
            return Err(self.disagreed());
        }
        Ok(stream)
    }

    fn disagreed(&self) -> io::Error {
        io::Error::other(match self.wanted {
            Some(_) => NotAgreed::Http2,
            None => NotAgreed::Http1,
        })
    }
}

/// The server does not agree to a protocol.
#[derive(Debug, thiserror::Error)]
enum NotAgreed {
    #[error("the server does not speak HTTP/2: it does not agree to `h2` by ALPN")]
    Http2,
    #[error("the server does not speak HTTP/1.1: it does not agree to `http/1.1` by ALPN")]
    Http1,
}

/// What alerts of the server mean.
const ALERTS: [(AlertDescription, FailureCause); 10] = [
    (AlertDescription::UnrecognisedName, FailureCause::ServerName),
    (AlertDescription::ProtocolVersion, FailureCause::TlsVersion),
    (
        AlertDescription::HandshakeFailure,
        FailureCause::HandshakeRefused,
    ),
    (
        AlertDescription::CertificateRequired,
        FailureCause::ClientCertificate,
    ),
    (
        AlertDescription::BadCertificate,
        FailureCause::ClientCertificate,
    ),
    (
        AlertDescription::UnsupportedCertificate,
        FailureCause::ClientCertificate,
    ),
    (
        AlertDescription::CertificateRevoked,
        FailureCause::ClientCertificate,
    ),
    (
        AlertDescription::CertificateExpired,
        FailureCause::ClientCertificate,
    ),
    (
        AlertDescription::CertificateUnknown,
        FailureCause::ClientCertificate,
    ),
    (AlertDescription::UnknownCA, FailureCause::ClientCertificate),
];

/// What rustls says within an error of the stream.
pub(super) fn tls_error(error: &io::Error) -> Option<&rustls::Error> {
    error.get_ref()?.downcast_ref()
}

/// Why TLS failed, where that is known.
pub(super) fn tls_cause(error: &io::Error) -> Option<FailureCause> {
    if let Some(protocol) = error.get_ref()?.downcast_ref() {
        return Some(match protocol {
            NotAgreed::Http2 => FailureCause::Http2NotAgreed,
            NotAgreed::Http1 => FailureCause::Http1NotAgreed,
        });
    }
    match tls_error(error)? {
        rustls::Error::AlertReceived(alert) => {
            let mut known = ALERTS.iter();
            known.find(|(of, _)| of == alert).map(|(_, cause)| *cause)
        }
        rustls::Error::InvalidCertificate(error) => Some(certificate_cause(error)),
        _ => None,
    }
}

/// The same of an alert of which only the text is left: `h2` keeps no more of what its stream says.
pub(super) fn alert_cause(error: &io::Error) -> Option<FailureCause> {
    let said = error.to_string();
    let is = |alert: AlertDescription| rustls::Error::AlertReceived(alert).to_string() == said;
    let mut known = ALERTS.iter();
    known.find(|(alert, _)| is(*alert)).map(|(_, cause)| *cause)
}

fn certificate_cause(error: &CertificateError) -> FailureCause {
    match error {
        CertificateError::NotValidForName | CertificateError::NotValidForNameContext { .. } => {
            FailureCause::CertificateName
        }
        CertificateError::UnknownIssuer => FailureCause::CertificateIssuer,
        CertificateError::Expired | CertificateError::ExpiredContext { .. } => {
            FailureCause::CertificateExpired
        }
        CertificateError::Other(other) => match other.0.downcast_ref() {
            Some(webpki::Error::CaUsedAsEndEntity) => FailureCause::CertificateOfAuthority,
            Some(webpki::Error::UnsupportedCertVersion) => FailureCause::CertificateVersion,
            _ => FailureCause::Certificate,
        },
        _ => FailureCause::Certificate,
    }
}

fn wrong(setup: TlsSetup, message: impl Into<String>) -> LoadError {
    LoadError::Tls {
        setup,
        message: message.into(),
    }
}

fn system_roots() -> Result<RootCertStore, LoadError> {
    let mut store = RootCertStore::empty();
    store.add_parsable_certificates(rustls_native_certs::load_native_certs().certs);
    if store.is_empty() {
        let message = "the system has no root certificates; give --cacert FILE";
        return Err(wrong(TlsSetup::Authorities, message));
    }
    Ok(store)
}

fn certificates(
    pem: &[u8],
    setup: TlsSetup,
    file: &str,
) -> Result<Vec<CertificateDer<'static>>, LoadError> {
    CertificateDer::pem_slice_iter(pem)
        .collect::<Result<_, _>>()
        .map_err(|error| wrong(setup, format!("the {file} file is not valid PEM: {error}")))
}

fn client_identity(
    identity: &ClientIdentity,
) -> Result<(Vec<CertificateDer<'static>>, PrivateKeyDer<'static>), LoadError> {
    let chain = certificates(&identity.certificate, TlsSetup::Identity, "--cert")?;
    if chain.is_empty() {
        let message = "the --cert file holds no certificate";
        return Err(wrong(TlsSetup::Identity, message));
    }
    let key = PrivateKeyDer::from_pem_slice(&identity.key).map_err(|error| {
        // `BEGIN ENCRYPTED PRIVATE KEY`, or `Proc-Type: 4,ENCRYPTED` in older files.
        let encrypted = identity.key.windows(9).any(|part| part == b"ENCRYPTED");
        if encrypted {
            let message = "the key of the --key file is encrypted";
            wrong(TlsSetup::EncryptedKey, message)
        } else {
            let message = format!("the --key file holds no private key: {error}");
            wrong(TlsSetup::Identity, message)
        }
    })?;
    Ok((chain, key))
}

/// Accepts what chains to one of the given certificates, as usual, and also one of them itself: people make certificates
/// for a server that sign themselves, and call them authorities (`openssl req -x509`).
#[derive(Debug)]
struct TheseCertificates {
    given: Vec<CertificateDer<'static>>,
    chains: Arc<WebPkiServerVerifier>,
}

impl TheseCertificates {
    fn new(pem: &[u8], provider: Arc<CryptoProvider>) -> Result<Self, LoadError> {
        let given = certificates(pem, TlsSetup::Authorities, "CA")?;
        let mut roots = RootCertStore::empty();
        roots.add_parsable_certificates(given.iter().cloned());
        if roots.is_empty() {
            let message = "the CA file holds no certificate";
            return Err(wrong(TlsSetup::Authorities, message));
        }
        let chains = WebPkiServerVerifier::builder_with_provider(Arc::new(roots), provider)
            .build()
            .map_err(|error| wrong(TlsSetup::Authorities, error.to_string()))?;
        Ok(Self { given, chains })
    }
}

impl ServerCertVerifier for TheseCertificates {
    fn verify_server_cert(
        &self,
        end_entity: &CertificateDer<'_>,
        intermediates: &[CertificateDer<'_>],
        name: &ServerName<'_>,
        ocsp: &[u8],
        now: UnixTime,
    ) -> Result<ServerCertVerified, rustls::Error> {
        let verified = self
            .chains
            .verify_server_cert(end_entity, intermediates, name, ocsp, now);
        match verified {
            // `Other` is an authority in the place of a server. What has expired says so before anything else; the name is
            // looked at last, and was not.
            Err(rustls::Error::InvalidCertificate(
                CertificateError::UnknownIssuer | CertificateError::Other(_),
            )) if self.given.contains(end_entity) => {
                verify_server_name(&ParsedCertificate::try_from(end_entity)?, name)?;
                Ok(ServerCertVerified::assertion())
            }
            verified => verified,
        }
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        dss: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        self.chains.verify_tls12_signature(message, cert, dss)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        dss: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        self.chains.verify_tls13_signature(message, cert, dss)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.chains.supported_verify_schemes()
    }
}

/// Accepts every certificate, and does not even read it: there are servers with one that is older than what can be read
/// here (X.509 v1). That the peer holds the key that it shows is not checked either, which loses nothing: whoever answers in
/// the place of the server shows a certificate of his own, and holds its key.
#[derive(Debug)]
struct AnyCertificate(Arc<CryptoProvider>);

impl ServerCertVerifier for AnyCertificate {
    fn verify_server_cert(
        &self,
        _end_entity: &CertificateDer<'_>,
        _intermediates: &[CertificateDer<'_>],
        _name: &ServerName<'_>,
        _ocsp: &[u8],
        _now: UnixTime,
    ) -> Result<ServerCertVerified, rustls::Error> {
        Ok(ServerCertVerified::assertion())
    }

    fn verify_tls12_signature(
        &self,
        _message: &[u8],
        _cert: &CertificateDer<'_>,
        _dss: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        Ok(HandshakeSignatureValid::assertion())
    }

    fn verify_tls13_signature(
        &self,
        _message: &[u8],
        _cert: &CertificateDer<'_>,
        _dss: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        Ok(HandshakeSignatureValid::assertion())
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.0.signature_verification_algorithms.supported_schemes()
    }
}
