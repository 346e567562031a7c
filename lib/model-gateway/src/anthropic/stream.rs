//! The stream of Messages: blocks that open, grow and close. Dispatches on the `type` inside the data.

use std::collections::BTreeMap;

use ace_schema::message::{Extras, Piece, Stop, Usage};
use serde_json::{Map, Value, json};

use crate::calls::Calls;
use crate::json::{each, take, take_list, take_text, tokens};
use crate::layout::Layout;
use crate::upstream::Upstream;
use crate::wire::{Decoder, State, StreamError};

/// A block that is open.
#[derive(Debug)]
enum Open {
    Text,
    Thinking(Map<String, Value>),
    Call(usize),
    /// Of a kind that only the provider understands; what is written into it.
    Other(Value, String),
}

/// The decoder of one answer.
#[derive(Default)]
pub struct Blocks {
    open: BTreeMap<u64, Open>,
    calls: Calls,
    layout: Layout,
    usage: Option<Usage>,
    stop: Option<Stop>,
    over: bool,
    id: String,
}

impl Decoder for Blocks {
    fn push(&mut self, data: &str, out: &mut Vec<Piece>) -> Result<State, StreamError> {
        each(data, |event| self.event(event, out))?;
        Ok(match (self.over, self.stop) {
            (true, _) => State::Over,
            (false, Some(_)) => State::Ended,
            (false, None) => State::Open,
        })
    }

    fn finish(&mut self, out: &mut Vec<Piece>) -> Result<(), StreamError> {
        let usage = self.usage.take().map(Piece::Usage);
        let finished = self.end();
        let (calls, given, stop) = match finished {
            Ok(finished) => finished,
            Err(error) => {
                out.extend(usage);
                return Err(error);
            }
        };
        out.extend(calls);
        out.extend(usage);
        let kept = std::mem::take(&mut self.layout).finish(&given);
        out.push(Piece::Extras(Extras { id: std::mem::take(&mut self.id), cost: None, kept }));
        out.push(Piece::Stop(stop));
        Ok(())
    }
}

impl Blocks {
    fn end(&mut self) -> Result<(Vec<Piece>, Vec<usize>, Stop), StreamError> {
        // A stream that does not say its end was cut, whatever it said before.
        if !self.over {
            return Err(StreamError::Cut);
        }
        while let Some(index) = self.open.keys().next().copied() {
            self.close(index);
        }
        let stop = self.stop.unwrap_or_default();
        let calls = std::mem::take(&mut self.calls);
        if stop == Stop::Refusal {
            // What a model that then declined had begun is not done.
            return Ok((Vec::new(), Vec::new(), stop));
        }
        let (calls, given) = calls.finish(matches!(stop, Stop::Length | Stop::Context | Stop::Filter))?;
        let stop = match (stop, calls.is_empty()) {
            (Stop::End, false) => Stop::Tools,
            (Stop::Tools, true) => Stop::End,
            (stop, _) => stop,
        };
        Ok((calls, given, stop))
    }

    fn event(&mut self, mut event: Value, out: &mut Vec<Piece>) -> Result<(), StreamError> {
        let index = event["index"].as_u64().unwrap_or(0);
        match event["type"].as_str().unwrap_or_default() {
            "message_start" => self.message(take(&mut event, "message"), out)?,
            // An answer that is not streamed.
            "message" => {
                self.message(event, out)?;
                self.over = true;
            }
            "content_block_start" => self.begin(index, take(&mut event, "content_block"), out)?,
            "content_block_delta" => self.grow(index, take(&mut event, "delta"), out)?,
            "content_block_stop" => self.close(index),
            "message_delta" => {
                self.read_usage(&event["usage"]);
                self.read_stop(&event["delta"]["stop_reason"]);
            }
            "message_stop" => self.over = true,
            "ping" => {}
            _ => {
                if let Some(error) = Upstream::read(&event) {
                    return Err(StreamError::Reported(error));
                }
            }
        }
        Ok(())
    }

    fn message(&mut self, mut message: Value, out: &mut Vec<Piece>) -> Result<(), StreamError> {
        self.id = take_text(&mut message, "id");
        self.read_usage(&message["usage"]);
        self.read_stop(&message["stop_reason"]);
        for (index, block) in (0..).zip(take_list(&mut message, "content")) {
            self.begin(index, block, out)?;
            self.close(index);
        }
        Ok(())
    }

    fn begin(&mut self, index: u64, mut block: Value, out: &mut Vec<Piece>) -> Result<(), StreamError> {
        // One that was never closed is over when its number is given again.
        self.close(index);
        let open = match block["type"].as_str().unwrap_or_default() {
            "text" => {
                self.layout.close_text();
                self.say(take_text(&mut block, "text"), out);
                Open::Text
            }
            "thinking" => {
                let thought = block["thinking"].as_str().unwrap_or_default().to_owned();
                think(&thought, out);
                match block {
                    Value::Object(fields) => Open::Thinking(fields),
                    _ => return Ok(()),
                }
            }
            "tool_use" => {
                let name = take_text(&mut block, "name");
                let number = self.calls.begin(&name)?;
                self.layout.call(number);
                let input = take(&mut block, "input");
                if input.as_object().is_some_and(|input| !input.is_empty()) {
                    self.calls.extend(number, &input.to_string())?;
                }
                out.push(Piece::CallBegins(name));
                Open::Call(number)
            }
            _ => Open::Other(block, String::new()),
        };
        self.open.insert(index, open);
        Ok(())
    }

    fn grow(&mut self, index: u64, mut delta: Value, out: &mut Vec<Piece>) -> Result<(), StreamError> {
        let kind = take_text(&mut delta, "type");
        match (kind.as_str(), self.open.get_mut(&index)) {
            ("text_delta", _) => self.say(take_text(&mut delta, "text"), out),
            ("thinking_delta", open) => {
                let thought = take_text(&mut delta, "thinking");
                think(&thought, out);
                if let Some(Open::Thinking(fields)) = open {
                    append(fields, "thinking", &thought);
                }
            }
            ("signature_delta", Some(Open::Thinking(fields))) => {
                append(fields, "signature", &take_text(&mut delta, "signature"));
            }
            ("input_json_delta", Some(Open::Call(number))) => {
                self.calls.extend(*number, &take_text(&mut delta, "partial_json"))?;
            }
            ("input_json_delta", Some(Open::Other(_, written))) => {
                written.push_str(&take_text(&mut delta, "partial_json"));
            }
            ("input_json_delta", _) => {
                return Err(StreamError::Format(format!("a piece of block {index}, which is no call")));
            }
            _ => {}
        }
        Ok(())
    }

    fn close(&mut self, index: u64) {
        match self.open.remove(&index) {
            Some(Open::Text) => self.layout.close_text(),
            Some(Open::Thinking(fields)) => self.layout.own(&Value::Object(fields)),
            Some(Open::Other(mut block, written)) => {
                let Value::Object(fields) = &mut block else { return };
                if let Ok(input) = serde_json::from_str::<Value>(&written) {
                    fields.insert("input".to_owned(), input);
                }
                if fields.contains_key("type") {
                    self.layout.own(&block);
                }
            }
            Some(Open::Call(_)) | None => {}
        }
    }

    fn say(&mut self, text: String, out: &mut Vec<Piece>) {
        if !text.is_empty() {
            self.layout.text(text.len());
            out.push(Piece::Text(text));
        }
    }

    /// Figures grow: what is told last counts, what is not told again stays.
    fn read_usage(&mut self, told: &Value) {
        if !told.is_object() {
            return;
        }
        let usage = self.usage.get_or_insert_default();
        let set = |to: &mut u64, value: &Value| {
            if value.is_number() {
                *to = tokens(value);
            }
        };
        set(&mut usage.input, &told["input_tokens"]);
        set(&mut usage.output, &told["output_tokens"]);
        set(&mut usage.cache_read, &told["cache_read_input_tokens"]);
        set(&mut usage.cache_write, &told["cache_creation_input_tokens"]);
        set(&mut usage.cache_write_1h, &told["cache_creation"]["ephemeral_1h_input_tokens"]);
        set(&mut usage.reasoning, &told["output_tokens_details"]["thinking_tokens"]);
        usage.cache_write_1h = usage.cache_write_1h.min(usage.cache_write);
    }

    fn read_stop(&mut self, reason: &Value) {
        self.stop = match reason.as_str() {
            None => return,
            Some("max_tokens") => Some(Stop::Length),
            Some("tool_use") => Some(Stop::Tools),
            Some("pause_turn") => Some(Stop::Pause),
            Some("refusal") => Some(Stop::Refusal),
            Some("model_context_window_exceeded") => Some(Stop::Context),
            Some(_) => Some(Stop::End),
        };
    }
}

fn think(thought: &str, out: &mut Vec<Piece>) {
    if !thought.is_empty() {
        out.push(Piece::Reasoning(thought.to_owned()));
    }
}

fn append(fields: &mut Map<String, Value>, key: &str, more: &str) {
    match fields.get_mut(key) {
        Some(Value::String(text)) => text.push_str(more),
        _ => drop(fields.insert(key.to_owned(), json!(more))),
    }
}
