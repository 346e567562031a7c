//! What one record tells: calls, ends of turns, and the words for how things ended. It must never add anything up.

use ace_schema::Line;
use ace_schema::data::{
    Budget, Code, EffectCompleted, EffectFailed, HookCompleted, MessageVetted, ModelCompleted, ModelFailed,
    PermissionRequested, PermissionResolved, SessionCompacted, SessionCreated, ToolCall, ToolCompleted, ToolFailed,
    TurnCancelled, TurnFailed, UserMessage,
};

/// A call between its request and its outcome.
#[derive(Debug, Clone, Default)]
pub struct Call {
    /// Its id; empty if its request was not in the lines.
    pub id: String,
    /// Tool name.
    pub tool: String,
    /// The path, pattern or command; for tools without one, the arguments as JSON.
    pub subject: String,
    /// The subject is a path.
    pub is_path: bool,
    /// The arguments as JSON; empty if they are in a blob.
    pub args: String,
    /// Its turn.
    pub turn: u32,
    /// Its ordinal within the turn, from 1.
    pub ordinal: u64,
    /// When it started, ms since 1970.
    pub started: Option<i64>,
    /// The open question about it: seq and payload.
    pub asked: Option<(u64, PermissionRequested)>,
    /// What it did in a copy: seq and payload.
    pub tried: Option<(u64, Box<EffectCompleted>)>,
    pub(crate) names: Vec<String>,
}

impl Call {
    pub(crate) fn of(line: &Line, call: &ToolCall, ordinal: u64) -> Self {
        let args = call.args.as_ref().map_or("", |raw| raw.get()).to_owned();
        let field = ace_schema::tool::find(&call.tool).map(|t| t.subject);
        let subject = told(&call.tool, &args).or_else(|| field.and_then(|f| argument(&args, f))).unwrap_or_else(|| {
            match &call.blob {
                Some(blob) => format!("({} of arguments)", crate::units::bytes(blob.bytes)),
                None => args.clone(),
            }
        });
        Self {
            id: line.id.to_string(),
            tool: call.tool.clone(),
            subject,
            is_path: field == Some("path"),
            args,
            turn: line.turn,
            ordinal,
            ..Self::default()
        }
    }

    /// One argument, if it is a text.
    #[must_use]
    pub fn argument(&self, name: &str) -> Option<String> {
        argument(&self.args, name)
    }

    /// The old and new texts of a list of replacements.
    pub(crate) fn pairs(&self, name: &str) -> Vec<(String, String)> {
        let map: Arguments = serde_json::from_str(&self.args).unwrap_or_default();
        let text = |item: &serde_json::Value, name: &str| item.get(name)?.as_str().map(str::to_owned);
        let items = map.get(name).and_then(serde_json::Value::as_array).into_iter().flatten();
        items.map(|item| (text(item, "old").unwrap_or_default(), text(item, "new").unwrap_or_default())).collect()
    }
}

type Arguments = serde_json::Map<String, serde_json::Value>;

fn argument(args: &str, name: &str) -> Option<String> {
    let map: Arguments = serde_json::from_str(args).ok()?;
    map.get(name)?.as_str().map(str::to_owned)
}

/// What a call is about, for tools that no single argument tells of.
fn told(tool: &str, args: &str) -> Option<String> {
    let map: Arguments = serde_json::from_str(args).ok()?;
    let text = |name: &str| map.get(name).and_then(serde_json::Value::as_str);
    match tool {
        "patch" => {
            let files = ace_schema::patch::parse(text("patch")?).ok()?;
            let more = if files.len() > 1 { format!(" and {} more", files.len() - 1) } else { String::new() };
            Some(format!("{}{more}", files.first()?.path))
        }
        "todo" => {
            let items = map.get("items")?.as_array()?;
            let done = items.iter().filter(|item| item.get("state").is_some_and(|state| state == "done")).count();
            Some(format!("{done} of {} done", items.len()))
        }
        "job" => Some(match (text("id"), map.get("kill")) {
            (None, _) => "list".to_owned(),
            (Some(id), Some(serde_json::Value::Bool(true))) => format!("{id}, kill it"),
            (Some(id), _) => text("input").map_or_else(|| id.to_owned(), |typed| format!("{id}, type {typed:?}")),
        }),
        _ => None,
    }
}

/// How a turn ended.
#[derive(Debug, Clone)]
pub enum End {
    /// With its answer.
    Completed,
    /// Without, and why.
    Failed(TurnFailed),
    /// By a person.
    Cancelled(TurnCancelled),
}

/// What a line tells, with the call it is about looked up.
#[derive(Debug, Clone)]
#[allow(missing_docs, reason = "the payloads are described in the schema")]
pub enum Step {
    Created(Box<SessionCreated>),
    Said(UserMessage),
    TurnStarted,
    ModelAsked,
    Answered(Box<ModelCompleted>),
    AnswerFailed(ModelFailed),
    Called(Call),
    Asked(Call),
    /// It was run in a copy.
    Tried(Call),
    /// It could not be.
    Untried(EffectFailed),
    Decided {
        call: Call,
        decided: Box<PermissionResolved>,
        asked: bool,
    },
    Started(Call),
    Ran {
        call: Call,
        ran: Box<ToolCompleted>,
    },
    Broke {
        call: Call,
        broke: Box<ToolFailed>,
    },
    Budget {
        exceeded: bool,
        budget: Budget,
    },
    Compacted(SessionCompacted),
    /// Hooks did not let a message pass.
    Unsaid(MessageVetted),
    /// Hooks did not let the turn end.
    Held(HookCompleted),
    Ended(End),
    Other,
}

/// Whether a call that ran did not do what it should: a command with another exit than 0, or ended by a signal.
#[must_use]
pub fn is_failure(ran: &ToolCompleted) -> bool {
    ran.signal.is_some() || ran.exit.is_some_and(|code| code != 0)
}

/// The word for a failure: failed, stopped (by a limit), cancelled, unknown (after a crash).
#[must_use]
pub fn outcome(code: &Code) -> &'static str {
    match code {
        Code::Interrupted => "unknown",
        Code::Cancelled => "cancelled",
        Code::Limit | Code::Context | Code::Timeout => "stopped",
        _ => "failed",
    }
}
