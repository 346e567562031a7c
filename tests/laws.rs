//! The six laws of a filter, as a matrix of filters and sessions, and as scenarios with rivals, hangs and thrown-away drafts.
//!
//! Here: the filters, a way to talk to one line by line, and records written by hand. The recorded sessions are in `sessions`.

mod anyone;
mod gates;
mod pass;
mod record;
mod rivals;
mod sessions;

use crate::suite::{Run, World, eventually};
use std::io::{Read, Write};
use std::process::{Child, ChildStdin, Stdio};
use std::sync::{Arc, Mutex};
use std::thread::JoinHandle;

/// The suite's filters: program and arguments. The folders of recorded sessions are gone, so no sandbox can be built on them.
pub const FILTERS: [(&str, &[&str]); 5] = [
    ("ace-session", &["step"]),
    ("ace-model", &[]),
    ("ace-permit", &[]),
    ("ace-tool", &["--unsandboxed"]),
    ("ace-fetch", &[]),
];

/// The line that says that history has ended.
pub const LIVE: &[u8] = b"{\"type\":\"log.live\"}\n";

/// A filter that is talked to.
pub struct Talk {
    child: Child,
    stdin: Option<ChildStdin>,
    input: Vec<u8>,
    output: Arc<Mutex<Vec<u8>>>,
    threads: Vec<JoinHandle<()>>,
    errors: Arc<Mutex<Vec<u8>>>,
}

fn gather(mut from: impl Read + Send + 'static, into: &Arc<Mutex<Vec<u8>>>) -> JoinHandle<()> {
    let into = into.clone();
    std::thread::spawn(move || {
        let mut buffer = vec![0; 64 * 1024];
        while let Ok(n @ 1..) = from.read(&mut buffer) {
            into.lock().unwrap().extend_from_slice(&buffer[..n]);
        }
    })
}

impl Talk {
    pub fn with(world: &World, program: &str, args: &[&str]) -> Self {
        let mut child = world.command(program, args).stdin(Stdio::piped()).spawn().unwrap();
        let (output, errors) = (Arc::default(), Arc::default());
        let threads =
            vec![gather(child.stdout.take().unwrap(), &output), gather(child.stderr.take().unwrap(), &errors)];
        Self { stdin: child.stdin.take(), child, input: Vec::new(), output, threads, errors }
    }

    /// Says something. The filter reads all the time, so this never waits for long.
    pub fn say(&mut self, bytes: &[u8]) {
        self.input.extend_from_slice(bytes);
        self.stdin.as_mut().unwrap().write_all(bytes).unwrap();
    }

    /// Says something and waits until it has passed.
    #[track_caller]
    pub fn pass(&mut self, bytes: &[u8]) {
        self.say(bytes);
        let last = bytes.trim_ascii_end().rsplit(|&b| b == b'\n').next().unwrap().to_vec();
        self.until("the input passes", |out| contains(out, &last));
    }

    #[track_caller]
    pub fn until(&self, what: &str, holds: impl Fn(&[u8]) -> bool) {
        eventually(what, || holds(&self.output.lock().unwrap()));
    }

    /// Waits for a draft of that type and gives its line.
    #[track_caller]
    pub fn draft(&self, ty: &str) -> String {
        let needle = format!("\"type\":\"{ty}\"");
        let find = |out: &[u8]| {
            let text = String::from_utf8_lossy(out).into_owned();
            let whole = text.rfind('\n').map_or("", |end| &text[..=end]);
            whole.lines().find(|l| l.contains(&needle) && !l.contains("\"seq\":")).map(str::to_owned)
        };
        self.until(ty, |out| find(out).is_some());
        find(&self.output.lock().unwrap()).unwrap()
    }

    pub fn output(&self) -> String {
        String::from_utf8_lossy(&self.output.lock().unwrap()).into_owned()
    }

    pub fn is_alive(&mut self) -> bool {
        self.child.try_wait().unwrap().is_none()
    }

    /// Ends the input.
    pub fn hang_up(&mut self) {
        self.stdin.take();
    }

    /// Ends the input and waits for the end; checks the first law and gives the drafts and what else the run left.
    #[track_caller]
    pub fn end(mut self) -> (Vec<String>, Run) {
        self.hang_up();
        let child = &mut self.child;
        eventually("the filter ends with its input", || child.try_wait().unwrap().is_some());
        let status = self.child.wait().unwrap();
        for thread in self.threads.drain(..) {
            thread.join().unwrap();
        }
        let text = |bytes: &Mutex<Vec<u8>>| String::from_utf8_lossy(&bytes.lock().unwrap()).into_owned();
        let drafts = drafts(&self.input, &self.output.lock().unwrap());
        let run = Run { code: status.code(), stdout: text(&self.output), stderr: text(&self.errors) };
        (drafts, run)
    }
}

impl Drop for Talk {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

pub fn contains(haystack: &[u8], needle: &[u8]) -> bool {
    !needle.is_empty() && haystack.windows(needle.len()).any(|w| w == needle)
}

/// The first law: takes the drafts out of the output, and what remains must be the input, byte for byte.
#[track_caller]
pub fn drafts(input: &[u8], output: &[u8]) -> Vec<String> {
    let mut rest = input.split_inclusive(|&b| b == b'\n').peekable();
    let mut drafts = Vec::new();
    for line in output.split_inclusive(|&b| b == b'\n') {
        if rest.peek() == Some(&line) {
            rest.next();
            continue;
        }
        let text = String::from_utf8_lossy(line).into_owned();
        let parsed = ace_schema::Line::parse(line).unwrap_or_else(|e| panic!("neither input nor draft ({e}): {text}"));
        assert!(parsed.seq.is_none(), "a filter made up a record: {text}");
        drafts.push(text.trim_end().to_owned());
    }
    assert_eq!(rest.next().map(String::from_utf8_lossy), None, "this input did not pass");
    drafts
}

/// Runs a filter over input in one piece: its drafts.
#[track_caller]
pub fn drafts_of(world: &World, (program, args): (&str, &[&str]), input: &[u8]) -> Vec<String> {
    let run = world.feed(program, args, input);
    assert_eq!((run.code, run.stderr.as_str()), (Some(0), ""), "{program}");
    drafts(input, run.stdout.as_bytes())
}

/// A draft as the log would have recorded it.
pub fn recorded(draft: &str, seq: u64, pen: u32) -> Vec<u8> {
    format!(
        "{{\"seq\":{seq},\"ts\":\"2026-11-20T06:41:00.000Z\",\"prev\":\"\",\"pen\":{pen},{}\n",
        draft.strip_prefix('{').unwrap().trim_end()
    )
    .into_bytes()
}

/// Records written by hand.
#[derive(Clone, Default)]
pub struct Story {
    pub seq: u64,
    pub bytes: Vec<u8>,
}

/// A line without a number.
pub fn draft(turn: u32, ty: &str, id: &str, cause: &str, data: &serde_json::Value) -> String {
    format!(
        r#"{{"v":1,"id":"{id}","session":"0000000000000000","turn":{turn},"cause":"{cause}","by":"hand","type":"{ty}","data":{data}}}"#
    )
}

impl Story {
    pub fn add(mut self, ty: &str, id: &str, cause: &str, data: serde_json::Value) -> Self {
        let turn = u32::from(!ty.starts_with("session.") && !ty.starts_with("user."));
        self.record(&draft(turn, ty, id, cause, &data), 2);
        self
    }

    /// Records a draft; gives its line.
    pub fn record(&mut self, draft: &str, pen: u32) -> Vec<u8> {
        self.seq += 1;
        let line = recorded(draft, self.seq, pen);
        self.bytes.extend_from_slice(&line);
        line
    }

    /// A session with one message, in mode auto, in the world's project.
    pub fn said(world: &World) -> Self {
        let cwd = world.project();
        let created = serde_json::json!({"name": "story", "cwd": cwd, "model": "test/scripted", "mode": "auto", "unsandboxed": true});
        Self::default().add("session.created", "p-1", "", created).add(
            "user.message",
            "p-2",
            "",
            serde_json::json!({"text": "go"}),
        )
    }

    /// A context waits for its answer.
    pub fn asking(world: &World) -> Self {
        Self::said(world).add("turn.started", "turn-1", "p-2", serde_json::json!({})).add(
            "context.built",
            "ctx-turn-1",
            "turn-1",
            serde_json::json!({"system": "", "ranges": [[1]], "model": "test/scripted"}),
        )
    }

    /// A call waits for a decision.
    pub fn called(world: &World, command: &str) -> Self {
        let schema = ace_core::digest(ace_schema::tool::offer().as_bytes());
        let offer = serde_json::json!({"server": "local", "names": [], "schema": schema});
        Self::asking(world)
            .add("tool.discovered", "t-1", "", offer)
            .add("model.requested", "m-1", "ctx-turn-1", serde_json::json!({}))
            .add("model.tool_call_requested", "m-2", "m-1", call(command))
            .add("model.completed", "m-3", "m-1", serde_json::json!({"calls": 1, "stop": "tools"}))
    }

    /// A call waits to be run.
    pub fn allowed(world: &World, command: &str) -> Self {
        Self::called(world, command).add("permission.resolved", "answer-m-2", "m-2", allow(command))
    }

    /// The story so far, and that it is all.
    pub fn live(&self) -> Vec<u8> {
        [&self.bytes, LIVE].concat()
    }
}

fn call(command: &str) -> serde_json::Value {
    serde_json::json!({"tool": "shell", "args": {"command": command}})
}

/// A decision over exactly this call.
pub fn allow(command: &str) -> serde_json::Value {
    let digest = ace_core::digest(call(command).to_string().as_bytes());
    serde_json::json!({"decision": "allow", "who": "rule", "digest": digest})
}
