//! From where the rules of routes are compiled.

use crate::manifest::kube::Meta;
use crate::route::Implementation;

/// From where rules are compiled.
#[derive(Clone, Copy)]
pub(super) struct RuleContext<'m> {
    pub(super) implementation: Implementation,
    /// The Gateway, where it is one that is given.
    pub(super) gateway: Option<&'m Meta>,
    pub(super) mesh: bool,
}
