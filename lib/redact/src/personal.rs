//! Personal data that proves itself by its check digits. Off until somebody asks: one number in ten passes Luhn's test.

/// A class of personal data.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Personal {
    /// A payment card: 13 to 19 digits of a known network whose check digit (Luhn) is right.
    Card,
    /// An international bank account number whose length and check digits (ISO 13616, modulo 97) are right.
    Iban,
}

impl Personal {
    /// All classes.
    pub const ALL: [Self; 2] = [Self::Card, Self::Iban];

    /// The name in the configuration and in placeholders.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Card => "card",
            Self::Iban => "iban",
        }
    }

    /// The class of that name.
    #[must_use]
    pub fn parse(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|c| c.name() == name)
    }
}

/// Longest run of letters, digits and separators that can be one, bytes.
pub(crate) const LONGEST: usize = 48;

/// Whether the run that begins here may be of a class: so many of its bytes are. `run` ends before what can belong to none.
pub(crate) fn find(run: &[u8], classes: &[Personal]) -> Option<(Personal, usize)> {
    classes.iter().find_map(|&class| {
        let length = match class {
            Personal::Card => card(run),
            Personal::Iban => iban(run),
        };
        length.map(|length| (class, length))
    })
}

/// Whether a byte can stand in the middle of one.
pub(crate) fn belongs(b: u8) -> bool {
    b.is_ascii_digit() || b.is_ascii_uppercase() || matches!(b, b' ' | b'-')
}

/// Digits in groups that one and the same separator parts, or in one piece.
fn card(run: &[u8]) -> Option<usize> {
    let mut digits = Vec::new();
    let (mut end, mut separator) = (0, None);
    for (i, &b) in run.iter().enumerate() {
        match b {
            b'0'..=b'9' => {
                digits.push(b - b'0');
                end = i + 1;
            }
            b' ' | b'-' if i > 0 && run[i - 1].is_ascii_digit() && *separator.get_or_insert(b) == b => {}
            _ => break,
        }
    }
    if run.get(end).is_some_and(u8::is_ascii_alphanumeric) || !(13..=19).contains(&digits.len()) {
        return None;
    }
    let head = digits.iter().take(4).fold(0_u32, |n, d| n * 10 + u32::from(*d));
    let network = match head {
        4000..=4999 => matches!(digits.len(), 13 | 16 | 19),
        5100..=5599 | 2221..=2720 => digits.len() == 16,
        3400..=3499 | 3700..=3799 => digits.len() == 15,
        6011 | 6440..=6599 | 3528..=3589 => digits.len() >= 16,
        3000..=3059 | 3600..=3699 | 3800..=3999 => digits.len() == 14,
        _ => false,
    };
    let sum: u32 = digits.iter().rev().enumerate().map(|(i, d)| luhn(i, u32::from(*d))).sum();
    (network && sum.is_multiple_of(10) && digits.iter().any(|d| *d != digits[0])).then_some(end)
}

fn luhn(place: usize, digit: u32) -> u32 {
    match (place % 2, digit * 2) {
        (0, _) => digit,
        (_, doubled) if doubled > 9 => doubled - 9,
        (_, doubled) => doubled,
    }
}

/// Lengths by country, of the registry of ISO 13616.
const COUNTRIES: &[(&[u8; 2], usize)] = &[
    (b"AD", 24),
    (b"AE", 23),
    (b"AL", 28),
    (b"AT", 20),
    (b"AZ", 28),
    (b"BA", 20),
    (b"BE", 16),
    (b"BG", 22),
    (b"BH", 22),
    (b"BR", 29),
    (b"BY", 28),
    (b"CH", 21),
    (b"CR", 22),
    (b"CY", 28),
    (b"CZ", 24),
    (b"DE", 22),
    (b"DK", 18),
    (b"DO", 28),
    (b"EE", 20),
    (b"EG", 29),
    (b"ES", 24),
    (b"FI", 18),
    (b"FO", 18),
    (b"FR", 27),
    (b"GB", 22),
    (b"GE", 22),
    (b"GI", 23),
    (b"GL", 18),
    (b"GR", 27),
    (b"GT", 28),
    (b"HR", 21),
    (b"HU", 28),
    (b"IE", 22),
    (b"IL", 23),
    (b"IQ", 23),
    (b"IS", 26),
    (b"IT", 27),
    (b"JO", 30),
    (b"KW", 30),
    (b"KZ", 20),
    (b"LB", 28),
    (b"LC", 32),
    (b"LI", 21),
    (b"LT", 20),
    (b"LU", 20),
    (b"LV", 21),
    (b"LY", 25),
    (b"MC", 27),
    (b"MD", 24),
    (b"ME", 22),
    (b"MK", 19),
    (b"MR", 27),
    (b"MT", 31),
    (b"MU", 30),
    (b"NL", 18),
    (b"NO", 15),
    (b"PK", 24),
    (b"PL", 28),
    (b"PS", 29),
    (b"PT", 25),
    (b"QA", 29),
    (b"RO", 24),
    (b"RS", 22),
    (b"SA", 24),
    (b"SC", 31),
    (b"SE", 24),
    (b"SI", 19),
    (b"SK", 24),
    (b"SM", 27),
    (b"ST", 25),
    (b"SV", 28),
    (b"TL", 23),
    (b"TN", 24),
    (b"TR", 26),
    (b"UA", 29),
    (b"VA", 22),
    (b"VG", 24),
    (b"XK", 20),
];

fn iban(run: &[u8]) -> Option<usize> {
    let wanted = COUNTRIES.iter().find(|(country, _)| run.starts_with(*country))?.1;
    let mut signs = Vec::with_capacity(wanted);
    let mut end = 0;
    for (i, &b) in run.iter().enumerate() {
        match b {
            b' ' if i > 0 && run[i - 1] != b' ' => {}
            b'0'..=b'9' | b'A'..=b'Z' if signs.len() < wanted => {
                signs.push(b);
                end = i + 1;
            }
            _ => break,
        }
    }
    if signs.len() != wanted || run.get(end).is_some_and(u8::is_ascii_alphanumeric) {
        return None;
    }
    signs.rotate_left(4);
    let rest = signs.iter().fold(0_u32, |rest, b| match b {
        b'0'..=b'9' => (rest * 10 + u32::from(b - b'0')) % 97,
        _ => (rest * 100 + u32::from(b - b'A') + 10) % 97,
    });
    (rest == 1).then_some(end)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_proves_itself_is_found_and_one_digit_off_is_not() {
        for (text, class) in [
            ("4111111111111111", Personal::Card),
            ("4111 1111 1111 1111", Personal::Card),
            ("5555-5555-5555-4444", Personal::Card),
            ("378282246310005", Personal::Card),
            ("DE89370400440532013000", Personal::Iban),
            ("GB29 NWBK 6016 1331 9268 19", Personal::Iban),
            ("NO9386011117947", Personal::Iban),
        ] {
            assert_eq!(find(text.as_bytes(), &Personal::ALL), Some((class, text.len())), "{text}");
            let mut off = text.as_bytes().to_vec();
            let last = off.len() - 1;
            off[last] = if off[last] == b'9' { b'0' } else { off[last] + 1 };
            assert_eq!(find(&off, &Personal::ALL), None, "{text}");
        }
        for text in ["4111111111111111a", "0000000000000000", "1700000000000000000", "4111 1111-1111 1111", "DE89"] {
            assert_eq!(find(text.as_bytes(), &Personal::ALL), None, "{text}");
        }
        assert!(Personal::ALL.iter().all(|c| Personal::parse(c.name()) == Some(*c)));
    }
}
