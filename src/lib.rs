//! resplit: is my traffic really split the way I declared it, and if not, why?

pub mod bucket;
pub mod cli;
pub mod diag;
pub mod load;
pub mod manifest;
pub mod observe;
pub mod plan;
pub mod report;
pub mod route;
pub mod split;
pub mod stats;
pub mod units;
pub mod verdict;
