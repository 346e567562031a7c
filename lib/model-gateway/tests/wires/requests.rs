//! Requests, byte for byte: what stands where, what is sent back, and that one begins with the one before it.

use ace_model_gateway::{Ask, Options, Provider, Transcript, find};
use ace_schema::message::{Call, Image, Message, Said};
use serde_json::Value;

use crate::{WIRES, golden, provider};

fn call(id: &str, tool: &str, args: &str) -> Call {
    Call { id: id.into(), tool: tool.into(), args: args.into(), kept: None }
}

fn result(call: &str, tool: &str, text: &str) -> Message {
    Message::Result { call: call.into(), tool: tool.into(), text: text.into(), images: vec![] }
}

fn answer(text: &str, calls: Vec<Call>) -> Message {
    Message::Assistant { text: text.into(), calls, kept: None }
}

pub fn conversation() -> Vec<Message> {
    vec![
        Message::User("make the \"tests\" pass\n\u{7}grüße 🦀".into()),
        answer("", vec![call("a-1", "list", ""), call("a-2", "read", "{\"path\":\"x\"}")]),
        result("a-1", "list", "x\ny"),
        result("a-2", "read", ""),
        answer("so", vec![call("a-3", "shell", "{\"command\":\"make\"}")]),
        result("a-3", "shell", "ok"),
        answer("done", vec![]),
        answer("", vec![]),
        Message::User("thanks".into()),
    ]
}

fn picture(media: &str) -> Image {
    Image { media: media.into(), base64: "QUJD".into() }
}

/// A person shows a picture, and two calls bring one each.
fn pictures() -> Vec<Message> {
    let seen = |id: &str, text: &str| Message::Result {
        call: id.into(),
        tool: "look".into(),
        text: text.into(),
        images: vec![picture("image/jpeg")],
    };
    vec![
        Message::User(Said { text: "what is this".into(), images: vec![picture("image/png")] }),
        answer("", vec![call("a-1", "look", "{}"), call("a-2", "look", "{}")]),
        seen("a-1", "a window"),
        seen("a-2", ""),
        Message::User(Said { text: String::new(), images: vec![picture("image/png")] }),
    ]
}

const TOOLS: &str = concat!(
    r#"[{"name":"list","description":"List a folder.","parameters":{"type":"object","properties":{"z":{},"a":{}}}},"#,
    r#"{"name":"now","description":"The time."}]"#
);

fn ask(model: &str) -> Ask<'_> {
    Ask { model, system: "Be brief.", tools: TOOLS, schema: "", session: "06fz3k9q2mtw8c1d", output: None }
}

fn body(provider: &Provider, ask: &Ask<'_>, messages: &[Message]) -> Vec<u8> {
    let mut transcript = Transcript::new(provider, ask.model);
    transcript.extend(messages);
    transcript.body(provider, ask)
}

fn model(wire: &str) -> &'static str {
    match wire {
        "anthropic" => "claude-sonnet-5-5",
        "gemini" | "gemini-generate" => "gemini-3.8-flash",
        _ => "gpt-5",
    }
}

fn home(wire: &str) -> &'static str {
    match wire {
        "anthropic" => "https://api.anthropic.com",
        "gemini" | "gemini-generate" => "https://generativelanguage.googleapis.com",
        _ => "https://api.openai.com/v1",
    }
}

#[test]
fn requests_are_these_bytes() {
    for (wire, _) in WIRES {
        let own = |base: &str| provider(wire, base);
        let ask = ask(model(wire));
        let bare = Ask { model: "m", system: "", tools: "", schema: "", session: "", output: None };
        let with = |options: Options| Provider { options, ..own(home(wire)) };
        let blind = with(Options { blind: true, ..Options::default() });
        let thinks = with(Options { reasoning: "high".into(), ..Options::default() });
        for (name, got) in [
            ("request.json", body(&own("http://h:1"), &ask, &conversation())),
            ("request-openai.json", body(&own(home(wire)), &ask, &conversation()[..1])),
            ("request-bare.json", body(&own("http://h:1"), &bare, &conversation()[..1])),
            ("request-empty.json", body(&own("http://h:1"), &bare, &[])),
            ("request-pictures.json", body(&own("http://h:1"), &ask, &pictures())),
            ("request-blind.json", body(&blind, &ask, &pictures())),
            ("request-thinks.json", body(&thinks, &ask, &conversation()[..1])),
        ] {
            let value: Value = serde_json::from_slice(&got).unwrap_or_else(|e| {
                panic!("{wire}/{name}: {e}\n{}", String::from_utf8_lossy(&got));
            });
            assert!(value["stream"] == true || *wire == "gemini-generate", "{wire}/{name}");
            assert!(!String::from_utf8_lossy(&got).contains("sk-hidden"));
            let name = if *wire == "openai-chat" { name.to_owned() } else { name.replace("openai", "vendor") };
            golden(wire, &name, &got);
        }
    }
}

/// The closing brackets that a wire puts behind its messages.
fn without_end(body: &[u8]) -> &[u8] {
    let end = body.iter().rposition(|b| !matches!(b, b'}' | b']')).map_or(0, |at| at + 1);
    // A message may end in brackets of its own: those of the body are at most these.
    &body[..end.max(body.len().saturating_sub(5))]
}

#[test]
fn a_request_begins_with_all_of_the_one_before() {
    for (wire, _) in WIRES {
        let ask = ask(model(wire));
        let provider = provider(wire, home(wire));
        for messages in [conversation(), pictures()] {
            let mut transcript = Transcript::new(&provider, ask.model);
            let mut before = transcript.body(&provider, &ask);
            for (n, message) in messages.iter().enumerate() {
                transcript.push(message);
                // Between the results of one answer nobody asks.
                if matches!(messages.get(n + 1), Some(Message::Result { .. })) {
                    continue;
                }
                let now = transcript.body(&provider, &ask);
                assert!(
                    now.starts_with(without_end(&before)),
                    "{wire}, message {n}:\n{}\n{}",
                    String::from_utf8_lossy(&before),
                    String::from_utf8_lossy(&now)
                );
                assert_eq!(now, transcript.body(&provider, &ask), "the same again");
                assert_eq!(now, body(&provider, &ask, &messages[..=n]), "as if written at once");
                before = now;
            }
        }
    }
}

/// Marks of a request of Messages: where they stand, as paths of keys.
fn marks(value: &Value, path: &str, found: &mut Vec<String>) {
    match value {
        Value::Object(fields) => fields.iter().for_each(|(key, value)| match key.as_str() {
            "cache_control" => found.push(path.to_owned()),
            key => marks(value, &format!("{path}/{key}"), found),
        }),
        Value::Array(list) => {
            list.iter().enumerate().for_each(|(n, value)| marks(value, &format!("{path}/{n}"), found));
        }
        _ => {}
    }
}

#[test]
fn the_cache_of_anthropic_is_marked_four_times_at_most_and_the_marks_alone_move() {
    let many: Vec<Call> = (0..20).map(|n| call(&format!("call_{n}"), "list", "{}")).collect();
    let mut long = vec![Message::User("go".into()), answer("", many.clone())];
    long.extend(many.iter().map(|c| result(&c.id, "list", "x")));
    for version in ["", "2023-06-01"] {
        let options = Options { version: version.into(), ..Options::default() };
        let provider = Provider { options, ..provider("anthropic", home("anthropic")) };
        let ask = ask("claude-sonnet-5-5");
        for messages in [conversation(), long.clone()] {
            let mut before = String::new();
            for n in 1..=messages.len() {
                if matches!(messages.get(n), Some(Message::Result { .. })) {
                    continue;
                }
                let body = body(&provider, &ask, &messages[..n]);
                let mut found = Vec::new();
                marks(&serde_json::from_slice(&body).unwrap(), "", &mut found);
                assert!(
                    found.len() <= 4 && found.iter().any(|m| m == "/system/0") && found.iter().any(|m| m == "/tools/1"),
                    "{found:?}"
                );
                let ends = found.iter().any(|m| m.is_empty() || m.starts_with("/messages"));
                assert!(ends, "the conversation is held: {found:?}");
                let plain = String::from_utf8(body).unwrap().replace(r#","cache_control":{"type":"ephemeral"}"#, "");
                assert!(plain.as_bytes().starts_with(without_end(before.as_bytes())), "{version} {n}");
                before = plain;
            }
        }
    }
}

#[test]
fn old_servers_get_moving_marks_and_no_new_fields() {
    let options = Options { version: "2023-06-01".into(), ..Options::default() };
    let provider = Provider { options, ..provider("anthropic", "http://h:1") };
    golden("anthropic", "request-2023.json", &body(&provider, &ask("claude-sonnet-5-5"), &conversation()[..6]));
    let wire = find("anthropic").unwrap();
    assert!(wire.headers(&provider).contains(&("anthropic-version", "2023-06-01".into())));
}

#[test]
fn headers_carry_the_key_as_each_vendor_wants_it() {
    for (wire, key_env, want) in [
        ("openai-chat", "K", ("authorization", "Bearer sk-hidden")),
        ("openai-responses", "K", ("authorization", "Bearer sk-hidden")),
        ("anthropic", "ANTHROPIC_API_KEY", ("x-api-key", "sk-hidden")),
        ("anthropic", "ANTHROPIC_AUTH_TOKEN", ("authorization", "Bearer sk-hidden")),
        ("gemini", "K", ("x-goog-api-key", "sk-hidden")),
        ("gemini-generate", "K", ("x-goog-api-key", "sk-hidden")),
    ] {
        let provider = Provider { key_env: key_env.into(), ..provider(wire, "http://h:1") };
        let wire = find(wire).unwrap();
        let headers = wire.headers(&provider);
        assert_eq!(headers.last(), Some(&(want.0, want.1.to_owned())));
        let keyless = wire.headers(&Provider { api_key: None, ..provider });
        assert!(keyless.iter().all(|(name, _)| *name == "anthropic-version"));
    }
    let version = find("anthropic").unwrap().headers(&provider("anthropic", "http://h:1"));
    assert_eq!(version[0], ("anthropic-version", "2026-10-21".to_owned()));
}

#[test]
fn every_wire_finds_its_place_below_an_address() {
    for (wire, base, want) in [
        ("openai-responses", "https://api.openai.com/v1", "https://api.openai.com/v1/responses"),
        ("openai-responses", "https://api.openai.com", "https://api.openai.com/v1/responses"),
        ("anthropic", "https://api.anthropic.com", "https://api.anthropic.com/v1/messages"),
        ("gemini", "https://g.example/v1beta", "https://g.example/v1beta/interactions"),
        ("gemini-generate", "https://g.example", "https://g.example/v1beta/models/m-1:streamGenerateContent?alt=sse"),
        ("gemini-generate", "https://g.example/v1", "https://g.example/v1/models/m-1:streamGenerateContent?alt=sse"),
    ] {
        assert_eq!(find(wire).unwrap().url(base, "m-1").unwrap().as_str(), want);
    }
}

/// First request of a session: how large it is, for whoever wants to know.
#[test]
fn a_first_request_adds_little_to_what_it_carries() {
    let system = "s".repeat(1000);
    for (wire, _) in WIRES {
        let ask = Ask { system: &system, ..ask(model(wire)) };
        let body = body(&provider(wire, home(wire)), &ask, &[Message::User("go".into())]);
        let added = body.len() - system.len() - TOOLS.len();
        assert!(added < 600, "{wire}: {added}");
    }
}

/// Where each wire says what an answer has to fit; one without a way of its own says nothing.
#[test]
fn a_schema_is_asked_for_in_the_way_of_the_wire() {
    for (wire, place) in [
        ("openai-chat", "/response_format/json_schema/schema"),
        ("openai-responses", "/text/format/schema"),
        ("anthropic", "/output_config/format/schema"),
        ("gemini-generate", "/generationConfig/responseJsonSchema"),
        ("gemini", ""),
    ] {
        let schema = r#"{"type":"object","properties":{"n":{"type":"integer"}}}"#;
        let ask = Ask { schema, ..ask(model(wire)) };
        let provider = provider(wire, "http://h:1");
        let body = ace_model_gateway::find(wire).unwrap().body(&provider, &ask, &ace_model_gateway::List::default());
        let body: serde_json::Value = serde_json::from_slice(&body).unwrap();
        assert_eq!(ace_model_gateway::find(wire).unwrap().capabilities().schema, !place.is_empty());
        let said = if place.is_empty() { None } else { body.pointer(place) };
        assert_eq!(said.is_some(), !place.is_empty(), "{wire}: {body}");
        assert!(
            said.is_none_or(|said| *said == serde_json::from_str::<serde_json::Value>(schema).unwrap()),
            "{wire}: {body}"
        );
    }
}
