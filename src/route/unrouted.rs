//! What becomes of a request that no rule takes: a proxy has defaults of its own.

use super::{AppliesTo, Outcome, allocation};
use crate::diag::{Note, Sources, Span};
use crate::split::Expected;

/// What a proxy does with a request that no rule takes.
#[derive(Clone, Debug)]
pub struct Unrouted {
    /// What the proxy does with the request; `None` where it leaves the connection alone, or where nothing takes it.
    pub outcome: Option<Outcome>,
    /// The object that decides: a Service, a Gateway.
    pub span: Option<Span>,
    /// Why no rule applies, and what follows from it.
    pub caveats: Vec<Note<AppliesTo>>,
}

impl Unrouted {
    /// The connection goes where it is dialled, or nowhere: no proxy decides about its requests.
    #[must_use]
    pub fn nothing(why: Note<AppliesTo>) -> Self {
        Self {
            outcome: None,
            span: why.place(),
            caveats: vec![why],
        }
    }

    /// The targets of the requests, where a proxy decides about them; `dialled` is the port of a target that has none.
    #[must_use]
    pub fn expected(&self, sources: &Sources, dialled: Option<u16>) -> Option<Expected> {
        let outcome = self.outcome.as_ref()?;
        let parts = allocation::outcome(outcome, dialled);
        let source = self
            .span
            .map_or_else(|| "the proxy".to_owned(), |span| sources.place(span));
        Expected::new(source, parts.mechanism, parts.targets).ok()
    }
}
