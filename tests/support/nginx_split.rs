//! A real nginx that splits requests by smooth weighted round robin, each worker by itself: `upstream` without `zone`.

use std::fs;
use std::net::SocketAddr;
use std::process::Command;

use tempfile::TempDir;

use super::daemon::{Daemon, ports};

/// A running nginx whose workers are fresh.
pub(crate) struct NginxSplit {
    // Ends before its folder does.
    _daemon: Daemon,
    _folder: TempDir,
    port: u16,
}

impl NginxSplit {
    /// Starts so many workers that split by these weights over `v1`, `v2` and so on.
    pub(crate) fn start(workers: u32, weights: &[u32]) -> Self {
        let folder = tempfile::tempdir().expect("the folder for temporary files is writable");
        let [port] = ports();
        let own: Vec<u16> = weights.iter().map(|_| ports::<1>()[0]).collect();
        let file = folder.path().join("nginx.conf");
        let place = folder.path().display().to_string();
        fs::write(&file, config(&place, port, workers, &own, weights))
            .expect("the folder is writable");
        let mut command = Command::new("nginx");
        command.arg("-c").arg(&file).arg("-p").arg(folder.path());
        let mut daemon = Daemon::start(&mut command, "nginx-light").asked_to_end();
        let log = folder.path().join("error.log");
        daemon.wait(SocketAddr::from(([127, 0, 0, 1], port)), || {
            fs::read_to_string(&log).unwrap_or_default()
        });
        Self {
            _daemon: daemon,
            _folder: folder,
            port,
        }
    }

    /// The URL of everything.
    pub(crate) fn url(&self) -> String {
        format!("http://127.0.0.1:{}/", self.port)
    }
}

fn config(folder: &str, port: u16, workers: u32, own: &[u16], weights: &[u32]) -> String {
    let servers = own.iter().zip(weights);
    let servers =
        servers.map(|(port, weight)| format!("server 127.0.0.1:{port} weight={weight}; "));
    let versions = (1..).zip(own).map(|(number, port)| {
        format!(
            "server {{ listen 127.0.0.1:{port}; location / {{ return 200 \"v{number}\\n\"; }} }}\n"
        )
    });
    format!(
        r"
worker_processes {workers}; daemon off; pid {folder}/pid; error_log {folder}/error.log warn;
events {{ worker_connections 512; }}
http {{
    access_log off; default_type text/plain;
    client_body_temp_path {folder}/a; proxy_temp_path {folder}/b; fastcgi_temp_path {folder}/c;
    uwsgi_temp_path {folder}/d; scgi_temp_path {folder}/e;
    upstream versions {{ {} }}
    server {{ listen 127.0.0.1:{port}; location / {{ proxy_pass http://versions; }} }}
    {}
}}
",
        servers.collect::<String>(),
        versions.collect::<String>()
    )
}
