//! The request of generateContent. The parts of one side are one content, so the last one stays open; results are a content of
//! their own, in the order of the calls. A signature stands in the very part it came in, and parts are never joined.

use ace_schema::message::{Call, Image, Message};
use serde::Serialize;
use serde_json::value::RawValue;

use super::{UNSIGNED, signs};
use crate::json::write;
use crate::layout::{Part, parts};
use crate::offer::{arguments, tools};
use crate::provider::Provider;
use crate::transcript::List;
use crate::wire::{Ask, Role, To};

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct PartRow<'a> {
    #[serde(skip_serializing_if = "Option::is_none")]
    text: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    inline_data: Option<Picture<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    function_call: Option<CallRow<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    function_response: Option<ResultRow<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    thought_signature: Option<String>,
}

const EMPTY: PartRow<'static> =
    PartRow { text: None, inline_data: None, function_call: None, function_response: None, thought_signature: None };

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Picture<'a> {
    mime_type: &'a str,
    data: &'a str,
}

#[derive(Serialize)]
struct CallRow<'a> {
    id: &'a str,
    name: &'a str,
    args: &'a RawValue,
}

#[derive(Serialize)]
struct ResultRow<'a> {
    id: &'a str,
    name: &'a str,
    response: Response<'a>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    parts: Vec<PartRow<'a>>,
}

#[derive(Serialize)]
struct Response<'a> {
    output: &'a str,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct ToolRow<'a> {
    name: &'a str,
    #[serde(skip_serializing_if = "str::is_empty")]
    description: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    parameters_json_schema: Option<&'a RawValue>,
}

/// Adds a message to the list.
pub fn push(list: &mut List, to: To<'_>, message: &Message) {
    match message {
        Message::User(said) => {
            let (text, images) = to.seen(&said.text, &said.images);
            let said = (!text.is_empty() || images.is_empty()).then_some(PartRow { text: Some(&text), ..EMPTY });
            for part in said.into_iter().chain(images.iter().map(picture)) {
                add(list, Role::User, &part);
            }
        }
        Message::Result { call, tool, text, images } => {
            let (text, images) = to.seen(text, images);
            let mut text = text.into_owned();
            // Older models take no pictures with a result.
            let shown = if signs(to.model) { images } else { &[] };
            if shown.len() < images.len() {
                text.push_str("\n[a picture that cannot be shown here]");
            }
            let parts = shown.iter().map(picture).collect();
            let row = ResultRow { id: call, name: tool, response: Response { output: &text }, parts };
            add(list, Role::Result, &PartRow { function_response: Some(row), ..EMPTY });
        }
        Message::Assistant { text, calls, kept } => {
            let mut signed = false;
            for part in parts(to.own(kept.as_ref()), text, calls) {
                match part {
                    Part::Text("", None) => {}
                    Part::Text(text, own) => {
                        let thought_signature = own.and_then(|own| serde_json::from_str(own.get()).ok());
                        add(list, Role::Assistant, &PartRow { text: Some(text), thought_signature, ..EMPTY });
                    }
                    Part::Call(call) => {
                        let part = called(to, call, &mut signed);
                        add(list, Role::Assistant, &part);
                    }
                    Part::Own(part) => add(list, Role::Assistant, &part),
                }
            }
        }
    }
}

/// A call with its signature. Only the first of an answer has to have one.
fn called<'a>(to: To<'_>, call: &'a Call, signed: &mut bool) -> PartRow<'a> {
    let own = to.own(call.kept.as_ref()).and_then(|kept| serde_json::from_str(kept).ok());
    let thought_signature = own.or_else(|| (!*signed && signs(to.model)).then(|| UNSIGNED.to_owned()));
    *signed = true;
    let function_call = Some(CallRow { id: &call.id, name: &call.tool, args: arguments(&call.args) });
    PartRow { function_call, thought_signature, ..EMPTY }
}

fn picture(image: &Image) -> PartRow<'_> {
    PartRow { inline_data: Some(Picture { mime_type: &image.media, data: &image.base64 }), ..EMPTY }
}

fn add(list: &mut List, side: Role, part: &impl Serialize) {
    if list.open == Some(side) {
        list.bytes.push(b',');
    } else {
        if list.open.is_some() {
            list.bytes.extend_from_slice(b"]},");
        }
        let name = if side == Role::Assistant { "model" } else { "user" };
        list.bytes.extend_from_slice(format!(r#"{{"role":"{name}","parts":["#).as_bytes());
        list.open = Some(side);
    }
    write(&mut list.bytes, part);
}

/// The whole body. Tools that are no list of tools are left out.
pub fn body(provider: &Provider, ask: &Ask<'_>, list: &List) -> Vec<u8> {
    let mut out = Vec::with_capacity(list.bytes.len() + ask.system.len() + 2 * ask.tools.len() + 512);
    out.push(b'{');
    if !ask.system.is_empty() {
        out.extend_from_slice(br#""systemInstruction":{"parts":["#);
        write(&mut out, &PartRow { text: Some(ask.system), ..EMPTY });
        out.extend_from_slice(b"]},");
    }
    let tools = tools(ask.tools);
    let rows: Vec<_> = tools
        .iter()
        .map(|t| ToolRow { name: &t.name, description: &t.description, parameters_json_schema: t.parameters })
        .collect();
    if !rows.is_empty() {
        out.extend_from_slice(br#""tools":[{"functionDeclarations":"#);
        write(&mut out, &rows);
        out.extend_from_slice(b"}],");
    }
    generation(&mut out, provider, ask);
    out.extend_from_slice(br#""contents":["#);
    out.extend_from_slice(&list.bytes);
    out.extend_from_slice(if list.open.is_some() { b"]}]}" } else { b"]}" });
    out
}

/// Thoughts are asked for where a model has some; models before 2.5 refuse the question.
fn thinking(out: &mut Vec<u8>, provider: &Provider, model: &str) {
    let effort = provider.options.reasoning.as_str();
    if !(signs(model) || model.contains("gemini-2.5")) {
        return;
    }
    let shown = effort != "none";
    out.extend_from_slice(format!(r#""thinkingConfig":{{"includeThoughts":{shown}"#).as_bytes());
    if !effort.is_empty() && signs(model) {
        out.extend_from_slice(br#","thinkingLevel":"#);
        write(out, &(if shown { effort } else { "minimal" }).to_uppercase());
    }
    out.push(b'}');
}

/// How the answer is made: with thoughts, held to a schema.
fn generation(out: &mut Vec<u8>, provider: &Provider, ask: &Ask<'_>) {
    let mut config = Vec::new();
    thinking(&mut config, provider, ask.model);
    if let Ok(schema) = serde_json::from_str::<&RawValue>(ask.schema) {
        config.extend_from_slice(if config.is_empty() { b"" } else { b"," });
        config.extend_from_slice(br#""responseMimeType":"application/json","responseJsonSchema":"#);
        write(&mut config, &schema);
    }
    if let Some(most) = ask.output {
        config.extend_from_slice(if config.is_empty() { b"" } else { b"," });
        config.extend_from_slice(format!(r#""maxOutputTokens":{most}"#).as_bytes());
    }
    if !config.is_empty() {
        out.extend_from_slice(br#""generationConfig":{"#);
        out.extend(config);
        out.extend_from_slice(b"},");
    }
}
