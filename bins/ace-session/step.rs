//! `ace-session step`: begins turns, builds contexts, ends turns. It draws conclusions only: no effect, so no claim.

use ace_answers::Shape;
use ace_cli::{Complaint, Exit};
use ace_core::{Desk, Due, End, Length, Plan, Transcript, Whole, compaction, digest};
use ace_front::{Opening, random, rights, run_filter};
use ace_host::instructions;
use ace_pipe::{Filter, Out};
use ace_schema::data::{
    BlobRef, Code, Compacts, ContextBuilt, SessionCompacted, TurnCompleted, TurnFailed, TurnStarted,
};
use ace_schema::{Line, draft, id, limits, ty};
use ace_storage::Blobs;
use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use std::path::PathBuf;

use crate::PROGRAM;

/// Runs it over stdin, with the rights of one that concludes.
pub fn run(opening: Opening, drafts_only: bool) -> Result<Exit, Complaint> {
    rights::leave_secrets(&opening)?;
    rights::step(&opening)?;
    let (blobs, window) = (opening.home().blobs(), opening.settings.config.context);
    let mut step = Step::new(random(), opening.settings.user, blobs, window);
    run_filter(PROGRAM, &mut step, &Out::stdout(PROGRAM), drafts_only)
}

/// The turn machine.
pub struct Step {
    desk: Desk,
    /// What is said to the model, to know how long it is.
    transcript: Transcript,
    blobs: Blobs,
    /// Tokens of the model's window if the configuration says so now; 0 for what the session was made with.
    window: u64,
    /// Folder of the user's own configuration.
    user: PathBuf,
    /// Blob of the system text, once made or found in the record.
    system: Option<String>,
    /// It knows its session and reads nothing else any more.
    settled_in: bool,
}

impl Step {
    /// A turn machine that reads the user's instructions from `user` and long texts from `blobs`. `window` is the model's, in tokens;
    /// 0 leaves it to the session.
    pub fn new(random: u64, user: PathBuf, blobs: Blobs, window: u64) -> Self {
        let desk = Desk::new("ace-session", random);
        Self { desk, transcript: Transcript::new(), blobs, window, user, system: None, settled_in: false }
    }

    /// As configured, as the session was made with, as the table of models has it, or a careful guess.
    fn window(&self) -> u64 {
        let state = &self.desk.state;
        let said = [self.window, state.limits.context].into_iter().find(|tokens| *tokens > 0);
        let known = || {
            let (provider, model) = ace_config::split_model(&state.model)?;
            ace_prices::limits(provider, model).map(|limits| limits.window).filter(|tokens| *tokens > 0)
        };
        said.or_else(known).unwrap_or(limits::CONTEXT_TOKENS)
    }

    /// The next context; or, where the conversation is too long for it, what makes it shorter.
    fn go_on(&mut self, drafts: &mut Vec<u8>, turn: u32, cause: &str, length: Length) {
        let window = self.window();
        match self.transcript.plan(window, length) {
            Plan::Fits => self.context(drafts, turn, cause, ContextBuilt::default()),
            Plan::Trim if self.desk.pencil.knows(&id::compact(cause)) => {}
            Plan::Trim => {
                let shorter = self.transcript.trim(&self.desk.state, window);
                self.shorten(drafts, turn, cause, shorter);
            }
            Plan::Summary(_) if self.desk.pencil.knows(&id::context(cause)) => {}
            Plan::Summary(room) => {
                let request = compaction::request(self.transcript.focus());
                let prompt = keep(drafts, &request);
                let compacts = Some(Compacts { prompt, room });
                self.context(drafts, turn, cause, ContextBuilt { compacts, ..ContextBuilt::default() });
            }
        }
    }

    /// Ends the turn if its answer fits its schema; else the model is told why not, a bounded number of times.
    fn check(&mut self, drafts: &mut Vec<u8>, turn: u32, answer: &str, schema: &str, repairs: u32) {
        if self.desk.pencil.knows(&id::end(turn)) || self.desk.pencil.knows(&id::context(answer)) {
            return;
        }
        let text = self.blobs.get(schema).map(|bytes| String::from_utf8_lossy(&bytes).into_owned());
        let shape = match text.map(|text| Shape::read(&text)) {
            Ok(Ok(shape)) => shape,
            Ok(Err(problem)) => {
                return self.fail(drafts, turn, answer, format!("the schema cannot be used: {problem}"));
            }
            Err(_) => return self.fail(drafts, turn, answer, format!("the schema is missing: blob {schema}")),
        };
        match shape.fits(self.transcript.last_said()) {
            Ok(_) => {
                let data = TurnCompleted {};
                self.desk.pencil.conclude(drafts, &id::end(turn), (turn, answer), ty::TURN_COMPLETED, &data);
            }
            Err(faults) if repairs < limits::REPAIRS => {
                let repair = ace_answers::repair(&faults);
                self.context(drafts, turn, answer, ContextBuilt { repair, ..ContextBuilt::default() });
            }
            Err(faults) => {
                let why = faults.first().map_or("", String::as_str);
                let tries = repairs + 1;
                self.fail(
                    drafts,
                    turn,
                    answer,
                    format!("the answer does not fit the schema after {tries} tries: {why}"),
                );
            }
        }
    }

    fn fail(&mut self, drafts: &mut Vec<u8>, turn: u32, cause: &str, message: String) {
        let data = TurnFailed { code: Code::Schema, message, hint: String::new() };
        self.desk.pencil.conclude(drafts, &id::end(turn), (turn, cause), ty::TURN_FAILED, &data);
    }

    fn shorten(
        &mut self,
        drafts: &mut Vec<u8>,
        turn: u32,
        cause: &str,
        (whole, mut record): (Whole, SessionCompacted),
    ) {
        let text = whole.write();
        let sha = keep(drafts, &text);
        record.state = BlobRef { sha, bytes: text.len() as u64, media: "application/json".to_owned() };
        self.desk.pencil.conclude(drafts, &id::compact(cause), (turn, cause), ty::SESSION_COMPACTED, &record);
    }

    /// The system text is made once a session and then repeated by name, so that a provider's cache of the prefix holds even when
    /// instruction files change meanwhile.
    fn system(&mut self, drafts: &mut Vec<u8>) -> String {
        if let Some(sha) = &self.system {
            return sha.clone();
        }
        let sha = if self.desk.state.system.is_empty() {
            let text = instructions::system_text(&self.desk.state.created, &self.user);
            keep(drafts, &text)
        } else {
            self.desk.state.system.clone()
        };
        self.system = Some(sha.clone());
        sha
    }

    /// A context with what `more` says beside what every context says.
    fn context(&mut self, drafts: &mut Vec<u8>, turn: u32, cause: &str, more: ContextBuilt) {
        // The tools on offer are ace-tool's to say; without an offer there is nothing a model could be shown.
        let Some(offer) = &self.desk.state.offer else { return };
        let tools = offer.schema.clone();
        let system = self.system(drafts);
        let model = self.desk.state.model.clone();
        let ranges = self.desk.state.context_ranges();
        let running = self.desk.state.turn.as_ref().map(|t| t.schema.clone());
        let waits = || self.desk.state.waiting.front().map(|w| w.schema.clone());
        // A summary has its own shape.
        let schema = running.or_else(waits).filter(|_| more.compacts.is_none()).unwrap_or_default();
        let data = ContextBuilt { system, tools, ranges, model, schema, ..more };
        self.desk.pencil.conclude(drafts, &id::context(cause), (turn, cause), ty::CONTEXT_BUILT, &data);
    }
}

/// Puts a text ahead of the event that names it.
fn keep(drafts: &mut Vec<u8>, text: &str) -> String {
    let sha = digest(text.as_bytes());
    drafts.extend(draft::blob_lines(&sha, text.as_bytes(), |b| BASE64_STANDARD.encode(b)).concat());
    sha
}

/// A conclusion, free of the state it was drawn from.
enum Next {
    Turn(u32, String),
    Context(u32, String, Length),
    Compact(u32, String),
    Check(u32, String, String, u32),
    End(u32, String, End),
}

impl Filter for Step {
    fn fold(&mut self, line: &Line) {
        self.desk.fold(line);
        let blobs = &self.blobs;
        let find = |b: &BlobRef| blobs.get(&b.sha).ok().map(|bytes| String::from_utf8_lossy(&bytes).into_owned());
        self.transcript.fold(line, &find);
    }

    fn due(&mut self, drafts: &mut Vec<u8>) {
        // Only now: a fork's past is read before its own beginning.
        if !std::mem::replace(&mut self.settled_in, true) {
            rights::or_end(rights::step_in(PROGRAM, &self.desk.state.created, &self.user, &self.blobs));
        }
        let next: Vec<Next> = self
            .desk
            .state
            .due()
            .filter_map(|due| match due {
                Due::Turn { n, message } => Some(Next::Turn(n, message.to_owned())),
                Due::Context { turn, cause, length } => Some(Next::Context(turn, cause.to_owned(), length)),
                Due::Check { turn, answer, schema, repairs } => {
                    Some(Next::Check(turn, answer.to_owned(), schema.to_owned(), repairs))
                }
                Due::Compact { turn, answer } => Some(Next::Compact(turn, answer.to_owned())),
                Due::End { turn, cause, end } => Some(Next::End(turn, cause.to_owned(), end)),
                _ => None,
            })
            .collect();
        for next in next {
            match next {
                Next::Turn(n, message) => {
                    let turn = id::turn(n);
                    self.desk.pencil.conclude(drafts, &turn, (n, &message), ty::TURN_STARTED, &TurnStarted {});
                    // Its context follows from it alone: no need to read the start back first. What makes the conversation
                    // shorter is drawn from the record of it.
                    let order = self.desk.state.waiting.front().is_some_and(|w| w.compact);
                    if !order && self.transcript.plan(self.window(), Length::Unknown) == Plan::Fits {
                        self.context(drafts, n, &turn, ContextBuilt::default());
                    }
                }
                Next::Context(turn, cause, length) => self.go_on(drafts, turn, &cause, length),
                Next::Compact(turn, answer) => {
                    if !self.desk.pencil.knows(&id::compact(&answer)) {
                        let shorter = self.transcript.summarize(&self.desk.state, self.window());
                        self.shorten(drafts, turn, &answer, shorter);
                    }
                }
                Next::Check(turn, answer, schema, repairs) => self.check(drafts, turn, &answer, &schema, repairs),
                Next::End(turn, cause, End::Completed) => {
                    let data = TurnCompleted {};
                    self.desk.pencil.conclude(drafts, &id::end(turn), (turn, &cause), ty::TURN_COMPLETED, &data);
                }
                Next::End(turn, cause, End::Failed(code, message, hint)) => {
                    let data = TurnFailed { code, message, hint };
                    self.desk.pencil.conclude(drafts, &id::end(turn), (turn, &cause), ty::TURN_FAILED, &data);
                }
            }
        }
    }

    fn unrecorded(&mut self) -> Result<(), String> {
        Err("a stream without a log has its context already: leave 'ace-session step' out".to_owned())
    }

    fn finish(&mut self) {}
}
