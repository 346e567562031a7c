// The words of the session list's search: plain words, and `state:` `repo:` `model:` `by:` that narrow it.
// It must never know how the list is shown.
import type { Card } from "../wire/api";

/** A search, read. */
export interface Search {
  words: string[];
  state?: string;
  repo?: string;
  model?: string;
  by?: string;
}

/** Reads a search. */
export function read(text: string): Search {
  const out: Search = { words: [] };
  for (const word of text.trim().split(/\s+/).filter(Boolean)) {
    const [, key, value] = /^(state|repo|model|by):(.*)$/.exec(word) ?? [];
    if (key) out[key as "state"] = value?.toLowerCase() ?? "";
    else out.words.push(word.toLowerCase());
  }
  return out;
}

/** Writes one narrowing word into a search; an empty value takes it out. */
export function narrow(text: string, key: "state" | "repo" | "model" | "by", value: string): string {
  const rest = text.split(/\s+/).filter((word) => word && !word.startsWith(`${key}:`));
  return [...rest, ...(value ? [`${key}:${value}`] : [])].join(" ");
}

/** Whether a session is meant. */
export function fits(card: Card, search: Search): boolean {
  const has = (text: string, part: string | undefined) => !part || text.toLowerCase().includes(part);
  const about = `${card.name} ${card.project} ${card.model} ${card.id} ${card.detail} ${card.branch}`.toLowerCase();
  return (
    has(card.state, search.state) && has(`${card.project} ${card.repository}`, search.repo) && has(card.model, search.model) &&
    has(card.owner, search.by) && search.words.every((word) => about.includes(word))
  );
}

/** Cards by the groups of the list. */
export function groups(cards: Card[], now: number): { name: string; need: boolean; cards: Card[] }[] {
  const day = (ts: string) => new Date(ts).toDateString();
  const [today, yesterday] = [new Date(now).toDateString(), new Date(now - 86_400_000).toDateString()];
  const of = (card: Card) =>
    card.state === "waits" ? "waits for you" : card.state === "running" ? "running" : day(card.last) === today ? "today" : day(card.last) === yesterday ? "yesterday" : "older";
  const names = ["waits for you", "running", "today", "yesterday", "older"];
  return names.map((name) => ({ name, need: name === "waits for you", cards: cards.filter((c) => of(c) === name) })).filter((g) => g.cards.length > 0);
}
