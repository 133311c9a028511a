//! Targets of a proxy under the names of the declared ones, and which hosts belong to which.

use crate::route::cluster;
use crate::split::{Expected, Target, TargetShare};

/// A target that is declared, or programmed, or both.
pub(super) struct NamedTarget<'e> {
    pub(super) name: String,
    /// Its place among the declared ones.
    pub(super) declared: Option<usize>,
    pub(super) programmed: Option<&'e TargetShare>,
}

/// All targets: the declared ones first.
pub(in crate::cli) fn named<'e>(
    declared: Option<&'e Expected>,
    programmed: Option<&'e Expected>,
) -> Vec<NamedTarget<'e>> {
    let told = programmed.map_or(&[][..], Expected::declared);
    let own = declared.map_or(&[][..], Expected::declared);
    let mut targets: Vec<NamedTarget<'e>> = (own.iter().enumerate())
        .map(|(at, target)| NamedTarget {
            name: target.name.clone(),
            declared: Some(at),
            programmed: told.iter().find(|one| is_same(target, one)),
        })
        .collect();
    for one in told {
        if own.iter().any(|target| is_same(target, one)) {
            continue;
        }
        let taken = targets.iter().any(|target| target.name == one.name);
        let long = || match &one.target {
            Target::Destination(destination) => destination.to_string(),
            _ => format!("{} (programmed)", one.name),
        };
        targets.push(NamedTarget {
            name: if taken { long() } else { one.name.clone() },
            declared: None,
            programmed: Some(one),
        });
    }
    targets
}

/// Whether a declared target is one of a proxy. What was only named is known by its name.
pub(in crate::cli) fn is_same(declared: &TargetShare, programmed: &TargetShare) -> bool {
    match (&declared.target, &programmed.target) {
        (Target::Named(name), _) => {
            programmed.name == *name || programmed.identifiers.names.contains(name)
        }
        (Target::Destination(one), Target::Destination(other)) => {
            let ports = one.port.zip(other.port);
            one.host == other.host
                && one.subset == other.subset
                && ports.is_none_or(|(one, other)| one == other)
        }
        (Target::LocalReply(one), Target::LocalReply(other)) => one.status == other.status,
        _ => false,
    }
}

/// Whether a host belongs to a target of the proxy: by its cluster, or by its locality where that is what is split.
pub(super) fn has_host(target: &TargetShare, cluster: &str, locality: &str) -> bool {
    let Target::Destination(own) = &target.target else {
        return false;
    };
    let named = cluster::destination(cluster);
    let ports = own.port.zip(named.port);
    let by_cluster = own.host == named.host
        && own.subset == named.subset
        && ports.is_none_or(|(one, other)| one == other);
    by_cluster || !locality.is_empty() && target.identifiers.names.contains(locality)
}
