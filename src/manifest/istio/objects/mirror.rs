//! `mirror` and `mirrors` of an HTTP route: who gets copies of which part of its requests.

use super::destination::{Place, WeightedDestination, place};
use crate::manifest::decode::{At, Decoder};
use crate::manifest::fields::Fields;

/// Millionths of all requests.
const ALL: f64 = 1_000_000.0;

/// A destination that gets copies; what comes back is never its response.
#[derive(Clone, Debug)]
pub struct MirrorPolicy {
    /// Who gets them.
    pub destination: WeightedDestination,
    /// Which part of the requests, in millionths, as Istio writes it; all of them where nothing is said.
    pub millionths: u32,
}

/// All of a route: `mirror` with its percentage, and the items of `mirrors`.
pub(super) fn mirrors(route: &mut Fields<'_, '_>, decoder: &mut Decoder<'_>) -> Vec<MirrorPolicy> {
    let mut found: Vec<(Place, f64)> = Vec::new();
    let single = route.map("mirror", "a mirror", decoder);
    let single = single.and_then(|mirror| place(mirror, decoder));
    let percentage = percentage(route, "mirrorPercentage", decoder);
    // The older whole numbers.
    let mut whole = |key| route.integer(key, 0..=100, decoder);
    let old = whole("mirrorPercent").or_else(|| whole("mirror_percent"));
    let old = old.map(|old| f64::from(u8::try_from(old.value).unwrap_or_default()));
    found.extend(single.map(|place| (place, percentage.or(old).unwrap_or(100.0))));
    for node in route.items("mirrors", decoder) {
        let Some(mut policy) = decoder.map(node, "an item of `mirrors`") else {
            continue;
        };
        let destination = policy.map("destination", "a destination", decoder);
        let destination = destination.and_then(|destination| place(destination, decoder));
        let own = self::percentage(&mut policy, "percentage", decoder);
        found.extend(destination.map(|place| (place, own.unwrap_or(100.0))));
        policy.finish(decoder);
    }
    found.into_iter().map(policy).collect()
}

fn policy(((host, subset, port), percent): (Place, f64)) -> MirrorPolicy {
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "between 0 and a million; Istio cuts what is finer"
    )]
    let millionths = (percent * ALL / 100.0).clamp(0.0, ALL) as u32;
    MirrorPolicy {
        destination: WeightedDestination {
            host,
            subset,
            port,
            weight: None,
        },
        millionths,
    }
}

/// `KEY.value`; a percentage without a value is 0.
fn percentage(
    fields: &mut Fields<'_, '_>,
    key: &'static str,
    decoder: &mut Decoder<'_>,
) -> Option<f64> {
    let mut percentage = fields.map(key, "a percentage", decoder)?;
    let value = percentage.get("value");
    let value = value.and_then(|node| decoder.number(node, "value"));
    percentage.finish(decoder);
    Some(value.map_or(0.0, |At { value, .. }| value))
}
