//! A token in memory: what a successful response (RFC 6749 §5.1) said, and when.

use std::time::Duration;

use serde_json::{Map, Value};

use crate::secret::AccessToken;
use crate::time::Timestamp;

/// An access token and everything the server said with it.
#[derive(Clone, Debug)]
pub struct Token {
    /// The token itself.
    pub access_token: AccessToken,
    /// The members of the response in their order; `access_token` keeps its place, without its value.
    pub members: Map<String, Value>,
    /// The moment before the request was sent.
    pub obtained_at: Timestamp,
    /// When it stops being accepted; `None` if the server did not say.
    pub expires_at: Option<Timestamp>,
}

/// How long a token must still live to be good enough.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum MinTtl {
    /// Five minutes or a tenth of its lifetime, the smaller; less will do where no more can be had.
    Default,
    /// This long; a choice that is never softened.
    AtLeast(Duration),
}

const DEFAULT_MARGIN: Duration = Duration::from_secs(5 * 60);

/// A token whose whole life is no longer than asked for is used again for this long.
const SHORT_LIFE_REUSE: Duration = Duration::from_secs(60);

/// What a token is good for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Freshness {
    /// It lives long enough.
    Fresh,
    /// It lives, but not long enough.
    ExpiresSoon,
    /// It is over.
    Expired,
    /// The server did not say how long it lives.
    Unknown,
}

impl Token {
    /// How long it is still accepted, never longer than its whole life; `None` if unknown.
    pub fn remaining(&self, now: Timestamp) -> Option<Duration> {
        // A clock that was set back must not lend it time.
        self.expires_at
            .map(|expires_at| expires_at.since(now.max(self.obtained_at)))
    }

    /// What it is good for.
    pub fn freshness(&self, min_ttl: MinTtl, now: Timestamp) -> Freshness {
        let (Some(remaining), Some(lifetime)) = (self.remaining(now), self.lifetime()) else {
            return Freshness::Unknown;
        };
        let is_enough = match min_ttl {
            MinTtl::Default => remaining >= DEFAULT_MARGIN.min(lifetime / 10),
            MinTtl::AtLeast(least) => {
                remaining >= least
                    || (lifetime <= least && now.since(self.obtained_at) < SHORT_LIFE_REUSE)
            }
        };
        match (remaining, is_enough) {
            (Duration::ZERO, _) => Freshness::Expired,
            (_, true) => Freshness::Fresh,
            (_, false) => Freshness::ExpiresSoon,
        }
    }

    /// Whether even a new one would not live as long as asked for: by the time it is here, none lives for its whole life.
    pub fn falls_short(&self, min_ttl: MinTtl) -> bool {
        match (min_ttl, self.lifetime()) {
            (MinTtl::AtLeast(least), Some(lifetime)) => lifetime <= least,
            _ => false,
        }
    }

    fn lifetime(&self) -> Option<Duration> {
        self.expires_at
            .map(|expires_at| expires_at.since(self.obtained_at))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn token(lifetime: Option<i64>) -> Token {
        Token {
            access_token: AccessToken::parse("t").unwrap(),
            members: Map::new(),
            obtained_at: 1000.into(),
            expires_at: lifetime.map(|lifetime| Timestamp::from(1000 + lifetime)),
        }
    }

    #[test]
    fn freshness_follows_the_time_that_is_left() {
        use Freshness::{Expired, ExpiresSoon, Fresh, Unknown};
        let at_least = |seconds| MinTtl::AtLeast(Duration::from_secs(seconds));
        for (lifetime, min_ttl, age, expected) in [
            (Some(3600), MinTtl::Default, 0, Fresh),
            (Some(3600), MinTtl::Default, 3300, Fresh),
            (Some(3600), MinTtl::Default, 3301, ExpiresSoon),
            (Some(3600), MinTtl::Default, 3600, Expired),
            (Some(3600), MinTtl::Default, 9999, Expired),
            (Some(100), MinTtl::Default, 90, Fresh),
            (Some(100), MinTtl::Default, 91, ExpiresSoon),
            (Some(0), MinTtl::Default, 0, Expired),
            (None, MinTtl::Default, 0, Unknown),
            (Some(3600), at_least(600), 3000, Fresh),
            (Some(3600), at_least(600), 3001, ExpiresSoon),
            (Some(3600), at_least(0), 3599, Fresh),
            (Some(3600), at_least(0), 3600, Expired),
            (Some(3600), at_least(3600), 59, Fresh),
            (Some(3600), at_least(3600), 60, ExpiresSoon),
            (Some(3600), at_least(3599), 2, ExpiresSoon),
            (Some(3600), at_least(7200), 59, Fresh),
            (Some(3600), at_least(7200), 60, ExpiresSoon),
            (Some(30), at_least(7200), 30, Expired),
            (Some(3600), MinTtl::Default, -200, Fresh),
        ] {
            let freshness = token(lifetime).freshness(min_ttl, Timestamp::from(1000 + age));
            assert_eq!(freshness, expected, "{lifetime:?} {min_ttl:?} {age}");
        }
    }

    #[test]
    fn a_clock_set_back_lends_no_time() {
        let remaining = token(Some(60)).remaining(Timestamp::from(0));
        assert_eq!(remaining, Some(Duration::from_secs(60)));
    }

    #[test]
    fn a_life_shorter_than_asked_for_falls_short() {
        for (lifetime, least, expected) in [
            (Some(3600), Some(3601), true),
            (Some(3600), Some(3600), true),
            (Some(3600), Some(3599), false),
            (Some(3600), Some(1), false),
            (None, Some(3600), false),
            (Some(1), None, false),
        ] {
            let least = least.map_or(MinTtl::Default, |least| {
                MinTtl::AtLeast(Duration::from_secs(least))
            });
            assert_eq!(
                token(lifetime).falls_short(least),
                expected,
                "{lifetime:?} {least:?}"
            );
        }
    }
}
