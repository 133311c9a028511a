//! The pages of an admin interface that concern one request: as little as will do, because a proxy stops to write them.

use super::listeners::behind;
use super::programmed::{Asked, ProgrammedSplit};
use crate::admin::{ClustersPage, RouteVersion, Stats, route_versions};
use crate::load::admin::{AdminClient, AdminError, encoded};

/// Route configurations and clusters up to which all of them are read, whatever the request.
const FEW: usize = 64;
/// Patterns that are asked for one by one; more clusters are asked for together.
const MOST_PATTERNS: usize = 8;
/// Letters of a pattern: Envoy refuses those that compile to more than 100 instructions.
const LONGEST_PATTERN: usize = 80;
/// What is kept of a name that is longer, at its beginning and at its end.
const KEPT: (usize, usize) = (30, 45);

/// Everything that is masked but names and versions.
const MASK: &str = "mask=version_info,last_updated,route_config.name";

/// Statistics of clusters that tell why a target got another share.
const OF_CLUSTERS: &str = "upstream_rq_total|upstream_rq_retry|upstream_rq_pending_overflow|upstream_rq_timeout|\
                           upstream_cx_connect_fail|upstream_cx_none_healthy|lb_healthy_panic|lb_zone_routing_cross_zone";
/// Statistics of the proxy: whether it is connected to its control plane, what it has rejected, and how full it is.
const OF_PROXY: &str = "control_plane\\.connected_state|cluster\\.xds-grpc;?\\.upstream_rq_active|.*\\.update_rejected|\
                        overload\\..*\\.pressure";

/// Names and versions of the route configurations that a pattern covers.
pub(super) fn versions(
    client: &mut AdminClient,
    pattern: Option<&str>,
) -> Result<Vec<RouteVersion>, String> {
    let path = format!(
        "/config_dump?resource=dynamic_route_configs&{MASK}{}",
        named(pattern)
    );
    let page = client.get(&path).map_err(|error| error.to_string())?;
    route_versions(&page).map_err(|error| error.to_string())
}

/// The pattern of the route configurations that a request may meet; `None` for all of them.
pub(super) fn pattern_of(versions: &[RouteVersion], asked: &Asked) -> Option<String> {
    if versions.len() <= FEW {
        return None;
    }
    let port = asked.probe.service_port()?.to_string();
    let number = |name: &str| {
        let mut numbers = name.split(|c: char| !c.is_ascii_digit());
        numbers.any(|number| number == port)
    };
    // A gateway calls them by other ports, or by names.
    let any = versions.iter().any(|version| number(&version.name));
    any.then(|| of_number(&port))
}

/// The pattern of names that hold a number.
fn of_number(number: &str) -> String {
    format!("(.*[^0-9])?{number}([^0-9].*)?")
}

/// A dump of what concerns a request: its routes, their clusters with endpoints, and the listeners in front of them.
pub(super) fn dump(
    client: &mut AdminClient,
    routes: Option<&str>,
    asked: &Asked,
) -> Result<String, String> {
    let listeners = listeners(client, routes, asked)?;
    // Of few configurations those behind the port that the request is sent to, where that is one of the proxy's.
    let own = behind(&listeners, asked.probe.port);
    let own = patterns(own.iter()).join("|");
    let mut pages = route_pages(
        client,
        routes.or(Some(own.as_str()).filter(|own| !own.is_empty())),
    )?;
    if pages.is_empty() && !own.is_empty() {
        pages = route_pages(client, routes)?;
    }
    if pages.is_empty() {
        return Err("it holds no routes".to_owned());
    }
    let found = ProgrammedSplit::of(&joined(&pages), asked).ok();
    let clusters = found.as_ref().filter(|found| !found.by_header);
    let clusters = clusters.map_or_else(Vec::new, |found| {
        let mirrors = found.mirrors.iter().map(|mirror| &mirror.cluster);
        patterns(found.clusters.iter().chain(mirrors))
    });
    let before = pages.len();
    let all = asked.among_others;
    for resource in ["dynamic_active_clusters", "static_clusters"] {
        for pattern in each(&clusters).filter(|_| !all) {
            let path = format!("/config_dump?resource={resource}{}", named(pattern));
            add(client, &path, &mut pages)?;
        }
    }
    if pages.len() == before {
        // None of them is there, or all may be meant: which ones are tells that.
        for resource in ["dynamic_active_clusters", "static_clusters"] {
            let path = format!("/config_dump?resource={resource}&mask=cluster.name");
            add(client, &path, &mut pages)?;
        }
    }
    for resource in ["dynamic_endpoint_configs", "static_endpoint_configs"] {
        for pattern in each(&clusters).filter(|_| !all) {
            let path = format!(
                "/config_dump?include_eds&resource={resource}{}",
                named(pattern)
            );
            add(client, &path, &mut pages)?;
        }
    }
    pages.extend(listeners);
    Ok(joined(&pages))
}

/// The route configurations of a name.
fn route_pages(client: &mut AdminClient, pattern: Option<&str>) -> Result<Vec<String>, String> {
    let mut pages = Vec::new();
    for resource in ["dynamic_route_configs", "static_route_configs"] {
        let path = format!("/config_dump?resource={resource}{}", named(pattern));
        add(client, &path, &mut pages)?;
    }
    Ok(pages)
}

/// The listeners of a proxy; where it has many route configurations, those whose names hold the port.
fn listeners(
    client: &mut AdminClient,
    routes: Option<&str>,
    asked: &Asked,
) -> Result<Vec<String>, String> {
    let port = asked.probe.service_port().filter(|_| routes.is_some());
    let pattern = port.map(|port| of_number(&port.to_string()));
    let mut pages = Vec::new();
    for resource in ["dynamic_listeners", "static_listeners"] {
        let path = format!(
            "/config_dump?resource={resource}{}",
            named(pattern.as_deref())
        );
        add(client, &path, &mut pages)?;
    }
    Ok(pages)
}

/// Statistics of the proxy and of some clusters, as far as they are published.
pub(super) fn stats(client: &mut AdminClient, clusters: &[String]) -> Option<Stats> {
    let names = patterns(clusters.iter()).join("|");
    let clusters = match names.as_str() {
        "" => String::new(),
        names => format!("|cluster\\.({names});?\\.({OF_CLUSTERS})"),
    };
    let filter = encoded(&format!("^({OF_PROXY}{clusters})$"));
    let page = client
        .get(&format!("/stats?format=json&filter={filter}"))
        .ok()?;
    Stats::read(&page).ok()
}

/// Some clusters with their hosts; a proxy that knows no filter writes all.
pub(super) fn clusters(client: &mut AdminClient, names: &[String]) -> Result<ClustersPage, String> {
    let mut all = ClustersPage::default();
    for pattern in each(&patterns(names.iter())) {
        let filter = pattern.map_or_else(String::new, |own| format!("&filter={}", encoded(own)));
        let text = client.get(&format!("/clusters?format=json{filter}"));
        let text = text.map_err(|error| error.to_string())?;
        let page = ClustersPage::read(&text, |name| names.iter().any(|own| own == name));
        all.clusters
            .extend(page.map_err(|error| error.to_string())?.clusters);
    }
    Ok(all)
}

/// Adds a page that holds something.
fn add(client: &mut AdminClient, path: &str, pages: &mut Vec<String>) -> Result<(), String> {
    match client.get(path) {
        Ok(page) if page.trim() == "{}" => Ok(()),
        Ok(page) => {
            pages.push(page);
            Ok(())
        }
        // There is no such part of the configuration.
        Err(AdminError::Status { status: 404, .. }) => Ok(()),
        Err(error) => Err(error.to_string()),
    }
}

/// Pages as one JSON text.
fn joined(pages: &[String]) -> String {
    format!("[{}]", pages.join(",\n"))
}

fn named(pattern: Option<&str>) -> String {
    pattern.map_or_else(String::new, |pattern| {
        format!("&name_regex={}", encoded(pattern))
    })
}

/// Patterns that take these clusters, and few others; none where that takes too many. Subsets of a host share one.
fn patterns<'n>(names: impl Iterator<Item = &'n String>) -> Vec<String> {
    let mut patterns: Vec<String> = names.map(|name| pattern(name)).collect();
    patterns.sort();
    patterns.dedup();
    if patterns.len() > MOST_PATTERNS {
        patterns.clear();
    }
    patterns
}

/// Each pattern, or none for everything.
fn each(patterns: &[String]) -> impl Iterator<Item = Option<&str>> {
    let all = patterns.is_empty().then_some(None);
    all.into_iter()
        .chain(patterns.iter().map(|own| Some(own.as_str())))
}

fn pattern(name: &str) -> String {
    let escaped = |parts: &[&str]| {
        let parts: Vec<String> = parts
            .iter()
            .map(|part| regex_syntax::escape(part))
            .collect();
        parts.join(".*")
    };
    if name.chars().count() > LONGEST_PATTERN {
        let end = |count: usize| {
            name.char_indices()
                .nth(count)
                .map_or(name.len(), |(at, _)| at)
        };
        let (head, tail) = (end(KEPT.0), end(name.chars().count() - KEPT.1));
        return escaped(&[&name[..head], &name[tail..]]);
    }
    match name.split('|').collect::<Vec<&str>>()[..] {
        [direction, port, _, host] => {
            escaped(&[&format!("{direction}|{port}|"), &format!("|{host}")])
        }
        _ => escaped(&[name]),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::route::Probe;

    fn versions(names: impl Iterator<Item = String>) -> Vec<RouteVersion> {
        let version = |name| RouteVersion {
            name,
            ..RouteVersion::default()
        };
        names.map(version).collect()
    }

    #[test]
    fn of_many_route_configurations_those_of_the_port_are_read() {
        let url = "http://web:5000/".parse().expect("a URL");
        let asked = Asked {
            probe: Probe::new("GET", &url).expect("a request"),
            vantage: crate::route::Vantage::mesh(None, None),
            among_others: false,
        };
        assert_eq!(
            pattern_of(&versions(["5000".to_owned()].into_iter()), &asked),
            None
        );
        let many = (4990..5090).map(|port| port.to_string());
        let many = many.chain([
            "web.default.svc.cluster.local:5000".to_owned(),
            "a:15000".to_owned(),
        ]);
        let pattern = pattern_of(&versions(many), &asked).expect("some are of the port");
        let pattern = regex::Regex::new(&format!("^({pattern})$")).expect("a pattern");
        for (name, taken) in [
            ("5000", true),
            ("web.svc:5000", true),
            ("http.5000", true),
            ("15000", false),
            ("50001", false),
        ] {
            assert_eq!(pattern.is_match(name), taken, "{name}");
        }
        // A gateway calls them by other ports, or by names.
        let others = (1..100).map(|port| format!("http.{port}"));
        assert_eq!(pattern_of(&versions(others), &asked), None);
    }

    #[test]
    fn clusters_are_asked_for_in_few_short_patterns() {
        let of = |names: &[&str]| {
            let names: Vec<String> = names.iter().map(|name| (*name).to_owned()).collect();
            patterns(names.iter())
        };
        assert_eq!(
            of(&["outbound|80|v1|a.b", "outbound|80|v2|a.b"]),
            [r"outbound\|80\|.*\|a\.b"]
        );
        assert_eq!(of(&["httproute/x/rule/0"]), ["httproute/x/rule/0"]);
        assert_eq!(of(&[]), [""; 0]);
        let long = format!("outbound|80|v1|{}.svc", "é".repeat(90));
        let [pattern] = &of(&[&long])[..] else {
            panic!("one name")
        };
        assert!(
            regex::Regex::new(pattern)
                .expect("a pattern")
                .is_match(&long),
            "{pattern}"
        );
        assert!(pattern.chars().count() <= LONGEST_PATTERN + 5, "{pattern}");
        let many: Vec<String> = (0..20).map(|at| format!("c{at}")).collect();
        assert_eq!(patterns(many.iter()), [""; 0]);
    }
}
