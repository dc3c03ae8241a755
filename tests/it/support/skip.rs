//! Skips tests whose tools are missing, with a message that libtest does not capture.

use std::io::{self, Write as _};
use std::thread;

/// Prints that `test` is skipped because it needs `what`.
pub fn skipped(test: &str, what: &str) {
    let notice = format!("{test}: SKIPPED, needs {what}\n");
    io::stderr().write_all(notice.as_bytes()).unwrap();
}

/// Like [`skipped`], for tools that `.ci/run` installs: under `CI` their absence is a failure.
pub fn needed(test: &str, what: &str) {
    let in_ci = std::env::var_os("CI").is_some_and(|ci| !ci.is_empty());
    assert!(!in_ci, "CI needs {what} for {test}");
    skipped(test, what);
}

/// Whether this program is installed; if not, the test that asks is skipped as by [`needed`].
pub fn is_installed(program: &str) -> bool {
    let path = std::env::var_os("PATH").unwrap();
    // nginx and squid may not be on PATH.
    let folders = std::env::split_paths(&path).chain(["/usr/sbin".into()]);
    let found = folders
        .map(|folder| folder.join(program))
        .any(|file| file.is_file());
    if !found {
        needed(thread::current().name().unwrap_or("a test"), program);
    }
    found
}
