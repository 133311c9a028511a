//! The `resplit` command.

fn main() {}
