//! Where secrets stand in a text: candidates by one automaton over all beginnings, then a few lines of reading at each.
//!
//! What is decided at a place depends on the three bytes before it and on what follows up to a bound, never on how the text was cut.

use aho_corasick::{AhoCorasick, AhoCorasickKind, Input, MatchKind};

use crate::assign::{self, WORDS};
use crate::personal::{self, Personal};
use crate::plain::ESCAPE;
use crate::rule::{self, Class, FORMATS, Format, JWT, LONGEST, OWN, PEM, URL, is_random, is_real};

/// Bytes before a place that have a say in it.
pub(crate) const CONTEXT: usize = 3;

/// Longest body of a private key that is read, bytes.
const PEM_BYTES: usize = 32 * 1024;

/// Where a secret stands and what told so.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Found<'r> {
    pub start: usize,
    pub end: usize,
    pub rule: &'r str,
}

/// What reading at a place gave.
pub(crate) enum Attempt<'r> {
    No,
    Hit(Found<'r>),
    /// The text ended before it could be told.
    More,
}

/// What begins so.
enum Begin {
    Format(&'static Format),
    Jwt,
    Pem,
    Url,
    /// A prefix of the user's own.
    Own,
    /// The value of a variable: its place among the names.
    Value(usize),
}

/// Everything that is looked for.
pub(crate) struct Scanner {
    exact: AhoCorasick,
    begins: Vec<(Vec<u8>, Begin)>,
    words: AhoCorasick,
    /// Names in the placeholders of values.
    names: Vec<String>,
    personal: Vec<Personal>,
    left_out: Vec<String>,
}

impl Scanner {
    /// `values`: name and bytes of each.
    pub fn new(values: &[(String, Vec<u8>)], own: &[String], personal: Vec<Personal>, left_out: Vec<String>) -> Self {
        let mut begins: Vec<(Vec<u8>, Begin)> =
            FORMATS.iter().map(|f| (f.prefix.as_bytes().to_vec(), Begin::Format(f))).collect();
        begins.push((b"eyJ".to_vec(), Begin::Jwt));
        begins.push((b"-----BEGIN ".to_vec(), Begin::Pem));
        begins.push((b"://".to_vec(), Begin::Url));
        begins.extend(own.iter().filter(|p| p.len() >= 3).map(|p| (p.as_bytes().to_vec(), Begin::Own)));
        begins.extend(values.iter().enumerate().map(|(i, (_, value))| (value.clone(), Begin::Value(i))));
        // The longest first: what begins with a longer one is that.
        begins.sort_by_key(|(text, _)| std::cmp::Reverse(text.len()));
        let names = values.iter().map(|(name, _)| name.clone()).collect();
        let exact = build(begins.iter().map(|(text, _)| text.as_slice()), false);
        let words = build(WORDS.iter().map(|(text, _)| text.as_bytes()), true);
        Self { exact, begins, words, names, personal, left_out }
    }

    /// Whether a text may hold anything: one pass, nothing is read.
    pub fn may_hold(&self, text: &[u8]) -> bool {
        !self.personal.is_empty() || self.exact.is_match(text) || self.words.is_match(text)
    }

    /// The secrets of `text` from `from` on, in order, and up to where that is final. `end`: nothing follows.
    pub fn scan(&self, text: &[u8], from: usize, end: bool) -> (Vec<Found<'_>>, usize) {
        let mut found = Vec::new();
        let mut at = from;
        let mut final_to = if end { text.len() } else { self.begun(text, from) };
        let mut next = Next { scanner: self, exact: None, word: None };
        while let Some(place) = next.from(text, at).filter(|p| *p < final_to) {
            match self.read(text, place, end) {
                Attempt::Hit(hit) => {
                    at = hit.end.max(place + 1);
                    found.push(hit);
                    final_to = if end { text.len() } else { self.begun(text, at).max(at) };
                }
                Attempt::No => at = place + 1,
                Attempt::More => return (found, place),
            }
        }
        (found, final_to)
    }

    /// Where something may have begun whose beginning is not whole yet.
    fn begun(&self, text: &[u8], from: usize) -> usize {
        let mut first = text.len();
        for (begin, _) in &self.begins {
            first = first.min(partial(text, from, begin, |a, b| a == b));
        }
        for (word, _) in WORDS {
            first = first.min(partial(text, from, word.as_bytes(), |a, b| a == b.to_ascii_lowercase()));
        }
        first
    }

    /// Reads at one place.
    fn read(&self, text: &[u8], place: usize, end: bool) -> Attempt<'_> {
        let rest = &text[place..];
        let mut more = false;
        for (begin, kind) in self.begins.iter().filter(|(begin, _)| rest.starts_with(begin)) {
            let body = place + begin.len();
            let read = match kind {
                Begin::Value(i) => Attempt::Hit(Found { start: place, end: body, rule: &self.names[*i] }),
                Begin::Format(format) => token(text, place, body, format, end),
                Begin::Own => {
                    let format =
                        Format { rule: OWN, prefix: "", class: Class::Url, min: 16, max: LONGEST, random: false };
                    token(text, place, body, &format, end)
                }
                Begin::Jwt => jwt(text, place, end),
                Begin::Pem => pem(text, place, body, end),
                Begin::Url => url(text, body, end),
            };
            match read {
                Attempt::Hit(hit) if self.is_left_out(hit.rule) => {}
                Attempt::Hit(hit) => return Attempt::Hit(hit),
                Attempt::More => more = true,
                Attempt::No => {}
            }
        }
        for (word, kind) in WORDS {
            if rest.len() >= word.len() && rest[..word.len()].eq_ignore_ascii_case(word.as_bytes()) {
                match assign::attempt(text, place + word.len(), *kind, end) {
                    Attempt::Hit(hit) if self.is_left_out(hit.rule) => {}
                    // The value of a name may be what a format tells better: it gets its turn first.
                    Attempt::Hit(hit) => return self.better(text, hit, end),
                    Attempt::More => more = true,
                    Attempt::No => {}
                }
            }
        }
        if !self.personal.is_empty() && begins_personal(text, place) {
            let most = (place + personal::LONGEST).min(text.len());
            let run = &text[place..most];
            let length = run.iter().position(|b| !personal::belongs(*b));
            match (length, personal::find(&run[..length.unwrap_or(run.len())], &self.personal)) {
                (None, _) if most == text.len() && !end => more = true,
                // What follows a run may belong to the same word.
                (Some(n), Some((_, l))) if n == l && run[n].is_ascii_alphanumeric() => {}
                (_, Some((class, length))) => {
                    return Attempt::Hit(Found { start: place, end: place + length, rule: class.name() });
                }
                _ => {}
            }
        }
        if more { Attempt::More } else { Attempt::No }
    }

    /// What stands at the start of an assigned value by a rule of its own that reaches as far, so that its name is the vendor's.
    fn better<'s>(&'s self, text: &[u8], hit: Found<'s>, end: bool) -> Attempt<'s> {
        let rest = &text[hit.start..];
        // A value of several words may go on where this one ends.
        if !end && self.begins.iter().any(|(begin, _)| begin.len() > rest.len() && begin.starts_with(rest)) {
            return Attempt::More;
        }
        let begins = self.begins.iter().any(|(begin, _)| text[hit.start..].starts_with(begin));
        match if begins { self.read(text, hit.start, end) } else { Attempt::No } {
            Attempt::Hit(own) if own.start == hit.start && own.end >= hit.end => Attempt::Hit(own),
            Attempt::More => Attempt::More,
            _ => Attempt::Hit(hit),
        }
    }

    fn is_left_out(&self, rule: &str) -> bool {
        self.left_out.iter().any(|left| left == rule)
    }
}

fn build<'a>(patterns: impl Iterator<Item = &'a [u8]>, any_case: bool) -> AhoCorasick {
    let patterns: Vec<&[u8]> = patterns.collect();
    let mut builder = AhoCorasick::builder();
    builder.match_kind(MatchKind::LeftmostLongest).ascii_case_insensitive(any_case);
    // The other kind reads faster, but takes as long to make as a session takes to read.
    builder.kind(Some(AhoCorasickKind::ContiguousNFA));
    // It fails above billions of states only, and the lists are bounded; whoever cannot look must not pass anything on.
    builder.build(patterns).unwrap_or_else(|_| std::process::abort())
}

/// The next place of each kind, kept until it is passed.
struct Next<'s> {
    scanner: &'s Scanner,
    exact: Option<usize>,
    word: Option<usize>,
}

impl Next<'_> {
    fn from(&mut self, text: &[u8], at: usize) -> Option<usize> {
        let look =
            |automaton: &AhoCorasick| automaton.find(Input::new(text).range(at..)).map_or(usize::MAX, |m| m.start());
        let exact = match self.exact {
            Some(place) if place >= at => place,
            _ => look(&self.scanner.exact),
        };
        let word = match self.word {
            Some(place) if place >= at => place,
            _ => look(&self.scanner.words),
        };
        (self.exact, self.word) = (Some(exact), Some(word));
        let mut first = exact.min(word);
        if !self.scanner.personal.is_empty() {
            first = (at..first.min(text.len())).find(|i| begins_personal(text, *i)).unwrap_or(first);
        }
        (first < text.len()).then_some(first)
    }
}

/// A number or a country, at the start of a word.
fn begins_personal(text: &[u8], at: usize) -> bool {
    let begins = text[at].is_ascii_digit() || text[at].is_ascii_uppercase();
    begins && (at == 0 || !(text[at - 1].is_ascii_alphanumeric() || matches!(text[at - 1], b'_' | b'.' | b'-')))
}

/// Where the end of the text is the beginning of `begin`, but not all of it.
fn partial(text: &[u8], from: usize, begin: &[u8], same: impl Fn(u8, u8) -> bool) -> usize {
    let first = from.max((text.len() + 1).saturating_sub(begin.len()));
    let fits = |i: usize| text[i..].iter().zip(begin).all(|(b, a)| same(*a, *b));
    (first..text.len()).find(|i| same(begin[0], text[*i]) && fits(*i)).unwrap_or(text.len())
}

/// Whether a word begins here: behind a letter or digit it would be the middle of one, unless those are an escape of another text.
fn is_start(text: &[u8], at: usize) -> bool {
    let before = &text[at.saturating_sub(CONTEXT)..at];
    match before {
        [] => true,
        [.., b'\\', b'n' | b'r' | b't'] | [.., ESCAPE, _] => true,
        [b'%', a, b] if a.is_ascii_hexdigit() && b.is_ascii_hexdigit() => true,
        [.., last] => !(last.is_ascii_alphanumeric() || matches!(last, b'_' | b'-')),
    }
}

/// Where the bytes of a kind end, so many of them at most.
fn run(text: &[u8], from: usize, most: usize, is: impl Fn(u8) -> bool) -> usize {
    text[from..].iter().take(most).position(|b| !is(*b)).map_or((from + most).min(text.len()), |n| from + n)
}

fn token<'r>(text: &[u8], place: usize, body: usize, format: &Format, end: bool) -> Attempt<'r> {
    // A prefix that is an address or a sign of its own stands in the middle of words.
    let inner = format.prefix.starts_with(':') || format.prefix.contains('/');
    if !inner && !is_start(text, place) {
        return Attempt::No;
    }
    let mut stop = run(text, body, format.max + 1, |b| format.class.holds(b));
    if stop == text.len() && !end && stop - body <= format.max {
        return Attempt::More;
    }
    if stop - body > format.max && format.max < LONGEST {
        return Attempt::No;
    }
    while stop > body && text[stop - 1] == b'.' {
        stop -= 1;
    }
    let value = &text[body..stop];
    let fits = value.len() >= format.min && if format.random { is_random(value, 3) } else { is_real(value) };
    if fits { Attempt::Hit(Found { start: place, end: stop, rule: format.rule }) } else { Attempt::No }
}

/// Three parts of base64url, of which the first two are JSON objects.
fn jwt<'r>(text: &[u8], place: usize, end: bool) -> Attempt<'r> {
    if !is_start(text, place) {
        return Attempt::No;
    }
    let mut at = place;
    for part in 0..3 {
        let stop = run(text, at, LONGEST, |b| Class::Url.holds(b));
        if stop == text.len() && !end && stop - at < LONGEST {
            return Attempt::More;
        }
        let fits = stop - at >= 10 && (part == 2 || text[at..].starts_with(b"ey"));
        if !fits || (part < 2 && text.get(stop) != Some(&b'.')) {
            return Attempt::No;
        }
        at = if part < 2 { stop + 1 } else { stop };
    }
    Attempt::Hit(Found { start: place, end: at, rule: JWT })
}

/// A private key from its first line to its last, or to where it breaks off.
fn pem<'r>(text: &[u8], place: usize, label: usize, end: bool) -> Attempt<'r> {
    let stop = run(text, label, 64, |b| b.is_ascii_uppercase() || b.is_ascii_digit() || b == b' ');
    let closed = run(text, stop, 5, |b| b == b'-');
    if closed == text.len() && !end && closed - label < 69 {
        return Attempt::More;
    }
    let name = &text[label..stop];
    if !(name.ends_with(b"PRIVATE KEY") || name.ends_with(b"PRIVATE KEY BLOCK")) || closed - stop < 5 {
        return Attempt::No;
    }
    // Base64 in lines, headers, and what may stand before each line of a quoted or numbered text.
    let is_body = |b: u8| {
        b.is_ascii_alphanumeric()
            || matches!(b, b'+' | b'/' | b'=' | b' ' | b'\t' | b'\n' | b'\r' | b'\\' | b'>' | b'|' | b':' | b',')
    };
    let mut at = closed;
    loop {
        at = run(text, at, (closed + PEM_BYTES).saturating_sub(at), is_body);
        if at - closed >= PEM_BYTES {
            break;
        }
        if at == text.len() {
            if !end {
                return Attempt::More;
            }
            break;
        }
        if text[at] != b'-' {
            break;
        }
        let dashes = run(text, at, 5, |b| b == b'-');
        if dashes == text.len() && !end {
            return Attempt::More;
        }
        if dashes - at == 5 {
            let last = run(text, dashes, 64, |b| b.is_ascii_uppercase() || b.is_ascii_digit() || b == b' ');
            let last = run(text, last, 5, |b| b == b'-');
            if last == text.len() && !end && last - dashes < 69 {
                return Attempt::More;
            }
            return match last - closed > 40 {
                true => Attempt::Hit(Found { start: place, end: last, rule: PEM }),
                false => Attempt::No,
            };
        }
        // A dash of a header, or of a changed line.
        at = dashes;
    }
    // The end was cut off: what is there is secret all the same, if it is more than the words of a program that looks for keys.
    let dense = run(text, closed, 200, |b| b.is_ascii_whitespace() || b == b'\\' || b == b'n');
    let first = run(text, dense, 64, |b| Class::Base64.holds(b));
    if first - dense >= 40 { Attempt::Hit(Found { start: place, end: at, rule: PEM }) } else { Attempt::No }
}

/// Passwords that stand for one.
const COMMON: &[&[u8]] = &[
    b"password",
    b"passwd",
    b"pass",
    b"secret",
    b"changeme",
    b"postgres",
    b"root",
    b"admin",
    b"guest",
    b"test",
    b"user",
    b"token",
];

/// `user:password@host` behind `://`.
fn url<'r>(text: &[u8], body: usize, end: bool) -> Attempt<'r> {
    let is_part = |b: u8| {
        b.is_ascii_graphic()
            && !matches!(
                b,
                b'/' | b'@'
                    | b':'
                    | b'"'
                    | b'\''
                    | b'<'
                    | b'>'
                    | b'\\'
                    | b'`'
                    | b'?'
                    | b'#'
                    | b')'
                    | b'('
                    | b'{'
                    | b'}'
                    | b'$'
                    | b'['
                    | b']'
            )
    };
    let user = run(text, body, 128, is_part);
    if user == text.len() && !end && user - body < 128 {
        return Attempt::More;
    }
    if text.get(user) != Some(&b':') {
        return Attempt::No;
    }
    let start = user + 1;
    let stop = run(text, start, 512, |b| is_part(b) || b == b':');
    if stop == text.len() && !end && stop - start < 512 {
        return Attempt::More;
    }
    let value = &text[start..stop];
    let plain = value.eq_ignore_ascii_case(&text[body..user]) || COMMON.iter().any(|c| value.eq_ignore_ascii_case(c));
    // Addresses of manuals (RFC 2606).
    let host = &text[(stop + 1).min(text.len())..(stop + 64).min(text.len())];
    if host.len() < 12 && !end && run(host, 0, 12, is_part) == host.len() {
        return Attempt::More;
    }
    let manual = [&b"example."[..], b"host", b"foo"].iter().any(|name| host.starts_with(name));
    let masked = value.iter().all(|b| matches!(b, b'*' | b'x' | b'X' | b'.' | b'%'));
    if text.get(stop) != Some(&b'@') || value.len() < 4 || plain || masked || manual || value[0] == b'%' {
        return Attempt::No;
    }
    Attempt::Hit(Found { start, end: stop, rule: URL })
}

/// The rule's name of a field that its own name makes secret.
pub(crate) fn field_rule(name: &str, value: &[u8]) -> Option<&'static str> {
    assign::is_secret_field(name, value).then_some(rule::ASSIGNED)
}
