//! What a name says is secret: the value behind `api_key =`, `"password":`, `Authorization: Bearer`. The name has to end with the
//! word, an operator has to follow, and the value has to look like one: all of that, or it stays.

use crate::rule::{ASSIGNED, HEADER, is_random, is_real};
use crate::scan::{Attempt, Found};

/// What a word at the end of a name says of the value.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Word {
    /// A key or token: drawn at random.
    Key,
    /// A password, that a person may have chosen.
    Password,
    /// A header that authorises.
    Header,
    /// The scheme of one, with the token behind it.
    Bearer,
    /// A flag that takes its value behind a space.
    Flag,
}

/// The words. Their letters may be large or small.
pub(crate) const WORDS: &[(&str, Word)] = &[
    ("secret", Word::Key),
    ("token", Word::Key),
    ("credential", Word::Key),
    ("credentials", Word::Key),
    ("api_key", Word::Key),
    ("api-key", Word::Key),
    ("apikey", Word::Key),
    ("access_key", Word::Key),
    ("access-key", Word::Key),
    ("accesskey", Word::Key),
    ("secret_key", Word::Key),
    ("secret-key", Word::Key),
    ("secretkey", Word::Key),
    ("private_key", Word::Key),
    ("private-key", Word::Key),
    ("privatekey", Word::Key),
    ("auth_key", Word::Key),
    ("authkey", Word::Key),
    ("account_key", Word::Key),
    ("accountkey", Word::Key),
    ("encryption_key", Word::Key),
    ("signing_key", Word::Key),
    ("master_key", Word::Key),
    ("password", Word::Password),
    ("passwd", Word::Password),
    ("passphrase", Word::Password),
    ("pwd", Word::Password),
    ("authorization", Word::Header),
    ("bearer ", Word::Bearer),
    ("--password ", Word::Flag),
    ("--token ", Word::Flag),
    ("--api-key ", Word::Flag),
    ("--secret ", Word::Flag),
];

/// Longest value that is read, bytes.
const LONGEST: usize = 512;

/// Spaces that may stand around an operator.
const SPACES: usize = 8;

/// Words that make a chosen password a stand-in.
const STAND_INS: &[&str] = &["password", "passwd", "secret", "test", "dummy", "fake", "sample", "changeme", "foobar"];

/// Reads on behind a name's last word.
struct Reader<'a> {
    text: &'a [u8],
    at: usize,
    /// Nothing follows the text.
    end: bool,
}

/// The text ended before it could be told.
struct More;

impl Reader<'_> {
    fn peek(&self) -> Result<Option<u8>, More> {
        match self.text.get(self.at) {
            None if !self.end => Err(More),
            found => Ok(found.copied()),
        }
    }

    /// Passes over bytes of a kind, so many at most.
    fn skip(&mut self, most: usize, is: impl Fn(u8) -> bool) -> Result<usize, More> {
        let from = self.at;
        while self.at - from < most && self.peek()?.is_some_and(&is) {
            self.at += 1;
        }
        Ok(self.at - from)
    }

    fn spaces(&mut self) -> Result<(), More> {
        self.skip(SPACES, |b| matches!(b, b' ' | b'\t')).map(drop)
    }

    /// `=`, `:`, `:=`, `=>`, `==`; not `::`.
    fn operator(&mut self) -> Result<bool, More> {
        let first = match self.peek()? {
            Some(b @ (b'=' | b':')) => b,
            _ => return Ok(false),
        };
        self.at += 1;
        match (first, self.peek()?) {
            (b':', Some(b':')) => return Ok(false),
            (_, Some(b'=')) | (b'=', Some(b'>')) => self.at += 1,
            _ => {}
        }
        Ok(true)
    }

    /// The quote that opens, with what escapes it.
    fn quote(&mut self) -> Result<Option<u8>, More> {
        self.skip(3, |b| b == b'\\')?;
        let quote = self.peek()?.filter(|b| matches!(b, b'"' | b'\'' | b'`'));
        self.at += usize::from(quote.is_some());
        Ok(quote)
    }
}

/// Whether a byte may stand in a value: without quotes fewer do, since code is full of names.
fn is_of_value(b: u8, quote: Option<u8>) -> bool {
    match quote {
        Some(quote) => b.is_ascii_graphic() && b != quote && b != b'\\',
        None => {
            b.is_ascii_alphanumeric()
                || matches!(b, b'_' | b'-' | b'+' | b'/' | b'=' | b'~' | b'!' | b'#' | b'@' | b'^' | b'*')
        }
    }
}

/// Whether a value without quotes may end before this byte.
fn ends_value(b: u8) -> bool {
    b.is_ascii_whitespace()
        || matches!(b, b',' | b';' | b')' | b'}' | b']' | b'"' | b'\'' | b'`' | b'&' | b'|' | b'<' | b'>' | b'\\')
}

/// What stands behind the word that ends at `at`.
pub(crate) fn attempt(text: &[u8], at: usize, word: Word, end: bool) -> Attempt<'static> {
    let reader = Reader { text, at, end };
    let read = match word {
        Word::Header => header(reader),
        Word::Bearer => bearer(reader),
        _ => assigned(reader, word),
    };
    read.unwrap_or(Attempt::More)
}

fn assigned(mut reader: Reader<'_>, word: Word) -> Result<Attempt<'static>, More> {
    if word != Word::Flag {
        reader.skip(4, |b| matches!(b, b'"' | b'\'' | b'\\' | b']'))?;
        reader.spaces()?;
        if !reader.operator()? {
            return Ok(Attempt::No);
        }
        reader.spaces()?;
    }
    let quote = reader.quote()?;
    let start = reader.at;
    let length = reader.skip(LONGEST + 1, |b| is_of_value(b, quote))?;
    let next = reader.peek()?;
    let ended = match quote {
        Some(quote) => next == Some(quote) || next == Some(b'\\'),
        None => next.is_none_or(ends_value),
    };
    if length > LONGEST || !ended || !is_secret(&reader.text[start..reader.at], word, quote.is_some()) {
        return Ok(Attempt::No);
    }
    Ok(Attempt::Hit(Found { start, end: reader.at, rule: ASSIGNED }))
}

/// Whether a value looks like what its name says.
fn is_secret(value: &[u8], word: Word, quoted: bool) -> bool {
    if !is_real(value) || matches!(value.first(), Some(b'$' | b'<' | b'%' | b'{' | b'[' | b'(' | b'&' | b'*')) {
        return false;
    }
    let has = |test: fn(&u8) -> bool| value.iter().any(test);
    let longest_run = value.split(|b| !b.is_ascii_alphanumeric()).map(<[u8]>::len).max().unwrap_or(0);
    let is_letter = has(u8::is_ascii_alphabetic);
    let key = value.len() >= 16
        && longest_run >= 12
        && is_letter
        && is_random(value, 3)
        && !is_uuid(value)
        && !is_constant(value);
    // Expressions stand in quotes too, in templates and shells.
    if quoted && (has(|b| matches!(b, b'(' | b'{')) || value.starts_with(b"http")) {
        return false;
    }
    if word == Word::Key {
        return key;
    }
    let lower = String::from_utf8_lossy(value).to_ascii_lowercase();
    let symbol = has(|b| b.is_ascii_punctuation() && !matches!(b, b'_' | b'-' | b'/' | b'.' | b'='));
    let kinds = [has(u8::is_ascii_lowercase), has(u8::is_ascii_uppercase), symbol].iter().filter(|k| **k).count();
    let chosen = (8..=128).contains(&value.len())
        && has(u8::is_ascii_digit)
        && is_letter
        && kinds >= 2
        && (quoted || symbol || is_random(value, 2))
        && !STAND_INS.iter().any(|word| lower.contains(word));
    key || chosen
}

/// `A_NAME_OF_CODE_2`.
fn is_constant(value: &[u8]) -> bool {
    value.contains(&b'_') && !value.iter().any(u8::is_ascii_lowercase)
}

fn is_uuid(value: &[u8]) -> bool {
    let groups: Vec<usize> = value.split(|b| *b == b'-').map(<[u8]>::len).collect();
    groups == [8, 4, 4, 4, 12] && value.iter().all(|b| b.is_ascii_hexdigit() || *b == b'-')
}

fn is_token68(b: u8) -> bool {
    b.is_ascii_alphanumeric() || matches!(b, b'-' | b'.' | b'_' | b'~' | b'+' | b'/' | b'=')
}

/// `Authorization: SCHEME TOKEN`, as a header, in code, or in JSON.
fn header(mut reader: Reader<'_>) -> Result<Attempt<'static>, More> {
    reader.skip(4, |b| matches!(b, b'"' | b'\'' | b'\\' | b']'))?;
    reader.spaces()?;
    if reader.peek()? == Some(b',') {
        reader.at += 1;
    } else if !reader.operator()? {
        return Ok(Attempt::No);
    }
    reader.spaces()?;
    reader.quote()?;
    let mut start = reader.at;
    let mut length = reader.skip(LONGEST * 8, is_token68)?;
    let (mut basic, mut schemed) = (false, false);
    if reader.peek()? == Some(b' ') && length > 0 && length <= 12 {
        schemed = true;
        basic = reader.text[start..reader.at].eq_ignore_ascii_case(b"basic");
        reader.spaces()?;
        start = reader.at;
        length = reader.skip(LONGEST * 8, is_token68)?;
    }
    let value = &reader.text[start..reader.at];
    let fits = if basic {
        length >= 8 && is_real(value)
    } else {
        length >= 16 && is_random(value, if schemed { 1 } else { 3 }) && !is_constant(value)
    };
    Ok(if fits { Attempt::Hit(Found { start, end: reader.at, rule: HEADER }) } else { Attempt::No })
}

fn bearer(mut reader: Reader<'_>) -> Result<Attempt<'static>, More> {
    let start = reader.at;
    let length = reader.skip(LONGEST * 8, is_token68)?;
    let fits = length >= 20 && is_random(&reader.text[start..reader.at], 2);
    Ok(if fits { Attempt::Hit(Found { start, end: reader.at, rule: HEADER }) } else { Attempt::No })
}

/// Whether the value of a field of that name is secret as a whole.
pub(crate) fn is_secret_field(name: &str, value: &[u8]) -> bool {
    let lower = name.to_ascii_lowercase();
    let word = WORDS.iter().filter(|(text, word)| matches!(word, Word::Key | Word::Password) && lower.ends_with(text));
    let Some((_, word)) = word.max_by_key(|(text, _)| text.len()) else { return false };
    value.len() <= LONGEST && value.iter().all(u8::is_ascii_graphic) && is_secret(value, *word, true)
}
