//! What a provider wants back goes back to it, to the very part it came in, and to nobody else.

use ace_model_gateway::{Ask, Provider, Transcript};
use ace_schema::message::{Call, Kept, Message, Piece};
use serde_json::{Value, json};

use crate::{WIRES, golden, pieces, provider, streams_of};

/// The answer of a fixture as the conversation has it, with its calls' results behind it.
fn answer(of: &Provider, model: &str, stream: &str) -> Vec<Message> {
    let (_, bytes) = streams_of(&of.wire).into_iter().find(|(name, _)| name == stream).unwrap();
    let (pieces, error) = pieces(of, [bytes.as_slice()]);
    assert_eq!(error, None);
    let keep = |value: &str| {
        (!value.is_empty()).then(|| Kept {
            wire: of.wire.clone(),
            provider: of.name.clone(),
            model: model.to_owned(),
            value: value.to_owned(),
        })
    };
    let (mut said, mut calls, mut kept) = (String::new(), Vec::new(), None);
    for piece in pieces {
        match piece {
            Piece::Text(text) => said.push_str(&text),
            Piece::Call { tool, args, meta } => {
                let id = format!("call_{}", calls.len() + 1);
                calls.push(Call { id, tool, args, kept: keep(&meta) });
            }
            Piece::Extras(extras) => kept = keep(&extras.kept),
            _ => {}
        }
    }
    let results: Vec<Message> = calls
        .iter()
        .map(|c| Message::Result { call: c.id.clone(), tool: c.tool.clone(), text: "ok".into(), images: vec![] })
        .collect();
    let answer = Message::Assistant { text: said, calls, kept };
    [Message::User("go".into()), answer].into_iter().chain(results).collect()
}

fn body(to: &Provider, model: &str, messages: &[Message]) -> Value {
    let ask = Ask { model, system: "", tools: "", schema: "", session: "", output: None };
    let mut transcript = Transcript::new(to, model);
    transcript.extend(messages);
    serde_json::from_slice(&transcript.body(to, &ask)).unwrap()
}

/// For each wire a stream that wants something back, and what of it must never reach anybody else.
const SIGNED: &[(&str, &str, &[&str])] = &[
    ("openai-chat", "reasoning-details", &["reasoning_details", "c2ln", "abc"]),
    ("openai-chat", "reasoning-content-tool", &["reasoning_content", "Hm"]),
    ("openai-chat", "extra-content", &["extra_content", "c2ln"]),
    ("openai-responses", "reasoning-tool", &["gAAAA+/=", "rs_1", "commentary"]),
    ("anthropic", "thinking-tool", &["EqoBCkgIARAB+/=", "nlook."]),
    ("anthropic", "redacted", &["EmwKAhgBEgy3va3pzix"]),
    ("gemini-generate", "thoughts-tool", &["CpcBAdHtim9+/="]),
    ("gemini", "thought-tool", &["c2ln+/=", "Plan"]),
];

#[test]
fn what_is_kept_goes_back_to_the_same_model_alone() {
    for (from, stream, own) in SIGNED {
        let party = provider(from, "http://h:1");
        let messages = answer(&party, "gemini-3.8-flash", stream);
        let back = body(&party, "gemini-3.8-flash", &messages).to_string();
        for word in *own {
            assert!(back.contains(word), "{from}/{stream}: '{word}' goes back\n{back}");
        }
        let mut others: Vec<(Provider, &str)> = WIRES
            .iter()
            .filter(|(w, _)| w != from)
            .map(|(w, _)| (provider(w, "http://h:1"), "gemini-3.8-flash"))
            .collect();
        others.push((Provider { name: "other".into(), ..party.clone() }, "gemini-3.8-flash"));
        others.push((party.clone(), "gemini-3.9-flash"));
        for (to, model) in others {
            let there = body(&to, model, &messages).to_string();
            for word in *own {
                assert!(!there.contains(word), "{from}/{stream}: '{word}' went to {}/{model}\n{there}", to.wire);
            }
            // All that belongs to everybody is there.
            assert!(there.contains("call_1") && there.contains("go"), "{there}");
        }
    }
}

/// A session that goes there and back: the first provider gets its own again, and nothing of the other.
#[test]
fn a_session_that_switches_and_returns_has_its_own_again() {
    for (first, stream, own) in SIGNED {
        for (second, other, foreign) in SIGNED.iter().filter(|(second, ..)| second != first) {
            let (a, b) = (provider(first, "http://h:1"), provider(second, "http://h:1"));
            let mut messages = answer(&a, "gemini-3.8-flash", stream);
            messages.extend(answer(&b, "gemini-3.8-flash", other));
            let back = body(&a, "gemini-3.8-flash", &messages).to_string();
            assert!(own.iter().all(|word| back.contains(word)), "{first} after {second}");
            for word in foreign.iter().filter(|word| !own.iter().any(|mine| mine.contains(*word))) {
                assert!(!back.contains(word), "{first} after {second}: '{word}'");
            }
        }
    }
}

#[test]
fn requests_with_what_is_kept_are_these_bytes() {
    for (wire, stream) in [
        ("openai-chat", "reasoning-details"),
        ("openai-responses", "reasoning-tool"),
        ("anthropic", "thinking-tool"),
        ("anthropic", "interleaved"),
        ("anthropic", "pause"),
        ("gemini-generate", "thoughts-tool"),
        ("gemini-generate", "parallel-in-one-chunk"),
        ("gemini-generate", "signature-on-text"),
        ("gemini", "two-thoughts"),
    ] {
        let party = provider(wire, "http://h:1");
        let body = body(&party, "gemini-3.8-flash", &answer(&party, "gemini-3.8-flash", stream));
        let text = serde_json::to_string_pretty(&body).unwrap() + "\n";
        golden(wire, &format!("back-{stream}.json"), text.as_bytes());
    }
}

#[test]
fn thinking_of_anthropic_stands_unchanged_before_the_calls_of_its_turn() {
    let party = provider("anthropic", "http://h:1");
    let body = body(&party, "m", &answer(&party, "m", "interleaved"));
    let kinds: Vec<&str> =
        body["messages"][1]["content"].as_array().unwrap().iter().map(|b| b["type"].as_str().unwrap()).collect();
    assert_eq!(kinds, ["thinking", "tool_use", "thinking", "text", "tool_use"]);
    assert_eq!(body["messages"][1]["content"][0], json!({"type":"thinking","thinking":"one","signature":"sig-1"}));
    let results = body["messages"][2]["content"].as_array().unwrap();
    assert!(results.iter().all(|r| r["type"] == "tool_result") && results.len() == 2);
}

#[test]
fn calls_of_others_get_the_stand_in_that_gemini_wants_and_only_the_first_of_an_answer() {
    let from = provider("anthropic", "http://h:1");
    let messages = answer(&from, "m", "parallel-interleaved-pieces");
    let to = provider("gemini-generate", "http://h:1");
    let parts = |model: &str| body(&to, model, &messages)["contents"][1]["parts"].clone();
    assert_eq!(parts("gemini-3.8-flash")[0]["thoughtSignature"], "skip_thought_signature_validator");
    assert!(parts("gemini-3.8-flash")[1].get("thoughtSignature").is_none());
    assert!(parts("gemini-2.5-pro")[0].get("thoughtSignature").is_none());
}
