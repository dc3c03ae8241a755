//! Skips tests whose tools are missing, with a message that libtest does not capture.

use std::io::{self, Write as _};

/// Prints that `test` is skipped because `what` is missing.
pub fn skipped(test: &str, what: &str) {
    let notice = format!("{test}: SKIPPED, {what} is not installed\n");
    io::stderr().write_all(notice.as_bytes()).unwrap();
}

/// Like [`skipped`], for tools that `.ci/run` installs: under `CI` their absence is a failure.
pub fn needed(test: &str, what: &str) {
    let in_ci = std::env::var_os("CI").is_some_and(|ci| !ci.is_empty());
    assert!(!in_ci, "CI needs {what} for {test}");
    skipped(test, what);
}
