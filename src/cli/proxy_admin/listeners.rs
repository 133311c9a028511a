//! Listeners of a proxy: which route configurations stand behind the port that a request is sent to.

use serde::Deserialize;

/// The names of the route configurations behind the listeners of a port, as pages of listeners tell them; what is in another
/// shape tells nothing.
pub(super) fn behind(pages: &[String], port: u16) -> Vec<String> {
    let pages = pages.iter();
    let pages = pages.filter_map(|page| serde_json::from_str::<Page>(page).ok());
    let held = pages.flat_map(|page| page.configs);
    let listeners = held.filter_map(Held::listener);
    let own = listeners.filter(|listener| listener.address.socket_address.port_value == port);
    let chains = own.flat_map(|own| {
        own.filter_chains
            .into_iter()
            .chain(own.default_filter_chain)
    });
    let managers = chains.flat_map(|chain| chain.filters);
    let mut names: Vec<String> = managers
        .map(|filter| {
            let Manager { rds, route_config } = filter.typed_config;
            if rds.route_config_name.is_empty() {
                route_config.name
            } else {
                rds.route_config_name
            }
        })
        .filter(|name| !name.is_empty())
        .collect();
    names.sort();
    names.dedup();
    names
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct Page {
    configs: Vec<Held>,
}

/// A listener with its version around it, once or twice.
#[derive(Default, Deserialize)]
#[serde(default)]
struct Held {
    listener: Option<Listener>,
    active_state: Option<Box<Held>>,
}

impl Held {
    fn listener(self) -> Option<Listener> {
        let active = self.active_state.and_then(|held| held.listener);
        self.listener.or(active)
    }
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct Listener {
    address: Address,
    filter_chains: Vec<Chain>,
    default_filter_chain: Option<Chain>,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct Address {
    socket_address: SocketAddress,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct SocketAddress {
    port_value: u16,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct Chain {
    filters: Vec<Filter>,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct Filter {
    typed_config: Manager,
}

/// `HttpConnectionManager`; other filters have none of it.
#[derive(Default, Deserialize)]
#[serde(default)]
struct Manager {
    rds: Rds,
    route_config: Named,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct Rds {
    route_config_name: String,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct Named {
    name: String,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_port_has_the_route_configurations_of_its_listeners() {
        let held = r#"{"configs": [{"listener": {"address": {"socket_address": {"address": "0.0.0.0", "port_value": 80}},
            "filter_chains": [{"filters": [{"name": "tcp", "typed_config": {"cluster": "c"}},
                {"typed_config": {"route_config": {"name": "inline", "virtual_hosts": []}}}]}]}}]}"#;
        let dynamic = r#"{"configs": [{"name": "l", "active_state": {"version_info": "1", "listener": {
            "address": {"socket_address": {"port_value": 80}},
            "default_filter_chain": {"filters": [{"typed_config": {"rds": {"route_config_name": "80"}}}]}}}},
            {"active_state": {"listener": {"address": {"pipe": {"path": "/s"}}}}}]}"#;
        let pages = [held.to_owned(), dynamic.to_owned(), "no JSON".to_owned()];
        assert_eq!(behind(&pages, 80), ["80", "inline"]);
        assert_eq!(behind(&pages, 81), [""; 0]);
    }
}
