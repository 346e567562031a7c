//! A session as a card of the list, and in detail: folds of its log and nothing else.

use ace_core::{Call, CallState, Phase, State, TurnEnd};
use ace_schema::data::{
    BlobRef, ModelCompleted, ModelFailed, PermissionRequested, Proposal, ToolCall, ToolCompleted, ToolFailed,
    UserMessage,
};
use ace_schema::message::Usage;
use ace_schema::question::{Question, TOOL};
use ace_schema::{Line, limits, tool, ty};
use ace_storage::{Blobs, Log};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, HashMap};
use std::io;

/// Tokens by kind.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Tokens {
    /// Input that no cache held.
    pub input: u64,
    /// Input read from a cache.
    pub cache_read: u64,
    /// Input written to a cache.
    pub cache_write: u64,
    /// Output, reasoning included.
    pub output: u64,
    /// Reasoning inside output.
    pub reasoning: u64,
}

impl Tokens {
    /// Adds what one answer took.
    pub fn add(&mut self, usage: &Usage) {
        self.input = self.input.saturating_add(usage.input);
        self.cache_read = self.cache_read.saturating_add(usage.cache_read);
        self.cache_write = self.cache_write.saturating_add(usage.cache_write);
        self.output = self.output.saturating_add(usage.output);
        self.reasoning = self.reasoning.saturating_add(usage.reasoning);
    }

    /// Adds others.
    pub fn join(&mut self, other: &Self) {
        self.input = self.input.saturating_add(other.input);
        self.cache_read = self.cache_read.saturating_add(other.cache_read);
        self.cache_write = self.cache_write.saturating_add(other.cache_write);
        self.output = self.output.saturating_add(other.output);
        self.reasoning = self.reasoning.saturating_add(other.reasoning);
    }

    /// All of them, those of reasoning being in the output already.
    #[must_use]
    pub fn total(&self) -> u64 {
        [self.cache_read, self.cache_write, self.output].into_iter().fold(self.input, u64::saturating_add)
    }
}

/// What was changed.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Changes {
    /// Files.
    pub files: u64,
    /// Lines added.
    pub added: u64,
    /// Lines removed.
    pub removed: u64,
}

/// A call that waits for a person, as a list shows it.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Asking {
    /// Id of the call.
    pub call: String,
    /// Record of the question.
    pub seq: u64,
    /// The tool.
    pub tool: String,
    /// What the call is about, in one line.
    pub subject: String,
    /// When it was asked.
    pub since: String,
}

/// How a session stands.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Stand {
    /// A person is asked.
    Waits,
    /// Somebody runs it.
    Running,
    /// Something is due and nobody runs it.
    Stopped,
    /// The last turn ended with an answer.
    Done,
    /// It failed.
    Failed,
    /// A person stopped it.
    Cancelled,
    /// No turn was begun.
    #[default]
    New,
    /// The log cannot be read.
    Damaged,
}

/// The session this one was forked from.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Parent {
    /// Its id.
    pub session: String,
    /// The last record of it that is part of this one.
    pub seq: u64,
}

/// A session in the list.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(default)]
pub struct Card {
    /// Its id.
    pub id: String,
    /// Its name.
    pub name: String,
    /// How it stands.
    pub state: Stand,
    /// The same in words, with what it is about.
    pub detail: String,
    /// Last part of the repository's path, or of the folder's.
    pub project: String,
    /// Root of the person's own work tree; empty outside git.
    pub repository: String,
    /// Its branch; empty if it has none of its own.
    pub branch: String,
    /// `provider/model`.
    pub model: String,
    /// Mode: plan, ask, edit or auto.
    pub mode: String,
    /// Micro-dollars; null if any part has no price.
    pub cost: Option<u64>,
    /// Tokens.
    pub tokens: Tokens,
    /// What was changed.
    pub changed: Changes,
    /// Turns begun.
    pub turns: u32,
    /// Calls that have ended.
    pub calls: u64,
    /// Its last record.
    pub head: u64,
    /// Time of its first record.
    pub created: String,
    /// Time of its last record.
    pub last: String,
    /// It was put away.
    pub archived: bool,
    /// Somebody runs it now.
    pub running: bool,
    /// Messages that wait.
    pub queued: u64,
    /// Calls that wait for a person.
    pub asks: Vec<Asking>,
    /// What it was forked from.
    pub forked_from: Option<Parent>,
    /// Who began it.
    pub owner: String,
}

/// The sums of a log that its state does not hold.
#[derive(Debug, Clone, Default)]
pub struct Tally {
    tokens: Tokens,
    spent: u64,
    unpriced: bool,
    changed: BTreeMap<String, (u64, u64)>,
    more: Changes,
    calls: u64,
    created: String,
    last: String,
    asked: HashMap<String, (u64, String, PermissionRequested)>,
}

impl Tally {
    /// Takes in a recorded line.
    pub fn fold(&mut self, line: &Line) {
        if !line.is_recorded() {
            return;
        }
        match &*line.ty {
            // What a fork's past has cost and changed is counted where it happened.
            ty::SESSION_CREATED => *self = Self { created: line.ts.to_string(), ..Self::default() },
            ty::MODEL_COMPLETED => {
                if let Ok(data) = line.data::<ModelCompleted>() {
                    self.tokens.add(&data.usage);
                    self.price(data.cost);
                }
            }
            ty::MODEL_FAILED => {
                if let Ok(ModelFailed { usage: Some(usage), cost, .. }) = line.data() {
                    self.tokens.add(&usage);
                    self.price(cost);
                }
            }
            ty::PERMISSION_REQUESTED => {
                if let Ok(data) = line.data() {
                    let asked = (line.seq.unwrap_or_default(), line.ts.to_string(), data);
                    self.asked.insert(line.cause.to_string(), asked);
                }
            }
            ty::PERMISSION_RESOLVED => drop(self.asked.remove(line.cause.as_ref())),
            ty::TURN_STARTED => self.asked.clear(),
            ty::TOOL_COMPLETED => {
                self.calls += 1;
                if let Ok(ToolCompleted { changed, changed_more, .. }) = line.data() {
                    self.change(changed, changed_more);
                }
            }
            ty::TOOL_FAILED => {
                self.calls += 1;
                if let Ok(ToolFailed { changed, changed_more, .. }) = line.data() {
                    self.change(changed, changed_more);
                }
            }
            _ => {}
        }
        self.last.clear();
        self.last.push_str(&line.ts);
    }

    fn price(&mut self, cost: Option<u64>) {
        match cost {
            Some(cost) => self.spent = self.spent.saturating_add(cost),
            None => self.unpriced = true,
        }
    }

    fn change(&mut self, files: Vec<ace_schema::data::Changed>, more: u64) {
        self.more.files += more;
        for file in files {
            if self.changed.len() < limits::VIEW_PATHS || self.changed.contains_key(&file.path) {
                let (added, removed) = self.changed.entry(file.path).or_default();
                (*added, *removed) = (added.saturating_add(file.added), removed.saturating_add(file.removed));
            } else {
                self.more.files += 1;
                self.more.added = self.more.added.saturating_add(file.added);
                self.more.removed = self.more.removed.saturating_add(file.removed);
            }
        }
    }

    fn changes(&self) -> Changes {
        self.changed.values().fold(self.more, |sum, (added, removed)| Changes {
            files: sum.files + 1,
            added: sum.added.saturating_add(*added),
            removed: sum.removed.saturating_add(*removed),
        })
    }
}

/// A session up to some record.
#[derive(Debug, Clone, Default)]
pub struct Fold {
    /// Its state.
    pub state: State,
    /// Its sums.
    pub tally: Tally,
}

impl Fold {
    /// Takes in whole recorded lines.
    ///
    /// # Errors
    /// One of them is no line: the log is damaged.
    pub fn take(&mut self, lines: &[u8]) -> io::Result<()> {
        for bytes in ace_storage::split(lines) {
            let line = Line::parse(bytes).map_err(|e| io::Error::new(io::ErrorKind::InvalidData, e))?;
            self.state.fold(&line);
            self.tally.fold(&line);
        }
        Ok(())
    }

    /// The session as it was at the record `upto`; what it was in the end if that is none.
    ///
    /// # Errors
    /// Reading failed, or the log is damaged.
    pub fn of(log: &Log, upto: Option<u64>) -> io::Result<Self> {
        let mut fold = Self { state: State::new(), ..Self::default() };
        let mut follow = log.follow(0)?;
        loop {
            let lines = follow.read()?;
            if lines.is_empty() {
                return Ok(fold);
            }
            let end = upto.map_or(lines.len(), |upto| crate::lines::up_to(lines, upto));
            fold.take(&lines[..end])?;
            if end < lines.len() {
                return Ok(fold);
            }
        }
    }

    /// As a card. Whether anybody runs it is asked of `log`, unless it is the past that is wanted.
    #[must_use]
    pub fn card(&self, id: &str, log: &Log, now: bool) -> Card {
        let (state, tally) = (&self.state, &self.tally);
        let created = &state.created;
        let repository = created.repository.as_ref().map(|r| r.root.clone()).unwrap_or_default();
        let place = if repository.is_empty() { &created.cwd } else { &repository };
        let asks: Vec<Asking> = state.asked().map(|call| self.asking(call)).collect();
        let mut card = Card {
            id: id.to_owned(),
            name: if state.name.is_empty() { id.to_owned() } else { state.name.clone() },
            project: place.trim_end_matches('/').rsplit('/').next().unwrap_or_default().to_owned(),
            branch: created.worktree.as_ref().map(|w| w.branch.clone()).unwrap_or_default(),
            repository,
            model: state.model.clone(),
            mode: state.mode.name().to_owned(),
            cost: (!tally.unpriced).then_some(tally.spent),
            tokens: tally.tokens,
            changed: tally.changes(),
            turns: state.turns,
            calls: tally.calls,
            head: state.head,
            created: tally.created.clone(),
            last: tally.last.clone(),
            archived: state.archived,
            queued: state.waiting.len() as u64,
            asks,
            forked_from: created.forked_from.as_ref().map(|f| Parent { session: f.session.clone(), seq: f.seq }),
            owner: created.owner.clone(),
            ..Card::default()
        };
        let ended = match &state.ended {
            Some(TurnEnd::Completed) => (Stand::Done, "done".to_owned()),
            Some(TurnEnd::Cancelled) => (Stand::Cancelled, "cancelled".to_owned()),
            Some(TurnEnd::Failed { message, .. }) => (Stand::Failed, format!("failed: {message}")),
            None => (Stand::New, "new".to_owned()),
        };
        // What is due decides between running and stopped once it is known whether anybody runs it.
        (card.state, card.detail) = match state.is_settled() {
            true => ended,
            false => (Stand::Stopped, format!("turn {}", state.turns.max(1))),
        };
        stand(&mut card, now.then_some(log));
        card
    }

    fn asking(&self, call: &Call) -> Asking {
        let (seq, since) = self.tally.asked.get(&call.id).map(|(seq, ts, _)| (*seq, ts.clone())).unwrap_or_default();
        Asking { call: call.id.clone(), seq, tool: call.tool.clone(), subject: subject(call), since }
    }
}

/// Says how a card stands now: by who runs it. Without a log as if somebody did.
pub fn stand(card: &mut Card, log: Option<&Log>) {
    card.running = log.is_none_or(|log| log.folder().and_then(ace_storage::Runner::holder).is_some());
    if let Some(ask) = card.asks.first() {
        card.state = Stand::Waits;
        card.detail = format!("asks: {} {}", ask.tool, ask.subject).trim_end().to_owned();
    } else if matches!(card.state, Stand::Running | Stand::Stopped | Stand::Waits) {
        card.state = if card.running { Stand::Running } else { Stand::Stopped };
    }
}

/// What a call is about, in one line.
fn subject(call: &Call) -> String {
    let argument = tool::find(&call.tool).map_or("", |tool| tool.subject);
    let data: serde_json::Value = serde_json::from_str(&call.data).unwrap_or_default();
    let text = data["args"].get(argument).and_then(serde_json::Value::as_str).unwrap_or_default();
    text.chars().take(limits::web::SUBJECT).map(|c| if c.is_control() { ' ' } else { c }).collect()
}

/// A call that waits for a person, whole.
#[derive(Debug, Clone, Serialize, JsonSchema)]
pub struct Ask {
    /// Id of the call.
    pub call: String,
    /// Record of the question.
    pub seq: u64,
    /// Record of the call.
    pub call_seq: u64,
    /// Its turn.
    pub turn: u32,
    /// The tool.
    pub tool: String,
    /// Its exact arguments.
    pub args: serde_json::Value,
    /// Hex SHA-256 over the exact bytes that an answer covers.
    pub digest: String,
    /// What the call is about, in one line.
    pub subject: String,
    /// Why it is asked.
    pub why: String,
    /// The rule that asked.
    pub rule: String,
    /// Whose rule: operator, user, project; empty for what is built in.
    pub layer: String,
    /// What the call could do at worst.
    pub risk: Option<String>,
    /// When it was asked.
    pub since: String,
    /// What would be recorded for more than once.
    pub proposal: Option<Rule>,
    /// What the model asks, if it is a question to the person.
    pub question: Option<Asked>,
}

/// The narrowest rule that would have allowed a call.
#[derive(Debug, Clone, Serialize, JsonSchema)]
pub struct Rule {
    /// Tool name.
    pub tool: String,
    /// Command pattern.
    pub command: String,
    /// Path patterns.
    pub paths: Vec<String>,
}

/// A question of the model's.
#[derive(Debug, Clone, Serialize, JsonSchema)]
pub struct Asked {
    /// What is asked.
    pub text: String,
    /// What may be chosen.
    pub choices: Vec<String>,
    /// What each of them means.
    pub details: Vec<String>,
}

/// A message that waits.
#[derive(Debug, Clone, Serialize, JsonSchema)]
pub struct Queued {
    /// Its id.
    pub message: String,
    /// Its record.
    pub seq: u64,
    /// Its text.
    pub text: String,
    /// It steers the running turn.
    pub now: bool,
    /// It is an order to make the conversation shorter.
    pub compact: bool,
}

/// A turn from its message to its end.
#[derive(Debug, Clone, Serialize, JsonSchema)]
pub struct Mark {
    /// Its place among the turns, from 1.
    pub turn: usize,
    /// Record of its message.
    pub message: u64,
    /// Record of its start.
    pub began: u64,
    /// Record of its end.
    pub ended: Option<u64>,
    /// `completed`, `failed` or `cancelled`.
    pub end: Option<String>,
}

/// The running turn.
#[derive(Debug, Clone, Serialize, JsonSchema)]
pub struct Running {
    /// Its ordinal.
    pub n: u32,
    /// What it waits for: context, asking, calls, compacting, ending.
    pub phase: String,
    /// Record of its start.
    pub started: u64,
}

/// The place of a session's own.
#[derive(Debug, Clone, Serialize, JsonSchema)]
pub struct Tree {
    /// Its folder.
    pub path: String,
    /// Its branch.
    pub branch: String,
    /// The commit it began at.
    pub base: String,
    /// The branch that was checked out then.
    pub from: String,
}

/// A session in detail.
#[derive(Debug, Clone, Serialize, JsonSchema)]
pub struct Session {
    /// As in the list.
    #[serde(flatten)]
    pub card: Card,
    /// Its limits, as recorded; 0 or absent means the default.
    pub limits: serde_json::Value,
    /// Tools run without a sandbox.
    pub unsandboxed: bool,
    /// Its worktree.
    pub worktree: Option<Tree>,
    /// Where it works.
    pub cwd: String,
    /// The record this is the state of.
    pub state_at: u64,
    /// The running turn.
    pub turn: Option<Running>,
    /// Calls that wait for a person, whole; `asks` holds the same.
    pub questions: Vec<Ask>,
    /// Messages that wait.
    pub waiting: Vec<Queued>,
    /// Every turn.
    pub marks: Vec<Mark>,
    /// The log's file; for its owner alone.
    pub log: Option<String>,
}

impl Fold {
    /// The session in detail.
    #[must_use]
    pub fn session(&self, id: &str, log: &Log, now: bool) -> Session {
        let state = &self.state;
        let mark = |(at, mark): (usize, &ace_core::state::TurnMark)| Mark {
            turn: at + 1,
            message: mark.message,
            began: mark.began,
            ended: mark.ended.as_ref().map(|(seq, _)| *seq),
            end: mark.ended.as_ref().map(|(_, end)| match end {
                TurnEnd::Completed => "completed".to_owned(),
                TurnEnd::Failed { .. } => "failed".to_owned(),
                TurnEnd::Cancelled => "cancelled".to_owned(),
            }),
        };
        Session {
            card: self.card(id, log, now),
            limits: serde_json::to_value(&state.limits).unwrap_or_default(),
            unsandboxed: state.created.unsandboxed,
            worktree: state.created.worktree.as_ref().map(|w| Tree {
                path: w.path.clone(),
                branch: w.branch.clone(),
                base: w.base.clone(),
                from: w.from.clone(),
            }),
            cwd: state.created.cwd.clone(),
            state_at: state.head,
            turn: state.turn.as_ref().map(|turn| Running {
                n: turn.n,
                phase: match &turn.phase {
                    Phase::Context(_) => "context",
                    Phase::Asking { .. } => "asking",
                    Phase::Compacting(_) => "compacting",
                    Phase::Calls(_) => "calls",
                    Phase::Ending { .. } => "ending",
                }
                .to_owned(),
                started: state.marks.last().map_or(0, |mark| mark.began),
            }),
            questions: state.asked().map(|call| self.ask(call, log.blobs())).collect(),
            waiting: waiting(state, log),
            marks: state.marks.iter().enumerate().map(mark).collect(),
            log: Some(log.file().display().to_string()),
        }
    }

    fn ask(&self, call: &Call, blobs: &Blobs) -> Ask {
        let data: Option<ToolCall> = serde_json::from_str(&call.data).ok();
        let args = match &data {
            Some(ToolCall { args: Some(args), .. }) => args.get().to_owned(),
            Some(ToolCall { blob: Some(blob), .. }) => text(blobs, blob),
            _ => String::new(),
        };
        let asked = self.tally.asked.get(&call.id);
        let request = asked.map(|(.., request)| request);
        let question = Question::parse(&args).filter(|_| call.tool == TOOL);
        let rule = |p: &Proposal| Rule { tool: p.tool.clone(), command: p.command.clone(), paths: p.paths.clone() };
        let said = |what: fn(&PermissionRequested) -> &String| request.map(|r| what(r).clone()).unwrap_or_default();
        Ask {
            call: call.id.clone(),
            seq: asked.map(|(seq, ..)| *seq).unwrap_or_default(),
            call_seq: call.seq,
            turn: self.state.turn.as_ref().map_or(0, |t| t.n),
            tool: call.tool.clone(),
            args: serde_json::from_str(&args).unwrap_or_default(),
            digest: call.digest.clone(),
            subject: subject(call),
            why: said(|r| &r.why),
            rule: said(|r| &r.rule),
            layer: said(|r| &r.layer),
            risk: request.and_then(|r| r.risk).map(|risk| risk.name().to_owned()),
            since: asked.map(|(_, ts, _)| ts.clone()).unwrap_or_default(),
            proposal: request.and_then(|r| r.proposal.as_ref()).map(rule),
            question: question.map(|q| {
                let (choices, details) = q.choices.into_iter().map(|c| (c.label, c.detail)).unzip();
                Asked { text: q.question, choices, details }
            }),
        }
    }

    /// Whether that call waits for a person.
    #[must_use]
    pub fn is_asked(&self, call: &str) -> bool {
        self.state.calls().any(|c| c.id == call && c.state == CallState::Asked)
    }
}

/// A text that is kept beside the log, cut to what a page can show.
fn text(blobs: &Blobs, blob: &BlobRef) -> String {
    let bytes =
        if blob.bytes <= limits::web::FILE_BYTES { blobs.get(&blob.sha).unwrap_or_default() } else { Vec::new() };
    String::from_utf8_lossy(&bytes).into_owned()
}

/// The messages that wait, with their texts.
fn waiting(state: &State, log: &Log) -> Vec<Queued> {
    let read = |seq: u64| {
        let mut follow = log.follow(seq).ok()?;
        let lines = follow.read().ok()?;
        let line = Line::parse(ace_storage::split(lines).next()?).ok()?;
        let message = line.data::<UserMessage>().ok()?;
        Some(message.blob.as_ref().map_or(message.text.clone(), |blob| text(log.blobs(), blob)))
    };
    let queued = |w: &ace_core::state::Waiting| Queued {
        message: w.id.clone(),
        seq: w.seq,
        text: read(w.seq).unwrap_or_default(),
        now: w.now,
        compact: w.compact,
    };
    state.waiting.iter().map(queued).collect()
}
