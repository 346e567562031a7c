// Made from fixtures/events/schema.json by `npm run types`; do not edit. It knows shapes and nothing of their meaning.

/** `session.created`. */
export interface SessionCreated {
  /** Name for people, unique at the time of creation. */
  name: string;
  /** User name of the owner. */
  owner?: string;
  /** Host on which it was created. */
  host?: string;
  /** Where the person stands: a folder of the worktree, or the place itself. Tools start at the worktree's root. */
  cwd: string;
  /** The repository, if there is one. */
  repository?: Repository;
  /** The worktree made for the session, if there is one. */
  worktree?: Worktree;
  /** `provider/model`. */
  model: string;
  /** What needs asking. */
  mode: Mode;
  /** Limits of the session. */
  limits?: Limits;
  /** Tools may run without a sandbox; a person said so. */
  unsandboxed?: boolean;
  /** Profile of the sandbox its tools run in: `read-only` or `network`; empty for `workspace`. */
  sandbox?: string;
  /** Hex SHA-256 of the effective configuration. */
  config?: string;
  /** Hooks that it waits for: of messages before a turn takes them up, of answers before a turn ends with them. */
  hooks?: Hook[];
  /** Where the past of a forked session lies. */
  forked_from?: ForkedFrom;
  /** Hex SHA-256 over what the run depends on, where a person named its inputs: prompt, model, mode, check, tools and files. */
  inputs?: string;
  /** The batch that it is one of. */
  batch?: Batch;
}

/** The repository a session belongs to. */
export interface Repository {
  /** Root of the user's own work tree. */
  root: string;
  /** First commit of the history: names the project wherever it is cloned. */
  root_commit?: string;
}

/** A worktree of the session's own. */
export interface Worktree {
  /** Its folder. */
  path: string;
  /** Its private git directory, recorded so that the `.git` file inside is never believed. */
  git_dir: string;
  /** Its branch. */
  branch: string;
  /** The commit it started from. */
  base: string;
  /** The branch that was checked out then; empty if detached. */
  from?: string;
  /** Variables of its tools that keep it apart from others: ports and cache folders of its own. */
  variables?: Variable[];
}

/** A variable of the tools of one worktree. */
export interface Variable {
  /** Its name. */
  name: string;
  /** Its value: a port, or the path of a folder. */
  value: string;
}

/** How much runs without asking. In the log, so that a restart keeps it. */
export type Mode = "plan" | "ask" | "edit" | "auto";

/** Limits of a session; 0 means the default. */
export interface Limits {
  /** Model answers in one turn. */
  answers?: number;
  /** What the model takes in and gives out at once, tokens: its context window. */
  context?: number;
  /** Micro-dollars of the whole session, its forks included. */
  money?: number;
  /** Tokens of the whole session, all kinds of input and output. */
  tokens?: number;
  /** Model calls of the whole session. */
  calls?: number;
  /** Turns of the whole session. */
  turns?: number;
  /** Seconds of work in the whole session, without waiting for a person. */
  seconds?: number;
  /** Groups whose limits hold as well; how much they allow stands in the configuration. */
  groups?: string[];
  /** The limits of the day and the month hold as well. */
  shared?: boolean;
  /** Money that several sessions share. */
  purse?: Purse;
}

/** Money that several sessions share, whoever of them spends it. */
export interface Purse {
  /** Its name: sessions with the same one share it. */
  name: string;
  /** Micro-dollars of all of them together. */
  money: number;
}

/** A moment at which programs are heard, under the names that Claude Code and crush give them. */
export type Hook = "PreToolUse" | "PostToolUse" | "UserPromptSubmit" | "Stop";

/** The record in another log that a fork goes on from. */
export interface ForkedFrom {
  /** Parent session. */
  session: string;
  /** Its last record that belongs to the fork. */
  seq: number;
  /** Hash of that record. */
  hash: string;
  /** The turn that waited for a context there goes on here; without it what was under way is left behind. */
  goes_on?: boolean;
}

/** Sessions that were begun together: many tasks, or one task several times. */
export interface Batch {
  /** The batch. */
  id: string;
  /** What is done here: the same text for the same task, whoever begins it again. */
  task: string;
  /** Which one of those that do the same, from 1. */
  n: number;
  /** What it was begun as: `map`, `race`, `compare`, or the stage of a relay. */
  part?: string;
}

/** `session.named`. */
export interface SessionNamed {
  /** The new name. */
  name: string;
}

/** `session.configured`: only what changes is there. */
export interface SessionConfigured {
  /** New `provider/model`. */
  model?: string;
  /** New mode. */
  mode?: Mode;
  /** New limits. */
  limits?: Limits;
  /** All hooks that it waits for from here on. */
  hooks?: Hook[];
  /** The client that is asked from here on, while the pen that says so is held; empty for the user again. */
  asks?: string;
}

/** `session.rewound`: from here on the conversation and the files are what they were at an earlier record. */
export interface SessionRewound {
  /** The last record that counts; what stands between it and this one is kept and counts no more. */
  to: number;
  /** The git tree the work tree was brought to; empty where files are not recorded. */
  tree?: string;
  /** Who went back. */
  who?: string;
}

/** `session.compacted`. Id `compact-<cause>`; its cause is the record that a context was due after, or the model's summary. */
export interface SessionCompacted {
  /** How. */
  how: Shortening;
  /** Last record that the state is a fold of. Those between it and this one are folded after the state. */
  upto: number;
  /** The whole state as JSON: `{"v":1,"session":…,"conversation":…}`. */
  state: BlobRef;
  /** Records whose output is cut down in it. */
  trimmed?: number[];
  /** Estimate of the context without it, tokens. */
  before?: number;
  /** Estimate of the context with it, tokens. */
  after?: number;
}

/** How a conversation was made shorter. */
export type Shortening = "trim" | "summary";

/** Names a payload that is kept beside the log. */
export interface BlobRef {
  /** Lower-case hex SHA-256. */
  sha: string;
  /** Bytes. */
  bytes: number;
  /** Media type, `text/plain` and the like. */
  media?: string;
}

/** `user.message`. */
export interface UserMessage {
  /** The text, unless it is in a blob. */
  text?: string;
  /** The text as a blob, when it is too long for a line. */
  blob?: BlobRef;
  /** Who says it. */
  author?: string;
  /** Through which client. */
  client?: string;
  /** Steers the running turn at its next context instead of waiting for its end. */
  now?: boolean;
  /** Pictures shown with the text, in order: blobs of a media type `image/…`. A model that cannot see is told that they are there. */
  images?: BlobRef[];
  /** An order to compact the conversation, which is no part of it. The text says what the summary should keep above all. */
  compact?: boolean;
  /** JSON Schema that the turn's answer has to fit. */
  schema?: BlobRef;
}

/** `message.steered`. Its cause is the message; without a running turn, or when the message waits no more, it changes nothing. */
export interface MessageSteered {
  /** Who says so. */
  who?: string;
}

/** `message.withdrawn`. Its cause is the message. Its id is that of the next turn's start, so that of a turn that begins and a message that is taken back only one is recorded; that number is used up. */
export interface MessageWithdrawn {
  /** Who takes it back. */
  who?: string;
}

/** `message.vetted`. Id `vet-<message>`; its cause is the message. A message that is blocked waits no more, and no model reads it. */
export interface MessageVetted {
  /** What the hooks make of it. */
  verdict: Verdict;
  /** Why not, for people. */
  why?: string;
  /** What the model reads behind the message. */
  context?: string;
  /** The hook that decided; empty where all let it pass. */
  hook?: string;
  /** Whose it is: `operator`, `user`, `project`. */
  layer?: string;
}

/** What a hook makes of what it was told. */
export type Verdict = "passes" | "blocks" | "fails";

/** `turn.started`. Its cause is the message. */
export type TurnStarted = Record<string, never>;

/** `turn.completed`. Its cause is the last answer. */
export type TurnCompleted = Record<string, never>;

/** `turn.failed`. */
export interface TurnFailed {
  /** Kind of failure. */
  code: Code;
  /** For people, one line. */
  message?: string;
  /** What to do about it, one line. */
  hint?: string;
}

/** Why something failed. Open: readers keep codes they do not know. */
export type Code = "interrupted" | "cancelled" | "unreachable" | "credentials" | "refused" | "cut" | "format" | "limit" | "context" | "schema" | "timeout" | "arguments" | "hook" | "path_outside" | "not_found" | "sandbox" | "config" | "io" | (string & {});

/** `turn.cancelled`: the order to stop. */
export interface TurnCancelled {
  /** Who stopped it. */
  who?: string;
}

/** `context.built`: what the model sees, by reference. */
export interface ContextBuilt {
  /** Blob of the system text (hex SHA-256). */
  system: string;
  /** Blob of the tool list; empty if there are none. */
  tools?: string;
  /** Ranges of records, first and last inclusive; a range with its first alone reaches up to this very line. */
  ranges: number[][];
  /** The model, `provider/name`. */
  model: string;
  /** The answer wanted is a summary of the conversation. */
  compacts?: Compacts;
  /** Blob of the JSON Schema that the answer has to fit (hex SHA-256); empty if any will do. */
  schema?: string;
  /** What the model is told of its last answer, which did not fit. */
  repair?: string;
}

/** How the model is asked for a summary. */
export interface Compacts {
  /** Blob of the request (hex SHA-256), which stands behind the conversation. */
  prompt: string;
  /** What the conversation may take up, bytes. A longer one is cut down the same way by everybody. */
  room: number;
}

/** `model.requested`: a claim. */
export type ModelRequested = Record<string, never>;

/** `model.delta`: chalk. */
export interface ModelDelta {
  /** A piece of the answer's text. */
  text?: string;
  /** A piece of its reasoning. */
  reasoning?: string;
  /** A call is being written: the tool's name. */
  call?: string;
  /** A note on the connection (a retry and its reason) for people. */
  note?: string;
}

/** `model.tool_call_requested`. The digest of a decision covers exactly these bytes. */
export interface ToolCall {
  /** Tool name. */
  tool: string;
  /** Arguments, a JSON object as the model wrote it; absent when they are in a blob. */
  args?: unknown;
  /** Arguments too long for a line. */
  blob?: BlobRef;
  /** Who asks; left out for the model. */
  source?: Source;
  /** Provider extras, kept verbatim. */
  _meta?: unknown;
}

/** Who asked for a call. */
export type Source = "model" | "user" | "skill" | "mcp_prompt";

/** `model.completed`. */
export interface ModelCompleted {
  /** Text and reasoning in order. */
  parts?: Part[];
  /** The text in place of `parts` where a summary was asked for: it is no answer to anybody. */
  summary?: Part[];
  /** Ids of the calls of this answer, drafted just before it. */
  calls?: number;
  /** Why it stopped. */
  stop: Stop;
  /** Tokens. */
  usage?: Usage;
  /** Cost in micro-dollars; absent if the model has no known price. */
  cost?: number;
  /** Id of the price table behind `cost`; `reported` if the provider said it, `recorded` for a recording. */
  prices?: string;
  /** The provider gave no usable figures: `usage` and `cost` are a careful estimate. */
  estimated?: boolean;
  /** From the request to the last byte, ms. */
  ms?: number;
  /** Provider extras, kept verbatim. */
  _meta?: unknown;
}

/** One part of an answer. */
export type Part = {
  text: string;
} | {
  reasoning: string;
} | {
  text_blob: BlobRef;
} | {
  reasoning_blob: BlobRef;
};

/** Why an answer stopped. */
export type Stop = "end" | "tools" | "length" | "filter" | "refusal" | "pause" | "context";

/** Tokens of one answer. The input kinds are disjoint; reasoning is part of output. */
export interface Usage {
  /** Input that no cache held. */
  input?: number;
  /** Output, reasoning included. */
  output?: number;
  /** Input read from a cache. */
  cache_read?: number;
  /** Input written to a cache, for however long. */
  cache_write?: number;
  /** Of `cache_write`, what was written to be kept for an hour. */
  cache_write_1h?: number;
  /** Reasoning inside output. */
  reasoning?: number;
}

/** `model.failed`. */
export interface ModelFailed {
  /** Kind of failure. */
  code: Code;
  /** For people, one line. */
  message?: string;
  /** What to do about it, one line. */
  hint?: string;
  /** Text that had already arrived. */
  text?: string;
  /** A call had begun to arrive and was dropped. */
  dropped_call?: string;
  /** Tokens used before it failed. */
  usage?: Usage;
  /** Cost in micro-dollars of what was used before it failed, if known. */
  cost?: number;
  /** Id of the price table behind `cost`. */
  prices?: string;
  /** `usage` and `cost` are an estimate: the provider had not given its figures. */
  estimated?: boolean;
}

/** `permission.requested`. Its cause is the call. */
export interface PermissionRequested {
  /** `user`, or the client that had registered for it. Anybody may answer: the first answer counts. */
  addressee: string;
  /** What happens while the addressee is not there. */
  unattended?: Unattended;
  /** Why it is asked, for people. */
  why: string;
  /** The rule that asked. */
  rule: string;
  /** What would be recorded for "always". */
  proposal?: Proposal;
  /** Whose rule asked: `operator`, `user`, `project`; left out for what is built in. */
  layer?: string;
  /** What the call could do at worst. */
  risk?: Risk;
  /** It is run in a copy first: what is approved is its effect. */
  effect?: boolean;
}

/** What becomes of a question whose addressee is not there. */
export type Unattended = "wait" | "user";

/** The narrowest rule that would have allowed a call. */
export interface Proposal {
  /** Tool name. */
  tool: string;
  /** Command pattern, for the shell. */
  command?: string;
  /** Path patterns, for file tools. */
  paths?: string[];
}

/** What a call could do at worst, from the lightest. */
export type Risk = "read" | "write" | "execute" | "network" | "destructive";

/** `permission.resolved`. Its cause is the call. */
export interface PermissionResolved {
  /** Allowed or denied (never `ask`). */
  decision: Decision;
  /** `rule`, or the name of the person. */
  who: string;
  /** Rule id, `mode-auto` and the like for what a mode decides. */
  rule?: string;
  /** How far it reaches; left out for once. */
  scope?: Scope;
  /** Hex SHA-256 over the exact `data` bytes of the call. */
  digest: string;
  /** For people and for the model: why not. */
  why?: string;
  /** Whose rule it was: `operator`, `user`, `project`; left out for what is built in and for a person's answer. */
  layer?: string;
  /** What the call could do at worst. */
  risk?: Risk;
  /** What the answer allows beyond this call, for as long as its scope says. */
  grant?: Proposal;
  /** What a person answers to a question of the model's: the output of that call. */
  answer?: string;
  /** Id of the `effect.completed` that is adopted: its output is the call's, its tree that of the work tree, and nothing is run. */
  effect?: string;
}

/** What may happen to a call. */
export type Decision = "allow" | "deny" | "ask";

/** How far a decision reaches. */
export type Scope = "once" | "session" | "project" | "always";

/** `effect.requested`. Its cause is the call. */
export interface EffectRequested {
  /** The person. */
  who: string;
  /** Hex SHA-256 over the exact `data` bytes of the call. */
  digest: string;
}

/** `effect.started`: a claim. Its cause is the `permission.requested` or `effect.requested` that wants it. */
export type EffectStarted = Record<string, never>;

/** `effect.completed`. Its cause is the claim. */
export interface EffectCompleted {
  /** The call. */
  call: string;
  /** The git tree of the work tree that was copied, 40 hexadecimal digits. */
  base: string;
  /** The call as it would be recorded if this were adopted: its `tree` is that of the copy after it. */
  outcome: ToolCompleted;
}

/** `tool.completed`. Its cause is the claim. */
export interface ToolCompleted {
  /** What came out. */
  output?: Output;
  /** Exit status of a command; absent for other tools. */
  exit?: number;
  /** Signal that ended a command. */
  signal?: number;
  /** Duration, ms. */
  ms?: number;
  /** Sandbox profile it ran in; `off` if none. */
  sandbox: string;
  /** What hooks tell the model of it. */
  feedback?: string;
  /** Why the turn must not go on after it, as a hook says. */
  stops?: string;
  /** Files changed: by the tool itself, or by whatever the command started. */
  changed?: Changed[];
  /** Further files changed, beyond those that fit the line. */
  changed_more?: number;
  /** Unified diff of them, if it fits. */
  patch?: string;
  /** The diff as a blob, when it does not. */
  patch_blob?: BlobRef;
  /** The git tree of the work tree after the call (40 hexadecimal digits), kept in the private git folder of the repository: untracked files that are not ignored included. Absent outside git, and after calls that only read. */
  tree?: string;
  /** Files that the tree leaves out. */
  left_out?: LeftOut[];
  /** Hosts that were asked for through the proxy of the sandbox, each once; at most 32. */
  contacts?: Contact[];
}

/** Output of a call: head and tail here, the whole as a blob. */
export interface Output {
  /** What the model sees: the whole, or head and tail around a line that says what is left out. Bytes that are no UTF-8 are replaced here; the blob then has them as they were. */
  text?: string;
  /** Bytes of the whole. */
  bytes?: number;
  /** Something is left out of `text`, or its bytes were not UTF-8. */
  truncated?: boolean;
  /** The whole (up to `OUTPUT_KEPT_BYTES`) when `text` is not all of it. */
  blob?: BlobRef;
  /** Pictures that came out, in order: blobs of a media type `image/…`, shown to a model that can see. */
  images?: BlobRef[];
}

/** A file changed by a call. */
export interface Changed {
  /** Path relative to the worktree. Bytes that are no UTF-8 are replaced; the patch and the tree have them as they are. */
  path: string;
  /** Lines added. */
  added: number;
  /** Lines removed. */
  removed: number;
}

/** A file that a recorded state leaves out because it is too large. */
export interface LeftOut {
  /** Path relative to the root of the work tree. */
  path: string;
  /** Its size. */
  bytes: number;
}

/** A host that a tool asked for. */
export interface Contact {
  /** Its name and port, as asked for: `example.org:443`. */
  host: string;
  /** Why it was not reached; empty if it was. */
  refused?: string;
}

/** `effect.failed`. Its cause is the claim. */
export interface EffectFailed {
  /** The call. */
  call?: string;
  /** Kind of failure. */
  code: Code;
  /** For people, one line. */
  message: string;
}

/** `tool.discovered`: drafted when what is on offer differs from the last one recorded. */
export interface ToolDiscovered {
  /** `local`, later a server or skill. */
  server: string;
  /** Tool names. */
  names: string[];
  /** Blob with the list of `{name, description, parameters}` (hex SHA-256). */
  schema: string;
}

/** `tool.started`: a claim. Its cause is the decision. */
export type ToolStarted = Record<string, never>;

/** `tool.delta`: chalk. */
export interface ToolDelta {
  /** A piece of output. */
  text: string;
}

/** `tool.failed`. Its cause is the claim. */
export interface ToolFailed {
  /** Kind of failure. */
  code: Code;
  /** For the model and for people, one line. */
  message: string;
  /** What had come out before it failed. */
  output?: Output;
  /** Duration, ms. */
  ms?: number;
  /** Files changed before it failed. */
  changed?: Changed[];
  /** Further files changed, beyond those that fit the line. */
  changed_more?: number;
  /** Unified diff of them, if it fits. */
  patch?: string;
  /** The diff as a blob, when it does not. */
  patch_blob?: BlobRef;
  /** The git tree of the work tree after the call (40 hexadecimal digits), kept in the private git folder of the repository: untracked files that are not ignored included. Absent outside git, and after calls that only read. */
  tree?: string;
  /** Files that the tree leaves out. */
  left_out?: LeftOut[];
  /** Hosts that were asked for through the proxy of the sandbox, each once; at most 32. */
  contacts?: Contact[];
}

/** `hook.started`: a claim. Its cause is the answer that the turn would end with. */
export interface HookStarted {
  /** Which hooks. */
  on: Hook;
}

/** `hook.completed`. Its cause is the claim. */
export interface HookCompleted {
  /** Which hooks. */
  on: Hook;
  /** `passes`: the turn ends; `blocks`: it goes on with `why`; `fails`: it ends without its answer. */
  verdict: Verdict;
  /** Why, for people and for the model. */
  why?: string;
  /** The hook that decided; empty where all let it pass. */
  hook?: string;
  /** Duration, ms. */
  ms?: number;
}

/** `check.completed`: a command that judges the files as they are, run where the session's tools run. */
export interface CheckCompleted {
  /** The command, as a shell takes it. */
  command: string;
  /** Whether it succeeded. */
  passed: boolean;
  /** Its exit; absent when a signal or the time limit ended it. */
  exit?: number;
  /** How long it ran, ms. */
  ms?: number;
  /** The end of what it said. */
  output?: string;
}

/** `worktree.created`, `worktree.removed`: the same facts as in `session.created`. */
export type WorktreeCreated = Worktree;

/** `worktree.snapshot`: the state of the work tree outside a call, recorded when it is another than the last one recorded. */
export interface WorktreeSnapshot {
  /** The git tree, 40 hexadecimal digits. */
  tree: string;
  /** The commit HEAD stood on; empty if there was none. */
  commit?: string;
  /** Why: `base` before the first call, `outside` when somebody else changed files since, `rewind` before going back. */
  why: string;
  /** Files that differ from the state recorded before. */
  changed?: Changed[];
  /** Further such files, beyond those that fit the line. */
  changed_more?: number;
  /** Files that the tree leaves out. */
  left_out?: LeftOut[];
}

/** `worktree.landed`. */
export interface WorktreeLanded {
  /** The session's branch. */
  branch: string;
  /** Where it landed; empty if only the branch was kept. */
  into?: string;
  /** The commit that landed. */
  commit: string;
  /** forward, merge, squash, rebase, branch or request (of somebody else, to take it). */
  how: string;
  /** Address of the request that was opened. */
  url?: string;
}

/** `budget.reserved`: a claim. Its cause is the context; no model is asked without it where limits hold, and `model.requested` takes its place. */
export interface BudgetReserved {
  /** The most that the call may cost, micro-dollars. */
  money: number;
  /** The most tokens that it may use, input and output. */
  tokens: number;
  /** Of these, input: an estimate that is rather too high. */
  input?: number;
  /** Tokens the answer may have; the request says so to the provider. 0 leaves it to the model. */
  output?: number;
  /** Id of the price table behind `money`. */
  prices?: string;
}

/** `budget.released`. Its cause is the reservation. */
export type BudgetReleased = Record<string, never>;

/** `budget.exceeded` and `budget.warned`. */
export interface Budget {
  /** Which limit: `money` (micro-dollars), `tokens`, `calls`, `turns`, `seconds`; `ledger` if what was spent cannot be told. */
  limit: string;
  /** The limit. */
  allowed: number;
  /** What is used, without what is set aside for calls under way. */
  used: number;
  /** Whose limit: `group NAME`, `day`, `month`; empty for the session's own. */
  scope?: string;
  /** What the call that was stopped may have taken. */
  next?: number;
  /** For people, one line. */
  message?: string;
  /** What to do about it, one line. */
  hint?: string;
}

/** `scenario.completed`: recorded in a log of its own, not in the session that was run. */
export interface ScenarioCompleted {
  /** Name of its folder. */
  name: string;
  /** Hex SHA-256 over the files of its folder: another one is another scenario. */
  digest: string;
  /** How it came out. */
  verdict: Passed;
  /** What did not come out as it says, or why it could not be run: a line each. */
  failures?: string[];
  /** Records of the session that was run. */
  events?: number;
  /** Duration, ms. */
  ms?: number;
  /** Version of the programs. */
  version?: string;
}

/** How a scenario came out. */
export type Passed = "passed" | "failed" | "broken";

/** `pen.dropped`. Id `drop-<pen>`. */
export interface PenDropped {
  /** The pen that nobody holds any more. */
  pen: number;
}

/** `log.recovered`. */
export interface LogRecovered {
  /** Bytes of the unfinished line that were cut aside. */
  bytes: number;
  /** File beside the log that holds them. */
  aside?: string;
}

/** `log.refused`: written by the keeper. The refused line itself is not kept. */
export interface LogRefused {
  /** The pen that tried. */
  pen: number;
  /** Id of the refused line. */
  id: string;
  /** Its type. */
  type: string;
  /** Why it was refused, in words. */
  why: string;
}

/** The payload of each type; a type that is not here is kept and shown as it is. */
export interface Data {
  "session.created": SessionCreated;
  "session.named": SessionNamed;
  "session.archived": unknown;
  "session.configured": SessionConfigured;
  "session.rewound": SessionRewound;
  "session.compacted": SessionCompacted;
  "user.message": UserMessage;
  "message.steered": MessageSteered;
  "message.withdrawn": MessageWithdrawn;
  "message.vetted": MessageVetted;
  "turn.started": TurnStarted;
  "turn.completed": TurnCompleted;
  "turn.failed": TurnFailed;
  "turn.cancelled": TurnCancelled;
  "context.built": ContextBuilt;
  "model.requested": ModelRequested;
  "model.delta": ModelDelta;
  "model.tool_call_requested": ToolCall;
  "model.completed": ModelCompleted;
  "model.failed": ModelFailed;
  "permission.requested": PermissionRequested;
  "permission.resolved": PermissionResolved;
  "effect.requested": EffectRequested;
  "effect.started": EffectStarted;
  "effect.completed": EffectCompleted;
  "effect.failed": EffectFailed;
  "tool.discovered": ToolDiscovered;
  "tool.started": ToolStarted;
  "tool.delta": ToolDelta;
  "tool.completed": ToolCompleted;
  "tool.failed": ToolFailed;
  "hook.started": HookStarted;
  "hook.completed": HookCompleted;
  "artifact.stored": unknown;
  "check.completed": CheckCompleted;
  "worktree.created": WorktreeCreated;
  "worktree.snapshot": WorktreeSnapshot;
  "worktree.landed": WorktreeLanded;
  "worktree.removed": WorktreeCreated;
  "budget.reserved": BudgetReserved;
  "budget.released": BudgetReleased;
  "budget.warned": Budget;
  "budget.exceeded": Budget;
  "scenario.completed": ScenarioCompleted;
  "pen.dropped": PenDropped;
  "log.recovered": LogRecovered;
  "log.refused": LogRefused;
  "log.live": unknown;
  "log.none": unknown;
  "log.blob": string;
}

/** Every type that this version knows. */
export type Type = keyof Data;

/** Their names. */
export const TYPES: readonly Type[] = [
  "session.created",
  "session.named",
  "session.archived",
  "session.configured",
  "session.rewound",
  "session.compacted",
  "user.message",
  "message.steered",
  "message.withdrawn",
  "message.vetted",
  "turn.started",
  "turn.completed",
  "turn.failed",
  "turn.cancelled",
  "context.built",
  "model.requested",
  "model.delta",
  "model.tool_call_requested",
  "model.completed",
  "model.failed",
  "permission.requested",
  "permission.resolved",
  "effect.requested",
  "effect.started",
  "effect.completed",
  "effect.failed",
  "tool.discovered",
  "tool.started",
  "tool.delta",
  "tool.completed",
  "tool.failed",
  "hook.started",
  "hook.completed",
  "artifact.stored",
  "check.completed",
  "worktree.created",
  "worktree.snapshot",
  "worktree.landed",
  "worktree.removed",
  "budget.reserved",
  "budget.released",
  "budget.warned",
  "budget.exceeded",
  "scenario.completed",
  "pen.dropped",
  "log.recovered",
  "log.refused",
  "log.live",
  "log.none",
  "log.blob",
];

/** What stands around every payload. */
export interface Envelope {
  /** Number of the record; absent on drafts. */
  seq?: number;
  /** UTC time of the record, RFC 3339 with milliseconds; empty on drafts. */
  ts?: string;
  /** Lower-case hex SHA-256 of the line before, without its LF; empty on drafts. */
  prev?: string;
  /** The pen that wrote the record; absent on drafts. */
  pen?: number;
  /** On chalk in `live.jsonl`: the last record before it. */
  after?: number;
  /** Version of the format. */
  v?: number;
  /** Id, unique within the session; empty on control lines. */
  id?: string;
  /** Session id. */
  session?: string;
  /** Ordinal of the turn, from 1; 0 outside turns. */
  turn?: number;
  /** Id of the event this one answers; empty if none. */
  cause?: string;
  /** Program that wrote it. */
  by?: string;
}

/** One line of the log, of a type this version knows. */
export type Known = { [T in Type]: Envelope & { type: T; data: Data[T] } }[Type];

/** One line of the log. */
export type Event = Envelope & { type: string; data?: unknown };

/** Whether a line is of a type. */
export function is<T extends Type>(event: Event, type: T): event is Envelope & { type: T; data: Data[T] } {
  return event.type === type;
}
