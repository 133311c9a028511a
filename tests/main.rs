//! The tests of resplit, as one binary.

/// Every manifest in `tests/manifests/` with what is wrong in it, or where a request goes.
mod manifests;
/// Laws of resolving: which host wins, and that no table and no request break it.
mod routes;
