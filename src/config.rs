//! From options and variables to what will be done: flag before `CELLS_*` before default. Pure.

use std::path::PathBuf;
use std::time::Duration;

use crate::cli;
use crate::credentials::Plan;
use crate::env::{self, Env, Variable};
use crate::oauth::{DEFAULT_BASE_URL, TokenEndpoint};
use crate::problem::Problem;
use crate::ui::Verbosity;

const DEFAULT_TIMEOUT: Duration = Duration::from_secs(90);
const DEFAULT_ENV_NAME: &str = "CELLS_ACCESS_TOKEN";

/// Where the token comes from, and how long that may take.
#[derive(Debug)]
pub struct Config {
    /// The token endpoint.
    pub endpoint: TokenEndpoint,
    /// What named it.
    pub endpoint_source: &'static str,
    /// The limit on everything together, from the end of any prompt.
    pub timeout: Duration,
    /// Certificates to trust besides the system's.
    pub ca_cert: Option<PathBuf>,
}

impl Config {
    /// Reads the options and variables that matter beside those of `plan`.
    ///
    /// # Errors
    /// If one of them cannot be right.
    pub fn new(network: &cli::Network, plan: &Plan, env: &Env) -> Result<Self, Problem> {
        let (endpoint, endpoint_source) = endpoint(network, plan, env)?;
        Ok(Self {
            endpoint,
            endpoint_source,
            timeout: timeout(network, env)?,
            ca_cert: path(network.ca_cert.as_ref(), env, &env::CELLS_CA_CERT),
        })
    }
}

fn endpoint(
    network: &cli::Network,
    plan: &Plan,
    env: &Env,
) -> Result<(TokenEndpoint, &'static str), Problem> {
    const TOKEN_FLAG: &str = "--token-url";
    const BASE_FLAG: &str = "--base-url";
    let allow_http = network.allow_http || env.flag(&env::CELLS_ALLOW_HTTP);
    let itself = |url: &str, source| Ok((TokenEndpoint::parse(url, source, allow_http)?, source));
    let below = |url: &str, source| Ok((TokenEndpoint::below(url, source, allow_http)?, source));
    match (&network.token_url, &network.base_url) {
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

/// The variable that `-o env` sets.
///
/// # Errors
/// If no shell could set it, if cells-token itself reads it, or if another format was asked for.
pub fn env_name(output: &cli::Output) -> Result<&str, Problem> {
    let Some(name) = output.env_name.as_deref() else {
        return Ok(DEFAULT_ENV_NAME);
    };
    if output.output != cli::Format::Env {
        return Err(Problem::new(
            "--env-name is given, but the format asked for names no variable",
            "add -o env, or leave out --env-name",
        ));
    }
    if !is_variable_name(name) {
        return Err(Problem::new(
            "the name given by --env-name cannot be a variable's",
            "use letters, digits and underscores, and no digit first, such as CELLS_ACCESS_TOKEN",
        ));
    }
    // Windows does not tell capitals from small letters.
    match env::VARIABLES
        .iter()
        .find(|variable| variable.name.eq_ignore_ascii_case(name))
    {
        Some(variable) => Err(Problem::new(
            format!(
                "--env-name names {}, which cells-token reads itself",
                variable.name
            ),
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
mod tests {
    use super::*;

    #[test]
    fn durations_are_read_as_people_write_them() {
        for (text, expected) in [
            ("500ms", Some(Duration::from_millis(500))),
            ("30s", Some(Duration::from_secs(30))),
            ("30", Some(Duration::from_secs(30))),
            ("0", Some(Duration::ZERO)),
            ("5m", Some(Duration::from_secs(300))),
            ("1h30m", Some(Duration::from_secs(5400))),
            ("1h 30m", Some(Duration::from_secs(5400))),
            ("", None),
            ("-1", None),
            ("1.5", None),
            ("soon", None),
            ("99999999999999999999h", None),
        ] {
            assert_eq!(duration(text, "--timeout").ok(), expected, "{text:?}");
        }
    }
}
