//! How a call would be decided, and whether the examples in rules hold: without a session, and nothing is run.

use ace_cli::permit::Explain;
use ace_cli::{Complaint, Exit};
use ace_front::{Opening, words};
use ace_host::rules::{self, RulesError};
use ace_permissions::{About, CallFacts, Layer, Rulebook, Verdict, decide_by};
use ace_schema::data::Source;
use ace_schema::permission::{Decision, Mode};
use serde::Deserialize;
use serde_json::{Value, json};
use std::io::Write;
use std::path::Path;

use crate::PROGRAM;

/// A call as `--call` takes it.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Typed {
    tool: String,
    #[serde(default)]
    args: Value,
    #[serde(default)]
    source: Source,
    #[serde(default)]
    server: String,
}

/// Says how one call would be decided.
pub fn explain(opening: &Opening, asked: &Explain) -> Result<Exit, Complaint> {
    let book = match &asked.rules {
        Some(file) => of_file(file)?,
        None => in_force(opening)?,
    };
    let call = match (asked.command.as_ref().or(asked.shell.as_ref()), &asked.call) {
        (Some(command), _) => Typed {
            tool: "shell".into(),
            args: json!({ "command": command }),
            source: Source::Model,
            server: String::new(),
        },
        (None, call) => serde_json::from_str(call.as_deref().unwrap_or_default()).map_err(|e| {
            Complaint::new(PROGRAM, Exit::Usage, format!("--call takes a JSON object: {e}"))
                .hint("{\"tool\":\"read\",\"args\":{\"path\":\".env\"}}")
        })?,
    };
    let mode = match &asked.mode {
        Some(name) => Mode::parse(name).ok_or_else(|| {
            let all = Mode::ALL.map(Mode::name).join(", ");
            Complaint::new(PROGRAM, Exit::Usage, format!("there is no mode '{name}'")).hint(format!("one of {all}"))
        })?,
        None => opening.settings.config.mode,
    };
    let verdict = decide_here(opening, &book, mode, &call);
    print(&if asked.json { as_json(&verdict) } else { as_text(&verdict) })?;
    Ok(match verdict.decision {
        Decision::Allow => Exit::Done,
        Decision::Deny => Exit::No,
        Decision::Ask => Exit::Undecided,
    })
}

fn decide_here(opening: &Opening, book: &Rulebook, mode: Mode, call: &Typed) -> Verdict {
    let cwd = root(opening).display().to_string();
    let facts =
        CallFacts { tool: &call.tool, args: &call.args, cwd: &cwd, tmp: "", sandboxed: true, unsandboxed: false };
    decide_by(
        book,
        mode,
        &facts,
        &About { source: call.source, project: &cwd, server: &call.server, destructive: false },
    )
}

fn as_json(verdict: &Verdict) -> String {
    let mut out = json!({
        "decision": verdict.decision, "rule": verdict.rule, "why": verdict.why,
        "layer": verdict.layer.name(), "risk": verdict.risk, "risk_why": verdict.risk_why,
    });
    if let Some(proposal) = &verdict.proposal {
        out["proposal"] = json!(proposal);
    }
    format!("{out}\n")
}

fn as_text(verdict: &Verdict) -> String {
    let decision = match verdict.decision {
        Decision::Allow => "allow",
        Decision::Deny => "deny",
        Decision::Ask => "ask",
    };
    let mut out = format!("{decision}  {}\n  rule  {}, {}\n", verdict.why, verdict.rule, verdict.layer.name());
    if !verdict.risk_why.is_empty() {
        out += &format!("  risk  {}: {}\n", verdict.risk.name(), verdict.risk_why);
    }
    if let Some(proposal) = &verdict.proposal {
        out += "  this rule would allow it:\n";
        rules::toml(proposal, "mine", None).lines().for_each(|line| out += &format!("    {line}\n"));
    }
    out
}

/// Runs the examples that stand in the rules.
pub fn test(opening: &Opening, file: Option<&Path>) -> Result<Exit, Complaint> {
    let book = match file {
        Some(file) => of_file(file)?,
        None => in_force(opening)?,
    };
    let (mut count, mut wrong, mut out) = (0, 0, String::new());
    for rule in book.rules() {
        for example in &rule.examples {
            count += 1;
            let mode = rule.modes().first().copied().unwrap_or_default();
            let call = Typed {
                tool: example.tool.clone(),
                args: example.args.clone(),
                source: Source::Model,
                server: String::new(),
            };
            let verdict = decide_here(opening, &book, mode, &call);
            if verdict.decision != example.expect {
                wrong += 1;
                let name = |d| json!(d).as_str().unwrap_or_default().to_owned();
                let (is, not) = (name(verdict.decision), name(example.expect));
                out += &format!("rule '{}': '{}' is {is} by '{}', not {not}\n", rule.id, example.shown, verdict.rule);
            }
        }
    }
    let examples = if count == 1 { "example" } else { "examples" };
    out += &match wrong {
        0 => format!("{count} {examples}, all as written\n"),
        wrong => format!("{count} {examples}, {wrong} not as written\n"),
    };
    print(&out)?;
    Ok(if wrong == 0 { Exit::Done } else { Exit::No })
}

/// The root of the work tree around here, or the folder itself.
fn root(opening: &Opening) -> &Path {
    opening.cwd.ancestors().find(|f| f.join(".git").exists()).unwrap_or(&opening.cwd)
}

fn in_force(opening: &Opening) -> Result<Rulebook, Complaint> {
    rules::rulebook(&opening.settings.user, Some(root(opening))).map_err(|e| words::rules(PROGRAM, &e))
}

/// The rules of one file, as if they were the person's own.
pub fn of_file(file: &Path) -> Result<Rulebook, Complaint> {
    let text = rules::read(Layer::User, file).map_err(|e| words::rules(PROGRAM, &e))?;
    let text =
        text.ok_or_else(|| Complaint::new(PROGRAM, Exit::Config, format!("there is no '{}'", file.display())))?;
    Rulebook::read(&[text]).map_err(|e| words::rules(PROGRAM, &RulesError::Problems(e)))
}

/// The one thing asked for.
pub fn print(text: &str) -> Result<(), Complaint> {
    std::io::stdout().write_all(text.as_bytes()).map_err(|e| Complaint::io(PROGRAM, "cannot write", &e))
}
