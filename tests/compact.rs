//! Sessions that grow past their model's window: they go on, what matters is still known, and every cut of their record gives the
//! same state.

use crate::server::{Reply, Server};
use crate::suite::World;
use ace_core::{Plan, State, Transcript, Whole};
use ace_schema::Line;
use ace_schema::data::{BlobRef, SessionCompacted};
use serde_json::{Value, json};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

/// Files that are read, one after the other, each with a fact in its first line.
const FILES: usize = 12;

fn fact(n: usize) -> String {
    format!("fact {n} is {}", n * 7919 + 13)
}

fn files() -> Vec<(String, String)> {
    (1..=FILES).map(|n| (format!("f{n}.txt"), format!("{}\n{}\n", fact(n), "padding words ".repeat(150)))).collect()
}

fn world(model: Server, window: u64) -> World {
    let files = files();
    let files: Vec<(&str, &str)> = files.iter().map(|(n, t)| (n.as_str(), t.as_str())).collect();
    let mut world = World::with_model(model).repository(&files);
    world.env.push(("ACE_CONTEXT", window.to_string()));
    world
}

/// An answer that counts as a provider would: four bytes a token.
fn answer(body: &str, text: &str, calls: &[(&str, Value)]) -> Reply {
    let mut out = String::new();
    let mut push = |delta: Value, finish: Value| {
        out += &format!("data: {}\n\n", json!({"id":"c","choices":[{"index":0,"delta":delta,"finish_reason":finish}]}));
    };
    push(json!({"content": text}), Value::Null);
    for (i, (tool, args)) in calls.iter().enumerate() {
        let call = json!({"index":i,"id":format!("x{i}"),"type":"function","function":{"name":tool,"arguments":args.to_string()}});
        push(json!({"tool_calls":[call]}), Value::Null);
    }
    push(json!({}), json!(if calls.is_empty() { "stop" } else { "tool_calls" }));
    let usage = json!({"prompt_tokens": body.len() / 4, "completion_tokens": 10});
    out += &format!("data: {}\n\ndata: [DONE]\n\n", json!({"id":"c","choices":[],"usage":usage}));
    Reply::Raw(out)
}

fn wants_summary(body: &str) -> bool {
    body.contains("this conversation gets too long")
}

/// What the conversation of a request still holds, as a model would see it.
fn known(body: &str) -> Vec<usize> {
    (1..=FILES).filter(|n| body.contains(&fact(*n))).collect()
}

/// Reads every file, a call an answer; then says which facts it still knows. Its summaries repeat the facts it sees.
fn reader() -> Server {
    let at = Arc::new(AtomicUsize::new(0));
    Server::reading(move |body| {
        if wants_summary(body) {
            let facts: Vec<String> = known(body).into_iter().map(fact).collect();
            return answer(
                body,
                &format!("# Goal\nread all files\n# Open\nread on\n# Files\n{}", facts.join("\n")),
                &[],
            );
        }
        let n = at.fetch_add(1, Ordering::SeqCst) + 1;
        if n <= FILES {
            return answer(body, "", &[("read", json!({ "path": format!("f{n}.txt") }))]);
        }
        answer(body, &format!("known: {:?}", known(body)), &[])
    })
}

fn compactions(world: &World) -> Vec<Value> {
    world.log("@only").into_iter().filter(|l| l["type"] == "session.compacted").collect()
}

#[test]
fn a_session_that_outgrows_its_window_goes_on_and_forgets_no_fact() {
    // About 530 tokens a file, some 900 for the tools and the system text.
    let world = world(reader(), 4_000);
    let run =
        world.run("ace", &["run", "--mode", "auto", "read all the files and keep the number 4711 in mind"]).done();
    let all: Vec<usize> = (1..=FILES).collect();
    assert_eq!(run.stdout, format!("known: {all:?}\n"), "{}", run.stderr);
    let compactions = compactions(&world);
    let hows: Vec<&str> = compactions.iter().map(|l| l["data"]["how"].as_str().unwrap()).collect();
    assert!(hows.contains(&"summary") && hows.len() >= 2, "{hows:?}");
    assert!(run.stderr.contains("compacted"), "{}", run.stderr);
    for line in &compactions {
        let data = &line["data"];
        assert!(data["after"].as_u64() < data["before"].as_u64(), "{data}");
        assert!(data["upto"].as_u64() < line["seq"].as_u64(), "{line}");
    }
    // No request was longer than its window, and the person's own words are never lost.
    for body in world.model.as_ref().unwrap().bodies() {
        assert!(body.len() / 4 < 4_000, "{} bytes", body.len());
        assert!(body.contains("keep the number 4711 in mind"), "{body}");
    }
    // Contexts name where they begin.
    let last = world.last("@only", "context.built");
    assert_eq!(last["ranges"], json!([[compactions.last().unwrap()["seq"]]]));
}

#[test]
fn requests_between_two_compactions_begin_with_the_bytes_before() {
    let world = world(reader(), 4_000);
    let _ = world.run("ace", &["run", "--mode", "auto", "go"]).done();
    let bodies = world.model.as_ref().unwrap().bodies();
    let mut warm = 0;
    for pair in bodies.windows(2) {
        // Without its closing brackets a request is the begin of the next, unless a compaction stands between them.
        let begin = pair[0].strip_suffix("]}").unwrap();
        if pair[1].starts_with(begin) {
            warm += 1;
        }
    }
    let cold = compactions(&world).len();
    assert_eq!(warm + cold, bodies.len() - 1, "each compaction costs one cold request, no other is cold");
    // A summary that was foreseen is asked for behind the very bytes of the request before it.
    let foreseen =
        bodies.windows(2).filter(|p| wants_summary(&p[1])).all(|p| p[1].starts_with(p[0].strip_suffix("]}").unwrap()));
    assert!(foreseen);
}

/// Folds lines, with their blobs at hand.
struct Fold<'a> {
    world: &'a World,
    state: State,
    transcript: Transcript,
}

impl Fold<'_> {
    fn blob(&self, sha: &str) -> String {
        std::fs::read_to_string(self.world.ace_home().join("blobs").join(sha)).unwrap()
    }

    fn fold(&mut self, line: &str) {
        let line = Line::parse(line.as_bytes()).unwrap();
        self.state.fold(&line);
        let home = self.world.ace_home().join("blobs");
        self.transcript.fold(&line, &|b: &BlobRef| std::fs::read_to_string(home.join(&b.sha)).ok());
    }

    /// Everything that a filter could ask of it.
    fn all(&self) -> String {
        let due: Vec<String> = self.state.due().map(|d| format!("{d:?}")).collect();
        let plan: Plan = self.transcript.plan(4_000, ace_core::Length::Unknown);
        format!("{}{due:?}\n{:?}\n{plan:?}", self.state.summary(), self.transcript.messages())
    }
}

#[test]
fn a_fold_may_begin_at_every_compaction_and_knows_what_all_others_know() {
    let world = world(reader(), 4_000);
    let _ = world.run("ace", &["run", "--mode", "auto", "go"]).done();
    let _ = world.sh("ace say go 'and once more' && ace resume go").done();
    let text = std::fs::read_to_string(world.log_file("@only")).unwrap();
    let lines: Vec<&str> = text.lines().collect();
    let fresh = || Fold { world: &world, state: State::new(), transcript: Transcript::new() };
    let mut whole = fresh();
    let mut after = Vec::new();
    for line in &lines {
        whole.fold(line);
        after.push(whole.all());
    }
    let mut begun = 0;
    for line in &lines {
        let line = Line::parse(line.as_bytes()).unwrap();
        if line.ty != "session.compacted" {
            continue;
        }
        let (seq, data) = (line.seq.unwrap(), line.data::<SessionCompacted>().unwrap());
        let state = Whole::read(&whole.blob(&data.state.sha)).unwrap();
        let mut late = Fold { world: &world, state: state.session, transcript: state.conversation };
        let at = usize::try_from(data.upto).unwrap();
        for (n, line) in lines.iter().enumerate().skip(at) {
            late.fold(line);
            // Before the record itself is folded the messages are the shorter ones already.
            if n + 1 >= usize::try_from(seq).unwrap() {
                assert_eq!(late.all(), after[n], "begun after {at}, at {n}");
            }
        }
        begun += 1;
    }
    assert!(begun >= 2);
}

#[test]
fn a_provider_that_says_too_long_is_asked_once_more_after_one_compaction() {
    let most = 9_000;
    let at = Arc::new(AtomicUsize::new(0));
    let model = Server::reading(move |body| {
        if body.len() > most {
            let error = r#"{"error":{"message":"This model's maximum context length is exceeded","code":"context_length_exceeded"}}"#;
            return Reply::Http(format!(
                "HTTP/1.1 400 Bad Request\r\ncontent-type: application/json\r\ncontent-length: {}\r\nconnection: close\r\n\r\n{error}",
                error.len()
            ));
        }
        if wants_summary(body) {
            return answer(body, "# Goal\nread on", &[]);
        }
        match at.fetch_add(1, Ordering::SeqCst) + 1 {
            n if n <= 6 => answer(body, "", &[("read", json!({ "path": format!("f{n}.txt") }))]),
            _ => answer(body, "All read.", &[]),
        }
    });
    // The window is far larger than what this provider takes.
    let world = world(model, 100_000);
    let run = world.run("ace", &["run", "--mode", "auto", "read them"]).done();
    assert_eq!(run.stdout, "All read.\n");
    let types = world.types("@only");
    let failed = types.iter().filter(|t| *t == "model.failed").count();
    assert!(failed >= 1 && failed <= compactions(&world).len(), "{types:?}");
}

#[test]
fn a_request_that_no_compaction_helps_ends_with_the_providers_words() {
    let model = Server::reading(|body| {
        if wants_summary(body) {
            return answer(body, "# Goal\nnone", &[]);
        }
        let error = r#"{"error":{"message":"prompt is too long","code":"context_length_exceeded"}}"#;
        Reply::Http(format!(
            "HTTP/1.1 400 Bad Request\r\ncontent-type: application/json\r\ncontent-length: {}\r\nconnection: close\r\n\r\n{error}",
            error.len()
        ))
    });
    let world = world(model, 100_000);
    let _ = world.run("ace", &["run", "go"]).fails(4, &["the context is too long for 'test/scripted'"]);
    let types = world.types("@only");
    let count = |ty: &str| types.iter().filter(|t| *t == ty).count();
    assert_eq!((count("model.failed"), count("session.compacted")), (2, 1), "{types:?}");
    assert_eq!(world.last("@only", "turn.failed")["code"], "context");
}

#[test]
fn a_person_can_order_it_and_say_what_to_keep() {
    let model = Server::reading(|body| match wants_summary(body) {
        true => answer(body, "# Goal\ncount\n# Open\nnothing", &[]),
        false => answer(body, "Counted.", &[]),
    });
    let world = world(model, 100_000);
    let _ = world.run("ace", &["run", "count the files"]).done();
    let run = world.run("ace", &["compact", "count-the-files", "the names of the tables"]).done();
    assert_eq!(run.stdout, "", "nothing was answered: {run:?}");
    assert_eq!(compactions(&world).len(), 1);
    let bodies = world.model.as_ref().unwrap().bodies();
    assert!(bodies[1].contains("Keep above all: the names of the tables"), "{}", bodies[1]);
    let _ = world.sh("ace say count-the-files 'and now?' && ace resume count-the-files").done();
    let bodies = world.model.as_ref().unwrap().bodies();
    assert!(!bodies[2].contains("Counted.") && bodies[2].contains("# Open"), "{}", bodies[2]);
    assert!(bodies[2].contains("1. count the files") && !bodies[2].contains("names of the tables"), "{}", bodies[2]);
    let text = world.run("ace", &["text", "@last"]).ok();
    assert_eq!(text, "Counted.\n\nCounted.\n");
    let _ = world.run("ace-log", &["verify", "@last"]).ok();
}

#[test]
fn a_crash_at_every_step_of_a_compaction_loses_nothing() {
    let make = || {
        let world = world(reader(), 4_000);
        let _ = world.run("ace", &["run", "--mode", "auto", "go"]).done();
        world
    };
    let world = make();
    let text = std::fs::read_to_string(world.log_file("@only")).unwrap();
    let lines: Vec<&str> = text.lines().collect();
    let first = lines.iter().position(|l| l.contains("\"compacts\":{")).unwrap();
    let done = lines.iter().skip(first).position(|l| l.contains("\"session.compacted\"")).unwrap() + first;
    for cut in first..=done + 1 {
        let head = lines[..cut].iter().map(|l| format!("{l}\n")).collect::<String>();
        std::fs::write(world.log_file("@only"), &head).unwrap();
        // Whatever was asked before the cut is asked by its bytes again: the count of files read is of the whole run.
        let run = world.run("ace", &["resume", "go"]);
        assert_eq!(run.code, Some(0), "cut before line {}: {run:?}", cut + 1);
        let types = world.types("@only");
        assert_eq!(types.iter().filter(|t| *t == "turn.completed").count(), 1, "{types:?}");
        let open = types.iter().filter(|t| *t == "model.requested").count();
        let closed = types.iter().filter(|t| matches!(t.as_str(), "model.completed" | "model.failed")).count();
        assert_eq!(open, closed, "{types:?}");
        let _ = world.run("ace-log", &["verify", "go"]).done();
    }
}
