//! Every wire against its fixtures: every stream as a whole, split at every byte, with every line end, and in chunks of chance;
//! every request byte for byte. `ACE_BLESS=1` writes the expectations anew: read them before they are believed.

#![allow(clippy::unwrap_used, clippy::panic, reason = "a test may fail")]

mod requests;
mod streams;
mod switching;

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::OnceLock;

use ace_model_gateway::{Options, Provider, Secret, Sse, StreamError, TooLong, find};
use ace_schema::message::{Extras, Piece};
use serde_json::{Value, json};

/// Every wire that speaks over HTTP, and how many streams it has at least.
const WIRES: &[(&str, usize)] =
    &[("openai-chat", 47), ("openai-responses", 23), ("anthropic", 31), ("gemini-generate", 26), ("gemini", 21)];

fn folder(wire: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../fixtures/providers").join(wire)
}

/// Every stream of a wire by name.
fn streams_of(wire: &str) -> Vec<(String, Vec<u8>)> {
    let mut streams: Vec<_> = fs::read_dir(folder(wire))
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .filter(|path| path.extension().is_some_and(|e| e == "sse"))
        .map(|path| (path.file_stem().unwrap().to_str().unwrap().to_owned(), fs::read(&path).unwrap()))
        .collect();
    streams.sort();
    streams
}

/// Every stream of every wire: wire, name, bytes.
fn all_streams() -> &'static [(&'static str, String, Vec<u8>)] {
    static ALL: OnceLock<Vec<(&'static str, String, Vec<u8>)>> = OnceLock::new();
    ALL.get_or_init(read_streams)
}

fn read_streams() -> Vec<(&'static str, String, Vec<u8>)> {
    WIRES
        .iter()
        .flat_map(|(wire, least)| {
            let streams = streams_of(wire);
            assert!(streams.len() >= *least, "the fixtures of {wire} are there: {}", streams.len());
            streams.into_iter().map(move |(name, bytes)| (*wire, name, bytes))
        })
        .collect()
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

/// What a stream gives: its pieces, and the error if there is one.
fn pieces<'a>(provider: &Provider, parts: impl IntoIterator<Item = &'a [u8]>) -> (Vec<Piece>, Option<StreamError>) {
    let mut decoder = find(&provider.wire).unwrap().decoder(provider);
    let mut sse = Sse::new(1 << 20);
    let mut out = Vec::new();
    let mut on = |data: &str| decoder.push(data, &mut out).map(drop).map_err(Fault::Stream);
    let pushed = parts.into_iter().try_for_each(|part| sse.push(part, &mut on));
    let read = pushed.and_then(|()| sse.finish(&mut on));
    let before = out.len();
    let finished = decoder.finish(&mut out);
    let error = match (read, finished) {
        (Err(Fault::Stream(e)), _) | (Ok(()), Err(e)) => {
            // As the client does: when reading failed, what the end gives is only the usage.
            let rest: Vec<Piece> = out.drain(before..).filter(|p| matches!(p, Piece::Usage(_))).collect();
            out.extend(rest);
            Some(e)
        }
        (Err(Fault::Event(e)), _) => panic!("{e}"),
        (Ok(()), Ok(())) => None,
    };
    (out, error)
}

/// The same as JSON: one value a piece.
fn decode<'a>(wire: &str, parts: impl IntoIterator<Item = &'a [u8]>) -> Vec<Value> {
    let (pieces, error) = pieces(&provider(wire, "http://h:1"), parts);
    pieces.iter().filter_map(piece).chain(error.map(|e| json!({ "error": told(&e) }))).collect()
}

/// An error with what matters of it.
fn told(error: &StreamError) -> String {
    match error {
        StreamError::Reported(e) => {
            format!("Reported(Upstream {{ status: {}, kind: {:?}, message: {:?} }})", e.status, e.kind, e.message)
        }
        other => format!("{other:?}"),
    }
}

fn piece(piece: &Piece) -> Option<Value> {
    Some(match piece {
        Piece::Text(text) => json!({ "text": text }),
        Piece::Reasoning(text) => json!({ "reasoning": text }),
        Piece::CallBegins(tool) => json!({ "begins": tool }),
        Piece::Call { tool, args, meta } if meta.is_empty() => json!({ "call": tool, "args": args }),
        Piece::Call { tool, args, meta } => json!({ "call": tool, "args": args, "meta": meta }),
        Piece::Usage(usage) => json!({ "usage": usage }),
        Piece::Extras(Extras { cost: None, kept, .. }) if kept.is_empty() => return None,
        Piece::Extras(Extras { id, cost, kept }) => json!({ "id": id, "cost": cost, "kept": kept }),
        Piece::Stop(stop) => json!({ "stop": stop }),
    })
}

fn golden(wire: &str, name: &str, got: &[u8]) {
    let path = folder(wire).join(name);
    if std::env::var_os("ACE_BLESS").is_some() {
        fs::write(&path, got).unwrap();
    }
    let want = fs::read(&path).unwrap_or_default();
    assert_eq!(String::from_utf8_lossy(got), String::from_utf8_lossy(&want), "{wire}/{name}");
}

fn provider(wire: &str, base_url: &str) -> Provider {
    Provider {
        name: "p".into(),
        wire: wire.into(),
        base_url: base_url.into(),
        api_key: Some(Secret::new("sk-hidden")),
        key_env: "P_API_KEY".into(),
        options: Options::default(),
    }
}
