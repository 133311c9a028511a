//! Which object of the cluster a part of a dump comes from, where a control plane wrote that down.

use serde::Deserialize;
use serde_json::Value;

use super::list::List;

/// `metadata`, of which only the notes of control planes are kept.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct RawMetadata {
    #[serde(alias = "filterMetadata")]
    filter_metadata: RawFilterMetadata,
}

/// The keys are names of filters, which both spellings of a dump leave as they are.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
struct RawFilterMetadata {
    istio: Option<RawIstio>,
    #[serde(rename = "envoy-gateway")]
    envoy_gateway: Option<RawEnvoyGateway>,
}

/// What Istio notes: the path of the object.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
struct RawIstio {
    config: Option<Value>,
}

/// What Envoy Gateway notes: the objects.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
struct RawEnvoyGateway {
    resources: List<Value>,
}

impl RawMetadata {
    /// `VirtualService default/weather`.
    pub(super) fn object(&self) -> Option<String> {
        let (kind, namespace, name) = self.named()?;
        Some(format!("{kind} {namespace}/{name}"))
    }

    /// The full name of the Service, where the object is one.
    pub(super) fn service(&self) -> Option<String> {
        let (kind, namespace, name) = self.named()?;
        (kind == "Service").then(|| format!("{name}.{namespace}.svc.cluster.local"))
    }

    fn named(&self) -> Option<(String, &str, &str)> {
        let istio = self.filter_metadata.istio.as_ref();
        if let Some(path) = istio.and_then(|istio| istio.config.as_ref()?.as_str()) {
            return of_path(path);
        }
        let gateway = self.filter_metadata.envoy_gateway.as_ref()?;
        let resource = gateway.resources.first()?;
        let text = |key: &str| resource.get(key).and_then(Value::as_str);
        Some((text("kind")?.to_owned(), text("namespace")?, text("name")?))
    }
}

/// `/apis/networking.istio.io/v1/namespaces/default/virtual-service/weather`.
fn of_path(path: &str) -> Option<(String, &str, &str)> {
    let mut parts = path.rsplit('/');
    let (name, kind, namespace) = (parts.next()?, parts.next()?, parts.next()?);
    if parts.next()? != "namespaces" {
        return None;
    }
    let word = |word: &str| match word {
        "http" | "grpc" | "tcp" | "tls" => word.to_uppercase(),
        _ => {
            let (first, rest) = word.split_at(word.chars().next().map_or(0, char::len_utf8));
            first.to_uppercase() + rest
        }
    };
    Some((kind.split('-').map(word).collect(), namespace, name))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn object(json: &str) -> Option<String> {
        let metadata: RawMetadata = serde_json::from_str(json).expect("metadata");
        metadata.object()
    }

    #[test]
    fn control_planes_note_the_object() {
        let istio = |path: &str| {
            let json = serde_json::json!({ "filterMetadata": { "istio": { "config": path } } });
            object(&json.to_string())
        };
        let path = "/apis/networking.istio.io/v1/namespaces/default/virtual-service/weather";
        assert_eq!(
            istio(path).as_deref(),
            Some("VirtualService default/weather")
        );
        let path = "/apis/gateway.networking.k8s.io/v1/namespaces/a/http-route/b";
        assert_eq!(istio(path).as_deref(), Some("HTTPRoute a/b"));
        assert_eq!(istio("weather"), None);
        let gateway = r#"{"filter_metadata": {"envoy-gateway": {"resources": [
            {"kind": "HTTPRoute", "namespace": "default", "name": "backend"}]}}}"#;
        assert_eq!(
            object(gateway).as_deref(),
            Some("HTTPRoute default/backend")
        );
        assert_eq!(object("{}"), None);
    }
}
