//! Proxies. The scripted ones connect to nothing: they answer the request in the tunnel themselves.

mod failure;
mod selection;
mod socks;
mod tunnel;

use std::sync::Arc;

use rustls::ServerConfig;

use crate::support::{Authority, Cert, Server, TestEnv};

pub const HTTPS: &str = "https://host.invalid";
pub const HTTP: &str = "http://host.invalid";
pub const PASSWORD: &str = "pa55-of-the-proxy";

/// An environment with credentials for `target`, where plain http is allowed.
pub fn environment(target: &str) -> TestEnv {
    let mut env = TestEnv::with_credentials();
    env.var("CELLS_BASE_URL", target)
        .var("CELLS_ALLOW_HTTP", "1")
        .secret(PASSWORD);
    env
}

/// Makes `env` trust a new authority, and returns a server of its for `host.invalid`.
pub fn trusted_by(env: &mut TestEnv) -> Arc<ServerConfig> {
    let authority = Authority::new();
    let file = env.file("ca.pem", authority.pem());
    env.var("CELLS_CA_CERT", file);
    authority.server(Cert::Good)
}

/// The proxy as messages show it.
pub fn shown(proxy: &Server) -> String {
    format!("127.0.0.1:{}", proxy.port())
}

pub fn with_password(url: &str, userinfo: &str) -> String {
    url.replacen("://", &format!("://{userinfo}@"), 1)
}

pub const PAGE: &str = "<html><body>Log in to the guest network</body></html>";
