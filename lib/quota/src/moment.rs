//! The time of a record as a number. It must never ask a clock.

/// Ms since 1970 of `2026-11-20T06:41:00.123Z`; `None` for any other shape.
#[must_use]
pub fn moment(ts: &str) -> Option<i64> {
    let b = ts.as_bytes();
    let shape =
        b.len() >= 20 && [(4, b'-'), (7, b'-'), (10, b'T'), (13, b':'), (16, b':')].iter().all(|(i, c)| b[*i] == *c);
    if !shape || !ts.ends_with('Z') || !ts.is_ascii() {
        return None;
    }
    let n = |from: usize, to: usize| ts.get(from..to)?.parse::<i64>().ok().filter(|n| *n >= 0);
    let (year, month, day) = (n(0, 4)?, n(5, 7)?, n(8, 10)?);
    let (hour, minute, second) = (n(11, 13)?, n(14, 16)?, n(17, 19)?);
    let ms = if b[19] == b'.' && b.len() >= 24 { n(20, 23)? } else { 0 };
    if !(1..=12).contains(&month) || !(1..=31).contains(&day) {
        return None;
    }
    // Days from a year that begins in March, so that the leap day is its last.
    let year = if month <= 2 { year - 1 } else { year };
    let (era, of_era) = (year.div_euclid(400), year.rem_euclid(400));
    let of_year = (153 * ((month + 9) % 12) + 2) / 5 + day - 1;
    let days = era * 146_097 + of_era * 365 + of_era / 4 - of_era / 100 + of_year - 719_468;
    Some((((days * 24 + hour) * 60 + minute) * 60 + second) * 1000 + ms)
}

#[cfg(test)]
mod tests {
    use super::moment;

    #[test]
    fn times_of_records() {
        assert_eq!(moment("1970-01-01T00:00:00.000Z"), Some(0));
        assert_eq!(moment("2026-11-20T06:41:00.123Z"), Some(1_795_156_860_123));
        assert_eq!(moment("2024-02-29T12:00:00Z"), Some(1_709_208_000_000));
        for odd in ["", "2026-11-20", "2026-13-20T06:41:00.123Z", "2026-11-20T06:41:00.123+01:00", "üüüü-üü-üüTüü:üü:ü"]
        {
            assert_eq!(moment(odd), None, "{odd}");
        }
    }
}
