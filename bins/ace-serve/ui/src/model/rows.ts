// What the transcript shows, in its order: a turn's line, the messages it took up, then what happened.
// It must never know a component.
import type { Fold } from "./fold";
import type { Item, Live, Said } from "./items";

/** A row: an item of the record, or a draft. */
export type TranscriptRow = { key: string; item: Item; first: boolean } | { key: string; live: Live };

const speaker = (item: Item) => (item.kind === "call" ? (item.state === "asked" ? "permit" : "tool") : item.kind);

/** The rows of a state. */
export function rows(state: Fold): TranscriptRow[] {
  const heads = new Map<number, Said[]>();
  const begins = new Set<number>();
  for (const item of state.items) {
    if (item.kind === "turn") begins.add(item.turn);
    if (item.kind === "said" && item.state === "taken" && !item.now) heads.set(item.turn, [...(heads.get(item.turn) ?? []), item]);
  }
  const out: TranscriptRow[] = [];
  let before = "";
  const push = (item: Item) => {
    const who = speaker(item);
    out.push({ key: `${item.kind}-${item.born}`, item, first: who !== before });
    before = who;
  };
  for (const item of state.items) {
    // What waits stands above the composer; what a turn took up stands below its line.
    if (item.kind === "said" && (item.state === "waits" || (item.state === "taken" && !item.now && begins.has(item.turn)))) continue;
    push(item);
    if (item.kind === "turn") for (const said of heads.get(item.turn) ?? []) push(said);
  }
  for (const live of state.live.values()) {
    if (state.claims.has(live.claim)) out.push({ key: `live-${live.claim}`, live });
  }
  return out;
}
