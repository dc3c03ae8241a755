//! A token as a successful response (RFC 6749 §5.1) described it, and how long it remains valid.

use std::time::Duration;

use serde_json::{Map, Value};

use crate::secret::AccessToken;
use crate::time::Timestamp;

/// An access token and the other members of the response.
#[derive(Clone, Debug)]
pub struct Token {
    /// The token.
    pub access_token: AccessToken,
    /// The members of the response in their order. `access_token` keeps its place, with a null value.
    pub members: Map<String, Value>,
    /// Just before the request was sent.
    pub obtained_at: Timestamp,
    /// When it expires; `None` if the server did not say.
    pub expires_at: Option<Timestamp>,
}

/// The least remaining lifetime of a token that is used.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum MinTtl {
    /// Five minutes or a tenth of its lifetime, the smaller. A shorter one is used if renewal fails.
    Default,
    /// This long, even if renewal fails.
    AtLeast(Duration),
}

const DEFAULT_MARGIN: Duration = Duration::from_secs(5 * 60);

/// How long a token is reused whose whole lifetime is no longer than the minimum.
const SHORT_LIFE_REUSE: Duration = Duration::from_secs(60);

/// Whether a token can be used.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Freshness {
    /// It remains valid for long enough.
    Fresh,
    /// It is valid, but not for long enough.
    ExpiresSoon,
    /// It has expired.
    Expired,
    /// Its lifetime is not known.
    Unknown,
}

impl Token {
    /// The remaining lifetime, at most the whole lifetime; `None` if unknown.
    pub fn remaining(&self, now: Timestamp) -> Option<Duration> {
        // A clock that was set back must not extend it.
        self.expires_at
            .map(|expires_at| expires_at.since(now.max(self.obtained_at)))
    }

    /// Whether it can be used.
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

    /// Whether a new token would be too short-lived as well. When a token arrives, a part of
    /// its lifetime has passed.
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
    fn a_clock_that_is_set_back_does_not_extend_a_lifetime() {
        let remaining = token(Some(60)).remaining(Timestamp::from(0));
        assert_eq!(remaining, Some(Duration::from_secs(60)));
    }

    #[test]
    fn a_lifetime_up_to_the_minimum_falls_short() {
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
