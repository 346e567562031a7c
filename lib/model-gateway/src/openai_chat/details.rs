//! Reasoning that a server wants back with the calls that came of it. Knows the fields, not what is in them.

use serde_json::{Map, Value, json};

/// What came of reasoning, under the name it came by.
#[derive(Debug, Default)]
pub struct Details {
    /// `reasoning_details`: parts with signatures, as routers hand them through.
    list: Vec<Value>,
    /// The name of the plain field.
    name: &'static str,
    /// Its text.
    text: String,
}

impl Details {
    /// Takes a piece of plain reasoning.
    pub fn text(&mut self, name: &'static str, text: &str) {
        self.name = name;
        self.text.push_str(text);
    }

    /// Takes the parts of one chunk. Pieces of one part carry the same index and type; of an index alone nobody else can be.
    pub fn list(&mut self, parts: Vec<Value>) {
        for part in parts {
            let Value::Object(part) = part else { continue };
            match self.list.last_mut().and_then(Value::as_object_mut).filter(|last| goes_on(last, &part)) {
                Some(last) => join(last, part),
                None => self.list.push(Value::Object(part)),
            }
        }
    }

    /// Fields for the message that goes back, JSON; nothing if there are none.
    pub fn finish(self) -> String {
        match (self.list.is_empty(), self.text.is_empty()) {
            (false, _) => json!({ "reasoning_details": self.list }).to_string(),
            (true, false) => json!({ self.name: self.text }).to_string(),
            (true, true) => String::new(),
        }
    }
}

fn goes_on(last: &Map<String, Value>, part: &Map<String, Value>) -> bool {
    let joins = matches!(part.get("type").and_then(Value::as_str), Some("reasoning.text" | "reasoning.summary"));
    joins && last.get("type") == part.get("type") && last.get("index") == part.get("index")
}

fn join(last: &mut Map<String, Value>, part: Map<String, Value>) {
    for (key, value) in part {
        match (last.get_mut(&key), value) {
            (_, Value::Null) => {}
            (Some(Value::String(so_far)), Value::String(more)) if matches!(key.as_str(), "text" | "summary") => {
                so_far.push_str(&more);
            }
            (_, value) => {
                last.insert(key, value);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pieces_of_one_part_are_joined_and_its_signature_is_kept() {
        let mut details = Details::default();
        for part in [
            json!({"type":"reasoning.text","text":"a","index":0,"format":"x"}),
            json!({"type":"reasoning.text","text":"b","index":0,"signature":null}),
            json!({"type":"reasoning.text","index":0,"signature":"c2ln"}),
            json!({"type":"reasoning.text","text":"c","index":1}),
            json!({"type":"reasoning.encrypted","data":"1","index":2}),
            json!({"type":"reasoning.encrypted","data":"2","index":2}),
        ] {
            details.list(vec![part, json!(7)]);
        }
        details.text("reasoning", "ab");
        assert_eq!(
            serde_json::from_str::<Value>(&details.finish()).unwrap(),
            json!({"reasoning_details":[
                {"type":"reasoning.text","text":"ab","index":0,"format":"x","signature":"c2ln"},
                {"type":"reasoning.text","text":"c","index":1},
                {"type":"reasoning.encrypted","data":"1","index":2},
                {"type":"reasoning.encrypted","data":"2","index":2},
            ]})
        );
    }

    #[test]
    fn plain_reasoning_goes_back_by_the_name_it_came_by() {
        let mut details = Details::default();
        assert_eq!(Details::default().finish(), "");
        details.text("reasoning_content", "a");
        details.text("reasoning_content", "b");
        assert_eq!(details.finish(), r#"{"reasoning_content":"ab"}"#);
    }
}
