//! What Envoy 1.40 did with each of these requests.

use super::*;

const ONE: &str = "127.0.0.1:21081";
const TWO: &str = "127.0.0.1:21082";
const SIX: &str = "[::1]:21084";

fn pick(mechanism: PickMechanism, sources: &[PickSource]) -> EndpointPick {
    let endpoint = |address: &&str| PickEndpoint {
        address: (*address).to_owned(),
        backend: Some(0),
        pod: None,
    };
    EndpointPick {
        mechanism,
        sources: sources.to_vec(),
        fallback: None,
        endpoints: Some([ONE, TWO, SIX].iter().map(endpoint).collect()),
    }
}

fn header(name: &str) -> PickSource {
    PickSource::Header(name.to_owned())
}

fn lines(lines: &[(&str, &str)]) -> Vec<(String, String)> {
    let line = |(name, value): &(&str, &str)| ((*name).to_owned(), (*value).to_owned());
    lines.iter().map(line).collect()
}

fn endpoint(address: &str) -> Picked {
    Picked::Endpoint(address.to_owned())
}

#[test]
fn override_host_takes_the_first_entry_that_is_a_host_of_the_cluster() {
    let pick = pick(PickMechanism::OverrideHost, &[header("x-host")]);
    for (value, expected) in [
        (ONE, endpoint(ONE)),
        ("127.0.0.1:21082,127.0.0.1:21081", endpoint(TWO)),
        ("127.0.0.1:1,127.0.0.1:21082", endpoint(TWO)),
        (" 127.0.0.1:1 ,  127.0.0.1:21082 ", endpoint(TWO)),
        (",,127.0.0.1:21081,", endpoint(ONE)),
        ("[::1]:21084", endpoint(SIX)),
        ("", Picked::Fallback),
        ("127.0.0.1:1", Picked::Fallback),
        ("127.0.0.1:21081;127.0.0.1:21082", Picked::Fallback),
        ("127.0.0.1", Picked::Fallback),
        ("127.0.0.1:021081", Picked::Fallback),
        ("localhost:21081", Picked::Fallback),
        ("::1:21084", Picked::Fallback),
        ("[0:0:0:0:0:0:0:1]:21084", Picked::Fallback),
    ] {
        assert_eq!(
            pick.resolve(&lines(&[("X-Host", value)])),
            expected,
            "{value:?}"
        );
    }
    assert_eq!(pick.resolve(&[]), Picked::Fallback);
    // "of two header lines only the first is used"
    let two = lines(&[("x-host", "127.0.0.1:1"), ("x-host", TWO)]);
    assert_eq!(pick.resolve(&two), Picked::Fallback);
}

#[test]
fn several_sources_are_one_list_in_their_order() {
    let sources = [header("x-first"), header("x-second")];
    let pick = pick(PickMechanism::OverrideHost, &sources);
    let both = |first: &str| lines(&[("x-second", TWO), ("x-first", first)]);
    assert_eq!(pick.resolve(&both("127.0.0.1:1")), endpoint(TWO));
    assert_eq!(pick.resolve(&both(ONE)), endpoint(ONE));
}

#[test]
fn metadata_is_nothing_that_a_client_can_send() {
    let key = "envoy.lb:x-gateway-destination-endpoint";
    let pick = pick(
        PickMechanism::OverrideHost,
        &[PickSource::Metadata(key.to_owned())],
    );
    let sent = lines(&[("x-gateway-destination-endpoint", ONE)]);
    assert_eq!(pick.resolve(&sent), Picked::Fallback);
    assert_eq!(pick.set_by_clients(), None);
}

#[test]
fn original_dst_dials_whatever_address_is_named_and_nothing_else() {
    let pick = pick(PickMechanism::OriginalDst, &[header("target-pod")]);
    for (value, expected) in [
        (ONE, endpoint(ONE)),
        ("127.0.0.1:9", endpoint("127.0.0.1:9")),
        ("[::1]:9", endpoint("[::1]:9")),
        ("127.0.0.1:021081", endpoint(ONE)),
        ("127.0.0.1:21081,127.0.0.1:21082", Picked::Refused),
        ("localhost:21081", Picked::Refused),
        ("127.0.0.1", Picked::Refused),
        ("127.0.0.1:+9", Picked::Refused),
        ("", Picked::Refused),
    ] {
        assert_eq!(
            pick.resolve(&lines(&[("target-pod", value)])),
            expected,
            "{value:?}"
        );
    }
    assert_eq!(pick.resolve(&[]), Picked::Refused);
    let two = lines(&[("target-pod", TWO), ("target-pod", ONE)]);
    assert_eq!(pick.resolve(&two), endpoint(TWO));
}

#[test]
fn a_session_names_one_endpoint_in_base64() {
    let message = format!("\n{}{ONE}\u{10}\u{1}", char::from(15_u8));
    for strict in [false, true] {
        let mechanism = PickMechanism::Session { strict };
        let pick = pick(mechanism, &[PickSource::Cookie("session".to_owned())]);
        let sent = |address: &str| {
            let value = EndpointPick::encoded(mechanism, address);
            pick.resolve(&lines(&[("cookie", &format!("a=b; session=\"{value}\""))]))
        };
        assert_eq!(sent(ONE), endpoint(ONE));
        assert_eq!(sent(&message), endpoint(ONE), "a cookie with its end");
        let gone = if strict {
            Picked::Refused
        } else {
            Picked::Fallback
        };
        assert_eq!(sent("127.0.0.1:1"), gone);
        assert_eq!(sent("10.0.0.1"), gone);
        // Nine bytes that are a message of one unknown field.
        assert_eq!(sent("127.0.0.1"), Picked::Fallback);
        assert_eq!(
            pick.resolve(&lines(&[("cookie", "session=?")])),
            Picked::Fallback
        );
        assert_eq!(pick.resolve(&[]), Picked::Fallback);
    }
}
