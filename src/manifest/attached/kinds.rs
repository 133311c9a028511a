//! What attached objects of a kind may do to a request.

/// What an attached object may do to a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Effect {
    /// It decides who may send what.
    Access,
    /// It decides whether plain text is taken.
    PeerTls,
    /// It refuses requests whose token is not valid.
    Tokens,
    /// It patches the configuration of proxies.
    Patch,
    /// It runs code of its own in proxies.
    Plugin,
    /// It sets how a proxy runs.
    Runtime,
    /// It may refuse requests.
    Guard,
    /// It changes what a Gateway takes from clients.
    Door,
    /// It hands requests to an extension.
    Extension,
    /// It encrypts what is sent to a backend.
    BackendTls,
    /// It lets connections through or drops them.
    Network,
    /// Nothing is known about its kind.
    Unknown,
}

/// Kinds with the API groups they are of; a group may be the end of a longer one.
const KINDS: &[(&str, &str, Effect)] = &[
    ("security.istio.io", "AuthorizationPolicy", Effect::Access),
    ("security.istio.io", "PeerAuthentication", Effect::PeerTls),
    ("security.istio.io", "RequestAuthentication", Effect::Tokens),
    ("networking.istio.io", "EnvoyFilter", Effect::Patch),
    ("networking.istio.io", "ProxyConfig", Effect::Runtime),
    ("extensions.istio.io", "WasmPlugin", Effect::Plugin),
    ("extensions.istio.io", "TrafficExtension", Effect::Plugin),
    ("gateway.envoyproxy.io", "SecurityPolicy", Effect::Guard),
    ("gateway.envoyproxy.io", "ClientTrafficPolicy", Effect::Door),
    ("gateway.envoyproxy.io", "EnvoyPatchPolicy", Effect::Patch),
    (
        "gateway.envoyproxy.io",
        "EnvoyExtensionPolicy",
        Effect::Extension,
    ),
    (
        "gateway.networking.k8s.io",
        "BackendTLSPolicy",
        Effect::BackendTls,
    ),
    ("networking.k8s.io", "NetworkPolicy", Effect::Network),
];

impl Effect {
    /// What is known about a kind; `None` where objects of this kind are attached to nothing.
    pub(super) fn of(group: &str, kind: &str, refers: bool) -> Option<Self> {
        let known = KINDS
            .iter()
            .find(|(of, name, _)| *of == group && *name == kind);
        known
            .map(|(.., effect)| *effect)
            .or_else(|| refers.then_some(Self::Unknown))
    }

    /// Whether it is attached to pods by their labels, as the policies of Istio are.
    pub(super) fn by_labels(self) -> bool {
        matches!(
            self,
            Self::Access
                | Self::PeerTls
                | Self::Tokens
                | Self::Plugin
                | Self::Runtime
                | Self::Network
        )
    }

    /// Whether it changes what clients send, too.
    pub(super) fn of_clients(self) -> bool {
        matches!(self, Self::Plugin | Self::Runtime)
    }

    pub(super) fn text(self) -> &'static str {
        match self {
            Self::Access => "decides which requests are refused with 403",
            Self::PeerTls => "decides whether plain text is taken",
            Self::Tokens => "refuses requests whose token is not valid with 401",
            Self::Patch => {
                "patches the configuration of the proxies, and may change routes and weights"
            }
            Self::Plugin => "runs a plugin that may answer requests itself or change where they go",
            Self::Runtime => "sets how the proxies run",
            Self::Guard => "may refuse requests before a backend is picked",
            Self::Door => "changes what the Gateway takes from clients",
            Self::Extension => {
                "hands requests to an extension, which may answer them or change where they go"
            }
            Self::BackendTls => {
                "has connections to the backend encrypted: responses are 503 where its certificate is not accepted"
            }
            Self::Network => "decides which connections reach the pods",
            Self::Unknown => "may change where requests go or who answers them",
        }
    }
}
