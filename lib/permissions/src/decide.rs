//! The verdict on one call: first what no mode lifts, then what people's rules say, then the mode.

use ace_schema::data::{Proposal, Source};
use ace_schema::limits::COMMAND_BYTES;
use ace_schema::permission::{Decision, Mode, Risk};
use ace_schema::question::{self, Question};
use ace_schema::tool::{self, Tool};
use serde_json::Value;

use crate::denied::{self, Finding};
use crate::effect::Effect;
use crate::judge::{Context, Judgement, judge};
use crate::path::{Reach, reach};
use crate::propose::propose;
use crate::rules::{Layer, Rulebook};

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

/// What else rules may ask about: where a call comes from and where it goes.
#[derive(Debug, Clone, Copy, Default)]
pub struct About<'a> {
    /// Who asked for it.
    pub source: Source,
    /// Root of the user's own work tree; empty outside a repository.
    pub project: &'a str,
    /// The MCP server whose tool it is; empty for a local tool.
    pub server: &'a str,
    /// The server says of its tool that it destroys. That it only reads is not believed.
    pub destructive: bool,
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
    /// Who stands behind the rule.
    pub layer: Layer,
    /// What the call could do at worst.
    pub risk: Risk,
    /// Why it is of that class, lower case, no full stop.
    pub risk_why: String,
    /// It is run in a copy before somebody is asked.
    pub effect: bool,
}

/// The verdict on a call in a mode, without rules of people. Any tool, arguments and paths have one.
#[must_use]
pub fn decide(mode: Mode, call: &CallFacts<'_>) -> Verdict {
    decide_by(&Rulebook::default(), mode, call, &About::default())
}

/// The verdict on a call under rules. What is built in stands above all of them; where they say nothing the mode does.
#[must_use]
pub fn decide_by(book: &Rulebook, mode: Mode, call: &CallFacts<'_>, about: &About<'_>) -> Verdict {
    let tool = tool::find(call.tool).filter(|_| about.server.is_empty());
    let denied = match tool {
        None if about.server.is_empty() => {
            return verdict(Decision::Deny, "unknown-tool", "there is no tool of that name");
        }
        None => None,
        Some(tool) => match tool.name {
            "shell" => shell(call),
            "patch" => patch(call),
            "fetch" => Some(fetch(mode, call)).filter(|v| v.decision == Decision::Deny),
            "job" => typed(call).and_then(|text| built_in(text, call.cwd)),
            // What it does touches no path.
            "todo" => None,
            question::TOOL => Some(to_user(call)),
            _ => file(tool, call),
        },
    };
    if let Some(v) = denied.as_ref().filter(|v| v.decision == Decision::Deny) {
        return v.clone();
    }
    let context = Context { book, mode, call, about, tool };
    let Judgement { said, effect } = judge(&context);
    let by_mode = || match tool {
        Some(tool) if tool.name == "fetch" => fetch(mode, call),
        Some(tool) => by_mode(mode, tool, call),
        None => by_mode_elsewhere(mode, about),
    };
    let from_mode = by_mode();
    let verdict = match (denied, said) {
        // What rules deny stays denied, and nothing is asked that would be refused anyhow.
        (_, Some(said)) if said.decision == Decision::Deny => said,
        (Some(_), _) if from_mode.decision == Decision::Deny => from_mode,
        (Some(doubt), _) => doubt,
        (None, Some(said)) if said.decision == Decision::Ask && from_mode.decision == Decision::Deny => from_mode,
        (None, Some(said)) => said,
        (None, None) => from_mode,
    };
    with_proposal(with_effect(verdict, effect), call)
}

fn with_effect(mut verdict: Verdict, effect: Effect) -> Verdict {
    // The mode asks because of what the command could do.
    if verdict.decision == Decision::Ask && verdict.rule.starts_with("mode-") && verdict.why == RUNS {
        verdict.why.clone_from(&effect.why);
    }
    (verdict.risk, verdict.risk_why) = (effect.risk, effect.why);
    verdict
}

/// Why a mode asks about a command that is not looked at more closely.
const RUNS: &str = "runs a command";

impl Verdict {
    /// A verdict that no rule of anybody can change.
    #[must_use]
    pub fn built_in(decision: Decision, rule: &str, why: &str) -> Self {
        verdict(decision, rule, why)
    }
}

/// A verdict of what is built in.
pub(crate) fn verdict(decision: Decision, rule: &str, why: &str) -> Verdict {
    Verdict {
        decision,
        rule: rule.to_owned(),
        why: why.to_owned(),
        proposal: None,
        layer: Layer::BuiltIn,
        risk: Risk::default(),
        risk_why: String::new(),
        effect: false,
    }
}

/// What the mode says of a tool of an MCP server: it leaves the sandbox, so it is asked wherever it is not refused.
fn by_mode_elsewhere(mode: Mode, about: &About<'_>) -> Verdict {
    let rule = format!("mode-{}", mode.name());
    match mode {
        Mode::Plan => verdict(Decision::Deny, &rule, "plan mode only reads"),
        _ if about.destructive => verdict(Decision::Ask, &rule, "its server says that it destroys"),
        _ => verdict(Decision::Ask, &rule, "runs outside of the sandbox"),
    }
}

fn with_proposal(mut verdict: Verdict, call: &CallFacts<'_>) -> Verdict {
    // What a built-in rule asks about is asked each time.
    if verdict.decision == Decision::Ask && verdict.rule.starts_with("mode-") {
        verdict.proposal = propose(call);
    }
    verdict
}

/// What the mode says of a call that no built-in rule refuses.
pub(crate) fn by_mode(mode: Mode, tool: &Tool, call: &CallFacts<'_>) -> Verdict {
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
        Mode::Ask | Mode::Edit => (Ask, RUNS),
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

/// A question to the user: only they can answer it, in every mode.
fn to_user(call: &CallFacts<'_>) -> Verdict {
    match Question::parse(&call.args.to_string()) {
        Some(_) => verdict(Decision::Ask, "ask-user", "asks you"),
        None => verdict(Decision::Deny, "arguments", "no question that could be shown whole"),
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
    built_in(command, call.cwd)
}

/// What is typed into a running command: for all that is known it is a command itself.
pub(crate) fn typed<'a>(call: &CallFacts<'a>) -> Option<&'a str> {
    call.args.get("input").and_then(Value::as_str)
}

/// What is built in over the text of a command.
fn built_in(command: &str, cwd: &str) -> Option<Verdict> {
    match denied::find(command, cwd)? {
        Finding::Denied(rule) => Some(verdict(Decision::Deny, rule.name, rule.why)),
        Finding::Doubt(rule) => {
            Some(verdict(Decision::Ask, rule.name, &format!("cannot be told from what is refused: {}", rule.why)))
        }
    }
}
