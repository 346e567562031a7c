//! A person's answer, once or as a rule from now on.

use ace_cli::permit::Answer;
use ace_cli::{CallAddress, Complaint, Exit};
use ace_front::{AnswerError, Opening, Said, Waiting, random, redaction, words};
use ace_schema::data::Proposal;
use ace_schema::limits::ASKED_ANSWER_BYTES;
use ace_schema::permission::{Decision, Scope};

use crate::PROGRAM;

/// Records a person's answer. What reaches further than the session becomes a rule in their own file, never in a repository.
pub fn say(
    opening: &Opening,
    said: &Answer,
    (decision, reply): (Decision, Option<&str>),
    scope: Scope,
) -> Result<Exit, Complaint> {
    let found = opening.find(&said.session)?;
    let log = opening.log(&found);
    let (by_id, by_line) = match &said.call {
        CallAddress::Id(id) => (Some(id.as_str()), None),
        CallAddress::Seq(line) => (None, Some(*line)),
    };
    let typed = match &said.call {
        CallAddress::Id(id) => id.clone(),
        CallAddress::Seq(line) => format!("@{line}"),
    };
    let name = said.session.to_string();
    let not_said = |e| match e {
        AnswerError::NotWaiting(lines) => {
            let complaint = Complaint::new(PROGRAM, Exit::No, format!("nothing waits under '{typed}' in '{name}'"));
            match lines.first() {
                Some(line) => complaint.hint(format!("what waits: {PROGRAM} allow {name} @{line}")),
                None => complaint,
            }
        }
        AnswerError::TooLate => Complaint::new(PROGRAM, Exit::No, format!("'{typed}' was answered before")),
        AnswerError::Append(e) => words::append(PROGRAM, &name, &e),
    };
    let waiting = ace_front::find_call(&log, by_id, by_line).map_err(not_said)?;
    let reply = match decision {
        Decision::Allow => answer_to(&waiting, reply, (&typed, &name))?,
        _ => String::new(),
    };
    let grant = if scope == Scope::Once { None } else { Some(grant(&waiting, &typed, &name)?) };
    let mut appender = log.append(ace_front::clock()).map_err(|e| words::append(PROGRAM, &name, &e))?;
    let who = opening.person();
    let why = redaction::cleaned(opening, &said.why.clone().unwrap_or_default())?;
    let reply = redaction::cleaned(opening, &reply)?;
    let answer = Said { who: &who, why: &why, scope, grant: grant.clone(), answer: &reply };
    ace_front::answer_as(&mut appender, &waiting, decision, answer, random()).map_err(not_said)?;
    // Recorded first: a rule must not come of an answer that was too late.
    if let Some(grant) = grant.filter(|_| matches!(scope, Scope::Project | Scope::Always)) {
        let project = (scope == Scope::Project).then_some(waiting.project.as_str());
        ace_host::rules::remember(&opening.settings.user, &grant, project).map_err(|e| words::rules(PROGRAM, &e))?;
    }
    Ok(Exit::Done)
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
