//! Where the request goes: the endpoint, the proxy and the certificates to trust. Pure.

use std::env::split_paths;
use std::path::PathBuf;

use crate::cli;
use crate::credentials::Selection;
use crate::env::{self, Env, Variable};
use crate::http::{Named, Proxy, ProxyVariables, Trust};
use crate::oauth::{DEFAULT_BASE_URL, TokenEndpoint};
use crate::problem::Problem;
use crate::profile::Profile;

const PROFILE: &str = "the profile";

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
    if let Some(found) = of_profile(selection.profile_before_variables(), allow_http)? {
        return Ok((found, PROFILE));
    }
    if let Some(url) = env.text(&env::CELLS_TOKEN_URL)? {
        return itself(url, env::CELLS_TOKEN_URL.name);
    }
    if let Some(url) = env.text(&env::CELLS_BASE_URL)? {
        return below(url, env::CELLS_BASE_URL.name);
    }
    if let Some(found) = of_profile(selection.profile_after_variables(), allow_http)? {
        return Ok((found, PROFILE));
    }
    if let Some(variable) = selection.base_url
        && let Some(url) = env.text(variable)?
    {
        return below(url, variable.name);
    }
    below(DEFAULT_BASE_URL, "default")
}

/// The endpoint of a profile, if it has one.
fn of_profile(
    profile: Option<&Profile>,
    allow_http: bool,
) -> Result<Option<TokenEndpoint>, Problem> {
    let Some(profile) = profile else {
        return Ok(None);
    };
    let allow_http = allow_http || profile.allow_http;
    match (&profile.token_url, &profile.base_url) {
        (Some(url), _) => TokenEndpoint::parse(url, PROFILE, allow_http).map(Some),
        (None, Some(url)) => TokenEndpoint::below(url, PROFILE, allow_http).map(Some),
        (None, None) => Ok(None),
    }
}

/// Whom to trust.
pub fn trust(network: &cli::Network, selection: &Selection, env: &Env) -> Trust {
    let of_profile =
        |profile: Option<&Profile>| profile.and_then(|profile| profile.ca_cert.clone());
    let ca_cert = network.ca_cert.clone();
    Trust {
        ca_cert: ca_cert
            .or_else(|| of_profile(selection.profile_before_variables()))
            .or_else(|| env.raw(&env::CELLS_CA_CERT).map(PathBuf::from))
            .or_else(|| of_profile(selection.profile_after_variables())),
        system_file: env.raw(&env::SSL_CERT_FILE).map(PathBuf::from),
        system_dirs: env
            .raw(&env::SSL_CERT_DIR)
            .map(|dirs| split_paths(dirs).collect())
            .unwrap_or_default(),
    }
}

/// The proxy for `endpoint`. `NO_PROXY` excepts hosts from the proxies of variables alone.
///
/// # Errors
/// If its URL cannot be right.
pub fn proxy(
    network: &cli::Network,
    endpoint: &TokenEndpoint,
    selection: &Selection,
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
    fn of_profile(profile: Option<&Profile>) -> Option<Named<'_>> {
        Some((profile?.proxy.as_deref()?, PROFILE))
    }
    let option = network.proxy.as_deref().map(|url| (url, "--proxy"));
    let chosen = option
        .or_else(|| of_profile(selection.profile_before_variables()))
        .or_else(|| variables.choose(endpoint))
        .or_else(|| of_profile(selection.profile_after_variables()));
    chosen.map(Proxy::parse).transpose()
}
