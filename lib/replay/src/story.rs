//! A session as what was said, called and answered, turn by turn: only what counts, ways back left out. It must never guess what
//! the record does not say.

use ace_core::State;
use ace_schema::data::{
    ContextBuilt, ModelCompleted, ModelFailed, Part, PermissionResolved, SessionConfigured, SessionCreated,
    SessionRewound, Stated, ToolCall, ToolCompleted, ToolFailed, UserMessage,
};
use ace_schema::message::{Stop, Usage};
use ace_schema::permission::{Decision, Mode};
use ace_schema::{Line, tool, ty};
use std::collections::HashMap;

/// What came of a call.
#[derive(Debug, Clone)]
pub enum Outcome {
    /// It ran.
    Completed(Box<ToolCompleted>),
    /// It could not run, or its outcome is unknown.
    Failed(Box<ToolFailed>),
}

impl Outcome {
    /// The git tree after it; empty if none was recorded.
    #[must_use]
    pub fn tree(&self) -> &str {
        match self {
            Self::Completed(done) => &done.tree,
            Self::Failed(failed) => &failed.tree,
        }
    }
}

/// One call of a model.
#[derive(Debug, Clone, Default)]
pub struct Call {
    /// Its record.
    pub seq: u64,
    /// Its id.
    pub id: String,
    /// Its turn.
    pub turn: u32,
    /// Tool name.
    pub tool: String,
    /// The exact bytes of its data, JSON.
    pub data: String,
    /// The mode it was decided in.
    pub mode: Mode,
    /// Somebody was asked.
    pub asked: bool,
    /// The decision that counted.
    pub decision: Option<PermissionResolved>,
    /// What came of it.
    pub outcome: Option<Outcome>,
    /// The record of that.
    pub ended: u64,
    /// The git tree before it; empty for the state the session began at, or where none is recorded.
    pub before: String,
}

impl Call {
    /// Path, command or whatever the tool is about; empty if the arguments do not say.
    #[must_use]
    pub fn subject(&self) -> String {
        let argument = tool::find(&self.tool).map_or("", |t| t.subject);
        let data: Option<serde_json::Value> = serde_json::from_str(&self.data).ok();
        data.and_then(|d| Some(d.get("args")?.get(argument)?.as_str()?.to_owned())).unwrap_or_default()
    }

    /// Whether a person decided it, not a rule or the mode.
    #[must_use]
    pub fn by_person(&self) -> bool {
        self.decision.as_ref().is_some_and(|d| d.rule.is_empty())
    }

    /// What came of it in a word or two: `exit 2`, `done`, `failed timeout`, `refused`, `waits`, `not run`.
    #[must_use]
    pub fn result(&self) -> String {
        match (&self.decision, &self.outcome) {
            (_, Some(Outcome::Completed(done))) => match (done.exit, done.signal) {
                (Some(exit), _) => format!("exit {exit}"),
                (None, Some(signal)) => format!("signal {signal}"),
                (None, None) => "done".to_owned(),
            },
            (_, Some(Outcome::Failed(failed))) => format!("failed {}", code(&failed.code)),
            (Some(decision), None) if decision.decision == Decision::Deny => "refused".to_owned(),
            (None, None) if self.asked => "waits".to_owned(),
            _ => "not run".to_owned(),
        }
    }
}

/// A code as the record writes it.
#[must_use]
pub fn code(code: &ace_schema::data::Code) -> String {
    serde_json::to_value(code).ok().and_then(|v| v.as_str().map(str::to_owned)).unwrap_or_default()
}

/// One answer of the model.
#[derive(Debug, Clone, Default)]
pub struct Answer {
    /// Its record.
    pub seq: u64,
    /// What it said and thought, in order.
    pub parts: Vec<Part>,
    /// It is a summary of the conversation.
    pub summary: bool,
    /// What it called.
    pub calls: Vec<Call>,
    /// Tokens.
    pub usage: Usage,
    /// Why it stopped.
    pub stop: Stop,
    /// Why there is none.
    pub failed: Option<ModelFailed>,
}

/// One turn.
#[derive(Debug, Clone, Default)]
pub struct Turn {
    /// Ordinal.
    pub n: u32,
    /// The record that began it.
    pub began: u64,
    /// What was said.
    pub message: UserMessage,
    /// What steered it while it ran.
    pub steered: Vec<UserMessage>,
    /// The model's answers.
    pub answers: Vec<Answer>,
}

/// A session.
#[derive(Debug, Clone, Default)]
pub struct Story {
    /// How it began.
    pub created: SessionCreated,
    /// The state at its end.
    pub state: State,
    /// The tree of the first snapshot, where it began in the user's own files.
    pub first: String,
    /// What counts of it.
    pub turns: Vec<Turn>,
}

/// What a walk over lines remembers.
#[derive(Default)]
struct Walk {
    story: Story,
    messages: HashMap<String, UserMessage>,
    /// Contexts that ask for a summary, then the claims on them.
    summaries: Vec<String>,
    arriving: Vec<Call>,
    /// By id of the call, then of its decision, then of its claim: turn, answer and call by place.
    open: HashMap<String, (usize, usize, usize)>,
    mode: Mode,
    tree: String,
}

impl Story {
    /// The session of these recorded lines.
    #[must_use]
    pub fn of(lines: &[Line]) -> Self {
        let mut state = State::new();
        lines.iter().for_each(|line| state.fold(line));
        let ranges = state.past.ranges(state.head);
        let counts = |line: &&Line| {
            let seq = line.seq.unwrap_or_default();
            ranges.iter().any(|(first, last)| (*first..=*last).contains(&seq))
        };
        let mut walk = Walk::default();
        lines.iter().filter(counts).for_each(|line| walk.take(line));
        Self { created: state.created.clone(), state, ..walk.story }
    }

    /// All calls in order.
    pub fn calls(&self) -> impl Iterator<Item = &Call> {
        self.turns.iter().flat_map(|turn| &turn.answers).flat_map(|answer| &answer.calls)
    }

    /// What the model said last, its reasoning left out.
    #[must_use]
    pub fn last_words(&self) -> String {
        let last = self.turns.last().and_then(|turn| turn.answers.iter().rev().find(|a| !a.summary));
        let text = |part: &Part| match part {
            Part::Text(text) => Some(text.clone()),
            _ => None,
        };
        last.map(|answer| answer.parts.iter().filter_map(text).collect()).unwrap_or_default()
    }
}

impl Walk {
    fn take(&mut self, line: &Line) {
        let cause = line.cause.as_ref();
        match &*line.ty {
            ty::SESSION_CREATED => self.mode = line.data::<SessionCreated>().map_or(self.mode, |d| d.mode),
            ty::SESSION_CONFIGURED => {
                self.mode = line.data::<SessionConfigured>().ok().and_then(|d| d.mode).unwrap_or(self.mode);
            }
            ty::SESSION_REWOUND => self.tree = line.data::<SessionRewound>().map_or(String::new(), |d| d.tree),
            ty::USER_MESSAGE => {
                let Ok(message) = line.data::<UserMessage>() else { return };
                match self.story.turns.last_mut().filter(|_| message.now) {
                    Some(turn) => turn.steered.push(message),
                    None => drop(self.messages.insert(line.id.to_string(), message)),
                }
            }
            ty::TURN_STARTED => {
                let message = self.messages.remove(cause).unwrap_or_default();
                let began = line.seq.unwrap_or_default();
                self.story.turns.push(Turn { n: line.turn, began, message, ..Turn::default() });
            }
            ty::CONTEXT_BUILT if line.data::<ContextBuilt>().is_ok_and(|d| d.compacts.is_some()) => {
                self.summaries.push(line.id.to_string());
            }
            ty::MODEL_REQUESTED => {
                if self.summaries.iter().any(|id| id == cause) {
                    self.summaries.push(line.id.to_string());
                }
                self.arriving.clear();
            }
            ty::MODEL_CALL => self.call(line),
            ty::MODEL_COMPLETED => self.answer(line),
            ty::MODEL_FAILED => {
                let Ok(failed) = line.data::<ModelFailed>() else { return };
                self.arriving.clear();
                let seq = line.seq.unwrap_or_default();
                let answer = Answer { seq, failed: Some(failed), ..Answer::default() };
                if let Some(turn) = self.story.turns.last_mut() {
                    turn.answers.push(answer);
                }
            }
            ty::PERMISSION_REQUESTED | ty::PERMISSION_RESOLVED | ty::TOOL_STARTED => self.goes_on(line),
            ty::TOOL_COMPLETED | ty::TOOL_FAILED => self.ends(line),
            ty::WORKTREE_SNAPSHOT => {
                let Ok(Stated { tree, .. }) = line.data() else { return };
                if self.tree.is_empty() {
                    self.story.first.clone_from(&tree);
                }
                self.tree = tree;
            }
            _ => {}
        }
    }

    fn call(&mut self, line: &Line) {
        let Ok(call) = line.data::<ToolCall>() else { return };
        let data = line.data.map_or("{}", serde_json::value::RawValue::get).to_owned();
        let (id, seq) = (line.id.to_string(), line.seq.unwrap_or_default());
        self.arriving.push(Call { seq, id, turn: line.turn, tool: call.tool, data, ..Call::default() });
    }

    fn answer(&mut self, line: &Line) {
        let Ok(done) = line.data::<ModelCompleted>() else { return };
        let summary = self.summaries.iter().any(|id| *id == line.cause);
        let calls = if summary { Vec::new() } else { std::mem::take(&mut self.arriving) };
        let Some(at) = self.story.turns.len().checked_sub(1) else { return };
        let answers = &mut self.story.turns[at].answers;
        for (n, call) in calls.iter().enumerate() {
            self.open.insert(call.id.clone(), (at, answers.len(), n));
        }
        let parts = if done.summary.is_empty() { done.parts } else { done.summary };
        let seq = line.seq.unwrap_or_default();
        answers.push(Answer { seq, parts, summary, calls, usage: done.usage, stop: done.stop, failed: None });
    }

    fn at(&mut self, (turn, answer, call): (usize, usize, usize)) -> Option<&mut Call> {
        self.story.turns.get_mut(turn)?.answers.get_mut(answer)?.calls.get_mut(call)
    }

    /// The answer to a record takes its place.
    fn goes_on(&mut self, line: &Line) {
        let Some(&place) = self.open.get(line.cause.as_ref()) else { return };
        let mode = self.mode;
        let Some(call) = self.at(place) else { return };
        match &*line.ty {
            ty::PERMISSION_REQUESTED => (call.asked, call.mode) = (true, mode),
            ty::PERMISSION_RESOLVED => {
                let Ok(decision) = line.data::<PermissionResolved>() else { return };
                if call.decision.is_some() {
                    return;
                }
                if !call.asked {
                    call.mode = mode;
                }
                call.decision = Some(decision);
                self.open.insert(line.id.to_string(), place);
            }
            _ => drop(self.open.insert(line.id.to_string(), place)),
        }
    }

    fn ends(&mut self, line: &Line) {
        let outcome = match &*line.ty {
            ty::TOOL_COMPLETED => line.data().ok().map(|d| Outcome::Completed(Box::new(d))),
            _ => line.data().ok().map(|d| Outcome::Failed(Box::new(d))),
        };
        let (Some(outcome), Some(place)) = (outcome, self.open.remove(line.cause.as_ref())) else { return };
        let (before, after) = (self.tree.clone(), outcome.tree().to_owned());
        if !after.is_empty() {
            self.tree = after;
        }
        let ended = line.seq.unwrap_or_default();
        if let Some(call) = self.at(place) {
            (call.before, call.ended, call.outcome) = (before, ended, Some(outcome));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn fixture(name: &str) -> Vec<u8> {
        let path = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("../../fixtures/sessions").join(name);
        std::fs::read(path).unwrap()
    }

    fn story(text: &[u8]) -> Story {
        let lines: Vec<Line> =
            text.split(|&b| b == b'\n').filter(|l| !l.is_empty()).map(|l| Line::parse(l).unwrap()).collect();
        Story::of(&lines)
    }

    #[test]
    fn calls_have_their_decision_and_outcome() {
        let text = fixture("work.jsonl");
        let story = story(&text);
        let told: Vec<String> = story.calls().map(|c| format!("{} {}: {}", c.tool, c.subject(), c.result())).collect();
        assert!(!told.is_empty() && told.iter().all(|t| !t.ends_with("not run")), "{told:?}");
        assert!(story.calls().all(|c| c.decision.is_some()));
    }

    #[test]
    fn who_waits_waits_and_what_was_denied_is_refused() {
        let text = fixture("waiting.jsonl");
        assert!(story(&text).calls().any(|c| c.result() == "waits"));
    }

    #[test]
    fn ways_back_count_no_more() {
        let text = fixture("travel.jsonl");
        let all = text.split(|&b| b == b'\n').filter(|l| l.windows(14).any(|w| w == b"\"turn.started\"")).count();
        let story = story(&text);
        assert!(story.turns.len() < all, "{} of {all}", story.turns.len());
    }
}
