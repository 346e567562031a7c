//! The request of Responses: the conversation as items. What stays from call to call stands before them.

use ace_schema::message::{Image, Message};
use serde::Serialize;
use serde_json::value::RawValue;

use crate::json::write;
use crate::layout::{Part, parts};
use crate::offer::tools;
use crate::provider::Provider;
use crate::transcript::List;
use crate::wire::{Ask, To};

/// The only host known to take fields of its own; gateways may refuse what they do not know.
const OPENAI: &str = "api.openai.com";
/// Models that do not reason and refuse to be asked about it.
const PLAIN: &[&str] = &["gpt-3", "gpt-4", "chatgpt-4", "davinci", "babbage"];

#[derive(Serialize)]
#[serde(tag = "type", rename_all = "snake_case")]
enum Item<'a> {
    Message {
        role: &'static str,
        content: Vec<Content<'a>>,
        #[serde(skip_serializing_if = "Option::is_none")]
        phase: Option<Box<RawValue>>,
    },
    FunctionCall {
        call_id: &'a str,
        name: &'a str,
        arguments: &'a str,
    },
    FunctionCallOutput {
        call_id: &'a str,
        output: Output<'a>,
    },
}

#[derive(Serialize)]
#[serde(tag = "type", rename_all = "snake_case")]
enum Content<'a> {
    InputText { text: &'a str },
    InputImage { image_url: String },
    OutputText { text: &'a str },
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
    name: &'a str,
    #[serde(skip_serializing_if = "str::is_empty")]
    description: &'a str,
    parameters: Option<&'a RawValue>,
    /// Strict is the default here, and takes only schemas without optional fields.
    strict: bool,
}

/// Adds a message to the list.
pub fn push(list: &mut List, to: To<'_>, message: &Message) {
    match message {
        Message::User(said) => {
            let (text, images) = to.seen(&said.text, &said.images);
            add(list, &Item::Message { role: "user", content: shown(&text, images), phase: None });
        }
        Message::Result { call, text, images, .. } => {
            let (text, images) = to.seen(text, images);
            let output = if images.is_empty() { Output::Text(&text) } else { Output::Parts(shown(&text, images)) };
            add(list, &Item::FunctionCallOutput { call_id: call, output });
        }
        Message::Assistant { text, calls, kept } => {
            for part in parts(to.own(kept.as_ref()), text, calls) {
                match part {
                    Part::Text("", _) => {}
                    Part::Text(text, phase) => {
                        let content = vec![Content::OutputText { text }];
                        add(list, &Item::Message { role: "assistant", content, phase });
                    }
                    Part::Call(call) => {
                        let arguments = if call.args.is_empty() { "{}" } else { &call.args };
                        add(list, &Item::FunctionCall { call_id: &call.id, name: &call.tool, arguments });
                    }
                    Part::Own(item) => add(list, &item),
                }
            }
        }
    }
}

fn add(list: &mut List, item: &impl Serialize) {
    list.separate();
    write(&mut list.bytes, item);
}

fn shown<'a>(text: &'a str, images: &[Image]) -> Vec<Content<'a>> {
    let said = (!text.is_empty() || images.is_empty()).then_some(Content::InputText { text });
    let image = |i: &Image| Content::InputImage { image_url: format!("data:{};base64,{}", i.media, i.base64) };
    said.into_iter().chain(images.iter().map(image)).collect()
}

/// The whole body. Tools that are no list of tools are left out.
pub fn body(provider: &Provider, ask: &Ask<'_>, list: &List) -> Vec<u8> {
    let mut out = Vec::with_capacity(list.bytes.len() + ask.system.len() + 2 * ask.tools.len() + 512);
    out.extend_from_slice(br#"{"model":"#);
    write(&mut out, ask.model);
    out.extend_from_slice(br#","stream":true,"store":false"#);
    let own = provider.is_at(OPENAI);
    if own {
        out.extend_from_slice(br#","stream_options":{"include_obfuscation":false}"#);
    }
    if own && !ask.session.is_empty() {
        out.extend_from_slice(br#","prompt_cache_key":"#);
        write(&mut out, ask.session);
    }
    if !PLAIN.iter().any(|plain| ask.model.starts_with(plain)) {
        out.extend_from_slice(br#","include":["reasoning.encrypted_content"],"reasoning":{"#);
        if !provider.options.reasoning.is_empty() {
            out.extend_from_slice(br#""effort":"#);
            write(&mut out, provider.options.reasoning.as_str());
            out.push(b',');
        }
        out.extend_from_slice(br#""summary":"auto"}"#);
    }
    if let Some(most) = ask.output {
        out.extend_from_slice(format!(r#","max_output_tokens":{most}"#).as_bytes());
    }
    if let Ok(schema) = serde_json::from_str::<&RawValue>(ask.schema) {
        out.extend_from_slice(br#","text":{"format":{"type":"json_schema","name":"answer","schema":"#);
        write(&mut out, &schema);
        out.extend_from_slice(b"}}");
    }
    if !ask.system.is_empty() {
        out.extend_from_slice(br#","instructions":"#);
        write(&mut out, ask.system);
    }
    let tools = tools(ask.tools);
    let rows: Vec<_> = tools
        .iter()
        .map(|t| ToolRow {
            r#type: "function",
            name: &t.name,
            description: &t.description,
            parameters: t.parameters,
            strict: false,
        })
        .collect();
    if !rows.is_empty() {
        out.extend_from_slice(br#","tools":"#);
        write(&mut out, &rows);
    }
    out.extend_from_slice(br#","input":["#);
    out.extend_from_slice(&list.bytes);
    out.extend_from_slice(b"]}");
    out
}
