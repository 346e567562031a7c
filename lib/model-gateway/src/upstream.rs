//! What a provider says when something is wrong: the JSON error bodies of all of them look alike. Knows no socket.

use std::time::Duration;

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
    /// How long to wait, where the error itself says so.
    pub wait: Option<Duration>,
    /// What was to be had today is used up.
    pub is_spent: bool,
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
    "exceeded_current_quota_error",
    "arrearage",
];

/// Kinds of error that pass, where no status is told.
const TRANSIENT: &[&str] = &[
    "server_error",
    "internal_server_error",
    "internal_error",
    "internal",
    "api_error",
    "timeout",
    "timeout_error",
    "deadline_exceeded",
    "resource_exhausted",
    // A call that a model garbled is likely to be written well the next time.
    "malformed_function_call",
    "malformed_response",
    "unexpected_tool_call",
];

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
    "exceed context limit",
    "input token count",
    "exceeded model token limit",
    "maximum prompt length",
    "range of input length",
    "exceeds max length",
    "reduce the length of the messages",
    "model_context_window_exceeded",
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
        let stable = error["details"]["error_code"].as_str().or(error["error_code"].as_str());
        let mut read = Self {
            status: u16::try_from(status).unwrap_or(0),
            kind: stable.or(kind).unwrap_or_default().to_owned(),
            message,
            ..Self::default()
        };
        for detail in error["details"].as_array().into_iter().flatten() {
            read.detail(detail);
        }
        Some(read)
    }

    /// Reads one of the details that Google's services add to an error.
    fn detail(&mut self, detail: &Value) {
        let of = detail["@type"].as_str().unwrap_or_default();
        if of.ends_with("google.rpc.RetryInfo") {
            let seconds = detail["retryDelay"].as_str().and_then(|d| d.strip_suffix('s')).and_then(|d| d.parse().ok());
            self.wait = seconds.and_then(|s: f64| Duration::try_from_secs_f64(s).ok());
        }
        if of.ends_with("google.rpc.QuotaFailure") {
            // What is counted by the day, or allowed not at all, no wait brings back.
            self.is_spent |= detail["violations"].as_array().into_iter().flatten().any(|violation| {
                let id = violation["quotaId"].as_str().unwrap_or_default();
                let none = &violation["quotaValue"];
                id.contains("PerDay") || none == "0" || none == 0
            });
        }
    }

    /// Whether the account has no money left.
    pub fn is_money(&self) -> bool {
        self.status == 402 || MONEY.contains(&self.kind.to_lowercase().as_str())
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
        if self.is_money() || self.is_spent {
            return Chance::None;
        }
        let overloaded = |said: &str| said.contains("overloaded");
        let kind = self.kind.to_lowercase();
        if matches!(self.status, 503 | 529)
            || overloaded(&kind)
            || matches!(kind.as_str(), "slow_down" | "unavailable")
            || (self.status == 0 && overloaded(&self.message.to_lowercase()))
        {
            return Chance::Overloaded;
        }
        let transient = match self.status {
            0 => kind.contains("rate_limit") || TRANSIENT.contains(&kind.as_str()),
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
            let want = Upstream { status, kind: kind.into(), message: message.into(), ..Upstream::default() };
            assert_eq!(read(&value), want, "{value}");
        }
        assert_eq!(Upstream::read(&json!({"choices":[]})), None);
        assert_eq!(Upstream::read(&json!({"error":null,"choices":[]})), None);
        assert_eq!(Upstream::read(&json!(7)), None);
    }

    #[test]
    fn money_is_never_tried_again() {
        for kind in MONEY {
            let error = Upstream { status: 429, kind: (*kind).into(), ..Upstream::default() };
            assert_eq!(error.chance(), Chance::None, "{kind}");
        }
        assert_eq!(Upstream { status: 402, ..Upstream::default() }.chance(), Chance::None);
    }

    #[test]
    fn f12_google_says_in_the_error_itself_how_long_to_wait_and_what_is_used_up() {
        let body = |quota: &str, value: &str| {
            json!({"error":{"code":429,"message":"quota","status":"RESOURCE_EXHAUSTED","details":[
                {"@type":"type.googleapis.com/google.rpc.QuotaFailure","violations":[{"quotaId":quota,"quotaValue":value}]},
                {"@type":"type.googleapis.com/google.rpc.RetryInfo","retryDelay":"46.5s"}]}})
        };
        let minute = read(&body("GenerateRequestsPerMinutePerProjectPerModel", "10"));
        assert_eq!((minute.wait, minute.chance()), (Some(Duration::from_millis(46_500)), Chance::Some));
        assert_eq!(read(&body("GenerateRequestsPerDayPerProjectPerModel-FreeTier", "250")).chance(), Chance::None);
        assert_eq!(read(&body("GenerateRequestsPerMinutePerProjectPerModel", "0")).chance(), Chance::None);
        for absurd in ["-5s", "NaNs", "1e400s", "soon", "46"] {
            let mut value = body("x", "1");
            value["error"]["details"][1]["retryDelay"] = json!(absurd);
            assert_eq!(read(&value).wait, None, "{absurd}");
        }
        let spend = json!({"type":"error","error":{"type":"rate_limit_error","message":"x","details":{"error_code":"enforced_spend_limit_reached"}}});
        assert!(read(&spend).is_money());
    }

    #[test]
    fn a_conversation_that_is_too_long_is_known_in_the_words_of_every_vendor() {
        for (status, kind, words) in [
            (400, "invalid_request_error", "prompt is too long: 208310 tokens > 200000 maximum"),
            (400, "", "input length and `max_tokens` exceed context limit: 199997 + 32000 > 200000"),
            (413, "request_too_large", "Request exceeds the maximum size"),
            (
                400,
                "INVALID_ARGUMENT",
                "The input token count (1200000) exceeds the maximum number of tokens allowed (1048576).",
            ),
            (0, "context_length_exceeded", "Your input exceeds the context window of this model."),
            (400, "", "This model's maximum context length is 8192 tokens."),
            (400, "exceed_context_size_error", "the request exceeds the available context size, try increasing it"),
            (400, "InvalidParameter", "Range of input length should be [1, 129024]"),
        ] {
            let error = Upstream { status, kind: kind.into(), message: words.into(), ..Upstream::default() };
            assert!(error.is_too_long() && error.chance() == Chance::None, "{words}");
        }
        let other = Upstream { status: 400, message: "max_tokens: must be at least 1".into(), ..Upstream::default() };
        assert!(!other.is_too_long());
    }

    #[test]
    fn chances() {
        let chance = |status, kind: &str| Upstream { status, kind: kind.into(), ..Upstream::default() }.chance();
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
