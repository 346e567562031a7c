//! The stream of Interactions: steps that start, grow and stop. Dispatches on the `event_type` inside the data.

use std::collections::BTreeMap;

use ace_schema::message::{Extras, Piece, Stop, Usage};
use serde_json::{Value, json};

use crate::calls::Calls;
use crate::json::{each, take, take_list, take_text, tokens};
use crate::layout::Layout;
use crate::upstream::Upstream;
use crate::wire::{Decoder, State, StreamError};

/// A step that is open.
#[derive(Debug)]
enum Open {
    Output,
    Thought { signature: String, summary: Vec<Value> },
    Call(usize),
    Other,
}

/// The decoder of one answer.
#[derive(Default)]
pub struct Steps {
    open: BTreeMap<u64, Open>,
    calls: Calls,
    layout: Layout,
    usage: Option<Usage>,
    stop: Option<Stop>,
    id: String,
    /// A step has come: what the end repeats is known.
    came: bool,
}

impl Decoder for Steps {
    fn push(&mut self, data: &str, out: &mut Vec<Piece>) -> Result<State, StreamError> {
        each(data, |event| self.event(event, out))?;
        Ok(if self.stop.is_some() { State::Over } else { State::Open })
    }

    fn finish(&mut self, out: &mut Vec<Piece>) -> Result<(), StreamError> {
        while let Some(index) = self.open.keys().next().copied() {
            self.close(index);
        }
        let usage = self.usage.take().map(Piece::Usage);
        let calls = std::mem::take(&mut self.calls);
        let stop = self.stop.take().ok_or(StreamError::Cut);
        let finished = stop.and_then(|stop| {
            let (calls, given) = calls.finish(matches!(stop, Stop::Length | Stop::Filter))?;
            Ok((calls, given, stop))
        });
        match finished {
            Ok((calls, given, stop)) => {
                let stop = match (stop, calls.is_empty()) {
                    (Stop::End, false) => Stop::Tools,
                    (Stop::Tools, true) => Stop::End,
                    (stop, _) => stop,
                };
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

impl Steps {
    fn event(&mut self, mut event: Value, out: &mut Vec<Piece>) -> Result<(), StreamError> {
        let index = event["index"].as_u64().unwrap_or(0);
        match event["event_type"].as_str().unwrap_or_default() {
            "interaction.created" | "interaction.status_update" => {
                if let Value::String(id) = take(&mut take(&mut event, "interaction"), "id") {
                    self.id = id;
                }
            }
            "step.start" => self.begin(index, take(&mut event, "step"), out)?,
            "step.delta" => self.grow(index, take(&mut event, "delta"), out)?,
            "step.stop" => {
                let told = if event["usage"].is_object() { &event["usage"] } else { &event["step_usage"] };
                if told.is_object() && self.usage.is_none() {
                    self.usage = Some(read_usage(told));
                }
                self.close(index);
            }
            "interaction.completed" | "interaction.complete" => self.end(take(&mut event, "interaction"), out)?,
            "error" => return Err(StreamError::Reported(Upstream::read(&event).unwrap_or_default())),
            // An answer that is not streamed.
            "" if event["status"].is_string() && event["error"].is_null() => self.end(event, out)?,
            "" => {
                if let Some(error) = Upstream::read(&event) {
                    return Err(StreamError::Reported(error));
                }
            }
            _ => {}
        }
        Ok(())
    }

    fn begin(&mut self, index: u64, mut step: Value, out: &mut Vec<Piece>) -> Result<(), StreamError> {
        self.close(index);
        self.came = true;
        let open = match step["type"].as_str().unwrap_or_default() {
            "model_output" => {
                self.layout.close_text();
                for mut part in take_list(&mut step, "content") {
                    self.say(take_text(&mut part, "text"), out);
                }
                Open::Output
            }
            "thought" => {
                let summary = take_list(&mut step, "summary");
                for part in &summary {
                    think(part["text"].as_str().unwrap_or_default(), out);
                }
                Open::Thought { signature: take_text(&mut step, "signature"), summary }
            }
            "function_call" => {
                let name = take_text(&mut step, "name");
                let number = self.calls.begin(&name)?;
                self.layout.call(number);
                match take(&mut step, "arguments") {
                    Value::Object(args) if !args.is_empty() => {
                        self.calls.extend(number, &Value::Object(args).to_string())?;
                    }
                    Value::String(args) => self.calls.extend(number, &args)?,
                    _ => {}
                }
                out.push(Piece::CallBegins(name));
                Open::Call(number)
            }
            _ => Open::Other,
        };
        self.open.insert(index, open);
        Ok(())
    }

    fn grow(&mut self, index: u64, mut delta: Value, out: &mut Vec<Piece>) -> Result<(), StreamError> {
        let kind = take_text(&mut delta, "type");
        match (kind.as_str(), self.open.get_mut(&index)) {
            ("text", Some(Open::Output) | None) => self.say(take_text(&mut delta, "text"), out),
            ("thought_summary", open) => {
                let content = take(&mut delta, "content");
                think(content["text"].as_str().unwrap_or_default(), out);
                if let Some(Open::Thought { summary, .. }) = open {
                    summary.push(content);
                }
            }
            ("thought_signature", Some(Open::Thought { signature, .. })) => {
                signature.push_str(&take_text(&mut delta, "signature"));
            }
            ("arguments_delta", Some(Open::Call(number))) => {
                let piece = match take(&mut delta, "arguments") {
                    Value::String(piece) => piece,
                    Value::Null => String::new(),
                    whole => whole.to_string(),
                };
                self.calls.extend(*number, &piece)?;
            }
            ("arguments_delta", _) => {
                return Err(StreamError::Format(format!("a piece of step {index}, which is no call")));
            }
            _ => {}
        }
        Ok(())
    }

    fn close(&mut self, index: u64) {
        match self.open.remove(&index) {
            Some(Open::Output) => self.layout.close_text(),
            // Without a signature there is nothing that it wants back.
            Some(Open::Thought { signature, summary }) if !signature.is_empty() => {
                let mut step = json!({ "type": "thought", "signature": signature });
                if !summary.is_empty() {
                    step["summary"] = json!(summary);
                }
                self.layout.own(&step);
            }
            _ => {}
        }
    }

    fn say(&mut self, text: String, out: &mut Vec<Piece>) {
        if !text.is_empty() {
            self.layout.text(text.len());
            out.push(Piece::Text(text));
        }
    }

    fn end(&mut self, mut interaction: Value, out: &mut Vec<Piece>) -> Result<(), StreamError> {
        if let Value::String(id) = take(&mut interaction, "id") {
            self.id = id;
        }
        if interaction["usage"].is_object() {
            self.usage = Some(read_usage(&interaction["usage"]));
        }
        if !self.came {
            let all = ["steps", "outputs"].map(|name| take_list(&mut interaction, name)).concat();
            for (index, step) in (0..).zip(all) {
                self.begin(index, step, out)?;
                self.close(index);
            }
        }
        self.stop = Some(match interaction["status"].as_str().unwrap_or_default() {
            "requires_action" => Stop::Tools,
            "incomplete" | "budget_exceeded" => Stop::Length,
            status @ ("failed" | "cancelled") => {
                let error = Upstream::read(&interaction).unwrap_or_else(|| Upstream {
                    kind: "internal_error".to_owned(),
                    message: format!("the answer ended as '{status}'"),
                    ..Upstream::default()
                });
                return Err(StreamError::Reported(error));
            }
            _ => Stop::End,
        });
        Ok(())
    }
}

fn think(thought: &str, out: &mut Vec<Piece>) {
    if !thought.is_empty() {
        out.push(Piece::Reasoning(thought.to_owned()));
    }
}

/// Input tokens hold the cached ones here, and output does not hold the thoughts; see the other wire of this vendor.
fn read_usage(usage: &Value) -> Usage {
    let cache_read = tokens(&usage["total_cached_tokens"]);
    let reasoning = tokens(&usage["total_thought_tokens"]);
    Usage {
        input: tokens(&usage["total_input_tokens"]).saturating_sub(cache_read)
            + tokens(&usage["total_tool_use_tokens"]),
        output: tokens(&usage["total_output_tokens"]) + reasoning,
        cache_read,
        cache_write: 0,
        cache_write_1h: 0,
        reasoning,
    }
}
