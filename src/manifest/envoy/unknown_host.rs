//! What a mesh has a proxy do with a host that it has no virtual host for: Istio writes that as the last virtual host of a port.

use super::Dump;
use super::lower::{UNDECLARED, chosen};
use crate::diag::{Code, Note};

impl Dump {
    /// What becomes of a request to a host that the proxy does not know; `None` where the dump does not say it.
    #[must_use]
    pub fn of_unknown_host(&self, host: &str, port: Option<u16>) -> Option<Note> {
        let (configs, _) = chosen(self, port);
        configs.into_iter().find_map(|config| {
            let mut hosts = config.virtual_hosts.iter();
            let last = hosts.find(|own| UNDECLARED.contains(&own.name.as_str()))?;
            let reply = last.routes.first()?.text.direct_response.as_ref();
            let place = format!("`{}` of the route configuration `{}`", last.name, config.name);
            let Some(reply) = reply else {
                let message = format!(
                    "the proxy has no virtual host for `{host}`, and passes its requests through to where they are dialled ({place}, \
                     `PassthroughCluster`)"
                );
                return Some(Note::new(Code::Passthrough, message));
            };
            let message = format!(
                "the proxy has no virtual host for `{host}`, and answers its requests with {} ({place}, `BlackHoleCluster`): its \
                 `outboundTrafficPolicy` is `REGISTRY_ONLY`",
                reply.status
            );
            let help = format!(
                "to let them out, register `{host}` with a ServiceEntry, or name it in `egress.hosts` of the Sidecar that hides it"
            );
            Some(Note::new(Code::RegistryOnly, message).help(help))
        })
    }
}
