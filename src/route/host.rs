//! Which host of a table takes a request, or why none does.

use std::collections::BTreeSet;

use super::{Action, AppliesTo, InactiveRule, Probe, Route, RouteTable, VirtualHost};
use crate::diag::nearest::nearest;
use crate::diag::{Code, Note};

/// Why no host of the table takes a request.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ResolveError {
    /// There are no rules at all.
    #[error("the manifests route nothing: they hold no rule with a host")]
    NoRules,
    /// Rules exist, but not for this vantage.
    #[error("{}", not_from_here(host, rules, *of_others))]
    NotFromHere {
        /// The host asked for.
        host: String,
        /// The rules that would apply elsewhere.
        rules: Vec<InactiveRule>,
        /// Whether they are rules for other hosts: there are no others.
        of_others: bool,
    },
    /// No rule has this host.
    #[error("no rule routes the host `{host}`{}", meaning(means.as_deref()))]
    NoHost {
        /// The host asked for.
        host: String,
        /// The hosts that are routed.
        known: Vec<String>,
        /// What the name stands for where it is called, if that is another name.
        means: Option<String>,
        /// The one that was probably meant.
        nearest: Option<String>,
        /// A rule that leads to this host, and the host that it has instead.
        leads_there: Option<Box<[String; 2]>>,
    },
    /// The host has rules, but none about requests.
    #[error("{}", .0.message)]
    Unsupported(Box<Note>),
    /// An address could stand for several hosts, or a short name for several services.
    #[error("`{host}` may stand for several hosts: {}", some(candidates, ", "))]
    Ambiguous {
        /// The host asked for.
        host: String,
        /// What it may stand for.
        candidates: Vec<String>,
        /// The option that chooses among them.
        option: &'static str,
    },
}

impl ResolveError {
    /// The next step.
    #[must_use]
    pub fn help(&self) -> Option<String> {
        match self {
            Self::NoRules => None,
            Self::Unsupported(note) => note.help.clone(),
            Self::NotFromHere {
                rules,
                of_others: true,
                ..
            } => {
                let hosts: BTreeSet<&str> = (rules.iter())
                    .flat_map(|rule| &rule.hosts)
                    .map(String::as_str)
                    .collect();
                let hosts: Vec<String> = hosts.into_iter().map(str::to_owned).collect();
                Some(format!(
                    "the rules are for {}; --host chooses one of them",
                    some(&hosts, ", ")
                ))
            }
            Self::NotFromHere { rules, .. } => rules.iter().find_map(|rule| rule.note.help.clone()),
            Self::NoHost {
                host,
                leads_there: Some(there),
                nearest: None,
                ..
            } => {
                let [object, other] = &**there;
                Some(format!(
                    "{object} leads to `{host}`, and takes requests to `{other}`: name `{host}` under its `hosts` if those are meant"
                ))
            }
            Self::NoHost {
                known,
                nearest: Some(near),
                means: Some(_),
                ..
            } => Some(format!(
                "the rules route {}; did you mean --host {near}, or another --from-namespace?",
                some(known, ", ")
            )),
            Self::NoHost { known, nearest, .. } => Some(match nearest {
                Some(near) => format!(
                    "did you mean `{near}`? --host sets the host without changing the address; if the rule has it wrong, correct \
                     its `hosts`"
                ),
                None => format!(
                    "the rules route {}; --host chooses one of them",
                    some(known, ", ")
                ),
            }),
            Self::Ambiguous { option, .. } => Some(format!("say which one with `{option}`")),
        }
    }
}

fn meaning(means: Option<&str>) -> String {
    means.map_or_else(String::new, |means| {
        format!(", which means `{means}` from here")
    })
}

fn not_from_here(host: &str, rules: &[InactiveRule], of_others: bool) -> String {
    let reasons: Vec<String> = rules.iter().map(|rule| rule.note.message.clone()).collect();
    let reasons = some(&reasons, "; ");
    if of_others {
        return format!(
            "no rule routes the host `{host}`, and those for other hosts do not apply from here: {reasons}"
        );
    }
    format!("no rule routes the host `{host}` from here: {reasons}")
}

/// The first few, for a dump of a cluster has hundreds.
fn some(all: &[String], separator: &str) -> String {
    const MOST: usize = 6;
    match all.len().checked_sub(MOST) {
        None | Some(0) => all.join(separator),
        Some(more) => format!("{}{separator}and {more} more", all[..MOST].join(separator)),
    }
}

/// The host of the table that takes the request, with a caveat when that is an assumption.
pub(super) fn find_host<'t>(
    table: &'t RouteTable,
    probe: &Probe,
) -> Result<(&'t VirtualHost, Option<Note<AppliesTo>>), ResolveError> {
    let asked = if table.match_port {
        probe.authority.to_lowercase()
    } else {
        probe.host().to_lowercase()
    };
    let address = probe.address.to_lowercase();
    let (name, caveat) = if address != asked && table.matched_by_address.contains(&address) {
        let ignored = not_consulted(&asked, &address);
        (address, Some(ignored))
    } else {
        (asked.clone(), None)
    };
    let found = host_of(table, probe, name)?;
    // Another name of the same host makes no difference.
    let same = found.0.domains.contains(&asked);
    Ok((found.0, found.1.or(caveat.filter(|_| !same))))
}

/// Where the address has chosen the routes, another `Host` has no say.
fn not_consulted(host: &str, address: &str) -> Note<AppliesTo> {
    let message = format!(
        "`Host: {host}` does not choose the routes here: on a port without a declared protocol, and at a waypoint, the address `{address}` does"
    );
    Note::about(Code::HostNotConsulted, message, None)
}

/// The host of the table that answers to a name.
fn host_of<'t>(
    table: &'t RouteTable,
    probe: &Probe,
    name: String,
) -> Result<(&'t VirtualHost, Option<Note<AppliesTo>>), ResolveError> {
    let exact: Vec<&VirtualHost> = table
        .hosts
        .iter()
        .filter(|host| host.domains.contains(&name))
        .collect();
    if let [host] = exact[..] {
        return Ok((host, None));
    }
    if exact.len() > 1 {
        let candidates = exact
            .iter()
            .map(|host| format!("{} of {}", host.name, host.objects.join(" and ")))
            .collect();
        // The same service on several ports, or services of several namespaces.
        let same = exact.iter().all(|host| host.full() == exact[0].full());
        return Err(ResolveError::Ambiguous {
            host: name,
            candidates,
            option: if same {
                "--host NAME:PORT"
            } else {
                "--from-namespace NS"
            },
        });
    }
    let rank = |host: &VirtualHost| {
        host.domains
            .iter()
            .filter_map(|domain| wildcard(domain, &name))
            .max()
    };
    let mut best: Option<((u8, usize), &VirtualHost)> = None;
    for host in &table.hosts {
        if let Some(rank) = rank(host)
            && best.is_none_or(|(known, _)| rank > known)
        {
            best = Some((rank, host));
        }
    }
    if let Some((_, host)) = best {
        return Ok((host, None));
    }
    let objects: BTreeSet<&str> = table
        .hosts
        .iter()
        .flat_map(|host| &host.objects)
        .map(String::as_str)
        .collect();
    match (table.hosts.first(), probe.is_loopback()) {
        (Some(host), true) if objects.len() == 1 || table.hosts.len() == 1 => {
            let message = format!(
                "no rule has the host `{name}`; judged as {} of {}; --host says otherwise",
                host.name,
                host.objects.join(" and "),
            );
            Ok((
                host,
                Some(Note::about(Code::AssumedHost, message, Some(host.span))),
            ))
        }
        (Some(_), true) => {
            let candidates = table.hosts.iter().map(|host| host.name.clone()).collect();
            Err(ResolveError::Ambiguous {
                host: name,
                candidates,
                option: "--host NAME",
            })
        }
        (_, local) => Err(no_host(table, name, local || probe.is_local())),
    }
}

/// Why a host has no rule; an address may stand for any host.
fn no_host(table: &RouteTable, host: String, address: bool) -> ResolveError {
    let takes = |rule: &&InactiveRule| {
        rule.domains
            .iter()
            .any(|domain| *domain == host || wildcard(domain, &host).is_some())
    };
    let mut rules: Vec<InactiveRule> = table.inactive_rules.iter().filter(takes).cloned().collect();
    let none = rules.is_empty() && table.hosts.is_empty();
    if none {
        rules.clone_from(&table.inactive_rules);
    }
    if !rules.is_empty() {
        let mut names = rules
            .iter()
            .flat_map(|rule| &rule.domains)
            .map(String::as_str);
        let alike = nearest(&host, &mut names).is_some();
        return ResolveError::NotFromHere {
            of_others: none && !address && !alike,
            host,
            rules,
        };
    }
    if table.hosts.is_empty() {
        return ResolveError::NoRules;
    }
    let means = table
        .search_domain
        .as_ref()
        .filter(|_| !host.contains('.'))
        .map(|rest| format!("{host}.{rest}"));
    // Next to the full name that was asked for, only full names say what differs.
    let name = |host| match means {
        Some(_) => VirtualHost::full(host),
        None => reachable(host),
    };
    let known: BTreeSet<&str> = table.hosts.iter().map(name).collect();
    let domains = || {
        table
            .hosts
            .iter()
            .flat_map(|host| &host.domains)
            .map(String::as_str)
    };
    let longer = |domain: &&str| {
        domain
            .strip_prefix(&host)
            .is_some_and(|rest| rest.starts_with('.'))
    };
    // A host that nobody registers has its full name only.
    let label = nearest_label(&host, domains());
    let alike = |domain: &&str| label.is_some() && domain.split('.').next() == label;
    let near = nearest(&host, domains())
        .or_else(|| domains().filter(longer).min_by_key(|domain| domain.len()))
        .or_else(|| domains().find(alike));
    let nearest = near.map(str::to_owned);
    ResolveError::NoHost {
        leads_there: leads_to(table, &host),
        host,
        known: known.into_iter().map(str::to_owned).collect(),
        means,
        nearest,
    }
}

/// A rule that leads to subsets of a host that has no rule, and the host under which it is reached.
fn leads_to(table: &RouteTable, name: &str) -> Option<Box<[String; 2]>> {
    let own =
        |host: &str| host == name || (!name.contains('.') && host.split('.').next() == Some(name));
    let leads = |route: &&Route| match &route.outcome.action {
        Action::Split(split) => {
            let mut backends = split.backends().iter();
            backends.any(|one| one.destination.subset.is_some() && own(&one.destination.host))
        }
        _ => false,
    };
    table.hosts.iter().find_map(|host| {
        let route = host.routes.iter().find(leads)?;
        Some(Box::new([route.object.clone(), reachable(host).to_owned()]))
    })
}

/// The first label of a domain that is most like a name without dots.
fn nearest_label<'d>(host: &str, domains: impl Iterator<Item = &'d str>) -> Option<&'d str> {
    let labels = domains.filter_map(|domain| domain.split('.').next());
    if host.contains('.') {
        return None;
    }
    nearest(host, labels)
}

impl VirtualHost {
    /// Its first name, which is the full one.
    fn full(&self) -> &str {
        self.domains.first().unwrap_or(&self.name)
    }
}

/// The name of a host under which it can be reached from here: as written where that works.
fn reachable(host: &VirtualHost) -> &str {
    let written = host
        .domains
        .iter()
        .find(|domain| domain.eq_ignore_ascii_case(&host.name));
    let shortest = || host.domains.iter().min_by_key(|domain| domain.len());
    written.or_else(shortest).unwrap_or(&host.name)
}

/// How well a wildcard domain fits: suffix wildcards before prefix wildcards before `*`, longer before shorter.
fn wildcard(domain: &str, host: &str) -> Option<(u8, usize)> {
    if domain == "*" {
        return Some((0, 0));
    }
    let longer = host.len() >= domain.len();
    let suffix = domain
        .strip_prefix('*')
        .is_some_and(|suffix| longer && host.ends_with(suffix));
    let prefix = domain
        .strip_suffix('*')
        .is_some_and(|prefix| longer && host.starts_with(prefix));
    match (suffix, prefix) {
        (true, _) => Some((2, domain.len())),
        (_, true) => Some((1, domain.len())),
        _ => None,
    }
}
