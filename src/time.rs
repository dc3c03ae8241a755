//! Points in time: `Timestamp` on the system's clock, `Deadline` on the monotonic clock.
//!
//! Only `command` reads the system's clock and passes the time down, so that everything below can be tested.

use std::fmt;
use std::io;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use serde::{Deserialize, Serialize};

/// Milliseconds since the Unix epoch.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Timestamp(i64);

/// The last second that RFC 3339 can write with its four digits for the year.
const END_OF_9999: i64 = 253_402_300_799;

/// A century. How far beyond now an `Instant` can be depends on the platform.
const LONGEST_TIMEOUT: Duration = Duration::from_secs(100 * 365 * 24 * 60 * 60);

/// Reads the system's clock when called. `command` passes it down.
pub type Clock = fn() -> Timestamp;

impl Timestamp {
    /// The current time by the system's clock.
    #[expect(
        clippy::disallowed_methods,
        reason = "the one reader of the system's clock"
    )]
    pub fn now() -> Self {
        let since_epoch = SystemTime::now().duration_since(UNIX_EPOCH);
        Self(since_epoch.map_or(0, |d| i64::try_from(d.as_millis()).unwrap_or(i64::MAX)))
    }

    /// A JWT's `NumericDate` (RFC 7519 §2).
    #[cfg(feature = "server")]
    pub fn unix_seconds(self) -> i64 {
        self.0.div_euclid(1000)
    }

    /// This time and `duration` more. Saturates.
    pub fn plus(self, duration: Duration) -> Self {
        let millis = i64::try_from(duration.as_millis()).unwrap_or(i64::MAX);
        Self(self.0.saturating_add(millis))
    }

    /// The time from `earlier` to this one; zero if `earlier` is later.
    pub fn since(self, earlier: Self) -> Duration {
        Duration::from_millis(u64::try_from(self.0.saturating_sub(earlier.0)).unwrap_or(0))
    }
}

impl From<SystemTime> for Timestamp {
    fn from(time: SystemTime) -> Self {
        let since_epoch = time.duration_since(UNIX_EPOCH).unwrap_or_default();
        Self(0).plus(since_epoch)
    }
}

/// RFC 3339 in whole seconds and UTC.
impl fmt::Display for Timestamp {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let seconds = self.0.div_euclid(1000).clamp(0, END_OF_9999).unsigned_abs();
        humantime::format_rfc3339_seconds(UNIX_EPOCH + Duration::from_secs(seconds)).fmt(f)
    }
}

/// When everything must have ended. Changes of the system's clock do not move it.
#[derive(Clone, Copy, Debug)]
pub struct Deadline(Instant);

impl Deadline {
    /// `timeout` from now.
    pub fn after(timeout: Duration) -> Self {
        Self(Instant::now() + timeout.min(LONGEST_TIMEOUT))
    }

    /// The time that remains; zero once it has passed.
    pub fn remaining(self) -> Duration {
        self.0.saturating_duration_since(Instant::now())
    }

    /// The time that remains, for an I/O operation.
    ///
    /// # Errors
    /// `TimedOut` once it has passed.
    pub fn time_left(self) -> io::Result<Duration> {
        match self.remaining() {
            Duration::ZERO => Err(io::ErrorKind::TimedOut.into()),
            left => Ok(left),
        }
    }

    /// The earlier of this and `share` from now.
    pub fn at_most(self, share: Duration) -> Self {
        Self(self.0.min(Self::after(share).0))
    }
}

#[cfg(test)]
impl From<i64> for Timestamp {
    /// From seconds, for tables in tests.
    fn from(seconds: i64) -> Self {
        Self(seconds * 1000)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn shown_as_rfc_3339_in_whole_seconds() {
        for (seconds, shown) in [
            (0, "1970-01-01T00:00:00Z"),
            (1_800_000_000, "2027-01-15T08:00:00Z"),
            (-5, "1970-01-01T00:00:00Z"),
            (i64::MAX / 1000, "9999-12-31T23:59:59Z"),
        ] {
            assert_eq!(Timestamp::from(seconds).to_string(), shown);
        }
    }

    #[test]
    fn arithmetic_saturates() {
        let late = Timestamp(i64::MAX - 1);
        assert_eq!(late.plus(Duration::MAX), Timestamp(i64::MAX));
        assert_eq!(Timestamp(0).since(late), Duration::ZERO);
        assert_eq!(
            Timestamp::from(5).since(Timestamp::from(2)),
            Duration::from_secs(3)
        );
    }

    #[test]
    fn a_deadline_is_its_timeout_away_or_a_century() {
        let (second, year) = (
            Duration::from_secs(1),
            Duration::from_secs(365 * 24 * 60 * 60),
        );
        let far = Deadline::after(Duration::MAX).remaining();
        assert!(far > 99 * year && far <= 100 * year, "{far:?}");
        let deadline = Deadline::after(60 * second);
        for (left, at_most) in [
            (deadline, 60 * second),
            (deadline.at_most(20 * second), 20 * second),
            (deadline.at_most(90 * second), 60 * second),
        ] {
            assert!(left.remaining() <= at_most && left.remaining() + 10 * second > at_most);
        }
        assert_eq!(Deadline::after(Duration::ZERO).remaining(), Duration::ZERO);
    }
}
