//! A person's answer to a question that waits: found by the call's id or line, recorded once; the first answer wins.

use ace_core::{Call, CallState, Effect, State, Until};
use ace_schema::data::{EffectCompleted, EffectRequested, PermissionRequested, PermissionResolved, Proposal, ToolCall};
use ace_schema::permission::{Decision, Scope};
use ace_schema::question::{self, Question};
use ace_schema::{Drafter, Kind, Line, id, ty};
use ace_storage::{AppendError, Appender, Blobs, Follower, Log};

/// A call that waits for a person.
#[derive(Debug, Clone)]
pub struct Waiting {
    /// The call.
    pub call: Call,
    /// Its turn.
    pub turn: u32,
    /// Session id.
    pub session: String,
    /// The rule that the question proposed; none before it was asked, or where none may be offered.
    pub proposal: Option<Proposal>,
    /// Root of the person's own work tree; empty outside a repository.
    pub project: String,
    /// Where the session works.
    pub place: String,
}

/// What a person says.
#[derive(Debug, Clone, Default)]
pub struct Said<'a> {
    /// The person.
    pub who: &'a str,
    /// Words that the model reads.
    pub why: &'a str,
    /// How far it reaches. Beyond this call only where `grant` says what for.
    pub scope: Scope,
    /// What is allowed beyond this call.
    pub grant: Option<Proposal>,
    /// What is answered to a question of the model's.
    pub answer: &'a str,
    /// The effect that was seen and is adopted; empty to run the call.
    pub effect: &'a str,
}

impl Waiting {
    /// The effect of the call that was seen last; empty if it was not tried.
    #[must_use]
    pub fn seen(&self) -> &str {
        match &self.call.effect {
            Effect::Seen(id) => id,
            _ => "",
        }
    }

    /// The rule that was proposed with another pattern; `None` where none was, or where it would not cover the call: that is as it
    /// was recorded.
    #[must_use]
    pub fn ruled(&self, pattern: &str, blobs: &Blobs) -> Option<Proposal> {
        let proposed = self.proposal.as_ref()?;
        let rule = match proposed.command.is_empty() {
            true => Proposal { paths: pattern.split_whitespace().map(str::to_owned).collect(), ..proposed.clone() },
            false => Proposal { command: pattern.to_owned(), ..proposed.clone() },
        };
        ace_host::rules::covers(&rule, &self.call.data, blobs, &self.place).then_some(rule)
    }

    /// What the model asks, if it is a question to the user and no permission.
    #[must_use]
    pub fn question(&self) -> Option<Question> {
        question_of(&self.call)
    }
}

/// What the model asks by this call, if it is a question to the user.
#[must_use]
pub fn question_of(call: &Call) -> Option<Question> {
    let data: ToolCall = serde_json::from_str(&call.data).ok().filter(|_| call.tool == question::TOOL)?;
    Question::parse(data.args?.get())
}

/// Why an answer was not recorded.
#[derive(Debug)]
pub enum AnswerError {
    /// No such call waits; those that do, by the line of their request.
    NotWaiting(Vec<u64>),
    /// Somebody answered before; the id of the call if nothing was tried to be recorded.
    TooLate(Option<String>),
    /// The log does not take it.
    Append(AppendError),
}

impl From<AppendError> for AnswerError {
    fn from(e: AppendError) -> Self {
        Self::Append(e)
    }
}

impl From<std::io::Error> for AnswerError {
    fn from(e: std::io::Error) -> Self {
        Self::Append(e.into())
    }
}

/// The state of a session as recorded now, and the lines at which questions were asked, by the call's id.
///
/// # Errors
/// Reading failed.
pub fn state_of(log: &Log) -> std::io::Result<(State, Vec<(u64, String)>)> {
    let (state, asked) = questions(log)?;
    Ok((state, asked.into_iter().map(|(seq, call, _)| (seq, call)).collect()))
}

/// A question: its line, the call's id, and the rule it proposed.
type Asked = (u64, String, Option<Proposal>);

fn questions(log: &Log) -> std::io::Result<(State, Vec<Asked>)> {
    let mut state = State::new();
    let mut asked = Vec::new();
    let mut follow: Follower = log.follow(0)?;
    loop {
        let lines = follow.read()?;
        if lines.is_empty() {
            return Ok((state, asked));
        }
        for line in ace_storage::split(lines) {
            let Ok(line) = Line::parse(line) else { continue };
            if line.ty == ty::EFFECT_COMPLETED
                && let Ok(seen) = line.data::<EffectCompleted>()
            {
                let proposal = asked.iter().rev().find(|(_, id, _)| *id == seen.call).and_then(|(.., p)| p.clone());
                asked.push((line.seq.unwrap_or_default(), seen.call, proposal));
            }
            if line.ty == ty::PERMISSION_REQUESTED {
                let proposal = line.data::<PermissionRequested>().ok().and_then(|d| d.proposal);
                asked.push((line.seq.unwrap_or_default(), line.cause.to_string(), proposal));
            }
            state.fold(&line);
        }
    }
}

/// The waiting call of that id, or of that line (of the call or of the question). With neither, the only one that waits.
///
/// # Errors
/// No such call waits.
pub fn find_call(log: &Log, by_id: Option<&str>, by_line: Option<u64>) -> Result<Waiting, AnswerError> {
    let (state, asked) = questions(log)?;
    let line_of = |call: &Call| asked.iter().rev().find(|(_, id, _)| *id == call.id).map(|(seq, ..)| *seq);
    let open: Vec<&Call> =
        state.calls().filter(|c| matches!(c.state, CallState::Asked | CallState::Requested)).collect();
    let fits = |c: &&&Call| match (by_id, by_line) {
        (Some(id), _) => c.id == id,
        // Where it was asked first counts too, once it was tried.
        (None, Some(line)) => c.seq == line || asked.iter().any(|(seq, id, _)| *seq == line && *id == c.id),
        (None, None) => open.len() == 1,
    };
    // A line that asked, or a call whose answer is recorded: somebody was there before.
    let was_asked = |seq: &u64, id: &str| by_line == Some(*seq) || by_id == Some(id);
    match open.iter().find(fits) {
        None if asked.iter().any(|(seq, id, _)| was_asked(seq, id)) => {
            let asked = asked.into_iter().rev().find(|(seq, id, _)| was_asked(seq, id));
            Err(AnswerError::TooLate(asked.map(|(_, id, _)| id)))
        }
        Some(call) => Ok(Waiting {
            call: (**call).clone(),
            turn: state.turn.as_ref().map_or(0, |t| t.n),
            session: state.session.clone(),
            proposal: asked.iter().rev().find(|(_, id, _)| *id == call.id).and_then(|(.., p)| p.clone()),
            place: state.created.worktree.as_ref().map_or(&state.created.cwd, |w| &w.path).clone(),
            project: state.created.repository.as_ref().map_or_else(String::new, |r| r.root.clone()),
        }),
        None => Err(AnswerError::NotWaiting(open.iter().map(|c| line_of(c).unwrap_or(c.seq)).collect())),
    }
}

/// Records a person's answer, however far it reaches.
///
/// # Errors
/// Somebody was faster, or the log does not take it.
pub fn answer_as(
    log: &mut Appender,
    waiting: &Waiting,
    decision: Decision,
    said: Said<'_>,
    random: u64,
) -> Result<u64, AnswerError> {
    let mut drafter = Drafter::new("ace-permit", random);
    drafter.set_session(&waiting.session);
    let data = PermissionResolved {
        who: said.who.to_owned(),
        scope: if said.grant.is_some() { said.scope } else { Scope::Once },
        digest: waiting.call.digest.clone(),
        why: said.why.to_owned(),
        grant: said.grant,
        answer: said.answer.to_owned(),
        effect: if decision == Decision::Allow { said.effect.to_owned() } else { String::new() },
        ..PermissionResolved::by_person(decision)
    };
    let call = &waiting.call.id;
    let draft = drafter.line(&id::answer(call), waiting.turn, call, ty::PERMISSION_RESOLVED, &data);
    let pen = log.open_pen(Kind::Person)?;
    let appended = log.append(pen.nib(), &draft)?;
    if appended.dropped.is_empty() { Ok(appended.last_seq) } else { Err(AnswerError::TooLate(None)) }
}

/// Has it recorded that somebody answered a call that was answered before: the log refuses the answer, and says so.
///
/// # Errors
/// The log does not take it.
pub fn note_late(log: &Log, call: &str, decision: Decision, who: &str, random: u64) -> Result<(), AppendError> {
    let mut drafter = Drafter::new("ace-permit", random);
    drafter.set_session(&state_of(log)?.0.session);
    let data = PermissionResolved { who: who.to_owned(), ..PermissionResolved::by_person(decision) };
    let draft = drafter.line(&id::answer(call), 0, call, ty::PERMISSION_RESOLVED, &data);
    let mut log = log.append(crate::opening::clock())?;
    let pen = log.open_pen(Kind::Person)?;
    log.append(pen.nib(), &draft).map(drop)
}

/// Has a waiting call run in a copy, so that its effect can be approved.
///
/// # Errors
/// The log does not take it.
pub fn try_call(log: &mut Appender, waiting: &Waiting, who: &str, random: u64) -> Result<u64, AppendError> {
    let mut drafter = Drafter::new("ace-permit", random);
    drafter.set_session(&waiting.session);
    let data = EffectRequested { who: who.to_owned(), digest: waiting.call.digest.clone() };
    let (_, draft) = drafter.draft(waiting.turn, &waiting.call.id, ty::EFFECT_REQUESTED, &data);
    let pen = log.open_pen(Kind::Person)?;
    Ok(log.append(pen.nib(), &draft)?.last_seq)
}

/// What a call did in a copy, by the id of the record.
///
/// # Errors
/// Reading failed.
pub fn effect_of(log: &Log, id: &str) -> std::io::Result<Option<EffectCompleted>> {
    let mut follow: Follower = log.follow(0)?;
    let mut found = None;
    loop {
        let lines = follow.read()?;
        if lines.is_empty() {
            return Ok(found);
        }
        let wanted = ace_storage::split(lines).filter_map(|l| Line::parse(l).ok()).find(|l| l.id == id);
        found = wanted.and_then(|line| line.data().ok()).or(found);
    }
}

/// Whether a session can go on without a person.
#[must_use]
pub fn waits(state: &State) -> bool {
    !state.is_settled() && Until::Idle.is_reached(state)
}
