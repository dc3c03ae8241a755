//! Asks the authorization server: attempt after attempt, until there is an answer that counts or
//! the deadline is near.

use std::thread;
use std::time::{Duration, Instant};

use crate::config::Config;
use crate::error::Error;
use crate::oauth::{self, Client, ClientCredentials, Redactor, Token, TokenError};
use crate::time::{Clock, Deadline};
use crate::ui::Ui;

/// One attempt may take this part of the timeout, connecting half of that.
const ATTEMPT_SHARE: u32 = 3;

/// Gets a token from the server.
///
/// # Errors
/// `Error::Usage` if the certificate file is none; else the last attempt's failure.
pub fn fetch(
    config: &Config,
    credentials: &ClientCredentials,
    deadline: Deadline,
    clock: Clock,
    ui: Ui,
) -> Result<Token, Error> {
    let proxy = config.proxy.as_ref().map(|(proxy, _)| proxy);
    let client = Client::new(&config.endpoint, proxy, &config.trust).map_err(Error::Usage)?;
    let redactor = Redactor::new(&credentials.secret);
    let mut attempt = 0;
    loop {
        let started = Instant::now();
        let result = post(&client, &redactor, config, credentials, deadline, clock);
        let elapsed = started.elapsed();
        let error = match result {
            Ok(token) => {
                ui.note(|| format!("{} gave a token in {elapsed:.1?}", config.endpoint));
                return Ok(token);
            }
            Err(error) => error,
        };
        ui.note(|| {
            format!(
                "attempt {} failed after {elapsed:.1?}: {}",
                attempt + 1,
                error.problem.what
            )
        });
        match oauth::pause(attempt, &error, fastrand::f64(), clock()) {
            Some(pause) if attempt < config.retries && pause < deadline.remaining() => {
                ui.note(|| format!("trying again in {pause:.1?}"));
                thread::sleep(pause);
            }
            _ => return Err(error.into()),
        }
        attempt += 1;
    }
}

fn post(
    client: &Client,
    redactor: &Redactor,
    config: &Config,
    credentials: &ClientCredentials,
    deadline: Deadline,
    clock: Clock,
) -> Result<Token, TokenError> {
    let attempt: Duration = config.timeout / ATTEMPT_SHARE;
    let requested_at = clock();
    let response = client.post(
        &config.endpoint,
        credentials.form_body(),
        attempt / 2,
        deadline.at_most(attempt),
        redactor,
    )?;
    oauth::parse_response(&response, &config.endpoint, requested_at..clock(), redactor)
}
