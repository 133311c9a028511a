//! `tls` routes of a VirtualService: checked for their fields. Not: judged, since they look at handshakes.

use crate::manifest::decode::Decoder;
use crate::manifest::fields::Fields;

/// Checks the fields of `tls`.
pub(super) fn check(spec: &mut Fields<'_, '_>, decoder: &mut Decoder<'_>) {
    let shared = [
        "destinationSubnets",
        "port",
        "sourceLabels",
        "gateways",
        "sourceNamespace",
    ];
    for node in spec.items("tls", decoder) {
        let Some(mut route) = decoder.map(node, "a TLS route") else {
            continue;
        };
        for node in route.items("match", decoder) {
            if let Some(mut condition) = decoder.map(node, "a match") {
                condition.ignore(&shared);
                condition.ignore(&["sniHosts"]);
                condition.finish(decoder);
            }
        }
        for node in route.items("route", decoder) {
            let Some(mut item) = decoder.map(node, "an item of `route`") else {
                continue;
            };
            item.integer("weight", 0..=i64::from(i32::MAX), decoder);
            if let Some(mut destination) = item.map("destination", "a destination", decoder) {
                destination.required("host", decoder);
                destination.text("subset", decoder);
                destination.ignore(&["port"]);
                destination.finish(decoder);
            }
            item.finish(decoder);
        }
        route.finish(decoder);
    }
}
