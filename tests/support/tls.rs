//! A certificate for this machine that nobody else trusts, and a server that shows it.

use std::net::SocketAddr;
use std::sync::Arc;

use rcgen::{Certificate, CertificateParams, KeyPair};
use rustls::ServerConfig;
use rustls::crypto::aws_lc_rs::default_provider;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::sign::{CertifiedKey, SingleCertAndKey};
use tokio_rustls::TlsAcceptor;

/// Who a server says it is.
pub(crate) struct Identity {
    acceptor: TlsAcceptor,
    pem: String,
    key: String,
}

impl Identity {
    /// A new self-signed certificate for `localhost` and 127.0.0.1.
    pub(crate) fn new() -> Self {
        Self::of(&["localhost", "127.0.0.1"], |_| {})
    }

    /// A new self-signed certificate for these names, changed before it is signed.
    pub(crate) fn of(names: &[&str], change: impl FnOnce(&mut CertificateParams)) -> Self {
        let (certificate, key) = signed(names, change);
        let shown = certificate.der().clone();
        Self::showing(&certificate, &key, shown)
    }

    /// A certificate of X.509 version 1, as `openssl x509 -req` makes it; the signature no longer fits.
    pub(crate) fn of_version_1() -> Self {
        let (certificate, key) = signed(&["localhost"], |_| {});
        let mut der = certificate.der().to_vec();
        let version_3 = [0xa0, 3, 2, 1, 2];
        let at = der
            .windows(version_3.len())
            .position(|bytes| bytes == version_3)
            .expect("a certificate begins with its version");
        der[at + 4] = 0;
        Self::showing(&certificate, &key, der.into())
    }

    fn showing(certificate: &Certificate, key: &KeyPair, shown: CertificateDer<'static>) -> Self {
        let provider = default_provider();
        let der = PrivateKeyDer::Pkcs8(key.serialize_der().into());
        let signing = provider.key_provider.load_private_key(der);
        // Not looked at, unlike what `with_single_cert` is given.
        let shown = CertifiedKey::new(vec![shown], signing.expect("the key can be read"));
        let config = ServerConfig::builder_with_provider(Arc::new(provider))
            .with_safe_default_protocol_versions()
            .expect("the provider knows the usual versions")
            .with_no_client_auth()
            .with_cert_resolver(Arc::new(SingleCertAndKey::from(shown)));
        Self {
            acceptor: TlsAcceptor::from(Arc::new(config)),
            pem: certificate.pem(),
            key: key.serialize_pem(),
        }
    }

    /// Speaks this protocol and no other.
    pub(crate) fn speaking(self, protocol: &str) -> Self {
        let mut config = ServerConfig::clone(self.acceptor.config());
        config.alpn_protocols = vec![protocol.as_bytes().to_vec()];
        let acceptor = TlsAcceptor::from(Arc::new(config));
        Self { acceptor, ..self }
    }

    /// Shakes hands as this identity.
    pub(crate) fn acceptor(&self) -> TlsAcceptor {
        self.acceptor.clone()
    }

    /// What a client has to trust.
    pub(crate) fn pem(&self) -> &str {
        &self.pem
    }

    /// The private key.
    pub(crate) fn key_pem(&self) -> &str {
        &self.key
    }

    /// The URL of a path at an address, by the name in the certificate.
    pub(crate) fn url(addr: SocketAddr, path: &str) -> String {
        format!("https://localhost:{}{path}", addr.port())
    }
}

fn signed(names: &[&str], change: impl FnOnce(&mut CertificateParams)) -> (Certificate, KeyPair) {
    let names: Vec<String> = names.iter().map(|name| (*name).to_owned()).collect();
    let mut params = CertificateParams::new(names).expect("the names are valid");
    change(&mut params);
    let key = KeyPair::generate().expect("there is chance");
    let certificate = params
        .self_signed(&key)
        .expect("a key signs its certificate");
    (certificate, key)
}

#[cfg(test)]
mod tests {
    use rustls::pki_types::ServerName;
    use rustls::pki_types::pem::PemObject;
    use rustls::{ClientConfig, RootCertStore};
    use tokio::io::{AsyncReadExt, AsyncWriteExt};
    use tokio::net::TcpStream;
    use tokio_rustls::TlsConnector;

    use super::*;
    use crate::support::mesh::Mesh;

    #[test]
    fn who_trusts_the_certificate_is_answered() {
        let mesh = Mesh::split([("v1", 1)]).tls().start();
        assert!(mesh.url("/").starts_with("https://localhost:"));
        let certificate =
            CertificateDer::from_pem_slice(mesh.certificate().unwrap().as_bytes()).unwrap();
        let mut roots = RootCertStore::empty();
        let strangers = ask(mesh.addr(), roots.clone());
        assert!(strangers.is_err(), "{strangers:?}");
        roots.add(certificate).unwrap();
        let answer = ask(mesh.addr(), roots).unwrap();
        assert!(answer.ends_with("v1\n"), "{answer}");
        assert_eq!(mesh.served(), 1);
    }

    fn ask(addr: SocketAddr, roots: RootCertStore) -> std::io::Result<String> {
        let config = ClientConfig::builder_with_provider(Arc::new(default_provider()))
            .with_safe_default_protocol_versions()
            .unwrap()
            .with_root_certificates(roots)
            .with_no_client_auth();
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()?;
        runtime.block_on(async {
            let stream = TcpStream::connect(addr).await?;
            let name = ServerName::try_from("localhost").unwrap();
            let mut stream = TlsConnector::from(Arc::new(config))
                .connect(name, stream)
                .await?;
            stream
                .write_all(b"GET / HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\n\r\n")
                .await?;
            let mut answer = String::new();
            stream.read_to_string(&mut answer).await?;
            Ok(answer)
        })
    }
}
