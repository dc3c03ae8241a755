//! Which failures are retried, and when. Pure: the caller sleeps.

use std::time::Duration;

use crate::time::Timestamp;

/// The longest pause before the second attempt; it doubles with each attempt.
const FIRST_PAUSE: Duration = Duration::from_millis(500);

/// The longest pause, unless the service asks for more.
const LONGEST_PAUSE: Duration = Duration::from_secs(20);

/// An attempt that waited for the end of Retry-After must have this long to be answered.
const LEAST_ATTEMPT: Duration = Duration::from_secs(1);

/// Whether another attempt may succeed. A token request changes nothing, so it can be repeated (RFC 9110 §9.2.2).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Retry {
    /// It would fail in the same way.
    #[default]
    Never,
    /// The failure is transient.
    Soon,
    /// The failure is transient, and the service asks not to retry before then (Retry-After, RFC 9110 §10.2.3).
    After(Timestamp),
}

/// Returns the pause after attempt number `attempt` (from 1): exponential back-off with full jitter, `jitter` being
/// between 0 and 1, and at least what the service asks for. `None` if there should be no other attempt, because it would
/// fail in the same way or not be over within the time that is `left`.
pub fn pause(
    attempt: u32,
    retry: Retry,
    jitter: f64,
    now: Timestamp,
    left: Duration,
) -> Option<Duration> {
    let ceiling = FIRST_PAUSE
        .saturating_mul(2_u32.saturating_pow(attempt.saturating_sub(1)))
        .min(LONGEST_PAUSE);
    let back_off = ceiling.mul_f64(jitter);
    let (pause, least_attempt) = match retry {
        Retry::Never => return None,
        Retry::Soon => (back_off, Duration::ZERO),
        Retry::After(when) => (back_off.max(when.since(now)), LEAST_ATTEMPT),
    };
    (pause.saturating_add(least_attempt) < left).then_some(pause)
}

/// Whether another attempt may succeed after this status: a timeout, a rate limit, an outage, or Cloudflare's 520 to 524
/// and 530 for an origin that it cannot reach.
pub fn is_transient_status(status: u16) -> bool {
    matches!(status, 408 | 429 | 500 | 502..=504 | 520..=524 | 530)
}

/// Retry-After (RFC 9110 §10.2.3) of a response received at `now`: a date, or seconds, of which a fraction is rounded up.
pub fn retry_after(value: &str, now: Timestamp) -> Option<Timestamp> {
    let value = value.trim();
    let (whole, fraction) = value.split_once('.').unwrap_or((value, "0"));
    let is_number = |digits: &str| !digits.is_empty() && digits.bytes().all(|c| c.is_ascii_digit());
    if is_number(whole) && is_number(fraction) {
        let up = u64::from(fraction.bytes().any(|digit| digit != b'0'));
        let seconds = whole.parse::<u64>().unwrap_or(u64::MAX).saturating_add(up);
        return Some(now.plus(Duration::from_secs(seconds)));
    }
    httpdate::parse_http_date(value).ok().map(Timestamp::from)
}

#[cfg(test)]
mod tests {
    use super::*;

    const AN_HOUR: Duration = Duration::from_secs(3600);

    #[test]
    fn pauses_grow_and_are_jittered() {
        let ms = Duration::from_millis;
        for (attempt, jitter, expected) in [
            (1, 1.0, ms(500)),
            (1, 0.5, ms(250)),
            (1, 0.0, ms(0)),
            (2, 1.0, ms(1000)),
            (3, 1.0, ms(2000)),
            (6, 1.0, ms(16_000)),
            (7, 1.0, ms(20_000)),
            (99, 1.0, ms(20_000)),
        ] {
            let pause = pause(attempt, Retry::Soon, jitter, Timestamp::from(0), AN_HOUR);
            assert_eq!(pause, Some(expected), "{attempt} {jitter}");
        }
    }

    #[test]
    fn the_pause_is_at_least_what_the_service_asks_for() {
        let now = Timestamp::from(100);
        let pause = |retry, jitter| pause(1, retry, jitter, now, AN_HOUR);
        assert_eq!(pause(Retry::Never, 1.0), None);
        assert_eq!(
            pause(Retry::After(Timestamp::from(130)), 0.0),
            Some(Duration::from_secs(30))
        );
        assert_eq!(
            pause(Retry::After(Timestamp::from(90)), 1.0),
            Some(FIRST_PAUSE)
        );
    }

    #[test]
    fn an_attempt_after_retry_after_has_time_to_be_answered() {
        let ms = Duration::from_millis;
        let after_2_s = Retry::After(Timestamp::from(2));
        for (retry, left, expected) in [
            (Retry::Soon, ms(501), Some(ms(500))),
            (Retry::Soon, ms(500), None),
            (after_2_s, ms(3001), Some(ms(2000))),
            (after_2_s, ms(3000), None),
            (after_2_s, ms(0), None),
            (Retry::After(Timestamp::from(10_000_000_000)), AN_HOUR, None),
        ] {
            let pause = pause(1, retry, 1.0, Timestamp::from(0), left);
            assert_eq!(pause, expected, "{retry:?} {left:?}");
        }
    }

    #[test]
    fn retry_after_is_seconds_or_a_date() {
        let now = Timestamp::from(1_800_000_000);
        for (value, expected) in [
            ("0", Some(1_800_000_000)),
            (" 120 ", Some(1_800_000_120)),
            ("Fri, 15 Jan 2027 08:01:00 GMT", Some(1_800_000_060)),
            ("Friday, 15-Jan-27 08:01:00 GMT", Some(1_800_000_060)),
            ("", None),
            ("-1", None),
            ("1.5", Some(1_800_000_002)),
            ("292.00", Some(1_800_000_292)),
            ("0.001", Some(1_800_000_001)),
            (".5", None),
            ("5.", None),
            ("1.2.3", None),
            ("1e3", None),
            ("1,5", None),
            ("soon", None),
            ("Fri, 15 Jan 2027 08:01:00 CET", None),
        ] {
            assert_eq!(
                retry_after(value, now),
                expected.map(Timestamp::from),
                "{value:?}"
            );
        }
        assert!(
            retry_after("99999999999999999999999", now) > Some(now),
            "saturates"
        );
    }

    proptest::proptest! {
        #[test]
        fn no_retry_after_is_too_odd(value in ".{0,40}", now in -1_000_i64..5_000_000_000) {
            let _ = retry_after(&value, Timestamp::from(now));
        }

        #[test]
        fn seconds_count_from_the_answer(seconds in 0_u64.., now in 0_i64..5_000_000_000) {
            let now = Timestamp::from(now);
            let when = retry_after(&seconds.to_string(), now).unwrap();
            assert_eq!(when, now.plus(Duration::from_secs(seconds)));
        }

        #[test]
        fn a_date_is_what_it_says(when in 0_u64..253_402_300_799) {
            let time = std::time::UNIX_EPOCH + Duration::from_secs(when);
            let read = retry_after(&httpdate::fmt_http_date(time), Timestamp::from(0));
            assert_eq!(read, Some(Timestamp::from(time)));
        }

        #[test]
        fn a_pause_is_never_shorter_than_asked_for_and_never_too_long(
            attempt in proptest::num::u32::ANY, jitter in 0.0..=1.0, asked in 0_i64..100_000,
        ) {
            let now = Timestamp::from(1_000_000);
            let asked_until = Timestamp::from(1_000_000 + asked);
            let pause = |retry| pause(attempt, retry, jitter, now, 2_000 * AN_HOUR).unwrap();
            let (soon, after) = (pause(Retry::Soon), pause(Retry::After(asked_until)));
            assert!(soon <= LONGEST_PAUSE);
            assert_eq!(after, soon.max(asked_until.since(now)));
        }
    }
}
