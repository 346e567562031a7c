// The server's answers and how they are asked for. Shapes are those of its OpenAPI description.
// It must never know a component; errors are values with the server's own words.
import type { Event, Limits, Mode, Risk, Scope } from "../events/types";

export const BASE = "/api/v1";

/** Tokens by kind. */
export interface Tokens { input: number; cache_read: number; cache_write: number; output: number; reasoning: number }

/** How a session stands, as the list says it. */
export type CardState = "waits" | "running" | "done" | "failed" | "cancelled" | "stopped" | "new" | "damaged";

/** One session in the list. */
export interface Card {
  id: string; name: string; state: CardState; detail: string; project: string; repository: string; branch: string; model: string;
  mode: Mode; cost: number | null; tokens: Tokens; changed: { files: number; added: number; removed: number }; turns: number;
  calls: number; head: number; created: string; last: string; archived: boolean; running: boolean; queued: number;
  asks: { call: string; seq: number; tool: string; subject: string; since: string }[];
  forked_from: { session: string; seq: number } | null; owner: string;
}

/** One question to a person. */
export interface Ask {
  call: string; seq: number; call_seq: number; turn: number; tool: string; args: unknown; digest: string; subject: string;
  why: string; rule: string; layer: string; risk: Risk | null; since: string;
  proposal: { tool: string; command?: string; paths?: string[] } | null; question: { text: string; choices: string[] } | null;
}

/** One session. */
export interface Session extends Omit<Card, "asks"> {
  limits: Limits; unsandboxed: boolean; worktree: { path: string; branch: string; base: string; from: string } | null; cwd: string;
  state_at: number; turn: { n: number; phase: string; started: number } | null; asks: Ask[];
  waiting: { message: string; seq: number; text: string; now: boolean; compact: boolean }[];
  marks: { turn: number; message: number; began: number; ended: number | null; end: string | null }[]; log?: string;
}

/** Who is here, and what they may do. */
export interface Me {
  person: string; scope: "owner" | "share"; session: string | null; expires: string | null; redacted: boolean; terminal: boolean;
  version: string; commit: string; host: string; home: string | null; scenarios: boolean;
}

/** What an order did. */
export interface Did { ok: boolean; head: number; command: string; note: string | null }

/** Columns of every event. */
export interface Outline {
  head: number; first: number; t0: number; types: string[]; by: string[];
  rows: { type: number[]; by: number[]; dt: number[]; turn: number[]; flag: number[] };
}

/** A state of files. */
export interface Tree {
  at: number; tree: string | null; why: string | null; files: { path: string; bytes: number; kind: string }[]; truncated: boolean;
  changed?: { path: string; status: string; added: number; removed: number }[];
}

/** What changed between two states. */
export interface Diff {
  from: number | null; to: number | null; patch: string; truncated: boolean;
  files: { path: string; old_path?: string; status: string; added: number; removed: number; binary: boolean }[];
}

/** What a session has cost. */
export interface Cost {
  total: { cost: number | null; tokens: Tokens };
  requests: { seq: number; turn: number; ts: string; model: string; cost: number | null; input: number; cache_read: number; cache_write: number; output: number; reasoning: number; ms: number; stop: string }[];
  turns: { turn: number; cost: number | null; calls: number; ms: number }[];
  tools: { tool: string; calls: number; failed: number; ms: number }[];
  waited_ms: number; context: { tokens: number; window: number | null };
}

/** What all sessions have cost. */
export interface Costs {
  sessions: { id: string; name: string; project: string; model: string; cost: number | null; tokens: Tokens; created: string; last: string }[];
  days: { day: string; cost: number | null; tokens: number; sessions: number; unpriced: number; models: Record<string, { cost: number | null; tokens: number }> }[];
  hours: [number, number, number][];
}

/** One worktree. */
export interface Worktree {
  path: string; branch: string; base: string; tip: string; ahead: number; uncommitted: number; merged: boolean; disk_bytes: number;
  age_s: number; locked: boolean; gone: boolean; session: string | null; name: string; repository: string;
}

/** One configured value. */
export interface Setting { key: string; value: unknown; origin: { layer: string; where: string } }

/** One run of a scenario. */
export interface ScenarioRun {
  state: "running" | "passed" | "failed"; session: string | null; expectations: { text: string; ok: boolean | null; detail: string }[]; output: string;
}

/** What a session begins with. */
export interface NewSession {
  prompt: string; repository: string; model?: string; mode?: Mode; name?: string; carry?: boolean; budget_usd?: string;
  max_turns?: number; max_time?: string; runs?: number; unsandboxed?: boolean; images?: { media: string; base64: string }[];
}

/** A person's decision. */
export interface DecisionBody { decision: "allow" | "deny"; scope?: Scope; why?: string; answer?: string; digest?: string; rule?: string }

/** What the server says when it does not do a thing. */
export class Problem extends Error {
  constructor(
    readonly status: number,
    readonly code: string,
    readonly detail: string,
    readonly hint: string,
    readonly raw: unknown,
  ) {
    super(detail);
  }
}

async function problem(answer: Response): Promise<Problem> {
  const raw: unknown = await answer.json().catch(() => ({}));
  const { code = "bug", title = answer.statusText, detail = "", hint = "" } = raw as Record<string, string | null>;
  return new Problem(answer.status, code ?? "bug", detail || title || `the server said ${answer.status}`, hint ?? "", raw);
}

/** Asks the server; a problem is thrown as what it says. */
export async function ask(method: string, path: string, body?: unknown, signal?: AbortSignal, bearer?: string): Promise<Response> {
  const headers: Record<string, string> = { "X-Ace": "1", Accept: "application/json" };
  if (body !== undefined) headers["Content-Type"] = "application/json";
  if (bearer) headers["Authorization"] = `Bearer ${bearer}`;
  let answer: Response;
  try {
    // A login that is under way is finished even if the page is left meanwhile: the next page needs it.
    answer = await fetch(BASE + path, { method, headers, credentials: "same-origin", body: body === undefined ? undefined : JSON.stringify(body), signal, keepalive: bearer !== undefined });
  } catch (e) {
    if (signal?.aborted) throw e;
    throw new Problem(0, "unreachable", "ace-serve does not answer", "is `ace serve` still running?", {});
  }
  if (!answer.ok) throw await problem(answer);
  return answer;
}

async function json<T>(method: string, path: string, body?: unknown, signal?: AbortSignal): Promise<T> {
  const answer = await ask(method, path, body, signal);
  return (answer.status === 204 ? undefined : await answer.json()) as T;
}

export const get = <T>(path: string, signal?: AbortSignal) => json<T>("GET", path, undefined, signal);
export const post = <T = Did>(path: string, body: unknown = {}, signal?: AbortSignal) => json<T>("POST", path, body, signal);
export const remove = <T = Did>(path: string) => json<T>("DELETE", path);

/** The text of a blob or file, at most so many characters. */
export async function text(path: string, limit: number, signal?: AbortSignal): Promise<string> {
  const answer = await ask("GET", path, undefined, signal);
  return (await answer.text()).slice(0, limit);
}

/** The address of a blob, for pictures and downloads. */
export const blobUrl = (sha: string, name?: string) => `${BASE}/blobs/${encodeURIComponent(sha)}${name ? `?download=${encodeURIComponent(name)}` : ""}`;

/** A page of events. */
export interface Page { events: Event[]; head: number; next: number | null; from?: number }

/** The words of an address, without those that are empty. */
export function query(of: Record<string, string | number | boolean | undefined | null>): string {
  const words = new URLSearchParams();
  for (const [key, value] of Object.entries(of)) if (value !== undefined && value !== null && value !== "") words.set(key, String(value));
  const text = words.toString();
  return text ? `?${text}` : "";
}

/** The token in the address, once: read, exchanged for a cookie, and taken out of the address. Whether there was one. */
export async function login(): Promise<boolean> {
  const found = /^#(?:token|share)=([\w.~-]+)/.exec(location.hash);
  if (!found?.[1]) return false;
  await ask("POST", "/login", undefined, undefined, found[1]);
  history.replaceState(null, "", location.pathname + location.search);
  return true;
}
