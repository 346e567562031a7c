//! `ace-fetch` as a filter: claims the allowed calls of the tool `fetch`, records what came of them.

use ace_core::{Call, CallState, Desk, Due, Role};
use ace_pipe::{Filter, Out};
use ace_schema::data::{Code, ToolCall, ToolFailed, ToolStarted};
use ace_schema::{Line, id, ty};
use serde::Deserialize;
use std::time::Duration;

use crate::PROGRAM;
use crate::fetching::{Fetching, Job};

/// Runs allowed fetches.
pub struct Fetches {
    desk: Desk,
    fetching: Fetching,
    out: Out,
    /// A stream without a log may be believed.
    granted: bool,
    unrecorded: bool,
    /// Pages on their way: claim and turn.
    working: Vec<(String, u32)>,
}

/// The arguments of a call.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Wanted {
    url: String,
    #[serde(default)]
    offset: Option<usize>,
}

impl Fetches {
    /// A filter that fetches by `fetching`.
    pub fn new(random: u64, fetching: Fetching, out: Out, granted: bool) -> Self {
        let desk = Desk::new(PROGRAM, random);
        Self { desk, fetching, out, granted, unrecorded: false, working: Vec::new() }
    }

    /// Fetches what this call is for.
    fn start(&mut self, claim: &str, turn: u32, call: &Call) {
        let wanted = serde_json::from_str::<ToolCall>(&call.data)
            .ok()
            .and_then(|data| Some(serde_json::from_str::<Wanted>(data.args?.get()).map_err(|e| e.to_string())));
        match wanted {
            Some(Ok(wanted)) => {
                self.working.push((claim.to_owned(), turn));
                let (session, claim) = (self.desk.state.session.clone(), claim.to_owned());
                let offset = wanted.offset.unwrap_or_default();
                self.fetching.fetch(Job { session, claim, turn, url: wanted.url, offset });
            }
            wrong => {
                let why = wrong.and_then(Result::err).unwrap_or_else(|| "arguments are too long".to_owned());
                let data =
                    ToolFailed { code: Code::Arguments, message: format!("fetch: {why}"), ..ToolFailed::default() };
                let (_, line) = self.desk.pencil.write((turn, claim), ty::TOOL_FAILED, &data);
                // A closed output is noticed by the loop.
                let _ = self.out.write(&line);
            }
        }
    }

    fn started(&mut self, claim: &str) {
        let is_mine = |c: &&Call| matches!(&c.state, CallState::Started(id) if id == claim);
        let Some(call) = self.desk.state.calls().find(is_mine).cloned() else { return };
        let turn = self.desk.state.turn.as_ref().map_or(0, |t| t.n);
        self.start(claim, turn, &call);
    }

    fn cancel(&mut self, turn: u32) {
        let fetching = &mut self.fetching;
        self.working.retain(|(claim, n)| {
            if *n == turn {
                fetching.cancel(claim);
            }
            *n != turn
        });
    }
}

impl Filter for Fetches {
    fn fold(&mut self, line: &Line) {
        self.desk.fold(line);
        match &*line.ty {
            ty::TOOL_STARTED if self.desk.holds(&line.id) => self.started(&line.id),
            ty::TOOL_COMPLETED | ty::TOOL_FAILED => self.working.retain(|(claim, _)| *claim != line.cause),
            ty::TURN_COMPLETED | ty::TURN_FAILED | ty::TURN_CANCELLED => self.cancel(line.turn),
            _ => {}
        }
    }

    fn due(&mut self, drafts: &mut Vec<u8>) {
        let mut now = Vec::new();
        for due in self.desk.state.due() {
            match due {
                Due::Run { call, .. } if call.program() != PROGRAM => {}
                Due::Run { turn, decision, call } if self.unrecorded => {
                    now.push((turn, decision.to_owned(), call.clone()));
                }
                Due::Run { turn, decision, .. } => {
                    self.desk.pencil.claim(drafts, (turn, decision), ty::TOOL_STARTED, &ToolStarted {});
                }
                Due::Close { turn, claim, role: Role::Tool } => {
                    let message = "whoever ran it is gone; it is unknown whether it ran".to_owned();
                    let data = ToolFailed { code: Code::Interrupted, message, ..ToolFailed::default() };
                    self.desk.pencil.conclude(drafts, &id::close(claim), (turn, claim), ty::TOOL_FAILED, &data);
                }
                _ => {}
            }
        }
        for (turn, decision, call) in now {
            if self.desk.pencil.first(&decision) {
                self.start(&decision, turn, &call);
            }
        }
    }

    fn unrecorded(&mut self) -> Result<(), String> {
        if !self.granted {
            return Err("there is no log behind this stream: --unrecorded runs calls all the same".to_owned());
        }
        (self.unrecorded, self.desk.state.unrecorded) = (true, true);
        Ok(())
    }

    fn finish(&mut self) {
        while !self.fetching.is_idle(Duration::from_millis(20)) {
            if self.out.is_broken() {
                return;
            }
        }
    }
}
