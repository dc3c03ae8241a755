//! Requests a token from the server, and retries transient failures until the deadline.

use std::sync::Arc;
use std::time::Instant;

use super::{Outcome, SourcedToken, TokenSource};
use crate::http::{Client, Proxy, Tls};
use crate::oauth::{self, Reason, TokenError, TokenErrorKind};
use crate::output::Origin;
use crate::server_text::Redactor;

/// The part of the timeout that one attempt may take.
const ATTEMPT_SHARE: u32 = 3;

impl TokenSource<'_> {
    /// Requests a token.
    ///
    /// # Errors
    /// `Exit::Usage` if the CA certificates cannot be read; else the last attempt's failure.
    pub(super) fn fetch(&self) -> Outcome {
        let config = self.config;
        let is_tls =
            config.endpoint.is_https() || config.proxy.as_ref().is_some_and(Proxy::is_https);
        // A file that is named is checked even if it is not needed.
        let needs_roots = is_tls || config.trust.ca_cert.is_some();
        let tls = needs_roots.then(|| Tls::new(&config.trust, self.deadline));
        let client = Client {
            endpoint: config.endpoint.clone(),
            proxy: config.proxy.clone(),
            tls: tls.transpose()?.map(Arc::new),
            redactor: Arc::new(Redactor::new(&self.request.credentials.secret)),
            report: self.report,
        };
        let attempts = config.retries.saturating_add(1);
        let mut attempt = 1;
        let mut earlier_answer = None;
        loop {
            let started = Instant::now();
            let result = self.request_once(&client);
            let elapsed = started.elapsed();
            let error = match result {
                Ok(token) => {
                    self.report
                        .verbose(|| format!("{} issued a token in {elapsed:.1?}", config.endpoint));
                    return Ok(token);
                }
                Err(error) => error,
            };
            self.report.verbose(|| {
                let what = &error.problem.what;
                format!("attempt {attempt} failed after {elapsed:.1?}: {what}")
            });
            let left = self.deadline.remaining();
            let pause = oauth::pause(attempt, error.retry, fastrand::f64(), (self.clock)(), left);
            let Some(pause) = pause.filter(|_| attempt < attempts) else {
                // An earlier answer says more than that there was none in time.
                let timed_out = error.reason == Reason::TimedOut;
                let answer = earlier_answer.filter(|_| timed_out);
                return Err(answer.unwrap_or(error).into());
            };
            attempt += 1;
            self.report.verbose(|| format!("retrying in {pause:.1?}"));
            let next = format!("attempt {attempt} of {attempts}");
            self.report.progress(next).sleep(pause);
            if error.kind == TokenErrorKind::Unavailable {
                earlier_answer = Some(error);
            }
        }
    }

    fn request_once(&self, client: &Client) -> Result<SourcedToken, TokenError> {
        let endpoint = &self.config.endpoint;
        let deadline = self.deadline.at_most(self.config.timeout / ATTEMPT_SHARE);
        let mut progress = self.report.progress(endpoint.host());
        let requested_at = (self.clock)();
        let response = client.post(self.request.form_body(), deadline, || progress.tick())?;
        let exchange = requested_at..(self.clock)();
        match oauth::parse(&response, endpoint, exchange, &client.redactor) {
            Ok(token) => Ok(SourcedToken {
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
