//! The time that a record is stamped with. It must never order anything: that is what `seq` is for.

use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::{SystemTime, UNIX_EPOCH};

/// Where `ts` comes from.
#[derive(Debug, Clone)]
pub enum Clock {
    /// The system's UTC clock, steps and all.
    System,
    /// A repeatable one: shared by its clones, each reading moves it on.
    Fixed {
        /// The next reading, ms since 1970 (UTC).
        next: Arc<AtomicI64>,
        /// Moved on by so many ms a reading (may be negative).
        step: i64,
    },
}

impl Clock {
    /// A clock that reads `start`, `start + step`, … (ms).
    #[must_use]
    pub fn fixed(start: i64, step: i64) -> Self {
        Self::Fixed { next: Arc::new(AtomicI64::new(start)), step }
    }

    /// Ms since 1970 (UTC).
    #[must_use]
    pub fn now(&self) -> i64 {
        match self {
            Self::System => match SystemTime::now().duration_since(UNIX_EPOCH) {
                Ok(since) => i64::try_from(since.as_millis()).unwrap_or(i64::MAX),
                Err(before) => -i64::try_from(before.duration().as_millis()).unwrap_or(i64::MAX),
            },
            Self::Fixed { next, step } => next.fetch_add(*step, Ordering::Relaxed),
        }
    }
}

/// `2026-11-20T06:41:00.123Z`. Times that RFC 3339 cannot write (before year 0, after 9999) become 1970.
#[must_use]
pub fn stamp(ms: i64) -> String {
    const YEAR_0: i64 = -62_167_219_200_000;
    let time = if ms < YEAR_0 { None } else { jiff::Timestamp::from_millisecond(ms).ok() };
    format!("{:.3}", time.unwrap_or(jiff::Timestamp::UNIX_EPOCH))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn stamps_have_ms_and_one_shape() {
        assert_eq!(stamp(1_795_156_860_123), "2026-11-20T06:41:00.123Z");
        assert_eq!(stamp(0), "1970-01-01T00:00:00.000Z");
        assert_eq!(stamp(-1), "1969-12-31T23:59:59.999Z");
        assert_eq!(stamp(i64::MAX).len(), 24);
        assert_eq!(stamp(i64::MIN).len(), 24);
        assert_eq!(stamp(-62_167_219_200_001).len(), 24);
    }

    #[test]
    fn a_fixed_clock_is_shared_by_its_clones() {
        let clock = Clock::fixed(100, -5);
        let other = clock.clone();
        assert_eq!((clock.now(), other.now(), clock.now()), (100, 95, 90));
    }
}
