//! Shared by all tests: an isolated environment to run the program in ([`TestEnv`]), which checks the rules that hold for
//! every run, a scripted server ([`Server`]) and a terminal ([`Terminal`]).

mod cache;
mod certs;
mod env;
#[cfg(all(target_os = "linux", feature = "keyring"))]
mod keyring;
mod leaks;
#[cfg(target_os = "linux")]
mod network;
mod output;
#[cfg(feature = "server")]
pub mod page;
mod ports;
pub mod processes;
mod program;
mod reply;
mod request;
mod running;
mod server;
#[cfg(feature = "server")]
pub mod serving;
mod skip;
mod table;
mod terminal;
mod tokens;
mod wire;

pub use cache::mode;
pub use cache::now_ms;
pub use certs::{Authority, Cert, server_with_pems};
pub use env::TestEnv;
#[cfg(all(target_os = "linux", feature = "keyring"))]
pub use keyring::Keyring;
#[cfg(target_os = "linux")]
pub use network::Network;
pub use output::Output;
pub use ports::{closed_port, deaf_port, deaf_port_at};
pub use processes::Processes;
#[cfg(feature = "server")]
pub use program::program;
#[cfg(target_os = "linux")]
pub use program::{is_dynamic, libfaketime};
pub use reply::{Gate, Reply, Step};
pub use server::Server;
pub use skip::{is_installed, needed, skipped};
pub use table::{each_row, each_row_at_once};
pub use terminal::Terminal;
pub use tokens::{TOKEN, jwt, token_json};

/// The client ID of tests in which it does not matter.
pub const ID: &str = "7f3d-client-id";
/// The secret of tests in which it does not matter. Its characters differ in every encoding.
pub const SECRET: &str = r#"s3+cr/t& =%"'\pw~Zq9"#;
