//! `ace-permit` as a filter: a decision on every call, before anything runs.

use ace_core::{Call, Desk, Due};
use ace_permissions::{CallFacts, Verdict, decide};
use ace_pipe::Filter;
use ace_schema::data::{PermissionRequested, PermissionResolved, ToolCall};
use ace_schema::permission::{Decision, Scope};
use ace_schema::{Line, id, redaction, ty};
use ace_storage::Blobs;
use serde_json::Value;
use std::path::PathBuf;

/// Decides by mode and by built-in rules.
pub struct Permit {
    desk: Desk,
    blobs: Blobs,
    /// The home; a session's temporary folder lies below it.
    home: PathBuf,
}

impl Permit {
    /// A decider that finds long arguments in `blobs`.
    pub fn new(random: u64, blobs: Blobs, home: PathBuf) -> Self {
        Self { desk: Desk::new("ace-permit", random), blobs, home }
    }

    fn verdict(&self, call: &Call) -> Verdict {
        let args = self.arguments(call);
        // What would run is not what the model asked for: a file would be written with a placeholder where its key stood.
        if redaction::holds(&args.to_string()) {
            return Verdict {
                decision: Decision::Deny,
                rule: "redacted".to_owned(),
                why: redaction::WHY.to_owned(),
                proposal: None,
            };
        }
        let state = &self.desk.state;
        let cwd = state.created.worktree.as_ref().map_or(&state.created.cwd, |w| &w.path);
        let tmp = self.home.join("tmp").join(&state.session).display().to_string();
        let facts = CallFacts {
            tool: &call.tool,
            args: &args,
            cwd,
            tmp: &tmp,
            // ace-tool refuses to run what no sandbox holds, unless a person has said so; so one or the other is true.
            sandboxed: !state.created.unsandboxed,
            unsandboxed: state.created.unsandboxed,
        };
        decide(state.mode, &facts)
    }

    /// The arguments; nothing that can be read as arguments is an empty object, which no tool takes.
    fn arguments(&self, call: &Call) -> Value {
        let Ok(data) = serde_json::from_str::<ToolCall>(&call.data) else { return Value::Null };
        match (data.args, data.blob) {
            (Some(args), _) => serde_json::from_str(args.get()).unwrap_or_default(),
            (None, Some(blob)) => {
                self.blobs.get(&blob.sha).ok().and_then(|b| serde_json::from_slice(&b).ok()).unwrap_or_default()
            }
            (None, None) => Value::Object(serde_json::Map::new()),
        }
    }
}

impl Filter for Permit {
    fn fold(&mut self, line: &Line) {
        self.desk.fold(line);
    }

    fn due(&mut self, drafts: &mut Vec<u8>) {
        let mut decided = Vec::new();
        for due in self.desk.state.due() {
            if let Due::Decide { turn, call } = due {
                decided.push((turn, call.id.clone(), call.digest.clone(), self.verdict(call)));
            }
        }
        for (turn, call, digest, verdict) in decided {
            let Verdict { decision, rule, why, proposal } = verdict;
            if decision == Decision::Ask {
                let data = PermissionRequested { addressee: "user".to_owned(), why, rule, proposal };
                self.desk.pencil.conclude(drafts, &id::ask(&call), (turn, &call), ty::PERMISSION_REQUESTED, &data);
            } else {
                let why = if decision == Decision::Allow { String::new() } else { why };
                let who = "rule".to_owned();
                let data = PermissionResolved { decision, who, rule, scope: Scope::Once, digest, why };
                self.desk.pencil.conclude(drafts, &id::answer(&call), (turn, &call), ty::PERMISSION_RESOLVED, &data);
            }
        }
    }

    fn unrecorded(&mut self) -> Result<(), String> {
        self.desk.state.unrecorded = true;
        Ok(())
    }

    fn finish(&mut self) {}
}
