//! `man/ace-events.7`: every event with its class, its writers, its fields and a line that was really recorded.

use super::roff::Roff;
use super::source::{Kind, Named, Shape, payload_of, types};
use ace_schema::data::{ModelDelta, ToolDelta};
use ace_schema::event::{Class, EVENTS};
use ace_schema::{Drafter, draft, pen, ty};
use serde_json::{Value, json};
use std::collections::BTreeMap;

/// How the log of scenarios names its model: it begins as no session does.
const RESULTS: &str = "recorded/scenarios";
/// Characters of a string that an example shows.
const SHOWN: usize = 60;

const KINDS: &[(pen::Kind, &str)] = &[
    (pen::Kind::Keeper, "the log itself and its runner"),
    (pen::Kind::Step, "ace-session step"),
    (pen::Kind::Model, "ace-model"),
    (pen::Kind::Permit, "ace-permit"),
    (pen::Kind::Quota, "ace-quota"),
    (pen::Kind::Tool, "ace-tool"),
    (pen::Kind::Person, "a person, through any client"),
    (pen::Kind::Filter, "a filter of the user's own"),
    (pen::Kind::Chain, "the stages of a typed chain, which share a pen"),
    (pen::Kind::Import, "a program that brings a foreign history"),
];

/// The page. `lines` are recorded lines to take examples from.
pub fn page(lines: &[String]) -> String {
    let types = types();
    let mut page = Roff::new("ace-events", 7, "lib/schema and fixtures/sessions");
    page.section("NAME");
    page.line("ace-events - every event of the ace stream and log, version 1");
    page.section("DESCRIPTION");
    page.say("A line of a stream or log is one JSON object: an envelope and a payload, `data`, whose fields depend on `type`. A line with a `seq` is recorded and a fact; a line without one is a draft.");
    page.say("Fields that are empty are left out; readers take them as empty. Types and fields that are not named here are kept and passed on. `fixtures/events/schema.json` in the source has the same as JSON Schema.");
    page.say("Strings longer than 60 characters are cut with … in the examples here, never in a log.");
    page.section("CLASSES");
    for (class, words) in [
        (Class::Stone, "Recorded in the log and folded: state is a function of these lines alone."),
        (Class::Chalk, "Passed on while a turn runs, kept in live.jsonl until the turn ends, never folded."),
        (Class::Control, "Speaks about the stream itself: a type and nothing else of the envelope. Never recorded."),
    ] {
        page.term(name(class), words);
    }
    page.section("ENVELOPE");
    fields(&mut page, &types, "Line", "");
    let whole = lines.iter().filter(|l| l.contains("\"turn\"")).min_by_key(|l| l.len()).unwrap();
    page.line("A whole recorded line is one line; it is broken here after commas:");
    page.example(&broken(whole));
    page.section("PENS");
    page.say("Each writer holds a pen of one kind. The log refuses a type that the kind may not write, so that the program with the key and the one that runs commands can never record a decision.");
    for (kind, who) in KINDS {
        let word = serde_json::to_value(kind).unwrap();
        let all: Vec<&str> = EVENTS.iter().map(|e| e.name).filter(|n| kind.may(n)).collect();
        let own = if kind.may("own.type") { ", and types that are not on this page" } else { "" };
        page.term(word.as_str().unwrap(), &format!("{who}: {}{own}.", all.join(", ")));
    }
    for class in [Class::Stone, Class::Chalk, Class::Control] {
        page.section(&format!("{} EVENTS", name(class).to_uppercase()));
        for event in EVENTS.iter().filter(|e| e.class == class) {
            one(&mut page, &types, event, lines);
        }
    }
    page.also(&[("ace-log", 1), ("ace-log", 5), ("ace", 7), ("ace-pipe", 7)]);
    page.end()
}

fn name(class: Class) -> &'static str {
    match class {
        Class::Stone => "stone",
        Class::Chalk => "chalk",
        Class::Control => "control",
    }
}

fn one(page: &mut Roff, types: &BTreeMap<String, Named>, event: &ace_schema::Event, lines: &[String]) {
    page.part(event.name);
    let payload = payload_of(types, event.name);
    let more = payload.as_ref().map(|(_, rest)| rest.as_str()).filter(|r| r.ends_with('.')).unwrap_or_default();
    let sync = match (event.class, event.synced) {
        (Class::Stone, true) => " On the disk before anybody acts on it.",
        (Class::Stone, false) => " Can be drawn again from what stands before it, so it may wait for the next sync.",
        _ => "",
    };
    let more = if more == "chalk." { String::new() } else { capital(more) };
    page.line(format!("{} {more}{sync}", event.about).replace("  ", " ").trim_end());
    let writers: Vec<String> = KINDS
        .iter()
        .filter(|(kind, _)| !matches!(kind, pen::Kind::Chain | pen::Kind::Import) && kind.may(event.name))
        .map(|(kind, _)| serde_json::to_value(kind).unwrap().as_str().unwrap().to_owned())
        .collect();
    if !writers.is_empty() {
        page.line(&format!("Pens: {}.", writers.join(", ")));
    }
    match (&payload, event.name) {
        (Some((name, _)), _) => fields(page, types, name, ""),
        (None, ty::LOG_BLOB) => fields(page, types, "BlobPartLine", ""),
        (None, _) if event.class == Class::Stone => page.line("Its fields are not fixed yet."),
        _ => {}
    }
    if let Some(example) = example(event, lines) {
        page.example(&example);
    }
}

fn capital(words: &str) -> String {
    let mut chars = words.chars();
    chars.next().map_or_else(String::new, |c| c.to_uppercase().chain(chars).collect())
}

/// The fields of a type; those of objects within it follow under their path.
fn fields(page: &mut Roff, types: &BTreeMap<String, Named>, name: &str, path: &str) {
    let named = types.get(name).unwrap_or_else(|| panic!("no type {name}"));
    let all = match &named.shape {
        Shape::Same(other) => return fields(page, types, other, path),
        Shape::Fields(all) => all,
        Shape::Choice(variants) => {
            for variant in variants.iter().filter(|v| v.holds.is_some() && !v.open) {
                let words = kind(types, variant.holds.as_ref().unwrap());
                page.term(&format!("{path}{}", variant.name), &format!("({words}) {}", variant.doc));
            }
            return;
        }
    };
    for field in all {
        let optional = if field.optional { ", optional" } else { "" };
        let words = format!("({}{optional}) {}", kind(types, &field.kind), field.doc);
        page.term(&format!("{path}{}", field.name), &words);
        let (inner, mark) = match &field.kind {
            Kind::Named(inner) => (inner, "."),
            Kind::List(inner) => match &**inner {
                Kind::Named(inner) => (inner, "[]."),
                _ => continue,
            },
            _ => continue,
        };
        if inner != "BlobRef" {
            fields(page, types, inner, &format!("{path}{}{mark}", field.name));
        }
    }
}

fn kind(types: &BTreeMap<String, Named>, of: &Kind) -> String {
    match of {
        Kind::Text => "string".to_owned(),
        Kind::Count => "number".to_owned(),
        Kind::Whole => "whole number".to_owned(),
        Kind::Flag => "true or false".to_owned(),
        Kind::Any => "any JSON".to_owned(),
        Kind::List(inner) => format!("list of {}", kind(types, inner)),
        Kind::Named(name) if name == "BlobRef" => "blob: {sha, bytes, media}".to_owned(),
        Kind::Named(name) => match &types.get(name).unwrap_or_else(|| panic!("no type {name}")).shape {
            Shape::Choice(variants) => {
                let words = variants.iter().filter(|v| v.holds.is_none()).map(|v| v.name.clone());
                let open = variants.iter().filter(|v| v.open).map(|_| "or another word".to_owned());
                let objects = variants.iter().filter(|v| v.holds.is_some() && !v.open);
                let objects = objects.map(|v| format!("{{{}}}", v.name));
                words.chain(open).chain(objects).collect::<Vec<_>>().join(" | ")
            }
            _ => "object".to_owned(),
        },
    }
}

/// A recorded line's payload; what is never recorded comes from the code that writes it.
fn example(event: &ace_schema::Event, lines: &[String]) -> Option<String> {
    let mut drafter = Drafter::new("ace-model", 1);
    drafter.set_session("06fz3k9q2mtw8c1d");
    let made = match event.name {
        ty::LOG_LIVE | ty::LOG_NONE => Some(draft::control(event.name)),
        ty::LOG_BLOB => Some(draft::blob_lines("(hex SHA-256)", b"hello", |_| "aGVsbG8=".to_owned()).concat()),
        ty::MODEL_DELTA => Some(
            drafter
                .draft(1, "m3k9a2xr-1", event.name, &ModelDelta { text: "I'll run ".into(), ..Default::default() })
                .1,
        ),
        ty::TOOL_DELTA => {
            Some(drafter.draft(1, "t7wq2c5d-2", event.name, &ToolDelta { text: "sh tests/odd.sh\n".into() }).1)
        }
        _ => None,
    };
    if let Some(made) = made {
        return Some(broken(String::from_utf8(made).unwrap().trim_end()));
    }
    let of_type = |l: &&String| serde_json::from_str::<Value>(l).unwrap()["type"] == event.name;
    let line: Value =
        serde_json::from_str(lines.iter().filter(of_type).min_by_key(|l| (l.contains(RESULTS), l.len()))?).unwrap();
    let mut shown = json!({"type": line["type"], "data": line["data"]});
    cut(&mut shown);
    Some(broken(&shown.to_string()))
}

fn cut(value: &mut Value) {
    match value {
        Value::String(text) if text.chars().count() > SHOWN => {
            *text = text.chars().take(SHOWN - 10).chain(['…']).collect();
        }
        Value::Array(all) => all.iter_mut().for_each(cut),
        Value::Object(all) => all.values_mut().for_each(cut),
        _ => {}
    }
}

/// One line of JSON in lines of at most 72 characters, broken after commas between fields.
fn broken(line: &str) -> String {
    let (mut out, mut row, mut quoted, mut escaped) = (Vec::new(), String::new(), false, false);
    let mut field = String::new();
    for c in line.chars() {
        field.push(c);
        match c {
            _ if escaped => escaped = false,
            '\\' => escaped = true,
            '"' => quoted = !quoted,
            ',' if !quoted => {
                if row.chars().count() + field.chars().count() > 72 && !row.is_empty() {
                    out.push(std::mem::take(&mut row));
                }
                row += &std::mem::take(&mut field);
            }
            _ => {}
        }
    }
    if row.chars().count() + field.chars().count() > 72 && !row.is_empty() {
        out.push(std::mem::take(&mut row));
    }
    out.push(row + &field);
    out.join("\n  ")
}
