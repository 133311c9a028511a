//! From the dumps of a run to the routes that a request meets: which route configurations concern it, and under which
//! names their hosts are called.

use std::collections::BTreeSet;
use std::sync::Arc;

use super::Dump;
use super::action::Compiler;
use super::route_configs::{self, RouteConfig};
use crate::diag::{Code, Note};
use crate::manifest::Manifests;
use crate::route::{
    AppliesTo, InactiveRule, Origin, Route, RouteList, RouteTable, Vantage, VirtualHost,
};

/// What a mesh puts at the end of its hosts, so that a host which no rule names gets an answer. Nobody declared it.
pub(super) const UNDECLARED: [&str; 2] = ["allow_any", "block_all"];

/// What the name of a route configuration says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind<'n> {
    /// `9080`, `http.8080`: for all hosts of a port.
    Port(u16),
    /// `reviews.default.svc.cluster.local:9080`: for one service, whatever the `Host` header.
    Service { host: &'n str, port: u16 },
    /// Anything else, such as the listener of a gateway.
    Named,
    /// Nothing: configurations of a proxy for itself.
    Unnamed,
}

/// The routes that the dumps hold for a vantage.
pub(in crate::manifest) fn lower(manifests: &Manifests, vantage: &Vantage) -> RouteTable {
    let dump = &manifests.dump;
    let (chosen, others) = chosen(dump, vantage.port);
    let names = || Arc::new(dump.clusters.keys().cloned().collect::<BTreeSet<String>>());
    let compiler = Compiler {
        dump,
        clusters: (!dump.clusters.is_empty()).then(names),
        session: None,
    };
    let client = match &vantage.origin {
        Origin::Mesh { namespace, .. } => namespace.as_deref(),
        Origin::Gateway { .. } => None,
    };
    let mut table = RouteTable {
        from_dump: true,
        search_domain: client.map(|client| format!("{client}.svc.cluster.local")),
        match_port: !chosen.is_empty() && chosen.iter().all(|config| minds_port(config)),
        inactive_rules: others.into_iter().flat_map(inactive_rules).collect(),
        ..RouteTable::default()
    };
    let mut services = BTreeSet::new();
    for config in chosen {
        let service = match kind(&config.name) {
            Kind::Service { host, .. } => Some(host),
            _ => None,
        };
        let compiler = compiler.behind(dump.sessions.get(&config.name));
        for host in &config.virtual_hosts {
            if UNDECLARED.contains(&host.name.as_str()) {
                continue;
            }
            let mut domains = match service {
                Some(service) => called(service, client),
                None => host
                    .domains
                    .iter()
                    .map(|name| name.to_lowercase())
                    .collect(),
            };
            if minds_port(config) && !table.match_port {
                // Beside configurations that ignore the port, it is looked at nowhere.
                domains = domains.iter().map(|name| without_port(name)).collect();
                domains.dedup();
            }
            // A service with a configuration of its own is routed by that one.
            match service {
                Some(_) => {
                    services.extend(domains.iter().cloned());
                    table.matched_by_address.extend(domains.iter().cloned());
                }
                None => domains.retain(|domain| !services.contains(domain)),
            }
            if !domains.is_empty() {
                table.hosts.push(compiler.host(config, host, domains));
            }
        }
    }
    table
}

impl Compiler<'_> {
    fn host(
        &self,
        config: &RouteConfig,
        host: &route_configs::VirtualHost,
        domains: Vec<String>,
    ) -> VirtualHost {
        let own = format!("virtual host {} of {}", host.name, called_config(config));
        let fault = host.fault.as_ref().or(config.fault.as_ref());
        let mut objects: Vec<String> = Vec::new();
        let routes = (0..).zip(&host.routes).map(|(at, route): (usize, _)| {
            let object = route.text.metadata.object().unwrap_or_else(|| own.clone());
            if !objects.contains(&object) {
                objects.push(object.clone());
            }
            Route {
                object,
                rule: format!("routes[{at}]"),
                alternative: None,
                name: Some(route.text.name.clone()).filter(|name| !name.is_empty()),
                span: route.span,
                conditions: route.text.r#match.conditions(route.span),
                outcome: Arc::new(self.outcome(route, fault)),
            }
        });
        let routes: RouteList = routes.collect();
        if objects.is_empty() {
            objects.push(own);
        }
        VirtualHost {
            name: domains[0].clone(),
            objects,
            span: host.span,
            https_only: host.https_only,
            unsupported: host.has_matcher.then(|| {
                Note::new(
                    Code::UnclearRules,
                    format!(
                        "the virtual host `{}` finds its routes by a tree of matchers",
                        host.name
                    ),
                )
                .at(host.span, "")
                .help("resplit reads lists of routes only; declare the split with --expect")
            }),
            routes,
            caveats: host
                .https_outside
                .then(|| outside(host))
                .into_iter()
                .collect(),
            domains,
        }
    }
}

/// The configurations that a request to a port meets, those for one service first; and those that are for other ports.
pub(super) fn chosen(dump: &Dump, port: Option<u16>) -> (Vec<&RouteConfig>, Vec<&RouteConfig>) {
    let all = || {
        dump.route_configs
            .iter()
            .filter(|config| !config.is_inbound())
    };
    let of_port = |config: &RouteConfig| match kind(&config.name) {
        Kind::Port(own) | Kind::Service { port: own, .. } => Some(own),
        Kind::Named | Kind::Unnamed => None,
    };
    let (mut chosen, others): (Vec<&RouteConfig>, Vec<&RouteConfig>) = match port {
        Some(port) if all().any(|config| of_port(config) == Some(port)) => {
            all().partition(|config| of_port(config) == Some(port))
        }
        // The port of a listener need not be the one that was dialled; that of a service is.
        Some(_) => all().partition(|config| {
            matches!(kind(&config.name), Kind::Named) || is_gateway(&config.name)
        }),
        None => all().partition(|config| kind(&config.name) != Kind::Unnamed),
    };
    if chosen.is_empty()
        && others
            .iter()
            .all(|config| kind(&config.name) == Kind::Unnamed)
    {
        return (others, Vec::new());
    }
    chosen.sort_by_key(|config| !matches!(kind(&config.name), Kind::Service { .. }));
    let others = others
        .into_iter()
        .filter(|config| of_port(config).is_some());
    (chosen, others.collect())
}

fn kind(name: &str) -> Kind<'_> {
    let port = |text: &str| text.parse::<u16>().ok();
    if name.is_empty() {
        return Kind::Unnamed;
    }
    // `inbound-vip|9080|http|host` is how a waypoint names the configuration of a service.
    if let [direction, number, _, host] = name.split('|').collect::<Vec<&str>>()[..]
        && direction.starts_with("inbound-vip")
        && let Some(port) = port(number)
    {
        return Kind::Service { host, port };
    }
    let of_gateway = || is_gateway(name).then(|| name.split('.').nth(1)).flatten();
    if let Some(port) = port(name).or_else(|| of_gateway().and_then(port)) {
        return Kind::Port(port);
    }
    match name
        .rsplit_once(':')
        .map(|(host, number)| (host, port(number)))
    {
        Some((host, Some(port))) if host.contains('.') => Kind::Service { host, port },
        _ => Kind::Named,
    }
}

/// `http.8080`, `https.443.https.gateway.istio-system`: how a gateway of Istio names its configurations.
fn is_gateway(name: &str) -> bool {
    name.starts_with("http.") || name.starts_with("https.")
}

/// Whether the port of a `Host` header must be that of a domain.
fn minds_port(config: &RouteConfig) -> bool {
    !config.ignores_port && !matches!(kind(&config.name), Kind::Service { .. })
}

fn without_port(name: &str) -> String {
    let bare = name
        .rsplit_once(':')
        .filter(|(_, port)| port.parse::<u16>().is_ok());
    bare.map_or(name, |(bare, _)| bare).to_owned()
}

/// `EXTERNAL_ONLY`: who is outside is decided by the addresses that the proxy sees.
fn outside(host: &route_configs::VirtualHost) -> Note<AppliesTo> {
    let message = format!(
        "requests over plain HTTP from outside are redirected to HTTPS by the virtual host `{}`: taken to come from inside",
        host.name
    );
    Note::about(Code::RedirectOutside, message, Some(host.span))
        .limited_to(AppliesTo::Scheme("http"))
}

/// The names under which a service is called: the short one only from its own namespace, where that is known.
fn called(service: &str, client: Option<&str>) -> Vec<String> {
    let service = service.to_lowercase();
    let mut names = vec![service.clone()];
    let labels: Vec<&str> = service.split('.').collect();
    if let [name, namespace, "svc", ..] = labels[..] {
        names.extend([
            format!("{name}.{namespace}.svc"),
            format!("{name}.{namespace}"),
        ]);
        if client.is_none_or(|client| client == namespace) {
            names.push(name.to_owned());
        }
    }
    names
}

fn called_config(config: &RouteConfig) -> String {
    match config.name.as_str() {
        "" => "route config without a name".to_owned(),
        name => format!("route config {name}"),
    }
}

/// The hosts of a configuration for another port.
fn inactive_rules(config: &RouteConfig) -> Vec<InactiveRule> {
    let entry = |port: u16, host: &str, domains: Vec<String>| InactiveRule {
        object: called_config(config),
        hosts: domains.first().cloned().into_iter().collect(),
        domains,
        note: Note::new(
            Code::DistantRule,
            format!("{} is for port {port}", called_config(config)),
        )
        .help(format!(
            "name the port of the service: --host {host}:{port}"
        )),
    };
    match kind(&config.name) {
        Kind::Service { host, port } => vec![entry(port, host, called(host, None))],
        Kind::Port(port) => {
            let declared = config.virtual_hosts.iter();
            let declared = declared.filter(|host| !UNDECLARED.contains(&host.name.as_str()));
            let names = declared.map(|host| host.domains.iter().map(|name| name.to_lowercase()));
            let names = names
                .map(Iterator::collect)
                .filter(|names: &Vec<String>| !names.is_empty());
            names
                .map(|names| entry(port, &without_port(&names[0]), names))
                .collect()
        }
        Kind::Named | Kind::Unnamed => Vec::new(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_of_route_configurations_tell_the_port() {
        let host = "web.default.svc.cluster.local";
        for (name, expected) in [
            ("5000", Kind::Port(5000)),
            ("http.8080", Kind::Port(8080)),
            ("https.443.https.gateway.istio-system", Kind::Port(443)),
            (
                "web.default.svc.cluster.local:80",
                Kind::Service { host, port: 80 },
            ),
            (
                "inbound-vip|80|http|web.default.svc.cluster.local",
                Kind::Service { host, port: 80 },
            ),
            ("default/eg/http", Kind::Named),
            ("local_route", Kind::Named),
            ("", Kind::Unnamed),
        ] {
            assert_eq!(kind(name), expected, "{name}");
        }
    }

    #[test]
    fn the_short_name_of_a_service_is_for_its_own_namespace() {
        let short =
            |client| called("Web.default.svc.cluster.local", client).contains(&"web".to_owned());
        assert!(short(None) && short(Some("default")) && !short(Some("other")));
    }
}
