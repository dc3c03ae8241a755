//! From options and variables to what will be done: flag before `CELLS_*` before default. Pure.

mod network;
mod output;

use std::path::{Path, PathBuf};
use std::time::Duration;

use crate::cache;
use crate::cli;
use crate::credentials::Selection;
use crate::env::{self, Env, Variable};
use crate::http::{Proxy, Trust};
use crate::oauth::{MinTtl, TokenEndpoint};
use crate::problem::Problem;
use crate::report::{Reporter, Verbosity};

use network::{endpoint, proxy, trust};
pub use output::{env_name, form};

const DEFAULT_TIMEOUT: Duration = Duration::from_secs(90);
const DEFAULT_RETRIES: u32 = 3;

/// Below the user's cache folder.
const CACHE_FOLDER: &str = "cells-token";

/// Where the token comes from, and how long that may take.
#[derive(Debug)]
pub struct Config {
    /// The token endpoint.
    pub endpoint: TokenEndpoint,
    /// What named it.
    pub endpoint_source: &'static str,
    /// The limit on everything together, from the end of any prompt.
    pub timeout: Duration,
    /// How often to try again what may pass by itself.
    pub retries: u32,
    /// Whose certificates are believed.
    pub trust: Trust,
    /// The proxy.
    pub proxy: Option<Proxy>,
    /// Where the cache is; `None` if it is off.
    pub cache: Option<cache::Settings>,
    /// How long the token must live at least.
    pub min_ttl: MinTtl,
}

impl Config {
    /// Reads the options and variables that matter beside those of `selection`.
    ///
    /// # Errors
    /// If one of them cannot be right.
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

    /// Says where the token comes from.
    pub fn explain(&self, report: Reporter) {
        report.verbose(|| {
            format!(
                "the token URL is {} ({})",
                self.endpoint, self.endpoint_source
            )
        });
        if let Some(proxy) = &self.proxy {
            report.verbose(|| format!("the proxy is {proxy} ({})", proxy.source()));
        }
        report.verbose(|| match &self.cache {
            Some(cache) => format!("the cache is {}", cache.dir.display()),
            None => "the cache is off".to_owned(),
        });
    }
}

fn retries(network: &cli::Network, env: &Env) -> Result<u32, Problem> {
    match value(
        network.retries.as_deref(),
        "--retries",
        env,
        &env::CELLS_RETRIES,
    )? {
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
    match value(
        cache.min_ttl.as_deref(),
        "--min-ttl",
        env,
        &env::CELLS_MIN_TTL,
    )? {
        None => Ok(MinTtl::Default),
        Some((text, source)) => duration(text, source).map(MinTtl::AtLeast),
    }
}

fn cache_settings(cache: &cli::Cache, env: &Env) -> Result<Option<cache::Settings>, Problem> {
    if cache.no_cache || env.switch(&env::CELLS_NO_CACHE)? {
        return Ok(None);
    }
    let option = cache.cache_dir.clone();
    let explicit = option.or_else(|| env.raw(&env::CELLS_CACHE_DIR).map(PathBuf::from));
    let Some(dir) = explicit else {
        let settings = |(dir, home): (&Path, &Path)| cache::Settings {
            dir: dir.join(CACHE_FOLDER),
            home: Some(home.to_owned()),
        };
        return Ok(env.user_cache_dir().zip(env.home_dir()).map(settings));
    };
    if let [c @ (b'~' | b'$'), ..] = dir.as_os_str().as_encoded_bytes() {
        let source = match cache.cache_dir {
            Some(_) => "--cache-dir",
            None => env::CELLS_CACHE_DIR.name,
        };
        return Err(Problem::new(
            format!(
                "the cache folder given by {source} begins with a literal {:?}, which no shell has expanded",
                char::from(*c)
            ),
            format!("set {source} to an absolute path"),
        ));
    }
    Ok(Some(cache::Settings { dir, home: None }))
}

fn timeout(network: &cli::Network, env: &Env) -> Result<Duration, Problem> {
    let Some((text, source)) = value(
        network.timeout.as_deref(),
        "--timeout",
        env,
        &env::CELLS_TIMEOUT,
    )?
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

/// The value of a flag or else of its variable, and which of the two it was.
fn value<'a>(
    flag: Option<&'a str>,
    name: &'static str,
    env: &'a Env,
    variable: &'static Variable,
) -> Result<Option<(&'a str, &'static str)>, Problem> {
    match flag {
        Some(text) => Ok(Some((text, name))),
        None => Ok(env.text(variable)?.map(|text| (text, variable.name))),
    }
}

/// `500ms`, `30s`, `1h30m`; a bare number is seconds.
///
/// # Errors
/// If it is none of these; `source` is the option or variable that gave it.
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

/// How much is said on standard error.
pub fn verbosity(verbosity: &cli::Verbosity) -> Verbosity {
    match (verbosity.quiet, verbosity.verbose) {
        (true, _) => Verbosity::Quiet,
        (false, true) => Verbosity::Verbose,
        (false, false) => Verbosity::Normal,
    }
}

#[cfg(test)]
mod tests;
