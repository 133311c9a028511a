//! What the proxy of a client makes of a host whatever its routes are, for routes of other dialects.

use std::rc::Rc;

use super::index::Index;
use super::lower::{Compiler, https_passthrough_note};
use super::pitfalls::headless;
use crate::diag::{Note, Span};
use crate::manifest::mesh::HostNotes;
use crate::manifest::mesh::registry_service::RegistryService;
use crate::route::{AppliesTo, Vantage};

/// The proxy of a client in the mesh.
pub(in crate::manifest) struct SidecarNotes<'m>(Compiler<'m>);

impl<'m> SidecarNotes<'m> {
    pub(in crate::manifest) fn new(index: &Rc<Index<'m>>, vantage: &Vantage) -> Self {
        Self(Compiler::new(index, vantage))
    }
}

impl HostNotes for SidecarNotes<'_> {
    fn of(&self, host: &str, client: &str, span: Span) -> Vec<Note<AppliesTo>> {
        let compiler = &self.0;
        let mut caveats = Vec::new();
        compiler.envoy_filters(client, &mut caveats);
        if let Some(known) = compiler.index.registry.registered(host, client) {
            let index = &compiler.index;
            caveats.extend(index.without_proxy(&compiler.vantage, client, host, known));
            // A mesh route of a service entry leads to Services, which have pods to choose from.
            if matches!(known, RegistryService::Service(_)) {
                caveats.extend(headless(known));
            }
            if let Some(port) = known.dialled(compiler.vantage.port) {
                compiler.protocol(known, &port, &mut caveats);
            }
        }
        caveats.push(https_passthrough_note(span));
        caveats
    }
}
