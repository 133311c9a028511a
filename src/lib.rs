//! resplit: is my traffic really split the way I declared it, and if not, why?

pub mod bucket;
pub mod diag;
pub mod load;
pub mod observe;
pub mod plan;
pub mod split;
pub mod units;
