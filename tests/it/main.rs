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
#[cfg(all(unix, feature = "server"))]
mod completions;
#[cfg(unix)]
mod concurrency;
#[cfg(target_os = "linux")]
mod cost;
mod credentials;
mod deadline;
mod errors;
#[cfg(unix)]
mod first_run;
mod forget;
mod formats;
#[cfg(feature = "server")]
mod generated;
mod get;
mod help;
mod hints;
mod interop;
mod leaks;
mod output;
#[cfg(unix)]
mod prompt;
mod proxy;
mod quoting;
mod readme;
mod recipes;
mod retry;
mod run;
#[cfg(feature = "server")]
mod sandbox;
mod status;
mod support;
mod timeout;
mod tls;
mod usage;
#[cfg(unix)]
mod waiting;
