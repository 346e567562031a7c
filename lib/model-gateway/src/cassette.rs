//! Recordings of model answers, played back instead of asking a provider. Knows no socket.
//!
//! A cassette is JSON Lines. The first line is `{"cassette":1,"model":"NAME"}`. Every other line belongs to one answer and gives, after
//! `wait_ms` (milliseconds, left out for none), one or more of:
//!
//! ```text
//! {"answer":0,"wait_ms":300,"reasoning":"…"}
//! {"answer":0,"text":"…"}
//! {"answer":0,"note":"…"}                                            for people, as a retry would say it
//! {"answer":0,"call":{"tool":"shell","args":{"command":"make test"}}}
//! {"answer":0,"usage":{"input":812,"output":64},"stop":"tools"}
//! {"answer":1,"fail":{"code":"unreachable","message":"…","hint":"…"}}
//! ```
//!
//! An answer that was recorded from a provider ([`crate::Tape`]) holds the bytes of its stream instead, as text or in base64 where a
//! character was cut in two, and is played through the decoder of its wire:
//!
//! ```text
//! {"answer":2,"model":"openai/gpt-5","wire":"openai-chat"}
//! {"answer":2,"wait_ms":412,"raw":"data: {…}\n\n"}
//! {"answer":2,"wait_ms":3,"raw64":"…"}
//! {"answer":2,"over":true}
//! ```
//!
//! Answers are numbered and stand in order, from 0 or from where the recording began; each ends with its `stop`, `over` or `fail`.
//! The answer that is played is the number of answers the model has given so far, so a session that is resumed goes on where it was.

use std::io;
use std::time::Duration;

use ace_schema::data::Code;
use ace_schema::limits;
use ace_schema::message::{Piece, Stop, Usage};
use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use serde::Deserialize;
use serde_json::value::RawValue;

use crate::client::{Event, Pace};
use crate::failure::{Failure, Whom};
use crate::http;
use crate::provider::Provider;
use crate::wire::{Wire, find};

/// Recordings that are part of the program.
const BUILT_IN: &[(&str, &str)] = &[("demo", include_str!("../../../fixtures/sessions/demo.cassette.jsonl"))];

/// The file inside the folder of a recording.
pub const FILE: &str = "cassette.jsonl";

/// The first line of a recording of that model.
#[must_use]
pub fn head(model: &str) -> String {
    format!("{}\n", serde_json::json!({ "cassette": 1, "model": model }))
}

/// Why a recording cannot be played.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// None of that name.
    #[error("no recording '{name}': there is {known}, or give the path of one")]
    Unknown {
        /// What was asked for.
        name: String,
        /// What there is.
        known: String,
    },
    /// Its file cannot be read.
    #[error("cannot read the recording '{path}': {why}")]
    Read {
        /// Its path.
        path: String,
        /// The reason.
        why: io::Error,
    },
    /// A line that is none of a recording.
    #[error("recording '{name}', line {line}: {why}")]
    Line {
        /// Its name or path.
        name: String,
        /// From 1.
        line: usize,
        /// The reason.
        why: String,
    },
    /// Over the limit.
    #[error("recording '{0}' is larger than {max} bytes", max = limits::CASSETTE_BYTES)]
    TooLarge(String),
}

/// A recording.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Cassette {
    /// Its name or path.
    pub name: String,
    /// The model that answered when it was made, `provider/name`.
    pub model: String,
    /// Number of its first answer.
    first: usize,
    answers: Vec<Vec<Step>>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
struct Step {
    wait: Duration,
    events: Vec<Event>,
    /// The wire of an answer of bytes, on its first step.
    wire: Option<String>,
    raw: Option<Vec<u8>>,
    fail: Option<Failure>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Head {
    cassette: u32,
    #[serde(default)]
    model: String,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Row {
    answer: usize,
    #[serde(default)]
    wait_ms: u64,
    reasoning: Option<String>,
    text: Option<String>,
    note: Option<String>,
    call: Option<CallRow>,
    usage: Option<Usage>,
    stop: Option<Stop>,
    fail: Option<FailRow>,
    /// Who answered, for people.
    #[serde(rename = "model")]
    _model: Option<String>,
    wire: Option<String>,
    raw: Option<String>,
    raw64: Option<String>,
    over: Option<bool>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct CallRow {
    tool: String,
    #[serde(default)]
    args: Option<Box<RawValue>>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct FailRow {
    code: Code,
    message: String,
    #[serde(default)]
    hint: String,
}

/// Loads a recording: one that is part of the program by its name, or a folder that was
/// recorded into, or a file (a name with a slash in it, or ending in `.jsonl`).
///
/// # Errors
/// [`Error`], which names the line.
pub fn load(name: &str, read: impl Fn(&str) -> io::Result<String>) -> Result<Cassette, Error> {
    let path = name.contains('/') || name.ends_with(".jsonl");
    let built_in = BUILT_IN.iter().find(|(built_in, _)| *built_in == name).filter(|_| !path);
    if let Some((_, text)) = built_in {
        return parse(name, text);
    }
    // A name alone is a folder that was recorded into, never a file.
    let file = if path { name.to_owned() } else { format!("{name}/{FILE}") };
    match read(&file) {
        Ok(text) if text.len() as u64 > limits::CASSETTE_BYTES => Err(Error::TooLarge(name.into())),
        Ok(text) => parse(name, &text),
        Err(why) if path => Err(Error::Read { path: name.into(), why }),
        Err(_) => {
            let known = BUILT_IN.iter().map(|(n, _)| format!("'{n}'")).collect::<Vec<_>>().join(", ");
            Err(Error::Unknown { name: name.into(), known })
        }
    }
}

fn parse(name: &str, text: &str) -> Result<Cassette, Error> {
    let wrong = |line: usize, why: String| Error::Line { name: name.into(), line, why };
    let mut lines = text.lines().enumerate().filter(|(_, l)| !l.trim().is_empty());
    let (_, first) = lines.next().ok_or_else(|| wrong(1, "it is empty".into()))?;
    let head: Head = serde_json::from_str(first).map_err(|e| wrong(1, format!("no head: {e}")))?;
    if head.cassette != 1 {
        return Err(wrong(1, format!("version {} is not known, only 1", head.cassette)));
    }
    let mut answers: Vec<Vec<Step>> = Vec::new();
    let mut first = None;
    let mut open = false;
    let mut last = 1;
    for (at, line) in lines {
        last = at + 1;
        let row: Row = serde_json::from_str(line).map_err(|e| wrong(last, e.to_string()))?;
        // Only one that was recorded may begin in the middle of its session.
        let begin = if row.wire.is_some() { row.answer } else { 0 };
        let expected = *first.get_or_insert(begin) + if open { answers.len() - 1 } else { answers.len() };
        if row.answer != expected {
            return Err(wrong(last, format!("answer {} where {expected} is due", row.answer)));
        }
        let goes_on = open;
        open = row.stop.is_none() && row.fail.is_none() && row.over != Some(true);
        let step = step(row).map_err(|why| wrong(last, why.into()))?;
        match answers.last_mut().filter(|_| goes_on) {
            Some(answer) => answer.push(step),
            None => answers.push(vec![step]),
        }
    }
    if open {
        return Err(wrong(last, "the answer has no stop".into()));
    }
    Ok(Cassette { name: name.into(), model: head.model, first: first.unwrap_or(0), answers })
}

fn step(row: Row) -> Result<Step, &'static str> {
    let mut pieces = Vec::new();
    pieces.extend(row.reasoning.map(Piece::Reasoning));
    pieces.extend(row.text.map(Piece::Text));
    if let Some(call) = row.call {
        let args = call.args.map_or_else(|| "{}".to_owned(), |a| a.get().to_owned());
        if !args.starts_with('{') {
            return Err("args are no object");
        }
        pieces
            .extend([Piece::CallBegins(call.tool.clone()), Piece::Call { tool: call.tool, args, meta: String::new() }]);
    }
    pieces.extend(row.usage.map(Piece::Usage));
    pieces.extend(row.stop.map(Piece::Stop));
    let fail = row.fail.map(|f| Failure { code: f.code, message: f.message, hint: f.hint, retried: 0 });
    if fail.is_some() && row.stop.is_some() {
        return Err("stop and fail at once");
    }
    let raw = match (row.raw, row.raw64) {
        (Some(text), None) => Some(text.into_bytes()),
        (None, Some(text)) => Some(BASE64_STANDARD.decode(text).map_err(|_| "raw64 is no base64")?),
        (None, None) => None,
        _ => return Err("raw and raw64 at once"),
    };
    if row.wire.as_deref().is_some_and(|wire| find(wire).is_none()) {
        return Err("of a wire that nobody speaks here");
    }
    let events = row.note.map(Event::Note).into_iter().chain(pieces.into_iter().map(Event::Piece)).collect();
    Ok(Step { wait: Duration::from_millis(row.wait_ms), events, wire: row.wire, raw, fail })
}

impl Cassette {
    /// How many answers it holds.
    #[must_use]
    pub fn len(&self) -> usize {
        self.answers.len()
    }

    /// Whether it holds none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.answers.is_empty()
    }

    /// Number of the answer that would be recorded next.
    #[must_use]
    pub fn next(&self) -> usize {
        self.first + self.answers.len()
    }

    /// How long all of it takes as recorded, the tools' time not counted.
    #[must_use]
    pub fn length(&self) -> Duration {
        self.answers.iter().flatten().map(|s| s.wait).sum()
    }

    /// Plays an answer of bytes through the decoder of its wire.
    async fn decode(
        &self,
        steps: &[Step],
        wire: &'static dyn Wire,
        pace: Pace,
        on: &mut (dyn FnMut(Event) + Send),
    ) -> Result<(), Failure> {
        let waits = pace == Pace::Recorded;
        let notes = steps.iter().take_while(|s| s.raw.is_none());
        for step in notes {
            if waits && !step.wait.is_zero() {
                tokio::time::sleep(step.wait).await;
            }
            step.events.iter().for_each(|event| on(event.clone()));
        }
        let pieces: Vec<(Duration, &[u8])> = steps.iter().filter_map(|s| Some((s.wait, s.raw.as_deref()?))).collect();
        let fail = steps.last().and_then(|s| s.fail.clone());
        let mut give = |piece| on(Event::Piece(piece));
        let played = match pieces.is_empty() && fail.is_some() {
            true => Ok(()),
            false => http::play(&pieces, waits, fail.is_none(), wire.decoder(&Provider::recorded()), &mut give).await,
        };
        match (fail, played) {
            (Some(fail), _) => Err(fail),
            (None, Ok(())) => Ok(()),
            (None, Err(fault)) => {
                let provider = Provider::recorded();
                Err(Whom { provider: &provider, model: &self.name, url: None }.failure(fault, 0))
            }
        }
    }

    /// Plays answer number `answer` (from 0).
    ///
    /// # Errors
    /// The recorded [`Failure`], or one that says that there is no such answer.
    pub async fn play(&self, answer: usize, pace: Pace, on: &mut (dyn FnMut(Event) + Send)) -> Result<(), Failure> {
        let Some(steps) = answer.checked_sub(self.first).and_then(|n| self.answers.get(n)) else {
            let (name, held) = (&self.name, self.len());
            let what =
                format!("the recording '{name}' is over: it holds {held} answers, this would be number {}", answer + 1);
            return Err(Failure::new(Code::NotFound, what).hint("a recording only plays the session it was made for"));
        };
        if let Some(wire) = steps.first().and_then(|s| find(s.wire.as_deref()?)) {
            return self.decode(steps, wire, pace, on).await;
        }
        for step in steps {
            if pace == Pace::Recorded && !step.wait.is_zero() {
                tokio::time::sleep(step.wait).await;
            }
            step.events.iter().for_each(|event| on(event.clone()));
            if let Some(fail) = &step.fail {
                return Err(fail.clone());
            }
        }
        Ok(())
    }
}
