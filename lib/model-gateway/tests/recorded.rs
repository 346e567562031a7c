//! Recordings: what is played, how fast, what is refused; and that the demo's recording fits the repository it plays in.

#![allow(clippy::unwrap_used, clippy::panic, reason = "a test may fail")]

use std::collections::BTreeMap;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::{Duration, Instant};

use ace_model_gateway::cassette::{self, Cassette};
use ace_model_gateway::{Ask, Client, Event, Failure, Pace, Provider, Settings, Transcript};
use ace_schema::data::Code;
use ace_schema::message::{Message, Piece, Stop};
use serde_json::Value;

fn runtime() -> tokio::runtime::Runtime {
    tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap()
}

fn answer(model: &str, answers: usize, settings: Settings) -> (Result<(), Failure>, Vec<Event>) {
    let provider = Provider::recorded();
    let mut transcript = Transcript::new(&provider, "demo");
    for n in 0..answers {
        transcript.push(&Message::User(n.to_string().into()));
        transcript.push(&Message::Assistant { text: n.to_string(), calls: vec![], kept: None });
    }
    let ask = Ask { model, system: "", tools: "", schema: "", session: "", output: None };
    let mut events = Vec::new();
    let client = Client::new(settings);
    let result = runtime().block_on(client.answer(&provider, &ask, &transcript, &mut |e| events.push(e)));
    (result.map(drop), events)
}

/// Text, calls as tool and arguments, stop.
type Answer = (String, Vec<(String, Value)>, Stop);

/// The demo's answers.
fn demo() -> Vec<Answer> {
    let mut answers = Vec::new();
    for n in 0.. {
        let (result, events) = answer("demo", n, Settings::default());
        if let Err(failure) = result {
            assert_eq!(failure.code, Code::NotFound);
            assert_eq!(
                failure.message,
                format!("the recording 'demo' is over: it holds {n} answers, this would be number {}", n + 1)
            );
            break;
        }
        let (mut text, mut calls, mut stop) = (String::new(), Vec::new(), None);
        for event in events {
            match event {
                Event::Piece(Piece::Text(t)) => text.push_str(&t),
                Event::Piece(Piece::Call { tool, args, .. }) => {
                    calls.push((tool, serde_json::from_str(&args).unwrap()))
                }
                Event::Piece(Piece::Stop(s)) => stop = Some(s),
                _ => {}
            }
        }
        answers.push((text, calls, stop.unwrap()));
    }
    answers
}

#[test]
fn the_demo_tells_its_story() {
    let answers = demo();
    let tools: Vec<Vec<&str>> =
        answers.iter().map(|(_, calls, _)| calls.iter().map(|c| c.0.as_str()).collect()).collect();
    assert_eq!(tools, [vec!["shell"], vec!["read", "read"], vec!["edit"], vec!["shell"], vec!["shell"], vec![]]);
    for (text, calls, stop) in &answers {
        assert_eq!(*stop, if calls.is_empty() { Stop::End } else { Stop::Tools });
        assert!(!text.is_empty() || calls.len() == 2, "only the reading goes without a word");
    }
    assert_eq!(answers[5].0, "The median of an even count is now the mean of the middle two; all tests pass.");
    let length = cassette::load("demo", |_| Err(io::ErrorKind::Unsupported.into())).unwrap().length();
    assert!((4..=6).contains(&length.as_secs()), "{length:?}");
}

fn repository() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../fixtures/repos/demo")
}

/// Copies the demo's repository.
fn copy(to: &Path) {
    fs::create_dir(to.join("tests")).unwrap();
    for file in ["median.awk", "Makefile", "README.md", "tests/even.sh", "tests/odd.sh"] {
        fs::copy(repository().join(file), to.join(file)).unwrap();
    }
}

#[test]
fn the_demo_fits_its_repository() {
    let folder = tempfile::tempdir().unwrap();
    copy(folder.path());
    for (tool, args) in demo().into_iter().flat_map(|(_, calls, _)| calls) {
        let Some(path) = args["path"].as_str() else { continue };
        let text = fs::read_to_string(folder.path().join(path)).unwrap();
        if tool == "edit" {
            assert_eq!(text.matches(args["old"].as_str().unwrap()).count(), 1, "the edit is unambiguous");
        }
    }
}

#[test]
fn the_demos_tests_fail_before_its_edit_and_pass_after() {
    if Command::new("make").arg("--version").output().is_err() || Command::new("awk").arg("BEGIN{}").output().is_err() {
        eprintln!("SKIPPED: there is no make or no awk");
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    copy(folder.path());
    let test = || {
        let out = Command::new("make")
            .arg("test")
            .env_remove("MAKEFLAGS")
            .env_remove("MAKELEVEL")
            .current_dir(&folder)
            .output()
            .unwrap();
        (out.status.code(), String::from_utf8(out.stdout).unwrap())
    };
    let (status, said) = test();
    assert_eq!(status, Some(2));
    assert!(
        said.contains("FAIL even: median of 1 2 3 4\n  expected 2.5, got 2\n") && said.contains("ok odd"),
        "{said}"
    );
    let (_, edit) = demo().remove(2).1.remove(0);
    let path = folder.path().join(edit["path"].as_str().unwrap());
    let text = fs::read_to_string(&path).unwrap();
    fs::write(&path, text.replace(edit["old"].as_str().unwrap(), edit["new"].as_str().unwrap())).unwrap();
    assert_eq!(test(), (Some(0), "ok even\nok odd\n".into()));
}

#[test]
fn a_recording_plays_in_time_or_at_once() {
    let begun = Instant::now();
    let (_, at_once) = answer("demo", 0, Settings::default());
    let took = begun.elapsed();
    let begun = Instant::now();
    let (_, in_time) = answer("demo", 0, Settings { pace: Pace::Recorded, ..Settings::default() });
    assert!(begun.elapsed() >= Duration::from_millis(500) && took < begun.elapsed(), "{took:?} {:?}", begun.elapsed());
    assert_eq!(at_once, in_time);
}

const HEAD: &str = "{\"cassette\":1,\"model\":\"p/m\"}\n";

fn load(text: &str) -> Result<Cassette, String> {
    cassette::load("x.jsonl", |_| Ok(text.to_owned())).map_err(|e| e.to_string())
}

#[test]
fn every_kind_of_line_plays() {
    let text = format!(
        "{HEAD}{}\n\n{}\n{}\n",
        r#"{"answer":0,"note":"p busy (529), try 2 of 4 in 1 s","reasoning":"hm","text":"so","call":{"tool":"list"}}"#,
        r#"{"answer":0,"usage":{"input":3,"output":2},"stop":"tools"}"#,
        r#"{"answer":1,"text":"par","fail":{"code":"cut","message":"cut off","hint":"again"}}"#
    );
    let cassette = load(&text).unwrap();
    assert_eq!((cassette.len(), cassette.model.as_str()), (2, "p/m"));
    let mut events = Vec::new();
    let mut play = |n| runtime().block_on(cassette.play(n, Pace::AtOnce, &mut |e| events.push(format!("{e:?}"))));
    assert_eq!(play(0), Ok(()));
    let failure = play(1).unwrap_err();
    assert_eq!((failure.code, failure.message.as_str(), failure.hint.as_str()), (Code::Cut, "cut off", "again"));
    let want = ["Note", "Reasoning", "Text", "CallBegins", "Call {", "Usage", "Stop(Tools)", "Text"];
    assert_eq!(events.len(), want.len());
    for (event, want) in events.iter().zip(want) {
        assert!(event.contains(want), "{event} is {want}");
    }
}

#[test]
fn a_line_that_is_wrong_is_named() {
    for (lines, line, why) in [
        ("", 1, "it is empty"),
        ("{\"cassette\":2}", 1, "version 2 is not known, only 1"),
        ("{\"answer\":0}", 1, "no head"),
        ("HEAD{\"answer\":1,\"stop\":\"end\"}", 2, "answer 1 where 0 is due"),
        ("HEAD{\"answer\":0,\"stop\":\"end\"}\n{\"answer\":0,\"text\":\"more\"}", 3, "answer 0 where 1 is due"),
        ("HEAD{\"answer\":0,\"text\":\"a\"}\n", 2, "the answer has no stop"),
        ("HEAD{\"answer\":0,\"txt\":\"a\"}", 2, "unknown field `txt`"),
        ("HEAD{\"answer\":0,\"call\":{\"tool\":\"x\",\"args\":[1]},\"stop\":\"tools\"}", 2, "args are no object"),
        ("HEAD\n\nnonsense", 4, "expected"),
    ] {
        let error = load(&lines.replace("HEAD", HEAD)).unwrap_err();
        assert!(error.starts_with(&format!("recording 'x.jsonl', line {line}: ")) && error.contains(why), "{error}");
    }
}

#[test]
fn a_path_is_read_and_a_name_is_not() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("mine.jsonl");
    fs::write(&path, format!("{HEAD}{{\"answer\":0,\"text\":\"a\",\"stop\":\"end\"}}\n")).unwrap();
    let (result, events) = answer(path.to_str().unwrap(), 0, Settings::default());
    assert_eq!((result, events.len()), (Ok(()), 2));
    let missing = folder.path().join("none.jsonl");
    let (result, _) = answer(missing.to_str().unwrap(), 0, Settings::default());
    assert_eq!(result.unwrap_err().code, Code::Config);
    let refuse: fn(&str) -> io::Result<String> = |path| {
        assert_eq!(path, "nothing/cassette.jsonl", "a name is no path, but a folder that was recorded into");
        Err(io::ErrorKind::NotFound.into())
    };
    let (result, _) = answer("nothing", 0, Settings { read: refuse, ..Settings::default() });
    assert_eq!(result.unwrap_err().message, "no recording 'nothing': there is 'demo', or give the path of one");
}

#[test]
fn usage_is_plausible() {
    let mut totals = BTreeMap::new();
    for n in 0..6 {
        for event in answer("demo", n, Settings::default()).1 {
            if let Event::Piece(Piece::Usage(usage)) = event {
                totals.insert(n, usage.input + usage.cache_read + usage.cache_write);
                assert!(usage.output > 0);
            }
        }
    }
    assert_eq!(totals.len(), 6, "every answer has its figures");
    assert!(totals.values().is_sorted(), "a conversation only grows: {totals:?}");
}

/// A recording of one answer of bytes, in the given pieces.
fn of_bytes<'a>(pieces: impl Iterator<Item = &'a [u8]>) -> String {
    use base64::Engine;
    let mut out =
        String::from("{\"cassette\":1,\"model\":\"a/b\"}\n{\"answer\":0,\"model\":\"a/b\",\"wire\":\"openai-chat\"}\n");
    for piece in pieces {
        let text = base64::prelude::BASE64_STANDARD.encode(piece);
        out += &format!("{{\"answer\":0,\"raw64\":\"{text}\"}}\n");
    }
    out + "{\"answer\":0,\"over\":true}\n"
}

/// Pieces of text joined: how many there are depends on how the bytes came.
fn joined(events: Vec<Event>) -> Vec<Event> {
    let mut out: Vec<Event> = Vec::new();
    for event in events {
        match (out.last_mut(), event) {
            (Some(Event::Piece(Piece::Text(all))), Event::Piece(Piece::Text(more))) => all.push_str(&more),
            (Some(Event::Piece(Piece::Reasoning(all))), Event::Piece(Piece::Reasoning(more))) => all.push_str(&more),
            (_, event) => out.push(event),
        }
    }
    out
}

#[test]
fn the_bytes_of_a_stream_play_the_same_however_they_were_cut() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../fixtures/providers/openai-chat");
    let play = |text: &str| {
        let file = tempfile::NamedTempFile::new().unwrap();
        fs::write(file.path(), text).unwrap();
        let (result, events) = answer(file.path().to_str().unwrap(), 0, Settings::default());
        (result, joined(events))
    };
    let mut streams = 0;
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        // What follows an end that was said is read only as far as it came with it.
        if path.extension().is_none_or(|e| e != "sse") || path.ends_with("done-anywhere.sse") {
            continue;
        }
        let bytes = fs::read(&path).unwrap();
        let whole = play(&of_bytes(std::iter::once(&bytes[..])));
        assert_eq!(play(&of_bytes(bytes.chunks(1))), whole, "{}", path.display());
        assert_eq!(play(&of_bytes(bytes.chunks(7))), whole, "{}", path.display());
        streams += 1;
    }
    assert!(streams > 5, "{streams}");
}
