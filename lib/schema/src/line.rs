//! One line of the stream, read without copying: envelope fields and the payload's own bytes.

use serde::Deserialize;
use serde_json::value::RawValue;
use std::borrow::Cow;

use crate::event::{self, Class};

/// A line's envelope over borrowed bytes. Fields that are absent are `None`, zero or empty; unknown fields are ignored here and
/// survive because programs hand on the line's own bytes.
#[derive(Debug, Clone, Deserialize)]
pub struct Line<'a> {
    /// Number of the record; absent on drafts.
    #[serde(default)]
    pub seq: Option<u64>,
    /// UTC time of the record, RFC 3339 with milliseconds; empty on drafts.
    #[serde(borrow, default)]
    pub ts: Cow<'a, str>,
    /// Lower-case hex SHA-256 of the line before, without its LF; empty on drafts.
    #[serde(borrow, default)]
    pub prev: Cow<'a, str>,
    /// The pen that wrote the record; absent on drafts.
    #[serde(default)]
    pub pen: Option<u32>,
    /// On chalk in `live.jsonl`: the last record before it.
    #[serde(default)]
    pub after: Option<u64>,
    /// Version of the format.
    #[serde(default)]
    pub v: u32,
    /// Id, unique within the session; empty on control lines.
    #[serde(borrow, default)]
    pub id: Cow<'a, str>,
    /// Session id.
    #[serde(borrow, default)]
    pub session: Cow<'a, str>,
    /// Ordinal of the turn, from 1; 0 outside turns.
    #[serde(default)]
    pub turn: u32,
    /// Id of the event this one answers; empty if none.
    #[serde(borrow, default)]
    pub cause: Cow<'a, str>,
    /// Program that wrote it.
    #[serde(borrow, default)]
    pub by: Cow<'a, str>,
    /// Type, see [`crate::event::EVENTS`].
    #[serde(borrow, rename = "type")]
    pub ty: Cow<'a, str>,
    /// Payload, by type in [`crate::data`].
    #[serde(borrow, default)]
    pub data: Option<&'a RawValue>,
}

/// Why bytes are not a line.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum LineError {
    /// Not one JSON object with a `type`; the parser's words.
    NotAnEvent(String),
    /// A format version this code does not read.
    Version(u32),
    /// Longer than [`crate::limits::LINE_BYTES`], with its length.
    TooLong(usize),
}

impl std::fmt::Display for LineError {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::NotAnEvent(why) => write!(f, "not an event: {why}"),
            Self::Version(v) => write!(f, "needs a newer ace: v {v}, this one reads v {}", crate::VERSION),
            Self::TooLong(n) => write!(f, "line of {n} bytes, the limit is {}", crate::limits::LINE_BYTES),
        }
    }
}

impl std::error::Error for LineError {}

impl<'a> Line<'a> {
    /// Reads the envelope of one line, with or without its LF.
    ///
    /// # Errors
    /// Bytes that are not one JSON object with a `type`, a version other than ours on anything but control lines, a line too long.
    pub fn parse(bytes: &'a [u8]) -> Result<Self, LineError> {
        if bytes.len() > crate::limits::LINE_BYTES {
            return Err(LineError::TooLong(bytes.len()));
        }
        let line: Self = serde_json::from_slice(bytes).map_err(|e| LineError::NotAnEvent(e.to_string()))?;
        if line.v == 0 && line.class() != Class::Control {
            // A neighbour's own JSON; only who names a version can be newer than we are.
            return Err(LineError::NotAnEvent("no version".to_owned()));
        }
        if line.v != crate::VERSION && line.class() != Class::Control {
            return Err(LineError::Version(line.v));
        }
        Ok(line)
    }

    /// How this line is kept.
    #[must_use]
    pub fn class(&self) -> Class {
        event::class(&self.ty)
    }

    /// Whether the line is a fact: it has been recorded.
    #[must_use]
    pub fn is_recorded(&self) -> bool {
        self.seq.is_some()
    }

    /// The payload as its type. A missing payload reads as `{}`.
    ///
    /// # Errors
    /// The payload does not have the shape.
    pub fn data<T: Deserialize<'a>>(&self) -> Result<T, LineError> {
        let text = self.data.map_or("{}", RawValue::get);
        serde_json::from_str(text).map_err(|e| LineError::NotAnEvent(format!("{}: {e}", self.ty)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn envelope_is_borrowed_and_unknown_fields_do_not_matter() {
        let text = br#"{"seq":4,"ts":"2026-11-20T06:41:00.123Z","prev":"aa","pen":2,"v":1,"id":"a-1","session":"s","turn":3,"cause":"b","by":"x","type":"tool.completed","later":[1],"data":{"a":1.0}}"#;
        let line = Line::parse(text).unwrap();
        assert!(matches!(line.ty, Cow::Borrowed("tool.completed")));
        assert!(matches!(line.id, Cow::Borrowed(_)));
        assert_eq!((line.seq, line.pen, line.turn), (Some(4), Some(2), 3));
        assert_eq!(line.data.unwrap().get(), r#"{"a":1.0}"#);
    }

    #[test]
    fn strange_bytes_are_errors_not_panics() {
        for bytes in [&b""[..], b"\xff\xfe", b"[]", b"{}", b"null", b"{\"type\":1}", b"{\"type\":\"a\",\"v\":1}x"] {
            assert!(matches!(Line::parse(bytes), Err(LineError::NotAnEvent(_))), "{bytes:?}");
        }
        assert_eq!(Line::parse(br#"{"v":2,"type":"a.b"}"#).unwrap_err(), LineError::Version(2));
        assert!(matches!(Line::parse(br#"{"type":"progress"}"#), Err(LineError::NotAnEvent(_))));
        assert!(Line::parse(br#"{"type":"log.live"}"#).is_ok());
    }
}
