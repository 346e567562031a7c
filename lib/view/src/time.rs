//! The log's UTC stamps as moments and as local time. It must never ask what time it is: zone and present are handed in.

use jiff::{Timestamp, tz::TimeZone};

/// A stamp of the log as ms since 1970; `None` for anything else (drafts have none).
#[must_use]
pub fn moment(ts: &str) -> Option<i64> {
    ts.parse::<Timestamp>().ok().map(Timestamp::as_millisecond)
}

/// How many ms lie between two moments; 0 if the clock went back.
#[must_use]
pub fn between(from: i64, to: i64) -> u64 {
    u64::try_from(to.saturating_sub(from)).unwrap_or(0)
}

fn format(ts: &str, zone: &TimeZone, form: &str) -> String {
    ts.parse::<Timestamp>().map_or_else(|_| "-".to_owned(), |t| t.to_zoned(zone.clone()).strftime(form).to_string())
}

/// `06:41:02.104`, local.
#[must_use]
pub fn clock(ts: &str, zone: &TimeZone) -> String {
    format(ts, zone, "%H:%M:%S.%3f")
}

/// `2026-11-20 06:41`, local.
#[must_use]
pub fn day_and_minute(ts: &str, zone: &TimeZone) -> String {
    format(ts, zone, "%Y-%m-%d %H:%M")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn stamps_become_local_time() {
        let ts = "2026-11-20T06:41:02.104Z";
        let zone = TimeZone::fixed(jiff::tz::offset(1));
        assert_eq!(moment(ts), Some(1_795_156_862_104));
        assert_eq!(clock(ts, &zone), "07:41:02.104");
        assert_eq!(day_and_minute(ts, &TimeZone::UTC), "2026-11-20 06:41");
        assert_eq!((moment("soon"), clock("soon", &zone)), (None, "-".to_owned()));
        assert_eq!(between(5, 3), 0);
    }
}
