//! SHA-256 and its hex. It must never know what is hashed.

use sha2::{Digest, Sha256};

/// A SHA-256.
pub type Sha = [u8; 32];

/// The `prev` of a first line.
pub const NONE: Sha = [0; 32];

/// Hash of some bytes.
#[must_use]
pub fn sha256(bytes: &[u8]) -> Sha {
    Sha256::digest(bytes).into()
}

/// Lower-case hex.
#[must_use]
pub fn hex(bytes: &[u8]) -> String {
    const DIGITS: &[u8; 16] = b"0123456789abcdef";
    bytes.iter().flat_map(|b| [b >> 4, b & 15]).map(|n| char::from(DIGITS[usize::from(n)])).collect()
}

/// Whether a text is the hex of a SHA-256, lower case.
#[must_use]
pub fn is_sha(text: &str) -> bool {
    text.len() == 64 && text.bytes().all(|b| matches!(b, b'0'..=b'9' | b'a'..=b'f'))
}

/// The bytes of a lower-case hex SHA-256.
#[must_use]
pub fn unhex(text: &str) -> Option<Sha> {
    if !is_sha(text) {
        return None;
    }
    let value = |b: u8| if b.is_ascii_digit() { b - b'0' } else { b - b'a' + 10 };
    let mut out = [0; 32];
    for (slot, pair) in out.iter_mut().zip(text.as_bytes().chunks(2)) {
        *slot = value(pair[0]) << 4 | value(pair[1]);
    }
    Some(out)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hex_goes_there_and_back() {
        let sha = sha256(b"abc");
        assert_eq!(hex(&sha), "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
        assert_eq!(unhex(&hex(&sha)), Some(sha));
        assert_eq!(unhex(&hex(&sha).to_uppercase()), None);
        assert!(!is_sha("../../../etc/passwd"));
    }
}
