//! Ids: of sessions (sortable by time), of drafts (unique within a session) and the derived ones that anyone may draw.

/// Lower-case base 32 without letters that look like digits, in an order that sorts.
const ALPHABET: &[u8; 32] = b"0123456789abcdefghjkmnpqrstvwxyz";

/// Prefixes of ids of conclusions that anyone may draw from the same record. Only these are dropped as repeats.
pub const DERIVED: &[&str] =
    &["turn-", "ctx-", "close-", "end-", "answer-", "ask-", "drop-", "compact-", "hold-", "warn-", "vet-"];

/// Whether the id is of a conclusion that anyone may draw, so that a repeat is no fault.
#[must_use]
pub fn is_derived(id: &str) -> bool {
    DERIVED.iter().any(|p| id.starts_with(p))
}

fn encode(mut value: u64, digits: usize) -> String {
    let mut out = vec![b'0'; digits];
    for slot in out.iter_mut().rev() {
        *slot = ALPHABET[(value & 31) as usize];
        value >>= 5;
    }
    String::from_utf8(out).unwrap_or_default()
}

/// A session id: 16 characters, the first ten the time in ms (45 bits used), so that ids sort by creation; six are random.
#[must_use]
pub fn session(unix_ms: u64, random: u64) -> String {
    encode(unix_ms & ((1 << 50) - 1), 10) + &encode(random & ((1 << 30) - 1), 6)
}

/// The 8 random characters a writer puts before its counter.
#[must_use]
pub fn writer(random: u64) -> String {
    encode(random & ((1 << 40) - 1), 8)
}

/// Whether the text has the shape of a session id.
#[must_use]
pub fn is_session(text: &str) -> bool {
    text.len() == 16 && text.bytes().all(|b| ALPHABET.contains(&b))
}

/// The writer's part of an own id (`k3f9a2xq` of `k3f9a2xq-17`); `None` for derived ids and other shapes.
#[must_use]
pub fn prefix(id: &str) -> Option<&str> {
    if is_derived(id) {
        return None;
    }
    id.rsplit_once('-').map(|(p, _)| p)
}

/// Id of the start of turn `n`, or of the withdrawal of a message before it.
#[must_use]
pub fn turn(n: u32) -> String {
    format!("turn-{n}")
}

/// Id of the context that follows the record `cause`.
#[must_use]
pub fn context(cause: &str) -> String {
    format!("ctx-{cause}")
}

/// Id of the compaction that follows the record `cause`.
#[must_use]
pub fn compact(cause: &str) -> String {
    format!("compact-{cause}")
}

/// Id of the record that closes the claim of a writer that is gone.
#[must_use]
pub fn close(claim: &str) -> String {
    format!("close-{claim}")
}

/// Id of the end of turn `n`: the first of completed, failed, cancelled wins.
#[must_use]
pub fn end(n: u32) -> String {
    format!("end-{n}")
}

/// Id of the decision on a call: the first answer wins.
#[must_use]
pub fn answer(call: &str) -> String {
    format!("answer-{call}")
}

/// Id of the question whether a call may run: it is asked once, however many deciders there are.
#[must_use]
pub fn ask(call: &str) -> String {
    format!("ask-{call}")
}

/// Id of what hooks make of a message: it is asked once.
#[must_use]
pub fn vet(message: &str) -> String {
    format!("vet-{message}")
}

/// Id of what `ace-quota` says about the context: what is set aside for it, or that nothing can be. The first word counts.
#[must_use]
pub fn hold(context: &str) -> String {
    format!("hold-{context}")
}

/// Id of the one warning about a limit of that scope, kind and size.
#[must_use]
pub fn warning(scope: &str, limit: &str, allowed: u64) -> String {
    // A scope is a name of the user's own; an id has its limit.
    let scope: String = scope.chars().map(|c| if c.is_ascii_alphanumeric() { c } else { '-' }).take(64).collect();
    format!("warn-{scope}-{limit}-{allowed}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn session_ids_sort_by_time_and_keep_their_shape() {
        let (a, b) = (session(1_700_000_000_000, u64::MAX), session(1_700_000_000_001, 0));
        assert!(a < b, "{a} {b}");
        assert!(is_session(&a) && is_session(&b));
        assert!(!is_session("fix-median"));
    }

    #[test]
    fn prefixes_are_of_writers_only() {
        assert_eq!(prefix("k3f9a2xq-17"), Some("k3f9a2xq"));
        assert_eq!(prefix("close-k3f9a2xq-17"), None);
        assert_eq!(prefix("nodash"), None);
    }
}
