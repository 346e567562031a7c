//! `fixtures/events/schema.json`: JSON Schema 2020-12 of a line with every payload by type, and a check of lines against it that
//! knows exactly the words this schema uses and refuses any other.

use super::source::{Kind, Named, Shape, payload_of, types};
use serde_json::{Map, Value, json};
use std::collections::BTreeMap;

/// The schema.
pub fn schema() -> Value {
    let types = types();
    let mut defs = Map::new();
    let mut by_type = Vec::new();
    for event in ace_schema::event::EVENTS {
        let Some((name, _)) = payload_of(&types, event.name) else { continue };
        define(&types, &name, &mut defs);
        by_type.push(json!({
            "if": {"properties": {"type": {"const": event.name}}},
            "then": {"properties": {"data": {"$ref": format!("#/$defs/{name}")}}},
        }));
    }
    // A part of a blob has its fields beside the type.
    let part = object(&types, "BlobPartLine", &mut defs);
    by_type.push(json!({"if": {"properties": {"type": {"const": ace_schema::ty::LOG_BLOB}}}, "then": part}));
    let mut line = object(&types, "Line", &mut defs);
    let known: Vec<&str> = ace_schema::event::EVENTS.iter().map(|e| e.name).collect();
    line["properties"]["type"]["examples"] = json!(known);
    line["properties"]["data"] = json!({"type": "object", "description": line["properties"]["data"]["description"]});
    let mut out = json!({
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "A line of an ace stream or log, version 1",
        "description": "Made from lib/schema by tests/generated.rs. Types and fields that are not named here are kept by every reader.",
    });
    let out_map = out.as_object_mut().unwrap();
    out_map.extend(line.as_object().unwrap().clone());
    out_map.insert(
        "dependentRequired".to_owned(),
        json!({"seq": ["ts", "prev", "pen", "v", "id", "session", "by", "data"], "after": ["v", "id", "session", "by", "data"]}),
    );
    out_map.insert("allOf".to_owned(), json!(by_type));
    out_map.insert("$defs".to_owned(), json!(defs));
    out
}

fn define(types: &BTreeMap<String, Named>, name: &str, defs: &mut Map<String, Value>) {
    if defs.contains_key(name) {
        return;
    }
    defs.insert(name.to_owned(), Value::Null);
    let value = object(types, name, defs);
    defs.insert(name.to_owned(), value);
}

fn object(types: &BTreeMap<String, Named>, name: &str, defs: &mut Map<String, Value>) -> Value {
    let named = types.get(name).unwrap_or_else(|| panic!("no type {name} in lib/schema"));
    let mut value = match &named.shape {
        Shape::Same(other) => of_kind(types, &Kind::Named(other.clone()), defs),
        Shape::Fields(fields) => {
            let mut properties = Map::new();
            for field in fields {
                let mut value = of_kind(types, &field.kind, defs);
                value["description"] = json!(field.doc);
                properties.insert(field.name.clone(), value);
            }
            let needed: Vec<&str> = fields.iter().filter(|f| !f.optional).map(|f| f.name.as_str()).collect();
            let mut value = json!({"type": "object", "properties": properties});
            if !needed.is_empty() {
                value["required"] = json!(needed);
            }
            value
        }
        Shape::Choice(variants) => {
            let words: Vec<&str> = variants.iter().filter(|v| v.holds.is_none()).map(|v| v.name.as_str()).collect();
            let mut any = Vec::new();
            if !words.is_empty() {
                any.push(json!({"enum": words}));
            }
            for variant in variants {
                let Some(kind) = &variant.holds else { continue };
                let inner = of_kind(types, kind, defs);
                any.push(match variant.open {
                    true => inner,
                    false => {
                        json!({"type": "object", "properties": {variant.name.as_str(): inner}, "required": [variant.name]})
                    }
                });
            }
            if any.len() == 1 { any.remove(0) } else { json!({"anyOf": any}) }
        }
    };
    value["description"] = json!(named.doc);
    value
}

fn of_kind(types: &BTreeMap<String, Named>, kind: &Kind, defs: &mut Map<String, Value>) -> Value {
    match kind {
        Kind::Text => json!({"type": "string"}),
        Kind::Count => json!({"type": "integer", "minimum": 0}),
        Kind::Whole => json!({"type": "integer"}),
        Kind::Flag => json!({"type": "boolean"}),
        Kind::Any => json!({}),
        Kind::List(inner) => json!({"type": "array", "items": of_kind(types, inner, defs)}),
        Kind::Named(name) => {
            define(types, name, defs);
            json!({"$ref": format!("#/$defs/{name}")})
        }
    }
}

/// What is wrong with a value, as paths and words; empty if nothing is.
pub fn faults(root: &Value, rule: &Value, value: &Value, at: &str, out: &mut Vec<String>) {
    for (word, wants) in rule.as_object().unwrap() {
        let sub = |rule: &Value, value: &Value, at: &str| {
            let mut found = Vec::new();
            faults(root, rule, value, at, &mut found);
            found
        };
        match word.as_str() {
            "$schema" | "title" | "description" | "examples" | "$defs" | "then" => {}
            "$ref" => {
                let name = wants.as_str().unwrap().strip_prefix("#").unwrap();
                faults(root, root.pointer(name).unwrap(), value, at, out);
            }
            "type" => {
                let is = match wants.as_str().unwrap() {
                    "object" => value.is_object(),
                    "array" => value.is_array(),
                    "string" => value.is_string(),
                    "integer" => value.is_i64() || value.is_u64(),
                    "boolean" => value.is_boolean(),
                    other => panic!("type {other}"),
                };
                if !is {
                    out.push(format!("{at}: not {wants}: {value}"));
                }
            }
            "minimum" if value.as_i64().is_some_and(|n| n < wants.as_i64().unwrap()) => {
                out.push(format!("{at}: below {wants}"));
            }
            "minimum" => {}
            "const" if value == wants => {}
            "const" => out.push(format!("{at}: not {wants}")),
            "enum" if wants.as_array().unwrap().contains(value) => {}
            "enum" => out.push(format!("{at}: {value} is none of {wants}")),
            "required" => {
                let lacking = wants.as_array().unwrap().iter().filter(|n| value.get(n.as_str().unwrap()).is_none());
                out.extend(lacking.map(|n| format!("{at}: without {n}")));
            }
            "dependentRequired" => {
                for (name, needs) in wants.as_object().unwrap() {
                    if value.get(name).is_some() {
                        faults(root, &json!({"required": needs}), value, at, out);
                    }
                }
            }
            "properties" => {
                for (name, rule) in wants.as_object().unwrap() {
                    if let Some(inner) = value.get(name) {
                        faults(root, rule, inner, &format!("{at}.{name}"), out);
                    }
                }
            }
            "items" => {
                for (i, inner) in value.as_array().into_iter().flatten().enumerate() {
                    faults(root, wants, inner, &format!("{at}[{i}]"), out);
                }
            }
            "allOf" => wants.as_array().unwrap().iter().for_each(|rule| faults(root, rule, value, at, out)),
            "anyOf" => {
                if wants.as_array().unwrap().iter().all(|rule| !sub(rule, value, at).is_empty()) {
                    out.push(format!("{at}: fits none of its kinds: {value}"));
                }
            }
            "if" => {
                if sub(wants, value, at).is_empty() {
                    faults(root, &rule["then"], value, at, out);
                }
            }
            other => panic!("the check does not know the word {other}"),
        }
    }
}

#[track_caller]
fn check(line: Value, expect: &str) {
    let schema = schema();
    let mut found = Vec::new();
    faults(&schema, &schema, &line, "line", &mut found);
    match expect {
        "" => assert!(found.is_empty(), "{line}: {found:?}"),
        _ => assert!(found.iter().any(|f| f.contains(expect)), "{line}: {found:?}"),
    }
}

#[test]
fn the_schema_tells_good_lines_from_bad_ones() {
    check(json!({"type": "log.live"}), "");
    check(json!({"type": "lint.found", "v": 1, "data": {"a": 1}}), "");
    check(json!({"v": 1}), "without \"type\"");
    check(json!({"type": "pen.dropped", "seq": 1, "data": {"pen": 2}}), "without \"prev\"");
    check(json!({"type": "pen.dropped", "data": {"pen": -1}}), "below 0");
    check(json!({"type": "pen.dropped", "data": {}}), "without \"pen\"");
    check(json!({"type": "model.failed", "data": {"code": "a code of tomorrow"}}), "");
    check(json!({"type": "model.failed", "data": {"code": 7}}), "fits none");
    check(
        json!({"type": "model.completed", "data": {"stop": "end", "parts": [{"text": "x"}, {"text_blob": {"sha": "a", "bytes": 1}}]}}),
        "",
    );
    check(json!({"type": "model.completed", "data": {"stop": "tired"}}), "none of");
    check(json!({"type": "log.blob", "sha": "a", "part": 0, "of": 1}), "without \"data\"");
}
