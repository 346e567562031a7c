// What a call is about, in one line, and the line of an event on the timeline.
// It must never know how it is shown.
import { type Event, is } from "../events/types";
import { oneLine, plain } from "../text/plain";
import { bytes, count, duration, money } from "../text/units";
import type { Fold } from "./fold";
import type { Call } from "./items";

const FIRST = ["command", "pattern", "query", "url", "path", "question", "name", "file", "id"];

/** The argument by which a person knows the call: the command, the path, the pattern. */
export function subject(tool: string, args: unknown): string {
  if (typeof args === "string") return oneLine(args);
  if (typeof args !== "object" || args === null) return "";
  const given = args as Record<string, unknown>;
  const first = FIRST.map((key) => given[key]).find((value) => typeof value === "string" && value !== "") as string | undefined;
  if (first !== undefined) {
    const where = tool !== "shell" && typeof given["path"] === "string" && given["path"] !== first ? `  ${given["path"]}` : "";
    return oneLine(first + where);
  }
  const text = JSON.stringify(args);
  return text === "{}" ? "" : oneLine(text);
}

/** The whole text that is asked about: the command of a shell call, else the arguments. */
export function exact(call: Call): string {
  const command = (call.args as { command?: unknown } | null | undefined)?.command;
  if (typeof command === "string") return plain(command);
  return plain(JSON.stringify(call.args ?? {}, null, 2));
}

/** How a call ended, in a word or two; empty while it runs. */
export function outcome(call: Call): { text: string; tone: "ok" | "no" | "dim" } {
  const end = call.ended;
  if (call.state === "denied") return { text: "denied", tone: "no" };
  if (call.state === "unknown") return { text: "unknown whether it ran", tone: "no" };
  if (call.state === "dropped") return { text: "not run", tone: "dim" };
  if (!end) return { text: "", tone: "dim" };
  if (!end.ok) return { text: String(end.code ?? "failed").replaceAll("_", " "), tone: "no" };
  if (end.signal !== undefined) return { text: `signal ${end.signal}`, tone: "no" };
  if (end.exit !== undefined) return { text: `exit ${end.exit}`, tone: end.exit === 0 ? "ok" : "no" };
  return { text: end.output ? bytes(end.output.bytes ?? 0) : "done", tone: "dim" };
}

/** Who let a call run, or did not. */
export function decided(call: Call): string {
  const by = call.answered;
  if (!by) return "";
  const word = by.allowed ? "allowed" : "denied";
  if (by.who === "rule") return `${by.allowed ? "" : "denied by "}rule ${by.rule}`;
  return `${word} ${by.scope === "once" ? (by.allowed ? "once " : "") : `for ${by.scope === "always" ? "always" : `this ${by.scope}`} `}by ${by.who}`;
}

const TURN_WORDS: Record<string, string> = { "turn.started": "begins", "turn.completed": "done", "turn.failed": "failed", "turn.cancelled": "cancelled" };

/** The summary of one event, in one line. `state` knows the calls that it answers. */
export function summary(event: Event, state?: Fold): string {
  const call = state?.call(event.cause);
  const of = call ? `${call.tool} ${subject(call.tool, call.args)}` : "";
  if (is(event, "session.created")) return oneLine(`${event.data.name} · ${event.data.model} · mode ${event.data.mode}`);
  if (is(event, "user.message")) return oneLine(`${event.data.author ? `${event.data.author}: ` : ""}${event.data.text ?? "long text"}`);
  if (event.type in TURN_WORDS) {
    const { code, message } = (event.data ?? {}) as { code?: string; message?: string };
    return oneLine(`turn ${event.turn ?? ""} ${TURN_WORDS[event.type]}${message ? `: ${message}` : code ? `: ${code}` : ""}`);
  }
  if (is(event, "context.built")) return `${event.data.ranges.map((r) => r.join("–")).join(", ")} · ${oneLine(event.data.model)}`;
  if (is(event, "model.requested")) return state?.contexts.get(event.cause ?? "") ?? "";
  if (is(event, "model.tool_call_requested")) return oneLine(`${event.data.tool} ${subject(event.data.tool, event.data.args)}`);
  if (is(event, "model.completed")) {
    const { parts = [], summary: short = [], usage = {}, stop, cost } = event.data;
    const said = [...parts, ...short].map((p) => ("text" in p ? p.text : "")).join(" ");
    const tokens = (usage.input ?? 0) + (usage.cache_read ?? 0) + (usage.cache_write ?? 0);
    return [oneLine(said, 160), stop, `${count(tokens)} in, ${count(usage.output ?? 0)} out`, cost === undefined ? "" : money(cost)].filter(Boolean).join(" · ");
  }
  if (is(event, "model.failed")) return oneLine(`${event.data.code}: ${event.data.message ?? ""}`);
  if (is(event, "permission.requested")) return oneLine(`${of ? `${of}: ` : ""}${event.data.why} · ${event.data.rule}`);
  if (is(event, "permission.resolved")) {
    const d = event.data;
    return oneLine(`${d.decision}${d.scope && d.scope !== "once" ? ` ${d.scope}` : ""} · ${d.who === "rule" ? `rule ${d.rule ?? ""}` : d.who}${of ? ` · ${of}` : ""}${d.why ? ` · ${d.why}` : ""}`);
  }
  if (is(event, "tool.discovered")) return oneLine(`${event.data.server}: ${event.data.names.join(", ")}`);
  if (is(event, "tool.started")) return of;
  if (is(event, "tool.completed")) {
    const d = event.data;
    const exit = d.signal !== undefined ? `signal ${d.signal}` : d.exit === undefined ? "" : `exit ${d.exit}`;
    const files = (d.changed ?? []).map((c) => `${c.path} +${c.added} −${c.removed}`).join(", ");
    return oneLine([exit, files, of, duration(d.ms ?? 0), d.output ? bytes(d.output.bytes ?? 0) : ""].filter(Boolean).join(" · "));
  }
  if (is(event, "tool.failed")) return oneLine(`${event.data.code}: ${event.data.message}`);
  if (is(event, "worktree.snapshot")) return oneLine(`${event.data.why} · tree ${event.data.tree.slice(0, 7)}`);
  if (is(event, "worktree.landed")) return oneLine(`${event.data.into || event.data.branch} at ${event.data.commit.slice(0, 7)}`);
  if (is(event, "session.rewound")) return `to ${event.data.to}`;
  if (is(event, "budget.reserved")) return `${money(event.data.money)}, ${count(event.data.tokens)} tokens at most`;
  const text = JSON.stringify(event.data ?? {});
  return text === "{}" ? "" : oneLine(text, 200);
}
