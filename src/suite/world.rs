//! The manifests that cases are checked against, with the routes that they make from each vantage.

use std::cell::RefCell;
use std::collections::{HashMap, HashSet};
use std::rc::Rc;

use super::gateways::gateways;
use super::rule_texts::RuleTexts;
use crate::diag::Sources;
use crate::manifest::{Lowering, Manifests, SharedTable};
use crate::route::{Origin, Probe, RouteTable, Vantage, resolve_untraced};

/// A gateway by namespace and name.
type Gateway = (String, String);

/// The first of the gateways that have the table of a gateway, where it is another one.
type FirstGateways = HashMap<Gateway, Gateway>;

/// Manifests and their routes.
pub struct World {
    /// The texts.
    pub sources: Sources,
    /// What they hold.
    pub manifests: Manifests,
    pub(super) texts: RuleTexts,
    // By vantage, which has no order.
    tables: RefCell<HashMap<String, Rc<RouteTable>>>,
    // The same for what is asked of gateways.
    shared: RefCell<HashMap<String, Rc<FirstGateways>>>,
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
            shared: RefCell::default(),
        }
    }

    /// The routes from a vantage; they are made once, for all gateways that have the same.
    pub(super) fn table(&self, vantage: &Vantage) -> Rc<RouteTable> {
        self.table_by(&Lowering::new(&self.manifests), vantage)
    }

    /// The same, of many vantages.
    pub(super) fn table_by(&self, lowering: &Lowering<'_>, vantage: &Vantage) -> Rc<RouteTable> {
        let key = format!("{vantage:?}");
        if let Some(known) = self.tables.borrow().get(&key) {
            return Rc::clone(known);
        }
        let table = match self.first_like(lowering, vantage) {
            Some(first) => self.table_by(lowering, &first),
            None => Rc::new(lowering.own_table(vantage)),
        };
        self.tables.borrow_mut().insert(key, Rc::clone(&table));
        table
    }

    /// The first of the gateways with the table of this one, where it is another one.
    fn first_like(&self, lowering: &Lowering<'_>, vantage: &Vantage) -> Option<Vantage> {
        let Origin::Gateway { namespace, name } = &vantage.origin else {
            return None;
        };
        let at = |origin| Vantage {
            origin,
            ..vantage.clone()
        };
        let key = format!("{:?}", at(Vantage::mesh(None, None).origin));
        let known = self.shared.borrow().get(&key).cloned();
        let shared = known.unwrap_or_else(|| {
            let names: Vec<Gateway> = gateways(&self.manifests).into_iter().collect();
            let shared = lowering.shared_tables(vantage, &names);
            let first = |own: &SharedTable| names[own.first].clone();
            let pairs = names.iter().zip(&shared);
            let pairs =
                pairs.filter_map(|(own, shared)| Some((own.clone(), first(shared.as_ref()?))));
            let shared: Rc<FirstGateways> = Rc::new(pairs.collect());
            self.shared.borrow_mut().insert(key, Rc::clone(&shared));
            shared
        });
        let (namespace, name) = shared.get(&(namespace.clone(), name.clone()))?.clone();
        Some(at(Origin::Gateway { namespace, name }))
    }

    /// Every table that was asked for, once.
    pub(super) fn tables(&self) -> Vec<Rc<RouteTable>> {
        let mut known = HashSet::new();
        let tables = self.tables.borrow();
        let new = tables
            .values()
            .filter(|table| known.insert(Rc::as_ptr(table)));
        new.cloned().collect()
    }

    /// The vantage of a request that is said to come from anywhere: the mesh where a rule applies there, else the first gateway
    /// that has a rule for its host.
    #[must_use]
    pub fn vantage(&self, from: Option<&Vantage>, probe: &Probe) -> Vantage {
        if let Some(from) = from {
            return from.clone().dialling(probe);
        }
        let mesh = Vantage::mesh(None, None).dialling(probe);
        let takes = |vantage: &Vantage| {
            let table = self.table(vantage);
            resolve_untraced(&table, probe).is_ok_and(|found| found.route.is_some())
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
