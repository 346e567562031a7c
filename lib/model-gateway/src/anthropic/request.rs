//! The request of Messages. Messages are lists of blocks, and neighbours of one side are one message: so the last one stays open
//! until the other side speaks.
//!
//! What a cache shall hold is marked: the tools, the system text, and the conversation. Of the conversation the server finds the
//! end by itself (protocol 2026-10-21), so that one request begins with the bytes of the one before; older servers need marks
//! that move along, which is all that differs then. Four marks are the most that a request may have.

use ace_schema::message::{Image, Message};
use serde::Serialize;
use serde_json::value::RawValue;

use super::is_newest;
use crate::json::write;
use crate::layout::{Part, parts};
use crate::offer::{arguments, tools};
use crate::provider::Provider;
use crate::transcript::List;
use crate::wire::{Ask, Role, To};

/// The most that an answer may have, tokens: every model of the last two years takes it, and one that would not end must.
const MOST_TOKENS: u64 = 32_000;
/// The mark.
const MARK: &[u8] = br#","cache_control":{"type":"ephemeral"}"#;
/// The server looks so many blocks back for what it holds already; when one answer made more, the place is marked.
const LOOKS_BACK: usize = 16;

#[derive(Serialize)]
#[serde(tag = "type", rename_all = "snake_case")]
enum Block<'a> {
    Text {
        text: &'a str,
    },
    Image {
        source: Source<'a>,
    },
    ToolUse {
        id: &'a str,
        name: &'a str,
        input: &'a RawValue,
    },
    ToolResult {
        tool_use_id: &'a str,
        #[serde(skip_serializing_if = "Vec::is_empty")]
        content: Vec<Block<'a>>,
    },
}

#[derive(Serialize)]
struct Source<'a> {
    r#type: &'static str,
    media_type: &'a str,
    data: &'a str,
}

#[derive(Serialize)]
struct ToolRow<'a> {
    name: &'a str,
    #[serde(skip_serializing_if = "str::is_empty")]
    description: &'a str,
    input_schema: &'a RawValue,
    /// Arguments come as they are written, not when they are whole.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    eager_input_streaming: bool,
}

/// Adds a message to the list. One of no words and no calls is none.
pub fn push(list: &mut List, to: To<'_>, message: &Message) {
    match message {
        Message::User(said) => {
            let (text, images) = to.seen(&said.text, &said.images);
            shown(&text, images).iter().for_each(|block| add(list, Role::User, block));
        }
        Message::Result { call, text, images, .. } => {
            let (text, images) = to.seen(text, images);
            add(list, Role::User, &Block::ToolResult { tool_use_id: call, content: shown(&text, images) });
        }
        Message::Assistant { text, calls, kept } => {
            for part in parts(to.own(kept.as_ref()), text, calls) {
                match part {
                    Part::Text(text, _) if text.trim().is_empty() => {}
                    Part::Text(text, _) => add(list, Role::Assistant, &Block::Text { text }),
                    Part::Call(call) => {
                        let input = arguments(&call.args);
                        add(list, Role::Assistant, &Block::ToolUse { id: &call.id, name: &call.tool, input });
                    }
                    Part::Own(block) => add(list, Role::Assistant, &block),
                }
            }
        }
    }
}

/// Text, if there is some (blank text is refused), and pictures.
fn shown<'a>(text: &'a str, images: &'a [Image]) -> Vec<Block<'a>> {
    let said = (!text.trim().is_empty()).then_some(Block::Text { text });
    let image =
        |i: &'a Image| Block::Image { source: Source { r#type: "base64", media_type: &i.media, data: &i.base64 } };
    said.into_iter().chain(images.iter().map(image)).collect()
}

fn add(list: &mut List, side: Role, block: &impl Serialize) {
    if list.open == Some(side) {
        list.bytes.push(b',');
    } else {
        if list.open.is_some() {
            list.bytes.extend_from_slice(b"]},");
        }
        let name = if side == Role::Assistant { "assistant" } else { "user" };
        list.bytes.extend_from_slice(format!(r#"{{"role":"{name}","content":["#).as_bytes());
        list.open = Some(side);
    }
    write(&mut list.bytes, block);
}

/// The whole body. Tools that are no list of tools are left out.
pub fn body(provider: &Provider, ask: &Ask<'_>, list: &List) -> Vec<u8> {
    let newest = is_newest(provider);
    let mut out = Vec::with_capacity(list.bytes.len() + ask.system.len() + 2 * ask.tools.len() + 512);
    out.extend_from_slice(br#"{"model":"#);
    write(&mut out, ask.model);
    let most = ask.output.map_or(MOST_TOKENS, |output| output.min(MOST_TOKENS));
    out.extend_from_slice(format!(r#","max_tokens":{most},"stream":true"#).as_bytes());
    thinking(&mut out, &provider.options.reasoning, ask.schema);
    if newest {
        out.extend_from_slice(MARK);
    }
    let tools = tools(ask.tools);
    let bare = arguments(r#"{"type":"object"}"#);
    let rows: Vec<_> = tools
        .iter()
        .map(|t| ToolRow {
            name: &t.name,
            description: &t.description,
            input_schema: t.parameters.unwrap_or(bare),
            eager_input_streaming: newest,
        })
        .collect();
    if !rows.is_empty() {
        out.extend_from_slice(br#","tools":"#);
        write(&mut out, &rows);
        mark(&mut out, 2);
    }
    if !ask.system.trim().is_empty() {
        out.extend_from_slice(br#","system":"#);
        write(&mut out, &[Block::Text { text: ask.system }]);
        mark(&mut out, 2);
    }
    out.extend_from_slice(br#","messages":["#);
    let mut from = 0;
    for at in marks(list, newest) {
        out.extend_from_slice(list.bytes.get(from..at).unwrap_or_default());
        mark(&mut out, 1);
        from = at;
    }
    out.extend_from_slice(list.bytes.get(from..).unwrap_or_default());
    out.extend_from_slice(if list.open.is_some() { b"]}]}" } else { b"]}" });
    out
}

/// Puts the mark into the object that ends so many bytes before the end.
fn mark(out: &mut Vec<u8>, before: usize) {
    let at = out.len().saturating_sub(before);
    out.splice(at..at, MARK.iter().copied());
}

/// Where blocks end that are marked by hand: the end of this request and that of the one before it, which is where the answer
/// that came last begins.
fn marks(list: &List, newest: bool) -> Vec<usize> {
    let answer = list.ends.iter().rposition(|(_, role)| *role == Role::Assistant);
    let before = answer.and_then(|a| a.checked_sub(1)).map(|b| list.ends[b].0).filter(|at| *at > 0);
    let since = answer.map_or(0, |a| list.ends.len() - a);
    match newest {
        // The answer has about as many calls as there are results.
        true => before.filter(|_| since * 2 > LOOKS_BACK).into_iter().collect(),
        false => {
            let end = list.ends.last().map(|e| e.0).filter(|at| *at > 0);
            let mut marks: Vec<usize> = before.into_iter().chain(end).collect();
            marks.dedup();
            marks
        }
    }
}

fn thinking(out: &mut Vec<u8>, reasoning: &str, schema: &str) {
    let mut config = Vec::new();
    match reasoning {
        "" => {}
        "none" => out.extend_from_slice(br#","thinking":{"type":"disabled"}"#),
        effort => {
            out.extend_from_slice(br#","thinking":{"type":"adaptive","display":"summarized"}"#);
            config.extend_from_slice(br#""effort":"#);
            write(&mut config, effort);
        }
    }
    if let Ok(schema) = serde_json::from_str::<&RawValue>(schema) {
        config.extend_from_slice(if config.is_empty() { b"" } else { b"," });
        config.extend_from_slice(br#""format":{"type":"json_schema","schema":"#);
        write(&mut config, &schema);
        config.push(b'}');
    }
    if !config.is_empty() {
        out.extend_from_slice(br#","output_config":{"#);
        out.extend(config);
        out.push(b'}');
    }
}
