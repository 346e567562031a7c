// What several runs of one task did, call by call: where they first go different ways, and how each command came out in each.
// It must never know a component.
import type { Event } from "../events/types";
import { fold } from "./fold";
import type { Call } from "./items";
import { outcome, subject } from "./subject";

/** A call as runs are compared by it. */
export interface Step {
  /** Tool and subject, as the transcript names it. */
  told: string;
  tool: string;
  seq: number;
  /** How it came out, and in what tone. */
  came: string;
  tone: "ok" | "no" | "dim";
}

/** The calls of a run, in order. */
export function steps(events: Event[]): Step[] {
  const calls = fold(events).items.filter((item): item is Call => item.kind === "call");
  return calls.map((call) => {
    const { text, tone } = outcome(call);
    return { told: `${call.tool} ${subject(call.tool, call.args)}`.trim(), tool: call.tool, seq: call.seq, came: text, tone };
  });
}

/** The first place, from 0, at which not all runs did the same with the same result; nothing where they agree to the end. */
export function differs(runs: Step[][]): number | undefined {
  const longest = Math.max(0, ...runs.map((run) => run.length));
  for (let i = 0; runs.length > 1 && i < longest; i++) {
    const told = runs.map((run) => (run[i] ? `${run[i]?.told}\n${run[i]?.tool === "shell" ? run[i]?.came : run[i]?.tone}` : ""));
    if (told.some((one) => one !== told[0])) return i;
  }
  return undefined;
}

/** Every command that more than one run ran, or that failed last in one; and how it came out last in each. */
export function commands(runs: Step[][], most = 12): { told: string; last: (Step | undefined)[] }[] {
  const rows = new Map<string, (Step | undefined)[]>();
  for (const [at, run] of runs.entries()) {
    for (const step of run) {
      if (step.tool !== "shell") continue;
      const row = rows.get(step.told) ?? runs.map(() => undefined);
      row[at] = step;
      rows.set(step.told, row);
    }
  }
  const worth = (last: (Step | undefined)[]) => last.filter(Boolean).length > 1 || last.some((step) => step?.tone === "no");
  return [...rows].filter(([, last]) => worth(last)).slice(0, most).map(([told, last]) => ({ told, last }));
}
