//! `status`: shows the settings in effect, the profiles and the cached token. Sends no request and shows no secret.

use serde::Serialize;
use serde_json::{Map, Value};

use crate::cache::Cache;
use crate::cli::{self, StatusFormat};
use crate::config::Config;
use crate::credentials::{self, Selection};
use crate::env::Env;
use crate::error::Error;
use crate::oauth::{self, Freshness, Token};
use crate::output;
use crate::profile::{self, Profile, ProfileName, Profiles};
use crate::report::Reporter;
use crate::server_text::{Redactor, escaped, escaped_json};
use crate::time::{Deadline, Timestamp};

/// The report, in the order of the output.
#[derive(Serialize)]
struct StatusReport {
    client_id: Option<String>,
    client_id_source: String,
    client_secret_source: String,
    passed_over: Vec<PassedOver>,
    profiles: Vec<ProfileReport>,
    token_url: String,
    token_url_source: &'static str,
    proxy: Option<String>,
    proxy_source: Option<&'static str>,
    ca_cert: Option<String>,
    timeout: f64,
    retries: u32,
    cache_file: Option<String>,
    token: TokenReport,
}

#[derive(Serialize)]
struct PassedOver {
    source: String,
    why: String,
}

#[derive(Serialize)]
struct ProfileReport {
    name: String,
    is_default: bool,
    client_id: String,
    client_secret_source: String,
}

#[derive(Default, Serialize)]
struct TokenReport {
    state: State,
    /// Why nothing is cached, if something prevents it.
    reason: Option<String>,
    obtained_at: Option<String>,
    expires_at: Option<String>,
    /// Seconds.
    age: Option<u64>,
    /// Seconds.
    expires_in: Option<u64>,
    claims: Map<String, Value>,
}

/// The state of the cached token. The names in JSON are part of the stable interface.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
enum State {
    /// `get` would print the token.
    Good,
    /// It is valid, but expires before `--min-ttl`.
    ExpiresSoon,
    /// It has expired.
    Expired,
    /// There is no token, or none that can be trusted.
    None,
    /// It was obtained with another secret.
    OtherSecret,
    /// The cache is off.
    Off,
    /// There is no client id to look for.
    #[default]
    Unknown,
}

impl State {
    fn description(self) -> &'static str {
        match self {
            Self::Good => "good",
            Self::ExpiresSoon => "expires soon, so a new one would be requested",
            Self::Expired => "expired",
            Self::None => "none",
            Self::OtherSecret => "obtained with another secret, so not used",
            Self::Off => "the cache is off",
            Self::Unknown => "not known without a client id",
        }
    }
}

/// The claims that are shown (RFC 7519 §4.1, RFC 8693 §4, RFC 9068 §2.2), and their labels.
const CLAIMS: [(&str, &str); 6] = [
    ("iss", "issuer"),
    ("sub", "subject"),
    ("client_id", "client"),
    ("aud", "audience"),
    ("scope", "scope"),
    ("nbf", "not before"),
];

/// Prints the report.
///
/// # Errors
/// If an option or variable is invalid, or standard output cannot be written.
#[inline(never)]
pub fn run(args: &cli::Status, env: &Env, report: Reporter) -> Result<(), Error> {
    let selection = Selection::new(&args.credentials, args.profile.name.as_deref(), env)
        .map_err(Error::Usage)?;
    let config = Config::new(&args.network, &args.cache, &selection, env).map_err(Error::Usage)?;
    let status = collect(args, &selection, &config, env, report);
    let text = match args.output.unwrap_or_default() {
        StatusFormat::Text => status.to_text(),
        StatusFormat::Json => {
            escaped_json(serde_json::to_string(&status).map_err(anyhow::Error::from)?)
        }
    };
    Ok(output::write_stdout(&text)?)
}

fn collect(
    args: &cli::Status,
    selection: &Selection,
    config: &Config,
    env: &Env,
    report: Reporter,
) -> StatusReport {
    let now = Timestamp::now();
    let place = config.cache.as_ref().zip(selection.client_id.as_ref());
    let cache = place.map(|(settings, id)| Cache::open(settings, &config.endpoint, id, report));
    let token = match &cache {
        Some(Ok(cache)) => cached(cache, args, selection, config, env, now, report),
        Some(Err(reason)) => TokenReport {
            state: State::Off,
            reason: Some(reason.clone()),
            ..Default::default()
        },
        None => TokenReport {
            state: match config.cache.is_some() {
                true => State::Unknown,
                false => State::Off,
            },
            ..Default::default()
        },
    };
    StatusReport {
        client_id: selection.client_id.as_ref().map(ToString::to_string),
        client_id_source: selection.id_source.to_string(),
        client_secret_source: selection.secret.to_string(),
        passed_over: selection
            .passed_over
            .iter()
            .map(|passed_over| PassedOver {
                source: passed_over.source.clone(),
                why: passed_over.why.clone(),
            })
            .collect(),
        profiles: profiles(env, report),
        token_url: config.endpoint.to_string(),
        token_url_source: config.endpoint_source,
        proxy: config.proxy.as_ref().map(ToString::to_string),
        proxy_source: config.proxy.as_ref().map(|proxy| proxy.source()),
        ca_cert: config
            .trust
            .ca_cert
            .as_ref()
            .map(|path| path.display().to_string()),
        timeout: config.timeout.as_secs_f64(),
        retries: config.retries,
        cache_file: cache
            .and_then(Result::ok)
            .map(|cache| cache.entry_path().display().to_string()),
        token,
    }
}

fn cached(
    cache: &Cache,
    args: &cli::Status,
    selection: &Selection,
    config: &Config,
    env: &Env,
    now: Timestamp,
    report: Reporter,
) -> TokenReport {
    let (token, sealed) = match cache.lookup(now) {
        Ok(Some(entry)) => (entry.token, entry.sealed),
        missing => {
            return TokenReport {
                state: State::None,
                reason: missing.err(),
                ..Default::default()
            };
        }
    };
    // Reading must not prompt, run a command, or take the secret away from a later `get`.
    let secret = match selection.secret.place.is_rereadable() {
        false => None,
        true => match credentials::client_secret(
            selection,
            args.credentials.client_secret.as_ref(),
            env,
            Deadline::after(config.timeout),
        ) {
            Ok(secret) => Some(secret),
            Err(error) => {
                report.warning(&error.problem().what);
                None
            }
        },
    };
    let redactor = secret.as_ref().map(Redactor::new).unwrap_or_default();
    let state = match token.freshness(config.min_ttl, now) {
        _ if secret.is_some_and(|secret| !sealed.is_sealed_with(&secret)) => State::OtherSecret,
        Freshness::Fresh => State::Good,
        Freshness::ExpiresSoon => State::ExpiresSoon,
        Freshness::Expired | Freshness::Unknown => State::Expired,
    };
    TokenReport {
        state,
        reason: None,
        obtained_at: Some(token.obtained_at.to_string()),
        expires_at: token.expires_at.map(|time| time.to_string()),
        age: Some(now.since(token.obtained_at).as_secs()),
        expires_in: token.remaining(now).map(|remaining| remaining.as_secs()),
        claims: claims(&token, &redactor),
    }
}

/// The claims to show, without anything that may be a secret.
fn claims(token: &Token, redactor: &Redactor) -> Map<String, Value> {
    let mut all = oauth::claims(token.access_token.expose()).unwrap_or_default();
    let shown = CLAIMS.iter().filter_map(|(name, label)| {
        let mut value = all.remove(*name)?;
        redactor.clean_for_show(&mut value);
        Some(((*label).to_owned(), value))
    });
    shown.collect()
}

/// All profiles. An unusable profile file is only a warning, because other sources of credentials still work.
fn profiles(env: &Env, report: Reporter) -> Vec<ProfileReport> {
    let profiles = profile::directory(env).map(|dir| Profiles::load(&dir));
    let profiles = profiles.transpose().unwrap_or_else(|problem| {
        report.warning(&problem.what);
        None
    });
    let profiles = profiles.unwrap_or_default();
    let describe = |(name, profile): (&ProfileName, &Profile)| ProfileReport {
        name: name.to_string(),
        is_default: profiles.is_default(name),
        client_id: profile.client_id.clone(),
        client_secret_source: profile.secret.to_string(),
    };
    profiles.iter().map(describe).collect()
}

impl ProfileReport {
    fn to_text(&self) -> String {
        let Self {
            name,
            is_default,
            client_id,
            client_secret_source,
        } = self;
        let default = if *is_default { " (default)" } else { "" };
        format!("{name}{default}: client id {client_id}, secret {client_secret_source}")
    }
}

impl StatusReport {
    fn to_text(&self) -> String {
        let from = |value: &str, source: &str| format!("{value} (from {source})");
        let mut lines = vec![
            (
                "client id",
                match &self.client_id {
                    Some(id) => from(id, &self.client_id_source),
                    None => "would be prompted for".to_owned(),
                },
            ),
            (
                "client secret",
                format!("from {}", self.client_secret_source),
            ),
        ];
        for PassedOver { source, why } in &self.passed_over {
            lines.push(("passed over", format!("{source}: {why}")));
        }
        for profile in &self.profiles {
            lines.push(("profile", profile.to_text()));
        }
        lines.push(("token URL", from(&self.token_url, self.token_url_source)));
        if let (Some(proxy), Some(source)) = (&self.proxy, self.proxy_source) {
            lines.push(("proxy", from(proxy, source)));
        }
        if let Some(ca_cert) = &self.ca_cert {
            lines.push(("also trusted", ca_cert.clone()));
        }
        lines.push((
            "timeout",
            format!("{}s, {} retries", self.timeout, self.retries),
        ));
        lines.push(("cache", self.cache_file.clone().unwrap_or("off".to_owned())));
        let state = self.token.state.description();
        let state = match &self.token.reason {
            Some(reason) => format!("{state}: {reason}"),
            None => state.to_owned(),
        };
        lines.push(("cached token", state));
        self.token.add_lines(&mut lines);
        let width = lines
            .iter()
            .map(|(label, _)| label.len())
            .max()
            .unwrap_or_default();
        let line = |(label, text): &(&str, String)| format!("{label:width$}  {}", escaped(text));
        lines.iter().map(line).collect::<Vec<_>>().join("\n")
    }
}

impl TokenReport {
    fn add_lines<'a>(&'a self, lines: &mut Vec<(&'a str, String)>) {
        let seconds = |seconds| humantime::format_duration(std::time::Duration::from_secs(seconds));
        if let (Some(time), Some(age)) = (&self.obtained_at, self.age) {
            lines.push(("obtained", format!("{time} ({} ago)", seconds(age))));
        }
        if let (Some(time), Some(left)) = (&self.expires_at, self.expires_in) {
            lines.push(("expires", format!("{time} ({} left)", seconds(left))));
        }
        for (label, value) in &self.claims {
            let text = value
                .as_str()
                .map_or_else(|| value.to_string(), str::to_owned);
            lines.push((label, text));
        }
    }
}
