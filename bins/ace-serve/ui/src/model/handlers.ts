// What each type of record does to the state of the views. A handler says whether the record was one of its own.
// It must never know how a thing is shown.
import { type Event, is } from "../events/types";
import type { Fold } from "./fold";
import type { Answered, Call, Ended, Note, Piece, Said, Turn } from "./items";
import { type BlobRef, type Changed, type Part, question } from "./shapes";

/** Takes a record in, or says that it is none of its own. */
export type Handler = (state: Fold, event: Event) => boolean;

const common = (event: Event) => ({ seq: event.seq ?? 0, born: event.seq ?? 0, turn: event.turn ?? 0, ts: event.ts ?? "" });

/** A line of its own between the others. */
function note(state: Fold, event: Event, tone: Note["tone"], text: string, hint = "", partial = ""): true {
  state.push({ kind: "note", ...common(event), tone, text, hint, partial, images: [] }, event.id);
  return true;
}

/** Answers and calls: what is asked for, decided, claimed and closed. */
export const closes: Handler = (state, event) => {
  const { seq, ts } = common(event);
  if (is(event, "model.tool_call_requested")) {
    const { tool, args, blob, source = "model" } = event.data;
    const call: Call = {
      kind: "call", ...common(event), id: event.id ?? "", tool, args, argsBlob: blob, source, state: "due",
      question: question(tool, args),
    };
    // A call of a person's own has no answer to wait for.
    if (source === "model") state.arrive(event.cause ?? "", call);
    else state.push(call, call.id);
    return true;
  }
  if (is(event, "model.requested")) {
    const model = state.contexts.get(event.cause ?? "") ?? state.head.model;
    state.claims.set(event.id ?? "", { seq, ts, model });
    return true;
  }
  if (is(event, "model.completed") || is(event, "model.failed")) return answer(state, event);
  if (is(event, "permission.requested")) {
    const { why, rule, layer = "", risk, proposal } = event.data;
    state.change<Call>(event.cause, () => ({ seq, state: "asked", asked: { seq, ts, why, rule, layer, risk, proposal } }), "call");
    return true;
  }
  if (is(event, "permission.resolved")) {
    const d = event.data;
    const answered: Answered = {
      seq, ts, allowed: d.decision === "allow", who: d.who, rule: d.rule ?? "", layer: d.layer ?? "", scope: d.scope ?? "once",
      why: d.why ?? "", grant: d.grant, answer: d.answer ?? "", client: event.by ?? "",
    };
    const next = answered.allowed ? "allowed" : "denied";
    state.change<Call>(event.cause, () => ({ seq, state: next, answered }), "call");
    state.alias(event.id, event.cause);
    return true;
  }
  if (is(event, "tool.started")) {
    const call = state.call(event.cause);
    if (call) state.change<Call>(call.id, () => ({ seq, state: "running", started: { seq, ts, id: event.id ?? "" } }), "call");
    state.alias(event.id, call?.id);
    return true;
  }
  if (is(event, "tool.completed") || is(event, "tool.failed")) return ended(state, event);
  return false;
};

function pieces(parts: Part[] = []): Piece[] {
  return parts.map((part) => {
    if ("text" in part) return { kind: "text", text: part.text };
    if ("reasoning" in part) return { kind: "reasoning", text: part.reasoning };
    if ("text_blob" in part) return { kind: "text", blob: part.text_blob };
    return { kind: "reasoning", blob: part.reasoning_blob };
  });
}

function answer(state: Fold, event: Event): boolean {
  const claim = event.cause ?? "";
  const { seq, ts } = common(event);
  const model = state.claims.get(claim)?.model ?? state.head.model;
  const done = is(event, "model.completed");
  if (!done && !is(event, "model.failed")) return false;
  const { usage, cost } = event.data;
  const totals = state.totals;
  if (usage) {
    totals.input += usage.input ?? 0;
    totals.output += usage.output ?? 0;
    totals.cacheRead += usage.cache_read ?? 0;
    totals.cacheWrite += usage.cache_write ?? 0;
    const ms = done ? (event.data.ms ?? 0) : 0;
    totals.requests.push({ n: totals.requests.length + 1, seq, ts, model, usage, cost, ms, failed: !done });
    if (cost === undefined) totals.unpriced++;
    totals.cost += cost ?? 0;
    state.turns((t) => ({ cost: t.cost + (cost ?? 0), priced: t.priced && cost !== undefined }));
  }
  if (done) {
    const d = event.data;
    const summary = (d.summary ?? []).length > 0;
    state.answered(claim, {
      kind: "answer", ...common(event), pieces: pieces(summary ? d.summary : d.parts), stop: d.stop, usage: d.usage ?? {}, cost,
      ms: d.ms ?? 0, calls: d.calls ?? 0, model, summary,
    });
  } else {
    const d = event.data;
    state.drop(claim);
    if (d.code !== "cancelled" || d.text) {
      const lost = d.dropped_call ? `; a call of ${d.dropped_call} was cut off and dropped` : "";
      note(state, event, d.code === "cancelled" ? "plain" : "fail", `${d.message || `the answer failed: ${d.code}`}${lost}`, d.hint, d.text);
    }
  }
  state.claims.delete(claim);
  return true;
}

function ended(state: Fold, event: Event): boolean {
  const { seq, ts } = common(event);
  const done = is(event, "tool.completed");
  if (!done && !is(event, "tool.failed")) return false;
  const d = event.data;
  const changed: Changed[] = d.changed ?? [];
  const end: Ended = {
    seq, ts, ok: done, ms: d.ms ?? 0, output: d.output, changed, changedMore: d.changed_more ?? 0, patch: d.patch ?? "",
    patchBlob: d.patch_blob, tree: d.tree ?? "", sandbox: "sandbox" in d ? d.sandbox : "",
    exit: "exit" in d ? d.exit : undefined, signal: "signal" in d ? d.signal : undefined,
    code: "code" in d ? d.code : undefined, message: "message" in d ? d.message : "",
  };
  const bad = !done || (end.exit ?? 0) !== 0 || end.signal !== undefined;
  const as = !done && end.code === "interrupted" ? "unknown" : bad ? "failed" : "done";
  const call = state.call(event.cause);
  const next = call && state.change<Call>(call.id, () => ({ seq, state: as, ended: end }), "call");
  state.live.delete(event.cause ?? "");
  if (end.tree) state.trees.push({ seq, tree: end.tree });
  for (const { path, added, removed } of changed) {
    const facts = state.file(path);
    facts.added += added;
    facts.removed += removed;
    facts.at.push(seq);
  }
  const path = (next?.args as { path?: unknown } | null | undefined)?.path;
  if (next?.tool === "read" && typeof path === "string") state.file(path).read.push(seq);
  return true;
}

/** What a session is: its head, its turns, its messages. */
export const configures: Handler = (state, event) => {
  const { seq, ts } = common(event);
  if (is(event, "session.created")) {
    const d = event.data;
    state.head = {
      ...state.head, id: event.session ?? "", name: d.name, owner: d.owner ?? "", host: d.host ?? "", cwd: d.cwd,
      repository: d.repository?.root ?? "", worktree: d.worktree?.path ?? "", branch: d.worktree?.branch ?? "",
      base: d.worktree?.base ?? "", from: d.worktree?.from ?? "", model: d.model, mode: d.mode, limits: d.limits ?? {},
      unsandboxed: d.unsandboxed ?? false, created: ts, archived: false,
      forkedFrom: d.forked_from && { session: d.forked_from.session, seq: d.forked_from.seq },
    };
    return d.forked_from ? note(state, event, "plain", `forked from ${d.forked_from.session} at ${d.forked_from.seq}`) : true;
  }
  if (is(event, "session.named")) {
    state.head = { ...state.head, name: event.data.name };
    return note(state, event, "plain", `renamed to ${event.data.name}`);
  }
  if (is(event, "session.configured")) {
    const { model, mode, limits } = event.data;
    state.head = { ...state.head, model: model ?? state.head.model, mode: mode ?? state.head.mode, limits: limits ?? state.head.limits };
    const what = [model && `model ${model}`, mode && `mode ${mode}`, limits && "limits changed"].filter(Boolean).join(", ");
    return note(state, event, "plain", what || "settings changed");
  }
  if (is(event, "user.message")) {
    const d = event.data;
    const said: Said = {
      kind: "said", ...common(event), id: event.id ?? "", author: d.author ?? "", client: d.client ?? "", text: d.text ?? "",
      blob: d.blob, images: d.images ?? [], now: d.now ?? false, compact: d.compact ?? false, state: "waits",
    };
    state.push(said, event.id);
    return true;
  }
  if (is(event, "message.steered")) {
    state.change<Said>(event.cause, (said) => (said.state === "waits" ? { now: true } : {}), "said");
    return true;
  }
  if (is(event, "message.withdrawn")) {
    state.change<Said>(event.cause, () => ({ state: "withdrawn" }), "said");
    return true;
  }
  if (is(event, "turn.started")) {
    const turn = event.turn ?? 0;
    state.begin({ kind: "turn", ...common(event), turn, state: "running", calls: 0, cost: 0, priced: true });
    state.change<Said>(event.cause, () => ({ state: "taken", turn }), "said");
    return true;
  }
  if (is(event, "context.built")) {
    state.contexts.set(event.id ?? "", event.data.model);
    const turn = event.turn ?? 0;
    for (const said of state.queue) if (said.now) state.change<Said>(said.id, () => ({ state: "taken", turn }), "said");
    return true;
  }
  if (is(event, "turn.completed")) return ends(state, event, { state: "done" });
  if (is(event, "turn.failed")) {
    ends(state, event, { state: "failed" });
    return note(state, event, "fail", `the turn failed: ${event.data.message || event.data.code}`, event.data.hint);
  }
  if (is(event, "turn.cancelled")) return ends(state, event, { state: "cancelled" });
  if (is(event, "session.rewound")) {
    const { to, who = "", tree = "" } = event.data;
    state.undone.push([to + 1, seq - 1]);
    if (tree) state.trees.push({ seq, tree });
    for (const file of state.files.values()) file.at = file.at.filter((at) => at <= to);
    return note(state, event, "plain", `back to ${to}${who && ` by ${who}`}: what stands between counts no more`);
  }
  return false;
};

function ends(state: Fold, event: Event, what: Partial<Turn>): true {
  const { seq, ts } = common(event);
  const { code, message = "", hint = "", who = "" } = (event.data ?? {}) as { code?: string; message?: string; hint?: string; who?: string };
  // The first end wins; whatever still waited for an answer waits no more.
  state.turns((turn) => (turn.state === "running" ? { ...what, end: { seq, ts, code, message, hint, who } } : {}));
  return true;
}

const words = (limit: string) => (limit === "money" ? "the money limit" : `the limit of ${limit}`);

/** All else: a line for people where one is worth it. */
export const notes: Handler = (state, event) => {
  const { seq } = common(event);
  if (is(event, "tool.discovered")) {
    state.tools = event.data.names;
    return true;
  }
  if (is(event, "session.archived")) {
    state.head = { ...state.head, archived: true };
    return note(state, event, "plain", "archived");
  }
  if (is(event, "session.compacted")) {
    const { how, before, after } = event.data as { how?: string; before?: number; after?: number };
    const size = before && after ? `: about ${before} tokens to ${after}` : "";
    return note(state, event, "plain", how === "summary" ? `a summary takes the conversation's place${size}` : `old outputs were cut down${size}`);
  }
  if (is(event, "worktree.snapshot")) {
    state.trees.push({ seq, tree: event.data.tree });
    const n = (event.data.changed?.length ?? 0) + (event.data.changed_more ?? 0);
    if (event.data.why !== "outside" || n === 0) return true;
    return note(state, event, "plain", `somebody else changed ${n === 1 ? (event.data.changed?.[0]?.path ?? "a file") : `${n} files`}`);
  }
  if (is(event, "worktree.landed")) {
    const { into = "", commit, how } = event.data;
    state.head = { ...state.head, landed: into || how };
    return note(state, event, "done", into ? `landed on ${into} as ${commit.slice(0, 7)} (${how})` : `branch kept at ${commit.slice(0, 7)}`);
  }
  if (is(event, "worktree.removed")) return note(state, event, "plain", "the worktree is gone");
  if (is(event, "worktree.created")) {
    state.head = { ...state.head, worktree: event.data.path, branch: event.data.branch, base: event.data.base };
    return true;
  }
  if (is(event, "budget.warned")) return note(state, event, "warn", event.data.message || `most of ${words(event.data.limit)} is used`, event.data.hint);
  if (is(event, "budget.exceeded")) return note(state, event, "fail", event.data.message || `${words(event.data.limit)} is reached`, event.data.hint);
  if (is(event, "log.recovered")) return note(state, event, "warn", `an unfinished last line of ${event.data.bytes} bytes was cut aside`);
  if (is(event, "log.refused")) return note(state, event, "warn", `refused from pen ${event.data.pen}: ${event.data.type}, ${event.data.why}`);
  if (is(event, "artifact.stored")) {
    const found = blob(event.data);
    note(state, event, "plain", `stored ${artifact(event.data)}`);
    if (found?.media?.startsWith("image/")) state.change<Note>(event.id, () => ({ images: [found] }), "note");
    return true;
  }
  return ["budget.reserved", "budget.released", "pen.dropped"].includes(event.type);
};

/** The blob that a payload of unknown shape names. */
function blob(data: unknown): BlobRef | undefined {
  for (const value of [data, ...Object.values((data as Record<string, unknown>) ?? {})]) {
    const found = value as BlobRef | null;
    if (typeof found === "object" && typeof found?.sha === "string") return found;
  }
  return undefined;
}

function artifact(data: unknown): string {
  const { name, path } = (data ?? {}) as { name?: unknown; path?: unknown };
  return typeof name === "string" ? name : typeof path === "string" ? path : "a file";
}
