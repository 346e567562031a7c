// Glyph, word and colour of every state, in one place.
import type { Standing } from "../model/items";
import type { CardState } from "../wire/api";

/** How a state is shown: glyph and word say it, colour comes third. */
export const STATES: Record<CardState | Standing, { glyph: string; word: string; tone: string }> = {
  waits: { glyph: "?", word: "waits for you", tone: "prm" },
  running: { glyph: "▸", word: "running", tone: "mdl" },
  done: { glyph: "✓", word: "done", tone: "ok" },
  failed: { glyph: "✗", word: "failed", tone: "no" },
  cancelled: { glyph: "–", word: "cancelled", tone: "dim" },
  stopped: { glyph: "‖", word: "stopped", tone: "dim" },
  queued: { glyph: "‖", word: "queued", tone: "dim" },
  new: { glyph: "·", word: "new", tone: "dim" },
  damaged: { glyph: "✗", word: "damaged", tone: "no" },
};

/** Who speaks, by the program that wrote a record. */
export function voice(by: string, type = ""): string {
  if (type === "user.message" || (type === "permission.resolved" && by !== "ace-permit")) return "you";
  if (by === "ace-model") return "mdl";
  if (by === "ace-tool") return "tl";
  if (by === "ace-permit") return "prm";
  return by === "ace-session" || by === "ace" ? "mid" : "dim";
}
