//! Numbers for people: durations, bytes, tokens, money, shares, counts, ages. It must never know what they measure.

/// So many ms as `0 ms`, `812 ms`, `6.2 s`, `2m05s`, `1h12m`, `3d`.
#[must_use]
pub fn duration(ms: u64) -> String {
    let tenths = ms.saturating_add(50) / 100;
    match ms {
        0..=999 => format!("{ms} ms"),
        1000..=59_949 => format!("{}.{} s", tenths / 10, tenths % 10),
        _ => long(tenths / 10),
    }
}

/// The same in whole seconds, for what is still counting: `3 s`, `2m05s`.
#[must_use]
pub fn seconds(ms: u64) -> String {
    let s = ms / 1000;
    if s < 60 { format!("{s} s") } else { long(s) }
}

fn long(s: u64) -> String {
    match s {
        0..=3599 => format!("{}m{:02}s", s / 60, s % 60),
        3600..=86_399 => format!("{}h{:02}m", s / 3600, s % 3600 / 60),
        _ => format!("{}d", count(s / 86_400)),
    }
}

/// How long ago, ms: `40s`, `2m`, `3h`, `2d`.
#[must_use]
pub fn age(ms: u64) -> String {
    let s = ms / 1000;
    match s {
        0..=59 => format!("{s}s"),
        60..=3599 => format!("{}m", s / 60),
        3600..=86_399 => format!("{}h", s / 3600),
        _ => format!("{}d", count(s / 86_400)),
    }
}

/// So many bytes as `96 B`, `2.1 KiB`, `1.4 MiB`, `212 MiB`.
#[must_use]
pub fn bytes(n: u64) -> String {
    if n < 1024 {
        return format!("{n} B");
    }
    let mut unit = 0;
    let mut size = n as f64 / 1024.0;
    // 1023.5 would be drawn as 1024.
    while size >= 1023.5 && unit < 5 {
        size /= 1024.0;
        unit += 1;
    }
    let name = ["KiB", "MiB", "GiB", "TiB", "PiB", "EiB"][unit];
    let tenths = (size * 10.0).round() as u64;
    if tenths >= 1000 || tenths.is_multiple_of(10) {
        format!("{} {name}", size.round() as u64)
    } else {
        format!("{}.{} {name}", tenths / 10, tenths % 10)
    }
}

/// So many tokens as `412`, `18.4k`, `1.2M`.
#[must_use]
pub fn tokens(n: u64) -> String {
    match n {
        0..=999 => n.to_string(),
        1000..=999_949 => tenth(n, 1000, "k"),
        _ => tenth(n, 1_000_000, "M"),
    }
}

fn tenth(n: u64, unit: u64, name: &str) -> String {
    let tenths = n.saturating_add(unit / 20) / (unit / 10);
    format!("{}.{}{name}", count(tenths / 10), tenths % 10)
}

/// Micro-dollars as `$0.0231`: four decimals, above $100 two, `<$0.0001` for what is less and not nothing.
#[must_use]
pub fn money(micro: u64) -> String {
    match micro {
        1..=99 => "<$0.0001".to_owned(),
        0..=100_000_000 => {
            let units = (micro + 50) / 100;
            format!("${}.{:04}", units / 10_000, units % 10_000)
        }
        _ => {
            let cents = micro.saturating_add(5_000) / 10_000;
            format!("${}.{:02}", count(cents / 100), cents % 100)
        }
    }
}

/// A cost that may be unknown: `unpriced`, never a guess.
#[must_use]
pub fn cost(micro: Option<u64>) -> String {
    micro.map_or_else(|| "unpriced".to_owned(), money)
}

/// A limit in micro-dollars, as its owner wrote it: `$0.025`, `$1.00`.
#[must_use]
pub fn limit(micro: u64) -> String {
    let digits = format!("{:06}", micro % 1_000_000);
    let short = digits.trim_end_matches('0');
    format!("${}.{:0<2}", count(micro / 1_000_000), short)
}

/// A share in whole percent: `82 %`. Rounded, but 100 means all and 0 means nothing.
#[must_use]
pub fn percent(part: u64, whole: u64) -> String {
    let (part, whole) = (u128::from(part), u128::from(whole));
    let share = match (part * 200 + whole).checked_div(whole * 2).unwrap_or(0) {
        100 if part < whole => 99,
        0 if part > 0 && whole > 0 => 1,
        share => share,
    };
    format!("{share} %")
}

/// A count, with commas from 10,000.
#[must_use]
pub fn count(n: u64) -> String {
    let digits = n.to_string();
    if n < 10_000 {
        return digits;
    }
    let mut out = String::new();
    for (i, d) in digits.chars().enumerate() {
        if i > 0 && (digits.len() - i).is_multiple_of(3) {
            out.push(',');
        }
        out.push(d);
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    fn table(unit: fn(u64) -> String, rows: &[(u64, &str)]) {
        for (n, want) in rows {
            assert_eq!(unit(*n), *want, "{n}");
        }
    }

    #[test]
    fn durations() {
        let day = 86_400_000;
        table(
            duration,
            &[
                (0, "0 ms"),
                (812, "812 ms"),
                (999, "999 ms"),
                (1000, "1.0 s"),
                (6_249, "6.2 s"),
                (59_949, "59.9 s"),
                (59_950, "1m00s"),
                (60_000, "1m00s"),
                (125_400, "2m05s"),
                (3_599_900, "59m59s"),
                (4_320_000, "1h12m"),
                (day - 100, "23h59m"),
                (3 * day, "3d"),
                (u64::MAX, "213,503,982,334d"),
            ],
        );
        table(seconds, &[(0, "0 s"), (3_999, "3 s"), (59_999, "59 s"), (125_000, "2m05s")]);
        table(age, &[(900, "0s"), (40_000, "40s"), (125_000, "2m"), (3_600_000, "1h"), (2 * day, "2d")]);
    }

    #[test]
    fn sizes() {
        table(
            bytes,
            &[
                (0, "0 B"),
                (96, "96 B"),
                (1023, "1023 B"),
                (1024, "1 KiB"),
                (2150, "2.1 KiB"),
                (48 * 1024, "48 KiB"),
                (1_468_006, "1.4 MiB"),
                (212 << 20, "212 MiB"),
                ((1 << 20) - 1, "1 MiB"),
                (15_140_000_000, "14.1 GiB"),
                (u64::MAX, "16 EiB"),
            ],
        );
        table(
            tokens,
            &[
                (0, "0"),
                (412, "412"),
                (999, "999"),
                (1000, "1.0k"),
                (18_400, "18.4k"),
                (999_949, "999.9k"),
                (999_950, "1.0M"),
                (1_234_567, "1.2M"),
            ],
        );
        assert!(tokens(u64::MAX).ends_with('M'));
    }

    #[test]
    fn sums() {
        table(
            money,
            &[
                (0, "$0.0000"),
                (1, "<$0.0001"),
                (99, "<$0.0001"),
                (100, "$0.0001"),
                (23_149, "$0.0231"),
                (1_000_000, "$1.0000"),
                (100_000_000, "$100.0000"),
                (100_004_999, "$100.00"),
                (123_456_789, "$123.46"),
                (12_345_670_000, "$12,345.67"),
            ],
        );
        assert!(money(u64::MAX).starts_with('$'));
        table(limit, &[(25_000, "$0.025"), (1_000_000, "$1.00"), (500_000, "$0.50"), (0, "$0.00"), (1, "$0.000001")]);
        assert_eq!(cost(None), "unpriced");
    }

    #[test]
    fn shares_and_counts() {
        for (part, whole, want) in [
            (82, 100, "82 %"),
            (0, 0, "0 %"),
            (999, 1000, "99 %"),
            (1, 1000, "1 %"),
            (204, 250, "82 %"),
            (1, 0, "0 %"),
            (7, 7, "100 %"),
            (u64::MAX, u64::MAX, "100 %"),
        ] {
            assert_eq!(percent(part, whole), want);
        }
        table(count, &[(0, "0"), (9_999, "9999"), (10_000, "10,000"), (123_456, "123,456"), (1_234_567, "1,234,567")]);
    }
}
