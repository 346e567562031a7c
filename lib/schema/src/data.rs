//! The payload of every event type, by name. Fields that are empty are left out of the line; readers take them as empty.

use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;

use crate::hook::{Hook, Verdict};
use crate::message::{Stop, Usage};
use crate::permission::{Decision, Mode, Risk, Scope};

#[allow(clippy::trivially_copy_pass_by_ref, reason = "serde asks for a reference")]
fn is_false(b: &bool) -> bool {
    !*b
}

#[allow(clippy::trivially_copy_pass_by_ref, reason = "serde asks for a reference")]
fn is_zero(n: &u64) -> bool {
    *n == 0
}

/// Names a payload that is kept beside the log.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct BlobRef {
    /// Lower-case hex SHA-256.
    pub sha: String,
    /// Bytes.
    pub bytes: u64,
    /// Media type, `text/plain` and the like.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub media: String,
}

/// `session.created`.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct SessionCreated {
    /// Name for people, unique at the time of creation.
    pub name: String,
    /// User name of the owner.
    #[serde(default)]
    pub owner: String,
    /// Host on which it was created.
    #[serde(default)]
    pub host: String,
    /// Where the person stands: a folder of the worktree, or the place itself. Tools start at the worktree's root.
    pub cwd: String,
    /// The repository, if there is one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub repository: Option<Repository>,
    /// The worktree made for the session, if there is one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub worktree: Option<Worktree>,
    /// `provider/model`.
    pub model: String,
    /// What needs asking.
    pub mode: Mode,
    /// Limits of the session.
    #[serde(default, skip_serializing_if = "Limits::is_empty")]
    pub limits: Limits,
    /// Tools may run without a sandbox; a person said so.
    #[serde(default, skip_serializing_if = "is_false")]
    pub unsandboxed: bool,
    /// Profile of the sandbox its tools run in: `read-only` or `network`; empty for `workspace`.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub sandbox: String,
    /// Hex SHA-256 of the effective configuration.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub config: String,
    /// Hooks that it waits for: of messages before a turn takes them up, of answers before a turn ends with them.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub hooks: Vec<Hook>,
    /// Where the past of a forked session lies.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub forked_from: Option<ForkedFrom>,
    /// Hex SHA-256 over what the run depends on, where a person named its inputs: prompt, model, mode, check, tools and files.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub inputs: String,
    /// The batch that it is one of.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub batch: Option<Batch>,
}

/// Sessions that were begun together: many tasks, or one task several times.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Batch {
    /// The batch.
    pub id: String,
    /// What is done here: the same text for the same task, whoever begins it again.
    pub task: String,
    /// Which one of those that do the same, from 1.
    pub n: u64,
    /// What it was begun as: `map`, `race`, `compare`, or the stage of a relay.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub part: String,
}

/// The repository a session belongs to.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Repository {
    /// Root of the user's own work tree.
    pub root: String,
    /// First commit of the history: names the project wherever it is cloned.
    #[serde(default)]
    pub root_commit: String,
}

/// A worktree of the session's own.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Worktree {
    /// Its folder.
    pub path: String,
    /// Its private git directory, recorded so that the `.git` file inside is never believed.
    pub git_dir: String,
    /// Its branch.
    pub branch: String,
    /// The commit it started from.
    pub base: String,
    /// The branch that was checked out then; empty if detached.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub from: String,
    /// Variables of its tools that keep it apart from others: ports and cache folders of its own.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub variables: Vec<Variable>,
}

/// A variable of the tools of one worktree.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Variable {
    /// Its name.
    pub name: String,
    /// Its value: a port, or the path of a folder.
    pub value: String,
}

/// Limits of a session; 0 means the default.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Limits {
    /// Model answers in one turn.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub answers: u64,
    /// What the model takes in and gives out at once, tokens: its context window.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub context: u64,
    /// Micro-dollars of the whole session, its forks included.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub money: u64,
    /// Tokens of the whole session, all kinds of input and output.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub tokens: u64,
    /// Model calls of the whole session.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub calls: u64,
    /// Turns of the whole session.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub turns: u64,
    /// Seconds of work in the whole session, without waiting for a person.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub seconds: u64,
    /// Groups whose limits hold as well; how much they allow stands in the configuration.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub groups: Vec<String>,
    /// The limits of the day and the month hold as well.
    #[serde(default, skip_serializing_if = "is_false")]
    pub shared: bool,
    /// Money that several sessions share.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub purse: Option<Purse>,
}

/// Money that several sessions share, whoever of them spends it.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Purse {
    /// Its name: sessions with the same one share it.
    pub name: String,
    /// Micro-dollars of all of them together.
    pub money: u64,
}

/// Before the name of a purse where it stands among groups: no group can be called so.
pub const PURSE: &str = "purse:";

impl Limits {
    /// Whether no model may be asked before `ace-quota` has recorded what is set aside for it.
    #[must_use]
    pub fn is_reserved(&self) -> bool {
        self.shared
            || self.purse.is_some()
            || !self.groups.is_empty()
            || [self.money, self.tokens, self.calls, self.turns, self.seconds].iter().any(|n| *n > 0)
    }

    /// Where spending is added up beside the session itself: its groups, and what it shares with the sessions of its purse.
    #[must_use]
    pub fn shares(&self) -> Vec<String> {
        let purse = self.purse.iter().map(|purse| format!("{PURSE}{}", purse.name));
        purse.chain(self.groups.iter().cloned()).collect()
    }

    /// Whether every limit is the default.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        *self == Self::default()
    }
}

/// The record in another log that a fork goes on from.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ForkedFrom {
    /// Parent session.
    pub session: String,
    /// Its last record that belongs to the fork.
    pub seq: u64,
    /// Hash of that record.
    pub hash: String,
    /// The turn that waited for a context there goes on here; without it what was under way is left behind.
    #[serde(default, skip_serializing_if = "is_false")]
    pub goes_on: bool,
}

/// `session.named`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SessionNamed {
    /// The new name.
    pub name: String,
}

/// `session.configured`: only what changes is there.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct SessionConfigured {
    /// New `provider/model`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub model: Option<String>,
    /// New mode.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub mode: Option<Mode>,
    /// New limits.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub limits: Option<Limits>,
    /// All hooks that it waits for from here on.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub hooks: Option<Vec<Hook>>,
    /// The client that is asked from here on, while the pen that says so is held; empty for the user again.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub asks: Option<String>,
}

/// How a conversation was made shorter.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Shortening {
    /// Old outputs of calls were cut down; everything else stands as it was said.
    #[default]
    Trim,
    /// A summary by the model stands for all but the end.
    Summary,
}

/// `session.compacted`. Id `compact-<cause>`; its cause is the record that a context was due after, or the model's summary.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct SessionCompacted {
    /// How.
    pub how: Shortening,
    /// Last record that the state is a fold of. Those between it and this one are folded after the state.
    pub upto: u64,
    /// The whole state as JSON: `{"v":1,"session":…,"conversation":…}`.
    pub state: BlobRef,
    /// Records whose output is cut down in it.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub trimmed: Vec<u64>,
    /// Estimate of the context without it, tokens.
    #[serde(default)]
    pub before: u64,
    /// Estimate of the context with it, tokens.
    #[serde(default)]
    pub after: u64,
}

/// `user.message`.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct UserMessage {
    /// The text, unless it is in a blob.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub text: String,
    /// The text as a blob, when it is too long for a line.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub blob: Option<BlobRef>,
    /// Who says it.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub author: String,
    /// Through which client.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub client: String,
    /// Steers the running turn at its next context instead of waiting for its end.
    #[serde(default, skip_serializing_if = "is_false")]
    pub now: bool,
    /// Pictures shown with the text, in order: blobs of a media type `image/…`. A model that cannot see is told that they are there.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub images: Vec<BlobRef>,
    /// An order to compact the conversation, which is no part of it. The text says what the summary should keep above all.
    #[serde(default, skip_serializing_if = "is_false")]
    pub compact: bool,
    /// JSON Schema that the turn's answer has to fit.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub schema: Option<BlobRef>,
}

/// `message.steered`. Its cause is the message; without a running turn, or when the message waits no more, it changes nothing.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct MessageSteered {
    /// Who says so.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub who: String,
}

/// `message.withdrawn`. Its cause is the message. Its id is that of the next turn's start, so that of a turn that begins and a
/// message that is taken back only one is recorded; that number is used up.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct MessageWithdrawn {
    /// Who takes it back.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub who: String,
}

/// `message.vetted`. Id `vet-<message>`; its cause is the message. A message that is blocked waits no more, and no model reads it.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct MessageVetted {
    /// What the hooks make of it.
    pub verdict: Verdict,
    /// Why not, for people.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub why: String,
    /// What the model reads behind the message.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub context: String,
    /// The hook that decided; empty where all let it pass.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub hook: String,
    /// Whose it is: `operator`, `user`, `project`.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub layer: String,
}

/// `hook.started`: a claim. Its cause is the answer that the turn would end with.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct HookStarted {
    /// Which hooks.
    pub on: Hook,
}

/// `hook.completed`. Its cause is the claim.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct HookCompleted {
    /// Which hooks.
    pub on: Hook,
    /// `passes`: the turn ends; `blocks`: it goes on with `why`; `fails`: it ends without its answer.
    pub verdict: Verdict,
    /// Why, for people and for the model.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub why: String,
    /// The hook that decided; empty where all let it pass.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub hook: String,
    /// Duration, ms.
    #[serde(default)]
    pub ms: u64,
}

impl HookCompleted {
    /// Hooks at the end of a turn whose word is not to be had.
    #[must_use]
    pub fn failed(why: &str) -> Self {
        Self { on: Hook::Stop, verdict: Verdict::Fails, why: why.to_owned(), hook: String::new(), ms: 0 }
    }
}

/// `turn.started`. Its cause is the message.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct TurnStarted {}

/// `context.built`: what the model sees, by reference.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct ContextBuilt {
    /// Blob of the system text (hex SHA-256).
    pub system: String,
    /// Blob of the tool list; empty if there are none.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub tools: String,
    /// Ranges of records, first and last inclusive; a range with its first alone reaches up to this very line.
    pub ranges: Vec<Vec<u64>>,
    /// The model, `provider/name`.
    pub model: String,
    /// The answer wanted is a summary of the conversation.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub compacts: Option<Compacts>,
    /// Blob of the JSON Schema that the answer has to fit (hex SHA-256); empty if any will do.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub schema: String,
    /// What the model is told of its last answer, which did not fit.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub repair: String,
}

/// How the model is asked for a summary.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Compacts {
    /// Blob of the request (hex SHA-256), which stands behind the conversation.
    pub prompt: String,
    /// What the conversation may take up, bytes. A longer one is cut down the same way by everybody.
    pub room: u64,
}

/// `model.requested`: a claim.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct ModelRequested {}

/// `model.delta`: chalk.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct ModelDelta {
    /// A piece of the answer's text.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub text: String,
    /// A piece of its reasoning.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub reasoning: String,
    /// A call is being written: the tool's name.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub call: String,
    /// A note on the connection (a retry and its reason) for people.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub note: String,
}

/// Who asked for a call.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Source {
    /// The model.
    #[default]
    Model,
    /// A person.
    User,
    /// A skill.
    Skill,
    /// A prompt of an MCP server.
    McpPrompt,
}

impl Source {
    fn is_model(&self) -> bool {
        *self == Self::Model
    }
}

/// `model.tool_call_requested`. The digest of a decision covers exactly these bytes.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct ToolCall {
    /// Tool name.
    pub tool: String,
    /// Arguments, a JSON object as the model wrote it; absent when they are in a blob.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub args: Option<Box<RawValue>>,
    /// Arguments too long for a line.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub blob: Option<BlobRef>,
    /// Who asks; left out for the model.
    #[serde(default, skip_serializing_if = "Source::is_model")]
    pub source: Source,
    /// Provider extras, kept verbatim.
    #[serde(default, rename = "_meta", skip_serializing_if = "Option::is_none")]
    pub meta: Option<Box<RawValue>>,
}

/// `model.completed`.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
pub struct ModelCompleted {
    /// Text and reasoning in order.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub parts: Vec<Part>,
    /// The text in place of `parts` where a summary was asked for: it is no answer to anybody.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub summary: Vec<Part>,
    /// Ids of the calls of this answer, drafted just before it.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub calls: u64,
    /// Why it stopped.
    pub stop: Stop,
    /// Tokens.
    #[serde(default)]
    pub usage: Usage,
    /// Cost in micro-dollars; absent if the model has no known price.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cost: Option<u64>,
    /// Id of the price table behind `cost`; `reported` if the provider said it, `recorded` for a recording.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub prices: String,
    /// The provider gave no usable figures: `usage` and `cost` are a careful estimate.
    #[serde(default, skip_serializing_if = "is_false")]
    pub estimated: bool,
    /// From the request to the last byte, ms.
    #[serde(default)]
    pub ms: u64,
    /// Provider extras, kept verbatim.
    #[serde(default, rename = "_meta", skip_serializing_if = "Option::is_none")]
    pub meta: Option<Box<RawValue>>,
}

/// One part of an answer.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Part {
    /// What is said.
    Text(String),
    /// What was thought aloud.
    Reasoning(String),
    /// Text too long for a line.
    TextBlob(BlobRef),
    /// Reasoning too long for a line.
    ReasoningBlob(BlobRef),
}

/// Why something failed. Open: readers keep codes they do not know.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Code {
    /// The writer is gone; whether it happened is unknown.
    #[default]
    Interrupted,
    /// A person stopped it.
    Cancelled,
    /// Cannot reach the provider.
    Unreachable,
    /// No key, or a refused one.
    Credentials,
    /// The provider says no for good.
    Refused,
    /// The stream ended before its end.
    Cut,
    /// An answer that is not of its wire format.
    Format,
    /// A limit was reached.
    Limit,
    /// The conversation is too long for the model.
    Context,
    /// The answer does not fit the JSON Schema that was asked for.
    Schema,
    /// Took longer than it may.
    Timeout,
    /// Arguments that do not fit the tool.
    Arguments,
    /// A hook stopped it, or has failed.
    Hook,
    /// A path outside of what the tool may reach.
    PathOutside,
    /// No such file, tool or the like.
    NotFound,
    /// The sandbox this mode needs is not there.
    Sandbox,
    /// Configuration is wrong or missing.
    Config,
    /// Reading or writing failed.
    Io,
    /// Anything else, by name.
    #[serde(untagged)]
    Other(String),
}

/// `model.failed`.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct ModelFailed {
    /// Kind of failure.
    pub code: Code,
    /// For people, one line.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub message: String,
    /// What to do about it, one line.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub hint: String,
    /// Text that had already arrived.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub text: String,
    /// A call had begun to arrive and was dropped.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub dropped_call: String,
    /// Tokens used before it failed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub usage: Option<Usage>,
    /// Cost in micro-dollars of what was used before it failed, if known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cost: Option<u64>,
    /// Id of the price table behind `cost`.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub prices: String,
    /// `usage` and `cost` are an estimate: the provider had not given its figures.
    #[serde(default, skip_serializing_if = "is_false")]
    pub estimated: bool,
}

/// `permission.requested`. Its cause is the call.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct PermissionRequested {
    /// `user`, or the client that had registered for it. Anybody may answer: the first answer counts.
    pub addressee: String,
    /// What happens while the addressee is not there.
    #[serde(default)]
    pub unattended: Unattended,
    /// Why it is asked, for people.
    pub why: String,
    /// The rule that asked.
    pub rule: String,
    /// What would be recorded for "always".
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub proposal: Option<Proposal>,
    /// Whose rule asked: `operator`, `user`, `project`; left out for what is built in.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub layer: String,
    /// What the call could do at worst.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub risk: Option<Risk>,
    /// It is run in a copy first: what is approved is its effect.
    #[serde(default, skip_serializing_if = "is_false")]
    pub effect: bool,
}

/// What becomes of a question whose addressee is not there.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Unattended {
    /// It waits, and a run that nobody sits at ends with exit 3.
    #[default]
    Wait,
    /// It is the user's to answer.
    User,
}

/// The narrowest rule that would have allowed a call.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Proposal {
    /// Tool name.
    pub tool: String,
    /// Command pattern, for the shell.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub command: String,
    /// Path patterns, for file tools.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub paths: Vec<String>,
}

/// `permission.resolved`. Its cause is the call.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct PermissionResolved {
    /// Allowed or denied (never `ask`).
    pub decision: Decision,
    /// `rule`, or the name of the person.
    pub who: String,
    /// Rule id, `mode-auto` and the like for what a mode decides.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub rule: String,
    /// How far it reaches; left out for once.
    #[serde(default, skip_serializing_if = "Scope::is_once")]
    pub scope: Scope,
    /// Hex SHA-256 over the exact `data` bytes of the call.
    pub digest: String,
    /// For people and for the model: why not.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub why: String,
    /// Whose rule it was: `operator`, `user`, `project`; left out for what is built in and for a person's answer.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub layer: String,
    /// What the call could do at worst.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub risk: Option<Risk>,
    /// What the answer allows beyond this call, for as long as its scope says.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub grant: Option<Proposal>,
    /// What a person answers to a question of the model's: the output of that call.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub answer: String,
    /// Id of the `effect.completed` that is adopted: its output is the call's, its tree that of the work tree, and nothing is run.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub effect: String,
}

/// `effect.requested`. Its cause is the call.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct EffectRequested {
    /// The person.
    pub who: String,
    /// Hex SHA-256 over the exact `data` bytes of the call.
    pub digest: String,
}

/// `effect.started`: a claim. Its cause is the `permission.requested` or `effect.requested` that wants it.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct EffectStarted {}

/// `effect.completed`. Its cause is the claim.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct EffectCompleted {
    /// The call.
    pub call: String,
    /// The git tree of the work tree that was copied, 40 hexadecimal digits.
    pub base: String,
    /// The call as it would be recorded if this were adopted: its `tree` is that of the copy after it.
    pub outcome: ToolCompleted,
}

/// `effect.failed`. Its cause is the claim.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct EffectFailed {
    /// The call.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub call: String,
    /// Kind of failure.
    pub code: Code,
    /// For people, one line.
    pub message: String,
}

impl PermissionResolved {
    /// Who decides where no person was asked.
    pub const RULE: &str = "rule";
    /// What the rule of a decider begins with; its name follows.
    pub const DECIDER: &str = "decider ";

    /// A person's decision about nothing yet: who, and about which arguments, is the caller's to say.
    #[must_use]
    pub fn by_person(decision: Decision) -> Self {
        Self {
            decision,
            who: String::new(),
            rule: String::new(),
            scope: Scope::Once,
            digest: String::new(),
            why: String::new(),
            layer: String::new(),
            risk: None,
            grant: None,
            answer: String::new(),
            effect: String::new(),
        }
    }

    /// Whether a program of the user's own has decided.
    #[must_use]
    pub fn is_by_decider(&self) -> bool {
        self.rule.starts_with(Self::DECIDER)
    }
}

/// `tool.discovered`: drafted when what is on offer differs from the last one recorded.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct ToolDiscovered {
    /// `local`, later a server or skill.
    pub server: String,
    /// Tool names.
    pub names: Vec<String>,
    /// Blob with the list of `{name, description, parameters}` (hex SHA-256).
    pub schema: String,
}

/// `tool.started`: a claim. Its cause is the decision.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct ToolStarted {}

/// `tool.delta`: chalk.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct ToolDelta {
    /// A piece of output.
    pub text: String,
}

/// Output of a call: head and tail here, the whole as a blob.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Output {
    /// What the model sees: the whole, or head and tail around a line that says what is left out. Bytes that are no UTF-8 are
    /// replaced here; the blob then has them as they were.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub text: String,
    /// Bytes of the whole.
    #[serde(default)]
    pub bytes: u64,
    /// Something is left out of `text`, or its bytes were not UTF-8.
    #[serde(default, skip_serializing_if = "is_false")]
    pub truncated: bool,
    /// The whole (up to [`crate::limits::OUTPUT_KEPT_BYTES`]) when `text` is not all of it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub blob: Option<BlobRef>,
    /// Pictures that came out, in order: blobs of a media type `image/…`, shown to a model that can see.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub images: Vec<BlobRef>,
}

/// A file changed by a call.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Changed {
    /// Path relative to the worktree. Bytes that are no UTF-8 are replaced; the patch and the tree have them as they are.
    pub path: String,
    /// Lines added.
    pub added: u64,
    /// Lines removed.
    pub removed: u64,
}

/// A file that a recorded state leaves out because it is too large.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct LeftOut {
    /// Path relative to the root of the work tree.
    pub path: String,
    /// Its size.
    pub bytes: u64,
}

/// A host that a tool asked for.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Contact {
    /// Its name and port, as asked for: `example.org:443`.
    pub host: String,
    /// Why it was not reached; empty if it was.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub refused: String,
}

/// `tool.completed`. Its cause is the claim.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct ToolCompleted {
    /// What came out.
    #[serde(default)]
    pub output: Output,
    /// Exit status of a command; absent for other tools.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub exit: Option<i32>,
    /// Signal that ended a command.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub signal: Option<i32>,
    /// Duration, ms.
    #[serde(default)]
    pub ms: u64,
    /// Sandbox profile it ran in; `off` if none.
    pub sandbox: String,
    /// What hooks tell the model of it.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub feedback: String,
    /// Why the turn must not go on after it, as a hook says.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub stops: String,
    /// Files changed: by the tool itself, or by whatever the command started.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub changed: Vec<Changed>,
    /// Further files changed, beyond those that fit the line.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub changed_more: u64,
    /// Unified diff of them, if it fits.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub patch: String,
    /// The diff as a blob, when it does not.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub patch_blob: Option<BlobRef>,
    /// The git tree of the work tree after the call (40 hexadecimal digits), kept in the private git folder of the repository:
    /// untracked files that are not ignored included. Absent outside git, and after calls that only read.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub tree: String,
    /// Files that the tree leaves out.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub left_out: Vec<LeftOut>,
    /// Hosts that were asked for through the proxy of the sandbox, each once; at most 32.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub contacts: Vec<Contact>,
}

/// `tool.failed`. Its cause is the claim.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
pub struct ToolFailed {
    /// Kind of failure.
    pub code: Code,
    /// For the model and for people, one line.
    pub message: String,
    /// What had come out before it failed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub output: Option<Output>,
    /// Duration, ms.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub ms: u64,
    /// Files changed before it failed.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub changed: Vec<Changed>,
    /// Further files changed, beyond those that fit the line.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub changed_more: u64,
    /// Unified diff of them, if it fits.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub patch: String,
    /// The diff as a blob, when it does not.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub patch_blob: Option<BlobRef>,
    /// The git tree of the work tree after the call (40 hexadecimal digits), kept in the private git folder of the repository:
    /// untracked files that are not ignored included. Absent outside git, and after calls that only read.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub tree: String,
    /// Files that the tree leaves out.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub left_out: Vec<LeftOut>,
    /// Hosts that were asked for through the proxy of the sandbox, each once; at most 32.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub contacts: Vec<Contact>,
}

/// `turn.completed`. Its cause is the last answer.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct TurnCompleted {}

/// `turn.failed`.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct TurnFailed {
    /// Kind of failure.
    pub code: Code,
    /// For people, one line.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub message: String,
    /// What to do about it, one line.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub hint: String,
}

/// `turn.cancelled`: the order to stop.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct TurnCancelled {
    /// Who stopped it.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub who: String,
}

/// `worktree.created`, `worktree.removed`: the same facts as in `session.created`.
pub type WorktreeCreated = Worktree;

/// `check.completed`: a command that judges the files as they are, run where the session's tools run.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct CheckCompleted {
    /// The command, as a shell takes it.
    pub command: String,
    /// Whether it succeeded.
    pub passed: bool,
    /// Its exit; absent when a signal or the time limit ended it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub exit: Option<i32>,
    /// How long it ran, ms.
    #[serde(default)]
    pub ms: u64,
    /// The end of what it said.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub output: String,
}

/// `worktree.snapshot`: the state of the work tree outside a call, recorded when it is another than the last one recorded.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct WorktreeSnapshot {
    /// The git tree, 40 hexadecimal digits.
    pub tree: String,
    /// The commit HEAD stood on; empty if there was none.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub commit: String,
    /// Why: `base` before the first call, `outside` when somebody else changed files since, `rewind` before going back.
    pub why: String,
    /// Files that differ from the state recorded before.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub changed: Vec<Changed>,
    /// Further such files, beyond those that fit the line.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub changed_more: u64,
    /// Files that the tree leaves out.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub left_out: Vec<LeftOut>,
}

/// What records that name a state of files have in common, whatever else they say.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Stated {
    /// The git tree; empty if the record names none.
    #[serde(default)]
    pub tree: String,
    /// The commit HEAD stood on; empty if the record does not say.
    #[serde(default)]
    pub commit: String,
}

/// `session.rewound`: from here on the conversation and the files are what they were at an earlier record.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct SessionRewound {
    /// The last record that counts; what stands between it and this one is kept and counts no more.
    pub to: u64,
    /// The git tree the work tree was brought to; empty where files are not recorded.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub tree: String,
    /// Who went back.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub who: String,
}

/// `worktree.landed`.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct WorktreeLanded {
    /// The session's branch.
    pub branch: String,
    /// Where it landed; empty if only the branch was kept.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub into: String,
    /// The commit that landed.
    pub commit: String,
    /// forward, merge, squash, rebase, branch or request (of somebody else, to take it).
    pub how: String,
    /// Address of the request that was opened.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub url: String,
}

/// `budget.exceeded` and `budget.warned`.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Budget {
    /// Which limit: `money` (micro-dollars), `tokens`, `calls`, `turns`, `seconds`; `ledger` if what was spent cannot be told.
    pub limit: String,
    /// The limit.
    pub allowed: u64,
    /// What is used, without what is set aside for calls under way.
    pub used: u64,
    /// Whose limit: `group NAME`, `day`, `month`; empty for the session's own.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub scope: String,
    /// What the call that was stopped may have taken.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub next: u64,
    /// For people, one line.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub message: String,
    /// What to do about it, one line.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub hint: String,
}

/// `budget.released`. Its cause is the reservation.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct BudgetReleased {}

/// `budget.reserved`: a claim. Its cause is the context; no model is asked without it where limits hold, and `model.requested`
/// takes its place.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct BudgetReserved {
    /// The most that the call may cost, micro-dollars.
    pub money: u64,
    /// The most tokens that it may use, input and output.
    pub tokens: u64,
    /// Of these, input: an estimate that is rather too high.
    #[serde(default)]
    pub input: u64,
    /// Tokens the answer may have; the request says so to the provider. 0 leaves it to the model.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub output: u64,
    /// Id of the price table behind `money`.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub prices: String,
}

/// How a scenario came out.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Passed {
    /// As it says.
    #[default]
    Passed,
    /// Otherwise.
    Failed,
    /// It could not be run.
    Broken,
}

/// `scenario.completed`: recorded in a log of its own, not in the session that was run.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct ScenarioCompleted {
    /// Name of its folder.
    pub name: String,
    /// Hex SHA-256 over the files of its folder: another one is another scenario.
    pub digest: String,
    /// How it came out.
    pub verdict: Passed,
    /// What did not come out as it says, or why it could not be run: a line each.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub failures: Vec<String>,
    /// Records of the session that was run.
    #[serde(default)]
    pub events: u64,
    /// Duration, ms.
    #[serde(default)]
    pub ms: u64,
    /// Version of the programs.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub version: String,
}

/// `pen.dropped`. Id `drop-<pen>`.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct PenDropped {
    /// The pen that nobody holds any more.
    pub pen: u32,
}

/// `log.recovered`.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct LogRecovered {
    /// Bytes of the unfinished line that were cut aside.
    pub bytes: u64,
    /// File beside the log that holds them.
    #[serde(default)]
    pub aside: String,
}

/// `log.refused`: written by the keeper. The refused line itself is not kept.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct LogRefused {
    /// The pen that tried.
    pub pen: u32,
    /// Id of the refused line.
    pub id: String,
    /// Its type.
    #[serde(rename = "type")]
    pub ty: String,
    /// Why it was refused, in words.
    pub why: String,
}
