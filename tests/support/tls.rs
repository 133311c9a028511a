//! A certificate for this machine that nobody else trusts, and a server that shows it.

use std::net::SocketAddr;
use std::sync::Arc;

use rcgen::CertifiedKey;
use rustls::ServerConfig;
use rustls::crypto::aws_lc_rs::default_provider;
use rustls::pki_types::PrivateKeyDer;
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
        let names = vec!["localhost".to_owned(), "127.0.0.1".to_owned()];
        let CertifiedKey { cert, signing_key } =
            rcgen::generate_simple_self_signed(names).expect("the names are valid");
        let key = PrivateKeyDer::Pkcs8(signing_key.serialize_der().into());
        let config = ServerConfig::builder_with_provider(Arc::new(default_provider()))
            .with_safe_default_protocol_versions()
            .expect("the provider knows the usual versions")
            .with_no_client_auth()
            .with_single_cert(vec![cert.der().clone()], key)
            .expect("key and certificate belong together");
        Self {
            acceptor: TlsAcceptor::from(Arc::new(config)),
            pem: cert.pem(),
            key: signing_key.serialize_pem(),
        }
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

#[cfg(test)]
mod tests {
    use rustls::pki_types::pem::PemObject;
    use rustls::pki_types::{CertificateDer, ServerName};
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
