//! Deciders: programs in any language that are asked about a call. What they are told and how their answers are read; the contract is
//! the one that Claude Code and crush share, so that their hooks work as they are.
//!
//! It starts nothing. An answer that cannot be read is never a yes.

use ace_schema::data::PermissionResolved;
use ace_schema::hook::Hook;
use ace_schema::permission::Decision;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};

use crate::{CallFacts, Layer, Verdict};

/// A local tool, the name that such hooks look for, and the arguments they call otherwise.
type Named = (&'static str, &'static str, &'static [(&'static str, &'static str)]);

const NAMES: &[Named] = &[
    ("shell", "Bash", &[("timeout_ms", "timeout")]),
    ("read", "Read", &[("path", "file_path")]),
    ("write", "Write", &[("path", "file_path")]),
    ("edit", "Edit", &[("path", "file_path"), ("old", "old_string"), ("new", "new_string"), ("all", "replace_all")]),
    ("list", "LS", &[]),
    ("glob", "Glob", &[]),
    ("grep", "Grep", &[]),
];

/// The name and the arguments of a call as such hooks know them.
pub(crate) fn named<'a>(call: &CallFacts<'a>) -> (&'a str, Map<String, Value>) {
    let (name, renamed) = NAMES.iter().find(|n| n.0 == call.tool).map_or((call.tool, &[][..]), |n| (n.1, n.2));
    let mut input = call.args.as_object().cloned().unwrap_or_else(Map::new);
    for (ours, theirs) in renamed {
        if let Some(value) = input.remove(*ours) {
            // Files are named absolutely there.
            let value = match value.as_str() {
                Some(path) if *theirs == "file_path" && !path.starts_with('/') => json!(format!("{}/{path}", call.cwd)),
                _ => value,
            };
            input.insert((*theirs).to_owned(), value);
        }
    }
    (name, input)
}

/// The names under which hooks know a tool: theirs and ours.
#[must_use]
pub fn names(tool: &str) -> [&str; 2] {
    [NAMES.iter().find(|n| n.0 == tool).map_or(tool, |n| n.1), tool]
}

/// A mode as such hooks know it.
pub(crate) fn mode_name(mode: &str) -> &'static str {
    match mode {
        "edit" => "acceptEdits",
        "auto" => "bypassPermissions",
        "plan" => "plan",
        _ => "default",
    }
}

/// What a decider reads on its stdin: one JSON object.
#[must_use]
pub fn request(session: &str, call_id: &str, mode: &str, call: &CallFacts<'_>) -> String {
    let (name, input) = named(call);
    let mode = mode_name(mode);
    json!({
        "session_id": session, "transcript_path": "", "cwd": call.cwd, "permission_mode": mode,
        "hook_event_name": Hook::PreToolUse.name(), "tool_name": name, "tool_input": input, "tool_use_id": call_id,
        "ace": {"tool": call.tool, "args": call.args},
    })
    .to_string()
}

/// How a decider ended.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Ended {
    /// By itself: its status, and what it wrote.
    Exit {
        /// Exit status; `None` if a signal ended it.
        status: Option<i32>,
        /// Standard output.
        stdout: String,
        /// Standard error.
        stderr: String,
    },
    /// It took longer than it may.
    Late,
    /// It could not be started.
    NotStarted(String),
}

/// What a decider says; `None` is no opinion.
pub type Opinion = Option<(Decision, String)>;

/// What a program answers; `specific` is the part that only its event has.
#[derive(Deserialize)]
pub(crate) struct Answer<Specific> {
    #[serde(default)]
    pub decision: Option<String>,
    #[serde(default)]
    pub reason: Option<String>,
    #[serde(default, rename = "continue")]
    pub goes_on: Option<bool>,
    #[serde(default, rename = "stopReason")]
    pub stop_reason: Option<String>,
    #[serde(default = "Option::default", rename = "hookSpecificOutput")]
    pub specific: Option<Specific>,
}

#[derive(Deserialize, Default)]
struct Specific {
    #[serde(default, rename = "permissionDecision")]
    decision: Option<String>,
    #[serde(default, rename = "permissionDecisionReason")]
    reason: Option<String>,
    #[serde(default, rename = "updatedInput")]
    updated: Option<Value>,
}

/// Reads an answer: status 2 denies with the words on stderr, status 0 says what its JSON says and nothing without one, and whatever
/// else happens is asked.
#[must_use]
pub fn opinion(name: &str, ended: &Ended) -> Opinion {
    let ask = |why: &str| Some((Decision::Ask, format!("the decider '{name}' {why}")));
    match ended {
        Ended::Late => ask("took too long"),
        Ended::NotStarted(why) => ask(&format!("cannot be started: {why}")),
        Ended::Exit { status: Some(2), stderr, .. } => Some((Decision::Deny, reason(name, Some(stderr)))),
        Ended::Exit { status: Some(0), stdout, .. } => match stdout.trim() {
            json if json.starts_with('{') => match serde_json::from_str(json) {
                Ok(answer) => said(name, answer),
                Err(_) => ask("answers with broken JSON"),
            },
            // Words on stdout are for people.
            _ => None,
        },
        Ended::Exit { status: Some(status), .. } => ask(&format!("failed with status {status}")),
        Ended::Exit { status: None, .. } => ask("was killed"),
    }
}

fn said(name: &str, answer: Answer<Specific>) -> Opinion {
    let ask = |why: &str| Some((Decision::Ask, format!("the decider '{name}' {why}")));
    if answer.goes_on == Some(false) {
        return Some((Decision::Deny, reason(name, answer.stop_reason.as_ref())));
    }
    let specific = answer.specific.unwrap_or_default();
    // A decision is about the recorded call, whose digest it carries: another call has to be asked for by the model.
    if let Some(updated) = specific.updated {
        let why = specific.reason.or(answer.reason).unwrap_or_default();
        return Some((Decision::Deny, format!("{} call it with {updated} instead", why.trim()).trim().to_owned()));
    }
    let word = specific.decision.or(answer.decision);
    let why = reason(name, specific.reason.or(answer.reason).as_ref());
    match word.as_deref() {
        None => None,
        Some("allow" | "approve") => Some((Decision::Allow, why)),
        Some("deny" | "block") => Some((Decision::Deny, why)),
        Some("ask") => Some((Decision::Ask, why)),
        Some("defer") => None,
        Some(_) => ask("answers with a word that nobody knows"),
    }
}

fn reason(name: &str, words: Option<&String>) -> String {
    let words = words.map(|w| w.trim()).unwrap_or_default();
    let cut: String = words.chars().take(1_000).collect();
    if cut.is_empty() { format!("the decider '{name}' says so") } else { cut }
}

/// A verdict under an opinion. A decider narrows whatever stands; it lifts only what a mode asks, and only the person's own may.
#[must_use]
pub fn heed(verdict: Verdict, name: &str, layer: Layer, opinion: Opinion) -> Verdict {
    let Some((decision, why)) = opinion else { return verdict };
    let rank = |d: Decision| match d {
        Decision::Allow => 0,
        Decision::Ask => 1,
        Decision::Deny => 2,
    };
    let lifts = layer != Layer::Project && verdict.decision == Decision::Ask && verdict.rule.starts_with("mode-");
    let heeded = rank(decision) > rank(verdict.decision) || (decision == Decision::Allow && lifts);
    if !heeded {
        return verdict;
    }
    Verdict { decision, why, rule: format!("{}{name}", PermissionResolved::DECIDER), layer, proposal: None, ..verdict }
}
