//! The state of a session: a fold over its recorded lines, small enough to keep for a session of any length.

use ace_schema::data::{
    Budget, BudgetReserved, Code, Compacts, ContextBuilt, EffectRequested, HookCompleted, Limits, MessageVetted,
    ModelCompleted, ModelFailed, PenDropped, PermissionRequested, PermissionResolved, Proposal, SessionCompacted,
    SessionConfigured, SessionCreated, SessionNamed, SessionRewound, Shortening, Stated, ToolDiscovered, TurnFailed,
    UserMessage, WorktreeCreated,
};
use ace_schema::hook::{Hook, Verdict};
use ace_schema::message::Stop;
use ace_schema::permission::{Decision, Mode, Scope};
use ace_schema::{Line, tool, ty};
use serde::{Deserialize, Serialize};
use std::collections::{BTreeSet, VecDeque};

use crate::due::Length;
use crate::past::Past;

/// Which program a claim belongs to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum Role {
    /// Answers contexts.
    Model,
    /// Runs calls.
    Tool,
    /// Sets aside what answers may take.
    Quota,
    /// Runs what the end of a turn waits for.
    Hook,
    /// Runs a call in a copy.
    Effect,
}

/// An effect that somebody has announced and not closed yet.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Claim {
    /// Id of the claim.
    pub id: String,
    /// Whose it is.
    pub role: Role,
    /// Turn it was made in.
    pub turn: u32,
    /// Pen that wrote it.
    pub pen: u32,
    /// The pen is gone, so its owner will never close it.
    pub orphaned: bool,
}

/// A message that no turn has taken up yet.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Waiting {
    /// Its id.
    pub id: String,
    /// Its record.
    pub seq: u64,
    /// It steers the running turn.
    pub now: bool,
    /// It is an order to compact.
    #[serde(default)]
    pub compact: bool,
    /// Blob of the schema that the answer has to fit, or empty.
    #[serde(default)]
    pub schema: String,
    /// Hooks have let it pass.
    #[serde(default)]
    pub vetted: bool,
}

/// How far a call is.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum CallState {
    /// Nobody has decided.
    Requested,
    /// Somebody is asked.
    Asked,
    /// It may run; the id of the decision.
    Allowed(String),
    /// It was claimed; the id of the claim.
    Started(String),
    /// It has an outcome, or was denied.
    Closed,
}

/// Whether a call that waits was run in a copy.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub enum Effect {
    /// Nobody wants that.
    #[default]
    None,
    /// Somebody does; the id of the record that says so.
    Wanted(String),
    /// It is on; the id of the claim.
    Running(String),
    /// It was; the id of the record.
    Seen(String),
}

/// One call of the answer that is being worked off.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Call {
    /// Id of its `model.tool_call_requested`.
    pub id: String,
    /// Its record.
    pub seq: u64,
    /// Tool name.
    pub tool: String,
    /// The exact `data` bytes, which a decision's digest covers.
    pub data: String,
    /// Their digest.
    pub digest: String,
    /// How far it is.
    pub state: CallState,
    /// What a person has answered, if it is a question to them.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub answer: String,
    /// Whether it was run in a copy.
    #[serde(default)]
    pub effect: Effect,
    /// Id of the `effect.completed` that is adopted in place of running it.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub adopts: String,
}

impl Call {
    /// Whether it can be run in a copy: it changes files, and nothing but files.
    #[must_use]
    pub fn can_be_tried(&self) -> bool {
        matches!(self.tool.as_str(), "shell" | "write" | "edit" | "patch")
    }

    /// The program that runs it; the broker for tools that are not in the table.
    #[must_use]
    pub fn program(&self) -> &'static str {
        tool::find(&self.tool).map_or("ace-tool", |t| t.by)
    }

    /// Whether the tool changes nothing, so that it may run beside others.
    #[must_use]
    pub fn reads(&self) -> bool {
        tool::find(&self.tool).is_some_and(|t| t.reads)
    }
}

/// What a running turn waits for.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub enum Phase {
    /// A context has to be built; the id of the record it follows.
    Context(String),
    /// A context waits for a model; its id, model, and the id of the claim once there is one.
    Asking {
        /// Id of `context.built`.
        context: String,
        /// `provider/name`.
        model: String,
        /// Blob of the system text.
        system: String,
        /// Blob of the tool list, or empty.
        tools: String,
        /// Id of the winning `model.requested`.
        claim: Option<String>,
        /// What was set aside for the answer.
        reserved: Option<BudgetReserved>,
        /// The answer wanted is a summary.
        compacts: Option<Compacts>,
        /// Blob of the schema that the answer has to fit, or empty.
        #[serde(default)]
        schema: String,
    },
    /// A summary is there and the conversation has to go on from it; the id of its `model.completed`.
    Compacting(String),
    /// The calls of the last answer are worked off; the id of its `model.completed`.
    Calls(String),
    /// The turn has to be ended: id of the record that ends it, and the reason if it failed.
    Ending {
        /// Last answer or failure.
        cause: String,
        /// Why it failed, if it did.
        failed: Option<(Code, String, String)>,
    },
}

/// A running turn.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Turn {
    /// Ordinal, from 1.
    pub n: u32,
    /// What it waits for.
    pub phase: Phase,
    /// Answers so far.
    pub answers: u64,
    /// Interrupted requests in a row.
    pub interrupted: u32,
    /// Calls of the last answer.
    pub calls: Vec<Call>,
    /// Blob of the schema that its answer has to fit, or empty.
    #[serde(default)]
    pub schema: String,
    /// How often an answer that did not fit was asked for again.
    #[serde(default)]
    pub repairs: u32,
    /// It was begun to compact the conversation, and for nothing else.
    #[serde(default)]
    pub order: bool,
    /// The provider has said that the conversation is too long, and nothing was done about it yet.
    #[serde(default)]
    pub overflowed: bool,
    /// It was summarized since the last answer.
    #[serde(default)]
    pub summarized: bool,
    /// Hooks let it end with its last answer.
    #[serde(default)]
    pub heard: bool,
    /// How often hooks did not let it end.
    #[serde(default)]
    pub held: u32,
    /// Why it must not go on after its calls, as a hook says.
    #[serde(default)]
    pub stopped: String,
}

impl Turn {
    /// Whether a summary is asked for.
    #[must_use]
    pub fn summarizes(&self) -> bool {
        matches!(&self.phase, Phase::Asking { compacts: Some(_), .. })
    }

    /// What is known of the length of the conversation.
    #[must_use]
    pub fn length(&self) -> Length {
        match self {
            Self { order: true, .. } => Length::Ordered,
            Self { summarized: true, .. } => Length::Least,
            Self { overflowed: true, .. } => Length::TooLong,
            _ => Length::Unknown,
        }
    }
}

/// How the last turn ended.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum TurnEnd {
    /// With an answer.
    Completed,
    /// Without, and why.
    Failed {
        /// Kind of failure.
        code: Code,
        /// For people.
        message: String,
        /// What to do.
        hint: String,
    },
    /// A person stopped it.
    Cancelled,
}

/// When a turn began and how it ended.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct TurnMark {
    /// Record of its message.
    pub message: u64,
    /// Record of its start.
    pub began: u64,
    /// Record of its end, and how it ended.
    pub ended: Option<(u64, TurnEnd)>,
}

/// The state of a session after some recorded line.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct State {
    /// A stream without a log: nobody claims anything, so what answers a context answers it without a claim.
    pub unrecorded: bool,
    /// Last recorded line folded.
    pub head: u64,
    /// Session id.
    pub session: String,
    /// The session whose limits these are: the first one, of which this one is or a fork.
    pub family: String,
    /// The first record.
    pub created: SessionCreated,
    /// Current name.
    pub name: String,
    /// Current `provider/model`.
    pub model: String,
    /// Current mode.
    pub mode: Mode,
    /// Current limits.
    pub limits: Limits,
    /// Ordinal of the last turn started.
    pub turns: u32,
    /// The last ordinal that is used up: by that turn, or by a message that was taken back before one could begin.
    pub ordinal: u32,
    /// The running turn.
    pub turn: Option<Turn>,
    /// Messages that wait.
    pub waiting: VecDeque<Waiting>,
    /// Hooks that it waits for.
    pub hooks: Vec<Hook>,
    /// The last offer of tools.
    pub offer: Option<ToolDiscovered>,
    /// Blob of the system text of the last context; empty before the first.
    pub system: String,
    /// Every `session.compacted` that was due.
    pub compactions: Vec<u64>,
    /// It was put away and nothing was begun since.
    pub archived: bool,
    /// Claims that are open.
    pub claims: Vec<Claim>,
    /// What people allowed beyond a single call, with the id of each answer: as long as this session goes on.
    pub grants: Vec<(String, Proposal)>,
    /// How the last turn ended; `None` too where the past ends in the middle of one.
    pub ended: Option<TurnEnd>,
    /// Which records count.
    pub past: Past,
    /// Every turn, those that count no more included.
    pub marks: Vec<TurnMark>,
    /// The git tree of the work tree, as recorded last; empty if none was.
    pub tree: String,
    /// The commit HEAD stood on, as recorded last beside a tree; empty if none was.
    pub commit: String,
    /// Ids of the warnings about limits so far.
    pub warned: BTreeSet<String>,
    /// Calls recorded ahead of their `model.completed`.
    arriving: Vec<Call>,
    /// The client that is asked in place of the user: the pen that registered it, and its name.
    pub asks: Option<(u32, String)>,
    /// Pens that are recorded as gone. A claim may be recorded after that: it was on its way when its writer fell.
    dropped: BTreeSet<u32>,
    /// Lines of unknown type or payload, kept and counted.
    pub unknown: u64,
}

impl State {
    /// An empty state.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Takes in one recorded line. In a stream without a log (`log.none`) any line, as if recorded.
    pub fn fold(&mut self, line: &Line) {
        if let Some(seq) = line.seq {
            self.head = seq;
        }
        if self.session.is_empty() {
            self.session = line.session.to_string();
            self.family.clone_from(&self.session);
        }
        match &*line.ty {
            ty::SESSION_CREATED => self.on_created(line),
            ty::SESSION_NAMED => self.with(line, |s, d: SessionNamed| s.name = d.name),
            ty::SESSION_REWOUND => self.with(line, |s, d: SessionRewound| s.on_rewound(d)),
            ty::SESSION_ARCHIVED => self.archived = true,
            ty::SESSION_CONFIGURED => self.with(line, |s, d| s.on_configured(line.pen.unwrap_or_default(), d)),
            ty::SESSION_COMPACTED => self.on_compacted(line),
            ty::USER_MESSAGE => self.on_message(line),
            ty::MESSAGE_STEERED => self.on_steered(line),
            ty::MESSAGE_WITHDRAWN => self.on_withdrawn(line),
            ty::MESSAGE_VETTED => self.on_vetted(line),
            ty::TURN_STARTED => self.on_started(line),
            ty::CONTEXT_BUILT => self.on_context(line),
            ty::BUDGET_RESERVED => self.on_reserved(line),
            ty::BUDGET_RELEASED => self.on_released(line),
            ty::BUDGET_WARNED => drop(self.warned.insert(line.id.to_string())),
            ty::BUDGET_EXCEEDED => self.on_exceeded(line),
            ty::MODEL_REQUESTED => self.on_model_claim(line),
            ty::MODEL_CALL => self.on_call(line),
            ty::MODEL_COMPLETED => self.on_answer(line),
            ty::MODEL_FAILED => self.on_model_failed(line),
            ty::PERMISSION_REQUESTED => self.on_asked(line),
            ty::PERMISSION_RESOLVED => self.on_resolved(line),
            ty::EFFECT_REQUESTED => self.on_effect_wanted(line),
            ty::EFFECT_STARTED => self.on_effect_claim(line),
            ty::EFFECT_COMPLETED | ty::EFFECT_FAILED => self.on_effect(line),
            ty::TOOL_DISCOVERED => self.with(line, |s, d: ToolDiscovered| s.offer = Some(d)),
            ty::TOOL_STARTED => self.on_tool_claim(line),
            ty::TOOL_COMPLETED | ty::TOOL_FAILED => {
                self.on_tree(line);
                self.on_outcome(line);
            }
            ty::HOOK_STARTED => self.on_hook_claim(line),
            ty::HOOK_COMPLETED => self.on_hook(line),
            ty::WORKTREE_SNAPSHOT => self.on_tree(line),
            ty::WORKTREE_CREATED => self.with(line, |s, d: WorktreeCreated| s.created.worktree = Some(d)),
            ty::TURN_COMPLETED => self.on_end(line, TurnEnd::Completed),
            ty::TURN_CANCELLED => self.on_end(line, TurnEnd::Cancelled),
            ty::TURN_FAILED => self.on_turn_failed(line),
            ty::PEN_DROPPED => self.with(line, Self::on_pen_dropped),
            other => self.unknown += u64::from(ace_schema::event::find(other).is_none()),
        }
    }

    /// Takes in whole recorded lines.
    pub fn fold_all(&mut self, lines: &[u8]) {
        for line in lines.split(|&b| b == b'\n') {
            if let Ok(line) = Line::parse(line) {
                self.fold(&line);
            }
        }
    }

    /// Whether the last turn has ended, no claim is open and no message waits.
    #[must_use]
    pub fn is_settled(&self) -> bool {
        self.turn.is_none() && self.claims.is_empty() && self.waiting.is_empty()
    }

    /// Calls that wait for a person.
    pub fn asked(&self) -> impl Iterator<Item = &Call> {
        self.calls().filter(|c| c.state == CallState::Asked)
    }

    /// Whether the turn can only go on when a person answers: somebody is asked and nothing else is open or due.
    #[must_use]
    pub fn waits_for_person(&self) -> bool {
        self.asked().next().is_some() && self.claims.is_empty() && self.due().next().is_none()
    }

    /// The calls of the answer that is being worked off.
    pub fn calls(&self) -> impl Iterator<Item = &Call> {
        self.turn.iter().flat_map(|t| &t.calls)
    }

    /// The call of that id or record, in the running turn.
    #[must_use]
    pub fn call(&self, id: &str) -> Option<&Call> {
        self.calls().find(|c| c.id == id)
    }

    /// The open claim of that id.
    #[must_use]
    pub fn claim(&self, id: &str) -> Option<&Claim> {
        self.claims.iter().find(|c| c.id == id)
    }

    /// The state of files that a record names, whatever else it says.
    fn on_tree(&mut self, line: &Line) {
        if let Ok(stated) = line.data::<Stated>()
            && !stated.tree.is_empty()
        {
            self.tree = stated.tree;
            if !stated.commit.is_empty() {
                self.commit = stated.commit;
            }
        }
    }

    fn with<'a, T: Deserialize<'a>>(&mut self, line: &Line<'a>, then: impl FnOnce(&mut Self, T)) {
        match line.data() {
            Ok(data) => then(self, data),
            Err(_) => self.unknown += 1,
        }
    }

    fn on_created(&mut self, line: &Line) {
        self.with(line, |s, d: SessionCreated| {
            s.name.clone_from(&d.name);
            s.model.clone_from(&d.model);
            s.mode = d.mode;
            s.limits = d.limits.clone();
            s.hooks.clone_from(&d.hooks);
            if let Some(from) = &d.forked_from {
                s.fork(from.goes_on);
                (s.session, s.archived) = (line.session.to_string(), false);
                // Pens are numbered anew.
                s.dropped.clear();
                s.asks = None;
            }
            s.created = d;
        });
    }

    /// The past of a fork: a turn that waited for a context may go on, nothing else that was under way does.
    fn fork(&mut self, goes_on: bool) {
        let turn = self.turn.take_if(|turn| goes_on && matches!(turn.phase, Phase::Context(_)));
        self.leave_behind();
        self.turn = turn;
    }

    /// What was under way in the past that this one goes on from is not under way here.
    fn leave_behind(&mut self) {
        if self.turn.take().is_some() {
            self.ended = None;
        }
        self.claims.clear();
        self.waiting.clear();
        self.arriving.clear();
    }

    fn on_rewound(&mut self, d: SessionRewound) {
        self.leave_behind();
        self.past.go_back(self.head, d.to);
        if !d.tree.is_empty() {
            self.tree = d.tree;
        }
        let ended = self.last_turn().and_then(|mark| mark.ended.clone());
        self.ended = ended.filter(|(seq, _)| self.past.counts(self.head, *seq)).map(|(_, end)| end);
    }

    /// The last turn that counts.
    #[must_use]
    pub fn last_turn(&self) -> Option<&TurnMark> {
        let ranges = self.past.ranges(self.head);
        let counts = |seq: u64| ranges.iter().any(|(first, last)| (*first..=*last).contains(&seq));
        self.marks.iter().rev().find(|mark| counts(mark.began))
    }

    /// The record before the last turn that counts, its message included; `None` if there is none.
    #[must_use]
    pub fn before_last_turn(&self) -> Option<u64> {
        let last = self.last_turn()?;
        let ended = |mark: &TurnMark| mark.ended.as_ref().map_or(mark.began, |(seq, _)| *seq);
        let was_queued = self.marks.iter().any(|m| m.began < last.began && last.message < ended(m));
        Some(if was_queued { last.began } else { last.message.min(last.began) }.saturating_sub(1))
    }

    fn on_configured(&mut self, pen: u32, d: SessionConfigured) {
        if let Some(model) = d.model {
            self.model = model;
        }
        if let Some(mode) = d.mode {
            self.mode = mode;
        }
        if let Some(limits) = d.limits {
            self.limits = limits;
        }
        if let Some(hooks) = d.hooks {
            self.hooks = hooks;
        }
        if let Some(name) = d.asks {
            // A client whose pen was gone by then is not there.
            self.asks = Some((pen, name)).filter(|(pen, name)| !name.is_empty() && !self.dropped.contains(pen));
        }
    }

    /// The last compaction that counts: contexts begin there. 0 if there is none.
    #[must_use]
    pub fn compacted(&self) -> u64 {
        let ranges = self.past.ranges(self.head);
        let counts = |seq: u64| ranges.iter().any(|(first, last)| (*first..=*last).contains(&seq));
        self.compactions.iter().rev().copied().find(|seq| counts(*seq)).unwrap_or(0)
    }

    /// The ranges of records that a context names which is built now.
    #[must_use]
    pub fn context_ranges(&self) -> Vec<Vec<u64>> {
        let from = self.compacted();
        let mut ranges = self.past.context();
        ranges.retain(|range| range.get(1).is_none_or(|last| *last >= from));
        if let Some(first) = ranges.first_mut().and_then(|range| range.first_mut()) {
            *first = (*first).max(from);
        }
        ranges
    }

    /// The conversation goes on from a shorter one. It counts only where it was due: a context may have been quicker.
    fn on_compacted(&mut self, line: &Line) {
        let Ok(done) = line.data::<SessionCompacted>() else {
            self.unknown += 1;
            return;
        };
        let Some(turn) = self.turn.as_mut().filter(|t| t.n == line.turn) else { return };
        match &turn.phase {
            Phase::Context(cause) | Phase::Compacting(cause) if *cause == line.cause => {}
            _ => return,
        }
        self.compactions.push(line.seq.unwrap_or_default());
        turn.overflowed = false;
        turn.summarized |= done.how == Shortening::Summary;
        let id = line.id.to_string();
        turn.phase = if turn.order { Phase::Ending { cause: id, failed: None } } else { Phase::Context(id) };
    }

    fn on_message(&mut self, line: &Line) {
        let (id, seq) = (line.id.to_string(), line.seq.unwrap_or_default());
        self.with(line, |s, d: UserMessage| {
            // Without a turn to steer, a steering message is a message.
            let now = d.now && !d.compact && s.turn.is_some();
            s.waiting.push_back(Waiting {
                id,
                seq,
                now,
                compact: d.compact,
                schema: d.schema.map(|b| b.sha).unwrap_or_default(),
                vetted: false,
            });
        });
    }

    /// Whether hooks have to hear this message before it is taken up. An order is none.
    #[must_use]
    pub fn is_held(&self, message: &Waiting) -> bool {
        !message.vetted && !message.compact && self.hooks.contains(&Hook::UserPromptSubmit)
    }

    fn on_vetted(&mut self, line: &Line) {
        self.with(line, |s, d: MessageVetted| {
            let Some(at) = s.waiting.iter().position(|w| w.id == line.cause && !w.vetted) else { return };
            if d.verdict == Verdict::Passes {
                s.waiting[at].vetted = true;
                return;
            }
            s.waiting.remove(at);
            if s.turn.is_none() {
                s.ended = Some(TurnEnd::Failed { code: Code::Hook, message: d.why, hint: String::new() });
            }
        });
    }

    /// Hooks hear an answer before the turn ends with it. The first claim wins.
    fn on_hook_claim(&mut self, line: &Line) {
        let ends = |t: &Turn| {
            t.n == line.turn && matches!(&t.phase, Phase::Ending { cause, failed: None } if *cause == line.cause)
        };
        let is_free = self.claims.iter().all(|c| c.role != Role::Hook);
        if is_free && self.turn.as_ref().is_some_and(|t| !t.heard && ends(t)) {
            self.claim_as(line, Role::Hook);
        }
    }

    fn on_hook(&mut self, line: &Line) {
        if !self.close(line, Role::Hook) {
            return;
        }
        let Some(turn) = self.turn.as_mut().filter(|t| t.n == line.turn) else { return };
        let said = line.data::<HookCompleted>();
        let (verdict, why) = said.map_or((Verdict::Fails, String::new()), |d| (d.verdict, d.why));
        let fails =
            |why: String| Phase::Ending { cause: line.id.to_string(), failed: Some((Code::Hook, why, String::new())) };
        match verdict {
            Verdict::Passes => turn.heard = true,
            Verdict::Blocks if turn.held >= ace_schema::limits::STOPS_HELD => {
                turn.phase = fails(format!("hooks have kept the turn from its end {} times: {why}", turn.held));
            }
            Verdict::Blocks => {
                turn.held += 1;
                turn.phase = Phase::Context(line.id.to_string());
            }
            Verdict::Fails => turn.phase = fails(why),
        }
    }

    fn on_steered(&mut self, line: &Line) {
        if self.turn.is_some()
            && let Some(message) = self.waiting.iter_mut().find(|w| w.id == line.cause && !w.compact)
        {
            message.now = true;
        }
    }

    fn on_withdrawn(&mut self, line: &Line) {
        self.waiting.retain(|w| w.id != line.cause);
        if line.id == ace_schema::id::turn(self.ordinal + 1) {
            self.ordinal += 1;
        }
    }

    fn on_started(&mut self, line: &Line) {
        let Some(at) = self.waiting.iter().position(|w| w.id == line.cause) else { return };
        if self.turn.is_some() {
            return;
        }
        let message = self.waiting.remove(at);
        let order = message.as_ref().is_some_and(|w| w.compact);
        let said = message.as_ref().map_or(0, |w| w.seq);
        self.marks.push(TurnMark { message: said, began: self.head, ended: None });
        self.archived = false;
        (self.turns, self.ordinal) = (line.turn, self.ordinal.max(line.turn));
        self.ended = None;
        self.turn = Some(Turn {
            n: line.turn,
            phase: Phase::Context(line.id.to_string()),
            answers: 0,
            interrupted: 0,
            calls: Vec::new(),
            schema: message.map(|w| w.schema).unwrap_or_default(),
            repairs: 0,
            order,
            overflowed: false,
            summarized: false,
            heard: false,
            held: 0,
            stopped: String::new(),
        });
    }

    fn on_context(&mut self, line: &Line) {
        let Ok(built) = line.data::<ContextBuilt>() else {
            self.unknown += 1;
            return;
        };
        let Some(turn) = self.turn.as_mut().filter(|t| t.n == line.turn) else { return };
        match &turn.phase {
            Phase::Context(cause) if *cause == line.cause => {}
            // An answer that did not fit its schema.
            Phase::Ending { cause, failed: None } if *cause == line.cause && !built.repair.is_empty() => {
                turn.repairs += 1
            }
            _ => return,
        }
        self.system.clone_from(&built.system);
        // What steers is for the context of an answer.
        if built.compacts.is_none() {
            let vets = self.hooks.contains(&Hook::UserPromptSubmit);
            self.waiting.retain(|w| !w.now || (vets && !w.vetted));
        }
        turn.heard = false;
        turn.phase = Phase::Asking {
            context: line.id.to_string(),
            model: built.model,
            system: built.system,
            tools: built.tools,
            claim: None,
            reserved: None,
            compacts: built.compacts,
            schema: built.schema,
        };
        turn.calls.clear();
    }

    /// What is set aside for the context that waits. The first word about a context counts.
    fn on_reserved(&mut self, line: &Line) {
        self.with(line, |s, d: BudgetReserved| {
            let Some(turn) = s.turn.as_mut().filter(|t| t.n == line.turn) else { return };
            if let Phase::Asking { context, claim: None, reserved: reserved @ None, .. } = &mut turn.phase
                && *context == line.cause
            {
                *reserved = Some(d);
                if !s.unrecorded {
                    s.claim_as(line, Role::Quota);
                }
            }
        });
    }

    /// Its holder is gone, and with it what was set aside: the context is built again, for a new reservation.
    fn on_released(&mut self, line: &Line) {
        if !self.close(line, Role::Quota) {
            return;
        }
        let Some(turn) = self.turn.as_mut().filter(|t| t.n == line.turn) else { return };
        if matches!(turn.phase, Phase::Asking { claim: None, .. }) {
            turn.phase = Phase::Context(line.id.to_string());
        }
    }

    /// Nothing could be set aside: the turn has to end before anybody is asked. What was asked already goes on.
    fn on_exceeded(&mut self, line: &Line) {
        self.with(line, |s, d: Budget| {
            let Some(turn) = s.turn.as_mut().filter(|t| t.n == line.turn) else { return };
            let waits = |p: &Phase| {
                matches!(p, Phase::Asking { context, claim: None, reserved: None, .. } if *context == line.cause)
            };
            if waits(&turn.phase) {
                let message = if d.message.is_empty() { format!("the limit of {} is reached", d.limit) } else { d.message };
                let failed = Some((Code::Limit, message, d.hint));
                turn.phase = Phase::Ending { cause: line.id.to_string(), failed };
            }
        });
    }

    fn on_model_claim(&mut self, line: &Line) {
        let Some(turn) = self.turn.as_mut().filter(|t| t.n == line.turn) else { return };
        let Phase::Asking { context, claim, .. } = &mut turn.phase else { return };
        if *context != line.cause || claim.is_some() {
            return;
        }
        *claim = Some(line.id.to_string());
        self.claims.retain(|c| c.role != Role::Quota);
        self.claim_as(line, Role::Model);
        self.arriving.clear();
    }

    fn on_call(&mut self, line: &Line) {
        #[derive(Deserialize)]
        struct Named {
            tool: String,
        }
        if self.arriving.len() >= ace_schema::limits::CALLS_PER_ANSWER {
            // No model program of ours sends more; what does is not worth anybody's memory.
            self.unknown += 1;
            return;
        }
        if self.claim(&line.cause).is_none_or(|c| c.role != Role::Model) && !self.answers_unclaimed(line) {
            return;
        }
        let (id, seq) = (line.id.to_string(), line.seq.unwrap_or_default());
        let data = line.data.map_or("{}", serde_json::value::RawValue::get).to_owned();
        self.with(line, |s, d: Named| {
            let digest = crate::digest(data.as_bytes());
            s.arriving.push(Call {
                id,
                seq,
                tool: d.tool,
                data,
                digest,
                state: CallState::Requested,
                answer: String::new(),
                effect: Effect::None,
                adopts: String::new(),
            });
        });
    }

    /// Closes the claim that the line answers; `false` if there is none of that role.
    fn close(&mut self, line: &Line, role: Role) -> bool {
        let before = self.claims.len();
        self.claims.retain(|c| c.id != line.cause || c.role != role);
        self.claims.len() < before
    }

    /// Whether the line answers the context that is asked about, in a stream where nobody claims.
    fn answers_unclaimed(&self, line: &Line) -> bool {
        let asked = |t: &Turn| matches!(&t.phase, Phase::Asking { context, .. } if *context == line.cause);
        self.unrecorded && self.turn.as_ref().is_some_and(asked)
    }

    fn on_answer(&mut self, line: &Line) {
        if !self.answers_unclaimed(line) && !self.close(line, Role::Model) {
            return;
        }
        let calls = std::mem::take(&mut self.arriving);
        let stop = line.data::<ModelCompleted>().map(|d| d.stop).unwrap_or_default();
        let Some(turn) = self.turn.as_mut().filter(|t| t.n == line.turn) else { return };
        turn.interrupted = 0;
        let id = line.id.to_string();
        if matches!(&turn.phase, Phase::Asking { compacts: Some(_), .. }) {
            // Whatever else it asks for: a summary was wanted.
            turn.phase = Phase::Compacting(id);
            return;
        }
        turn.answers += 1;
        turn.summarized = false;
        turn.phase = match (calls.is_empty(), stop) {
            (false, _) => Phase::Calls(id),
            (true, Stop::Pause) => Phase::Context(id),
            (true, stop) => Phase::Ending { failed: stop_failure(stop), cause: id },
        };
        turn.calls = calls;
    }

    fn on_model_failed(&mut self, line: &Line) {
        if !self.close(line, Role::Model) {
            return;
        }
        self.arriving.clear();
        let Some(turn) = self.turn.as_mut().filter(|t| t.n == line.turn) else { return };
        let id = line.id.to_string();
        let (code, message, hint) = line
            .data::<ModelFailed>()
            .map_or((Code::Other("unreadable".into()), String::new(), String::new()), |d| (d.code, d.message, d.hint));
        if code == Code::Interrupted && turn.interrupted < ace_schema::limits::INTERRUPTED_RETRIES {
            // Asking again changes nothing outside, unlike running again.
            turn.interrupted += 1;
            turn.phase = Phase::Context(id);
        } else if code == Code::Context && !turn.summarized && !turn.summarizes() {
            turn.overflowed = true;
            turn.phase = Phase::Context(id);
        } else {
            turn.phase = Phase::Ending { cause: id, failed: Some((code, message, hint)) };
        }
    }

    fn claim_as(&mut self, line: &Line, role: Role) {
        let pen = line.pen.unwrap_or_default();
        let orphaned = self.dropped.contains(&pen);
        self.claims.push(Claim { id: line.id.to_string(), role, turn: line.turn, pen, orphaned });
    }

    fn open_call(&mut self, pick: impl Fn(&Call) -> bool) -> Option<&mut Call> {
        self.turn.as_mut()?.calls.iter_mut().find(|c| pick(c))
    }

    fn on_asked(&mut self, line: &Line) {
        let effect = line.data::<PermissionRequested>().is_ok_and(|d| d.effect);
        if let Some(call) = self.open_call(|c| c.id == line.cause && c.state == CallState::Requested) {
            call.state = CallState::Asked;
            if effect && call.can_be_tried() {
                call.effect = Effect::Wanted(line.id.to_string());
            }
        }
    }

    /// A person wants to see what a call does. What was seen can be seen anew: files may have changed since.
    fn on_effect_wanted(&mut self, line: &Line) {
        let Ok(wanted) = line.data::<EffectRequested>() else { return };
        let fits = |c: &Call| c.id == line.cause && c.state == CallState::Asked && c.digest == wanted.digest;
        if let Some(call) = self.open_call(|c| fits(c) && c.can_be_tried() && !matches!(c.effect, Effect::Running(_))) {
            call.effect = Effect::Wanted(line.id.to_string());
        }
    }

    fn on_effect_claim(&mut self, line: &Line) {
        let cause = line.cause.as_ref();
        let is_wanted =
            |c: &Call| c.state == CallState::Asked && matches!(&c.effect, Effect::Wanted(id) if id == cause);
        let Some(call) = self.open_call(is_wanted) else { return };
        call.effect = Effect::Running(line.id.to_string());
        self.claim_as(line, Role::Effect);
    }

    fn on_effect(&mut self, line: &Line) {
        if !self.close(line, Role::Effect) {
            return;
        }
        let cause = line.cause.as_ref();
        if let Some(call) = self.open_call(|c| matches!(&c.effect, Effect::Running(id) if id == cause)) {
            let seen = line.ty == ty::EFFECT_COMPLETED;
            call.effect = if seen { Effect::Seen(line.id.to_string()) } else { Effect::None };
        }
    }

    fn on_resolved(&mut self, line: &Line) {
        let Ok(resolved) = line.data::<PermissionResolved>() else {
            self.unknown += 1;
            return;
        };
        let undecided = |c: &Call| matches!(c.state, CallState::Requested | CallState::Asked);
        let Some(call) = self.open_call(|c| c.id == line.cause && undecided(c)) else { return };
        // A decision over other arguments than these, or over an effect that nobody saw, allows nothing.
        let seen = resolved.effect.is_empty() || call.effect == Effect::Seen(resolved.effect.clone());
        let allowed = resolved.decision == Decision::Allow && resolved.digest == call.digest && seen;
        if allowed {
            (call.answer, call.adopts) = (resolved.answer, resolved.effect);
        }
        call.state = if allowed { CallState::Allowed(line.id.to_string()) } else { CallState::Closed };
        // Only an answer that counted grants anything; beyond the limit it is asked again.
        if let Some(grant) = resolved.grant.filter(|_| allowed && resolved.scope != Scope::Once)
            && self.grants.len() < ace_schema::limits::GRANTS
        {
            self.grants.push((line.id.to_string(), grant));
        }
        self.calls_done();
    }

    fn on_tool_claim(&mut self, line: &Line) {
        let cause = line.cause.as_ref();
        let Some(call) = self.open_call(|c| matches!(&c.state, CallState::Allowed(id) if id == cause)) else { return };
        call.state = CallState::Started(line.id.to_string());
        self.claim_as(line, Role::Tool);
    }

    fn on_outcome(&mut self, line: &Line) {
        if !self.close(line, Role::Tool) {
            return;
        }
        let cause = line.cause.as_ref();
        if let Some(call) = self.open_call(|c| matches!(&c.state, CallState::Started(id) if id == cause)) {
            call.state = CallState::Closed;
        }
        let stops = line.data::<Stops>().map(|d| d.stops).unwrap_or_default();
        if let Some(turn) = self.turn.as_mut().filter(|t| t.stopped.is_empty()) {
            turn.stopped = stops;
        }
        self.end_stopped(line);
        self.calls_done();
    }

    /// A hook has stopped the turn: what has not begun never will, and it ends when the rest has.
    fn end_stopped(&mut self, line: &Line) {
        let runs = self.claims.iter().any(|c| c.role == Role::Tool);
        let Some(turn) = self.turn.as_mut().filter(|t| !t.stopped.is_empty() && !runs) else { return };
        if matches!(turn.phase, Phase::Calls(_)) {
            let failed = Some((Code::Hook, turn.stopped.clone(), String::new()));
            turn.phase = Phase::Ending { cause: line.id.to_string(), failed };
        }
    }

    /// When every call is closed, the next context is due.
    fn calls_done(&mut self) {
        let Some(turn) = self.turn.as_mut() else { return };
        if let Phase::Calls(answer) = &turn.phase
            && turn.calls.iter().all(|c| c.state == CallState::Closed)
        {
            turn.phase = Phase::Context(answer.clone());
        }
    }

    fn on_turn_failed(&mut self, line: &Line) {
        let end = line.data::<TurnFailed>().map_or(
            TurnEnd::Failed { code: Code::Other("unreadable".into()), message: String::new(), hint: String::new() },
            |d| TurnEnd::Failed { code: d.code, message: d.message, hint: d.hint },
        );
        self.on_end(line, end);
    }

    fn on_end(&mut self, line: &Line, end: TurnEnd) {
        if self.turn.as_ref().is_some_and(|t| t.n == line.turn) {
            self.turn = None;
            if let Some(mark) = self.marks.last_mut() {
                mark.ended = Some((self.head, end.clone()));
            }
            // What was set aside for an answer that nobody asks for any more holds nobody up.
            self.claims.retain(|c| c.role != Role::Quota);
            self.ended = Some(end);
            for message in &mut self.waiting {
                message.now = false;
            }
        }
    }

    fn on_pen_dropped(&mut self, d: PenDropped) {
        self.dropped.insert(d.pen);
        self.asks.take_if(|(pen, _)| *pen == d.pen);
        for claim in self.claims.iter_mut().filter(|c| c.pen == d.pen) {
            claim.orphaned = true;
        }
    }
}

/// The one field of an outcome that ends a turn.
#[derive(Deserialize)]
struct Stops {
    #[serde(default)]
    stops: String,
}

/// Why an answer without calls is no answer, for people.
fn stop_failure(stop: Stop) -> Option<(Code, String, String)> {
    let (code, message) = match stop {
        Stop::End | Stop::Tools | Stop::Pause => return None,
        Stop::Length => (Code::Limit, "the model reached its output limit"),
        Stop::Filter => (Code::Refused, "the provider's filter stopped the answer"),
        Stop::Refusal => (Code::Refused, "the model declined"),
        Stop::Context => (Code::Context, "the context window of the model is full"),
    };
    Some((code, message.to_owned(), String::new()))
}
