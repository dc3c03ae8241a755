//! `status`: shows the settings in effect, the profiles and the cached token. Sends no request and shows no secret.

use std::fmt::Display;
use std::time::Duration;

use serde_json::{Map, Value, json};

use crate::cache::Cache;
use crate::cli::{self, StatusFormat};
use crate::config::Config;
use crate::credentials::{self, Selection};
use crate::env::Env;
use crate::error::Error;
use crate::http::Proxy;
use crate::oauth::{self, Freshness, Token};
use crate::output;
use crate::profile::Profiles;
use crate::report::Reporter;
use crate::server_text::{Redactor, escaped, escaped_json};
use crate::time::{Deadline, Timestamp};

/// The state of the cached token: its name in JSON, which is part of the stable interface, and its description.
type State = (&'static str, &'static str);

/// `get` would print the token.
const GOOD: State = ("good", "good");
/// It is valid, but expires before `--min-ttl`.
const EXPIRES_SOON: State = (
    "expires_soon",
    "expires soon, so a new one would be requested",
);
const EXPIRED: State = ("expired", "expired");
/// There is no token, or none that can be trusted.
const NONE: State = ("none", "none");
const OTHER_SECRET: State = ("other_secret", "obtained with another secret, so not used");
const OFF: State = ("off", "the cache is off");
const UNKNOWN: State = ("unknown", "not known without a client id");

/// The claims that are shown (RFC 7519 §4.1, RFC 8693 §4, RFC 9068 §2.2), and their labels.
const CLAIMS: [(&str, &str); 6] = [
    ("iss", "issuer"),
    ("sub", "subject"),
    ("client_id", "client"),
    ("aud", "audience"),
    ("scope", "scope"),
    ("nbf", "not before"),
];

/// What is shown.
struct Status<'a> {
    selection: &'a Selection,
    config: &'a Config,
    profiles: Profiles,
    cache_file: Option<String>,
    state: State,
    /// Why nothing is cached, if something prevents it.
    reason: Option<String>,
    token: Option<Token>,
    claims: Map<String, Value>,
    now: Timestamp,
}

/// Prints the settings, the profiles and the cached token.
///
/// # Errors
/// If an option or variable is invalid, or standard output cannot be written.
#[inline(never)]
pub fn run(args: &cli::Status, env: &Env, report: Reporter) -> Result<(), Error> {
    let selection = &Selection::new(&args.credentials, args.profile.name.as_deref(), env)?;
    let config = &Config::new(&args.network, &args.cache, selection, env)?;
    // An unusable profile file is only a warning, because other sources of credentials still work.
    let profiles = Profiles::load(env).unwrap_or_else(|problem| {
        report.warning(&problem.what);
        Profiles::default()
    });
    let now = Timestamp::now();
    let cache = match (&config.cache, &selection.client_id) {
        (Some(settings), Some(id)) => Cache::open(settings, &config.endpoint, id, report)
            .map_err(|reason| (OFF, Some(reason))),
        (Some(_), None) => Err((UNKNOWN, None)),
        (None, _) => Err((OFF, None)),
    };
    let cache_file = cache.as_ref().ok().map(Cache::entry_path);
    let entry = cache.and_then(|cache| match cache.lookup(now) {
        Ok(entry) => entry.ok_or((NONE, None)),
        Err(reason) => Err((NONE, Some(reason))),
    });
    // Reading must not prompt, run a command, or take the secret away from a later `get`.
    let is_readable = selection.secret.place.is_rereadable();
    let secret = (entry.is_ok() && is_readable).then(|| {
        let option = args.credentials.client_secret.as_ref();
        let deadline = Deadline::after(config.timeout);
        credentials::client_secret(selection, option, env, deadline)
            .inspect_err(|error| report.warning(&error.problem().what))
    });
    let secret = secret.and_then(Result::ok);
    let redactor = secret.as_ref().map(Redactor::new).unwrap_or_default();
    let (state, reason, token) = match entry {
        Ok(entry) => {
            let state = match entry.token.freshness(config.min_ttl, now) {
                _ if secret.is_some_and(|secret| !entry.sealed.is_sealed_with(&secret)) => {
                    OTHER_SECRET
                }
                Freshness::Fresh => GOOD,
                Freshness::ExpiresSoon => EXPIRES_SOON,
                Freshness::Expired | Freshness::Unknown => EXPIRED,
            };
            (state, None, Some(entry.token))
        }
        Err((state, reason)) => (state, reason, None),
    };
    let claims = token.as_ref().map(|token| claims(token, &redactor));
    let status = Status {
        selection,
        config,
        profiles,
        cache_file: cache_file.map(|path| path.display().to_string()),
        state,
        reason,
        claims: claims.unwrap_or_default(),
        token,
        now,
    };
    let text = match args.output.unwrap_or_default() {
        StatusFormat::Text => status.text(),
        StatusFormat::Json => escaped_json(status.json().to_string()),
    };
    Ok(output::write_stdout(&text)?)
}

/// The claims to show, by label, without anything that may be a secret.
fn claims(token: &Token, redactor: &Redactor) -> Map<String, Value> {
    let mut all = oauth::claims(token.access_token.expose()).unwrap_or_default();
    let shown = CLAIMS.iter().filter_map(|(name, label)| {
        let mut value = all.remove(*name)?;
        redactor.clean_for_show(&mut value);
        Some(((*label).to_owned(), value))
    });
    shown.collect()
}

impl Status<'_> {
    /// One object, whose members are part of the stable interface.
    fn json(&self) -> Value {
        let (selection, config) = (self.selection, self.config);
        let passed_over = selection.passed_over.iter();
        let passed_over = passed_over
            .map(|passed_over| json!({ "source": passed_over.source, "why": passed_over.why }));
        let profiles = self.profiles.iter().map(|(name, profile)| {
            json!({
                "name": name.as_str(),
                "is_default": self.profiles.is_default(name),
                "client_id": profile.client_id,
                "client_secret_source": profile.secret.to_string(),
            })
        });
        let token = self.token.as_ref();
        let seconds = |duration: Duration| duration.as_secs();
        json!({
            "client_id": selection.client_id.as_ref().map(|id| &id.0),
            "client_id_source": selection.id_source.to_string(),
            "client_secret_source": selection.secret.to_string(),
            "passed_over": passed_over.collect::<Vec<_>>(),
            "profiles": profiles.collect::<Vec<_>>(),
            "token_url": config.endpoint.as_str(),
            "token_url_source": config.endpoint_source,
            "proxy": config.proxy.as_ref().map(Proxy::to_string),
            "proxy_source": config.proxy.as_ref().map(Proxy::source),
            "ca_cert": config.trust.ca_cert.as_ref().map(|path| path.display().to_string()),
            "timeout": config.timeout.as_secs_f64(),
            "retries": config.retries,
            "cache_file": self.cache_file,
            "token": {
                "state": self.state.0,
                "reason": self.reason,
                "obtained_at": token.map(|token| token.obtained_at.to_string()),
                "expires_at": token.and_then(|token| Some(token.expires_at?.to_string())),
                "age": token.map(|token| seconds(self.now.since(token.obtained_at))),
                "expires_in": token.and_then(|token| token.remaining(self.now).map(seconds)),
                "claims": self.claims,
            },
        })
    }

    /// A line for each label and value.
    fn text(&self) -> String {
        let (selection, config) = (self.selection, self.config);
        let from = |value: &dyn Display, source: &dyn Display| format!("{value} (from {source})");
        let id = selection.client_id.as_ref();
        let id = id.map(|id| from(id, &selection.id_source));
        let id = id.unwrap_or_else(|| "would be prompted for".to_owned());
        let mut lines = vec![
            ("client id", id),
            ("client secret", format!("from {}", selection.secret)),
        ];
        for passed_over in &selection.passed_over {
            let text = format!("{}: {}", passed_over.source, passed_over.why);
            lines.push(("passed over", text));
        }
        for (name, profile) in self.profiles.iter() {
            let is_default = self.profiles.is_default(name);
            let default = if is_default { " (default)" } else { "" };
            let (id, secret) = (&profile.client_id, &profile.secret);
            let text = format!("{name}{default}: client id {id}, secret {secret}");
            lines.push(("profile", text));
        }
        let token_url = from(&config.endpoint, &config.endpoint_source);
        lines.push(("token URL", token_url));
        if let Some(proxy) = &config.proxy {
            lines.push(("proxy", from(proxy, &proxy.source())));
        }
        if let Some(path) = &config.trust.ca_cert {
            lines.push(("also trusted", path.display().to_string()));
        }
        let (timeout, retries) = (config.timeout.as_secs_f64(), config.retries);
        lines.push(("timeout", format!("{timeout}s, {retries} retries")));
        lines.push(("cache", self.cache_file.clone().unwrap_or("off".to_owned())));
        let state = match &self.reason {
            Some(reason) => format!("{}: {reason}", self.state.1),
            None => self.state.1.to_owned(),
        };
        lines.push(("cached token", state));
        if let Some(token) = &self.token {
            let seconds = |duration: Duration| {
                humantime::format_duration(Duration::from_secs(duration.as_secs()))
            };
            let (obtained_at, age) = (token.obtained_at, self.now.since(token.obtained_at));
            lines.push(("obtained", format!("{obtained_at} ({} ago)", seconds(age))));
            if let (Some(time), Some(left)) = (token.expires_at, token.remaining(self.now)) {
                lines.push(("expires", format!("{time} ({} left)", seconds(left))));
            }
        }
        for (label, value) in &self.claims {
            let text = value.as_str().map(str::to_owned);
            lines.push((label, text.unwrap_or_else(|| value.to_string())));
        }
        // As wide as the longest label, "client secret".
        let line = |(label, text): &(&str, String)| format!("{label:13}  {}", escaped(text));
        lines.iter().map(line).collect::<Vec<_>>().join("\n")
    }
}
