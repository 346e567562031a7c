//! A person's answer, once or as a rule from now on.

use ace_cli::permit::Answer;
use ace_cli::{CallAddress, Complaint, Exit};
use ace_front::{AnswerError, Opening, Said, Waiting, random, redaction, words as tell};
use ace_schema::data::Proposal;
use ace_schema::limits::ASKED_ANSWER_BYTES;
use ace_schema::permission::{Decision, Scope};
use ace_storage::Log;

use crate::PROGRAM;

/// What a person adds to a yes.
#[derive(Debug, Clone, Copy, Default)]
pub struct Words<'a> {
    /// The answer to what the model asks.
    pub reply: Option<&'a str>,
    /// The rule, in place of the one proposed.
    pub rule: Option<&'a str>,
}

/// What a person says of one call.
#[derive(Debug, Clone, Copy)]
pub struct Spoken<'a> {
    /// Yes or no.
    pub decision: Decision,
    /// Words that the model reads.
    pub why: &'a str,
    /// The answer to what the model asks.
    pub reply: Option<&'a str>,
    /// How far it reaches.
    pub scope: Scope,
    /// Another pattern for the rule that was proposed.
    pub rule: Option<&'a str>,
    /// The effect that was shown, by the id of its record; `None` for whichever was seen last.
    pub effect: Option<&'a str>,
}

/// Records the answer of a command line.
pub fn say(
    opening: &Opening,
    said: &Answer,
    (decision, words): (Decision, Words<'_>),
    scope: Scope,
) -> Result<Exit, Complaint> {
    let log = opening.log(&opening.find(&said.session)?);
    let why = said.why.as_deref().unwrap_or_default();
    let Words { reply, rule } = words;
    let spoken = Spoken { decision, why, reply, scope, rule, effect: None };
    answer(opening, (&log, &said.session.to_string()), &said.call, spoken).map(|()| Exit::Done)
}

/// Records a person's answer. What reaches further than the session becomes a rule in their own file, never in a repository.
pub fn answer(
    opening: &Opening,
    (log, name): (&Log, &str),
    call: &CallAddress,
    spoken: Spoken<'_>,
) -> Result<(), Complaint> {
    let Spoken { decision, why, reply, scope, rule, effect } = spoken;
    let (by_id, by_line, typed) = address(call);
    let not_said = |e| not_said(e, &typed, name);
    let who = opening.person();
    let waiting = ace_front::find_call(log, by_id, by_line).map_err(|e| {
        if let AnswerError::TooLate(Some(call)) = &e {
            // It is refused either way; that it was tried is worth a record, and no reason to fail otherwise.
            let _ = ace_front::note_late(log, call, decision, &who, random());
        }
        not_said(e)
    })?;
    let reply = match decision {
        Decision::Allow => answer_to(&waiting, reply, (&typed, name))?,
        _ => String::new(),
    };
    let grant = match (scope, rule) {
        (Scope::Once, None) => None,
        (Scope::Once, Some(_)) => {
            return Err(Complaint::new(PROGRAM, Exit::Usage, "--rule is for more than once")
                .hint("with --session, --project or --always"));
        }
        (_, None) => Some(grant(&waiting, &typed, name)?),
        (_, Some(rule)) => {
            // The proposal as a person words it. What would not allow this very call is a slip of the pen, and no rule.
            let worded = grant(&waiting, &typed, name).map(|_| waiting.ruled(rule, log.blobs()))?;
            Some(worded.ok_or_else(|| {
                Complaint::new(PROGRAM, Exit::Usage, format!("'{rule}' would not allow this call"))
                    .hint("a rule is worded like 'cargo test ...'")
            })?)
        }
    };
    let mut appender = log.append(ace_front::clock()).map_err(|e| tell::append(PROGRAM, name, &e))?;
    let why = redaction::cleaned(opening, why)?;
    let reply = redaction::cleaned(opening, &reply)?;
    let effect = effect.unwrap_or(waiting.seen());
    let said = Said { who: &who, why: &why, scope, grant: grant.clone(), answer: &reply, effect };
    ace_front::answer_as(&mut appender, &waiting, decision, said, random()).map_err(not_said)?;
    // Recorded first: a rule must not come of an answer that was too late.
    if let Some(grant) = grant.filter(|_| matches!(scope, Scope::Project | Scope::Always)) {
        let project = (scope == Scope::Project).then_some(waiting.project.as_str());
        ace_host::rules::remember(&opening.settings.user, &grant, project).map_err(|e| tell::rules(PROGRAM, &e))?;
    }
    Ok(())
}

/// Has a waiting call run in a copy; whoever runs the session does it.
pub fn try_call(opening: &Opening, wanted: &ace_cli::permit::Waiting) -> Result<Exit, Complaint> {
    let log = opening.log(&opening.find(&wanted.session)?);
    wants_effect(opening, (&log, &wanted.session.to_string()), &wanted.call).map(|()| Exit::Done)
}

/// The same for a session at hand.
pub fn wants_effect(opening: &Opening, (log, name): (&Log, &str), call: &CallAddress) -> Result<(), Complaint> {
    let (by_id, by_line, typed) = address(call);
    let waiting = ace_front::find_call(log, by_id, by_line).map_err(|e| not_said(e, &typed, name))?;
    if !waiting.call.can_be_tried() {
        let what = format!("'{typed}' cannot be tried: only commands and edits can");
        return Err(Complaint::new(PROGRAM, Exit::Usage, what));
    }
    let mut appender = log.append(ace_front::clock()).map_err(|e| tell::append(PROGRAM, name, &e))?;
    let tried = ace_front::try_call(&mut appender, &waiting, &opening.person(), random());
    tried.map(drop).map_err(|e| tell::append(PROGRAM, name, &e))
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
        AnswerError::TooLate(_) => Complaint::new(PROGRAM, Exit::No, format!("'{typed}' was answered before")),
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
