//! The contract, tested from outside: the built program against scripted servers, on terminals and in shells.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::print_stderr,
    clippy::disallowed_methods,
    reason = "a test fails by panicking, and the walls between the program's rooms are not the tests'"
)]

mod cache;
#[cfg(unix)]
mod concurrency;
mod credentials;
mod errors;
mod forget;
mod get;
mod interop;
mod output;
#[cfg(unix)]
mod prompt;
mod quoting;
mod status;
mod support;
mod timeout;
mod tls;
mod usage;
