//! Asks the authorization server: attempt after attempt, until there is an answer that counts or
//! the deadline is near.

use std::sync::Arc;
use std::time::Instant;

use super::{Found, TokenSource};
use crate::env;
use crate::error::Error;
use crate::http::{Client, Event};
use crate::oauth::{self, TokenError, TokenErrorKind};
use crate::output::Origin;
use crate::server_text::Redactor;

/// One attempt may take this part of the timeout.
const ATTEMPT_SHARE: u32 = 3;

impl TokenSource<'_> {
    /// Gets a token from the server.
    ///
    /// # Errors
    /// `Error::Usage` if the certificates named are none; else the last attempt's failure.
    pub(super) fn fetch(&self) -> Result<Found, Error> {
        let config = self.config;
        let redactor = Redactor::new(&self.request.credentials.secret);
        let client = Client::new(
            &config.endpoint,
            config.proxy.as_ref(),
            &config.trust,
            env::foreign_ca_variable(),
            &redactor,
            self.deadline,
        )
        .map_err(Error::Usage)?;
        let mut attempt = 1;
        let mut earlier_answer = None;
        loop {
            let started = Instant::now();
            let result = self.attempt(&client, &redactor);
            let elapsed = started.elapsed();
            let error = match result {
                Ok(found) => {
                    self.report
                        .verbose(|| format!("{} gave a token in {elapsed:.1?}", config.endpoint));
                    return Ok(found);
                }
                Err(error) => error,
            };
            self.report.verbose(|| {
                format!(
                    "attempt {attempt} failed after {elapsed:.1?}: {}",
                    error.problem.what
                )
            });
            let left = self.deadline.remaining();
            let pause = oauth::pause(attempt, error.retry, fastrand::f64(), (self.clock)(), left);
            let Some(pause) = pause.filter(|_| attempt <= config.retries) else {
                return Err(oauth::more_informative(earlier_answer, error).into());
            };
            self.report
                .verbose(|| format!("trying again in {pause:.1?}"));
            let next = format!(
                "attempt {} of {}",
                attempt + 1,
                config.retries.saturating_add(1)
            );
            self.report.progress(next).sleep(pause);
            if error.kind == TokenErrorKind::Unavailable {
                earlier_answer = Some(error);
            }
            attempt += 1;
        }
    }

    fn attempt(&self, client: &Client, redactor: &Redactor) -> Result<Found, TokenError> {
        let endpoint = &self.config.endpoint;
        let deadline = self.deadline.at_most(self.config.timeout / ATTEMPT_SHARE);
        let mut progress = self.report.progress(endpoint.host());
        let observe = |event| match event {
            Event::Tick => progress.tick(),
            Event::Note(note) => self.report.verbose(|| note),
        };
        let requested_at = (self.clock)();
        let response = client.post(self.request.form_body(), deadline, observe)?;
        let exchange = requested_at..(self.clock)();
        match oauth::parse(&response, endpoint, exchange, redactor) {
            Ok(token) => Ok(Found {
                token,
                origin: Origin::Server,
                response: Some(response),
            }),
            Err(error) => Err(TokenError {
                answer: Some(Arc::new(response)),
                ..error
            }),
        }
    }
}
