// One socket that goes on where it stopped: tickets, resume by record, back-off, and the server's own words about lost cursors.
// It must never know what the events mean.
import type { Event } from "../events/types";
import { BASE, type Card, post, Problem, query } from "./api";

/** How the connection stands. */
export type Link =
  | { state: "connecting" }
  | { state: "resuming"; from: number; head: number }
  | { state: "live" }
  /** `until`: when the next try begins, ms since 1970. */
  | { state: "down"; until: number; why: string }
  | { state: "lost"; resume: number; head: number; reason: string }
  | { state: "ended"; why: string };

/** One frame of the server. */
export type Frame =
  | { frame: "hello"; head: number; after: number }
  | { frame: "events"; events: Event[]; head: number }
  | { frame: "chalk"; events: Event[] }
  | { frame: "live"; head: number }
  | { frame: "lost"; reason: string; resume: number; head: number }
  | { frame: "cards"; cards: Card[]; removed?: string[]; complete: boolean }
  | { frame: "gone" | "pong" };

/** Whom a socket tells. */
export interface Listener {
  /** Where to go on: the last record, and its id so that another log is noticed. */
  cursor(): { after?: number; id?: string; tail?: number };
  frame(frame: Frame): void;
  link(link: Link): void;
  /** The cursor is of another log: what is there is to be thrown away. */
  forget(): void;
}

const FIRST_WAIT = 500;
const LONGEST_WAIT = 15_000;
const PING = 25_000;
/** A server that has not said hello by then is asked anew, ms. */
const HELLO = 30_000;
/** The event of the window that says: this browser has logged in. */
export const ENTERED = "ace-entered";

/** Keeps a socket to one session, or to the list, until closed. */
export class Stream {
  #socket: WebSocket | undefined;
  #timer: ReturnType<typeof setTimeout> | undefined;
  #ping: ReturnType<typeof setInterval> | undefined;
  #tries = 0;
  #closed = false;
  #head = 0;
  /** A ticket is being asked for. */
  #asking = false;
  /** The server did not know this browser the last time. */
  #refused = false;
  /** Something was heard since the last sign of life was asked for. */
  #heard = true;

  constructor(
    readonly path: string,
    readonly ticket: Record<string, unknown>,
    readonly to: Listener,
  ) {
    addEventListener("online", this.#now);
    addEventListener(ENTERED, this.#now);
    document.addEventListener("visibilitychange", this.#seen);
    void this.#open();
  }

  close(): void {
    this.#closed = true;
    removeEventListener("online", this.#now);
    removeEventListener(ENTERED, this.#now);
    document.removeEventListener("visibilitychange", this.#seen);
    clearTimeout(this.#timer);
    clearInterval(this.#ping);
    this.#socket?.close(1000);
  }

  /** Tries again at once. */
  retry(): void {
    this.#tries = 0;
    if (!this.#socket) void this.#open();
  }

  #now = () => this.retry();
  #seen = () => {
    if (document.visibilityState === "visible" && !this.#socket) this.retry();
  };

  /** Asks for a ticket and opens the socket; one at a time, whoever calls. */
  async #open(): Promise<void> {
    if (this.#closed || this.#asking) return;
    clearTimeout(this.#timer);
    if (!this.#refused) this.to.link({ state: "connecting" });
    this.#asking = true;
    let ticket: string;
    try {
      ({ ticket } = await post<{ ticket: string }>("/tickets", this.ticket, AbortSignal.timeout(HELLO)));
    } catch (e) {
      return this.#denied(e);
    } finally {
      this.#asking = false;
    }
    if (this.#closed) return;
    this.#connect(ticket);
    if (!this.#refused) return;
    this.#refused = false;
    dispatchEvent(new Event(ENTERED));
  }

  /** No ticket: whether that is for good, and if not, when to ask again. */
  #denied(e: unknown): void {
    if (this.#closed) return;
    if (e instanceof Problem && e.code === "credentials") {
      // A login may still be under way, in this tab or in another: whoever opens the link brings this view to life as well.
      this.#refused = true;
      this.to.link({ state: "ended", why: "this link is no longer valid: open the one that `ace serve` prints" });
      this.#later();
      return;
    }
    if (e instanceof Problem && e.status === 404) return this.to.link({ state: "ended", why: "this session is not there" });
    this.#again("ace-serve does not answer");
  }

  #connect(ticket: string): void {
    const url = new URL(`${BASE}${this.path}${query({ ...this.to.cursor(), chalk: 1 })}`, location.href);
    url.protocol = url.protocol === "https:" ? "wss:" : "ws:";
    const socket = new WebSocket(url, ["ace.v1", `ticket.${ticket}`]);
    this.#socket = socket;
    this.#heard = false;
    // A connection may die without a word: a machine that slept, a network that changed.
    const silent = () => {
      if (this.#heard) return;
      socket.onclose = null;
      socket.close();
      this.#ended(socket, 1006);
    };
    const hello = setTimeout(silent, HELLO);
    socket.onmessage = (message) => {
      this.#heard = true;
      if (typeof message.data === "string" && this.#socket === socket) this.#frame(JSON.parse(message.data) as Frame);
    };
    socket.onopen = () => {
      this.#ping = setInterval(() => {
        silent();
        if (this.#socket !== socket) return;
        this.#heard = false;
        socket.send('{"frame":"ping"}');
      }, PING);
    };
    socket.onclose = ({ code }) => {
      clearTimeout(hello);
      this.#ended(socket, code);
    };
  }

  /** A socket has closed. */
  #ended(socket: WebSocket, code: number): void {
    if (this.#socket !== socket) return;
    clearInterval(this.#ping);
    this.#socket = undefined;
    this.#gone(code);
  }

  #frame(frame: Frame): void {
    if (frame.frame === "hello") {
      this.#head = frame.head ?? 0;
      if (this.#head > (frame.after ?? 0)) this.to.link({ state: "resuming", from: frame.after ?? 0, head: this.#head });
    }
    if (frame.frame === "live" || frame.frame === "cards") {
      this.#tries = 0;
      this.to.link({ state: "live" });
    }
    if (frame.frame === "lost") {
      if (frame.reason !== "slow") this.to.forget();
      this.to.link({ state: "lost", resume: frame.resume, head: frame.head, reason: frame.reason });
    }
    this.to.frame(frame);
  }

  #gone(code: number): void {
    if (this.#closed) return;
    if (code === 4404) return this.to.link({ state: "ended", why: "this session was removed" });
    if (code === 4403) return this.to.link({ state: "ended", why: "access has ended" });
    if (code === 4408 || code === 4409) return void (this.#timer = setTimeout(() => void this.#open(), FIRST_WAIT));
    this.#again(code === 1012 ? "ace-serve stopped" : "the connection is gone");
  }

  #again(why: string): void {
    if (this.#closed) return;
    this.to.link({ state: "down", until: Date.now() + this.#later(), why });
  }

  /** Opens again after a while; gives how long that is, ms. */
  #later(): number {
    const wait = Math.min(LONGEST_WAIT, FIRST_WAIT * 2 ** this.#tries++);
    this.#timer = setTimeout(() => void this.#open(), wait);
    return wait;
  }
}
