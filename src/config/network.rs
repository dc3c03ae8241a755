//! From options and variables to where the request goes: the endpoint, the proxy, and whom to trust. Pure.

use std::env::split_paths;
use std::path::PathBuf;

use super::path;
use crate::cli;
use crate::credentials::Selection;
use crate::env::{self, Env, Variable};
use crate::http::{Named, Proxy, ProxyVariables, Trust};
use crate::oauth::{DEFAULT_BASE_URL, TokenEndpoint};
use crate::problem::Problem;

/// The token endpoint, and what named it.
///
/// # Errors
/// If its URL cannot be right, or two options name one.
pub fn endpoint(
    flags: &cli::Endpoint,
    selection: &Selection,
    env: &Env,
) -> Result<(TokenEndpoint, &'static str), Problem> {
    const TOKEN_FLAG: &str = "--token-url";
    const BASE_FLAG: &str = "--base-url";
    let allow_http = flags.allow_http || env.switch(&env::CELLS_ALLOW_HTTP)?;
    let itself = |url: &str, source| Ok((TokenEndpoint::parse(url, source, allow_http)?, source));
    let below = |url: &str, source| Ok((TokenEndpoint::below(url, source, allow_http)?, source));
    match (&flags.token_url, &flags.base_url) {
        (Some(_), Some(_)) => {
            return Err(Problem::new(
                format!("{TOKEN_FLAG} and {BASE_FLAG} cannot be given together"),
                format!("keep {TOKEN_FLAG}, which names the endpoint itself, or {BASE_FLAG}"),
            ));
        }
        (Some(url), None) => return itself(url, TOKEN_FLAG),
        (None, Some(url)) => return below(url, BASE_FLAG),
        (None, None) => {}
    }
    if let Some(url) = env.text(&env::CELLS_TOKEN_URL)? {
        return itself(url, env::CELLS_TOKEN_URL.name);
    }
    for variable in [Some(&env::CELLS_BASE_URL), selection.base_url]
        .into_iter()
        .flatten()
    {
        if let Some(url) = env.text(variable)? {
            return below(url, variable.name);
        }
    }
    below(DEFAULT_BASE_URL, "default")
}

/// Whom to trust.
pub fn trust(network: &cli::Network, env: &Env) -> Trust {
    Trust {
        ca_cert: path(network.ca_cert.as_ref(), env, &env::CELLS_CA_CERT),
        system_file: env.raw(&env::SSL_CERT_FILE).map(PathBuf::from),
        system_dirs: env
            .raw(&env::SSL_CERT_DIR)
            .map(|dirs| split_paths(dirs).collect())
            .unwrap_or_default(),
    }
}

/// The proxy for `endpoint`.
///
/// # Errors
/// If its URL cannot be right.
pub fn proxy(
    network: &cli::Network,
    endpoint: &TokenEndpoint,
    env: &Env,
) -> Result<Option<Proxy>, Problem> {
    let named =
        |variable: &'static Variable| Ok(env.text(variable)?.map(|url| (url, variable.name)));
    let either =
        |lower, upper| -> Result<Option<Named>, Problem> { Ok(named(lower)?.or(named(upper)?)) };
    let variables = ProxyVariables {
        https: either(&env::HTTPS_PROXY_LOWER, &env::HTTPS_PROXY)?,
        http: named(&env::HTTP_PROXY_LOWER)?,
        all: either(&env::ALL_PROXY_LOWER, &env::ALL_PROXY)?,
        none_for: either(&env::NO_PROXY_LOWER, &env::NO_PROXY)?.map(|(list, _)| list),
    };
    let flag = network.proxy.as_deref().map(|url| (url, "--proxy"));
    let chosen = flag.or_else(|| variables.choose(endpoint));
    chosen.map(Proxy::parse).transpose()
}
