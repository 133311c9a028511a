//! `route` of an HTTP route: destinations and their weights, as written.

use super::unread_fields::headers;
use crate::diag::{Code, Note};
use crate::manifest::decode::{At, Decoder};
use crate::manifest::fields::Fields;
use crate::manifest::yaml::{Node, Scalar, Value};

/// One item of `route`.
#[derive(Clone, Debug)]
pub struct WeightedDestination {
    /// The host as written.
    pub host: At<String>,
    /// The subset.
    pub subset: Option<At<String>>,
    /// The port.
    pub port: Option<At<u16>>,
    /// The weight; unset counts as zero next to other destinations.
    pub weight: Option<At<u32>>,
}

/// What Istio's admission says about weights.
pub(super) fn weights(
    destinations: Vec<WeightedDestination>,
    route: &mut Fields<'_, '_>,
    decoder: &mut Decoder<'_>,
) -> Option<Vec<WeightedDestination>> {
    let Value::List(written) = &route.get("route")?.value else {
        return None;
    };
    let written = written.len();
    if written == 0 {
        let problem = Note::new(Code::NoAction, "`route` lists no destination");
        decoder.report(problem.at(route.place("route")?, ""));
        return None;
    }
    if destinations.len() < written {
        return None;
    }
    let total: u64 = destinations
        .iter()
        .filter_map(|one| one.weight.as_ref())
        .map(|w| u64::from(w.value))
        .sum();
    let place = destinations
        .iter()
        .find_map(|one| one.weight.as_ref())
        .map_or(destinations[0].host.span, |w| w.span);
    if written > 1 && total == 0 {
        let unset = destinations.iter().all(|one| one.weight.is_none());
        let (message, help) = if unset {
            (
                "no destination of this route has a `weight`",
                "a missing weight counts as 0: give each a `weight`",
            )
        } else {
            (
                "the weights of this route are all zero",
                "Istio refuses this object: give one a `weight` above 0",
            )
        };
        decoder.report(Note::new(Code::ZeroTotal, message).at(place, "").help(help));
        return None;
    }
    if total > u64::from(u32::MAX) {
        decoder.report(
            Note::new(
                Code::OutOfRange,
                "the weights add up to more than 4294967295",
            )
            .at(place, ""),
        );
        return None;
    }
    Some(destinations)
}

impl WeightedDestination {
    pub(super) fn decode(node: &Node<'_>, decoder: &mut Decoder<'_>) -> Option<Self> {
        let mut item = decoder.map(node, "an item of `route`")?;
        let before = decoder.count();
        let weight = item.integer("weight", 0..=i64::from(i32::MAX), decoder);
        headers(&mut item, decoder);
        let destination = match item.map("destination", "a destination", decoder) {
            Some(destination) => place(destination, decoder),
            None if item.get("destination").is_some() || item.misspelt("destination") => None,
            None => {
                let problem = Note::new(
                    Code::MissingField,
                    "an item of `route` needs a `destination`",
                );
                decoder.report(problem.at(item.span, "no `destination` here"));
                None
            }
        };
        item.finish(decoder);
        let (host, subset, port) = destination?;
        let weight = weight.and_then(|w| {
            u32::try_from(w.value).ok().map(|value| At {
                value,
                span: w.span,
            })
        });
        // A destination that is partly wrong must not make its route look as if the weights were wrong too.
        (decoder.count() == before).then_some(Self {
            host,
            subset,
            port,
            weight,
        })
    }
}

/// Host, subset and port.
pub(super) type Place = (At<String>, Option<At<String>>, Option<At<u16>>);

/// The fields of a `destination` or a `mirror`.
pub(super) fn place(mut destination: Fields<'_, '_>, decoder: &mut Decoder<'_>) -> Option<Place> {
    let host = destination.required("host", decoder);
    let subset = destination
        .text("subset", decoder)
        .filter(|subset| !subset.value.is_empty());
    let port = destination
        .get("port")
        .and_then(|node| port_of(node, decoder));
    destination.finish(decoder);
    Some((host?, subset, port))
}

/// `port: {number: 9080}`; zero is as good as none.
fn port_of(node: &Node<'_>, decoder: &mut Decoder<'_>) -> Option<At<u16>> {
    if let Some(Scalar::Int(number)) = node.scalar() {
        let problem = Note::new(
            Code::WrongType,
            "`port` must be a map with a `number`, not only the number",
        );
        decoder.report(
            problem
                .at(node.span, "")
                .help(format!("write `port: {{number: {number}}}`")),
        );
        return None;
    }
    let mut selector = decoder.map(node, "a port selector")?;
    let number = selector.port("number", decoder);
    selector.finish(decoder);
    number.filter(|number| number.value != 0)
}
