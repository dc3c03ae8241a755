//! The contract, tested from outside: the built program against scripted servers, on terminals and in shells.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::print_stderr,
    clippy::disallowed_methods,
    reason = "a test fails by panicking, and the walls between the program's rooms are not the tests'"
)]

mod credentials;
mod errors;
mod formats;
mod get;
mod help;
mod interop;
mod output;
#[cfg(unix)]
mod prompt;
mod quoting;
mod readme;
mod run;
#[cfg(feature = "server")]
mod sandbox;
mod support;
mod timeout;
mod tls;
mod usage;
