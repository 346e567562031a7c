//! A JSON Schema, and whether a text fits it.

use ace_schema::limits;
use serde_json::Value;

/// Why a text is no schema that answers could be held to.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Problem {
    /// It is too long.
    #[error("it has {0} bytes, the limit is {max}", max = limits::SCHEMA_BYTES)]
    Long(usize),
    /// It is no JSON.
    #[error("it is no JSON: {0}")]
    Json(String),
    /// It is no object.
    #[error("it is no object")]
    NotAnObject,
    /// Too deep.
    #[error("it is nested deeper than {max}", max = limits::SCHEMA_DEPTH)]
    Deep,
    /// It refers to what lies outside of it.
    #[error("it refers to '{0}', which lies outside of it")]
    Outside(String),
    /// It is none by the rules of JSON Schema.
    #[error("{0}")]
    Schema(String),
}

/// A schema that answers are held to.
#[derive(Debug)]
pub struct Shape {
    validator: jsonschema::Validator,
    text: String,
}

impl Shape {
    /// Reads a schema.
    ///
    /// # Errors
    /// See [`Problem`].
    pub fn read(text: &str) -> Result<Self, Problem> {
        if text.len() > limits::SCHEMA_BYTES {
            return Err(Problem::Long(text.len()));
        }
        let value: Value = serde_json::from_str(text).map_err(|e| Problem::Json(e.to_string()))?;
        if !value.is_object() {
            return Err(Problem::NotAnObject);
        }
        look(&value, 0)?;
        let validator = jsonschema::validator_for(&value).map_err(|e| Problem::Schema(one_line(&e.to_string())))?;
        // The same schema gives the same request, however its file was laid out.
        Ok(Self { validator, text: value.to_string() })
    }

    /// The schema on one line.
    #[must_use]
    pub fn text(&self) -> &str {
        &self.text
    }

    /// The JSON inside an answer, if it fits.
    ///
    /// # Errors
    /// What does not fit, a line each, at most [`limits::SCHEMA_FAULTS`].
    pub fn fits(&self, answer: &str) -> Result<Value, Vec<String>> {
        let value: Value =
            serde_json::from_str(extract(answer)).map_err(|e| vec![format!("the answer is no JSON: {e}")])?;
        let faults: Vec<String> = self
            .validator
            .iter_errors(&value)
            .take(limits::SCHEMA_FAULTS)
            .map(|e| {
                let place = e.instance_path().to_string();
                let place = if place.is_empty() { "the whole".to_owned() } else { place };
                cut(&one_line(&format!("{place}: {e}")))
            })
            .collect();
        if faults.is_empty() { Ok(value) } else { Err(faults) }
    }
}

/// Depth, and references: only those into the schema itself.
fn look(value: &Value, depth: usize) -> Result<(), Problem> {
    if depth > limits::SCHEMA_DEPTH {
        return Err(Problem::Deep);
    }
    match value {
        Value::Object(map) => map.iter().try_for_each(|(key, value)| match (key.as_str(), value) {
            ("$ref" | "$dynamicRef", Value::String(to)) if !to.starts_with('#') => Err(Problem::Outside(to.clone())),
            _ => look(value, depth + 1),
        }),
        Value::Array(list) => list.iter().try_for_each(|value| look(value, depth + 1)),
        _ => Ok(()),
    }
}

/// The JSON of an answer: models like to put a fence around it, or a word before it.
#[must_use]
pub fn extract(answer: &str) -> &str {
    let text = answer.trim();
    if let Some((_, rest)) = text.split_once("```") {
        let inner = rest.split_once('\n').map_or(rest, |(_, inner)| inner);
        if let Some((inner, _)) = inner.rsplit_once("```") {
            return inner.trim();
        }
    }
    if serde_json::from_str::<serde::de::IgnoredAny>(text).is_ok() {
        return text;
    }
    match (text.find('{'), text.rfind('}')) {
        (Some(from), Some(to)) if from < to => &text[from..=to],
        _ => text,
    }
}

/// What the model is told when its answer does not fit.
#[must_use]
pub fn repair(faults: &[String]) -> String {
    format!(
        "That answer does not fit the JSON Schema that was asked for:\n- {}\nAnswer again, whole, with JSON alone.",
        faults.join("\n- ")
    )
}

fn one_line(text: &str) -> String {
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}

fn cut(text: &str) -> String {
    text.chars().take(limits::ERROR_TEXT_CHARS).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    const SCHEMA: &str = r##"{"type":"object","properties":{"n":{"$ref":"#/$defs/n"},"tags":{"type":"array","items":{"type":"string"}}},
        "required":["n"],"additionalProperties":false,"$defs":{"n":{"type":"integer","minimum":1}}}"##;

    #[test]
    fn an_answer_fits_or_every_fault_is_named() {
        let shape = Shape::read(SCHEMA).unwrap();
        assert_eq!(shape.fits(r#"{"n":3}"#).unwrap()["n"], 3);
        let faults = shape.fits(r#"{"n":0,"tags":[1],"x":2}"#).unwrap_err();
        assert_eq!(faults.len(), 3, "{faults:?}");
        assert!(faults.iter().any(|f| f.starts_with("/n: ")) && faults.iter().any(|f| f.starts_with("/tags/0: ")));
        assert!(shape.fits("no").unwrap_err()[0].starts_with("the answer is no JSON"));
        assert!(!shape.text().contains('\n'));
    }

    #[test]
    fn json_is_found_where_models_put_it() {
        for answer in [
            r#"{"n":3}"#,
            "\n {\"n\":3}\n",
            "```json\n{\"n\":3}\n```",
            "Here it is:\n```\n{\"n\":3}\n```\nDone.",
            "The answer is {\"n\":3}.",
        ] {
            assert_eq!(extract(answer), r#"{"n":3}"#, "{answer}");
        }
        for odd in ["", "```", "``````", "}{", "```\n", "\u{feff}", "```json {\"a\":1}```"] {
            let _ = extract(odd);
        }
        assert_eq!(extract("[1, 2]"), "[1, 2]");
    }

    #[test]
    fn a_schema_from_anywhere_is_bounded_and_stays_here() {
        let read = |text: &str| Shape::read(text).map(drop);
        assert!(matches!(read("{"), Err(Problem::Json(_))));
        assert_eq!(read("[]"), Err(Problem::NotAnObject));
        assert!(matches!(read(r#"{"type":"nonsense"}"#), Err(Problem::Schema(_))));
        for to in ["http://127.0.0.1:9/x.json", "file:///etc/passwd", "other.json", "https://json-schema.org/x"] {
            let text = format!(r#"{{"properties":{{"a":{{"$ref":"{to}"}}}}}}"#);
            assert_eq!(read(&text), Err(Problem::Outside(to.to_owned())));
        }
        let deep = format!("{}1{}", r#"{"not":"#.repeat(100), "}".repeat(100));
        assert_eq!(read(&deep), Err(Problem::Deep));
        assert!(matches!(read(&" ".repeat(limits::SCHEMA_BYTES + 1)), Err(Problem::Long(_))));
        // One that refers to itself ends with the answer.
        let shape = Shape::read(r##"{"properties":{"a":{"$ref":"#"}},"additionalProperties":false}"##).unwrap();
        let nested = format!("{}{{}}{}", r#"{"a":"#.repeat(90), "}".repeat(90));
        assert!(shape.fits(&nested).is_ok());
    }
}
