//! TLS, against servers with certificates made for each test.

mod failure;
mod pinned;
mod roots;

use crate::support::{Authority, Server, TestEnv};

/// An environment with credentials for `server` that trusts `authority`.
pub fn trusting(authority: &Authority, server: &Server) -> TestEnv {
    let mut env = TestEnv::for_server(server);
    let file = env.file("ca.pem", authority.pem());
    env.var("CELLS_CA_CERT", file);
    env
}
