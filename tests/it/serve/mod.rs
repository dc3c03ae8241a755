//! `serve`, the caching token proxy.
#![cfg(all(unix, feature = "server"))]

mod caching;
mod caller_keys;
mod forwarding;
mod guarding;
mod limits;
mod operation;

use std::io::{Read as _, Write as _};
use std::thread;
use std::time::{Duration, Instant};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use rustix::process::Signal;
use serde_json::{Value, json};

use crate::support::serving::{Answer, Serving, basic, form, half_close};
use crate::support::{
    Authority, Cert, Gate, ID, Reply, SECRET, Server, Step, TOKEN, TestEnv, closed_port, each_row,
    each_row_at_once, needed, token_json,
};

const GRANT: &str = "grant_type=client_credentials";
const V4: &str = "/v4.0/cells/connect/token";
/// The server's own answers are there within this, however slow the machine.
const SOON: Duration = Duration::from_secs(4);

/// An environment whose upstream is `server`, without credentials, with the cache on.
fn environment(server: &Server) -> TestEnv {
    let mut env = TestEnv::new();
    env.var("CELLS_BASE_URL", server.url())
        .var("CELLS_NO_CACHE", "");
    env
}

fn serve(server: &Server) -> (TestEnv, Serving) {
    let env = environment(server);
    let serving = env.serve(&["--retries", "0"]);
    (env, serving)
}

/// What so many at once are answered.
fn all_at_once(serving: &Serving, count: usize, request: &[u8]) -> Vec<Answer> {
    thread::scope(|scope| {
        let asking: Vec<_> = (0..count)
            .map(|_| scope.spawn(|| serving.send(request)))
            .collect();
        asking.into_iter().map(|one| one.join().unwrap()).collect()
    })
}

/// A token that is over as soon as it is there: proves the secret, and is fetched again each time.
fn token_of_no_life() -> Reply {
    Reply::json(
        200,
        json!({ "access_token": TOKEN, "expires_in": 0 }).to_string(),
    )
}

fn health(serving: &Serving) -> Answer {
    let host = serving.address();
    serving.send(format!("GET /healthz HTTP/1.1\r\nHost: {host}\r\n\r\n").as_bytes())
}
