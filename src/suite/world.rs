//! The manifests that cases are checked against, with the routes that they make from each vantage.

use std::cell::RefCell;
use std::collections::HashMap;
use std::rc::Rc;

use super::gateways::gateways;
use super::rule_texts::RuleTexts;
use crate::diag::Sources;
use crate::manifest::{Manifests, lower};
use crate::route::{Probe, RouteTable, Vantage, resolve};

/// Manifests and their routes.
pub struct World {
    /// The texts.
    pub sources: Sources,
    /// What they hold.
    pub manifests: Manifests,
    pub(super) texts: RuleTexts,
    // By vantage, which has no order.
    tables: RefCell<HashMap<String, Rc<RouteTable>>>,
}

impl std::fmt::Debug for World {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("World").finish_non_exhaustive()
    }
}

impl World {
    /// The world of these manifests.
    #[must_use]
    pub fn new(sources: Sources, manifests: Manifests) -> Self {
        Self {
            texts: RuleTexts::new(&sources),
            sources,
            manifests,
            tables: RefCell::default(),
        }
    }

    /// The routes from a vantage; they are made once.
    pub(super) fn table(&self, vantage: &Vantage) -> Rc<RouteTable> {
        let key = format!("{vantage:?}");
        if let Some(known) = self.tables.borrow().get(&key) {
            return Rc::clone(known);
        }
        let table = Rc::new(lower(&self.manifests, vantage));
        self.tables.borrow_mut().insert(key, Rc::clone(&table));
        table
    }

    /// Every table that was asked for.
    pub(super) fn tables(&self) -> Vec<Rc<RouteTable>> {
        self.tables.borrow().values().cloned().collect()
    }

    /// The vantage of a request that is said to come from anywhere: the mesh where a rule applies there, else the first gateway
    /// that has a rule for its host.
    pub(super) fn vantage(&self, from: Option<&Vantage>, probe: &Probe) -> Vantage {
        if let Some(from) = from {
            return from.clone().dialling(probe);
        }
        let mesh = Vantage::mesh(None, None).dialling(probe);
        let takes = |vantage: &Vantage| {
            let table = self.table(vantage);
            resolve(&table, probe).is_ok_and(|found| found.route.is_some())
        };
        if takes(&mesh) {
            return mesh;
        }
        let elsewhere = gateways(&self.manifests)
            .into_iter()
            .map(|(namespace, name)| Vantage::gateway(namespace, name).dialling(probe));
        elsewhere.into_iter().find(takes).unwrap_or(mesh)
    }
}
