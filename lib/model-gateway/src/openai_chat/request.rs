//! The request of Chat Completions. Everything that stays from call to call stands before the messages, so that the bytes of one
//! request begin with all of the one before it but its closing brackets.

use ace_schema::message::Message;
use reqwest::Url;
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;

use crate::provider::Provider;
use crate::wire::Ask;

/// The only host known to take `prompt_cache_key`; others may refuse fields they do not know.
const OPENAI: &str = "api.openai.com";

#[derive(Serialize)]
#[serde(tag = "role", rename_all = "lowercase")]
enum Row<'a> {
    System {
        content: &'a str,
    },
    User {
        content: &'a str,
    },
    Assistant {
        content: Option<&'a str>,
        #[serde(skip_serializing_if = "Vec::is_empty")]
        tool_calls: Vec<CallRow<'a>>,
    },
    Tool {
        tool_call_id: &'a str,
        content: &'a str,
    },
}

#[derive(Serialize)]
struct CallRow<'a> {
    id: &'a str,
    r#type: &'static str,
    function: FunctionRow<'a>,
}

#[derive(Serialize)]
struct FunctionRow<'a> {
    name: &'a str,
    arguments: &'a str,
}

/// A tool of the offer and, inside `function`, of the request: the fields are the same.
#[derive(Serialize, Deserialize)]
struct Tool<'a> {
    name: String,
    #[serde(default)]
    description: String,
    #[serde(borrow, default, skip_serializing_if = "Option::is_none")]
    parameters: Option<&'a RawValue>,
}

#[derive(Serialize)]
struct ToolRow<'a> {
    r#type: &'static str,
    function: Tool<'a>,
}

/// Adds a message to the list, with a comma where one is due.
pub fn push(list: &mut Vec<u8>, message: &Message) {
    if !list.is_empty() {
        list.push(b',');
    }
    write(list, &row(message));
}

fn row(message: &Message) -> Row<'_> {
    match message {
        Message::User(text) => Row::User { content: text },
        Message::Result { call, text, .. } => Row::Tool { tool_call_id: call, content: text },
        Message::Assistant { text, calls } => {
            let tool_calls: Vec<_> = calls.iter().map(|c| call(&c.id, &c.tool, &c.args)).collect();
            // Content is left out as null only beside calls: an answer of neither is refused by some servers.
            let content = if text.is_empty() && !tool_calls.is_empty() { None } else { Some(text.as_str()) };
            Row::Assistant { content, tool_calls }
        }
    }
}

fn call<'a>(id: &'a str, name: &'a str, args: &'a str) -> CallRow<'a> {
    let arguments = if args.is_empty() { "{}" } else { args };
    CallRow { id, r#type: "function", function: FunctionRow { name, arguments } }
}

/// The whole body. Tools that are no list of tools are left out.
pub fn body(provider: &Provider, ask: &Ask<'_>, list: &[u8]) -> Vec<u8> {
    let mut out = Vec::with_capacity(list.len() + ask.system.len() + 2 * ask.tools.len() + 512);
    out.extend_from_slice(br#"{"model":"#);
    write(&mut out, &ask.model);
    out.extend_from_slice(br#","stream":true,"stream_options":{"include_usage":true}"#);
    if !ask.session.is_empty() && Url::parse(&provider.base_url).is_ok_and(|u| u.host_str() == Some(OPENAI)) {
        out.extend_from_slice(br#","prompt_cache_key":"#);
        write(&mut out, &ask.session);
    }
    let tools = tools(ask.tools);
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
        if !list.is_empty() {
            out.push(b',');
        }
    }
    out.extend_from_slice(list);
    out.extend_from_slice(b"]}");
    out
}

fn tools(offer: &str) -> Vec<ToolRow<'_>> {
    let tools: Vec<Tool<'_>> = serde_json::from_str(offer).unwrap_or_default();
    tools.into_iter().map(|function| ToolRow { r#type: "function", function }).collect()
}

/// Appends JSON. Writing strings to memory cannot fail.
fn write(out: &mut Vec<u8>, value: &impl Serialize) {
    let written = serde_json::to_writer(out, value);
    debug_assert!(written.is_ok());
}

/// `…/chat/completions` under `base`. A host alone means its `/v1`; any other path is kept as its vendor's SDK would.
pub fn url(base: &str) -> Result<Url, String> {
    let mut url = Url::parse(base.trim()).map_err(|e| e.to_string())?;
    if !matches!(url.scheme(), "http" | "https") || url.host_str().is_none() {
        return Err("it must begin with http:// or https://".into());
    }
    if !url.username().is_empty() || url.password().is_some() {
        return Err("a name or password has no place in it".into());
    }
    let path = url.path().trim_end_matches('/');
    let path = path.strip_suffix("/chat/completions").unwrap_or(path);
    let path = if path.is_empty() { "/v1" } else { path };
    url.set_path(&format!("{path}/chat/completions"));
    url.set_fragment(None);
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

    #[test]
    fn tools_that_are_no_list_are_left_out() {
        for bad in ["", "{}", "[1]", "[{\"description\":\"nameless\"}]", "[{"] {
            assert!(tools(bad).is_empty(), "{bad}");
        }
    }
}
