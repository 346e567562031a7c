// What the views show of a session: plain values that the fold makes and nothing else changes.
// It must never know a component, a colour or the network.
import type { BlobRef, Changed, Code, Limits, Mode, Output, Proposal, Question, Risk, Scope, Stop, Usage } from "./shapes";

/** A piece of an answer, or of a message. */
export interface Piece {
  kind: "text" | "reasoning";
  /** The text, unless it is in a blob. */
  text?: string;
  blob?: BlobRef;
}

/** Where a call stands. `unknown`: whoever ran it is gone, and whether it ran cannot be told. */
export type CallState = "due" | "asked" | "allowed" | "running" | "done" | "failed" | "denied" | "unknown" | "dropped";

/** Who answered a call's question, and how. */
export interface Answered {
  seq: number;
  ts: string;
  allowed: boolean;
  /** `rule`, or a person. */
  who: string;
  rule: string;
  layer: string;
  scope: Scope;
  why: string;
  grant?: Proposal;
  /** A person's words, to a question of the model's. */
  answer: string;
  client: string;
}

/** That somebody is asked. */
export interface Asked {
  seq: number;
  ts: string;
  why: string;
  rule: string;
  layer: string;
  risk?: Risk;
  proposal?: Proposal;
}

/** How a call ended. */
export interface Ended {
  seq: number;
  ts: string;
  ok: boolean;
  exit?: number;
  signal?: number;
  ms: number;
  sandbox: string;
  output?: Output;
  code?: Code;
  message: string;
  changed: Changed[];
  changedMore: number;
  patch: string;
  patchBlob?: BlobRef;
  tree: string;
}

/** One tool call, from the request to its end. */
export interface Call {
  kind: "call";
  /** The last record about it. */
  seq: number;
  /** The record that asked for it. */
  born: number;
  turn: number;
  id: string;
  ts: string;
  tool: string;
  /** Arguments as the model wrote them, if they fit the line. */
  args: unknown;
  argsBlob?: BlobRef;
  /** By whom, if not by the model. */
  source: string;
  asked?: Asked;
  answered?: Answered;
  /** The claim: when it began to run. */
  started?: { seq: number; ts: string; id: string };
  ended?: Ended;
  state: CallState;
  question?: Question;
}

/** Somebody spoke. */
export interface Said {
  kind: "said";
  seq: number;
  born: number;
  turn: number;
  id: string;
  ts: string;
  author: string;
  client: string;
  text: string;
  blob?: BlobRef;
  images: BlobRef[];
  /** It steers the running turn. */
  now: boolean;
  /** An order to compact. */
  compact: boolean;
  /** `waits` until a turn or context takes it up. */
  state: "waits" | "taken" | "withdrawn";
}

/** An answer of the model. */
export interface Answer {
  kind: "answer";
  seq: number;
  born: number;
  turn: number;
  ts: string;
  pieces: Piece[];
  stop: Stop;
  usage: Usage;
  /** Micro-dollars; absent without a price. */
  cost?: number;
  ms: number;
  calls: number;
  model: string;
  /** It is a summary that takes the conversation's place. */
  summary: boolean;
}

/** A turn begins. */
export interface Turn {
  kind: "turn";
  seq: number;
  born: number;
  turn: number;
  ts: string;
  state: "running" | "done" | "failed" | "cancelled";
  /** When it ended. */
  end?: { seq: number; ts: string; code?: Code; message: string; hint: string; who: string };
  calls: number;
  /** Micro-dollars of its answers. */
  cost: number;
  priced: boolean;
}

/** Something else worth a line. */
export interface Note {
  kind: "note";
  seq: number;
  born: number;
  turn: number;
  ts: string;
  tone: "plain" | "warn" | "fail" | "done";
  text: string;
  hint: string;
  /** Text that had arrived before it failed. */
  partial: string;
  images: BlobRef[];
}

export type Item = Call | Said | Answer | Turn | Note;

/** One request to a model. */
export interface Request {
  n: number;
  seq: number;
  ts: string;
  model: string;
  usage: Usage;
  cost?: number;
  ms: number;
  failed: boolean;
}

/** What has arrived of a thing that is not recorded yet. */
export interface Live {
  /** The claim it belongs to. */
  claim: string;
  text: string;
  reasoning: string;
  /** The call that is being written. */
  call: string;
  /** About the connection. */
  note: string;
}

/** What a file has been through. */
export interface FileFacts {
  path: string;
  added: number;
  removed: number;
  /** Records that changed it. */
  at: number[];
  /** Records that read it. */
  read: number[];
}

/** A state of all files. */
export interface TreeAt {
  seq: number;
  tree: string;
}

/** What a session as a whole is. */
export interface Head {
  id: string;
  name: string;
  owner: string;
  host: string;
  cwd: string;
  repository: string;
  worktree: string;
  branch: string;
  base: string;
  from: string;
  model: string;
  mode: Mode;
  limits: Limits;
  unsandboxed: boolean;
  archived: boolean;
  landed: string;
  created: string;
  forkedFrom?: { session: string; seq: number };
}

/** How a session stands. */
export type Standing = "waits" | "running" | "queued" | "done" | "failed" | "cancelled" | "new";

/** Tokens and money so far. Cost is of what has a price. */
export interface Totals {
  cost: number;
  unpriced: number;
  input: number;
  output: number;
  cacheRead: number;
  cacheWrite: number;
  requests: Request[];
  calls: number;
}
