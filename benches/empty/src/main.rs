//! The least that a Rust program can do, in the release profile of the workspace: what cells-token is measured against.

fn main() {}
