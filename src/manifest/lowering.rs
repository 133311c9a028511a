//! From manifests to the routes that apply from a vantage. What the tables of many vantages need is made once.

use std::cell::OnceCell;
use std::rc::Rc;

use super::alone::alone;
use super::elsewhere::Elsewhere;
use super::istio::SharedTable;
use super::{Manifests, canary, envoy, gateway_api, istio, reported, weights_only};
use crate::route::{Implementation, RouteTable, Vantage};

/// Makes the tables of manifests.
pub struct Lowering<'m> {
    manifests: &'m Manifests,
    istio: OnceCell<Rc<istio::Index<'m>>>,
    gateway_api: OnceCell<gateway_api::Index<'m>>,
}

/// What one family of dialects makes of its objects.
type Lower = fn(&Lowering<'_>, &Vantage, Elsewhere) -> RouteTable;

/// Every family, the one that owns a host first where several declare it.
const FAMILIES: &[Lower] = &[
    // What the proxies of the mesh make of a host is Istio's to say, whoever declares its routes.
    |own, vantage, elsewhere| {
        let routes = own.manifests.api_routes();
        if routes.clone().next().is_none() {
            return RouteTable::default();
        }
        let notes = istio::SidecarNotes::new(own.istio(), vantage);
        gateway_api::lower(own.gateway_api(), routes, vantage, &notes, elsewhere)
    },
    |own, vantage, elsewhere| istio::lower(own.istio(), vantage, elsewhere),
    |own, vantage, _| canary::lower(own.manifests, vantage),
    |own, vantage, _| weights_only::lower(own.manifests, vantage),
];

/// The routes that the manifests make, seen from somewhere.
#[must_use]
pub fn lower(manifests: &Manifests, vantage: &Vantage) -> RouteTable {
    Lowering::new(manifests).table(vantage)
}

impl<'m> Lowering<'m> {
    /// Nothing is made yet.
    #[must_use]
    pub fn new(manifests: &'m Manifests) -> Self {
        Self {
            manifests,
            istio: OnceCell::new(),
            gateway_api: OnceCell::new(),
        }
    }

    /// The routes, seen from somewhere.
    #[must_use]
    pub fn table(&self, vantage: &Vantage) -> RouteTable {
        self.lowered(vantage, Elsewhere::Named)
    }

    /// The same, without the rules that are bound to other places only.
    #[must_use]
    pub fn own_table(&self, vantage: &Vantage) -> RouteTable {
        self.lowered(vantage, Elsewhere::LeftOut)
    }

    /// For each gateway by namespace and name the table that an earlier one of them has too: that is made once.
    #[must_use]
    pub fn shared_tables(
        &self,
        vantage: &Vantage,
        gateways: &[(String, String)],
    ) -> Vec<Option<SharedTable>> {
        let alone = alone(self.manifests);
        istio::shared_tables(self.istio(), vantage, gateways, &alone)
    }

    fn istio(&self) -> &Rc<istio::Index<'m>> {
        let new = || Rc::new(istio::Index::new(self.manifests));
        self.istio.get_or_init(new)
    }

    fn gateway_api(&self) -> &gateway_api::Index<'m> {
        let new = || gateway_api::Index::new(self.manifests);
        self.gateway_api.get_or_init(new)
    }

    fn lowered(&self, vantage: &Vantage, elsewhere: Elsewhere) -> RouteTable {
        let manifests = self.manifests;
        let mut tables = FAMILIES.iter().map(|lower| lower(self, vantage, elsewhere));
        let mut table = tables.next().unwrap_or_default();
        tables.for_each(|other| table.join(other));
        canary::compare(manifests, &mut table);
        reported::remark::remark(manifests, vantage, &mut table);
        let patched = !manifests.patches.is_empty()
            && gateway_api::implementation(self.gateway_api(), vantage)
                == Implementation::EnvoyGateway;
        if patched {
            envoy::apply(manifests, vantage, &mut table);
        }
        if !manifests.dump.is_empty() {
            let programmed = envoy::lower(manifests, vantage);
            // Rules declare; a dump beside them says whether they have arrived.
            if table.hosts.is_empty() && !manifests.has_rules() {
                let elsewhere = std::mem::replace(&mut table, programmed).inactive_rules;
                table.inactive_rules.extend(elsewhere);
            } else {
                table.programmed = Some(Box::new(programmed));
            }
        }
        table
    }
}

impl std::fmt::Debug for Lowering<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Lowering").finish_non_exhaustive()
    }
}
