// Recorded lines to what the views show, one line at a time; lines of any type and shape are taken, none throws.
// It must never know a component, a clock or the network: the same lines give the same state, live, replayed or resumed.
import { type Event, is } from "../events/types";
import { closes, configures, type Handler, notes } from "./handlers";
import type { Answer, Call, FileFacts, Head, Item, Live, Said, Standing, Totals, TreeAt, Turn } from "./items";

/** Bytes of live text kept of one claim; its record has the whole. */
export const LIVE_CHARS = 256 * 1024;

function nobody(): Head {
  return {
    id: "", name: "", owner: "", host: "", cwd: "", repository: "", worktree: "", branch: "", base: "", from: "", model: "",
    mode: "ask", limits: {}, unsandboxed: false, archived: false, landed: "", created: "",
  };
}

/** The state of one session. `version` is another after every change; an item that changes is another object. */
export class Fold {
  version = 0;
  /** The last record folded. */
  seq = 0;
  /** Its time. */
  ts = "";
  first = 0;
  head: Head = nobody();
  items: Item[] = [];
  totals: Totals = { cost: 0, unpriced: 0, input: 0, output: 0, cacheRead: 0, cacheWrite: 0, requests: [], calls: 0 };
  files = new Map<string, FileFacts>();
  trees: TreeAt[] = [];
  /** What a way back has undone: first and last record, inclusive. */
  undone: [number, number][] = [];
  /** Drafts, by the claim they belong to. */
  live = new Map<string, Live>();
  /** Records of types this version does not know. */
  unknown = 0;
  /** Tools on offer. */
  tools: string[] = [];
  /** Where each item stands, by the id that later records name. */
  #at = new Map<string, number>();
  /** Calls of an answer that is not whole yet, by its claim. */
  #arriving = new Map<string, Call[]>();
  /** Messages that nothing has taken up. */
  #waits = new Set<string>();
  #turn = -1;

  /** Takes one line in. Repeats of what is folded already change nothing. */
  add(event: Event): void {
    if (event.seq === undefined) return this.#draft(event);
    if (event.seq <= this.seq && this.seq > 0) return;
    if (this.first === 0) this.first = event.seq;
    this.seq = event.seq;
    if (event.ts) this.ts = event.ts;
    this.version++;
    try {
      this.#record(event);
    } catch {
      // A payload of another shape than this version knows: the timeline shows it as it is.
      this.unknown++;
    }
  }

  /** The running turn, if one runs. */
  get turn(): Turn | undefined {
    const turn = this.items[this.#turn];
    return turn?.kind === "turn" && turn.state === "running" ? turn : undefined;
  }

  /** The newest turn. */
  get lastTurn(): Turn | undefined {
    const turn = this.items[this.#turn];
    return turn?.kind === "turn" ? turn : undefined;
  }

  /** Calls that wait for a person, oldest first. */
  get asked(): Call[] {
    // What waits stands near the end: a turn does not go on before its questions are answered.
    const out: Call[] = [];
    for (let i = this.items.length - 1; i > Math.max(-1, this.#turn); i--) {
      const item = this.items[i];
      if (item?.kind === "call" && item.state === "asked") out.push(item);
    }
    return this.turn ? out.reverse() : [];
  }

  /** Messages that no turn has taken up, in order. */
  get queue(): Said[] {
    const out: Said[] = [];
    for (const id of this.#waits) {
      const item = this.find(id);
      if (item?.kind === "said" && item.state === "waits") out.push(item);
    }
    return out;
  }

  /** How the session stands. */
  get standing(): Standing {
    const last = this.lastTurn;
    if (last?.state === "running") return this.asked.length > 0 ? "waits" : "running";
    if (this.queue.length > 0) return "queued";
    return last ? (last.state as Standing) : "new";
  }

  /** The item that a record's id made or belongs to. */
  find(id: string | undefined): Item | undefined {
    return id === undefined ? undefined : this.items[this.#at.get(id) ?? -1];
  }

  /** The call that a record's cause leads to. */
  call(id: string | undefined): Call | undefined {
    const item = this.find(id);
    if (item?.kind === "call") return item;
    for (const calls of this.#arriving.values()) for (const call of calls) if (call.id === id) return call;
    return undefined;
  }

  /** The last state of files at or before a record. */
  treeAt(seq: number): string {
    let tree = "";
    for (const at of this.trees) if (at.seq <= seq) tree = at.tree;
    return tree;
  }

  /** Whether a way back has undone a record. */
  isUndone(seq: number): boolean {
    return this.undone.some(([from, to]) => seq >= from && seq <= to);
  }

  /** Puts an item at the end. */
  push(item: Item, id?: string): void {
    this.items.push(item);
    if (id) this.#at.set(id, this.items.length - 1);
    if (id && item.kind === "said") this.#waits.add(id);
  }

  /** Puts a changed copy in an item's place. */
  change<T extends Item>(id: string | undefined, of: (item: T) => Partial<T>, kind: T["kind"]): T | undefined {
    const at = this.#at.get(id ?? "");
    const item = at === undefined ? undefined : this.items[at];
    if (at === undefined || item?.kind !== kind) return undefined;
    const next = { ...item, ...of(item as T) } as T;
    this.items[at] = next;
    if (next.kind === "said" && next.state !== "waits") this.#waits.delete(next.id);
    return next;
  }

  /** A further id under which an item is found. */
  alias(id: string | undefined, of: string | undefined): void {
    const at = this.#at.get(of ?? "");
    if (id && at !== undefined) this.#at.set(id, at);
  }

  /** The facts of a file. */
  file(path: string): FileFacts {
    let facts = this.files.get(path);
    if (!facts) this.files.set(path, (facts = { path, added: 0, removed: 0, at: [], read: [] }));
    return facts;
  }

  /** A call that arrives ahead of its answer. */
  arrive(claim: string, call: Call): void {
    const calls = this.#arriving.get(claim) ?? [];
    calls.push(call);
    this.#arriving.set(claim, calls);
  }

  /** An answer is whole: its text stands before its calls. */
  answered(claim: string, answer: Answer): void {
    if (answer.pieces.length > 0) this.push(answer);
    for (const call of this.#arriving.get(claim) ?? []) this.push(call, call.id);
    this.drop(claim);
    if (this.turn && answer.calls > 0) {
      const turn = this.turn;
      this.items[this.#turn] = { ...turn, calls: turn.calls + answer.calls };
    }
    this.totals.calls += answer.calls;
  }

  /** What was drafted or arriving under a claim is gone. */
  drop(claim: string): void {
    this.#arriving.delete(claim);
    this.live.delete(claim);
  }

  /** A turn begins. */
  begin(turn: Turn): void {
    this.push(turn);
    this.#turn = this.items.length - 1;
  }

  /** Changes the newest turn. */
  turns(of: (turn: Turn) => Partial<Turn>): void {
    const turn = this.lastTurn;
    if (turn) this.items[this.#turn] = { ...turn, ...of(turn) };
  }

  #record(event: Event): void {
    for (const handler of [closes, configures, notes] as Handler[]) if (handler(this, event)) return;
    this.unknown++;
  }

  /** Chalk: shown beside an empty margin, gone with its record. */
  #draft(event: Event): void {
    const claim = event.cause ?? "";
    if (claim === "" || (event.after !== undefined && event.after < this.seq && !this.#open(claim))) return;
    const had = this.live.get(claim) ?? { claim, text: "", reasoning: "", call: "", note: "" };
    if (is(event, "model.delta")) {
      const { text = "", reasoning = "", call = "", note = "" } = event.data ?? {};
      this.live.set(claim, {
        claim,
        text: (had.text + text).slice(-LIVE_CHARS),
        reasoning: (had.reasoning + reasoning).slice(-LIVE_CHARS),
        call: call || had.call,
        note: note || (text || reasoning || call ? "" : had.note),
      });
    } else if (is(event, "tool.delta")) {
      this.live.set(claim, { ...had, text: (had.text + (event.data?.text ?? "")).slice(-LIVE_CHARS) });
    } else return;
    this.version++;
  }

  /** Whether what a draft belongs to is still open. */
  #open(claim: string): boolean {
    const call = this.call(claim);
    return call ? call.state === "running" || call.state === "allowed" : this.claims.has(claim);
  }

  /** Requests to a model that nobody has closed, with their times and models. */
  claims = new Map<string, { seq: number; ts: string; model: string }>();
  /** Models by context. */
  contexts = new Map<string, string>();
}

/** The state after a list of lines. */
export function fold(events: Iterable<Event>): Fold {
  const state = new Fold();
  for (const event of events) state.add(event);
  return state;
}
