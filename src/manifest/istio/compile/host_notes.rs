//! What the proxy of a client makes of a host whatever its routes are, for routes of other dialects.

use std::cell::OnceCell;

use super::index::Index;
use super::lower::{Compiler, https_passthrough_note};
use super::pitfalls::headless;
use crate::diag::{Note, Span};
use crate::manifest::Manifests;
use crate::manifest::mesh::HostNotes;
use crate::manifest::mesh::registry_service::RegistryService;
use crate::route::{AppliesTo, Vantage};

/// The proxy of a client in the mesh.
pub(in crate::manifest) struct SidecarNotes<'m> {
    manifests: &'m Manifests,
    vantage: &'m Vantage,
    // Made when it is asked for the first time: most manifests have no routes of other dialects.
    compiler: OnceCell<Compiler<'m>>,
}

impl<'m> SidecarNotes<'m> {
    pub(in crate::manifest) fn new(manifests: &'m Manifests, vantage: &'m Vantage) -> Self {
        Self {
            manifests,
            vantage,
            compiler: OnceCell::new(),
        }
    }
}

impl HostNotes for SidecarNotes<'_> {
    fn of(&self, host: &str, client: &str, span: Span) -> Vec<Note<AppliesTo>> {
        let compiler = self.compiler.get_or_init(|| Compiler {
            index: Index::new(self.manifests),
            vantage: self.vantage,
        });
        let mut caveats = Vec::new();
        compiler.envoy_filters(client, &mut caveats);
        if let Some(known) = compiler.index.registry.registered(host, client) {
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
