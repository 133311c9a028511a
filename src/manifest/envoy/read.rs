//! From a JSON text to what it holds of routes, clusters and endpoints, whatever was wrapped around them. Everything else
//! is skipped without being kept: a dump has tens of megabytes, and what routes requests is a small part of it.

use std::fmt;

use serde::Deserialize;
use serde::de::{DeserializeSeed, Deserializer, IgnoredAny, MapAccess, SeqAccess, Visitor};
use serde_json::value::RawValue;

use super::Dump;
use super::clusters::{Assignment, RawCluster};
use super::fault::{Fault, fault};
use super::json_spans::Text;
use super::list::List;
use super::route_configs::{RawRouteConfig, RawVirtualHost, RouteConfig, Version};
use super::session::sessions;
use crate::diag::{Code, Note, SourceId};

/// Objects around a dump: the namespace and the pod that egctl puts there.
const MAX_WRAPPERS: usize = 4;

/// How an object of Kubernetes, or of Consul, begins that is written as JSON.
const MANIFEST: [&str; 6] = ["apiVersion", "kind", "Kind", "metadata", "items", "spec"];

/// What only a dump holds.
const MARKS: [&str; 8] = [
    "\"configs\"",
    "\"route_config\"",
    "\"routeConfig\"",
    "\"virtual_hosts\"",
    "\"virtualHosts\"",
    "\"dynamic_route_configs\"",
    "\"dynamicRouteConfigs\"",
    "\"staticRouteConfigs\"",
];

/// Whether a text is JSON and no Kubernetes object: a dump, or something that was taken for one.
pub(in crate::manifest) fn is_json(text: &str) -> bool {
    let text = text.trim_start_matches('\u{feff}').trim_start();
    let inner =
        |text: &'_ str, open: char| text.strip_prefix(open).map(|rest| rest.trim_start().len());
    let Some(rest) = inner(text, '{').or_else(|| inner(text, '[')) else {
        return false;
    };
    let rest = &text[text.len() - rest..];
    let rest = rest.strip_prefix('{').unwrap_or(rest).trim_start();
    let key = rest
        .strip_prefix('"')
        .and_then(|rest| rest.split('"').next());
    if key.is_some_and(|key| MANIFEST.contains(&key)) {
        return false;
    }
    let marked = key.is_some() && MARKS.iter().any(|mark| text.contains(mark));
    marked || serde_json::from_str::<IgnoredAny>(text).is_ok()
}

/// Adds what a text holds. False, and nothing is added, where it is a Kubernetes object after all.
pub(in crate::manifest) fn read(
    source: SourceId,
    text: &str,
    dump: &mut Dump,
    problems: &mut Vec<Note>,
) -> bool {
    let place = Text { source, text };
    let mut found = Found::default();
    let mut json = serde_json::Deserializer::from_str(text.trim_start_matches('\u{feff}'));
    let layer = Layer {
        found: &mut found,
        depth: 0,
    };
    let read = layer.deserialize(&mut json).and_then(|()| json.end());
    if let Err(error) = read {
        problems.push(place.problem(&error));
        return true;
    }
    if found.manifest {
        return false;
    }
    if !found.known {
        problems.push(no_dump(place));
        return true;
    }
    dump.texts += 1;
    for config in found.route_configs {
        match RouteConfig::new(config, place) {
            Ok(config) => dump.route_configs.push(config),
            Err(problem) => problems.push(*problem),
        }
    }
    for cluster in found.clusters {
        let (name, cluster) = cluster.into_cluster();
        dump.clusters.insert(name, cluster);
    }
    for assignment in found.endpoints {
        let (name, localities) = assignment.into_localities();
        dump.endpoints.insert(name, localities);
    }
    let sessions = found.listeners.iter().flat_map(|raw| sessions(raw.get()));
    dump.sessions.extend(sessions);
    true
}

fn no_dump(place: Text<'_>) -> Note {
    let message = match place.text.trim() {
        "{}" => {
            "this JSON is empty: Envoy answers `{}` where it has nothing of the name that was asked for"
        }
        _ => "this JSON is neither a manifest nor a config dump of Envoy",
    };
    let help = "a dump is what `pilot-agent request GET config_dump` or `istioctl proxy-config routes POD -o json` prints";
    Note::new(Code::NoDump, message)
        .at(place.beginning(), "")
        .help(help)
}

/// What was found in a text.
#[derive(Default)]
struct Found<'s> {
    route_configs: Vec<RawRouteConfig<'s>>,
    clusters: Vec<RawCluster>,
    endpoints: Vec<Assignment>,
    listeners: Vec<&'s RawValue>,
    // Something was there that only a dump has, were it empty.
    known: bool,
    // It is a Kubernetes object.
    manifest: bool,
}

impl<'s> Found<'s> {
    fn config(&mut self, config: RawConfig<'s>) {
        let held = config.dynamic_route_configs.into_iter();
        let held = held.chain(config.static_route_configs);
        let own = HeldRoutes {
            route_config: config.route_config,
            version_info: config.version_info,
            last_updated: config.last_updated,
        };
        let held = held.chain(std::iter::once(own));
        self.route_configs
            .extend(held.filter_map(HeldRoutes::config));
        let clusters = config.static_clusters.into_iter();
        let clusters = clusters
            .chain(config.dynamic_active_clusters)
            .chain(config.dynamic_warming_clusters);
        self.clusters.extend(
            clusters
                .filter_map(|held| held.cluster)
                .chain(config.cluster),
        );
        let endpoints = config.static_endpoint_configs.into_iter();
        let endpoints = endpoints.chain(config.dynamic_endpoint_configs);
        self.endpoints.extend(
            endpoints
                .filter_map(|held| held.endpoint_config)
                .chain(config.endpoint_config),
        );
        let listeners = config.static_listeners.into_iter();
        self.listeners
            .extend(listeners.chain(config.dynamic_listeners));
    }
}

/// One item of `configs`, of any type: each has members that no other has.
#[derive(Default, Deserialize)]
#[serde(default)]
struct RawConfig<'s> {
    #[serde(borrow, alias = "dynamicRouteConfigs")]
    dynamic_route_configs: List<HeldRoutes<'s>>,
    #[serde(borrow, alias = "staticRouteConfigs")]
    static_route_configs: List<HeldRoutes<'s>>,
    #[serde(borrow, alias = "routeConfig")]
    route_config: Option<RawRouteConfig<'s>>,
    #[serde(alias = "versionInfo")]
    version_info: Option<String>,
    #[serde(alias = "lastUpdated")]
    last_updated: Option<String>,
    #[serde(alias = "staticClusters")]
    static_clusters: List<HeldCluster>,
    #[serde(alias = "dynamicActiveClusters")]
    dynamic_active_clusters: List<HeldCluster>,
    #[serde(alias = "dynamicWarmingClusters")]
    dynamic_warming_clusters: List<HeldCluster>,
    cluster: Option<RawCluster>,
    #[serde(alias = "staticEndpointConfigs")]
    static_endpoint_configs: List<HeldEndpoints>,
    #[serde(alias = "dynamicEndpointConfigs")]
    dynamic_endpoint_configs: List<HeldEndpoints>,
    #[serde(alias = "endpointConfig")]
    endpoint_config: Option<Assignment>,
    #[serde(borrow, alias = "staticListeners")]
    static_listeners: List<&'s RawValue>,
    #[serde(borrow, alias = "dynamicListeners")]
    dynamic_listeners: List<&'s RawValue>,
}

/// A route configuration with its version around it.
#[derive(Default, Deserialize)]
#[serde(default)]
struct HeldRoutes<'s> {
    #[serde(borrow, alias = "routeConfig")]
    route_config: Option<RawRouteConfig<'s>>,
    #[serde(alias = "versionInfo")]
    version_info: Option<String>,
    #[serde(alias = "lastUpdated")]
    last_updated: Option<String>,
}

impl<'s> HeldRoutes<'s> {
    /// The configuration with its version.
    fn config(self) -> Option<RawRouteConfig<'s>> {
        let mut config = self.route_config?;
        config.version = Version {
            info: self.version_info,
            last_updated: self.last_updated,
        };
        Some(config)
    }
}

/// A cluster with its version around it.
#[derive(Default, Deserialize)]
#[serde(default)]
struct HeldCluster {
    cluster: Option<RawCluster>,
}

/// Endpoints with their version around them.
#[derive(Default, Deserialize)]
#[serde(default)]
struct HeldEndpoints {
    #[serde(alias = "endpointConfig")]
    endpoint_config: Option<Assignment>,
}

/// The fault among filters.
#[derive(Deserialize)]
struct Faulty(#[serde(deserialize_with = "fault")] Option<Fault>);

/// An object or a list around what is looked for.
struct Layer<'f, 's> {
    found: &'f mut Found<'s>,
    depth: usize,
}

impl<'s> DeserializeSeed<'s> for Layer<'_, 's> {
    type Value = ();

    fn deserialize<D: Deserializer<'s>>(self, deserializer: D) -> Result<(), D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl<'s> Visitor<'s> for Layer<'_, 's> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a config dump")
    }

    fn visit_map<A: MapAccess<'s>>(self, mut map: A) -> Result<(), A::Error> {
        if self.depth > MAX_WRAPPERS {
            while map.next_entry::<IgnoredAny, IgnoredAny>()?.is_some() {}
            return Ok(());
        }
        let mut hosts: Option<List<RawVirtualHost<'s>>> = None;
        let (mut name, mut ignore_port, mut faulty) = (String::new(), false, None);
        while let Some(key) = map.next_key::<String>()? {
            match key.as_str() {
                "configs" => {
                    self.found.known = true;
                    for config in map.next_value::<List<RawConfig<'s>>>()? {
                        self.found.config(config);
                    }
                }
                "dynamic_route_configs"
                | "dynamicRouteConfigs"
                | "static_route_configs"
                | "staticRouteConfigs" => {
                    self.found.known = true;
                    let held = map.next_value::<List<HeldRoutes<'s>>>()?;
                    let configs = held.into_iter().filter_map(HeldRoutes::config);
                    self.found.route_configs.extend(configs);
                }
                "route_config" | "routeConfig" => {
                    self.found.known = true;
                    self.found.route_configs.push(map.next_value()?);
                }
                "virtual_hosts" | "virtualHosts" => hosts = Some(map.next_value()?),
                "ignore_port_in_host_matching" | "ignorePortInHostMatching" => {
                    ignore_port = map.next_value()?;
                }
                "typed_per_filter_config" | "typedPerFilterConfig" => {
                    faulty = map.next_value::<Faulty>()?.0;
                }
                "name" if self.depth <= 1 => {
                    // The name of something else may be anything.
                    if let serde_json::Value::String(own) = map.next_value()? {
                        name = own;
                    }
                }
                "apiVersion" | "kind" | "Kind" if self.depth == 0 => {
                    self.found.manifest = true;
                    map.next_value::<IgnoredAny>()?;
                }
                _ => map.next_value_seed(Layer {
                    found: self.found,
                    depth: self.depth + 1,
                })?,
            }
        }
        if let Some(virtual_hosts) = hosts {
            self.found.known = true;
            self.found.route_configs.push(RawRouteConfig {
                name,
                virtual_hosts,
                ignore_port_in_host_matching: ignore_port,
                typed_per_filter_config: faulty,
                version: Version::default(),
            });
        }
        Ok(())
    }

    fn visit_seq<A: SeqAccess<'s>>(self, mut items: A) -> Result<(), A::Error> {
        if self.depth > MAX_WRAPPERS {
            while items.next_element::<IgnoredAny>()?.is_some() {}
            return Ok(());
        }
        let depth = self.depth + 1;
        let found = self.found;
        while items.next_element_seed(Layer { found, depth })?.is_some() {}
        Ok(())
    }

    fn visit_bool<E>(self, _: bool) -> Result<(), E> {
        Ok(())
    }

    fn visit_i64<E>(self, _: i64) -> Result<(), E> {
        Ok(())
    }

    fn visit_u64<E>(self, _: u64) -> Result<(), E> {
        Ok(())
    }

    fn visit_f64<E>(self, _: f64) -> Result<(), E> {
        Ok(())
    }

    fn visit_str<E>(self, _: &str) -> Result<(), E> {
        Ok(())
    }

    fn visit_unit<E>(self) -> Result<(), E> {
        Ok(())
    }
}
