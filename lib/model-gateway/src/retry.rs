//! When to ask again, and how long to wait. Pure: the clock and the seed come in.

use std::time::{Duration, SystemTime};

use jiff::fmt::rfc2822;
use reqwest::header::{DATE, HeaderMap, HeaderName, RETRY_AFTER};

use crate::upstream::Chance;

/// Between doubling waits, an overloaded server gets this much more.
const OVERLOADED: u32 = 4;

/// What an answer says about another try.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Demand {
    /// How long to wait, uncapped.
    pub wait: Option<Duration>,
    /// `x-should-retry`, which outweighs the status.
    pub again: Option<bool>,
}

impl Demand {
    /// Reads `retry-after-ms`, `retry-after` (seconds, or a date, measured by the server's own clock if it tells it), and
    /// `x-should-retry`.
    pub fn read(headers: &HeaderMap) -> Self {
        let get = |name: HeaderName| headers.get(name).and_then(|v| v.to_str().ok()).map(str::trim);
        let again = get(HeaderName::from_static("x-should-retry")).and_then(|v| v.parse().ok());
        let ms = get(HeaderName::from_static("retry-after-ms")).and_then(|v| v.parse::<f64>().ok());
        let after = || {
            let text = get(RETRY_AFTER)?;
            text.parse::<f64>().ok().and_then(|s| duration(s * 1000.0)).or_else(|| {
                let now = get(DATE).and_then(seconds).or_else(local_seconds)?;
                Some(Duration::from_secs(u64::try_from(seconds(text)? - now).unwrap_or(0)))
            })
        };
        Self { wait: ms.and_then(duration).or_else(after), again }
    }
}

/// Absurd numbers become none (not finite, negative) or a very long time.
fn duration(ms: f64) -> Option<Duration> {
    #[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "clamped before")]
    (ms >= 0.0).then(|| Duration::from_millis(ms.min(1e15) as u64))
}

fn seconds(date: &str) -> Option<i64> {
    // A wrong weekday does not make a date less clear.
    rfc2822::DateTimeParser::new().relaxed_weekday(true).parse_timestamp(date).ok().map(|t| t.as_second())
}

fn local_seconds() -> Option<i64> {
    let since = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).ok()?;
    i64::try_from(since.as_secs()).ok()
}

/// Bounds of the waiting.
#[derive(Debug, Clone, Copy)]
pub struct Waits {
    /// First wait; it doubles.
    pub first: Duration,
    /// Longest of our own.
    pub longest: Duration,
    /// Longest that a server may demand.
    pub demanded: Duration,
}

/// The wait before try `next` (2 is the first repetition): what the server demands, within its bound, or doubling with up to a
/// quarter taken off, so that clients that fell together do not come back together.
pub fn wait(waits: Waits, chance: Chance, demand: Demand, next: u32, seed: u64) -> Duration {
    if let Some(wait) = demand.wait {
        return wait.min(waits.demanded);
    }
    let factor = if chance == Chance::Overloaded { OVERLOADED } else { 1 };
    let doubled = waits.first.saturating_mul(factor << next.saturating_sub(2).min(16));
    let full = doubled.min(waits.longest);
    full - full.mul_f64(0.25 * fraction(seed ^ u64::from(next)))
}

/// A number in 0..1 from a seed (splitmix64).
fn fraction(seed: u64) -> f64 {
    let mut z = seed.wrapping_add(0x9e37_79b9_7f4a_7c15);
    z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    f64::from(u32::try_from((z ^ (z >> 31)) >> 32).unwrap_or(0)) / (f64::from(u32::MAX) + 1.0)
}

#[cfg(test)]
mod tests {
    use super::*;
    use reqwest::header::HeaderValue;

    fn demand(rows: &[(&'static str, &'static str)]) -> Demand {
        let mut headers = HeaderMap::new();
        for (name, value) in rows {
            headers.insert(*name, HeaderValue::from_static(value));
        }
        Demand::read(&headers)
    }

    fn demanded(rows: &[(&'static str, &'static str)]) -> Option<u64> {
        demand(rows).wait.map(|w| u64::try_from(w.as_millis()).unwrap())
    }

    #[test]
    fn every_form_of_a_demand() {
        assert_eq!(demanded(&[]), None);
        assert_eq!(demanded(&[("retry-after", "3")]), Some(3000));
        assert_eq!(demanded(&[("retry-after", "0.5")]), Some(500));
        assert_eq!(demanded(&[("retry-after", " 0 ")]), Some(0));
        assert_eq!(demanded(&[("retry-after", "7"), ("retry-after-ms", "20")]), Some(20));
        let date = ("date", "Sun, 06 Nov 1994 08:49:30 GMT");
        assert_eq!(demanded(&[("retry-after", "Sun, 06 Nov 1994 08:49:37 GMT"), date]), Some(7000));
        assert_eq!(demanded(&[("retry-after", "Sun, 06 Nov 1994 08:49:20 GMT"), date]), Some(0));
        assert_eq!(demanded(&[("retry-after", "Sun, 06 Nov 1994 08:49:37 GMT")]), Some(0));
    }

    #[test]
    fn absurd_demands_are_bounded() {
        for absurd in ["-5", "NaN", "soon", ""] {
            assert_eq!(demanded(&[("retry-after", absurd)]), None, "{absurd}");
        }
        let waits = Waits {
            first: Duration::from_millis(500),
            longest: Duration::from_secs(8),
            demanded: Duration::from_secs(60),
        };
        for absurd in ["99999999999999999999999999", "inf", "86400", "Fri, 30 Dec 2999 23:59:59 GMT"] {
            let demand = demand(&[("retry-after", absurd)]);
            assert_eq!(wait(waits, Chance::Some, demand, 2, 0), Duration::from_secs(60), "{absurd}");
        }
    }

    #[test]
    fn a_server_may_say_whether_to_try_again() {
        assert_eq!(demand(&[("x-should-retry", "false")]).again, Some(false));
        assert_eq!(demand(&[("x-should-retry", "true")]).again, Some(true));
        assert_eq!(demand(&[("x-should-retry", "maybe")]).again, None);
    }

    #[test]
    fn waits_double_within_bounds_and_with_a_seed() {
        let waits = Waits {
            first: Duration::from_millis(500),
            longest: Duration::from_secs(8),
            demanded: Duration::from_secs(60),
        };
        let mut seen = std::collections::BTreeSet::new();
        for seed in 0..50 {
            for (next, full) in [(2, 500), (3, 1000), (4, 2000), (9, 8000), (u32::MAX, 8000)] {
                let got = wait(waits, Chance::Some, Demand::default(), next, seed);
                let full = Duration::from_millis(full);
                assert!(got <= full && got >= full.mul_f64(0.75), "{next} {got:?}");
                assert_eq!(got, wait(waits, Chance::Some, Demand::default(), next, seed));
                seen.insert(got);
            }
            let longer = wait(waits, Chance::Overloaded, Demand::default(), 2, seed);
            assert!(longer >= Duration::from_millis(1500) && longer <= Duration::from_secs(2));
        }
        assert!(seen.len() > 100, "the seed makes a difference");
    }
}
