//! The tests of resplit, as one binary.

fn main() {}
