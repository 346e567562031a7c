//! What others are shown of a session: its lines without secrets, without personal data, and without what names this machine.
//! Numbers and order stay; the chain does not, since the lines are no longer those it vouches for.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

use ace_redact::{Change, Personal, Policy, Redactor, rewrite};

/// Sessions whose veil is kept.
const KEPT: usize = 64;

/// Takes out of lines what others are not shown.
pub struct Veil {
    redactor: Redactor,
    /// Paths that stand in the record, longest first, and what is shown instead.
    paths: Vec<(String, &'static str)>,
}

impl Veil {
    /// A veil for one session. Of `policy` everything holds, and every class of personal data besides.
    #[must_use]
    pub fn new(policy: &Policy, session: &str, paths: Vec<(String, &'static str)>) -> Self {
        let personal = ["card", "iban"].into_iter().filter_map(Personal::parse).collect();
        let policy = Policy { personal, ..policy.clone() };
        let mut paths: Vec<_> = paths.into_iter().filter(|(path, _)| path.len() > 1).collect();
        paths.sort_by_key(|(path, _)| std::cmp::Reverse(path.len()));
        Self { redactor: Redactor::new(&policy, session), paths }
    }

    /// A text as others are shown it.
    #[must_use]
    pub fn text(&self, text: &str) -> String {
        self.shown("", text).unwrap_or_else(|| text.to_owned())
    }

    fn shown(&self, field: &str, text: &str) -> Option<String> {
        let mut out = self.redactor.field(field, text);
        out = without_mail(out.as_deref().unwrap_or(text)).or(out);
        for (path, instead) in &self.paths {
            let seen = out.as_deref().unwrap_or(text);
            if seen.contains(path.as_str()) {
                out = Some(seen.replace(path.as_str(), instead));
            }
        }
        out
    }

    /// A recorded line as others are shown it.
    #[must_use]
    pub fn line(&self, line: &[u8]) -> Vec<u8> {
        let rewritten = rewrite(line, |place, text| {
            if place.is_key {
                return Change::Keep;
            }
            match (place.depth, place.key) {
                (1, "prev") => Change::Text(String::new()),
                (1, _) => Change::Keep,
                (_, key) => self.shown(key, text).map_or(Change::Keep, Change::Text),
            }
        });
        rewritten.unwrap_or_else(|| line.to_owned())
    }

    /// Whole lines as others are shown them.
    #[must_use]
    pub fn lines(&self, lines: &[u8]) -> Vec<u8> {
        let mut out = Vec::with_capacity(lines.len());
        for line in ace_storage::split(lines) {
            out.extend_from_slice(&self.line(line));
            out.push(b'\n');
        }
        out
    }

    /// A JSON value as others are shown it.
    pub fn value(&self, value: &mut serde_json::Value) {
        self.field("", value);
    }

    fn field(&self, name: &str, value: &mut serde_json::Value) {
        match value {
            serde_json::Value::String(text) => {
                if let Some(shown) = self.shown(name, text) {
                    *text = shown;
                }
            }
            serde_json::Value::Array(all) => all.iter_mut().for_each(|one| self.field(name, one)),
            serde_json::Value::Object(all) => all.iter_mut().for_each(|(name, one)| self.field(name, one)),
            _ => {}
        }
    }
}

/// A text without addresses of mail; `None` if it has none.
fn without_mail(text: &str) -> Option<String> {
    let (mut out, mut done) = (String::new(), 0);
    for (at, _) in text.match_indices('@') {
        let local = |c: char| c.is_alphanumeric() || matches!(c, '.' | '_' | '-' | '+');
        let begin = text[done..at].char_indices().rev().take_while(|(_, c)| local(*c)).last().map(|(i, _)| done + i);
        let end = text[at + 1..]
            .find(|c: char| !(c.is_alphanumeric() || matches!(c, '.' | '-')))
            .unwrap_or(text.len() - at - 1);
        let host = text[at + 1..at + 1 + end].trim_end_matches(['.', '-']);
        // `S@23` and `pkg@1.2` are no addresses.
        let is_host =
            host.rsplit_once('.').is_some_and(|(_, top)| top.len() > 1 && top.chars().all(char::is_alphabetic));
        if let Some(begin) = begin.filter(|_| is_host) {
            out.push_str(&text[done..begin]);
            out.push_str("‹redacted:email›");
            done = at + 1 + host.len();
        }
    }
    (done > 0).then(|| out + &text[done..])
}

/// The veils in use, by session.
#[derive(Default)]
pub struct Veils(Mutex<HashMap<String, Arc<Veil>>>);

impl Veils {
    /// The veil of a session, made by `make` if it is not there.
    ///
    /// # Errors
    /// What `make` says.
    pub fn of<E>(&self, session: &str, make: impl FnOnce() -> Result<Veil, E>) -> Result<Arc<Veil>, E> {
        let mut veils = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(veil) = veils.get(session) {
            return Ok(veil.clone());
        }
        let veil = Arc::new(make()?);
        if veils.len() >= KEPT {
            veils.clear();
        }
        veils.insert(session.to_owned(), veil.clone());
        Ok(veil)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn b29_a_shared_line_keeps_number_and_type_and_loses_secrets_and_places() {
        let veil =
            Veil::new(&Policy::default(), "s", vec![("/home/mira".into(), "~"), ("/home/mira/.ace".into(), "~/ace")]);
        // Put together here, so that no scanner of sources stumbles over it.
        let key = ["AKIA", "IOSFODNN7EXAMPLX"].concat();
        let line = r#"{"seq":4,"ts":"t","prev":"ab","v":1,"id":"a-1","type":"user.message","data":{"text":"mail mira@example.org, key KEY, see /home/mira/.ace/x and /home/mira/y","n":1.50}}"#.replace("KEY", &key);
        let shown = String::from_utf8(veil.line(line.as_bytes())).unwrap();
        for hidden in ["mira", &*key, "\"ab\""] {
            assert!(!shown.contains(hidden), "{shown}");
        }
        for kept in ["{\"seq\":4,", "\"prev\":\"\"", "user.message", "~/ace/x", "~/y", "1.50"] {
            assert!(shown.contains(kept), "{kept}: {shown}");
        }
    }
}
