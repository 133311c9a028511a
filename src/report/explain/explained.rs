//! What there is to explain: a request, and where it goes.

use crate::diag::{Note, Sources};
use crate::report::Request;
use crate::route::example_request::RuleReach;
use crate::route::{AppliesTo, Probe, Resolution, RouteTable, Vantage};
use crate::split::Share;

/// What there is to explain.
pub struct Explained<'a> {
    /// The request as typed.
    pub request: Request,
    /// The request as routing sees it.
    pub probe: &'a Probe,
    /// From where it is sent.
    pub vantage: &'a Vantage,
    /// The texts that spans point into.
    pub sources: &'a Sources,
    /// The routes that were tried.
    pub table: &'a RouteTable,
    /// Where the request goes.
    pub resolution: &'a Resolution<'a>,
    /// What weakens that, each once.
    pub caveats: Vec<&'a Note<AppliesTo>>,
    /// Every rule of the host, where that was asked for.
    pub rules: Option<Vec<RuleReach<'a>>>,
}

/// A share that is worth telling: one that is not everything.
pub(super) fn part(share: Share) -> Option<Share> {
    (share != Share::ONE).then_some(share)
}
