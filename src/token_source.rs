//! The heart: a token for these credentials from that endpoint, before the deadline.

use std::time::{Duration, Instant};

use crate::config::Config;
use crate::error::Error;
use crate::oauth::{Client, ClientCredentials, Redactor, Token, TokenError, parse_response};
use crate::time::{Clock, Deadline};
use crate::ui::Ui;

/// One attempt may take this part of the timeout, connecting half of that.
const ATTEMPT_SHARE: u32 = 3;

/// Gets a token.
///
/// # Errors
/// Whatever the authorization server, or the way to it, answers instead.
pub fn token(
    config: &Config,
    credentials: &ClientCredentials,
    clock: Clock,
    ui: Ui,
) -> Result<Token, Error> {
    let deadline = Deadline::after(config.timeout);
    let client = Client::new(&config.endpoint, config.ca_cert.as_deref()).map_err(Error::Usage)?;
    Ok(fetch(&client, config, credentials, deadline, clock, ui)?)
}

fn fetch(
    client: &Client,
    config: &Config,
    credentials: &ClientCredentials,
    deadline: Deadline,
    clock: Clock,
    ui: Ui,
) -> Result<Token, TokenError> {
    let attempt: Duration = config.timeout / ATTEMPT_SHARE;
    let redactor = Redactor::new(&credentials.secret);
    let started = Instant::now();
    let requested_at = clock();
    let answer = client.post(
        &config.endpoint,
        credentials.form_body(),
        attempt / 2,
        deadline.at_most(attempt),
        &redactor,
    );
    let result = answer.and_then(|response| {
        ui.note(|| format!("POST {}: status {}", config.endpoint, response.status));
        parse_response(&response, &config.endpoint, requested_at, &redactor)
    });
    ui.note(|| match &result {
        Ok(_) => format!("got a token after {:.0?}", started.elapsed()),
        Err(error) => format!(
            "got no token after {:.0?}: {}",
            started.elapsed(),
            error.problem.what
        ),
    });
    result
}
