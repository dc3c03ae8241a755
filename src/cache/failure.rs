//! What failed, for those who waited for it; and until when the service limits an identity. Pure.

use std::path::{self, Path};
use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::entry::CLOCK_TOLERANCE;
use super::fingerprint::Fingerprint;
use crate::http::Proxy;
use crate::oauth::TokenError;
use crate::secret::ClientSecret;
use crate::time::Timestamp;

const VERSION: u32 = 1;

/// A limit is not remembered for longer, whatever the service says.
pub const LONGEST_LIMIT: Duration = Duration::from_secs(60 * 60);

/// How many failures are kept, of other secrets and ways among them.
const MOST_FAILURES: usize = 8;

/// How a request travels: what is refused on one way may pass on another.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Route {
    proxy: Option<String>,
    /// The certificates trusted besides the system's.
    ca_cert: Option<String>,
}

impl Route {
    /// The way through this proxy, with these certificates trusted besides the system's.
    pub fn new(proxy: Option<&Proxy>, ca_cert: Option<&Path>) -> Self {
        // The same file may be named from different folders.
        let whole = |path: &Path| path::absolute(path).unwrap_or_else(|_| path.to_owned());
        Self {
            proxy: proxy.map(ToString::to_string),
            ca_cert: ca_cert.map(|path| whole(path).display().to_string()),
        }
    }
}

/// An answer of the service that was no token.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Failure {
    /// Of the secret that was sent.
    pub fingerprint: Fingerprint,
    /// The way it went.
    pub route: Route,
    /// When the answer came.
    pub failed_at: Timestamp,
    /// The answer, in words.
    pub error: TokenError,
    /// Until when the service asks to be left alone.
    pub limited_until: Option<Timestamp>,
}

impl Failure {
    /// The answer to `route` and the secret of `fingerprint`, at `now`.
    pub fn new(fingerprint: Fingerprint, route: Route, error: TokenError, now: Timestamp) -> Self {
        let limited_until = error
            .limited_until()
            .map(|until| until.min(now.plus(LONGEST_LIMIT)));
        Self {
            fingerprint,
            route,
            failed_at: now,
            error,
            limited_until,
        }
    }

    /// Whether who sends `secret` by `route` would have got the same answer.
    pub fn concerns(&self, secret: &ClientSecret, route: &Route) -> bool {
        self.route == *route && self.fingerprint.matches(secret)
    }

    /// Whether the answer came while who began then was waiting; both in the same millisecond
    /// counts. A date that is still to come was noted by a clock that has been set back since.
    pub fn came_between(&self, began: Timestamp, now: Timestamp) -> bool {
        (began..=now).contains(&self.failed_at)
    }

    /// The end of the limit on `secret`, if it is still to come.
    pub fn limit(&self, secret: &ClientSecret, now: Timestamp) -> Option<Timestamp> {
        self.limited_until
            .filter(|until| *until > now && self.fingerprint.matches(secret))
    }
}

#[derive(Serialize, Deserialize)]
struct Stored {
    version: u32,
    /// The latest last.
    failures: Vec<Failure>,
}

/// Reads the bytes of the file.
///
/// # Errors
/// Why it cannot be trusted.
pub fn parse(bytes: &[u8], now: Timestamp) -> Result<Vec<Failure>, &'static str> {
    let unknown = "it is not an outcome of this version";
    let stored: Stored = serde_json::from_slice(bytes).map_err(|_| unknown)?;
    if stored.version != VERSION {
        return Err(unknown);
    }
    let is_believable = |failure: &Failure| {
        let limit = failure.limited_until.unwrap_or(now);
        failure.failed_at <= now.plus(CLOCK_TOLERANCE) && limit <= now.plus(LONGEST_LIMIT)
    };
    match stored.failures.iter().all(is_believable) {
        true => Ok(stored.failures),
        false => Err("its dates cannot be right"),
    }
}

/// The bytes of the file.
pub fn to_bytes(failures: &[Failure]) -> Vec<u8> {
    let stored = Stored {
        version: VERSION,
        failures: failures.to_vec(),
    };
    serde_json::to_vec(&stored).unwrap_or_default()
}

/// `failures` with the latest at the end, in the place of the oldest if there are too many.
pub fn with(mut failures: Vec<Failure>, latest: Failure) -> Vec<Failure> {
    let surplus = (failures.len() + 1).saturating_sub(MOST_FAILURES);
    failures.drain(..surplus);
    failures.push(latest);
    failures
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::oauth::TokenErrorKind;

    const NOW: i64 = 1_800_000_000;

    fn secret(text: &str) -> ClientSecret {
        ClientSecret::new(text.to_owned())
    }

    fn failure(limited_until: Option<i64>) -> Failure {
        Failure {
            fingerprint: Fingerprint::of(&secret("one")).unwrap(),
            route: Route::default(),
            failed_at: NOW.into(),
            error: TokenError::new(TokenErrorKind::Unavailable, "what", "hint"),
            limited_until: limited_until.map(Timestamp::from),
        }
    }

    #[test]
    fn a_failure_concerns_the_same_secret_on_the_same_way() {
        let proxy = Proxy::parse(("http://user:hush@proxy.invalid", "--proxy")).unwrap();
        let routes = [
            Route::default(),
            Route::new(Some(&proxy), None),
            Route::new(None, Some(Path::new("ca.pem"))),
        ];
        for mine in &routes {
            let failure = Failure {
                route: mine.clone(),
                ..failure(None)
            };
            for theirs in &routes {
                assert_eq!(failure.concerns(&secret("one"), theirs), mine == theirs);
                assert!(!failure.concerns(&secret("two"), theirs));
            }
        }
        let kept = String::from_utf8(to_bytes(&[Failure {
            route: routes[1].clone(),
            ..failure(None)
        }]));
        assert!(!kept.unwrap().contains("hush"));
    }

    #[test]
    fn a_limit_holds_for_its_secret_until_it_ends() {
        let limit =
            |failure: &Failure, text, now| failure.limit(&secret(text), Timestamp::from(now));
        let limited = failure(Some(NOW + 60));
        assert_eq!(limit(&limited, "one", NOW), Some((NOW + 60).into()));
        assert_eq!(limit(&limited, "one", NOW + 59), Some((NOW + 60).into()));
        assert_eq!(limit(&limited, "one", NOW + 60), None);
        assert_eq!(limit(&limited, "two", NOW), None);
        assert_eq!(limit(&failure(None), "one", NOW), None);
    }

    #[test]
    fn bytes_are_believed_if_they_can_be_right() {
        let an_hour = 60 * 60;
        for (until, is_believed) in [
            (None, true),
            (Some(NOW - 1), true),
            (Some(NOW + an_hour), true),
            (Some(NOW + an_hour + 1), false),
        ] {
            let bytes = to_bytes(&[failure(None), failure(until)]);
            let read = parse(&bytes, NOW.into());
            assert_eq!(
                read.ok().map(|read| read.len()),
                is_believed.then_some(2),
                "{until:?}"
            );
        }
        let good = String::from_utf8(to_bytes(&[failure(None)])).unwrap();
        let other = good.replace("\"version\":1", "\"version\":2");
        assert!(parse(other.as_bytes(), NOW.into()).is_err());
        assert!(parse(b"", NOW.into()).is_err());
    }

    #[test]
    fn the_latest_stays_and_the_oldest_goes() {
        let mut failures = Vec::new();
        for n in 0..20 {
            let latest = Failure {
                failed_at: Timestamp::from(NOW + n),
                ..failure(None)
            };
            failures = with(failures, latest);
            assert_eq!(
                failures.len(),
                usize::try_from(n + 1).unwrap().min(MOST_FAILURES)
            );
            assert_eq!(failures.last().unwrap().failed_at, Timestamp::from(NOW + n));
        }
        assert_eq!(failures[0].failed_at, Timestamp::from(NOW + 12));
    }

    #[test]
    fn an_answer_is_for_those_who_waited_when_it_came() {
        let fingerprint = Fingerprint::of(&ClientSecret::new("s".to_owned())).unwrap();
        let error = TokenError::new(TokenErrorKind::Refused, "", "");
        let failure = Failure::new(fingerprint, Route::default(), error, Timestamp::from(100));
        for (began, now, expected) in [
            (90, 110, true),
            (100, 100, true),
            (101, 110, false),
            (80, 99, false),
            (120, 90, false),
        ] {
            let came_between = failure.came_between(began.into(), now.into());
            assert_eq!(came_between, expected, "{began} {now}");
        }
    }
}
