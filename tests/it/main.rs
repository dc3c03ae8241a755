//! Integration tests: they run the built program against scripted servers, on terminals and in shells. Unix only.
#![cfg(unix)]
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::print_stderr,
    clippy::disallowed_methods,
    reason = "a test fails by panicking, and the limits on what a module may call are for src/"
)]

mod cache;
#[cfg(feature = "server")]
mod completions;
mod concurrency;
#[cfg(target_os = "linux")]
mod connect;
#[cfg(target_os = "linux")]
mod cost;
mod credentials;
mod deadline;
mod errors;
mod first_run;
mod forget;
mod formats;
#[cfg(feature = "server")]
mod generated;
mod get;
mod help;
mod hints;
mod interop;
#[cfg(all(target_os = "linux", feature = "keyring"))]
mod keyring;
mod leaks;
mod login;
mod messages;
mod output;
mod profile;
mod prompt;
mod proxy;
mod quoting;
mod readme;
mod recipes;
mod redirect;
mod retry;
mod run;
#[cfg(feature = "server")]
mod sandbox;
mod secret_command;
mod secret_file;
mod serve;
mod status;
mod stdout;
mod support;
mod timeout;
mod tls;
mod transport;
mod url;
mod usage;
mod waiting;
