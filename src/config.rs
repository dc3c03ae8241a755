//! The settings that options, variables and the profile give. An option overrides its variable. Pure.

mod network;

use std::path::Path;
use std::time::Duration;

use crate::cache;
use crate::cli::{self, Format};
use crate::credentials::Selection;
use crate::env::{self, Env, Variable};
use crate::http::{Proxy, Trust};
use crate::oauth::{MinTtl, TokenEndpoint};
use crate::private_file;
use crate::problem::Problem;
use crate::profile::ProfileName;
use crate::report::{Reporter, Verbosity};

use network::{endpoint, proxy, trust};

const DEFAULT_TIMEOUT: Duration = Duration::from_secs(90);
const DEFAULT_RETRIES: u32 = 3;

const DEFAULT_ENV_NAME: &str = "CELLS_ACCESS_TOKEN";

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
        let timeout = (&network.timeout, "--timeout", &env::CELLS_TIMEOUT);
        let retries = (&network.retries, "--retries", &env::CELLS_RETRIES);
        let min_ttl = (&cache.min_ttl, "--min-ttl", &env::CELLS_MIN_TTL);
        Ok(Self {
            timeout: given(timeout, env, positive_duration)?.unwrap_or(DEFAULT_TIMEOUT),
            retries: given(retries, env, number)?.unwrap_or(DEFAULT_RETRIES),
            trust: trust(network, selection, env),
            proxy: proxy(network, &endpoint, selection, env)?,
            cache: cache_settings(cache, env)?,
            min_ttl: given(min_ttl, env, duration)?.map_or(MinTtl::Default, MinTtl::AtLeast),
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

fn cache_settings(options: &cli::Cache, env: &Env) -> Result<Option<cache::Settings>, Problem> {
    if options.no_cache || env.switch(&env::CELLS_NO_CACHE)? {
        return Ok(None);
    }
    let option = options.cache_dir.as_deref().map(|dir| (dir, "--cache-dir"));
    let variable = env.raw(&env::CELLS_CACHE_DIR);
    let variable = variable.map(|dir| (Path::new(dir), env::CELLS_CACHE_DIR.name));
    let Some((dir, source)) = option.or(variable) else {
        let directories = env.user_cache_dir.as_ref().zip(env.home_dir.as_ref());
        return Ok(directories.map(|(dir, home)| cache::Settings {
            dir: dir.join(CACHE_DIRECTORY),
            home: Some(home.clone()),
        }));
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
    given(
        (option, "--profile", &env::CELLS_PROFILE),
        env,
        ProfileName::parse,
    )
}

/// The value of an option, or else of its variable. `parse` gets the text and the name of the one that gave it.
///
/// # Errors
/// Those of `parse`, or if the variable is not UTF-8.
pub fn given<T>(
    (option, name, variable): (&Option<String>, &str, &Variable),
    env: &Env,
    parse: impl FnOnce(&str, &str) -> Result<T, Problem>,
) -> Result<Option<T>, Problem> {
    match option {
        Some(text) => parse(text, name).map(Some),
        None => env
            .text(variable)?
            .map(|text| parse(text, variable.name))
            .transpose(),
    }
}

fn positive_duration(text: &str, source: &str) -> Result<Duration, Problem> {
    match duration(text, source)? {
        Duration::ZERO => Err(Problem::new(
            format!("the duration given by {source} is zero"),
            format!("set {source} to a duration such as 30s"),
        )),
        duration => Ok(duration),
    }
}

fn number(text: &str, source: &str) -> Result<u32, Problem> {
    text.trim().parse().map_err(|_| {
        Problem::new(
            format!("the number given by {source} is invalid"),
            format!("set {source} to a whole number such as 3"),
        )
    })
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

/// The output format, and the variable name for `-o env`.
///
/// # Errors
/// As for [`env_name`], or if `--env-name` is given for another format.
pub fn format(flags: &cli::Output) -> Result<(Format, &str), Problem> {
    let format = flags.output.unwrap_or_default();
    if format != Format::Env && flags.env_name.is_some() {
        return Err(Problem::new(
            "--env-name is given, but the output format has no variable name",
            "add -o env, or leave out --env-name",
        ));
    }
    Ok((format, env_name(flags.env_name.as_deref())?))
}

/// The variable to set to the token.
///
/// # Errors
/// If its name is not valid, or if cells-token itself reads it.
pub fn env_name(flag: Option<&str>) -> Result<&str, Problem> {
    let name = flag.unwrap_or(DEFAULT_ENV_NAME);
    let is_outer = |c: char| c.is_ascii_alphabetic() || c == '_';
    let is_inner = |c: char| is_outer(c) || c.is_ascii_digit();
    if !name.starts_with(is_outer) || !name.chars().all(is_inner) {
        return Err(Problem::new(
            "the name given by --env-name is not a valid variable name",
            "use letters, digits and underscores, and no digit first, such as CELLS_ACCESS_TOKEN",
        ));
    }
    // Names are case-insensitive on Windows.
    let mut own = env::VARIABLES.iter().map(|variable| variable.name);
    match own.find(|own| own.eq_ignore_ascii_case(name)) {
        Some(own) => Err(Problem::new(
            format!("--env-name names {own}, which cells-token reads itself"),
            "choose another name",
        )),
        None => Ok(name),
    }
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
