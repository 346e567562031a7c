//! `ace-tool` as a filter, the broker: offers the tools, claims allowed calls, records what came of them. It runs nothing itself.

use ace_core::{Call, CallState, Desk, Due, Role, digest};
use ace_pipe::{Filter, Out};
use ace_schema::data::{Code, ToolCall, ToolDiscovered, ToolFailed, ToolStarted};
use ace_schema::{Line, draft, id, tool, ty};
use ace_storage::Blobs;
use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use serde_json::value::RawValue;
use std::time::Duration;

use crate::runner::{Job, Runner};

/// The server name of the tools of this program.
const LOCAL: &str = "local";

/// Runs allowed calls.
pub struct Broker {
    desk: Desk,
    blobs: Blobs,
    runner: Runner,
    out: Out,
    /// A stream without a log may be believed: a person said so.
    may_unrecorded: bool,
    unrecorded: bool,
    prepared: bool,
    last: u64,
    /// Calls at work: number, claim and turn.
    working: Vec<(u64, String, u32)>,
}

impl Broker {
    /// A broker whose calls are run by `runner`.
    pub fn new(random: u64, blobs: Blobs, runner: Runner, out: Out, may_unrecorded: bool) -> Self {
        Self {
            desk: Desk::new("ace-tool", random),
            blobs,
            runner,
            out,
            may_unrecorded,
            unrecorded: false,
            prepared: false,
            last: 0,
            working: Vec::new(),
        }
    }

    /// Says which tools there are, if the record says otherwise.
    fn offer(&mut self, drafts: &mut Vec<u8>) {
        let offer = tool::offer();
        let schema = digest(offer.as_bytes());
        if self.desk.state.offer.as_ref().is_some_and(|o| o.schema == schema) || !self.desk.pencil.first(&schema) {
            return;
        }
        drafts.extend(draft::blob_lines(&schema, offer.as_bytes(), |b| BASE64_STANDARD.encode(b)).concat());
        let names = tool::TOOLS.iter().map(|t| t.name.to_owned()).collect();
        let data = ToolDiscovered { server: LOCAL.to_owned(), names, schema };
        drafts.extend(self.desk.pencil.write((0, ""), ty::TOOL_DISCOVERED, &data).1);
    }

    /// Runs the call that this claim is for.
    fn start(&mut self, claim: &str, turn: u32, call: &Call) {
        match self.arguments(call) {
            Ok(args) => {
                self.last += 1;
                self.working.push((self.last, claim.to_owned(), turn));
                let job = Job { id: self.last, claim: claim.to_owned(), turn, tool: call.tool.clone(), args };
                self.runner.run(job);
            }
            Err(message) => {
                let data = ToolFailed { code: Code::Arguments, message, output: None, ms: 0 };
                let (_, line) = self.desk.pencil.write((turn, claim), ty::TOOL_FAILED, &data);
                // A closed output is noticed by the loop.
                let _ = self.out.write(&line);
            }
        }
    }

    fn arguments(&self, call: &Call) -> Result<Box<RawValue>, String> {
        let data: ToolCall = serde_json::from_str(&call.data).map_err(|e| format!("not a call: {e}"))?;
        match (data.args, data.blob) {
            (Some(args), _) => Ok(args),
            (None, Some(blob)) => {
                let bytes = self.blobs.get(&blob.sha).map_err(|e| format!("arguments: {e}"))?;
                let text = String::from_utf8(bytes).map_err(|_| "arguments are not UTF-8".to_owned())?;
                RawValue::from_string(text).map_err(|e| format!("arguments are not JSON: {e}"))
            }
            (None, None) => Ok(draft::raw("{}".to_owned())),
        }
    }

    fn started(&mut self, claim: &str) {
        let is_mine = |c: &&Call| matches!(&c.state, CallState::Started(id) if id == claim);
        let Some(call) = self.desk.state.calls().find(is_mine).cloned() else { return };
        let turn = self.desk.state.turn.as_ref().map_or(0, |t| t.n);
        self.start(claim, turn, &call);
    }

    /// A turn has ended: what still runs in it is stopped.
    fn cancel(&mut self, turn: u32) {
        for (number, ..) in self.working.iter().filter(|(_, _, n)| *n == turn) {
            self.runner.cancel(*number);
        }
    }
}

impl Filter for Broker {
    fn fold(&mut self, line: &Line) {
        self.desk.fold(line);
        match &*line.ty {
            ty::TOOL_STARTED if self.desk.holds(&line.id) => self.started(&line.id),
            ty::TOOL_COMPLETED | ty::TOOL_FAILED => self.working.retain(|(_, claim, _)| *claim != line.cause),
            ty::TURN_COMPLETED | ty::TURN_FAILED | ty::TURN_CANCELLED => self.cancel(line.turn),
            _ => {}
        }
    }

    fn due(&mut self, drafts: &mut Vec<u8>) {
        if self.desk.state.is_settled() {
            return;
        }
        if !self.prepared {
            self.prepared = true;
            self.runner.prepare(&self.desk.state.created, &self.desk.state.session);
        }
        if !self.unrecorded {
            self.offer(drafts);
        }
        let mut now = Vec::new();
        for due in self.desk.state.due() {
            match due {
                Due::Run { turn, decision, call } if self.unrecorded => {
                    now.push((turn, decision.to_owned(), call.clone()))
                }
                Due::Run { turn, decision, .. } => {
                    self.desk.pencil.claim(drafts, (turn, decision), ty::TOOL_STARTED, &ToolStarted {});
                }
                Due::Close { turn, claim, role: Role::Tool } => {
                    let message = "whoever ran it is gone; it is unknown whether it ran".to_owned();
                    let data = ToolFailed { code: Code::Interrupted, message, output: None, ms: 0 };
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
        if !self.may_unrecorded {
            return Err("there is no log behind this stream: --unrecorded runs calls all the same".to_owned());
        }
        self.unrecorded = true;
        Ok(())
    }

    fn finish(&mut self) {
        while !self.runner.is_idle(Duration::from_millis(20)) {
            if self.out.is_broken() {
                return;
            }
        }
    }
}
