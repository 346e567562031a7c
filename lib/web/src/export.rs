//! A session for who has no server: one page with everything in it, that loads nothing and runs nothing.

use std::sync::Arc;

use ace_schema::data::{
    ModelCompleted, ModelFailed, Part, PermissionResolved, SessionCreated, ToolCall, ToolCompleted, ToolFailed,
    TurnFailed, UserMessage,
};
use ace_schema::limits::web as limits;
use ace_schema::{Line, ty};
use ace_storage::{Blobs, Log};
use axum::body::Body;
use axum::extract::{Extension, Path, State};
use axum::http::{HeaderMap, HeaderValue, header};
use axum::response::{IntoResponse, Response};
use bytes::Bytes;
use serde::Deserialize;
use tokio::sync::mpsc;

use crate::app::{App, Who};
use crate::problem::Problem;
use crate::read::{Ask, received};
use crate::redacted::Veil;

/// The page's head: its own style, and that nothing else may be loaded.
const HEAD: &str = "<!doctype html><html lang=en><meta charset=utf-8><meta name=viewport content=\"width=device-width\">\
<meta http-equiv=Content-Security-Policy content=\"default-src 'none'; style-src 'unsafe-inline'; img-src data:\">\
<style>:root{color-scheme:light dark;--ink:light-dark(#1a1f19,#dfe4da);--dim:light-dark(#5c645a,#929b91);--paper:light-dark(#f1f3ec,#111412);\
--sheet:light-dark(#fafbf6,#181c19);--person:light-dark(#7a4b00,#e2b25a);--model:light-dark(#1d4f91,#8db8f2);--tool:light-dark(#0a5f55,#6cc9b7);\
--permit:light-dark(#8b1f63,#ea94c6);--fail:light-dark(#a51d1d,#f28b82)}body{margin:0 auto;max-width:60rem;padding:1rem;background:var(--paper);\
color:var(--ink);font:13px/1.5 ui-monospace,monospace}h1{font-size:19px}section{display:grid;grid-template-columns:3.5rem 1fr;margin:.6rem 0}\
section>a{color:var(--dim);text-decoration:none}.say{font:16px/1.5 Charter,Georgia,serif;white-space:pre-wrap;overflow-wrap:anywhere}\
pre{margin:.2rem 0;padding:.5rem;background:var(--sheet);white-space:pre-wrap;overflow-wrap:anywhere}b{font-weight:600}\
.user b{color:var(--person)}.model b{color:var(--model)}.tool b{color:var(--tool)}.permit b{color:var(--permit)}.fail b{color:var(--fail)}\
summary{cursor:pointer}</style>\n";

/// Text as it may stand in HTML, in attributes too. What would steer a terminal or reorder a line is shown.
#[must_use]
pub fn escape(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '"' => out.push_str("&quot;"),
            '\'' => out.push_str("&#39;"),
            '\n' | '\t' => out.push(c),
            c if c.is_control() => out.push('\u{fffd}'),
            '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}' => out.push('\u{fffd}'),
            c => out.push(c),
        }
    }
    out
}

/// How it is wanted.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub struct How {
    redacted: u8,
}

/// `GET /sessions/{id}/export.html`.
pub async fn export(
    State(app): State<App>,
    Extension(who): Extension<Who>,
    Path(id): Path<String>,
    Ask(how): Ask<How>,
) -> Result<Response, Problem> {
    let log = app.board.log(&id).ok_or_else(Problem::unknown)?;
    let veil = match who.grant.is_owner() && how.redacted == 0 {
        true => None,
        false => Some(crate::share::drawn(&app, &id).await?),
    };
    let (give, take) = mpsc::channel::<std::io::Result<Bytes>>(2);
    let blobs = app.options.home.blobs();
    tokio::task::spawn_blocking(move || {
        if let Err(e) = page(&log, &blobs, veil.as_ref(), &mut |text| give.blocking_send(Ok(text.into())).is_ok()) {
            // Cut, so that nobody takes it for the whole.
            let _ = give.blocking_send(Err(e));
        }
    });
    let mut headers = HeaderMap::new();
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("text/html; charset=utf-8"));
    let name = format!("attachment; filename=\"ace-{id}.html\"");
    headers.extend(HeaderValue::from_str(&name).ok().map(|name| (header::CONTENT_DISPOSITION, name)));
    Ok((headers, Body::from_stream(received(take))).into_response())
}

/// Writes the page piece by piece; it stops when nobody takes it.
fn page(
    log: &Log,
    blobs: &Blobs,
    veil: Option<&Arc<Veil>>,
    give: &mut dyn FnMut(String) -> bool,
) -> std::io::Result<()> {
    let mut follow = log.follow(0)?;
    give(HEAD.to_owned());
    loop {
        let read = follow.read()?;
        if read.is_empty() {
            give("</html>\n".to_owned());
            return Ok(());
        }
        let veiled = veil.map(|veil| veil.lines(read));
        let mut out = String::new();
        for line in ace_storage::split(veiled.as_deref().unwrap_or(read)).filter_map(|l| Line::parse(l).ok()) {
            out += &section(&line, blobs, veil).unwrap_or_default();
        }
        if !give(out) {
            return Ok(());
        }
    }
}

/// One record as a part of the page; `None` for what nobody reads.
fn section(line: &Line, blobs: &Blobs, veil: Option<&Arc<Veil>>) -> Option<String> {
    let kept = |blob: &ace_schema::data::BlobRef| {
        let bytes = if blob.bytes <= limits::FILE_BYTES { blobs.get(&blob.sha).ok()? } else { return None };
        let text = String::from_utf8_lossy(&bytes).into_owned();
        Some(veil.map_or(text.clone(), |veil| veil.text(&text)))
    };
    let say = |text: &str| format!("<div class=say>{}</div>", escape(text));
    let block = |text: &str| if text.is_empty() { String::new() } else { format!("<pre>{}</pre>", escape(text)) };
    let fold = |title: &str, text: &str| match text.is_empty() {
        true => String::new(),
        false => format!("<details><summary>{}</summary><pre>{}</pre></details>", escape(title), escape(text)),
    };
    let seq = line.seq?;
    let (class, who, body) = match &*line.ty {
        ty::SESSION_CREATED => {
            let data: SessionCreated = line.data().ok()?;
            return Some(format!(
                "<title>{0}</title><h1>{0}</h1><p>{1} · {2} · {3} · session {4}</p>\n",
                escape(&data.name),
                escape(&data.model),
                data.mode.name(),
                escape(&line.ts),
                escape(&line.session)
            ));
        }
        ty::USER_MESSAGE => {
            let data: UserMessage = line.data().ok()?;
            let text = data.blob.as_ref().and_then(kept).unwrap_or(data.text);
            ("user", data.author, say(&text))
        }
        ty::MODEL_COMPLETED => {
            let data: ModelCompleted = line.data().ok()?;
            let part = |part: &Part| match part {
                Part::Text(text) => say(text),
                Part::TextBlob(blob) => say(&kept(blob).unwrap_or_default()),
                Part::Reasoning(text) => fold("reasoning", text),
                Part::ReasoningBlob(blob) => fold("reasoning", &kept(blob).unwrap_or_default()),
            };
            let body: String = data.parts.iter().map(part).collect();
            if body.is_empty() {
                return None;
            }
            ("model", "model".to_owned(), body)
        }
        ty::MODEL_FAILED => {
            let data: ModelFailed = line.data().ok()?;
            ("fail", "model failed".to_owned(), block(&format!("{}\n{}", data.message, data.text)))
        }
        ty::MODEL_CALL => {
            let data: ToolCall = line.data().ok()?;
            let args =
                data.args.map(|a| a.get().to_owned()).or_else(|| data.blob.as_ref().and_then(kept)).unwrap_or_default();
            let value: serde_json::Value = serde_json::from_str(&args).unwrap_or_default();
            let about =
                ace_schema::tool::find(&data.tool).and_then(|tool| value[tool.subject].as_str().map(str::to_owned));
            ("tool", data.tool, about.map(|text| block(&text)).unwrap_or_default() + &fold("arguments", &args))
        }
        ty::PERMISSION_RESOLVED => {
            let data: PermissionResolved = line.data().ok()?;
            let decision = serde_json::to_value(data.decision).unwrap_or_default();
            let words = format!("{} by {} {} {}", decision.as_str().unwrap_or_default(), data.who, data.rule, data.why);
            ("permit", words, String::new())
        }
        ty::TOOL_COMPLETED => {
            let data: ToolCompleted = line.data().ok()?;
            let exit = data.exit.map(|n| format!(" exit {n}")).unwrap_or_default();
            let class = if data.exit.is_some_and(|n| n != 0) { "fail" } else { "tool" };
            let patch = data.patch_blob.as_ref().and_then(kept).unwrap_or(data.patch);
            let title = format!("output, {} bytes", data.output.bytes);
            (class, format!("{} ms{exit}", data.ms), fold(&title, &data.output.text) + &fold("changes", &patch))
        }
        ty::TOOL_FAILED => {
            let data: ToolFailed = line.data().ok()?;
            ("fail", data.message, fold("output", &data.output.map(|o| o.text).unwrap_or_default()))
        }
        ty::TURN_FAILED => ("fail", format!("turn failed: {}", line.data::<TurnFailed>().ok()?.message), String::new()),
        ty::TURN_CANCELLED => ("fail", "turn cancelled".to_owned(), String::new()),
        _ => return None,
    };
    Some(format!(
        "<section id=s{seq} class={class}><a href=\"#s{seq}\">{seq}</a><div><b>{}</b>{body}</div></section>\n",
        escape(&who)
    ))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn b15_p60_what_somebody_wrote_is_text_in_a_page() {
        let shown = escape("<script>alert(1)</script> <img onerror='x'> \u{202e}\u{1b}[2J & \"q\"");
        assert!(!shown.contains(['<', '>', '\'', '"', '\u{1b}', '\u{202e}']), "{shown}");
    }
}
