//! The routes of a host in order, and a way to those that may take a request.

use std::ops::{Deref, DerefMut};
use std::sync::OnceLock;

use super::route_index::RouteIndex;
use super::{Probe, Route};

/// The routes of a host; the first that matches wins. Those that may take a request are found without a look at all of them.
#[derive(Debug, Default)]
pub struct RouteList {
    list: Vec<Route>,
    // Made when it is needed; routes that change lose it.
    index: OnceLock<RouteIndex>,
}

impl RouteList {
    /// The routes that may take a request, in order: every other one has a condition that does not hold.
    pub(super) fn candidates(&self, probe: &Probe) -> impl Iterator<Item = &Route> + use<'_> {
        self.at(self.index().candidates(probe))
    }

    /// The routes that may take all requests that a route takes, in order.
    pub(super) fn covering(&self, route: &Route) -> impl Iterator<Item = &Route> + use<'_> {
        self.at(self.index().covering(route))
    }

    fn index(&self) -> &RouteIndex {
        self.index.get_or_init(|| RouteIndex::new(&self.list))
    }

    fn at(&self, positions: Vec<usize>) -> impl Iterator<Item = &Route> + use<'_> {
        positions.into_iter().map(|at| &self.list[at])
    }
}

impl Clone for RouteList {
    fn clone(&self) -> Self {
        self.list.clone().into()
    }
}

impl From<Vec<Route>> for RouteList {
    fn from(list: Vec<Route>) -> Self {
        Self {
            list,
            index: OnceLock::new(),
        }
    }
}

impl FromIterator<Route> for RouteList {
    fn from_iter<I: IntoIterator<Item = Route>>(routes: I) -> Self {
        Vec::from_iter(routes).into()
    }
}

impl Deref for RouteList {
    type Target = Vec<Route>;

    fn deref(&self) -> &Self::Target {
        &self.list
    }
}

impl DerefMut for RouteList {
    fn deref_mut(&mut self) -> &mut Self::Target {
        self.index = OnceLock::new();
        &mut self.list
    }
}

impl IntoIterator for RouteList {
    type Item = Route;
    type IntoIter = std::vec::IntoIter<Route>;

    fn into_iter(self) -> Self::IntoIter {
        self.list.into_iter()
    }
}

impl<'r> IntoIterator for &'r RouteList {
    type Item = &'r Route;
    type IntoIter = std::slice::Iter<'r, Route>;

    fn into_iter(self) -> Self::IntoIter {
        self.list.iter()
    }
}
