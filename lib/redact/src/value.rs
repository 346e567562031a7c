//! Which values of secret variables are worth hiding. A common word that happens to be somebody's password would take every such
//! word out of every text: what is short or plain stays.

use crate::rule::is_random;

/// Shortest value that is hidden, bytes.
const SHORTEST: usize = 8;

/// A value that is not mixed is hidden from this length on, bytes.
const PLAIN: usize = 16;

/// Longest value that is looked for, bytes.
pub(crate) const LONGEST: usize = 4096;

/// Words that stand for a secret, or for none.
const COMMON: &[&str] = &[
    "changeme",
    "password",
    "passw0rd",
    "password1",
    "password123",
    "postgres",
    "disabled",
    "00000000",
    "12345678",
    "123456789",
];

/// Whether the value of a variable that looks secret by its name should be looked for. Not: paths, switches, numbers, host names,
/// anything short, and words that a text may hold for other reasons.
#[must_use]
pub fn is_worth_hiding(value: &str) -> bool {
    let value = value.trim();
    let bytes = value.as_bytes();
    if !(SHORTEST..=LONGEST).contains(&bytes.len()) || COMMON.contains(&value.to_ascii_lowercase().as_str()) {
        return false;
    }
    // A way to a secret is none, and neither is an address without a password: that one is found by its own rule.
    if value.starts_with(['/', '~', '.']) || value.contains("://") || value.starts_with("unix:") {
        return false;
    }
    let has = |test: fn(&u8) -> bool| bytes.iter().any(test);
    let (digit, lower, upper) = (has(u8::is_ascii_digit), has(u8::is_ascii_lowercase), has(u8::is_ascii_uppercase));
    let distinct = bytes.iter().fold([false; 256], |mut seen, b| {
        seen[usize::from(*b)] = true;
        seen
    });
    if distinct.iter().filter(|s| **s).count() < 5 {
        return false;
    }
    match bytes.len() {
        // A number below that length counts something.
        _ if !lower && !upper => bytes.len() >= PLAIN,
        SHORTEST..PLAIN => digit && ((lower && upper) || is_random(bytes, 2)),
        // Words with dashes are names: of a region, a profile, a layout.
        _ => {
            digit
                || (lower && upper)
                || has(|b| !(b.is_ascii_lowercase() || matches!(b, b'-' | b'_' | b'.')))
                || bytes.len() >= 2 * PLAIN
        }
    }
}

/// The password of an address (`postgres://user:password@host`), which is a secret wherever it stands without the rest.
pub(crate) fn password_of(value: &str) -> Option<&str> {
    let (_, rest) = value.split_once("://")?;
    let (user, _) = rest.split(['/', '?', '#']).next()?.rsplit_once('@')?;
    user.split_once(':').map(|(_, password)| password)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn p54_values_that_texts_hold_for_other_reasons_stay() {
        for value in [
            "",
            "short",
            "postgres",
            "changeme",
            "PASSWORD",
            "disabled",
            "86400000",
            "/home/me/.ssh/key.pem",
            "false",
            "~/.aws/credentials",
            "https://vault.example.org:8200",
            "us-east-1",
            "english-international",
            "aaaaaaaaaaaaaaaa",
            "unix:path=/run/user/1000/bus",
            "1234567890",
        ] {
            assert!(!is_worth_hiding(value), "{value}");
        }
        for value in [
            "hunter2hunter",
            "sk-test-0123456789",
            "correct Horse battery",
            "3f9a0c77d1",
            "0123456789abcdef0123456789abcdef",
        ] {
            assert!(is_worth_hiding(value), "{value}");
        }
        assert_eq!(password_of("postgres://app:s3cr3t@host:5432/app?x=@y"), Some("s3cr3t"));
        assert_eq!(password_of("https://example.org/a@b"), None);
    }
}
