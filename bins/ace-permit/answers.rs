//! A person's answer, once or as a rule from now on.

use ace_cli::permit::Answer;
use ace_cli::{CallAddress, Complaint, Exit};
use ace_front::{AnswerError, Opening, Said, Waiting, random, redaction, words as tell};
use ace_permissions::{About, CallFacts, Rulebook, decide_by};
use ace_schema::data::{Proposal, ToolCall};
use ace_schema::limits::ASKED_ANSWER_BYTES;
use ace_schema::permission::{Decision, Mode, Scope};
use serde_json::Value;

use crate::PROGRAM;

/// What a person adds to a yes.
#[derive(Debug, Clone, Copy, Default)]
pub struct Words<'a> {
    /// The answer to what the model asks.
    pub reply: Option<&'a str>,
    /// The rule, in place of the one proposed.
    pub rule: Option<&'a str>,
}

/// Records a person's answer. What reaches further than the session becomes a rule in their own file, never in a repository.
pub fn say(
    opening: &Opening,
    said: &Answer,
    (decision, words): (Decision, Words<'_>),
    scope: Scope,
) -> Result<Exit, Complaint> {
    let found = opening.find(&said.session)?;
    let log = opening.log(&found);
    let (by_id, by_line, typed) = address(&said.call);
    let name = said.session.to_string();
    let not_said = |e| not_said(e, &typed, &name);
    let waiting = ace_front::find_call(&log, by_id, by_line).map_err(not_said)?;
    let reply = match decision {
        Decision::Allow => answer_to(&waiting, words.reply, (&typed, &name))?,
        _ => String::new(),
    };
    let grant = match (scope, words.rule) {
        (Scope::Once, None) => None,
        (Scope::Once, Some(_)) => {
            return Err(Complaint::new(PROGRAM, Exit::Usage, "--rule is for more than once")
                .hint("with --session, --project or --always"));
        }
        (_, None) => Some(grant(&waiting, &typed, &name)?),
        (_, Some(rule)) => Some(worded(opening, &waiting, grant(&waiting, &typed, &name)?, rule)?),
    };
    let mut appender = log.append(ace_front::clock()).map_err(|e| tell::append(PROGRAM, &name, &e))?;
    let who = opening.person();
    let why = redaction::cleaned(opening, &said.why.clone().unwrap_or_default())?;
    let reply = redaction::cleaned(opening, &reply)?;
    let effect = waiting.seen().to_owned();
    let answer = Said { who: &who, why: &why, scope, grant: grant.clone(), answer: &reply, effect: &effect };
    ace_front::answer_as(&mut appender, &waiting, decision, answer, random()).map_err(not_said)?;
    // Recorded first: a rule must not come of an answer that was too late.
    if let Some(grant) = grant.filter(|_| matches!(scope, Scope::Project | Scope::Always)) {
        let project = (scope == Scope::Project).then_some(waiting.project.as_str());
        ace_host::rules::remember(&opening.settings.user, &grant, project).map_err(|e| tell::rules(PROGRAM, &e))?;
    }
    Ok(Exit::Done)
}

/// Has a waiting call run in a copy; whoever runs the session does it.
pub fn try_call(opening: &Opening, wanted: &ace_cli::permit::Waiting) -> Result<Exit, Complaint> {
    let log = opening.log(&opening.find(&wanted.session)?);
    let name = wanted.session.to_string();
    let (by_id, by_line, typed) = address(&wanted.call);
    let not_said = |e| not_said(e, &typed, &name);
    let waiting = ace_front::find_call(&log, by_id, by_line).map_err(not_said)?;
    if !waiting.call.can_be_tried() {
        let what = format!("'{typed}' cannot be tried: only commands and edits can");
        return Err(Complaint::new(PROGRAM, Exit::Usage, what));
    }
    let mut appender = log.append(ace_front::clock()).map_err(|e| tell::append(PROGRAM, &name, &e))?;
    let tried = ace_front::try_call(&mut appender, &waiting, &opening.person(), random());
    tried.map(|_| Exit::Done).map_err(|e| tell::append(PROGRAM, &name, &e))
}

/// A call by its id or its line, and as it was typed.
fn address(call: &CallAddress) -> (Option<&str>, Option<u64>, String) {
    match call {
        CallAddress::Id(id) => (Some(id.as_str()), None, id.clone()),
        CallAddress::Seq(line) => (None, Some(*line), format!("@{line}")),
    }
}

fn not_said(e: AnswerError, typed: &str, name: &str) -> Complaint {
    match e {
        AnswerError::NotWaiting(lines) => {
            let complaint = Complaint::new(PROGRAM, Exit::No, format!("nothing waits under '{typed}' in '{name}'"));
            match lines.first() {
                Some(line) => complaint.hint(format!("what waits: {PROGRAM} allow {name} @{line}")),
                None => complaint,
            }
        }
        AnswerError::TooLate => Complaint::new(PROGRAM, Exit::No, format!("'{typed}' was answered before")),
        AnswerError::Append(e) => tell::append(PROGRAM, name, &e),
    }
}

/// What is answered: a question wants an answer, and nothing else takes one.
fn answer_to(waiting: &Waiting, reply: Option<&str>, (typed, name): (&str, &str)) -> Result<String, Complaint> {
    let usage = |what: String| Complaint::new(PROGRAM, Exit::Usage, what);
    match (waiting.question(), reply) {
        (Some(question), Some(reply)) if !reply.trim().is_empty() && reply.len() <= ASKED_ANSWER_BYTES => {
            Ok(question.answer(reply))
        }
        (Some(_), Some(reply)) if reply.len() > ASKED_ANSWER_BYTES => {
            Err(usage(format!("the answer is longer than {ASKED_ANSWER_BYTES} bytes")))
        }
        (Some(_), _) => Err(usage(format!("'{typed}' is a question and wants an answer"))
            .hint(format!("{PROGRAM} allow {name} {typed} --answer TEXT"))),
        (None, Some(_)) => Err(usage(format!("'{typed}' asks for permission, not for an answer"))
            .hint(format!("{PROGRAM} allow {name} {typed}"))),
        (None, None) => Ok(String::new()),
    }
}

/// What the question proposed: nobody grants more than was shown.
fn grant(waiting: &Waiting, typed: &str, name: &str) -> Result<Proposal, Complaint> {
    waiting.proposal.clone().ok_or_else(|| {
        Complaint::new(PROGRAM, Exit::Usage, format!("'{typed}' can only be allowed once: no rule may cover it"))
            .hint(format!("{PROGRAM} allow {name} {typed}"))
    })
}

/// The proposal as a person words it. What would not allow this very call is a slip of the pen, and no rule.
fn worded(opening: &Opening, waiting: &Waiting, proposed: Proposal, rule: &str) -> Result<Proposal, Complaint> {
    let own = match proposed.command.is_empty() {
        true => Proposal { paths: vec![rule.to_owned()], ..proposed },
        false => Proposal { command: rule.to_owned(), ..proposed },
    };
    let mut book = Rulebook::default();
    let is_rule = book.grant(&own, "own");
    let data = serde_json::from_str::<ToolCall>(&waiting.call.data).ok();
    let args: Option<Value> = data.and_then(|data| match data.blob {
        Some(blob) => serde_json::from_slice(&opening.home().blobs().get(&blob.sha).ok()?).ok(),
        None => serde_json::from_str(data.args?.get()).ok(),
    });
    let args = args.unwrap_or_default();
    let (tool, cwd) = (waiting.call.tool.as_str(), waiting.place.as_str());
    let facts = CallFacts { tool, args: &args, cwd, tmp: "", sandboxed: true, unsandboxed: false };
    let about = About { project: &waiting.project, ..About::default() };
    let verdict = decide_by(&book, Mode::Ask, &facts, &about);
    match is_rule && verdict.decision == Decision::Allow {
        true => Ok(own),
        false => Err(Complaint::new(PROGRAM, Exit::Usage, format!("'{rule}' would not allow this call"))
            .hint("a rule is worded like 'cargo test ...'")),
    }
}
