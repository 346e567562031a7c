// Every event of a session as columns: what the timeline scrolls through and the scrubber draws, however long the session is.
// It must never know how it is drawn.
import type { Event } from "../events/types";
import type { Outline as Columns } from "../wire/api";

/** Bits of a row. */
export const FAILED = 1;
export const WAITS = 2;
export const FILES = 4;
export const PERSON = 8;

/** Lanes of the scrubber, from the top. */
export const LANES = ["person", "model", "tool", "permit"] as const;

const LANE: Record<string, number> = {
  "user.message": 0, "message.steered": 0, "turn.cancelled": 0, "session.rewound": 0, "model.requested": 1, "model.completed": 1, "model.failed": 1,
  "model.tool_call_requested": 1, "tool.started": 2, "tool.completed": 2, "tool.failed": 2, "permission.requested": 3, "permission.resolved": 3,
};
const OPENS: Record<string, number> = { "model.requested": 1, "tool.started": 2, "permission.requested": 3 };
const CLOSES: Record<string, number> = { "model.completed": 1, "model.failed": 1, "tool.completed": 2, "tool.failed": 2, "permission.resolved": 3 };

/** The rows of a session, as long as the log. */
export class Rows {
  first = 1;
  types: string[] = [];
  by: string[] = [];
  type: number[] = [];
  writer: number[] = [];
  /** Milliseconds since 1970. */
  ms: number[] = [];
  turn: number[] = [];
  flag: number[] = [];
  #types = new Map<string, number>();
  #by = new Map<string, number>();

  constructor(columns?: Columns) {
    if (!columns) return;
    this.first = columns.first || 1;
    for (const type of columns.types) this.#index(this.#types, this.types, type);
    for (const by of columns.by) this.#index(this.#by, this.by, by);
    let at = columns.t0;
    const { type, by, dt, turn, flag } = columns.rows;
    for (let i = 0; i < type.length; i++) {
      at += dt[i] ?? 0;
      this.type.push(type[i] ?? 0);
      this.writer.push(by[i] ?? 0);
      this.ms.push(at);
      this.turn.push(turn[i] ?? 0);
      this.flag.push(flag[i] ?? 0);
    }
  }

  /** How many there are. */
  get length(): number {
    return this.type.length;
  }

  /** The last record. */
  get head(): number {
    return this.first + this.length - 1;
  }

  /** Takes a further record in. */
  add(event: Event): void {
    if (event.seq === undefined || (this.length > 0 && event.seq !== this.head + 1)) return;
    if (this.length === 0) this.first = event.seq;
    const data = (event.data ?? {}) as { exit?: number; changed?: unknown[]; signal?: number };
    const bad = event.type.endsWith(".failed") || (data.exit ?? 0) !== 0 || data.signal !== undefined;
    this.type.push(this.#index(this.#types, this.types, event.type));
    this.writer.push(this.#index(this.#by, this.by, event.by ?? ""));
    this.ms.push(Date.parse(event.ts ?? "") || this.ms.at(-1) || 0);
    this.turn.push(event.turn ?? 0);
    this.flag.push(
      (bad ? FAILED : 0) | (event.type === "permission.requested" ? WAITS : 0) | (data.changed?.length ? FILES : 0) | (event.type === "user.message" ? PERSON : 0),
    );
  }

  /** The name of a row's type. */
  typeOf(row: number): string {
    return this.types[this.type[row] ?? -1] ?? "";
  }

  /** Who wrote a row. */
  byOf(row: number): string {
    return this.by[this.writer[row] ?? -1] ?? "";
  }

  #index(map: Map<string, number>, names: string[], name: string): number {
    let at = map.get(name);
    if (at === undefined) {
      at = names.length;
      map.set(name, at);
      names.push(name);
    }
    return at;
  }
}

/** The presets of the timeline's filter. */
export const PRESETS: Record<string, (type: string, flag: number) => boolean> = {
  all: () => true,
  talk: (type) => ["user.message", "model.completed", "model.failed", "turn.started", "turn.completed", "turn.failed", "turn.cancelled"].includes(type),
  calls: (type) => type.startsWith("tool.") || type === "model.tool_call_requested",
  decisions: (type) => type.startsWith("permission."),
  files: (_, flag) => (flag & FILES) !== 0,
};

/** The rows that a preset and words leave: `type:tool`, `by:ace-model`, `turn:3`, `failed`, or a part of a type. */
export function select(rows: Rows, preset: string, text: string): Uint32Array | undefined {
  const words = text.trim().toLowerCase().split(/\s+/).filter(Boolean);
  const keep = PRESETS[preset] ?? PRESETS["all"];
  if (preset === "all" && words.length === 0) return undefined;
  const out: number[] = [];
  for (let row = 0; row < rows.length; row++) {
    const type = rows.typeOf(row);
    const flag = rows.flag[row] ?? 0;
    if (!keep?.(type, flag)) continue;
    const fits = words.every((word) => {
      const [, key, value = ""] = /^(type|by|turn):(.*)$/.exec(word) ?? [];
      if (key === "type") return type.includes(value);
      if (key === "by") return rows.byOf(row).includes(value);
      if (key === "turn") return String(rows.turn[row]) === value;
      if (word === "failed") return (flag & FAILED) !== 0;
      return type.includes(word);
    });
    if (fits) out.push(row);
  }
  return Uint32Array.from(out);
}

/** Pauses longer than this are cut, ms. */
export const CUT_MS = 2000;

/** Where each row stands between 0 and 1 on an axis whose long pauses are cut. */
export function axis(rows: Rows): { at: Float64Array; cuts: number[]; length: number } {
  const at = new Float64Array(rows.length);
  const cuts: number[] = [];
  let now = 0;
  for (let i = 1; i < rows.length; i++) {
    const pause = Math.max(0, (rows.ms[i] ?? 0) - (rows.ms[i - 1] ?? 0));
    if (pause > CUT_MS) cuts.push(i);
    // Records of one moment still stand side by side.
    now += Math.max(20, Math.min(pause, CUT_MS));
    at[i] = now;
  }
  if (now > 0) for (let i = 0; i < at.length; i++) at[i] = (at[i] ?? 0) / now;
  return { at, cuts, length: now };
}

/** What one pixel column of one lane shows: nothing, a bar, or ticks whose worst state wins. */
export interface Lane {
  /** 0 nothing, 1 tick, 2 failed. */
  ticks: Uint8Array;
  /** 1 where something is under way. */
  bars: Uint8Array;
}

/** The four lanes, a column a pixel. */
export function lanes(rows: Rows, at: Float64Array, width: number): Lane[] {
  const out: Lane[] = LANES.map(() => ({ ticks: new Uint8Array(width), bars: new Uint8Array(width) }));
  const open = [-1, -1, -1, -1];
  const depth = [0, 0, 0, 0];
  const column = (row: number) => Math.min(width - 1, Math.floor((at[row] ?? 0) * (width - 1)));
  for (let row = 0; row < rows.length; row++) {
    const type = rows.typeOf(row);
    const lane = LANE[type];
    if (lane === undefined) continue;
    const x = column(row);
    const ticks = out[lane]?.ticks;
    const flag = rows.flag[row] ?? 0;
    if (ticks) ticks[x] = Math.max(ticks[x] ?? 0, flag & FAILED ? 2 : 1);
    const opens = OPENS[type];
    const closes = CLOSES[type];
    if (opens !== undefined) {
      if (depth[opens] === 0) open[opens] = x;
      depth[opens] = (depth[opens] ?? 0) + 1;
    }
    if (closes !== undefined && (depth[closes] ?? 0) > 0) {
      depth[closes] = (depth[closes] ?? 1) - 1;
      if (depth[closes] === 0) out[closes]?.bars.fill(1, open[closes], x + 1);
    }
  }
  for (let lane = 1; lane < 4; lane++) if ((depth[lane] ?? 0) > 0 && lane !== 2) out[lane]?.bars.fill(1, Math.max(0, open[lane] ?? 0));
  return out;
}

/** The next or previous marker: a decision, a failure, a message. */
export function marker(rows: Rows, from: number, by: 1 | -1): number | undefined {
  for (let row = from + by; row >= 0 && row < rows.length; row += by) {
    const type = rows.typeOf(row);
    if (((rows.flag[row] ?? 0) & (FAILED | WAITS | PERSON)) !== 0 || type === "permission.resolved") return row;
  }
  return undefined;
}
