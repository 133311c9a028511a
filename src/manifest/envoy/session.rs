//! The filter `stateful_session`, as listeners and routes configure it.

use serde::Deserialize;

use super::endpoint_pick::ClusterPick;
use super::list::List;
use crate::route::PickSource;

/// The type of the filter, and how that of a route ends.
const TYPE: &str = "stateful_session.v3.StatefulSession";

/// A listener, with its version around it or without.
#[derive(Default, Deserialize)]
#[serde(default)]
struct HeldListener {
    listener: RawListener,
    #[serde(alias = "activeState")]
    active_state: Option<Box<HeldListener>>,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct RawListener {
    #[serde(alias = "filterChains")]
    filter_chains: List<RawChain>,
    #[serde(alias = "defaultFilterChain")]
    default_filter_chain: RawChain,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct RawChain {
    filters: List<RawFilter<RawManager>>,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct RawFilter<T> {
    #[serde(alias = "typedConfig")]
    typed_config: T,
}

/// `HttpConnectionManager`.
#[derive(Default, Deserialize)]
#[serde(default)]
struct RawManager {
    rds: RawRds,
    #[serde(alias = "routeConfig")]
    route_config: RawName,
    #[serde(alias = "httpFilters")]
    http_filters: List<RawFilter<RawSession>>,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct RawRds {
    #[serde(alias = "routeConfigName")]
    route_config_name: String,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct RawName {
    name: String,
}

/// `StatefulSession`, or `StatefulSessionPerRoute` around it.
#[derive(Default, Deserialize)]
#[serde(default)]
pub(super) struct RawSession {
    #[serde(rename = "@type")]
    kind: String,
    #[serde(alias = "sessionState")]
    session_state: RawFilter<RawState>,
    strict: bool,
    #[serde(alias = "statefulSession")]
    stateful_session: Option<Box<RawSession>>,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct RawState {
    cookie: RawName,
    // Of a header, this is the name.
    name: String,
}

impl RawSession {
    /// How a request names its endpoint, if this is such a filter.
    pub(super) fn pick(&self) -> Option<ClusterPick> {
        if let Some(inner) = &self.stateful_session {
            return inner.own();
        }
        self.kind.ends_with(TYPE).then(|| self.own()).flatten()
    }

    fn own(&self) -> Option<ClusterPick> {
        let state = &self.session_state.typed_config;
        let source = match (state.cookie.name.as_str(), state.name.as_str()) {
            ("", "") => return None,
            ("", header) => PickSource::Header(header.to_owned()),
            (cookie, _) => PickSource::Cookie(cookie.to_owned()),
        };
        Some(ClusterPick::session(source, self.strict))
    }
}

/// The route configurations behind such a filter of a listener, and how requests name their endpoint there. What else is in a
/// listener may have any shape.
pub(super) fn sessions(text: &str) -> Vec<(String, ClusterPick)> {
    let held = Some(text).filter(|text| text.contains(TYPE));
    let held = held.and_then(|text| serde_json::from_str::<HeldListener>(text).ok());
    held.map_or_else(Vec::new, |held| held.sessions())
}

impl HeldListener {
    fn sessions(&self) -> Vec<(String, ClusterPick)> {
        if let Some(active) = &self.active_state {
            return active.sessions();
        }
        let listener = &self.listener;
        let chains = listener.filter_chains.iter();
        let chains = chains.chain([&listener.default_filter_chain]);
        let managers = chains.flat_map(|chain| chain.filters.iter());
        let found = managers.filter_map(|filter| {
            let manager = &filter.typed_config;
            let mut filters = manager.http_filters.iter();
            let pick = filters.find_map(|filter| filter.typed_config.pick())?;
            let name = match manager.rds.route_config_name.as_str() {
                "" => &manager.route_config.name,
                name => name,
            };
            Some((name.to_owned(), pick))
        });
        found.collect()
    }
}
