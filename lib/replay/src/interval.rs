//! How sure a pass rate is. Wilson's score interval (E. B. Wilson, 1927): it stays between 0 and 1 and says something even of few
//! runs, where the usual one claims certainty.

/// A pass rate with its interval at 95 %, each from 0 to 1.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Interval {
    /// Passed runs by all runs; 0 without any.
    pub rate: f64,
    /// The lower end.
    pub low: f64,
    /// The upper end.
    pub high: f64,
}

/// The quantile of the normal distribution for 95 %.
const Z: f64 = 1.959_963_984_540_054;

/// The interval of `passed` out of `runs`.
#[must_use]
#[allow(clippy::cast_precision_loss, reason = "runs are few")]
pub fn wilson(passed: u64, runs: u64) -> Interval {
    if runs == 0 {
        return Interval { rate: 0.0, low: 0.0, high: 1.0 };
    }
    let (n, p) = (runs as f64, passed.min(runs) as f64 / runs as f64);
    let scale = 1.0 + Z * Z / n;
    let center = (p + Z * Z / (2.0 * n)) / scale;
    let half = Z * (p * (1.0 - p) / n + Z * Z / (4.0 * n * n)).sqrt() / scale;
    // Exact where rounding would leave a trace of the other end.
    let low = if passed == 0 { 0.0 } else { (center - half).max(0.0) };
    let high = if passed >= runs { 1.0 } else { (center + half).min(1.0) };
    Interval { rate: p, low, high }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Ends in tenths of a percent.
    fn ends(passed: u64, runs: u64) -> (i64, i64) {
        let interval = wilson(passed, runs);
        #[allow(clippy::cast_possible_truncation, reason = "a share")]
        ((interval.low * 1000.0).round() as i64, (interval.high * 1000.0).round() as i64)
    }

    #[test]
    fn known_intervals() {
        // Values as published tables have them.
        assert_eq!(ends(8, 10), (490, 943));
        assert_eq!(ends(0, 10), (0, 278));
        assert_eq!(ends(10, 10), (722, 1000));
        assert_eq!(ends(50, 100), (404, 596));
        assert_eq!(ends(1, 1), (207, 1000));
    }

    #[test]
    fn nothing_is_known_without_runs_and_more_runs_say_more() {
        assert_eq!(ends(0, 0), (0, 1000));
        for n in 1..200 {
            let (few, many) = (wilson(n, 2 * n), wilson(2 * n, 4 * n));
            assert!(few.low <= 0.5 && 0.5 <= few.high && many.high - many.low < few.high - few.low);
        }
    }
}
