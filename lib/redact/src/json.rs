//! Strings of a JSON line rewritten in place: every byte that is not part of a changed string stays as it was, so that numbers,
//! order, spaces and doubled keys survive.

use std::borrow::Cow;
use std::fmt::Write;

/// Where a string stands.
#[derive(Debug, Clone, Copy)]
pub struct Place<'p> {
    /// Objects and arrays around it; 1 for the fields of the line itself.
    pub depth: usize,
    /// The name of the field it is the value of, or in whose list it stands; empty for none.
    pub key: &'p str,
    /// It is a name itself.
    pub is_key: bool,
}

/// What becomes of a string.
pub enum Change {
    /// It stays.
    Keep,
    /// Another takes its place.
    Text(String),
    /// It names a blob that has become another: its hash, and what stands under `bytes` beside it.
    Blob(String, u64),
}

/// One object or array around the place that is read.
#[derive(Default)]
struct Frame {
    is_object: bool,
    key: String,
    expects_key: bool,
    /// The bytes of the blob that is named in this object, if it has become another.
    bytes: Option<u64>,
    /// Where the number under `bytes` stands.
    number: Option<(usize, usize)>,
}

/// The line with its strings as `change` wants them; `None` if it wants none changed. Bytes that are no JSON are read as far as they
/// look like it.
pub fn rewrite(line: &[u8], mut change: impl FnMut(Place<'_>, &str) -> Change) -> Option<Vec<u8>> {
    let mut edits: Vec<(usize, usize, String)> = Vec::new();
    let mut frames: Vec<Frame> = Vec::new();
    let mut at = 0;
    while at < line.len() {
        match line[at] {
            b'"' => {
                let end = string_end(line, at);
                let depth = frames.len();
                let (is_key, key) = match frames.last() {
                    Some(frame) => (frame.is_object && frame.expects_key, frame.key.as_str()),
                    None => (false, ""),
                };
                let text = decode(&line[at..end]);
                let done = change(Place { depth, key: if is_key { "" } else { key }, is_key }, &text);
                if is_key && let Some(frame) = frames.last_mut() {
                    frame.key = text.into_owned();
                }
                match done {
                    Change::Keep => {}
                    Change::Text(new) => edits.push((at, end, quoted(&new))),
                    Change::Blob(sha, bytes) => {
                        edits.push((at, end, quoted(&sha)));
                        if let Some(frame) = frames.last_mut() {
                            frame.bytes = Some(bytes);
                        }
                    }
                }
                at = end;
                continue;
            }
            b'{' => frames.push(Frame { is_object: true, expects_key: true, ..Frame::default() }),
            b'[' => {
                let key = frames.last().map(|f| f.key.clone()).unwrap_or_default();
                frames.push(Frame { key, ..Frame::default() });
            }
            b'}' | b']' => {
                if let Some(Frame { bytes: Some(bytes), number: Some((from, to)), .. }) = frames.pop() {
                    edits.push((from, to, bytes.to_string()));
                }
            }
            b',' | b':' => {
                if let Some(frame) = frames.last_mut() {
                    frame.expects_key = line[at] == b',';
                }
            }
            b'0'..=b'9' => {
                let end = line[at..].iter().position(|b| !b.is_ascii_digit()).map_or(line.len(), |n| at + n);
                if let Some(frame) = frames.last_mut().filter(|f| f.is_object && f.key == "bytes") {
                    frame.number = Some((at, end));
                }
                at = end;
                continue;
            }
            _ => {}
        }
        at += 1;
    }
    if edits.is_empty() {
        return None;
    }
    edits.sort_by_key(|(from, ..)| *from);
    let mut out = Vec::with_capacity(line.len());
    let mut kept = 0;
    for (from, to, new) in edits {
        out.extend_from_slice(&line[kept..from]);
        out.extend_from_slice(new.as_bytes());
        kept = to;
    }
    out.extend_from_slice(&line[kept..]);
    Some(out)
}

/// Behind the quote that closes the string that opens at `at`.
fn string_end(line: &[u8], at: usize) -> usize {
    let mut i = at + 1;
    while i < line.len() {
        match line[i] {
            b'\\' => i += 2,
            b'"' => return i + 1,
            _ => i += 1,
        }
    }
    line.len()
}

/// What a string says. One that no text can say (half a surrogate pair) is taken as it is written.
fn decode(string: &[u8]) -> Cow<'_, str> {
    let inner = string.strip_prefix(b"\"").unwrap_or(string);
    let inner = inner.strip_suffix(b"\"").unwrap_or(inner);
    if !inner.contains(&b'\\') {
        return String::from_utf8_lossy(inner);
    }
    match serde_json::from_slice::<String>(string) {
        Ok(text) => Cow::Owned(text),
        Err(_) => String::from_utf8_lossy(inner),
    }
}

fn quoted(text: &str) -> String {
    let mut out = String::with_capacity(text.len() + 2);
    out.push('"');
    escape(text, &mut out);
    out.push('"');
    out
}

/// A text as JSON writes it, without the quotes.
pub(crate) fn escape(text: &str, out: &mut String) {
    for c in text.chars() {
        match c {
            '"' => out.push_str("\\\""),
            '\\' => out.push_str("\\\\"),
            '\n' => out.push_str("\\n"),
            '\r' => out.push_str("\\r"),
            '\t' => out.push_str("\\t"),
            '\u{8}' => out.push_str("\\b"),
            '\u{c}' => out.push_str("\\f"),
            // Writing to a string cannot fail.
            c if u32::from(c) < 0x20 => drop(write!(out, "\\u{:04x}", u32::from(c))),
            c => out.push(c),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn changed(line: &str, change: impl FnMut(Place<'_>, &str) -> Change) -> Option<String> {
        rewrite(line.as_bytes(), change).map(|bytes| String::from_utf8(bytes).unwrap())
    }

    #[test]
    fn only_what_is_changed_changes() {
        let line = r#"{ "a" : 1.0, "b":["x",{"x":"y\u0041\n"}], "b":1e5,"x":"x" }"#;
        assert_eq!(changed(line, |_, _| Change::Keep), None);
        let up = |place: Place<'_>, text: &str| match text {
            "x" if !place.is_key => Change::Text(format!("{}{}\"", place.key, place.depth)),
            "yA\n" => Change::Text("é\n".into()),
            _ => Change::Keep,
        };
        let expected = r#"{ "a" : 1.0, "b":["b2\"",{"x":"é\n"}], "b":1e5,"x":"x1\"" }"#;
        assert_eq!(changed(line, up).as_deref(), Some(expected));
    }

    #[test]
    fn a_blob_that_became_another_has_other_bytes_wherever_they_stand() {
        let blob = |_: Place<'_>, text: &str| if text == "old" { Change::Blob("new".into(), 7) } else { Change::Keep };
        for (line, expected) in [
            (
                r#"{"o":{"sha":"old","bytes":123,"media":"m"},"bytes":5}"#,
                r#"{"o":{"sha":"new","bytes":7,"media":"m"},"bytes":5}"#,
            ),
            (r#"{"bytes":123,"sha":"old"}"#, r#"{"bytes":7,"sha":"new"}"#),
            (r#"{"system":"old","tools":""}"#, r#"{"system":"new","tools":""}"#),
        ] {
            assert_eq!(changed(line, blob).as_deref(), Some(expected));
        }
    }

    #[test]
    fn what_is_no_json_does_not_panic() {
        for line in ["", "\"", "\"\\", "{\"a", "]}}", "{\"a\":\"\\ud800\"}", "[[[[", "\u{0}"] {
            let _ = changed(line, |_, text| Change::Text(text.to_owned()));
        }
        let half =
            changed(r#"{"a":"\ud800 s"}"#, |p, _| if p.is_key { Change::Keep } else { Change::Text("t".into()) });
        assert_eq!(half.as_deref(), Some(r#"{"a":"t"}"#));
    }
}
