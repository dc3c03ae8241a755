//! Where the request goes: the endpoint, the proxy and the certificates to trust. Pure.

use std::env::split_paths;
use std::path::PathBuf;

use crate::cli;
use crate::credentials::{Selection, Source};
use crate::env::{self, Env, Variable};
use crate::http::{Named, Proxy, ProxyVariables, Trust};
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
    if let Some(url) = env.text(&env::CELLS_TOKEN_URL)? {
        return Ok(Some((Url::Token(url), env::CELLS_TOKEN_URL.name)));
    }
    let sdk_secret = Source::Variable(&env::CELLS_CLOUD_CLIENT_SECRET);
    let variable = match env.is_set(&env::CELLS_BASE_URL) || selection.secret.source != sdk_secret {
        true => &env::CELLS_BASE_URL,
        false => &env::CELLS_CLOUD_API_BASE_URL,
    };
    let url = env.text(variable)?;
    Ok(url.map(|url| (Url::Base(url), variable.name)))
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
pub fn proxy(
    network: &cli::Network,
    endpoint: &TokenEndpoint,
    selection: &Selection,
    env: &Env,
) -> Result<Option<Proxy>, Problem> {
    if let Some(url) = &network.proxy {
        return Proxy::parse((url, "--proxy")).map(Some);
    }
    let named = |variable: &'static Variable| -> Result<Option<Named>, Problem> {
        Ok(env.text(variable)?.map(|url| (url, variable.name)))
    };
    let variables = ProxyVariables {
        https: named(&env::HTTPS_PROXY_LOWER)?.or(named(&env::HTTPS_PROXY)?),
        http: named(&env::HTTP_PROXY_LOWER)?,
        all: named(&env::ALL_PROXY_LOWER)?.or(named(&env::ALL_PROXY)?),
        none_for: named(&env::NO_PROXY_LOWER)?
            .or(named(&env::NO_PROXY)?)
            .map(|(list, _)| list),
    };
    let chosen = selection.profile_or_variable(
        |profile| Some((profile.proxy.as_deref()?, PROFILE)),
        variables.choose(endpoint),
    );
    chosen.map(Proxy::parse).transpose()
}
