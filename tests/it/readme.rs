//! README.md: its shell examples run in a sandbox, and the output it shows is compared with the real output.
//!
//! A block marked `sh` runs as it stands, in an empty directory and a shell that stops at the first failure; it must
//! succeed and print nothing to standard error. A block marked `console` must print what it shows. No other block is
//! allowed.
#![cfg(all(unix, feature = "server"))]

use crate::support::page::{blocks, shows, succeeds};

const README: &str = "README.md";

#[test]
fn every_block_does_what_it_says() {
    let blocks = blocks(README);
    assert!(blocks.len() >= 6, "{} blocks", blocks.len());
    for block in blocks {
        match &*block.language {
            "sh" => drop(succeeds("sh -eu", &block)),
            "console" => shows(&block),
            other => panic!("{}: blocks of {other:?} are not tested", block.place),
        }
    }
}
