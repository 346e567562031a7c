//! The tools on offer, as every wire writes them in its own way. Knows no wire.

use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;

/// A tool of the offer.
#[derive(Debug, Serialize, Deserialize)]
pub struct Tool<'a> {
    /// Name.
    pub name: String,
    /// For the model.
    #[serde(default)]
    pub description: String,
    /// JSON Schema of its arguments.
    #[serde(borrow, default, skip_serializing_if = "Option::is_none")]
    pub parameters: Option<&'a RawValue>,
}

/// The tools of a JSON list; what is no list of tools offers none.
pub fn tools(offer: &str) -> Vec<Tool<'_>> {
    serde_json::from_str(offer).unwrap_or_default()
}

/// Arguments of a call as a value of its own; what is no JSON object becomes an empty one.
pub fn arguments(args: &str) -> &RawValue {
    let object = Some(args).filter(|a| a.trim_start().starts_with('{'));
    let read = object.and_then(|a| serde_json::from_str(a).ok());
    read.or_else(|| serde_json::from_str("{}").ok()).unwrap_or(RawValue::NULL)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tools_that_are_no_list_are_left_out() {
        for bad in ["", "{}", "[1]", "[{\"description\":\"nameless\"}]", "[{"] {
            assert!(tools(bad).is_empty(), "{bad}");
        }
    }

    #[test]
    fn arguments_are_an_object() {
        assert_eq!(arguments(" {\"a\": 1}").get(), "{\"a\": 1}");
        for bad in ["", "[]", "7", "{\"a\":", "null"] {
            assert_eq!(arguments(bad).get(), "{}", "{bad}");
        }
    }
}
