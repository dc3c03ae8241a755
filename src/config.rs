//! The settings that options, variables and the profile give. An option overrides its variable. Pure.

mod network;
mod output;

use std::path::Path;
use std::time::Duration;

use crate::cache;
use crate::cli;
use crate::credentials::Selection;
use crate::env::{self, Env, Variable};
use crate::http::{Proxy, Trust};
use crate::oauth::{MinTtl, TokenEndpoint};
use crate::private_file;
use crate::problem::Problem;
use crate::profile::ProfileName;
use crate::report::{Reporter, Verbosity};

use network::{endpoint, proxy, trust};
pub use output::{env_name, form};

const DEFAULT_TIMEOUT: Duration = Duration::from_secs(90);
const DEFAULT_RETRIES: u32 = 3;

/// Name of our directory below the user's cache directory.
const CACHE_DIRECTORY: &str = "cells-token";

/// How to get a token. Credentials are in [`Selection`].
#[derive(Debug)]
pub struct Config {
    /// The token endpoint.
    pub endpoint: TokenEndpoint,
    /// What named it.
    pub endpoint_source: &'static str,
    /// Time limit for the whole run, from the end of any prompt.
    pub timeout: Duration,
    /// Retries after a transient failure.
    pub retries: u32,
    /// The certificates to trust.
    pub trust: Trust,
    /// The proxy, if any.
    pub proxy: Option<Proxy>,
    /// Where the cache is; `None` if it is off.
    pub cache: Option<cache::Settings>,
    /// Minimum remaining lifetime of the token.
    pub min_ttl: MinTtl,
}

impl Config {
    /// Reads options, variables and the profile of `selection`.
    ///
    /// # Errors
    /// If one of them is invalid.
    pub fn new(
        network: &cli::Network,
        cache: &cli::Cache,
        selection: &Selection,
        env: &Env,
    ) -> Result<Self, Problem> {
        let (endpoint, endpoint_source) = endpoint(&network.endpoint, selection, env)?;
        Ok(Self {
            timeout: timeout(network, env)?,
            retries: retries(network, env)?,
            trust: trust(network, selection, env),
            proxy: proxy(network, &endpoint, selection, env)?,
            cache: cache_settings(cache, env)?,
            min_ttl: min_ttl(cache, env)?,
            endpoint,
            endpoint_source,
        })
    }

    /// Reports the endpoint, the proxy and the cache directory.
    pub fn explain(&self, report: Reporter) {
        let (url, source) = (&self.endpoint, self.endpoint_source);
        report.verbose(|| format!("the token URL is {url} ({source})"));
        if let Some(proxy) = &self.proxy {
            report.verbose(|| format!("the proxy is {proxy} ({})", proxy.source()));
        }
        report.verbose(|| match &self.cache {
            Some(cache) => format!("the cache is {}", cache.dir.display()),
            None => "the cache is off".to_owned(),
        });
    }
}

fn timeout(network: &cli::Network, env: &Env) -> Result<Duration, Problem> {
    let Some((text, source)) = given(&network.timeout, "--timeout", env, &env::CELLS_TIMEOUT)?
    else {
        return Ok(DEFAULT_TIMEOUT);
    };
    match duration(text, source)? {
        Duration::ZERO => Err(Problem::new(
            format!("the duration given by {source} is zero"),
            format!("set {source} to a duration such as 30s"),
        )),
        timeout => Ok(timeout),
    }
}

fn retries(network: &cli::Network, env: &Env) -> Result<u32, Problem> {
    match given(&network.retries, "--retries", env, &env::CELLS_RETRIES)? {
        None => Ok(DEFAULT_RETRIES),
        Some((text, source)) => text.trim().parse().map_err(|_| {
            Problem::new(
                format!("the number given by {source} is invalid"),
                format!("set {source} to a whole number such as 3"),
            )
        }),
    }
}

fn min_ttl(cache: &cli::Cache, env: &Env) -> Result<MinTtl, Problem> {
    match given(&cache.min_ttl, "--min-ttl", env, &env::CELLS_MIN_TTL)? {
        None => Ok(MinTtl::Default),
        Some((text, source)) => duration(text, source).map(MinTtl::AtLeast),
    }
}

fn cache_settings(options: &cli::Cache, env: &Env) -> Result<Option<cache::Settings>, Problem> {
    if options.no_cache || env.switch(&env::CELLS_NO_CACHE)? {
        return Ok(None);
    }
    let option = options.cache_dir.as_deref().map(|dir| (dir, "--cache-dir"));
    let variable = || {
        let dir = env.raw(&env::CELLS_CACHE_DIR)?;
        Some((Path::new(dir), env::CELLS_CACHE_DIR.name))
    };
    let Some((dir, source)) = option.or_else(variable) else {
        let settings = |(dir, home): (&Path, &Path)| cache::Settings {
            dir: dir.join(CACHE_DIRECTORY),
            home: Some(home.to_owned()),
        };
        return Ok(env.user_cache_dir().zip(env.home_dir()).map(settings));
    };
    private_file::check_expanded(dir, "cache directory", source)?;
    Ok(Some(cache::Settings {
        dir: dir.to_owned(),
        home: None,
    }))
}

/// The profile that `--profile` or its variable names.
///
/// # Errors
/// If that is not a valid name.
pub fn profile_name(option: &Option<String>, env: &Env) -> Result<Option<ProfileName>, Problem> {
    let given = given(option, "--profile", env, &env::CELLS_PROFILE)?;
    given
        .map(|(name, source)| ProfileName::parse(name, source))
        .transpose()
}

/// The value of an option or else of its variable, and the name of the one that gave it.
fn given<'a>(
    option: &'a Option<String>,
    name: &'static str,
    env: &'a Env,
    variable: &'static Variable,
) -> Result<Option<(&'a str, &'static str)>, Problem> {
    match option {
        Some(text) => Ok(Some((text, name))),
        None => Ok(env.text(variable)?.map(|text| (text, variable.name))),
    }
}

/// Parses a duration such as `500ms`, `30s` or `1h30m`; a bare number is seconds. `source` is the option or variable that
/// gave it.
///
/// # Errors
/// If it is not a duration.
pub fn duration(text: &str, source: &str) -> Result<Duration, Problem> {
    let text = text.trim();
    let parsed = match text.parse() {
        Ok(seconds) => Ok(Duration::from_secs(seconds)),
        Err(_) => humantime::parse_duration(text),
    };
    parsed.map_err(|_| {
        Problem::new(
            format!("the duration given by {source} is invalid"),
            format!("give {source} something like 500ms, 30s, 5m or 1h30m"),
        )
    })
}

/// How much is written to standard error.
pub fn verbosity(verbosity: &cli::Verbosity) -> Verbosity {
    match (verbosity.quiet, verbosity.verbose) {
        (true, _) => Verbosity::Quiet,
        (false, true) => Verbosity::Verbose,
        (false, false) => Verbosity::Normal,
    }
}

#[cfg(test)]
mod tests;
