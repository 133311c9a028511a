//! Destinations and weights as written become backends: which of them exist for the proxy, and what is surprising.

use super::destination_port::{Layer, port};
use super::endpoint_hash::endpoint_keys;
use super::identifiers::{DistinctLabels, ResolvedDestination, identifiers};
use super::index::Index;
use super::missing_destinations::{
    closed, hidden, missing, of_mirror, undefined, without_endpoints,
};
use super::pitfalls;
use super::policies;
use super::proxy_context::ProxyContext;
use crate::diag::{Code, Note};
use crate::manifest::istio::objects::{MirrorPolicy, Subset, WeightedDestination};
use crate::manifest::mesh::names::full_name;
use crate::route::{AppliesTo, Backend, MirroredShare, Split};
use crate::split::{Destination, LocalReply, Mechanism};

/// The status of a share whose destination the proxy does not know: "no such cluster -> 503, flag NC".
const NO_CLUSTER: LocalReply = LocalReply::missing(503);

/// The split of a rule in namespace `home`, as a caller's proxy makes it.
pub(super) fn split(
    index: &Index<'_>,
    items: &[WeightedDestination],
    home: &str,
    (caller, layer): (ProxyContext<'_>, Layer),
    caveats: &mut Vec<Note<AppliesTo>>,
) -> Split {
    // Istio ignores the weight of a single destination; next to others, an unset weight is zero.
    let weight = |item: &WeightedDestination| match items.len() {
        1 => 1,
        _ => item.weight.as_ref().map_or(0, |weight| weight.value),
    };
    let surprises = items
        .iter()
        .filter_map(|item| surprising(item, items.len()));
    caveats.extend(surprises);
    let mut broken: Vec<Option<LocalReply>> = vec![None; items.len()];
    let mut all: Vec<ResolvedDestination<'_>> = Vec::with_capacity(items.len());
    for (at, item) in items.iter().enumerate() {
        let written = full_name(&item.host.value, home);
        let host = match index.registry.resolve_alias(&written) {
            Some((host, service)) => {
                caveats.push(pitfalls::external_name(&written, &host, service));
                host
            }
            None => written,
        };
        // A destination of weight zero is never asked, so that nothing can go wrong there.
        let asked = weight(item) > 0;
        let subset = subset(index, item, &host, caller);
        if asked {
            let missing = doubts(index, item, &host, subset, (caller, layer), caveats);
            // "the share is lost, NOT renormalised".
            broken[at] = missing.then_some(NO_CLUSTER);
        }
        let known = ResolvedDestination {
            host,
            subset_name: item.subset.as_ref().map(|subset| subset.value.as_str()),
            subset,
        };
        if asked && broken[at].is_none() {
            let port = own_port(index, item, &known.host, (caller, layer));
            broken[at] = policies::at_destination(index, &known, port, caller, caveats);
        }
        all.push(known);
    }
    pitfalls::together(index, items, &all, caller, caveats);
    let distinct = DistinctLabels::among(&all);
    let backends = items
        .iter()
        .zip(&all)
        .zip(&broken)
        .map(|((item, known), broken)| Backend {
            destination: Destination {
                host: known.host.clone(),
                port: own_port(index, item, &known.host, (caller, layer)),
                subset: known.subset_name.map(str::to_owned),
            },
            weight: weight(item),
            identifiers: identifiers(index, known, &distinct),
            broken: *broken,
        });
    let asked = items.iter().zip(&all).filter(|(item, _)| weight(item) > 0);
    let keys = endpoint_keys(index, asked.map(|(_, known)| known), caller);
    Split::new(Mechanism::Iid, backends.collect())
        .expect("weights are checked when they are decoded")
        .hashed_by(keys)
}

fn subset<'m>(
    index: &Index<'m>,
    item: &WeightedDestination,
    host: &str,
    caller: ProxyContext<'_>,
) -> Option<&'m Subset> {
    let name = item.subset.as_ref()?;
    index.subsets(host, caller).get(&name.value)
}

/// What is doubtful about one destination, and whether the proxy has no cluster for it.
fn doubts(
    index: &Index<'_>,
    item: &WeightedDestination,
    host: &str,
    subset: Option<&Subset>,
    (caller, layer): (ProxyContext<'_>, Layer),
    caveats: &mut Vec<Note<AppliesTo>>,
) -> bool {
    let mut broken = false;
    if let Some(caveat) = hidden(index, item, host, caller) {
        caveats.push(caveat);
        return true;
    }
    if let Some(caveat) = missing(index, item, host, caller) {
        broken |= caveat.is_undeliverable();
        caveats.push(caveat);
    }
    if let (Some(name), None) = (&item.subset, subset) {
        let caveat = undefined(index, host, name, caller);
        broken |= caveat.is_undeliverable();
        if !(caveat.code == Code::NoDestinationRule
            && caveats.iter().any(|known| known.code == caveat.code))
        {
            caveats.push(caveat);
        }
    }
    if let (Some(name), Some(subset)) = (&item.subset, subset)
        && let Some(caveat) = without_endpoints(index, name, subset, host, caller)
    {
        broken = true;
        caveats.push(caveat);
    }
    if let Some(caveat) = closed(index, item, host, (caller, layer)) {
        broken |= caveat.is_undeliverable();
        caveats.push(caveat);
    }
    broken
}

/// The destinations that get copies, and what is doubtful about them.
pub(super) fn mirrors(
    index: &Index<'_>,
    items: &[MirrorPolicy],
    home: &str,
    caller: ProxyContext<'_>,
    caveats: &mut Vec<Note<AppliesTo>>,
) -> Vec<MirroredShare> {
    let mut mirrors = Vec::new();
    for MirrorPolicy {
        destination: item,
        millionths,
    } in items
    {
        let written = full_name(&item.host.value, home);
        let behind = index.registry.resolve_alias(&written);
        let host = behind.map_or(written, |(host, _)| host);
        let own = subset(index, item, &host, caller);
        let mut found = Vec::new();
        doubts(
            index,
            item,
            &host,
            own,
            (caller, Layer::Requests),
            &mut found,
        );
        caveats.extend(found.into_iter().map(of_mirror));
        let destination = Destination {
            port: own_port(index, item, &host, (caller, Layer::Requests)),
            host,
            subset: item.subset.as_ref().map(|subset| subset.value.clone()),
        };
        mirrors.extend(MirroredShare::new(destination, *millionths, item.host.span));
    }
    mirrors
}

/// A weight that does not do what it seems to say.
fn surprising(item: &WeightedDestination, of: usize) -> Option<Note<AppliesTo>> {
    match (&item.weight, of) {
        (Some(weight), 1) if weight.value != 100 => {
            let message = format!(
                "the weight {} of an only destination is ignored: it gets everything",
                weight.value
            );
            Some(Note::about(Code::IgnoredWeight, message, Some(weight.span)))
        }
        (None, 2..) => {
            let message =
                "a destination without a `weight` gets nothing next to others that have one";
            Some(Note::about(
                Code::UnsetWeight,
                message,
                Some(item.host.span),
            ))
        }
        _ => None,
    }
}

/// The port of a destination.
fn own_port(
    index: &Index<'_>,
    item: &WeightedDestination,
    host: &str,
    (caller, layer): (ProxyContext<'_>, Layer),
) -> Option<u16> {
    let written = item.port.as_ref().map(|port| port.value);
    written.or_else(|| port(index, host, caller, layer))
}
