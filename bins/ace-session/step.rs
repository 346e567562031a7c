//! `ace-session step`: begins turns, builds contexts, ends turns. It draws conclusions only: no effect, so no claim.

use ace_core::{Desk, Due, End, digest};
use ace_front::rights;
use ace_host::instructions;
use ace_pipe::Filter;
use ace_schema::data::{ContextBuilt, TurnCompleted, TurnFailed, TurnStarted};
use ace_schema::{Line, draft, id, ty};
use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use std::path::PathBuf;

use crate::PROGRAM;

/// The turn machine.
pub struct Step {
    desk: Desk,
    /// Folder of the user's own configuration.
    user: PathBuf,
    /// Blob of the system text, once made or found in the record.
    system: Option<String>,
    /// It knows its session and reads nothing else any more.
    settled_in: bool,
}

impl Step {
    /// A turn machine that reads the user's instructions from `user`.
    pub fn new(random: u64, user: PathBuf) -> Self {
        Self { desk: Desk::new("ace-session", random), user, system: None, settled_in: false }
    }

    /// The system text is made once a session and then repeated by name, so that a provider's cache of the prefix holds even when
    /// instruction files change meanwhile.
    fn system(&mut self, drafts: &mut Vec<u8>) -> String {
        if let Some(sha) = &self.system {
            return sha.clone();
        }
        let sha = if self.desk.state.system.is_empty() {
            let text = instructions::system_text(&self.desk.state.created, &self.user);
            let sha = digest(text.as_bytes());
            drafts.extend(draft::blob_lines(&sha, text.as_bytes(), |b| BASE64_STANDARD.encode(b)).concat());
            sha
        } else {
            self.desk.state.system.clone()
        };
        self.system = Some(sha.clone());
        sha
    }

    fn context(&mut self, drafts: &mut Vec<u8>, turn: u32, cause: &str) {
        // The tools on offer are ace-tool's to say; without an offer there is nothing a model could be shown.
        let Some(offer) = &self.desk.state.offer else { return };
        let tools = offer.schema.clone();
        let system = self.system(drafts);
        let model = self.desk.state.model.clone();
        let ranges = self.desk.state.past.context();
        let data = ContextBuilt { system, tools, ranges, model };
        self.desk.pencil.conclude(drafts, &id::context(cause), (turn, cause), ty::CONTEXT_BUILT, &data);
    }
}

/// A conclusion, free of the state it was drawn from.
enum Next {
    Turn(u32, String),
    Context(u32, String),
    End(u32, String, End),
}

impl Filter for Step {
    fn fold(&mut self, line: &Line) {
        self.desk.fold(line);
    }

    fn due(&mut self, drafts: &mut Vec<u8>) {
        // Only now: a fork's past is read before its own beginning.
        if !std::mem::replace(&mut self.settled_in, true) {
            rights::or_end(rights::step_in(PROGRAM, &self.desk.state.created, &self.user));
        }
        let next: Vec<Next> = self
            .desk
            .state
            .due()
            .filter_map(|due| match due {
                Due::Turn { n, message } => Some(Next::Turn(n, message.to_owned())),
                Due::Context { turn, cause } => Some(Next::Context(turn, cause.to_owned())),
                Due::End { turn, cause, end } => Some(Next::End(turn, cause.to_owned(), end)),
                _ => None,
            })
            .collect();
        for next in next {
            match next {
                Next::Turn(n, message) => {
                    let turn = id::turn(n);
                    self.desk.pencil.conclude(drafts, &turn, (n, &message), ty::TURN_STARTED, &TurnStarted {});
                    // Its context follows from it alone: no need to read the start back first.
                    self.context(drafts, n, &turn);
                }
                Next::Context(turn, cause) => self.context(drafts, turn, &cause),
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
