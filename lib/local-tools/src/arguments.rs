//! Arguments of a call, checked against the tool's own schema in `ace_schema::tool`, so that what is offered and what is
//! accepted cannot drift apart. It knows no tool by name.

use std::fmt;

use ace_schema::data::Code;
use ace_schema::tool::Tool;
use serde::de::{Deserializer, Error, MapAccess, Visitor};
use serde_json::Value;

use crate::call::Failed;
use crate::names::{nearest, shown};

/// Arguments that fit their tool.
#[derive(Debug)]
pub(crate) struct Arguments(Vec<(String, Value)>);

impl Arguments {
    /// Checks names, types and what is required. A name given twice is refused: whoever judged the call may have read the
    /// other one.
    pub fn parse(tool: &Tool, raw: &str) -> Result<Self, Failed> {
        let bad = |message: String| Failed::new(Code::Arguments, format!("{}: {message}", tool.name));
        let given = pairs(raw).map_err(|e| bad(format!("arguments: {e}")))?;
        let schema: Value = serde_json::from_str(tool.parameters).map_err(|e| bad(e.to_string()))?;
        let properties = schema["properties"].as_object();
        let known = || properties.into_iter().flat_map(|map| map.keys().map(String::as_str));
        let mut kept: Vec<(String, Value)> = Vec::new();
        for (name, value) in given {
            let Some(property) = properties.and_then(|map| map.get(&name)) else {
                let all: Vec<&str> = known().collect();
                let near = nearest(&name, known());
                return Err(bad(format!("no argument '{}'{near}; it takes {}", shown(&name), all.join(", "))));
            };
            if kept.iter().any(|(other, _)| *other == name) {
                return Err(bad(format!("argument '{name}' is given twice")));
            }
            // Models write null for what they leave out.
            if value.is_null() {
                continue;
            }
            let wanted = property["type"].as_str().unwrap_or("string");
            let fits = match wanted {
                "string" => value.is_string(),
                "integer" => integer(&value).is_some(),
                "boolean" => value.is_boolean(),
                "array" => value.is_array(),
                _ => true,
            };
            if !fits {
                return Err(bad(format!("argument '{name}' wants {}, got {}", article(wanted), kind(&value))));
            }
            kept.push((name, value));
        }
        let required = schema["required"].as_array().into_iter().flatten().filter_map(Value::as_str);
        for name in required {
            if !kept.iter().any(|(other, _)| other == name) {
                return Err(bad(format!("argument '{name}' is missing")));
            }
        }
        Ok(Self(kept))
    }

    fn get(&self, name: &str) -> Option<&Value> {
        self.0.iter().find(|(other, _)| other == name).map(|(_, value)| value)
    }

    /// A string, if given.
    pub fn text(&self, name: &str) -> Option<&str> {
        self.get(name).and_then(Value::as_str)
    }

    /// A whole number, if given.
    pub fn number(&self, name: &str) -> Option<i64> {
        self.get(name).and_then(integer)
    }

    /// The members of an array, if given.
    pub fn list(&self, name: &str) -> Option<&[Value]> {
        self.get(name).and_then(Value::as_array).map(Vec::as_slice)
    }

    /// A flag; what is not given is false.
    pub fn flag(&self, name: &str) -> bool {
        self.get(name).and_then(Value::as_bool).unwrap_or(false)
    }
}

/// A whole number; `5.0` is one too, since some models write all numbers so.
#[allow(clippy::cast_possible_truncation, reason = "the range is checked first")]
fn integer(value: &Value) -> Option<i64> {
    let whole = |f: f64| (f.fract() == 0.0 && f.abs() < 9e15).then_some(f as i64);
    value.as_i64().or_else(|| value.as_f64().and_then(whole))
}

fn article(wanted: &str) -> String {
    match wanted {
        "integer" => "a whole number".to_owned(),
        "array" => "a list".to_owned(),
        other => format!("a {other}"),
    }
}

fn kind(value: &Value) -> &'static str {
    match value {
        Value::Null => "null",
        Value::Bool(_) => "a boolean",
        Value::Number(_) => "a number",
        Value::String(_) => "a string",
        Value::Array(_) => "an array",
        Value::Object(_) => "an object",
    }
}

struct Pairs;

impl<'de> Visitor<'de> for Pairs {
    type Value = Vec<(String, Value)>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an object")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
        let mut pairs = Vec::new();
        while let Some(pair) = map.next_entry()? {
            pairs.push(pair);
            if pairs.len() > 64 {
                return Err(A::Error::custom("too many arguments"));
            }
        }
        Ok(pairs)
    }
}

/// The members in order, repeated names included.
fn pairs(raw: &str) -> Result<Vec<(String, Value)>, serde_json::Error> {
    let mut reader = serde_json::Deserializer::from_str(raw);
    let pairs = reader.deserialize_map(Pairs)?;
    reader.end()?;
    Ok(pairs)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(tool: &str, raw: &str) -> Result<Arguments, String> {
        Arguments::parse(ace_schema::tool::find(tool).unwrap(), raw).map_err(|failed| {
            assert_eq!(failed.code, Code::Arguments);
            failed.message
        })
    }

    #[test]
    fn what_fits_is_taken() {
        let args = parse("read", r#"{"path":"a","offset":5.0,"limit":null}"#).unwrap();
        assert_eq!(args.text("path"), Some("a"));
        assert_eq!(args.number("offset"), Some(5));
        assert_eq!(args.number("limit"), None);
        assert!(parse("edit", r#"{"path":"a","old":"b","new":"c","all":true}"#).unwrap().flag("all"));
    }

    #[test]
    fn what_does_not_fit_is_told_in_one_line() {
        for (tool, raw, part) in [
            ("read", r#"{"paht":"a"}"#, "no argument 'paht', did you mean 'path'?"),
            ("read", r#"{}"#, "argument 'path' is missing"),
            ("read", r#"{"path":null}"#, "argument 'path' is missing"),
            ("read", r#"{"path":"a","offset":"5"}"#, "argument 'offset' wants a whole number, got a string"),
            ("read", r#"{"path":"a","offset":1.5}"#, "wants a whole number"),
            ("edit", r#"{"path":["a"],"old":"b","new":"c"}"#, "wants a string, got an array"),
            ("read", "[]", "expected an object"),
            ("read", "nonsense", "arguments: "),
            ("read", r#"{"path":"a"} {}"#, "trailing"),
        ] {
            let message = parse(tool, raw).unwrap_err();
            assert!(message.contains(part), "{message}");
            assert!(!message.contains('\n'));
        }
    }

    #[test]
    fn a_name_given_twice_is_refused() {
        let message = parse("shell", r#"{"command":"ls","command":"rm -rf ."}"#).unwrap_err();
        assert!(message.contains("twice"), "{message}");
    }
}
