//! The admin interface of a proxy: what it has been told and what it counted, beside what is declared and seen.

mod cluster_bucket;
mod control_plane;
mod envoy;
mod hostile;
mod mirrors;
mod proxy_state;

use crate::support::cmd::{Report, run_json};
use crate::support::mesh::Mesh;

/// The messages of the notes of an id, in the diagnosis and beside it.
pub(crate) fn said(report: &Report, id: &str) -> Vec<String> {
    let notes = ["/verdict/diagnosis", "/verdict/caveats"].into_iter();
    let notes = notes.filter_map(|place| report.0.pointer(place)?.as_array());
    let own = notes.flatten().filter(|note| note["id"] == id);
    own.filter_map(|note| note["message"].as_str().map(str::to_owned))
        .collect()
}

#[test]
fn an_interface_that_is_not_there_is_a_note_and_never_a_failure() {
    let mesh = Mesh::split([("v1", 1)]).start();
    let url = mesh.url("/");
    let nobody = crate::support::hostile::Refusing::start();
    for admin in [nobody.url("/"), "unix:/nowhere/admin.sock".to_owned()] {
        let report = run_json(&[
            "--proxy-admin",
            &admin,
            "--expect",
            "v1=1",
            "-n",
            "50",
            &url,
        ])
        .exits(0)
        .report();
        let said = said(&report, "proxy-admin");
        assert_eq!(said.len(), 1, "{said:?}");
        assert!(said[0].contains("was not read"), "{said:?}");
        assert!(report.0["programmed"].is_null() && report.0["counted"].is_null());
    }
}

#[test]
fn without_an_interface_nothing_is_said_of_one() {
    let mesh = Mesh::split([("v1", 1)]).start();
    let url = mesh.url("/");
    for more in [&[][..], &["--proxy-admin", "off"]] {
        let args = [&["--expect", "v1=1", "-n", "50", &url], more].concat();
        let report = run_json(&args).exits(0).report();
        assert_eq!(said(&report, "proxy-admin"), [""; 0]);
        assert!(report.0["programmed"].is_null() && report.0["counted"].is_null());
    }
}

#[test]
fn an_address_that_is_none_is_refused() {
    for wrong in ["on", "https://127.0.0.1:15000", "unix:", "http://127.0.0.1"] {
        let outcome = run_json(&["--proxy-admin", wrong, "http://127.0.0.1:1/"]).exits(2);
        assert!(
            outcome
                .stderr
                .contains("write http://HOST:PORT, unix:PATH, auto or off"),
            "{}",
            outcome.stderr
        );
    }
}
