//! What the proxy of a client makes of a host whatever its routes are, for routes of other dialects.

use super::index::Index;
use super::lower::{Compiler, sealed};
use super::notes::headless;
use super::registered::Registered;
use crate::diag::Span;
use crate::manifest::Manifests;
use crate::route::{Caveat, Vantage};

/// The proxy of a client in the mesh.
pub(in crate::manifest) struct Caller<'m>(Compiler<'m>);

impl<'m> Caller<'m> {
    pub(in crate::manifest) fn new(manifests: &'m Manifests, vantage: &'m Vantage) -> Self {
        Self(Compiler {
            index: Index::new(manifests),
            vantage,
        })
    }

    /// What weakens every answer about a host to a client in a namespace.
    pub(in crate::manifest) fn caveats(&self, host: &str, client: &str, span: Span) -> Vec<Caveat> {
        let mut caveats = Vec::new();
        self.0.unread(client, &mut caveats);
        if let Some(known) = self.0.index.registered(host, client) {
            // A mesh route of a service entry leads to Services, which have pods to choose from.
            if matches!(known, Registered::Service(_)) {
                caveats.extend(headless(known));
            }
            if let Some(port) = known.dialled(self.0.vantage.port) {
                self.0.protocol(known, &port, &mut caveats);
            }
        }
        caveats.push(sealed(span));
        caveats
    }
}
