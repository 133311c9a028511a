//! The tests of resplit, as one binary: one link, and helpers that are shared instead of copied.
#![allow(
    clippy::disallowed_methods,
    reason = "tests wait, read files and run programs; the core does not"
)]

// What the tests stand on: an in-process mesh, servers that misbehave, a real Envoy, the built binary.
#[allow(dead_code, reason = "some helpers wait for the tests of the binary")]
mod support;

// Which module may import which.
mod layers;

// Every number of the statistics against values computed independently, with 60 digits where it matters.
mod oracle;

// Every manifest in `tests/manifests/` with what is wrong in it, or where a request goes.
mod manifests;

// The exit codes, wherever they are written down.
mod exits;

// One run in every format.
mod formats;
