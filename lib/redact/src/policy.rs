//! What is looked for, as a person has said it, and the redactor that is made of it for one session.

use std::sync::{Arc, LazyLock};

use crate::mark::Key;
use crate::personal::Personal;
use crate::plain::{ESCAPE, View, plain};
use crate::scan::{Found, Scanner, field_rule};
use crate::stream::Stream;
use crate::value;

/// Values that are looked for at most; the longest count first.
const VALUES: usize = 512;

/// Bytes of a variable's name in a placeholder.
const NAME_BYTES: usize = 40;

/// What is looked for.
#[derive(Debug, Clone, Default)]
pub struct Policy {
    /// Classes of personal data.
    pub personal: Vec<Personal>,
    /// Prefixes of the user's own tokens; sixteen characters of a token have to follow.
    pub prefixes: Vec<String>,
    /// Rules that are left out.
    pub left_out: Vec<String>,
    /// Values of the machine's secret variables, with the variable's name. Those not worth hiding are passed over.
    pub values: Vec<(String, String)>,
    /// What keys the IDs of placeholders.
    pub key: Key,
}

/// Cleans texts of one session.
#[derive(Clone)]
pub struct Redactor {
    scanner: Arc<LazyLock<Scanner, Box<dyn FnOnce() -> Scanner + Send>>>,
    /// The key of the policy, and that of the session.
    base: Key,
    pub(crate) key: Key,
}

impl std::fmt::Debug for Redactor {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Redactor")
    }
}

impl Redactor {
    /// A redactor for one session. Its tables are made when it looks for the first time, or is told to get ready.
    #[must_use]
    pub fn new(policy: &Policy, session: &str) -> Self {
        let all = policy.clone();
        let scanner = LazyLock::new(Box::new(move || Self::tables(&all)) as Box<dyn FnOnce() -> Scanner + Send>);
        Self { scanner: Arc::new(scanner), base: policy.key.clone(), key: policy.key.session(session) }
    }

    /// Makes the tables now.
    pub fn get_ready(&self) {
        LazyLock::force(&self.scanner);
    }

    pub(crate) fn scanner(&self) -> &Scanner {
        &self.scanner
    }

    fn tables(policy: &Policy) -> Scanner {
        let mut values: Vec<(String, Vec<u8>)> = Vec::new();
        let passwords = policy.values.iter().filter_map(|(name, value)| Some((name, value::password_of(value)?)));
        let values_of = policy.values.iter().map(|(name, value)| (name, value.as_str()));
        for (name, value) in values_of.chain(passwords).filter(|(_, value)| value::is_worth_hiding(value)) {
            let name: String =
                name.chars().filter(|c| c.is_ascii_alphanumeric() || *c == '_').take(NAME_BYTES).collect();
            let name = if name.is_empty() { "variable".to_owned() } else { name };
            let trimmed = value.trim();
            // In a text that is JSON itself it stands escaped.
            for form in [trimmed.to_owned(), escaped(trimmed)] {
                if values.iter().all(|(_, known)| known != form.as_bytes()) {
                    values.push((name.clone(), form.into_bytes()));
                }
            }
        }
        values.sort_by_key(|(_, value)| std::cmp::Reverse(value.len()));
        values.truncate(VALUES);
        Scanner::new(&values, &policy.prefixes, policy.personal.clone(), policy.left_out.clone())
    }

    /// The same for another session, with the same tables.
    #[must_use]
    pub fn of_session(&self, session: &str) -> Self {
        Self { scanner: self.scanner.clone(), base: self.base.clone(), key: self.base.session(session) }
    }

    /// The text without its secrets; `None` if it has none.
    #[must_use]
    pub fn text(&self, text: &str) -> Option<String> {
        // What is put in is text, and what is taken out begins and ends between characters.
        self.bytes(text.as_bytes()).map(|bytes| String::from_utf8_lossy(&bytes).into_owned())
    }

    /// The same for bytes that may be no text.
    #[must_use]
    pub fn bytes(&self, bytes: &[u8]) -> Option<Vec<u8>> {
        let shown = self.seen(bytes, View::Shown);
        let written = match &shown {
            // What stood behind a secret begins at its placeholder now.
            Some(text) => self.seen(text, View::Written),
            None if bytes.contains(&ESCAPE) => self.seen(bytes, View::Written),
            // Without an escape both ways to look are one.
            None => None,
        };
        written.or(shown)
    }

    fn seen(&self, bytes: &[u8], view: View) -> Option<Vec<u8>> {
        let seen = plain(bytes, view, true);
        let (found, _) = self.scanner().scan(&seen.bytes, 0, true);
        if found.is_empty() {
            return None;
        }
        let mut out = Vec::with_capacity(bytes.len());
        let mut at = 0;
        for hit in &found {
            out.extend_from_slice(&bytes[at..seen.source(hit.start)]);
            out.extend_from_slice(self.mark(hit, &seen.bytes).as_bytes());
            at = seen.source_end(hit.end);
        }
        out.extend_from_slice(&bytes[at..]);
        Some(out)
    }

    /// The text of a field without its secrets: a field whose name says that it is secret is one as a whole.
    #[must_use]
    pub fn field(&self, name: &str, text: &str) -> Option<String> {
        self.text(text).or_else(|| field_rule(name, text.as_bytes()).map(|rule| self.key.mark(rule, text.as_bytes())))
    }

    /// Cleans a text that comes in pieces.
    #[must_use]
    pub fn stream(&self) -> Stream {
        Stream::new(self.clone())
    }

    /// Whether a text may hold anything; a cheap no for nearly every one.
    #[must_use]
    pub fn may_hold(&self, text: &[u8]) -> bool {
        self.scanner().may_hold(text)
    }

    pub(crate) fn mark(&self, hit: &Found<'_>, text: &[u8]) -> String {
        self.key.mark(hit.rule, &text[hit.start..hit.end])
    }
}

/// A text as JSON escapes it, without the quotes around it.
fn escaped(text: &str) -> String {
    let mut out = String::new();
    crate::json::escape(text, &mut out);
    out
}
