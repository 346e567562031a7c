//! The stream of Chat Completions: chunks in, pieces out. Reads values, not types: a field of a form nobody foresaw is left alone.

use ace_schema::message::{Extras, Piece, Stop, Usage};
use serde_json::Value;

use super::details::Details;
use super::think::Think;
use crate::calls::{Calls, Fragment};
use crate::json::{each, one_line, take, text, tokens};
use crate::upstream::Upstream;
use crate::wire::{Decoder, State, StreamError};

/// The decoder of one answer.
#[derive(Default)]
pub struct Chunks {
    calls: Calls,
    usage: Option<Usage>,
    stop: Option<Stop>,
    refused: bool,
    done: bool,
    /// Reasoning to send back, if calls come of it.
    details: Details,
    /// Tells thinking from text, where the server does not.
    think: Option<Think>,
    extras: Extras,
}

impl Chunks {
    /// A decoder; `think_tags` says that thinking stands in the text.
    pub fn new(think_tags: bool) -> Self {
        Self { think: think_tags.then(Think::default), ..Self::default() }
    }
}

impl Decoder for Chunks {
    fn push(&mut self, data: &str, out: &mut Vec<Piece>) -> Result<State, StreamError> {
        self.done |= each(data, |value| self.chunk(value, out))?;
        Ok(match (self.done, self.stop) {
            (true, Some(_)) => State::Over,
            (false, None) => State::Open,
            _ => State::Ended,
        })
    }

    fn finish(&mut self, out: &mut Vec<Piece>) -> Result<(), StreamError> {
        let usage = self.usage.take().map(Piece::Usage);
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
            Ok((calls, given)) => {
                if let Some(mut think) = self.think.take() {
                    think.finish(out);
                }
                out.extend(calls);
                out.extend(usage);
                if !given.is_empty() {
                    self.extras.kept = std::mem::take(&mut self.details).finish();
                }
                out.push(Piece::Extras(std::mem::take(&mut self.extras)));
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
            self.extras.cost = cost(&usage["cost"]).or(self.extras.cost);
        }
        if self.extras.id.is_empty() {
            chunk["id"].as_str().unwrap_or_default().clone_into(&mut self.extras.id);
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
        let reasoning = ["reasoning", "reasoning_content"].map(|name| (name, text(take(&mut delta, name))));
        if let Some((name, text)) = reasoning.into_iter().find(|(_, t)| !t.is_empty()) {
            self.details.text(name, &text);
            out.push(Piece::Reasoning(text));
        }
        if let Value::Array(parts) = take(&mut delta, "reasoning_details") {
            self.details.list(parts);
        }
        let from = out.len();
        content(take(&mut delta, "content"), out);
        if let Some(think) = &mut self.think {
            for piece in out.split_off(from) {
                match piece {
                    Piece::Text(text) => think.push(&text, out),
                    other => out.push(other),
                }
            }
        }
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
                return Err(StreamError::Reported(Upstream { kind, message, ..Upstream::default() }));
            }
            _ => Stop::End,
        };
        self.stop = Some(stop);
        Ok(())
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

/// What a router says an answer costs, US dollars; micro-dollars, rounded up.
fn cost(dollars: &Value) -> Option<u64> {
    let micro = dollars.as_f64().filter(|d| *d >= 0.0 && *d < 1e6)? * 1e6;
    #[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "between 0 and 1e12")]
    Some((micro - 1e-3).ceil().max(0.0) as u64)
}

/// Prompt tokens hold the cached ones here; our kinds are disjoint.
fn read_usage(usage: &Value) -> Usage {
    let details = &usage["prompt_tokens_details"];
    let cache_read = tokens(&details["cached_tokens"]).max(tokens(&usage["prompt_cache_hit_tokens"]));
    let cache_write = tokens(&details["cache_write_tokens"]);
    Usage {
        input: tokens(&usage["prompt_tokens"]).saturating_sub(cache_read).saturating_sub(cache_write),
        output: tokens(&usage["completion_tokens"]),
        cache_read,
        cache_write,
        cache_write_1h: 0,
        reasoning: tokens(&usage["completion_tokens_details"]["reasoning_tokens"]),
    }
}
