//! Streams: what they give, however their bytes come.

use ace_model_gateway::find;
use proptest::prelude::*;
use serde_json::Value;

use crate::{WIRES, all_streams, data, decode, golden, provider, streams_of};

#[test]
fn every_stream_gives_its_pieces() {
    for (wire, name, bytes) in all_streams() {
        let rows: Vec<String> = decode(wire, [bytes.as_slice()]).iter().map(|v| format!("  {v}")).collect();
        golden(wire, &format!("{name}.pieces.json"), format!("[\n{}\n]\n", rows.join(",\n")).as_bytes());
    }
}

#[test]
fn f10_every_stream_split_at_every_byte_gives_the_same() {
    for (wire, name, bytes) in all_streams() {
        // What a wire makes of the data of events does not depend on how they came.
        let want = data([bytes.as_slice()]);
        for at in 0..=bytes.len() {
            assert_eq!(data([&bytes[..at], &bytes[at..]]), want, "{wire}/{name} split at {at}");
        }
        assert_eq!(decode(wire, bytes.chunks(1)), decode(wire, [bytes.as_slice()]), "{wire}/{name} byte by byte");
    }
}

/// The same events in every form that the standard allows, and some more that servers and proxies make.
fn forms(text: &str) -> Vec<(&'static str, String)> {
    let mixed = text.split_inclusive('\n').zip([&"\r\n", &"\n", &"\r"].into_iter().cycle());
    let mixed = mixed.map(|(line, end)| line.replace('\n', end)).collect();
    let lines_with = |start: &str| -> String {
        let line = |l: &str| l.strip_prefix("data: ").map_or_else(|| l.to_owned(), |rest| format!("{start}{rest}"));
        text.split_inclusive('\n').map(line).collect()
    };
    vec![
        ("cr lf", text.replace('\n', "\r\n")),
        ("cr", text.replace('\n', "\r")),
        ("mixed", mixed),
        ("no space", lines_with("data:")),
        ("byte order mark", format!("\u{feff}{text}")),
        ("comments", lines_with(": still here\ndata: ")),
        ("ids", lines_with("id: 7\nretry: 10\ndata: ")),
        ("no last blank line", text.trim_end_matches('\n').to_owned()),
        ("no event lines", text.lines().filter(|l| !l.starts_with("event:")).map(|l| format!("{l}\n")).collect()),
    ]
}

#[test]
fn f10_every_form_of_the_same_events_is_the_same() {
    for (wire, name, bytes) in all_streams() {
        let text = String::from_utf8(bytes.clone()).unwrap();
        // Fixtures that are about line ends themselves.
        if text.contains('\r') || name == "forms" {
            continue;
        }
        let want = decode(wire, [text.as_bytes()]);
        for (form, text) in forms(&text) {
            assert_eq!(decode(wire, [text.as_bytes()]), want, "{wire}/{name}: {form}");
            let at = text.len() / 2;
            assert_eq!(decode(wire, [&text.as_bytes()[..at], &text.as_bytes()[at..]]), want, "{wire}/{name}: {form}");
        }
    }
}

#[test]
fn f11_a_stream_cut_anywhere_gives_no_call_unless_its_end_was_said() {
    for (wire, name, bytes) in all_streams() {
        for at in (0..bytes.len()).step_by(if bytes.len() < 1500 { 1 } else { 5 }) {
            let got = decode(wire, [&bytes[..at]]);
            let calls = got.iter().any(|v| v.get("call").is_some());
            let ended = got.iter().any(|v| v.get("stop").is_some());
            assert!(!calls || ended, "{wire}/{name} cut at {at}");
            assert!(ended || got.last().unwrap().get("error").is_some(), "{wire}/{name} cut at {at}");
        }
    }
}

/// What a piece costs from its bytes to its event, on the average of many, unoptimised: the mark is a millisecond.
#[test]
fn a_piece_costs_far_less_than_a_millisecond() {
    for (wire, name, bytes) in all_streams().iter().filter(|(_, name, _)| name == "plain") {
        let count = data([bytes.as_slice()]).len() as u32;
        let begun = std::time::Instant::now();
        for _ in 0..50 {
            decode(wire, bytes.chunks(16));
        }
        let each = begun.elapsed() / 50 / count.max(1);
        println!("{wire}/{name}: {each:?} an event");
        assert!(each < std::time::Duration::from_millis(1), "{wire}: {each:?}");
    }
}

/// Two events fused into one line are two events.
#[test]
fn f10_fused_events_are_read_one_by_one() {
    for (wire, name, bytes) in all_streams() {
        let text = String::from_utf8(bytes.clone()).unwrap();
        let events = data([text.as_bytes()]);
        let want = decode(wire, [text.as_bytes()]);
        // Where a line ends inside a value there is nothing to fuse.
        if name == "forms" || events.len() < 2 || events.iter().any(|e| serde_json::from_str::<Value>(e).is_err()) {
            continue;
        }
        let fused = format!("data: {}\n\n", events.join(""));
        assert_eq!(decode(wire, [fused.as_bytes()]), want, "{wire}/{name}");
    }
}

#[test]
fn f11_events_of_unknown_types_change_nothing() {
    for (wire, name, bytes) in all_streams() {
        let text = String::from_utf8(bytes.clone()).unwrap();
        let events = data([text.as_bytes()]);
        let strange =
            r#"{"type":"brand_new.thing","event_type":"brand_new.thing","object":"thing","x":[1,{"y":null}]}"#;
        let with: String = events.iter().map(|e| format!("data: {strange}\n\n{}\n\n", lines(e))).collect();
        let want: String = events.iter().map(|e| format!("{}\n\n", lines(e))).collect();
        assert_eq!(decode(wire, [with.as_bytes()]), decode(wire, [want.as_bytes()]), "{wire}/{name}");
    }
}

/// Data as an event has it.
fn lines(data: &str) -> String {
    data.split('\n').map(|line| format!("data: {line}")).collect::<Vec<_>>().join("\n")
}

/// Puts `value` in the place of the `at`-th value inside; whether there was one.
fn replace(inside: &mut Value, at: &mut usize, value: &Value) -> bool {
    if *at == 0 {
        inside.clone_from(value);
        return true;
    }
    *at -= 1;
    match inside {
        Value::Array(list) => list.iter_mut().any(|v| replace(v, at, value)),
        Value::Object(fields) => fields.values_mut().any(|v| replace(v, at, value)),
        _ => false,
    }
}

#[test]
fn f11_a_value_of_any_other_form_makes_no_panic_and_no_broken_call() {
    let odd: Vec<Value> =
        ["null", "7", "-1", "1e400", "\"x\"", "[]", "[7]", "{}", "{\"type\":7}", "true", "[{\"type\":\"text\"}]"]
            .iter()
            .filter_map(|text| serde_json::from_str(text).ok())
            .collect();
    for (wire, _) in WIRES {
        for (name, bytes) in streams_of(wire) {
            let events: Vec<Value> =
                data([bytes.as_slice()]).iter().filter_map(|e| serde_json::from_str(e).ok()).collect();
            // Enough of every stream to meet every field of its wire, and few enough to be quick.
            for (n, event) in events.iter().enumerate().take(12) {
                for at in 0..40 {
                    let mut event = event.clone();
                    let value = &odd[(n + at) % odd.len()];
                    if !replace(&mut event, &mut at.clone(), value) {
                        break;
                    }
                    let changed = events.iter().enumerate().map(|(m, e)| if m == n { &event } else { e });
                    let text: String = changed.map(|e| format!("data: {e}\n\n")).collect();
                    for piece in decode(wire, [text.as_bytes()]) {
                        let args = piece.get("args").and_then(Value::as_str).unwrap_or("{}");
                        let args: Value = serde_json::from_str(args).unwrap();
                        assert!(args.is_object(), "{wire}/{name}: {piece}");
                    }
                }
            }
        }
    }
}

proptest! {
    #[test]
    fn any_chunking_gives_the_same(
        at in any::<prop::sample::Index>(),
        cuts in prop::collection::vec(any::<prop::sample::Index>(), 0..20),
    ) {
        let (wire, _, bytes) = at.get(all_streams());
        let mut cuts: Vec<usize> = cuts.iter().map(|c| c.index(bytes.len() + 1)).chain([0, bytes.len()]).collect();
        cuts.sort_unstable();
        prop_assert_eq!(decode(wire, cuts.windows(2).map(|w| &bytes[w[0]..w[1]])), decode(wire, [bytes.as_slice()]));
    }

    #[test]
    fn no_bytes_make_it_panic(
        noise in prop::collection::vec(any::<u8>(), 0..200),
        at in any::<prop::sample::Index>(),
        cut in any::<prop::sample::Index>(),
    ) {
        let (wire, _, bytes) = at.get(all_streams());
        let cut = cut.index(bytes.len() + 1);
        decode(wire, [&bytes[..cut], &noise, &bytes[cut..]]);
    }

    #[test]
    fn no_json_makes_it_panic(
        key in "choices|usage|error|message|candidates|response|item|step|interaction|content_block|delta",
        inner in "delta|message|finish_reason|error|index|content|parts|type|event_type",
        value in prop::sample::select(vec![
            "null", "7", "\"x\"", "[]", "[7]", "{}", "{\"tool_calls\":[{\"function\":7}]}", "{\"tool_calls\":[[]]}",
            "{\"tool_calls\":[{\"function\":{\"arguments\":[]}}]}", "{\"tool_calls\":{}}", "{\"content\":[7,[],{}]}",
            "{\"function_call\":{\"name\":7}}", "{\"prompt_tokens\":-1,\"prompt_tokens_details\":7}",
            "[{\"functionCall\":{}}]", "{\"type\":\"function_call\"}", "{\"type\":\"tool_use\",\"input\":7}",
        ]),
    ) {
        let forms = [
            format!("{{\"{key}\":{value}}}"),
            format!("{{\"{key}\":[{{\"{inner}\":{value}}}]}}"),
            format!("{{\"type\":\"response.output_item.done\",\"event_type\":\"step.start\",\"{key}\":{value}}}"),
            format!("{{\"type\":\"content_block_start\",\"event_type\":\"step.delta\",\"{key}\":{value}}}"),
            format!("[{value}]"),
            value.to_owned(),
        ];
        for (wire, _) in WIRES {
            for data in &forms {
                let mut decoder = find(wire).unwrap().decoder(&provider(wire, "http://h:1"));
                let mut out = Vec::new();
                let _ = decoder.push(data, &mut out);
                let _ = decoder.finish(&mut out);
            }
        }
    }
}
