//! Where the request goes: the endpoint, the proxy and the certificates to trust. Pure.

use std::env::split_paths;
use std::path::PathBuf;

use crate::cli;
use crate::credentials::{Selection, Source};
use crate::env::{self, Env, Variable};
use crate::http::{self, Named, Proxy, Trust};
use crate::oauth::{DEFAULT_BASE_URL, TokenEndpoint};
use crate::problem::Problem;
use crate::profile::Profile;

const PROFILE: &str = "the profile";

/// A token URL, or a base URL that the token path is appended to.
enum Url<'a> {
    Token(&'a str),
    Base(&'a str),
}

/// The token endpoint, and what named it.
///
/// # Errors
/// If its URL is invalid.
pub fn endpoint<'a>(
    options: &'a cli::Endpoint,
    selection: &'a Selection,
    env: &'a Env,
) -> Result<(TokenEndpoint, &'static str), Problem> {
    let allow_http = options.allow_http || env.switch(&env::CELLS_ALLOW_HTTP)?;
    let (url, source, allow_http) = match (&options.token_url, &options.base_url) {
        (Some(url), _) => (Url::Token(url), "--token-url", allow_http),
        (None, Some(url)) => (Url::Base(url), "--base-url", allow_http),
        (None, None) => {
            let variable = url_variable(selection, env)?;
            let variable = variable.map(|(url, source)| (url, source, allow_http));
            let of_profile = |profile: &'a Profile| {
                let base = profile.base_url.as_deref().map(Url::Base);
                let url = profile.token_url.as_deref().map(Url::Token).or(base)?;
                Some((url, PROFILE, allow_http || profile.allow_http))
            };
            let chosen = selection.profile_or_variable(of_profile, variable);
            chosen.unwrap_or((Url::Base(DEFAULT_BASE_URL), "default", allow_http))
        }
    };
    let endpoint = match url {
        Url::Token(url) => TokenEndpoint::parse(url, source, allow_http)?,
        Url::Base(url) => TokenEndpoint::below(url, source, allow_http)?,
    };
    Ok((endpoint, source))
}

/// The URL given by a variable, and its name. That of the SDKs counts only together with their secret.
fn url_variable<'a>(
    selection: &Selection,
    env: &'a Env,
) -> Result<Option<(Url<'a>, &'static str)>, Problem> {
    if let Some((url, source)) = first(env, &[&env::CELLS_TOKEN_URL])? {
        return Ok(Some((Url::Token(url), source)));
    }
    let sdk_secret = Source::Variable(&env::CELLS_CLOUD_CLIENT_SECRET);
    let variables: &[_] = match selection.secret.source == sdk_secret {
        true => &[&env::CELLS_BASE_URL, &env::CELLS_CLOUD_API_BASE_URL],
        false => &[&env::CELLS_BASE_URL],
    };
    Ok(first(env, variables)?.map(|(url, source)| (Url::Base(url), source)))
}

/// The value of the first of `variables` that is set, and its name.
fn first<'a>(env: &'a Env, variables: &[&Variable]) -> Result<Option<Named<'a>>, Problem> {
    for variable in variables {
        if let Some(text) = env.text(variable)? {
            return Ok(Some((text, variable.name)));
        }
    }
    Ok(None)
}

/// The certificates to trust.
pub fn trust(network: &cli::Network, selection: &Selection, env: &Env) -> Trust {
    let path = |variable| env.raw(variable).map(PathBuf::from);
    let of_profile = |profile: &Profile| profile.ca_cert.clone();
    let inherited = || selection.profile_or_variable(of_profile, path(&env::CELLS_CA_CERT));
    let system_dirs = env.raw(&env::SSL_CERT_DIR);
    Trust {
        ca_cert: network.ca_cert.clone().or_else(inherited),
        system_file: path(&env::SSL_CERT_FILE),
        system_dirs: system_dirs.map_or_else(Vec::new, |dirs| split_paths(dirs).collect()),
    }
}

/// The proxy for `endpoint`. `NO_PROXY` applies only to the proxies of variables.
///
/// # Errors
/// If its URL is invalid.
pub fn proxy<'a>(
    network: &'a cli::Network,
    endpoint: &TokenEndpoint,
    selection: &'a Selection,
    env: &'a Env,
) -> Result<Option<Proxy>, Problem> {
    if let Some(url) = &network.proxy {
        return Proxy::parse((url, "--proxy")).map(Some);
    }
    let of_scheme: &[_] = match endpoint.is_https() {
        true => &[&env::HTTPS_PROXY_LOWER, &env::HTTPS_PROXY],
        false => &[&env::HTTP_PROXY_LOWER],
    };
    let none_for = first(env, &[&env::NO_PROXY_LOWER, &env::NO_PROXY])?;
    let is_in_no_proxy =
        || none_for.is_some_and(|(hosts, _)| http::is_in_no_proxy(hosts, endpoint));
    let of_all = [&env::ALL_PROXY_LOWER, &env::ALL_PROXY];
    let variable = first(env, of_scheme)?.or(first(env, &of_all)?);
    // A request to loopback stays on this machine.
    let variable = variable.filter(|_| !endpoint.is_loopback() && !is_in_no_proxy());
    let of_profile = |profile: &'a Profile| Some((profile.proxy.as_deref()?, PROFILE));
    let chosen = selection.profile_or_variable(of_profile, variable);
    chosen.map(Proxy::parse).transpose()
}
