//! The narrowest useful rule for what was just asked. It never offers a rule that would cover what the next command could be.

use ace_schema::data::Proposal;
use serde_json::Value;

use crate::CallFacts;
use crate::shell::{Script, parse};

/// Programs whose second word says what they do, and the second words that run what others wrote.
const BY_SUBCOMMAND: &[(&str, &[&str])] = &[
    ("cargo", &["run", "install", "x", "xtask"]),
    ("npm", &["run", "run-script", "exec", "x", "start", "install", "i"]),
    ("pnpm", &["run", "exec", "dlx", "start", "install", "i"]),
    ("yarn", &["run", "exec", "dlx", "start", "node"]),
    ("go", &["run", "generate", "install", "tool"]),
    ("pip", &["install"]),
    ("uv", &["run", "tool", "pip"]),
    ("mvn", &[]),
    ("gradle", &[]),
    ("dotnet", &["run", "exec", "tool"]),
    ("swift", &["run"]),
    ("mix", &["run"]),
    ("make", &[]),
    ("just", &[]),
];

/// Programs that only look, whatever their arguments.
const LOOKS: &[&str] = &["ls", "cat", "head", "tail", "wc", "pwd", "stat", "du", "echo", "grep", "diff", "cmp"];

/// The rule to offer for a call; `None` when nothing but this very call may be allowed.
pub fn propose(call: &CallFacts<'_>) -> Option<Proposal> {
    let tool = call.tool.to_owned();
    if call.tool == "shell" {
        let command = call.args.get("command").and_then(Value::as_str)?;
        if is_bare(command) {
            return None;
        }
        return Some(Proposal { tool, command: pattern(command)?, paths: Vec::new() });
    }
    let path = call.args.get("path").and_then(Value::as_str)?;
    // What a pattern would take as a wildcard cannot be offered as a name.
    (!path.is_empty() && !path.contains(['*', '?', '[', '{', '\\'])).then(|| Proposal {
        tool,
        command: String::new(),
        paths: vec![path.to_owned()],
    })
}

/// Programs that do whatever stands behind them or on their stdin: alone they are never a rule.
const ANYTHING: &[&str] =
    &["env", "sudo", "doas", "su", "git", "rm", "xargs", "npm", "npx", "pnpm", "yarn", "ssh", "docker", "awk", "find"];

/// Whether the command is such a program, an interpreter or a shell, with nothing but options behind it; or `npm run` alone.
fn is_bare(command: &str) -> bool {
    let Some(words) = simple(command) else { return false };
    let Some((program, args)) = words.split_first() else { return false };
    let name = program.rsplit('/').next().unwrap_or_default();
    let runs = matches!(name, "npm" | "pnpm" | "yarn" | "bun")
        && args.len() == 1
        && matches!(args[0].as_str(), "run" | "exec");
    let anything = ANYTHING.contains(&name) || crate::denied::is_interpreter(name);
    runs || (anything && args.iter().all(|a| a.starts_with('-')))
}

/// `cargo add ...` where the program's own words say what it does, else the exact command.
fn pattern(command: &str) -> Option<String> {
    let exact = || (!command.trim().is_empty() && !command.trim_end().ends_with("...")).then(|| command.to_owned());
    let Some(words) = simple(command) else { return exact() };
    let plain = |word: &str| {
        !word.is_empty() && word.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'_' | b':'))
    };
    let program = words.first()?.as_str();
    if LOOKS.contains(&program) && words.len() > 1 {
        return Some(format!("{program} ..."));
    }
    let (_, banned) = BY_SUBCOMMAND.iter().find(|(name, _)| *name == program).unwrap_or(&("", &[]));
    match words.get(1) {
        Some(sub) if words.len() > 2 && plain(sub) && !sub.starts_with('-') => {
            let known = BY_SUBCOMMAND.iter().any(|(name, _)| *name == program) && !banned.contains(&sub.as_str());
            if known { Some(format!("{program} {sub} ...")) } else { exact() }
        }
        _ => exact(),
    }
}

/// The words of a command that is one program with plain arguments and nothing else.
pub(crate) fn simple(command: &str) -> Option<Vec<String>> {
    let Script { pipelines, whole } = parse(command);
    let [pipeline] = pipelines.as_slice() else { return None };
    let [one] = pipeline.commands.as_slice() else { return None };
    let plain = whole && one.group.is_none() && one.redirects.is_empty() && one.here.is_empty() && !pipeline.background;
    let still = one.words.iter().all(|w| !w.dynamic && w.inner.is_empty());
    let assigns = one.words.first().is_none_or(|w| w.text.contains('='));
    (plain && still && !assigns).then(|| one.words.iter().map(|w| w.text.clone()).collect())
}
