//! Everything that applies from one vantage: hosts in the order in which they win, and rules that do not apply there.

use std::collections::{BTreeSet, HashMap};

use super::VirtualHost;
use crate::diag::{Code, Note};

/// Everything that applies from one vantage.
#[derive(Clone, Debug, Default)]
pub struct RouteTable {
    /// The hosts with their routes, in the order in which they win ties.
    pub hosts: Vec<VirtualHost>,
    /// The port of a destination that names none: the one that is dialled, where it is known and means that.
    pub port: Option<u16>,
    /// What completes a name without dots, where that is known: `default.svc.cluster.local`.
    pub search_domain: Option<String>,
    /// Rules that exist and do not apply from here, so that an error can name them.
    pub inactive_rules: Vec<InactiveRule>,
    /// Names that choose the routes by where a connection goes: there `Host` is not looked at.
    pub matched_by_address: BTreeSet<String>,
    /// The port of the `Host` header is a part of the name, as it is for a proxy that was not told to ignore it.
    pub match_port: bool,
    /// The routes are those that one proxy has been told, wherever it stands.
    pub from_dump: bool,
    /// What a proxy has been told, where that is known beside what is declared.
    pub programmed: Option<Box<RouteTable>>,
}

/// A rule that does not apply from the vantage.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct InactiveRule {
    /// The object: `VirtualService default/weather`.
    pub object: String,
    /// The hosts it would route, as written.
    pub hosts: Vec<String>,
    /// The names those hosts answer to, as in [`VirtualHost::domains`].
    pub domains: Vec<String>,
    /// Why it does not apply from here, and what to do to judge the request from where it applies.
    pub note: Note,
}

impl RouteTable {
    /// Adds what another dialect declares. A name that has an owner keeps it, and the owner says who else asked for it.
    pub fn join(&mut self, other: Self) {
        let mut owners: HashMap<String, usize> = HashMap::new();
        for (at, host) in self.hosts.iter().enumerate() {
            for domain in &host.domains {
                owners.entry(domain.clone()).or_insert(at);
            }
        }
        for mut host in other.hosts {
            let taken = host.domains.iter().find_map(|domain| owners.get(domain));
            if let Some(owner) = taken.copied() {
                let owner = &mut self.hosts[owner];
                let message = format!(
                    "{} declares the host `{}` too, and only one of them can own it: taken to be {}",
                    host.objects.join(" and "),
                    host.name,
                    owner.objects.join(" and "),
                );
                let caveat = Note::about(Code::TwoOwners, message, Some(host.span));
                owner.caveats.push(caveat.help("delete one of them"));
                host.domains.retain(|domain| !owners.contains_key(domain));
            }
            if !host.domains.is_empty() {
                self.hosts.push(host);
            }
        }
        self.port = self.port.or(other.port);
        self.search_domain = self.search_domain.take().or(other.search_domain);
        self.programmed = self.programmed.take().or(other.programmed);
        self.inactive_rules.extend(other.inactive_rules);
        self.matched_by_address.extend(other.matched_by_address);
    }
}
