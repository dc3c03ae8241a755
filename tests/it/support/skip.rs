//! What cannot be tested on this machine is said past libtest's capture.

use std::io::{self, Write as _};

/// Says that `test` lacks `what`.
pub fn skipped(test: &str, what: &str) {
    let notice = format!("{test}: SKIPPED, this machine has no {what}\n");
    io::stderr().write_all(notice.as_bytes()).unwrap();
}

/// The same of what `.ci/run` installs: in CI, where nobody would read it, it is an error.
pub fn needed(test: &str, what: &str) {
    let in_ci = std::env::var_os("CI").is_some_and(|ci| !ci.is_empty());
    assert!(!in_ci, "CI needs {what} for {test}");
    skipped(test, what);
}
