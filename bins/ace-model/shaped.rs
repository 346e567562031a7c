//! Answers of a stated shape over wires that have no way of their own for them: a tool that takes the answer.

use serde_json::value::RawValue;
use serde_json::{Value, json};

/// The tool's name. No tool of ours is called that, and it is never run.
const NAME: &str = "answer";

/// The tools on offer, with one that takes the answer.
pub fn offer(tools: &str, schema: &str) -> String {
    let mut all: Vec<Box<RawValue>> = serde_json::from_str(tools).unwrap_or_default();
    let schema: Value = serde_json::from_str(schema).unwrap_or_default();
    let parameters = if is_wrapped(&schema) {
        json!({"type": "object", "properties": {NAME: schema}, "required": [NAME], "additionalProperties": false})
    } else {
        schema
    };
    let tool = json!({
        "name": NAME, "description": "Give the final answer. It is the only way to give one.", "parameters": parameters,
    });
    all.extend(serde_json::value::to_raw_value(&tool).ok());
    serde_json::to_string(&all).unwrap_or_default()
}

/// Arguments are an object; any other answer goes inside one.
fn is_wrapped(schema: &Value) -> bool {
    schema["type"] != "object"
}

/// The answer that such a tool was called with.
pub fn answer(calls: &[(String, String, String)], schema: &str) -> Option<String> {
    if schema.is_empty() {
        return None;
    }
    let (_, args, _) = calls.iter().find(|(tool, ..)| tool == NAME)?;
    let schema: Value = serde_json::from_str(schema).unwrap_or_default();
    if !is_wrapped(&schema) {
        return Some(args.clone());
    }
    let args: Value = serde_json::from_str(args).ok()?;
    args.get(NAME).map(Value::to_string)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn call(args: &str) -> Vec<(String, String, String)> {
        vec![(NAME.to_owned(), args.to_owned(), String::new())]
    }

    #[test]
    fn an_object_is_the_arguments_and_anything_else_goes_inside() {
        let offered: Value = serde_json::from_str(&offer("[{\"name\":\"read\"}]", r#"{"type":"object"}"#)).unwrap();
        assert_eq!((&offered[0]["name"], &offered[1]["parameters"]), (&json!("read"), &json!({"type": "object"})));
        assert_eq!(answer(&call(r#"{"a":1}"#), r#"{"type":"object"}"#).as_deref(), Some(r#"{"a":1}"#));
        let list = r#"{"type":"array"}"#;
        let offered: Value = serde_json::from_str(&offer("", list)).unwrap();
        assert_eq!(offered[0]["parameters"]["properties"]["answer"], json!({"type": "array"}));
        assert_eq!(answer(&call(r#"{"answer":[1,2]}"#), list).as_deref(), Some("[1,2]"));
        assert_eq!(answer(&call("{}"), list), None);
        assert_eq!(answer(&call(r#"{"a":1}"#), ""), None);
    }
}
