//! A real nginx, from the distribution: TLS, client certificates, HTTP/2, gzip, Unix sockets, IPv6.

use std::fs;
use std::net::SocketAddr;
use std::path::Path;
use std::process::Command;

use tempfile::TempDir;

use super::daemon::{Daemon, ports};
use super::tls::Identity;

/// A running nginx. Everywhere it answers `v1`, in the body and in `x-version`; `x-protocol` says how it was asked, `x-sni`
/// for which name, and `x-host` with which `Host`.
pub(crate) struct Nginx {
    // Ends before its folder does.
    _daemon: Daemon,
    folder: TempDir,
    ports: [u16; 4],
}

impl Nginx {
    /// Starts it, or panics as [`Daemon::start`] does.
    pub(crate) fn start() -> Self {
        let folder = tempfile::tempdir().expect("the folder for temporary files is writable");
        let identity = Identity::new();
        let write = |name: &str, text: &str| {
            fs::write(folder.path().join(name), text).expect("the folder is writable");
        };
        write("server.pem", identity.pem());
        write("server.key", identity.key_pem());
        let client = Identity::new();
        write("client.pem", client.pem());
        write("client.key", client.key_pem());
        let ports = ports();
        write("nginx.conf", &config(folder.path(), ports));
        let mut daemon = Daemon::start(
            Command::new("nginx")
                .arg("-c")
                .arg(folder.path().join("nginx.conf"))
                .arg("-p")
                .arg(folder.path()),
            "nginx-light",
        );
        let last = SocketAddr::from(([127, 0, 0, 1], ports[3]));
        daemon.wait(last, || {
            fs::read_to_string(folder.path().join("error.log")).unwrap_or_default()
        });
        Self {
            _daemon: daemon,
            folder,
            ports,
        }
    }

    /// The URL of a path in plain text, by the name in the certificate.
    pub(crate) fn plain(&self, path: &str) -> String {
        format!("http://localhost:{}{path}", self.ports[0])
    }

    /// The URL of a path within TLS.
    pub(crate) fn tls(&self, path: &str) -> String {
        format!("https://localhost:{}{path}", self.ports[1])
    }

    /// The URL of a path within TLS, without HTTP/2 and only for clients with a certificate.
    pub(crate) fn mutual(&self, path: &str) -> String {
        format!("https://localhost:{}{path}", self.ports[2])
    }

    /// The URL of a path over HTTP/2 without TLS, where four requests are taken at a time, and ten on a connection.
    pub(crate) fn few_streams(&self, path: &str) -> String {
        format!("http://localhost:{}{path}", self.ports[3])
    }

    /// The port in plain text, on `127.0.0.1` and on `::1`.
    pub(crate) fn port(&self) -> u16 {
        self.ports[0]
    }

    /// The port within TLS.
    pub(crate) fn tls_port(&self) -> u16 {
        self.ports[1]
    }

    /// A file beside the configuration: `server.pem`, `client.pem`, `client.key`, `socket`.
    pub(crate) fn file(&self, name: &str) -> String {
        self.folder.path().join(name).display().to_string()
    }
}

fn config(folder: &Path, [plain, tls, mutual, few]: [u16; 4]) -> String {
    let folder = folder.display();
    let answer = r#"
        add_header x-version v1;
        add_header x-protocol $server_protocol;
        add_header x-sni $ssl_server_name;
        add_header x-host $http_host;
        default_type text/plain;
        location / { return 200 "v1\n"; }
        location /zipped { gzip on; gzip_min_length 1; gzip_types *; alias FOLDER/long.txt; }
    "#
    .replace("FOLDER", &folder.to_string());
    fs::write(
        Path::new(&folder.to_string()).join("long.txt"),
        "v1 ".repeat(500),
    )
    .expect("the folder is writable");
    format!(
        r"
worker_processes 1; daemon off; master_process off; pid {folder}/pid; error_log {folder}/error.log warn;
events {{ worker_connections 4096; }}
http {{
    access_log off;
    client_body_temp_path {folder}/a; proxy_temp_path {folder}/b; fastcgi_temp_path {folder}/c;
    uwsgi_temp_path {folder}/d; scgi_temp_path {folder}/e;
    keepalive_requests 50;
    ssl_certificate {folder}/server.pem; ssl_certificate_key {folder}/server.key;
    server {{ listen 127.0.0.1:{plain}; listen [::1]:{plain}; listen unix:{folder}/socket; {answer} }}
    server {{ listen 127.0.0.1:{tls} ssl http2; {answer} }}
    server {{ listen 127.0.0.1:{mutual} ssl; ssl_verify_client on; ssl_client_certificate {folder}/client.pem;
        {answer} }}
    server {{ listen 127.0.0.1:{few} http2; http2_max_concurrent_streams 4; keepalive_requests 10; {answer} }}
}}
"
    )
}
