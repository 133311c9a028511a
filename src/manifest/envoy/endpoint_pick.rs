//! How a request may name its endpoint, as clusters and filters of a dump write it.

use serde::Deserialize;

use super::list::List;
use crate::route::{EndpointPick, PickEndpoint, PickMechanism, PickSource};

/// How a request may name an endpoint, whichever endpoints there are.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct ClusterPick {
    mechanism: PickMechanism,
    sources: Vec<PickSource>,
    fallback: Option<String>,
}

/// `OverrideHost.OverrideHostSource`: a header or metadata.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct RawPickSource {
    header: String,
    metadata: Option<RawMetadataKey>,
}

/// `Cluster.OriginalDstLbConfig`.
#[derive(Default, Deserialize)]
#[serde(default)]
pub(super) struct RawOriginalDst {
    #[serde(alias = "useHttpHeader")]
    use_http_header: bool,
    #[serde(alias = "httpHeaderName")]
    http_header_name: String,
    #[serde(alias = "metadataKey")]
    metadata_key: Option<RawMetadataKey>,
}

/// `MetadataKey`.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
struct RawMetadataKey {
    key: String,
    path: List<RawSegment>,
}

#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
struct RawSegment {
    key: String,
}

/// What Envoy looks at where no header is named.
const DEFAULT_HEADER: &str = "x-envoy-original-dst-host";

impl ClusterPick {
    /// The load balancing policy `override_host`.
    pub(super) fn override_host(sources: &[RawPickSource], fallback: Option<String>) -> Self {
        let source = |raw: &RawPickSource| match &raw.metadata {
            Some(metadata) => Some(metadata.source()),
            None if raw.header.is_empty() => None,
            None => Some(PickSource::Header(raw.header.clone())),
        };
        Self {
            mechanism: PickMechanism::OverrideHost,
            sources: sources.iter().filter_map(source).collect(),
            fallback,
        }
    }

    /// The filter `stateful_session`.
    pub(super) fn session(source: PickSource, strict: bool) -> Self {
        Self {
            mechanism: PickMechanism::Session { strict },
            sources: vec![source],
            fallback: None,
        }
    }

    pub(super) fn is_original_dst(&self) -> bool {
        self.mechanism == PickMechanism::OriginalDst
    }

    /// The same for these endpoints.
    pub(super) fn of(&self, endpoints: Option<Vec<PickEndpoint>>) -> EndpointPick {
        EndpointPick {
            mechanism: self.mechanism,
            sources: self.sources.clone(),
            fallback: self.fallback.clone(),
            endpoints,
        }
    }
}

impl RawOriginalDst {
    /// Where the address comes from; none where it is that of the connection.
    pub(super) fn pick(self) -> Option<ClusterPick> {
        let metadata = self.metadata_key.as_ref().map(RawMetadataKey::source);
        let header = self.use_http_header.then(|| match self.http_header_name {
            name if name.is_empty() => DEFAULT_HEADER.to_owned(),
            name => name,
        });
        let header = header.map(PickSource::Header);
        let sources: Vec<PickSource> = metadata.into_iter().chain(header).collect();
        (!sources.is_empty()).then_some(ClusterPick {
            mechanism: PickMechanism::OriginalDst,
            sources,
            fallback: None,
        })
    }
}

impl RawMetadataKey {
    fn source(&self) -> PickSource {
        let path: Vec<&str> = self
            .path
            .iter()
            .map(|segment| segment.key.as_str())
            .collect();
        PickSource::Metadata(format!("{}:{}", self.key, path.join(".")))
    }
}
