//! The request of Interactions: the conversation as steps. What stays from call to call stands before them.

use ace_schema::message::{Image, Message};
use serde::Serialize;
use serde_json::value::RawValue;

use crate::json::write;
use crate::layout::{Part, parts};
use crate::offer::{Tool, arguments, tools};
use crate::provider::Provider;
use crate::transcript::List;
use crate::wire::{Ask, To};

#[derive(Serialize)]
#[serde(tag = "type", rename_all = "snake_case")]
enum Step<'a> {
    UserInput { content: Vec<Content<'a>> },
    ModelOutput { content: Vec<Content<'a>> },
    FunctionCall { id: &'a str, name: &'a str, arguments: &'a RawValue },
    FunctionResult { call_id: &'a str, name: &'a str, result: Output<'a> },
}

#[derive(Serialize)]
#[serde(tag = "type", rename_all = "snake_case")]
enum Content<'a> {
    Text { text: &'a str },
    Image { mime_type: &'a str, data: &'a str },
}

#[derive(Serialize)]
#[serde(untagged)]
enum Output<'a> {
    Text(&'a str),
    Parts(Vec<Content<'a>>),
}

#[derive(Serialize)]
struct ToolRow<'a> {
    r#type: &'static str,
    #[serde(flatten)]
    function: Tool<'a>,
}

/// Adds a message to the list.
pub fn push(list: &mut List, to: To<'_>, message: &Message) {
    match message {
        Message::User(said) => {
            let (text, images) = to.seen(&said.text, &said.images);
            add(list, &Step::UserInput { content: shown(&text, images) });
        }
        Message::Result { call, tool, text, images } => {
            let (text, images) = to.seen(text, images);
            let result = if images.is_empty() { Output::Text(&text) } else { Output::Parts(shown(&text, images)) };
            add(list, &Step::FunctionResult { call_id: call, name: tool, result });
        }
        Message::Assistant { text, calls, kept } => {
            for part in parts(to.own(kept.as_ref()), text, calls) {
                match part {
                    Part::Text("", _) => {}
                    Part::Text(text, _) => add(list, &Step::ModelOutput { content: vec![Content::Text { text }] }),
                    Part::Call(call) => {
                        let arguments = arguments(&call.args);
                        add(list, &Step::FunctionCall { id: &call.id, name: &call.tool, arguments });
                    }
                    Part::Own(step) => add(list, &step),
                }
            }
        }
    }
}

fn add(list: &mut List, step: &impl Serialize) {
    list.separate();
    write(&mut list.bytes, step);
}

fn shown<'a>(text: &'a str, images: &'a [Image]) -> Vec<Content<'a>> {
    let said = (!text.is_empty() || images.is_empty()).then_some(Content::Text { text });
    let image = |i: &'a Image| Content::Image { mime_type: &i.media, data: &i.base64 };
    said.into_iter().chain(images.iter().map(image)).collect()
}

/// The whole body. Tools that are no list of tools are left out.
pub fn body(provider: &Provider, ask: &Ask<'_>, list: &List) -> Vec<u8> {
    let mut out = Vec::with_capacity(list.bytes.len() + ask.system.len() + 2 * ask.tools.len() + 512);
    out.extend_from_slice(br#"{"model":"#);
    write(&mut out, ask.model.strip_prefix("models/").unwrap_or(ask.model));
    out.extend_from_slice(br#","stream":true,"store":false"#);
    if !ask.system.is_empty() {
        out.extend_from_slice(br#","system_instruction":"#);
        write(&mut out, ask.system);
    }
    let rows: Vec<_> = tools(ask.tools).into_iter().map(|function| ToolRow { r#type: "function", function }).collect();
    if !rows.is_empty() {
        out.extend_from_slice(br#","tools":"#);
        write(&mut out, &rows);
    }
    out.extend_from_slice(br#","generation_config":{"thinking_summaries":"auto""#);
    let effort = provider.options.reasoning.as_str();
    if !effort.is_empty() {
        out.extend_from_slice(br#","thinking_level":"#);
        write(&mut out, if effort == "none" { "minimal" } else { effort });
    }
    if let Some(most) = ask.output {
        out.extend_from_slice(format!(r#","max_output_tokens":{most}"#).as_bytes());
    }
    out.extend_from_slice(br#"},"input":["#);
    out.extend_from_slice(&list.bytes);
    out.extend_from_slice(b"]}");
    out
}
