//! The stream of Chat Completions: chunks in, pieces out. Reads values, not types: a field of a form nobody foresaw is left alone.

use ace_schema::message::{Piece, Stop, Usage};
use serde_json::{Deserializer, Value};

use super::calls::{Calls, Fragment, one_line};
use crate::upstream::Upstream;
use crate::wire::{Decoder, State, StreamError};

const DONE: &str = "[DONE]";

/// The decoder of one answer.
#[derive(Default)]
pub struct Chunks {
    calls: Calls,
    usage: Option<Usage>,
    /// What the provider says it cost.
    cost: Option<String>,
    stop: Option<Stop>,
    refused: bool,
    done: bool,
}

impl Decoder for Chunks {
    fn push(&mut self, data: &str, out: &mut Vec<Piece>) -> Result<State, StreamError> {
        let mut rest = data.trim();
        // One line may hold several objects: a proxy lost the line between them.
        while !rest.is_empty() {
            if let Some(after) = rest.strip_prefix(DONE) {
                self.done = true;
                rest = after.trim_start();
                continue;
            }
            rest = rest.strip_prefix("data:").unwrap_or(rest);
            let mut values = Deserializer::from_str(rest).into_iter::<Value>();
            match values.next() {
                Some(Ok(value)) => self.chunk(value, out)?,
                // Half an object at the end of a stream: more was to come.
                Some(Err(e)) if e.is_eof() => return Err(StreamError::Cut),
                Some(Err(e)) => return Err(StreamError::Format(e.to_string())),
                None => break,
            }
            rest = rest.get(values.byte_offset()..).unwrap_or_default().trim_start();
        }
        Ok(match (self.done, self.stop) {
            (true, Some(_)) => State::Over,
            (false, None) => State::Open,
            _ => State::Ended,
        })
    }

    fn finish(&mut self, out: &mut Vec<Piece>) -> Result<(), StreamError> {
        let usage = self.usage.take().map(Piece::Usage).into_iter().chain(self.cost.take().map(Piece::Cost));
        let usage: Vec<Piece> = usage.collect();
        let ended = self.done || self.stop.is_some();
        let mut stop = self.stop.take().unwrap_or_default();
        if self.refused && stop == Stop::End {
            stop = Stop::Refusal;
        }
        // Some say "stop" although calls were sent, some "tool_calls" although none were.
        stop = match (stop, self.calls.is_empty()) {
            (Stop::End | Stop::Refusal, false) => Stop::Tools,
            (Stop::Tools, true) => Stop::End,
            (stop, _) => stop,
        };
        let calls = match ended {
            true => std::mem::take(&mut self.calls).finish(matches!(stop, Stop::Length | Stop::Filter)),
            false => Err(StreamError::Cut),
        };
        match calls {
            Ok(calls) => {
                out.extend(calls);
                out.extend(usage);
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
    fn chunk(&mut self, mut chunk: Value, out: &mut Vec<Piece>) -> Result<(), StreamError> {
        if let Some(usage) = chunk.get("usage").filter(|u| u.is_object()) {
            self.usage = Some(read_usage(usage));
            self.cost = usage.get("cost").filter(|c| c.is_number()).map(Value::to_string).or(self.cost.take());
        }
        let choice = chunk.get_mut("choices").and_then(Value::as_array_mut).and_then(|list| {
            // Only one answer was asked for; whatever others there are, the first is it.
            list.iter_mut().find(|c| c["index"].as_u64().unwrap_or(0) == 0)
        });
        let Some(choice) = choice else {
            return Upstream::read(&chunk).map_or(Ok(()), |e| Err(StreamError::Reported(e)));
        };
        // What comes after an end was none: only figures may.
        self.done = false;
        let reason = take(choice, "finish_reason");
        let inner = take(choice, "error");
        // A server that does not stream sends the whole as `message`.
        let mut delta = take(choice, "delta");
        if !delta.is_object() {
            delta = take(choice, "message");
        }
        let error = if inner.is_null() { take(&mut chunk, "error") } else { inner };
        if !error.is_null() {
            let error = Upstream::read(&serde_json::json!({ "error": error }));
            return Err(StreamError::Reported(error.unwrap_or_default()));
        }
        self.delta(delta, out)?;
        self.reason(&reason)
    }

    fn delta(&mut self, mut delta: Value, out: &mut Vec<Piece>) -> Result<(), StreamError> {
        // One field under two names: never both.
        let reasoning = [take(&mut delta, "reasoning"), take(&mut delta, "reasoning_content")].map(text);
        if let Some(text) = reasoning.into_iter().find(|t| !t.is_empty()) {
            out.push(Piece::Reasoning(text));
        }
        content(take(&mut delta, "content"), out);
        let refusal = text(take(&mut delta, "refusal"));
        if !refusal.is_empty() {
            self.refused = true;
            out.push(Piece::Text(refusal));
        }
        if let Value::Array(fragments) = take(&mut delta, "tool_calls") {
            for fragment in fragments {
                self.call(fragment, out)?;
            }
        }
        if delta["function_call"].is_object() {
            let legacy = take(&mut delta, "function_call");
            self.call(serde_json::json!({ "function": legacy }), out)?;
        }
        Ok(())
    }

    fn call(&mut self, mut fragment: Value, out: &mut Vec<Piece>) -> Result<(), StreamError> {
        if !fragment.is_object() {
            return Ok(());
        }
        let mut function = take(&mut fragment, "function");
        let args = match take(&mut function, "arguments") {
            Value::Null => String::new(),
            Value::String(args) => args,
            whole => whole.to_string(),
        };
        let extra = &fragment["extra_content"];
        let begun = self.calls.push(Fragment {
            index: fragment["index"].as_u64(),
            meta: if extra.is_null() { String::new() } else { one_line(&extra.to_string()) },
            id: text(take(&mut fragment, "id")),
            name: text(take(&mut function, "name")),
            args,
        })?;
        out.extend(begun.map(Piece::CallBegins));
        Ok(())
    }

    fn reason(&mut self, reason: &Value) -> Result<(), StreamError> {
        let stop = match reason.as_str().unwrap_or_default() {
            "" => return Ok(()),
            "tool_calls" | "function_call" | "tool_use" => Stop::Tools,
            "length" | "max_tokens" => Stop::Length,
            "content_filter" => Stop::Filter,
            "refusal" => Stop::Refusal,
            kind @ ("error" | "insufficient_system_resource") => {
                let message = format!("the answer ended with '{kind}'");
                let kind = "server_error".to_owned();
                return Err(StreamError::Reported(Upstream { kind, message, status: 0 }));
            }
            _ => Stop::End,
        };
        self.stop = Some(stop);
        Ok(())
    }
}

/// Takes a field out of an object; null if there is none, or no object.
fn take(value: &mut Value, key: &str) -> Value {
    value.get_mut(key).map(Value::take).unwrap_or_default()
}

/// A string, or nothing.
fn text(value: Value) -> String {
    match value {
        Value::String(text) => text,
        _ => String::new(),
    }
}

/// Content: text, or a list of parts of which some think aloud.
fn content(value: Value, out: &mut Vec<Piece>) {
    match value {
        Value::String(text) if !text.is_empty() => out.push(Piece::Text(text)),
        Value::Array(parts) => {
            for mut part in parts {
                if let Value::Array(thoughts) = take(&mut part, "thinking") {
                    let thought: String = thoughts.into_iter().map(|mut t| text(take(&mut t, "text"))).collect();
                    out.extend(Some(thought).filter(|t| !t.is_empty()).map(Piece::Reasoning));
                }
                let said = text(take(&mut part, "text"));
                if !said.is_empty() {
                    out.push(Piece::Text(said));
                }
            }
        }
        _ => {}
    }
}

/// Prompt tokens hold the cached ones here; our kinds are disjoint.
fn read_usage(usage: &Value) -> Usage {
    let n = |v: &Value| v.as_u64().unwrap_or(0);
    let details = &usage["prompt_tokens_details"];
    let cache_read = n(&details["cached_tokens"]).max(n(&usage["prompt_cache_hit_tokens"]));
    let cache_write = n(&details["cache_write_tokens"]);
    Usage {
        input: n(&usage["prompt_tokens"]).saturating_sub(cache_read).saturating_sub(cache_write),
        output: n(&usage["completion_tokens"]),
        cache_read,
        cache_write,
        cache_write_1h: 0,
        reasoning: n(&usage["completion_tokens_details"]["reasoning_tokens"]),
    }
}
