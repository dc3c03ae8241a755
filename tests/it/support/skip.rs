//! What cannot be tested on this machine is said past libtest's capture.

use std::io::{self, Write as _};

/// Says that `test` lacks `what`.
pub fn skipped(test: &str, what: &str) {
    let notice = format!("{test}: SKIPPED, this machine has no {what}\n");
    io::stderr().write_all(notice.as_bytes()).unwrap();
}
