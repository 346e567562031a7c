//! The table of event types: what each is for, whether it is recorded, and whether its record is synced before it counts.

/// Names of the event types, so that no program spells one by hand.
#[allow(missing_docs, reason = "each is described in the table below")]
pub mod ty {
    pub const SESSION_CREATED: &str = "session.created";
    pub const SESSION_NAMED: &str = "session.named";
    pub const SESSION_ARCHIVED: &str = "session.archived";
    pub const SESSION_CONFIGURED: &str = "session.configured";
    pub const SESSION_REWOUND: &str = "session.rewound";
    pub const SESSION_COMPACTED: &str = "session.compacted";
    pub const USER_MESSAGE: &str = "user.message";
    pub const MESSAGE_STEERED: &str = "message.steered";
    pub const MESSAGE_WITHDRAWN: &str = "message.withdrawn";
    pub const MESSAGE_VETTED: &str = "message.vetted";
    pub const TURN_STARTED: &str = "turn.started";
    pub const TURN_COMPLETED: &str = "turn.completed";
    pub const TURN_FAILED: &str = "turn.failed";
    pub const TURN_CANCELLED: &str = "turn.cancelled";
    pub const CONTEXT_BUILT: &str = "context.built";
    pub const MODEL_REQUESTED: &str = "model.requested";
    pub const MODEL_DELTA: &str = "model.delta";
    pub const MODEL_CALL: &str = "model.tool_call_requested";
    pub const MODEL_COMPLETED: &str = "model.completed";
    pub const MODEL_FAILED: &str = "model.failed";
    pub const PERMISSION_REQUESTED: &str = "permission.requested";
    pub const PERMISSION_RESOLVED: &str = "permission.resolved";
    pub const EFFECT_REQUESTED: &str = "effect.requested";
    pub const EFFECT_STARTED: &str = "effect.started";
    pub const EFFECT_COMPLETED: &str = "effect.completed";
    pub const EFFECT_FAILED: &str = "effect.failed";
    pub const TOOL_DISCOVERED: &str = "tool.discovered";
    pub const TOOL_STARTED: &str = "tool.started";
    pub const TOOL_DELTA: &str = "tool.delta";
    pub const TOOL_COMPLETED: &str = "tool.completed";
    pub const TOOL_FAILED: &str = "tool.failed";
    pub const HOOK_STARTED: &str = "hook.started";
    pub const HOOK_COMPLETED: &str = "hook.completed";
    pub const ARTIFACT_STORED: &str = "artifact.stored";
    pub const CHECK_COMPLETED: &str = "check.completed";
    pub const WORKTREE_CREATED: &str = "worktree.created";
    pub const WORKTREE_SNAPSHOT: &str = "worktree.snapshot";
    pub const WORKTREE_LANDED: &str = "worktree.landed";
    pub const WORKTREE_REMOVED: &str = "worktree.removed";
    pub const BUDGET_RESERVED: &str = "budget.reserved";
    pub const BUDGET_RELEASED: &str = "budget.released";
    pub const BUDGET_WARNED: &str = "budget.warned";
    pub const BUDGET_EXCEEDED: &str = "budget.exceeded";
    pub const SCENARIO_COMPLETED: &str = "scenario.completed";
    pub const PEN_DROPPED: &str = "pen.dropped";
    pub const LOG_RECOVERED: &str = "log.recovered";
    pub const LOG_REFUSED: &str = "log.refused";
    pub const LOG_LIVE: &str = "log.live";
    pub const LOG_NONE: &str = "log.none";
    pub const LOG_BLOB: &str = "log.blob";
}

/// How a line of this type is kept.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Class {
    /// Recorded and folded.
    Stone,
    /// Passed on while a turn runs, never recorded in the log, never folded.
    Chalk,
    /// Speaks about the stream itself; never recorded.
    Control,
}

/// One row of the table.
#[derive(Debug, Clone, Copy)]
pub struct Event {
    /// The `type` field.
    pub name: &'static str,
    /// How it is kept.
    pub class: Class,
    /// Whether the record is on the disk before anybody may act on it (messages, claims, decisions, outcomes).
    pub synced: bool,
    /// One sentence for people.
    pub about: &'static str,
}

const fn stone(name: &'static str, about: &'static str) -> Event {
    Event { name, class: Class::Stone, synced: true, about }
}

/// Stone that can be drawn again from what stands before it, so that its record may wait for the next sync.
const fn derived(name: &'static str, about: &'static str) -> Event {
    Event { name, class: Class::Stone, synced: false, about }
}

const fn chalk(name: &'static str, about: &'static str) -> Event {
    Event { name, class: Class::Chalk, synced: false, about }
}

const fn control(name: &'static str, about: &'static str) -> Event {
    Event { name, class: Class::Control, synced: false, about }
}

/// Every type that this version knows. Others are kept and passed on.
pub const EVENTS: &[Event] = &[
    stone(ty::SESSION_CREATED, "A session begins: who, where, with which model, mode and limits."),
    stone(ty::SESSION_NAMED, "The session has a new name."),
    stone(ty::SESSION_ARCHIVED, "The session is put away; its log stays."),
    stone(ty::SESSION_CONFIGURED, "Model, mode or limits change from here on."),
    stone(ty::SESSION_REWOUND, "Conversation and files are what they were at an earlier record; nothing is erased."),
    stone(ty::SESSION_COMPACTED, "A whole state: a fold may begin here."),
    stone(ty::USER_MESSAGE, "A person, or a program in a person's name, says something."),
    stone(ty::MESSAGE_STEERED, "A message that waits steers the running turn instead."),
    stone(ty::MESSAGE_WITHDRAWN, "A message that waits is taken back: no turn will begin on it."),
    stone(ty::MESSAGE_VETTED, "Hooks have heard a message: a turn may take it up, or never will."),
    derived(ty::TURN_STARTED, "Work on a message begins."),
    stone(ty::TURN_COMPLETED, "The turn has its answer."),
    stone(ty::TURN_FAILED, "The turn ends without an answer, and why."),
    stone(ty::TURN_CANCELLED, "A person stops the turn: an order to all who hold a claim."),
    derived(ty::CONTEXT_BUILT, "What the model will see, by reference."),
    stone(ty::MODEL_REQUESTED, "Claim: this ace-model is about to ask a provider."),
    chalk(ty::MODEL_DELTA, "A piece of the answer while it streams."),
    stone(ty::MODEL_CALL, "The answer asks for a tool call; due once its model.completed is recorded."),
    stone(ty::MODEL_COMPLETED, "The answer is whole: parts, stop reason, usage and cost."),
    stone(ty::MODEL_FAILED, "The answer failed or was cut off, with the text that had arrived."),
    stone(ty::PERMISSION_REQUESTED, "Somebody is asked whether a call may run."),
    stone(ty::PERMISSION_RESOLVED, "A call is allowed or denied: by whom, by which rule, for exactly which arguments."),
    stone(
        ty::EFFECT_REQUESTED,
        "A person wants to see what a call that waits for them does, in a copy, before they answer.",
    ),
    stone(ty::EFFECT_STARTED, "Claim: this ace-tool is about to run a waiting call in a copy that is thrown away."),
    stone(ty::EFFECT_COMPLETED, "The call has run in the copy: output, exit, and the tree it would leave."),
    stone(ty::EFFECT_FAILED, "The call could not be tried; nothing has changed."),
    stone(ty::TOOL_DISCOVERED, "The tools on offer, as a blob of their schemas."),
    stone(ty::TOOL_STARTED, "Claim: this ace-tool is about to run an allowed call."),
    chalk(ty::TOOL_DELTA, "A piece of a call's output while it runs."),
    stone(ty::TOOL_COMPLETED, "The call has run: output, exit, duration, sandbox."),
    stone(ty::TOOL_FAILED, "The call could not run or its outcome is unknown."),
    stone(ty::HOOK_STARTED, "Claim: this ace-tool is about to start the hooks that the end of a turn waits for."),
    stone(ty::HOOK_COMPLETED, "Those hooks have run: the turn may end, goes on, or fails."),
    stone(ty::ARTIFACT_STORED, "A file worth keeping is stored as a blob."),
    stone(
        ty::CHECK_COMPLETED,
        "A command of the person's has judged what was done: whether it passed, and what it said.",
    ),
    stone(ty::WORKTREE_CREATED, "A worktree and branch were made for the session."),
    stone(ty::WORKTREE_SNAPSHOT, "The worktree's state at a point outside a call."),
    stone(ty::WORKTREE_LANDED, "The branch was brought to where it came from."),
    stone(ty::WORKTREE_REMOVED, "The worktree is gone; its branch may remain."),
    stone(
        ty::BUDGET_RESERVED,
        "Claim: the most that the next model call may take is set aside, in every limit that holds.",
    ),
    stone(
        ty::BUDGET_RELEASED,
        "Whoever set it aside is gone before anybody was asked: the context is built and reserved anew.",
    ),
    stone(ty::BUDGET_WARNED, "Most of a limit is spent."),
    stone(ty::BUDGET_EXCEEDED, "A limit is reached; the turn stops before the next effect."),
    stone(ty::SCENARIO_COMPLETED, "A scenario was run: whether it came out as it says, and what did not."),
    stone(ty::PEN_DROPPED, "A writer is gone; claims under its pen will never be closed by it."),
    stone(ty::LOG_RECOVERED, "An unfinished last line was cut aside."),
    stone(ty::LOG_REFUSED, "A pen tried to record what it may not, or a decision came too late."),
    control(ty::LOG_LIVE, "History ends here: do now what is due."),
    control(ty::LOG_NONE, "There is no log behind this stream: believe every line, claim nothing."),
    control(ty::LOG_BLOB, "A part of a blob for the keeper to store, ahead of the event that names it."),
];

/// The row of a type, or `None` for a type this version does not know.
#[must_use]
pub fn find(name: &str) -> Option<&'static Event> {
    EVENTS.iter().find(|e| e.name == name)
}

/// How a line of this type is kept; unknown types are stone.
#[must_use]
pub fn class(name: &str) -> Class {
    find(name).map_or(Class::Stone, |e| e.class)
}

/// Whether a record of this type must be on the disk before it counts; unknown types must.
#[must_use]
pub fn synced(name: &str) -> bool {
    find(name).is_none_or(|e| e.synced)
}
