//! The stream of Responses: items that open, grow and are done. Dispatches on the `type` inside the data; what an item is in the
//! end, its `done` says.

use std::collections::BTreeMap;

use ace_schema::message::{Extras, Piece, Stop, Usage};
use serde_json::{Map, Value, json};

use crate::calls::Calls;
use crate::json::{each, take, take_list, take_text, text, tokens};
use crate::layout::Layout;
use crate::upstream::Upstream;
use crate::wire::{Decoder, State, StreamError};

/// Where numbers begin that we gave.
const UNNUMBERED: u64 = 1 << 32;

/// What has come of an item.
#[derive(Debug, Default)]
struct Item {
    /// The text that was handed on.
    said: String,
    /// Whether its reasoning was handed on.
    thought: bool,
    /// The number of the call it is.
    call: Option<usize>,
    /// It was said to be done.
    done: bool,
}

/// The decoder of one answer.
#[derive(Default)]
pub struct Items {
    items: BTreeMap<u64, Item>,
    /// Ids of items, for servers that do not number them.
    ids: Vec<String>,
    calls: Calls,
    layout: Layout,
    usage: Option<Usage>,
    stop: Option<Stop>,
    refused: bool,
    id: String,
}

impl Decoder for Items {
    fn push(&mut self, data: &str, out: &mut Vec<Piece>) -> Result<State, StreamError> {
        each(data, |event| self.event(event, out))?;
        Ok(if self.stop.is_some() { State::Over } else { State::Open })
    }

    fn finish(&mut self, out: &mut Vec<Piece>) -> Result<(), StreamError> {
        let usage = self.usage.take().map(Piece::Usage);
        let stop = self.stop.take().ok_or(StreamError::Cut);
        let calls = std::mem::take(&mut self.calls);
        let finished = stop.and_then(|stop| {
            let (calls, given) = calls.finish(matches!(stop, Stop::Length | Stop::Filter))?;
            let stop = match stop {
                Stop::End if !calls.is_empty() => Stop::Tools,
                Stop::End if self.refused => Stop::Refusal,
                stop => stop,
            };
            Ok((calls, given, stop))
        });
        match finished {
            Ok((calls, given, stop)) => {
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

impl Items {
    fn event(&mut self, mut event: Value, out: &mut Vec<Piece>) -> Result<(), StreamError> {
        let id = event["item_id"].as_str().or(event["item"]["id"].as_str());
        let index = match (event["output_index"].as_u64(), id) {
            (Some(index), _) => index,
            (None, Some(id)) => self.index_of(id),
            (None, None) => 0,
        };
        match event["type"].as_str().unwrap_or_default() {
            "response.created" | "response.in_progress" | "response.queued" => {
                self.id = take_text(&mut take(&mut event, "response"), "id");
            }
            "response.output_item.added" => self.begin(index, &event["item"], out)?,
            "response.output_item.done" => self.done(index, take(&mut event, "item"), out)?,
            "response.output_text.delta" => self.say(index, take_text(&mut event, "delta"), out),
            "response.refusal.delta" => {
                self.refused = true;
                self.say(index, take_text(&mut event, "delta"), out);
            }
            "response.function_call_arguments.delta" => {
                if let Some(call) = self.item(index).call {
                    self.calls.extend(call, &take_text(&mut event, "delta"))?;
                }
            }
            "response.reasoning_summary_part.added" if event["summary_index"].as_u64().unwrap_or(0) > 0 => {
                out.push(Piece::Reasoning("\n\n".to_owned()));
            }
            "response.reasoning_summary_text.delta" | "response.reasoning_text.delta" => {
                self.think(index, take_text(&mut event, "delta"), out);
            }
            "response.completed" | "response.incomplete" | "response.failed" => {
                return self.end(take(&mut event, "response"), out);
            }
            "error" => return Err(StreamError::Reported(Upstream::read(&event).unwrap_or_default())),
            // An answer that is not streamed.
            "" if event["object"] == "response" => return self.end(event, out),
            "" => {
                if let Some(error) = Upstream::read(&event) {
                    return Err(StreamError::Reported(error));
                }
            }
            _ => {}
        }
        Ok(())
    }

    /// A number for an item that has only an id.
    fn index_of(&mut self, id: &str) -> u64 {
        let at = self.ids.iter().position(|known| known == id).unwrap_or_else(|| {
            self.ids.push(id.to_owned());
            self.ids.len() - 1
        });
        UNNUMBERED + at as u64
    }

    fn item(&mut self, index: u64) -> &mut Item {
        self.items.entry(index).or_default()
    }

    fn begin(&mut self, index: u64, item: &Value, out: &mut Vec<Piece>) -> Result<(), StreamError> {
        if item["type"] == "function_call" && self.item(index).call.is_none() {
            let name = item["name"].as_str().unwrap_or_default();
            let number = self.calls.begin(name)?;
            self.item(index).call = Some(number);
            out.push(Piece::CallBegins(name.to_owned()));
        }
        Ok(())
    }

    fn say(&mut self, index: u64, text: String, out: &mut Vec<Piece>) {
        if !text.is_empty() {
            self.item(index).said.push_str(&text);
            out.push(Piece::Text(text));
        }
    }

    fn think(&mut self, index: u64, text: String, out: &mut Vec<Piece>) {
        if !text.is_empty() {
            self.item(index).thought = true;
            out.push(Piece::Reasoning(text));
        }
    }

    /// An item is whole: what its pieces did not say is said now.
    fn done(&mut self, index: u64, mut item: Value, out: &mut Vec<Piece>) -> Result<(), StreamError> {
        if std::mem::replace(&mut self.item(index).done, true) {
            return Ok(());
        }
        match item["type"].as_str().unwrap_or_default() {
            "message" => {
                let parts = take_list(&mut item, "content");
                self.refused |= parts.iter().any(|part| part["type"] == "refusal");
                let words = |mut part: Value| match text(take(&mut part, "text")) {
                    words if words.is_empty() => take_text(&mut part, "refusal"),
                    words => words,
                };
                let whole: String = parts.into_iter().map(words).collect();
                if let Some(rest) = whole.strip_prefix(self.item(index).said.as_str()) {
                    self.say(index, rest.to_owned(), out);
                }
                let bytes = self.item(index).said.len();
                match take(&mut item, "phase") {
                    phase @ Value::String(_) => self.layout.text_with(bytes, &phase),
                    _ => {
                        self.layout.close_text();
                        self.layout.text(bytes);
                    }
                }
            }
            "function_call" => {
                self.begin(index, &item, out)?;
                self.call(index, &item)?;
            }
            "reasoning" => {
                let thought: Vec<String> = ["summary", "content"]
                    .map(|list| item[list].as_array().cloned().unwrap_or_default())
                    .concat()
                    .into_iter()
                    .map(|mut part| take_text(&mut part, "text"))
                    .collect();
                if !self.item(index).thought {
                    self.think(index, thought.join("\n\n"), out);
                }
                self.reasoning(item);
            }
            _ => {}
        }
        Ok(())
    }

    fn call(&mut self, index: u64, item: &Value) -> Result<(), StreamError> {
        let Some(number) = self.item(index).call else { return Ok(()) };
        let args = match &item["arguments"] {
            Value::String(args) => args.clone(),
            Value::Null => String::new(),
            whole => whole.to_string(),
        };
        self.layout.call(number);
        self.calls.set(number, item["name"].as_str().unwrap_or_default(), &args, String::new())
    }

    /// Reasoning goes back only encrypted: without that its id would be looked up where nothing is stored.
    fn reasoning(&mut self, mut item: Value) {
        let encrypted = take(&mut item, "encrypted_content");
        if encrypted.as_str().is_none_or(str::is_empty) {
            return;
        }
        let mut kept = Map::new();
        kept.insert("type".into(), json!("reasoning"));
        for field in ["id", "summary", "content"] {
            match take(&mut item, field) {
                Value::Null => {}
                value => drop(kept.insert(field.into(), value)),
            }
        }
        kept.entry("summary").or_insert_with(|| json!([]));
        kept.insert("encrypted_content".into(), encrypted);
        self.layout.own(&Value::Object(kept));
    }

    fn end(&mut self, mut response: Value, out: &mut Vec<Piece>) -> Result<(), StreamError> {
        let told = &response["usage"];
        if told.is_object() {
            self.usage = Some(read_usage(told));
        }
        if let Value::String(id) = take(&mut response, "id") {
            self.id = id;
        }
        let error = take(&mut response, "error");
        if error.is_object() {
            let error = Upstream::read(&json!({ "error": error })).unwrap_or_default();
            return Err(StreamError::Reported(error));
        }
        // Gateways that say it all at the end: items that nobody announced.
        for (index, item) in (0..).zip(take_list(&mut response, "output")) {
            let index =
                if self.ids.is_empty() { index } else { self.index_of(item["id"].as_str().unwrap_or_default()) };
            self.done(index, item, out)?;
        }
        let reason = response["incomplete_details"]["reason"].as_str();
        self.stop = Some(match (response["status"].as_str(), reason) {
            (_, Some("max_output_tokens")) => Stop::Length,
            (_, Some("content_filter")) => Stop::Filter,
            (Some("incomplete"), _) => Stop::Length,
            (Some("failed" | "cancelled"), _) => {
                let kind = "server_error".to_owned();
                let message = "the answer failed".to_owned();
                return Err(StreamError::Reported(Upstream { kind, message, ..Upstream::default() }));
            }
            _ => Stop::End,
        });
        Ok(())
    }
}

/// Input tokens hold the cached ones here; our kinds are disjoint.
fn read_usage(usage: &Value) -> Usage {
    let details = &usage["input_tokens_details"];
    let (cache_read, cache_write) = (tokens(&details["cached_tokens"]), tokens(&details["cache_write_tokens"]));
    Usage {
        input: tokens(&usage["input_tokens"]).saturating_sub(cache_read).saturating_sub(cache_write),
        output: tokens(&usage["output_tokens"]),
        cache_read,
        cache_write,
        cache_write_1h: 0,
        reasoning: tokens(&usage["output_tokens_details"]["reasoning_tokens"]),
    }
}
