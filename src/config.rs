//! From options and variables to what will be done: flag before `CELLS_*` before default. Pure.

use std::env::split_paths;
use std::path::PathBuf;
use std::time::Duration;

use crate::cache;
use crate::cli;
use crate::credentials::Plan;
use crate::env::{self, Env, Variable};
use crate::oauth::{DEFAULT_BASE_URL, MinTtl, Named, Proxy, ProxyVariables, TokenEndpoint, Trust};
use crate::output::Form;
use crate::problem::Problem;
use crate::ui::{Ui, Verbosity};

const DEFAULT_TIMEOUT: Duration = Duration::from_secs(90);
const DEFAULT_ENV_NAME: &str = "CELLS_ACCESS_TOKEN";

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
    /// The proxy, and what named it.
    pub proxy: Option<(Proxy, &'static str)>,
    /// Where the cache is; `None` if it is off.
    pub cache: Option<cache::Settings>,
    /// How long the token must live at least.
    pub min_ttl: MinTtl,
}

impl Config {
    /// Reads the options and variables that matter beside those of `plan`.
    ///
    /// # Errors
    /// If one of them cannot be right.
    pub fn new(
        network: &cli::Network,
        cache: &cli::Cache,
        plan: &Plan,
        env: &Env,
    ) -> Result<Self, Problem> {
        let (endpoint, endpoint_source) = endpoint(&network.endpoint, plan, env)?;
        Ok(Self {
            timeout: timeout(network, env)?,
            retries: retries(network, env)?,
            trust: trust(network, env),
            proxy: proxy(network, &endpoint, env)?,
            cache: cache_settings(cache, env),
            min_ttl: min_ttl(cache, env)?,
            endpoint,
            endpoint_source,
        })
    }

    /// Says where the token comes from.
    pub fn tell(&self, ui: Ui) {
        ui.note(|| {
            format!(
                "the token URL is {} ({})",
                self.endpoint, self.endpoint_source
            )
        });
        if let Some((proxy, source)) = &self.proxy {
            ui.note(|| format!("the proxy is {proxy} ({source})"));
        }
        ui.note(|| match &self.cache {
            Some(cache) => format!("the cache is {}", cache.dir.display()),
            None => "the cache is off".to_owned(),
        });
    }
}

fn trust(network: &cli::Network, env: &Env) -> Trust {
    Trust {
        ca_cert: path(network.ca_cert.as_ref(), env, &env::CELLS_CA_CERT),
        system_file: env.raw(&env::SSL_CERT_FILE).map(PathBuf::from),
        system_dirs: env
            .raw(&env::SSL_CERT_DIR)
            .map(|dirs| split_paths(dirs).collect())
            .unwrap_or_default(),
    }
}

fn proxy(
    network: &cli::Network,
    endpoint: &TokenEndpoint,
    env: &Env,
) -> Result<Option<(Proxy, &'static str)>, Problem> {
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
    chosen
        .map(|named| Ok((Proxy::parse(named)?, named.1)))
        .transpose()
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
                format!("the number given by {source} cannot be read"),
                format!("give {source} a whole number, such as 3"),
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

fn cache_settings(cache: &cli::Cache, env: &Env) -> Option<cache::Settings> {
    if cache.no_cache || env.flag(&env::CELLS_NO_CACHE) {
        return None;
    }
    match path(cache.cache_dir.as_ref(), env, &env::CELLS_CACHE_DIR) {
        Some(dir) => Some(cache::Settings {
            dir,
            is_explicit: true,
        }),
        None => {
            let dir = env.user_cache_dir()?.join(CACHE_FOLDER);
            Some(cache::Settings {
                dir,
                is_explicit: false,
            })
        }
    }
}

fn endpoint(
    flags: &cli::Endpoint,
    plan: &Plan,
    env: &Env,
) -> Result<(TokenEndpoint, &'static str), Problem> {
    const TOKEN_FLAG: &str = "--token-url";
    const BASE_FLAG: &str = "--base-url";
    let allow_http = flags.allow_http || env.flag(&env::CELLS_ALLOW_HTTP);
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
    for variable in [Some(&env::CELLS_BASE_URL), plan.base_url]
        .into_iter()
        .flatten()
    {
        if let Some(url) = env.text(variable)? {
            return below(url, variable.name);
        }
    }
    below(DEFAULT_BASE_URL, "default")
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
            format!("give {source} more than nothing, such as 30s"),
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

fn path(flag: Option<&PathBuf>, env: &Env, variable: &Variable) -> Option<PathBuf> {
    flag.cloned()
        .or_else(|| env.raw(variable).map(PathBuf::from))
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
            format!("the duration given by {source} cannot be read"),
            format!("give {source} something like 500ms, 30s, 5m or 1h30m"),
        )
    })
}

/// What is printed.
///
/// # Errors
/// If `-o env` shall set a variable that nobody can set or that cells-token itself reads, or if a
/// variable is named for a format that sets none.
pub fn form(flags: &cli::Output) -> Result<Form<'_>, Problem> {
    match (flags.output.unwrap_or_default(), flags.env_name.as_deref()) {
        (cli::Format::Env, name) => Ok(Form::Env(env_name(name)?)),
        (_, Some(_)) => Err(Problem::new(
            "--env-name is given, but the format asked for names no variable",
            "add -o env, or leave out --env-name",
        )),
        (cli::Format::Raw, None) => Ok(Form::Raw),
        (cli::Format::Json, None) => Ok(Form::Json),
        (cli::Format::Header, None) => Ok(Form::Header),
    }
}

/// The variable that holds the token.
///
/// # Errors
/// If nobody can set a variable of that name, or if cells-token itself reads it.
pub fn env_name(flag: Option<&str>) -> Result<&str, Problem> {
    let name = flag.unwrap_or(DEFAULT_ENV_NAME);
    if !is_variable_name(name) {
        return Err(Problem::new(
            "the name given by --env-name cannot be a variable's",
            "use letters, digits and underscores, and no digit first, such as CELLS_ACCESS_TOKEN",
        ));
    }
    // Windows does not tell capitals from small letters.
    let mut own = env::VARIABLES.iter().map(|variable| variable.name);
    match own.find(|own| own.eq_ignore_ascii_case(name)) {
        Some(own) => Err(Problem::new(
            format!("--env-name names {own}, which cells-token reads itself"),
            "choose another name: this one would be taken for an option the next time",
        )),
        None => Ok(name),
    }
}

fn is_variable_name(name: &str) -> bool {
    let may_come_first = |c: char| c.is_ascii_alphabetic() || c == '_';
    name.starts_with(may_come_first)
        && name
            .chars()
            .all(|c| may_come_first(c) || c.is_ascii_digit())
}

/// How much is said on standard error.
pub fn verbosity(voice: &cli::Voice) -> Verbosity {
    match (voice.quiet, voice.verbose) {
        (true, _) => Verbosity::Quiet,
        (false, true) => Verbosity::Verbose,
        (false, false) => Verbosity::Normal,
    }
}

#[cfg(test)]
mod tests;
