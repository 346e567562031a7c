//! Values as providers write them: fields of a form nobody foresaw are left alone. Knows no wire.

use serde::Serialize;
use serde_json::{Deserializer, Value};

use crate::wire::StreamError;

const DONE: &str = "[DONE]";

/// Gives `on` every value in the data of one event and tells whether `[DONE]` stood there too. One line may hold several: a proxy
/// lost the line between them.
pub fn each(data: &str, mut on: impl FnMut(Value) -> Result<(), StreamError>) -> Result<bool, StreamError> {
    let mut rest = data.trim();
    let mut done = false;
    while !rest.is_empty() {
        if let Some(after) = rest.strip_prefix(DONE) {
            done = true;
            rest = after.trim_start();
            continue;
        }
        rest = rest.strip_prefix("data:").unwrap_or(rest);
        let mut values = Deserializer::from_str(rest).into_iter::<Value>();
        match values.next() {
            Some(Ok(value)) => {
                // What comes after an end was none.
                done = false;
                on(value)?;
            }
            // Half an object at the end of a stream: more was to come.
            Some(Err(e)) if e.is_eof() => return Err(StreamError::Cut),
            Some(Err(e)) => return Err(StreamError::Format(e.to_string())),
            None => break,
        }
        rest = rest.get(values.byte_offset()..).unwrap_or_default().trim_start();
    }
    Ok(done)
}

/// Takes a field out of an object; null if there is none, or no object.
pub fn take(value: &mut Value, key: &str) -> Value {
    value.get_mut(key).map(Value::take).unwrap_or_default()
}

/// A string, or nothing.
pub fn text(value: Value) -> String {
    match value {
        Value::String(text) => text,
        _ => String::new(),
    }
}

/// Takes a string out of an object.
pub fn take_text(value: &mut Value, key: &str) -> String {
    text(take(value, key))
}

/// Takes a list out of an object.
pub fn take_list(value: &mut Value, key: &str) -> Vec<Value> {
    match take(value, key) {
        Value::Array(list) => list,
        _ => Vec::new(),
    }
}

/// Tokens, however they are written: what is absent, negative or no number is none. `c07`: figures of a provider never lower what
/// was spent.
pub fn tokens(value: &Value) -> u64 {
    /// No request has more; beyond it somebody jokes.
    const MOST: u64 = 1 << 40;
    #[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "clamped before")]
    let whole = || value.as_f64().filter(|n| *n > 0.0).map(|n| n.min(1e12) as u64);
    value.as_u64().or_else(whole).unwrap_or(0).min(MOST)
}

/// JSON without line breaks: they can stand only between its values.
pub fn one_line(json: &str) -> String {
    json.replace(['\n', '\r'], " ")
}

/// Appends JSON. Writing strings to memory cannot fail.
pub fn write(out: &mut Vec<u8>, value: &(impl Serialize + ?Sized)) {
    let written = serde_json::to_writer(out, value);
    debug_assert!(written.is_ok());
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn c07_figures_of_any_form_are_tokens_or_none() {
        for (value, want) in [
            (json!(7), 7),
            (json!(7.0), 7),
            (json!(-7), 0),
            (json!(-7.5), 0),
            (json!(null), 0),
            (json!("7"), 0),
            (json!(1e300), 1_000_000_000_000),
            (json!(u64::MAX), 1 << 40),
        ] {
            assert_eq!(tokens(&value), want, "{value}");
        }
    }
}
