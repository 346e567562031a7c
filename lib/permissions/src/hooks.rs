//! Hooks that hear what has happened: of a call that has run, of a message, of the end of a turn. What they are told and how their
//! answers are read; the contract is the one that Claude Code and crush share, so that theirs work as they are.
//!
//! It starts nothing. An answer that cannot be read is never a yes.

use ace_schema::data::{MessageVetted, ToolCompleted};
use ace_schema::hook::{Hook, Verdict};
use ace_schema::limits::HOOK_SAYS_BYTES;
use serde::Deserialize;
use serde_json::{Value, json};

use crate::CallFacts;
use crate::decider::{Answer, Ended, mode_name, named};

/// What every hook is told first.
#[derive(Debug, Clone, Copy)]
pub struct Place<'a> {
    /// Session id.
    pub session: &'a str,
    /// Where the session works, absolute.
    pub cwd: &'a str,
    /// Our name of the mode.
    pub mode: &'a str,
}

impl Place<'_> {
    fn told(&self, on: Hook) -> Value {
        json!({
            "session_id": self.session, "transcript_path": "", "cwd": self.cwd,
            "permission_mode": mode_name(self.mode), "hook_event_name": on.name(),
        })
    }
}

/// What a hook reads of a call that has run.
#[must_use]
pub fn after_call(place: Place<'_>, call_id: &str, call: &CallFacts<'_>, done: &ToolCompleted) -> String {
    let (name, input) = named(call);
    let mut told = place.told(Hook::PostToolUse);
    let text = &done.output.text;
    // Under the names that hooks of commands and of files look for.
    let mut response = json!({
        "stdout": text, "stderr": "", "interrupted": done.signal.is_some(), "success": done.exit.unwrap_or(0) == 0,
    });
    if let Some(path) = input.get("file_path") {
        response["filePath"] = path.clone();
    }
    if let Some(exit) = done.exit {
        response["exit_code"] = json!(exit);
    }
    told["tool_name"] = json!(name);
    told["tool_input"] = Value::Object(input);
    told["tool_response"] = response;
    told["tool_use_id"] = json!(call_id);
    told["ace"] = json!({"tool": call.tool, "args": call.args});
    told.to_string()
}

/// What a hook reads of a message.
#[must_use]
pub fn prompt(place: Place<'_>, text: &str) -> String {
    let mut told = place.told(Hook::UserPromptSubmit);
    told["prompt"] = json!(text);
    told.to_string()
}

/// What a hook reads at the end of a turn; `active` says that hooks have kept it from its end before.
#[must_use]
pub fn stop(place: Place<'_>, active: bool, last: &str) -> String {
    let mut told = place.told(Hook::Stop);
    told["stop_hook_active"] = json!(active);
    told["last_assistant_message"] = json!(last);
    told.to_string()
}

/// What one hook says.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Said {
    /// Whether it goes on.
    pub verdict: Verdict,
    /// Why not; never empty where it does not.
    pub why: String,
    /// What the model shall read.
    pub context: String,
    /// Why everything shall stop here.
    pub stops: Option<String>,
}

#[derive(Deserialize, Default)]
struct Specific {
    #[serde(default, rename = "additionalContext")]
    context: Option<String>,
}

/// Reads an answer: status 2 blocks with the words on stderr, status 0 says what its JSON says, and whatever else happens is a
/// failure. Of a message, plain words on stdout are for the model.
#[must_use]
pub fn heard(on: Hook, name: &str, ended: &Ended) -> Said {
    let fails =
        |why: &str| Said { verdict: Verdict::Fails, why: format!("the hook '{name}' {why}"), ..Said::default() };
    match ended {
        Ended::Late => fails("took too long"),
        Ended::NotStarted(why) => fails(&format!("cannot be started: {why}")),
        Ended::Exit { status: Some(2), stderr, .. } => blocks(name, stderr),
        Ended::Exit { status: Some(0), stdout, .. } => match stdout.trim() {
            json if json.starts_with('{') => match serde_json::from_str(json) {
                Ok(answer) => read(on, name, answer).unwrap_or_else(|| fails("answers with a word that nobody knows")),
                Err(_) => fails("answers with broken JSON"),
            },
            words if on == Hook::UserPromptSubmit => Said { context: cut(words), ..Said::default() },
            // Elsewhere they are for people.
            _ => Said::default(),
        },
        Ended::Exit { status: Some(status), stderr, .. } => match stderr.trim() {
            "" => fails(&format!("failed with status {status}")),
            why => fails(&format!("failed with status {status}: {}", cut(why))),
        },
        Ended::Exit { status: None, .. } => fails("was killed"),
    }
}

/// `None` where the decision is a word of no meaning.
fn read(on: Hook, name: &str, answer: Answer<Specific>) -> Option<Said> {
    let context = cut(answer.specific.and_then(|s| s.context).unwrap_or_default().trim());
    if answer.goes_on == Some(false) {
        let why = match answer.stop_reason.as_deref().map(str::trim) {
            None | Some("") => format!("the hook '{name}' says so"),
            Some(why) => cut(why),
        };
        // A turn that shall stop may end.
        let verdict = if on == Hook::UserPromptSubmit { Verdict::Blocks } else { Verdict::Passes };
        return Some(Said { verdict, why: why.clone(), context, stops: Some(why) });
    }
    match answer.decision.as_deref() {
        None | Some("approve" | "allow") => Some(Said { context, ..Said::default() }),
        Some("block" | "deny") => Some(Said { context, ..blocks(name, answer.reason.as_deref().unwrap_or_default()) }),
        Some(_) => None,
    }
}

fn blocks(name: &str, why: &str) -> Said {
    let why = why.trim();
    let why = if why.is_empty() { format!("the hook '{name}' says so") } else { cut(why) };
    Said { verdict: Verdict::Blocks, why, ..Said::default() }
}

/// Words of the length that a record has room for.
fn cut(words: &str) -> String {
    match words.len() > HOOK_SAYS_BYTES {
        true => format!("{}…", &words[..words.floor_char_boundary(HOOK_SAYS_BYTES)]),
        false => words.to_owned(),
    }
}

/// What hooks have made of a message, one after the other: the first that does not let it pass decides.
#[must_use]
pub fn vetted(said: impl IntoIterator<Item = (String, &'static str, Said)>) -> MessageVetted {
    let mut out = MessageVetted::default();
    for (hook, layer, said) in said {
        if said.verdict != Verdict::Passes {
            let (verdict, why, layer) = (said.verdict, said.why, layer.to_owned());
            return MessageVetted { verdict, why, hook, layer, context: String::new() };
        }
        join(&mut out.context, &said.context);
    }
    out
}

/// Puts words behind others, on a line of their own, as far as there is room.
pub fn join(all: &mut String, words: &str) {
    if !words.is_empty() && all.len() + words.len() <= HOOK_SAYS_BYTES {
        if !all.is_empty() {
            all.push('\n');
        }
        all.push_str(words);
    }
}
