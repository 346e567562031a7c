//! What came from a provider while it was asked, kept as it came: the bytes of the stream, when each piece of them arrived, and how
//! it ended. As rows of a recording it is played through the same decoder. It never holds what was sent: neither key nor request.

use std::time::{Duration, Instant};

use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use serde_json::{Map, Value, json};

use crate::failure::Failure;

/// One answer while it is recorded.
#[derive(Debug)]
pub struct Tape {
    last: Instant,
    rows: Vec<Row>,
}

#[derive(Debug)]
enum Row {
    Note(Duration, String),
    Raw(Duration, Vec<u8>),
}

impl Default for Tape {
    fn default() -> Self {
        Self { last: Instant::now(), rows: Vec::new() }
    }
}

impl Tape {
    /// An empty tape; time runs from now on.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    fn waited(&mut self) -> Duration {
        let now = Instant::now();
        now.duration_since(std::mem::replace(&mut self.last, now))
    }

    /// The request is sent again: nothing of what came was handed on.
    pub(crate) fn again(&mut self) {
        self.rows.retain(|row| matches!(row, Row::Note(..)));
    }

    /// Something was said about the connection.
    pub(crate) fn note(&mut self, words: &str) {
        let waited = self.waited();
        self.rows.push(Row::Note(waited, words.to_owned()));
    }

    /// Bytes of the stream.
    pub(crate) fn raw(&mut self, bytes: &[u8]) {
        let waited = self.waited();
        self.rows.push(Row::Raw(waited, bytes.to_vec()));
    }

    /// The rows of answer number `answer` (from 0) of the model `NAME/MODEL` over that wire: lines of a recording, see
    /// [`crate::cassette`]. `failure` is how it ended if it did not end well.
    #[must_use]
    pub fn rows(mut self, answer: usize, model: &str, wire: &str, failure: Option<&Failure>) -> String {
        let end = self.waited();
        let mut out = String::new();
        let mut write = |wait: Duration, row: Value| {
            let mut line = Map::new();
            line.insert("answer".into(), answer.into());
            let wait = u64::try_from(wait.as_millis()).unwrap_or(u64::MAX);
            if wait > 0 {
                line.insert("wait_ms".into(), wait.into());
            }
            if let Value::Object(fields) = row {
                line.extend(fields);
            }
            out.push_str(&Value::Object(line).to_string());
            out.push('\n');
        };
        write(Duration::ZERO, json!({ "model": model, "wire": wire }));
        for row in self.rows {
            match row {
                Row::Note(wait, note) => write(wait, json!({ "note": note })),
                Row::Raw(wait, bytes) => match String::from_utf8(bytes) {
                    Ok(text) => write(wait, json!({ "raw": text })),
                    // A character may be cut in two.
                    Err(e) => write(wait, json!({ "raw64": BASE64_STANDARD.encode(e.as_bytes()) })),
                },
            }
        }
        match failure {
            None => write(end, json!({ "over": true })),
            Some(f) => write(end, json!({"fail": {"code": f.code, "message": f.message, "hint": f.hint}})),
        }
        out
    }
}
