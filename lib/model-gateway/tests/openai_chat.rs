//! The wire `openai-chat` against its fixtures: every stream as a whole, split at every byte, and in chunks of chance; every request
//! byte for byte. `ACE_BLESS=1` writes the expectations anew: read them before they are believed.

#![allow(clippy::unwrap_used, clippy::panic, reason = "a test may fail")]

use std::fs;
use std::path::{Path, PathBuf};

use ace_model_gateway::{Ask, Provider, Sse, StreamError, TooLong, Transcript, find};
use ace_schema::message::{Call, Message, Piece};
use proptest::prelude::*;
use serde_json::{Value, json};

fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../fixtures/providers/openai-chat")
}

/// Every stream by name.
fn streams() -> Vec<(String, Vec<u8>)> {
    let mut streams: Vec<_> = fs::read_dir(folder())
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .filter(|path| path.extension().is_some_and(|e| e == "sse"))
        .map(|path| (path.file_stem().unwrap().to_str().unwrap().to_owned(), fs::read(&path).unwrap()))
        .collect();
    streams.sort();
    assert!(streams.len() > 40, "the fixtures are there");
    streams
}

#[derive(Debug)]
enum Fault {
    Stream(StreamError),
    Event(TooLong),
}

impl From<TooLong> for Fault {
    fn from(error: TooLong) -> Self {
        Self::Event(error)
    }
}

/// The data of every event.
fn data<'a>(parts: impl IntoIterator<Item = &'a [u8]>) -> Vec<String> {
    let mut out = Vec::new();
    let mut sse = Sse::new(1 << 20);
    let mut on = |data: &str| -> Result<(), TooLong> {
        out.push(data.to_owned());
        Ok(())
    };
    parts.into_iter().try_for_each(|part| sse.push(part, &mut on)).unwrap();
    sse.finish(&mut on).unwrap();
    out
}

/// What a stream gives, as JSON: one value a piece, then the error if there is one.
fn decode<'a>(parts: impl IntoIterator<Item = &'a [u8]>) -> Vec<Value> {
    let mut decoder = find("openai-chat").unwrap().decoder();
    let mut sse = Sse::new(1 << 20);
    let mut out = Vec::new();
    let mut on = |data: &str| decoder.push(data, &mut out).map(drop).map_err(Fault::Stream);
    let pushed = parts.into_iter().try_for_each(|part| sse.push(part, &mut on));
    let read = pushed.and_then(|()| sse.finish(&mut on));
    let before = out.len();
    let finished = decoder.finish(&mut out);
    let error = match (read, finished) {
        (Err(Fault::Stream(e)), _) => {
            // As the client does: when reading failed, what the end gives is only the usage.
            let rest: Vec<Piece> = out.drain(before..).filter(|p| matches!(p, Piece::Usage(_))).collect();
            out.extend(rest);
            Some(e)
        }
        (Ok(()), Err(e)) => {
            assert!(out[before..].iter().all(|p| matches!(p, Piece::Usage(_))), "an end that fails gives usage alone");
            Some(e)
        }
        (Err(Fault::Event(e)), _) => panic!("{e}"),
        (Ok(()), Ok(())) => None,
    };
    out.iter().map(piece).chain(error.map(|e| json!({ "error": format!("{e:?}") }))).collect()
}

fn piece(piece: &Piece) -> Value {
    match piece {
        Piece::Text(text) => json!({ "text": text }),
        Piece::Reasoning(text) => json!({ "reasoning": text }),
        Piece::CallBegins(tool) => json!({ "begins": tool }),
        Piece::Call { tool, args, meta } if meta.is_empty() => json!({ "call": tool, "args": args }),
        Piece::Call { tool, args, meta } => json!({ "call": tool, "args": args, "meta": meta }),
        Piece::Usage(usage) => json!({ "usage": usage }),
        Piece::Stop(stop) => json!({ "stop": stop }),
    }
}

fn golden(name: &str, got: &[u8]) {
    let path = folder().join(name);
    if std::env::var_os("ACE_BLESS").is_some() {
        fs::write(&path, got).unwrap();
    }
    let want = fs::read(&path).unwrap_or_default();
    assert_eq!(String::from_utf8_lossy(got), String::from_utf8_lossy(&want), "{name}");
}

#[test]
fn every_stream_gives_its_pieces() {
    for (name, bytes) in streams() {
        let rows: Vec<String> = decode([bytes.as_slice()]).iter().map(|v| format!("  {v}")).collect();
        golden(&format!("{name}.pieces.json"), format!("[\n{}\n]\n", rows.join(",\n")).as_bytes());
    }
}

#[test]
fn every_stream_split_at_every_byte_gives_the_same() {
    for (name, bytes) in streams() {
        // What the wire makes of the data of events does not depend on how they came.
        let want = data([bytes.as_slice()]);
        for at in 0..=bytes.len() {
            assert_eq!(data([&bytes[..at], &bytes[at..]]), want, "{name} split at {at}");
        }
        assert_eq!(decode(bytes.chunks(1)), decode([bytes.as_slice()]), "{name} byte by byte");
    }
}

#[test]
fn a_stream_cut_anywhere_gives_no_call_unless_its_end_was_said() {
    for (name, bytes) in streams() {
        for at in 0..bytes.len() {
            let got = decode([&bytes[..at]]);
            let calls = got.iter().any(|v| v.get("call").is_some());
            let ended = got.iter().any(|v| v.get("stop").is_some());
            assert!(!calls || ended, "{name} cut at {at}");
            assert!(ended || got.last().unwrap().get("error").is_some(), "{name} cut at {at}");
        }
    }
}

proptest! {
    #[test]
    fn any_chunking_gives_the_same(
        at in any::<prop::sample::Index>(),
        cuts in prop::collection::vec(any::<prop::sample::Index>(), 0..20),
    ) {
        let streams = streams();
        let (_, bytes) = at.get(&streams);
        let mut cuts: Vec<usize> = cuts.iter().map(|c| c.index(bytes.len() + 1)).chain([0, bytes.len()]).collect();
        cuts.sort_unstable();
        prop_assert_eq!(decode(cuts.windows(2).map(|w| &bytes[w[0]..w[1]])), decode([bytes.as_slice()]));
    }

    #[test]
    fn no_bytes_make_it_panic(
        noise in prop::collection::vec(any::<u8>(), 0..200),
        at in any::<prop::sample::Index>(),
        cut in any::<prop::sample::Index>(),
    ) {
        let streams = streams();
        let (_, bytes) = at.get(&streams);
        let cut = cut.index(bytes.len() + 1);
        decode([&bytes[..cut], &noise, &bytes[cut..]]);
    }

    #[test]
    fn no_json_makes_it_panic(
        key in "choices|usage|error|message",
        inner in "delta|message|finish_reason|error|index",
        value in prop::sample::select(vec![
            "null", "7", "\"x\"", "[]", "[7]", "{}", "{\"tool_calls\":[{\"function\":7}]}", "{\"tool_calls\":[[]]}",
            "{\"tool_calls\":[{\"function\":{\"arguments\":[]}}]}", "{\"tool_calls\":{}}", "{\"content\":[7,[],{}]}",
            "{\"function_call\":{\"name\":7}}", "{\"prompt_tokens\":-1,\"prompt_tokens_details\":7}",
        ]),
    ) {
        let forms = [
            format!("{{\"{key}\":{value}}}"),
            format!("{{\"{key}\":[{{\"{inner}\":{value}}}]}}"),
            format!("[{value}]"),
            value.to_owned(),
        ];
        for data in forms {
            let mut decoder = find("openai-chat").unwrap().decoder();
            let mut out = Vec::new();
            let _ = decoder.push(&data, &mut out);
            let _ = decoder.finish(&mut out);
        }
    }
}

fn conversation() -> Vec<Message> {
    let call = |id: &str, tool: &str, args: &str| Call { id: id.into(), tool: tool.into(), args: args.into() };
    let result = |call: &str, tool: &str, text: &str| Message::Result {
        call: call.into(),
        tool: tool.into(),
        text: text.into(),
    };
    let listed = call("a-1", "list", "");
    let read = call("a-2", "read", "{\"path\":\"x\"}");
    vec![
        Message::User("make the \"tests\" pass\n\u{7}grüße 🦀".into()),
        Message::Assistant { text: String::new(), calls: vec![listed, read] },
        result("a-1", "list", "x\ny"),
        result("a-2", "read", ""),
        Message::Assistant { text: "so".into(), calls: vec![call("a-3", "shell", "{\"command\":\"make\"}")] },
        result("a-3", "shell", "ok"),
        Message::Assistant { text: "done".into(), calls: vec![] },
        Message::Assistant { text: String::new(), calls: vec![] },
        Message::User("thanks".into()),
    ]
}

fn provider(base_url: &str) -> Provider {
    Provider { name: "p".into(), wire: "openai-chat".into(), base_url: base_url.into(), ..Provider::recorded() }
}

const TOOLS: &str = concat!(
    r#"[{"name":"list","description":"List a folder.","parameters":{"type":"object","properties":{"z":{},"a":{}}}},"#,
    r#"{"name":"now","description":"The time."}]"#
);

fn body(base_url: &str, ask: &Ask<'_>, messages: &[Message]) -> Vec<u8> {
    let provider = provider(base_url);
    let mut transcript = Transcript::new(&provider);
    transcript.extend(messages);
    transcript.body(&provider, ask)
}

#[test]
fn requests_are_these_bytes() {
    let ask = Ask { model: "gpt-5", system: "Be brief.", tools: TOOLS, schema: "", session: "06fz3k9q2mtw8c1d" };
    let bare = Ask { model: "m", system: "", tools: "", schema: "", session: "" };
    for (name, got) in [
        ("request.json", body("http://h:1", &ask, &conversation())),
        ("request-openai.json", body("https://api.openai.com/v1", &ask, &conversation()[..1])),
        ("request-bare.json", body("http://h:1", &bare, &conversation()[..1])),
        ("request-empty.json", body("http://h:1", &bare, &[])),
    ] {
        let value: Value = serde_json::from_slice(&got).unwrap();
        assert_eq!(value["stream"], true, "{name} is JSON");
        golden(name, &got);
    }
}

#[test]
fn a_request_begins_with_all_of_the_one_before() {
    let ask = Ask { model: "m", system: "s", tools: TOOLS, schema: "", session: "x" };
    let messages = conversation();
    let provider = provider("http://h:1");
    let mut transcript = Transcript::new(&provider);
    let mut before = transcript.body(&provider, &ask);
    for (n, message) in messages.iter().enumerate() {
        transcript.push(message);
        let now = transcript.body(&provider, &ask);
        let kept = before.strip_suffix(b"]}").unwrap();
        assert!(now.starts_with(kept), "message {n}");
        assert_eq!(now, transcript.body(&provider, &ask), "the same again");
        assert_eq!(now, body("http://h:1", &ask, &messages[..=n]), "as if written at once");
        before = now;
    }
    assert_eq!(transcript.answers(), 4);
}
