//! Answers of the service that were no token, sealed like entries: shared with the processes that waited for them, and
//! remembered as rate limits. Pure.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::CLOCK_TOLERANCE;
use super::sealed::SealedJson;
use crate::oauth::TokenError;
use crate::secret::ClientSecret;
use crate::time::Timestamp;

/// A rate limit is remembered for this long at most.
pub const MAX_LIMIT: Duration = Duration::from_secs(60 * 60);

/// How many failures are remembered for one token URL and client id, those of all secrets together.
const MAX_FAILURES: usize = 8;

/// What decides which server answers: another proxy or certificate may get another answer.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Route {
    /// The proxy, without its user and password.
    pub proxy: Option<String>,
    /// The absolute path of the additional CA certificates.
    pub ca_cert: Option<String>,
}

/// An answer of the service that was no token.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Failure {
    route: Route,
    failed_at: Timestamp,
    error: TokenError,
    /// The end of the rate limit, if it is one.
    limited_until: Option<Timestamp>,
}

impl Failure {
    /// The failure that came by `route` at `now`.
    pub fn new(route: Route, error: TokenError, now: Timestamp) -> Self {
        let limited_until = error.rate_limited_until();
        Self {
            route,
            failed_at: now,
            error,
            limited_until: limited_until.map(|until| until.min(now.plus(MAX_LIMIT))),
        }
    }

    /// Whether a process that has waited since `waiting_since` shares it: it would have sent the same request. A date
    /// in the future was written before the clock was set back.
    pub fn is_shared_with(&self, route: &Route, waiting_since: Timestamp, now: Timestamp) -> bool {
        self.route == *route && (waiting_since..=now).contains(&self.failed_at)
    }

    /// The end of the rate limit, if it has not passed. It holds by any route.
    pub fn limit(&self, now: Timestamp) -> Option<Timestamp> {
        self.limited_until.filter(|until| *until > now)
    }

    /// The error, with the end of its rate limit.
    pub fn into_error(self) -> TokenError {
        match self.limited_until {
            Some(until) => self.error.with_rate_limit(until),
            None => self.error,
        }
    }

    fn has_plausible_dates(&self, now: Timestamp) -> bool {
        self.failed_at <= now.plus(CLOCK_TOLERANCE)
            && self
                .limited_until
                .is_none_or(|until| until <= now.plus(MAX_LIMIT))
    }
}

/// The failures of `secret` in the bytes of a file, one sealed JSON object on each line, the latest last.
pub fn parse(bytes: &[u8], secret: &ClientSecret, now: Timestamp) -> Vec<Failure> {
    bytes
        .split(|byte| *byte == b'\n')
        .filter_map(|line| SealedJson::from_bytes(line.to_vec()))
        .filter(|record| record.is_sealed_with(secret))
        .filter_map(|record| record.content())
        .filter(|failure: &Failure| failure.has_plausible_dates(now))
        .collect()
}

/// The bytes of a file with `latest` added, and without the oldest failure if there are too many.
pub fn add(bytes: &[u8], latest: &Failure, secret: &ClientSecret) -> Option<Vec<u8>> {
    let latest = SealedJson::seal(latest, secret)?;
    let is_sealed = |line: &&[u8]| SealedJson::from_bytes(line.to_vec()).is_some();
    let earlier = bytes.split(|byte| *byte == b'\n');
    let mut lines: Vec<_> = earlier.filter(is_sealed).collect();
    lines.drain(..(lines.len() + 1).saturating_sub(MAX_FAILURES));
    lines.push(latest.as_bytes());
    Some(lines.join(&b'\n'))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::oauth::TokenErrorKind;

    const NOW: i64 = 1_800_000_000;

    fn secret(text: &str) -> ClientSecret {
        ClientSecret::new(text.to_owned())
    }

    fn route(proxy: &str) -> Route {
        Route {
            proxy: Some(proxy.to_owned()),
            ..Route::default()
        }
    }

    fn failure(route: Route, limited_until: Option<i64>) -> Failure {
        let error = TokenError::new(TokenErrorKind::Unavailable, "what", "hint");
        let error = match limited_until {
            Some(until) => error.with_rate_limit(until.into()),
            None => error,
        };
        Failure::new(route, error, NOW.into())
    }

    #[test]
    fn a_failure_is_shared_with_those_who_waited_and_would_send_the_same() {
        let failure = failure(route("a"), None);
        for (route, since, now, expected) in [
            (route("a"), -10, 10, true),
            (route("a"), 0, 0, true),
            (route("a"), 1, 10, false),
            (route("a"), -20, -1, false),
            (route("b"), -10, 10, false),
            (Route::default(), -10, 10, false),
        ] {
            let shared = failure.is_shared_with(&route, (NOW + since).into(), (NOW + now).into());
            assert_eq!(shared, expected, "{route:?} {since} {now}");
        }
    }

    #[test]
    fn only_failures_of_the_same_secret_are_read() {
        let bytes = add(b"", &failure(route("a"), None), &secret("one")).unwrap();
        let bytes = add(&bytes, &failure(route("a"), None), &secret("two")).unwrap();
        let bytes = add(&bytes, &failure(route("b"), None), &secret("one")).unwrap();
        for (text, expected) in [("one", 2), ("two", 1), ("three", 0)] {
            assert_eq!(
                parse(&bytes, &secret(text), NOW.into()).len(),
                expected,
                "{text}"
            );
        }
    }

    #[test]
    fn a_rate_limit_lasts_until_its_end_but_an_hour_at_most() {
        for (until, now, expected) in [
            (Some(60), 0, Some(60)),
            (Some(60), 59, Some(60)),
            (Some(60), 60, None),
            (Some(9999), 0, Some(3600)),
            (None, 0, None),
        ] {
            let failure = failure(Route::default(), until.map(|until| NOW + until));
            let expected = expected.map(|until| Timestamp::from(NOW + until));
            assert_eq!(
                failure.limit((NOW + now).into()),
                expected,
                "{until:?} {now}"
            );
            assert_eq!(
                failure.into_error().rate_limited_until().is_some(),
                until.is_some()
            );
        }
    }

    #[test]
    fn implausible_dates_are_not_read() {
        for (clock_set_back, limited_until, expected) in [
            (0, None, 1),
            (300, None, 1),
            (301, None, 0),
            (0, Some(3600), 1),
            (1, Some(3600), 0),
            (60, Some(3500), 1),
        ] {
            let failure = failure(Route::default(), limited_until.map(|until| NOW + until));
            let bytes = add(b"", &failure, &secret("s")).unwrap();
            let read = parse(&bytes, &secret("s"), Timestamp::from(NOW - clock_set_back));
            assert_eq!(read.len(), expected, "{clock_set_back} {limited_until:?}");
        }
    }

    #[test]
    fn a_flipped_bit_loses_one_failure_and_no_other() {
        let bytes = add(b"", &failure(route("a"), None), &secret("s")).unwrap();
        let both = add(&bytes, &failure(route("b"), None), &secret("s")).unwrap();
        for bit in 0..bytes.len() * 8 {
            let mut changed = both.clone();
            changed[bit / 8] ^= 1 << (bit % 8);
            let read = parse(&changed, &secret("s"), NOW.into());
            assert!(
                read.iter().all(|failure| failure.route == route("b")),
                "bit {bit}"
            );
        }
    }

    #[test]
    fn the_latest_failure_replaces_the_oldest() {
        let mut bytes = Vec::new();
        for number in 0..20 {
            bytes = add(
                &bytes,
                &failure(route(&number.to_string()), None),
                &secret("s"),
            )
            .unwrap();
        }
        let read = parse(&bytes, &secret("s"), NOW.into());
        let proxies: Vec<_> = read
            .into_iter()
            .filter_map(|failure| failure.route.proxy)
            .collect();
        assert_eq!(
            proxies,
            (12..20)
                .map(|number: i32| number.to_string())
                .collect::<Vec<_>>()
        );
        let again = add(&bytes, &failure(route("15"), None), &secret("s")).unwrap();
        assert_eq!(parse(&again, &secret("s"), NOW.into()).len(), MAX_FAILURES);
    }
}
