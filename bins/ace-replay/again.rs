//! The calls of a session again: one after the other in a session of their own, decided by today's rules, run by the executor in
//! its sandbox as ever. Here is who says what the model and the persons said then.

use ace_core::digest;
use ace_core::{CallState, State};
use ace_replay::drift::undecided;
use ace_replay::{Call, Difference, Outcome};
use ace_schema::data::{
    BlobRef, ContextBuilt, ModelCompleted, ModelRequested, PermissionResolved, SessionConfigured, ToolCall,
    TurnCompleted, TurnStarted, UserMessage,
};
use ace_schema::message::Stop;
use ace_schema::permission::{Decision, Mode};
use ace_schema::{Drafter, Line, draft, id, limits, ty};
use ace_storage::{AppendError, Appender, Blobs, Pen};
use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use serde_json::value::RawValue;

/// What became of a call.
#[derive(Debug, Clone)]
pub struct Ran {
    /// The decision of today; `None` if somebody would have to be asked.
    pub decision: Option<PermissionResolved>,
    /// What came of it.
    pub outcome: Option<Outcome>,
}

/// The call that is under way.
struct Current {
    call: String,
    decision: String,
    claim: String,
    answered: bool,
    ran: Ran,
}

/// Says what was said then.
pub struct Prompter {
    calls: Vec<Call>,
    next: usize,
    drafter: Drafter,
    log: Appender,
    pen: Pen,
    blobs: Blobs,
    /// Paths of then and what stands for them now.
    paths: Vec<(String, String)>,
    model: String,
    mode: Mode,
    turn: u32,
    /// The turn of then that runs again.
    then: u32,
    /// The record that the next context follows.
    cause: String,
    current: Option<Current>,
}

/// What the prompter wants before it goes on.
pub enum Wants {
    /// Nothing: something is under way.
    Patience,
    /// The files as they were before this call.
    Files(usize),
    /// This one has ended.
    Told(usize, Box<Ran>),
    /// All have.
    End,
}

impl Prompter {
    pub fn new(
        calls: Vec<Call>,
        (drafter, log, pen): (Drafter, Appender, Pen),
        blobs: Blobs,
        paths: Vec<(String, String)>,
        (model, mode): (String, Mode),
    ) -> Self {
        let (turn, then) = (0, 0);
        Self {
            calls,
            next: 0,
            drafter,
            log,
            pen,
            blobs,
            paths,
            model,
            mode,
            turn,
            then,
            cause: String::new(),
            current: None,
        }
    }

    pub fn call(&self, at: usize) -> &Call {
        &self.calls[at]
    }

    /// Takes in a recorded line of the session in which they run.
    pub fn fold(&mut self, line: &Line) {
        let Some(current) = &mut self.current else { return };
        let cause = line.cause.as_ref();
        match &*line.ty {
            ty::PERMISSION_RESOLVED if cause == current.call && current.ran.decision.is_none() => {
                current.decision = line.id.to_string();
                current.ran.decision = line.data().ok().filter(|d: &PermissionResolved| d.rule != NOT_ASKED);
            }
            ty::TOOL_STARTED if cause == current.decision && current.claim.is_empty() => {
                current.claim = line.id.to_string();
            }
            ty::TOOL_COMPLETED if cause == current.claim => {
                current.ran.outcome = line.data().ok().map(|d| Outcome::Completed(Box::new(d)));
            }
            ty::TOOL_FAILED if cause == current.claim => {
                current.ran.outcome = line.data().ok().map(|d| Outcome::Failed(Box::new(d)));
            }
            _ => {}
        }
    }

    /// What has to happen now, in this state.
    pub fn wants(&mut self, state: &State) -> Result<Wants, AppendError> {
        if let Some(current) = &mut self.current {
            let Some(call) = state.call(&current.call) else { return Ok(Wants::Patience) };
            return match &call.state {
                CallState::Asked if !current.answered => {
                    current.answered = true;
                    let (id, digest) = (call.id.clone(), call.digest.clone());
                    self.answer(&id, digest).map(|()| Wants::Patience)
                }
                CallState::Closed => {
                    let ran = self.current.take().map(|current| current.ran);
                    Ok(ran.map_or(Wants::Patience, |ran| Wants::Told(self.next - 1, Box::new(ran))))
                }
                _ => Ok(Wants::Patience),
            };
        }
        Ok(if self.next < self.calls.len() { Wants::Files(self.next) } else { Wants::End })
    }

    /// What a person has said then is said again; what a rule allowed then and does not today is not for anybody to allow here.
    fn answer(&mut self, call: &str, digest: String) -> Result<(), AppendError> {
        let then = self.calls[self.next - 1].decision.clone();
        let by_person = self.calls[self.next - 1].by_person();
        let data = match then.filter(|_| by_person) {
            Some(then) => PermissionResolved { digest, ..then },
            None => denied(NOT_ASKED, digest),
        };
        let line = self.drafter.line(&id::answer(call), self.turn, call, ty::PERMISSION_RESOLVED, &data);
        self.append(&line)
    }

    fn append(&mut self, drafts: &[u8]) -> Result<(), AppendError> {
        let appended = self.log.append(self.pen.nib(), drafts)?;
        match appended.refused.first() {
            // Somebody was faster, which the fold will tell.
            Some(refusal) if refusal.why != ace_storage::Why::Repeated => {
                Err(AppendError::from(std::io::Error::other(refusal.to_string())))
            }
            _ => Ok(()),
        }
    }

    /// Lets the model of then ask for its next call.
    pub fn ask(&mut self) -> Result<(), AppendError> {
        let call = self.calls[self.next].clone();
        self.next += 1;
        let mut drafts = Vec::new();
        if call.mode != self.mode {
            self.mode = call.mode;
            let data = SessionConfigured { mode: Some(call.mode), ..SessionConfigured::default() };
            drafts.extend(self.drafter.draft(0, "", ty::SESSION_CONFIGURED, &data).1);
        }
        if call.turn != self.then || self.turn == 0 {
            self.begin_turn(call.turn, &mut drafts);
        }
        let turn = self.turn;
        let built = ContextBuilt { ranges: vec![vec![1]], model: self.model.clone(), ..ContextBuilt::default() };
        let (context, line) = self.drafter.draft(turn, &self.cause, ty::CONTEXT_BUILT, &built);
        drafts.extend(line);
        let (claim, line) = self.drafter.draft(turn, &context, ty::MODEL_REQUESTED, &ModelRequested {});
        drafts.extend(line);
        let (data, blob) = self.data(&call);
        drafts.extend(blob);
        let (asked, line) = self.drafter.draft(turn, &claim, ty::MODEL_CALL, &data);
        drafts.extend(line);
        let done =
            ModelCompleted { calls: 1, stop: Stop::Tools, prices: "recorded".into(), ..ModelCompleted::default() };
        let (answer, line) = self.drafter.draft(turn, &claim, ty::MODEL_COMPLETED, &done);
        drafts.extend(line);
        if !runs(&call) {
            // In one batch: nobody decides otherwise.
            let data = denied("as-recorded", digest(data.get().as_bytes()));
            drafts.extend(self.drafter.draft(turn, &asked, ty::PERMISSION_RESOLVED, &data).1);
        }
        self.cause = answer;
        let ran = Ran { decision: None, outcome: None };
        let (decision, claim) = (String::new(), String::new());
        self.current = Some(Current { call: asked, decision, claim, answered: false, ran });
        self.append(&drafts)
    }

    fn begin_turn(&mut self, then: u32, drafts: &mut Vec<u8>) {
        self.end_turn(drafts);
        (self.turn, self.then) = (self.turn + 1, then);
        let said = UserMessage { text: format!("the calls of turn {then} again"), ..UserMessage::default() };
        let (message, line) = self.drafter.draft(0, "", ty::USER_MESSAGE, &said);
        drafts.extend(line);
        let (started, line) = self.drafter.draft(self.turn, &message, ty::TURN_STARTED, &TurnStarted {});
        drafts.extend(line);
        self.cause = started;
    }

    fn end_turn(&mut self, drafts: &mut Vec<u8>) {
        if self.turn > 0 {
            drafts.extend(self.drafter.draft(self.turn, &self.cause, ty::TURN_COMPLETED, &TurnCompleted {}).1);
        }
    }

    /// Ends the last turn, and so the session.
    pub fn end(&mut self) -> Result<(), AppendError> {
        let mut drafts = Vec::new();
        self.end_turn(&mut drafts);
        self.append(&drafts)
    }

    /// The call's own bytes with the paths of now; and the lines of its blob, if its arguments are too long for a line.
    fn data(&self, call: &Call) -> (Box<RawValue>, Vec<u8>) {
        let raw = |text: String| draft::raw(text);
        let whole: Option<ToolCall> = serde_json::from_str(&call.data).ok();
        let long = whole.as_ref().and_then(|data| data.blob.clone());
        let text = long.as_ref().and_then(|blob| self.blobs.get(&blob.sha).ok());
        let (Some(text), Some(whole)) = (text.and_then(|bytes| String::from_utf8(bytes).ok()), whole) else {
            return (raw(self.placed(&call.data)), Vec::new());
        };
        let bytes = self.placed(&text).into_bytes();
        let sha = digest(&bytes);
        let lines = draft::blob_lines(&sha, &bytes, |b| BASE64_STANDARD.encode(b)).concat();
        let media = long.map(|blob| blob.media).unwrap_or_default();
        let blob = Some(BlobRef { sha, bytes: bytes.len() as u64, media });
        let text = serde_json::to_string(&ToolCall { blob, ..whole }).unwrap_or_default();
        if text.len() > limits::LINE_BYTES / 2 { (raw(call.data.clone()), Vec::new()) } else { (raw(text), lines) }
    }

    fn placed(&self, text: &str) -> String {
        self.paths.iter().fold(text.to_owned(), |text, (then, now)| text.replace(then.as_str(), now))
    }
}

/// The rule of a refusal in place of a question: nobody is here to answer it.
const NOT_ASKED: &str = "nobody-asked";

/// What the log says of a call that is not run again.
fn denied(rule: &str, digest: String) -> PermissionResolved {
    let (who, why) = ("ace-replay".to_owned(), "it is not run again".to_owned());
    let (rule, layer, answer) = (rule.to_owned(), String::new(), String::new());
    let (scope, risk, grant) = (ace_schema::permission::Scope::Once, None, None);
    PermissionResolved {
        decision: Decision::Deny,
        who,
        rule,
        scope,
        digest,
        why,
        layer,
        risk,
        grant,
        answer,
        effect: String::new(),
    }
}

/// Whether a call ran then, with an outcome that can be compared: what was refused, cancelled or lost is not run again.
pub fn runs(call: &Call) -> bool {
    use ace_schema::data::Code;
    let allowed = call.decision.as_ref().is_some_and(|d| d.decision == Decision::Allow);
    allowed
        && match &call.outcome {
            Some(Outcome::Completed(_)) => true,
            Some(Outcome::Failed(failed)) => !matches!(failed.code, Code::Interrupted | Code::Cancelled),
            None => false,
        }
}

/// How a call that ran then differs now.
pub fn differences(call: &Call, ran: &Ran, likeness: &ace_replay::drift::Likeness) -> Vec<Difference> {
    let (Some(then), Some(outcome)) = (&call.decision, &call.outcome) else { return Vec::new() };
    match &ran.outcome {
        Some(now) => ace_replay::drift::compare(outcome, now, likeness),
        None => vec![undecided(then, ran.decision.as_ref())],
    }
}
