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
    for (shown, why) in [(other, "not valid for name"), (expired, "expired")] {
        let report = shown.trusted().exits(4).report();
        let failures = report.0["observation"]["failures"].to_string();
        assert_eq!(report.failures("tls"), 3, "{why}: {failures}");
        assert!(failures.contains(why), "{why}: {failures}");
    }
}
