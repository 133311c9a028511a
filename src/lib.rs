//! resplit: is my traffic really split the way I declared it, and if not, why?
//!
//! `ARCHITECTURE.md` has the picture, the layers, the words, and what to touch to add something.
//!
//! | module | what it holds |
//! |---|---|
//! | [`manifest`] | YAML to objects with their places; what they make of hosts and routes |
//! | [`route`] | hosts, routes, and which of them a request takes |
//! | [`lint`] | why a declared split would not take effect |
//! | [`split`] | targets and their exact shares |
//! | [`plan`] | what is to be sent, and how |
//! | [`load`] | the engine that sends it |
//! | [`admin`] | what a proxy says of itself, and what its counters add up to |
//! | [`bucket`] | from an answer to the value it is counted under |
//! | [`observe`] | counts and latencies |
//! | [`counts`] | counts that somebody else has made |
//! | [`stats`] | tests, intervals, numbers of requests |
//! | [`verdict`] | which target a value means; pass, diverged or inconclusive |
//! | [`report`] | the one model that every format renders |
//! | [`cli`] | options, files, the terminal, exit codes |
//! | [`diag`], [`units`] | problems with places; numbers as people type them |
//!
//! The library exists for the binary, its tests and benches: there is
//! no promise of stability before 1.0.
//!
//! What a test of a split looks like in code:
//!
//! ```
//! use resplit::stats::design::{Design, Resolution};
//!
//! let design = Design::new(&[0.9, 0.1], 0.001, 0.01, 0.0, Resolution::Auto);
//! assert!(design.p_diverged(&[1757, 1723], 0).p < 1e-300);
//! assert!(design.p_equivalence(&[3151, 329], 0) <= 0.01);
//! assert_eq!(design.requests_fixed(), 3480);
//! ```

pub mod admin;
pub mod bucket;
pub mod cli;
pub mod counts;
pub mod diag;
pub mod lint;
pub mod load;
pub mod manifest;
pub mod observe;
pub mod plan;
pub mod report;
pub mod route;
pub mod split;
pub mod stats;
pub mod suite;
pub mod units;
pub mod verdict;
