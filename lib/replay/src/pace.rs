//! How long to wait between two recorded lines. It knows stamps and factors and no clock.

/// The pause before a line, ms: the recorded one by `speed` (2 is twice as fast, 0 does not wait), at most `idle`.
#[must_use]
#[allow(clippy::cast_precision_loss, clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "pauses in ms")]
pub fn pause(before: Option<i64>, now: Option<i64>, speed: f64, idle: u64) -> u64 {
    let (Some(before), Some(now)) = (before, now) else { return 0 };
    if speed <= 0.0 || !speed.is_finite() {
        return 0;
    }
    // A clock that went back makes nobody wait.
    let recorded = now.saturating_sub(before).max(0) as f64;
    ((recorded / speed) as u64).min(idle)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pauses_are_recorded_ones_by_speed() {
        assert_eq!(pause(Some(1_000), Some(3_000), 1.0, 10_000), 2_000);
        assert_eq!(pause(Some(1_000), Some(3_000), 4.0, 10_000), 500);
        assert_eq!(pause(Some(1_000), Some(3_000), 0.5, 10_000), 4_000);
        assert_eq!(pause(Some(1_000), Some(3_000), 0.0, 10_000), 0);
        assert_eq!(pause(Some(1_000), Some(9_000_000), 1.0, 3_000), 3_000);
        assert_eq!(pause(Some(3_000), Some(1_000), 1.0, 3_000), 0);
        assert_eq!(pause(None, Some(1_000), 1.0, 3_000), 0);
        assert_eq!(pause(Some(i64::MIN), Some(i64::MAX), 1e-300, 3_000), 3_000);
        assert_eq!(pause(Some(0), Some(1), f64::NAN, 3_000), 0);
    }
}
