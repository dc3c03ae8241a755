//! The contract, tested from outside: the built program against scripted servers, on terminals and in shells.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::print_stderr,
    clippy::disallowed_methods,
    reason = "a test fails by panicking, and the walls between the program's rooms are not the tests'"
)]

#[cfg(target_os = "linux")]
mod cost;
mod credentials;
mod errors;
mod get;
mod interop;
mod output;
#[cfg(unix)]
mod prompt;
mod quoting;
mod support;
mod timeout;
mod tls;
mod usage;
