//! Placeholders: `‹redacted:RULE#ID›`. The same value has the same ID within a session, so that a reader sees that two are one; the
//! ID is keyed, so that nobody who has the log alone can try values until one fits.

use ace_schema::redaction;
use sha2::{Digest, Sha256};

/// What keys the IDs; secret, one a home.
#[derive(Clone, Default, PartialEq, Eq)]
pub struct Key(pub [u8; 32]);

/// It is never shown.
impl std::fmt::Debug for Key {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Key")
    }
}

impl Key {
    /// A key made of any text that is secret enough, or that is meant to be repeatable.
    #[must_use]
    pub fn of(text: &[u8]) -> Self {
        Self(Sha256::digest(text).into())
    }

    /// The key of one session: IDs of two sessions tell nothing about each other.
    #[must_use]
    pub fn session(&self, session: &str) -> Self {
        Self(self.hmac(session.as_bytes()))
    }

    /// HMAC-SHA256 (RFC 2104); the key is shorter than the block.
    fn hmac(&self, message: &[u8]) -> [u8; 32] {
        let pad = |byte: u8| -> [u8; 64] { std::array::from_fn(|i| byte ^ self.0.get(i).copied().unwrap_or(0)) };
        let inner = Sha256::new().chain_update(pad(0x36)).chain_update(message).finalize();
        Sha256::new().chain_update(pad(0x5c)).chain_update(inner).finalize().into()
    }

    /// The placeholder of a value.
    pub(crate) fn mark(&self, rule: &str, value: &[u8]) -> String {
        const ALPHABET: &[u8; 32] = b"0123456789abcdefghjkmnpqrstvwxyz";
        let hash = self.hmac(value);
        let id: String =
            hash.iter().take(redaction::ID_CHARS).map(|b| char::from(ALPHABET[usize::from(b & 31)])).collect();
        format!("{}{rule}#{id}{}", redaction::OPEN, redaction::CLOSE)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hmac_is_the_one_of_the_standard() {
        // RFC 4231, test case 2, whose key is padded with zeros here as there.
        let mut key = [0; 32];
        key[..4].copy_from_slice(b"Jefe");
        let hash = Key(key).hmac(b"what do ya want for nothing?");
        assert_eq!(hash[..8], [0x5b, 0xdc, 0xc1, 0x46, 0xbf, 0x60, 0x75, 0x4e]);
    }

    #[test]
    fn a29_the_same_value_has_the_same_id_within_a_session_and_another_elsewhere() {
        let (home, other) = (Key::of(b"home"), Key::of(b"other"));
        let (one, two) = (home.session("s1"), home.session("s2"));
        assert_eq!(one.mark("a", b"value"), home.session("s1").mark("a", b"value"));
        assert_ne!(one.mark("a", b"value"), two.mark("a", b"value"));
        assert_ne!(one.mark("a", b"value"), one.mark("a", b"valuf"));
        assert_ne!(one.mark("a", b"value"), other.session("s1").mark("a", b"value"), "the session alone is no key");
        assert!(redaction::holds(&format!("x{}y", one.mark("a", b"value"))));
        assert_eq!(format!("{home:?}"), "Key");
    }
}
