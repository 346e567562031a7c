//! The request of Chat Completions. Everything that stays from call to call stands before the messages, so that the bytes of one
//! request begin with all of the one before it but its closing brackets.

use ace_schema::message::{Call, Image, Message};
use reqwest::Url;
use serde::Serialize;
use serde_json::value::RawValue;
use std::collections::BTreeMap;

use crate::address;
use crate::json::write;
use crate::offer::{Tool, tools};
use crate::provider::Provider;
use crate::transcript::List;
use crate::wire::{Ask, To};

/// The only host known to take `prompt_cache_key`; others may refuse fields they do not know.
const OPENAI: &str = "api.openai.com";
/// Hosts that have their own word for how much is thought.
const OPENROUTER: &str = "openrouter.ai";
const DASHSCOPE: &str = "aliyuncs.com";

#[derive(Serialize)]
#[serde(tag = "role", rename_all = "lowercase")]
enum Row<'a> {
    System {
        content: &'a str,
    },
    User {
        content: Content<'a>,
    },
    Assistant {
        content: Option<&'a str>,
        #[serde(skip_serializing_if = "Vec::is_empty")]
        tool_calls: Vec<CallRow<'a>>,
        /// Reasoning, under the name it came by.
        #[serde(flatten)]
        kept: BTreeMap<String, Box<RawValue>>,
    },
    Tool {
        tool_call_id: &'a str,
        content: &'a str,
    },
}

#[derive(Serialize)]
#[serde(untagged)]
enum Content<'a> {
    Text(&'a str),
    Parts(Vec<PartRow<'a>>),
}

#[derive(Serialize)]
#[serde(tag = "type", rename_all = "snake_case")]
enum PartRow<'a> {
    Text { text: &'a str },
    ImageUrl { image_url: Address },
}

#[derive(Serialize)]
struct Address {
    url: String,
}

#[derive(Serialize)]
struct CallRow<'a> {
    id: &'a str,
    r#type: &'static str,
    function: FunctionRow<'a>,
    #[serde(skip_serializing_if = "Option::is_none")]
    extra_content: Option<&'a RawValue>,
}

#[derive(Serialize)]
struct FunctionRow<'a> {
    name: &'a str,
    arguments: &'a str,
}

#[derive(Serialize)]
struct ToolRow<'a> {
    r#type: &'static str,
    function: Tool<'a>,
}

/// Adds a message to the list, with a comma where one is due.
pub fn push(list: &mut List, to: To<'_>, message: &Message) {
    if !matches!(message, Message::Result { .. }) {
        list.settle();
    }
    list.separate();
    match message {
        Message::User(said) => {
            let (text, images) = to.seen(&said.text, &said.images);
            write(&mut list.bytes, &Row::User { content: content(&text, images) });
        }
        Message::Result { call, tool, text, images } => {
            let (text, images) = to.seen(text, images);
            write(&mut list.bytes, &Row::Tool { tool_call_id: call, content: &text });
            // Results hold text alone here, and nothing may stand between them: their pictures follow.
            if !images.is_empty() {
                let title = format!("[from {tool}, {call}]");
                list.behind.push(b',');
                write(&mut list.behind, &Row::User { content: content(&title, images) });
            }
        }
        Message::Assistant { text, calls, kept } => {
            let tool_calls: Vec<_> = calls.iter().map(|c| call(to, c)).collect();
            let kept = to.own(kept.as_ref()).and_then(|k| serde_json::from_str(k).ok()).unwrap_or_default();
            // Content is left out as null only beside calls: an answer of neither is refused by some servers.
            let content = if text.is_empty() && !tool_calls.is_empty() { None } else { Some(text.as_str()) };
            write(&mut list.bytes, &Row::Assistant { content, tool_calls, kept });
        }
    }
}

fn content<'a>(text: &'a str, images: &[Image]) -> Content<'a> {
    if images.is_empty() {
        return Content::Text(text);
    }
    let said = (!text.is_empty()).then_some(PartRow::Text { text });
    let shown = images.iter().map(|i| {
        let url = format!("data:{};base64,{}", i.media, i.base64);
        PartRow::ImageUrl { image_url: Address { url } }
    });
    Content::Parts(said.into_iter().chain(shown).collect())
}

fn call<'a>(to: To<'_>, call: &'a Call) -> CallRow<'a> {
    let arguments = if call.args.is_empty() { "{}" } else { &call.args };
    let extra_content = to.own(call.kept.as_ref()).and_then(|k| serde_json::from_str(k).ok());
    CallRow { id: &call.id, r#type: "function", function: FunctionRow { name: &call.tool, arguments }, extra_content }
}

/// The whole body. Tools that are no list of tools are left out.
pub fn body(provider: &Provider, ask: &Ask<'_>, list: &List) -> Vec<u8> {
    let mut out = Vec::with_capacity(list.bytes.len() + ask.system.len() + 2 * ask.tools.len() + 512);
    out.extend_from_slice(br#"{"model":"#);
    write(&mut out, ask.model);
    out.extend_from_slice(br#","stream":true,"stream_options":{"include_usage":true}"#);
    if !ask.session.is_empty() && provider.is_at(OPENAI) {
        out.extend_from_slice(br#","prompt_cache_key":"#);
        write(&mut out, ask.session);
    }
    if let Some(most) = ask.output {
        // OpenAI's own reasoning models refuse the old name, most others know no other.
        let own = provider.is_at(OPENAI);
        out.extend_from_slice(if own { br#","max_completion_tokens":"# } else { br#","max_tokens":"# });
        write(&mut out, &most);
    }
    effort(&mut out, provider);
    let tools: Vec<_> = tools(ask.tools).into_iter().map(|function| ToolRow { r#type: "function", function }).collect();
    if !tools.is_empty() {
        out.extend_from_slice(br#","tools":"#);
        write(&mut out, &tools);
    }
    if let Ok(schema) = serde_json::from_str::<&RawValue>(ask.schema) {
        out.extend_from_slice(br#","response_format":{"type":"json_schema","json_schema":{"name":"answer","schema":"#);
        write(&mut out, &schema);
        out.extend_from_slice(b"}}");
    }
    out.extend_from_slice(br#","messages":["#);
    if !ask.system.is_empty() {
        write(&mut out, &Row::System { content: ask.system });
        if !list.bytes.is_empty() {
            out.push(b',');
        }
    }
    out.extend_from_slice(&list.bytes);
    out.extend_from_slice(&list.behind);
    out.extend_from_slice(b"]}");
    out
}

/// How much the model thinks, in the words of its host.
fn effort(out: &mut Vec<u8>, provider: &Provider) {
    let effort = provider.options.reasoning.as_str();
    if effort.is_empty() {
        return;
    }
    if provider.is_at(DASHSCOPE) {
        out.extend_from_slice(br#","enable_thinking":"#);
        return write(out, &(effort != "none"));
    }
    let nested = provider.is_at(OPENROUTER);
    out.extend_from_slice(if nested { br#","reasoning":{"effort":"# } else { br#","reasoning_effort":"# });
    write(out, effort);
    if nested {
        out.push(b'}');
    }
}

/// `…/chat/completions` under `base`. A host alone means its `/v1`; any other path is kept as its vendor's SDK would.
pub fn url(base: &str) -> Result<Url, String> {
    let mut url = address::base(base)?;
    let path = url.path().trim_end_matches('/');
    let path = path.strip_suffix("/chat/completions").unwrap_or(path);
    let path = if path.is_empty() { "/v1" } else { path };
    url.set_path(&format!("{path}/chat/completions"));
    Ok(url)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn base_urls_with_and_without_a_version() {
        for (base, want) in [
            ("http://h:1", "http://h:1/v1/chat/completions"),
            ("http://h:1/", "http://h:1/v1/chat/completions"),
            ("http://h:1/v1", "http://h:1/v1/chat/completions"),
            ("http://h:1/v1/", "http://h:1/v1/chat/completions"),
            ("http://h:1/v1/chat/completions", "http://h:1/v1/chat/completions"),
            ("https://openrouter.ai/api/v1", "https://openrouter.ai/api/v1/chat/completions"),
            ("https://d.example/compatible-mode/v1/", "https://d.example/compatible-mode/v1/chat/completions"),
            ("https://g.example/v1beta/openai/", "https://g.example/v1beta/openai/chat/completions"),
            ("https://a.example/v1?api-version=3", "https://a.example/v1/chat/completions?api-version=3"),
        ] {
            assert_eq!(url(base).unwrap().as_str(), want, "{base}");
        }
        for bad in ["", "localhost:1", "ftp://h/", "http://", "https://user:pass@h/v1", "not an address"] {
            assert!(url(bad).is_err(), "{bad}");
        }
    }
}
