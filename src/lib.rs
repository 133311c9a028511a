//! resplit: is my traffic really split the way I declared it, and if not, why?

pub mod diag;
pub mod manifest;
pub mod route;
pub mod split;
pub mod units;
