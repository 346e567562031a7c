//! A session as the states its files went through: after which call, said by whom. It reads a log once and no file of a work tree.

use ace_core::State;
use ace_schema::data::{BlobRef, Stated, ToolCall, ToolCompleted, UserMessage};
use ace_schema::{Line, ty};
use ace_storage::Log;
use std::collections::HashMap;
use std::io;

/// A record after which the files were in a state worth naming.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Step {
    /// The record.
    pub seq: u64,
    /// Its type.
    pub ty: String,
    /// Its turn; 0 outside turns.
    pub turn: u32,
    /// The git tree after it.
    pub tree: String,
    /// Tool of the call; empty for what changed outside of calls.
    pub tool: String,
    /// Arguments of the call as the model wrote them, JSON; empty if there is no call.
    pub args: String,
    /// What the person had said, its first line.
    pub prompt: String,
    /// Exit status of a command that ended by itself.
    pub exit: Option<i32>,
}

/// What a walk remembers to say whose doing a state is.
#[derive(Default)]
struct Walk {
    /// By id of the call, then of its decision, then of its claim.
    calls: HashMap<String, (String, String)>,
    /// First lines of messages by id, and by the turn they began.
    messages: HashMap<String, String>,
    prompts: HashMap<u32, String>,
    steps: Vec<Step>,
}

/// The steps of a session that count, in order: those after which the tree was named.
///
/// # Errors
/// Reading failed.
pub fn steps(log: &Log) -> io::Result<(State, Vec<Step>)> {
    let (mut state, mut walk) = (State::new(), Walk::default());
    let mut follow = log.follow(0)?;
    loop {
        let lines = follow.read()?;
        if lines.is_empty() {
            break;
        }
        for bytes in ace_storage::split(lines) {
            let line = Line::parse(bytes).map_err(|e| io::Error::new(io::ErrorKind::InvalidData, e))?;
            state.fold(&line);
            walk.take(&line, log);
        }
    }
    let ranges = state.past.ranges(state.head);
    walk.steps.retain(|step| ranges.iter().any(|(first, last)| (*first..=*last).contains(&step.seq)));
    Ok((state, walk.steps))
}

impl Walk {
    fn take(&mut self, line: &Line, log: &Log) {
        let text = |blob: &BlobRef| {
            let bytes = log.blobs().get(&blob.sha).unwrap_or_default();
            String::from_utf8_lossy(&bytes).into_owned()
        };
        match &*line.ty {
            ty::USER_MESSAGE => {
                let Ok(message) = line.data::<UserMessage>() else { return };
                let said = message.blob.as_ref().map_or(message.text, text);
                self.messages.insert(line.id.to_string(), said.lines().next().unwrap_or_default().to_owned());
            }
            ty::TURN_STARTED => {
                let said = self.messages.get(line.cause.as_ref()).cloned().unwrap_or_default();
                self.prompts.insert(line.turn, said);
            }
            ty::MODEL_CALL => {
                let Ok(call) = line.data::<ToolCall>() else { return };
                let args =
                    call.args.map_or_else(|| call.blob.as_ref().map(text).unwrap_or_default(), |a| a.get().to_owned());
                self.calls.insert(line.id.to_string(), (call.tool, args));
            }
            ty::PERMISSION_RESOLVED | ty::TOOL_STARTED => {
                // The answer to a record takes its place.
                if let Some(call) = self.calls.remove(line.cause.as_ref()) {
                    self.calls.insert(line.id.to_string(), call);
                }
            }
            ty::TOOL_COMPLETED | ty::TOOL_FAILED | ty::WORKTREE_SNAPSHOT | ty::SESSION_REWOUND => self.state(line),
            _ => {}
        }
    }

    fn state(&mut self, line: &Line) {
        let (tool, args) = self.calls.remove(line.cause.as_ref()).unwrap_or_default();
        let Ok(Stated { tree, .. }) = line.data() else { return };
        if tree.is_empty() {
            return;
        }
        self.steps.push(Step {
            seq: line.seq.unwrap_or_default(),
            ty: line.ty.to_string(),
            turn: line.turn,
            tree,
            tool,
            args,
            prompt: self.prompts.get(&line.turn).cloned().unwrap_or_default(),
            exit: line.data::<ToolCompleted>().ok().and_then(|done| done.exit),
        });
    }
}
