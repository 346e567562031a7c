// The list of sessions, kept up to date by its own socket. It must never know how it is shown.
import type { Card } from "./api";
import { type Frame, type Link, type Listener, Stream } from "./stream";

/** Keeps all cards. */
export class ListStore implements Listener {
  cards = new Map<string, Card>();
  connection: Link = { state: "connecting" };
  ready = false;
  version = 0;
  #stream: Stream | undefined;
  #listeners = new Set<() => void>();
  #sorted: { version: number; cards: Card[] } = { version: -1, cards: [] };

  subscribe = (tell: () => void): (() => void) => {
    this.#listeners.add(tell);
    this.#stream ??= new Stream("/stream", { list: true }, this);
    return () => void this.#listeners.delete(tell);
  };

  snapshot = (): number => this.version;

  cursor() {
    return {};
  }

  frame(frame: Frame): void {
    if (frame.frame !== "cards") return;
    if (frame.complete) this.cards.clear();
    for (const card of frame.cards) this.cards.set(card.id, card);
    for (const id of frame.removed ?? []) this.cards.delete(id);
    this.ready = true;
    this.#tell();
  }

  link(link: Link): void {
    this.connection = link;
    this.#tell();
  }

  forget(): void {
    this.cards.clear();
    this.#tell();
  }

  /** All cards: who waits first, oldest question first, then by the last thing that happened. */
  get sorted(): Card[] {
    if (this.#sorted.version !== this.version) this.#sorted = { version: this.version, cards: sort([...this.cards.values()]) };
    return this.#sorted.cards;
  }

  #tell(): void {
    this.version++;
    for (const listener of this.#listeners) listener();
  }
}

const since = (card: Card) => card.asks[0]?.since ?? card.last;

/** Cards in the order of the list. */
export function sort(cards: Card[]): Card[] {
  const rank = (card: Card) => (card.state === "waits" ? 0 : card.state === "running" ? 1 : 2);
  return cards.sort((a, b) => rank(a) - rank(b) || (rank(a) === 0 ? since(a).localeCompare(since(b)) : b.last.localeCompare(a.last)) || a.id.localeCompare(b.id));
}

export const list = new ListStore();
