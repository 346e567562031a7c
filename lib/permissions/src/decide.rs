//! The verdict on one call: first what no mode lifts, then what the mode says. Rules of people come between the two later.

use ace_schema::data::Proposal;
use ace_schema::limits::COMMAND_BYTES;
use ace_schema::permission::{Decision, Mode};
use ace_schema::tool::{self, Tool};
use serde_json::Value;

use crate::denied::{self, Finding};
use crate::path::{Reach, reach};
use crate::propose::propose;

/// What is known about a call.
#[derive(Debug, Clone, Copy)]
pub struct CallFacts<'a> {
    /// Tool name.
    pub tool: &'a str,
    /// Its arguments, an object. Whoever runs the call must read them the same way: of a key that stands twice, the last counts.
    pub args: &'a Value,
    /// The working directory, absolute.
    pub cwd: &'a str,
    /// The session's own temporary folder, absolute; empty if there is none.
    pub tmp: &'a str,
    /// Whether a sandbox will hold the call.
    pub sandboxed: bool,
    /// Whether a person said that no sandbox is needed (`--unsandboxed`).
    pub unsandboxed: bool,
}

/// What may happen to the call, and why.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Verdict {
    /// Allow, deny or ask.
    pub decision: Decision,
    /// The rule that said so: `mode-ask`, `path-outside`, `pipe-to-shell`, …
    pub rule: String,
    /// The reason for people and for the model, lower case, no full stop.
    pub why: String,
    /// When somebody is asked: the narrowest rule that would allow such calls.
    pub proposal: Option<Proposal>,
}

/// The verdict on a call in a mode. Any tool, arguments and paths have one.
#[must_use]
pub fn decide(mode: Mode, call: &CallFacts<'_>) -> Verdict {
    let Some(tool) = tool::find(call.tool) else {
        return verdict(Decision::Deny, "unknown-tool", "there is no tool of that name");
    };
    let denied = match tool.name {
        "shell" => shell(call),
        "patch" => patch(call),
        "fetch" => return with_proposal(fetch(mode, call), call),
        // What these do touches no path.
        "job" | "todo" => None,
        _ => file(tool, call),
    };
    match denied {
        // Nothing is asked that the mode would refuse anyhow.
        Some(v) if v.decision == Decision::Ask && mode == Mode::Plan => by_mode(mode, tool, call),
        Some(v) => with_proposal(v, call),
        None => with_proposal(by_mode(mode, tool, call), call),
    }
}

fn verdict(decision: Decision, rule: &str, why: &str) -> Verdict {
    Verdict { decision, rule: rule.to_owned(), why: why.to_owned(), proposal: None }
}

fn with_proposal(mut verdict: Verdict, call: &CallFacts<'_>) -> Verdict {
    // What a built-in rule asks about is asked each time.
    if verdict.decision == Decision::Ask && verdict.rule.starts_with("mode-") {
        verdict.proposal = propose(call);
    }
    verdict
}

/// What the mode says of a call that no built-in rule refuses.
fn by_mode(mode: Mode, tool: &Tool, call: &CallFacts<'_>) -> Verdict {
    use Decision::{Allow, Ask, Deny};
    let edits = matches!(tool.name, "write" | "edit" | "patch");
    // What is typed into a command is a command.
    let types = tool.name == "job" && call.args.get("input").is_some_and(|input| !input.is_null());
    let reads = tool.reads && !types;
    let held = call.sandboxed || call.unsandboxed;
    let (decision, why) = match mode {
        Mode::Plan if reads => (Allow, "plan mode only reads"),
        Mode::Plan => (Deny, "plan mode only reads"),
        _ if reads => (Allow, "reading is free"),
        Mode::Edit | Mode::Auto if edits => (Allow, "edits in the worktree are free"),
        Mode::Auto if call.sandboxed => (Allow, "the sandbox holds it"),
        Mode::Auto if held => (Allow, "runs without a sandbox, as granted"),
        Mode::Auto => (Ask, "no sandbox would hold it"),
        Mode::Ask if edits => (Ask, "changes a file"),
        Mode::Ask | Mode::Edit => (Ask, "runs a command"),
    };
    verdict(decision, &format!("mode-{}", mode.name()), why)
}

/// Paths of file tools: outside is refused in every mode, and so is writing where git and ace believe what they find.
fn file(tool: &Tool, call: &CallFacts<'_>) -> Option<Verdict> {
    let Some(args) = call.args.as_object() else {
        return Some(verdict(Decision::Deny, "arguments", "arguments must be an object"));
    };
    let path = match args.get("path") {
        None | Some(Value::Null) if tool.reads && tool.name != "read" => "",
        Some(Value::String(path)) => path,
        _ => return Some(verdict(Decision::Deny, "arguments", "path must be a string")),
    };
    // A pattern begins at the path; what stands before its first wildcard leads somewhere too.
    let pattern = match args.get("pattern") {
        Some(Value::String(pattern)) if tool.name == "glob" => pattern.as_str(),
        _ => "",
    };
    let joined =
        if pattern.starts_with('/') || path.is_empty() { pattern.to_owned() } else { format!("{path}/{pattern}") };
    let worst = if pattern.is_empty() { reach(path, call.cwd, call.tmp) } else { worst(path, &joined, call) };
    match worst {
        Reach::Outside => Some(verdict(Decision::Deny, "path-outside", "leads out of the worktree")),
        Reach::Protected if !tool.reads => {
            Some(verdict(Decision::Deny, "path-protected", "git and ace believe what stands there"))
        }
        Reach::Inside | Reach::Protected => None,
    }
}

fn worst(path: &str, joined: &str, call: &CallFacts<'_>) -> Reach {
    // Braces and classes can spell `..` and `/`: a pattern that holds both kinds could lead anywhere.
    let spelled = joined.contains(['{', '[']) && joined.contains("..");
    match (reach(path, call.cwd, call.tmp), reach(joined, call.cwd, call.tmp)) {
        (Reach::Outside, _) | (_, Reach::Outside) => Reach::Outside,
        _ if spelled => Reach::Outside,
        (_, there) => there,
    }
}

/// A page of the web: it is outside of every sandbox, and what is asked for tells the server something.
fn fetch(mode: Mode, call: &CallFacts<'_>) -> Verdict {
    match call.args.get("url") {
        Some(Value::String(_)) => verdict(Decision::Ask, &format!("mode-{}", mode.name()), "reaches the net"),
        _ => verdict(Decision::Deny, "arguments", "url must be a string"),
    }
}

/// Every path of a patch, as of a file tool.
fn patch(call: &CallFacts<'_>) -> Option<Verdict> {
    let text = match call.args.get("patch") {
        Some(Value::String(text)) => text,
        _ => return Some(verdict(Decision::Deny, "arguments", "patch must be a string")),
    };
    let Ok(files) = ace_schema::patch::parse(text) else {
        return Some(verdict(Decision::Deny, "arguments", "no patch that could be made"));
    };
    let reaches = files.iter().flat_map(ace_schema::patch::paths).map(|path| reach(path, call.cwd, call.tmp));
    reaches.fold(None, |worst, reach| match (worst, reach) {
        (_, Reach::Outside) => Some(verdict(Decision::Deny, "path-outside", "leads out of the worktree")),
        (None, Reach::Protected) => {
            Some(verdict(Decision::Deny, "path-protected", "git and ace believe what stands there"))
        }
        (worst, _) => worst,
    })
}

/// Commands: what no mode lifts, and what has to be asked because it cannot be told from that.
fn shell(call: &CallFacts<'_>) -> Option<Verdict> {
    let command = match call.args.get("command") {
        Some(Value::String(command)) if command.contains('\0') || command.len() > COMMAND_BYTES => {
            return Some(verdict(Decision::Deny, "arguments", "no command that could run"));
        }
        Some(Value::String(command)) => command,
        _ => return Some(verdict(Decision::Deny, "arguments", "command must be a string")),
    };
    match denied::find(command, call.cwd)? {
        Finding::Denied(rule) => Some(verdict(Decision::Deny, rule.name, rule.why)),
        Finding::Doubt(rule) => {
            Some(verdict(Decision::Ask, rule.name, &format!("cannot be told from what is refused: {}", rule.why)))
        }
    }
}
