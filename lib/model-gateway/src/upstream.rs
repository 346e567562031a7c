//! What a provider says when something is wrong: the JSON error bodies of all of them look alike. Knows no socket.

use serde_json::Value;

/// An error in a provider's own words. Not cleaned, not redacted: see [`crate::failure`].
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Upstream {
    /// HTTP status, of the answer or named inside the error; 0 if there is none.
    pub status: u16,
    /// Its code or type, such as `insufficient_quota`; may be empty.
    pub kind: String,
    /// Its words; may be empty.
    pub message: String,
}

/// What another try may bring.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Chance {
    /// Nothing: it will say the same.
    None,
    /// Perhaps.
    Some,
    /// Perhaps, after a longer wait.
    Overloaded,
}

/// Said by providers when the account is empty: no wait helps.
const MONEY: &[&str] = &[
    "insufficient_quota",
    "insufficient_balance",
    "credit_balance_exhausted",
    "billing_error",
    "billing_hard_limit_reached",
    "billing_not_active",
    "enforced_spend_limit_reached",
];

/// Kinds of error that pass, where no status is told.
const TRANSIENT: &[&str] = &["server_error", "internal_server_error", "internal_error", "api_error", "timeout"];

/// Ways to say that the conversation is too long for the model.
const TOO_LONG: &[&str] = &[
    "context_length_exceeded",
    "maximum context length",
    "context window",
    "context length",
    "context size",
    "prompt is too long",
    "input is too long",
    "too many tokens",
];

impl Upstream {
    /// Reads an error from a JSON value, or nothing if it is none: `{"error":{…}}`, `{"error":"…"}`, the same in a list, or
    /// `{"message":…,"code"|"type":…}`, `{"detail":…}`.
    pub fn read(value: &Value) -> Option<Self> {
        let value = value.get(0).unwrap_or(value);
        let error = match value.get("error") {
            Some(Value::Null) | None => value,
            Some(error) => error,
        };
        let bare = std::ptr::eq(error, value);
        if bare && !(value.get("message").is_some() && (value.get("code").is_some() || value.get("type").is_some())) {
            let detail = value.get("detail")?;
            return Some(Self { message: plain(detail), ..Self::default() });
        }
        let code = &error["code"];
        let number = code.as_u64().or_else(|| code.as_str().and_then(|c| c.parse().ok()));
        let status = number.or_else(|| error["status"].as_u64()).filter(|n| (400..600).contains(n)).unwrap_or(0);
        let kind = [code, &error["type"], &error["status"]];
        let kind = kind.iter().filter_map(|v| v.as_str()).find(|k| !k.is_empty() && k.parse::<u64>().is_err());
        let mut message = error.get("message").map_or_else(|| plain(error), plain);
        // A router's own message is "Provider returned error"; what the provider said stands beside it.
        if let Some(raw) = error["metadata"]["raw"].as_str() {
            message = format!("{message}: {raw}");
        }
        Some(Self { status: u16::try_from(status).unwrap_or(0), kind: kind.unwrap_or_default().to_owned(), message })
    }

    /// Whether the account has no money left.
    pub fn is_money(&self) -> bool {
        self.status == 402 || MONEY.contains(&self.kind.as_str())
    }

    /// Whether the key is missing or refused.
    pub fn is_credentials(&self) -> bool {
        let said = self.message.to_lowercase();
        matches!(self.status, 401 | 403)
            || matches!(self.kind.as_str(), "invalid_api_key" | "authentication_error")
            || (self.status == 400 && (said.contains("incorrect api key") || said.contains("api key not valid")))
    }

    /// Whether the conversation is too long for the model.
    pub fn is_too_long(&self) -> bool {
        let said = self.message.to_lowercase();
        matches!(self.status, 0 | 400 | 413 | 422)
            && (self.status == 413 || TOO_LONG.iter().any(|t| said.contains(t) || self.kind.contains(t)))
    }

    /// Whether the model is unknown there.
    pub fn is_model_unknown(&self) -> bool {
        self.kind == "model_not_found" || (self.status == 404 && self.message.to_lowercase().contains("model"))
    }

    /// Whether it is worth asking again.
    pub fn chance(&self) -> Chance {
        if self.is_money() {
            return Chance::None;
        }
        let overloaded = |said: &str| said.contains("overloaded");
        if matches!(self.status, 503 | 529)
            || overloaded(&self.kind)
            || self.kind == "slow_down"
            || (self.status == 0 && overloaded(&self.message.to_lowercase()))
        {
            return Chance::Overloaded;
        }
        let kind = self.kind.as_str();
        let transient = match self.status {
            0 => kind.contains("rate_limit") || TRANSIENT.contains(&kind),
            status => matches!(status, 408 | 409 | 429 | 500..),
        };
        if transient { Chance::Some } else { Chance::None }
    }
}

/// Text of a value: a string as it is, anything else as JSON.
fn plain(value: &Value) -> String {
    value.as_str().map_or_else(|| value.to_string(), str::to_owned)
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn read(value: &Value) -> Upstream {
        Upstream::read(value).unwrap()
    }

    #[test]
    fn every_form_of_an_error_is_read() {
        let cases = [
            (json!({"error":{"message":"no","type":"t","code":"c"}}), 0, "c", "no"),
            (json!({"error":{"message":"no","type":"t","code":null}}), 0, "t", "no"),
            (json!({"error":{"message":"no","code":429}}), 429, "", "no"),
            (json!({"error":{"message":"no","code":"503","type":"t"}}), 503, "t", "no"),
            (json!([{"error":{"message":"no","code":400,"status":"INVALID_ARGUMENT"}}]), 400, "INVALID_ARGUMENT", "no"),
            (json!({"error":"no"}), 0, "", "no"),
            (json!({"object":"error","message":"no","type":"t","code":404}), 404, "t", "no"),
            (json!({"detail":"Not Found"}), 0, "", "Not Found"),
            (
                json!({"error":{"message":"Provider returned error","code":502,"metadata":{"raw":"why"}}}),
                502,
                "",
                "Provider returned error: why",
            ),
        ];
        for (value, status, kind, message) in cases {
            let want = Upstream { status, kind: kind.into(), message: message.into() };
            assert_eq!(read(&value), want, "{value}");
        }
        assert_eq!(Upstream::read(&json!({"choices":[]})), None);
        assert_eq!(Upstream::read(&json!({"error":null,"choices":[]})), None);
        assert_eq!(Upstream::read(&json!(7)), None);
    }

    #[test]
    fn money_is_never_tried_again() {
        for kind in MONEY {
            let error = Upstream { status: 429, kind: (*kind).into(), message: String::new() };
            assert_eq!(error.chance(), Chance::None, "{kind}");
        }
        assert_eq!(Upstream { status: 402, ..Upstream::default() }.chance(), Chance::None);
    }

    #[test]
    fn chances() {
        let chance = |status, kind: &str| Upstream { status, kind: kind.into(), message: String::new() }.chance();
        assert_eq!(chance(429, "rate_limit_exceeded"), Chance::Some);
        assert_eq!(chance(500, ""), Chance::Some);
        assert_eq!(chance(529, ""), Chance::Overloaded);
        assert_eq!(chance(503, ""), Chance::Overloaded);
        assert_eq!(chance(0, "overloaded_error"), Chance::Overloaded);
        assert_eq!(chance(0, "server_error"), Chance::Some);
        for status in [400, 401, 403, 404, 413, 422] {
            assert_eq!(chance(status, ""), Chance::None, "{status}");
            assert_eq!(chance(status, "api_error"), Chance::None, "{status}");
        }
        assert_eq!(chance(0, "invalid_request_error"), Chance::None);
    }
}
