//! What has to be said where a request may name its endpoint: about the rule, and about one request.

use super::{EndpointPick, PickMechanism, Picked};
use crate::diag::{Code, Note, Span};
use crate::route::{AppliesTo, Probe};

impl EndpointPick {
    /// What is to be known about every request: who may pick, and what that overrides.
    #[must_use]
    pub fn caveat(&self, place: Option<Span>) -> Note<AppliesTo> {
        let Some(clients) = self.set_by_clients() else {
            let message = "the proxy takes the endpoint of a request from its metadata, which filters of the proxy set: their pick is not judged";
            return Note::about(Code::InferencePool, message, place);
        };
        let message = match self.mechanism {
            PickMechanism::OriginalDst => format!(
                "any client that sets {clients} picks the address that the proxy connects to, be it an endpoint or not"
            ),
            PickMechanism::OverrideHost => format!(
                "any client that sets {clients} picks its endpoint, whatever the weights, and whether that endpoint is healthy or not"
            ),
            PickMechanism::Session { .. } => {
                format!("any client that sets {clients} picks its endpoint, whatever the weights")
            }
        };
        Note::about(Code::ClientPicksEndpoint, message, place)
            .help("have the proxy remove it from what clients send, where a filter of the proxy should pick")
    }

    /// What a request picks, if it carries anything by which it could.
    pub(in crate::route) fn about(
        &self,
        probe: &Probe,
        picked: &Picked,
        place: Span,
    ) -> Option<Note<AppliesTo>> {
        let mut sources = self.sources.iter();
        let used = sources.find(|source| source.value(&probe.headers).is_some());
        let used = used.and_then(super::PickSource::set_by_clients);
        let message = match (picked, used) {
            (Picked::Endpoint(address), _) => {
                let clients = self.set_by_clients()?;
                format!("{clients} of the request names `{address}`{}", self.gets())
            }
            (Picked::Refused, Some(used)) => match self.mechanism {
                PickMechanism::OriginalDst => format!(
                    "{used} of the request is no address, such as `10.0.0.7:8080`: the proxy responds with 503"
                ),
                _ => format!(
                    "{used} of the request names an endpoint that is not there: the proxy responds with 503"
                ),
            },
            (Picked::Refused, None) => {
                let clients = self.set_by_clients()?;
                format!("the request has nothing in {clients}: the proxy responds with 503")
            }
            (Picked::Fallback, Some(used)) => {
                format!("{used} of the request names no endpoint, so that the proxy picks one")
            }
            (Picked::Fallback, None) => return None,
        };
        Some(Note::about(Code::EndpointNamed, message, Some(place)))
    }

    /// What follows from it that a request names an address.
    fn gets(&self) -> &'static str {
        match (self.mechanism, &self.endpoints) {
            (PickMechanism::OriginalDst, _) => {
                ", which the proxy connects to, be it an endpoint or not"
            }
            (_, Some(_)) => ", which gets it whatever the weights",
            (_, None) => {
                ", which gets it if it is an endpoint: the manifests do not list the endpoints"
            }
        }
    }
}
