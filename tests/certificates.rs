//! Which certificates are trusted: with `--cacert`, with `-k`, and what a failure advises.

use std::fs;

use rcgen::{BasicConstraints, CertificateParams, IsCa, date_time_ymd};
use tempfile::TempDir;

use crate::support::cmd::{Outcome, run_json};
use crate::support::mesh::Mesh;
use crate::support::tls::Identity;

/// A server that shows a certificate, and a file with that certificate.
struct Shown {
    mesh: Mesh,
    folder: TempDir,
}

impl Shown {
    fn by(identity: Identity) -> Self {
        let mesh = Mesh::split([("v1", 1)]).shows(identity).start();
        let folder = tempfile::tempdir().expect("the folder for temporary files is writable");
        let pem = mesh.certificate().expect("it speaks TLS");
        fs::write(folder.path().join("shown.pem"), pem).expect("the folder is writable");
        Self { mesh, folder }
    }

    fn to(&self, trust: &[&str]) -> Outcome {
        let url = self.mesh.url("/");
        run_json(&[&["-n", "3"], trust, &[&url]].concat())
    }

    /// With `--cacert` for the very certificate.
    fn trusted(&self) -> Outcome {
        let file = self.folder.path().join("shown.pem").display().to_string();
        self.to(&["--cacert", &file])
    }
}

/// As `openssl req -x509` makes them.
fn authority(params: &mut CertificateParams) {
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
}

#[test]
fn insecure_takes_any_certificate_even_one_that_cannot_be_read() {
    let shown = Shown::by(Identity::of_version_1());
    let report = shown.to(&["-k"]).exits(0).report();
    assert_eq!(report.number("/observation/answered"), 3, "{:#}", report.0);
    assert_eq!(shown.to(&[]).exits(4).report().failures("tls"), 3);
}

#[test]
fn a_given_certificate_is_trusted_itself_though_it_is_called_an_authority() {
    let shown = Shown::by(Identity::of(&["localhost"], authority));
    let report = shown.trusted().exits(0).report();
    assert_eq!(report.number("/observation/answered"), 3, "{:#}", report.0);
    assert_eq!(shown.to(&[]).exits(4).report().failures("tls"), 3);
}

#[test]
fn a_given_certificate_is_trusted_for_its_names_and_within_its_dates_alone() {
    let other = Shown::by(Identity::of(&["weather.test"], authority));
    let expired = Shown::by(Identity::of(&["localhost"], |params| {
        authority(params);
        params.not_before = date_time_ymd(2020, 1, 1);
        params.not_after = date_time_ymd(2021, 1, 1);
    }));
    for (shown, why, advice) in [
        (other, "not valid for name", "--connect-to"),
        (expired, "expired", "renewed"),
    ] {
        let outcome = shown.trusted().exits(4);
        let report = outcome.report();
        let failures = report.0["observation"]["failures"].to_string();
        assert_eq!(report.failures("tls"), 3, "{why}: {failures}");
        assert!(failures.contains(why), "{why}: {failures}");
        outcome.advises(advice);
    }
}

#[test]
fn what_a_handshake_failed_on_is_what_the_help_is_about() {
    let plain = Shown::by(Identity::new());
    plain.to(&[]).exits(4).advises("--cacert FILE");
    let old = Shown::by(Identity::new().speaking("http/1.1"));
    for args in [&["-k", "--http2"][..], &["-k", "--grpc", "health"]] {
        let url = format!("https://localhost:{}", old.mesh.addr().port());
        let outcome = run_json(&[&["-n", "3"], args, &[&url]].concat()).exits(4);
        assert_eq!(outcome.report().failures("tls"), 3);
        outcome.advises("leave --http2 out");
    }
    let new = Shown::by(Identity::new().speaking("h2"));
    let outcome = new.to(&["-k"]).exits(4);
    assert_eq!(outcome.report().failures("tls"), 3);
    outcome.advises("with --http2");
    let mesh = Mesh::split([("v1", 1)]).start();
    let outcome = run_json(&["-n", "3", "-k", &format!("https://{}/", mesh.addr())]);
    outcome.exits(4).advises("write http://");
}

#[test]
fn a_client_certificate_that_cannot_be_used_is_what_the_help_is_about() {
    let shown = Shown::by(Identity::new());
    let folder = shown.folder.path();
    let certificate = folder.join("shown.pem").display().to_string();
    for (name, key, message, advice) in [
        (
            "pkcs8.key",
            "-----BEGIN ENCRYPTED PRIVATE KEY-----\nMAA=\n-----END ENCRYPTED PRIVATE KEY-----\n",
            "is encrypted",
            "openssl pkey",
        ),
        (
            "older.key",
            "-----BEGIN RSA PRIVATE KEY-----\nProc-Type: 4,ENCRYPTED\n\nMAA=\n-----END RSA PRIVATE KEY-----\n",
            "is encrypted",
            "openssl pkey",
        ),
        (
            "no.key",
            "no key\n",
            "no private key",
            "--key the key that belongs to it",
        ),
    ] {
        let path = folder.join(name);
        fs::write(&path, key).expect("the folder is writable");
        let outcome = shown.to(&[
            "-k",
            "--cert",
            &certificate,
            "--key",
            &path.display().to_string(),
        ]);
        outcome.refused(name);
        assert!(
            outcome.stderr.contains(message),
            "{name}: {}",
            outcome.stderr
        );
        assert!(
            !outcome.stderr.contains("--cacert"),
            "{name}: {}",
            outcome.stderr
        );
        outcome.advises(advice);
    }
}
