//! `/server_info` and `/memory`: which proxy it is, how long it has been running, and what it takes.

use serde::Deserialize;

use super::PageError;

/// Which proxy it is.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ServerInfo {
    /// `1.40.0`
    pub version: String,
    /// `LIVE`, `DRAINING`, …
    pub state: String,
    /// Seconds since it was started.
    pub uptime: Option<u64>,
    /// What it calls itself to its control plane: `sidecar~10.0.0.7~web-1.shop~shop.svc.cluster.local`.
    pub node: String,
    /// The namespace that its control plane takes it for.
    pub namespace: Option<String>,
    /// Whether it is a native sidecar, which ends with its pod; unknown where Istio's injection does not say it.
    pub native_sidecar: Option<bool>,
}

/// What a proxy takes, in bytes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Memory {
    /// In use.
    pub allocated: Option<u64>,
    /// Taken from the system.
    pub physical: Option<u64>,
}

impl ServerInfo {
    /// Reads the page.
    pub fn read(text: &str) -> Result<Self, PageError> {
        let page: Page = serde_json::from_str(text)?;
        let version = page.version.split('/').nth(1).unwrap_or(&page.version);
        let seconds = page.uptime_current_epoch.trim_end_matches('s');
        // Istio writes TYPE~ADDRESS~NAME.NAMESPACE~DOMAIN.
        let name = page.node.id.split('~').nth(2);
        let of_id = name.and_then(|name| name.rsplit_once('.'));
        let of_id = of_id.map(|(_, namespace)| namespace.to_owned());
        Ok(Self {
            version: version.to_owned(),
            uptime: seconds.parse().ok(),
            native_sidecar: page.node.metadata.annotations.native_sidecar(),
            namespace: page.node.metadata.namespace.or(of_id),
            state: page.state,
            node: page.node.id,
        })
    }

    /// Whether it is a page of Envoy, and not of something else that listens there.
    #[must_use]
    pub fn is_envoy(&self) -> bool {
        !self.version.is_empty() && !self.state.is_empty()
    }
}

impl Memory {
    /// Reads the page.
    pub fn read(text: &str) -> Result<Self, PageError> {
        let page: MemoryPage = serde_json::from_str(text)?;
        Ok(Self {
            allocated: page.allocated.parse().ok(),
            physical: page.total_physical_bytes.parse().ok(),
        })
    }
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct Page {
    version: String,
    state: String,
    uptime_current_epoch: String,
    node: Node,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct Node {
    id: String,
    metadata: Metadata,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct Metadata {
    #[serde(rename = "NAMESPACE")]
    namespace: Option<String>,
    #[serde(rename = "ANNOTATIONS")]
    annotations: Annotations,
}

/// Those of the pod.
#[derive(Default, Deserialize)]
#[serde(default)]
struct Annotations {
    /// What Istio has injected, as a JSON text.
    #[serde(rename = "sidecar.istio.io/status")]
    status: Option<String>,
}

#[derive(Deserialize)]
struct Injected {
    #[serde(default, rename = "initContainers")]
    init_containers: Option<Vec<String>>,
    #[serde(default)]
    containers: Option<Vec<String>>,
}

impl Annotations {
    /// Kubernetes lists native sidecars among the init containers.
    fn native_sidecar(&self) -> Option<bool> {
        const PROXY: &str = "istio-proxy";
        let injected: Injected = serde_json::from_str(self.status.as_ref()?).ok()?;
        let has =
            |all: Option<Vec<String>>| all.is_some_and(|all| all.iter().any(|own| own == PROXY));
        let native = has(injected.init_containers);
        (native || has(injected.containers)).then_some(native)
    }
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct MemoryPage {
    allocated: String,
    total_physical_bytes: String,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_proxy_says_which_one_it_is() {
        let info = ServerInfo::read(
            r#"{"version": "9e55/1.40.0/Clean/RELEASE/BoringSSL", "state": "LIVE", "uptime_current_epoch": "21s",
                "node": {"id": "sidecar~127.0.0.1~client.shop~shop.svc.cluster.local", "metadata": {"LABELS": {}}}}"#,
        )
        .expect("a page");
        assert_eq!((info.version.as_str(), info.uptime), ("1.40.0", Some(21)));
        assert_eq!(info.namespace.as_deref(), Some("shop"));
        assert!(info.is_envoy());
        let other = ServerInfo::read("{}").expect("JSON");
        assert!(!other.is_envoy() && other.uptime.is_none());
    }

    #[test]
    fn a_proxy_among_the_init_containers_is_a_native_sidecar() {
        let page = |status: &str| {
            let metadata =
                serde_json::json!({ "ANNOTATIONS": { "sidecar.istio.io/status": status } });
            serde_json::json!({ "node": { "metadata": metadata } }).to_string()
        };
        for (status, native) in [
            (
                r#"{"initContainers":["istio-init"],"containers":["istio-proxy"],"revision":"default"}"#,
                Some(false),
            ),
            (
                r#"{"initContainers":["istio-init","istio-proxy"],"containers":null}"#,
                Some(true),
            ),
            (
                r#"{"initContainers":["istio-validation"],"containers":["linkerd-proxy"]}"#,
                None,
            ),
            ("{}", None),
            ("injected", None),
        ] {
            let info = ServerInfo::read(&page(status)).expect("a page");
            assert_eq!(info.native_sidecar, native, "{status}");
        }
        let other = r#"{"node": {"metadata": {"ANNOTATIONS": {}}}}"#;
        assert_eq!(
            ServerInfo::read(other).expect("a page").native_sidecar,
            None
        );
    }

    #[test]
    fn memory_is_told_in_texts() {
        let memory = Memory::read(r#"{"allocated": "6330600", "heap_size": "1"}"#).expect("a page");
        assert_eq!((memory.allocated, memory.physical), (Some(6_330_600), None));
    }
}
