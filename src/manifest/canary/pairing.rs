//! ingress-nginx: each canary with the Ingress that it is a canary of, and what becomes of one that finds none. The rules
//! are those of the controller: a canary joins the location of the same host, path and path type; a Service makes one
//! upstream, which belongs to the Ingress that named it first; a path that finds no location takes the canary's Service
//! out of all others.

use std::collections::HashSet;

use super::declaration::{Canary, Declared, Host, HostName, Role, Rule, Settings};
use crate::diag::{Code, Note};
use crate::manifest::kube::Meta;
use crate::manifest::mesh::WeightedBackend;
use crate::route::{AppliesTo, Condition};

/// The canaries, each with the main Ingress of the same host and path, and the other paths of those hosts. An Ingress
/// whose hosts have no canary is left out, unless some canary has no Ingress of its host.
pub(super) fn paired(all: &[Declared]) -> Vec<Declared> {
    let canaries: Vec<Paired<'_>> = all
        .iter()
        .filter_map(|one| match &one.role {
            Role::Canary(canary) => Some(Paired::of(one, canary, all)),
            _ => None,
        })
        .collect();
    let mut own = canaries.iter();
    let found = |declared: &Declared| {
        let hosts = match &declared.role {
            Role::Primary(_) => rest(declared, &canaries),
            Role::Canary(_) => own.next().map(Paired::hosts).unwrap_or_default(),
            _ => return Some(declared.clone()),
        };
        (!hosts.is_empty()).then(|| Declared {
            meta: declared.meta.clone(),
            role: Role::Routes,
            hosts,
        })
    };
    all.iter().filter_map(found).collect()
}

/// What a main Ingress keeps: the paths without a canary.
fn rest(main: &Declared, canaries: &[Paired<'_>]) -> Vec<Host> {
    let alone: Vec<&Paired<'_>> = (canaries.iter())
        .filter(|canary| canary.host_alone().is_some())
        .collect();
    let keep = |host: &Host| {
        let concerned = canaries.iter().any(|canary| {
            let mut hosts = canary.declared.hosts.iter();
            hosts.any(|own| own.name == host.name)
        });
        if !concerned && alone.is_empty() {
            return None;
        }
        let mut rules = host.rules.clone();
        rules.retain(|rule| !canaries.iter().any(|one| one.replaces(host, rule)));
        let strangers = alone.iter().filter(|_| !concerned);
        let caveats = strangers.filter_map(|canary| canary.without_host());
        (!rules.is_empty()).then(|| Host {
            rules,
            caveats: host.caveats.iter().cloned().chain(caveats).collect(),
            ..host.clone()
        })
    };
    main.hosts.iter().filter_map(keep).collect()
}

/// What becomes of a path of a canary.
#[derive(Clone, Debug)]
enum Fate<'d> {
    /// It joins this rule.
    Joins(&'d Rule),
    /// No Ingress of its class has its host.
    NoHost,
    /// An Ingress of another class has its host.
    OtherClass(&'d Meta, &'d str),
    /// The Ingress of its host has only these other paths.
    NoPath(Vec<&'d str>),
    /// Another path of the canary with the same Service finds no location.
    Lost(&'d str),
    /// Its Service belongs to an Ingress that is no canary.
    Taken(&'d Meta),
}

/// A canary with what becomes of its paths.
struct Paired<'d> {
    declared: &'d Declared,
    canary: &'d Canary,
    fates: Vec<(&'d Host, &'d Rule, Fate<'d>)>,
    // The main Ingresses of its class.
    mains: Vec<(&'d Declared, &'d Settings)>,
}

impl<'d> Paired<'d> {
    fn of(declared: &'d Declared, canary: &'d Canary, all: &'d [Declared]) -> Self {
        let class = &canary.settings.class;
        let all = all.iter().filter_map(|one| match &one.role {
            Role::Primary(settings) => Some((one, settings)),
            _ => None,
        });
        // Without a class it is the default one, which may be any.
        let same = |settings: &Settings| {
            let both = settings.class.as_ref().zip(class.as_ref());
            both.is_none_or(|(one, other)| one == other)
        };
        let (mains, others): (Vec<_>, Vec<_>) = all.partition(|(_, settings)| same(settings));
        let mut paired = Self {
            declared,
            canary,
            fates: Vec::new(),
            mains,
        };
        let pairs = declared.hosts.iter();
        let pairs = pairs.flat_map(|host| host.rules.iter().map(move |rule| (host, rule)));
        paired.fates = pairs
            .map(|(host, rule)| (host, rule, paired.fate(host, rule, &others)))
            .collect();
        paired.lose();
        paired
    }

    fn fate(&self, host: &Host, rule: &Rule, others: &[(&'d Declared, &'d Settings)]) -> Fate<'d> {
        let of_host = |one: &Declared| one.hosts.iter().any(|own| own.name == host.name);
        let mains = self.mains.iter().map(|(main, _)| *main);
        let locations: Vec<&'d Rule> = mains
            .flat_map(|main| &main.hosts)
            .filter(|own| own.name == host.name)
            .flat_map(|own| &own.rules)
            .collect();
        if locations.is_empty() {
            let mut others = others.iter();
            let other = others.find(|(one, _)| of_host(one));
            return other.map_or(Fate::NoHost, |(one, settings)| {
                Fate::OtherClass(&one.meta, settings.class.as_deref().unwrap_or_default())
            });
        }
        if let Some(owner) = self.owner(rule) {
            return Fate::Taken(owner);
        }
        match locations.iter().find(|main| main.key == rule.key) {
            Some(main) => Fate::Joins(main),
            None => Fate::NoPath(locations.iter().map(|main| main.key.as_str()).collect()),
        }
    }

    /// The Ingress that owns the Service of a path, unless the canary is known to be older.
    fn owner(&self, rule: &Rule) -> Option<&'d Meta> {
        let own = &self.declared.meta;
        let names = |main: &Declared| {
            let rules = main.hosts.iter().flat_map(|host| &host.rules);
            let mut backends = rules.flat_map(|rule| &rule.backends);
            backends.any(|backend| uses(rule, backend))
        };
        let older = |main: &Meta| {
            let both = main.created.as_ref().zip(own.created.as_ref());
            both.is_none_or(|(main, own)| main <= own)
        };
        let mut mains = self.mains.iter().map(|(main, _)| *main);
        mains
            .find(|main| older(&main.meta) && names(main))
            .map(|main| &main.meta)
    }

    /// Takes back what joined with a Service that another path has lost.
    fn lose(&mut self) {
        let lost: Vec<&'d Rule> = (self.fates.iter())
            .filter(|(_, _, fate)| matches!(fate, Fate::NoPath(_)))
            .map(|(_, rule, _)| *rule)
            .collect();
        for (_, rule, fate) in &mut self.fates {
            let same = |other: &&&Rule| rule.backends.iter().any(|own| uses(other, own));
            if let (Fate::Joins(_), Some(by)) = (&*fate, lost.iter().find(same)) {
                *fate = Fate::Lost(&by.key);
            }
        }
    }

    /// Whether a rule of a main Ingress is a part of the rules of this canary.
    fn replaces(&self, host: &Host, rule: &Rule) -> bool {
        self.fates.iter().any(|(own, _, fate)| {
            own.name == host.name && matches!(fate, Fate::Joins(main) if main.key == rule.key)
        })
    }

    /// The first of its hosts that no Ingress has.
    fn host_alone(&self) -> Option<&'d Host> {
        let mut fates = self.fates.iter();
        fates.find_map(|(host, _, fate)| matches!(fate, Fate::NoHost).then_some(*host))
    }

    /// The hosts with the rules of what joins, and with what is said about the rest.
    fn hosts(&self) -> Vec<Host> {
        let host = |host: &Host| {
            let fates: Vec<_> = (self.fates.iter())
                .filter(|(own, _, _)| own.span == host.span)
                .collect();
            let alone = (fates.iter()).any(|(_, _, fate)| matches!(fate, Fate::NoHost));
            let rules = fates.iter().filter_map(|(_, rule, fate)| match fate {
                Fate::Joins(main) => Some(rules(self.canary, rule, main)),
                _ => None,
            });
            let rules: Vec<Rule> = rules.flatten().collect();
            let dropped = fates.iter();
            let mut caveats: Vec<Note<AppliesTo>> = dropped
                .filter_map(|(_, rule, fate)| self.caveat(rule, fate))
                .collect();
            caveats.extend(self.affinity().filter(|_| !rules.is_empty()));
            let mut seen = HashSet::new();
            caveats.retain(|caveat| seen.insert(caveat.message.clone()));
            Host {
                unsupported: alone.then(|| self.alone(host)),
                caveats,
                rules,
                ..host.clone()
            }
        };
        self.declared.hosts.iter().map(host).collect()
    }

    /// Why a path of the canary takes nothing.
    fn caveat(&self, rule: &Rule, fate: &Fate<'_>) -> Option<Note<AppliesTo>> {
        let meta = &self.declared.meta;
        let service = rule.backends.first()?;
        let (why, span, help) = match fate {
            Fate::Joins(_) | Fate::NoHost => return None,
            Fate::OtherClass(main, class) => (
                format!(
                    "it is of the class `{}`, and {main} is of the class `{class}`: another controller serves it",
                    self.canary.settings.class.as_deref().unwrap_or_default()
                ),
                meta.span,
                format!("give it the class `{class}`"),
            ),
            Fate::NoPath(paths) => (
                format!(
                    "the Ingress of its host has {}, and ingress-nginx drops the canary",
                    paths.join(", ")
                ),
                rule.span,
                "give it the same path and pathType".to_owned(),
            ),
            Fate::Lost(key) => (
                format!(
                    "the Ingress of its host has no {key}, and ingress-nginx drops Service {} from all paths of the canary",
                    service.service
                ),
                rule.span,
                format!("remove the path {key}"),
            ),
            Fate::Taken(owner) => (
                format!(
                    "its Service {} is a backend of {owner} too, {}: the canary has no weight",
                    service.service,
                    match (&owner.created, &meta.created) {
                        (Some(_), Some(_)) => "which is older",
                        _ => "which is taken to be older",
                    }
                ),
                service.span,
                "give the canary a Service of its own".to_owned(),
            ),
        };
        let message = format!("{meta} takes nothing at {}: {why}", rule.key);
        Some(Note::about(Code::CanaryDropped, message, Some(span)).help(help))
    }

    /// What is said about the hosts of other Ingresses where this one has a host that none of them serves.
    fn without_host(&self) -> Option<Note<AppliesTo>> {
        let host = self.host_alone()?;
        let message = format!(
            "{} is a canary of the host `{}`, which none of the Ingresses given here has: it takes nothing of other hosts",
            self.declared.meta,
            host_name(host)
        );
        let caveat = Note::about(Code::CanaryDropped, message, Some(host.span));
        Some(caveat.help("give it the host of the main Ingress"))
    }

    /// A cookie that keeps clients with the version that they met first.
    fn affinity(&self) -> Option<Note<AppliesTo>> {
        if self.canary.settings.ignores_affinity {
            return None;
        }
        let shares_host = |main: &Declared| {
            let mut hosts = main.hosts.iter();
            hosts.any(|host| (self.declared.hosts.iter()).any(|own| own.name == host.name))
        };
        let mut mains = self.mains.iter().filter(|(main, _)| shares_host(main));
        let (main, span) =
            mains.find_map(|(main, settings)| Some((&main.meta, settings.affinity?)))?;
        let message = format!(
            "`affinity: cookie` of {main} keeps a client that sends the cookie back with the version that it met first: \
             weights hold for requests without it"
        );
        Some(Note::about(Code::Sticky, message, Some(span)))
    }

    fn alone(&self, host: &Host) -> Note {
        let message = format!(
            "{} is the canary of an Ingress with the host `{}`, which is not given",
            self.declared.meta,
            host_name(host)
        );
        Note::new(Code::UnclearRules, message)
            .at(host.span, "")
            .help("pass the file with the main Ingress too")
    }
}

/// Whether a rule leads to a backend, whatever its weight.
fn uses(rule: &Rule, backend: &WeightedBackend) -> bool {
    let mut own = rule.backends.iter();
    own.any(|own| own.is_destination_of(backend))
}

fn host_name(host: &Host) -> &str {
    let (HostName::Dns(name) | HostName::Service(name, _)) = &host.name;
    name
}

/// The routes of a path with a canary: overrides first, then the split.
fn rules(canary: &Canary, rule: &Rule, main: &Rule) -> Vec<Rule> {
    let all = |own: &Rule| own.backends.clone();
    let of = |conditions: &[&Condition], backends: Vec<WeightedBackend>| {
        let conditions = rule.conditions.iter().chain(conditions.iter().copied());
        Rule {
            conditions: conditions.cloned().collect(),
            backends,
            ..rule.clone()
        }
    };
    let mut found: Vec<Rule> = canary
        .overrides
        .iter()
        .map(|(condition, to_canary)| of(&[condition], all(if *to_canary { rule } else { main })))
        .collect();
    let weighted = |own: &Rule, weight| {
        let parts = own.backends.iter().cloned();
        parts
            .map(move |part| WeightedBackend { weight, ..part })
            .collect::<Vec<_>>()
    };
    let mut parts = weighted(main, canary.total - canary.weight.value);
    parts.extend(weighted(rule, canary.weight.value));
    found.push(Rule {
        span: canary.weight.span,
        ..of(&[], parts)
    });
    found
}
