//! The token cache: who gets a cached token, for how long, where it is stored, and what happens if it is damaged or
//! cannot be written.

mod damage;
mod files;
mod identity;
mod lifetime;
mod location;
mod rate_limit;
mod unwritable;

#[cfg(unix)]
use std::path::Path;

use crate::support::{Reply, Server, TOKEN, TestEnv, token_json};

/// The token that the server issues after `TOKEN`.
const OTHER: &str = "another-token";

/// The user `nobody`.
#[cfg(unix)]
const NOBODY: u32 = 65534;

fn other() -> Reply {
    Reply::json(200, token_json().replace(TOKEN, OTHER))
}

fn line(token: &str) -> String {
    format!("{token}\n")
}

/// An environment where `TOKEN` is cached, and a server that answers with `then` from now on.
fn cached(then: impl Into<Vec<Reply>>) -> (Server, TestEnv) {
    let script = [vec![Reply::token()], then.into()].concat();
    let server = Server::replies(script);
    let env = TestEnv::caching(&server);
    env.run(&["get"]).exits(0).prints(&line(TOKEN));
    (server, env)
}

#[cfg(unix)]
fn set_mode(path: &Path, mode: u32) {
    use std::os::unix::fs::PermissionsExt as _;
    std::fs::set_permissions(path, std::fs::Permissions::from_mode(mode)).unwrap();
}

#[cfg(unix)]
fn is_root() -> bool {
    rustix::process::geteuid().is_root()
}
