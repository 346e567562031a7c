//! The stream of generateContent: every event is a whole answer of a few more parts. Nothing says that it is over but the reason
//! why it is.

use ace_schema::message::{Extras, Piece, Stop, Usage};
use serde_json::{Value, json};

use crate::calls::Calls;
use crate::json::{each, take, take_list, take_text, tokens};
use crate::layout::Layout;
use crate::upstream::Upstream;
use crate::wire::{Decoder, State, StreamError};

/// The decoder of one answer.
#[derive(Default)]
pub struct Chunks {
    calls: Calls,
    layout: Layout,
    usage: Option<Usage>,
    stop: Option<Stop>,
    id: String,
}

impl Decoder for Chunks {
    fn push(&mut self, data: &str, out: &mut Vec<Piece>) -> Result<State, StreamError> {
        let done = each(data, |chunk| self.chunks(chunk, out))?;
        Ok(match (self.stop, done) {
            (Some(_), true) => State::Over,
            (Some(_), false) => State::Ended,
            (None, _) => State::Open,
        })
    }

    fn finish(&mut self, out: &mut Vec<Piece>) -> Result<(), StreamError> {
        let usage = self.usage.take().map(Piece::Usage);
        let calls = std::mem::take(&mut self.calls);
        let stop = self.stop.take().ok_or(StreamError::Cut);
        let finished = stop.and_then(|stop| {
            let (calls, given) = calls.finish(matches!(stop, Stop::Length | Stop::Filter))?;
            Ok((calls, given, stop))
        });
        match finished {
            Ok((calls, given, stop)) => {
                let stop = if stop == Stop::End && !calls.is_empty() { Stop::Tools } else { stop };
                out.extend(calls);
                out.extend(usage);
                let kept = std::mem::take(&mut self.layout).finish(&given);
                out.push(Piece::Extras(Extras { id: std::mem::take(&mut self.id), cost: None, kept }));
                out.push(Piece::Stop(stop));
                Ok(())
            }
            Err(error) => {
                out.extend(usage);
                Err(error)
            }
        }
    }
}

impl Chunks {
    /// Without `alt=sse` a server sends all of them as one list.
    fn chunks(&mut self, value: Value, out: &mut Vec<Piece>) -> Result<(), StreamError> {
        match value {
            Value::Array(chunks) => chunks.into_iter().try_for_each(|chunk| self.chunk(chunk, out)),
            chunk => self.chunk(chunk, out),
        }
    }

    fn chunk(&mut self, mut chunk: Value, out: &mut Vec<Piece>) -> Result<(), StreamError> {
        if chunk["usageMetadata"].is_object() {
            self.usage = Some(read_usage(&chunk["usageMetadata"]));
        }
        if let Value::String(id) = take(&mut chunk, "responseId") {
            self.id = id;
        }
        if chunk["promptFeedback"]["blockReason"].is_string() {
            self.stop = Some(Stop::Filter);
        }
        let Some(mut candidate) = take_list(&mut chunk, "candidates").into_iter().next() else {
            return Upstream::read(&chunk).map_or(Ok(()), |e| Err(StreamError::Reported(e)));
        };
        for part in take_list(&mut take(&mut candidate, "content"), "parts") {
            self.part(part, out)?;
        }
        self.reason(candidate["finishReason"].as_str().unwrap_or_default())
    }

    fn part(&mut self, mut part: Value, out: &mut Vec<Piece>) -> Result<(), StreamError> {
        let signature = part["thoughtSignature"].as_str().filter(|s| !s.is_empty()).map(str::to_owned);
        if part["functionCall"].is_object() {
            let mut call = take(&mut part, "functionCall");
            let name = take_text(&mut call, "name");
            let number = self.calls.begin(&name)?;
            let args = match take(&mut call, "args") {
                Value::Null => "{}".to_owned(),
                args => args.to_string(),
            };
            let meta = signature.map(|s| json!(s).to_string()).unwrap_or_default();
            self.calls.set(number, &name, &args, meta)?;
            self.layout.call(number);
            out.push(Piece::CallBegins(name));
        } else if part["thought"] == true {
            let thought = part["text"].as_str().unwrap_or_default().to_owned();
            if signature.is_some() {
                self.layout.own(&part);
            }
            out.extend((!thought.is_empty()).then_some(Piece::Reasoning(thought)));
        } else if part["text"].is_string() {
            let text = take_text(&mut part, "text");
            match &signature {
                Some(signature) => self.layout.text_with(text.len(), &json!(signature)),
                None => self.layout.text(text.len()),
            }
            out.extend((!text.is_empty()).then_some(Piece::Text(text)));
        } else if signature.is_some() {
            self.layout.own(&part);
        }
        Ok(())
    }

    fn reason(&mut self, reason: &str) -> Result<(), StreamError> {
        self.stop = Some(match reason {
            "" | "FINISH_REASON_UNSPECIFIED" => return Ok(()),
            "MAX_TOKENS" => Stop::Length,
            "SAFETY"
            | "RECITATION"
            | "LANGUAGE"
            | "BLOCKLIST"
            | "PROHIBITED_CONTENT"
            | "SPII"
            | "IMAGE_SAFETY"
            | "IMAGE_PROHIBITED_CONTENT"
            | "IMAGE_RECITATION" => Stop::Filter,
            "MALFORMED_FUNCTION_CALL" | "UNEXPECTED_TOOL_CALL" | "TOO_MANY_TOOL_CALLS" | "MALFORMED_RESPONSE" => {
                let message = format!("the answer ended with '{reason}'");
                let kind = reason.to_lowercase();
                return Err(StreamError::Reported(Upstream { kind, message, ..Upstream::default() }));
            }
            _ => Stop::End,
        });
        Ok(())
    }
}

/// Prompt tokens hold the cached ones here, and output does not hold the thoughts; our input kinds are disjoint, and reasoning is
/// part of output.
fn read_usage(usage: &Value) -> Usage {
    let cache_read = tokens(&usage["cachedContentTokenCount"]);
    let reasoning = tokens(&usage["thoughtsTokenCount"]);
    Usage {
        input: tokens(&usage["promptTokenCount"]).saturating_sub(cache_read)
            + tokens(&usage["toolUsePromptTokenCount"]),
        output: tokens(&usage["candidatesTokenCount"]) + reasoning,
        cache_read,
        cache_write: 0,
        cache_write_1h: 0,
        reasoning,
    }
}
