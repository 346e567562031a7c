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
    let mut out = String::with_capacity(bytes.len() * 2);
    for b in bytes {
        out.push(char::from(DIGITS[usize::from(b >> 4)]));
        out.push(char::from(DIGITS[usize::from(b & 15)]));
    }
    out
}

/// Whether a text is the lower-case hex of this hash.
#[must_use]
pub fn is_hex_of(text: &str, sha: &Sha) -> bool {
    unhex(text).is_some_and(|other| other == *sha)
}

/// Whether a text is the hex of a SHA-256, lower case.
#[must_use]
pub fn is_sha(text: &str) -> bool {
    unhex(text).is_some()
}

/// The bytes of a lower-case hex SHA-256.
#[must_use]
pub fn unhex(text: &str) -> Option<Sha> {
    const BAD: u8 = 0xff;
    /// Value of every byte as a digit.
    const VALUES: [u8; 256] = {
        let mut values = [BAD; 256];
        let mut n = 0;
        while n < 16 {
            values[if n < 10 { b'0' + n } else { b'a' + n - 10 } as usize] = n;
            n += 1;
        }
        values
    };
    let (pairs, rest) = text.as_bytes().as_chunks::<2>();
    if pairs.len() != 32 || !rest.is_empty() {
        return None;
    }
    let mut out = [0; 32];
    let mut bad = 0;
    for (slot, [high, low]) in out.iter_mut().zip(pairs) {
        let (high, low) = (VALUES[usize::from(*high)], VALUES[usize::from(*low)]);
        bad |= high | low;
        *slot = high << 4 | low & 15;
    }
    (bad < 16).then_some(out)
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
        for bad in ["", "g", "A", "\u{e4}", "/"] {
            assert!(!is_sha(&format!("{bad}{}", "0".repeat(64 - bad.len()))) || bad.is_empty(), "{bad}");
            assert!(!is_sha(&format!("{bad}{}", "0".repeat(65 - bad.len()))));
        }
        assert!(is_hex_of(&hex(&sha), &sha) && !is_hex_of(&hex(&sha), &NONE));
        assert!(!is_sha("../../../etc/passwd"));
    }
}
