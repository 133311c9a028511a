//! What the outcome of a route gives to each target.

use std::net::SocketAddr;

use super::fraction::Residues;
use super::matching::values;
use super::{Action, Backend, EndpointPick, NamedByHeader, Outcome, Picked, Probe, Split, cluster};
use crate::split::{
    Destination, Identifiers, LocalReply, LocalReplyCause, Mechanism, Share, Target,
};

/// One target with its share, and how its answers may be recognised.
pub(super) type AllocatedTarget = (Target, Share, Identifiers);

/// What an outcome makes of the requests that its route takes.
pub(super) struct Allocation {
    /// How one target is picked.
    pub(super) mechanism: Mechanism,
    /// Each target with its share of all requests, the fault taken off first.
    pub(super) targets: Vec<AllocatedTarget>,
    /// What is meant for destinations that the proxies do not have.
    pub(super) broken: Vec<(Destination, Share)>,
    /// What the request itself picks, where it may.
    pub(super) picked: Option<Picked>,
}

/// Why a product of shares can be told exactly.
const FITS: &str =
    "weights fit 32 bits, fractions and fault shares 20, so 128 bits hold the product";

impl Allocation {
    /// The parts of the requests that are taken; without a request, whatever the request.
    pub(super) fn of(
        outcome: &Outcome,
        taken: &Residues,
        probe: Option<&Probe>,
        dialled: Option<u16>,
    ) -> Self {
        let mut own = Self {
            mechanism: Mechanism::Iid,
            targets: Vec::new(),
            broken: Vec::new(),
            picked: None,
        };
        match &outcome.action {
            Action::LocalReply(answer) => {
                let part = answered(answer.status, answer.cause, taken.share());
                own.targets.push(part);
            }
            Action::Named(named) => own.add(&named.backend(probe), taken.share(), dialled),
            Action::Split(split) if own.picks(split, taken.share(), probe) => {}
            Action::Split(split) => {
                own.mechanism = split.mechanism();
                for (backend, share) in split.backends().iter().zip(shares(split, taken, probe)) {
                    own.add(backend, share, dialled);
                }
            }
        }
        if let Some(abort) = outcome.abort {
            // The fault filter draws a number of its own.
            let rest = abort.share().complement();
            let targets = own.targets.iter_mut().map(|(_, share, _)| share);
            for share in targets.chain(own.broken.iter_mut().map(|(_, share)| share)) {
                *share = rest.checked_mul(*share).expect(FITS);
            }
            let share = abort.share().checked_mul(taken.share()).expect(FITS);
            own.targets
                .push(answered(abort.status(), LocalReplyCause::FaultAbort, share));
        }
        own.broken.retain(|(_, share)| !share.is_zero());
        own
    }

    /// Adds the endpoint that the request names, or what is answered where it must name one; false where it goes by the split.
    fn picks(&mut self, split: &Split, share: Share, probe: Option<&Probe>) -> bool {
        let Some((pick, probe)) = split.endpoint_pick().zip(probe) else {
            return false;
        };
        let picked = pick.resolve(&probe.headers);
        match &picked {
            Picked::Endpoint(address) => self.targets.push(endpoint(split, pick, address, share)),
            Picked::Refused => {
                let reply = answered(503, LocalReplyCause::NoEndpoint, share);
                self.targets.push(reply);
            }
            Picked::Fallback => {}
        }
        let fallback = picked == Picked::Fallback;
        self.picked = Some(picked);
        !fallback
    }

    /// Adds what goes to a backend, or is answered in its place.
    fn add(&mut self, backend: &Backend, share: Share, dialled: Option<u16>) {
        let destination = Destination {
            port: backend.destination.port.or(dialled),
            ..backend.destination.clone()
        };
        if let Some(reply) = backend.broken {
            self.targets
                .push(answered(reply.status, reply.cause, share));
            // Where the request itself should name it and does not, there is no destination.
            let missing = reply.cause == LocalReplyCause::BrokenBackend;
            if missing && !destination.host.is_empty() {
                self.broken.push((destination, share));
            }
            return;
        }
        let identifiers = named(&backend.identifiers, &destination);
        self.targets
            .push((Target::Destination(destination), share, identifiers));
    }
}

/// An endpoint of a split: a part of its backend, with all by which that one may be recognised.
fn endpoint(split: &Split, pick: &EndpointPick, address: &str, share: Share) -> AllocatedTarget {
    let known = pick.endpoint(address);
    let position = known.and_then(|known| known.backend);
    let backend = &split.backends()[position.unwrap_or_default()];
    // Endpoints of one backend share its names, and a backend alone shares them with all that is not known.
    let all = pick.endpoints.iter().flatten();
    let alone = split.backends().len() > 1
        && position.is_some()
        && all.filter(|one| one.backend == position).count() == 1;
    let mut identifiers = Identifiers::default();
    if alone {
        identifiers = backend.identifiers.clone();
    }
    let pod = known.and_then(|known| known.pod.clone());
    identifiers.names.extend(pod);
    identifiers.names.insert(address.to_owned());
    let destination = match (address.parse::<SocketAddr>(), position) {
        // Of which backend it is, nobody knows.
        (Ok(socket), None) if split.backends().len() > 1 => Destination {
            host: socket.ip().to_string(),
            port: Some(socket.port()),
            subset: Some(address.to_owned()),
        },
        _ => Destination {
            subset: Some(address.to_owned()),
            ..backend.destination.clone()
        },
    };
    (Target::Destination(destination), share, identifiers)
}

/// The targets of an outcome with their shares, whatever the request.
pub(super) fn outcome(outcome: &Outcome, dialled: Option<u16>) -> Allocation {
    Allocation::of(outcome, &Residues::all(), None, dialled)
}

/// What the proxy answers by itself.
pub(super) fn answered(status: u16, cause: LocalReplyCause, share: Share) -> AllocatedTarget {
    let target = Target::LocalReply(LocalReply { status, cause });
    (target, share, Identifiers::default())
}

/// What each backend gets of all requests.
fn shares(split: &Split, taken: &Residues, probe: Option<&Probe>) -> Vec<Share> {
    let weights: Vec<u32> = split.backends().iter().map(|one| one.weight).collect();
    let by_header = probe.and_then(|probe| split.chosen(probe));
    if let Some(chosen) = by_header {
        let share = |at| {
            if at == chosen {
                taken.share()
            } else {
                Share::ZERO
            }
        };
        return (0..weights.len()).map(share).collect();
    }
    if split.mechanism() == Mechanism::Iid {
        return taken.sliced(&weights);
    }
    // Anything but chance has nothing to do with the number that a fraction looks at.
    let part = taken.share();
    let share = |(_, share)| part.checked_mul(share).expect(FITS);
    split.shares().map(share).collect()
}

impl NamedByHeader {
    /// "`cluster_header` absent, or no such cluster: 503".
    fn backend(&self, probe: Option<&Probe>) -> Backend {
        let name = probe.and_then(|probe| values(probe, &self.header).next());
        let name = name.unwrap_or_default();
        let known = self
            .clusters
            .as_ref()
            .is_none_or(|all| all.contains(&*name));
        let missing = Some(self.missing).filter(|_| name.is_empty() || !known);
        cluster::backend(&name, 1, missing)
    }
}

impl Split {
    /// The backend that a header of the request picks: the one whose slice of the weights holds its number.
    fn chosen(&self, probe: &Probe) -> Option<usize> {
        let header = self.picked_by.as_deref()?;
        let number: u64 = values(probe, header).next()?.parse().ok()?;
        let weights = || self.backends.iter().map(|one| u64::from(one.weight));
        let mut rest = number % weights().sum::<u64>();
        weights().position(|weight| {
            let own = rest < weight;
            rest = rest.saturating_sub(weight);
            own
        })
    }
}

/// The identifiers with the names that contain the port, Envoy's cluster name among them.
fn named(identifiers: &Identifiers, destination: &Destination) -> Identifiers {
    let mut identifiers = identifiers.clone();
    if let Some(port) = destination.port {
        let (host, subset) = (
            &destination.host,
            destination.subset.as_deref().unwrap_or_default(),
        );
        identifiers.names.insert(format!("{host}:{port}"));
        identifiers
            .names
            .insert(format!("{}:{port}", destination.service()));
        identifiers
            .names
            .insert(format!("outbound|{port}|{subset}|{host}"));
    }
    identifiers
}
