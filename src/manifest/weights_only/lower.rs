//! From weights to the route of every request: one split, or a choice that only the user can make.

use std::sync::Arc;

use super::{WeightedObject, WeightedSplit, Zero};
use crate::diag::{Code, Note};
use crate::manifest::mesh::Registry;
use crate::manifest::mesh::backing::{Whole, backing};
use crate::manifest::mesh::identified_backends::identified_backends;
use crate::manifest::{Manifests, ObjectName};
use crate::route::{
    Action, AppliesTo, Outcome, Route, RouteList, RouteTable, Split, Vantage, VirtualHost,
};
use crate::split::LocalReplyCause;

/// How many objects a message lists.
const LISTED: usize = 10;

/// The only split, for whatever host no rule takes; without an only one the host cannot be judged.
pub(in crate::manifest) fn lower(manifests: &Manifests, _: &Vantage) -> RouteTable {
    let candidates = candidates(&manifests.weights_only);
    let Some((first, split)) = candidates.first() else {
        return RouteTable::default();
    };
    let mut host = VirtualHost {
        name: "*".to_owned(),
        domains: vec!["*".to_owned()],
        objects: vec![first.meta.to_string()],
        span: split.span,
        https_only: false,
        unsupported: None,
        routes: RouteList::default(),
        caveats: Vec::new(),
    };
    if candidates.len() > 1 {
        host.unsupported = Some(several(&candidates));
    } else {
        host.routes.push(route(manifests, first, split));
    }
    RouteTable {
        hosts: vec![host],
        ..RouteTable::default()
    }
}

type Candidate<'m> = (&'m WeightedObject, &'m WeightedSplit);

/// The splits that share something out; where none does, all. Equal ones of one object count once.
fn candidates(all: &[WeightedObject]) -> Vec<Candidate<'_>> {
    let of = |object: &'_ WeightedObject| -> Vec<usize> {
        let all = 0..object.splits.len();
        all.filter(|at| {
            let equal = |known: &WeightedSplit| known.shares_like(&object.splits[*at]);
            !object.splits[..*at].iter().any(equal)
        })
        .collect()
    };
    let pairs = |object| {
        of(object)
            .into_iter()
            .map(move |at| (object, &object.splits[at]))
    };
    let every: Vec<Candidate<'_>> = all.iter().flat_map(pairs).collect();
    let mut sharing = every.clone();
    sharing.retain(|(_, split)| split.shares_out);
    if sharing.is_empty() { every } else { sharing }
}

impl WeightedSplit {
    /// Whether it has the same backends with the same weights as another.
    fn shares_like(&self, other: &Self) -> bool {
        let mut pairs = self.backends.iter().zip(&other.backends);
        self.backends.len() == other.backends.len()
            && self.zero == other.zero
            && pairs.all(|(one, other)| one.weight == other.weight && one.is_destination_of(other))
    }
}

fn several(candidates: &[Candidate<'_>]) -> Note {
    let (first, split) = candidates[0];
    let names: Vec<String> = candidates
        .iter()
        .map(|(object, split)| {
            let mut others = candidates.iter();
            let several = others
                .any(|(other, known)| other.meta == object.meta && known.label != split.label);
            ObjectName::of(&object.meta, several.then(|| split.label.clone())).to_string()
        })
        .collect();
    let more = match names.len().saturating_sub(LISTED) {
        0 => String::new(),
        more => format!(" and {more} more"),
    };
    let listed = names[..names.len().min(LISTED)].join(", ");
    let message = format!(
        "{} splits of which only the weights are read are given, and which of them a request meets is not judged: \
         {listed}{more}",
        candidates.len()
    );
    let span = if first.splits.len() > 1 {
        split.span
    } else {
        first.meta.span
    };
    let help = format!("choose one with --object '{}'", names[0]);
    Note::new(Code::UnclearRules, message)
        .at(span, "")
        .help(help)
}

fn route(manifests: &Manifests, object: &WeightedObject, split: &WeightedSplit) -> Route {
    let not_judged = format!(
        "weights only: {} is taken to split every request; {} are not judged",
        object.meta, object.not_judged
    );
    let mut caveats = vec![Note::about(Code::NotJudged, not_judged, Some(split.span))];
    if let Some((span, weight)) = split.unset {
        let message = format!("a backend next to others has no weight, and counts with {weight}");
        let caveat = Note::about(Code::UnsetWeight, message, Some(span));
        caveats.push(caveat.help("give every backend a `weight`"));
    }
    Route {
        object: object.meta.to_string(),
        rule: split.label.clone(),
        alternative: None,
        name: None,
        span: split.span,
        conditions: Vec::new(),
        outcome: Arc::new(Outcome {
            action: action(manifests, split, &mut caveats),
            abort: None,
            mirrors: Vec::new(),
            caveats,
        }),
    }
}

fn action(
    manifests: &Manifests,
    split: &WeightedSplit,
    caveats: &mut Vec<Note<AppliesTo>>,
) -> Action {
    let (status, sentence) = match split.zero {
        None | Some(Zero::Even) => {
            let registry = Registry::new(manifests);
            let backends = identified_backends(&registry, &split.backends);
            let asked = backends.iter().zip(&split.backends);
            let asked = asked.filter(|(_, own)| own.weight > 0 && own.subset.is_none());
            let services: Vec<Whole<'_>> = asked
                .map(|(backend, own)| Whole {
                    host: &backend.destination.host,
                    span: own.span,
                })
                .collect();
            caveats.extend(backing(&registry, &services));
            let split = Split::new(split.mechanism, backends)
                .expect("weights are checked when they are decoded");
            return Action::Split(split);
        }
        Some(Zero::Status(status)) => (status, format!("the proxy replies with {status}")),
        Some(Zero::Assumed(status)) => (
            status,
            format!("what happens then is not specified, and {status} is assumed"),
        ),
    };
    let message = format!("the weights of all backends are zero: {sentence}");
    let place = split.backends.first().map(|first| first.span);
    let caveat = Note::about(Code::NoWeight, message, place);
    caveats.push(caveat.help("give one backend a weight above 0"));
    Action::local_reply(status, LocalReplyCause::BrokenBackend)
}
