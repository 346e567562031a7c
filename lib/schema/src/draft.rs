//! Drafts: what a program writes before the log gives it a number.

use serde::Serialize;
use serde_json::value::RawValue;

use crate::VERSION;

/// One draft, in the order of fields in which it is written.
#[derive(Debug, Clone, Serialize)]
pub struct Draft<'a, T: Serialize> {
    /// Format version.
    pub v: u32,
    /// Own or derived id.
    pub id: &'a str,
    /// Session id.
    pub session: &'a str,
    /// Ordinal of the turn; left out outside turns.
    #[serde(skip_serializing_if = "is_zero")]
    pub turn: u32,
    /// Id of the event answered; left out if none.
    #[serde(skip_serializing_if = "str::is_empty")]
    pub cause: &'a str,
    /// The program.
    pub by: &'a str,
    /// The type.
    #[serde(rename = "type")]
    pub ty: &'a str,
    /// The payload.
    pub data: T,
}

#[allow(clippy::trivially_copy_pass_by_ref, reason = "serde asks for a reference")]
fn is_zero(n: &u32) -> bool {
    *n == 0
}

/// A program's own signature: its name, and ids that nobody else makes.
#[derive(Debug, Clone)]
pub struct Drafter {
    by: &'static str,
    prefix: String,
    next: u64,
    session: String,
}

impl Drafter {
    /// A drafter for the program `by`; `random` makes its ids unique (a fixed number makes a test repeatable).
    #[must_use]
    pub fn new(by: &'static str, random: u64) -> Self {
        Self { by, prefix: crate::id::writer(random), next: 1, session: String::new() }
    }

    /// Which session the drafts are for; a filter learns it from the first recorded line.
    pub fn set_session(&mut self, session: &str) {
        if self.session != session {
            self.session = session.to_owned();
        }
    }

    /// The session set last, or empty.
    #[must_use]
    pub fn session(&self) -> &str {
        &self.session
    }

    /// The eight characters before the counter in every own id.
    #[must_use]
    pub fn prefix(&self) -> &str {
        &self.prefix
    }

    /// Whether an id was made by this very drafter: not by another with the same fixed number, as after a restart.
    #[must_use]
    pub fn is_mine(&self, id: &str) -> bool {
        let number = id.strip_prefix(&self.prefix).and_then(|rest| rest.strip_prefix('-'));
        number.and_then(|n| n.parse::<u64>().ok()).is_some_and(|n| n < self.next)
    }

    /// A fresh own id.
    pub fn id(&mut self) -> String {
        let id = format!("{}-{}", self.prefix, self.next);
        self.next += 1;
        id
    }

    /// The draft as one line with its LF, under the given id (own or derived).
    #[must_use]
    pub fn line(&self, id: &str, turn: u32, cause: &str, ty: &str, data: &impl Serialize) -> Vec<u8> {
        let draft = Draft { v: VERSION, id, session: &self.session, turn, cause, by: self.by, ty, data };
        // Our payloads are plain structs with string keys: serialising them cannot fail.
        let mut line = serde_json::to_vec(&draft).unwrap_or_default();
        line.push(b'\n');
        line
    }

    /// The same with a fresh own id, which is returned too.
    pub fn draft(&mut self, turn: u32, cause: &str, ty: &str, data: &impl Serialize) -> (String, Vec<u8>) {
        let id = self.id();
        let line = self.line(&id, turn, cause, ty, data);
        (id, line)
    }
}

/// The line that ends history (`log.live`) or opens a stream without a log (`log.none`).
#[must_use]
pub fn control(ty: &str) -> Vec<u8> {
    format!("{{\"type\":\"{ty}\"}}\n").into_bytes()
}

/// The lines that carry a blob to the keeper, ahead of the event that names it. `encode` turns bytes into base64 (the caller's
/// codec, so that this room stays without one).
#[must_use]
pub fn blob_lines(sha: &str, bytes: &[u8], encode: impl Fn(&[u8]) -> String) -> Vec<Vec<u8>> {
    let parts: Vec<&[u8]> =
        if bytes.is_empty() { vec![bytes] } else { bytes.chunks(crate::limits::BLOB_PART_BYTES).collect() };
    let of = parts.len();
    parts
        .iter()
        .enumerate()
        .map(|(part, chunk)| {
            let line = BlobPart { ty: crate::ty::LOG_BLOB, sha, part, of, data: encode(chunk) };
            let mut out = serde_json::to_vec(&line).unwrap_or_default();
            out.push(b'\n');
            out
        })
        .collect()
}

/// One `log.blob` line.
#[derive(Debug, Clone, Serialize)]
struct BlobPart<'a> {
    #[serde(rename = "type")]
    ty: &'a str,
    sha: &'a str,
    part: usize,
    of: usize,
    data: String,
}

/// A `log.blob` line as read.
#[derive(Debug, Clone, serde::Deserialize)]
pub struct BlobPartLine<'a> {
    /// Lower-case hex SHA-256 of the whole blob.
    #[serde(borrow)]
    pub sha: std::borrow::Cow<'a, str>,
    /// Ordinal of the part, from 0.
    pub part: usize,
    /// How many parts there are.
    pub of: usize,
    /// The part's bytes in base64 (standard alphabet, padded).
    #[serde(borrow)]
    pub data: std::borrow::Cow<'a, str>,
}

/// A payload that is already JSON.
#[must_use]
pub fn raw(json: String) -> Box<RawValue> {
    RawValue::from_string(json).unwrap_or_else(|_| RawValue::NULL.to_owned())
}

impl<'a> BlobPartLine<'a> {
    /// Reads one `log.blob` line.
    ///
    /// # Errors
    /// The bytes are no such line.
    pub fn parse(bytes: &'a [u8]) -> Result<Self, crate::LineError> {
        serde_json::from_slice(bytes).map_err(|e| crate::LineError::NotAnEvent(e.to_string()))
    }
}
