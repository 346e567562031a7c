// One session as the browser has it: a window of its newest records, their fold, and the connection that keeps them up to date.
// It must never know a component. What it holds can be thrown away and is loaded again.
import type { Event } from "../events/types";
import { Fold, fold } from "../model/fold";
import type { Head } from "../model/items";
import { get, type Page, type Session } from "./api";
import { type Frame, type Link, type Listener, Stream } from "./stream";

/** Records of the window that a session opens with, and of each step back. */
export const WINDOW = 3000;
/** Records that one window may hold. */
export const WINDOW_MOST = 60_000;
/** How long a session that nobody looks at stays connected, ms. */
const LINGER = 20_000;
/** Above so many records a second the views are told every tenth of a second, not every frame. */
const BUSY = 30;

/** Keeps one session. */
export class SessionStore implements Listener {
  state = new Fold();
  events: Event[] = [];
  connection: Link = { state: "connecting" };
  head = 0;
  version = 0;
  /** Records have arrived that were not there when the page was opened. */
  loading = false;
  #stream: Stream | undefined;
  #facts: Partial<Head> = {};
  #listeners = new Set<() => void>();
  #told = false;
  #recent: number[] = [];
  #linger: ReturnType<typeof setTimeout> | undefined;

  constructor(readonly id: string) {}

  subscribe = (tell: () => void): (() => void) => {
    this.#listeners.add(tell);
    clearTimeout(this.#linger);
    this.#stream ??= new Stream(`/sessions/${this.id}/stream`, { session: this.id }, this);
    return () => {
      this.#listeners.delete(tell);
      if (this.#listeners.size > 0) return;
      this.#linger = setTimeout(() => {
        this.#stream?.close();
        this.#stream = undefined;
      }, LINGER);
    };
  };

  snapshot = (): number => this.version;

  /** The first record of the window; 0 while there is none. */
  get first(): number {
    return this.events[0]?.seq ?? 0;
  }

  /** Connects again now. */
  retry(): void {
    this.#stream?.retry();
  }

  cursor(): { after?: number; id?: string; tail?: number } {
    const last = this.events.at(-1);
    return last?.seq ? { after: last.seq, id: last.id } : { tail: WINDOW };
  }

  frame(frame: Frame): void {
    if (frame.frame === "hello" || frame.frame === "live" || frame.frame === "events") this.head = Math.max(this.head, frame.head ?? 0);
    if (frame.frame === "events") this.#take(frame.events);
    if (frame.frame === "chalk") {
      for (const event of frame.events) this.state.add(event);
      this.#tell();
    }
    if (frame.frame === "live") {
      void this.#introduce();
      this.#tell();
    }
  }

  link(link: Link): void {
    this.connection = link;
    this.#tell();
  }

  forget(): void {
    this.events = [];
    this.state = new Fold();
    this.head = 0;
    this.#tell();
  }

  /** Loads the records before the window. */
  async earlier(): Promise<void> {
    if (this.loading || this.first <= 1 || this.events.length >= WINDOW_MOST) return;
    this.loading = true;
    this.#tell();
    try {
      const page = await range(this.id, Math.max(1, this.first - WINDOW), this.first - 1);
      this.events = [...page, ...this.events];
      this.state = fold(this.events);
      if (this.state.head.id === "") this.state.head = { ...this.state.head, ...this.#facts };
    } finally {
      this.loading = false;
      this.#tell();
    }
  }

  /** A window that begins in the middle does not know what the session is: the server says it. */
  async #introduce(): Promise<void> {
    if (this.first <= 1 || this.state.head.id !== "") return;
    const facts = await get<Session>(`/sessions/${this.id}`).catch(() => undefined);
    if (!facts || this.state.head.id !== "") return;
    this.#facts = {
      id: facts.id, name: facts.name, owner: facts.owner, cwd: facts.cwd, repository: facts.repository, model: facts.model, mode: facts.mode, limits: facts.limits,
      unsandboxed: facts.unsandboxed, archived: facts.archived, created: facts.created, worktree: facts.worktree?.path ?? "", branch: facts.branch,
      base: facts.worktree?.base ?? "", from: facts.worktree?.from ?? "",
    };
    this.state.head = { ...this.state.head, ...this.#facts };
    this.#tell();
  }

  #take(events: Event[]): void {
    for (const event of events) {
      if (event.seq === undefined || event.seq <= (this.events.at(-1)?.seq ?? 0)) continue;
      this.events.push(event);
      this.state.add(event);
    }
    const now = performance.now();
    this.#recent = [...this.#recent.filter((at) => now - at < 1000), ...events.map(() => now)].slice(-BUSY - 1);
    this.#tell();
  }

  /** Tells the views once a frame, and less often when much arrives. */
  #tell(): void {
    this.version++;
    if (this.#told) return;
    this.#told = true;
    const tell = () => {
      this.#told = false;
      for (const listener of this.#listeners) listener();
    };
    // A page nobody sees draws no frames, but its title has to follow.
    if (this.#recent.length > BUSY || document.hidden) setTimeout(tell, 100);
    else requestAnimationFrame(tell);
  }
}

/** Records from one to another, inclusive, in as many pages as it takes. */
export async function range(id: string, from: number, to: number, signal?: AbortSignal): Promise<Event[]> {
  const out: Event[] = [];
  for (let at: number | null = from; at !== null && at <= to; ) {
    const page: Page = await get<Page>(`/sessions/${id}/events?from=${at}&to=${to}&limit=5000`, signal);
    out.push(...page.events);
    at = page.next !== null && page.next > at ? page.next : null;
  }
  return out;
}

const stores = new Map<string, SessionStore>();

/** The one store of a session. */
export function store(id: string): SessionStore {
  let found = stores.get(id);
  if (!found) stores.set(id, (found = new SessionStore(id)));
  return found;
}
