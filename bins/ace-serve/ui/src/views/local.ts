// What belongs to this browser alone: theme, panels, folds, open dialogs, the last problem. Everything else is in the address.
// It must never hold anything a session's log says.
import { useSyncExternalStore } from "react";
import { Problem } from "../wire/api";

/** Comments on lines that are not sent yet. */
export interface Comment {
  session: string;
  path: string;
  line: number;
  side: "old" | "new";
  quote: string;
  at: string;
  text: string;
}

interface Local {
  theme: "dark" | "light";
  panel: "sessions" | "session" | "assist";
  drawer: boolean;
  terminal: boolean;
  dialog: "" | "palette" | "new" | "keys" | "share" | "fork" | "rewind" | "land";
  /** What a dialog is about: a record. */
  at: number;
  selected: string;
  singleKeys: boolean;
  problem: Problem | undefined;
  left: number;
  right: number;
  comments: Comment[];
  columns: 1 | 2;
  viewed: string[];
}

const KEPT = ["theme", "singleKeys", "left", "right", "columns"] as const;

function stored(): Partial<Local> {
  try {
    return JSON.parse(localStorage.getItem("ace") ?? "{}") as Partial<Local>;
  } catch {
    return {};
  }
}

const dark = typeof matchMedia === "function" ? !matchMedia("(prefers-color-scheme: light)").matches : true;
let state: Local = {
  theme: dark ? "dark" : "light", panel: "session", drawer: false, terminal: false, dialog: "", at: 0, selected: "", singleKeys: true,
  problem: undefined, left: 264, right: 372, comments: [], columns: 2, viewed: [], ...(typeof localStorage === "object" ? stored() : {}),
};
const listeners = new Set<() => void>();

/** Changes some of it. */
export function set(next: Partial<Local>): void {
  state = { ...state, ...next };
  if (KEPT.some((key) => key in next)) {
    try {
      localStorage.setItem("ace", JSON.stringify(Object.fromEntries(KEPT.map((key) => [key, state[key]]))));
    } catch {
      // A browser that keeps nothing forgets the theme, no more.
    }
  }
  for (const tell of listeners) tell();
}

/** All of it as it is now. */
export const local = (): Local => state;

/** All of it, and again when it changes. */
export function useLocal(): Local {
  return useSyncExternalStore((tell) => (listeners.add(tell), () => void listeners.delete(tell)), local);
}

/** Does something and shows the server's words if it does not work. */
export async function act<T>(what: () => Promise<T>): Promise<T | undefined> {
  try {
    const out = await what();
    if (state.problem) set({ problem: undefined });
    return out;
  } catch (e) {
    set({ problem: e instanceof Problem ? e : new Problem(0, "bug", String(e), "", {}) });
    return undefined;
  }
}
