//! The smallest Rust program, built in the release profile of the workspace: the baseline of tests/it/cost.rs.

fn main() {}
