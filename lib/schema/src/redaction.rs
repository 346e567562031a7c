//! The placeholder that stands where a secret stood, and how it is told from other text.

/// How a placeholder begins.
pub const OPEN: &str = "\u{2039}redacted:";
/// How it ends.
pub const CLOSE: &str = "\u{203a}";
/// Characters of the ID behind the `#`.
pub const ID_CHARS: usize = 10;

/// Why a call whose arguments hold a placeholder does not run, for the model and for people.
pub const WHY: &str = "its arguments held a secret, which was taken out before they were recorded, or the placeholder of one: what \
is left must not run. Let a command read the secret from where it is kept, and edit around it";

/// Whether a text holds a placeholder: `‹redacted:RULE#ID›` with a rule's name and an ID of the right length. The pattern itself,
/// as manuals write it, is none.
#[must_use]
pub fn holds(text: &str) -> bool {
    count(text) > 0
}

/// How many placeholders a text holds.
#[must_use]
pub fn count(text: &str) -> usize {
    text.split(OPEN).skip(1).filter(|rest| is_rest(rest)).count()
}

/// The text without its placeholders.
#[must_use]
pub fn without(text: &str) -> String {
    let mut parts = text.split(OPEN);
    let mut out = parts.next().unwrap_or_default().to_owned();
    for rest in parts {
        match rest.split_once(CLOSE).filter(|_| is_rest(rest)) {
            Some((_, after)) => out.push_str(after),
            None => out.extend([OPEN, rest]),
        }
    }
    out
}

fn is_rest(rest: &str) -> bool {
    let Some((inner, _)) = rest.split_once(CLOSE) else { return false };
    let Some((rule, id)) = inner.split_once('#') else { return false };
    let plain = |b: u8| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'_');
    !rule.is_empty()
        && rule.bytes().all(plain)
        && id.len() == ID_CHARS
        && id.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_placeholder_is_told_from_the_pattern_of_one() {
        let made = |rule: &str, id: &str| format!("a {OPEN}{rule}#{id}{CLOSE} b");
        assert!(holds(&made("openai", "0123456789")) && holds(&made("MY_KEY", "abcdefghjk")));
        assert_eq!(without(&made("a", "0123456789")), "a  b");
        assert_eq!(count(&made("a", "0123456789").repeat(3)), 3);
        for text in [&*made("RULE", "ID"), &made("", "0123456789"), &made("a", "012345678Z"), "redacted:", OPEN] {
            assert!(!holds(text), "{text}");
        }
    }
}
